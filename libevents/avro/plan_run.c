#include "avro/plan.h"

static enum ev_wire_fault run_value(const struct ev_plan *plan, struct ev_cursor *cursor, struct ev_arena *arena,
                                    void *to, struct ev_error *error);

static enum ev_wire_fault run_enum(const struct ev_plan *plan, struct ev_cursor *cursor, int32_t *ret)
{
    int32_t index;
    enum ev_wire_fault fault = ev_wire_read_int(cursor, &index);
    if (fault)
        return fault;
    if (index < 0 || (size_t)index >= plan->count)
        return EV_WIRE_ENUM;
    *ret = plan->symbols[index];
    return *ret < 0 ? EV_WIRE_UNKNOWN : EV_WIRE_OK;
}

/* Steps through a writer's union to the plan of the branch that was written. */
static enum ev_wire_fault run_branch(const struct ev_plan **plan, struct ev_cursor *cursor, struct ev_error *error)
{
    int64_t branch;
    enum ev_wire_fault fault = ev_wire_read_long(cursor, &branch);
    if (fault)
        return fault;
    if (branch < 0 || (uint64_t)branch >= (*plan)->count)
        return EV_WIRE_UNION;
    *plan = (*plan)->branches[branch];
    if ((*plan)->op == EV_PLAN_REFUSE) {
        ev_error_set(error, EV_ERR_UNSUPPORTED, "%s", (*plan)->reason);
        return EV_WIRE_REPORTED;
    }
    return EV_WIRE_OK;
}

static enum ev_wire_fault run_array(const struct ev_plan *plan, struct ev_cursor *cursor, struct ev_arena *arena,
                                    ev_any_array *to, struct ev_error *error)
{
    size_t count, item_size = plan->field->item_size;
    enum ev_wire_fault fault;
    while ((fault = ev_wire_read_block(cursor, &count)) == EV_WIRE_OK && count > 0) {
        for (; count > 0; count--) {
            if (!ev_array_grow(item_size, count, arena, to))
                return EV_WIRE_MEMORY;
            fault = run_value(plan->items, cursor, arena, ev_at_mut(to->items, to->count * item_size), error);
            if (fault)
                return fault;
            to->count++;
        }
    }
    return fault;
}

/* Items of arrays, values of maps (whose keys come first). */
static enum ev_wire_fault skip_blocks(const struct ev_plan *plan, struct ev_cursor *cursor, struct ev_error *error)
{
    size_t count;
    enum ev_wire_fault fault;
    while ((fault = ev_wire_read_block(cursor, &count)) == EV_WIRE_OK && count > 0) {
        for (; count > 0; count--) {
            struct ev_str key;
            fault = plan->op == EV_PLAN_SKIP_MAP ? ev_wire_read_string(cursor, &key) : EV_WIRE_OK;
            if (!fault)
                fault = run_value(plan->items, cursor, NULL, NULL, error);
            if (fault)
                return fault;
        }
    }
    return fault;
}

static enum ev_wire_fault skip_fields(const struct ev_plan *plan, struct ev_cursor *cursor, struct ev_error *error)
{
    for (size_t i = 0; i < plan->count; i++) {
        enum ev_wire_fault fault = run_value(plan->steps[i].plan, cursor, NULL, NULL, error);
        if (fault)
            return ev_record_report(fault, plan->name, plan->steps[i].name, error);
    }
    return EV_WIRE_OK;
}

static enum ev_wire_fault skip_varint(struct ev_cursor *cursor)
{
    int64_t ignored;
    return ev_wire_read_long(cursor, &ignored);
}

static enum ev_wire_fault skip_bytes(struct ev_cursor *cursor)
{
    struct ev_str ignored;
    return ev_wire_read_bytes(cursor, &ignored);
}

static enum ev_wire_fault run_int_to_double(struct ev_cursor *cursor, double *ret)
{
    int32_t value;
    enum ev_wire_fault fault = ev_wire_read_int(cursor, &value);
    if (!fault)
        *ret = value;
    return fault;
}

static enum ev_wire_fault run_long_to_double(struct ev_cursor *cursor, double *ret)
{
    int64_t value;
    enum ev_wire_fault fault = ev_wire_read_long(cursor, &value);
    if (!fault)
        *ret = (double)value;
    return fault;
}

/* A value that isn't null, into its place (`to` isn't used by plans that skip). */
static enum ev_wire_fault run_value(const struct ev_plan *plan, struct ev_cursor *cursor, struct ev_arena *arena,
                                    void *to, struct ev_error *error)
{
    switch (plan->op) {
    case EV_PLAN_NULL:
        return EV_WIRE_OK; /* skipped; for fields see run_nullable */
    case EV_PLAN_BOOL:
        return ev_wire_read_bool(cursor, to);
    case EV_PLAN_INT:
        return ev_wire_read_int(cursor, to);
    case EV_PLAN_LONG:
        return ev_wire_read_long(cursor, to);
    case EV_PLAN_DOUBLE:
        return ev_wire_read_double(cursor, to);
    case EV_PLAN_INT_TO_DOUBLE:
        return run_int_to_double(cursor, to);
    case EV_PLAN_LONG_TO_DOUBLE:
        return run_long_to_double(cursor, to);
    case EV_PLAN_FLOAT_TO_DOUBLE:
        return ev_wire_read_float(cursor, to);
    case EV_PLAN_STRING:
        return ev_wire_read_string(cursor, to);
    case EV_PLAN_BYTES:
        return ev_wire_read_bytes(cursor, to);
    case EV_PLAN_ENUM:
        return run_enum(plan, cursor, to);
    case EV_PLAN_ARRAY:
        return run_array(plan, cursor, arena, to, error);
    case EV_PLAN_RECORD:
        return ev_plan_run(plan, cursor, arena, to, error);
    case EV_PLAN_RECORD_DIRECT:
        return ev_record_decode_fields(plan->record, cursor, arena, to, error);
    case EV_PLAN_UNION: {
        const struct ev_plan *branch = plan;
        enum ev_wire_fault fault = run_branch(&branch, cursor, error);
        return fault ? fault : run_value(branch, cursor, arena, to, error);
    }
    case EV_PLAN_SKIP_VARINT:
        return skip_varint(cursor);
    case EV_PLAN_SKIP_FIXED:
        return ev_wire_skip(cursor, plan->count);
    case EV_PLAN_SKIP_BYTES:
        return skip_bytes(cursor);
    case EV_PLAN_SKIP_ARRAY:
    case EV_PLAN_SKIP_MAP:
        return skip_blocks(plan, cursor, error);
    case EV_PLAN_SKIP_RECORD:
        return skip_fields(plan, cursor, error);
    case EV_PLAN_REFUSE:
        break;
    }
    return EV_WIRE_UNKNOWN;
}

static enum ev_wire_fault run_nullable(const struct ev_plan *plan, const struct ev_field *field,
                                       struct ev_cursor *cursor, struct ev_arena *arena, void *to,
                                       struct ev_error *error)
{
    if (plan->op == EV_PLAN_UNION) {
        enum ev_wire_fault fault = run_branch(&plan, cursor, error);
        if (fault)
            return fault;
    }
    if (plan->op == EV_PLAN_NULL)
        return EV_WIRE_OK; /* zeroed memory is null already */
    void *value = ev_field_open(field, to, arena);
    return value ? run_value(plan, cursor, arena, value, error) : EV_WIRE_MEMORY;
}

enum ev_wire_fault ev_plan_run(const struct ev_plan *plan, struct ev_cursor *cursor, struct ev_arena *arena, void *ret,
                               struct ev_error *error)
{
    if (plan->op == EV_PLAN_RECORD_DIRECT)
        return ev_record_decode_fields(plan->record, cursor, arena, ret, error);
    for (size_t i = 0; i < plan->count; i++) {
        const struct ev_plan_step *step = &plan->steps[i];
        void *to = step->field ? ev_at_mut(ret, step->field->offset) : NULL;
        enum ev_wire_fault fault = step->field && step->field->nullable
                                       ? run_nullable(step->plan, step->field, cursor, arena, to, error)
                                       : run_value(step->plan, cursor, arena, to, error);
        if (__builtin_expect(fault != EV_WIRE_OK, 0))
            return ev_record_report(fault, plan->record->name, step->name, error);
    }
    for (size_t i = 0; i < plan->default_count; i++) {
        const struct ev_plan_default *missing = &plan->defaults[i];
        void *to = ev_at_mut(ret, missing->field->offset);
        if (arena)
            ev_field_copy(missing->field, missing->image, to, arena);
        else
            memcpy(to, missing->image, ev_field_size(missing->field));
    }
    return EV_WIRE_OK;
}
