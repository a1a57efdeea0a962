/* UUIDs (RFC 9562): version 7 for new ids, version 5 for ids derived from a name. */
#pragma once

#include "core/clock.h"
#include "core/str.h"

struct ev_uuid {
    uint8_t bytes[16];
};
#define EV_UUID_TEXT_LENGTH 36

/* 48 bits of milliseconds, 74 of randomness: ids sort by millisecond, and in no order within one. Thread-safe where the
 * ports are. */
struct ev_uuid ev_uuid_v7(const struct ev_clock *clock, const struct ev_random *random);
/* SHA-1 of namespace and name: the same id wherever and whenever it is asked for. Not a secret, no proof of anything.
 */
struct ev_uuid ev_uuid_v5(const struct ev_uuid *namespace_id, struct ev_str name);
/* Writes 36 characters, lower case, and a NUL. */
void ev_uuid_format(const struct ev_uuid *uuid, char ret_text[EV_UUID_TEXT_LENGTH + 1]);
/* The hyphenated form in either case, any version; nothing else (no braces, no "urn:uuid:"). */
bool ev_uuid_parse(struct ev_str text, struct ev_uuid *ret);
bool ev_uuid_equal(const struct ev_uuid *a, const struct ev_uuid *b);
/* Namespace of all derived ids of this project: UUIDv5 of "urn:orderlog" in RFC 9562's namespace for URLs. Never
 * changes. */
extern const struct ev_uuid ev_uuid_namespace_orderlog;
