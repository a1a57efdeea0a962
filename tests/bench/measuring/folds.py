"""How fast views fold a log that is there already: in memory one by one, then by projectors into each store, all catching up side by side."""
import json
import re
import subprocess
import time

from harness import places, wait
from measuring import orders

CATCH_UP_SECONDS = 180
SAMPLE_SECONDS = 0.05
METRIC = re.compile(r'orderlog_projection_events_total\{view="(\w+)",sink="(\w+)"\}')
VIEWS = ("orders", "customers", "sales_daily")  # those that fold orders


def run(orderlog, count, say):
    placed = orders.place(orderlog, count, say)
    orderlog.stop("command-api")
    rates = in_memory(orderlog, placed, say)
    orderlog.start("projectors")
    series, started = watch(orderlog, placed)
    orderlog.stop("projectors")
    for key, samples in series.items():
        first, last = samples[0], next(sample for sample in samples if sample[1] == samples[-1][1])
        rates[key] = {"events": last[1], "seconds": round(last[0] - started, 2),
                      "per_second": round((last[1] - first[1]) / max(last[0] - first[0], SAMPLE_SECONDS))}
        say(f"{key}: {rates[key]['per_second']} events/s")
    return {"orders": placed, "by_view_and_sink": rates}


def in_memory(orderlog, placed, say):
    argv = [places.BUILD / "tests" / "bench" / "fold_memory", orderlog.environment["ORDERLOG_KAFKA_BROKERS"], orderlog.prefix,
            orderlog.environment["ORDERLOG_SCHEMA_REGISTRY_URL"], str(placed)]
    done = subprocess.run(argv, env=places.clean_environment(), capture_output=True, text=True, timeout=CATCH_UP_SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"fold_memory ended with {done.returncode}: {done.stderr}")
    rows = {f"{row['view']} in memory": row for row in map(json.loads, done.stdout.splitlines())}
    for name, row in rows.items():
        say(f"{name}: {row['per_second']} events/s")
    return {name: {"events": row["events"], "seconds": round(row["seconds"], 2), "per_second": row["per_second"]} for name, row in rows.items()}


def watch(orderlog, total):
    """{"view in sink": [(time, events so far)]} from the first events until all have taken in `total`."""
    series, started = {}, time.monotonic()

    def sample():
        now = time.monotonic()
        for name, value in orderlog.metrics("projectors").items():
            match = METRIC.fullmatch(name)
            if match and match[1] in VIEWS and value > 0:
                series.setdefault(f"{match[1]} in {match[2]}", []).append((now, int(value)))
        return series and len(series) >= len(VIEWS) + 1 and all(samples[-1][1] >= total for samples in series.values())
    wait.until(sample, CATCH_UP_SECONDS, f"every view has taken in {total} events")
    orderlog.wait_caught_up(CATCH_UP_SECONDS)
    return series, started
