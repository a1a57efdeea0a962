#!/usr/bin/env python3
"""Turns schemas/ into C: structs, the tables that describe them, and each topic's Commit schema. See docs/schemas.md.

exit status: 0 done, 1 a schema is at fault, 2 usage"""

import argparse
import json
import sys
from pathlib import Path

import registered
from canonical import commit_schema
from emit_header import emit_header
from emit_source import SourceEmitter
from emit_topics import emit_topics_header, emit_topics_source
from load import input_files, load_contract, upcaster_files
from names import SchemaError

GENERATOR = Path(__file__).resolve().parent


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schemas", type=Path, default=GENERATOR.parent, help="folder of the schemas (default: that of the generator)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, metavar="DIR", help="write the C files to DIR")
    what.add_argument("--list-outputs", action="store_true", help="print the names of those files")
    what.add_argument("--list-upcasters", action="store_true", help="print the hand-written C files that belong to the generated ones")
    what.add_argument("--list-inputs", action="store_true", help="print what they depend on, relative to the schemas' folder")
    what.add_argument("--check-registered", action="store_true", help="fail where a topic's schema isn't its newest registered version")
    what.add_argument("--add-version", action="store_true", help="write down the current schemas as new versions where they differ")
    what.add_argument("--print-topic", metavar="TOPIC", help="print a topic's Commit schema")
    parser.add_argument("--stamp", type=Path, metavar="FILE", help="with --check-registered: write FILE when all is well")
    return parser.parse_args()


def outputs(contract):
    names = [*contract.categories, "topics"]
    return [f"{name}.h" for name in names] + [f"{name}.c" for name in names]


def generate(contract, template, schemas, out):
    out.mkdir(parents=True, exist_ok=True)
    texts = {"topics.h": emit_topics_header(contract), "topics.c": emit_topics_source(contract, template, schemas)}
    for name, category in contract.categories.items():
        texts[f"{name}.h"] = emit_header(category, contract)
        texts[f"{name}.c"] = SourceEmitter(category, contract).emit()
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")


def main():
    arguments = parse_arguments()
    schemas = arguments.schemas
    try:
        contract = load_contract(schemas)
        template = json.loads((schemas / "commit.avsc").read_text(encoding="utf-8"))
        if arguments.out:
            generate(contract, template, schemas, arguments.out)
        elif arguments.list_outputs:
            print("\n".join(outputs(contract)))
        elif arguments.list_upcasters:
            print("\n".join(str(path.relative_to(schemas)) for path in upcaster_files(schemas)))
        elif arguments.list_inputs:
            print("\n".join(str(path) for path in input_files(schemas)))
        elif arguments.check_registered:
            registered.check(schemas, contract, template)
            if arguments.stamp:
                arguments.stamp.write_text("")
        elif arguments.add_version:
            for path in registered.add(schemas, contract, template):
                print(f"written: {path}")
        elif arguments.print_topic in contract.topics:
            print(json.dumps(commit_schema(contract, arguments.print_topic, template), indent=2, ensure_ascii=False))
        else:
            print(f"there is no topic {arguments.print_topic}: {', '.join(contract.topics)}", file=sys.stderr)
            return 2
    except (SchemaError, OSError, json.JSONDecodeError, KeyError) as error:
        print(f"schemas/generator: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
