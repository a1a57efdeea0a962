/* command-api with a safeguard of libevents/log/mutant.h switched off: the one that ORDERLOG_MUTANT names, none when it
 * is absent. Only tests/faults runs this build, to prove that its checkers would notice; it is never installed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/mutant.h"

#define EXIT_USAGE 2

unsigned ev_mutants;

__attribute__((constructor)) static void choose_mutant(void)
{
    static const char *const names[] = {
#define X(name, text, help) text,
        EV_MUTANTS_LIST(X)
#undef X
    };
    const char *wanted = getenv("ORDERLOG_MUTANT");
    if (!wanted)
        return;
    unsetenv("ORDERLOG_MUTANT"); /* or it would be refused as an option that nobody knows */
    for (int i = 0; i < EV_MUTANT_COUNT; i++)
        if (strcmp(names[i], wanted) == 0)
            ev_mutants = 1u << i;
    if (!ev_mutants) {
        fprintf(stderr, "command-api-mutant: there is no mutant '%s'\n", wanted);
        exit(EXIT_USAGE);
    }
}
