#include <stdlib.h>
#include <string.h>

#include "core/fatal.h"
#include "core/memory.h"
#include "libhttp/pool.h"

#define POOL_CAPACITY_MIN 64

void http_pool_init(struct http_pool *pool, uint32_t max)
{
    *pool = (struct http_pool){.max = max};
}

void http_pool_finish(struct http_pool *pool)
{
    for (uint32_t i = 0; i < pool->count; i++) {
        ev_arena_finish(&pool->slots[i]->exchange.arena);
        free(pool->slots[i]);
    }
    free(pool->slots);
    *pool = (struct http_pool){.max = pool->max};
}

static struct http_slot *pool_add_slot(struct http_pool *pool)
{
    if (pool->count == pool->max)
        return NULL;
    if (pool->count == pool->capacity) {
        pool->capacity = pool->capacity ? pool->capacity * 2 : POOL_CAPACITY_MIN;
        pool->slots = ev_memory_resize(pool->slots, pool->capacity * sizeof(struct http_slot *));
    }
    struct http_slot *slot = ev_memory_new(struct http_slot);
    slot->exchange.slot = pool->count;
    pool->slots[pool->count++] = slot;
    return slot;
}

/* The arrays of an exchange are some kilobytes; only their counts need to be cleared. */
static void exchange_clear(struct http_exchange *exchange, struct http_loop *loop)
{
    exchange->loop = loop;
    exchange->generation++;
    exchange->route = NULL;
    exchange->method = exchange->path = exchange->query = exchange->body = EV_STR_NULL;
    exchange->path_value_count = 0;
    exchange->header_count = 0;
    exchange->trace_id[0] = exchange->traceparent[0] = exchange->request_id[0] = '\0';
    exchange->received_us = 0;
    exchange->is_private = false;
    exchange->user = NULL;
    exchange->answer_header = (struct http_header){0};
}

struct http_slot *http_pool_take(struct http_pool *pool, struct http_loop *loop)
{
    struct http_slot *slot = pool->free;
    if (slot)
        pool->free = slot->next_free;
    else if (!(slot = pool_add_slot(pool)))
        return NULL;
    slot->next_free = NULL;
    slot->state = HTTP_SLOT_RUNNING;
    slot->req = NULL;
    exchange_clear(&slot->exchange, loop);
    pool->in_use++;
    return slot;
}

void http_pool_release(struct http_pool *pool, struct http_slot *slot)
{
    if (slot->state == HTTP_SLOT_FREE)
        ev_fatal("exchange %u was released twice", slot->exchange.slot);
    pool->body_bytes -= slot->exchange.body.length;
    if (slot->exchange.arena.total > HTTP_SLOT_KEEP_MAX)
        ev_arena_finish(&slot->exchange.arena);
    else
        ev_arena_reset(&slot->exchange.arena);
    slot->state = HTTP_SLOT_FREE;
    slot->req = NULL;
    slot->next_free = pool->free;
    pool->free = slot;
    pool->in_use--;
}

struct http_slot *http_pool_find(const struct http_pool *pool, uint32_t slot, uint32_t generation)
{
    if (slot >= pool->count)
        return NULL;
    struct http_slot *found = pool->slots[slot];
    if (found->state != HTTP_SLOT_RUNNING || found->exchange.generation != generation)
        return NULL;
    return found;
}

struct ev_str http_exchange_header(const struct http_exchange *exchange, const char *lower_case_name)
{
    struct ev_str name = ev_str_of(lower_case_name);
    for (size_t i = 0; i < exchange->header_count; i++)
        if (ev_str_equal(exchange->headers[i].name, name))
            return exchange->headers[i].value;
    return EV_STR_NULL;
}
