#include "log/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "log/kafka_admin.h"

#define BATCH 256

struct ev_reader {
    char topic[EV_TOPIC_NAME_MAX + 1];
    bool include_void, include_unreadable;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct ev_commit_decoder *decoder;
    struct ev_cursor *cursors;
    size_t cursor_count;
    rd_kafka_message_t *batch[BATCH]; /* [next, count) isn't handed out yet */
    size_t batch_next, batch_count;
    bool failed; /* the record at batch_next can't be decoded */
    int64_t void_count;
    struct ev_kafka_question *ends; /* on its way */
};

/* --- life --- */

static void drop_batch(struct ev_reader *reader)
{
    while (reader->batch_next < reader->batch_count)
        rd_kafka_message_destroy(reader->batch[reader->batch_next++]);
    reader->batch_next = reader->batch_count = 0;
    reader->failed = false;
}

static int create_client(struct ev_reader *reader, const struct ev_reader_options *options, struct ev_error *error)
{
    char kbytes[24], wait_ms[16], ahead[16], pause_ms[16];
    size_t bytes = options->fetch_bytes_max ? options->fetch_bytes_max : EV_READER_FETCH_BYTES_DEFAULT;
    snprintf(kbytes, sizeof(kbytes), "%zu", bytes < 1024 ? (size_t)1 : bytes / 1024);
    snprintf(wait_ms, sizeof(wait_ms), "%d",
             options->fetch_wait_ms ? options->fetch_wait_ms : EV_READER_FETCH_WAIT_MS_DEFAULT);
    snprintf(ahead, sizeof(ahead), "%d", options->fetch_ahead ? options->fetch_ahead : EV_READER_FETCH_AHEAD_DEFAULT);
    snprintf(pause_ms, sizeof(pause_ms), "%d", EV_READER_FETCH_PAUSE_MS);
    const char *const defaults[] = {
        /* After a change of leaders a partition may be waited for in vain until this passes: 5 minutes by default. */
        "topic.metadata.refresh.interval.ms",
        "2000",
        "fetch.wait.max.ms",
        wait_ms,
        "queued.min.messages",
        ahead,
        "fetch.queue.backoff.ms",
        pause_ms,
        "fetch.error.backoff.ms",
        "50",
        "queued.max.messages.kbytes",
        kbytes,
        "socket.nagle.disable",
        "true",
        "socket.timeout.ms",
        "10000",
        "reconnect.backoff.ms",
        "50",
        "reconnect.backoff.max.ms",
        "1000",
        "group.id",
        "orderlog.reader",
        NULL,
    };
    const char *const required[] = {
        "auto.offset.reset",
        "error",
        "enable.auto.commit",
        "false",
        "enable.auto.offset.store",
        "false",
        "isolation.level",
        "read_uncommitted",
        "enable.partition.eof",
        "false",
        NULL,
    };
    rd_kafka_conf_t *conf;
    int r = ev_kafka_conf_create(&options->kafka, defaults, required, &conf, error);
    if (r == 0)
        r = ev_kafka_client_create(RD_KAFKA_CONSUMER, conf, &reader->rk, error);
    if (r < 0)
        return r;
    rd_kafka_poll_set_consumer(reader->rk);
    reader->queue = rd_kafka_queue_get_consumer(reader->rk);
    return 0;
}

int ev_reader_create(const struct ev_reader_options *options, struct ev_reader **ret, struct ev_error *error)
{
    struct ev_reader *reader = ev_memory_new(struct ev_reader);
    reader->include_void = options->include_void;
    reader->include_unreadable = options->include_unreadable;
    int r = ev_topic_full_name(&options->kafka, options->topic->name, reader->topic, error);
    if (r == 0)
        r = ev_commit_decoder_create(options->topic, &options->schemas, &reader->decoder, error);
    if (r == 0)
        r = create_client(reader, options, error);
    if (r < 0) {
        ev_reader_destroy(reader);
        return r;
    }
    *ret = reader;
    return 0;
}

void ev_reader_destroy(struct ev_reader *reader)
{
    if (!reader)
        return;
    drop_batch(reader);
    ev_kafka_admin_forget(reader->ends);
    if (reader->queue)
        rd_kafka_queue_destroy(reader->queue);
    if (reader->rk) {
        (void)rd_kafka_assign(reader->rk, NULL);
        rd_kafka_destroy_flags(reader->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    ev_commit_decoder_destroy(reader->decoder);
    free(reader->cursors);
    free(reader);
}

/* --- questions --- */

int ev_reader_describe(struct ev_reader *reader, int64_t timeout_ms, int32_t *ret_partitions, char ret_topic_id[64],
                       struct ev_error *error)
{
    struct ev_topic_info info;
    int r = ev_kafka_admin_describe(reader->rk, reader->topic, timeout_ms, &info, error);
    if (r < 0)
        return r;
    *ret_partitions = info.partitions;
    snprintf(ret_topic_id, 64, "%s", info.topic_id);
    return 0;
}

int ev_reader_bounds(struct ev_reader *reader, int32_t partition, int64_t timeout_ms, int64_t *ret_first,
                     int64_t *ret_next, struct ev_error *error)
{
    rd_kafka_resp_err_t err =
        rd_kafka_query_watermark_offsets(reader->rk, reader->topic, partition, ret_first, ret_next, (int)timeout_ms);
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
        err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return ev_error_set(error, EV_ERR_NOT_FOUND, "there is no partition %d of %s", (int)partition, reader->topic);
    return err ? ev_kafka_error(error, err, reader->topic, NULL) : 0;
}

int ev_reader_ends(struct ev_reader *reader, int32_t partitions, int64_t timeout_ms, int64_t *ret,
                   struct ev_error *error)
{
    if (!reader->ends)
        reader->ends =
            ev_kafka_admin_ask_offsets(reader->rk, reader->topic, partitions, RD_KAFKA_OFFSET_SPEC_LATEST, timeout_ms);
    int r = ev_kafka_admin_take_offsets(reader->ends, ret, error);
    if (r != 0) {
        ev_kafka_admin_forget(reader->ends);
        reader->ends = NULL;
    }
    return r;
}

int64_t ev_reader_void_count(const struct ev_reader *reader)
{
    return reader->void_count;
}

/* --- reading --- */

static struct ev_cursor *cursor_of(const struct ev_reader *reader, int32_t partition)
{
    for (size_t i = 0; i < reader->cursor_count; i++) {
        if (reader->cursors[i].partition == partition)
            return &reader->cursors[i];
    }
    return NULL;
}

int ev_reader_assign(struct ev_reader *reader, const struct ev_cursor *cursors, size_t count, struct ev_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    drop_batch(reader);
    free(reader->cursors);
    reader->cursors = ev_memory_alloc_array(count ? count : 1, sizeof(*cursors));
    reader->cursor_count = count;
    if (count > 0)
        memcpy(reader->cursors, cursors, count * sizeof(*cursors));
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, reader->topic, cursors[i].partition)->offset = cursors[i].next_offset;
    /* Without the step over nothing, a partition that stays assigned would go on where it was. */
    rd_kafka_resp_err_t err = rd_kafka_assign(reader->rk, NULL);
    if (!err)
        err = rd_kafka_assign(reader->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err ? ev_kafka_error(error, err, reader->topic, NULL) : 0;
}

int ev_reader_cursor(const struct ev_reader *reader, int32_t partition, struct ev_cursor *ret)
{
    const struct ev_cursor *cursor = cursor_of(reader, partition);
    if (!cursor)
        return EV_ERR_NOT_FOUND;
    *ret = *cursor;
    return 0;
}

bool ev_reader_failed(const struct ev_reader *reader, int32_t *ret_partition, int64_t *ret_offset)
{
    if (!reader->failed)
        return false;
    *ret_partition = reader->batch[reader->batch_next]->partition;
    *ret_offset = reader->batch[reader->batch_next]->offset;
    return true;
}

/* False when nothing came. librdkafka's batch call waits until the batch is full, so the first message is waited for
 * alone. */
static bool fetch(struct ev_reader *reader, int64_t timeout_ms)
{
    reader->batch_next = 0;
    ssize_t count = rd_kafka_consume_batch_queue(reader->queue, (int)timeout_ms, reader->batch, 1);
    if (count == 1) {
        ssize_t more = rd_kafka_consume_batch_queue(reader->queue, 0, reader->batch + 1, BATCH - 1);
        count += more > 0 ? more : 0;
    }
    reader->batch_count = count > 0 ? (size_t)count : 0;
    return reader->batch_count > 0;
}

static int message_error(const struct ev_reader *reader, const rd_kafka_message_t *message, struct ev_error *error)
{
    int r = ev_kafka_error(error, message->err, reader->topic, rd_kafka_message_errstr(message));
    if (message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || message->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return ev_error_set(error, EV_ERR_NOT_FOUND, "there is no topic %s any more", reader->topic);
    if (r == EV_ERR_CONFLICT)
        return ev_error_set(error, EV_ERR_INVALID,
                            "%s, partition %d: the log has no offset %" PRId64 " any more: it was cut or made anew",
                            reader->topic, (int)message->partition, message->offset);
    return r;
}

/* The head is there. */
static int decode_events(const struct ev_reader *reader, struct ev_arena *arena, struct ev_log_record *ret,
                         struct ev_error *error)
{
    const struct ev_commit head = ret->commit;
    int r = ev_commit_decode(reader->decoder, ret->raw, arena, &ret->commit, error);
    bool for_good = (r == EV_ERR_CORRUPT || r == EV_ERR_UNSUPPORTED) && !error->retriable;
    if (r >= 0 || !for_good || !reader->include_unreadable)
        return r;
    ret->commit = head;
    ret->unreadable = ev_arena_copy(arena, ev_str_of(error->message)).data;
    return 0;
}

static int decode(struct ev_reader *reader, struct ev_cursor *cursor, const rd_kafka_message_t *message,
                  struct ev_arena *arena, struct ev_log_record *ret, struct ev_error *error)
{
    struct ev_ledger ledger = cursor->ledger;
    *ret = (struct ev_log_record){
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
        .raw = ev_arena_copy(arena, (struct ev_str){message->payload ? message->payload : "", message->len}),
    };
    int r = ev_commit_decode_head(reader->decoder, ret->raw, &ret->commit, error);
    if (r < 0)
        return r;
    ret->verdict = ev_ledger_judge(&ledger, &ret->commit);
    if (ret->verdict == EV_VERDICT_COMMIT) {
        r = decode_events(reader, arena, ret, error);
        if (r < 0)
            return r;
        cursor->last_command_id = ret->commit.command_id;
        cursor->last_offset = ret->offset;
    }
    cursor->ledger = ledger;
    cursor->next_offset = message->offset + 1;
    return 0;
}

/* 1: *ret is to be handed out; 0: it isn't; or an error. The message is done with unless the error may pass or is its
 * own. */
static int next(struct ev_reader *reader, struct ev_arena *arena, struct ev_log_record *ret, struct ev_error *error)
{
    rd_kafka_message_t *message = reader->batch[reader->batch_next];
    struct ev_cursor *cursor = cursor_of(reader, message->partition);
    int r = 0;
    if (message->err) {
        r = message_error(reader, message, error);
    } else if (cursor && message->offset >= cursor->next_offset) {
        r = decode(reader, cursor, message, arena, ret, error);
        if (r < 0) {
            reader->failed = !error->retriable; /* otherwise the registry is away: the record is met again */
            if (r == EV_ERR_NOT_FOUND)          /* of the schema; for the caller NOT_FOUND means the log */
                error->code = EV_ERR_UNSUPPORTED;
            return error->code;
        }
        reader->void_count += ret->verdict == EV_VERDICT_VOID;
        r = ret->verdict == EV_VERDICT_COMMIT || reader->include_void;
    }
    rd_kafka_message_destroy(message);
    reader->batch_next++;
    return r;
}

int ev_reader_poll(struct ev_reader *reader, struct ev_arena *arena, struct ev_log_record *ret, size_t max,
                   int64_t timeout_ms, struct ev_error *error)
{
    size_t count = 0;
    while (count < max) {
        if (reader->batch_next == reader->batch_count && !fetch(reader, count > 0 ? 0 : timeout_ms))
            break;
        if (count > 0 && reader->batch[reader->batch_next]->err)
            break; /* the next poll tells of it */
        struct ev_error fault = {0};
        int r = next(reader, arena, &ret[count], &fault);
        if (r < 0 && count > 0)
            break; /* the record is met again by the next poll */
        if (r < 0) {
            if (error)
                *error = fault;
            return r;
        }
        count += (size_t)r;
    }
    return (int)count;
}
