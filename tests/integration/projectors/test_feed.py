"""The feed for others: CloudEvents in topics of their own, read by an independent consumer and held against an independent reading of the log."""
import base64
import json
import re

import jsonschema
import pytest
from confluent_kafka import Consumer, TopicPartition

from harness import log, wait

SECONDS = 60
TOPICS = ("product", "cart", "order")
# The rules of CloudEvents 1.0 for structured mode in JSON, as the specification's text has them.
TEXT = {"type": "string", "minLength": 1}
CLOUD_EVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"}, "id": TEXT, "source": TEXT | {"format": "uri-reference"}, "type": TEXT, "subject": TEXT,
        "time": TEXT | {"format": "date-time"}, "datacontenttype": {"const": "application/json"}, "dataschema": TEXT | {"format": "uri"},
        "data": {"type": "object"},
    },
    "propertyNames": {"pattern": "^[a-z0-9]{1,20}$"},
    "additionalProperties": {"type": ["string", "boolean", "integer"], "minLength": 1},
    "not": {"required": ["data_base64"]},
}
VALIDATOR = jsonschema.Draft202012Validator(CLOUD_EVENT, format_checker=jsonschema.FormatChecker())


def plain(value):
    """A field as JSON might have it, where that is the same in both forms; None where it isn't (times, money)."""
    return value if isinstance(value, (str, bool, type(None))) else base64.b16encode(value).decode().lower() if isinstance(value, bytes) else None


def expected(orderlog, topic):
    """{partition: [(id, type, subject, key, fields)]} of the valid commits."""
    found = {}
    for message, commit in log.placed_commits(orderlog, topic):
        for index, (name, fields) in enumerate(commit["events"]):
            found.setdefault(message.partition(), []).append(
                (f"{message.partition()}-{message.offset()}-{index}", name, commit["stream_id"], commit["stream_id"].split("-", 1)[1], fields))
    return found


def feed_topic(orderlog, topic):
    return orderlog.topic(f"feed.{topic}")


def fed(orderlog, topic):
    """{partition: [messages]} of the feed."""
    found = {}
    for message in log.records(orderlog.environment["ORDERLOG_KAFKA_BROKERS"], feed_topic(orderlog, topic)):
        found.setdefault(message.partition(), []).append(message)
    return found


def last_ids(orderlog, topic):
    """{partition: id of the feed's last record}"""
    brokers, name, found = orderlog.environment["ORDERLOG_KAFKA_BROKERS"], feed_topic(orderlog, topic), {}
    consumer = log.open_consumer(brokers)
    try:
        ends = {partition: end for partition, end in log.end_offsets(brokers, name).items() if end > 0}
        consumer.assign([TopicPartition(name, partition, end - 1) for partition, end in ends.items()])
        while ends.keys() - found.keys():
            message = consumer.poll(SECONDS)
            assert message is not None and message.error() is None, message and message.error()
            found[message.partition()] = json.loads(message.value())["id"]
    finally:
        consumer.close()
    return found


def await_fed(orderlog, *topics):
    for topic in topics:
        ends = {partition: events[-1][0] for partition, events in expected(orderlog, topic).items()}
        wait.until(lambda: last_ids(orderlog, topic) == ends, SECONDS, f"the feed of {topic} has caught up")  # pylint: disable=cell-var-from-loop


def check_event(orderlog, topic, message, want):
    """One record says what the log says."""
    event = json.loads(message.value())
    VALIDATOR.validate(event)
    identity, name, stream, key, fields = want
    assert (event["id"], event["type"], event["subject"], event["source"]) == (identity, name, stream, orderlog.topic(topic))
    assert message.key().decode() == key == event["partitionkey"]
    headers = dict(message.headers())
    assert headers["content-type"] == b"application/cloudevents+json; charset=UTF-8"
    assert re.fullmatch(rf"urn:orderlog:event:{re.escape(name)}:[0-9a-f]{{16}}", event["dataschema"])
    assert event["data"].keys() == fields.keys()
    for field, value in fields.items():
        assert plain(value) is None or event["data"][field] == value or not isinstance(event["data"][field], str), (field, value, event)


def check_feed(orderlog, topic):
    """Nothing left out, first occurrences in order, what occurs again is byte for byte the same. Returns (events, repeated)."""
    events = repeated = 0
    want, got = expected(orderlog, topic), fed(orderlog, topic)
    assert got.keys() == want.keys()
    for partition, messages in got.items():
        seen, at = {}, 0
        for message in messages:
            identity = json.loads(message.value())["id"]
            if identity in seen:
                assert seen[identity] == message.value()
                repeated += 1
                continue
            assert at < len(want[partition]), f"{topic}/{partition}: {identity} isn't in the log"
            check_event(orderlog, topic, message, want[partition][at])
            seen[identity] = message.value()
            at += 1
        assert at == len(want[partition]), f"{topic}/{partition}: ends before {want[partition][at][0]}"
        events += at
    return events, repeated


@pytest.fixture
def feeding(new_shop):
    """feeding("name"): a shop whose projectors keep no view, but feed all topics."""
    def new(name):
        shop = new_shop(name)
        shop.environment |= {"ORDERLOG_FEED": "all"}
        return shop
    return new


def test_others_get_each_event_once(feeding):
    shop = feeding("feed")
    orderlog = shop.orderlog
    shop.feed(1500)  # with fences, and commits that don't count
    orderlog.start("command-api")
    assert orderlog.command("CreateProduct", sku="te-a", title="Tea \"white\"", prices=[{"price": "2.50", "currency": "GBP"}]).status_code == 201
    assert orderlog.command("ReceiveStock", sku="te-a", quantity=10).status_code == 200
    assert orderlog.command("CreateCart", cart_id="c-1", currency="GBP").status_code == 201
    program = shop.projectors(only="none")
    await_fed(orderlog, *TOPICS)
    assert check_feed(orderlog, "order")[0] >= 1500
    assert check_feed(orderlog, "product") == (4, 0) and check_feed(orderlog, "cart") == (1, 0)
    assert orderlog.metrics("projectors")['orderlog_feed_void_total{topic="order"}'] > 0

    # A clean stop and a start repeat nothing.
    before = {topic: log.end_offsets(orderlog.environment["ORDERLOG_KAFKA_BROKERS"], feed_topic(orderlog, topic)) for topic in TOPICS}
    program.stop()
    assert orderlog.command("AdjustStock", sku="te-a", delta=-1, reason="lost").status_code == 200
    program.start()
    program.await_ready()
    await_fed(orderlog, *TOPICS)
    assert check_feed(orderlog, "product") == (5, 0) and check_feed(orderlog, "order")[1] == 0
    after = log.end_offsets(orderlog.environment["ORDERLOG_KAFKA_BROKERS"], feed_topic(orderlog, "order"))
    assert after == before["order"]


@pytest.mark.seconds(240)
def test_a_process_that_is_killed_leaves_no_gap(feeding):
    shop = feeding("feed-kill")
    orderlog = shop.orderlog
    shop.feed(3000)
    program = shop.projectors(only="none")
    for seed in range(2, 8):
        wait.until(lambda: orderlog.metrics("projectors").get('orderlog_feed_events_total{topic="order"}', 0) > 0, SECONDS, "the feed goes on")
        program.kill()
        shop.feed(2000, "--seed", seed)
        program.start()
        program.await_ready()
    await_fed(orderlog, "order")
    events, repeated = check_feed(orderlog, "order")
    print(f"{events} events, {repeated} repeated")
    assert events >= 15_000


@pytest.mark.seconds(240)
def test_two_at_work_change_nothing_but_how_often(feeding):
    """Nobody prevents it: then events occur again under their ids, and still none before one that it follows."""
    shop = feeding("feed-two")
    shop.feed(4000)
    shop.projectors(only="none")
    shop.projectors(name="projectors-2", only="none")
    shop.feed(2000, "--seed", 2)
    await_fed(shop.orderlog, "order")
    shop.orderlog.stop("projectors", "projectors-2")
    assert check_feed(shop.orderlog, "order")[0] >= 6000


def test_a_topic_that_is_not_the_feeds_is_refused(feeding):
    from confluent_kafka import Producer  # pylint: disable=import-outside-toplevel
    shop = feeding("feed-other")
    orderlog = shop.orderlog
    shop.feed(100)
    program = shop.projectors(only="none")
    await_fed(orderlog, "order")
    program.stop()
    producer = Producer({"bootstrap.servers": orderlog.environment["ORDERLOG_KAFKA_BROKERS"]})
    for partition in range(3):
        producer.produce(feed_topic(orderlog, "order"), b"{}", partition=partition)
    producer.flush(SECONDS)
    program.start()

    def told():
        checks = {check["name"]: check for check in orderlog.ready("projectors")[1]["checks"]}
        return "written by somebody else" in checks["feed order"].get("detail", "")
    wait.until(told, SECONDS, "the refusal is told")
