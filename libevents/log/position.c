#include "log/position.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/fatal.h"
#include "core/hash.h"

/* A token's text before base64url: "1" then "|TOPIC/PARTITION/OFFSET" for each position and "|CHECKSUM": 8 hexadecimal
 * digits of the hash of all before it. Offsets are hexadecimal, -1 is "-". */
#define VERSION '1'
#define CHECKSUM_LENGTH 8
#define TEXT_MAX (EV_POSITION_TOKEN_MAX / 4 * 3)

_Static_assert(1 + EV_POSITIONS_MAX * (3 + EV_POSITION_TOPIC_MAX + 10 + 16) + 1 + CHECKSUM_LENGTH < TEXT_MAX,
               "every token fits");

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t base64url_encode(const char *bytes, size_t length, char *out)
{
    size_t written = 0;
    for (size_t i = 0; i < length; i += 3) {
        uint32_t group = 0;
        size_t in_group = length - i < 3 ? length - i : 3;
        for (size_t j = 0; j < 3; j++)
            group = group << 8 | (j < in_group ? (uint8_t)bytes[i + j] : 0);
        for (size_t j = 0; j <= in_group; j++)
            out[written++] = alphabet[group >> (18 - 6 * j) & 63];
    }
    out[written] = '\0';
    return written;
}

/* False for characters outside the alphabet and lengths that no text has. `out` has room for length * 3 / 4 bytes. */
static bool base64url_decode(struct ev_str text, char *out, size_t *ret_length)
{
    uint32_t group = 0;
    size_t written = 0;
    if (text.length % 4 == 1)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        const char *place = text.data[i] ? strchr(alphabet, text.data[i]) : NULL;
        if (!place)
            return false;
        group = group << 6 | (uint32_t)(place - alphabet);
        if (i % 4 == 0)
            continue;
        size_t bits_left = (3 - i % 4) * 2;
        out[written++] = (char)(group >> bits_left);
        group &= (1u << bits_left) - 1;
    }
    *ret_length = written;
    return group == 0; /* one text, one token: no stray bits at the end */
}

static bool topic_is_plain(struct ev_str topic)
{
    if (topic.length == 0 || topic.length > EV_POSITION_TOPIC_MAX)
        return false;
    for (size_t i = 0; i < topic.length; i++) {
        char c = topic.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
              c == '.'))
            return false;
    }
    return true;
}

static void checksum(const char *text, size_t length, char ret[CHECKSUM_LENGTH + 1])
{
    snprintf(ret, CHECKSUM_LENGTH + 1, "%08" PRIx32, (uint32_t)ev_hash64((struct ev_str){text, length}));
}

size_t ev_position_token_format(const struct ev_position *positions, size_t count,
                                char ret_token[EV_POSITION_TOKEN_MAX])
{
    char text[TEXT_MAX];
    size_t length = 1;
    text[0] = VERSION;
    if (count > EV_POSITIONS_MAX)
        ev_fatal("a position token of %zu positions", count);
    for (size_t i = 0; i < count; i++) {
        const struct ev_position *position = &positions[i];
        if (!topic_is_plain(position->topic) || position->partition < 0 || position->offset < -1)
            ev_fatal("not a position: topic '%.*s', partition %" PRId32, EV_STR_ARG(position->topic),
                     position->partition);
        length += (size_t)snprintf(text + length, sizeof(text) - length, "|%.*s/%" PRId32 "/",
                                   EV_STR_ARG(position->topic), position->partition);
        if (position->offset < 0)
            text[length++] = '-';
        else
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%" PRIx64, position->offset);
    }
    char sum[CHECKSUM_LENGTH + 1];
    checksum(text, length, sum);
    text[length++] = '|';
    memcpy(text + length, sum, CHECKSUM_LENGTH);
    length += CHECKSUM_LENGTH;
    return base64url_encode(text, length, ret_token);
}

/* "ff" without sign, "0x" or leading zeros; "-" is -1. */
static bool parse_offset(struct ev_str text, int64_t *ret)
{
    uint64_t value = 0;
    if (ev_str_equal(text, EV_STR("-"))) {
        *ret = -1;
        return true;
    }
    if (text.length == 0 || text.length > 16 || (text.length > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        value = value << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *ret = (int64_t)value;
    return value <= INT64_MAX;
}

static bool parse_position(struct ev_str text, struct ev_position *ret)
{
    struct ev_str partition, offset;
    int64_t number;
    if (!ev_str_split(&text, '/', &ret->topic) || !ev_str_split(&text, '/', &partition) ||
        !ev_str_split(&text, '/', &offset) || text.data)
        return false;
    if (!ev_str_to_int64(partition, &number) || number < 0 || number > INT32_MAX)
        return false;
    ret->partition = (int32_t)number;
    return topic_is_plain(ret->topic) && parse_offset(offset, &ret->offset);
}

/* Keeps the greatest offset of each partition. False when there are too many. */
static bool positions_add(struct ev_position ret[EV_POSITIONS_MAX], size_t *count, const struct ev_position *position)
{
    for (size_t i = 0; i < *count; i++) {
        if (ret[i].partition == position->partition && ev_str_equal(ret[i].topic, position->topic)) {
            if (ret[i].offset < position->offset)
                ret[i].offset = position->offset;
            return true;
        }
    }
    if (*count == EV_POSITIONS_MAX)
        return false;
    ret[(*count)++] = *position;
    return true;
}

static bool parse_one(struct ev_str token, struct ev_arena *arena, struct ev_position ret[EV_POSITIONS_MAX],
                      size_t *count)
{
    char text[TEXT_MAX], sum[CHECKSUM_LENGTH + 1];
    size_t length;
    if (token.length >= EV_POSITION_TOKEN_MAX || !base64url_decode(token, text, &length))
        return false;
    if (length < 2 + CHECKSUM_LENGTH || text[0] != VERSION)
        return false;
    length -= CHECKSUM_LENGTH + 1;
    checksum(text, length, sum);
    if (text[length] != '|' || memcmp(text + length + 1, sum, CHECKSUM_LENGTH) != 0)
        return false;
    if (length == 1)
        return true;
    if (text[1] != '|')
        return false;
    struct ev_str rest = {text + 2, length - 2}, part;
    while (ev_str_split(&rest, '|', &part)) {
        struct ev_position position;
        if (!parse_position(part, &position))
            return false;
        position.topic = ev_arena_copy(arena, position.topic);
        if (!positions_add(ret, count, &position))
            return false;
    }
    return true;
}

int ev_position_token_parse(struct ev_str token, struct ev_arena *arena, struct ev_position ret[EV_POSITIONS_MAX],
                            size_t *ret_count, struct ev_error *error)
{
    struct ev_str part;
    *ret_count = 0;
    if (token.length == 0)
        return ev_error_set(error, EV_ERR_INVALID, "an empty position token");
    while (ev_str_split(&token, ',', &part)) {
        if (!parse_one(ev_str_trim(part), arena, ret, ret_count)) {
            *ret_count = 0;
            return ev_error_set(error, EV_ERR_INVALID,
                                "not a position token: pass on what an earlier answer gave, unchanged");
        }
    }
    return 0;
}
