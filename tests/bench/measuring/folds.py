"""How fast projectors fold a log that is there already: events per second of each view in each store, all catching up side by side."""
import re
import time

from harness import wait
from measuring import orders

CATCH_UP_SECONDS = 180
SAMPLE_SECONDS = 0.05
METRIC = re.compile(r'orderlog_projection_events_total\{view="(\w+)",sink="(\w+)"\}')
VIEWS = ("orders", "customers", "sales_daily")  # those that fold orders


def run(orderlog, count, say):
    placed = orders.place(orderlog, count, say)
    orderlog.stop("command-api")
    orderlog.start("projectors")
    series, started = watch(orderlog, placed)
    orderlog.stop("projectors")
    rates = {}
    for key, samples in series.items():
        first, last = samples[0], next(sample for sample in samples if sample[1] == samples[-1][1])
        rates[key] = {"events": last[1], "seconds": round(last[0] - started, 2),
                      "per_second": round((last[1] - first[1]) / max(last[0] - first[0], SAMPLE_SECONDS))}
        say(f"{key}: {rates[key]['per_second']} events/s")
    return {"orders": placed, "by_view_and_sink": rates}


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
