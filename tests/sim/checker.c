/* What must hold of the log and of what the clients were told. Judges validity by its own few lines, not by the ledger
 * that is being tested. */
#include <stdio.h>
#include <string.h>

#include "cluster.h"

struct shelf_version {
    int64_t stocked, sold;
};

/* A stream as of some record of the log. */
struct prefix {
    int64_t version;
    struct shelf_version shelf;
};

struct checker {
    struct sim *sim;
    struct ev_commit_decoder *decoder;
    struct ev_arena arena;
    int64_t epoch, next_seq;
    struct prefix now[SIM_STREAMS];
    struct prefix after[FAKE_RECORDS_MAX][SIM_STREAMS]; /* after the record at an offset */
    int64_t command_offset[SIM_COMMANDS_MAX];           /* of its valid commit; -1: none */
    int64_t command_version[SIM_COMMANDS_MAX];
};

static int stream_of(struct ev_str id)
{
    return id.data[id.length - 1] - '1';
}

static const char *check_commit(struct checker *checker, int64_t offset, const struct ev_commit *commit)
{
    struct prefix *stream = &checker->now[stream_of(commit->stream_id)];
    int command;
    memcpy(&command, commit->command_id.bytes, sizeof(command));
    if (checker->command_offset[command] >= 0)
        return "a command is in the log twice";
    if (commit->base_version != stream->version)
        return "a stream's versions have a gap or a duplicate";
    for (size_t i = 0; i < commit->event_count; i++) {
        if (commit->events[i].type == &units_stocked_event)
            stream->shelf.stocked += ((const struct units_stocked *)commit->events[i].body)->units;
        else
            stream->shelf.sold += ((const struct units_sold *)commit->events[i].body)->units;
    }
    stream->version++;
    checker->command_offset[command] = offset;
    checker->command_version[command] = stream->version;
    if (stream->shelf.sold > stream->shelf.stocked)
        return "more was sold than there was";
    return NULL;
}

static const char *check_record(struct checker *checker, int64_t offset)
{
    struct ev_commit commit;
    struct ev_error error;
    struct sim_counts *counts = &checker->sim->counts;
    const char *fault = NULL;
    ev_arena_reset(&checker->arena);
    if (ev_commit_decode(checker->decoder, checker->sim->log.records[offset], &checker->arena, &commit, &error) < 0)
        return "a record can't be decoded";
    counts->records++;
    if (commit.stream_id.length == 0) {
        if (commit.epoch > checker->epoch) {
            checker->epoch = commit.epoch;
            checker->next_seq = 0;
            counts->fences++;
        } else {
            counts->void_fences++;
        }
    } else if (commit.epoch == checker->epoch && commit.seq == checker->next_seq) {
        checker->next_seq++;
        fault = check_commit(checker, offset, &commit);
    } else {
        counts->voids++;
    }
    memcpy(checker->after[offset], checker->now, sizeof(checker->now));
    return fault;
}

/* Would the command get this answer in this state? */
static bool explains(const struct sim_command *command, const struct sim_attempt *attempt, const struct prefix *state)
{
    bool refused = state->shelf.sold + command->units > state->shelf.stocked;
    bool as_expected = command->expected_version < 0 || command->expected_version == state->version;
    if (attempt->version != state->version)
        return false;
    if (attempt->has_state && (attempt->stocked != state->shelf.stocked || attempt->sold != state->shelf.sold))
        return false;
    if (attempt->outcome == EV_OUTCOME_MISMATCH)
        return !as_expected;
    if (!as_expected || command->kind == SIM_STOCK)
        return false;
    if (attempt->outcome == EV_OUTCOME_REJECTED && attempt->rejection == SHELF_UNKNOWN)
        return state->version == 0;
    if (attempt->outcome == EV_OUTCOME_REJECTED)
        return state->version > 0 && refused;
    return state->version > 0 && !refused && command->units == 0; /* UNCHANGED */
}

/* An answer that appended nothing must be that of some moment between question and answer. */
static bool is_current(const struct checker *checker, const struct sim_attempt *attempt)
{
    static const struct prefix nothing;
    const struct sim_command *command = &checker->sim->commands[attempt->command];
    for (int64_t end = attempt->asked_end; end <= attempt->answered_end; end++) {
        const struct prefix *state = end == 0 ? &nothing : &checker->after[end - 1][command->stream];
        if (explains(command, attempt, state))
            return true;
    }
    return false;
}

static const char *check_attempt(const struct checker *checker, const struct sim_attempt *attempt)
{
    const struct sim_command *command = &checker->sim->commands[attempt->command];
    int64_t offset = checker->command_offset[attempt->command];
    switch (attempt->outcome) {
    case EV_OUTCOME_COMMITTED:
    case EV_OUTCOME_DUPLICATE:
        if (offset < 0)
            return "an acknowledged command isn't in the log";
        if (offset != attempt->offset || checker->command_version[attempt->command] != attempt->version)
            return "an acknowledged command is elsewhere than was said";
        if (attempt->outcome == EV_OUTCOME_COMMITTED && attempt->has_state &&
            (checker->after[offset][command->stream].shelf.stocked != attempt->stocked ||
             checker->after[offset][command->stream].shelf.sold != attempt->sold))
            return "a commit's state is another";
        return NULL;
    case EV_OUTCOME_UNCHANGED:
    case EV_OUTCOME_REJECTED:
    case EV_OUTCOME_MISMATCH:
        if (offset >= 0)
            return "a command that was refused is in the log";
        return is_current(checker, attempt) ? NULL : "an answer comes from a stale state";
    case EV_OUTCOME_REUSED:
        return "a command's own retry was taken for another command";
    case EV_OUTCOME_FAILED:
        return NULL;
    }
    return "no such outcome";
}

static const char *check_all(struct checker *checker)
{
    struct sim *sim = checker->sim;
    for (int64_t offset = 0; offset < sim->log.end; offset++) {
        const char *fault = check_record(checker, offset);
        if (fault) {
            sim_trace(sim, "CHECK at offset %lld: %s", (long long)offset, fault);
            return fault;
        }
    }
    for (int i = 0; i < sim->attempt_count; i++) {
        const struct sim_attempt *attempt = &sim->attempts[i];
        const char *fault = attempt->answered ? check_attempt(checker, attempt) : NULL;
        if (fault) {
            sim_trace(sim, "CHECK of command %d, asked at %lld, answered at %lld: %s", attempt->command,
                      (long long)attempt->asked_end, (long long)attempt->answered_end, fault);
            return fault;
        }
    }
    return NULL;
}

const char *sim_check(struct sim *sim)
{
    static struct checker checker; /* big */
    struct ev_error error;
    memset(checker.now, 0, sizeof(checker.now));
    checker.sim = sim;
    checker.epoch = checker.next_seq = 0;
    for (int i = 0; i < SIM_COMMANDS_MAX; i++)
        checker.command_offset[i] = -1;
    if (!checker.decoder && ev_commit_decoder_create(&shelf_topic, &shelf_schemas, &checker.decoder, &error) < 0)
        return "no decoder";
    return check_all(&checker);
}
