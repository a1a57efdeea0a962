/* Reading CSV files (RFC 4180, UTF-8, gzip or plain) record by record. */
#pragma once

#include "core/core.h"

#define CSV_FIELDS_MAX 32
#define CSV_RECORD_BYTES_MAX ((size_t)64 * 1024)

struct csv_reader;

int csv_open(const char *path, struct csv_reader **ret, struct ev_error *error);
void csv_close(struct csv_reader *reader);
/* 1: a record; its fields (strings) lie in the reader until the next call. 0: the end. Negative: INVALID/IO/LIMIT, with
 * file and line in the message. */
int csv_next(struct csv_reader *reader, struct ev_str ret_fields[CSV_FIELDS_MAX], size_t *ret_count,
             struct ev_error *error);
/* Number of the line on which the last record began, from 1. */
int64_t csv_line(const struct csv_reader *reader);
