/* What products cost and are called now: a small fold of the product topic that the command API keeps for itself, so
 * that commands need Kafka alone. A background thread feeds it (price_reader.h); any thread may look things up without
 * waiting for more than one record to be folded. Bounded: see below. */
#pragma once

#include "avro/commit.h"

#define PRICE_LIST_PRODUCTS_MAX ((size_t)2 * 1000 * 1000)
/* Titles, and prices in all currencies, that a product has now or will have later. What is past is dropped. */
#define PRICE_LIST_ENTRIES_MAX ((size_t)1024)

struct price_list;

/* What a product can be bought for. */
struct offer {
    struct ev_str title; /* in the arena; null: the product is unknown, discontinued or has no title yet */
    bool priced;         /* in the currency that was asked for */
    int64_t unit_price;
};

struct price_list *price_list_create(void);
void price_list_destroy(struct price_list *list);
/* As of now_ms. Thread-safe. */
void price_list_find(struct price_list *list, struct ev_str sku, struct ev_str currency, int64_t now_ms,
                     struct ev_arena *arena, struct offer *ret);
/* Takes up one event of the product topic; those of other kinds are left aside. `now_ms` tells what is past. One thread
 * at a time. */
void price_list_fold(struct price_list *list, const struct ev_event *event, int64_t now_ms);
size_t price_list_count(struct price_list *list);
/* Products or entries for which there was no room; they can't be bought. */
int64_t price_list_dropped(struct price_list *list);
