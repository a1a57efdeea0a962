/* LMDB trusts its pages: one that is damaged can make a look-up miss what is there, or take the process with it. So a
 * child process reads everything once before anybody relies on it: each value's checksum, the order of the keys, that
 * each leaf is found from the root, and the number of entries. If it dies or doesn't come back, that is an answer too.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "stream/checkpoint_store.h"

#define PAGE_MASK (~(uintptr_t)4095)

/* --- in the child --- */

static bool is_found(MDB_txn *txn, MDB_dbi database, MDB_val key, const void *data)
{
    MDB_val value;
    return mdb_get(txn, database, &key, &value) == 0 && value.mv_data == data;
}

static bool is_after(const MDB_val *key, const MDB_val *before)
{
    size_t common = key->mv_size < before->mv_size ? key->mv_size : before->mv_size;
    int order = memcmp(key->mv_data, before->mv_data, common);
    return order > 0 || (order == 0 && key->mv_size > before->mv_size);
}

static bool is_sound(MDB_val key, MDB_val value)
{
    return ev_checkpoint_value_is_sound((struct ev_str){key.mv_data, key.mv_size},
                                        (struct ev_str){value.mv_data, value.mv_size});
}

/* A leaf that begins or ends with a key that can't be found from the root is one that look-ups miss. */
static bool walk_partition(MDB_txn *txn, MDB_dbi database)
{
    MDB_val key, value, last = {0}, last_value = {0};
    MDB_cursor *cursor;
    MDB_stat stat;
    size_t count = 0;
    int r;
    if (mdb_stat(txn, database, &stat) != 0 || mdb_cursor_open(txn, database, &cursor) != 0)
        return false;
    while ((r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        bool next_leaf = !last.mv_data || ((uintptr_t)key.mv_data & PAGE_MASK) != ((uintptr_t)last.mv_data & PAGE_MASK);
        if (!is_sound(key, value) || (last.mv_data && !is_after(&key, &last)))
            return false;
        if (next_leaf && (!is_found(txn, database, key, value.mv_data) ||
                          (last.mv_data && !is_found(txn, database, last, last_value.mv_data))))
            return false;
        last = key;
        last_value = value;
        count++;
    }
    if (last.mv_data && !is_found(txn, database, last, last_value.mv_data))
        return false;
    mdb_cursor_close(cursor);
    return r == MDB_NOTFOUND && count == stat.ms_entries;
}

/* The pages that may be written over: a list of page numbers per transaction. */
static bool walk_free_pages(MDB_txn *txn, size_t last_page)
{
    MDB_val key, value;
    MDB_cursor *cursor;
    int r;
    if (mdb_cursor_open(txn, 0, &cursor) != 0)
        return false;
    while ((r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        const size_t *pages = value.mv_data;
        if (key.mv_size != sizeof(size_t) || value.mv_size < sizeof(size_t) ||
            pages[0] >= value.mv_size / sizeof(size_t))
            return false;
        for (size_t i = 1; i <= pages[0]; i++)
            if (pages[i] < 2 || pages[i] > last_page)
                return false;
    }
    mdb_cursor_close(cursor);
    return r == MDB_NOTFOUND;
}

static bool walk_partitions(MDB_txn *txn)
{
    MDB_val key, value;
    MDB_cursor *cursor;
    MDB_dbi names, database;
    int r;
    if (mdb_dbi_open(txn, NULL, 0, &names) != 0 || mdb_cursor_open(txn, names, &cursor) != 0)
        return false;
    while ((r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        char name[512] = {0};
        if (key.mv_size >= sizeof(name))
            return false;
        memcpy(name, key.mv_data, key.mv_size);
        if (mdb_dbi_open(txn, name, 0, &database) != 0 || !walk_partition(txn, database))
            return false;
    }
    mdb_cursor_close(cursor);
    return r == MDB_NOTFOUND;
}

static bool walk(const char *directory, off_t file_bytes)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_create(&env) != 0 || mdb_env_set_maxdbs(env, EV_CHECKPOINT_PARTITIONS_MAX) != 0 ||
        mdb_env_open(env, directory, MDB_RDONLY | MDB_NOLOCK, 0600) != 0)
        return false;
    if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stat) != 0 ||
        (info.me_last_pgno + 1) * stat.ms_psize > (size_t)file_bytes)
        return false;
    return mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0 && walk_free_pages(txn, info.me_last_pgno) &&
           walk_partitions(txn);
}

static void child(const char *directory, off_t file_bytes) __attribute__((noreturn));
static void child(const char *directory, off_t file_bytes)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    const struct rlimit none = {0, 0};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setrlimit(RLIMIT_CORE, &none);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)signal(signals[i], SIG_DFL);
    (void)dup2(null, STDERR_FILENO); /* LMDB's assertions */
    _exit(walk(directory, file_bytes) ? 0 : 1);
}

/* --- in the parent --- */

static int wait_for(pid_t pid, int pipe_end, int64_t timeout_ms, struct ev_error *error)
{
    int64_t deadline = ev_clock_monotonic_ms(&ev_clock_system) + timeout_ms;
    struct pollfd watched = {.fd = pipe_end, .events = POLLIN};
    int status = 0, ready;
    do { /* until the child's end is closed: it has ended */
        int64_t left = deadline - ev_clock_monotonic_ms(&ev_clock_system);
        ready = poll(&watched, 1, left > 0 ? (int)left : 0);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (ready <= 0)
        return ev_error_set(error, EV_ERR_CORRUPT, "the checkpoints could not be read through in %lld ms",
                            (long long)timeout_ms);
    if (WIFSIGNALED(status))
        return ev_error_set(error, EV_ERR_CORRUPT, "the checkpoints are damaged: reading them ends in a %s",
                            strsignal(WTERMSIG(status)));
    return ev_error_set(error, EV_ERR_CORRUPT, "the checkpoints are damaged");
}

int checkpoint_verify(const char *directory, int64_t timeout_ms, struct ev_error *error)
{
    char path[4200];
    struct stat file;
    int ends[2];
    snprintf(path, sizeof(path), "%s/data.mdb", directory);
    if (stat(path, &file) < 0)
        return errno == ENOENT ? 0 : ev_error_set(error, EV_ERR_IO, "%s: %s", path, strerror(errno));
    if (pipe2(ends, O_CLOEXEC) < 0)
        return ev_error_set(error, EV_ERR_IO, "pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        child(directory, file.st_size);
    }
    close(ends[1]);
    int r = pid < 0 ? ev_error_set(error, EV_ERR_IO, "fork: %s", strerror(errno))
                    : wait_for(pid, ends[0], timeout_ms, error);
    close(ends[0]);
    return r;
}
