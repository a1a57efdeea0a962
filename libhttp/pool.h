/* The exchanges of one loop: made when first needed, used again and again with their arenas, never more than
 * HTTP_EXCHANGES_MAX. Knows nothing of h2o but the name of its request. For the loop's thread alone. */
#pragma once

#include "libhttp/server.h"

/* Arenas that grew beyond this are given back to the system; the others stay with their slot. */
#define HTTP_SLOT_KEEP_MAX ((size_t)64 * 1024)

struct st_h2o_req_t;

enum http_slot_state {
    HTTP_SLOT_FREE,
    HTTP_SLOT_RUNNING, /* the handler or whoever it asked owes the answer */
    HTTP_SLOT_SENT,    /* the answer is being written from the arena */
};

struct http_slot {
    struct http_exchange exchange; /* first: the address of an exchange is that of its slot */
    enum http_slot_state state;
    struct st_h2o_req_t *req; /* NULL: the client has gone */
    struct http_post post;    /* carries an answer from another thread, together with: */
    struct http_reply reply;
    struct http_slot *next_free;
};

struct http_pool {
    struct http_slot **slots;
    uint32_t count, capacity, max, in_use;
    size_t body_bytes;      /* of the exchanges in use */
    struct http_slot *free; /* the last one used first: its memory is warm */
};

void http_pool_init(struct http_pool *pool, uint32_t max);
void http_pool_finish(struct http_pool *pool);
/* A running slot with a new generation and an empty exchange; NULL at the bound. */
struct http_slot *http_pool_take(struct http_pool *pool, struct http_loop *loop);
void http_pool_release(struct http_pool *pool, struct http_slot *slot);
/* The running slot of that number and generation, or NULL. */
struct http_slot *http_pool_find(const struct http_pool *pool, uint32_t slot, uint32_t generation);

static inline struct http_slot *http_slot_of(struct http_exchange *exchange)
{
    return (struct http_slot *)(void *)exchange;
}
