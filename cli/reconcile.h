/* Sources of a reconciliation: each adds up the figures of one month on its own way. */
#pragma once

#include "cli/cli.h"
#include "cli/figures.h"

struct reconcile_month {
    const char *name;          /* "2010-12" */
    int64_t from_ms, until_ms; /* [from, until) */
    char first_day[EV_DATE_TEXT_MAX], last_day[EV_DATE_TEXT_MAX];
};

/* From the log, record by record. */
int reconcile_log(const struct ev_config *config, const struct reconcile_month *month, struct ev_arena *arena,
                  struct figure_set *ret, struct ev_error *error);
/* From the per-order documents in MongoDB, line by line. */
int reconcile_mongo_documents(const struct ev_config *config, const struct reconcile_month *month,
                              struct ev_arena *arena, struct figure_set *ret, struct ev_error *error);
/* From the query API's reports: sums that the projectors keep in MongoDB, and Elasticsearch's aggregations. */
int reconcile_mongo_reports(const struct ev_config *config, const struct reconcile_month *month, struct ev_arena *arena,
                            struct figure_set *ret, struct ev_error *error);
int reconcile_elasticsearch(const struct ev_config *config, const struct reconcile_month *month, struct ev_arena *arena,
                            struct figure_set *ret, struct ev_error *error);
