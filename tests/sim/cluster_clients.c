#include <stdio.h>
#include <string.h>

#include "cluster.h"

static const char *const stream_ids[SIM_STREAMS] = {"shelf-1", "shelf-2"};

struct ev_uuid sim_command_id(int command)
{
    struct ev_uuid id = {{0}};
    memcpy(id.bytes, &command, sizeof(command));
    id.bytes[15] = 1; /* never zero */
    return id;
}

void sim_client_init(struct sim *sim, int number)
{
    struct sim_client *client = &sim->clients[number];
    *client = (struct sim_client){.sim = sim, .number = number, .command = -1, .attempt = -1};
}

/* Few units, so that refusals are frequent. */
static int new_command(struct sim *sim)
{
    uint64_t choice = sim_below(sim, 10);
    struct sim_command *command = &sim->commands[sim->command_count];
    *command = (struct sim_command){
        .kind = choice < 3   ? SIM_STOCK
                : choice < 9 ? SIM_SELL
                             : SIM_SELL_NOTHING,
        .stream = (int)sim_below(sim, SIM_STREAMS),
        .units = 1 + (int64_t)sim_below(sim, 2),
        .expected_version = -1,
    };
    if (command->kind == SIM_SELL_NOTHING)
        command->units = 0;
    if (sim_below(sim, 8) == 0)
        command->expected_version = (int64_t)sim_below(sim, 6);
    sim->counts.commands++;
    return sim->command_count++;
}

static const char *outcome_name(enum ev_outcome outcome)
{
    static const char *const names[] = {"committed", "unchanged", "duplicate", "rejected",
                                        "mismatch",  "reused",    "failed"};
    return names[outcome];
}

static void on_done(struct ev_request *request, const struct ev_result *result)
{
    struct sim_client *client = (struct sim_client *)request;
    struct sim *sim = client->sim;
    struct sim_attempt *attempt = &sim->attempts[client->attempt];
    const struct shelf_state *state = result->state;
    attempt->answered = true;
    attempt->answered_end = sim->log.end;
    attempt->outcome = result->outcome;
    attempt->rejection = result->rejection;
    attempt->version = result->version;
    attempt->offset = result->offset;
    attempt->has_state = state != NULL;
    if (state) {
        attempt->stocked = state->stocked;
        attempt->sold = state->sold;
    }
    sim->counts.answers[result->outcome]++;
    sim_trace(sim, "client %d: command %d %s by %d, version %lld, offset %lld %s", client->number, attempt->command,
              outcome_name(result->outcome), attempt->node, (long long)result->version, (long long)result->offset,
              result->outcome == EV_OUTCOME_FAILED ? result->error.message : "");
    client->attempt = -1;
    if (result->outcome != EV_OUTCOME_FAILED) {
        sim->commands[attempt->command].settled = true;
        client->command = -1;
    }
}

static int choose_node(struct sim *sim)
{
    return sim->calm ? 0 : (int)sim_below(sim, SIM_NODES);
}

static void ask(struct sim *sim, struct sim_client *client)
{
    const struct sim_command *command = &sim->commands[client->command];
    char text[32];
    int length = snprintf(text, sizeof(text), "%d", client->command);
    int64_t patience = sim->calm ? 20000 : 20 + (int64_t)sim_below(sim, 12000);
    client->node = choose_node(sim);
    client->attempt = sim->attempt_count++;
    sim->attempts[client->attempt] =
        (struct sim_attempt){.command = client->command, .node = client->node, .asked_end = sim->log.end};
    sim->counts.attempts++;
    ev_arena_reset(&client->arena);
    if (command->kind == SIM_STOCK)
        client->body.stock = (struct stock_shelf){command->units};
    else
        client->body.sell = (struct sell_units){command->units, EV_STR("x")};
    client->request = (struct ev_request){
        .type = command->kind == SIM_STOCK ? &stock_shelf_command : &sell_units_command,
        .body = &client->body,
        .stream_id = ev_str_of(stream_ids[command->stream]),
        .command_id = sim_command_id(client->command),
        .request_hash = ev_hash128((struct ev_str){text, (size_t)length}),
        .correlation_id = EV_STR(""),
        .causation_id = EV_STR(""),
        .actor = EV_STR(""),
        .now_ms = sim->clock.now_ms,
        .deadline_ms = sim->clock.now_ms + patience,
        .expected_version = command->expected_version,
        .wants_state = client->command % 2 == 0,
        .arena = &client->arena,
        .done = on_done,
    };
    sim_trace(sim, "client %d: asks %d for command %d (%s %lld of %d, version %lld)", client->number, client->node,
              client->command, command->kind == SIM_STOCK ? "stock" : "sell", (long long)command->units,
              command->stream, (long long)command->expected_version);
    ev_executor_submit(sim->nodes[client->node].executor, &client->request);
}

bool sim_client_step(struct sim *sim, struct sim_client *client)
{
    if (client->attempt >= 0 || sim->attempt_count == SIM_ATTEMPTS_MAX)
        return false;
    if (client->command < 0) {
        if (sim->calm || sim->command_count == SIM_COMMANDS_MAX)
            return false;
        client->command = new_command(sim);
    }
    if (sim->nodes[client->node].paused && !sim->calm)
        return false;
    ask(sim, client);
    return true;
}

void sim_clients_forget_node(struct sim *sim, int node)
{
    for (int i = 0; i < SIM_SLOTS; i++) {
        if (sim->clients[i].attempt >= 0 && sim->clients[i].node == node)
            sim->clients[i].attempt = -1;
    }
}

bool sim_clients_are_done(const struct sim *sim)
{
    for (int i = 0; i < SIM_SLOTS; i++) {
        if (sim->clients[i].command >= 0)
            return false;
    }
    return true;
}
