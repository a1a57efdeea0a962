/* The simulated world: one partition, two processes that may own it, three clients that retry. Every choice comes from
 * one seeded generator, so that a seed is a schedule. */
#pragma once

#include "fake_checkpoints.h"
#include "fake_log.h"
#include "shelf.h"

#define SIM_NODES 2
#define SIM_CLIENTS 3
#define SIM_LANES 3 /* commands that one client has on their way at most */
#define SIM_SLOTS (SIM_CLIENTS * SIM_LANES)
#define SIM_STREAMS 2
#define SIM_COMMANDS_MAX 512
#define SIM_ATTEMPTS_MAX 4096
#define SIM_GHOSTS_MAX 64 /* ports of processes that are gone */

enum sim_kind { SIM_STOCK, SIM_SELL, SIM_SELL_NOTHING };

struct sim_command {
    enum sim_kind kind;
    int stream;
    int64_t units, expected_version; /* -1: any */
    bool settled;                    /* has its final answer */
};

/* One try of a command at one node, as the client saw it. */
struct sim_attempt {
    int command, node;
    int64_t asked_end, answered_end; /* the log's end when it was asked and when it was answered */
    bool answered;                   /* false: the node died */
    enum ev_outcome outcome;
    int rejection;
    int64_t version, offset;
    bool has_state;
    int64_t stocked, sold;
};

/* One lane of a client. */
struct sim_client {
    struct ev_request request; /* first */
    struct sim *sim;
    struct ev_arena arena;
    union {
        struct stock_shelf stock;
        struct sell_units sell;
    } body;
    int number, node;
    int command; /* -1: idle */
    int attempt; /* -1: no request on its way */
};

struct sim_node {
    struct ev_executor *executor; /* NULL: down */
    struct fake_port *port;
    struct fake_checkpoints disk, old_disk; /* old_disk: as the disk was some time ago */
    struct ev_state_memory memory;
    int64_t restored;
    bool paused;
    bool draining, drained; /* gives the partition up in good order; has done so */
};

struct sim_counts {
    int64_t steps, commands, attempts, answers[EV_OUTCOME_FAILED + 1], crashes, acquires, releases, drains, standbys,
        pauses, drops, lost_reports, blind_reports, late, read_failures, jumps, full, voids, void_fences, fences,
        refences, losses, gap_reads, records, checkpoints, failed_checkpoints, restored, stale_disks, damaged_disks,
        rebuilds, loads, evictions, misfits;
};

struct sim {
    struct ev_fake_random random;
    struct ev_fake_clock clock;
    struct fake_log log;
    struct sim_node nodes[SIM_NODES];
    struct fake_port *ghosts[SIM_GHOSTS_MAX];
    int ghost_count;
    struct sim_client clients[SIM_SLOTS];
    struct sim_command commands[SIM_COMMANDS_MAX];
    int command_count;
    struct sim_attempt attempts[SIM_ATTEMPTS_MAX];
    int attempt_count;
    bool calm; /* no more faults, no new commands */
    bool trace;
    struct sim_counts counts;
};

void sim_init(struct sim *sim, uint64_t seed, bool trace);
void sim_finish(struct sim *sim);
/* `steps` random steps, then no more faults until every command has its answer. False: it never got one. */
bool sim_run(struct sim *sim, int steps);
void sim_trace(const struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t sim_below(struct sim *sim, uint64_t bound);

/* cluster_clients.c */
void sim_client_init(struct sim *sim, int number);
/* Starts a command or tries one again, when the client isn't waiting. */
bool sim_client_step(struct sim *sim, struct sim_client *client);
/* The node is gone: whoever waits for it learns that there is no answer. */
void sim_clients_forget_node(struct sim *sim, int node);
bool sim_clients_are_done(const struct sim *sim);
struct ev_uuid sim_command_id(int command);

/* checker.c: what must hold when all is over. NULL, or what doesn't (static text; details are traced). */
const char *sim_check(struct sim *sim);
