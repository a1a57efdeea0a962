"""schemas/registered/TOPIC/NNNN.avsc: every version of a topic's Commit schema that was ever registered. They are never changed or removed:
logs that were written with them are still there."""

import json

from canonical import commit_schema
from names import SchemaError


def versions(schemas, topic):
    """The registered schemas of a topic, oldest first, parsed."""
    paths = sorted((schemas / "registered" / topic).glob("*.avsc"))
    for number, path in enumerate(paths, 1):
        if path.stem != f"{number:04d}":
            raise SchemaError(f"registered/{topic}: {number:04d}.avsc is missing; versions are never removed")
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def check(schemas, contract, template):
    """SchemaError where a topic's schema isn't its newest registered version."""
    for topic in contract.topics:
        registered = versions(schemas, topic)
        if not registered or registered[-1] != commit_schema(contract, topic, template):
            raise SchemaError(
                f"the Commit schema of topic {topic} differs from its newest registered version "
                f"(schemas/registered/{topic}/{len(registered):04d}.avsc).\n"
                "If the change is meant, and is one that readers can follow (docs/schemas.md), write it down as a new version:\n"
                "    python3 schemas/generator/generate.py --add-version"
            )


def add(schemas, contract, template):
    """Writes the versions that are missing; their paths."""
    written = []
    for topic in contract.topics:
        registered = versions(schemas, topic)
        schema = commit_schema(contract, topic, template)
        if registered and registered[-1] == schema:
            continue
        path = schemas / "registered" / topic / f"{len(registered) + 1:04d}.avsc"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written
