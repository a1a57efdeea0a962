"""Commands' documents, mutated at random, judged by our tables and by the jsonschema package: the same verdict and the same faults at the same places."""

import copy
import datetime
import json
import random
import re
import unittest
from decimal import Decimal

import support

jsonschema = support.require("jsonschema")

SEED = 536365
MUTANTS = 1000  # of each example
FAULTS_MAX = 64
CODES = {
    "required": "required",
    "additionalProperties": "unknown",
    "type": "type",
    "minimum": "minimum",
    "maximum": "maximum",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
    "format": "format",
    "enum": "enum",
    "minItems": "min_items",
    "maxItems": "max_items",
}


# The formats, written anew from what docs/schemas.md says of them.
def parse_money(text):
    match = re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]{1,4})?", text, re.ASCII)
    amount = Decimal(text) if match else None
    return amount if match and abs(amount) < Decimal(10) ** 12 else None


def is_date(text):
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        return False
    try:
        return datetime.date.fromisoformat(text).year >= 1970
    except ValueError:
        return False


def is_date_time(text):
    match = re.fullmatch(
        r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,9})?([Zz]|([+-])([0-9]{2}):([0-9]{2}))", text, re.ASCII
    )
    if not match:
        return False
    try:
        day = datetime.datetime.fromisoformat(match[1])
        moment = day.replace(hour=int(match[2]), minute=int(match[3]), second=int(match[4]))
    except ValueError:
        return False
    if match[7]:
        if int(match[8]) > 23 or int(match[9]) > 59:
            return False
        offset = datetime.timedelta(hours=int(match[8]), minutes=int(match[9]))
        try:
            moment = moment - offset if match[7] == "+" else moment + offset
        except OverflowError:
            return False
    return 1970 <= moment.year <= 9999


FORMATS = jsonschema.FormatChecker(formats=())
FORMATS.checks("money")(lambda value: not isinstance(value, str) or parse_money(value) is not None)
FORMATS.checks("date")(lambda value: not isinstance(value, str) or is_date(value))
FORMATS.checks("date-time")(lambda value: not isinstance(value, str) or is_date_time(value))


def money_bound(original, below):
    """minimum and maximum, which hold for amounts in strings as well."""

    def check(validator, bound, value, schema):
        if schema.get("format") != "money":
            yield from original(validator, bound, value, schema)
        elif isinstance(value, str) and parse_money(value) is not None:
            amount, limit = parse_money(value), Decimal(bound)
            if amount < limit if below else amount > limit:
                yield jsonschema.ValidationError("beyond the bound")

    return check


BASE = jsonschema.Draft202012Validator
Validator = jsonschema.validators.extend(
    BASE,
    {"minimum": money_bound(BASE.VALIDATORS["minimum"], True), "maximum": money_bound(BASE.VALIDATORS["maximum"], False)},
)


def for_clients(schema):
    """The schema without what the server fills in; Python's $ would let a line feed pass."""
    schema = copy.deepcopy(schema)
    if "properties" in schema:
        schema["properties"] = {
            name: for_clients(inner) for name, inner in schema["properties"].items() if inner.get("x-in") != "server"
        }
    if "items" in schema:
        schema["items"] = for_clients(schema["items"])
    if "pattern" in schema:
        assert schema["pattern"].endswith("$")
        schema["pattern"] = schema["pattern"][:-1] + r"\Z"
    return schema


def pointer(path):
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def expected_faults(validator, document):
    """(pointer, code) of all that jsonschema says, as our tables say it."""
    faults = set()
    for error in validator.iter_errors(document):
        path = list(error.absolute_path)
        if error.validator == "required":
            for name in error.validator_value:
                if name not in error.instance:
                    faults.add((pointer([*path, name]), "required"))
        elif error.validator == "additionalProperties":
            for name in set(error.instance) - set(error.schema["properties"]):
                faults.add((pointer([*path, name]), "unknown"))
        else:
            faults.add((pointer(path), CODES[error.validator]))
    too_long = {place for place, code in faults if code == "max_items"}
    kept = set()
    for place, code in faults:
        inside = any(place.startswith(list_place + "/") for list_place in too_long)
        if not inside and not (code in ("enum", "minimum", "maximum") and (place, "type") in faults):
            kept.add((place, code))
    return kept


STRANGE = [None, True, False, 0, -1, 1, 1.0, 1.5, -0.0, 1e15, 1e300, 10**30, -(10**30), 2**53, 2**63 - 1, 2**63, 2**64, "", "x", [], {}, [1], {"a": 1}]
TEXTS = [
    "", " ", "a", "\n", "a\n", "é", "\U0001f375", "a/b", "\u0000", "0", "00", "1.50", "-1", "+1", "1.", ".5", "1.00001", "999999999.9999", "1000000000000",
    "999999999999.9999", "1e3", "NaN", "GBP", "GBPX", "gbp", "GOODS", "goods", "SERVICE", "1970-01-01", "1969-12-31", "2011-02-29", "2012-02-29", "9999-12-31",
    "2010-12-01T08:26:00Z", "2010-12-01t08:26:00z", "2010-12-01T08:26:00", "2010-12-01T24:00:00Z", "2010-12-01T23:59:60Z", "1970-01-01T00:00:00+00:01",
    "1969-12-31T23:59:59-00:01", "9999-12-31T23:59:59-00:01", "2010-12-01T08:26:00.123456789Z", "2010-12-01T08:26:00.1234567890Z",
    "2010-12-01T08:26:00+24:00", "2010-12-01T08:26:00+23:60", "2010-12-01 08:26:00Z", "٣", "12345678", "12345678901234", "123456789012345",
]  # fmt: skip


class Mutator:
    def __init__(self, rng, schema):
        self.rng, self.schema = rng, schema

    def mutate(self, document):
        document = copy.deepcopy(document)
        for _ in range(self.rng.choice([0, 1, 1, 2, 3])):
            document = self.change(document, self.schema)
        return document

    def change(self, value, schema):
        """One change somewhere inside."""
        rng = self.rng
        if isinstance(value, dict) and rng.random() < 0.92:
            return self.change_object(value, schema)
        if isinstance(value, list) and rng.random() < 0.8:
            return self.change_list(value, schema)
        if isinstance(value, str) and rng.random() < 0.8:
            return self.change_text(value, schema)
        if isinstance(value, (int, float)) and rng.random() < 0.6:
            bounds = [schema.get("minimum", 0), schema.get("maximum", 0)] if schema.get("type") in ("integer", "number") else [0, 0]
            return rng.choice([*bounds, bounds[0] - 1, bounds[1] + 1, float(value), value + 0.5])
        return copy.deepcopy(rng.choice(STRANGE))

    def change_object(self, value, schema):
        rng, properties = self.rng, schema.get("properties", {})
        what = rng.random()
        if what < 0.15 and value:
            value.pop(rng.choice(sorted(value)))
        elif what < 0.25:
            value[rng.choice(["extra", "", "a/b~c", "sku\u0000", "é", "title", "unit_price"])] = copy.deepcopy(rng.choice(STRANGE))
        elif what < 0.45 and properties:
            name = rng.choice(sorted(properties))
            value[name] = self.sample(properties[name])
        elif value:
            name = rng.choice(sorted(value))
            value[name] = self.change(value[name], properties.get(name, {}))
        return value

    def change_list(self, value, schema):
        rng, items = self.rng, schema.get("items", {})
        what = rng.random()
        if what < 0.1:
            return []
        if what < 0.2 and schema.get("maxItems", 9999) <= 100:
            return [copy.deepcopy(item) for item in [self.sample(items)] * (schema["maxItems"] + rng.choice([0, 1]))]
        if what < 0.5 or not value:
            value.insert(rng.randrange(len(value) + 1), self.sample(items))
        else:
            index = rng.randrange(len(value))
            value[index] = self.change(value[index], items)
        return value

    def change_text(self, value, schema):
        rng = self.rng
        length = rng.choice([schema.get("minLength", 0), schema.get("maxLength", 64)]) + rng.choice([-1, 0, 1])
        return rng.choice([rng.choice(TEXTS), rng.choice("aé\U0001f375") * max(length, 0), value + rng.choice(TEXTS), value[1:]])

    def sample(self, schema):
        """Mostly a value such as the schema wants."""
        rng, kind = self.rng, schema.get("type")
        if rng.random() < 0.15:
            return copy.deepcopy(rng.choice(STRANGE))
        if kind == "object":
            return {name: self.sample(inner) for name, inner in schema["properties"].items() if rng.random() < 0.8}
        if kind == "array":
            return [self.sample(schema["items"]) for _ in range(rng.randrange(4))]
        if kind in ("integer", "number"):
            return rng.choice([schema["minimum"], schema["maximum"], 1, 7, 2.0, 0.25])
        if "enum" in schema:
            return rng.choice([*schema["enum"], *TEXTS])
        return rng.choice(TEXTS)


class Commands(unittest.TestCase):
    def commands(self):
        return [command for category in support.CONTRACT.categories.values() for command in category.commands]

    def test_mutants(self):
        rng = random.Random(SEED)
        requests, documents, validators = [], [], []
        for command in self.commands():
            schema = for_clients(command.schema)
            validator = Validator(schema, format_checker=FORMATS)
            mutator = Mutator(rng, schema)
            for example in command.schema["examples"]:
                for _ in range(MUTANTS):
                    document = mutator.mutate(example)
                    documents.append(document)
                    validators.append(validator)
                    requests.append({"command": command.name, "body": json.dumps(document)})
        verdicts = {True: 0, False: 0}
        for request, document, validator, answer in zip(requests, documents, validators, support.ask("command", requests)):
            self.assertNotIn("error", answer, request)
            expected = expected_faults(validator, document)
            verdicts[not expected] += 1
            self.assertEqual(answer["valid"], not expected, (request, expected, answer["faults"]))
            actual = {(fault["pointer"], fault["code"]) for fault in answer["faults"]}
            if len(answer["faults"]) < FAULTS_MAX:
                self.assertEqual(actual, expected, request)
            else:
                self.assertLessEqual(actual, expected, request)
        self.assertGreater(verdicts[True], 1000)
        self.assertGreater(verdicts[False], 1000)

    def test_published_schemas(self):
        """What is shown to clients is JSON Schema to everybody, and an amount's pattern lets no other text through than the format."""
        from commands import published

        patterns = set()
        for command in self.commands():
            schema = published(command.schema)
            BASE.check_schema(schema)
            for example in schema["examples"]:
                BASE(schema).validate(example)
            patterns |= set(re.findall(r'"format": "money".*?"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(schema)))
        self.assertGreaterEqual(len(patterns), 2)
        for pattern in map(json.loads, patterns):
            for text in TEXTS:
                amount = parse_money(text)
                known = amount is not None and ("-?" in pattern or not text.startswith("-"))
                self.assertEqual(bool(re.fullmatch(pattern[1:-1], text, re.ASCII)), known, (pattern, text))

    def test_what_is_accepted_is_kept(self):
        """The examples come back as they were, but for the forms that a format has."""
        requests = [
            {"command": command.name, "body": json.dumps(example)} for command in self.commands() for example in command.schema["examples"]
        ]
        for request, answer in zip(requests, support.ask("command", requests)):
            self.assertTrue(answer["valid"], (request, answer))
            self.check_kept(json.loads(request["body"]), answer["print"], request)

    def check_kept(self, given, printed, request):
        for name, value in given.items():
            if isinstance(value, list):
                self.assertEqual(len(value), len(printed[name]), request)
                for item, printed_item in zip(value, printed[name]):
                    if isinstance(item, dict):
                        self.check_kept(item, printed_item, request)
                    else:
                        self.assertEqual(item, printed_item, request)
            else:
                self.assertEqual(value, printed[name], request)
        for name in set(printed) - set(given):
            self.assertIsNone(printed[name], request)


if __name__ == "__main__":
    support.run()
