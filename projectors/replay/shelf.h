/* Where a replay's documents lie while they are folded: a sink of one view's documents in memory, within a bound, and
 * beyond it in an LMDB file that has no name (it goes with the process, however that ends). A document is in memory or
 * in the file or in both, and then memory has the newer one; the next event of a spilled document brings it back, so
 * every event is folded into what all those before it made. Writes come from one projection and need no guard. Not
 * thread-safe: a shelf for each partition. */
#pragma once

#include <lmdb.h>

#include "core/map.h"
#include "fold/sink.h"

#define SHELF_PARKED_MAX 1000
#define SHELF_FILE_BYTES_MAX                                                                                           \
    ((size_t)256 * 1024 * 1024 * 1024) /* of addresses; the file is as large as what's in it                           \
                                        */
#define SHELF_SPILL_PERCENT 25         /* of the memory, spilled at a time: the documents touched longest ago */

struct shelf_document;

struct shelf {
    struct ev_sink sink;
    struct ev_map by_key;
    struct shelf_document *newest, *oldest;
    size_t bytes, bytes_max; /* of documents in memory, with what they cost beside their bytes */
    const char *directory;   /* of the file */
    MDB_env *env;            /* NULL until the first spill */
    MDB_dbi dbi;
    size_t spilled;   /* documents written to the file, again and again too */
    size_t documents; /* in all */
    bool has_checkpoint;
    struct ev_checkpoint checkpoint; /* of the one partition */
    struct ev_parked *parked;
    size_t parked_count;
    const struct ev_parked *skipped; /* commits to be left out; the caller's */
    size_t skipped_count;
};

/* `directory` must be there, and outlive the shelf. */
void shelf_init(struct shelf *shelf, size_t bytes_max, const char *directory);
/* Safe on a zeroed one. */
void shelf_finish(struct shelf *shelf);
/* Every document once; the callback's strings are borrowed until it returns. Stops when it returns non-zero, and
 * returns that. */
int shelf_each(struct shelf *shelf, int (*each)(void *context, const struct ev_sink_document *document), void *context,
               struct ev_error *error);
