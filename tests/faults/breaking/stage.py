"""Two instances, one partition, and steps to direct them by: for schedules that aren't left to chance."""
import asyncio
import contextlib
import io
import signal
import struct
import time
import uuid

import fastavro
from confluent_kafka import Producer

from breaking import clients, logbook
from breaking.processes import until
from breaking.rounds import Cluster
from breaking.workload import Workload

STEP_SECONDS, QUIET_SECONDS, ANSWER_SECONDS = 20, 0.5, 15
WAITS = "wait=12"  # the server's deadline: longer than the steps between question and answer
TOPIC = "product"
HOLD_MS = 60_000


class Stage:
    """`owner` and `other` are instances; the owner's fence is the last one in the log of the product topic."""

    def __init__(self, name, servers, proxies, folder, options):
        self.prefix = f"p{name}-{uuid.uuid4().hex[:6]}"
        self.servers, self.proxies, self.folder = servers, proxies, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.cluster = Cluster(self.prefix, servers, proxies, folder, options)
        self.clients = clients.Clients(0, Workload(0), [(i.public, i.private) for i in self.cluster.instances], folder / "history.jsonl")
        self.cluster.clients = self.clients
        self.schemas = logbook.Schemas(servers.registry)

    # --- the log ---

    def log(self):
        partitions = logbook.read(self.servers.brokers, self.servers.registry, self.prefix, [TOPIC])
        return partitions.get((f"{self.prefix}.{TOPIC}", 0), [])

    async def records(self):
        return await asyncio.to_thread(self.log)

    async def await_log(self, condition, what):
        """Waits until the records fulfil it; returns them."""
        async def look():
            records = await self.records()
            return records if condition(records) else None
        return await until(look, STEP_SECONDS, what)

    async def find_owner(self):
        """(owner, other) when the log rests."""
        await until(self._rests, STEP_SECONDS, "the log rests")
        fences = [r for r in await self.records() if r.verdict == "fence"]
        owner = next(i for i in self.cluster.instances if i.name == fences[-1].commit["actor"])
        other = next(i for i in self.cluster.instances if i is not owner)
        return owner, other

    async def _rests(self):
        before = len(await self.records())
        await asyncio.sleep(QUIET_SECONDS)
        return before > 0 and before == len(await self.records())

    async def await_fence_of(self, instance, after):
        """Its valid fence behind `after` records, and that it serves."""
        await self.await_log(lambda records: any(r.verdict == "fence" and r.commit["actor"] == instance.name for r in records[after:]),
                             f"{instance.name} has fenced")

    def fresh_commit(self, command, attempt, version, epoch, seq, event):
        """A commit as an instance writes it for that attempt; (record's key, its bytes)."""
        commit = {"stream_id": command.stream, "base_version": version, "epoch": epoch, "seq": seq, "command_id": str(uuid.uuid4()), "request_hash": b"\0" * 16,
                  "correlation_id": command.id, "causation_id": attempt, "actor": "anonymous", "traceparent": None,
                  "occurred_at": int(time.time() * 1000), "events": [event]}
        return command.stream.split("-", 1)[1], commit

    async def inject(self, key, commit):
        """Appends a record that no instance has sent, with the schema of those that are there."""
        def append():
            number = struct.unpack_from(">bI", self.last_value())[1]
            out = io.BytesIO()
            fastavro.schemaless_writer(out, self.schemas.get(number), commit)
            producer = Producer({"bootstrap.servers": self.servers.brokers, "acks": "all"})
            producer.produce(f"{self.prefix}.{TOPIC}", struct.pack(">bI", 0, number) + out.getvalue(), key, partition=0)
            if producer.flush(STEP_SECONDS):
                raise RuntimeError("Kafka doesn't take the record")
        await asyncio.to_thread(append)

    def last_value(self):
        from harness import log  # pylint: disable=import-outside-toplevel  # on the path after settings
        return list(log.records(self.servers.brokers, f"{self.prefix}.{TOPIC}"))[-1].value()

    # --- instances ---

    async def hold(self, instance):
        """What it sends to Kafka is held back, until it's let through in the same order."""
        await self.proxies.add(instance.index, "hold", "latency", "upstream", latency=HOLD_MS, jitter=0)

    async def lose(self, instance):
        """What it sends to Kafka is thrown away."""
        await self.proxies.add(instance.index, "lose", "timeout", "upstream", timeout=0)

    async def let_through(self, instance):
        await self.proxies.remove(instance.index, "hold")

    def pause(self, instance):
        instance.child.signal(signal.SIGSTOP)

    def wake(self, instance):
        instance.child.signal(signal.SIGCONT)

    async def kill(self, instance):
        await instance.child.kill()

    async def restart(self, instance):
        instance.child.start()
        await instance.await_ready()

    # --- commands ---

    def receive(self, sku, quantity):
        return self.clients.new("ReceiveStock", {"sku": sku, "quantity": quantity})

    def take(self, sku, quantity):
        return self.clients.new("AdjustStock", {"sku": sku, "delta": -quantity, "reason": "sold"})

    async def send(self, command, instance, seconds=ANSWER_SECONDS, wait=WAITS):
        """One attempt; (status, document), or None."""
        command.wait = wait
        answer = await self.clients.attempt(command, instance.index, seconds)
        if answer:
            self.clients.settle(command, answer)
        return answer

    async def must(self, command, instance):
        """Sent until it is acknowledged."""
        answer = await until(lambda: self.send(command, instance), STEP_SECONDS, f"{command.name} is answered")
        if answer[0] != 200:
            raise RuntimeError(f"{command.name} was answered {answer}")
        return answer

    def later(self, command, instance, wait=WAITS):
        """An attempt under way."""
        return asyncio.create_task(self.send(command, instance, wait=wait))

    async def finish(self):
        with contextlib.suppress(RuntimeError):
            await self.cluster.heal()

    def close(self):
        self.clients.close()
        self.cluster.finish()
