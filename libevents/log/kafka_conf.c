#include "log/kafka_conf.h"

#include <string.h>

static void log_nothing(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, struct ev_error *error)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
        return 0;
    return ev_error_set(error, EV_ERR_INVALID, "kafka.%s = %s: %s", name, value, why);
}

static int set_all(rd_kafka_conf_t *conf, const char *const *pairs, struct ev_error *error)
{
    for (; pairs && pairs[0]; pairs += 2) {
        int r = set(conf, pairs[0], pairs[1], error);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The user's properties, but for those that the protocol depends on. */
static int set_user(rd_kafka_conf_t *conf, const char *const *pairs, const char *const *required,
                    struct ev_error *error)
{
    for (; pairs && pairs[0]; pairs += 2) {
        for (const char *const *fixed = required; fixed && fixed[0]; fixed += 2) {
            if (strcmp(fixed[0], pairs[0]) == 0 && strcmp(fixed[1], pairs[1]) != 0)
                return ev_error_set(error, EV_ERR_INVALID,
                                    "kafka.%s must be %s, not %s: the write protocol depends on it", pairs[0], fixed[1],
                                    pairs[1]);
        }
        int r = set(conf, pairs[0], pairs[1], error);
        if (r < 0)
            return r;
    }
    return 0;
}

int ev_kafka_conf_create(const struct ev_kafka_config *kafka, const char *const *defaults, const char *const *required,
                         rd_kafka_conf_t **ret, struct ev_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, log_nothing);
    int r = set(conf, "bootstrap.servers", kafka->brokers, error);
    if (r == 0 && kafka->client_id)
        r = set(conf, "client.id", kafka->client_id, error);
    if (r == 0)
        r = set_all(conf, defaults, error);
    if (r == 0)
        r = set_user(conf, kafka->properties, required, error);
    if (r == 0)
        r = set_all(conf, required, error);
    if (r < 0) {
        rd_kafka_conf_destroy(conf);
        return r;
    }
    *ret = conf;
    return 0;
}

int ev_kafka_client_create(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret, struct ev_error *error)
{
    char why[256];
    *ret = rd_kafka_new(type, conf, why, sizeof(why));
    if (*ret)
        return 0;
    rd_kafka_conf_destroy(conf);
    return ev_error_set(error, EV_ERR_INVALID, "Kafka client: %s", why);
}

int ev_kafka_error(struct ev_error *error, rd_kafka_resp_err_t err, const char *what, const char *detail)
{
    const char *text = detail && detail[0] ? detail : rd_kafka_err2str(err);
    /* An incomplete list on purpose: everything else is the brokers' or the network's and may pass. */
    if (err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
        err == RD_KAFKA_RESP_ERR__LOG_TRUNCATION)
        return ev_error_set(error, EV_ERR_CONFLICT, "%s: %s (%s)", what, text, rd_kafka_err2name(err));
    if (err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || err == RD_KAFKA_RESP_ERR__INVALID_ARG)
        return ev_error_set(error, EV_ERR_LIMIT, "%s: %s (%s)", what, text, rd_kafka_err2name(err));
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return ev_error_set_retriable(error, EV_ERR_LIMIT, "%s: %s", what, text);
    return ev_error_set_retriable(error, EV_ERR_UNAVAILABLE, "%s: %s (%s)", what, text, rd_kafka_err2name(err));
}
