/* The end of the process, for what no caller could handle: memory that the system refuses, and calls that break a
 * contract. One line on stderr (no allocation, one write), then abort(), so that a core file shows the place.
 * Input from outside never leads here. */
#pragma once

void ev_fatal(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
