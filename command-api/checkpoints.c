#include "checkpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/directory.h"
#include "core/memory.h"
#include "domain/fingerprint.h"
#include "log/topic_tail.h"

#define MIB ((size_t)1024 * 1024)
#define TAIL_TIMEOUT_MS 10000
#define NONE "none" /* instead of a directory; an empty environment variable counts as none given */
/* Beyond the bound that eviction keeps, while nothing can be stored. */
#define HARD_PERCENT 150

/* --- where --- */

static int directory_of(const struct ev_config *config, char *ret, size_t size, struct ev_error *error)
{
    const char *given = ev_config_string(config, "checkpoint-dir"), *instance = ev_config_string(config, "instance");
    const char *listen = ev_config_string(config, "listen"), *port = strrchr(listen, ':');
    int length = given ? snprintf(ret, size, "%s", given)
                       : snprintf(ret, size, "%s/checkpoints/%s.%s", ev_config_string(config, "data-dir"),
                                  ev_config_string(config, "topic-prefix"),
                                  instance ? instance
                                  : port   ? port + 1
                                           : listen);
    if (length < 0 || (size_t)length >= size)
        return ev_error_set(error, EV_ERR_INVALID, "the name of the checkpoints' directory is too long");
    if (!given && instance && strchr(instance, '/'))
        return ev_error_set(error, EV_ERR_INVALID, "an instance's name with a '/' needs --checkpoint-dir");
    return 0;
}

/* --- a log that has lost a tail --- */

static size_t collect_tails(struct command_app *app, const struct command_topic *topic, struct ev_topic_tail *tails)
{
    struct ev_checkpoint_port *port;
    size_t count = 0;
    if (ev_checkpoint_lmdb_port(app->checkpoints, topic->full_name, &port, NULL) < 0)
        return 0;
    for (int32_t i = 0; i < topic->partitions; i++) {
        struct ev_checkpoint_head head;
        /* What can't be used for another reason is thrown away later, by whoever goes on from it. */
        if (port->head(port, i, &head, NULL) != 0 || strcmp(head.topic_id, topic->id) != 0 || head.mark.last_offset < 0)
            continue;
        tails[count++] = (struct ev_topic_tail){.partition = i, .mark = head.mark};
    }
    return count;
}

static int accept_lost(struct command_app *app, const struct command_topic *topic, const struct ev_topic_tail *tails,
                       size_t count, struct ev_error *error)
{
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        if (!tails[i].lost)
            continue;
        ev_log(EV_LOG_WARN, "checkpoint.lost_tail",
               "the log lacks records that were read from it; what it holds counts",
               ev_log_cstr("topic", topic->full_name), ev_log_int("partition", tails[i].partition),
               ev_log_int("offset", tails[i].mark.next_offset));
        result = ev_checkpoint_lmdb_discard(app->checkpoints, topic->full_name, tails[i].partition, error);
    }
    return result;
}

static int refuse_lost(struct ev_error *error)
{
    struct ev_error cause = *error;
    return ev_error_set(error, EV_ERR_CONFLICT,
                        "%.300s. Records that were acknowledged are missing: restore the log, or start once with "
                        "--accept-lost-tail to go on with what it holds",
                        cause.message);
}

static int check_topic(struct command_app *app, const struct command_topic *topic, bool accept, struct ev_error *error)
{
    struct ev_topic_tail *tails = ev_memory_alloc_array((size_t)topic->partitions, sizeof(*tails));
    struct ev_commit_decoder *decoder = NULL;
    size_t count = collect_tails(app, topic, tails);
    int result = ev_commit_decoder_create(topic->schema, &app->schemas, &decoder, error);
    if (result == 0)
        result = ev_topic_tails_check(&app->kafka, topic->full_name, topic->partitions, decoder, tails, count,
                                      TAIL_TIMEOUT_MS, error);
    if (result > 0)
        result = accept ? accept_lost(app, topic, tails, count, error) : refuse_lost(error);
    ev_commit_decoder_destroy(decoder);
    free(tails);
    return result;
}

/* Kafka answered a moment ago, when the topics were checked; what has passed since is tried again. */
static int check_tails(struct command_app *app, bool accept, int64_t timeout_ms, const atomic_bool *cancelled,
                       struct ev_error *error)
{
    int64_t deadline_ms = ev_clock_monotonic_ms(&ev_clock_system) + timeout_ms;
    int result = 0;
    for (size_t i = 0; i < app->topic_count && result == 0; i++) {
        do
            result = check_topic(app, &app->topics[i], accept, error);
        while (result == EV_ERR_UNAVAILABLE && !atomic_load(cancelled) &&
               ev_clock_monotonic_ms(&ev_clock_system) < deadline_ms);
    }
    return result;
}

/* --- life --- */

static int open_store(struct command_app *app, const struct ev_config *config, struct ev_error *error)
{
    char directory[EV_DIRECTORY_PATH_MAX];
    struct ev_error fault = {0};
    int result = directory_of(config, directory, sizeof(directory), error);
    if (result < 0 || directory[0] == '\0' || strcmp(directory, NONE) == 0)
        return result;
    const struct ev_checkpoint_lmdb_options options = {
        .directory = directory,
        .map_bytes = (size_t)ev_config_int(config, "checkpoint-map-mb") * MIB,
    };
    result = ev_checkpoint_lmdb_open(&options, &app->checkpoints, &fault, error);
    if (result == EV_ERR_FENCED) {
        struct ev_error cause = *error;
        return ev_error_set(error, EV_ERR_FENCED,
                            "%.300s: give this one another --instance or --checkpoint-dir, or \"none\"", cause.message);
    }
    for (size_t i = 0; i < app->topic_count && result == 0; i++)
        (void)ev_checkpoint_lmdb_add_topic(app->checkpoints, app->topics[i].full_name, app->topics[i].partitions,
                                           &fault);
    if (result == 0 && fault.code != EV_ERR_NONE)
        ev_log(EV_LOG_ERROR, "checkpoint.unusable", "the checkpoints can't be used and count as missing",
               ev_log_cstr("error", fault.message));
    return result;
}

int checkpoints_open(struct command_app *app, const struct ev_config *config, const atomic_bool *cancelled,
                     struct ev_error *error)
{
    size_t memory = (size_t)ev_config_int(config, "state-memory-mb") * MIB;
    app->state_memory.soft_max = memory;
    app->state_memory.hard_max = memory / 100 * HARD_PERCENT;
    app->limits.checkpoint_every_ms = ev_config_int(config, "checkpoint-every-s") * 1000;
    app->limits.checkpoint_every_records = ev_config_int(config, "checkpoint-every-records");
    app->deciders_fingerprint = DOMAIN_FINGERPRINT;
    int result = open_store(app, config, error);
    if (result < 0 || !app->checkpoints)
        return result;
    return check_tails(app, ev_config_bool(config, "accept-lost-tail"), ev_config_int(config, "start-timeout-ms"),
                       cancelled, error);
}

void checkpoints_close(struct command_app *app)
{
    ev_checkpoint_lmdb_close(app->checkpoints);
    app->checkpoints = NULL;
}

void checkpoints_log(const struct command_topic *topic, int32_t partition, const struct ev_checkpoint_news *news)
{
    switch (news->kind) {
    case EV_CHECKPOINT_RESTORED:
        ev_log(EV_LOG_INFO, "checkpoint.restored", "the partition goes on from its checkpoint",
               ev_log_cstr("topic", topic->full_name), ev_log_int("partition", partition),
               ev_log_int("offset", news->offset));
        break;
    case EV_CHECKPOINT_THROWN_AWAY:
        ev_log(news->reason == EV_REBUILD_LOG ? EV_LOG_ERROR : EV_LOG_WARN, "checkpoint.thrown_away",
               "the partition is built from the start of the log", ev_log_cstr("topic", topic->full_name),
               ev_log_int("partition", partition), ev_log_cstr("reason", ev_rebuild_reason_name(news->reason)),
               ev_log_cstr("error", news->error->message));
        break;
    case EV_CHECKPOINT_WRITTEN:
        ev_log(EV_LOG_DEBUG, "checkpoint.written", "the partition's checkpoint is written",
               ev_log_cstr("topic", topic->full_name), ev_log_int("partition", partition),
               ev_log_int("offset", news->offset), ev_log_int("streams", (int64_t)news->streams),
               ev_log_int("bytes", news->bytes), ev_log_int("took_ms", news->took_ms));
        break;
    case EV_CHECKPOINT_FAILED:
        ev_log(EV_LOG_ERROR, "checkpoint.failed", "the checkpoint could not be written; it is tried again",
               ev_log_cstr("topic", topic->full_name), ev_log_int("partition", partition),
               ev_log_cstr("error", news->error->message));
        break;
    }
}
