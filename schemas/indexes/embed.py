"""Writes the index definitions into a C file, so that nothing is read at run time.

An index refuses fields that its mapping doesn't name, so each definition of a view is held against the view's schema
first: a field that one has and the other hasn't ends the build.

usage: embed.py --schemas DIR --out FILE
"""

import argparse
import json
import pathlib
import sys

META = {"_offset", "_partition", "_sequence", "_deleted", "_parked"}
HELPERS = {"checkpoints", "control", "parked"}


class Mismatch(Exception):
    """A definition and a schema that don't fit."""


def load_records(schemas):
    records = {}
    for path in sorted(schemas.rglob("*.avsc")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        if schema.get("type") == "record":
            records[f"{schema.get('namespace', '')}.{schema['name']}"] = schema
    return records


def record_of(avro_type, records):
    """The record that a field holds, alone, optional or in an array; None for anything else."""
    if isinstance(avro_type, list):
        avro_type = next(branch for branch in avro_type if branch != "null")
    if isinstance(avro_type, dict) and avro_type["type"] == "array":
        avro_type = avro_type["items"]
    return records.get(avro_type) if isinstance(avro_type, str) else None


def check(where, properties, record, records, extra=frozenset()):
    fields = {field["name"]: field for field in record["fields"]}
    for name in sorted(fields.keys() - properties.keys()):
        raise Mismatch(f"{where} has no mapping for {record['name']}.{name}")
    for name in sorted(properties.keys() - fields.keys() - extra):
        raise Mismatch(f"{where} maps {name}, which {record['name']} hasn't")
    for name, field in fields.items():
        inner = record_of(field["type"], records)
        if inner:
            check(f"{where}, {name}", properties[name].get("properties", {}), inner, records)


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schemas", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()

    records = load_records(arguments.schemas)
    rows = []
    for path in sorted((arguments.schemas / "indexes").glob("*.json")):
        definition = json.loads(path.read_text(encoding="utf-8"))
        if path.stem not in HELPERS:
            view = json.loads((arguments.schemas / "views" / f"{path.stem}.avsc").read_text(encoding="utf-8"))
            check(path.name, definition["mappings"]["properties"], view, records, META)
        rows.append(f"    {{{c_string(path.stem)}, {c_string(json.dumps(definition, separators=(',', ':')))}}},")
    arguments.out.write_text("\n".join([
        "/* Generated from schemas/indexes: changes belong there. */",
        '#include "sinks/index_definition.h"',
        "",
        "const struct index_definition index_definitions[] = {",
        *rows,
        "};",
        "const size_t index_definition_count = sizeof(index_definitions) / sizeof(index_definitions[0]);",
        "",
    ]), encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except (Mismatch, OSError, KeyError, ValueError) as fault:
        sys.exit(f"embed.py: {fault}")
