/* The thread that writes batches, in the order in which they were given. A batch is one transaction: it is on disk
 * wholly, with the head that says what it amounts to, or not at all. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "stream/checkpoint_store.h"

struct transaction {
    MDB_txn *txn;
    MDB_dbi database;
    struct ev_buffer value;
    int64_t bytes;
};

static int put(struct transaction *at, const struct ev_checkpoint_key *key)
{
    MDB_val name = {.mv_size = key->length, .mv_data = (void *)key->bytes};
    MDB_val value = checkpoint_val(ev_buffer_str(&at->value));
    at->bytes += (int64_t)(key->length + at->value.length);
    return mdb_put(at->txn, at->database, &name, &value, 0);
}

static int put_streams(struct transaction *at, const struct ev_checkpoint_batch *batch)
{
    struct ev_str rest = ev_buffer_str(&batch->streams), id;
    struct ev_checkpoint_stream stream;
    int code = 0;
    while (code == 0 && ev_checkpoint_batch_next(&rest, &id, &stream)) {
        struct ev_checkpoint_key key = ev_checkpoint_stream_key(id);
        ev_buffer_clear(&at->value);
        ev_checkpoint_encode_stream((struct ev_str){key.bytes, key.length}, &stream, &at->value);
        code = put(at, &key);
    }
    return code;
}

static int put_commands(struct transaction *at, const struct ev_checkpoint_batch *batch)
{
    const struct ev_dedup_entry *entries = (const struct ev_dedup_entry *)(const void *)batch->commands.data;
    int code = 0;
    for (uint64_t number = batch->commands_from; code == 0 && number < batch->head.commands_next;) {
        uint64_t end = (number / EV_CHECKPOINT_COMMANDS_PER_VALUE + 1) * EV_CHECKPOINT_COMMANDS_PER_VALUE;
        size_t count = (size_t)((end < batch->head.commands_next ? end : batch->head.commands_next) - number);
        struct ev_checkpoint_key key = ev_checkpoint_commands_key(number);
        ev_buffer_clear(&at->value);
        ev_checkpoint_encode_commands((struct ev_str){key.bytes, key.length}, number,
                                      entries + (number - batch->commands_from), count, &at->value);
        code = put(at, &key);
        number += count;
    }
    return code;
}

/* The oldest commands, up to the first that is still remembered. */
static int delete_commands(struct transaction *at, uint64_t first)
{
    struct ev_checkpoint_key begin = ev_checkpoint_commands_key(0);
    uint64_t keep = first / EV_CHECKPOINT_COMMANDS_PER_VALUE * EV_CHECKPOINT_COMMANDS_PER_VALUE, number;
    MDB_val key = {.mv_size = begin.length, .mv_data = begin.bytes}, value;
    MDB_cursor *cursor;
    int code = mdb_cursor_open(at->txn, at->database, &cursor);
    if (code != 0)
        return code;
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (code == 0 && ev_checkpoint_key_commands((struct ev_str){key.mv_data, key.mv_size}, &number) &&
           number < keep) {
        code = mdb_cursor_del(cursor, 0);
        if (code == 0)
            code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

static int put_head(struct transaction *at, const struct ev_checkpoint_batch *batch)
{
    struct ev_checkpoint_key key = ev_checkpoint_head_key();
    ev_buffer_clear(&at->value);
    ev_checkpoint_encode_head((struct ev_str){key.bytes, key.length}, &batch->head, &at->value);
    return put(at, &key);
}

static int fill(struct transaction *at, const struct ev_checkpoint_batch *batch)
{
    int code = batch->clear ? mdb_drop(at->txn, at->database, 0) : 0;
    if (code == 0)
        code = put_streams(at, batch);
    if (code == 0)
        code = put_commands(at, batch);
    if (code == 0)
        code = delete_commands(at, batch->head.commands_first);
    return code == 0 ? put_head(at, batch) : code;
}

static int write_batch(struct ev_checkpoint_lmdb *store, const struct checkpoint_topic *topic,
                       struct ev_checkpoint_batch *batch)
{
    struct transaction at = {.database = topic->databases[batch->partition]};
    int code = mdb_txn_begin(store->env, NULL, 0, &at.txn);
    if (code != 0)
        return checkpoint_lmdb_error(&batch->error, "beginning", code);
    code = fill(&at, batch);
    if (code == 0)
        code = mdb_txn_commit(at.txn);
    else
        mdb_txn_abort(at.txn);
    ev_buffer_finish(&at.value);
    batch->written_bytes = at.bytes;
    return code == 0 ? 0 : checkpoint_lmdb_error(&batch->error, "writing", code);
}

/* Nothing in an environment that couldn't be opened at the start was ever relied on. */
static void handle(struct ev_checkpoint_lmdb *store, struct ev_checkpoint_batch *batch)
{
    int64_t began = ev_clock_monotonic_ms(&ev_clock_system);
    int r = atomic_load(&store->open) ? 0 : checkpoint_env_open(store, true, &batch->error);
    if (r == 0)
        r = write_batch(store, batch->topic, batch);
    if (r < 0)
        atomic_fetch_add(&store->failures, 1);
    batch->took_ms = ev_clock_monotonic_ms(&ev_clock_system) - began;
}

static struct ev_checkpoint_batch *pop(struct ev_checkpoint_lmdb *store)
{
    struct ev_checkpoint_batch *batch = store->first;
    store->first = batch->next;
    if (!store->first)
        store->last = NULL;
    return batch;
}

static void *run(void *context)
{
    struct ev_checkpoint_lmdb *store = context;
    pthread_mutex_lock(&store->mutex);
    for (;;) {
        while (!store->first && !store->stopping)
            pthread_cond_wait(&store->work, &store->mutex);
        if (store->stopping)
            break;
        struct ev_checkpoint_batch *batch = pop(store);
        pthread_mutex_unlock(&store->mutex);
        handle(store, batch);
        pthread_mutex_lock(&store->mutex);
        if (batch->abandoned)
            ev_checkpoint_batch_destroy(batch);
        else
            atomic_store(&batch->done, true);
        pthread_cond_broadcast(&store->finished);
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

/* Signals are for the thread that started this one. */
int checkpoint_writer_start(struct ev_checkpoint_lmdb *store, struct ev_error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&store->thread, NULL, run, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0)
        return ev_error_set(error, EV_ERR_IO, "checkpoints: no thread: %s", strerror(code));
    store->running = true;
    return 0;
}

void checkpoint_writer_stop(struct ev_checkpoint_lmdb *store)
{
    if (!store->running)
        return;
    pthread_mutex_lock(&store->mutex);
    store->stopping = true;
    pthread_cond_signal(&store->work);
    pthread_mutex_unlock(&store->mutex);
    pthread_join(store->thread, NULL);
    store->running = false;
    while (store->first)
        ev_checkpoint_batch_destroy(pop(store));
}

void checkpoint_writer_take(struct ev_checkpoint_port *base, struct ev_checkpoint_batch *batch)
{
    struct checkpoint_port *port = (struct checkpoint_port *)base;
    struct ev_checkpoint_lmdb *store = port->store;
    batch->topic = port->topic;
    batch->next = NULL;
    pthread_mutex_lock(&store->mutex);
    if (store->last)
        store->last->next = batch;
    else
        store->first = batch;
    store->last = batch;
    pthread_cond_signal(&store->work);
    pthread_mutex_unlock(&store->mutex);
}

bool checkpoint_writer_wait(struct ev_checkpoint_port *base, struct ev_checkpoint_batch *batch, int64_t timeout_ms)
{
    struct ev_checkpoint_lmdb *store = ((struct checkpoint_port *)base)->store;
    struct timespec until;
    int code = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&store->mutex);
    while (!atomic_load(&batch->done) && code == 0)
        code = pthread_cond_timedwait(&store->finished, &store->mutex, &until);
    pthread_mutex_unlock(&store->mutex);
    return atomic_load(&batch->done);
}

void checkpoint_writer_abandon(struct ev_checkpoint_port *base, struct ev_checkpoint_batch *batch)
{
    struct ev_checkpoint_lmdb *store = ((struct checkpoint_port *)base)->store;
    pthread_mutex_lock(&store->mutex);
    bool done = atomic_load(&batch->done);
    batch->abandoned = !done;
    pthread_mutex_unlock(&store->mutex);
    if (done)
        ev_checkpoint_batch_destroy(batch);
}
