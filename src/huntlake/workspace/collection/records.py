"""What a client sends: a JSON array of objects, or one object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from huntlake.core.errors import Invalid
from huntlake.lake.sources import Reject, shown

_SHOWN = 1000
_DEEPEST = 200
"""How deep a record may nest: what writes JSON gives up a little further down."""

_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])')
# A number of so many digits may not survive being read and written again.
_LONG_NUMBER = re.compile(rb"[0-9]{17}")


@dataclass(frozen=True, slots=True)
class Records:
    """JSON objects: as texts of one line, and as what these say. `places` says where each stood, from 1."""

    lines: Sequence[bytes]
    objects: Sequence[Mapping[str, Any]]
    places: Sequence[int]
    rejects: Sequence[Reject] = ()
    """What stood among them and is no object."""

    @property
    def received(self) -> int:
        """How many there were, whatever they are."""
        return len(self.lines) + len(self.rejects)


def records_of_array(body: bytes) -> Records:
    """The records of a JSON array; `Invalid` for anything else."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"the body is no JSON: {error}") from None
    if not isinstance(parsed, list):
        raise Invalid("the body is no JSON array of objects")
    if not _LONG_NUMBER.search(body):
        try:
            return _sorted([(place, (orjson.dumps(one), one)) for place, one in enumerate(parsed, 1)])
        except TypeError:
            pass  # one nests deeper than can be written
    return _sorted(enumerate(_elements(body), 1))


def records_of_lines(body: bytes) -> Records:
    """The records of JSON lines; `Invalid` where one is no JSON."""
    found = []
    for place, line in enumerate(body.split(b"\n"), 1):
        if text := line.strip():
            try:
                found.append((place, (text, orjson.loads(text))))
            except orjson.JSONDecodeError as error:
                raise Invalid(f"line {place} of the body is no JSON: {error}") from None
    return _sorted(found)


def records_of(rows: Iterable[Mapping[str, Any]]) -> Records:
    """The records of a program; `Invalid` for one that JSON can't say."""
    try:
        lines = [orjson.dumps(dict(row), option=orjson.OPT_NAIVE_UTC) for row in rows]
    except (TypeError, ValueError) as error:
        raise Invalid(f"a record can't be written as JSON: {error}") from None
    return _sorted((place, (line, orjson.loads(line))) for place, line in enumerate(lines, 1))


def _elements(body: bytes) -> Iterable[tuple[bytes, Any]]:
    """The elements of an array that is known to be one, letter for letter."""
    text, decoder = body.decode(), json.JSONDecoder()
    at = text.index("[") + 1
    while (at := _past(text, at, " \t\r\n,")) < len(text) and text[at] != "]":
        try:
            value, end = decoder.raw_decode(text, at)
        except RecursionError:
            raise Invalid("the body is nested too deeply") from None
        # Outside of strings a line's end is a blank, and inside of them there is none.
        yield text[at:end].replace("\n", " ").replace("\r", " ").encode(), value
        at = end


def _past(text: str, at: int, passed: str) -> int:
    while at < len(text) and text[at] in passed:
        at += 1
    return at


def _sorted(elements: Iterable[tuple[int, tuple[bytes, Any]]]) -> Records:
    lines: list[bytes] = []
    objects: list[Mapping[str, Any]] = []
    places: list[int] = []
    rejects: list[Reject] = []
    for place, (text, value) in elements:
        if not isinstance(value, dict):
            rejects.append(Reject(place, "not a JSON object", shown(text[:_SHOWN])))
        elif not value:
            rejects.append(Reject(place, "an empty object", "{}"))
        elif _depth(text) > _DEEPEST:
            rejects.append(Reject(place, f"nested deeper than {_DEEPEST} levels", shown(text)))
        else:
            lines.append(text)
            objects.append(value)
            places.append(place)
    return Records(lines, objects, places, rejects)


def _depth(text: bytes) -> int:
    """How deep a JSON text nests; 0 where that can't be deep."""
    if text.count(b"[") + text.count(b"{") <= _DEEPEST:
        return 0
    depth = deepest = 0
    for match in _BRACKETS.finditer(text):
        depth += bool(match[1]) - bool(match[2])
        deepest = max(deepest, depth)
    return deepest
