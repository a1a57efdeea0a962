"""Reads the whole of schemas/ into the model and checks what concerns more than one file."""

import json
from pathlib import Path

from avro import Loader
from commands import CommandReader
from model import Category, Contract, Enum
from names import SchemaError, Taken, snake, upper

VIEWS = "views"
UPCASTERS = "upcasters.c"


def load_contract(schemas):
    topics = json.loads((schemas / "topics.json").read_text(encoding="utf-8"))
    names = [name for categories in topics.values() for name in categories]
    if len(set(names)) != len(names):
        raise SchemaError("topics.json: a category is there twice")
    loader = Loader(schemas)
    categories = {name: _load_category(schemas, loader, name) for name in names}
    categories[VIEWS] = _load_views(schemas, loader)
    contract = Contract(topics, categories)
    _check_names(contract)
    return contract


def input_files(schemas):
    """What a build depends on, relative to schemas/."""
    names = sum(json.loads((schemas / "topics.json").read_text(encoding="utf-8")).values(), [])
    files = [schemas / "topics.json", schemas / "commit.avsc"]
    for name in [*names, VIEWS]:
        files += sorted(path for path in (schemas / name).rglob("*") if path.suffix in (".avsc", ".json"))
    files += sorted((schemas / "registered").glob("*/*.avsc"))
    return [path.relative_to(schemas) for path in [*files, *upcaster_files(schemas)]]


def upcaster_files(schemas):
    """The hand-written C of the categories that have upcasters."""
    names = sum(json.loads((schemas / "topics.json").read_text(encoding="utf-8")).values(), [])
    return [schemas / name / UPCASTERS for name in names if (schemas / name / UPCASTERS).exists()]


def _load_category(schemas, loader, name):
    folder = Path(name)
    category = Category(name)
    events_file = schemas / folder / "events.json"
    order = [_event_entry(category, entry) for entry in json.loads(events_file.read_text(encoding="utf-8"))]
    if bool(category.upcast) != (schemas / folder / UPCASTERS).exists():
        raise SchemaError(f"{name}/{UPCASTERS} holds the functions of the events that {name}/events.json marks as upcast: one without the other")
    present = {path.stem for path in (schemas / folder).glob("*.avsc")} - {"state"}
    if len(set(order)) != len(order) or set(order) != present:
        raise SchemaError(
            f"{name}/events.json must list each event of the folder once (append new ones): {sorted(set(order) ^ present)}"
        )
    _add_types(category, schemas, loader, folder / "types")
    for event in order:
        record = loader.load(folder / f"{event}.avsc")
        if record.name != event or isinstance(record, Enum):
            raise SchemaError(f"{record.where}: the file's name must be the event's")
        category.events.append(record)
    category.records += category.events
    category.records.append(loader.load(folder / "state.avsc"))
    reader = CommandReader(loader, name)
    for path in sorted((schemas / folder / "commands").glob("*.json")):
        category.commands.append(reader.read(path, str(path.relative_to(schemas))))
    category.records = _sorted(category.records)
    return category


def _event_entry(category, entry):
    """The name of an event: an entry is the name, or an object that says what else is to be known of it."""
    if isinstance(entry, str):
        return entry
    unknown = set(entry) - {"name", "retired", "upcast"}
    if unknown or "name" not in entry or not all(entry.get(key, True) is True for key in ("retired", "upcast")):
        raise SchemaError(f'{category.name}/events.json: {json.dumps(entry)}: a name, or {{"name", "retired": true, "upcast": true}}, is expected')
    if entry.get("retired"):
        category.retired.add(entry["name"])
    if entry.get("upcast"):
        category.upcast.add(entry["name"])
    return entry["name"]


def _load_views(schemas, loader):
    category = Category(VIEWS)
    _add_types(category, schemas, loader, Path(VIEWS) / "types")
    for path in sorted((schemas / VIEWS).glob("*.avsc")):
        record = loader.load(path.relative_to(schemas))
        if snake(record.name) != f"{path.stem}_document":
            raise SchemaError(f"{record.where}: the view's record must be called {path.stem}_document in CamelCase")
        category.records.append(record)
    category.records = _sorted(category.records)
    return category


def _add_types(category, schemas, loader, folder):
    for path in sorted((schemas / folder).glob("*.avsc")):
        named = loader.load(path.relative_to(schemas))
        if named.name != path.stem:
            raise SchemaError(f"{folder / path.name}: the file's name must be the type's")
        (category.enums if isinstance(named, Enum) else category.records).append(named)


def _sorted(records):
    """Each record after those of the same category that it holds; otherwise as given."""
    done = []

    def visit(record):
        for field in record.fields:
            if field.record is not None and field.record in records:
                visit(field.record)
        if record not in done:
            done.append(record)

    for record in records:
        visit(record)
    return done


def _check_names(contract):
    taken = Taken()
    for category in contract.categories.values():
        for enum in category.enums:
            taken.take(f"tag {snake(enum.name)}", enum.full_name)
            for symbol in enum.symbols:
                taken.take(f"{upper(enum.name)}_{symbol}", enum.full_name)
        records = category.records + [r for c in category.commands for r in [*c.items, c.record]]
        for record in records:
            taken.take(f"tag {snake(record.name)}", record.where + record.full_name)
        for record in category.events:
            taken.take(upper(record.name), record.where)
        for command in category.commands:
            taken.take(upper(command.name), command.record.where)
        for kind in ("event", "command", "event_type", "command_type"):
            taken.take(f"tag {category.name}_{kind}", f"category {category.name}")
