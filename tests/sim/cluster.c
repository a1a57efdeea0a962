#include "cluster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

#define CALM_ROUNDS_MAX 4000
#define CALM_TICK_MS 100

void sim_trace(const struct sim *sim, const char *format, ...)
{
    va_list arguments;
    if (!sim->trace)
        return;
    printf("%8lld ms  ", (long long)sim->clock.now_ms);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

uint64_t sim_below(struct sim *sim, uint64_t bound)
{
    return ev_random_below(&sim->random.random, bound);
}

/* --- nodes --- */

static void on_drained(void *context, int32_t partition)
{
    struct sim_node *node = context;
    (void)partition;
    node->draining = false;
    node->drained = true;
}

static void on_checkpoint(void *context, int32_t partition, const struct ev_checkpoint_news *news)
{
    struct sim_node *node = context;
    (void)partition;
    node->restored += news->kind == EV_CHECKPOINT_RESTORED;
}

static void node_start(struct sim *sim, int number)
{
    struct sim_node *node = &sim->nodes[number];
    struct ev_error error = {0};
    static const char *const names[SIM_NODES] = {"a", "b"};
    node->port = ev_memory_new(struct fake_port);
    fake_port_init(node->port, &sim->log);
    /* In every second life nothing that is stored stays in memory. */
    node->memory.soft_max = sim_below(sim, 2) == 0 ? 0 : SIZE_MAX;
    node->memory.hard_max = SIZE_MAX;
    const struct ev_executor_options options = {
        .topic = &shelf_topic,
        .topic_name = "sim.shelf",
        .deciders = shelf_deciders,
        .partition_count = 1,
        .dedup_entries_max = 100000,
        .dedup_window_ms = INT64_C(1) << 40,
        .requests_max = 64,
        .owner_id = names[number],
        .clock = sim->clock.clock,
        .schema_id = SHELF_SCHEMA_ID,
        .schemas = shelf_schemas,
        .random = &sim->random.random,
        .hot_bytes_min = number == 0 ? 1 : 0, /* of one all streams are hot, of the other none */
        .on_drained = on_drained,
        .on_checkpoint = on_checkpoint,
        .context = node,
        .checkpoints = &node->disk.port,
        .topic_id = "sim",
        .checkpoint_every_ms = 200,
        .checkpoint_every_records = 8,
        .memory = &node->memory,
    };
    if (ev_executor_create(&options, &node->port->port, &node->executor, &error) < 0) {
        fprintf(stderr, "sim: %s\n", error.message);
        abort();
    }
    node->paused = node->draining = node->drained = false;
    node->restored = 0;
}

static void node_count(struct sim *sim, const struct sim_node *node)
{
    struct ev_partition_status status;
    struct ev_executor_stats stats;
    ev_executor_partition_status(node->executor, 0, &status);
    ev_executor_stats(node->executor, &stats);
    sim->counts.losses += status.counts.losses;
    sim->counts.gap_reads += status.counts.gap_reads;
    sim->counts.refences += stats.refences;
    sim->counts.checkpoints += stats.checkpoints;
    sim->counts.failed_checkpoints += stats.checkpoint_failures;
    sim->counts.loads += stats.loads;
    sim->counts.evictions += stats.evictions;
    for (int i = 0; i < EV_REBUILD_REASON_COUNT; i++)
        sim->counts.rebuilds += stats.rebuilds[i];
    sim->counts.misfits += stats.rebuilds[EV_REBUILD_MISFIT];
    sim->counts.restored += node->restored;
}

/* What it had sent goes on without it. */
static void node_stop(struct sim *sim, int number)
{
    struct sim_node *node = &sim->nodes[number];
    node_count(sim, node);
    ev_executor_destroy(node->executor);
    node->executor = NULL;
    node->port->detached = true;
    if (sim->ghost_count < SIM_GHOSTS_MAX) {
        sim->ghosts[sim->ghost_count++] = node->port;
    } else {
        fake_port_finish(node->port);
        free(node->port);
    }
    node->port = NULL;
    sim_clients_forget_node(sim, number);
}

void sim_init(struct sim *sim, uint64_t seed, bool trace)
{
    memset(sim, 0, sizeof(*sim));
    sim->trace = trace;
    ev_fake_random_init(&sim->random, seed);
    ev_fake_clock_init(&sim->clock, 1000000);
    fake_log_init(&sim->log);
    for (int i = 0; i < SIM_NODES; i++) {
        fake_checkpoints_init(&sim->nodes[i].disk);
        fake_checkpoints_init(&sim->nodes[i].old_disk);
        node_start(sim, i);
    }
    for (int i = 0; i < SIM_SLOTS; i++)
        sim_client_init(sim, i);
}

void sim_finish(struct sim *sim)
{
    for (int i = 0; i < SIM_NODES; i++) {
        if (sim->nodes[i].executor)
            node_stop(sim, i);
        fake_checkpoints_finish(&sim->nodes[i].disk);
        fake_checkpoints_finish(&sim->nodes[i].old_disk);
    }
    for (int i = 0; i < sim->ghost_count; i++) {
        fake_port_finish(sim->ghosts[i]);
        free(sim->ghosts[i]);
    }
    for (int i = 0; i < SIM_SLOTS; i++)
        ev_arena_finish(&sim->clients[i].arena);
    fake_log_finish(&sim->log);
}

/* --- steps --- */

static void step_tick(struct sim *sim, struct sim_node *node, int number)
{
    (void)number;
    sim->clock.now_ms += (int64_t)sim_below(sim, 40);
    (void)ev_executor_tick(node->executor);
}

static void step_land(struct sim *sim, struct sim_node *node, int number)
{
    if (fake_port_land(node->port))
        sim_trace(sim, "%d: lands at %lld", number, (long long)sim->log.end - 1);
}

static void step_report(struct sim *sim, struct sim_node *node, int number)
{
    if (fake_port_report(node->port))
        sim_trace(sim, "%d: a report", number);
}

static void step_read(struct sim *sim, struct sim_node *node, int number)
{
    for (uint64_t i = 1 + sim_below(sim, 8); i > 0; i--) {
        if (!fake_port_read(node->port))
            return;
    }
    sim_trace(sim, "%d: reads", number);
}

static void step_ask_end(struct sim *sim, struct sim_node *node, int number)
{
    if (fake_port_ask_end(node->port))
        sim_trace(sim, "%d: the end is asked for: %lld", number, (long long)sim->log.end);
}

static void step_answer_end(struct sim *sim, struct sim_node *node, int number)
{
    if (fake_port_answer_end(node->port, false))
        sim_trace(sim, "%d: hears of the end", number);
}

static void step_acquire(struct sim *sim, struct sim_node *node, int number)
{
    struct ev_partition_status status;
    ev_executor_partition_status(node->executor, 0, &status);
    if (status.state != EV_OWNER_IDLE && status.state != EV_OWNER_STANDBY && status.state != EV_OWNER_LOST)
        return;
    ev_executor_acquire(node->executor, 0);
    sim->counts.acquires++;
    sim_trace(sim, "%d: acquires", number);
}

static void step_release(struct sim *sim, struct sim_node *node, int number)
{
    ev_executor_release(node->executor, 0);
    sim->counts.releases++;
    sim_trace(sim, "%d: releases", number);
}

static void step_standby(struct sim *sim, struct sim_node *node, int number)
{
    struct ev_partition_status status;
    ev_executor_partition_status(node->executor, 0, &status);
    if (status.state != EV_OWNER_IDLE)
        return;
    ev_executor_standby(node->executor, 0);
    sim->counts.standbys++;
    sim_trace(sim, "%d: stands by", number);
}

/* A planned hand-over: when it is done, the other gets the partition. */
static void step_drain(struct sim *sim, struct sim_node *node, int number)
{
    if (node->draining || !ev_executor_is_serving(node->executor, 0))
        return;
    sim_trace(sim, "%d: drains", number);
    node->draining = true;
    ev_executor_drain(node->executor, 0);
}

static void hand_over(struct sim *sim, struct sim_node *node, int number)
{
    struct sim_node *next = &sim->nodes[(number + 1) % SIM_NODES];
    node->drained = false;
    sim->counts.drains++;
    sim_trace(sim, "%d: is drained, the other gets the partition", number);
    ev_executor_standby(node->executor, 0);
    if (!next->paused)
        step_acquire(sim, next, (number + 1) % SIM_NODES);
}

static void step_pause(struct sim *sim, struct sim_node *node, int number)
{
    node->paused = true;
    sim->counts.pauses++;
    sim_trace(sim, "%d: is paused", number);
}

static void step_drop(struct sim *sim, struct sim_node *node, int number)
{
    if (fake_port_drop(node->port)) {
        sim->counts.drops++;
        sim_trace(sim, "%d: a record is lost", number);
    }
}

static void step_land_silently(struct sim *sim, struct sim_node *node, int number)
{
    if (fake_port_land_silently(node->port)) {
        sim->counts.lost_reports++;
        sim_trace(sim, "%d: lands at %lld, the report will be an error", number, (long long)sim->log.end - 1);
    }
}

static void step_land_blindly(struct sim *sim, struct sim_node *node, int number)
{
    if (fake_port_land_blindly(node->port)) {
        sim->counts.blind_reports++;
        sim_trace(sim, "%d: lands at %lld, the report won't say where", number, (long long)sim->log.end - 1);
    }
}

static void step_read_fail(struct sim *sim, struct sim_node *node, int number)
{
    if (fake_port_read_fail(node->port, EV_ERR_UNAVAILABLE)) {
        sim->counts.read_failures++;
        sim_trace(sim, "%d: a read fails", number);
    }
}

static void step_end_fail(struct sim *sim, struct sim_node *node, int number)
{
    if (fake_port_answer_end(node->port, true))
        sim_trace(sim, "%d: no answer to the question for the end", number);
}

static void step_jump(struct sim *sim, struct sim_node *node, int number)
{
    (void)node;
    sim->clock.now_ms += EV_OWNER_APPEND_TIMEOUT_MS + (int64_t)sim_below(sim, 5000);
    sim->counts.jumps++;
    sim_trace(sim, "%d: time passes", number);
}

static void step_disk(struct sim *sim, struct sim_node *node, int number)
{
    if (sim_below(sim, 6) == 0) {
        if (fake_checkpoints_fail(&node->disk))
            sim_trace(sim, "%d: a checkpoint can't be written", number);
        return;
    }
    if (sim_below(sim, 4) == 0)
        fake_checkpoints_copy(&node->disk, &node->old_disk);
    if (fake_checkpoints_write(&node->disk))
        sim_trace(sim, "%d: a checkpoint of what is before %lld is written", number,
                  (long long)node->disk.head.mark.next_offset);
}

static void step_damage(struct sim *sim, struct sim_node *node, int number)
{
    if (!node->disk.present || node->disk.corrupt)
        return;
    node->disk.corrupt = true;
    sim->counts.damaged_disks++;
    sim_trace(sim, "%d: its checkpoint is damaged", number);
}

/* Now and then the disk comes back as it was some time ago. */
static void disk_after_crash(struct sim *sim, struct sim_node *node, int number)
{
    if (sim_below(sim, 4) != 0)
        return;
    fake_checkpoints_copy(&node->old_disk, &node->disk);
    sim->counts.stale_disks++;
    sim_trace(sim, "%d: its disk is an older one", number);
}

static void step_crash(struct sim *sim, struct sim_node *node, int number)
{
    sim_trace(sim, "%d: dies and starts again", number);
    sim->counts.crashes++;
    node_stop(sim, number);
    disk_after_crash(sim, node, number);
    node_start(sim, number);
}

static void step_queue_full(struct sim *sim, struct sim_node *node, int number)
{
    node->port->full = !node->port->full;
    sim->counts.full += node->port->full;
    sim_trace(sim, "%d: its queue is %s", number, node->port->full ? "full" : "free again");
}

/* Weights in thousandths. About one step in twelve is a fault or a change of owner. */
static const struct {
    int weight;
    void (*step)(struct sim *sim, struct sim_node *node, int number);
} steps[] = {
    {200, step_land},  {200, step_report},   {160, step_read},   {95, step_ask_end},       {95, step_answer_end},
    {100, step_tick},  {30, step_acquire},   {15, step_drop},    {10, step_land_silently}, {5, step_land_blindly},
    {8, step_pause},   {5, step_read_fail},  {5, step_end_fail}, {3, step_jump},           {3, step_crash},
    {3, step_release}, {3, step_queue_full}, {12, step_drain},   {6, step_standby},        {40, step_disk},
    {2, step_damage},
};

static void node_step(struct sim *sim)
{
    int number = (int)sim_below(sim, SIM_NODES);
    struct sim_node *node = &sim->nodes[number];
    if (node->paused) { /* nothing reaches it and it does nothing, but what it sent may land */
        if (sim_below(sim, 12) == 0)
            node->paused = false;
        else if (sim_below(sim, 2) == 0)
            step_land(sim, node, number);
        return;
    }
    int choice = (int)sim_below(sim, 1000);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        choice -= steps[i].weight;
        if (choice < 0) {
            steps[i].step(sim, node, number);
            break;
        }
    }
    if (node->drained)
        hand_over(sim, node, number);
}

static void ghost_step(struct sim *sim)
{
    struct fake_port *ghost = sim->ghosts[sim_below(sim, (uint64_t)sim->ghost_count)];
    if (sim_below(sim, 3) == 0) {
        (void)fake_port_drop(ghost);
    } else if (fake_port_land(ghost)) {
        sim->counts.late++;
        sim_trace(sim, "what a dead process had sent lands at %lld", (long long)sim->log.end - 1);
    }
}

static void random_step(struct sim *sim)
{
    uint64_t who = sim_below(sim, 10);
    sim->counts.steps++;
    if (who < 3)
        (void)sim_client_step(sim, &sim->clients[sim_below(sim, SIM_SLOTS)]);
    else if (who == 3 && sim->ghost_count > 0)
        ghost_step(sim);
    else
        node_step(sim);
}

/* Node 0 gets the partition and keeps it; nothing fails any more. */
static void calm_round(struct sim *sim)
{
    struct ev_partition_status status;
    sim->clock.now_ms += CALM_TICK_MS;
    for (int i = 0; i < sim->ghost_count; i++)
        (void)fake_port_land(sim->ghosts[i]);
    for (int i = 0; i < SIM_NODES; i++) {
        sim->nodes[i].paused = sim->nodes[i].port->full = false;
        fake_port_settle(sim->nodes[i].port, 64);
        (void)fake_checkpoints_write(&sim->nodes[i].disk);
        (void)ev_executor_tick(sim->nodes[i].executor);
    }
    ev_executor_partition_status(sim->nodes[0].executor, 0, &status);
    if (status.state == EV_OWNER_IDLE || status.state == EV_OWNER_STANDBY || status.state == EV_OWNER_LOST)
        ev_executor_acquire(sim->nodes[0].executor, 0);
    for (int i = 0; i < SIM_SLOTS; i++)
        (void)sim_client_step(sim, &sim->clients[i]);
}

bool sim_run(struct sim *sim, int step_count)
{
    for (int i = 0; i < step_count; i++)
        random_step(sim);
    sim->calm = true;
    sim_trace(sim, "--- no more faults ---");
    ev_executor_release(sim->nodes[1].executor, 0);
    for (int i = 0; i < CALM_ROUNDS_MAX; i++) {
        if (sim_clients_are_done(sim))
            return true;
        calm_round(sim);
    }
    return false;
}
