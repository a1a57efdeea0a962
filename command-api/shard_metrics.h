/* What the operator sees of a shard's executors and Kafka log, as gauges that its loop sets now and then. */
#pragma once

#include "shard.h"

struct shard_metrics *shard_metrics_create(const struct shard *shard);
void shard_metrics_destroy(struct shard_metrics *metrics);
void shard_metrics_report(const struct shard *shard);
