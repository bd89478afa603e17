"""JSON the way Go's ``encoding/json`` reads and writes it.

OSCAR is written in Go and shows its decoder's sentences to the caller, so they are part of the contract (wire A017,
B001, B002, B005, B006, G005). This module only knows JSON; what a service looks like is in ``schema``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NUMBER_LIKE = re.compile(r"[-+.0-9eE]+")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]+')
_SPACE = " \t\r\n"
_CONTROLS = range(0x80, 0xA0)  # the second row of control characters
_DEEPEST = 200  # 10,000 in Go, whose stack grows; nothing of OSCAR is deeper than five
BROKEN_OFF = "unexpected EOF"
_WHERE_VALUE = "looking for beginning of value"
_WHERE_KEY = "looking for beginning of object key string"


class GoJSONError(ValueError):
    """What Go's decoder would have said."""


def _quoted(char: str) -> str:
    if char == "'":
        return "'\\''"
    if char == '"':
        return "'\"'"
    return f"'\\u{ord(char):04x}'" if ord(char) in _CONTROLS else repr(char)


def _invalid(char: str, where: str) -> GoJSONError:
    return GoJSONError(f"invalid character {_quoted(char)} {where}")


@dataclass(eq=False, repr=False)
class _Scanner:
    """A recursive descent over the text; it exists for its error messages."""

    text: str
    at: int = 0
    depth: int = 0

    def space(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _SPACE:
            self.at += 1

    def peek(self) -> str:
        self.space()
        if self.at >= len(self.text):
            raise GoJSONError(BROKEN_OFF)
        return self.text[self.at]

    def value(self) -> Any:
        char = self.peek()
        if char in "{[":
            self.depth += 1
            if self.depth > _DEEPEST:
                raise _invalid(char, "exceeded max depth")
            found = self.object() if char == "{" else self.array()
            self.depth -= 1
            return found
        if char == '"':
            return self.string()
        if char in "tfn":
            return self.literal()
        return self.number()

    def object(self) -> dict[str, Any]:
        self.at += 1
        found: dict[str, Any] = {}
        if self.peek() == "}":
            self.at += 1
            return found
        while True:
            if (char := self.peek()) != '"':
                raise _invalid(char, _WHERE_KEY)
            key = self.string()
            self.expect(":", "after object key")
            found[key] = self.value()
            if self.expect(",}", "after object key:value pair") == "}":
                return found

    def array(self) -> list[Any]:
        self.at += 1
        found: list[Any] = []
        if self.peek() == "]":
            self.at += 1
            return found
        while True:
            found.append(self.value())
            if self.expect(",]", "after array element") == "]":
                return found

    def expect(self, allowed: str, where: str) -> str:
        char = self.peek()
        if char not in allowed:
            raise _invalid(char, where)
        self.at += 1
        return char

    def string(self) -> str:
        start = self.at
        self.at += 1
        while True:
            if (plain := _PLAIN.match(self.text, self.at)) is not None:
                self.at = plain.end()
            if self.at >= len(self.text):
                raise GoJSONError(BROKEN_OFF)
            char = self.text[self.at]
            if char < " ":
                raise _invalid(char, "in string literal")
            if char == "\\":
                self.escape()
            self.at += 1
            if char == '"':
                return str(json.loads(self.text[start : self.at]))

    def escape(self) -> None:
        self.at += 1
        char = self.text[self.at : self.at + 1]
        if char and char not in '"\\/bfnrtu':
            raise _invalid(char, "in string escape code")
        if char != "u":
            return
        for _ in range(4):
            self.at += 1
            char = self.text[self.at : self.at + 1]
            if char and char not in "0123456789abcdefABCDEF":
                raise _invalid(char, "in \\u hexadecimal character escape")

    def literal(self) -> bool | None:
        word = {"t": "true", "f": "false", "n": "null"}[self.text[self.at]]
        for index, wanted in enumerate(word):
            char = self.text[self.at + index : self.at + index + 1]
            if not char:
                raise GoJSONError(BROKEN_OFF)
            if char != wanted:
                raise _invalid(char, f"in literal {word} (expecting {_quoted(wanted)})")
        self.at += len(word)
        return {"true": True, "false": False, "null": None}[word]

    def number(self) -> Any:
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            if self.text[self.at] == "-":
                char = self.text[self.at + 1 : self.at + 2]
                raise _invalid(char, "in numeric literal") if char else GoJSONError(BROKEN_OFF)
            raise _invalid(self.text[self.at], _WHERE_VALUE)
        self.at = match.end()
        return json.loads(match.group())


def decode(body: bytes) -> Any:
    """The first JSON value of the body; what follows it is ignored, as by ``json.Decoder``."""
    return _decode(body.decode("utf-8", "replace").lstrip("\ufeff"))


def decode_latin(body: bytes) -> Any:
    """The same for bytes that may be no text: Go names a wrong byte by its number (wire K005)."""
    return _decode(body.decode("latin-1"))


def _decode(text: str) -> Any:
    try:
        return json.JSONDecoder().raw_decode(text.lstrip(_SPACE))[0]
    except (ValueError, RecursionError):
        pass  # scan again for Go's sentence
    scanner = _Scanner(text)
    scanner.space()
    if scanner.at >= len(text):
        raise GoJSONError("EOF")
    return scanner.value()


def encode(value: Any) -> str:
    """Compact JSON with Go's HTML-safe escapes (wire P004 shows them)."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        if char in text:
            text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def kind(value: Any) -> str:
    """Go's word for the kind of a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def member(value: dict[str, Any], key: str) -> Any:
    """A member by name: the exact spelling first, else any letter case, the last one winning."""
    if key in value:
        return value[key]
    found = [item for name, item in value.items() if name.lower() == key.lower()]
    return found[-1] if found else None
