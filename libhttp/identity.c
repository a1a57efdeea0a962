#include "libhttp/identity.h"

#include <string.h>

#define TRACEPARENT_LENGTH 55
#define TRACE_ID_AT 3
#define TRACE_ID_LENGTH 32
#define SPAN_AT 36
#define SPAN_LENGTH 16
#define FLAGS_AT 53
#define FLAGS_LENGTH 2

static bool is_lower_hex(struct ev_str text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!((text.data[i] >= '0' && text.data[i] <= '9') || (text.data[i] >= 'a' && text.data[i] <= 'f')))
            return false;
    return true;
}

static bool is_id(struct ev_str text)
{
    if (!is_lower_hex(text))
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] != '0')
            return true;
    return false;
}

bool http_traceparent_is_valid(struct ev_str text)
{
    return text.length == TRACEPARENT_LENGTH && memcmp(text.data, "00-", 3) == 0 && text.data[SPAN_AT - 1] == '-' &&
           text.data[FLAGS_AT - 1] == '-' && is_id((struct ev_str){text.data + TRACE_ID_AT, TRACE_ID_LENGTH}) &&
           is_id((struct ev_str){text.data + SPAN_AT, SPAN_LENGTH}) &&
           is_lower_hex((struct ev_str){text.data + FLAGS_AT, FLAGS_LENGTH});
}

static void make_id(const struct ev_random *random, char *ret_hex, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[TRACE_ID_LENGTH / 2];
    random->fill(random->context, bytes, length / 2);
    bytes[0] |= 1; /* not all zero */
    for (size_t i = 0; i < length; i += 2) {
        ret_hex[i] = digits[bytes[i / 2] >> 4];
        ret_hex[i + 1] = digits[bytes[i / 2] & 0x0f];
    }
}

static void identify_trace(struct http_exchange *exchange, const struct ev_random *random)
{
    struct ev_str given = http_exchange_header(exchange, "traceparent");
    char *traceparent = exchange->traceparent;
    if (given.data && http_traceparent_is_valid(given)) {
        memcpy(traceparent, given.data, TRACEPARENT_LENGTH);
    } else {
        memcpy(traceparent, "00-", 3);
        make_id(random, traceparent + TRACE_ID_AT, TRACE_ID_LENGTH);
        memcpy(traceparent + FLAGS_AT - 1, "-01", 3);
    }
    traceparent[SPAN_AT - 1] = '-';
    make_id(random, traceparent + SPAN_AT, SPAN_LENGTH);
    traceparent[TRACEPARENT_LENGTH] = '\0';
    memcpy(exchange->trace_id, traceparent + TRACE_ID_AT, TRACE_ID_LENGTH);
    exchange->trace_id[TRACE_ID_LENGTH] = '\0';
}

/* What may go into logs and headers as it is. */
static bool is_request_id(struct ev_str text)
{
    if (text.length == 0 || text.length >= sizeof(((struct http_exchange *)NULL)->request_id))
        return false;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
              c == '.' || c == ':'))
            return false;
    }
    return true;
}

void http_identify(struct http_exchange *exchange, const struct ev_random *random)
{
    struct ev_str given = http_exchange_header(exchange, "x-request-id");
    if (given.data && is_request_id(given)) {
        memcpy(exchange->request_id, given.data, given.length);
        exchange->request_id[given.length] = '\0';
    } else {
        struct ev_uuid id = ev_uuid_v7(&ev_clock_system, random);
        ev_uuid_format(&id, exchange->request_id);
    }
    identify_trace(exchange, random);
}
