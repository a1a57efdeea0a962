#include <stdio.h>

#include "client.h"

static bool serves_all(const struct drill_node *node)
{
    for (int32_t i = 0; i < node->partitions; i++) {
        if (!ev_executor_is_serving(node->executor, i))
            return false;
    }
    return true;
}

/* Two nodes on one loop: what the first one acknowledges once the second one serves would be a fork. */
int drill_fence(const struct drill *drill)
{
    struct drill_node first, second;
    struct client one, two;
    struct drill other = *drill;
    other.name = "second";
    drill_node_start(&first, drill, false);
    drill_node_serve(&first);
    client_init(&one, &first, drill, CLIENT_STOCKS, 0, drill->streams);
    (void)client_run(&one);
    client_finish(&one);

    client_init(&one, &first, drill, CLIENT_SELLS, drill->base, drill->base + drill->count);
    one.retries = false;
    one.timeout_ms = 2000;
    while (one.outcomes[EV_OUTCOME_COMMITTED] < drill->count / 10) {
        client_push(&one);
        drill_node_turn(&first, 10);
    }
    drill_node_start(&second, &other, false);
    int64_t fence_us = drill_now_us(), handover_us = 0;
    while (first.lost < first.partitions || !serves_all(&second)) {
        client_push(&one);
        drill_node_turn(&first, 1);
        drill_node_turn(&second, 1);
        if (drill_now_us() - fence_us > (int64_t)DRILL_TIMEOUT_MS * 1000)
            break;
    }
    handover_us = drill_now_us() - fence_us;
    one.forbidden = true; /* all partitions are the second one's */
    client_init(&two, &second, &other, CLIENT_SELLS, drill->base, drill->base + drill->count);
    while (!client_is_done(&two) || !client_is_done(&one)) {
        client_push(&one);
        client_push(&two);
        drill_node_turn(&first, 0);
        drill_node_turn(&second, 1);
    }
    printf("{\"first_committed\": %lld, \"first_failed\": %lld, \"late_commits\": %lld, \"lost\": %lld, "
           "\"handover_ms\": %.1f, \"second_committed\": %lld, \"second_duplicates\": %lld, \"second_failed\": %lld, "
           "\"last_error\": \"%s\"}\n",
           (long long)one.outcomes[EV_OUTCOME_COMMITTED], (long long)one.outcomes[EV_OUTCOME_FAILED],
           (long long)one.late_commits, (long long)first.lost, (double)handover_us / 1e3,
           (long long)two.outcomes[EV_OUTCOME_COMMITTED], (long long)two.outcomes[EV_OUTCOME_DUPLICATE],
           (long long)two.outcomes[EV_OUTCOME_FAILED], ev_error_name(one.last_error.code));
    bool good = one.late_commits == 0 && first.lost == first.partitions && two.faults == 0;
    client_finish(&one);
    client_finish(&two);
    drill_node_stop(&second);
    drill_node_stop(&first);
    return good ? 0 : 1;
}
