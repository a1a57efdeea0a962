/* libevents/core: what every other part stands on. Include the single headers where few are needed. */
#pragma once

#include "core/arena.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/log.h"
#include "core/map.h"
#include "core/metrics.h"
#include "core/money.h"
#include "core/str.h"
#include "core/timestamp.h"
#include "core/uuid.h"
