/* What `orderlog schema verify-log` finds out and keeps: how far each topic was read, and the digests of what the views
 * folded of it. Written by the build before a change and compared with the one after it, at the same position. */
#pragma once

#include "cli/log_source.h"
#include "cli/progress.h"
#include "fold/digest.h"

#define VERIFY_TOPICS_MAX 64
#define VERIFY_VIEWS_MAX 64
#define VERIFY_SCHEMAS_MAX 256 /* ids that are counted apart */
#define VERIFY_FILE_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define VERIFY_CAUSE_MAX 256

/* Of one partition of a topic. */
struct verify_partition {
    int64_t first, end; /* of the log when it was asked; `end` isn't in the file */
    int64_t until;      /* what the views have folded: records before this offset */
    int64_t stopped;    /* the first record that can't be decoded; -1: none */
    char cause[VERIFY_CAUSE_MAX];
};

struct verify_schema {
    int32_t id;
    int64_t commits;
};

struct verify_topic {
    struct ev_str name;
    char topic_id[64];
    uint64_t upcasts;
    int32_t partition_count;
    struct verify_partition *partitions;
    int64_t commits, events, void_count; /* not in the file */
    size_t schema_count;
    struct verify_schema schemas[VERIFY_SCHEMAS_MAX];
};

/* Of one view in one partition. */
struct verify_fold {
    struct ev_digest digest;
    char text[EV_DIGEST_TEXT_MAX];
    int64_t documents;
    int64_t refused; /* documents that a fold refused to go on with */
};

struct verify_view {
    struct ev_str name, topic;
    int64_t version;
    uint64_t document; /* fingerprint of the document's schema */
    int32_t partition_count;
    struct verify_fold *partitions;
};

struct verify_state {
    struct ev_arena arena;
    size_t topic_count, view_count;
    struct verify_topic topics[VERIFY_TOPICS_MAX];
    struct verify_view views[VERIFY_VIEWS_MAX];
};

struct verify_topic *verify_topic_find(struct verify_state *state, struct ev_str name);
struct verify_view *verify_view_find(struct verify_state *state, struct ev_str name);

/* verify_file.c. A file is written whole or not at all. */
int verify_file_write(const char *path, const struct verify_state *state, struct ev_error *error);
int verify_file_read(const char *path, struct verify_state *ret, struct ev_error *error);

/* verify_fold.c: reads one partition to its end, decodes everything, and folds what lies before `until` into the
 * topic's views. Documents take at most `memory` bytes: beyond that the partition is read again, each time for a part
 * of the keys. */
struct verify_fold_options {
    struct log_source *source;
    struct verify_state *state;
    struct verify_topic *topic;
    int32_t partition;
    size_t memory;
    struct progress *progress;
};
int verify_fold_partition(const struct verify_fold_options *options, struct ev_error *error);
