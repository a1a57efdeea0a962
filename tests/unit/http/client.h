/* Clients of a server under test, on plain sockets. */
#pragma once

#include "testing.h"

#include "libhttp/server.h"

#define DEADLINE_MS 10000
#define ANSWER_MAX ((size_t)4 * 1024 * 1024)

extern struct http_server *server; /* whom they ask */
extern char answer[ANSWER_MAX];    /* the last one, ended by a NUL */

int client_connect(bool is_private);
/* Stops where the server refuses more. */
void client_send(int fd, const char *bytes, size_t length);
/* Reads one answer; its status, with all of it in `answer`. 0: the connection ended without one. */
int client_read(int fd);
/* On a connection of its own. */
int ask(bool is_private, const char *request);
int post_body(bool is_private, const char *path, size_t length);
void assert_problem(const char *slug); /* `answer` is that problem */
