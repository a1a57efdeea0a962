/* What several deciders hold to: bounds of quantities and prices, sums of money, pointers to a line's field, equality
 * by content. */
#pragma once

#include "domain/rejections.h"
#include "gen/order.h"
#include "stream/decider.h"

/* A command's JSON Schema has these bounds too. A decider holds them itself because its sums rest on them, whoever made
 * the command. */
#define DOMAIN_QUANTITY_MAX INT64_C(1000000000)
#define DOMAIN_PRICE_MAX INT64_C(9999999990000) /* 999,999,999 of the currency's units, in 1/10000 */
/* Lines of one order or return, and the bytes of their SKUs and titles: with 64 bytes for the rest of each the commit
 * stays below EV_COMMIT_BYTES_MAX. */
#define DOMAIN_LINES_MAX ((size_t)2500)
#define DOMAIN_LINES_TEXT_MAX ((size_t)700 * 1024)

/* Sentences and pointers name nothing that is long or not ASCII (EV_DECISION_DETAIL_MAX would cut a character in two):
 * ids, SKUs and currencies, but no titles, names of attributes or references. */
#define DOMAIN_POINTER_MAX 64
/* "/lines/3/quantity"; `field` NULL: "/lines/3". Returns ret_text. */
const char *domain_pointer(char ret_text[DOMAIN_POINTER_MAX], const char *list, size_t index, const char *field);

/* 0, or a rejection. `pointer` is that of the field. */
int domain_check_quantity(int64_t quantity, const char *pointer, struct ev_decision *ret);
int domain_check_price(int64_t price, const char *pointer, struct ev_decision *ret);

/* Adds quantity × unit_price to *total; false when either passes EV_MONEY_MAX, the bound on a single amount. */
bool domain_add_value(int64_t quantity, int64_t unit_price, int64_t *total);

/* The lines of a new order or return: some and not too many, every quantity, price and kind in range, the whole value
 * within bounds. `currency` is named in messages. line_no isn't looked at. 0, or a rejection with a pointer into
 * /lines. */
int domain_check_lines(const struct order_line *lines, size_t count, struct ev_decision *ret);

/* 16 bytes that stand for the record's content (XXH3 over its Avro form). Equal content gives equal bytes; that
 * different content does so by accident can be left out of account, that somebody makes it so on purpose can't, hence
 * only for commands that are private. In the arena. */
struct ev_str domain_content_hash(const struct ev_record *record, const void *value, struct ev_arena *arena);
