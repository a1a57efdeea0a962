#include "sinks/generations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_texts[] = {
#define X(name, text) text,
    GENERATION_STATES(X)
#undef X
};

const char *generation_state_text(enum generation_state state)
{
    return state_texts[state];
}

enum generation_state generation_state_parse(struct ev_str text)
{
    for (size_t i = 0; i < sizeof(state_texts) / sizeof(state_texts[0]); i++)
        if (ev_str_equal(text, ev_str_of(state_texts[i])))
            return (enum generation_state)i;
    return GENERATION_BUILDING;
}

void generation_name(char separator, const char *view, int version, int number, char ret[GENERATION_NAME_MAX])
{
    if (number > 1)
        snprintf(ret, GENERATION_NAME_MAX, "%s%cv%d%cg%d", view, separator, version, separator, number);
    else
        snprintf(ret, GENERATION_NAME_MAX, "%s%cv%d", view, separator, version);
}

static bool take_number(struct ev_str *rest, char separator, char letter, int *ret)
{
    int64_t value;
    size_t length = 2;
    if (rest->length < 3 || rest->data[0] != separator || rest->data[1] != letter)
        return false;
    while (length < rest->length && rest->data[length] != separator)
        length++;
    if (!ev_str_to_int64((struct ev_str){rest->data + 2, length - 2}, &value) || value < 1 || value > INT32_MAX)
        return false;
    *ret = (int)value;
    *rest = (struct ev_str){rest->data + length, rest->length - length};
    return true;
}

bool generation_name_parse(char separator, const char *view, struct ev_str name, int *ret_version, int *ret_number)
{
    size_t length = strlen(view);
    if (name.length <= length || memcmp(name.data, view, length) != 0)
        return false;
    struct ev_str rest = {name.data + length, name.length - length};
    *ret_number = 1;
    if (!take_number(&rest, separator, 'v', ret_version))
        return false;
    return rest.length == 0 || (take_number(&rest, separator, 'g', ret_number) && rest.length == 0 && *ret_number > 1);
}

static int by_version_and_number(const void *a, const void *b)
{
    const struct generation *one = a, *other = b;
    if (one->version != other->version)
        return one->version < other->version ? -1 : 1;
    return one->number < other->number ? -1 : one->number > other->number;
}

void generations_sort(struct generation *generations, size_t count)
{
    qsort(generations, count, sizeof(*generations), by_version_and_number);
}

const struct generation *generations_live(const struct generation *generations, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (generations[i].live)
            return &generations[i];
    return NULL;
}

const struct generation *generations_find(const struct generation *generations, size_t count, int version, int number)
{
    for (size_t i = 0; i < count; i++)
        if (generations[i].version == version && generations[i].number == number)
            return &generations[i];
    return NULL;
}

bool generation_is_left_over(const struct generation *generation, int64_t now_ms)
{
    int64_t heard_ms =
        generation->heartbeat_ms > generation->created_at_ms ? generation->heartbeat_ms : generation->created_at_ms;
    return !generation->live && generation->state != GENERATION_READY && now_ms - heard_ms > GENERATION_LEASE_MS;
}

int generation_refuse_fingerprint(const struct ev_view *view, const char *sink, const char *stored, const char *own,
                                  struct ev_error *error)
{
    return ev_error_set(error, EV_ERR_CONFLICT,
                        "view %s version %d lies in %s as another fold made it (fingerprint %.8s there, %.8s here): a "
                        "changed fold is a new version of the view; raise .version in its file, or build it with this "
                        "fold and look at what differs: orderlog replay %s",
                        view->name, view->version, sink, stored, own, view->name);
}
