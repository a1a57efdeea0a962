#include <string.h>

#include "http/command.h"

/* The receiving end: another instance has validated the command, derived its id, and found that its partition is not
 * there. It is told in headers that are believed on the private listener alone. Such a command is decided here or sent
 * back; it isn't forwarded again. */

static void mark(struct command_run *run, const char *value)
{
    run->exchange->answer_header = (struct http_header){EV_STR(FORWARD_MARK), ev_str_of(value)};
}

static bool refuse(struct command_run *run, const char *name)
{
    command_refuse(run, "invalid-header", "A header of the forwarded command can't be used", ev_str_of(name));
    return false;
}

static void misdirected(struct command_run *run, const char *detail)
{
    mark(run, FORWARD_MARK_NOT_HERE);
    http_reply_problem(run->exchange, &(struct http_problem){
                                          .status = 421,
                                          .slug = "not-the-owner",
                                          .title = "Another instance owns the command's partition",
                                          .detail = ev_str_of(detail),
                                      });
}

static bool read_id(struct command_run *run, const char *name, uint8_t ret[16])
{
    struct ev_uuid id;
    if (!ev_uuid_parse(http_exchange_header(run->exchange, name), &id))
        return refuse(run, name);
    memcpy(ret, id.bytes, sizeof(id.bytes));
    return true;
}

bool command_forwarded_read(struct command_run *run)
{
    struct http_exchange *exchange = run->exchange;
    if (!exchange->is_private || !http_exchange_header(exchange, FORWARD_PARTITION).data)
        return true;
    run->is_forwarded = true;
    mark(run, FORWARD_MARK_FINAL);
    if (!ev_str_equal(http_exchange_header(exchange, FORWARD_COMMAND), ev_str_of(run->route->type->name)) ||
        !ev_str_equal(http_exchange_header(exchange, FORWARD_TOPIC_ID), ev_str_of(run->route->topic->id))) {
        misdirected(run, "This is another command here, or another log.");
        return false;
    }
    if (!ev_str_to_int64(http_exchange_header(exchange, FORWARD_DEADLINE), &run->given_ms) || run->given_ms < 0 ||
        run->given_ms > COMMAND_WAIT_MAX_S * 1000)
        return refuse(run, FORWARD_DEADLINE);
    return read_id(run, FORWARD_COMMAND_ID, run->given_id.bytes) &&
           read_id(run, FORWARD_REQUEST_HASH, run->given_hash.bytes);
}

bool command_forwarded_check(struct command_run *run)
{
    if (!run->is_forwarded)
        return true;
    struct ev_str here =
        ev_arena_printf(&run->exchange->arena, "%s/%d", run->shard.topic->full_name, (int)shard_partition(&run->shard));
    if (ev_str_equal(here, http_exchange_header(run->exchange, FORWARD_PARTITION)))
        return true;
    misdirected(run, "The command belongs to another partition here.");
    return false;
}

void command_forwarded_send_back(struct command_run *run)
{
    misdirected(run, "Nothing was carried out.");
}

void command_forwarded_lost(struct command_run *run)
{
    mark(run, FORWARD_MARK_LOST);
    command_answer_error(run, EV_ERR_FENCED, true);
}
