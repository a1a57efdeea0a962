/* What both sales reports share: their parameters, and the answer made of a report. */
#pragma once

#include "query.h"
#include "sales.h"

#define REPORT_LIMIT_DEFAULT 100
#define REPORT_LIMIT_MAX 1000 /* rows are small */

enum {
    REPORT_FROM,
    REPORT_TO,
    REPORT_GROUP,
    REPORT_COUNTRY,
    REPORT_CURRENCY,
    REPORT_LIMIT,
    REPORT_CURSOR,
    REPORT_PARAMS
};
extern const struct param report_params[REPORT_PARAMS];

bool report_check(struct query *query); /* a resource's check */
enum sales_group_by report_group_by(const struct query *query);
/* Sorts, cuts the page and answers; finishes the report. `parked_at_ms`: since when the first of the documents that it
 * is made of goes no further; 0: all do. From any thread. */
void report_reply(struct query *query, struct sales_report *report, int64_t parked_at_ms);
