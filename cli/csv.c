#include "cli/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct csv_reader {
    gzFile file;
    const char *path;
    int64_t line, record_line;
    struct ev_buffer record; /* the fields' bytes, one after the other */
    size_t field_ends[CSV_FIELDS_MAX];
    size_t field_count;
};

int csv_open(const char *path, struct csv_reader **ret, struct ev_error *error)
{
    struct csv_reader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        return ev_error_set(error, EV_ERR_NO_MEMORY, "out of memory");
    reader->file = gzopen(path, "rb");
    if (!reader->file) {
        free(reader);
        return ev_error_set(error, EV_ERR_IO, "%s can't be opened: %s", path, strerror(errno));
    }
    gzbuffer(reader->file, 128 * 1024);
    reader->path = path;
    reader->line = 1;
    ev_buffer_init(&reader->record);
    *ret = reader;
    return 0;
}

void csv_close(struct csv_reader *reader)
{
    if (!reader)
        return;
    gzclose(reader->file);
    ev_buffer_finish(&reader->record);
    free(reader);
}

int64_t csv_line(const struct csv_reader *reader)
{
    return reader->record_line;
}

static int csv_fault(struct csv_reader *reader, enum ev_error_code code, const char *what, struct ev_error *error)
{
    return ev_error_set(error, code, "%s, line %lld: %s", reader->path, (long long)reader->line, what);
}

static int end_field(struct csv_reader *reader, struct ev_error *error)
{
    if (reader->field_count == CSV_FIELDS_MAX)
        return csv_fault(reader, EV_ERR_LIMIT, "more than 32 fields", error);
    reader->field_ends[reader->field_count++] = reader->record.length;
    return 0;
}

/* Tells the file's end from a file that is cut short or damaged, where zlib also gives -1: the record before it is not
 * to be judged, or taken, as if it were whole. 0 at the true end. */
static int check_file_end(struct csv_reader *reader, struct ev_error *error)
{
    int number = 0;
    const char *text = gzerror(reader->file, &number);
    if (number != Z_OK && number != Z_STREAM_END)
        return csv_fault(reader, EV_ERR_IO, text, error);
    return 0;
}

/* Reads the rest of a quoted field; the opening quote is consumed. Returns the character after the closing quote. */
static int read_quoted(struct csv_reader *reader, int *ret_next, struct ev_error *error)
{
    for (;;) {
        int c = gzgetc(reader->file);
        if (c == -1) {
            int result = check_file_end(reader, error);
            return result < 0 ? result : csv_fault(reader, EV_ERR_INVALID, "a quoted field has no end", error);
        }
        if (c == '"') {
            c = gzgetc(reader->file);
            if (c != '"') {
                *ret_next = c;
                return 0;
            }
        }
        if (c == '\n')
            reader->line++;
        if (reader->record.length >= CSV_RECORD_BYTES_MAX)
            return csv_fault(reader, EV_ERR_LIMIT, "a record of more than 64 KiB", error);
        char byte = (char)c;
        ev_buffer_append(&reader->record, &byte, 1);
    }
}

/* Reads fields up to the end of the record; `c` is its first character. */
static int read_record(struct csv_reader *reader, int c, struct ev_error *error)
{
    bool field_starts = true;
    for (;;) {
        int result = 0;
        if (c == '"' && field_starts) {
            result = read_quoted(reader, &c, error);
            field_starts = false;
            if (result == 0 && c != ',' && c != '\n' && c != '\r' && c != -1)
                return csv_fault(reader, EV_ERR_INVALID, "text after a closing quote", error);
            if (result < 0)
                return result;
            continue;
        }
        if (c == '\r') { /* part of CRLF, or dropped */
            c = gzgetc(reader->file);
            continue;
        }
        if (c == ',' || c == '\n' || c == -1) {
            if (c == -1)
                result = check_file_end(reader, error);
            if (result == 0)
                result = end_field(reader, error);
            if (result < 0)
                return result;
            if (c != ',') {
                reader->line += c == '\n';
                return 1;
            }
            field_starts = true;
        } else {
            char byte = (char)c;
            if (reader->record.length >= CSV_RECORD_BYTES_MAX)
                return csv_fault(reader, EV_ERR_LIMIT, "a record of more than 64 KiB", error);
            ev_buffer_append(&reader->record, &byte, 1);
            field_starts = false;
        }
        c = gzgetc(reader->file);
    }
}

int csv_next(struct csv_reader *reader, struct ev_str ret_fields[CSV_FIELDS_MAX], size_t *ret_count,
             struct ev_error *error)
{
    int c = gzgetc(reader->file);
    reader->record_line = reader->line;
    if (c == -1)
        return check_file_end(reader, error);
    ev_buffer_clear(&reader->record);
    reader->field_count = 0;
    int result = read_record(reader, c, error);
    if (result < 0)
        return result;
    size_t start = 0;
    for (size_t i = 0; i < reader->field_count; i++) {
        ret_fields[i] =
            (struct ev_str){reader->record.data ? reader->record.data + start : "", reader->field_ends[i] - start};
        start = reader->field_ends[i];
    }
    *ret_count = reader->field_count;
    return 1;
}
