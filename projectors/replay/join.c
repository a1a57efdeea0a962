#include "replay/join.h"

#include <time.h>

bool replay_join_within(pthread_t thread, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until); /* ThreadSanitizer knows no join by another clock */
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_timedjoin_np(thread, NULL, &until) == 0;
}
