/* The commit record: all the events of one accepted command, in Confluent's wire format (0x00, schema id as 4 bytes
 * big endian, Avro body). A fence is a commit with an empty stream_id and no events; its actor names the owner.
 *
 * Layout of the Avro record, in this order (schemas/commit.avsc; every topic's Commit has its own union of events):
 *   stream_id string, base_version long, epoch long, seq long, command_id string (uuid), request_hash bytes,
 *   correlation_id string, causation_id string, actor string, traceparent ["null", string],
 *   occurred_at long (timestamp-millis), events array<union of the topic's event records> */
#pragma once

#include "avro/record.h"
#include "core/hash.h"
#include "core/uuid.h"

#define EV_COMMIT_EVENTS_MAX 1024                /* events in one commit */
#define EV_COMMIT_BYTES_MAX ((size_t)900 * 1024) /* encoded; below Kafka's default message.max.bytes of 1 MiB */

struct ev_upcast;

/* A kind of event. The generator emits one static object for each; programs compare by address or by category and
 * number. */
struct ev_event_type {
    const char *name;     /* "CartItemAdded" */
    const char *category; /* "cart" */
    int number;           /* enum CATEGORY_event_type; -1 where `upcast` is set: nobody meets it */
    const struct ev_record *record;
    bool retired; /* old commits hold it, no new one may: ev_commit_encode refuses it */
    /* NULL, or what takes its place when it is read, for folds and deciders alike: adds the new events to *upcast. Pure
     * and deterministic. No new commit may hold such an event either. */
    void (*upcast)(const void *body, struct ev_upcast *upcast);
};

struct ev_event {
    const struct ev_event_type *type;
    const void *body; /* the struct that type->record describes */
};

/* A topic's part of the contract, generated. In every version the events are the last field of a commit.
 * `union_index` in the current Commit schema is the place in `types`. */
struct ev_topic_schema {
    const char *name;          /* "order": the topic is PREFIX.order */
    const char *commit_schema; /* the current Commit .avsc, as registered, JSON */
    const struct ev_event_type *const *types;
    size_t type_count;
    const char *const *categories; /* NULL-terminated */
    uint64_t upcasts; /* changes with the upcasters' code: part of a fold's fingerprint; 0: there are none */
};

struct ev_commit {
    struct ev_str stream_id; /* "order-536365"; empty: a fence */
    int64_t base_version;    /* versions (commits) of the stream before this one */
    int64_t epoch, seq;      /* of the writer's fence */
    struct ev_uuid command_id;
    struct ev_hash128 request_hash;
    struct ev_str correlation_id, causation_id, actor;
    struct ev_str traceparent; /* may be null */
    int64_t occurred_at;       /* UTC ms */
    const struct ev_event *events;
    size_t event_count;
};

static inline bool ev_commit_is_fence(const struct ev_commit *commit)
{
    return commit->stream_id.length == 0;
}

#define EV_UPCAST_EVENTS_MAX 64 /* that may take the place of one */
#define EV_UPCAST_DEPTH_MAX 16  /* upcasters behind each other: version 1 to 2, 2 to 3 … */

/* What an upcaster sees and fills. */
struct ev_upcast {
    const struct ev_commit *commit; /* head of the commit that holds the event; its events aren't to be looked at */
    struct ev_arena *arena;         /* of the new events' bodies; strings may be borrowed from the old one */
    size_t count;
    struct ev_event items[EV_UPCAST_EVENTS_MAX];
    bool overflow; /* more than EV_UPCAST_EVENTS_MAX were added: the commit can't be decoded */
};
/* A zeroed body of the type's struct, already in the list. Never NULL. */
void *ev_upcast_add(struct ev_upcast *upcast, const struct ev_event_type *type);
/* What decoding makes of one event as it was written: itself, or what its upcaster (and theirs) put in its place; for
 * whoever makes events without a log. UNSUPPORTED beyond the bounds above, LIMIT past the arena's. */
int ev_event_upcast(const struct ev_event *event, const struct ev_commit *head, struct ev_arena *arena,
                    const struct ev_event **ret, size_t *ret_count, struct ev_error *error);

/* Appends the whole record (wire header and body). LIMIT beyond the bounds above; INVALID for an event that isn't the
 * topic's, is retired or has an upcaster. */
int ev_commit_encode(const struct ev_topic_schema *topic, int32_t schema_id, const struct ev_commit *commit,
                     struct ev_buffer *out, struct ev_error *error);

/* Decodes records of one topic, written with any registered schema; asks `schemas` once for each schema id it meets.
 * One decoder per thread. */
struct ev_schema_source { /* port; the registry client is one (avro/registry.h) */
    /* The schema's JSON, owned by the source for its lifetime. NOT_FOUND: there is none (final); UNAVAILABLE: ask
     * again later. */
    int (*get)(void *context, int32_t schema_id, struct ev_str *ret_json, struct ev_error *error);
    void *context;
};
struct ev_commit_decoder;
int ev_commit_decoder_create(const struct ev_topic_schema *topic, const struct ev_schema_source *schemas,
                             struct ev_commit_decoder **ret, struct ev_error *error);
void ev_commit_decoder_destroy(struct ev_commit_decoder *decoder);
/* Everything up to and without the events: what the validity of a commit needs. Cheap. Strings point into `record`. */
int ev_commit_decode_head(struct ev_commit_decoder *decoder, struct ev_str record, struct ev_commit *ret,
                          struct ev_error *error);
/* The whole commit; events and their bodies come from the arena. Events with an upcaster have been replaced: what comes
 * out are those that folds and deciders know, which may be more than EV_COMMIT_EVENTS_MAX.
 * What it says besides CORRUPT, LIMIT and UNSUPPORTED (an event, a branch or a symbol that is not known here) comes
 * from the source of schemas: NOT_FOUND, there is no schema of that id, for good; retriable, the source is away. */
int ev_commit_decode(struct ev_commit_decoder *decoder, struct ev_str record, struct ev_arena *arena,
                     struct ev_commit *ret, struct ev_error *error);
/* One JSON object: head fields, then events as [{"type": "CartItemAdded", "data": {…}}]. */
void ev_commit_print(const struct ev_commit *commit, struct ev_json_writer *writer);

/* A bounded list of events that a decider fills. */
struct ev_events {
    struct ev_arena *arena;
    size_t count;
    struct ev_event items[EV_COMMIT_EVENTS_MAX];
    bool overflow; /* more than EV_COMMIT_EVENTS_MAX were added: the command is refused as too large */
};
/* A zeroed body of the type's struct, already in the list. Never NULL (past the bound: a body that isn't in the
 * list). */
void *ev_events_add(struct ev_events *events, const struct ev_event_type *type);
