/* Specs of deciders in given-when-then. A spec reads
 *
 *     SPEC("an empty cart can't be checked out")
 *     {
 *         given(cart_created(.cart_id = "c1", .currency = "GBP"));
 *         when(check_out_cart(.country = "France"));
 *         then_rejected(REJECTION_CART_EMPTY, "");
 *     }
 *
 * The words for events and commands are in vocabulary.h; in them a string literal may stand for a struct ev_str. Each
 * given() is one commit, and what a when() led to is one as well, so that several of them tell a story. As in the
 * running system, state and events are encoded and decoded after every commit: a spec sees what the schemas keep. When
 * a spec fails, the whole scenario is printed as JSON. Single-threaded. */
#pragma once

#include "domain/domain.h"
#include "domain/rejections.h"

/* Text for struct ev_str needs no braces in specs; see spec.c on lengths. */
#pragma GCC diagnostic ignored "-Wmissing-braces"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct spec_command {
    const struct ev_command_type *type;
    void *body;
};

/* Arguments of the words: a list of `struct type`, an optional number that is present, an amount in whole units of its
 * currency. */
#define list(type, ...)                                                                                                \
    {                                                                                                                  \
        (struct type[]){__VA_ARGS__}, sizeof((struct type[]){__VA_ARGS__}) / sizeof(struct type), 0                    \
    }
#define some(number)                                                                                                   \
    {                                                                                                                  \
        true, (number)                                                                                                 \
    }
#define money(units) ((int64_t)((units)*10000.0 + ((units) < 0 ? -0.5 : 0.5)))
/* "2010-12-01T08:26:00Z" in ms; ends the test for anything else. */
int64_t at_time(const char *text);

#define given(...) spec_given((struct ev_event[]){__VA_ARGS__}, spec_count_events(__VA_ARGS__), __FILE__, __LINE__)
#define when(command) spec_when(command, __FILE__, __LINE__)
/* Exactly these events in this order; then_nothing(): accepted without any. */
#define then(...) spec_then((struct ev_event[]){__VA_ARGS__}, spec_count_events(__VA_ARGS__), __FILE__, __LINE__)
#define then_nothing() spec_then(NULL, 0, __FILE__, __LINE__)
#define then_rejected(rejection, pointer) spec_then_rejected((rejection), (pointer), __FILE__, __LINE__)
/* The rejection's sentence has this in it. */
#define then_detail_has(text) spec_then_detail_has((text), __FILE__, __LINE__)
/* Of the state after the last when() or given(): it is this, or a condition on it holds (state_of(cart)->items.count ==
 * 0). */
#define then_state(name, ...) spec_then_state(&(struct name){__VA_ARGS__}, __FILE__, __LINE__)
#define then_holds(condition) spec_then_holds((condition), #condition, __FILE__, __LINE__)
#define state_of(category) ((const struct category##_state *)spec_state())
/* The time of the following commands; a spec starts at SPEC_NOW. */
#define SPEC_NOW INT64_C(1291190400000) /* 2010-12-01T08:00:00Z */
#define now_is(text) spec_now_is(at_time(text))

#define spec_count_events(...) (sizeof((struct ev_event[]){__VA_ARGS__}) / sizeof(struct ev_event))
void spec_given(struct ev_event *events, size_t count, const char *file, int line);
void spec_when(struct spec_command command, const char *file, int line);
void spec_then(struct ev_event *events, size_t count, const char *file, int line);
void spec_then_rejected(int rejection, const char *pointer, const char *file, int line);
void spec_then_detail_has(const char *text, const char *file, int line);
void spec_then_state(void *expected, const char *file, int line);
void spec_then_holds(bool holds, const char *condition, const char *file, int line);
const void *spec_state(void);
void spec_now_is(int64_t now_ms);

/* A spec adds itself to the file's list; they run in the order in which they are written. */
#define SPECS_MAX 128
#define SPEC(text) SPEC_NUMBERED(text, __COUNTER__)
#define SPEC_NUMBERED(text, number) SPEC_NAMED(text, number)
#define SPEC_NAMED(text, number)                                                                                       \
    static void spec_body_##number(void);                                                                              \
    __attribute__((constructor)) static void spec_add_##number(void)                                                   \
    {                                                                                                                  \
        spec_add((text), spec_body_##number);                                                                          \
    }                                                                                                                  \
    static void spec_body_##number(void)
void spec_add(const char *text, void (*body)(void));

/* The file's main(): all its specs are about the stream of `key`. With an argument: only specs whose text has it in it.
 */
#define SPECS_OF(decider, key)                                                                                         \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        return spec_run(&(decider), (key), argc > 1 ? argv[1] : NULL);                                                 \
    }
int spec_run(const struct ev_decider *decider, const char *key, const char *only);
