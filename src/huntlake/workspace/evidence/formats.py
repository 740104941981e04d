"""How files are written: for each form, how to know it by its first bytes, and how to read its records."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import orjson

from huntlake.core.errors import Invalid
from huntlake.workspace.evidence.records import Record, Unread

HEAD = 64 * 1024
"""Bytes that are looked at to know a file's form."""

LONGEST = 16 * 1024 * 1024
"""Bytes of the longest record that is read."""

_SHOWN = 4000
_WRAPPERS = ("Records", "records", "value", "events", "Events", "results")

Records = Iterator[Record | Unread]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A form of files. `knows` is asked with the first bytes of a file, `read` raises `Invalid` if it can't begin."""

    name: str
    knows: Callable[[bytes], bool]
    read: Callable[[Path], Records]


def read_evtx(path: Path) -> Records:
    """The events of a Windows event log, as the objects that its parser makes of them."""
    try:
        from evtx import PyEvtxParser
    except ImportError as error:
        raise Invalid("reading EVTX needs the package `evtx`: pip install 'huntlake[evidence]'") from error
    try:
        found = iter(PyEvtxParser(str(path), number_of_threads=1).records_json())
    except (RuntimeError, OSError, ValueError) as error:
        raise Invalid(f"no event log that can be read: {error}") from error
    number = 0
    while True:
        number += 1
        try:
            one = next(found)
        except StopIteration:
            return
        except (RuntimeError, OSError, ValueError) as error:
            # The parser goes on after a damaged record, and after a damaged chunk of records.
            yield Unread(number, f"a damaged record: {error}"[:_SHOWN], "")
            continue
        if one is None:
            yield Unread(number, "a record of which the parser says nothing", "")
        else:
            yield _object(number, str(one["data"]).encode())


def read_json(path: Path) -> Records:
    """JSON lines; or arrays and objects over many lines, one after another; wrappers of an array are opened."""
    with _text(path) as text:
        beginning = text.read(HEAD)
        text.seek(0)
        whole = beginning.lstrip()[:1] == "[" or not _begins_with_line(beginning)
        yield from _documents(text.read()) if whole else chain.from_iterable(_lines(text))


def read_csv(path: Path) -> Records:
    """Rows under the names in the first line; a row of another width is unread."""
    csv.field_size_limit(LONGEST)
    with _text(path) as text:
        line = text.readline(HEAD)
        while line.startswith("#") and not line.startswith("#TYPE,"):
            line = text.readline(HEAD)
        delimiter = max(",;\t|", key=line.count)
        try:
            header = [n.strip().strip('"') for n in next(csv.reader([line], delimiter=delimiter), [])]
        except csv.Error as error:
            raise Invalid(f"the first line is no row of CSV: {error}") from None
        if len(set(header)) < len(header):
            raise Invalid("the first line names a column twice")
        rows = csv.reader(_without_nul(text), delimiter=delimiter, strict=True)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield Unread(rows.line_num + 1, f"no row of CSV: {error}", "")
                continue
            number = rows.line_num + 1
            if not row:
                continue
            if len(row) != len(header):
                reason = f"{len(row)} values under {len(header)} names"
                yield Unread(number, reason, delimiter.join(row)[:_SHOWN])
                continue
            yield Record(number, dict(zip(header, row, strict=True)))


def read_zeek(path: Path) -> Records:
    """A log of Zeek in its own form, with lines `#fields` and `#types` before the values."""
    with _text(path) as text:
        separator, unset, empty, log = "\t", "-", "(empty)", ""
        names: list[str] = []
        types: list[str] = []
        for number, raw in enumerate(text, 1):
            line = raw.rstrip("\r\n")
            if line.startswith("#"):
                key, _, rest = line.partition(separator if not line.startswith("#separator") else " ")
                match key:
                    case "#separator" if re.fullmatch(r"\\x[0-9a-fA-F]{2}", rest):
                        separator = chr(int(rest[2:], 16))
                    case "#unset_field":
                        unset = rest
                    case "#empty_field":
                        empty = rest
                    case "#path":
                        log = rest
                    case "#fields":
                        names = rest.split(separator)
                    case "#types":
                        types = rest.split(separator)
                continue
            if not line:
                continue
            values = line.split(separator)
            if not names or len(values) != len(names) or len(types) != len(names):
                yield Unread(number, f"{len(values)} values under {len(names)} names", line[:_SHOWN])
                continue
            fields = {
                name: _zeek_value(value, type, empty)
                for name, value, type in zip(names, values, types, strict=True)
                if value != unset
            }
            yield Record(number, {"_path": log, **fields})


def read_lines(path: Path) -> Records:
    """Lines of text, each in the field `line`."""
    with _text(path) as text:
        for number, raw in enumerate(iter(lambda: text.readline(LONGEST), ""), 1):
            if line := raw.rstrip("\r\n"):
                yield Record(number, {"line": line})


def _zeek_value(value: str, type: str, empty: str) -> Any:
    if type.startswith(("set[", "vector[")):
        return [] if value == empty else value.split(",")
    if value == empty:
        return ""
    match type:
        case "bool":
            return value == "T"
        case "count" | "int" | "port":
            return int(value) if value.lstrip("-").isdigit() else value
        case "double" | "interval":
            try:
                return float(value)
            except ValueError:
                return value
        case _:
            return value


def _begins_with_line(beginning: str) -> bool:
    lines = [one for one in beginning.split("\n", 3) if one.strip()]
    for line in lines[:2]:
        try:
            if isinstance(orjson.loads(line), dict):
                return True
        except ValueError:
            continue
    # A first line that is longer than what was looked at.
    return len(lines) == 1 and len(beginning) >= HEAD and beginning.lstrip()[:1] == "{"


def _lines(text: IO[str]) -> Iterator[Iterator[Record | Unread]]:
    number = 0
    while line := text.readline(LONGEST):
        number += 1
        if len(line) >= LONGEST and not line.endswith("\n"):
            yield iter([Unread(number, f"longer than {LONGEST:,} characters", line[:_SHOWN])])
            while line and not line.endswith("\n"):
                line = text.readline(LONGEST)
        elif line.strip():
            yield _objects(number, line)


def _objects(number: int, text: str) -> Iterator[Record | Unread]:
    try:
        value = orjson.loads(text)
    except ValueError as error:
        yield Unread(number, f"no JSON: {error}", text[:_SHOWN])
        return
    yield from _opened(number, value)


def _opened(number: int, value: Any) -> Iterator[Record | Unread]:
    """The objects of a JSON value: itself, those of an array, or those of the one array that it wraps."""
    if isinstance(value, dict):
        for name in _WRAPPERS:
            wrapped = value.get(name)
            if isinstance(wrapped, list) and wrapped and all(isinstance(one, dict) for one in wrapped):
                value = wrapped
                break
    if not isinstance(value, list):
        value = [value]
    for one in value:
        if isinstance(one, dict):
            yield Record(number, one)
        else:
            yield Unread(number, "no JSON object", json.dumps(one)[:_SHOWN])


def _documents(text: str) -> Records:
    decoder = json.JSONDecoder()
    at, number = 0, 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if at >= len(text):
            return
        number += 1
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            # Where one document ends that is broken nobody knows: what can be said of the rest is that it is there.
            yield Unread(number, f"no JSON, and nothing after it was read: {error}", text[at : at + _SHOWN])
            return
        yield from _opened(number, value)


def _object(number: int, data: bytes) -> Record | Unread:
    try:
        return Record(number, orjson.loads(data))
    except ValueError as error:
        return Unread(number, f"no JSON: {error}", data[:_SHOWN].decode("utf-8", "replace"))


def _text(path: Path) -> IO[str]:
    """A file as text: UTF-8 or, if its first bytes say so, UTF-16. Bytes that are neither are kept as escapes."""
    with path.open("rb") as file:
        mark = file.read(2)
    encoding = "utf-16" if mark in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return io.TextIOWrapper(path.open("rb"), encoding=encoding, errors="backslashreplace", newline="\n")


def _without_nul(text: IO[str]) -> Iterator[str]:
    # Without an end a line could take all memory; a row that is cut here has the wrong width, or an open quote.
    return (line.replace("\0", "\\0") for line in iter(lambda: text.readline(LONGEST), ""))


def _printed(head: bytes) -> str | None:
    """The first bytes as text; None where they are none."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace").lstrip("\ufeff")
    if b"\0" in head:
        return None
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    return None if text.count("\ufffd") > len(text) // 20 + 1 else text


def _text_that(matches: Callable[[str], object]) -> Callable[[bytes], bool]:
    def knows(head: bytes) -> bool:
        text = _printed(head)
        return text is not None and bool(matches(text))

    return knows


def _first_line(pattern: str) -> Callable[[str], object]:
    form = re.compile(pattern)
    return lambda text: form.match(text.lstrip().split("\n", 1)[0])


_LINE_END = re.compile("\r\n?|\n")


def _has_header(text: str) -> bool:
    lines = [one for one in _LINE_END.split(text) if one.strip() and not one.startswith("#")]
    if not lines:
        return False
    delimiter = max(",;\t|", key=lines[0].count)
    try:
        names = next(csv.reader([lines[0]], delimiter=delimiter), [])
    except csv.Error:
        return False
    return len(names) > 1 and all(n.strip() and len(n) < 200 for n in names)


_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_SYSLOG = rf"(<\d{{1,3}}>)?(\d+ )?(({_MONTHS}) +\d|\d{{4}}-\d\d-\d\dT\S+ \S+ \S)|.*CEF: ?\d\|"

FORMATS = (
    FileFormat("evtx", lambda head: head.startswith(b"ElfFile\0"), read_evtx),
    FileFormat("zeek", _text_that(lambda text: text.startswith("#separator ")), read_zeek),
    FileFormat("json", _text_that(lambda text: text.lstrip()[:1] in ("{", "[")), read_json),
    FileFormat("audit", _text_that(_first_line(r"(node=\S+ )?type=\S+ msg=audit\(")), read_lines),
    FileFormat("syslog", _text_that(_first_line(_SYSLOG)), read_lines),
    FileFormat("csv", _text_that(_has_header), read_csv),
)
"""Every form that is read, in the order in which they are asked."""


def format_of(path: Path) -> FileFormat | None:
    """The form of a file; None where nobody knows it."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    return next((form for form in FORMATS if form.knows(head)), None)
