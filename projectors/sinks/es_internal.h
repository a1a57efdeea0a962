/* What the files of the Elasticsearch sink share. */
#pragma once

#include "core/buffer.h"
#include "sinks/elasticsearch.h"
#include "sinks/es_http.h"
#include "sinks/generations.h"

#define ES_NAME_MAX 192
#define ES_UUID_MAX 64
#define ES_PATH_MAX 1024

struct es_sink {
    struct ev_sink sink;
    struct es_http *http;
    char prefix[64];              /* "" or "shop2-" */
    char index_uuid[ES_UUID_MAX]; /* of the view's index, as found by prepare */
    struct ev_arena arena;        /* of one call's answers */
    struct ev_buffer body, scratch;
    size_t bulk_bytes_max; /* halved when the server finds a bulk too large */
};

static inline struct es_sink *es_of(struct ev_sink *sink)
{
    return (struct es_sink *)sink;
}

/* "orders-v1" or "orders-v1-g2", and that with "-write" behind it, prefixed. */
void es_index_name(const struct es_sink *es, const struct ev_view *view, char ret_name[ES_NAME_MAX]);
void es_write_alias(const struct es_sink *es, const struct ev_view *view, char ret_name[ES_NAME_MAX]);
void es_generation_index(const struct es_sink *es, const struct generation *generation, char ret_name[ES_NAME_MAX]);
/* "orders_v1" or "orders_v1_g2": in checkpoints and parked entries. */
void es_view_name(const struct es_sink *es, const struct ev_view *view, char ret_name[ES_NAME_MAX]);
/* One line of an NDJSON body. */
void es_line_begin(struct es_sink *es, struct ev_json_writer *writer);
void es_line_end(struct es_sink *es);

/* es_prepare.c */
int es_prepare(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error);
int es_reset(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error);
/* `aliases` are NULL-terminated. 1: the index was there. */
int es_create_index(struct es_sink *es, const char *index, const char *definition, const char *const *aliases,
                    struct ev_error *error);
/* A request whose answer is of interest only when it isn't 200. `what` as in es_http_refused. */
int es_command(struct es_sink *es, const char *method, const char *path, const char *what, struct ev_error *error);

/* es_generations.c */
/* Settles which generation the sink's calls mean, and whether that is live, or there is none yet. */
int es_settle_generation(struct es_sink *es, const struct ev_view *view, bool *ret_live, bool *ret_any,
                         struct ev_error *error);

/* es_documents.c */
int es_load(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
            struct ev_arena *arena, struct ev_error *error);
int es_write(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
             struct ev_error *error);
int es_scan(struct ev_sink *sink, const struct ev_view *view,
            int (*each)(void *context, const struct ev_sink_document *document), void *context, struct ev_error *error);
/* The version of a document as a projection writes it. Between it and that of the next offset there is room for the
 * repairs of what was altered by hand, each of which takes the next number. */
#define ES_REVISIONS 1024
static inline int64_t es_version(int64_t offset)
{
    return (offset + 1) * ES_REVISIONS;
}
/* Parts of a bulk: "index" or "delete"; and with the document behind it. */
void es_bulk_action(struct es_sink *es, struct ev_str action, struct ev_str key, int64_t version);
int es_bulk_append(struct es_sink *es, const struct ev_view *view, const struct ev_sink_document *document,
                   int64_t version, struct ev_error *error);
/* Sends what is in es->body, and books each document's result. 1: too large for the server. */
int es_bulk_send(struct es_sink *es, const struct ev_view *view, struct ev_sink_document *const *documents,
                 size_t count, struct ev_error *error);

/* es_mend.c */
int es_mend(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
            struct ev_error *error);

/* es_checkpoints.c */
int es_load_checkpoint(struct ev_sink *sink, const struct ev_view *view, int32_t partition, struct ev_checkpoint *ret,
                       struct ev_error *error);
int es_save_checkpoints(struct ev_sink *sink, const struct ev_view *view, const struct ev_checkpoint *checkpoints,
                        size_t count, struct ev_error *error);
int es_save_parked(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                   struct ev_error *error);
int es_load_parked(struct ev_sink *sink, const struct ev_view *view,
                   int (*each)(void *context, const struct ev_parked *parked), void *context, struct ev_error *error);
/* Lies in es->arena. */
struct ev_str es_parked_id(struct es_sink *es, const struct ev_view *view, const struct ev_parked *parked);

/* es_control.c */
int es_load_control(struct ev_sink *sink, const struct ev_view *view, struct ev_control *ret, struct ev_error *error);
int es_change_control(struct ev_sink *sink, const struct ev_view *view, enum ev_control_change change,
                      struct ev_error *error);
int es_remove_parked(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                     struct ev_error *error);
/* In the document, if there is one: {"_parked": {offset, at_ms, cause}}. The next write of it takes that away. */
int es_mark_parked(struct es_sink *es, const struct ev_view *view, const struct ev_parked *parked,
                   struct ev_error *error);
