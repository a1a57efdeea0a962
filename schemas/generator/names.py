"""Names: from the schemas' CamelCase to C, and the check that no two things get the same C name."""

import re

C_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool true false "
    "typeof asm".split()
)


class SchemaError(Exception):
    """A schema file says something that this generator doesn't support or that contradicts another file."""


def snake(name):
    """CartItemAdded -> cart_item_added"""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def upper(name):
    """CartItemAdded -> CART_ITEM_ADDED"""
    return snake(name).upper()


def check_type_name(name, where):
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
        raise SchemaError(f"{where}: the name {name!r} is not CamelCase")


def check_field_name(name, where):
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in C_KEYWORDS:
        raise SchemaError(f"{where}: {name!r} can't be a field's name (snake_case, no C keyword)")


class Taken:
    """C identifiers of file scope, each with the schema that took it."""

    def __init__(self):
        self._owners = {}

    def take(self, identifier, where):
        owner = self._owners.setdefault(identifier, where)
        if owner != where:
            raise SchemaError(f"{where}: the C name {identifier} is taken by {owner}")
