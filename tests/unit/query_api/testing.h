/* What every test here includes. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/str.h"

static inline void assert_str(struct ev_str s, const char *expected)
{
    if (!s.data || !ev_str_equal(s, ev_str_of(expected)))
        fail_msg("\"%.*s\" is not \"%s\"", EV_STR_ARG(s), expected);
}
