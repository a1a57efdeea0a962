/* What went wrong, for the caller to act on. Functions that can fail return a negative `enum ev_error_code`
 * (a fault to hand on), 0 for success, and a positive value where the header says so (an answer to handle).
 * Libraries fill `struct ev_error` and never log it; programs do. */
#pragma once

#include <stdbool.h>

#define EV_ERROR_CODES(X)                                                                                              \
    X(NONE, 0, "no error")                                                                                             \
    X(NO_MEMORY, -1, "out of memory")                                                                                  \
    X(INVALID, -2, "invalid input")                                                                                    \
    X(IO, -3, "input or output failed")                                                                                \
    X(TIMEOUT, -4, "deadline exceeded")                                                                                \
    X(UNAVAILABLE, -5, "a server that is needed is unavailable")                                                       \
    X(CORRUPT, -6, "stored data is corrupt")                                                                           \
    X(FENCED, -7, "another writer owns the partition")                                                                 \
    X(LIMIT, -8, "a stated bound was reached")                                                                         \
    X(NOT_FOUND, -9, "not found")                                                                                      \
    X(CONFLICT, -10, "conflict with what is stored")                                                                   \
    X(UNSUPPORTED, -11, "not supported")                                                                               \
    X(INTERNAL, -12, "internal error")

enum ev_error_code {
#define X(name, number, text) EV_ERR_##name = (number),
    EV_ERROR_CODES(X)
#undef X
};

#define EV_ERROR_MESSAGE_MAX 512

struct ev_error {
    enum ev_error_code code;
    bool retriable; /* the same call may succeed later without anybody's doing */
    char message[EV_ERROR_MESSAGE_MAX];
};

/* Fills *error (may be NULL) and returns `code`, so that a caller can write `return ev_error_set(...)`. */
int ev_error_set(struct ev_error *error, enum ev_error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int ev_error_set_retriable(struct ev_error *error, enum ev_error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "NOT_FOUND" and "not found"; never NULL, also for a number that is none of ours. */
const char *ev_error_name(int code);
const char *ev_error_text(int code);
