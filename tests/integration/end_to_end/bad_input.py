"""What is wrong with a command, made from its schema: for every field its wrong types, bounds and numbers, and bodies that are no command at all.

A case is a body as bytes and the JSON Pointer that the answer must name.
"""
import json
import re

LINES = 10_000
NESTING = 1_000
HUGE = (b"1e400", b"-1e400", b"1e308", b"9223372036854775808", b"-9223372036854775809", b"9" * 400)
WRONG_TYPES = {
    "string": (1, 1.5, True, None, [], {}, [["x"]]),
    "integer": ("1", 1.5, True, None, [], {}),
    "number": ("1", True, None, [], {}),
    "boolean": (0, "true", None, [], {}),
    "array": ({}, "x", 1, True, None),
    "object": ([], "x", 1, True, None),
}
STRINGS_BY_FORMAT = {"date-time": "2010-12-01T08:26:00Z", "date": "2010-12-01", "money": "2.50"}
BAD_BY_FORMAT = {
    "date-time": ("", "2010-12-01", "2010-13-01T00:00:00Z", "2010-12-01 08:26", "2010-12-01T25:00:00Z", "now"),
    "date": ("", "2010-02-30", "1.12.2010", "2010-12-01T00:00:00Z"),
    "money": ("", "1e3", "1,5", "1.23456", "+1", "abc", "9" * 40, " 1"),
}
STRINGS = ("x1", "GBP", "12345678")
HOLE = "\ue000hole\ue000"  # stands in a document for bytes that JSON can't say


def valid(rules):
    """The least value that the rules allow."""
    kind = rules["type"]
    if kind == "object":
        return {name: valid(rules["properties"][name]) for name in rules["required"]}
    if kind == "array":
        return [valid(rules["items"])]
    if kind == "string":
        return valid_string(rules)
    return {"integer": max(1, rules.get("minimum", 1)), "number": 1.5, "boolean": True}[kind]


def valid_string(rules):
    if "enum" in rules:
        return rules["enum"][0]
    if "format" in rules:
        return STRINGS_BY_FORMAT[rules["format"]]
    return next(text for text in STRINGS if re.search(rules.get("pattern", ""), text))


def fields(rules, base, path=()):
    """Every place that a client may fill: (path, rules, a document in which that place is filled)."""
    for name, inner in rules["properties"].items():
        if inner.get("x-in"):
            continue
        document = put(base, path + (name,), valid(inner))
        yield path + (name,), inner, document
        if inner["type"] == "array":
            yield path + (name, 0), inner["items"], document
            if inner["items"]["type"] == "object":
                yield from fields(inner["items"], document, path + (name, 0))


def put(document, path, value):
    """A copy with the value at the path."""
    copy = json.loads(json.dumps(document))
    at = copy
    for part in path[:-1]:
        at = at[part]
    if isinstance(at, list):
        at[path[-1]:path[-1] + 1] = [value]
    else:
        at[path[-1]] = value
    return copy


def remove(document, path):
    copy = json.loads(json.dumps(document))
    at = copy
    for part in path[:-1]:
        at = at[part]
    del at[path[-1]]
    return copy


def pointer(path):
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def encode(document, hole=b""):
    return json.dumps(document, ensure_ascii=False).encode().replace(json.dumps(HOLE, ensure_ascii=False).encode(), hole)


def cases(command):
    """(what, body, pointer) of everything that a body of the command can have wrong and still be a JSON document."""
    rules = command.schema
    base = {name: value for name, value in command.example().items() if name in command.properties}
    for path, inner, document in fields(rules, base):
        yield from cases_of_place(path, inner, document)
    for document, path in ((document, path) for path, inner, document in fields(rules, base) if inner["type"] == "object"):
        item = at_path(document, path)
        for name in item:
            yield "missing", encode(remove(document, path + (name,))), pointer(path + (name,))
        yield "unknown", encode(put(document, path + ("surprise",), 1)), pointer(path + ("surprise",))
    for name in command.required:
        yield "missing", encode(remove(base, (name,))), pointer((name,))
    for name in ("surprise", "a/b~c", *(name for name, inner in rules["properties"].items() if inner.get("x-in") == "server")):
        yield "unknown", encode(base | {name: "x"}), pointer((name,))
    for name in command.path_fields:
        yield "said twice", encode(base | {name: command.example()[name]}), pointer((name,))
    if "lines" not in rules["properties"]:
        yield f"{LINES} lines", encode(base | {"lines": [{"sku": "x1", "quantity": 1}] * LINES}), "/lines"


def at_path(document, path):
    for part in path:
        document = document[part]
    return document


def cases_of_place(path, rules, document):
    place, kind = pointer(path), rules["type"]
    for wrong in WRONG_TYPES[kind]:
        yield f"{wrong!r} for {kind}", encode(put(document, path, wrong)), place
    if kind in ("integer", "number", "string", "boolean"):
        for number in HUGE:
            yield f"{number[:24]!r} for {kind}", encode(put(document, path, HOLE), number), place
    if kind == "string":
        yield from cases_of_string(path, rules, document)
    if kind == "array":
        yield f"{LINES} items", encode(put(document, path, [valid(rules["items"])] * LINES)), place
        if rules.get("minItems", 0) > 0:
            yield "no items", encode(put(document, path, [])), place
    if kind in ("integer", "number"):
        for bound, step in (("minimum", -1), ("maximum", 1)):
            if bound in rules:
                yield f"beyond {bound}", encode(put(document, path, rules[bound] + step)), place


def cases_of_string(path, rules, document):
    place = pointer(path)
    bad = list(BAD_BY_FORMAT.get(rules.get("format"), ()))
    if "enum" in rules:
        bad += ["", "other", rules["enum"][0].lower()]
    if rules.get("minLength", 0) > 0:
        bad.append("")
    if "maxLength" in rules:
        bad += ["é" * (rules["maxLength"] + 1)]
    if "pattern" in rules:
        bad += ["", ".", "..", "a" * 300, "naïve", "x\u0000y", "<script>", "' OR 1=1"]
    for text in bad:
        yield f"{text[:24]!r}", encode(put(document, path, text)), place


def no_documents(command):
    """(what, body) of bodies that are no JSON document, or none that we read: the answer says at which byte."""
    base = encode({name: value for name, value in command.example().items() if name in command.properties})
    yield "invalid UTF-8", base[:-1] + (b"," if len(base) > 2 else b"") + b'"surprise":"\xff\xfe"}'
    yield "overlong UTF-8", base[:-1] + (b"," if len(base) > 2 else b"") + b'"surprise":"\xc0\xaf"}'
    yield "a lone surrogate", base[:-1] + (b"," if len(base) > 2 else b"") + b'"surprise":"\\ud800"}'
    yield "nested deeply", b'{"a":' * NESTING + b"1" + b"}" * NESTING
    yield "lists nested deeply", base[:-1] + (b"," if len(base) > 2 else b"") + b'"surprise":' + b"[" * NESTING + b"]" * NESTING + b"}"
    yield "cut off", base[:-1]
    yield "two documents", base + base
    yield "a comment", base + b"/* */"
    yield "a trailing comma", base[:-1] + b",}"
    yield "no number", base[:-1] + (b"," if len(base) > 2 else b"") + b'"surprise":NaN}'
    yield "no JSON", b"lines=1"
    yield "a NUL byte", base + b"\x00"


def no_objects():
    """Documents that are no object."""
    return ((text, text) for text in (b"[]", b'"x"', b"1", b"null", b"true", b"1e400"))
