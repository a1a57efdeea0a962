"""Patterns of commands' strings, compiled to sets of bytes that are matched from left to right without ever going back.

What is supported is a concatenation of ASCII characters and classes, each with {n}, {m,n}, +, * or ?, between ^ and $, and only where one
reading is possible: a part of variable length must not have a character in common with what may follow it."""

from dataclasses import dataclass

from names import SchemaError

UNBOUNDED = 0xFFFFFFFF
SPECIAL = set(".()|^$*+?{}[]\\/")
SPECIAL.discard("/")


@dataclass
class Step:
    characters: frozenset  # code points below 128
    minimum: int
    maximum: int


@dataclass
class Pattern:
    text: str
    steps: list

    def max_length(self):
        return None if any(step.maximum == UNBOUNDED for step in self.steps) else sum(step.maximum for step in self.steps)


class _Parser:
    def __init__(self, text, where):
        self.text, self.where, self.at = text, where, 0

    def fail(self, why):
        raise SchemaError(f"{self.where}: the pattern {self.text!r} is not supported: {why}")

    def next(self):
        if self.at >= len(self.text):
            self.fail("it ends too early")
        self.at += 1
        return self.text[self.at - 1]

    def peek(self):
        return self.text[self.at] if self.at < len(self.text) else ""

    def character(self, c):
        if c == "\\":
            c = self.next()
            if c.isalnum():
                self.fail(f"\\{c}")
        if ord(c) > 126 or ord(c) < 32:
            self.fail("printable ASCII only")
        return ord(c)

    def char_class(self):
        if self.peek() == "^":
            self.fail("negated class")
        characters = set()
        while (c := self.next()) != "]":
            first = last = self.character(c)
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.next()
                last = self.character(self.next())
            if last < first:
                self.fail("a range that runs backwards")
            characters.update(range(first, last + 1))
        if not characters:
            self.fail("empty class")
        return frozenset(characters)

    def number(self):
        start = self.at
        while self.peek().isdigit():
            self.at += 1
        if start == self.at:
            self.fail("a number is expected in {}")
        return int(self.text[start : self.at])

    def quantifier(self):
        c = self.peek()
        if c in ("+", "*", "?") and c:
            self.at += 1
            return {"+": (1, UNBOUNDED), "*": (0, UNBOUNDED), "?": (0, 1)}[c]
        if c != "{":
            return 1, 1
        self.at += 1
        low = high = self.number()
        if self.peek() == ",":
            self.at += 1
            high = self.number()
        if self.next() != "}" or high < low or high == 0 or high > 65535:
            self.fail("{n} or {m,n} with m <= n <= 65535")
        return low, high

    def steps(self):
        if self.next() != "^":
            self.fail("it must begin with ^")
        steps = []
        while self.peek() != "$":
            c = self.next()
            if c == "[":
                characters = self.char_class()
            elif c in SPECIAL and c != "\\":
                self.fail(repr(c))
            else:
                characters = frozenset([self.character(c)])
            steps.append(Step(characters, *self.quantifier()))
        if self.at != len(self.text) - 1:
            self.fail("$ belongs at the end")
        return steps


def _check_one_reading(parser, steps):
    for index, step in enumerate(steps):
        if step.minimum == step.maximum:
            continue
        for follower in steps[index + 1 :]:
            if step.characters & follower.characters:
                parser.fail("a part of variable length shares characters with what follows it")
            if follower.minimum > 0:
                break


def compile_pattern(text, where):
    parser = _Parser(text, where)
    steps = parser.steps()
    _check_one_reading(parser, steps)
    return Pattern(text, steps)
