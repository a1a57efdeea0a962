/* The write protocol, one rule per row: a script of what the process, the network and others do, and all that the owner
 * then tells its user. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_log.h"
#include "log/owner.h"

/* A record of these tests: the owner looks at no more of one than its head. */
struct plain_record {
    int64_t epoch, seq;
    bool fence;
    struct ev_uuid writer;
};

struct stage {
    struct fake_log log;
    struct fake_port port;
    struct ev_owner owner;
    struct ev_owner_events events;
    int64_t now_ms, foreign_epoch, foreign_seq;
    bool apply_fails;
    char told[2048]; /* what the owner has told */
};

static void tell(void *context, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell(void *context, const char *format, ...)
{
    struct stage *stage = context;
    size_t length = strlen(stage->told);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(stage->told + length, sizeof(stage->told) - length, format, arguments);
    va_end(arguments);
}

/* --- the owner's user --- */

static int apply(void *context, int64_t offset, const struct ev_commit *head, struct ev_str record,
                 struct ev_error *error)
{
    struct stage *stage = context;
    (void)head;
    (void)record;
    if (stage->apply_fails)
        return ev_error_set(error, EV_ERR_CORRUPT, "not to be applied");
    tell(context, "apply@%lld ", (long long)offset);
    return 0;
}
static void serving(void *context)
{
    tell(context, "serving ");
}
static void committed(void *context, uint64_t tag, int64_t offset)
{
    (void)tag;
    tell(context, "committed@%lld ", (long long)offset);
}
static void voided(void *context, uint64_t tag)
{
    (void)tag;
    tell(context, "voided ");
}
static void confirmed(void *context, uint64_t ticket)
{
    tell(context, "confirmed#%llu ", (unsigned long long)ticket);
}
static void doubted(void *context)
{
    tell(context, "doubt ");
}
static void lost(void *context)
{
    tell(context, "lost ");
}
static void reset(void *context)
{
    tell(context, "reset ");
}

static int encode(void *context, const struct ev_commit *commit, struct ev_buffer *out, struct ev_error *error)
{
    (void)context;
    (void)error;
    struct plain_record record;
    memset(&record, 0, sizeof(record));
    record.epoch = commit->epoch;
    record.seq = commit->seq;
    record.fence = ev_commit_is_fence(commit);
    record.writer = commit->command_id;
    ev_buffer_append(out, &record, sizeof(record));
    return 0;
}

/* --- the port's answers --- */

static void on_appended(void *context, int32_t partition, uint64_t tag, int64_t offset, const struct ev_error *error)
{
    (void)partition;
    ev_owner_on_append(&((struct stage *)context)->owner, tag, offset, error);
}

static void on_record(void *context, int32_t partition, uint64_t tag, int64_t offset, struct ev_str bytes)
{
    struct stage *stage = context;
    struct plain_record record;
    (void)partition;
    memcpy(&record, bytes.data, sizeof(record));
    struct ev_commit head = {.stream_id = record.fence ? EV_STR("") : EV_STR("s-1"),
                             .epoch = record.epoch,
                             .seq = record.seq,
                             .command_id = record.writer};
    ev_owner_on_record(&stage->owner, tag, offset, &head, bytes);
}

static void on_read_done(void *context, int32_t partition, uint64_t tag, int64_t next, const struct ev_error *error)
{
    (void)partition;
    ev_owner_on_read_done(&((struct stage *)context)->owner, tag, next, error);
}

static void on_end_offset(void *context, int32_t partition, uint64_t tag, int64_t end, const struct ev_error *error)
{
    (void)partition;
    ev_owner_on_end_offset(&((struct stage *)context)->owner, tag, end, error);
}

static const struct ev_uuid me = {{1}}, other = {{2}};

static void stage_init(struct stage *stage)
{
    memset(stage, 0, sizeof(*stage));
    fake_log_init(&stage->log);
    fake_port_init(&stage->port, &stage->log);
    stage->port.port.listener = (struct ev_log_listener){on_appended, on_record, on_read_done, on_end_offset, stage};
    stage->events =
        (struct ev_owner_events){apply, serving, committed, voided, confirmed, doubted, lost, reset, encode, stage};
    stage->now_ms = 1000;
    ev_owner_init(&stage->owner, &stage->events, &stage->port.port, 0, "me", &me);
}

static void stage_finish(struct stage *stage)
{
    ev_owner_finish(&stage->owner);
    fake_port_finish(&stage->port);
    fake_log_finish(&stage->log);
}

/* --- the words of a script --- */

static void foreign(struct stage *stage, bool fence, int64_t epoch, int64_t seq)
{
    struct ev_buffer buffer = {0};
    struct ev_commit commit = {
        .stream_id = fence ? EV_STR("") : EV_STR("s-1"), .epoch = epoch, .seq = seq, .command_id = other};
    (void)encode(stage, &commit, &buffer, NULL);
    (void)fake_log_append(&stage->log, ev_buffer_str(&buffer));
    ev_buffer_finish(&buffer);
}

static void do_acquire(struct stage *s)
{
    ev_owner_acquire(&s->owner, s->now_ms);
}
static void do_release(struct stage *s)
{
    ev_owner_release(&s->owner);
}
static void do_standby(struct stage *s)
{
    ev_owner_standby(&s->owner, s->now_ms);
}
static void do_append(struct stage *s)
{
    struct ev_buffer buffer = {0};
    struct ev_commit commit = {.stream_id = EV_STR("s-1"), .command_id = me};
    struct ev_error error;
    uint64_t tag;
    ev_owner_stamp(&s->owner, &commit);
    (void)encode(s, &commit, &buffer, NULL);
    int r = ev_owner_append(&s->owner, EV_STR("1"), ev_buffer_str(&buffer), &commit, s->now_ms, &tag, &error);
    if (r < 0)
        tell(s, "%s ", ev_error_name(r));
    ev_buffer_finish(&buffer);
}
static void do_confirm(struct stage *s)
{
    tell(s, "#%llu ", (unsigned long long)ev_owner_confirm(&s->owner, s->now_ms));
}
static void do_settle(struct stage *s)
{
    fake_port_settle(&s->port, 1000);
}
static void do_tick(struct stage *s)
{
    s->now_ms += 100;
    (void)ev_owner_tick(&s->owner, s->now_ms);
}
static void do_timeout(struct stage *s)
{
    s->now_ms += EV_OWNER_APPEND_TIMEOUT_MS;
    (void)ev_owner_tick(&s->owner, s->now_ms);
}
static void do_land(struct stage *s)
{
    assert_true(fake_port_land(&s->port));
}
static void do_land_silently(struct stage *s)
{
    assert_true(fake_port_land_silently(&s->port));
}
static void do_land_blindly(struct stage *s)
{
    assert_true(fake_port_land_blindly(&s->port));
}
static void do_drop(struct stage *s)
{
    assert_true(fake_port_drop(&s->port));
}
static void do_report(struct stage *s)
{
    assert_true(fake_port_report(&s->port));
}
static void do_read(struct stage *s)
{
    assert_true(fake_port_read(&s->port));
}
static void do_read_fails(struct stage *s)
{
    assert_true(fake_port_read_fail(&s->port, EV_ERR_UNAVAILABLE));
}
static void do_log_is_cut(struct stage *s)
{
    assert_true(fake_port_read_fail(&s->port, EV_ERR_CONFLICT));
}
static void do_ask(struct stage *s)
{
    assert_true(fake_port_ask_end(&s->port));
}
static void do_answer(struct stage *s)
{
    assert_true(fake_port_answer_end(&s->port, false));
}
static void do_answer_fails(struct stage *s)
{
    assert_true(fake_port_answer_end(&s->port, true));
}
static void do_full(struct stage *s)
{
    s->port.full = true;
}
static void do_free(struct stage *s)
{
    s->port.full = false;
}
static void do_foreign_fence(struct stage *s)
{
    s->foreign_epoch = s->owner.top_epoch + 1;
    s->foreign_seq = 0;
    foreign(s, true, s->foreign_epoch, 0);
}
static void do_foreign_fence_equal(struct stage *s)
{
    foreign(s, true, s->owner.top_epoch, 0);
}
static void do_foreign_commit(struct stage *s)
{
    foreign(s, false, s->foreign_epoch, s->foreign_seq++);
}
static void do_stale_commit(struct stage *s)
{
    foreign(s, false, s->owner.ledger.epoch - 1, 0);
}
static void do_apply_fails(struct stage *s)
{
    s->apply_fails = true;
}
static void do_apply_works(struct stage *s)
{
    s->apply_fails = false;
}
static void do_tell_counts(struct stage *s)
{
    tell(s, "[reads %lld queries %lld purges %lld] ", (long long)s->owner.counts.gap_reads,
         (long long)s->owner.counts.end_offset_queries, (long long)s->port.purges);
}
static void do_tell_error(struct stage *s)
{
    tell(s, s->owner.last_error.code == EV_ERR_NONE ? "[well] " : "[in trouble] ");
}

#define WORD(name)                                                                                                     \
    {                                                                                                                  \
#name, do_##name                                                                                               \
    }
static const struct {
    const char *name;
    void (*run)(struct stage *stage);
} words[] = {
    WORD(acquire),
    WORD(release),
    WORD(standby),
    WORD(append),
    WORD(confirm),
    WORD(settle),
    WORD(tick),
    WORD(timeout),
    WORD(land),
    WORD(land_silently),
    WORD(land_blindly),
    WORD(drop),
    WORD(report),
    WORD(read),
    WORD(read_fails),
    WORD(log_is_cut),
    WORD(ask),
    WORD(answer),
    WORD(answer_fails),
    WORD(full),
    WORD(free),
    WORD(foreign_fence),
    WORD(foreign_fence_equal),
    WORD(foreign_commit),
    WORD(stale_commit),
    WORD(apply_fails),
    WORD(apply_works),
    WORD(tell_counts),
    WORD(tell_error),
};

static void run_word(struct stage *stage, struct ev_str word)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (ev_str_equal(word, ev_str_of(words[i].name))) {
            words[i].run(stage);
            return;
        }
    }
    fail_msg("there is no word '%.*s'", EV_STR_ARG(word));
}

#define SERVE "acquire settle "

static const struct row {
    const char *rule, *script, *told;
    enum ev_owner_state state;
} rows[] = {
    {"serves after its own fence", SERVE, "serving ", EV_OWNER_SERVING},
    {"doesn't serve before its fence is in the log", "acquire read", "", EV_OWNER_FENCING},
    {"doesn't append before it serves", "acquire append", "FENCED ", EV_OWNER_CATCHING_UP},
    {"reads the past first", "foreign_fence foreign_commit foreign_commit " SERVE, "apply@1 apply@2 serving ",
     EV_OWNER_SERVING},
    {"skips what is void in the past", "foreign_fence foreign_commit stale_commit foreign_commit " SERVE,
     "apply@1 apply@3 serving ", EV_OWNER_SERVING},
    {"reads what came between its reading and its fence",
     "foreign_fence acquire read read foreign_commit land report settle", "apply@1 serving ", EV_OWNER_SERVING},
    {"a fence that came too late is void and another follows",
     "acquire read foreign_fence foreign_commit land report settle tick settle", "apply@1 serving ", EV_OWNER_SERVING},
    {"a foreign fence of the same epoch that came first wins",
     "acquire read foreign_fence_equal land report settle tick settle", "serving ", EV_OWNER_SERVING},
    {"a foreign fence of the same epoch that came second is void", SERVE "foreign_fence_equal append settle",
     "serving committed@2 ", EV_OWNER_SERVING},
    {"tries again when the fence is lost", "acquire read drop report tick settle", "serving ", EV_OWNER_SERVING},
    {"tries again when the fence's report is lost", "acquire read land_silently report tick settle", "serving ",
     EV_OWNER_SERVING},
    {"tries again when nobody says where the fence is", "acquire read land_blindly report tick settle", "serving ",
     EV_OWNER_SERVING},
    {"tries again when the fence gets no answer", "acquire read timeout settle", "serving ", EV_OWNER_SERVING},
    {"tries again when the queue is full", "full acquire read tick free tick settle tick settle", "serving ",
     EV_OWNER_SERVING},
    {"tries again when reading fails", "acquire read_fails tick settle", "serving ", EV_OWNER_SERVING},
    {"reads again when reading gets no answer", "acquire timeout settle", "serving ", EV_OWNER_SERVING},
    {"stops at what can't be applied", "foreign_fence foreign_commit apply_fails acquire settle tick settle", "",
     EV_OWNER_CATCHING_UP},
    {"goes on when it can be applied",
     "foreign_fence foreign_commit apply_fails acquire settle apply_works tick settle", "apply@1 serving ",
     EV_OWNER_SERVING},
    {"forgets all when the log was cut", "foreign_fence foreign_commit " SERVE "release acquire log_is_cut tick settle",
     "apply@1 serving reset apply@1 serving ", EV_OWNER_SERVING},

    {"acknowledges nothing before the report", SERVE "append land", "serving ", EV_OWNER_SERVING},
    {"acknowledges a contiguous commit without reading", SERVE "append append land land report report tell_counts",
     "serving committed@1 committed@2 [reads 0 queries 0 purges 0] ", EV_OWNER_SERVING},
    {"reads a gap before it acknowledges", SERVE "stale_commit append land report tell_counts settle",
     "serving [reads 1 queries 0 purges 0] committed@2 ", EV_OWNER_SERVING},
    {"acknowledges in order behind a gap", SERVE "append stale_commit append land land report report settle",
     "serving committed@2 committed@3 ", EV_OWNER_SERVING},
    {"is lost when the gap holds a foreign fence", SERVE "append append foreign_fence land land report report settle",
     "serving voided voided lost ", EV_OWNER_LOST},
    {"what came before the foreign fence counts", SERVE "append append land foreign_fence land report report settle",
     "serving committed@1 voided lost ", EV_OWNER_LOST},
    {"appends nothing once lost", SERVE "append foreign_fence land report settle append", "serving voided lost FENCED ",
     EV_OWNER_LOST},
    {"stays lost", SERVE "append foreign_fence land report settle tick timeout settle", "serving voided lost ",
     EV_OWNER_LOST},
    {"serves again when assigned anew",
     SERVE "append foreign_fence foreign_commit land report settle acquire settle append settle",
     "serving voided lost apply@2 serving committed@5 ", EV_OWNER_SERVING},

    {"an error puts it in doubt, then the log decides: lost", SERVE "append drop report settle",
     "serving doubt voided serving ", EV_OWNER_SERVING},
    {"an error puts it in doubt, then the log decides: there", SERVE "append land_silently report settle",
     "serving doubt committed@1 serving ", EV_OWNER_SERVING},
    {"a report without offset is doubt", SERVE "append land_blindly report settle",
     "serving doubt committed@1 serving ", EV_OWNER_SERVING},
    {"what follows a hole is void", SERVE "append append append land drop land report report settle",
     "serving committed@1 doubt voided voided serving ", EV_OWNER_SERVING},
    {"no answer is doubt", SERVE "append timeout settle", "serving doubt committed@1 serving ", EV_OWNER_SERVING},
    {"doubt purges what is queued", SERVE "append timeout tell_counts", "serving doubt [reads 0 queries 0 purges 1] ",
     EV_OWNER_CATCHING_UP},
    {"a record that lands behind the new fence is void", SERVE "append append land_silently report read read settle",
     "serving doubt committed@1 committed@2 serving ", EV_OWNER_SERVING},
    {"in doubt it appends nothing", SERVE "append drop report append", "serving doubt FENCED ", EV_OWNER_CATCHING_UP},
    {"in doubt it doesn't fence over a foreign fence", SERVE "append foreign_fence drop report settle tick settle",
     "serving doubt voided lost ", EV_OWNER_LOST},
    {"a foreign fence that lands after doubt's reading is found with the own one",
     SERVE "append drop report read foreign_fence foreign_commit land report settle",
     "serving doubt voided apply@2 lost ", EV_OWNER_LOST},
    {"works on after doubt", SERVE "append drop report settle append append settle",
     "serving doubt voided serving committed@2 committed@3 ", EV_OWNER_SERVING},
    {"keeps what it knows when it gets the partition again", SERVE "append settle release acquire settle append settle",
     "serving committed@1 serving committed@3 ", EV_OWNER_SERVING},
    {"a commit in flight at release is history later", SERVE "append land release acquire settle",
     "serving apply@1 serving ", EV_OWNER_SERVING},
    {"a report from before the release is nobody's", SERVE "append land release report acquire settle append settle",
     "serving apply@1 serving committed@3 ", EV_OWNER_SERVING},
    {"a standby applies what others write, as it comes",
     "foreign_fence foreign_commit standby settle foreign_commit settle stale_commit foreign_commit settle",
     "apply@1 apply@2 apply@4 ", EV_OWNER_STANDBY},
    {"a standby appends nothing", "standby settle append", "FENCED ", EV_OWNER_STANDBY},
    {"a standby that gets the partition reads the tail, fences and serves",
     "foreign_fence foreign_commit standby settle foreign_commit acquire read read land report",
     "apply@1 apply@2 serving ", EV_OWNER_SERVING},
    {"a standby loses nothing by a foreign fence",
     SERVE "append settle release standby foreign_fence foreign_commit settle", "serving committed@1 apply@3 ",
     EV_OWNER_STANDBY},
    {"a standby may become owner, be lost to another, and stand by again",
     "standby settle acquire settle append foreign_fence land report settle release standby foreign_commit settle",
     "serving voided lost apply@3 ", EV_OWNER_STANDBY},
    {"a standby reads again when reading fails", "foreign_fence standby read_fails foreign_commit tick settle",
     "apply@1 ", EV_OWNER_STANDBY},
    {"a standby reads a log that was cut anew, and stays one",
     "foreign_fence foreign_commit standby settle log_is_cut tick settle", "apply@1 reset apply@1 ", EV_OWNER_STANDBY},
    {"a standby that is released reads nothing", "standby foreign_fence release foreign_commit settle", "",
     EV_OWNER_IDLE},
    {"an owner doesn't become a standby by being asked to", SERVE "standby append settle", "serving committed@1 ",
     EV_OWNER_SERVING},
    {"a full queue costs no sequence number", SERVE "full append free append settle", "serving LIMIT committed@1 ",
     EV_OWNER_SERVING},

    {"a ticket waits for the leader", SERVE "confirm", "serving #1 ", EV_OWNER_SERVING},
    {"a ticket is confirmed by an end that is known", SERVE "confirm ask answer", "serving #1 confirmed#1 ",
     EV_OWNER_SERVING},
    {"a question that was asked before doesn't serve", SERVE "confirm ask confirm answer ask answer tell_counts",
     "serving #1 #2 confirmed#1 confirmed#2 [reads 0 queries 2 purges 0] ", EV_OWNER_SERVING},
    {"one question serves all who wait", SERVE "confirm ask confirm confirm confirm answer ask answer tell_counts",
     "serving #1 #2 #2 #2 confirmed#1 confirmed#2 [reads 0 queries 2 purges 0] ", EV_OWNER_SERVING},
    {"a ticket waits for what was appended before", SERVE "append confirm tell_counts land report ask answer",
     "serving #1 [reads 0 queries 0 purges 0] committed@1 confirmed#1 ", EV_OWNER_SERVING},
    {"a later commit confirms", SERVE "append confirm append land land report report tell_counts",
     "serving #1 committed@1 committed@2 confirmed#1 [reads 0 queries 0 purges 0] ", EV_OWNER_SERVING},
    {"an earlier commit alone doesn't", SERVE "append confirm land report", "serving #1 committed@1 ",
     EV_OWNER_SERVING},
    {"an end behind the own records is read up to", SERVE "stale_commit confirm ask answer tell_counts settle",
     "serving #1 [reads 1 queries 1 purges 0] confirmed#1 ", EV_OWNER_SERVING},
    {"a foreign fence at the end is no confirmation", SERVE "foreign_fence confirm ask answer settle",
     "serving #1 lost ", EV_OWNER_LOST},
    {"a foreign fence after the answer is later", SERVE "confirm ask foreign_fence answer", "serving #1 confirmed#1 ",
     EV_OWNER_SERVING},
    {"an append while the question is asked must be settled only if it was before",
     SERVE "confirm append ask land answer tell_counts report",
     "serving #1 confirmed#1 [reads 0 queries 1 purges 0] committed@1 ", EV_OWNER_SERVING},
    {"doubt cancels tickets", SERVE "append confirm drop report settle tick settle", "serving #1 doubt voided serving ",
     EV_OWNER_SERVING},
    {"a ticket after doubt is confirmed", SERVE "append confirm drop report settle confirm settle",
     "serving #1 doubt voided serving #2 confirmed#2 ", EV_OWNER_SERVING},
    {"a question without an answer is asked again", SERVE "confirm ask answer_fails tick ask answer",
     "serving #1 confirmed#1 ", EV_OWNER_SERVING},
    {"an answered question ends the trouble of the one before",
     SERVE "confirm ask answer_fails tell_error tick ask answer tell_error",
     "serving #1 [in trouble] confirmed#1 [well] ", EV_OWNER_SERVING},
};

static void run_row(const struct row *row)
{
    static struct stage stage; /* big */
    struct ev_str rest = ev_str_of(row->script), word;
    stage_init(&stage);
    while (ev_str_split(&rest, ' ', &word)) {
        if (word.length > 0)
            run_word(&stage, word);
    }
    if (strcmp(stage.told, row->told) != 0 || stage.owner.state != row->state)
        fail_msg("%s\n  script:   %s\n  told:     %s(%s)\n  expected: %s(%s)", row->rule, row->script, stage.told,
                 ev_owner_state_name(stage.owner.state), row->told, ev_owner_state_name(row->state));
    stage_finish(&stage);
}

static void every_rule_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        run_row(&rows[i]);
}

static void appends_in_flight_are_bounded(void **state)
{
    static struct stage stage;
    (void)state;
    stage_init(&stage);
    do_acquire(&stage);
    do_settle(&stage);
    for (int i = 0; i < EV_OWNER_INFLIGHT_MAX; i++)
        do_append(&stage);
    assert_string_equal(stage.told, "serving ");
    do_append(&stage);
    assert_string_equal(stage.told, "serving LIMIT ");
    fake_port_settle(&stage.port, 3 * EV_OWNER_INFLIGHT_MAX);
    assert_int_equal(ev_owner_inflight(&stage.owner), 0);
    do_append(&stage);
    assert_int_equal(ev_owner_inflight(&stage.owner), 1);
    stage_finish(&stage);
}

/* Tickets between all appends that can be in flight: the ring of tickets has room for them. */
static void tickets_are_bounded(void **state)
{
    static struct stage stage;
    (void)state;
    stage_init(&stage);
    do_acquire(&stage);
    do_settle(&stage);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < EV_OWNER_INFLIGHT_MAX; i++) {
            (void)ev_owner_confirm(&stage.owner, stage.now_ms);
            (void)ev_owner_confirm(&stage.owner, stage.now_ms);
            do_append(&stage);
        }
        uint64_t last = ev_owner_confirm(&stage.owner, stage.now_ms);
        fake_port_settle(&stage.port, 3 * EV_OWNER_INFLIGHT_MAX);
        assert_int_equal(stage.owner.ticket_head, stage.owner.ticket_tail);
        assert_true(last >= EV_OWNER_INFLIGHT_MAX);
        stage.told[0] = '\0';
    }
    stage_finish(&stage);
}

/* Sixteen times somebody else was quicker: it leaves the partition alone until it is assigned again. */
static void a_duel_ends(void **state)
{
    static struct stage stage;
    (void)state;
    stage_init(&stage);
    do_acquire(&stage);
    for (int i = 0; i < 1000 && stage.owner.state != EV_OWNER_LOST; i++) {
        if (stage.owner.state == EV_OWNER_FENCING && stage.port.send_head != stage.port.send_tail) {
            do_foreign_fence(&stage);
            do_land(&stage);
        }
        (void)fake_port_report(&stage.port);
        (void)fake_port_read(&stage.port);
        stage.now_ms += EV_OWNER_RETRY_MAX_MS;
        (void)ev_owner_tick(&stage.owner, stage.now_ms);
    }
    assert_string_equal(stage.told, "lost ");
    assert_int_equal(stage.owner.void_fences_in_row, EV_OWNER_FENCE_ATTEMPTS_MAX);
    stage_finish(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_holds),
        cmocka_unit_test(appends_in_flight_are_bounded),
        cmocka_unit_test(tickets_are_bounded),
        cmocka_unit_test(a_duel_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
