/* Which views in which sinks: "orders,products/elasticsearch". Pure. */
#pragma once

#include "core/error.h"
#include "core/str.h"
#include "views/views.h"

#define CHOICE_MAX 16

enum choice_store { CHOICE_MONGODB, CHOICE_ELASTICSEARCH };
#define CHOICE_STORE_COUNT (CHOICE_ELASTICSEARCH + 1)
const char *choice_store_name(enum choice_store store);

struct choice {
    const struct ev_view *view;
    enum choice_store store;
};

/* `text` NULL: all; "none": none. INVALID, with what there is, for a name that isn't known. */
int choice_parse(const char *text, struct choice ret[CHOICE_MAX], size_t *ret_count, struct ev_error *error);
