"""Our judgement of whether one schema reads what another wrote, against fastavro on real values and against avro-c's own, for random schemas
and random changes of them."""

import copy
import io
import json
import random
import unittest

import support

fastavro = support.require("fastavro")

SEED, PAIRS, VALUES = 20101201, 1500, 40
PRIMITIVES = ("boolean", "int", "long", "float", "double", "string", "bytes")
WIDER = {"int": ("long", "float", "double"), "long": ("float", "double"), "float": ("double",), "string": ("bytes",), "bytes": ("string",)}
DEFAULTS = {"boolean": True, "int": 1, "long": 2, "float": 1.5, "double": 2.5, "string": "x", "bytes": "y"}


class Maker:
    """Random writers' schemas, and readers' that differ from them a little."""

    def __init__(self, chance):
        self.chance, self.names = chance, 0

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    def record(self, depth=0):
        fields = [{"name": self.name("f"), "type": self.type(depth + 1)} for _ in range(self.chance.randint(1, 3))]
        return {"type": "record", "name": self.name("R"), "namespace": "n", "fields": fields}

    def type(self, depth):
        kind = self.chance.choice(("primitive", "primitive", "enum", "array", "map", "record", "union", "fixed") if depth < 3 else ("primitive",))
        if kind == "primitive":
            return self.chance.choice(PRIMITIVES)
        if kind == "enum":
            return {"type": "enum", "name": self.name("E"), "namespace": "n", "symbols": ["A", "B", "C"][: self.chance.randint(1, 3)]}
        if kind == "fixed":
            return {"type": "fixed", "name": self.name("F"), "namespace": "n", "size": self.chance.randint(1, 3)}
        if kind == "record":
            return self.record(depth)
        if kind == "array":
            return {"type": "array", "items": self.type(depth + 1)}
        if kind == "map":
            return {"type": "map", "values": self.type(depth + 1)}
        return ["null", self.chance.choice(PRIMITIVES)] if self.chance.random() < 0.5 else ["null", self.record(depth), self.record(depth)]

    def change(self, schema):
        """Changes one thing somewhere in a copy's tree."""
        places = []
        collect(schema, places)
        holder, key = self.chance.choice(places)
        node = holder[key]
        if isinstance(node, dict) and node["type"] == "record":
            self._change_record(node)
        elif isinstance(node, dict) and node["type"] == "enum":
            self._change_enum(node)
        elif isinstance(node, list):
            self._change_union(node)
        elif isinstance(node, str):
            holder[key] = self.chance.choice((*WIDER.get(node, ()), *PRIMITIVES)) if node != "null" else node
        elif node["type"] == "fixed" and self.chance.random() < 0.5:
            node["size"] += 1
        elif isinstance(holder, dict):
            holder[key] = ["null", node]

    def _change_record(self, node):
        fields, what = node["fields"], self.chance.randrange(5)
        if what == 0 and len(fields) > 1:
            fields.pop(self.chance.randrange(len(fields)))
        elif what == 1:
            kind = self.chance.choice(PRIMITIVES)
            fields.append({"name": self.name("g"), "type": kind} | ({"default": DEFAULTS[kind]} if self.chance.random() < 0.6 else {}))
        elif what == 2:
            field = self.chance.choice(fields)
            alias, field["name"] = field["name"], self.name("h")
            if self.chance.random() < 0.6:
                field["aliases"] = [alias]
        elif what == 3:
            alias, node["name"] = f"n.{node['name']}", self.name("S")
            if self.chance.random() < 0.6:
                node["aliases"] = [alias]
        else:
            self.chance.shuffle(fields)

    def _change_enum(self, node):
        if self.chance.random() < 0.5:
            node["symbols"].append("D")
        elif len(node["symbols"]) > 1:
            node["symbols"].pop()
        if self.chance.random() < 0.4:
            node["default"] = node["symbols"][0]

    def _change_union(self, node):
        if self.chance.random() < 0.5 and len(node) > 1:
            node.pop(self.chance.randrange(len(node)))
        else:
            node.append(self.record(2))

    def value(self, schema):
        if isinstance(schema, list):
            branch = self.chance.choice(schema)
            value = self.value(branch)
            return (f"n.{branch['name']}", value) if isinstance(branch, dict) and branch["type"] == "record" else value
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind == "record":
            return {field["name"]: self.value(field["type"]) for field in schema["fields"]}
        if kind == "array":
            return [self.value(schema["items"]) for _ in range(self.chance.randint(1, 3))]
        if kind == "map":
            return {"k": self.value(schema["values"])}
        return {
            "null": lambda: None, "boolean": lambda: self.chance.random() < 0.5, "int": lambda: self.chance.randint(-9, 9),
            "long": lambda: self.chance.randint(-(1 << 40), 1 << 40), "float": lambda: 0.5, "double": lambda: 0.25, "string": lambda: "tea",
            "bytes": lambda: b"tea", "enum": lambda: self.chance.choice(schema["symbols"]), "fixed": lambda: b"x" * schema["size"],
        }[kind]()  # fmt: skip


def collect(node, places):
    """(holder, key) of every type in the tree but the root's holder."""
    for holder, key in children(node):
        places.append((holder, key))
        collect(holder[key], places)


def children(node):
    if isinstance(node, list):
        return [(node, index) for index in range(len(node))]
    if isinstance(node, dict) and node["type"] == "record":
        return [(field, "type") for field in node["fields"]]
    if isinstance(node, dict) and node["type"] in ("array", "map"):
        return [(node, "items" if node["type"] == "array" else "values")]
    return []


def fastavro_reads(writer, reader, value):
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(copy.deepcopy(writer)), value)
    stream.seek(0)
    try:
        fastavro.schemaless_reader(stream, fastavro.parse_schema(copy.deepcopy(writer)), fastavro.parse_schema(copy.deepcopy(reader)))
    except Exception:  # noqa: BLE001  # whatever it raises, it doesn't read it
        return False
    return True


def is_valid(schema):
    try:
        fastavro.parse_schema(copy.deepcopy(schema))
        return True
    except Exception:  # noqa: BLE001
        return False


def avro_c_could(writer, reader):
    """Whether avro-c can be asked: it knows no defaults, aliases or conversion of text, and crashes on unions and on what it can't resolve."""
    text = json.dumps([writer, reader])
    return not any(word in text for word in ('"default"', '"aliases"', '"enum"', '"bytes"', '"fixed"', '"null"'))


class Compare(unittest.TestCase):
    def setUp(self):
        self.maker = Maker(random.Random(SEED))
        self.pairs = []
        while len(self.pairs) < PAIRS:
            writer = self.maker.record()
            reader = [copy.deepcopy(writer)]  # in a list, so that the record itself has a holder
            for _ in range(self.maker.chance.randint(0, 2)):
                self.maker.change(reader)
            if is_valid(reader[0]):
                self.pairs.append((writer, reader[0]))
        requests = [{"writer": json.dumps(writer), "reader": json.dumps(reader), "avro_c": avro_c_could(writer, reader)} for writer, reader in self.pairs]
        self.answers = support.ask("compare", requests)

    def test_against_fastavro_and_avro_c(self):
        counts = {True: 0, False: 0}
        by_avro_c = 0
        for (writer, reader), answer in zip(self.pairs, self.answers, strict=True):
            with self.subTest(writer=writer, reader=reader, answer=answer):
                self.assertIn("readable", answer)
                readable = answer["readable"]
                counts[readable] += 1
                self.assertEqual(answer["changes"] == 0, writer == reader)
                read = [fastavro_reads(writer, reader, self.maker.value(writer)) for _ in range(VALUES)]
                self.assertEqual(readable, all(read), answer["reasons"])
                if "avro_c" in answer:
                    by_avro_c += 1
                    self.assertTrue(answer["avro_c"])  # asked only of what we judge readable
        self.assertGreater(min(counts.values()), PAIRS // 8, counts)
        self.assertGreater(by_avro_c, PAIRS // 20)


if __name__ == "__main__":
    support.run()
