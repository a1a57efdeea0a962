"""The log as an independent reader sees it: confluent-kafka's consumer, fastavro, and the rules of docs/architecture.md, "One writer
per partition, decided by the log", written down once more. Uses nothing of our C code."""
import dataclasses
import io
import json
import struct

import fastavro
import requests

from harness import log as records_of

REGISTRY_SECONDS = 10


@dataclasses.dataclass
class Record:
    topic: str
    partition: int
    offset: int
    commit: dict
    verdict: str = ""  # "commit", "fence", "void", "void fence"

    @property
    def is_fence(self):
        return self.commit["stream_id"] == ""

    @property
    def place(self):
        return f"{self.topic}/{self.partition}/{self.offset}"


def plain(schema):
    """The schema without logical types: ids stay texts, times stay numbers."""
    if isinstance(schema, list):
        return [plain(part) for part in schema]
    if isinstance(schema, dict):
        return {name: plain(part) for name, part in schema.items() if name != "logicalType"}
    return schema


class Schemas:
    def __init__(self, url):
        self.url, self.known = url, {}

    def get(self, number):
        if number not in self.known:
            answer = requests.get(f"{self.url}/schemas/ids/{number}", timeout=REGISTRY_SECONDS)
            answer.raise_for_status()
            self.known[number] = fastavro.parse_schema(plain(json.loads(answer.json()["schema"])))
        return self.known[number]

    def decode(self, value):
        """Confluent's wire format: a zero byte, the schema's id, the body and not a byte more."""
        magic, number = struct.unpack_from(">bI", value)
        if magic != 0:
            raise ValueError("not in Confluent's wire format")
        body = io.BytesIO(value[5:])
        decoded = fastavro.schemaless_reader(body, self.get(number), return_record_name=True)
        if body.read(1):
            raise ValueError("bytes left over behind the record")
        return decoded


def judge(records):
    """Gives each record of one partition, in offset order, its verdict."""
    epoch, expected = 0, 0
    for record in records:
        commit = record.commit
        if record.is_fence:
            record.verdict = "fence" if commit["epoch"] > epoch else "void fence"
            if record.verdict == "fence":
                epoch, expected = commit["epoch"], 0
        else:
            record.verdict = "commit" if epoch > 0 and (commit["epoch"], commit["seq"]) == (epoch, expected) else "void"
            expected += record.verdict == "commit"


def read(brokers, registry, prefix, topics):
    """All records of the topics, judged; {(topic, partition): [Record]}."""
    schemas, partitions = Schemas(registry), {}
    for name in topics:
        for message in records_of.records(brokers, f"{prefix}.{name}"):
            record = Record(message.topic(), message.partition(), message.offset(), schemas.decode(message.value()))
            partitions.setdefault((record.topic, record.partition), []).append(record)
    for rows in partitions.values():
        rows.sort(key=lambda record: record.offset)
        judge(rows)
    return partitions


def write(partitions, path):
    """For people, and for when the topics are gone."""
    with open(path, "w", encoding="utf-8") as file:
        for rows in partitions.values():
            for record in rows:
                file.write(json.dumps({"place": record.place, "verdict": record.verdict} | record.commit, default=repr) + "\n")


def valid(partitions):
    return [record for rows in partitions.values() for record in rows if record.verdict == "commit"]


def count(partitions):
    """What became of the records, and who fenced after whom."""
    counts = dict.fromkeys(("commits", "void commits", "fences", "void fences", "refences", "hand-overs", "restarts"), 0)
    for rows in partitions.values():
        before = None
        for record in rows:
            counts[{"commit": "commits", "fence": "fences", "void": "void commits", "void fence": "void fences"}[record.verdict]] += 1
            if record.verdict == "fence":
                name, process = record.commit["actor"], record.commit["command_id"]
                if before:
                    counts["refences" if process == before[1] else "restarts" if name == before[0] else "hand-overs"] += 1
                before = (name, process)
    return counts
