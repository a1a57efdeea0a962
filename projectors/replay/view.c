#include "replay/build.h"

const struct ev_view *replay_view(const struct ev_view *view)
{
    return view;
}
