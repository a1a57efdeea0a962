/* What operators have left out of documents (fold/skipped.h), taken over from the live generation into the one that a
 * replay builds: a decision is on a commit and a document of the view, so it holds in every generation of the same
 * version. Another version is another fold, which may take what the one before couldn't: there nothing is taken over,
 * and what can't be folded is parked anew. */
#pragma once

#include "core/arena.h"
#include "replay/replay.h"

struct replay_skips {
    struct ev_arena arena;
    struct {
        struct ev_parked *items;
        size_t count, capacity;
    } entries;
};

void replay_skips_init(struct replay_skips *skips);
void replay_skips_finish(struct replay_skips *skips);
/* Those of the live generation, into an empty one; `live` is prepared. Offsets mean commits of one log: what belongs to
 * another one (the topic was made anew since) is left out. */
int replay_skips_read(struct ev_sink *live, const struct ev_view *view, const char *topic_id, struct replay_skips *ret,
                      struct ev_error *error);
int replay_skips_save(const struct replay_skips *skips, struct ev_sink *to, const struct ev_view *view,
                      struct ev_error *error);
/* What was decided in the live generation since `known` was read: left out of the documents of `to`, which are folded
 * anew for it. `replay` as for replay_compare. */
int replay_skips_follow(const struct replay_options *options, const struct replay_skips *known, struct ev_sink *live,
                        const char *topic_id, struct ev_sink *to, void *replay, struct ev_error *error);
