/* Partitions that are read no further than a record, as `orderlog parked` tells of them, and what it does with them. */
#pragma once

#include "log/reader.h"
#include "proof/redrive.h"

#define STOPPED_READ_TIMEOUT_MS 20000

/* For people: where it stands, why, and what to do. */
void stopped_print(const struct ev_view *view, const struct ev_sink *sink, const struct ev_parked *parked);
/* Reads the record. 0: its head can be decoded, so that everybody can tell whether it counts and what counts behind it.
 * UNSUPPORTED: it can't, and it can't be left out; `error` says why not. */
int stopped_may_be_skipped(struct ev_reader *reader, const struct ev_parked *parked, struct ev_error *error);
