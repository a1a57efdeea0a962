#include "log/topics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/memory.h"
#include "log/port.h"
#include "log/topic_meta.h"

#define SETTLE_MS 50 /* between looks at a topic that was just made: brokers learn of it one after the other */

int ev_topic_full_name(const struct ev_kafka_config *kafka, const char *name, char ret[EV_TOPIC_NAME_MAX + 1],
                       struct ev_error *error)
{
    int length = snprintf(ret, EV_TOPIC_NAME_MAX + 1, "%s.%s", kafka->topic_prefix, name);
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (length <= 0 || length > EV_TOPIC_NAME_MAX || kafka->topic_prefix[0] == '\0' || name[0] == '\0' ||
        strspn(ret, allowed) != (size_t)length)
        return ev_error_set(error, EV_ERR_INVALID,
                            "'%s.%s' is no topic name: letters, digits, '.', '_' and '-', at most %d in all",
                            kafka->topic_prefix, name, EV_TOPIC_NAME_MAX);
    return 0;
}

/* --- checking --- */

struct faults {
    struct ev_buffer text; /* joined by "; " */
    const char *topic;
};

static void fault(struct faults *faults, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fault(struct faults *faults, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ev_buffer_printf(&faults->text, "%s%s", faults->text.length ? "; " : "", text);
}

/* What an event topic's settings must be. */
static const struct {
    const char *name, *value;
    bool at_least;
} wanted_settings[] = {
    {"cleanup.policy", "delete", false},
    {"retention.ms", "-1", false},
    {"retention.bytes", "-1", false},
    {"max.message.bytes", "1048576", true},
};

static void check_setting(void *context, const char *name, const char *value)
{
    struct faults *faults = context;
    for (size_t i = 0; i < sizeof(wanted_settings) / sizeof(wanted_settings[0]); i++) {
        if (strcmp(name, wanted_settings[i].name) != 0)
            continue;
        bool good = wanted_settings[i].at_least
                        ? value && strtoll(value, NULL, 10) >= strtoll(wanted_settings[i].value, NULL, 10)
                        : value && strcmp(value, wanted_settings[i].value) == 0;
        if (!good)
            fault(faults, "its %s is %s and must be %s%s (kafka-configs --alter --entity-type topics --entity-name %s)",
                  name, value ? value : "unknown", wanted_settings[i].at_least ? "at least " : "",
                  wanted_settings[i].value, faults->topic);
    }
}

static int check_start(rd_kafka_t *rk, const struct ev_topic_info *info, int64_t timeout_ms, struct faults *faults,
                       struct ev_error *error)
{
    int64_t *first = ev_memory_alloc_array((size_t)info->partitions, sizeof(*first));
    int r = ev_kafka_admin_offsets(rk, faults->topic, info->partitions, RD_KAFKA_OFFSET_SPEC_EARLIEST, timeout_ms,
                                   first, error);
    for (int32_t i = 0; i < info->partitions && r == 0; i++) {
        if (first[i] > 0)
            fault(faults,
                  "partition %d begins at offset %" PRId64 ": records were deleted; restore the topic from a copy",
                  (int)i, first[i]);
    }
    free(first);
    return r;
}

static int check_meta(const struct ev_kafka_config *kafka, const struct ev_topic_info *info, int64_t timeout_ms,
                      struct faults *faults, struct ev_error *error)
{
    char meta_topic[EV_TOPIC_NAME_MAX + 1];
    struct ev_topic_info made;
    int r = ev_topic_full_name(kafka, EV_TOPIC_META_NAME, meta_topic, error);
    if (r < 0)
        return r;
    r = ev_topic_meta_read(kafka, meta_topic, faults->topic, timeout_ms, &made, error);
    if (r == EV_ERR_NOT_FOUND || r == 1) {
        fault(faults, "nothing in %s says what it was made as; topics are made by Orderlog, not by hand", meta_topic);
        return 0;
    }
    if (r < 0)
        return r;
    if (made.partitions != info->partitions)
        fault(faults,
              "it was made with %d partitions and has %d now: streams would change partition. Restore it with %d",
              (int)made.partitions, (int)info->partitions, (int)made.partitions);
    if (strcmp(made.topic_id, info->topic_id) != 0)
        fault(faults,
              "it was deleted and made anew (id %s instead of %s); restore it, or delete all topics of the prefix and "
              "the views to start from nothing",
              info->topic_id, made.topic_id);
    return 0;
}

static int check(rd_kafka_t *rk, const struct ev_kafka_config *kafka, const char *topic, int64_t timeout_ms,
                 struct ev_topic_info *ret, struct ev_error *error)
{
    struct faults faults = {.topic = topic};
    int r = ev_kafka_admin_describe(rk, topic, timeout_ms, ret, error);
    if (r == 0)
        r = check_meta(kafka, ret, timeout_ms, &faults, error);
    if (r == 0)
        r = ev_kafka_admin_settings(rk, topic, timeout_ms, check_setting, &faults, error);
    if (r == 0)
        r = check_start(rk, ret, timeout_ms, &faults, error);
    if (r == 0 && faults.text.length > 0)
        r = ev_error_set(error, EV_ERR_CONFLICT, "topic %s can't be used: %.*s", topic,
                         EV_STR_ARG(ev_buffer_str(&faults.text)));
    ev_buffer_finish(&faults.text);
    return r;
}

int ev_topic_check(const struct ev_kafka_config *kafka, const char *name, int64_t timeout_ms, struct ev_topic_info *ret,
                   struct ev_error *error)
{
    char topic[EV_TOPIC_NAME_MAX + 1];
    rd_kafka_t *rk;
    int r = ev_topic_full_name(kafka, name, topic, error);
    if (r == 0)
        r = ev_kafka_admin_create(kafka, &rk, error);
    if (r < 0)
        return r;
    r = check(rk, kafka, topic, timeout_ms, ret, error);
    rd_kafka_destroy(rk);
    return r;
}

/* --- making --- */

static int make(rd_kafka_t *rk, const char *topic, int32_t partitions, const struct ev_topic_options *options,
                const char *const *settings, struct ev_error *error)
{
    int r = ev_kafka_admin_make_topic(rk, topic, partitions, options->replication_factor, settings, options->timeout_ms,
                                      error);
    return r < 0 ? r : 0; /* there already: what counts is the check */
}

/* Until the brokers that are asked know of it, with its partitions. */
static int wait_for(rd_kafka_t *rk, const char *topic, int64_t timeout_ms, struct ev_topic_info *ret,
                    struct ev_error *error)
{
    int64_t deadline = ev_clock_monotonic_ms(&ev_clock_system) + timeout_ms;
    for (;;) {
        int64_t left = deadline - ev_clock_monotonic_ms(&ev_clock_system);
        int r = ev_kafka_admin_describe(rk, topic, left > 0 ? left : 1, ret, error);
        if ((r != EV_ERR_NOT_FOUND && (r < 0 || ret->partitions > 0)) || left <= 0)
            return r;
        rd_kafka_poll(rk, SETTLE_MS);
    }
}

static int64_t sum(const int64_t *values, int32_t count)
{
    int64_t total = 0;
    for (int32_t i = 0; i < count; i++)
        total += values[i];
    return total;
}

/* Only a topic without a record is written down: one that holds records and isn't was not made here. */
static int write_down(rd_kafka_t *rk, const char *meta_topic, const char *topic, const struct ev_topic_info *info,
                      int64_t timeout_ms, struct ev_error *error)
{
    int64_t *next = ev_memory_alloc_array((size_t)info->partitions, sizeof(*next));
    int r = ev_kafka_admin_offsets(rk, topic, info->partitions, RD_KAFKA_OFFSET_SPEC_LATEST, timeout_ms, next, error);
    if (r == 0 && sum(next, info->partitions) == 0)
        r = ev_topic_meta_write(rk, meta_topic, topic, timeout_ms, info, error);
    free(next);
    return r;
}

static int ensure(rd_kafka_t *rk, const struct ev_kafka_config *kafka, const char *topic, const char *meta_topic,
                  const struct ev_topic_options *options, struct ev_error *error)
{
    char insync[16], bytes[16];
    struct ev_topic_info info, meta_info, made;
    snprintf(insync, sizeof(insync), "%d", (int)options->min_insync_replicas);
    snprintf(bytes, sizeof(bytes), "%zu", EV_LOG_RECORD_BYTES_MAX);
    const char *const meta_settings[] = {"min.insync.replicas", insync, EV_TOPIC_META_SETTINGS};
    const char *const settings[] = {
        "cleanup.policy",      "delete", "retention.ms", "-1", "retention.bytes", "-1", "max.message.bytes", bytes,
        "min.insync.replicas", insync,   NULL,
    };
    int r = make(rk, meta_topic, 1, options, meta_settings, error);
    if (r == 0)
        r = wait_for(rk, meta_topic, options->timeout_ms, &meta_info, error);
    if (r == 0)
        r = make(rk, topic, options->partitions, options, settings, error);
    if (r == 0)
        r = wait_for(rk, topic, options->timeout_ms, &info, error);
    if (r == 0)
        r = ev_topic_meta_read(kafka, meta_topic, topic, options->timeout_ms, &made, error);
    if (r == 1)
        r = write_down(rk, meta_topic, topic, &info, options->timeout_ms, error);
    return r;
}

int ev_topic_ensure(const struct ev_kafka_config *kafka, const char *name, const struct ev_topic_options *options,
                    struct ev_topic_info *ret, struct ev_error *error)
{
    char topic[EV_TOPIC_NAME_MAX + 1], meta_topic[EV_TOPIC_NAME_MAX + 1];
    rd_kafka_t *rk;
    if (options->partitions < 1 || options->partitions > EV_TOPIC_PARTITIONS_MAX)
        return ev_error_set(error, EV_ERR_INVALID, "%s: a topic has 1 to %d partitions, not %d", name,
                            EV_TOPIC_PARTITIONS_MAX, (int)options->partitions);
    int r = ev_topic_full_name(kafka, name, topic, error);
    if (r == 0)
        r = ev_topic_full_name(kafka, EV_TOPIC_META_NAME, meta_topic, error);
    if (r == 0)
        r = ev_kafka_admin_create(kafka, &rk, error);
    if (r < 0)
        return r;
    int64_t deadline = ev_clock_monotonic_ms(&ev_clock_system) + options->timeout_ms;
    do { /* what was just made has no leader for a moment */
        rd_kafka_poll(rk, r < 0 ? SETTLE_MS : 0);
        r = ensure(rk, kafka, topic, meta_topic, options, error);
        if (r == 0)
            r = check(rk, kafka, topic, options->timeout_ms, ret, error);
    } while (r == EV_ERR_UNAVAILABLE && ev_clock_monotonic_ms(&ev_clock_system) < deadline);
    rd_kafka_destroy(rk);
    return r;
}
