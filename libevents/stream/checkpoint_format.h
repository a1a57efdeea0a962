/* How a checkpoint lies in LMDB. A partition's database holds
 *   "h"                  its head
 *   "c" + number / 64    big endian: up to 64 remembered commands
 *   "s" + stream id      the stream
 * A value is the checksum of all that follows, mixed with its key (8 bytes), then the fields in this machine's byte
 * order: a checkpoint doesn't move between machines, and one that did would fail its checksum. For the files of the
 * store alone. */
#pragma once

#include "stream/checkpoint.h"

#define EV_CHECKPOINT_KEY_MAX 512 /* LMDB's own bound is 511 */

struct ev_checkpoint_key {
    size_t length;
    char bytes[EV_CHECKPOINT_KEY_MAX];
};

struct ev_checkpoint_key ev_checkpoint_head_key(void);
struct ev_checkpoint_key ev_checkpoint_commands_key(uint64_t number);
/* `id` is at most EV_CHECKPOINT_KEY_MAX - 2 bytes long. */
struct ev_checkpoint_key ev_checkpoint_stream_key(struct ev_str id);
/* The number of the first command that a value under this key may hold; false: it isn't such a key. */
bool ev_checkpoint_key_commands(struct ev_str key, uint64_t *ret_number);

/* Values are appended to `out`. */
void ev_checkpoint_encode_head(struct ev_str key, const struct ev_checkpoint_head *head, struct ev_buffer *out);
void ev_checkpoint_encode_commands(struct ev_str key, uint64_t first, const struct ev_dedup_entry *entries,
                                   size_t count, struct ev_buffer *out);
void ev_checkpoint_encode_stream(struct ev_str key, const struct ev_checkpoint_stream *stream, struct ev_buffer *out);

/* CORRUPT, UNSUPPORTED (head: another format). */
int ev_checkpoint_decode_head(struct ev_str key, struct ev_str value, struct ev_checkpoint_head *ret,
                              struct ev_error *error);
/* `entries`: room for EV_CHECKPOINT_COMMANDS_PER_VALUE. */
int ev_checkpoint_decode_commands(struct ev_str key, struct ev_str value, uint64_t *ret_first,
                                  struct ev_dedup_entry *ret_entries, size_t *ret_count, struct ev_error *error);
/* The state is borrowed from `value`. */
int ev_checkpoint_decode_stream(struct ev_str key, struct ev_str value, struct ev_checkpoint_stream *ret,
                                struct ev_error *error);
/* The checksum alone. */
bool ev_checkpoint_value_is_sound(struct ev_str key, struct ev_str value);
