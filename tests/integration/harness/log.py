"""The log read by independent clients: end offsets, and valid commits decoded by confluent-kafka's AvroDeserializer."""
import io
import json
import struct
import time
import uuid

import fastavro
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from harness import wait

BROKER_SECONDS, STALL_SECONDS, POLL_SECONDS = 15, 20, 0.05


def open_consumer(brokers):
    return Consumer({"bootstrap.servers": brokers, "group.id": "unused", "enable.auto.commit": False,
                     "auto.offset.reset": "error", "enable.partition.eof": False,
                     "log_level": 0})  # that a broker is away is what tests do on purpose


def _told(question, what):
    """The first answer that isn't empty: a topic that is being made has no partitions at first, and then none with a leader."""
    def ask():
        try:
            return question()
        except KafkaException as error:
            raise ConnectionError(str(error)) from error
    return wait.until(ask, BROKER_SECONDS, what)


def partitions(consumer, topic):
    return _told(lambda: sorted(consumer.list_topics(topic, BROKER_SECONDS).topics[topic].partitions), f"{topic} has partitions")


def _end_offset(consumer, topic, partition):
    return _told(lambda: consumer.get_watermark_offsets(TopicPartition(topic, partition), BROKER_SECONDS), f"{topic}/{partition} tells its end")[1]


_consumers, _partitions = {}, {}  # kept for the session: tests ask for end offsets all the time


def end_offsets(brokers, topic):
    consumer = _consumers.setdefault(brokers, None) or open_consumer(brokers)
    _consumers[brokers] = consumer
    if topic not in _partitions:
        _partitions[topic] = partitions(consumer, topic)
    return {partition: _end_offset(consumer, topic, partition) for partition in _partitions[topic]}


def records(brokers, topic):
    """Every record of a topic, partition by partition as they come, up to the ends of this moment."""
    consumer = open_consumer(brokers)
    try:
        left = {partition: _end_offset(consumer, topic, partition) for partition in partitions(consumer, topic)}
        left = {partition: end for partition, end in left.items() if end > 0}
        consumer.assign([TopicPartition(topic, partition, 0) for partition in left])
        heard = time.monotonic()
        while left:
            batch = consumer.consume(1000, POLL_SECONDS)  # waits for all of the 1000, or for the time
            heard = time.monotonic() if batch else heard
            assert time.monotonic() - heard < STALL_SECONDS, f"{topic}: no record for {STALL_SECONDS} s, still missing up to {left}"
            for message in batch:
                assert message.error() is None or message.error().code() == KafkaError._PARTITION_EOF, message.error()  # pylint: disable=protected-access
                end = left.get(message.partition())
                if end is not None and message.offset() < end:
                    yield message
                    if message.offset() == end - 1:
                        del left[message.partition()]
    finally:
        consumer.close()


class Ledger:
    """Which records count: a commit of the current epoch with the next sequence number; a fence with a higher epoch."""

    def __init__(self):
        self.epoch, self.next_seq = 0, 0

    def counts(self, commit):
        if commit["stream_id"] == "":
            if commit["epoch"] > self.epoch:
                self.epoch, self.next_seq = commit["epoch"], 0
            return False
        valid = self.epoch > 0 and commit["epoch"] == self.epoch and commit["seq"] == self.next_seq
        self.next_seq += valid
        return valid


def decoded(orderlog, name):
    """Every record of PREFIX.name: the message and the commit in it as a dict."""
    topic = orderlog.topic(name)
    registry = SchemaRegistryClient({"url": orderlog.environment["ORDERLOG_SCHEMA_REGISTRY_URL"]})
    decode = AvroDeserializer(registry, return_record_name=True)
    context = SerializationContext(topic, MessageField.VALUE)
    for message in records(orderlog.environment["ORDERLOG_KAFKA_BROKERS"], topic):
        yield message, decode(message.value(), context)


def commits(orderlog, name):
    """The valid commits of PREFIX.name as dicts; their events are pairs of the record's full name and its fields."""
    for _, commit in placed_commits(orderlog, name):
        yield commit


def placed_commits(orderlog, name):
    """The same with the messages that they came in."""
    ledgers = {}
    for message, commit in decoded(orderlog, name):
        if ledgers.setdefault(message.partition(), Ledger()).counts(commit):
            yield message, commit


def append_fence(orderlog, name, partition, actor):
    """A valid fence of a writer that nobody has assigned the partition to, as one that was paused on its way would write it."""
    topic = orderlog.topic(name)
    fence = [commit for message, commit in decoded(orderlog, name) if message.partition() == partition and commit["stream_id"] == ""][-1]
    fence |= {"epoch": fence["epoch"] + 1, "actor": actor, "command_id": uuid.uuid4()}
    registry = SchemaRegistryClient({"url": orderlog.environment["ORDERLOG_SCHEMA_REGISTRY_URL"]})
    schema = registry.get_latest_version(topic + "-value")
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(json.loads(schema.schema.schema_str)), fence)
    producer = Producer({"bootstrap.servers": orderlog.environment["ORDERLOG_KAFKA_BROKERS"], "acks": "all"})
    producer.produce(topic, key=b"", value=struct.pack(">bI", 0, schema.schema_id) + body.getvalue(), partition=partition)
    assert producer.flush(BROKER_SECONDS) == 0


def fences(orderlog):
    """{(topic, partition): whom its last valid fence names}."""
    owners = {}
    for name in orderlog.topics:
        ledgers = {}
        for message, commit in decoded(orderlog, name):
            partition = message.partition()
            ledger = ledgers.setdefault(partition, Ledger())
            before = ledger.epoch
            ledger.counts(commit)
            if ledger.epoch != before:
                owners[name, partition] = commit["actor"]
    return owners
