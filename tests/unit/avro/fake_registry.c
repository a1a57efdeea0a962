#include "fake_registry.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/core.h"

#define SCHEMAS_MAX 16
#define REQUEST_MAX 65536

struct fake_registry {
    int listener;
    char url[64];
    pthread_t thread;
    _Atomic int mode, requests;
    size_t count;
    struct {
        char *subject, *schema;
    } schemas[SCHEMAS_MAX]; /* the id is the index + 10 */
    char compatibility[128];
};

struct request {
    char method[8], path[256];
    char *body;
};

/* Reads one request in whole: the head up to an empty line, then Content-Length bytes. */
static bool read_request(int connection, char *text, struct request *ret)
{
    size_t length = 0, wanted = 0;
    char *head_end = NULL;
    while (!head_end || length < wanted) {
        ssize_t got = read(connection, text + length, REQUEST_MAX - 1 - length);
        if (got <= 0)
            return false;
        length += (size_t)got;
        text[length] = '\0';
        head_end = strstr(text, "\r\n\r\n");
        const char *field = head_end ? strcasestr(text, "content-length:") : NULL;
        if (head_end)
            wanted = (size_t)(head_end + 4 - text) + (field && field < head_end ? strtoul(field + 15, NULL, 10) : 0);
    }
    ret->body = head_end + 4;
    return sscanf(text, "%7s %255s", ret->method, ret->path) == 2;
}

static int find_schema(const struct fake_registry *fake, const char *subject, const char *schema)
{
    for (size_t i = 0; i < fake->count; i++)
        if (strcmp(fake->schemas[i].subject, subject) == 0 && strcmp(fake->schemas[i].schema, schema) == 0)
            return (int)i;
    return -1;
}

static int answer_post(struct fake_registry *fake, const struct request *request, struct ev_arena *arena,
                       struct ev_buffer *body)
{
    yyjson_val *root;
    char subject[128] = "", after[32] = "";
    if (ev_json_parse(ev_str_of(request->body), arena, &root, NULL) < 0 ||
        sscanf(request->path, "/subjects/%127[^/]%31s", subject, after) < 1)
        return 422;
    const char *schema = yyjson_get_str(yyjson_obj_get(root, "schema"));
    int index = schema ? find_schema(fake, subject, schema) : -1;
    if (index < 0 && schema && strcmp(after, "/versions") == 0 && fake->count < SCHEMAS_MAX) {
        index = (int)fake->count++;
        fake->schemas[index].subject = strdup(subject);
        fake->schemas[index].schema = strdup(schema);
    }
    if (index < 0) {
        ev_buffer_printf(body, "{\"error_code\":40403,\"message\":\"Schema not found\"}");
        return 404;
    }
    ev_buffer_printf(body, "{\"subject\":\"%s\",\"id\":%d,\"version\":1}", subject, index + 10);
    return 200;
}

static int answer_get(const struct fake_registry *fake, const struct request *request, struct ev_buffer *body)
{
    int id;
    if (sscanf(request->path, "/schemas/ids/%d", &id) != 1) {
        ev_buffer_printf(body, "{\"compatibilityLevel\":\"NONE\"}");
        return 200;
    }
    if (id < 10 || (size_t)id >= fake->count + 10) {
        ev_buffer_printf(body, "{\"error_code\":40403,\"message\":\"Schema %d not found\"}", id);
        return 404;
    }
    struct ev_json_writer writer;
    ev_json_init(&writer, body);
    ev_json_object_begin(&writer);
    ev_json_kv_cstr(&writer, "schema", fake->schemas[id - 10].schema);
    ev_json_object_end(&writer);
    return 200;
}

static int answer_put(struct fake_registry *fake, const struct request *request, struct ev_arena *arena)
{
    yyjson_val *root;
    if (ev_json_parse(ev_str_of(request->body), arena, &root, NULL) < 0)
        return 422;
    snprintf(fake->compatibility, sizeof(fake->compatibility), "%.60s %.60s", request->path + strlen("/config/"),
             yyjson_get_str(yyjson_obj_get(root, "compatibility")));
    return 200;
}

static void serve(struct fake_registry *fake, int connection, char *text)
{
    struct request request;
    if (!read_request(connection, text, &request))
        return;
    struct ev_arena arena;
    struct ev_buffer body, head;
    ev_arena_init(&arena, 0);
    ev_buffer_init(&body);
    ev_buffer_init(&head);
    int mode = atomic_load(&fake->mode), status;
    atomic_fetch_add(&fake->requests, 1);
    if (mode != FAKE_NORMAL) {
        status = mode;
        ev_buffer_printf(&body, mode == FAKE_NONSENSE ? "<html>" : "{\"message\":\"because \\\"so\\\"\"}");
    } else if (strcmp(request.method, "POST") == 0) {
        status = answer_post(fake, &request, &arena, &body);
    } else if (strcmp(request.method, "PUT") == 0) {
        status = answer_put(fake, &request, &arena);
    } else {
        status = answer_get(fake, &request, &body);
    }
    ev_buffer_printf(&head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status, body.length);
    ev_buffer_append(&head, body.data, body.length);
    if (write(connection, head.data, head.length) < 0)
        perror("fake registry");
    ev_buffer_finish(&head);
    ev_buffer_finish(&body);
    ev_arena_finish(&arena);
}

static void *run(void *context)
{
    struct fake_registry *fake = context;
    char *text = malloc(REQUEST_MAX);
    int connection;
    while ((connection = accept(fake->listener, NULL, NULL)) >= 0) { /* until the listener is shut down */
        serve(fake, connection, text);
        close(connection);
    }
    free(text);
    return NULL;
}

struct fake_registry *fake_registry_create(void)
{
    struct fake_registry *fake = calloc(1, sizeof(*fake));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fake->listener, (struct sockaddr *)&address, length) < 0 || listen(fake->listener, 16) < 0 ||
        getsockname(fake->listener, (struct sockaddr *)&address, &length) < 0) {
        perror("fake registry");
        abort();
    }
    snprintf(fake->url, sizeof(fake->url), "http://127.0.0.1:%d", ntohs(address.sin_port));
    pthread_create(&fake->thread, NULL, run, fake);
    return fake;
}

void fake_registry_destroy(struct fake_registry *fake)
{
    if (!fake)
        return;
    shutdown(fake->listener, SHUT_RDWR);
    pthread_join(fake->thread, NULL);
    close(fake->listener);
    for (size_t i = 0; i < fake->count; i++) {
        free(fake->schemas[i].subject);
        free(fake->schemas[i].schema);
    }
    free(fake);
}

const char *fake_registry_url(const struct fake_registry *fake)
{
    return fake->url;
}

void fake_registry_set_mode(struct fake_registry *fake, enum fake_mode mode)
{
    atomic_store(&fake->mode, mode);
}

int fake_registry_requests(struct fake_registry *fake)
{
    return atomic_load(&fake->requests);
}

const char *fake_registry_compatibility(struct fake_registry *fake)
{
    return fake->compatibility;
}
