#include <stdio.h>
#include <stdlib.h>

#include "avro/commit_head.h"
#include "avro/plan.h"
#include "avro/writer_schema.h"
#include "core/memory.h"

#define COMMIT_SCHEMAS_MAX 1024 /* versions of one topic's schema that a decoder will know */

/* A branch of the writer's union of events. */
struct commit_branch {
    const struct ev_event_type *type; /* NULL: not known here, or not resolvable: refused when met, for `reason` */
    const struct ev_plan *plan;
    const char *reason;
};

/* What was made of one schema id. */
struct commit_schema {
    int32_t id;
    struct ev_arena arena;
    const struct ev_plan *head;
    size_t branch_count;
    struct commit_branch *branches;
};

struct ev_commit_decoder {
    const struct ev_topic_schema *topic;
    struct ev_schema_source source;
    size_t schema_count, schema_capacity;
    struct commit_schema **schemas; /* the one last used is the first */
};

int ev_commit_decoder_create(const struct ev_topic_schema *topic, const struct ev_schema_source *schemas,
                             struct ev_commit_decoder **ret, struct ev_error *error)
{
    (void)error; /* the schemas are looked at when records come */
    struct ev_commit_decoder *decoder = ev_memory_new(struct ev_commit_decoder);
    decoder->topic = topic;
    decoder->source = *schemas;
    *ret = decoder;
    return 0;
}

static void commit_schema_destroy(struct commit_schema *schema)
{
    ev_arena_finish(&schema->arena);
    free(schema);
}

void ev_commit_decoder_destroy(struct ev_commit_decoder *decoder)
{
    if (!decoder)
        return;
    for (size_t i = 0; i < decoder->schema_count; i++)
        commit_schema_destroy(decoder->schemas[i]);
    free(decoder->schemas);
    free(decoder);
}

static const struct ev_event_type *find_type(const struct ev_topic_schema *topic, avro_schema_t branch)
{
    const char *space = avro_schema_namespace(branch), *name = avro_schema_name(branch);
    char full_name[256];
    snprintf(full_name, sizeof(full_name), "%s%s%s", space ? space : "", space ? "." : "", name);
    for (size_t i = 0; i < topic->type_count; i++)
        if (strcmp(topic->types[i]->record->full_name, full_name) == 0)
            return topic->types[i];
    for (size_t i = 0; i < topic->type_count; i++) {
        const struct ev_record *record = topic->types[i]->record;
        if (record->aliases && ev_plan_name_matches(branch, record->name, record->aliases))
            return topic->types[i];
    }
    return NULL;
}

/* Faults other than INVALID are of the schema as a whole; an event that can't be resolved is refused when it comes. */
static int compile_branch(const struct ev_topic_schema *topic, avro_schema_t written, struct ev_plan_compiler *compiler,
                          struct commit_branch *branch)
{
    written = ev_plan_target(written);
    if (avro_typeof(written) != AVRO_RECORD)
        return ev_error_set(compiler->error, EV_ERR_INVALID, "an event is not a record");
    const struct ev_event_type *type = find_type(topic, written);
    if (!type) {
        branch->reason = ev_arena_printf(compiler->arena, "the event %s is not known here: a newer program wrote it",
                                         avro_schema_name(written))
                             .data;
        return 0;
    }
    branch->plan = ev_plan_record(compiler, written, avro_schema_record_size(written), type->record);
    if (!branch->plan && compiler->error->code != EV_ERR_INVALID)
        return compiler->error->code;
    if (branch->plan)
        branch->type = type;
    else
        branch->reason = ev_arena_copy(compiler->arena, ev_str_of(compiler->error->message)).data;
    return 0;
}

static int compile_events(const struct ev_topic_schema *topic, avro_schema_t events, struct commit_schema *schema,
                          struct ev_error *error)
{
    avro_schema_t items = avro_typeof(events) == AVRO_ARRAY ? ev_plan_target(avro_schema_array_items(events)) : NULL;
    if (!items || avro_typeof(items) != AVRO_UNION)
        return ev_error_set(error, EV_ERR_INVALID, "the events of a commit are not an array of a union");
    schema->branch_count = avro_schema_union_size(items);
    schema->branches = ev_arena_new_array(&schema->arena, struct commit_branch, schema->branch_count);
    for (size_t i = 0; i < schema->branch_count; i++) {
        struct ev_plan_compiler compiler = {.arena = &schema->arena, .error = error};
        int rc = compile_branch(topic, avro_schema_union_branch(items, (int)i), &compiler, &schema->branches[i]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int compile_schema(const struct ev_topic_schema *topic, avro_schema_t writer, struct commit_schema *schema,
                          struct ev_error *error)
{
    size_t count = avro_typeof(writer) == AVRO_RECORD ? avro_schema_record_size(writer) : 0;
    if (count == 0 || strcmp(avro_schema_record_field_name(writer, (int)count - 1), "events") != 0)
        return ev_error_set(error, EV_ERR_INVALID, "schema %d is no record that ends with events", (int)schema->id);
    struct ev_plan_compiler compiler = {.arena = &schema->arena, .error = error};
    schema->head = ev_plan_record(&compiler, writer, count - 1, &ev_commit_head_record);
    if (!schema->head)
        return error->code;
    avro_schema_t events = avro_schema_record_field_get_by_index(writer, (int)count - 1);
    return compile_events(topic, ev_plan_target(events), schema, error);
}

static int load_schema(struct ev_commit_decoder *decoder, int32_t id, struct commit_schema **ret,
                       struct ev_error *error)
{
    struct ev_str json;
    avro_schema_t writer;
    int rc = decoder->source.get(decoder->source.context, id, &json, error);
    if (rc < 0)
        return rc;
    rc = ev_schema_parse(json, &writer, error);
    if (rc < 0)
        return rc;
    struct commit_schema *schema = ev_memory_new(struct commit_schema);
    schema->id = id;
    ev_arena_init(&schema->arena, 0);
    rc = compile_schema(decoder->topic, writer, schema, error);
    avro_schema_decref(writer);
    if (rc < 0)
        commit_schema_destroy(schema);
    else
        *ret = schema;
    return rc;
}

static int find_schema(struct ev_commit_decoder *decoder, int32_t id, struct commit_schema **ret,
                       struct ev_error *error)
{
    for (size_t i = 0; i < decoder->schema_count; i++) {
        if (decoder->schemas[i]->id == id) {
            *ret = decoder->schemas[i];
            decoder->schemas[i] = decoder->schemas[0];
            decoder->schemas[0] = *ret;
            return 0;
        }
    }
    if (decoder->schema_count == COMMIT_SCHEMAS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "more than %d schemas in one topic", COMMIT_SCHEMAS_MAX);
    int rc = load_schema(decoder, id, ret, error);
    if (rc < 0)
        return rc;
    if (decoder->schema_count == decoder->schema_capacity) {
        decoder->schema_capacity = decoder->schema_capacity ? 2 * decoder->schema_capacity : 4;
        decoder->schemas = ev_memory_resize(decoder->schemas, decoder->schema_capacity * sizeof(decoder->schemas[0]));
    }
    decoder->schemas[decoder->schema_count++] = *ret;
    return 0;
}

static int read_prefix(struct ev_cursor *cursor, int32_t *ret_id, struct ev_error *error)
{
    const uint8_t *at = cursor->at;
    if (ev_cursor_left(cursor) < EV_COMMIT_PREFIX_BYTES || at[0] != EV_COMMIT_MAGIC)
        return ev_error_set(error, EV_ERR_CORRUPT, "the record is not in Confluent's wire format");
    *ret_id = (int32_t)((uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4]);
    cursor->at += EV_COMMIT_PREFIX_BYTES;
    return 0;
}

static int commit_of_head(const struct ev_commit_head *head, struct ev_commit *ret, struct ev_error *error)
{
    *ret = (struct ev_commit){
        .stream_id = head->stream_id,
        .base_version = head->base_version,
        .epoch = head->epoch,
        .seq = head->seq,
        .correlation_id = head->correlation_id,
        .causation_id = head->causation_id,
        .actor = head->actor,
        .traceparent = head->traceparent,
        .occurred_at = head->occurred_at,
    };
    if (!ev_uuid_parse(head->command_id, &ret->command_id))
        return ev_error_set(error, EV_ERR_CORRUPT, "Commit.command_id is no UUID");
    if (head->request_hash.length != sizeof(ret->request_hash.bytes))
        return ev_error_set(error, EV_ERR_CORRUPT, "Commit.request_hash has %zu bytes", head->request_hash.length);
    memcpy(ret->request_hash.bytes, head->request_hash.data, sizeof(ret->request_hash.bytes));
    return 0;
}

static int decode_head(struct ev_commit_decoder *decoder, struct ev_cursor *cursor, struct commit_schema **ret_schema,
                       struct ev_commit *ret, struct ev_error *error)
{
    int32_t id = 0;
    struct ev_commit_head head = {0};
    int rc = read_prefix(cursor, &id, error);
    if (rc == 0)
        rc = find_schema(decoder, id, ret_schema, error);
    if (rc < 0)
        return rc;
    if (ev_plan_run((*ret_schema)->head, cursor, NULL, &head, error) != EV_WIRE_OK)
        return error->code;
    return commit_of_head(&head, ret, error);
}

int ev_commit_decode_head(struct ev_commit_decoder *decoder, struct ev_str record, struct ev_commit *ret,
                          struct ev_error *error)
{
    struct ev_error mine;
    struct commit_schema *schema;
    struct ev_cursor cursor = ev_cursor_of(record);
    return decode_head(decoder, &cursor, &schema, ret, error ? error : &mine);
}

static enum ev_wire_fault decode_event(const struct commit_schema *schema, struct ev_cursor *cursor,
                                       struct ev_arena *arena, struct ev_event *ret, struct ev_error *error)
{
    int64_t index;
    enum ev_wire_fault fault = ev_wire_read_long(cursor, &index);
    if (fault)
        return fault;
    if (index < 0 || (uint64_t)index >= schema->branch_count)
        return EV_WIRE_UNION;
    const struct commit_branch *branch = &schema->branches[index];
    if (!branch->type) {
        ev_error_set(error, EV_ERR_UNSUPPORTED, "%s", branch->reason);
        return EV_WIRE_REPORTED;
    }
    void *body = ev_arena_try_alloc(arena, branch->type->record->size);
    if (!body)
        return EV_WIRE_MEMORY;
    *ret = (struct ev_event){branch->type, body};
    return ev_plan_run(branch->plan, cursor, arena, body, error);
}

/* Appends the event, or what takes its place. `more`: how many are still to come, counting it. */
static enum ev_wire_fault append_event(const struct ev_event *event, size_t more, unsigned depth,
                                       struct ev_upcast *around, struct ev_array *events, struct ev_error *error)
{
    if (!event->type->upcast) {
        if (!ev_array_grow(sizeof(struct ev_event), more, around->arena, events))
            return EV_WIRE_MEMORY;
        ((struct ev_event *)events->items)[events->count++] = *event;
        return EV_WIRE_OK;
    }
    struct ev_upcast upcast = {.commit = around->commit, .arena = around->arena};
    event->type->upcast(event->body, &upcast);
    enum ev_wire_fault fault = EV_WIRE_OK;
    if (upcast.overflow || depth == EV_UPCAST_DEPTH_MAX) {
        ev_error_set(error, EV_ERR_UNSUPPORTED, "the upcaster of %s makes more than %d events, or never ends",
                     event->type->name, EV_UPCAST_EVENTS_MAX);
        fault = EV_WIRE_REPORTED;
    }
    for (size_t i = 0; i < upcast.count && fault == EV_WIRE_OK; i++)
        fault = append_event(&upcast.items[i], upcast.count - i, depth + 1, &upcast, events, error);
    return fault;
}

int ev_event_upcast(const struct ev_event *event, const struct ev_commit *head, struct ev_arena *arena,
                    const struct ev_event **ret, size_t *ret_count, struct ev_error *error)
{
    struct ev_error mine;
    struct ev_array events = {0};
    struct ev_upcast around;
    error = error ? error : &mine;
    around.commit = head;
    around.arena = arena;
    enum ev_wire_fault fault = append_event(event, 1, 0, &around, &events, error);
    if (fault != EV_WIRE_OK) {
        ev_record_report(fault, event->type->name, "upcast", error);
        return error->code;
    }
    *ret = events.items;
    *ret_count = events.count;
    return 0;
}

static enum ev_wire_fault decode_events(const struct commit_schema *schema, struct ev_cursor *cursor,
                                        struct ev_arena *arena, struct ev_commit *ret, struct ev_error *error)
{
    size_t count, written = 0;
    struct ev_array events = {0};
    struct ev_upcast around;
    around.commit = ret;
    around.arena = arena;
    enum ev_wire_fault fault;
    while ((fault = ev_wire_read_block(cursor, &count)) == EV_WIRE_OK && count > 0) {
        if (count > EV_COMMIT_EVENTS_MAX - written)
            return EV_WIRE_LENGTH;
        written += count;
        for (; count > 0; count--) {
            struct ev_event event;
            fault = decode_event(schema, cursor, arena, &event, error);
            if (fault == EV_WIRE_OK)
                fault = append_event(&event, count, 0, &around, &events, error);
            if (fault)
                return fault;
        }
    }
    ret->events = events.items;
    ret->event_count = events.count;
    return fault;
}

int ev_commit_decode(struct ev_commit_decoder *decoder, struct ev_str record, struct ev_arena *arena,
                     struct ev_commit *ret, struct ev_error *error)
{
    struct ev_error mine;
    struct commit_schema *schema;
    struct ev_cursor cursor = ev_cursor_of(record);
    error = error ? error : &mine;
    int rc = decode_head(decoder, &cursor, &schema, ret, error);
    if (rc < 0)
        return rc;
    enum ev_wire_fault fault = decode_events(schema, &cursor, arena, ret, error);
    if (fault != EV_WIRE_OK) {
        ev_record_report(fault, "Commit", "events", error);
        return error->code;
    }
    return ev_record_check_end("Commit", &cursor, error);
}
