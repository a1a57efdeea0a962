#include "elastic.h"

#include <curl/curl.h>
#include <string.h>

#include "core/log.h"
#include "core/memory.h"
#include "elastic_internal.h"

#define ELASTIC_POLL_MS 1000

struct elastic {
    char *url;
    struct store_state *state;
    const char *prefix;
    CURLM *multi; /* the thread's */
    struct curl_slist *headers;
    pthread_t thread;
    bool thread_runs;
    struct elastic_request *running; /* the thread's */
    struct ev_metric *in_flight_metric;
    pthread_mutex_t lock; /* of all below */
    struct elastic_request *first, **last;
    size_t in_flight;
    bool stop;
};

const char *elastic_prefix(const struct elastic *elastic)
{
    return elastic->prefix;
}

/* --- one request, on the thread --- */

static size_t elastic_take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct elastic_request *request = context;
    if (size * count > ELASTIC_ANSWER_MAX - request->answer.length)
        return 0; /* curl ends the transfer with a write error */
    ev_buffer_append(&request->answer, bytes, size * count);
    return size * count;
}

static bool elastic_start(struct elastic *elastic, struct elastic_request *request)
{
    char url[1024];
    CURL *easy = curl_easy_init();
    if (!easy)
        return false;
    if (snprintf(url, sizeof(url), "%s%s", elastic->url, request->path) >= (int)sizeof(url)) {
        curl_easy_cleanup(easy);
        return false;
    }
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, elastic->headers);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)ELASTIC_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, elastic_take_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    if (request->body.length > 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.data);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)request->body.length);
    }
    if (curl_multi_add_handle(elastic->multi, easy) != CURLM_OK) {
        curl_easy_cleanup(easy);
        return false;
    }
    request->easy = easy;
    request->next = elastic->running;
    elastic->running = request;
    return true;
}

static void elastic_end(struct elastic *elastic, struct elastic_request *request)
{
    pthread_mutex_lock(&elastic->lock);
    elastic->in_flight--;
    ev_metric_set(elastic->in_flight_metric, (int64_t)elastic->in_flight);
    pthread_mutex_unlock(&elastic->lock);
    request->done(request); /* the request may be gone afterwards */
}

static int elastic_fault_code(CURLcode result)
{
    if (result == CURLE_WRITE_ERROR)
        return EV_ERR_LIMIT;
    return result == CURLE_OPERATION_TIMEDOUT ? EV_ERR_TIMEOUT : EV_ERR_UNAVAILABLE;
}

static void elastic_take_result(struct elastic *elastic, CURL *easy, CURLcode result)
{
    struct elastic_request *request = NULL;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &request);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK) {
        ev_error_set_retriable(&request->error, (enum ev_error_code)elastic_fault_code(result), "Elasticsearch: %s",
                               curl_easy_strerror(result));
        if (store_error_means_away(&request->error))
            store_state_set_away(elastic->state, request->error.message);
    } else {
        request->status = (int)status;
    }
    curl_multi_remove_handle(elastic->multi, easy);
    curl_easy_cleanup(easy);
    request->easy = NULL;
    for (struct elastic_request **at = &elastic->running; *at; at = &(*at)->next) {
        if (*at == request) {
            *at = request->next;
            break;
        }
    }
    elastic_end(elastic, request);
}

/* --- the thread --- */

static bool elastic_take_queue(struct elastic *elastic, struct elastic_request **ret_first)
{
    pthread_mutex_lock(&elastic->lock);
    *ret_first = elastic->first;
    elastic->first = NULL;
    elastic->last = &elastic->first;
    bool stop = elastic->stop;
    pthread_mutex_unlock(&elastic->lock);
    return stop;
}

static void elastic_refuse(struct elastic *elastic, struct elastic_request *request)
{
    ev_error_set_retriable(&request->error, EV_ERR_UNAVAILABLE, "Elasticsearch: the request could not be started");
    elastic_end(elastic, request);
}

static void *elastic_run(void *context)
{
    struct elastic *elastic = context;
    struct elastic_request *request, *next;
    for (;;) {
        bool stop = elastic_take_queue(elastic, &request);
        for (; request; request = next) {
            next = request->next;
            if (stop || !elastic_start(elastic, request))
                elastic_refuse(elastic, request);
        }
        if (stop)
            break;
        int running, left;
        CURLMsg *message;
        curl_multi_perform(elastic->multi, &running);
        while ((message = curl_multi_info_read(elastic->multi, &left)))
            if (message->msg == CURLMSG_DONE)
                elastic_take_result(elastic, message->easy_handle, message->data.result);
        curl_multi_poll(elastic->multi, NULL, 0, ELASTIC_POLL_MS, NULL);
    }
    while ((request = elastic->running))
        elastic_take_result(elastic, request->easy, CURLE_ABORTED_BY_CALLBACK);
    return NULL;
}

int elastic_submit(struct elastic *elastic, struct elastic_request *request)
{
    int answer = EV_ERR_LIMIT;
    request->next = NULL;
    pthread_mutex_lock(&elastic->lock);
    if (elastic->in_flight < ELASTIC_IN_FLIGHT_MAX && !elastic->stop) {
        *elastic->last = request;
        elastic->last = &request->next;
        elastic->in_flight++;
        ev_metric_set(elastic->in_flight_metric, (int64_t)elastic->in_flight);
        curl_multi_wakeup(elastic->multi);
        answer = 0;
    }
    pthread_mutex_unlock(&elastic->lock);
    if (answer)
        ev_error_set_retriable(&request->error, EV_ERR_LIMIT, "too many searches are in flight");
    return answer;
}

/* --- the blocking form --- */

struct elastic_wait {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool done;
};

static void elastic_wait_done(struct elastic_request *request)
{
    struct elastic_wait *wait = request->context;
    pthread_mutex_lock(&wait->lock);
    wait->done = true;
    pthread_cond_signal(&wait->wake);
    pthread_mutex_unlock(&wait->lock);
}

int elastic_call(struct elastic *elastic, struct elastic_request *request)
{
    struct elastic_wait wait = {.done = false};
    pthread_mutex_init(&wait.lock, NULL);
    pthread_cond_init(&wait.wake, NULL);
    request->done = elastic_wait_done;
    request->context = &wait;
    if (elastic_submit(elastic, request) == 0) {
        pthread_mutex_lock(&wait.lock);
        while (!wait.done) /* ends by the request's own time-out */
            pthread_cond_wait(&wait.wake, &wait.lock);
        pthread_mutex_unlock(&wait.lock);
    }
    pthread_cond_destroy(&wait.wake);
    pthread_mutex_destroy(&wait.lock);
    return (int)request->error.code;
}

void elastic_request_finish(struct elastic_request *request)
{
    ev_buffer_finish(&request->answer);
}

/* --- answers --- */

static int elastic_status_code(int status)
{
    if (status == 404)
        return EV_ERR_NOT_FOUND;
    if (status == 429)
        return EV_ERR_LIMIT;
    return status == 502 || status == 503 || status == 504 ? EV_ERR_UNAVAILABLE : EV_ERR_INTERNAL;
}

int elastic_answer(struct elastic *elastic, struct elastic_request *request, struct ev_arena *arena,
                   yyjson_val **ret_root, struct ev_error *error)
{
    (void)elastic;
    if (request->error.code) {
        *error = request->error;
        return (int)error->code;
    }
    int fault = ev_json_parse(ev_buffer_str(&request->answer), arena, ret_root, error);
    if (request->status < 300)
        return fault;
    struct ev_str reason = EV_STR_NULL;
    if (!fault)
        reason = ev_json_str(yyjson_obj_get(yyjson_obj_get(*ret_root, "error"), "reason"));
    return ev_error_set_retriable(error, (enum ev_error_code)elastic_status_code(request->status),
                                  "Elasticsearch answered %d: %.*s", request->status, EV_STR_ARG(reason));
}

/* --- life --- */

int elastic_create(const struct elastic_options *options, struct elastic **ret, struct ev_error *error)
{
    size_t length = strlen(options->url);
    while (length > 0 && options->url[length - 1] == '/')
        length--;
    if (strncmp(options->url, "http://", 7) != 0 && strncmp(options->url, "https://", 8) != 0)
        return ev_error_set(error, EV_ERR_INVALID, "elasticsearch-url begins with http:// or https://");
    struct elastic *elastic = ev_memory_new(struct elastic);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    pthread_mutex_init(&elastic->lock, NULL);
    elastic->url = ev_memory_copy(options->url, length);
    elastic->state = options->state;
    elastic->prefix = options->prefix;
    elastic->last = &elastic->first;
    elastic->in_flight_metric = ev_metrics_gauge(options->metrics, "orderlog_query_elasticsearch_in_flight", "",
                                                 "requests that wait for an answer");
    elastic->headers = curl_slist_append(elastic->headers, "Content-Type: application/json");
    elastic->headers = curl_slist_append(elastic->headers, "Expect:");
    elastic->multi = curl_multi_init();
    if (elastic->multi) {
        curl_multi_setopt(elastic->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)ELASTIC_CONNECTIONS_MAX);
        curl_multi_setopt(elastic->multi, CURLMOPT_MAXCONNECTS, (long)ELASTIC_CONNECTIONS_MAX);
        elastic->thread_runs = pthread_create(&elastic->thread, NULL, elastic_run, elastic) == 0;
    }
    if (!elastic->thread_runs) {
        elastic_destroy(elastic);
        return ev_error_set(error, EV_ERR_INTERNAL, "no thread for Elasticsearch");
    }
    *ret = elastic;
    return 0;
}

void elastic_destroy(struct elastic *elastic)
{
    if (!elastic)
        return;
    if (elastic->thread_runs) {
        pthread_mutex_lock(&elastic->lock);
        elastic->stop = true;
        pthread_mutex_unlock(&elastic->lock);
        curl_multi_wakeup(elastic->multi);
        pthread_join(elastic->thread, NULL);
    }
    if (elastic->multi)
        curl_multi_cleanup(elastic->multi);
    curl_slist_free_all(elastic->headers);
    pthread_mutex_destroy(&elastic->lock);
    ev_memory_free_at(&elastic->url);
    ev_memory_free_at(&elastic);
    curl_global_cleanup();
}
