#include "cli/parked_stopped.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "core/clock.h"
#include "core/timestamp.h"

#define POLL_MS 500

void stopped_print(const struct ev_view *view, const struct ev_sink *sink, const struct ev_parked *parked)
{
    char since[EV_TIMESTAMP_TEXT_MAX];
    ev_timestamp_format(parked->parked_at_ms, since);
    printf("%s/%s partition %" PRId32 " is read no further than offset %" PRId64 ", since %s: %s\n", view->name,
           sink->name, parked->partition, parked->offset, since, parked->cause);
    printf("    once the registry knows its schema and the projectors its events: orderlog parked retry %s --sink %s "
           "--key '%.*s'\n",
           view->name, sink->name, EV_STR_ARG(parked->key));
    printf("    to leave it out of the view for good (refused where nobody could tell what counts behind it): orderlog "
           "parked skip %s --sink %s --key '%.*s'\n",
           view->name, sink->name, EV_STR_ARG(parked->key));
}

static int refuse(const struct ev_parked *parked, const struct ev_error *fault, struct ev_error *error)
{
    struct ev_error cause = *fault;
    return ev_error_set(error, EV_ERR_UNSUPPORTED,
                        "offset %" PRId64 " of partition %" PRId32
                        " can't be left out: nobody can tell whether it counts, and so what counts behind it; retry "
                        "once it can be decoded (%s)",
                        parked->offset, parked->partition, cause.message);
}

int stopped_may_be_skipped(struct ev_reader *reader, const struct ev_parked *parked, struct ev_error *error)
{
    const struct ev_clock *clock = &ev_clock_system;
    const struct ev_cursor at = {.partition = parked->partition, .next_offset = parked->offset, .last_offset = -1};
    int64_t deadline = ev_clock_monotonic_ms(clock) + STOPPED_READ_TIMEOUT_MS, offset;
    int32_t partition;
    struct ev_log_record record = {0};
    struct ev_arena arena;
    ev_arena_init(&arena, 0);
    int got = 0, r = ev_reader_assign(reader, &at, 1, error);
    while (r >= 0 && got == 0 && !cli_interrupted() && ev_clock_monotonic_ms(clock) < deadline) {
        got = ev_reader_poll(reader, &arena, &record, 1, POLL_MS, error);
        r = got < 0 && !error->retriable ? got : 0;
        got = got > 0 ? got : 0;
    }
    ev_arena_finish(&arena);
    if (r < 0 && ev_reader_failed(reader, &partition, &offset) && offset == parked->offset)
        return refuse(parked, error, error);
    if (r >= 0 && (got == 0 || record.offset != parked->offset))
        return ev_error_set_retriable(error, EV_ERR_TIMEOUT,
                                      "offset %" PRId64 " of partition %" PRId32 " could not be read", parked->offset,
                                      parked->partition);
    return r;
}
