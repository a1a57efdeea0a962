/* Position tokens. An even first byte: the rest is a token as a client might send it. An odd one: positions are made of
 * the rest, and their token must give them back, and nothing else once a byte of it is changed. */
#include <string.h>

#include "fuzz.h"
#include "log/position.h"

static void check_text(struct ev_str token)
{
    struct ev_position positions[EV_POSITIONS_MAX];
    struct ev_error error;
    struct ev_arena arena;
    size_t count = 0;
    char again[EV_POSITION_TOKEN_MAX];
    ev_arena_init(&arena, 0);
    int rc = ev_position_token_parse(token, &arena, positions, &count, &error);
    FUZZ_CHECK(rc == 0 || rc == EV_ERR_INVALID);
    if (rc == 0) {
        FUZZ_CHECK(count <= EV_POSITIONS_MAX);
        size_t length = ev_position_token_format(positions, count, again);
        FUZZ_CHECK(length < EV_POSITION_TOKEN_MAX && again[length] == '\0');
    }
    ev_arena_finish(&arena);
}

/* Nine bytes each: topic, partition, offset. Returns how many; each partition once. */
static size_t make_positions(const uint8_t *data, size_t size, struct ev_position ret[EV_POSITIONS_MAX])
{
    static const struct ev_str topics[] = {{"order", 5}, {"cart", 4}, {"a-b_c.d", 7}, {"sixteen_letters_", 16}};
    size_t count = 0;
    for (; size >= 9 && count < EV_POSITIONS_MAX; data += 9, size -= 9) {
        uint64_t offset;
        memcpy(&offset, data + 1, sizeof(offset));
        ret[count] = (struct ev_position){.topic = topics[data[0] % 4], .partition = (int32_t)(count * 1000 + data[0])};
        ret[count++].offset = (int64_t)(offset >> 1) - (offset == 0);
    }
    return count;
}

static void check_positions(const uint8_t *data, size_t size)
{
    struct ev_position positions[EV_POSITIONS_MAX], again[EV_POSITIONS_MAX];
    struct ev_error error;
    struct ev_arena arena;
    char token[EV_POSITION_TOKEN_MAX];
    size_t count = make_positions(data, size, positions), again_count = 0;
    if (count == 0)
        return;
    ev_arena_init(&arena, 0);
    struct ev_str text = {token, ev_position_token_format(positions, count, token)};
    FUZZ_CHECK(ev_position_token_parse(text, &arena, again, &again_count, &error) == 0);
    FUZZ_CHECK(again_count == count);
    for (size_t i = 0; i < count; i++) {
        size_t j = 0;
        while (j < count &&
               (again[j].partition != positions[i].partition || !ev_str_equal(again[j].topic, positions[i].topic)))
            j++;
        FUZZ_CHECK(j < count && again[j].offset == positions[i].offset);
    }
    token[data[0] % text.length] ^= 1;
    check_text(text);
    ev_arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    if (data[0] % 2)
        check_positions(data + 1, size - 1);
    else
        check_text((struct ev_str){(const char *)data + 1, size - 1});
    return 0;
}
