"""Several command-api instances of one namespace: who owns what, and how long it takes when partitions change hands.

    instances = Instances(orderlog, session_ms=2000)
    instances.start(3)                                     # command-api, command-api-2, command-api-3; ready, all partitions shared out
    instances.owners()                                     # {("cart", 0): "command-api-2", …}
    seconds = instances.hand_over("command-api-2", instances.kill)        # until commands for all that it had are answered by others
    seconds = instances.hand_over("command-api-3", instances.begin_stop)  # the same after SIGTERM
"""
import concurrent.futures
import signal
import time
import uuid

import requests

from harness import log, wait
from harness.commands import COMMANDS

FIRST = "command-api"
SHARED_SECONDS, ANSWER_SECONDS = 30, 30
# What asks a partition of each topic for something: a command that creates a thing under an id of ours.
PROBES = {"cart": "CreateCart", "product": "CreateProduct", "order": "RecordOrder"}


def partition_of(key, partitions):
    """Kafka's default partitioner: murmur2 of the key, without its sign."""
    data, mask, m = key.encode(), 0xffffffff, 0x5bd1e995
    h = 0x9747b28c ^ len(data)
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    if len(data) & 3:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return ((h ^ h >> 15) & 0x7fffffff) % partitions


def key_in(partition, partitions, prefix="probe"):
    """A new key that lies in the partition."""
    while True:
        key = f"{prefix}-{uuid.uuid4().hex[:12]}"
        if partition_of(key, partitions) == partition:
            return key


class Instances:
    def __init__(self, orderlog, session_ms=2000, **environment):
        self.orderlog, self.session_ms = orderlog, session_ms
        self.environment = {"ORDERLOG_GROUP_SESSION_MS": str(session_ms)} | environment
        self.names = []  # of those that run
        self.pool = concurrent.futures.ThreadPoolExecutor(64)

    # --- life ---

    def name(self, number):
        return FIRST if number == 1 else f"{FIRST}-{number}"

    def add(self, *names):
        """Starts them at the same time; ready when it returns."""
        for name in names:
            # Fences name their owner.
            self.orderlog.environment_of[name] = self.environment | {"ORDERLOG_INSTANCE": name}
            self.orderlog.program(name).start()
            self.names.append(name)
        for name in names:
            self.orderlog.program(name).await_ready()

    def start(self, count):
        """The first one makes the topics; then the others come."""
        names = [self.name(number) for number in range(1, count + 1)]
        self.add(names[0])
        if count > 1:
            self.add(*names[1:])
        self.await_shared()

    def kill(self, name):
        """SIGKILL."""
        self.names.remove(name)
        self.orderlog.kill(name)

    def begin_stop(self, name):
        """SIGTERM, without waiting for the end: that is `stop`."""
        self.names.remove(name)
        self.orderlog.program(name).process.send_signal(signal.SIGTERM)

    def stop(self, name):
        if name in self.names:
            self.names.remove(name)
        self.orderlog.stop(name)

    def pause(self, name):
        """SIGSTOP: from now on it is not counted on, but it isn't dead."""
        self.names.remove(name)
        self.orderlog.program(name).process.send_signal(signal.SIGSTOP)

    def resume(self, name):
        self.orderlog.program(name).process.send_signal(signal.SIGCONT)
        self.names.append(name)

    # --- who has what ---

    def owners(self):
        """{(topic, partition): the name in its last valid fence}."""
        return log.fences(self.orderlog)

    def served(self):
        """{name: how many partitions it serves}, of those that run."""
        return {name: total(self.orderlog.metrics(name), "orderlog_partitions_serving") for name in self.names}

    def _is_shared(self):
        owners, served = self.owners(), self.served()
        partitions = len(self.orderlog.end_offsets())
        return (len(owners) == partitions and set(owners.values()) <= set(self.names) and sum(served.values()) == partitions
                and all(list(owners.values()).count(name) == served[name] >= partitions // len(self.names) for name in self.names)
                and all(self.orderlog.ready(name)[0] == 200 for name in self.names)) and owners

    def await_shared(self, seconds=SHARED_SECONDS):
        """Every partition is served by exactly one of those that run, who fenced it last, and each has a fair share. Returns the owners."""
        return wait.until(self._is_shared, seconds, f"all partitions are served, each by one of {self.names}")

    # --- commands ---

    def connection(self, name):
        """A connection to the instance's private listener that is open already, for `send`."""
        session = requests.Session()
        assert session.get(self.orderlog.url(name, "private") + "/livez", timeout=5).ok
        return session

    def send(self, name, command, fields, key, wait_seconds=ANSWER_SECONDS, connection=requests):
        """One command to one instance, by its private listener; None where there was no answer."""
        command = COMMANDS[command]
        try:
            return connection.request(command.method, self.orderlog.url(name, "private") + command.path_of(fields), json=command.body_of(fields),
                                    headers={"Idempotency-Key": key, "Prefer": f"wait={wait_seconds}"}, timeout=wait_seconds + 5)
        except requests.RequestException:
            return None

    def send_to_all(self, command, fields, key):
        """The same command, under one key, to all that run at once: the first success; None where there was none."""
        asked = [self.pool.submit(self.send, name, command, fields, key) for name in self.names]
        for done in concurrent.futures.as_completed(asked):
            answer = done.result()
            if answer is not None and answer.ok:
                return answer
        return None

    def _until_answered(self, topic, partition, partitions, since):
        key = key_in(partition, partitions)
        command = COMMANDS[PROBES[topic]]
        fields = command.example() | {command.schema["x-key"]: key}
        while time.monotonic() - since < ANSWER_SECONDS:
            if self.send_to_all(command.name, fields, key):
                return time.monotonic() - since
        raise AssertionError(f"nobody answered for {topic}/{partition} within {ANSWER_SECONDS} s")

    def hand_over(self, name, how):
        """Does `how` (kill, begin_stop, pause) to the instance; seconds until others have answered a command for each partition that it had."""
        owners = self.owners()
        moved = [place for place, owner in owners.items() if owner == name]
        partitions = {topic: sum(place[0] == topic for place in owners) for topic in PROBES}
        assert moved, f"{name} owns nothing"
        since = time.monotonic()
        how(name)
        asked = [self.pool.submit(self._until_answered, topic, partition, partitions[topic], since) for topic, partition in moved]
        return max(done.result() for done in asked)


def total(metrics, name):
    return sum(value for series, value in metrics.items() if series.split("{")[0] == name)
