"""JSON as people and portals leave it in files: with comments, trailing commas, line ends in texts, of any encoding.

Whatever else isn't JSON is refused with its line and column.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any, NoReturn

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span

UNREADABLE = "JSON001"
Steps = tuple[str | int, ...]
"""The way to a value: names in lower case, and numbers from 0."""
LARGEST = 32_000_000
"""How many bytes a file may have: templates end at four million, and packaged solutions come close."""
DEEPEST = 200
"""How deep values may nest."""

_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # The mark of UTF-32 begins with the one of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BETWEEN = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?(?![\w.+-])", re.ASCII)
_WORD = re.compile(r"[A-Za-z_]\w*")
_WORDS = {"true": True, "false": False, "null": None}
_SURROGATE = re.compile("[\ud800-\udfff]")


def decoded(content: bytes, name: str = "file") -> str:
    """The text of a file, in UTF-8 or whatever its byte order mark says. Raises `SourceError`."""
    encoding = next((e for mark, e in _ENCODINGS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"line {line} of the file holds what isn't {error.encoding.upper()}"
        raise SourceError(Source("", name), Diagnostic(UNREADABLE, message, Span(0, 0))) from None


def read(content: bytes | str, name: str = "file") -> Any:
    """The value that a file holds; of keys that repeat the last stays. Raises `SourceError`."""
    if len(content) > LARGEST:
        message = f"a file of JSON has at most {LARGEST:,} bytes"
        raise SourceError(Source("", name), Diagnostic(UNREADABLE, message, Span(0, 0)))
    text = content.removeprefix("\ufeff") if isinstance(content, str) else decoded(content, name)
    return _Reader(Source(text, name)).whole()


def places(source: Source) -> dict[Steps, Span]:
    """Where each value of a file stands, by the names and numbers that lead to it. Raises `SourceError`."""
    reader = _Reader(source, {})
    reader.whole()
    return reader.places or {}


class _Reader:
    def __init__(self, source: Source, places: dict[Steps, Span] | None = None) -> None:
        self.source, self.text, self.at, self.depth = source, source.text, 0, 0
        self.places, self.steps = places, list[str | int]()

    def whole(self) -> Any:
        value = self.value()
        if self.ahead():
            self.fail("the value ends before this")
        return value

    def value(self) -> Any:
        if self.places is None:
            return self.bare()
        self.ahead()
        start, steps = self.at, tuple(self.steps)
        made = self.bare()
        self.places[steps] = Span(start, self.at)
        return made

    def member(self, step: str | int) -> Any:
        self.steps.append(step)
        made = self.value()
        self.steps.pop()
        return made

    def bare(self) -> Any:
        match self.ahead():
            case "{":
                return self.object()
            case "[":
                return self.array()
            case '"':
                return self.string()
            case "":
                self.fail("the file ends where a value was expected")
        if match := _NUMBER.match(self.text, self.at):
            return self.number(match)
        if (match := _WORD.match(self.text, self.at)) and match[0] in _WORDS:
            self.at = match.end()
            return _WORDS[match[0]]
        self.fail("a value was expected")

    def number(self, match: re.Match[str]) -> int | float:
        self.at = match.end()
        if match[1] or match[2]:
            value = float(match[0])
            if value in (float("inf"), float("-inf")):
                self.fail("the number is too large", match.start())
            return value
        if len(match[0]) > 30:
            self.fail("the number has too many digits", match.start())
        return int(match[0])

    def object(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        self.enter()
        while self.ahead() != "}":
            if self.ahead() != '"':
                self.fail("a name in double quotes was expected, or the `}`")
            key = self.string()
            if self.ahead() != ":":
                self.fail("a `:` was expected behind the name")
            self.at += 1
            made[key] = self.member(key.lower())
            self.comma("}")
        self.leave()
        return made

    def array(self) -> list[Any]:
        made: list[Any] = []
        self.enter()
        while self.ahead() != "]":
            made.append(self.member(len(made)))
            self.comma("]")
        self.leave()
        return made

    def comma(self, end: str) -> None:
        ahead = self.ahead()
        if ahead == ",":
            self.at += 1
        elif ahead != end:
            self.fail(f"a `,` or the `{end}` was expected")

    def enter(self) -> None:
        self.at += 1
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"values nest at most {DEEPEST} deep", self.at - 1)

    def leave(self) -> None:
        self.at += 1
        self.depth -= 1

    def string(self) -> str:
        match = _STRING.match(self.text, self.at)
        if match is None:
            self.fail("this text has no end")
        try:
            value: str = json.loads(match[0], strict=False)
        except json.JSONDecodeError as error:
            self.fail("this is not an escape that JSON knows", self.at + error.pos)
        if _SURROGATE.search(value):
            self.fail("this text holds half a character")
        self.at = match.end()
        return value

    def ahead(self) -> str:
        """The next character that counts; nothing at the end."""
        match = _BETWEEN.match(self.text, self.at)
        self.at = match.end() if match else self.at
        if self.text.startswith("/*", self.at):
            self.fail("this comment has no end")
        return self.text[self.at : self.at + 1]

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        start = self.at if at is None else at
        raise SourceError(self.source, Diagnostic(UNREADABLE, message, Span(start, start + 1)))
