#include "domain/rejections.h"

#include <stddef.h>

static const struct rejection_type rejection_types[] = {
#define REJECTION(name, status, slug, title) [REJECTION_##name] = {#name, status, slug, title},
    REJECTIONS(REJECTION)
#undef REJECTION
};

const struct rejection_type *rejection_find(int number)
{
    if (number <= REJECTION_NONE || (size_t)number >= sizeof(rejection_types) / sizeof(rejection_types[0]))
        return NULL;
    return &rejection_types[number];
}
