"""Avro schemas as text: with every named type written out where it is first used, the Commit schema of a topic, the parsing canonical form and
its fingerprint (Apache Avro 1.11 specification, "Parsing Canonical Form" and "Schema Fingerprints")."""

import json

from model import Enum
from names import SchemaError

PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
EMPTY = 0xC15D213AA4D7A795
# What is registered: docs are left out, so that a better sentence isn't a new version; formats and logical types stay.
KEPT = ("type", "name", "namespace", "aliases", "fields", "items", "symbols", "default", "logicalType", "format")


class Inliner:
    """Writes references out at first use and keeps them as full names afterwards."""

    def __init__(self, contract):
        self._types = {}
        for category in contract.categories.values():
            for named in [*category.enums, *category.records]:
                self._types[named.full_name] = named
        self._written = set()

    def type(self, schema):
        if isinstance(schema, str):
            return schema if schema in PRIMITIVES else self._reference(schema)
        if isinstance(schema, list):
            return [self.type(branch) for branch in schema]
        if schema["type"] == "record":
            self._written.add(f"{schema['namespace']}.{schema['name']}")
            made = {key: schema[key] for key in KEPT if key in schema and key != "fields"}
            made["fields"] = [self._field(field) for field in schema["fields"]]
            return made
        made = {key: schema[key] for key in KEPT if key in schema}
        if schema["type"] == "array":
            made["items"] = self.type(schema["items"])
        return made

    def _field(self, field):
        made = {"name": field["name"], "type": self.type(field["type"])}
        return made | {key: field[key] for key in ("default", "aliases") if key in field}

    def _reference(self, full_name):
        if full_name in self._written:
            return full_name
        named = self._types[full_name]
        if not isinstance(named, Enum):
            return self.type(named.schema)
        self._written.add(full_name)
        namespace, _, name = full_name.rpartition(".")
        made = {"type": "enum", "name": name, "namespace": namespace, "symbols": named.symbols}
        if named.aliases:
            made["aliases"] = named.aliases
        return made | ({"default": named.default} if named.default is not None else {})


def record_schema(contract, record):
    """One record, complete in itself."""
    return Inliner(contract).type(record.schema)


def topic_events(contract, topic):
    return [event for name in contract.topics[topic] for event in contract.categories[name].events]


def commit_schema(contract, topic, template):
    """The template (commit.avsc, parsed) for one topic."""
    schema = json.loads(json.dumps(template))
    if schema["namespace"] != "orderlog.TOPIC":
        raise SchemaError("commit.avsc: the namespace must be orderlog.TOPIC")
    schema["namespace"] = f"orderlog.{topic}"
    last = schema["fields"][-1]
    if last["name"] != "events" or last["type"] != {"type": "array", "items": ["EVENTS"]}:
        raise SchemaError('commit.avsc: the last field must be events, an array of ["EVENTS"]')
    last["type"]["items"] = [event.full_name for event in topic_events(contract, topic)]
    return Inliner(contract).type(schema)


def compact(schema):
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


def parsing_canonical_form(schema, namespace=None):
    if isinstance(schema, str):
        return json.dumps(schema if schema in PRIMITIVES or "." in schema or not namespace else f"{namespace}.{schema}")
    if isinstance(schema, list):
        return "[" + ",".join(parsing_canonical_form(branch, namespace) for branch in schema) + "]"
    kind = schema["type"]
    if kind == "array":
        return '{"type":"array","items":' + parsing_canonical_form(schema["items"], namespace) + "}"
    if kind not in ("record", "enum"):
        return json.dumps(kind)
    namespace = schema.get("namespace", namespace)
    name = json.dumps(f"{namespace}.{schema['name']}")
    if kind == "enum":
        return f'{{"name":{name},"type":"enum","symbols":{compact(schema["symbols"])}}}'
    fields = ",".join(
        f'{{"name":{json.dumps(field["name"])},"type":{parsing_canonical_form(field["type"], namespace)}}}' for field in schema["fields"]
    )
    return f'{{"name":{name},"type":"record","fields":[{fields}]}}'


def _table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (EMPTY if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def fingerprint(schema):
    """CRC-64-AVRO of the parsing canonical form."""
    value = EMPTY
    for byte in parsing_canonical_form(schema).encode("utf-8"):
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value
