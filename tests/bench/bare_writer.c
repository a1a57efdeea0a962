/* What a replay's writing is measured against: the same documents, held in memory already, written by the drivers alone
 * in bulks of a thousand, by so many threads. One JSON line; the clock runs while they write.
 *
 *   bare_writer mongodb URI FROM TO THREADS              reads the collection FROM, inserts into TO, which is empty
 *   bare_writer elasticsearch URL INDEX FILE THREADS     FILE has two lines a document, as _bulk takes them
 */
#include <curl/curl.h>
#include <mongoc/mongoc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "core/memory.h"

#define BULK_DOCUMENTS ((size_t)1000)
#define DOCUMENTS_MAX ((size_t)1000000)
#define FILE_BYTES_MAX ((size_t)1024 * 1024 * 1024)
#define THREADS_MAX 16
#define WRITE_CONCERN_MS 10000
#define ANSWER_BYTES_MAX ((size_t)4096)
#define REQUEST_MS 60000L
#define URL_MAX 1024

struct writer {
    int (*write_bulks)(struct writer *writer); /* a thread's work: until there is no bulk left */
    size_t count;                              /* documents */
    bson_t **documents;                        /* MongoDB's */
    mongoc_client_pool_t *pool;
    const char *database, *collection;
    char *lines;      /* Elasticsearch's: the file … */
    size_t *bulks_at; /* … and where each bulk begins in it; one more for the end */
    const char *url, *index;
    atomic_size_t next_bulk;
    atomic_int failed;
};

static int complain(const char *what)
{
    fprintf(stderr, "bare_writer: %s\n", what);
    return -1;
}

/* False: there is none left. */
static bool next_bulk(struct writer *writer, size_t *ret)
{
    *ret = atomic_fetch_add(&writer->next_bulk, 1);
    return *ret * BULK_DOCUMENTS < writer->count && !atomic_load(&writer->failed);
}

/* --- MongoDB --- */

static int mongo_write_bulks(struct writer *writer)
{
    mongoc_client_t *client = mongoc_client_pool_pop(writer->pool);
    mongoc_collection_t *collection = mongoc_client_get_collection(client, writer->database, writer->collection);
    mongoc_write_concern_t *concern = mongoc_write_concern_new();
    bson_t options = BSON_INITIALIZER;
    bson_error_t fault;
    size_t bulk;
    int r = 0;
    mongoc_write_concern_set_wmajority(concern, WRITE_CONCERN_MS);
    mongoc_write_concern_append(concern, &options);
    BSON_APPEND_BOOL(&options, "ordered", false);
    while (r == 0 && next_bulk(writer, &bulk)) {
        size_t begin = bulk * BULK_DOCUMENTS, left = writer->count - begin;
        if (!mongoc_collection_insert_many(collection, (const bson_t **)&writer->documents[begin],
                                           left < BULK_DOCUMENTS ? left : BULK_DOCUMENTS, &options, NULL, &fault))
            r = complain(fault.message);
    }
    bson_destroy(&options);
    mongoc_write_concern_destroy(concern);
    mongoc_collection_destroy(collection);
    mongoc_client_pool_push(writer->pool, client);
    return r;
}

static int mongo_read(struct writer *writer, const char *from)
{
    mongoc_client_t *client = mongoc_client_pool_pop(writer->pool);
    mongoc_collection_t *collection = mongoc_client_get_collection(client, writer->database, from);
    bson_t all = BSON_INITIALIZER;
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(collection, &all, NULL, NULL);
    const bson_t *document;
    bson_error_t fault;
    int r = 0;
    writer->documents = ev_memory_alloc_array(DOCUMENTS_MAX, sizeof(*writer->documents));
    while (writer->count < DOCUMENTS_MAX && mongoc_cursor_next(cursor, &document))
        writer->documents[writer->count++] = bson_copy(document);
    if (mongoc_cursor_error(cursor, &fault))
        r = complain(fault.message);
    mongoc_cursor_destroy(cursor);
    mongoc_collection_destroy(collection);
    mongoc_client_pool_push(writer->pool, client);
    return r;
}

static int mongo_open(struct writer *writer, char **words)
{
    bson_error_t fault;
    mongoc_uri_t *uri = mongoc_uri_new_with_error(words[0], &fault);
    if (!uri)
        return complain(fault.message);
    writer->write_bulks = mongo_write_bulks;
    writer->database = ev_memory_copy(mongoc_uri_get_database(uri), strlen(mongoc_uri_get_database(uri)));
    writer->collection = words[2];
    writer->pool = mongoc_client_pool_new(uri);
    mongoc_uri_destroy(uri);
    return mongo_read(writer, words[1]);
}

/* --- Elasticsearch --- */

struct answer {
    char text[ANSWER_BYTES_MAX];
    size_t length;
};

static size_t on_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct answer *answer = context;
    size_t length = size * count, room = sizeof(answer->text) - 1 - answer->length;
    length = length < room ? length : room; /* less than all was taken: curl fails */
    memcpy(answer->text + answer->length, bytes, length);
    answer->length += length;
    answer->text[answer->length] = '\0';
    return length;
}

static int es_post(CURL *curl, const char *url, const char *body, size_t length, const char *expected)
{
    struct answer answer = {.length = 0};
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, REQUEST_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        return complain(curl_easy_strerror(code));
    return strstr(answer.text, expected) ? 0 : complain(answer.text);
}

static int es_write_bulks(struct writer *writer)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/x-ndjson");
    char url[URL_MAX];
    size_t bulk;
    int r = 0;
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    snprintf(url, sizeof(url), "%s/%s/_bulk?filter_path=errors", writer->url, writer->index);
    while (r == 0 && next_bulk(writer, &bulk))
        r = es_post(curl, url, writer->lines + writer->bulks_at[bulk],
                    writer->bulks_at[bulk + 1] - writer->bulks_at[bulk], "\"errors\":false");
    snprintf(url, sizeof(url), "%s/%s/_refresh?filter_path=_shards.failed", writer->url, writer->index);
    if (r == 0)
        r = es_post(curl, url, "", 0, "\"failed\":0");
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return r;
}

static void es_find_bulks(struct writer *writer, size_t length)
{
    size_t line = 0, bulks = 0;
    writer->bulks_at = ev_memory_alloc_array(DOCUMENTS_MAX / BULK_DOCUMENTS + 2, sizeof(*writer->bulks_at));
    for (size_t at = 0; at < length && line < 2 * DOCUMENTS_MAX; line++) {
        if (line % (2 * BULK_DOCUMENTS) == 0)
            writer->bulks_at[bulks++] = at;
        const char *end = memchr(writer->lines + at, '\n', length - at);
        at = end ? (size_t)(end - writer->lines) + 1 : length;
        writer->bulks_at[bulks] = at;
    }
    writer->count = line / 2;
}

static int es_open(struct writer *writer, char **words)
{
    FILE *file = fopen(words[2], "re");
    if (!file)
        return complain("there is no such file");
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    size_t got = 0;
    if (length > 0 && (size_t)length <= FILE_BYTES_MAX) {
        writer->lines = ev_memory_alloc((size_t)length);
        got = fread(writer->lines, 1, (size_t)length, file);
    }
    fclose(file);
    if (got == 0 || got != (size_t)length)
        return complain("the file can't be read, is empty or too large");
    writer->write_bulks = es_write_bulks;
    writer->url = words[0];
    writer->index = words[1];
    es_find_bulks(writer, got);
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : complain("no curl");
}

/* --- both --- */

static void *run_thread(void *context)
{
    struct writer *writer = context;
    if (writer->write_bulks(writer) < 0)
        atomic_store(&writer->failed, 1);
    return NULL;
}

static int write_all(struct writer *writer, int thread_count)
{
    pthread_t threads[THREADS_MAX];
    int started = 0;
    int64_t began_ms = ev_clock_monotonic_ms(&ev_clock_system);
    while (started < thread_count && pthread_create(&threads[started], NULL, run_thread, writer) == 0)
        started++;
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    int64_t took_ms = ev_clock_monotonic_ms(&ev_clock_system) - began_ms;
    if (started < thread_count || atomic_load(&writer->failed))
        return -1;
    printf("{\"documents\":%zu,\"threads\":%d,\"seconds\":%.3f,\"per_second\":%.0f}\n", writer->count, thread_count,
           (double)took_ms / 1e3, (double)writer->count * 1e3 / (double)(took_ms > 0 ? took_ms : 1));
    return 0;
}

static void finish(struct writer *writer)
{
    for (size_t i = 0; writer->documents && i < writer->count; i++)
        bson_destroy(writer->documents[i]);
    free(writer->documents);
    if (writer->pool)
        mongoc_client_pool_destroy(writer->pool);
    free((void *)(uintptr_t)writer->database);
    free(writer->lines);
    free(writer->bulks_at);
}

int main(int argc, char **argv)
{
    struct writer writer = {.count = 0};
    int64_t threads = 0;
    bool mongodb = argc == 6 && strcmp(argv[1], "mongodb") == 0;
    bool elasticsearch = argc == 6 && strcmp(argv[1], "elasticsearch") == 0;
    if ((!mongodb && !elasticsearch) || !ev_str_to_int64(ev_str_of(argv[5]), &threads) || threads < 1 ||
        threads > THREADS_MAX) {
        fputs("usage: bare_writer mongodb URI FROM TO THREADS | elasticsearch URL INDEX FILE THREADS\n", stderr);
        return 2;
    }
    mongoc_init();
    int r = mongodb ? mongo_open(&writer, argv + 2) : es_open(&writer, argv + 2);
    if (r == 0 && writer.count == 0)
        r = complain("there are no documents");
    if (r == 0)
        r = write_all(&writer, (int)threads);
    finish(&writer);
    mongoc_cleanup();
    return r == 0 ? 0 : 1;
}
