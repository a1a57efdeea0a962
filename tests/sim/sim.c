/* sim: the write protocol under random schedules of two processes, three clients and a log that loses, delays and
 * repeats nothing but what it may.
 *
 *   sim [--schedules N] [--steps N] [--first-seed N]   exit code 1 at the first schedule that breaks a promise
 *   sim --seed N [--mutant NAME]                       one schedule, step by step
 *   sim --mutant NAME                                  with one safeguard switched off: exit code 0 only if that is
 * noticed */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "log/mutant.h"

unsigned ev_mutants;

static const struct {
    const char *name, *help;
} mutants[] = {
#define X(name, text, help) {text, help},
    EV_MUTANTS_LIST(X)
#undef X
};

struct settings {
    int64_t schedules, steps, first_seed, seed;
    bool one;
    int mutant; /* -1: none */
};

static int usage(FILE *out)
{
    fprintf(out, "usage: sim [--schedules N] [--steps N] [--first-seed N] [--seed N] [--mutant NAME]\n\nmutants:\n");
    for (int i = 0; i < EV_MUTANT_COUNT; i++)
        fprintf(out, "  %-14s %s\n", mutants[i].name, mutants[i].help);
    return out == stderr ? 2 : 0;
}

static bool parse(int argc, char **argv, struct settings *settings)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        int64_t number = strtoll(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--schedules") == 0) {
            settings->schedules = number;
        } else if (strcmp(argv[i], "--steps") == 0) {
            settings->steps = number;
        } else if (strcmp(argv[i], "--first-seed") == 0) {
            settings->first_seed = number;
        } else if (strcmp(argv[i], "--seed") == 0) {
            settings->seed = number;
            settings->one = true;
        } else if (strcmp(argv[i], "--mutant") == 0) {
            for (int m = 0; m < EV_MUTANT_COUNT; m++)
                settings->mutant = strcmp(mutants[m].name, argv[i + 1]) == 0 ? m : settings->mutant;
            if (settings->mutant < 0)
                return false;
        } else {
            return false;
        }
    }
    return argc % 2 == 1;
}

static void add(struct sim_counts *total, const struct sim_counts *counts)
{
    int64_t *to = (int64_t *)total;
    const int64_t *from = (const int64_t *)counts;
    for (size_t i = 0; i < sizeof(*counts) / sizeof(*to); i++)
        to[i] += from[i];
}

/* NULL, or the promise that was broken. */
static const char *run_schedule(int64_t seed, int steps, bool trace, struct sim_counts *total)
{
    static struct sim sim;
    sim_init(&sim, (uint64_t)seed, trace);
    bool done = sim_run(&sim, steps);
    const char *fault = sim_check(&sim);
    if (!fault && !done)
        fault = "a command never got an answer";
    sim_finish(&sim); /* counts what the nodes have seen */
    add(total, &sim.counts);
    if (!fault && sim.counts.misfits) /* it was mended, but who wrote such a checkpoint? */
        fault = "a checkpoint contradicted the log";
    return fault;
}

static void print(const struct sim_counts *c, int64_t schedules)
{
    printf("%lld schedules, %lld steps, %lld commands in %lld attempts, %lld records\n", (long long)schedules,
           (long long)c->steps, (long long)c->commands, (long long)c->attempts, (long long)c->records);
    printf("answers: %lld committed, %lld unchanged, %lld duplicate, %lld rejected, %lld mismatch, %lld reused, %lld "
           "failed\n",
           (long long)c->answers[EV_OUTCOME_COMMITTED], (long long)c->answers[EV_OUTCOME_UNCHANGED],
           (long long)c->answers[EV_OUTCOME_DUPLICATE], (long long)c->answers[EV_OUTCOME_REJECTED],
           (long long)c->answers[EV_OUTCOME_MISMATCH], (long long)c->answers[EV_OUTCOME_REUSED],
           (long long)c->answers[EV_OUTCOME_FAILED]);
    printf("faults: %lld crashes, %lld pauses, %lld records lost, %lld reports lost, %lld without offset, %lld late, "
           "%lld reads failed, %lld jumps of time, %lld times a full queue\n",
           (long long)c->crashes, (long long)c->pauses, (long long)c->drops, (long long)c->lost_reports,
           (long long)c->blind_reports, (long long)c->late, (long long)c->read_failures, (long long)c->jumps,
           (long long)c->full);
    printf("log: %lld fences, %lld void fences, %lld void commits; owners: %lld acquired, %lld released, %lld "
           "drained, %lld standing by, %lld lost, "
           "%lld in doubt, %lld gaps read\n",
           (long long)c->fences, (long long)c->void_fences, (long long)c->voids, (long long)c->acquires,
           (long long)c->releases, (long long)c->drains, (long long)c->standbys, (long long)c->losses,
           (long long)c->refences, (long long)c->gap_reads);
    printf("checkpoints: %lld written, %lld failed, %lld restored, %lld disks gone back, %lld damaged, %lld rebuilt; "
           "streams: %lld loaded, %lld evicted\n",
           (long long)c->checkpoints, (long long)c->failed_checkpoints, (long long)c->restored,
           (long long)c->stale_disks, (long long)c->damaged_disks, (long long)c->rebuilds, (long long)c->loads,
           (long long)c->evictions);
}

/* A simulation in which something never happens proves nothing about it. */
static const char *what_is_missing(const struct sim_counts *c)
{
    for (int i = 0; i < EV_OUTCOME_FAILED; i++) {
        if (c->answers[i] == 0 && i != EV_OUTCOME_REUSED)
            return "an outcome";
    }
    if (!c->crashes || !c->pauses || !c->drops || !c->lost_reports || !c->blind_reports || !c->late ||
        !c->read_failures || !c->jumps || !c->full)
        return "a fault";
    if (!c->voids || !c->void_fences || !c->losses || !c->refences || !c->gap_reads || !c->releases || !c->drains ||
        !c->standbys)
        return "a turn of the protocol";
    if (!c->checkpoints || !c->failed_checkpoints || !c->restored || !c->stale_disks || !c->damaged_disks ||
        !c->rebuilds || !c->loads || !c->evictions)
        return "a turn of a checkpoint";
    return NULL;
}

static int run_all(const struct settings *settings)
{
    struct sim_counts total = {0};
    for (int64_t i = 0; i < settings->schedules; i++) {
        int64_t seed = settings->first_seed + i;
        const char *fault = run_schedule(seed, (int)settings->steps, false, &total);
        if (!fault)
            continue;
        printf("seed %lld: %s (after %lld schedules)\n", (long long)seed, fault, (long long)i + 1);
        if (settings->mutant < 0)
            printf("to see it: sim --steps %lld --seed %lld\n", (long long)settings->steps, (long long)seed);
        return settings->mutant < 0 ? 1 : 0;
    }
    if (settings->mutant >= 0) {
        printf("mutant %s was not noticed in %lld schedules\n", mutants[settings->mutant].name,
               (long long)settings->schedules);
        return 1;
    }
    print(&total, settings->schedules);
    const char *missing = settings->schedules >= 1000 ? what_is_missing(&total) : NULL;
    if (missing)
        printf("%s never occurred\n", missing);
    return missing ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct settings settings = {.schedules = 10000, .steps = 400, .first_seed = 1, .mutant = -1};
    struct sim_counts total = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    if (!parse(argc, argv, &settings))
        return usage(stderr);
    if (settings.mutant >= 0)
        ev_mutants = 1u << settings.mutant;
    if (!settings.one)
        return run_all(&settings);
    const char *fault = run_schedule(settings.seed, (int)settings.steps, true, &total);
    printf("seed %lld: %s\n", (long long)settings.seed, fault ? fault : "all promises kept");
    return fault ? 1 : 0;
}
