"""Reads .avsc files into the model. One named type per file; a type is referred to by its full name."""

import json

from model import MISSING, Enum, Field, Record
from names import SchemaError, check_field_name, check_type_name

PREFIX = "orderlog"
PRIMITIVES = {"boolean": "BOOL", "int": "INT", "long": "LONG", "double": "DOUBLE", "string": "STRING", "bytes": "BYTES"}
FORMATS = {
    ("long", "logicalType", "timestamp-millis"): "TIMESTAMP",
    ("long", "format", "money"): "MONEY",
    ("long", "format", "date"): "DATE",
    ("string", "logicalType", "uuid"): "UUID",
}
RECORD_KEYS = {"type", "name", "namespace", "doc", "fields", "aliases"}
ENUM_KEYS = {"type", "name", "namespace", "doc", "symbols", "aliases", "default"}
FIELD_KEYS = {"name", "type", "doc", "default", "aliases", "order"}
INT_RANGE = {"INT": 31, "LONG": 63}


class Loader:
    """Loads named types on demand; `find` maps a full name to its file."""

    def __init__(self, schemas):
        self._schemas = schemas  # pathlib.Path
        self._types = {}  # full name -> Enum | Record
        self._loading = []

    def load(self, path):
        """The type in the file (relative to schemas/)."""
        where = str(path)
        schema = json.loads((self._schemas / path).read_text(encoding="utf-8"))
        category = path.parts[0]
        name, namespace = schema.get("name", ""), schema.get("namespace")
        check_type_name(name, where)
        if namespace != f"{PREFIX}.{category}":
            raise SchemaError(f"{where}: the namespace must be {PREFIX}.{category}")
        full_name = f"{namespace}.{name}"
        if full_name not in self._types:
            if full_name in self._loading:
                raise SchemaError(f"{where}: {full_name} contains itself")
            self._loading.append(full_name)
            self._types[full_name] = self._named(schema, full_name, category, where)
            self._loading.pop()
        return self._types[full_name]

    def find(self, full_name, where):
        parts = full_name.split(".")
        if len(parts) != 3 or parts[0] != PREFIX:
            raise SchemaError(f"{where}: {full_name!r} is no type; write {PREFIX}.CATEGORY.Name")
        for path in (self._schemas / parts[1] / "types" / f"{parts[2]}.avsc", self._schemas / parts[1] / f"{parts[2]}.avsc"):
            if path.exists():
                return self.load(path.relative_to(self._schemas))
        raise SchemaError(f"{where}: there is no schemas/{parts[1]}/types/{parts[2]}.avsc")

    def _named(self, schema, full_name, category, where):
        if schema.get("type") == "enum":
            return self._enum(schema, full_name, category, where)
        if schema.get("type") != "record":
            raise SchemaError(f"{where}: a record or an enum is expected")
        _refuse_unknown(schema, RECORD_KEYS, where)
        fields = [self._field(item, f"{where}: field {item.get('name')}") for item in schema["fields"]]
        if not fields:
            raise SchemaError(f"{where}: a record needs a field")
        if len({item.name for item in fields}) != len(fields):
            raise SchemaError(f"{where}: a field is there twice")
        return Record(schema["name"], full_name, category, fields, schema.get("aliases", []), schema.get("doc", ""), schema, where)

    def _enum(self, schema, full_name, category, where):
        _refuse_unknown(schema, ENUM_KEYS, where)
        symbols, default = schema["symbols"], schema.get("default")
        if not symbols or len(set(symbols)) != len(symbols) or (default is not None and default not in symbols):
            raise SchemaError(f"{where}: symbols must be there, differ, and hold the default")
        return Enum(schema["name"], full_name, category, symbols, schema.get("aliases", []), default, schema.get("doc", ""))

    def _field(self, schema, where):
        _refuse_unknown(schema, FIELD_KEYS, where)
        check_field_name(schema["name"], where)
        made = Field(schema["name"], "", aliases=schema.get("aliases", []), doc=schema.get("doc", ""))
        kind = schema["type"]
        if isinstance(kind, list):
            if len(kind) != 2 or kind[0] != "null":
                raise SchemaError(f'{where}: the only unions are ["null", T]')
            made.nullable, kind = True, kind[1]
        if isinstance(kind, dict) and kind.get("type") == "array":
            if made.nullable:
                raise SchemaError(f"{where}: an array can't be null; leave it empty")
            made.kind = "ARRAY"
            made.item_kind, made.format, made.record, made.enum = self._type(kind["items"], where)
        else:
            made.kind, made.format, made.record, made.enum = self._type(kind, where)
        if made.nullable and "BYTES" == made.kind:
            raise SchemaError(f"{where}: bytes can't be null")
        made.default = schema.get("default", MISSING)
        if made.default is not MISSING:
            check_default(made, made.default, where)
        return made

    def _type(self, kind, where):
        """kind, format, record, enum"""
        if isinstance(kind, str):
            if kind in PRIMITIVES:
                return PRIMITIVES[kind], "NONE", None, None
            named = self.find(kind, where)
            return ("ENUM", "NONE", None, named) if isinstance(named, Enum) else ("RECORD", "NONE", named, None)
        if not isinstance(kind, dict) or kind.get("type") not in PRIMITIVES:
            raise SchemaError(f"{where}: the type {json.dumps(kind)} is not supported")
        keys = [(kind["type"], key, value) for key, value in kind.items() if key != "type"]
        if len(keys) != 1 or keys[0] not in FORMATS:
            raise SchemaError(f"{where}: {json.dumps(kind)}: the logical types and formats are {sorted(FORMATS)}")
        return PRIMITIVES[kind["type"]], FORMATS[keys[0]], None, None


def _refuse_unknown(schema, known, where):
    unknown = set(schema) - known
    if unknown:
        raise SchemaError(f"{where}: unknown {sorted(unknown)}")


def check_default(field, value, where):
    """A default must be a value of the type (of a union: of its first branch, hence null)."""
    if field.nullable:
        good = value is None
    elif field.kind == "ARRAY":
        good = value == []
    elif field.kind == "RECORD":
        good = isinstance(value, dict) and not value
    elif field.kind == "ENUM":
        good = value in field.enum.symbols
    elif field.kind == "BOOL":
        good = isinstance(value, bool)
    elif field.kind in INT_RANGE:
        bound = 1 << INT_RANGE[field.kind]
        good = isinstance(value, int) and not isinstance(value, bool) and -bound <= value < bound
    elif field.kind == "DOUBLE":
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
    else:
        good = isinstance(value, str) and (field.kind != "BYTES" or all(ord(c) < 128 for c in value))
    if not good:
        raise SchemaError(
            f"{where}: the default {json.dumps(value)} is not supported "
            '(["null", T]: null; arrays: []; records: {} where all their fields have defaults)'
        )
    if field.kind == "RECORD" and not field.nullable and any(item.default is MISSING for item in field.record.fields):
        raise SchemaError(f"{where}: the default {{}} needs a default for every field of {field.record.full_name}")
