"""Our codecs and fastavro on the same bytes: values both ways for every record, schema resolution, and whole commits."""

import copy
import datetime
import io
import json
import random
import struct
import unittest
import uuid
from decimal import Decimal

import support

fastavro = support.require("fastavro")

SEED = 20101201
VALUES = 40
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
DAY_MS = 86400000
MONEY_MAX = 9999999999999999
TIMESTAMP_MAX = 253402300799999


def strip_logical(schema):
    """Without logical types, so that fastavro gives plain integers and strings."""
    if isinstance(schema, list):
        return [strip_logical(item) for item in schema]
    if isinstance(schema, dict):
        return {key: strip_logical(value) for key, value in schema.items() if key != "logicalType"}
    return schema


def parse(schema):
    return fastavro.parse_schema(copy.deepcopy(schema))


def encode(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


def decode(schema, data, reader=None):
    stream = io.BytesIO(data)
    value = fastavro.schemaless_reader(stream, schema, reader)
    assert stream.read() == b""
    return value


def same(a, b):
    """Equality of values with what was printed of them: 1 may stand for 1.0 there, but not for True."""
    if isinstance(a, float) or isinstance(b, float):
        return not isinstance(a, (bool, type(None))) and not isinstance(b, (bool, type(None))) and float(a) == float(b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


class Values:
    """Random values of a schema; named types are looked up as they are met."""

    def __init__(self, rng, least_items=0):
        self.rng, self.least_items, self.named = rng, least_items, {}

    def learn(self, schema):
        """Finds the named types that are defined in a schema."""
        if isinstance(schema, list):
            for branch in schema:
                self.learn(branch)
        elif isinstance(schema, dict):
            if schema["type"] in ("record", "enum"):
                self.named[f"{schema['namespace']}.{schema['name']}"] = schema
            for inner in [field["type"] for field in schema.get("fields", [])] + [schema.get("items")]:
                self.learn(inner)

    def make(self, schema, form=None):
        if isinstance(schema, list):
            return self.make(self.rng.choice(schema))
        if isinstance(schema, dict):
            kind = schema["type"]
            if kind == "record":
                return {field["name"]: self.make(field["type"]) for field in schema["fields"]}
            if kind == "enum":
                return self.rng.choice(schema["symbols"])
            if kind == "array":
                return [self.make(schema["items"]) for _ in range(self.least_items + self.rng.randrange(4))]
            return self.make(kind, schema.get("format") or schema.get("logicalType"))
        if schema in self.named:
            return self.make(self.named[schema])
        return self.primitive(schema, form)

    def of(self, schema):
        self.learn(schema)
        return self.make(schema)

    def primitive(self, kind, form):
        rng = self.rng
        assert kind in ("null", "boolean", "string", "bytes", "double", "int", "long"), kind
        if kind == "null":
            return None
        if kind == "boolean":
            return rng.random() < 0.5
        if kind == "string":
            if form == "uuid":
                return str(uuid.UUID(int=rng.getrandbits(128)))
            return "".join(self.character() for _ in range(rng.randrange(20)))
        if kind == "bytes":
            return rng.randbytes(rng.randrange(20))
        if kind == "double":
            return rng.choice([0.0, -0.0, 1.5, 1e300, 5e-324, rng.uniform(-1e6, 1e6)])
        low, high = {
            "money": (-MONEY_MAX, MONEY_MAX),
            "timestamp-millis": (0, TIMESTAMP_MAX),
            "date": (0, TIMESTAMP_MAX // DAY_MS),
        }.get(form, (-(1 << 31), (1 << 31) - 1) if kind == "int" else (-(1 << 63), (1 << 63) - 1))
        value = rng.choice([low, high, rng.randint(low, high), min(max(rng.randrange(-100, 100), low), high)])
        return value * DAY_MS if form == "date" else value

    def character(self):
        low, high = self.rng.choice([(32, 127), (32, 127), (0x80, 0x800), (0x800, 0xD800), (0x10000, 0x110000)])
        return chr(self.rng.randrange(low, high))


def money_text(amount):
    """By Python's decimals: at least two, no further zeros at the end."""
    text = f"{Decimal(amount) / 10000:.4f}"
    while text.endswith("0") and len(text.split(".")[1]) > 2:
        text = text[:-1]
    return text


def timestamp_text(ms):
    text = (EPOCH + datetime.timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    return text + (f".{ms % 1000:03d}Z" if ms % 1000 else "Z")


def printed(schema, value, named):
    """What ev_record_print must give for a plain value."""
    if isinstance(schema, list):
        return None if value is None else printed(schema[1], value, named)
    if isinstance(schema, str):
        return printed(named[schema], value, named) if schema in named else value
    if schema["type"] in ("record", "enum"):
        named[f"{schema['namespace']}.{schema['name']}"] = schema
    if schema["type"] == "record":
        return {field["name"]: printed(field["type"], value[field["name"]], named) for field in schema["fields"]}
    if schema["type"] == "array":
        return [printed(schema["items"], item, named) for item in value]
    form = schema.get("format") or schema.get("logicalType")
    forms = {"money": money_text, "timestamp-millis": timestamp_text, "date": lambda ms: timestamp_text(ms)[:10]}
    return forms[form](value) if form in forms else value


def plain_json(value):
    """Bytes as the prints have them."""
    if isinstance(value, dict):
        return {key: plain_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_json(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value


class EveryRecord(unittest.TestCase):
    def setUp(self):
        self.schemas = support.records()
        self.parsed = {name: parse(strip_logical(schema)) for name, schema in self.schemas.items()}

    def test_what_we_wrote(self):
        lines = support.random_values(SEED, VALUES)
        self.assertEqual({line["record"] for line in lines}, set(self.schemas))
        for line in lines:
            data, schema = bytes.fromhex(line["bytes"]), self.parsed[line["record"]]
            value = decode(schema, data)
            self.assertTrue(same(plain_json(value), line["plain"]), (line["record"], value, line["plain"]))
            self.assertEqual(encode(schema, value), data)
            self.assertTrue(same(plain_json(printed(self.schemas[line["record"]], value, {})), line["print"]), line)

    def test_what_fastavro_wrote(self):
        rng = random.Random(SEED)
        requests, values = [], []
        for name, schema in self.schemas.items():
            for _ in range(VALUES):
                value = Values(rng).of(schema)
                values.append(value)
                requests.append({"record": name, "bytes": encode(self.parsed[name], value).hex()})
        for request, value, answer in zip(requests, values, support.ask("decode", requests)):
            self.assertNotIn("error", answer, (request, answer))
            self.assertTrue(same(plain_json(value), answer["plain"]), (request, value, answer))
            self.assertEqual(answer["bytes"], request["bytes"])

    def test_fingerprints(self):
        from canonical import fingerprint

        for name, schema in self.schemas.items():
            ours = fingerprint(schema).to_bytes(8, "little").hex()
            canonical = fastavro.schema.to_parsing_canonical_form(strip_logical(schema))
            self.assertEqual(ours, fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"), name)


class Resolution(unittest.TestCase):
    """Writers' schemas that differ at random from ours, read by ours, as fastavro reads them."""

    def change(self, schema, rng):
        """A variant of a record's schema: what the specification says a reader must cope with, and things it need not."""
        schema = copy.deepcopy(schema)
        fields = schema["fields"]
        for field in fields:
            kind = field["type"]
            if kind == "long" and rng.random() < 0.3:
                field["type"] = "int"
            elif kind == "double" and rng.random() < 0.5:
                field["type"] = rng.choice(["int", "long", "float"])
            elif kind == "string" and rng.random() < 0.15:
                field["type"] = "bytes"
            elif kind == ["null", "string"]:
                field["type"] = rng.choice([["null", "string"], ["string", "null"], "string", "null", ["null", "bytes", "string"]])
            elif kind == ["null", "long"]:
                field["type"] = rng.choice([["null", "long"], ["int", "null"], ["null", "int", "long"], "int"])
            elif isinstance(kind, dict) and kind["type"] == "array" and isinstance(kind["items"], dict):
                kind["items"] = self.change(kind["items"], rng)
            elif isinstance(kind, dict) and kind["type"] == "record":
                field["type"] = self.change(kind, rng)
            elif isinstance(kind, dict) and kind["type"] == "enum" and rng.random() < 0.5:
                rng.shuffle(kind["symbols"])
            field.pop("default", None)
        if rng.random() < 0.3:
            rng.shuffle(fields)
        if rng.random() < 0.4:
            more = rng.choice(["string", "double", {"type": "map", "values": ["null", "long"]}, {"type": "array", "items": "boolean"}])
            fields.insert(rng.randrange(len(fields) + 1), {"name": "added_later", "type": more})
        if rng.random() < 0.4 and len(fields) > 1:
            fields.pop(rng.randrange(len(fields)))
        return schema

    def write(self, writer, rng):
        values = Values(rng, least_items=1)  # fastavro finds fault with an item's schema only when it meets an item
        original = values.make

        def make(schema, form=None):
            if isinstance(schema, dict) and schema["type"] == "map":
                return {values.primitive("string", None): original(schema["values"]) for _ in range(rng.randrange(3))}
            if schema == "float":
                return struct.unpack("<f", struct.pack("<f", rng.uniform(-1000, 1000)))[0]
            if schema == "bytes":
                return values.primitive("string", None).encode()
            return original(schema, form)

        values.make = make
        return values.of(writer)

    def test_variants(self):
        rng = random.Random(SEED)
        requests, expected = [], []
        for name, schema in support.records().items():
            reader = strip_logical(schema)
            for _ in range(60):
                writer = self.change(reader, rng)
                try:
                    data = encode(parse(writer), self.write(writer, rng))
                except (fastavro.schema.SchemaParseException, fastavro.schema.UnknownType):
                    continue  # a type was dropped or changed where it was defined, and named elsewhere
                requests.append({"record": name, "schema": json.dumps(writer), "bytes": data.hex()})
                try:
                    expected.append(decode(parse(writer), data, parse(reader)))
                except (fastavro.read.SchemaResolutionError, ValueError, TypeError) as error:
                    expected.append(error)
        good = bad = 0
        for request, value, answer in zip(requests, expected, support.ask("decode", requests)):
            if isinstance(value, Exception):
                bad += 1
                self.assertIn("error", answer, (request, value))
                continue
            good += 1
            self.assertNotIn("error", answer, (request, answer))
            self.assertTrue(same(plain_json(value), answer["plain"]), (request, value, answer))
        self.assertGreater(good, 500)
        self.assertGreater(bad, 100)


class Commits(unittest.TestCase):
    def test_commits_both_ways(self):
        from canonical import commit_schema

        rng = random.Random(SEED)
        for topic in support.CONTRACT.topics:
            schema = commit_schema(support.CONTRACT, topic, support.TEMPLATE)
            plain = parse(strip_logical(schema))
            requests, values = [], []
            for number in range(100):
                value = Values(rng).of(schema)
                value["request_hash"] = rng.randbytes(16)
                branches = schema["fields"][-1]["type"]["items"]
                value["events"] = [self.event(rng, branches) for _ in range(number % 5)]
                data = b"\0" + struct.pack(">I", 1) + encode(plain, value)
                values.append(value)
                requests.append({"topic": topic, "schema": json.dumps(schema), "bytes": data.hex()})
            for request, value, answer in zip(requests, values, support.ask("commit", requests)):
                self.assertNotIn("error", answer, answer)
                self.assertEqual(answer["bytes"], request["bytes"])
                self.check_print(value, answer["print"])

    def test_every_registered_version_is_read(self):
        """What any version wrote, each of its events, is read today and is complete."""
        from registered import versions

        rng = random.Random(SEED)
        for topic in support.CONTRACT.topics:
            for schema in versions(support.SCHEMAS, topic):
                plain, requests, values = parse(strip_logical(schema)), [], []
                for branch in schema["fields"][-1]["type"]["items"]:
                    value = Values(rng).of(schema)
                    value["request_hash"] = rng.randbytes(16)
                    value["events"] = [self.event(rng, schema["fields"][-1]["type"]["items"], branch) for _ in range(3)]
                    values.append(value)
                    data = b"\0" + struct.pack(">I", 1) + encode(plain, value)
                    requests.append({"topic": topic, "schema": json.dumps(schema), "bytes": data.hex()})
                for value, answer in zip(values, support.ask("commit", requests)):
                    self.assertNotIn("error", answer, answer)
                    self.assertEqual(len(answer["print"]["events"]), len(value["events"]))

    def event(self, rng, branches, branch=None):
        values = Values(rng)
        values.learn(branches)
        branch = branch or rng.choice(branches)
        return (f"{branch['namespace']}.{branch['name']}", values.make(branch))

    def check_print(self, value, answer):
        head = {key: item for key, item in value.items() if key != "events"}
        head["occurred_at"] = timestamp_text(head["occurred_at"])
        head["request_hash"] = head["request_hash"].hex()
        events = answer.pop("events")
        self.assertEqual(answer, head)
        self.assertEqual([event["type"] for event in events], [name.rpartition(".")[2] for name, _ in value["events"]])
        for event, (_, data) in zip(events, value["events"]):
            self.assertEqual(event["data"].keys(), data.keys())

    def test_damaged_bytes(self):
        """Where both decode damaged bytes, they agree."""
        rng = random.Random(SEED)
        schemas = support.records()
        parsed = {name: parse(strip_logical(schema)) for name, schema in schemas.items()}
        requests = []
        for line in support.random_values(SEED + 1, 30):
            data = bytearray.fromhex(line["bytes"])
            data[rng.randrange(len(data))] = rng.randrange(256)
            requests.append({"record": line["record"], "bytes": data.hex()})
        agreed = 0
        for request, answer in zip(requests, support.ask("decode", requests)):
            try:
                value = decode(parsed[request["record"]], bytes.fromhex(request["bytes"]))
            except Exception:  # noqa: BLE001 - fastavro raises many kinds
                continue
            if "error" not in answer:
                agreed += 1
                self.assertTrue(same(plain_json(value), answer["plain"]), (request, value, answer))
        self.assertGreater(agreed, 200)


if __name__ == "__main__":
    support.run()
