#include "sinks/index_definition.h"

const struct index_definition *index_definition_find(struct ev_str name)
{
    for (size_t i = 0; i < index_definition_count; i++)
        if (ev_str_equal(ev_str_of(index_definitions[i].name), name))
            return &index_definitions[i];
    return NULL;
}
