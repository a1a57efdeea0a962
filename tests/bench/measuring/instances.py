"""What more instances bring on this machine, what forwarding costs, and how long commands wait while partitions move."""
import statistics
import subprocess
import threading
import time

from harness import places, wait
from measuring import contenders, processes

INSTANCES = ("command-api", "command-api-2", "command-api-3")
CONNECTIONS, WARM_SECONDS, SHARED_SECONDS = 64, 2, 30
SESSION_MS = 2000
STREAMS, MOVE_SECONDS, CALM_SECONDS = 24, 15, 0.5
COUNTERS = ("orderlog_partitions_assigned", "orderlog_forwards_answered_total")


def counter(orderlog, name, metric):
    return sum(value for key, value in orderlog.metrics(name).items() if key.split("{")[0] == metric)


def await_shares(orderlog, names):
    """Every instance is ready and has its share, and together they have all partitions."""
    total = sum(len(orderlog.end_offsets(topic)) for topic in ("product", "cart", "order"))

    def shared():
        shares = [counter(orderlog, name, COUNTERS[0]) for name in names]
        return min(shares) > 0 and sum(shares) == total and all(orderlog.ready(name)[0] == 200 for name in names)
    wait.until(shared, SHARED_SECONDS, "the instances have shared out the partitions")


def load(orderlog, names, seconds):
    """wrk against every instance at once, connections shared out among them: [figures]."""
    environment = places.clean_environment() | {"SKUS": ",".join(contenders.SKUS)}
    argv = ["wrk", "--latency", "-t", "1", "-c", str(CONNECTIONS // len(names)), "-d", f"{seconds}s", "--timeout", "10s", "-s", str(contenders.HERE / "place_order.lua")]
    running = [subprocess.Popen([*argv, orderlog.url(name)], env=environment, stdout=subprocess.PIPE, text=True) for name in names]
    outputs = [process.communicate(timeout=seconds + processes.LOAD_SECONDS_MORE)[0] for process in running]
    return [contenders.result_of(output) for output in outputs]


def throughput(orderlog, names, rounds, seconds, broker_pid):
    load(orderlog, names, WARM_SECONDS)
    rows = []
    for _ in range(rounds):
        pids = [orderlog.program(name).process.pid for name in names]
        before = sum(map(processes.cpu_seconds, pids)), processes.cpu_seconds(broker_pid), sum(counter(orderlog, name, COUNTERS[1]) for name in names)
        answers = load(orderlog, names, seconds)
        count = max(1, sum(answer["requests"] for answer in answers))
        rows.append({
            "per_second": sum(answer["per_second"] for answer in answers),
            "p50_ms": statistics.median(answer["p50_ms"] for answer in answers), "p99_ms": max(answer["p99_ms"] for answer in answers),
            "bad": sum(answer["bad"] for answer in answers),
            "server_us": (sum(map(processes.cpu_seconds, pids)) - before[0]) / count * 1e6,
            "broker_us": (processes.cpu_seconds(broker_pid) - before[1]) / count * 1e6,
            "forwarded": (sum(counter(orderlog, name, COUNTERS[1]) for name in names) - before[2]) / count,
        })
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]} | {"bad": sum(row["bad"] for row in rows)}


class Callers:
    """Sequential callers, all by one instance, with commands for partitions of every topic; they keep how long each took. End with the `with`."""

    def __init__(self, orderlog, via):
        self.orderlog, self.via, self.stop = orderlog, via, threading.Event()
        self.taken, self.failed = [], 0
        self.threads = [threading.Thread(target=self.call, args=(contenders.SKUS[number],)) for number in range(STREAMS)]

    def call(self, sku):
        client = type(self.orderlog)(self.orderlog.prefix, self.orderlog.servers)  # a session of its own
        client.addresses = self.orderlog.addresses
        while not self.stop.is_set():
            for name, fields in (("ReceiveStock", {"sku": sku, "quantity": 1}), ("CreateCart", {"currency": "GBP"}),
                                 ("PlaceOrder", {"country": "France", "currency": "GBP", "lines": [{"sku": sku, "quantity": 1}]})):
                begin = time.monotonic()
                answer = client.command(name, fields, private=self.via)
                self.taken.append((begin, time.monotonic() - begin))
                self.failed += answer.status_code not in (200, 201)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def move(orderlog, how, remaining):
    """The longest that a command took around the move that `how()` brings about, in ms."""
    with Callers(orderlog, INSTANCES[0]) as callers:
        time.sleep(CALM_SECONDS)
        begin = time.monotonic()
        how()
        await_shares(orderlog, remaining)
        wait.until(lambda: len({taken for taken, _ in callers.taken if taken > begin}) > STREAMS, MOVE_SECONDS, "commands are answered after the move")
        time.sleep(CALM_SECONDS)
    longest = max(seconds for started, seconds in callers.taken if started + seconds > begin)
    return {"longest_ms": round(longest * 1e3), "commands": len(callers.taken), "failed": callers.failed}


def run(orderlog, rounds, seconds, broker_pid, say):
    result = {"by_count": {}, "moves": {}, "session_ms": SESSION_MS}
    for count in range(1, len(INSTANCES) + 1):
        names = INSTANCES[:count]
        orderlog.start(*names)
        if count == 1:
            contenders.create_products(orderlog)
        await_shares(orderlog, names)
        figures = result["by_count"][count] = throughput(orderlog, names, rounds, seconds, broker_pid)
        say(f"{count} instances: {figures['per_second']:.0f}/s, {figures['server_us']:.1f} us of CPU a command, {figures['forwarded']:.0%} forwarded")
    for name, how, remaining in (
            ("an instance is stopped (SIGTERM)", lambda: orderlog.stop(INSTANCES[2]), INSTANCES[:2]),
            ("an instance joins", lambda: orderlog.start(INSTANCES[2]), INSTANCES),
            ("an instance is killed (SIGKILL)", lambda: orderlog.kill(INSTANCES[2]), INSTANCES[:2])):
        figures = result["moves"][name] = move(orderlog, how, remaining)
        say(f"{name}: the longest command took {figures['longest_ms']} ms, {figures['failed']} failed")
    return result
