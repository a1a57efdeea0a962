/* What the tests of libevents/avro share. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "avro/record.h"
#include "avro/resolver.h"
#include "core/clock.h"
#include "core/core.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define assert_ok(expression, error)                                                                                   \
    do {                                                                                                               \
        int assert_rc = (expression);                                                                                  \
        if (assert_rc != 0)                                                                                            \
            fail_msg("%s: %d: %s", #expression, assert_rc, (error).message);                                           \
    } while (0)
#define assert_text_equal(actual, expected)                                                                            \
    do {                                                                                                               \
        struct ev_str assert_actual = (actual), assert_expected = ev_str_of(expected);                                 \
        if (!ev_str_equal(assert_actual, assert_expected))                                                             \
            fail_msg("\"%.*s\" is not \"%s\"", EV_STR_ARG(assert_actual), assert_expected.data);                       \
    } while (0)

/* A copy of exactly these bytes on the heap, so that AddressSanitizer sees one byte too far. */
static inline struct ev_str exact_copy(struct ev_str bytes)
{
    char *copy = test_malloc(bytes.length ? bytes.length : 1);
    if (bytes.length)
        memcpy(copy, bytes.data, bytes.length);
    return (struct ev_str){copy, bytes.length};
}
