/* The thread that keeps the price list up to date from the product topic, and that can be asked to bring it up to what
 * the log's leaders have at that moment: an answer like "there is no such product" must not come from a list that lags.
 */
#pragma once

#include "log/reader.h"
#include "price_list.h"

#define PRICE_READER_BATCH_MAX 500
#define PRICE_READER_POLL_MS 20
#define PRICE_READER_BOUNDS_TIMEOUT_MS 1000
/* Kafka counts as away when no leader has answered for so long. */
#define PRICE_READER_AWAY_MS 4000

struct price_reader;

/* Owned by the caller until `done` was called, exactly once, on the reader's thread: 0 when the list has everything
 * that was in the log when price_reader_refresh was called, or EV_ERR_TIMEOUT. */
struct price_refresh {
    struct price_refresh *next;
    int64_t deadline_ms; /* monotonic */
    int result;
    void (*done)(struct price_refresh *refresh);
};

struct price_reader_status {
    bool caught_up;  /* has been at the end of every partition at least once */
    int64_t lag;     /* records, when the leaders were last asked */
    int64_t seen_ms; /* monotonic: when all leaders last answered; 0: never */
    bool failed;     /* a record can't be decoded: the list goes no further */
    char fault[EV_ERROR_MESSAGE_MAX];
};

/* `topic` must be the product topic, with so many partitions. */
int price_reader_create(const struct ev_kafka_config *kafka, const struct ev_topic_schema *topic, int32_t partitions,
                        struct ev_schema_source schemas, struct price_list *list, struct price_reader **ret,
                        struct ev_error *error);
/* Ends the thread; refreshes that wait are answered with EV_ERR_TIMEOUT. */
void price_reader_destroy(struct price_reader *reader);
/* From any thread. */
void price_reader_refresh(struct price_reader *reader, struct price_refresh *refresh);
void price_reader_status(struct price_reader *reader, struct price_reader_status *ret);
