/* A log of one partition in memory, and ports to it with a network between: what is sent may be late, lost or land
 * without anybody hearing of it. Nothing happens by itself: a test, or the simulation's random numbers, make every
 * single step. Answers are handed out from within the steps alone. */
#pragma once

#include "core/buffer.h"
#include "log/port.h"

#define FAKE_RECORDS_MAX 8192
#define FAKE_QUEUE_MAX 4096

struct fake_log {
    struct ev_str records[FAKE_RECORDS_MAX]; /* by offset; malloc'd */
    int64_t end;
};

struct fake_send { /* on its way to the log */
    uint64_t tag;
    struct ev_str record; /* malloc'd */
};
struct fake_report { /* on its way back */
    uint64_t tag;
    int64_t offset; /* -1: unknown */
    bool failed;
};
struct fake_end {
    uint64_t tag;
    int64_t end; /* -1: the question hasn't reached the leader */
};

/* What one process has of the log. */
struct fake_port {
    struct ev_log_port port; /* first */
    struct fake_log *log;
    bool detached; /* the process is gone: what it sent may still land */
    bool full;     /* refuses appends */
    struct fake_send sends[FAKE_QUEUE_MAX];
    size_t send_head, send_tail;
    struct fake_report reports[FAKE_QUEUE_MAX];
    size_t report_head, report_tail;
    struct fake_end ends[FAKE_QUEUE_MAX];
    size_t end_head, end_tail;
    struct {
        bool active, bounded; /* bounded: `until` was asked of the leader */
        uint64_t tag;
        int64_t next, until;
    } read;
    int64_t purges;
};

void fake_log_init(struct fake_log *log);
void fake_log_finish(struct fake_log *log);
/* Appends a copy behind everybody's back. Returns its offset. */
int64_t fake_log_append(struct fake_log *log, struct ev_str record);

void fake_port_init(struct fake_port *port, struct fake_log *log);
void fake_port_finish(struct fake_port *port);

/* The steps. Each does nothing and returns false when there is nothing to do. */
bool fake_port_land(struct fake_port *port); /* the oldest that was sent is appended; its report is on its way */
bool fake_port_land_silently(struct fake_port *port); /* the same, but the report will be an error */
bool fake_port_land_blindly(struct fake_port *port);  /* the same, but the report will have no offset */
bool fake_port_drop(
    struct fake_port *port); /* the oldest that was sent is lost, later ones aren't; the report will be an error */
bool fake_port_report(struct fake_port *port); /* the oldest report arrives */
bool fake_port_read(struct fake_port *port);   /* one record, or the end, of the read at hand */
bool fake_port_read_fail(struct fake_port *port, enum ev_error_code code);
bool fake_port_ask_end(struct fake_port *port);                 /* the oldest open question reaches the leader */
bool fake_port_answer_end(struct fake_port *port, bool failed); /* the oldest answer arrives */
/* Everything that can happen without faults, until nothing is left to do or `max` steps were made. */
void fake_port_settle(struct fake_port *port, int max);
