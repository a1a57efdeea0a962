#include "stream/checkpoint_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/directory.h"
#include "core/memory.h"
#include "stream/checkpoint_store.h"

#define LOCK_FILE_BYTES (9 * 4096) /* of EV_CHECKPOINT_LOOPS_MAX readers, 64 bytes each, and a head */

int checkpoint_lmdb_error(struct ev_error *error, const char *what, int code)
{
    enum ev_error_code kind = code == MDB_MAP_FULL || code == ENOSPC || code == EFBIG || code == EDQUOT ? EV_ERR_LIMIT
                              : code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID
                                  ? EV_ERR_CORRUPT
                                  : EV_ERR_IO;
    return ev_error_set_retriable(error, kind, "checkpoints: %s: %s", what, mdb_strerror(code));
}

/* --- opening --- */

static int open_databases(struct checkpoint_topic *topic, MDB_txn *txn)
{
    char name[EV_CHECKPOINT_KEY_MAX];
    for (int32_t i = 0; i < topic->partitions; i++) {
        snprintf(name, sizeof(name), "%s/%d", topic->name, (int)i);
        int code = mdb_dbi_open(txn, name, MDB_CREATE, &topic->databases[i]);
        if (code != 0)
            return code;
    }
    return 0;
}

static int open_topics(struct ev_checkpoint_lmdb *store, size_t first)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (code != 0)
        return code;
    for (size_t i = first; i < store->topic_count && code == 0; i++)
        code = open_databases(&store->topics[i], txn);
    if (code == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

static void remove_files(const char *directory)
{
    char path[4200];
    snprintf(path, sizeof(path), "%s/data.mdb", directory);
    (void)unlink(path);
    snprintf(path, sizeof(path), "%s/lock.mdb", directory);
    (void)unlink(path);
}

/* LMDB makes its lock file without room on the disk and writes into it as memory: on a full disk that is a SIGBUS. So
 * the room is taken first, where its lack is an error. */
static int reserve_locks(const struct ev_checkpoint_lmdb *store)
{
    char path[4200];
    snprintf(path, sizeof(path), "%s/lock.mdb", store->directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int code = posix_fallocate(fd, 0, LOCK_FILE_BYTES);
    close(fd);
    return code;
}

int checkpoint_env_open(struct ev_checkpoint_lmdb *store, bool anew, struct ev_error *error)
{
    unsigned flags = MDB_NOTLS | (store->unsynced ? MDB_NOSYNC : 0);
    int code = mdb_env_create(&store->env);
    if (code != 0)
        return checkpoint_lmdb_error(error, store->directory, code);
    if (anew)
        remove_files(store->directory);
    code = mdb_env_set_maxdbs(store->env, EV_CHECKPOINT_PARTITIONS_MAX);
    if (code == 0)
        code = mdb_env_set_maxreaders(store->env, EV_CHECKPOINT_LOOPS_MAX);
    if (code == 0)
        code = mdb_env_set_mapsize(store->env, store->map_bytes);
    if (code == 0)
        code = reserve_locks(store);
    if (code == 0)
        code = mdb_env_open(store->env, store->directory, flags, 0600);
    if (code == 0)
        code = mdb_reader_check(store->env, NULL); /* of a process that was killed */
    if (code == 0)
        code = open_topics(store, 0);
    if (code != 0) {
        mdb_env_close(store->env);
        store->env = NULL;
        return checkpoint_lmdb_error(error, store->directory, code);
    }
    atomic_store(&store->open, true);
    return 0;
}

/* The lock is this process's for as long as it lives, however it ends. */
static int take_directory(struct ev_checkpoint_lmdb *store, struct ev_error *error)
{
    char path[4200];
    snprintf(path, sizeof(path), "%s/owner.lock", store->directory);
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd < 0)
        return ev_error_set(error, EV_ERR_IO, "%s: %s", path, strerror(errno));
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return ev_error_set(error, EV_ERR_FENCED, "another process keeps its checkpoints in %s", store->directory);
    return ev_error_set(error, EV_ERR_IO, "%s: %s", path, strerror(errno));
}

static int open_directory(struct ev_checkpoint_lmdb *store, struct ev_error *error)
{
    int r = ev_directory_make(store->directory, error);
    if (r == 0)
        r = take_directory(store, error);
    return r;
}

/* What is damaged is thrown away and begun anew; the damage is told all the same. */
static int open_env(struct ev_checkpoint_lmdb *store, struct ev_error *error)
{
    struct ev_error ignored;
    int sound = checkpoint_verify(store->directory, EV_CHECKPOINT_VERIFY_TIMEOUT_MS, error);
    if (sound == 0)
        sound = checkpoint_env_open(store, false, error);
    if (sound == EV_ERR_CORRUPT)
        (void)checkpoint_env_open(store, true, &ignored);
    return sound;
}

int ev_checkpoint_lmdb_open(const struct ev_checkpoint_lmdb_options *options, struct ev_checkpoint_lmdb **ret,
                            struct ev_error *ret_fault, struct ev_error *error)
{
    struct ev_error fault = {0};
    struct ev_checkpoint_lmdb *store = ev_memory_new(struct ev_checkpoint_lmdb);
    store->lock_fd = -1;
    store->map_bytes = options->map_bytes;
    store->unsynced = options->unsynced;
    snprintf(store->directory, sizeof(store->directory), "%s", options->directory);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&store->mutex, NULL);
    pthread_cond_init(&store->work, NULL);
    pthread_cond_init(&store->finished, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int r = open_directory(store, &fault);
    if (r == EV_ERR_FENCED) {
        if (error)
            *error = fault;
        ev_checkpoint_lmdb_close(store);
        return r;
    }
    if (r == 0)
        (void)open_env(store, &fault);
    r = checkpoint_writer_start(store, error);
    if (r < 0) {
        ev_checkpoint_lmdb_close(store);
        return r;
    }
    if (ret_fault)
        *ret_fault = fault;
    *ret = store;
    return 0;
}

static void port_destroy(struct checkpoint_port *port)
{
    if (port->reading)
        mdb_txn_abort(port->reading);
    ev_buffer_finish(&port->value);
    free(port);
}

void ev_checkpoint_lmdb_close(struct ev_checkpoint_lmdb *store)
{
    if (!store)
        return;
    checkpoint_writer_stop(store);
    for (size_t i = 0; i < store->port_count; i++)
        port_destroy(store->ports[i]);
    if (store->env)
        mdb_env_close(store->env);
    for (size_t i = 0; i < store->topic_count; i++) {
        free(store->topics[i].name);
        free(store->topics[i].databases);
    }
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    pthread_mutex_destroy(&store->mutex);
    pthread_cond_destroy(&store->work);
    pthread_cond_destroy(&store->finished);
    free(store);
}

int ev_checkpoint_lmdb_add_topic(struct ev_checkpoint_lmdb *store, const char *topic, int32_t partitions,
                                 struct ev_error *error)
{
    if (store->topic_count == CHECKPOINT_TOPICS_MAX)
        return ev_error_set(error, EV_ERR_LIMIT, "checkpoints of more than %d topics", CHECKPOINT_TOPICS_MAX);
    store->topics[store->topic_count++] = (struct checkpoint_topic){
        .name = ev_memory_copy(topic, strlen(topic)),
        .partitions = partitions,
        .databases = ev_memory_alloc_array((size_t)partitions, sizeof(MDB_dbi)),
    };
    int code = atomic_load(&store->open) ? open_topics(store, store->topic_count - 1) : 0;
    if (code == 0)
        return 0;
    atomic_store(&store->open, false); /* as if nothing were there; the writer tries again */
    mdb_env_close(store->env);
    store->env = NULL;
    return checkpoint_lmdb_error(error, topic, code);
}

/* --- reading --- */

static const struct checkpoint_topic *topic_of(const struct ev_checkpoint_lmdb *store, const char *name)
{
    for (size_t i = 0; i < store->topic_count; i++)
        if (strcmp(store->topics[i].name, name) == 0)
            return &store->topics[i];
    return NULL;
}

static int begin_reading(struct checkpoint_port *port, struct ev_error *error)
{
    int code = port->reading ? mdb_txn_renew(port->reading)
                             : mdb_txn_begin(port->store->env, NULL, MDB_RDONLY, &port->reading);
    return code == 0 ? 0 : checkpoint_lmdb_error(error, "reading", code);
}

/* Copies the value, so that no page has to stay. 1: there is none. */
static int read_value(struct checkpoint_port *port, int32_t partition, const struct ev_checkpoint_key *key,
                      struct ev_error *error)
{
    MDB_val name = {.mv_size = key->length, .mv_data = (void *)key->bytes}, value;
    int r = begin_reading(port, error);
    if (r < 0)
        return r;
    int code = mdb_get(port->reading, port->topic->databases[partition], &name, &value);
    ev_buffer_clear(&port->value);
    if (code == 0)
        ev_buffer_append(&port->value, value.mv_data, value.mv_size);
    mdb_txn_reset(port->reading);
    if (code == MDB_NOTFOUND)
        return 1;
    return code == 0 ? 0 : checkpoint_lmdb_error(error, "reading", code);
}

static int read_head(struct ev_checkpoint_port *base, int32_t partition, struct ev_checkpoint_head *ret,
                     struct ev_error *error)
{
    struct checkpoint_port *port = (struct checkpoint_port *)base;
    struct ev_checkpoint_key key = ev_checkpoint_head_key();
    if (!atomic_load(&port->store->open))
        return 1;
    int r = read_value(port, partition, &key, error);
    if (r != 0)
        return r;
    return ev_checkpoint_decode_head((struct ev_str){key.bytes, key.length}, ev_buffer_str(&port->value), ret, error);
}

static int read_chunk(struct checkpoint_port *port, int32_t partition, const struct ev_checkpoint_head *head,
                      uint64_t *number, void (*take)(void *context, const struct ev_dedup_entry *entry), void *context,
                      struct ev_error *error)
{
    struct ev_dedup_entry entries[EV_CHECKPOINT_COMMANDS_PER_VALUE];
    struct ev_checkpoint_key key = ev_checkpoint_commands_key(*number);
    uint64_t first;
    size_t count;
    int r = read_value(port, partition, &key, error);
    if (r == 0)
        r = ev_checkpoint_decode_commands((struct ev_str){key.bytes, key.length}, ev_buffer_str(&port->value), &first,
                                          entries, &count, error);
    if (r < 0)
        return r;
    if (r > 0 || first > *number || first + count <= *number)
        return ev_error_set(error, EV_ERR_CORRUPT, "the checkpoint of partition %d lacks command %" PRIu64,
                            (int)partition, *number);
    while (*number < first + count && *number < head->commands_next)
        take(context, &entries[(*number)++ - first]);
    return 0;
}

static int read_commands(struct ev_checkpoint_port *base, int32_t partition, const struct ev_checkpoint_head *head,
                         void (*take)(void *context, const struct ev_dedup_entry *entry), void *context,
                         struct ev_error *error)
{
    struct checkpoint_port *port = (struct checkpoint_port *)base;
    int r = 0;
    for (uint64_t number = head->commands_first; r == 0 && number < head->commands_next;)
        r = read_chunk(port, partition, head, &number, take, context, error);
    return r;
}

static int read_stream(struct ev_checkpoint_port *base, int32_t partition, struct ev_str id,
                       struct ev_checkpoint_stream *ret, struct ev_error *error)
{
    struct checkpoint_port *port = (struct checkpoint_port *)base;
    struct ev_checkpoint_key key = ev_checkpoint_stream_key(id);
    int r = read_value(port, partition, &key, error);
    if (r != 0)
        return r;
    return ev_checkpoint_decode_stream((struct ev_str){key.bytes, key.length}, ev_buffer_str(&port->value), ret, error);
}

int ev_checkpoint_lmdb_port(struct ev_checkpoint_lmdb *store, const char *topic, struct ev_checkpoint_port **ret,
                            struct ev_error *error)
{
    const struct checkpoint_topic *found = topic_of(store, topic);
    int r = found ? 0 : ev_error_set(error, EV_ERR_NOT_FOUND, "no checkpoints of %s", topic);
    pthread_mutex_lock(&store->mutex); /* loops start at the same time */
    if (r == 0 && store->port_count == EV_CHECKPOINT_LOOPS_MAX)
        r = ev_error_set(error, EV_ERR_LIMIT, "more than %d users of checkpoints", EV_CHECKPOINT_LOOPS_MAX);
    if (r == 0) {
        struct checkpoint_port *port = ev_memory_new(struct checkpoint_port);
        port->port = (struct ev_checkpoint_port){
            .head = read_head,
            .commands = read_commands,
            .stream = read_stream,
            .write = checkpoint_writer_take,
            .wait = checkpoint_writer_wait,
            .abandon = checkpoint_writer_abandon,
        };
        port->store = store;
        port->topic = found;
        store->ports[store->port_count++] = port;
        *ret = &port->port;
    }
    pthread_mutex_unlock(&store->mutex);
    return r;
}

/* --- the rest --- */

int ev_checkpoint_lmdb_discard(struct ev_checkpoint_lmdb *store, const char *topic, int32_t partition,
                               struct ev_error *error)
{
    const struct checkpoint_topic *found = topic_of(store, topic);
    MDB_txn *txn;
    if (!found || partition < 0 || partition >= found->partitions)
        return ev_error_set(error, EV_ERR_NOT_FOUND, "no checkpoint of %s, partition %d", topic, (int)partition);
    if (!atomic_load(&store->open))
        return 0;
    int code = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (code != 0)
        return checkpoint_lmdb_error(error, "discarding", code);
    code = mdb_drop(txn, found->databases[partition], 0);
    if (code == 0)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    return code == 0 ? 0 : checkpoint_lmdb_error(error, "discarding", code);
}

void ev_checkpoint_lmdb_stats(struct ev_checkpoint_lmdb *store, struct ev_checkpoint_lmdb_stats *ret)
{
    MDB_envinfo info;
    MDB_stat stat;
    *ret = (struct ev_checkpoint_lmdb_stats){.failures = atomic_load(&store->failures),
                                             .map_bytes = (int64_t)store->map_bytes};
    if (!atomic_load(&store->open) || mdb_env_info(store->env, &info) != 0 || mdb_env_stat(store->env, &stat) != 0)
        return;
    ret->used_bytes = (int64_t)((info.me_last_pgno + 1) * stat.ms_psize);
}
