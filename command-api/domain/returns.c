/* A return that names no order, as imports have them. Recorded once: the same content again changes nothing, other
 * content under its id is a conflict. */
#include "gen/returns.h"
#include "domain/domain.h"
#include "domain/rules.h"

/* Fold */

static void returns_evolve(struct returns_state *state, const struct returns_event *event, struct ev_arena *arena)
{
    switch (event->type) {
    case RETURN_RECORDED:
        state->return_id = event->return_recorded->return_id;
        state->content_hash = domain_content_hash(&return_recorded_record, event->return_recorded, arena);
        break;
    }
}

/* Decide */

static void returns_fill_recorded(struct return_recorded *event, const struct record_return *command,
                                  const struct ev_command *envelope, struct ev_arena *arena)
{
    event->return_id = envelope->key;
    event->customer_id = command->customer_id;
    event->country = command->country;
    event->currency = command->currency;
    event->returned_at = command->returned_at;
    ev_array_reserve(arena, (struct ev_array *)(void *)&event->lines, sizeof(*event->lines.items),
                     command->lines.count);
    for (size_t i = 0; i < command->lines.count; i++) {
        const struct record_return_lines_item *line = &command->lines.items[i];
        *ev_array_push(arena, &event->lines) = (struct order_line){
            .line_no = (int32_t)(i + 1),
            .sku = line->sku,
            .title = line->title,
            .quantity = line->quantity,
            .unit_price = line->unit_price,
            .kind = line->kind,
        };
    }
}

static int returns_record(const struct returns_state *state, int64_t version, const struct record_return *command,
                          const struct ev_command *envelope, struct ev_decision *ret)
{
    struct ev_arena *arena = ret->events.arena;
    struct return_recorded recorded = {0};
    returns_fill_recorded(&recorded, command, envelope, arena);
    int rejection = domain_check_lines(recorded.lines.items, recorded.lines.count, ret);
    if (rejection != 0)
        return rejection;
    if (version == 0)
        *return_recorded_emit(&ret->events) = recorded;
    else if (!ev_str_equal(state->content_hash, domain_content_hash(&return_recorded_record, &recorded, arena)))
        return ev_reject(ret, REJECTION_RETURN_EXISTS, "", "Return %.*s exists and has other content.",
                         EV_STR_ARG(envelope->key));
    return 0;
}

static int returns_decide(const struct returns_state *state, int64_t version, const struct returns_command *command,
                          const struct ev_command *envelope, struct ev_decision *ret)
{
    switch (command->type) {
    case RECORD_RETURN:
        return returns_record(state, version, command->record_return, envelope, ret);
    }
    return ev_reject(ret, REJECTION_COMMAND_UNKNOWN, "", "A return has no such command.");
}

/* The decider's untyped side. */

static int returns_decide_any(const void *state, int64_t version, const struct ev_command *command,
                              struct ev_decision *ret)
{
    struct returns_command typed = returns_command_of(command->type, command->body);
    return returns_decide(state, version, &typed, command, ret);
}

static void returns_evolve_any(void *state, const struct ev_event *event, struct ev_arena *arena)
{
    struct returns_event typed = returns_event_of(event);
    returns_evolve(state, &typed, arena);
}

const struct ev_decider returns_decider = {
    .category = "returns",
    .state = &returns_state_record,
    .decide = returns_decide_any,
    .evolve = returns_evolve_any,
};
