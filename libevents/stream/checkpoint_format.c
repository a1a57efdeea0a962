#include "stream/checkpoint_format.h"

#include <string.h>
#include <xxhash.h>

/* Fields that are stored as they lie in memory: zeroed first, so that padding is the same every time. */
struct stored_head {
    uint32_t format, entry_size;
    struct ev_checkpoint_head head;
};
struct stored_stream {
    int64_t version, offset;
};

_Static_assert(sizeof(struct ev_dedup_entry) == 48, "another layout is another EV_CHECKPOINT_FORMAT");

static uint64_t checksum(struct ev_str key, const char *bytes, size_t length)
{
    return XXH3_64bits_withSeed(bytes, length, XXH3_64bits(key.data, key.length));
}

struct ev_checkpoint_key ev_checkpoint_head_key(void)
{
    return (struct ev_checkpoint_key){.length = 1, .bytes = "h"};
}

struct ev_checkpoint_key ev_checkpoint_commands_key(uint64_t number)
{
    struct ev_checkpoint_key key = {.length = 9, .bytes = "c"};
    uint64_t chunk = number / EV_CHECKPOINT_COMMANDS_PER_VALUE;
    for (int i = 0; i < 8; i++)
        key.bytes[1 + i] = (char)(chunk >> (56 - 8 * i));
    return key;
}

bool ev_checkpoint_key_commands(struct ev_str key, uint64_t *ret_number)
{
    uint64_t chunk = 0;
    if (key.length != 9 || key.data[0] != 'c')
        return false;
    for (int i = 0; i < 8; i++)
        chunk = chunk << 8 | (uint8_t)key.data[1 + i];
    *ret_number = chunk * EV_CHECKPOINT_COMMANDS_PER_VALUE;
    return true;
}

struct ev_checkpoint_key ev_checkpoint_stream_key(struct ev_str id)
{
    struct ev_checkpoint_key key = {.length = 1 + id.length, .bytes = "s"};
    memcpy(key.bytes + 1, id.data, id.length);
    return key;
}

/* --- encoding --- */

static size_t begin(struct ev_buffer *out)
{
    uint64_t place = 0;
    ev_buffer_append(out, &place, sizeof(place));
    return out->length;
}

static void end(struct ev_str key, struct ev_buffer *out, size_t start)
{
    uint64_t sum = checksum(key, out->data + start, out->length - start);
    memcpy(out->data + start - sizeof(sum), &sum, sizeof(sum));
}

void ev_checkpoint_encode_head(struct ev_str key, const struct ev_checkpoint_head *head, struct ev_buffer *out)
{
    struct stored_head stored;
    memset(&stored, 0, sizeof(stored));
    stored.format = EV_CHECKPOINT_FORMAT;
    stored.entry_size = sizeof(struct ev_dedup_entry);
    stored.head = *head;
    size_t start = begin(out);
    ev_buffer_append(out, &stored, sizeof(stored));
    end(key, out, start);
}

void ev_checkpoint_encode_commands(struct ev_str key, uint64_t first, const struct ev_dedup_entry *entries,
                                   size_t count, struct ev_buffer *out)
{
    size_t start = begin(out);
    ev_buffer_append(out, &first, sizeof(first));
    ev_buffer_append(out, entries, count * sizeof(*entries));
    end(key, out, start);
}

void ev_checkpoint_encode_stream(struct ev_str key, const struct ev_checkpoint_stream *stream, struct ev_buffer *out)
{
    struct stored_stream stored = {stream->version, stream->offset};
    size_t start = begin(out);
    ev_buffer_append(out, &stored, sizeof(stored));
    ev_buffer_append_str(out, stream->state);
    end(key, out, start);
}

/* --- decoding --- */

bool ev_checkpoint_value_is_sound(struct ev_str key, struct ev_str value)
{
    uint64_t sum;
    if (value.length < sizeof(sum))
        return false;
    memcpy(&sum, value.data, sizeof(sum));
    return sum == checksum(key, value.data + sizeof(sum), value.length - sizeof(sum));
}

static int open_value(struct ev_str key, struct ev_str value, struct ev_str *ret_body, struct ev_error *error)
{
    if (!ev_checkpoint_value_is_sound(key, value))
        return ev_error_set(error, EV_ERR_CORRUPT, "the checkpoint's '%.*s' fails its checksum",
                            key.data[0] == 's' ? (int)key.length - 1 : 1, key.data[0] == 's' ? key.data + 1 : key.data);
    *ret_body = (struct ev_str){value.data + sizeof(uint64_t), value.length - sizeof(uint64_t)};
    return 0;
}

static int wrong_size(struct ev_error *error, const char *what)
{
    return ev_error_set(error, EV_ERR_CORRUPT, "the checkpoint's %s has a size that can't be", what);
}

int ev_checkpoint_decode_head(struct ev_str key, struct ev_str value, struct ev_checkpoint_head *ret,
                              struct ev_error *error)
{
    struct stored_head stored;
    struct ev_str body = EV_STR_NULL;
    int r = open_value(key, value, &body, error);
    if (r < 0)
        return r;
    if (body.length < sizeof(stored.format))
        return wrong_size(error, "head");
    memcpy(&stored.format, body.data, sizeof(stored.format));
    if (stored.format != EV_CHECKPOINT_FORMAT)
        return ev_error_set(error, EV_ERR_UNSUPPORTED, "the checkpoint has format %u, not %d", stored.format,
                            EV_CHECKPOINT_FORMAT);
    if (body.length != sizeof(stored))
        return wrong_size(error, "head");
    memcpy(&stored, body.data, sizeof(stored));
    if (stored.entry_size != sizeof(struct ev_dedup_entry))
        return ev_error_set(error, EV_ERR_UNSUPPORTED, "the checkpoint's commands have another size");
    if (memchr(stored.head.topic_id, '\0', sizeof(stored.head.topic_id)) == NULL ||
        stored.head.commands_first > stored.head.commands_next)
        return wrong_size(error, "head");
    *ret = stored.head;
    return 0;
}

int ev_checkpoint_decode_commands(struct ev_str key, struct ev_str value, uint64_t *ret_first,
                                  struct ev_dedup_entry *ret_entries, size_t *ret_count, struct ev_error *error)
{
    struct ev_str body = EV_STR_NULL;
    int r = open_value(key, value, &body, error);
    if (r < 0)
        return r;
    size_t bytes = body.length - sizeof(*ret_first);
    if (body.length < sizeof(*ret_first) || bytes % sizeof(*ret_entries) != 0 ||
        bytes / sizeof(*ret_entries) > EV_CHECKPOINT_COMMANDS_PER_VALUE)
        return wrong_size(error, "commands");
    memcpy(ret_first, body.data, sizeof(*ret_first));
    memcpy(ret_entries, body.data + sizeof(*ret_first), bytes);
    *ret_count = bytes / sizeof(*ret_entries);
    return 0;
}

int ev_checkpoint_decode_stream(struct ev_str key, struct ev_str value, struct ev_checkpoint_stream *ret,
                                struct ev_error *error)
{
    struct stored_stream stored;
    struct ev_str body = EV_STR_NULL;
    int r = open_value(key, value, &body, error);
    if (r < 0)
        return r;
    if (body.length < sizeof(stored))
        return wrong_size(error, "stream");
    memcpy(&stored, body.data, sizeof(stored));
    *ret = (struct ev_checkpoint_stream){
        stored.version, stored.offset, {body.data + sizeof(stored), body.length - sizeof(stored)}};
    return 0;
}
