#include "http/command.h"
#include "ownership.h"

void command_dispatch(struct command_run *run)
{
    int32_t partition = shard_partition(&run->shard);
    if (ownership_look(run->shard.app, run->shard.topic, partition).place == OWNERSHIP_HERE)
        shard_submit(&run->shard);
    else
        command_forward(run);
}

bool command_dispatch_again(struct command_run *run, const struct ev_result *result)
{
    if (result->outcome != EV_OUTCOME_FAILED || result->error.code != EV_ERR_FENCED)
        return false;
    run->maybe_done = run->maybe_done || run->shard.request.in_doubt;
    if (!run->is_forwarded || run->shard.request.type != run->route->type)
        command_forward(run);
    else if (run->maybe_done)
        command_forwarded_lost(run);
    else
        command_forwarded_send_back(run);
    return true;
}
