/* What all uses of librdkafka here share: configuration and errors. For the files of log/ alone. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "core/error.h"
#include "log/kafka.h"

/* A configuration from our `defaults` (NULL-terminated name/value pairs), then the user's properties, then `required`,
 * which the user can't change: INVALID when they say otherwise. librdkafka's own log is switched off: what matters
 * comes as an error or an event. */
int ev_kafka_conf_create(const struct ev_kafka_config *kafka, const char *const *defaults, const char *const *required,
                         rd_kafka_conf_t **ret, struct ev_error *error);
/* Takes over `conf`, also on failure. */
int ev_kafka_client_create(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret, struct ev_error *error);
/* An error of librdkafka's as one of ours: UNAVAILABLE (retriable) where time may mend it, CONFLICT where the log has
 * no such offset any more. */
int ev_kafka_error(struct ev_error *error, rd_kafka_resp_err_t err, const char *what, const char *detail);
