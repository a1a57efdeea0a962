"""Kafka and the schema registry, as the local stack starts them, but for Kafka's listeners: one that nothing stands before, for
the checkers, and one for each instance, which it advertises at the port of the instance's own proxy. So each instance's way to the
log can be spoiled without the others'."""
import asyncio
import dataclasses
import os

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from stacklib import health
from stacklib import servers as stack_servers  # on the path after settings
from stacklib.layout import Options, Stack, write_atomically

from breaking.processes import Child, until
from breaking.settings import HOST, RESULTS, free_port

UP_SECONDS, ADMIN_SECONDS = 90, 20


@dataclasses.dataclass
class Listener:
    """`port` is Kafka's own, `advertised` the one that its clients are told."""
    name: str
    port: int
    advertised: int

    def row(self, port):
        return f"{self.name}://{HOST}:{port}"


class FreePorts(Stack):
    """A stack whose ports are whatever is free."""
    given = {}

    def port(self, service, role=""):
        return self.given.setdefault((service, role), free_port())


class Servers:
    """`instances` is how many proxied listeners there are."""

    def __init__(self, instances, folder=None):
        self.folder = folder or RESULTS / "servers"
        self.stack = FreePorts(self.folder, Options())
        self.clean = Listener("PLAINTEXT", self.stack.port("kafka", "broker"), self.stack.port("kafka", "broker"))
        self.proxied = [Listener(f"I{i}", free_port(), free_port()) for i in range(instances)]
        self.children = {}

    @property
    def brokers(self):
        return f"{HOST}:{self.clean.port}"

    @property
    def registry(self):
        return f"http://{HOST}:{self.stack.port('registry')}/apis/ccompat/v7"

    def kafka_properties(self):
        rows = dict(line.split("=", 1) for line in stack_servers.kafka_properties(self.stack).splitlines())
        listeners = [self.clean, *self.proxied]
        controller = rows["controller.quorum.voters"].split("@")[1]
        rows["listeners"] = ",".join([row.row(row.port) for row in listeners] + [f"CONTROLLER://{controller}"])
        rows["advertised.listeners"] = ",".join(row.row(row.advertised) for row in listeners)
        rows["listener.security.protocol.map"] = ",".join(f"{row.name}:PLAINTEXT" for row in listeners) + ",CONTROLLER:PLAINTEXT"
        # A killed broker that comes back is kept out until the controller has missed it.
        rows |= {"broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "500"}
        rows["inter.broker.listener.name"] = self.clean.name
        return "".join(f"{name}={value}\n" for name, value in rows.items())

    def prepare(self):
        self.stack.make_dirs()
        for name in ("kafka", "registry"):
            for folder in (self.stack.data(name), self.stack.conf(name), self.stack.tmp(name)):
                folder.mkdir(parents=True, exist_ok=True)
        stack_servers.prepare_kafka(self.stack)
        write_atomically(self.stack.conf("kafka") / "server.properties", self.kafka_properties())

    async def up(self):
        self.prepare()
        for name, service in (("kafka", stack_servers.KAFKA), ("registry", stack_servers.REGISTRY)):
            inherited = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
            java, *arguments = service.command(self.stack)
            # Killed and started all the time: the quick compiler alone, for what is hardly warm before it's killed again.
            self.children[name] = Child(name, [java, "-XX:TieredStopAtLevel=1", *arguments], inherited | service.environment(self.stack), self.folder / "logs")
            self.children[name].start()
        await self.await_kafka()
        await until(lambda: asyncio.to_thread(lambda: stack_servers.REGISTRY.probe(self.stack) is None), UP_SECONDS, "the schema registry is up")

    async def await_kafka(self, seconds=UP_SECONDS):
        await until(lambda: asyncio.to_thread(lambda: health.kafka(self.brokers) is None), seconds, "Kafka is up")

    def forget(self, prefix):
        """Deletes a namespace's topics: a broker with many of them takes long to come back."""
        admin = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})
        try:
            names = [name for name in admin.list_topics(timeout=ADMIN_SECONDS).topics if name.startswith(prefix + ".")]
            for done in admin.delete_topics(names, operation_timeout=ADMIN_SECONDS).values() if names else ():
                done.result(ADMIN_SECONDS)
        except KafkaException:
            pass  # they go with the suite's folder

    async def kill_kafka(self):
        await self.children["kafka"].kill()

    def start_kafka(self):
        self.children["kafka"].start()

    def down(self):
        for child in self.children.values():
            child.kill_now()
