/* Which deciders lie in which topic; must agree with schemas/topics.json (the executor refuses an event of a category
 * it has no decider for). */
#include "domain/domain.h"

const struct ev_decider *const product_topic_deciders[] = {&product_decider, &stock_decider, NULL};
const struct ev_decider *const cart_topic_deciders[] = {&cart_decider, NULL};
const struct ev_decider *const order_topic_deciders[] = {&order_decider, &returns_decider, &adjustment_decider, NULL};
