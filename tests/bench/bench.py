"""Measures Orderlog beside a bare handler, Express and raw librdkafka on one machine; see --help."""
import argparse
import datetime
import json
import os
import pathlib
import sys
import time
import uuid

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
RESULTS = REPOSITORY / ".run" / "bench"
DOCUMENT = REPOSITORY / "docs" / "benchmarks.md"
PORT_OFFSET = "5000"
PARTITIONS = "4"
MONGODB_HEAP_MIB = 4096  # each replay leaves the documents that it replaced: near a smaller bound the stand-in would spend its time on collecting garbage
PARTS = ("commands", "instances", "hot", "folds", "visible", "memory", "startup", "month", "replay")


def plan(short):
    """How much of each. The short one is for CI: the same questions, answered roughly."""
    if short:
        return {"connections": {1: (1, 2), 64: (2, 3), 512: (1, 3)}, "idempotent": False, "instances": (1, 3), "hot": (2, 2), "fold_orders": 5_000, "visible_seconds": 5, "streams": 10_000, "events": 50_000, "replay": {"orders": (1_250, 5_000), "rounds": 1, "naive_events": 1_000}}
    return {"connections": {1: (3, 6), 64: (7, 8), 512: (5, 8)}, "idempotent": True, "instances": (3, 6), "hot": (5, 5), "fold_orders": 20_000, "visible_seconds": 20, "streams": 100_000, "events": 1_000_000,
            "replay": {"orders": (2_000, 8_000, 32_000), "rounds": 3, "naive_events": 5_000}}


def parse():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__, epilog="Exit codes: 0 measured, 1 something failed, 2 wrong usage.")
    parser.add_argument("--short", action="store_true", help="a few minutes, for CI: rough figures")
    parser.add_argument("--only", action="append", choices=PARTS, help="these parts alone")
    parser.add_argument("--write-docs", action="store_true", help=f"put the table into {DOCUMENT.relative_to(REPOSITORY)}")
    parser.add_argument("--build", type=pathlib.Path, default=REPOSITORY / "build", help="where the programs were built (a release build)")
    parser.add_argument("--port-offset", default=PORT_OFFSET, help=f"added to all ports (default {PORT_OFFSET})")
    return parser.parse_args()


def prepare(arguments):
    """The harness of the integration tests reads its settings from the environment when it's imported."""
    os.environ["ORDERLOG_BUILD"] = str(arguments.build.resolve())
    os.environ["ORDERLOG_TEST_PORT_OFFSET"] = str(arguments.port_offset)
    os.environ["ORDERLOG_TEST_DIR"] = str(RESULTS / "run")
    os.environ.pop("ORDERLOG_TEST_KEEP", None)
    integration = REPOSITORY / "tests" / "integration"
    sys.path[:0] = [str(integration), str(integration / "projectors"), str(integration / "replay"), str(REPOSITORY / "tests" / "bench")]


class Bench:
    """One run: the servers, a fresh namespace for each question, progress on stderr."""

    def __init__(self, servers, wanted):
        self.servers, self.wanted, self.begin = servers, wanted, time.monotonic()

    def say(self, text):
        print(f"[{time.monotonic() - self.begin:6.1f} s] {text}", file=sys.stderr, flush=True)

    def in_namespace(self, name, question, more=None):
        """Runs `question(orderlog)` and ends its programs, whatever comes."""
        from harness import Orderlog
        orderlog = Orderlog(f"b{uuid.uuid4().hex[:4]}-{name}", self.servers, {"ORDERLOG_PARTITIONS": PARTITIONS, "ORDERLOG_LOG_LEVEL": "warn"} | (more or {}))
        self.say(f"{name} …")
        try:
            return question(orderlog)
        finally:
            orderlog.kill()

    def broker_pid(self):
        from stacklib import process
        return process.read_pid_file(self.servers.folder / "pids" / "kafka.json").pid

    def run(self, parts):
        from measuring import folds, hot, instances, memory, month, replays, rounds, startup, visible
        results, wanted = {}, self.wanted
        if "commands" in parts:
            for connections, (count, seconds) in wanted["connections"].items():
                results.setdefault("commands", {})[connections] = self.in_namespace(f"commands-{connections}", lambda orderlog: rounds.summary(  # pylint: disable=cell-var-from-loop
                    rounds.run(orderlog, self.broker_pid(), connections, count, seconds, wanted["idempotent"] and connections == 64, self.say)))  # pylint: disable=cell-var-from-loop
        if "instances" in parts:
            more = {"ORDERLOG_GROUP_SESSION_MS": str(instances.SESSION_MS)}
            results["instances"] = self.in_namespace("instances", lambda orderlog: instances.run(orderlog, *wanted["instances"], self.broker_pid(), self.say), more)
        if "hot" in parts:
            results["hot"] = self.in_namespace("hot", lambda orderlog: hot.run(orderlog, *wanted["hot"], self.say))
        if "folds" in parts:
            results["folds"] = self.in_namespace("folds", lambda orderlog: folds.run(orderlog, wanted["fold_orders"], self.say))
        if "memory" in parts:
            results["memory"] = self.in_namespace("memory", lambda orderlog: memory.run(orderlog, wanted["streams"], self.say), {"ORDERLOG_CHECKPOINT_DIR": "none"})
        if "startup" in parts:
            results["startup"] = self.in_namespace("startup", lambda orderlog: startup.run(orderlog, wanted["events"], self.say), {"ORDERLOG_CHECKPOINT_EVERY_S": "2", "ORDERLOG_GROUP_SESSION_MS": str(instances.SESSION_MS)})
        if "month" in parts:
            results["month"] = self.in_namespace("month", lambda orderlog: month.run(orderlog, self.say))
        if "replay" in parts:
            sizes, more = wanted["replay"]["orders"], {name: wanted["replay"][name] for name in ("rounds", "naive_events")}
            results["replay"] = [self.in_namespace(f"replay-{orders}", lambda orderlog: replays.run(orderlog, orders, compare=orders == sizes[-1], say=self.say, **more))  # pylint: disable=cell-var-from-loop
                                 for orders in sizes]
        if "visible" in parts:  # last: the stores' JVMs have compiled by then what they run
            results["visible"] = self.in_namespace("visible", lambda orderlog: visible.run(orderlog, wanted["visible_seconds"], self.say))
        return results


def main():
    arguments = parse()
    prepare(arguments)
    from harness import Servers
    from measuring import processes, table
    servers = Servers(mongodb_heap_mib=MONGODB_HEAP_MIB)
    bench = Bench(servers, plan(arguments.short))
    bench.say("starting the servers")
    servers.up()
    try:
        results = bench.run(arguments.only or PARTS)
    finally:
        servers.down()
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    results = {"at": now.isoformat(), "command": "tests/bench/run " + " ".join(sys.argv[1:]), "machine": processes.machine(),
               "plan": bench.wanted, "seconds": round(time.monotonic() - bench.begin), **results}
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    text = table.markdown(results)
    print(text)
    bench.say(f"all figures: {path.relative_to(REPOSITORY)}")
    if arguments.write_docs:
        table.write_document(DOCUMENT, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
