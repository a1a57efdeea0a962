"""From the start after a kill -9 to ready, with many events in the log: without checkpoints, and from one. The dead instance's session has to end first, and the log is read meanwhile: what reading costs shows in the CPU time."""
import json
import subprocess
import time

from harness import places, wait
from measuring import processes

WRITER = places.BUILD / "tests" / "bench" / "commit_writer"
WRITE_SECONDS, READY_SECONDS, STORE_SECONDS, REPORT_SECONDS = 300, 300, 120, 5


def fill(orderlog, events):
    """Topics and schemas are the program's; then it makes room for the writer."""
    orderlog.start("command-api")
    orderlog.stop("command-api")
    environment = orderlog.environment
    done = subprocess.run([WRITER, environment["ORDERLOG_KAFKA_BROKERS"], orderlog.prefix, environment["ORDERLOG_SCHEMA_REGISTRY_URL"], str(events)],
                          capture_output=True, text=True, timeout=WRITE_SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"commit_writer ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def sum_of(orderlog, name):
    return sum(value for key, value in orderlog.metrics("command-api").items() if key.split("{")[0] == name)


def started(orderlog, at_least, *arguments):
    """Seconds to /readyz, memory, and how many records were read."""
    program = orderlog.program("command-api")
    own = list(program.argv)
    program.argv += arguments
    begin = time.monotonic()
    program.start()
    program.await_ready(READY_SECONDS)
    seconds, cpu = time.monotonic() - begin, processes.cpu_seconds(program.process.pid)
    program.argv = own
    def all_read():
        count = sum_of(orderlog, "orderlog_log_records_read")
        return count if count >= at_least else None
    read = wait.until(all_read, REPORT_SECONDS, "the gauges are written")
    resident, peak = processes.resident_mb(program.process.pid)
    return {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2), "mb": round(resident, 1), "peak_mb": round(peak, 1), "records_read": int(read),
            "streams": int(sum_of(orderlog, "orderlog_executor_streams"))}


def all_stored(orderlog):
    """What was read is in checkpoints, as after a while in any case."""
    wait.until(lambda: sum_of(orderlog, "orderlog_executor_checkpoint_lag") == 0, STORE_SECONDS, "checkpoints are written")


def run(orderlog, events, say):
    written = fill(orderlog, events)
    say(f"{written['commits']} commits of {written['streams']} streams in {written['seconds']} s")
    started(orderlog, written["commits"], "--checkpoint-dir", "none")
    orderlog.kill("command-api")
    without = started(orderlog, written["commits"], "--checkpoint-dir", "none")
    say(f"without checkpoint: {without}")
    orderlog.kill("command-api")
    building = started(orderlog, written["commits"])
    say(f"building checkpoints: {building}")
    all_stored(orderlog)
    stored_bytes = int(sum_of(orderlog, "orderlog_checkpoint_file_bytes"))
    orderlog.kill("command-api")
    restored = started(orderlog, 1)
    say(f"from checkpoints of {stored_bytes} bytes: {restored}")
    if restored["records_read"] * 10 > written["commits"]:
        raise RuntimeError(f"{restored['records_read']} records were read in spite of checkpoints")
    return {**written, "without": without, "building": building, "restored": restored, "checkpoint_mb": round(stored_bytes / 1e6, 1)}
