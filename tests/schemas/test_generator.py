"""The generator: what it refuses, and with which words; that its output is the same for the same schemas; that versions are kept."""

import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import support


class Generator(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.schemas = Path(self.folder.name) / "schemas"
        shutil.copytree(support.SCHEMAS, self.schemas, ignore=shutil.ignore_patterns("generator"))

    def run_generator(self, *arguments):
        script = support.SCHEMAS / "generator" / "generate.py"
        command = [sys.executable, "-B", script, "--schemas", self.schemas, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def edit(self, path, change):
        """`change` gets the parsed file and may change it or return another."""
        path = self.schemas / path
        content = json.loads(path.read_text(encoding="utf-8"))
        content = change(content) or content
        path.write_text(json.dumps(content), encoding="utf-8")

    def assert_refused(self, words, *arguments):
        done = self.run_generator(*(arguments or ("--out", self.folder.name + "/out")))
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(words, done.stderr)

    def edit_property(self, name, value, command="cart/commands/AddCartItem.json"):
        self.edit(command, lambda schema: schema["properties"].__setitem__(name, value))

    def test_same_output_for_the_same_schemas(self):
        texts = []
        for name in ("one", "two"):
            out = Path(self.folder.name) / name
            self.assertEqual(self.run_generator("--out", out).returncode, 0)
            listed = self.run_generator("--list-outputs").stdout.split()
            self.assertEqual(sorted(listed), sorted(path.name for path in out.iterdir()))
            texts.append({path.name: path.read_text(encoding="utf-8") for path in out.iterdir()})
        self.assertEqual(texts[0], texts[1])

    def test_inputs_are_listed(self):
        listed = set(self.run_generator("--list-inputs").stdout.split())
        present = {str(path.relative_to(self.schemas)) for path in self.schemas.rglob("*") if path.suffix in (".avsc", ".json")}
        others = {path for path in present if path.startswith("indexes/")}  # of the search engine, not for C
        self.assertEqual(present - others, listed)

    def test_usage(self):
        self.assertEqual(self.run_generator().returncode, 2)
        self.assertEqual(self.run_generator("--print-topic", "nothing").returncode, 2)
        self.assertEqual(self.run_generator("--help").returncode, 0)

    def test_changed_schema_wants_a_version(self):
        self.assertEqual(self.run_generator("--check-registered").returncode, 0)
        before = {path: path.read_text() for path in self.schemas.glob("registered/*/*.avsc")}
        field = {"name": "colour", "type": ["null", "string"], "default": None}
        self.edit("cart/CartItemAdded.avsc", lambda schema: schema["fields"].append(field))
        self.assert_refused("--add-version", "--check-registered")
        newest = len(list(self.schemas.glob("registered/cart/*.avsc")))
        done = self.run_generator("--add-version")
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"registered/cart/{newest + 1:04d}.avsc", done.stdout)
        self.assertEqual(len(done.stdout.splitlines()), 1)
        self.assertEqual(self.run_generator("--check-registered").returncode, 0)
        self.assertEqual(self.run_generator("--add-version").stdout, "")
        for path, text in before.items():
            self.assertEqual(path.read_text(), text)

    def test_doc_is_no_new_version(self):
        self.edit("cart/CartItemAdded.avsc", lambda schema: schema.__setitem__("doc", "another sentence"))
        self.assertEqual(self.run_generator("--check-registered").returncode, 0)

    def test_version_that_was_removed(self):
        (self.schemas / "registered/cart/0001.avsc").rename(self.schemas / "registered/cart/0002.avsc")
        self.assert_refused("versions are never removed", "--check-registered")

    def test_event_that_is_not_listed(self):
        self.edit("cart/events.json", lambda events: events[:-1])
        self.assert_refused("cart/events.json")

    def test_events_in_the_order_of_the_list(self):
        self.edit("cart/events.json", lambda events: events[::-1])
        self.assert_refused("--add-version", "--check-registered")

    def generated(self, name):
        done = self.run_generator("--out", self.folder.name + "/out")
        self.assertEqual(done.returncode, 0, done.stderr)
        return (Path(self.folder.name) / "out" / name).read_text(encoding="utf-8")

    def mark(self, event, **marks):
        """Writes the event's entry in cart/events.json as an object."""
        self.edit("cart/events.json", lambda events: [{"name": name, **marks} if name == event else name for name in events])

    def test_retired_event_is_read_and_not_written(self):
        self.assertIn("cart_emptied_emit(", self.generated("cart.h"))
        self.mark("CartEmptied", retired=True)
        self.assertEqual(self.run_generator("--check-registered").returncode, 0)  # it stays in the schema
        header = self.generated("cart.h")
        self.assertNotIn("cart_emptied_emit(", header)
        self.assertIn("    CART_EMPTIED,", header)
        self.assertIn(".retired = true", self.generated("cart.c"))

    def test_event_with_an_upcaster_is_met_by_nobody(self):
        before = self.generated("topics.c")
        self.mark("CartEmptied", upcast=True)
        self.assert_refused("cart/upcasters.c")
        (self.schemas / "cart/upcasters.c").write_text("/* one */", encoding="utf-8")
        self.assertEqual(self.run_generator("--list-upcasters").stdout.split(), ["cart/upcasters.c"])
        self.assertIn("cart/upcasters.c", self.run_generator("--list-inputs").stdout.split())
        header = self.generated("cart.h")
        self.assertNotIn("cart_emptied_emit(", header)
        self.assertNotIn("    CART_EMPTIED,", header)
        self.assertIn("void cart_emptied_upcast(const struct cart_emptied *old, struct ev_upcast *upcast);", header)
        self.assertIn(".upcast = cart_emptied_upcast_any", self.generated("cart.c"))
        one = self.generated("topics.c")
        (self.schemas / "cart/upcasters.c").write_text("/* another */", encoding="utf-8")
        self.assertEqual(len({before, one, self.generated("topics.c")}), 3)  # part of a fold's fingerprint

    def test_upcasters_without_an_event(self):
        (self.schemas / "cart/upcasters.c").write_text("", encoding="utf-8")
        self.assert_refused("one without the other")

    def test_marks_that_are_not_known(self):
        for marks in ({"retired": "yes"}, {"gone": True}, {"upcast": 1}):
            with self.subTest(marks=marks):
                self.mark("CartEmptied", **marks)
                self.assert_refused("is expected")
                self.edit("cart/events.json", lambda events: [event if isinstance(event, str) else event["name"] for event in events])

    def test_avro_that_is_not_supported(self):
        for kind, words in (
            ("float", "is no type"),
            ({"type": "map", "values": "string"}, "not supported"),
            (["string", "null"], "the only unions"),
            (["null", {"type": "array", "items": "string"}], "can't be null"),
            ({"type": "int", "logicalType": "date"}, "logical types and formats"),
            ("orderlog.cart.Nothing", "there is no"),
            ("orderlog.cart.CartCreated", "contains itself"),
        ):
            with self.subTest(kind=kind):
                self.edit("cart/CartCreated.avsc", lambda schema: schema["fields"].append({"name": "more", "type": kind}))
                self.assert_refused(words)
                self.edit("cart/CartCreated.avsc", lambda schema: schema["fields"].pop() and None)

    def test_defaults_that_are_no_values(self):
        for kind, default in (("long", "1"), ("long", 1 << 63), ("int", 1 << 31), ("string", 1), (["null", "string"], "x"), ("boolean", 0)):
            with self.subTest(kind=kind, default=default):
                field = {"name": "more", "type": kind, "default": default}
                self.edit("cart/CartCreated.avsc", lambda schema: schema["fields"].append(field))
                self.assert_refused("the default")
                self.edit("cart/CartCreated.avsc", lambda schema: schema["fields"].pop() and None)

    def test_names(self):
        for name in ("int", "Quantity", "a-b", ""):
            with self.subTest(name=name):
                self.edit("cart/CartCreated.avsc", lambda schema: schema["fields"].append({"name": name, "type": "string"}))
                self.assert_refused("can't be a field's name")
                self.edit("cart/CartCreated.avsc", lambda schema: schema["fields"].pop() and None)
        (self.schemas / "stock/types").mkdir(exist_ok=True)
        other = {"type": "record", "name": "CartItem", "namespace": "orderlog.stock", "fields": [{"name": "a", "type": "int"}]}
        (self.schemas / "stock/types/CartItem.avsc").write_text(json.dumps(other))
        self.assert_refused("is taken by")

    def test_commands_that_promise_what_is_not_checked(self):
        for value, words in (
            ({"type": "string"}, "needs maxLength"),
            ({"type": "string", "maxLength": 4, "contentEncoding": "base64"}, "would not be checked"),
            ({"type": "string", "format": "email"}, "formats are"),
            ({"type": "string", "format": "money", "minimum": 0, "maximum": "1"}, "decimal string"),
            ({"type": "integer", "minimum": 0}, "needs minimum and maximum"),
            ({"type": "integer", "minimum": 0, "maximum": 1 << 63}, "needs minimum and maximum"),
            ({"type": "number", "minimum": 0, "exclusiveMaximum": 5}, "would not be checked"),
            ({"type": "array", "items": {"type": "boolean"}}, "needs maxItems"),
            ({"type": "array", "maxItems": 3, "uniqueItems": True, "items": {"type": "boolean"}}, "would not be checked"),
            ({"type": "object", "properties": {}}, "additionalProperties: false"),
            ({"type": "string", "enum": ["A"]}, "x-avro"),
            ({"type": "string", "enum": ["GOODS"], "x-avro": "orderlog.order.LineKind"}, "are not those of"),
            ({"type": ["string", "null"], "maxLength": 3}, "not supported"),
            ({"type": "string", "maxLength": 3, "x-in": "path"}, "x-path"),
            ({"type": "string", "maxLength": 3, "x-in": "header"}, "x-in"),
        ):
            with self.subTest(value=value):
                self.edit_property("more", value)
                self.assert_refused(words)

    def test_patterns_that_are_not_supported(self):
        for pattern in ("a", "^a", "a$", "^(a)$", "^a|b$", "^.$", "^[^a]$", r"^\d$", "^[é]$", "^[b-a]$", "^[]$", "^a{2,1}$", "^a{0}$", "^a{,2}$", "^a**$",
                        "^a{2$", "^[a-z]+[a-c]$", "^a?b?a$", "^a*a$", "^[a$", "^a$b$", "^a+$"):  # fmt: skip
            with self.subTest(pattern=pattern):
                self.edit_property("more", {"type": "string", "pattern": pattern})
                self.assert_refused("more")

    def test_patterns_that_are_supported(self):
        for pattern in ("^a$", "^[a-z]{1,3}[0-9]{2}$", "^a?b?c$", r"^[a\-\]]{1,2}\.$", "^[A-Za-z0-9._-]{1,64}$", "^[ab]{2}[a-z]{0,3}$", "^[-a]{1,2}$"):
            with self.subTest(pattern=pattern):
                self.edit_property("more", {"type": "string", "pattern": pattern})
                done = self.run_generator("--out", self.folder.name + "/out")
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_events_must_stay_last_in_the_commit(self):
        self.edit("commit.avsc", lambda schema: schema["fields"].append({"name": "more", "type": "string"}))
        self.assert_refused("the last field must be events")


class Patterns(unittest.TestCase):
    """The compiled steps, run by the same rule as in C, against Python's own regular expressions."""

    def matches(self, steps, text):
        at = 0
        for step in steps:
            times = 0
            while times < step.maximum and at < len(text) and ord(text[at]) in step.characters:
                times, at = times + 1, at + 1
            if times < step.minimum:
                return False
        return at == len(text)

    def test_against_regular_expressions(self):
        import itertools
        import re

        from pattern import compile_pattern

        for pattern in ("^a?b?c$", "^[ab]{1,2}c*$", "^a{2}b+$", "^[ab]{2}[a-c]{0,2}$", "^[a-c]{0,3}$", "^ab?$", "^b*a{1,2}c?$"):
            steps = compile_pattern(pattern, "").steps
            for length in range(6):
                for letters in itertools.product("abcd", repeat=length):
                    text = "".join(letters)
                    self.assertEqual(self.matches(steps, text), bool(re.fullmatch(pattern[1:-1], text)), (pattern, text))


if __name__ == "__main__":
    support.run()
