#include "core/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/fatal.h"

/* getrandom() gives up to this many bytes in one piece, signals or not (random(4)). */
#define RANDOM_PIECE_MAX ((size_t)256)

static int64_t system_ms(clockid_t id)
{
    struct timespec now;
    if (clock_gettime(id, &now) != 0)
        ev_fatal("clock_gettime: %s", strerror(errno));
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_wall_ms(void *context)
{
    (void)context;
    return system_ms(CLOCK_REALTIME);
}

static int64_t system_monotonic_ms(void *context)
{
    (void)context;
    return system_ms(CLOCK_MONOTONIC);
}

const struct ev_clock ev_clock_system = {.wall_ms = system_wall_ms, .monotonic_ms = system_monotonic_ms};

int64_t ev_clock_wall_ms(const struct ev_clock *clock)
{
    return clock->wall_ms(clock->context);
}

int64_t ev_clock_monotonic_ms(const struct ev_clock *clock)
{
    return clock->monotonic_ms(clock->context);
}

static void system_fill(void *context, void *bytes, size_t length)
{
    (void)context;
    char *at = bytes;
    while (length > 0) {
        ssize_t got = getrandom(at, length < RANDOM_PIECE_MAX ? length : RANDOM_PIECE_MAX, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            ev_fatal("getrandom: %s", strerror(errno));
        }
        at += got;
        length -= (size_t)got;
    }
}

const struct ev_random ev_random_system = {.fill = system_fill};

uint64_t ev_random_u64(const struct ev_random *random)
{
    uint8_t bytes[8];
    random->fill(random->context, bytes, sizeof(bytes));
    uint64_t value = 0;
    for (size_t i = sizeof(bytes); i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

uint64_t ev_random_below(const struct ev_random *random, uint64_t bound)
{
    if (bound == 0)
        ev_fatal("no number is below 0");
    /* The first 2^64 mod bound values are thrown away, so that every remainder is as likely as any other. */
    uint64_t threshold = -bound % bound;
    uint64_t value;
    do {
        value = ev_random_u64(random);
    } while (value < threshold);
    return value % bound;
}

static int64_t fake_now_ms(void *context)
{
    return ((const struct ev_fake_clock *)context)->now_ms;
}

void ev_fake_clock_init(struct ev_fake_clock *fake, int64_t now_ms)
{
    fake->now_ms = now_ms;
    fake->clock = (struct ev_clock){.wall_ms = fake_now_ms, .monotonic_ms = fake_now_ms, .context = fake};
}

static uint64_t rotate_left(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t xoshiro256_next(uint64_t state[4])
{
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

static uint64_t splitmix64_next(uint64_t *state)
{
    uint64_t mixed = (*state += UINT64_C(0x9e3779b97f4a7c15));
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static void fake_fill(void *context, void *bytes, size_t length)
{
    struct ev_fake_random *fake = context;
    uint8_t *at = bytes;
    while (length > 0) {
        uint64_t value = xoshiro256_next(fake->state);
        for (int i = 0; i < 8 && length > 0; i++, length--) {
            *at++ = (uint8_t)value;
            value >>= 8;
        }
    }
}

void ev_fake_random_init(struct ev_fake_random *fake, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        fake->state[i] = splitmix64_next(&seed);
    fake->random = (struct ev_random){.fill = fake_fill, .context = fake};
}
