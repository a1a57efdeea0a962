/* One document against another: are they the same, and if not, in which fields? Pure. */
#pragma once

#include "proof/proof.h"

/* The canonical forms are equal. Offset -1 stands for no document. */
bool compare_equal(const struct ev_sink_document *a, const struct ev_sink_document *b);
/* Fields and meta that differ, at most PROOF_FIELDS_MAX of them; texts come from the arena. Where one of the two isn't
 * there, or isn't readable, its side is null. Returns how many. */
size_t compare_fields(const struct ev_view *view, const struct ev_sink_document *stored,
                      const struct ev_sink_document *expected, struct ev_arena *arena,
                      struct proof_field ret[PROOF_FIELDS_MAX]);
