"""A start from a checkpoint is a start from the log, only shorter; and a log that isn't the one any more is noticed."""
import json
import shutil
import subprocess

import confluent_kafka
import pytest
from confluent_kafka import admin

from command_client import cart, ok, order_of, problem, product
from harness import places
from harness.servers import Servers
from harness.wait import until
from order_clients import Clients

OFTEN = {"ORDERLOG_CHECKPOINT_EVERY_S": "1"}
OWN_PORT_OFFSET = places.PORT_OFFSET + 8


def logged(orderlog, message_id):
    """The lines of command-api's log with this id."""
    lines = (json.loads(line) for line in orderlog.program("command-api").log.read_text(encoding="utf-8").splitlines() if line.startswith("{"))
    return [line for line in lines if line["message_id"] == message_id]


def total(orderlog, metric):
    return sum(value for name, value in orderlog.metrics("command-api").items() if name.startswith(metric))


def checkpoints_hold(orderlog, count):
    """Waits until so many streams' worth of records is in checkpoints: all that was committed a moment ago."""
    before = total(orderlog, "orderlog_executor_checkpoints{")
    until(lambda: total(orderlog, "orderlog_executor_checkpoints{") >= before + count, 30, "checkpoints are written")


def refused(orderlog, *arguments):
    """command-api doesn't start: the reason that it gives."""
    program = orderlog.program("command-api")
    program.argv += list(arguments)
    program.start()
    code = program.process.wait(60)
    program.process = None
    assert code == 1, program.log_tail()
    return logged(orderlog, "stop")[-1]["error"]


@pytest.fixture
def shop(new_orderlog, request):
    orderlog = new_orderlog(request.node.name[:20], **OFTEN)
    orderlog.start("command-api")
    product(orderlog, "TEA")
    return orderlog


def test_a_clean_restart_reads_next_to_nothing(shop):
    cart(shop, "kept", ("TEA", 3))
    for number in range(50):
        ok(shop.command("PlaceOrder", order_of("TEA"), key=f"k{number}"))
    first = ok(shop.command("AddCartItem", cart_id="kept", sku="TEA", quantity=1, key="k"))
    length = shop.log_length()
    shop.stop("command-api")
    assert not logged(shop, "checkpoint.unwritten")
    shop.start("command-api")
    assert len(logged(shop, "checkpoint.restored")) == len(shop.end_offsets())
    read = total(shop, "orderlog_log_records_read")
    assert read < length / 2, f"{read} of {length} records were read"
    again = ok(shop.command("AddCartItem", cart_id="kept", sku="TEA", quantity=1, key="k"))
    assert again.json() == first.json() | {"outcome": "duplicate"}
    problem(shop.command("AddCartItem", cart_id="kept", sku="TEA", quantity=2, key="k"), 422, "idempotency-key-reused")
    assert ok(shop.command("RemoveCartItem", cart_id="kept", sku="TEA", headers={"If-Match": first.headers["ETag"]})).json()["version"] == 4
    until(lambda: total(shop, "orderlog_executor_loads") > 0, 10, "streams are read from the checkpoint")


@pytest.mark.seconds(240)
def test_killed_under_load_and_started_from_checkpoints(shop):
    clients = Clients(shop)
    for _ in range(3):
        clients.wait_for(len(clients.done) + 100)
        checkpoints_hold(shop, 2)
        shop.kill("command-api")
        shop.start("command-api")
    clients.wait_for(len(clients.done) + 50)
    clients.stop()
    assert logged(shop, "checkpoint.restored") and not logged(shop, "checkpoint.thrown_away") and not logged(shop, "checkpoint.unusable")
    clients.retry_open()
    for key, answer in list(clients.done.items())[:200]:
        again = ok(shop.command("PlaceOrder", order_of("TEA"), key=key, via="command-api")).json()
        assert (again["stream"], again["version"], again["position"]) == (answer["stream"], answer["version"], answer["position"])
    clients.check_log()


def test_streams_leave_memory_and_come_back(new_orderlog):
    shop = new_orderlog("memory", **OFTEN, ORDERLOG_STATE_MEMORY_MB="1")
    shop.start("command-api")
    product(shop, "TEA")
    clients = Clients(shop)
    until(lambda: total(shop, "orderlog_executor_evictions") > 200, 90, "streams leave memory")
    clients.stop()
    for key, answer in list(clients.done.items())[:100]:
        again = ok(shop.command("PlaceOrder", order_of("TEA"), key=key, via="command-api")).json()
        assert (again["stream"], again["version"]) == (answer["stream"], answer["version"])
    until(lambda: total(shop, "orderlog_executor_loads") > 0, 10, "streams are read from the checkpoint")
    assert total(shop, "orderlog_state_memory_bytes") < 2 * 1024 * 1024
    clients.retry_open()
    clients.check_log()


def test_a_directory_belongs_to_one_process(shop):
    directory = next((shop.folder / "data" / "command-api" / "checkpoints").iterdir())
    environment = places.clean_environment() | shop.environment | {"ORDERLOG_DATA_DIR": str(shop.folder / "second")}
    done = subprocess.run([places.BUILD / "command-api" / "command-api", "--listen", "127.0.0.1:0", "--private-listen", "127.0.0.1:0",
                           "--checkpoint-dir", directory], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert str(directory) in done.stderr and "--checkpoint-dir" in done.stderr
    assert shop.ready("command-api")[0] == 200


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "unreadable"])
def test_a_damaged_checkpoint_is_made_anew(shop, damage):
    first = ok(shop.command("PlaceOrder", order_of("TEA"), key="k"))
    shop.stop("command-api")
    directory = next((shop.folder / "data" / "command-api" / "checkpoints").iterdir())
    data = directory / "data.mdb"
    content = bytearray(data.read_bytes())
    if damage == "flipped":
        for place in range(2 * 4096, len(content), 97):
            content[place] ^= 0x55
        data.write_bytes(content)
    elif damage == "cut":
        data.write_bytes(content[:2 * 4096])
    elif damage == "gone":
        shutil.rmtree(directory)
    else:
        shutil.rmtree(directory)
        directory.write_text("not a directory", encoding="utf-8")
    shop.start("command-api")
    assert bool(logged(shop, "checkpoint.unusable")) == (damage != "gone")
    again = ok(shop.command("PlaceOrder", order_of("TEA"), key="k"))
    assert again.json()["stream"] == first.json()["stream"] and again.json()["outcome"] == "duplicate"


# --- logs that can't be used ---

class Kafka:
    """What an operator, or an accident, does to topics."""

    def __init__(self, orderlog):
        self.orderlog = orderlog
        self.client = admin.AdminClient({"bootstrap.servers": orderlog.environment["ORDERLOG_KAFKA_BROKERS"]})

    def wait_all(self, futures):
        for future in futures.values():
            future.result(30)

    def topics(self):
        return [name for name in self.client.list_topics(timeout=10).topics if name.startswith(f"{self.orderlog.prefix}.")]

    def delete(self, *topics):
        self.wait_all(self.client.delete_topics(list(topics)))
        until(lambda: not set(topics) & set(self.topics()), 30, "the topics are gone")

    def make(self, topic, partitions=3):
        settings = {"retention.ms": "-1", "max.message.bytes": "1048576"}
        self.wait_all(self.client.create_topics([admin.NewTopic(topic, partitions, 1, config=settings)]))

    def set(self, topic, name, value):
        resource = admin.ConfigResource(admin.ResourceType.TOPIC, topic)
        resource.add_incremental_config(admin.ConfigEntry(name, value, incremental_operation=admin.AlterConfigOpType.SET))
        self.wait_all(self.client.incremental_alter_configs([resource]))

    def grow(self, topic, partitions):
        self.wait_all(self.client.create_partitions([admin.NewPartitions(topic, partitions)]))
        until(lambda: len(self.client.list_topics(topic, 10).topics[topic].partitions) == partitions, 30, "partitions")

    def cut_start(self, topic, partitions=3):
        self.wait_all(self.client.delete_records([confluent_kafka.TopicPartition(topic, p, 1) for p in range(partitions)]))


def made_anew(kafka, topic):
    kafka.delete(topic)
    kafka.make(topic)


@pytest.mark.parametrize("what,reason", [
    (lambda kafka, topic: kafka.grow(topic, 5), "was made with 3 partitions and has 5 now"),
    (lambda kafka, topic: kafka.set(topic, "cleanup.policy", "compact"), "its cleanup.policy is compact"),
    (lambda kafka, topic: kafka.set(topic, "retention.ms", "86400000"), "its retention.ms is 86400000"),
    (lambda kafka, topic: kafka.cut_start(topic), "begins at offset 1: records were deleted"),
    (made_anew, "was deleted and made anew"),
], ids=["partitions", "compaction", "retention", "start-moved", "made-anew"])
def test_a_log_that_cannot_be_used_is_refused(shop, what, reason):
    shop.stop("command-api")
    topic = shop.topic("order")
    what(Kafka(shop), topic)
    error = refused(shop)
    assert topic in error and reason in error, error


def test_all_topics_made_anew_on_purpose(shop):
    """To start from nothing is an operator's right: the checkpoints are of another log."""
    ok(shop.command("PlaceOrder", order_of("TEA"), key="k"))
    shop.stop("command-api")
    kafka = Kafka(shop)
    kafka.delete(*kafka.topics())
    shop.start("command-api")
    assert {line["reason"] for line in logged(shop, "checkpoint.thrown_away")} == {"topic"}
    product(shop, "TEA")
    assert ok(shop.command("PlaceOrder", order_of("TEA"), key="k")).json()["outcome"] == "committed"


@pytest.fixture
def own_servers():
    servers = Servers(places.FOLDER / "stack-checkpoints", OWN_PORT_OFFSET, names=("kafka", "registry"))
    servers.up()
    yield servers
    servers.down()


@pytest.mark.seconds(240)
def test_a_log_restored_from_an_older_copy_is_refused(own_servers, new_orderlog):
    """A tail that was acknowledged is lost: the checkpoint knows, and nothing is built on it without somebody's consent."""
    shop = new_orderlog("tail", servers=own_servers)
    shop.start("command-api")
    product(shop, "TEA")
    kept = ok(shop.command("PlaceOrder", order_of("TEA"), key="kept")).json()
    shop.stop("command-api")
    data, copy = own_servers.folder / "data" / "kafka", own_servers.folder / "copy"
    own_servers.stop("kafka")
    shutil.copytree(data, copy)
    own_servers.start("kafka")
    shop.start("command-api")
    for number in range(20):
        ok(shop.command("PlaceOrder", order_of("TEA"), key=f"lost{number}"))
    shop.stop("command-api")
    own_servers.stop("kafka")
    shutil.rmtree(data)
    copy.rename(data)
    own_servers.start("kafka")

    error = refused(shop)
    assert shop.topic("order") in error or shop.topic("product") in error or shop.topic("cart") in error, error
    assert "has lost a tail" in error and "--accept-lost-tail" in error

    shop.program("command-api").argv.append("--accept-lost-tail")
    shop.start("command-api")
    assert logged(shop, "checkpoint.lost_tail")
    again = ok(shop.command("PlaceOrder", order_of("TEA"), key="kept")).json()
    assert (again["stream"], again["outcome"]) == (kept["stream"], "duplicate")
    assert ok(shop.command("PlaceOrder", order_of("TEA"), key="lost3")).json()["outcome"] == "committed"
    shop.stop("command-api")
    shop.program("command-api").argv.remove("--accept-lost-tail")
    shop.start("command-api")  # the new checkpoint is of this log
