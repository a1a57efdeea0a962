/* Progress of long work on stderr: one bar with rate and ETA on a terminal, a JSON line every second otherwise.
 * Single-threaded. */
#pragma once

#include "core/core.h"

/* What long work in stores tells beside how far it is. */
struct progress_details {
    const char *phase; /* NULL: there are no details */
    int64_t documents;
    int64_t memory_bytes; /* resident */
    int course_permille;  /* of all phases */
};

struct progress {
    const char *what; /* "retail" */
    int64_t total, done;
    int64_t started_ms, printed_ms;
    int64_t line_every_ms; /* where there is no terminal; progress_start sets a second */
    struct progress_details details;
    bool terminal, quiet;
};

void progress_start(struct progress *progress, const char *what, int64_t total);
/* Sets what is done and prints when it's time. `note` may be NULL ("waiting for the command API"). */
void progress_update(struct progress *progress, int64_t done, const char *note);
/* The same with details; a new phase starts rate and ETA anew, and is printed at once. */
void progress_update_details(struct progress *progress, int64_t done, int64_t total,
                             const struct progress_details *details);
void progress_finish(struct progress *progress);
