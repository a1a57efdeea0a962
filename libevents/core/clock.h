/* Ports for time and randomness, so that everything that decides can run under a seeded simulation.
 * The real ones are thread-safe; the fakes are not. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ev_clock {
    int64_t (*wall_ms)(void *context);      /* UTC milliseconds since 1970 */
    int64_t (*monotonic_ms)(void *context); /* never goes back; origin unspecified */
    void *context;
};
extern const struct ev_clock ev_clock_system;
int64_t ev_clock_wall_ms(const struct ev_clock *clock);
int64_t ev_clock_monotonic_ms(const struct ev_clock *clock);

struct ev_random {
    void (*fill)(void *context, void *bytes, size_t length); /* never fails */
    void *context;
};
extern const struct ev_random ev_random_system;
uint64_t ev_random_u64(const struct ev_random *random);
uint64_t ev_random_below(const struct ev_random *random, uint64_t bound); /* uniform in [0, bound), bound > 0 */

/* Fakes: a clock that is set by hand (wall and monotonic are the same) and a seeded generator (xoshiro256** seeded by
 * splitmix64, Blackman and Vigna; the same bytes on every machine). A fake may not be moved: its port points to it. */
struct ev_fake_clock {
    int64_t now_ms;
    struct ev_clock clock;
};
void ev_fake_clock_init(struct ev_fake_clock *fake, int64_t now_ms);
struct ev_fake_random {
    uint64_t state[4];
    struct ev_random random;
};
void ev_fake_random_init(struct ev_fake_random *fake, uint64_t seed);
