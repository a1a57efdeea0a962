/* Sends commands whose partition another instance owns to that instance, on a thread of its own: libcurl, HTTP/1.1 with
 * kept-alive connections, to the private listener that the owner has named in PREFIX.owners. Where nobody is known to
 * own the partition, or who was asked doesn't, the command waits here until there is a newer hint or the partition has
 * come to this instance, at most until its deadline. It may be sent more than once: it carries its command id, so that
 * it is one command wherever it arrives.
 *
 * A request is sent to another owner when a newer hint names one, also while an answer is still awaited: the first may
 * be dead or paused. Memory: FORWARDS_IN_FLIGHT_MAX connections, and as many commands as the options say. */
#pragma once

#include "app.h"
#include "core/buffer.h"

#define FORWARDS_IN_FLIGHT_MAX 256                     /* requests on the way, each on a connection */
#define FORWARD_HEADERS_MAX 16                         /* of a request */
#define FORWARD_ANSWER_MAX ((size_t)256 * 1024)        /* bytes of an answer's body; more counts as no answer */
#define FORWARD_ANSWER_HEADERS_MAX ((size_t)16 * 1024) /* bytes */
#define FORWARD_CONNECT_MS 1000
#define FORWARD_LEFT_MS 2000 /* how long a process that is ending waits for somebody to take over */
#define FORWARD_LOOK_MS 10   /* how often ownership and hints are looked at for those that wait */
#define FORWARD_PAUSE_MS 50  /* before the same owner is asked again */
#define FORWARD_GRACE_MS 250 /* past the deadline, for the owner's own answer that it has passed */

/* On a forwarded command; believed on the private listener alone. */
#define FORWARD_PARTITION "orderlog-partition" /* "TOPIC/PARTITION": marks it as forwarded */
#define FORWARD_TOPIC_ID "orderlog-topic-id"   /* of that topic, so that it gets into no other installation's log */
#define FORWARD_COMMAND "orderlog-command"     /* the command's name: another route may not take it */
#define FORWARD_COMMAND_ID "orderlog-command-id"
#define FORWARD_REQUEST_HASH "orderlog-request-hash" /* 32 hexadecimal digits */
#define FORWARD_DEADLINE "orderlog-deadline-ms"      /* what is left of it */

/* On the answer to a forwarded command; without it the answer is nobody's that we know. */
#define FORWARD_MARK "orderlog-answer"
#define FORWARD_MARK_FINAL "final"       /* for the client, as it is */
#define FORWARD_MARK_NOT_HERE "not-here" /* nothing was done */
#define FORWARD_MARK_LOST "lost"         /* the partition was lost on the way: the next owner knows what became of it */

enum forward_end {
    FORWARD_ANSWERED, /* the owner's answer is there */
    FORWARD_HERE,     /* the partition is this instance's: decide here */
    FORWARD_EXPIRED,  /* the deadline has passed */
};

/* Owned by the caller, with what it points to, until `done` was called, exactly once, on the forwarder's thread. */
struct forward {
    const struct command_topic *topic;
    int32_t partition;
    int64_t deadline_ms; /* monotonic */
    bool stays;          /* is never sent, only waits for the partition to come here */
    const char *method;
    const char *path; /* as on the wire */
    struct ev_str body;
    const char *headers[FORWARD_HEADERS_MAX]; /* "name: value" */
    size_t header_count;
    void (*done)(struct forward *forward);

    enum forward_end end;
    bool was_sent; /* somebody may have carried it out */
    int status;
    struct ev_buffer answer_headers; /* "name: value\r\n"…, names in lower case; freed by forward_finish */
    struct ev_buffer answer_body;

    /* the forwarder's */
    struct forward *next;
    uint64_t tried_version; /* of the hint by which it was sent last */
    int64_t retry_ms;       /* that hint isn't followed again before */
};
/* Frees what an answer has taken. */
void forward_finish(struct forward *forward);
/* A header of the answer, by its name in lower case; the null string: there is none. */
struct ev_str forward_header(const struct forward *forward, const char *name);

struct forwarder;
struct forwarder_options {
    const struct command_app *app; /* its topics, hints and ownership are looked at */
    size_t forwards_max;           /* commands that wait or are on the way */
    struct ev_metrics *metrics;
};
int forwarder_create(const struct forwarder_options *options, struct forwarder **ret, struct ev_error *error);
/* Ends the thread; nobody waits any more, or the process ends with them. */
void forwarder_stop(struct forwarder *forwarder);
/* Not before what calls forwarder_wake has ended. */
void forwarder_destroy(struct forwarder *forwarder);
/* From any thread. False at forwards_max: the command is still the caller's. */
bool forwarder_submit(struct forwarder *forwarder, struct forward *forward);
/* Something may have changed for those that wait. From any thread. */
void forwarder_wake(struct forwarder *forwarder);
