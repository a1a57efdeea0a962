/* How a replay ended, for a person and for a program. */
#pragma once

#include "replay/replay.h"

void replay_report_text(const struct choice *choice, const struct replay_result *result);
/* One JSON object and a line end. */
void replay_report_json(const struct choice *choice, const struct replay_result *result);
