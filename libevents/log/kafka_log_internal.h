/* The parts of a Kafka log: producer (with end offsets) and fetcher. For the files of kafka_log alone. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "log/kafka_conf.h"
#include "log/kafka_log.h"

struct ev_kafka_port_partition {
    struct ev_kafka_port *port; /* whose it is */
    int32_t partition;
    int64_t unanswered; /* appends without a report: waiting, and sent by all producers */
    int64_t sent;       /* of these, how many librdkafka has */
    struct ev_kafka_waiting *waiting, **waiting_last;
    int64_t waiting_count;
    bool listed; /* in the outbox's list: something waits */
    struct ev_kafka_port_partition *next_listed;
    int64_t progress_ms;             /* when the first of them was made, or the last report came */
    uint64_t read_tag;               /* 0: nothing is being read */
    struct ev_kafka_fetcher *reader; /* that reads it */
    int64_t read_until;
    uint64_t read_batch; /* the batch at hand when it was started: what is left of it isn't of this read */
    uint64_t end_wanted; /* tag of a question to be asked with the next call; 0: none */
    uint64_t end_asked;  /* tag of the question that is on its way; 0: none */
};

struct ev_kafka_port {
    struct ev_log_port port; /* first: the port is cast back */
    struct ev_kafka_log *log;
    int index; /* in log->ports */
    char *topic;
    int32_t partition_count;
    struct ev_kafka_port_partition *partitions;
};

struct ev_kafka_outbox {
    struct ev_kafka_port_partition *first; /* partitions for which something waits */
    size_t bytes;                          /* that wait, of all partitions */
    bool due;                              /* the loop is woken already */
};

struct ev_kafka_producer {
    rd_kafka_t *rk; /* NULL: there is none */
    rd_kafka_queue_t *queue;
    rd_kafka_topic_t *topics[EV_KAFKA_LOG_TOPICS_MAX];
    int64_t created_ms;
    bool fatal;
    /* Of a retired one: */
    bool ending;
    pthread_t thread;
    atomic_bool ended;
};

struct ev_kafka_fetcher {
    rd_kafka_t *rk; /* made with the first read */
    rd_kafka_queue_t *queue, *main_queue;
    rd_kafka_topic_t *topics[EV_KAFKA_LOG_TOPICS_MAX];
    const char *wait_ms; /* how long a broker may hold a fetch for which it has less than: */
    const char *min_bytes;
    uint64_t batch; /* number of the batch that is being handed out; 0: none */
    uint64_t batches;
};

struct ev_kafka_log {
    struct ev_kafka_config kafka;
    char linger_ms[24];
    int wake_fd;
    struct ev_kafka_port *ports[EV_KAFKA_LOG_TOPICS_MAX];
    int port_count;
    struct ev_kafka_outbox outbox;
    struct ev_kafka_producer producer, retired[EV_KAFKA_LOG_RETIRED_MAX];
    struct ev_kafka_fetcher fetcher;  /* for reads that end */
    struct ev_kafka_fetcher follower; /* for those that don't: it may wait long for the next record */
    bool renew_wanted;
    size_t end_wanted, end_asked; /* questions waiting, and those in the call on its way */
    struct ev_error last_error;
    struct ev_kafka_log_stats stats;
};

int64_t ev_kafka_log_now(void);
/* Makes the descriptor readable. */
void ev_kafka_log_wake(struct ev_kafka_log *log);
void ev_kafka_log_watch(struct ev_kafka_log *log, rd_kafka_queue_t *queue);

/* kafka_producer.c */
int ev_kafka_producer_create(struct ev_kafka_log *log, struct ev_error *error);
void ev_kafka_producer_destroy(struct ev_kafka_producer *producer);
int ev_kafka_producer_append(struct ev_log_port *port, int32_t partition, uint64_t tag, struct ev_str key,
                             struct ev_str record, const struct ev_commit *commit, struct ev_error *error);
void ev_kafka_producer_purge(struct ev_log_port *port, int32_t partition);
rd_kafka_topic_t *ev_kafka_producer_topic(struct ev_kafka_producer *producer, struct ev_kafka_port *port,
                                          struct ev_error *error);
/* The answer to an append; from within a poll. */
void ev_kafka_producer_answer(struct ev_kafka_log *log, struct ev_kafka_port_partition *state, uint64_t tag,
                              int64_t offset, const struct ev_error *error);
/* Hands out reports; replaces a producer that is of no more use. Returns how many answers were given. */
size_t ev_kafka_producer_poll(struct ev_kafka_log *log);

/* kafka_outbox.c: takes a record in (key and record are copied, the headers taken over unless it fails). */
int ev_kafka_outbox_add(struct ev_kafka_port *port, int32_t partition, uint64_t tag, struct ev_str key,
                        struct ev_str record, rd_kafka_headers_t *headers, struct ev_error *error);
/* Sends what may be sent now, and answers what can't be sent any more; from within a poll. Returns how many answers. */
size_t ev_kafka_outbox_send(struct ev_kafka_log *log);
/* What waits for the partition isn't to be sent any more. */
void ev_kafka_outbox_forget(struct ev_kafka_port_partition *state);
void ev_kafka_outbox_finish(struct ev_kafka_log *log);

/* kafka_headers.c: NULL when librdkafka has no memory left. */
rd_kafka_headers_t *ev_kafka_headers_create(const char *topic, int32_t partition, const struct ev_commit *commit);

/* kafka_offsets.c */
int ev_kafka_offsets_ask(struct ev_log_port *port, int32_t partition, uint64_t tag, struct ev_error *error);
size_t ev_kafka_offsets_answer(struct ev_kafka_log *log, rd_kafka_event_t *event);
void ev_kafka_offsets_fail(struct ev_kafka_log *log, const struct ev_error *error);
void ev_kafka_offsets_send(struct ev_kafka_log *log);

/* kafka_fetcher.c */
int ev_kafka_fetcher_read(struct ev_log_port *port, int32_t partition, uint64_t tag, int64_t from, int64_t until,
                          struct ev_error *error);
void ev_kafka_fetcher_stop(struct ev_log_port *port, int32_t partition);
size_t ev_kafka_fetcher_poll(struct ev_kafka_log *log, struct ev_kafka_fetcher *fetcher);
void ev_kafka_fetcher_destroy(struct ev_kafka_log *log, struct ev_kafka_fetcher *fetcher);
