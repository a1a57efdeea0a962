#include "fake_log.h"

#include <stdlib.h>
#include <string.h>

#include "core/fatal.h"
#include "core/memory.h"

static struct ev_str copy(struct ev_str bytes)
{
    return (struct ev_str){ev_memory_copy(bytes.data, bytes.length), bytes.length};
}

void fake_log_init(struct fake_log *log)
{
    log->end = 0;
}

void fake_log_finish(struct fake_log *log)
{
    while (log->end > 0)
        free((char *)log->records[--log->end].data);
}

static int64_t append_owned(struct fake_log *log, struct ev_str record)
{
    if (log->end == FAKE_RECORDS_MAX)
        ev_fatal("the fake log is full");
    log->records[log->end] = record;
    return log->end++;
}

int64_t fake_log_append(struct fake_log *log, struct ev_str record)
{
    return append_owned(log, copy(record));
}

/* --- the port's side --- */

static int append(struct ev_log_port *base, int32_t partition, uint64_t tag, struct ev_str key, struct ev_str record,
                  const struct ev_commit *commit, struct ev_error *error)
{
    struct fake_port *port = (struct fake_port *)base;
    (void)partition;
    (void)key;
    (void)commit;
    if (port->full || port->send_tail - port->send_head == FAKE_QUEUE_MAX)
        return ev_error_set_retriable(error, EV_ERR_LIMIT, "the queue is full");
    port->sends[port->send_tail++ % FAKE_QUEUE_MAX] = (struct fake_send){tag, copy(record)};
    return 0;
}

static int start_read(struct ev_log_port *base, int32_t partition, uint64_t tag, int64_t from, int64_t until,
                      struct ev_error *error)
{
    struct fake_port *port = (struct fake_port *)base;
    (void)partition;
    (void)error;
    port->read.active = true;
    port->read.bounded = until >= 0;
    port->read.tag = tag;
    port->read.next = from;
    port->read.until = until;
    return 0;
}

static int end_offset(struct ev_log_port *base, int32_t partition, uint64_t tag, struct ev_error *error)
{
    struct fake_port *port = (struct fake_port *)base;
    (void)partition;
    if (port->end_tail - port->end_head == FAKE_QUEUE_MAX)
        return ev_error_set_retriable(error, EV_ERR_LIMIT, "too many questions");
    port->ends[port->end_tail++ % FAKE_QUEUE_MAX] = (struct fake_end){tag, -1};
    return 0;
}

static void stop_read(struct ev_log_port *base, int32_t partition)
{
    (void)partition;
    ((struct fake_port *)base)->read.active = false;
}

static void purge(struct ev_log_port *base, int32_t partition)
{
    (void)partition;
    ((struct fake_port *)base)->purges++; /* what is lost is for the steps to say */
}

void fake_port_init(struct fake_port *port, struct fake_log *log)
{
    memset(port, 0, sizeof(*port));
    port->port = (struct ev_log_port){
        .append = append, .read = start_read, .stop = stop_read, .end_offset = end_offset, .purge = purge};
    port->log = log;
}

void fake_port_finish(struct fake_port *port)
{
    while (port->send_head != port->send_tail)
        free((char *)port->sends[port->send_head++ % FAKE_QUEUE_MAX].record.data);
}

/* --- steps --- */

static bool take_send(struct fake_port *port, struct fake_send *ret)
{
    if (port->send_head == port->send_tail)
        return false;
    *ret = port->sends[port->send_head++ % FAKE_QUEUE_MAX];
    return true;
}

static void push_report(struct fake_port *port, uint64_t tag, int64_t offset, bool failed)
{
    if (!port->detached)
        port->reports[port->report_tail++ % FAKE_QUEUE_MAX] = (struct fake_report){tag, offset, failed};
}

bool fake_port_land(struct fake_port *port)
{
    struct fake_send send;
    if (!take_send(port, &send))
        return false;
    push_report(port, send.tag, append_owned(port->log, send.record), false);
    return true;
}

bool fake_port_land_silently(struct fake_port *port)
{
    struct fake_send send;
    if (!take_send(port, &send))
        return false;
    (void)append_owned(port->log, send.record);
    push_report(port, send.tag, -1, true);
    return true;
}

bool fake_port_land_blindly(struct fake_port *port)
{
    struct fake_send send;
    if (!take_send(port, &send))
        return false;
    (void)append_owned(port->log, send.record);
    push_report(port, send.tag, -1, false);
    return true;
}

bool fake_port_drop(struct fake_port *port)
{
    struct fake_send send;
    if (!take_send(port, &send))
        return false;
    free((char *)send.record.data);
    push_report(port, send.tag, -1, true);
    return true;
}

bool fake_port_report(struct fake_port *port)
{
    struct ev_error error = {.code = EV_ERR_UNAVAILABLE, .retriable = true, .message = "a report was lost"};
    struct ev_log_listener *listener = &port->port.listener;
    if (port->report_head == port->report_tail)
        return false;
    struct fake_report report = port->reports[port->report_head++ % FAKE_QUEUE_MAX];
    listener->appended(listener->context, 0, report.tag, report.offset, report.failed ? &error : NULL);
    return true;
}

bool fake_port_read(struct fake_port *port)
{
    struct ev_log_listener *listener = &port->port.listener;
    if (!port->read.active)
        return false;
    if (!port->read.bounded) {
        port->read.bounded = true;
        port->read.until = port->log->end;
    }
    int64_t offset = port->read.next;
    if (offset >= port->read.until) {
        port->read.active = false;
        listener->read_done(listener->context, 0, port->read.tag, port->read.until, NULL);
        return true;
    }
    if (offset >= port->log->end)
        return false; /* asked for more than there is: wait */
    port->read.next++;
    listener->record(listener->context, 0, port->read.tag, offset, port->log->records[offset]);
    return true;
}

bool fake_port_read_fail(struct fake_port *port, enum ev_error_code code)
{
    struct ev_log_listener *listener = &port->port.listener;
    struct ev_error error = {.code = code, .retriable = true, .message = "the read has failed"};
    if (!port->read.active)
        return false;
    port->read.active = false;
    listener->read_done(listener->context, 0, port->read.tag, 0, &error);
    return true;
}

bool fake_port_ask_end(struct fake_port *port)
{
    for (size_t i = port->end_head; i != port->end_tail; i++) {
        struct fake_end *question = &port->ends[i % FAKE_QUEUE_MAX];
        if (question->end < 0) {
            question->end = port->log->end;
            return true;
        }
    }
    return false;
}

bool fake_port_answer_end(struct fake_port *port, bool failed)
{
    struct ev_log_listener *listener = &port->port.listener;
    struct ev_error error = {.code = EV_ERR_UNAVAILABLE, .retriable = true, .message = "no answer"};
    if (port->end_head == port->end_tail || port->ends[port->end_head % FAKE_QUEUE_MAX].end < 0)
        return false;
    struct fake_end answer = port->ends[port->end_head++ % FAKE_QUEUE_MAX];
    listener->end_offset(listener->context, 0, answer.tag, answer.end, failed ? &error : NULL);
    return true;
}

void fake_port_settle(struct fake_port *port, int max)
{
    for (int i = 0; i < max; i++) {
        bool some = fake_port_land(port);
        some = fake_port_report(port) || some;
        some = fake_port_read(port) || some;
        some = fake_port_ask_end(port) || some;
        some = fake_port_answer_end(port, false) || some;
        if (!some)
            return;
    }
}
