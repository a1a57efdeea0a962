/* Progress of long work on stderr: one bar with rate and ETA on a terminal, a JSON line every second otherwise.
 * Single-threaded. */
#pragma once

#include "core/core.h"

struct progress {
    const char *what; /* "retail" */
    int64_t total, done;
    int64_t started_ms, printed_ms;
    bool terminal, quiet;
};

void progress_start(struct progress *progress, const char *what, int64_t total);
/* Sets what is done and prints when it's time. `note` may be NULL ("waiting for the command API"). */
void progress_update(struct progress *progress, int64_t done, const char *note);
void progress_finish(struct progress *progress);
