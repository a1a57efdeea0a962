/* Directories of a program's own data. */
#pragma once

#include "core/error.h"

#define EV_DIRECTORY_PATH_MAX 4096 /* bytes, with the NUL */

/* Makes a data directory and those above it, like mkdir -p; what is there already is fine. INVALID for an empty or too
 * long path, IO; the message names --data-dir. */
int ev_directory_make(const char *path, struct ev_error *error);
