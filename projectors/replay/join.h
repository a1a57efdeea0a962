/* Waiting for a thread by someone who has to be heard of meanwhile. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* True: it has ended and is joined. False: `ms` have passed. */
bool replay_join_within(pthread_t thread, int64_t ms);
