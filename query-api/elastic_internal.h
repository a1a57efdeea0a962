/* Between elastic.c and elastic_tracker.c. */
#pragma once

#include "elastic.h"

const char *elastic_prefix(const struct elastic *elastic);
