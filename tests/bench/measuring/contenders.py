"""The servers that are measured side by side on one warm broker: the command API, a bare handler, Express, and librdkafka alone."""
import json

from confluent_kafka.admin import AdminClient, NewTopic

from harness import places
from harness.program import Program
from measuring import processes

HERE = places.REPOSITORY / "tests" / "bench"
SKUS = [f"BENCH{number:03}" for number in range(100)]
RECORD_BYTES = 200  # of the raw producer: about what the load's body has
TOPIC_SETTINGS = {"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"}
BROKER_SECONDS = 20


def create_products(orderlog):
    """What the load's orders name."""
    for sku in SKUS:
        answer = orderlog.command("CreateProduct", sku=sku, title=f"Product {sku}", prices=[{"price": "2.50", "currency": "GBP"}])
        if answer.status_code not in (200, 201):
            raise RuntimeError(f"CreateProduct {sku}: {answer.status_code} {answer.text}")


def twin_topic(orderlog, name, like="order"):
    """A topic with the settings and the partition count of the namespace's order topic."""
    admin = AdminClient({"bootstrap.servers": orderlog.environment["ORDERLOG_KAFKA_BROKERS"]})
    partitions = len(admin.list_topics(orderlog.topic(like), BROKER_SECONDS).topics[orderlog.topic(like)].partitions)
    topic = f"{orderlog.prefix}.{name}"
    for future in admin.create_topics([NewTopic(topic, partitions, 1, config=TOPIC_SETTINGS)]).values():
        future.result(BROKER_SECONDS)
    return topic


def result_of(output):
    """The figures that place_order.lua prints at wrk's end."""
    line = next((line for line in output.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise RuntimeError(f"wrk printed no result:\n{output}")
    return json.loads(line.removeprefix("RESULT "))


class Wrk:
    """A server under wrk. `pid` is the process whose CPU time counts as the server's."""

    def __init__(self, name, url, pid):
        self.name, self.url, self.pid = name, url, pid

    def run(self, connections, seconds):
        argv = ["wrk", "--latency", "-t", 1 if connections == 1 else 2, "-c", connections, "-d", f"{seconds}s", "--timeout", "10s",
                "-s", HERE / "place_order.lua", self.url]
        output, cpu = processes.run_measured(argv, places.clean_environment() | {"SKUS": ",".join(SKUS)}, seconds)
        return result_of(output), cpu


class Raw:
    """librdkafka by itself, with as many records in flight as the others have connections."""

    name, pid = "raw librdkafka", None

    def __init__(self, brokers, topic):
        self.brokers, self.topic = brokers, topic

    def run(self, connections, seconds):
        argv = [places.BUILD / "tests" / "bench" / "raw_producer", self.brokers, self.topic, connections, seconds, RECORD_BYTES]
        output, cpu = processes.run_measured(argv, places.clean_environment(), seconds)
        answer = json.loads(output)
        return answer | {"requests": answer["count"], "bad": 0}, cpu


def express(orderlog, idempotent):
    name = "express-idempotent" if idempotent else "express"
    port = places.free_port()
    environment = {"NODE_PATH": f"{node_modules()}", "NODE_ENV": "production"} | ({"IDEMPOTENT": "1"} if idempotent else {})
    brokers, topic = orderlog.environment["ORDERLOG_KAFKA_BROKERS"], twin_topic(orderlog, name)
    return Program(name, ["node", HERE / "express_server.js", brokers, topic, port], environment, orderlog.folder, f"http://127.0.0.1:{port}/livez"), port


def bare(orderlog):
    port = places.free_port()
    brokers, topic = orderlog.environment["ORDERLOG_KAFKA_BROKERS"], twin_topic(orderlog, "bare")
    return Program("bare_handler", [places.BUILD / "tests" / "bench" / "bare_handler", brokers, topic, port], {}, orderlog.folder,
                   f"http://127.0.0.1:{port}/livez"), port


def node_modules():
    from stacklib.layout import cache_dir  # pylint: disable=import-outside-toplevel  # on the path after places
    return cache_dir() / "node" / "node_modules"


def start_all(orderlog, with_idempotent):
    """The contenders in the order in which each round runs them, all up and warm."""
    orderlog.start("command-api")
    create_products(orderlog)
    rows = [Wrk("command-api", orderlog.url("command-api"), orderlog.program("command-api").process.pid)]
    makers = [("bare handler", lambda: bare(orderlog)), ("Express + kafkajs", lambda: express(orderlog, False))]
    if with_idempotent:
        makers.append(("Express + kafkajs, idempotent", lambda: express(orderlog, True)))
    for title, make in makers:
        program, port = make()
        orderlog.programs[program.name] = program  # stops with the namespace
        program.start()
        program.await_ready()
        rows.append(Wrk(title, f"http://127.0.0.1:{port}", program.process.pid))
    rows.append(Raw(orderlog.environment["ORDERLOG_KAFKA_BROKERS"], twin_topic(orderlog, "raw")))
    return rows
