/* Strings and numbers of commands. Each check says all that is wrong with the one value. */
#include <inttypes.h>
#include <math.h>

#include "avro/command_internal.h"
#include "core/money.h"
#include "core/timestamp.h"
#include "core/uuid.h"

#define TWO_TO_63 9223372036854775808.0

/* What a check needs to speak about a value. */
struct check {
    const struct ev_field *field;
    const struct ev_constraint *constraint;
    const struct ev_place *place;
    struct ev_faults *faults;
};

bool ev_pattern_matches(const struct ev_pattern *pattern, struct ev_str text)
{
    size_t at = 0;
    for (size_t i = 0; i < pattern->step_count; i++) {
        const struct ev_pattern_step *step = &pattern->steps[i];
        uint32_t times = 0;
        for (; times < step->maximum && at < text.length; times++, at++) {
            uint8_t byte = (uint8_t)text.data[at];
            if (!(step->set[byte / 64] >> (byte % 64) & 1))
                break;
        }
        if (times < step->minimum)
            return false;
    }
    return at == text.length;
}

/* Code points of valid UTF-8. */
static size_t count_characters(struct ev_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += ((uint8_t)text.data[i] & 0xc0) != 0x80;
    return count;
}

static void check_text(const struct check *check, struct ev_str text, struct ev_str *to)
{
    const struct ev_constraint *constraint = check->constraint;
    size_t characters = count_characters(text);
    struct ev_uuid uuid;
    if (characters < constraint->min_length)
        ev_place_fault(check->place, check->faults, "min_length", "at least %zu characters are needed",
                       constraint->min_length);
    if (characters > constraint->max_length)
        ev_place_fault(check->place, check->faults, "max_length", "at most %zu characters are allowed",
                       constraint->max_length);
    if (constraint->pattern && !ev_pattern_matches(constraint->pattern, text))
        ev_place_fault(check->place, check->faults, "pattern", "it must match %s", constraint->pattern->text);
    if (check->field->format == EV_FORMAT_UUID && !ev_uuid_parse(text, &uuid))
        ev_place_fault(check->place, check->faults, "format", "a UUID is expected");
    *to = text;
}

/* An amount or a number of integers, in the words of the field's format. */
static void check_bounds(const struct check *check, int64_t value)
{
    const struct ev_constraint *constraint = check->constraint;
    char low[EV_MONEY_TEXT_MAX], high[EV_MONEY_TEXT_MAX];
    if (!constraint->bounded || (value >= constraint->minimum && value <= constraint->maximum))
        return;
    if (check->field->format == EV_FORMAT_MONEY) {
        ev_money_format(constraint->minimum, low);
        ev_money_format(constraint->maximum, high);
    } else {
        snprintf(low, sizeof(low), "%" PRId64, constraint->minimum);
        snprintf(high, sizeof(high), "%" PRId64, constraint->maximum);
    }
    bool below = value < constraint->minimum;
    ev_place_fault(check->place, check->faults, below ? "minimum" : "maximum", "it must not be %s %s",
                   below ? "below" : "above", below ? low : high);
}

static void check_number_too_large(const struct check *check, bool negative)
{
    ev_place_fault(check->place, check->faults, negative ? "minimum" : "maximum",
                   "the number is beyond all that is allowed");
}

static void check_format(const struct check *check, struct ev_str text, int64_t *to)
{
    bool good = false;
    const char *expected = "";
    switch (check->field->format) {
    case EV_FORMAT_MONEY:
        good = ev_money_parse(text, to);
        expected = "a decimal number in a string, with at most 4 decimals, is expected";
        break;
    case EV_FORMAT_TIMESTAMP:
        good = ev_timestamp_parse(text, to);
        expected = "a date and time of RFC 3339 with Z or an offset, from 1970 on, is expected";
        break;
    case EV_FORMAT_DATE:
        good = ev_date_parse(text, to);
        expected = "a date as YYYY-MM-DD, from 1970 on, is expected";
        break;
    case EV_FORMAT_UUID:
    case EV_FORMAT_NONE:
        break;
    }
    if (good)
        check_bounds(check, *to);
    else
        ev_place_fault(check->place, check->faults, "format", "%s", expected);
}

static void check_type_fault(const struct check *check, const char *expected)
{
    ev_place_fault(check->place, check->faults, "type", "%s is expected", expected);
}

static void check_integer(const struct check *check, yyjson_val *json, int64_t *to)
{
    if (yyjson_is_raw(json)) {
        check_number_too_large(check, yyjson_get_raw(json)[0] == '-');
    } else if (yyjson_is_uint(json) && yyjson_get_uint(json) > INT64_MAX) {
        check_number_too_large(check, false);
    } else if (yyjson_is_int(json)) {
        *to = yyjson_get_sint(json);
        check_bounds(check, *to);
    } else if (yyjson_is_real(json) && yyjson_get_real(json) == trunc(yyjson_get_real(json))) {
        double value = yyjson_get_real(json); /* 1.0 is an integer to JSON Schema */
        if (value >= TWO_TO_63 || value < -TWO_TO_63) {
            check_number_too_large(check, value < 0);
        } else {
            *to = (int64_t)value;
            check_bounds(check, *to);
        }
    } else {
        check_type_fault(check, "an integer");
    }
}

static void check_real(const struct check *check, yyjson_val *json, double *to)
{
    const struct ev_constraint *constraint = check->constraint;
    if (yyjson_is_raw(json)) {
        check_number_too_large(check, yyjson_get_raw(json)[0] == '-');
        return;
    }
    if (!yyjson_is_num(json)) {
        check_type_fault(check, "a number");
        return;
    }
    double value = yyjson_get_num(json);
    *to = value;
    if (!constraint->bounded)
        return;
    if (value < constraint->real_minimum)
        ev_place_fault(check->place, check->faults, "minimum", "it must not be below %.15g", constraint->real_minimum);
    if (value > constraint->real_maximum)
        ev_place_fault(check->place, check->faults, "maximum", "it must not be above %.15g", constraint->real_maximum);
}

static void check_symbol(const struct check *check, struct ev_str text, int32_t *to)
{
    const struct ev_enum *symbols = check->field->symbols;
    for (size_t i = 0; i < symbols->count; i++) {
        if (ev_str_equal(text, ev_str_of(symbols->symbols[i]))) {
            *to = (int32_t)i;
            return;
        }
    }
    char allowed[160] = "";
    size_t length = 0;
    for (size_t i = 0; i < symbols->count && length < sizeof(allowed); i++)
        length +=
            (size_t)snprintf(allowed + length, sizeof(allowed) - length, "%s%s", i ? ", " : "", symbols->symbols[i]);
    ev_place_fault(check->place, check->faults, "enum", "one of %s is expected", allowed);
}

void ev_check_scalar(const struct ev_field *field, enum ev_kind kind, const struct ev_constraint *constraint,
                     yyjson_val *json, const struct ev_place *place, struct ev_faults *faults, void *to)
{
    struct check check = {field, constraint, place, faults};
    bool is_number = (kind == EV_KIND_LONG && field->format == EV_FORMAT_NONE) || kind == EV_KIND_DOUBLE;
    if (kind == EV_KIND_BOOL) {
        if (yyjson_is_bool(json))
            *(bool *)to = yyjson_get_bool(json);
        else
            check_type_fault(&check, "true or false");
    } else if (is_number) {
        if (kind == EV_KIND_LONG)
            check_integer(&check, json, to);
        else
            check_real(&check, json, to);
    } else if (!yyjson_is_str(json)) {
        check_type_fault(&check, "a string");
    } else if (kind == EV_KIND_LONG) {
        check_format(&check, ev_json_str(json), to);
    } else if (kind == EV_KIND_ENUM) {
        check_symbol(&check, ev_json_str(json), to);
    } else {
        check_text(&check, ev_json_str(json), to);
    }
}

/* The generator lets strings and integers come from the path. */
void ev_check_path_value(const struct ev_field *field, struct ev_str text, const struct ev_place *place,
                         struct ev_faults *faults, void *to)
{
    struct check check = {field, field->constraint, place, faults};
    if (!text.data || !ev_wire_is_utf8((const uint8_t *)text.data, text.length))
        check_type_fault(&check, "UTF-8");
    else if (field->kind == EV_KIND_STRING)
        check_text(&check, text, to);
    else if (field->kind != EV_KIND_LONG || text.data[0] == '+' || !ev_str_to_int64(text, to))
        check_type_fault(&check, "an integer");
    else
        check_bounds(&check, *(int64_t *)to);
}
