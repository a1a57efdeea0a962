/* What forwarder.c (who is asked, and when) and forward_transfer.c (one request by libcurl) share. */
#pragma once

#include "forward_events.h"
#include "forwarder.h"

/* One request on its way. Kept with its handle for the next one. */
struct transfer {
    struct transfer *next;
    CURL *handle;
    struct curl_slist *headers;
    struct forward *forward;
    char url[EV_OWNER_URL_MAX + 1];
    uint64_t version; /* of the hint that it follows */
    bool too_large;
};

enum transfer_result {
    TRANSFER_FINAL,
    TRANSFER_NOT_HERE, /* nothing was done */
    TRANSFER_UNSENT,   /* no connection */
    TRANSFER_DOUBT,    /* sent, and no answer that says what became of it */
};

/* NULL when libcurl is out of memory. */
struct transfer *transfer_create(void);
void transfer_destroy(struct transfer *transfer);
/* Readies the handle for the forward, to go to the owner named by the hint. */
bool transfer_prepare(struct transfer *transfer, struct forward *forward, const struct ev_owner_hint *hint,
                      int64_t now_ms);
/* What has come of it, the answer being in the forward where it is final. */
enum transfer_result transfer_judge(const struct transfer *transfer, CURLcode code);
