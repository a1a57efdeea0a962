#include "stream/flights.h"

#include <stdlib.h>

#include "core/fatal.h"
#include "core/memory.h"

#define CAPACITY_MIN 16

void ev_flights_init(struct ev_flights *flights)
{
    *flights = (struct ev_flights){.head = 1, .tail = 1};
}

void ev_flights_finish(struct ev_flights *flights)
{
    if (!flights)
        return;
    for (uint64_t number = flights->head; number != flights->tail; number++)
        free(ev_flights_at(flights, number)->bytes);
    free(flights->ring);
    ev_flights_init(flights);
}

struct ev_flight *ev_flights_at(const struct ev_flights *flights, uint64_t number)
{
    return &flights->ring[number & (flights->capacity - 1)];
}

static void grow(struct ev_flights *flights)
{
    struct ev_flights old = *flights;
    flights->capacity = old.capacity ? old.capacity * 2 : CAPACITY_MIN;
    flights->ring = ev_memory_alloc_array(flights->capacity, sizeof(*flights->ring));
    for (uint64_t number = old.head; number != old.tail; number++)
        *ev_flights_at(flights, number) = *ev_flights_at(&old, number);
    free(old.ring);
}

uint64_t ev_flights_push(struct ev_flights *flights, const struct ev_flight *flight)
{
    if (ev_flights_count(flights) == flights->capacity)
        grow(flights);
    *ev_flights_at(flights, flights->tail) = *flight;
    return flights->tail++;
}

struct ev_flight ev_flights_pop(struct ev_flights *flights, uint64_t *ret_number)
{
    if (flights->head == flights->tail)
        ev_fatal("no commit is in flight");
    *ret_number = flights->head++;
    return *ev_flights_at(flights, *ret_number);
}
