/* A product of the catalogue. The rules:
 * - A title, and a price in each currency, is valid from a time until the next one's. What was valid before stays
 * known.
 * - A time that isn't given is now. A title or price that is valid at its time anyway adds nothing; one from the very
 * time of another replaces it. Those of a command are taken in the order of their times, so what a command comes to
 * doesn't depend on how its lists are sorted. Two different ones from the same time in one command contradict each
 * other and are refused.
 * - Creating a product again changes nothing where everything that the command says is so already; otherwise the SKU is
 * taken.
 * - A change adds events for what differs, and none for the rest. A field that is absent stays, a list that is given
 * (also an empty one) replaces the old.
 * - An attribute is a text or a number, not both and not neither. Several may have one name (a list of materials).
 * - A discontinued product isn't changed or created again. Discontinuing it again changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "domain/domain.h"
#include "domain/rules.h"
#include "gen/product.h"

#define PRODUCT_TITLES_MAX ((size_t)256)
#define PRODUCT_PRICES_MAX ((size_t)1000)

/* The number of titles that are valid from `time` or earlier: the last of them is the one valid at that time. */
static size_t product_titles_until(const struct product_state *state, int64_t time)
{
    size_t low = 0, high = state->titles.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (state->titles.items[middle].valid_from <= time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int product_compare_prices(const struct product_price *a, const struct product_price *b)
{
    int order = ev_str_compare(a->currency, b->currency);
    return order != 0 ? order : (a->valid_from > b->valid_from) - (a->valid_from < b->valid_from);
}

/* The number of prices before and with this one's currency and time: the last of them, if it is in that currency, is
 * the one valid at that time. */
static size_t product_prices_until(const struct product_state *state, const struct product_price *price)
{
    size_t low = 0, high = state->prices.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (product_compare_prices(&state->prices.items[middle], price) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Fold */

static void product_evolve_titled(struct product_state *state, const struct product_titled *titled,
                                  struct ev_arena *arena)
{
    size_t count = product_titles_until(state, titled->valid_from);
    struct product_title *title;
    if (count > 0 && state->titles.items[count - 1].valid_from == titled->valid_from)
        title = &state->titles.items[count - 1];
    else
        title = ev_array_insert(arena, &state->titles, count);
    *title = (struct product_title){.title = titled->title, .valid_from = titled->valid_from};
}

static void product_evolve_priced(struct product_state *state, const struct product_priced *priced,
                                  struct ev_arena *arena)
{
    struct product_price price = {
        .price = priced->price, .currency = priced->currency, .valid_from = priced->valid_from};
    size_t count = product_prices_until(state, &price);
    if (count > 0 && product_compare_prices(&state->prices.items[count - 1], &price) == 0)
        state->prices.items[count - 1] = price;
    else
        *ev_array_insert(arena, &state->prices, count) = price;
}

static void product_evolve(struct product_state *state, const struct product_event *event, struct ev_arena *arena)
{
    switch (event->type) {
    case PRODUCT_CREATED:
        state->sku = event->product_created->sku;
        state->details = event->product_created->details;
        break;
    case PRODUCT_TITLED:
        product_evolve_titled(state, event->product_titled, arena);
        break;
    case PRODUCT_PRICED:
        product_evolve_priced(state, event->product_priced, arena);
        break;
    case PRODUCT_DETAILS_CHANGED:
        state->details = event->product_details_changed->details;
        break;
    case PRODUCT_DISCONTINUED:
        state->discontinued = true;
        break;
    }
}

/* Decide: what a command asks for */

struct product_title_wish {
    struct product_title value;
    size_t index; /* in the command's list; the list's count: the field "title" */
};
struct product_price_wish {
    struct product_price value;
    size_t index;
};

/* CreateProduct and ChangeProduct have the same fields in types of their own; this is both, with times filled in. */
struct product_request {
    struct product_details details; /* lists: items NULL where absent */
    struct product_title_wish *titles;
    struct product_price_wish *prices;
    size_t title_count, listed_title_count, price_count;
};

static void *product_new_list(struct ev_arena *arena, const void *given, size_t count, size_t size)
{
    return given ? ev_arena_alloc_array(arena, count, size) : NULL;
}

#define PRODUCT_REQUEST_OF(COMMAND)                                                                                    \
    static void product_request_of_##COMMAND(const struct COMMAND *command, int64_t now_ms, struct ev_arena *arena,    \
                                             struct product_request *ret)                                              \
    {                                                                                                                  \
        *ret = (struct product_request){                                                                               \
            .details = {.short_description = command->short_description,                                               \
                        .supplier = command->supplier,                                                                 \
                        .eans = command->eans,                                                                         \
                        .images = command->images,                                                                     \
                        .released_on = command->released_on},                                                          \
            .listed_title_count = command->titles.count,                                                               \
            .price_count = command->prices.count,                                                                      \
        };                                                                                                             \
        size_t count = command->attributes.count;                                                                      \
        struct product_attribute *attributes =                                                                         \
            product_new_list(arena, command->attributes.items, count, sizeof(*attributes));                            \
        for (size_t i = 0; i < count; i++)                                                                             \
            attributes[i] = (struct product_attribute){.name = command->attributes.items[i].name,                      \
                                                       .text = command->attributes.items[i].text,                      \
                                                       .number = command->attributes.items[i].number};                 \
        ret->details.attributes = (struct product_attribute_array){attributes, count, count};                          \
        ret->titles = ev_arena_new_array(arena, struct product_title_wish, command->titles.count + 1);                 \
        for (size_t i = 0; i < command->titles.count; i++)                                                             \
            ret->titles[ret->title_count++] = (struct product_title_wish){                                             \
                {command->titles.items[i].title, product_time(command->titles.items[i].valid_from, now_ms)}, i};       \
        if (command->title.data)                                                                                       \
            ret->titles[ret->title_count++] =                                                                          \
                (struct product_title_wish){{command->title, now_ms}, command->titles.count};                          \
        ret->prices = ev_arena_new_array(arena, struct product_price_wish, command->prices.count);                     \
        for (size_t i = 0; i < command->prices.count; i++)                                                             \
            ret->prices[i] =                                                                                           \
                (struct product_price_wish){{command->prices.items[i].price, command->prices.items[i].currency,        \
                                             product_time(command->prices.items[i].valid_from, now_ms)},               \
                                            i};                                                                        \
    }

static int64_t product_time(struct ev_optional_long valid_from, int64_t now_ms)
{
    return valid_from.present ? valid_from.value : now_ms;
}
PRODUCT_REQUEST_OF(create_product)
PRODUCT_REQUEST_OF(change_product)

/* Decide: titles and prices */

static int product_sort_titles(const void *left, const void *right)
{
    const struct product_title_wish *a = left, *b = right;
    if (a->value.valid_from != b->value.valid_from)
        return a->value.valid_from < b->value.valid_from ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static int product_sort_prices(const void *left, const void *right)
{
    const struct product_price_wish *a = left, *b = right;
    int order = product_compare_prices(&a->value, &b->value);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

static int product_reject_contradiction(const char *list, size_t index, struct ev_decision *ret)
{
    char pointer[DOMAIN_POINTER_MAX];
    return ev_reject(ret, REJECTION_TIME_CONTRADICTION, domain_pointer(pointer, list, index, NULL),
                     "The command has another one that is valid from the same time.");
}

/* Adds an event for each title that isn't valid at its time anyway, and folds it into the draft, which the next one is
 * compared with. */
static int product_decide_titles(struct product_request *request, struct product_state *draft, struct ev_decision *ret)
{
    qsort(request->titles, request->title_count, sizeof(*request->titles), product_sort_titles);
    for (size_t i = 0; i < request->title_count; i++) {
        const struct product_title *title = &request->titles[i].value,
                                   *before = i > 0 ? &request->titles[i - 1].value : NULL;
        if (before && before->valid_from == title->valid_from && !ev_str_equal(before->title, title->title)) {
            if (request->titles[i].index == request->listed_title_count)
                return ev_reject(ret, REJECTION_TIME_CONTRADICTION, "/title",
                                 "Another title in \"titles\" is valid from now as well.");
            return product_reject_contradiction("titles", request->titles[i].index, ret);
        }
        size_t count = product_titles_until(draft, title->valid_from);
        const struct product_title *valid = count > 0 ? &draft->titles.items[count - 1] : NULL;
        if (valid && ev_str_equal(valid->title, title->title))
            continue;
        if (draft->titles.count >= PRODUCT_TITLES_MAX && !(valid && valid->valid_from == title->valid_from))
            return ev_reject(ret, REJECTION_PRODUCT_HISTORY_FULL, "/titles",
                             "A product has at most %zu titles over time.", PRODUCT_TITLES_MAX);
        struct product_titled *event = product_titled_emit(&ret->events);
        *event = (struct product_titled){.sku = draft->sku, .title = title->title, .valid_from = title->valid_from};
        product_evolve_titled(draft, event, ret->events.arena);
    }
    return 0;
}

/* The same for prices, each currency by itself. */
static int product_decide_prices(struct product_request *request, struct product_state *draft, struct ev_decision *ret)
{
    char pointer[DOMAIN_POINTER_MAX];
    qsort(request->prices, request->price_count, sizeof(*request->prices), product_sort_prices);
    for (size_t i = 0; i < request->price_count; i++) {
        const struct product_price *price = &request->prices[i].value,
                                   *before = i > 0 ? &request->prices[i - 1].value : NULL;
        int rejection =
            domain_check_price(price->price, domain_pointer(pointer, "prices", request->prices[i].index, "price"), ret);
        if (rejection != 0)
            return rejection;
        if (before && product_compare_prices(before, price) == 0 && before->price != price->price)
            return product_reject_contradiction("prices", request->prices[i].index, ret);
        size_t count = product_prices_until(draft, price);
        const struct product_price *valid = count > 0 ? &draft->prices.items[count - 1] : NULL;
        if (valid && !ev_str_equal(valid->currency, price->currency))
            valid = NULL;
        if (valid && valid->price == price->price)
            continue;
        if (draft->prices.count >= PRODUCT_PRICES_MAX && !(valid && valid->valid_from == price->valid_from))
            return ev_reject(ret, REJECTION_PRODUCT_HISTORY_FULL, "/prices",
                             "A product has at most %zu prices over time, in all currencies.", PRODUCT_PRICES_MAX);
        struct product_priced *event = product_priced_emit(&ret->events);
        *event = (struct product_priced){
            .sku = draft->sku, .price = price->price, .currency = price->currency, .valid_from = price->valid_from};
        product_evolve_priced(draft, event, ret->events.arena);
    }
    return 0;
}

/* A copy whose lists of titles and prices can be changed; all the rest is shared. */
static void product_draft_of(const struct product_state *state, struct ev_str sku, struct ev_arena *arena,
                             struct product_state *ret)
{
    *ret = *state;
    ret->sku = sku;
    ret->titles = (struct product_title_array){0};
    ev_array_reserve(arena, (struct ev_array *)(void *)&ret->titles, sizeof(*ret->titles.items), state->titles.count);
    for (size_t i = 0; i < state->titles.count; i++)
        *ev_array_push(arena, &ret->titles) = state->titles.items[i];
    ret->prices = (struct product_price_array){0};
    ev_array_reserve(arena, (struct ev_array *)(void *)&ret->prices, sizeof(*ret->prices.items), state->prices.count);
    for (size_t i = 0; i < state->prices.count; i++)
        *ev_array_push(arena, &ret->prices) = state->prices.items[i];
}

static int product_decide_history(const struct product_state *state, struct product_request *request, struct ev_str sku,
                                  struct ev_decision *ret)
{
    if (request->title_count == 0 && request->price_count == 0)
        return 0;
    struct product_state draft;
    product_draft_of(state, sku, ret->events.arena, &draft);
    int rejection = product_decide_titles(request, &draft, ret);
    return rejection != 0 ? rejection : product_decide_prices(request, &draft, ret);
}

/* Decide: commands */

static int product_check_attributes(const struct product_details *details, struct ev_decision *ret)
{
    char pointer[DOMAIN_POINTER_MAX];
    for (size_t i = 0; i < details->attributes.count; i++) {
        const struct product_attribute *attribute = &details->attributes.items[i];
        bool has_text = attribute->text.data != NULL;
        if (has_text == attribute->number.present)
            return ev_reject(ret, REJECTION_ATTRIBUTE_INVALID, domain_pointer(pointer, "attributes", i, NULL),
                             "The attribute has %s text %s number; exactly one of them is needed.",
                             has_text ? "both" : "neither", has_text ? "and" : "nor");
    }
    return 0;
}

static int product_reject_discontinued(const struct ev_command *envelope, struct ev_decision *ret)
{
    return ev_reject(ret, REJECTION_PRODUCT_DISCONTINUED, "", "Product \"%.*s\" is discontinued.",
                     EV_STR_ARG(envelope->key));
}

static int product_create(const struct product_state *state, int64_t version, const struct create_product *command,
                          const struct ev_command *envelope, struct ev_decision *ret)
{
    struct product_request request;
    product_request_of_create_product(command, envelope->now_ms, ret->events.arena, &request);
    int rejection = product_check_attributes(&request.details, ret);
    if (rejection != 0)
        return rejection;
    if (version > 0 && state->discontinued)
        return product_reject_discontinued(envelope, ret);
    if (version == 0) {
        struct product_created *event = product_created_emit(&ret->events);
        event->sku = envelope->key;
        event->details = request.details;
    }
    rejection = product_decide_history(state, &request, envelope->key, ret);
    if (rejection != 0 || version == 0)
        return rejection;
    if (ret->events.count > 0 || !ev_record_equal(&product_details_record, &state->details, &request.details))
        return ev_reject(ret, REJECTION_PRODUCT_EXISTS, "",
                         "Product \"%.*s\" exists and is described otherwise. Change it instead.",
                         EV_STR_ARG(envelope->key));
    return 0;
}

static struct product_details product_merge_details(const struct product_details *old,
                                                    const struct product_details *given)
{
    return (struct product_details){
        .short_description = given->short_description.data ? given->short_description : old->short_description,
        .supplier = given->supplier.data ? given->supplier : old->supplier,
        .eans = given->eans.items ? given->eans : old->eans,
        .images = given->images.items ? given->images : old->images,
        .released_on = given->released_on.present ? given->released_on : old->released_on,
        .attributes = given->attributes.items ? given->attributes : old->attributes,
    };
}

static int product_change(const struct product_state *state, const struct change_product *command,
                          const struct ev_command *envelope, struct ev_decision *ret)
{
    struct product_request request;
    if (state->discontinued)
        return product_reject_discontinued(envelope, ret);
    product_request_of_change_product(command, envelope->now_ms, ret->events.arena, &request);
    int rejection = product_check_attributes(&request.details, ret);
    if (rejection != 0)
        return rejection;
    struct product_details details = product_merge_details(&state->details, &request.details);
    if (!ev_record_equal(&product_details_record, &state->details, &details)) {
        struct product_details_changed *event = product_details_changed_emit(&ret->events);
        event->sku = envelope->key;
        event->details = details;
    }
    return product_decide_history(state, &request, envelope->key, ret);
}

static int product_discontinue(const struct product_state *state, const struct discontinue_product *command,
                               const struct ev_command *envelope, struct ev_decision *ret)
{
    if (state->discontinued)
        return 0;
    struct product_discontinued *event = product_discontinued_emit(&ret->events);
    event->sku = envelope->key;
    event->reason = command->reason;
    return 0;
}

static int product_decide(const struct product_state *state, int64_t version, const struct product_command *command,
                          const struct ev_command *envelope, struct ev_decision *ret)
{
    if (version == 0 && command->type != CREATE_PRODUCT)
        return ev_reject(ret, REJECTION_PRODUCT_NOT_FOUND, "", "There is no product \"%.*s\".",
                         EV_STR_ARG(envelope->key));
    switch (command->type) {
    case CREATE_PRODUCT:
        return product_create(state, version, command->create_product, envelope, ret);
    case CHANGE_PRODUCT:
        return product_change(state, command->change_product, envelope, ret);
    case DISCONTINUE_PRODUCT:
        return product_discontinue(state, command->discontinue_product, envelope, ret);
    }
    return ev_reject(ret, REJECTION_COMMAND_UNKNOWN, "", "A product has no such command.");
}

/* The decider's untyped side. */

static int product_decide_any(const void *state, int64_t version, const struct ev_command *command,
                              struct ev_decision *ret)
{
    struct product_command typed = product_command_of(command->type, command->body);
    return product_decide(state, version, &typed, command, ret);
}

static void product_evolve_any(void *state, const struct ev_event *event, struct ev_arena *arena)
{
    struct product_event typed = product_event_of(event);
    product_evolve(state, &typed, arena);
}

const struct ev_decider product_decider = {
    .category = "product",
    .state = &product_state_record,
    .decide = product_decide_any,
    .evolve = product_evolve_any,
};
