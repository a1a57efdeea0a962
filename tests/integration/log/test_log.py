"""The write protocol against a real Kafka of its own, which is killed and stopped meanwhile. The work is done by log_drill (drill.c)."""
import functools
import json
import subprocess
import uuid

import confluent_kafka
import pytest
from confluent_kafka import admin
from harness import places
from harness.servers import Servers
from harness.wait import until

DRILL = places.BUILD / "tests" / "integration" / "log" / "log_drill"
PARTITIONS = 4
KAFKA_PORT_OFFSET = places.PORT_OFFSET + 4


@pytest.fixture(scope="module")
def kafka():
    servers = Servers(places.FOLDER / "stack-log", KAFKA_PORT_OFFSET, names=("kafka",))
    servers.up()
    yield servers
    if not places.KEEP:
        servers.down()


class Drill:
    """log_drill with a topic prefix of its own."""

    def __init__(self, servers):
        self.servers, self.prefix = servers, f"drill-{uuid.uuid4().hex[:8]}"
        self.topic = f"{self.prefix}.shelf"

    def command(self, name, **options):
        return [str(DRILL), self.servers.address("kafka"), self.prefix, name, *(f"{key}={value}" for key, value in options.items())]

    def run(self, name, seconds=60, **options):
        done = subprocess.run(self.command(name, **options), capture_output=True, text=True, timeout=seconds, check=False)
        assert done.returncode == 0, f"{name}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def refused(self, name, **options):
        done = subprocess.run(self.command(name, **options), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr

    def client(self, kind=confluent_kafka.Consumer, **properties):
        if kind is confluent_kafka.Consumer:
            properties["group.id"] = "test"
        return kind({"bootstrap.servers": self.servers.address("kafka"), **properties})

    def records(self):
        consumer = self.client()
        ends = [consumer.get_watermark_offsets(confluent_kafka.TopicPartition(self.topic, partition), timeout=10)[1]
                for partition in range(PARTITIONS)]
        consumer.close()
        return sum(ends)

    @functools.cached_property
    def admin(self):
        return self.client(admin.AdminClient)


@pytest.fixture
def drill(kafka):
    return Drill(kafka)


def test_every_command_is_in_the_log_once(drill):
    first = drill.run("write", count=20000)
    assert first["committed"] == 20000 and first["faults"] == 0
    log = drill.run("verify", count=20000)
    assert log["missing"] == log["twice"] == log["version_faults"] == log["voids"] == 0
    assert log["fences"] == PARTITIONS


def test_a_new_process_knows_what_was_done(drill):
    drill.run("write", count=3000)
    again = drill.run("write", count=4000)  # asks for the first 3,000 once more
    assert (again["duplicates"], again["committed"]) == (3000, 1000)
    log = drill.run("verify", count=4000)
    assert log["missing"] == log["twice"] == log["version_faults"] == 0
    assert log["fences"] == 2 * PARTITIONS


def test_a_second_owner_fences_the_first(drill):
    result = drill.run("fence", count=20000)
    assert result["lost"] == PARTITIONS
    assert result["late_commits"] == 0
    assert result["first_committed"] > 0 and result["first_failed"] > 0
    assert result["last_error"] == "FENCED"
    assert result["second_committed"] + result["second_duplicates"] == 20000
    log = drill.run("verify", count=20000)
    assert log["missing"] == log["twice"] == log["version_faults"] == 0


@pytest.mark.seconds(240)
@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_broker_that_goes_away_and_comes_back(drill, kafka, how):
    with subprocess.Popen(drill.command("write", count=60000), stdout=subprocess.PIPE, text=True) as writer:
        def some_are_written():
            assert writer.poll() is None, "all was written before the broker went away"
            try:
                return drill.records() > 2000
            except confluent_kafka.KafkaException:
                return False  # no topic yet
        until(some_are_written, 60, "commits in the log")
        getattr(kafka, how)("kafka")
        kafka.start("kafka")
        output, _ = writer.communicate(timeout=150)
    assert writer.returncode == 0, output
    assert json.loads(output)["faults"] == 0
    log = drill.run("verify", count=60000)
    assert log["missing"] == log["twice"] == log["version_faults"] == 0


def test_refusals_are_confirmed_by_the_log(drill):
    process = subprocess.run(drill.command("reject", count=2000), capture_output=True, text=True, timeout=60, check=True)
    confirmed, unconfirmed = map(json.loads, process.stdout.splitlines())
    assert confirmed["rejected"] == unconfirmed["rejected"] == 2000
    assert confirmed["end_offset_queries"] > 0
    assert drill.run("verify", count=0)["voids"] == 0


def test_records_carry_cloudevents_headers(drill):
    drill.run("write", count=10, streams=1)
    consumer = drill.client(**{"auto.offset.reset": "earliest"})
    consumer.assign([confluent_kafka.TopicPartition(drill.topic, partition, 0) for partition in range(PARTITIONS)])
    sold = []
    until(lambda: sold.extend(take_sold(consumer)) or len(sold) >= 10, 30, "ten records of sold units")
    consumer.close()
    for headers in sold:
        assert headers["ce_specversion"] == "1.0"
        assert headers["ce_source"] == drill.topic
        assert headers["ce_subject"] == "shelf-0"
        assert headers["content-type"] == "application/avro"
        assert uuid.UUID(headers["ce_id"])
        assert headers["ce_time"].endswith("Z")


def take_sold(consumer):
    for message in consumer.consume(100, timeout=1):
        headers = {name: value.decode() for name, value in message.headers() or []}
        if headers["ce_type"] == "test.shelf.UnitsSold":
            assert message.key() == b"0"
            yield headers


@pytest.fixture
def made(drill):
    """A topic with a few records, as it must be."""
    drill.run("write", count=10)
    return drill


def test_more_partitions_are_refused(made):
    for future in made.admin.create_partitions([admin.NewPartitions(made.topic, PARTITIONS + 2)]).values():
        future.result(30)
    until(lambda: len(made.admin.list_topics(made.topic, 10).topics[made.topic].partitions) == PARTITIONS + 2, 30, "partitions")
    assert f"was made with {PARTITIONS} partitions and has {PARTITIONS + 2} now" in made.refused("write", count=1)


@pytest.mark.parametrize("name,value", [("cleanup.policy", "compact"), ("retention.ms", "1000000"), ("retention.bytes", "1000000"),
                                        ("max.message.bytes", "1000")])
def test_other_settings_are_refused(made, name, value):
    resource = admin.ConfigResource(admin.ResourceType.TOPIC, made.topic)
    resource.add_incremental_config(admin.ConfigEntry(name, value, incremental_operation=admin.AlterConfigOpType.SET))
    for future in made.admin.incremental_alter_configs([resource]).values():
        future.result(30)
    assert f"its {name} is {value}" in made.refused("write", count=1)


def test_deleted_records_are_refused(made):
    until(lambda: made.records() > PARTITIONS, 30, "records")
    cut = [confluent_kafka.TopicPartition(made.topic, partition, 1) for partition in range(PARTITIONS)]
    for future in made.admin.delete_records(cut).values():
        future.result(30)
    assert "begins at offset 1: records were deleted" in made.refused("write", count=1)


def test_a_topic_made_anew_is_refused(made):
    client = made.admin
    for future in client.delete_topics([made.topic]).values():
        future.result(30)
    until(lambda: made.topic not in client.list_topics(timeout=10).topics, 30, "the topic's end")
    settings = {"retention.ms": "-1", "max.message.bytes": "1048576"}
    for future in client.create_topics([admin.NewTopic(made.topic, PARTITIONS, 1, config=settings)]).values():
        future.result(30)
    assert "it was deleted and made anew" in made.refused("write", count=1)


def test_a_topic_of_unknown_origin_is_refused(drill):
    settings = {"retention.ms": "-1", "max.message.bytes": "1048576"}
    for future in drill.admin.create_topics([admin.NewTopic(drill.topic, PARTITIONS, 1, config=settings)]).values():
        future.result(30)
    producer = drill.client(confluent_kafka.Producer)
    producer.produce(drill.topic, b"anything", partition=0)
    assert producer.flush(30) == 0
    assert "says what it was made as" in drill.refused("write", count=1)
