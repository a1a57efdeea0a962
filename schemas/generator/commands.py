"""Reads the commands' JSON Schemas. A keyword that the runtime does not check is refused, and so is a string, list or number without a bound:
what the schema promises, OpenAPI shows and the server enforces is one thing."""

import json
import re

from avro import PREFIX
from model import Command, Constraint, Enum, Field, Record
from names import SchemaError, check_field_name, check_type_name, snake
from pattern import compile_pattern

TOP_KEYS = {
    "$schema", "$id", "title", "description", "x-exposure", "x-method", "x-path", "x-key", "x-creates",
    "type", "additionalProperties", "required", "properties", "examples",
}  # fmt: skip
OBJECT_KEYS = {"type", "additionalProperties", "required", "properties", "description", "x-in"}
COMMON_KEYS = {"type", "description", "x-in"}
KEYS = {
    "string": {"minLength", "maxLength", "pattern", "format", "enum", "x-avro", "minimum", "maximum"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "boolean": set(),
    "array": {"items", "minItems", "maxItems"},
}
FORMATS = {"money": ("LONG", "MONEY"), "date-time": ("LONG", "TIMESTAMP"), "date": ("LONG", "DATE"), "uuid": ("STRING", "UUID")}
MONEY_SCALE = 10000
LENGTH_MAX = 1 << 20


def money(text, where):
    match = re.fullmatch(r"(-?)(\d{1,12})(?:\.(\d{1,4}))?", text if isinstance(text, str) else "")
    if not match:
        raise SchemaError(f"{where}: a bound of money is a decimal string with at most 4 decimals")
    amount = int(match[2]) * MONEY_SCALE + int((match[3] or "").ljust(4, "0"))
    return -amount if match[1] else amount


def published(schema):
    """The schema as others see it. JSON Schema wants numbers in minimum and maximum, so an amount's bounds, which are strings, get names of our own;
    and as nobody else knows the format, a pattern says what an amount looks like."""
    if isinstance(schema, list):
        return [published(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: published(value) for key, value in schema.items()}
    if schema.get("type") == "string" and schema.get("format") == "money":
        sign = "-?" if money(schema["minimum"], "minimum") < 0 else ""
        made["pattern"] = f"^{sign}(0|[1-9][0-9]{{0,11}})(\\.[0-9]{{1,4}})?$"
        made["x-minimum"], made["x-maximum"] = made.pop("minimum"), made.pop("maximum")
    return made


class CommandReader:
    def __init__(self, loader, category):
        self._loader, self._category = loader, category
        self._items = []

    def read(self, path, where):
        schema = json.loads(path.read_text(encoding="utf-8"))
        name = path.stem
        check_type_name(name, where)
        unknown = set(schema) - TOP_KEYS
        if unknown or schema.get("$id") != f"urn:{PREFIX}:command:{name}":
            raise SchemaError(f"{where}: unknown {sorted(unknown)}, or $id is not urn:{PREFIX}:command:{name}")
        self._items = []
        record = self._object(schema, name, where)
        command = Command(
            name, self._category, record, self._items, schema["x-exposure"].upper(), schema["x-method"], schema["x-path"],
            schema["x-key"], schema["x-creates"], schema["title"], schema,
        )  # fmt: skip
        _check_command(command, where)
        return command

    def _object(self, schema, name, where):
        if schema.get("type") != "object" or schema.get("additionalProperties") is not False:
            raise SchemaError(f"{where}: an object with additionalProperties: false is expected")
        required = schema.get("required", [])
        if set(required) - set(schema["properties"]):
            raise SchemaError(f"{where}: a required property isn't there")
        fields = [self._property(key, value, key in required, name, f"{where}: {key}") for key, value in schema["properties"].items()]
        return Record(name, f"{PREFIX}.{self._category}.{name}", self._category, fields, [], schema.get("description", ""), None, where)

    def _property(self, key, schema, required, owner, where):
        check_field_name(key, where)
        source = schema.get("x-in", "body").upper()
        if source not in ("BODY", "PATH", "SERVER") or (source == "SERVER" and required):
            raise SchemaError(f"{where}: x-in is path or server; a server's field isn't required of a client")
        kind = schema.get("type")
        if not isinstance(kind, str):
            raise SchemaError(f"{where}: the type {kind!r} is not supported")
        if kind == "array":
            made = self._array(key, schema, owner, where)
        elif kind == "object":
            _refuse_unknown(schema, OBJECT_KEYS, where)
            made = Field(key, "RECORD", record=self._item(schema, owner, key, "", where), constraint=Constraint())
        else:
            _refuse_unknown(schema, COMMON_KEYS | KEYS.get(kind, set()), where)
            made = self._scalar(key, schema, where)
        if source == "PATH" and not (made.kind == "STRING" or kind == "integer"):
            raise SchemaError(f"{where}: what comes from the path is a string or an integer")
        made.constraint.required, made.constraint.source = required, source
        made.nullable = not required
        made.doc = schema.get("description", "")
        return made

    def _item(self, schema, owner, key, suffix, where):
        camel = "".join(part.capitalize() for part in key.split("_"))
        record = self._object(schema, f"{owner}{camel}{suffix}", where)
        self._items.append(record)
        return record

    def _array(self, key, schema, owner, where):
        _refuse_unknown(schema, COMMON_KEYS | KEYS["array"], where)
        constraint = Constraint(min_items=schema.get("minItems", 0), max_items=schema.get("maxItems"))
        if constraint.max_items is None or not 0 <= constraint.min_items <= constraint.max_items <= LENGTH_MAX:
            raise SchemaError(f"{where}: an array needs maxItems, not below minItems")
        items = schema["items"]
        if items.get("type") == "object":
            _refuse_unknown(items, OBJECT_KEYS - {"x-in"}, where)
            return Field(key, "ARRAY", "RECORD", record=self._item(items, owner, key, "Item", where), constraint=constraint)
        if items.get("type") not in KEYS or items["type"] == "array":
            raise SchemaError(f"{where}: items are objects, strings, numbers or booleans")
        _refuse_unknown(items, COMMON_KEYS - {"x-in"} | KEYS[items["type"]], where)
        item = self._scalar(key, items, where)
        constraint.items = item.constraint
        return Field(key, "ARRAY", item.kind, item.format, enum=item.enum, constraint=constraint)

    def _scalar(self, key, schema, where):
        kind = schema.get("type")
        if kind == "string":
            return self._string(key, schema, where)
        if kind == "boolean":
            return Field(key, "BOOL", constraint=Constraint())
        if kind not in ("integer", "number"):
            raise SchemaError(f"{where}: the type {kind!r} is not supported")
        low, high = schema.get("minimum"), schema.get("maximum")
        whole = isinstance(low, int) and isinstance(high, int)
        if low is None or high is None or low > high or (kind == "integer" and not (whole and -(1 << 63) <= low and high < 1 << 63)):
            raise SchemaError(f"{where}: a number needs minimum and maximum, an integer such as fit 64 bits")
        if kind == "integer":
            return Field(key, "LONG", constraint=Constraint(minimum=low, maximum=high))
        return Field(key, "DOUBLE", constraint=Constraint(minimum=float(low), maximum=float(high)))

    def _string(self, key, schema, where):
        if "enum" in schema:
            return self._enum(key, schema, where)
        constraint = Constraint(min_length=schema.get("minLength"), max_length=schema.get("maxLength"))
        kind, form = "STRING", "NONE"
        if "format" in schema:
            if schema["format"] not in FORMATS or set(schema) & {"minLength", "maxLength", "pattern"}:
                raise SchemaError(f"{where}: formats are {sorted(FORMATS)} and stand alone")
            kind, form = FORMATS[schema["format"]]
        if form == "MONEY":
            constraint.minimum, constraint.maximum = money(schema.get("minimum"), where), money(schema.get("maximum"), where)
        elif "minimum" in schema or "maximum" in schema:
            raise SchemaError(f"{where}: of strings only money has minimum and maximum")
        if "pattern" in schema:
            constraint.pattern = compile_pattern(schema["pattern"], where)
        bounded = form != "NONE" or (constraint.pattern and constraint.pattern.max_length() is not None)
        if not bounded and (constraint.max_length is None or not (constraint.min_length or 0) <= constraint.max_length <= LENGTH_MAX):
            raise SchemaError(f"{where}: a string needs maxLength (not below minLength) or a pattern that bounds it")
        return Field(key, kind, format=form, constraint=constraint)

    def _enum(self, key, schema, where):
        if set(schema) - {"type", "enum", "x-avro", "description", "x-in"} or "x-avro" not in schema:
            raise SchemaError(f"{where}: an enum names its Avro enum in x-avro and has no other bounds")
        named = self._loader.find(schema["x-avro"], where)
        if not isinstance(named, Enum) or named.symbols != schema["enum"]:
            raise SchemaError(f"{where}: the enum's values are not those of {schema['x-avro']}")
        return Field(key, "ENUM", enum=named, constraint=Constraint())


def _refuse_unknown(schema, known, where):
    unknown = set(schema) - known
    if unknown:
        raise SchemaError(f"{where}: {sorted(unknown)} would not be checked")


def _check_command(command, where):
    fields = {field.name: field for field in command.record.fields}
    in_path = re.findall(r"\{([^}]*)\}", command.path)
    from_path = [name for name, field in fields.items() if field.constraint.source == "PATH"]
    if sorted(in_path) != sorted(from_path) or any(not fields[name].constraint.required for name in in_path):
        raise SchemaError(f"{where}: the names in x-path must be the required fields with x-in: path")
    key = fields.get(command.key)
    if key is None or key.kind != "STRING" or not (key.constraint.required or command.creates):
        raise SchemaError(f"{where}: x-key names a string, required unless x-creates")
    if command.exposure not in ("PUBLIC", "PRIVATE") or command.method not in ("POST", "PUT", "PATCH", "DELETE"):
        raise SchemaError(f"{where}: x-exposure is public or private, x-method POST, PUT, PATCH or DELETE")
    for record in command.items:
        if any(field.constraint.source == "PATH" for field in record.fields):
            raise SchemaError(f"{where}: only a command's own fields come from the path")
