#include <stdio.h>

#include "http/command.h"

static bool buys(const struct command_run *run)
{
    return run->route->type == &place_order_command || run->route->type == &add_cart_item_command;
}

bool command_offers_is_rejection(const struct command_run *run, const struct ev_result *result)
{
    return buys(run) && result->outcome == EV_OUTCOME_REJECTED &&
           (result->rejection == REJECTION_PRODUCT_UNKNOWN || result->rejection == REJECTION_PRODUCT_UNPRICED);
}

static void submit_again(void *context)
{
    struct command_run *run = context;
    if (run->refresh.result == 0) {
        command_dispatch(run);
        return;
    }
    ev_metric_add(run->route->by_outcome[EV_OUTCOME_FAILED], 1);
    http_reply_problem(run->exchange, &(struct http_problem){
                                          .status = 503,
                                          .slug = "prices-unavailable",
                                          .title = "The price list could not be brought up to date",
                                          .detail = EV_STR("Nothing was carried out. Send the command again."),
                                          .retry_after_s = COMMAND_RETRY_AFTER_S,
                                      });
}

/* On the price reader's thread. */
static void on_refreshed(struct price_refresh *refresh)
{
    struct command_run *run = (struct command_run *)(void *)((char *)refresh - offsetof(struct command_run, refresh));
    run->post = (struct http_post){.function = submit_again, .context = run};
    http_loop_post_node(run->exchange->loop, &run->post);
}

bool command_offers_retry(struct command_run *run, const struct ev_result *result)
{
    if (run->refreshed || !command_offers_is_rejection(run, result))
        return false;
    run->refreshed = true;
    run->refresh = (struct price_refresh){.deadline_ms = run->shard.request.deadline_ms, .done = on_refreshed};
    price_reader_refresh(run->shard.app->price_reader, &run->refresh);
    return true;
}

static struct http_problem_error offer_error(struct ev_arena *arena, struct ev_str sku, struct ev_str currency,
                                             const struct offer *offer, struct ev_str pointer)
{
    const struct rejection_type *type =
        rejection_find(offer->title.data ? REJECTION_PRODUCT_UNPRICED : REJECTION_PRODUCT_UNKNOWN);
    struct ev_str detail =
        offer->title.data
            ? ev_arena_printf(arena, "Product \"%.*s\" has no price in %.*s.", EV_STR_ARG(sku), EV_STR_ARG(currency))
            : ev_arena_printf(arena, "There is no product \"%.*s\" that can be bought.", EV_STR_ARG(sku));
    return (struct http_problem_error){pointer, ev_str_of(type->slug), detail};
}

/* The lines of an order that can't be bought, at most EV_FAULTS_MAX of them. */
static size_t find_bad_lines(struct command_run *run, struct http_problem_error *ret, size_t *ret_total)
{
    const struct place_order *command = run->shard.request.body;
    struct ev_arena *arena = &run->exchange->arena;
    size_t kept = 0;
    *ret_total = 0;
    for (size_t i = 0; i < command->lines.count; i++) {
        struct ev_str sku = command->lines.items[i].sku;
        struct offer offer;
        price_list_find(run->shard.app->prices, sku, command->currency, run->shard.request.now_ms, arena, &offer);
        if (offer.title.data && offer.priced)
            continue;
        (*ret_total)++;
        if (kept < EV_FAULTS_MAX)
            ret[kept++] =
                offer_error(arena, sku, command->currency, &offer, ev_arena_printf(arena, "/lines/%zu/sku", i));
    }
    return kept;
}

void command_offers_reject(struct command_run *run, const struct ev_result *result)
{
    const struct rejection_type *type = rejection_find(result->rejection);
    struct ev_arena *arena = &run->exchange->arena;
    struct http_problem_error *errors = ev_arena_new_array(arena, struct http_problem_error, EV_FAULTS_MAX);
    struct ev_str detail = ev_arena_copy(arena, ev_str_of(result->decision->detail));
    size_t count = 0, total = 0;
    if (run->route->type == &place_order_command)
        count = find_bad_lines(run, errors, &total);
    if (count == 0) { /* a cart's, or a product that has come into the list since the decision */
        errors[0] = (struct http_problem_error){ev_arena_copy(arena, ev_str_of(result->decision->pointer)),
                                                ev_str_of(type->slug), detail};
        count = total = 1;
    }
    http_reply_problem(run->exchange, &(struct http_problem){
                                          .status = type->status,
                                          .slug = type->slug,
                                          .title = type->title,
                                          .detail = detail,
                                          .errors = errors,
                                          .error_count = count,
                                          .error_total = total,
                                      });
}
