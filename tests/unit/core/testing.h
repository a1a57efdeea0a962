/* What the tests of core share: cmocka in the order that it wants, text comparison that shows both sides, what a
 * function writes to a stream, and whether it ends the process. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/str.h"

#define assert_str(actual, expected)                                                                                   \
    do {                                                                                                               \
        struct ev_str actual_str = (actual);                                                                           \
        assert_non_null(actual_str.data);                                                                              \
        assert_int_equal(actual_str.length, strlen(expected));                                                         \
        assert_memory_equal(actual_str.data, (expected), actual_str.length);                                           \
    } while (0)

#define assert_contains(text, part)                                                                                    \
    do {                                                                                                               \
        if (!strstr((text), (part)))                                                                                   \
            fail_msg("\"%s\" isn't in \"%s\"", (part), (text));                                                        \
    } while (0)

/* What `function` writes to the descriptor (stdout or stderr); the caller frees it. At most 1 MiB. */
static inline char *capture(int descriptor, void (*function)(void *), void *context)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(NULL);
    int saved = dup(descriptor);
    assert_true(saved >= 0);
    assert_true(dup2(fileno(file), descriptor) >= 0);
    function(context);
    fflush(NULL);
    assert_true(dup2(saved, descriptor) >= 0);
    close(saved);
    size_t room = 1024 * 1024;
    char *text = malloc(room);
    assert_non_null(text);
    rewind(file);
    text[fread(text, 1, room - 1, file)] = '\0';
    fclose(file);
    return text;
}

struct death {
    void (*function)(void);
    int status;
};

static inline void die_in_child(void *context)
{
    struct death *death = context;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        death->function();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &death->status, 0), child);
}

/* The function must end its process by abort(), with a line that has `message` in it. */
static inline void assert_fatal(void (*function)(void), const char *message)
{
    struct death death = {.function = function};
    char *text = capture(STDERR_FILENO, die_in_child, &death);
    assert_true(WIFSIGNALED(death.status));
    assert_int_equal(WTERMSIG(death.status), 6 /* SIGABRT */);
    assert_contains(text, "fatal: ");
    assert_contains(text, message);
    free(text);
}
