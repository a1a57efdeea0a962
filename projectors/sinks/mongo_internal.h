/* What the files of the MongoDB sink share. */
#pragma once

#include <mongoc/mongoc.h>

#include "core/buffer.h"
#include "sinks/mongo.h"

#define MONGO_NAME_MAX 192

struct mongo_sink {
    struct ev_sink sink;
    struct mongo_pool *pool;
    mongoc_client_t *client;
    const char *database; /* the pool's */
    char prefix[64];      /* "" or "shop2_" */
    struct ev_buffer scratch;
};

static inline struct mongo_sink *mongo_of(struct ev_sink *sink)
{
    return (struct mongo_sink *)sink;
}

/* "orders_v1", or "orders_v1_g2" for the second generation, without and with the prefix. */
void mongo_view_name(const struct mongo_sink *mongo, const struct ev_view *view, char ret_name[MONGO_NAME_MAX]);
void mongo_collection_name(const struct mongo_sink *mongo, const struct ev_view *view, char ret_name[MONGO_NAME_MAX]);
/* The caller destroys it. `name` without the prefix. */
mongoc_collection_t *mongo_collection(const struct mongo_sink *mongo, const char *name);
mongoc_collection_t *mongo_documents(const struct mongo_sink *mongo, const struct ev_view *view);

/* A fault of the connection or the server: always worth another try. */
int mongo_fault(const bson_error_t *fault, const char *what, struct ev_error *error);

void mongo_bson_destroy(bson_t **bson);
void mongo_collection_destroy_at(mongoc_collection_t **collection);
void mongo_cursor_destroy_at(mongoc_cursor_t **cursor);
#define _cleanup_bson_ __attribute__((cleanup(mongo_bson_destroy)))
#define _cleanup_collection_ __attribute__((cleanup(mongo_collection_destroy_at)))
#define _cleanup_cursor_ __attribute__((cleanup(mongo_cursor_destroy_at)))

/* mongo_documents.c */
int mongo_load(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
               struct ev_arena *arena, struct ev_error *error);
int mongo_write(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
                struct ev_error *error);
int mongo_scan(struct ev_sink *sink, const struct ev_view *view,
               int (*each)(void *context, const struct ev_sink_document *document), void *context,
               struct ev_error *error);
/* As it lies in the collection; the caller destroys it. NULL: its bytes can't be decoded. */
bson_t *mongo_document_bson(const struct ev_view *view, const struct ev_sink_document *document, struct ev_arena *arena,
                            struct ev_error *error);

/* mongo_mend.c */
int mongo_mend(struct ev_sink *sink, const struct ev_view *view, struct ev_sink_document *documents, size_t count,
               struct ev_error *error);

/* mongo_checkpoints.c */
int mongo_load_checkpoint(struct ev_sink *sink, const struct ev_view *view, int32_t partition,
                          struct ev_checkpoint *ret, struct ev_error *error);
int mongo_save_checkpoints(struct ev_sink *sink, const struct ev_view *view, const struct ev_checkpoint *checkpoints,
                           size_t count, struct ev_error *error);
int mongo_save_parked(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                      struct ev_error *error);
int mongo_load_parked(struct ev_sink *sink, const struct ev_view *view,
                      int (*each)(void *context, const struct ev_parked *parked), void *context,
                      struct ev_error *error);
#define MONGO_PARKED_ID_MAX (MONGO_NAME_MAX + EV_VIEW_KEY_MAX + 24)
void mongo_parked_id(const struct mongo_sink *mongo, const struct ev_view *view, const struct ev_parked *parked,
                     char ret_id[MONGO_PARKED_ID_MAX]);
/* Removes the checkpoints and parked entries of "orders_v1_g2". */
int mongo_forget_view(struct mongo_sink *mongo, const char *name, struct ev_error *error);

/* mongo_control.c */
int mongo_load_control(struct ev_sink *sink, const struct ev_view *view, struct ev_control *ret,
                       struct ev_error *error);
int mongo_change_control(struct ev_sink *sink, const struct ev_view *view, enum ev_control_change change,
                         struct ev_error *error);
int mongo_remove_parked(struct ev_sink *sink, const struct ev_view *view, const struct ev_parked *parked,
                        struct ev_error *error);
/* In the document, if there is one: {_parked: {offset, at_ms, cause}}. The next write of the document takes it away. */
int mongo_mark_parked(struct mongo_sink *mongo, const struct ev_view *view, const struct ev_parked *parked,
                      struct ev_error *error);

/* mongo_prepare.c */
int mongo_prepare(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error);
int mongo_reset(struct ev_sink *sink, const struct ev_view *view, struct ev_error *error);
/* The collection and, when asked for, its indexes. 1: it was made; 0: was there. */
int mongo_prepare_collection(struct mongo_sink *mongo, const char *view, const char *name, bool indexes,
                             struct ev_error *error);

/* mongo_generations.c */
/* Settles which generation the sink's calls mean, and whether that is live or becomes so now. */
int mongo_settle_generation(struct mongo_sink *mongo, const struct ev_view *view, bool *ret_live,
                            struct ev_error *error);
