#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PRINT_EVERY_TERMINAL_MS 100
#define PRINT_EVERY_LINES_MS 1000
#define BAR_WIDTH 30

void progress_start(struct progress *progress, const char *what, int64_t total)
{
    *progress = (struct progress){
        .what = what, .total = total, .terminal = isatty(STDERR_FILENO) == 1, .line_every_ms = PRINT_EVERY_LINES_MS};
    progress->started_ms = ev_clock_monotonic_ms(&ev_clock_system);
}

static int64_t documents_per_second(const struct progress *progress, int64_t elapsed_ms)
{
    return elapsed_ms > 0 ? progress->details.documents * 1000 / elapsed_ms : 0;
}

static void print_bar(const struct progress *progress, double rate, int64_t eta_s, const char *note)
{
    char bar[BAR_WIDTH + 1];
    size_t filled = progress->total > 0 ? (size_t)(BAR_WIDTH * progress->done / progress->total) : 0;
    for (size_t i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r\033[K%s [%s] %lld/%lld  %.0f/s  ETA %lld:%02lld%s%s", progress->what, bar,
            (long long)progress->done, (long long)progress->total, rate, (long long)(eta_s / 60),
            (long long)(eta_s % 60), note ? "  " : "", note ? note : "");
    if (progress->details.phase)
        fprintf(stderr, "  %s, %lld documents (%lld/s), %lld MB", progress->details.phase,
                (long long)progress->details.documents,
                (long long)documents_per_second(progress, progress->printed_ms - progress->started_ms),
                (long long)(progress->details.memory_bytes / 1000000));
    fflush(stderr);
}

static void print_line(const struct progress *progress, double rate, int64_t eta_s, int64_t elapsed_ms,
                       const char *note)
{
    struct ev_buffer line;
    struct ev_json_writer json;
    ev_buffer_init(&line);
    ev_json_init(&json, &line);
    ev_json_object_begin(&json);
    ev_json_kv_cstr(&json, "progress", progress->what);
    ev_json_kv_int64(&json, "done", progress->done);
    ev_json_kv_int64(&json, "total", progress->total);
    ev_json_kv_int64(&json, "per_second", (int64_t)rate);
    ev_json_kv_int64(&json, "eta_s", eta_s);
    ev_json_kv_int64(&json, "elapsed_ms", elapsed_ms);
    if (note)
        ev_json_kv_cstr(&json, "note", note);
    if (progress->details.phase) {
        ev_json_kv_cstr(&json, "phase", progress->details.phase);
        ev_json_kv_int64(&json, "documents", progress->details.documents);
        ev_json_kv_int64(&json, "documents_per_second", documents_per_second(progress, elapsed_ms));
        ev_json_kv_int64(&json, "memory_bytes", progress->details.memory_bytes);
        ev_json_kv_int64(&json, "course_permille", progress->details.course_permille);
    }
    ev_json_object_end(&json);
    ev_buffer_append(&line, "\n", 1);
    fwrite(line.data, 1, line.length, stderr);
    ev_buffer_finish(&line);
}

static void print_now(struct progress *progress, int64_t now_ms, const char *note)
{
    int64_t elapsed_ms = now_ms - progress->started_ms;
    double rate = elapsed_ms > 0 ? (double)progress->done * 1000.0 / (double)elapsed_ms : 0;
    int64_t eta_s = rate > 0 ? (int64_t)((double)(progress->total - progress->done) / rate) : 0;
    if (progress->terminal)
        print_bar(progress, rate, eta_s, note);
    else
        print_line(progress, rate, eta_s, elapsed_ms, note);
    progress->printed_ms = now_ms;
}

void progress_update(struct progress *progress, int64_t done, const char *note)
{
    progress->done = done;
    int64_t now_ms = ev_clock_monotonic_ms(&ev_clock_system);
    int64_t every_ms = progress->terminal ? PRINT_EVERY_TERMINAL_MS : progress->line_every_ms;
    if (now_ms - progress->printed_ms >= every_ms)
        print_now(progress, now_ms, note);
}

void progress_update_details(struct progress *progress, int64_t done, int64_t total,
                             const struct progress_details *details)
{
    const char *before = progress->details.phase;
    progress->details = *details;
    progress->total = total;
    if (before && strcmp(before, details->phase) != 0) {
        progress->started_ms = ev_clock_monotonic_ms(&ev_clock_system);
        progress->printed_ms = 0;
    }
    progress_update(progress, done, NULL);
}

void progress_finish(struct progress *progress)
{
    print_now(progress, ev_clock_monotonic_ms(&ev_clock_system), NULL);
    if (progress->terminal)
        fputc('\n', stderr);
}
