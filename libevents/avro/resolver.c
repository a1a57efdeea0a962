#include "avro/resolver.h"

#include <stdlib.h>

#include "avro/plan.h"
#include "avro/writer_schema.h"
#include "core/memory.h"

struct ev_resolver {
    struct ev_arena arena;
    const struct ev_plan *plan;
};

static int resolver_compile(struct ev_resolver *resolver, avro_schema_t writer, const struct ev_record *reader,
                            struct ev_error *error)
{
    if (avro_typeof(writer) != AVRO_RECORD || !ev_plan_name_matches(writer, reader->name, reader->aliases))
        return ev_error_set(error, EV_ERR_INVALID, "the writer's schema is not one of %s", reader->full_name);
    struct ev_plan_compiler compiler = {.arena = &resolver->arena, .error = error};
    resolver->plan = ev_plan_record(&compiler, writer, avro_schema_record_size(writer), reader);
    return resolver->plan ? 0 : (int)error->code;
}

int ev_resolver_create(struct ev_str writer_schema, const struct ev_record *reader, struct ev_resolver **ret,
                       struct ev_error *error)
{
    struct ev_error mine;
    avro_schema_t writer;
    error = error ? error : &mine;
    int rc = ev_schema_parse(writer_schema, &writer, error);
    if (rc < 0)
        return rc;
    struct ev_resolver *resolver = ev_memory_alloc(sizeof(*resolver));
    ev_arena_init(&resolver->arena, 0);
    rc = resolver_compile(resolver, writer, reader, error);
    avro_schema_decref(writer);
    if (rc < 0)
        ev_resolver_destroy(resolver);
    else
        *ret = resolver;
    return rc;
}

void ev_resolver_destroy(struct ev_resolver *resolver)
{
    if (!resolver)
        return;
    ev_arena_finish(&resolver->arena);
    free(resolver);
}

int ev_resolver_decode(const struct ev_resolver *resolver, struct ev_str bytes, struct ev_arena *arena, void *ret,
                       struct ev_error *error)
{
    struct ev_error mine;
    error = error ? error : &mine;
    struct ev_cursor cursor = ev_cursor_of(bytes);
    memset(ret, 0, resolver->plan->record->size);
    if (ev_plan_run(resolver->plan, &cursor, arena, ret, error) != EV_WIRE_OK)
        return error->code;
    return ev_record_check_end(resolver->plan->record->name, &cursor, error);
}
