#include "price_list.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/fatal.h"
#include "core/map.h"
#include "core/memory.h"
#include "gen/product.h"

#define CURRENCY_LENGTH 3

/* A title or a price and since when it holds; a list of them per product, in no order. */
struct entry {
    struct entry *next;
    int64_t valid_from;
    int64_t price;
    char currency[CURRENCY_LENGTH + 1]; /* "": a title */
    size_t title_length;
    char title[];
};

struct product {
    struct entry *entries;
    bool discontinued;
};

struct price_list {
    pthread_rwlock_t lock;
    struct ev_map products; /* SKU to struct product */
    int64_t dropped;
};

struct price_list *price_list_create(void)
{
    struct price_list *list = ev_memory_new(struct price_list);
    int fault = pthread_rwlock_init(&list->lock, NULL);
    if (fault)
        ev_fatal("pthread_rwlock_init: %s", strerror(fault));
    return list;
}

static void product_destroy(struct product *product)
{
    for (struct entry *entry = product->entries, *next; entry; entry = next) {
        next = entry->next;
        free(entry);
    }
    free(product);
}

void price_list_destroy(struct price_list *list)
{
    if (!list)
        return;
    size_t cursor = 0;
    void *product;
    while (ev_map_next(&list->products, &cursor, NULL, &product))
        product_destroy(product);
    ev_map_finish(&list->products);
    pthread_rwlock_destroy(&list->lock);
    free(list);
}

static bool entry_is_of(const struct entry *entry, struct ev_str currency)
{
    return strlen(entry->currency) == currency.length && memcmp(entry->currency, currency.data, currency.length) == 0;
}

/* The newest that holds at the time, among titles (currency "") or the prices of one currency. */
static const struct entry *product_find(const struct product *product, struct ev_str currency, int64_t now_ms)
{
    const struct entry *found = NULL;
    for (const struct entry *entry = product->entries; entry; entry = entry->next)
        if (entry->valid_from <= now_ms && entry_is_of(entry, currency) &&
            (!found || entry->valid_from > found->valid_from))
            found = entry;
    return found;
}

void price_list_find(struct price_list *list, struct ev_str sku, struct ev_str currency, int64_t now_ms,
                     struct ev_arena *arena, struct offer *ret)
{
    *ret = (struct offer){0};
    pthread_rwlock_rdlock(&list->lock);
    const struct product *product = ev_map_get(&list->products, sku);
    const struct entry *title = product && !product->discontinued ? product_find(product, EV_STR(""), now_ms) : NULL;
    const struct entry *price =
        title && currency.length == CURRENCY_LENGTH ? product_find(product, currency, now_ms) : NULL;
    if (title)
        ret->title = ev_arena_copy(arena, (struct ev_str){title->title, title->title_length});
    if (price) {
        ret->priced = true;
        ret->unit_price = price->price;
    }
    pthread_rwlock_unlock(&list->lock);
}

/* Drops what `added` takes the place of and what is past because of it: entries of its kind that it replaces outright,
 * and those that ended before now. Returns how many entries are left. */
static size_t product_prune(struct product *product, const struct entry *added, int64_t now_ms)
{
    size_t left = 0;
    for (struct entry **link = &product->entries; *link;) {
        struct entry *entry = *link;
        bool same_kind = strcmp(entry->currency, added->currency) == 0;
        bool is_past = added->valid_from <= now_ms && entry->valid_from <= added->valid_from;
        if (same_kind && (is_past || entry->valid_from == added->valid_from)) {
            *link = entry->next;
            free(entry);
            continue;
        }
        left++;
        link = &entry->next;
    }
    return left;
}

static void product_add(struct price_list *list, struct product *product, struct entry *added, int64_t now_ms)
{
    const struct entry *current = product_find(product, ev_str_of(added->currency), now_ms);
    bool is_old = current && added->valid_from < current->valid_from;
    size_t left = is_old ? 0 : product_prune(product, added, now_ms);
    if (is_old || left >= PRICE_LIST_ENTRIES_MAX) {
        list->dropped += is_old ? 0 : 1;
        free(added);
        return;
    }
    added->next = product->entries;
    product->entries = added;
}

static struct entry *entry_create(struct ev_str title, struct ev_str currency, int64_t price, int64_t valid_from)
{
    struct entry *entry = ev_memory_alloc(sizeof(*entry) + title.length);
    *entry = (struct entry){.valid_from = valid_from, .price = price, .title_length = title.length};
    if (title.length)
        memcpy(entry->title, title.data, title.length);
    if (currency.length == CURRENCY_LENGTH)
        memcpy(entry->currency, currency.data, CURRENCY_LENGTH);
    return entry;
}

static struct product *list_product(struct price_list *list, struct ev_str sku)
{
    struct product *product = ev_map_get(&list->products, sku);
    if (product)
        return product;
    if (list->products.count == PRICE_LIST_PRODUCTS_MAX) {
        list->dropped++;
        return NULL;
    }
    product = ev_memory_new(struct product);
    ev_map_put(&list->products, sku, product);
    return product;
}

static void fold_entry(struct price_list *list, struct ev_str sku, struct entry *entry, int64_t now_ms)
{
    pthread_rwlock_wrlock(&list->lock);
    struct product *product = list_product(list, sku);
    if (product)
        product_add(list, product, entry, now_ms);
    else
        free(entry);
    pthread_rwlock_unlock(&list->lock);
}

static void fold_discontinued(struct price_list *list, struct ev_str sku)
{
    pthread_rwlock_wrlock(&list->lock);
    struct product *product = list_product(list, sku);
    if (product)
        product->discontinued = true;
    pthread_rwlock_unlock(&list->lock);
}

void price_list_fold(struct price_list *list, const struct ev_event *event, int64_t now_ms)
{
    if (strcmp(event->type->category, product_created_event.category) != 0)
        return; /* stock lies in the same topic */
    struct product_event typed = product_event_of(event);
    switch (typed.type) {
    case PRODUCT_TITLED:
        fold_entry(list, typed.product_titled->sku,
                   entry_create(typed.product_titled->title, EV_STR(""), 0, typed.product_titled->valid_from), now_ms);
        break;
    case PRODUCT_PRICED:
        fold_entry(list, typed.product_priced->sku,
                   entry_create(EV_STR(""), typed.product_priced->currency, typed.product_priced->price,
                                typed.product_priced->valid_from),
                   now_ms);
        break;
    case PRODUCT_DISCONTINUED:
        fold_discontinued(list, typed.product_discontinued->sku);
        break;
    case PRODUCT_CREATED:
    case PRODUCT_DETAILS_CHANGED:
        break; /* what a product is described by is of no matter here */
    }
}

size_t price_list_count(struct price_list *list)
{
    pthread_rwlock_rdlock(&list->lock);
    size_t count = list->products.count;
    pthread_rwlock_unlock(&list->lock);
    return count;
}

int64_t price_list_dropped(struct price_list *list)
{
    pthread_rwlock_rdlock(&list->lock);
    int64_t dropped = list->dropped;
    pthread_rwlock_unlock(&list->lock);
    return dropped;
}
