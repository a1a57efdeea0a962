"""What the generator knows of the schemas, independent of Avro, JSON Schema and C."""

from dataclasses import dataclass, field as data_field

MISSING = object()  # a field without a default

SCALARS = ("BOOL", "INT", "LONG", "DOUBLE", "ENUM")


@dataclass
class Enum:
    name: str
    full_name: str
    category: str
    symbols: list
    aliases: list
    default: str | None
    doc: str


@dataclass
class Constraint:
    """Of a command's field. Bounds are int for integers and money (1/10000), float for numbers, None where there is none."""

    required: bool = False
    source: str = "BODY"  # BODY, PATH, SERVER
    minimum: int | float | None = None
    maximum: int | float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: object = None  # pattern.Pattern
    min_items: int | None = None
    max_items: int | None = None
    items: "Constraint | None" = None  # of an array's scalar items


@dataclass
class Field:
    name: str
    kind: str  # BOOL INT LONG DOUBLE STRING BYTES ENUM RECORD ARRAY
    item_kind: str | None = None
    format: str = "NONE"
    nullable: bool = False
    record: "Record | None" = None
    enum: Enum | None = None
    aliases: list = data_field(default_factory=list)
    default: object = MISSING
    doc: str = ""
    constraint: Constraint | None = None


@dataclass
class Record:
    name: str
    full_name: str
    category: str
    fields: list
    aliases: list
    doc: str
    schema: dict | None  # the Avro schema, with named types by reference; None for a command's record
    where: str = ""


@dataclass
class Command:
    name: str
    category: str
    record: Record
    items: list  # records of nested objects, innermost first
    exposure: str
    method: str
    path: str
    key: str
    creates: bool
    title: str
    schema: dict


@dataclass
class Category:
    name: str
    enums: list = data_field(default_factory=list)
    records: list = data_field(default_factory=list)  # types, events, state; sorted so that each comes after what it holds
    events: list = data_field(default_factory=list)  # in the order of events.json
    commands: list = data_field(default_factory=list)  # by name
    retired: set = data_field(default_factory=set)  # names of events that are read and not written any more
    upcast: set = data_field(default_factory=set)  # names of events that others take the place of when they are read

    def folded(self):
        """The events that deciders and folds meet."""
        return [event for event in self.events if event.name not in self.upcast]

    def written(self):
        """The events that new commits may hold."""
        return [event for event in self.folded() if event.name not in self.retired]


@dataclass
class Contract:
    topics: dict  # name -> list of category names
    categories: dict  # name -> Category; "views" too
