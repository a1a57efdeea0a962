"""The commands as schemas/ has them: how to send one, and an example of each that is valid."""
import json
import re
import urllib.parse

from harness.places import REPOSITORY


class Command:
    def __init__(self, schema):
        self.schema = schema
        self.name = schema["$id"].rsplit(":", 1)[1]
        self.method, self.path, self.public = schema["x-method"], schema["x-path"], schema["x-exposure"] == "public"
        self.path_fields = re.findall(r"\{(\w+)\}", self.path)
        # What a client may send in the body.
        self.properties = {name: rules for name, rules in schema["properties"].items() if rules.get("x-in") is None}
        self.required = [name for name in schema["required"] if name in self.properties]

    def __repr__(self):
        return self.name

    def example(self):
        return json.loads(json.dumps(self.schema["examples"][0]))

    def path_of(self, fields):
        """The path with its fields filled in."""
        return re.sub(r"\{(\w+)\}", lambda match: urllib.parse.quote(str(fields[match[1]]), safe=""), self.path)

    def body_of(self, fields):
        return {name: value for name, value in fields.items() if name not in self.path_fields}


def load():
    schemas = (json.loads(path.read_text(encoding="utf-8")) for path in sorted((REPOSITORY / "schemas").glob("*/commands/*.json")))
    return {command.name: command for command in map(Command, schemas)}


COMMANDS = load()
