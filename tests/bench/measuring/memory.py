"""Memory of command-api with many streams: as it grew, and loaded from the log by a new process."""
import time

from harness import wait
from measuring import orders, processes

REPORT_SECONDS = 5


def streams_of(orderlog):
    return int(sum(value for name, value in orderlog.metrics("command-api").items() if name.startswith("orderlog_executor_streams{")))


def run(orderlog, streams, say):
    placed = orders.place(orderlog, streams, say)
    grown, _ = processes.resident_mb(orderlog.program("command-api").process.pid)
    orderlog.stop("command-api")
    begin = time.monotonic()
    orderlog.start("command-api")
    seconds = time.monotonic() - begin
    # The gauge is written once a second; readiness came before.
    held = wait.until(lambda: (count := streams_of(orderlog)) >= placed and count, REPORT_SECONDS, f"{placed} streams are loaded")
    loaded, peak = processes.resident_mb(orderlog.program("command-api").process.pid)
    say(f"{held} streams: {loaded:.0f} MB loaded (peak {peak:.0f} MB) in {seconds:.1f} s, {grown:.0f} MB before the restart")
    return {"streams": held, "loaded_mb": round(loaded, 1), "peak_mb": round(peak, 1), "grown_mb": round(grown, 1), "load_seconds": round(seconds, 2)}
