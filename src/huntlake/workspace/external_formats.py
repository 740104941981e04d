"""What `externaldata` makes of a file's bytes: records, each a text for every declared column."""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, NoReturn
from urllib.parse import urlsplit

from huntlake.core.errors import Invalid, LimitExceeded, Refused
from huntlake.kql.types import Column, ScalarType

DELIMITERS = {"csv": ",", "tsv": "\t", "psv": "|", "scsv": ";", "sohsv": "\x01"}
LINES, WHOLE = "txt", "raw"
NESTED = {"json", "multijson", "singlejson"}
FORMATS = {*DELIMITERS, LINES, WHOLE, *NESTED, "parquet"}
PROPERTIES = {"format", "ignorefirstrecord", "ingestionmapping"}

Row = list[str]
_HALVES = re.compile("[\ud800-\udfff]")
_Reader = Callable[[object], object]


@dataclass(frozen=True)
class Shape:
    """How records are read: the format, None to go by the name of each file; and what fills each column."""

    columns: tuple[Column, ...]
    format: str | None = None
    skip_first: bool = False
    mapping: tuple[_Source, ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """What fills a column: a constant, a position in a line of fields, or a path into a JSON value."""

    column: str
    constant: str | None = None
    ordinal: int | None = None
    path: tuple[str | int, ...] | None = None


def shape(columns: Sequence[Column], properties: Mapping[str, object]) -> Shape:
    """Read the properties behind `with`. `Refused` for those that aren't supported, `Invalid` for wrong values."""
    for name in properties:
        if name.lower() not in PROPERTIES:
            raise Refused(f"the property `{name}` of `externaldata`")
    given = {name.lower(): value for name, value in properties.items()}
    format = None
    if "format" in given:
        format = str(given["format"]).lower()
        if format not in FORMATS:
            raise Refused(f"the format `{given['format']}` of `externaldata`")
    first = str(given.get("ignorefirstrecord", False)).lower()
    if first not in ("true", "false"):
        raise Invalid(f"`ignoreFirstRecord` is true or false, not `{given['ignorefirstrecord']}`")
    skip = first == "true"
    if skip and format is not None and not (format in DELIMITERS or format == LINES):
        raise Refused(f"`ignoreFirstRecord` of the format `{format}`")
    mapping = _mapping(str(given["ingestionmapping"]), columns) if "ingestionmapping" in given else ()
    return Shape(tuple(columns), format, skip, mapping)


def records(content: bytes, address: str, shape: Shape, max_bytes: int) -> Iterator[Row]:
    """The records of one file."""
    name = PurePosixPath(urlsplit(address).path.partition(";")[0]).name.lower()
    content, name = _unpacked(content, name, max_bytes)
    format = shape.format or _format_of(name)
    if format == "parquet":
        yield from _parquet(content, shape)
        return
    if format == WHOLE:
        yield _fields([_text(content)], shape)
        return
    text = _text(content)
    if format in NESTED:
        if shape.skip_first:
            raise Refused(f"`ignoreFirstRecord` of the format `{format}`")
        yield from (_object(value, shape) for value in _values(text, format))
        return
    lines = _delimited(text, DELIMITERS[format]) if format in DELIMITERS else _lines(text)
    for index, fields in enumerate(lines):
        if index or not shape.skip_first:
            yield _fields(fields, shape)


def _format_of(name: str) -> str:
    suffix = name.rpartition(".")[2]
    return suffix if suffix in FORMATS else "csv"


def _unpacked(content: bytes, name: str, max_bytes: int) -> tuple[bytes, str]:
    try:
        if content[:2] == b"\x1f\x8b":
            with gzip.open(io.BytesIO(content)) as file:
                content = file.read(max_bytes + 1)
            name = name.removesuffix(".gz")
        elif content[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                inside = [i for i in archive.infolist() if not i.is_dir()]
                if len(inside) != 1:
                    raise Refused(f"a zip archive of {len(inside)} files in `externaldata`")
                with archive.open(inside[0]) as file:
                    content = file.read(max_bytes + 1)
                name = PurePosixPath(inside[0].filename).name.lower()
    except (
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise Invalid(f"`{name}` can't be unpacked: {error}") from None
    if len(content) > max_bytes:
        raise LimitExceeded(f"`{name}` unpacks to more than {max_bytes} bytes")
    return content, name


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"external data is not UTF-8 at byte {error.start}") from None


def _lines(text: str) -> Iterator[list[str]]:
    for line in text.split("\n"):
        if line.strip():
            yield [line.removesuffix("\r")]


def _delimited(text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from (row for row in reader if row)
    except csv.Error as error:
        raise Invalid(f"line {reader.line_num} of external data can't be read: {error}") from None


def _fields(fields: Sequence[str], shape: Shape) -> Row:
    if not shape.mapping:
        return [fields[i] if i < len(fields) else "" for i in range(len(shape.columns))]
    row = []
    for source in _by_column(shape):
        if source is None:
            row.append("")
        elif source.constant is not None:
            row.append(source.constant)
        elif source.ordinal is not None:
            row.append(fields[source.ordinal] if source.ordinal < len(fields) else "")
        else:
            raise Invalid(f"the mapping of `{source.column}` has a path, and the data has no names: give an Ordinal")
    return row


def _object(value: Any, shape: Shape) -> Row:
    row = []
    for column, source in zip(shape.columns, _by_column(shape), strict=True):
        if not shape.mapping:
            found = value.get(column.name) if isinstance(value, dict) else None
        elif source is None:
            found = None
        elif source.constant is not None:
            found = source.constant
        elif source.path is not None:
            found = _at(value, source.path)
        else:
            raise Invalid(f"the mapping of `{column.name}` has an ordinal, and JSON has names: give a Path")
        row.append(_as_text(found, column.type))
    return row


def _by_column(shape: Shape) -> Iterable[_Source | None]:
    sources = {s.column: s for s in shape.mapping}
    return (sources.get(c.name) for c in shape.columns)


def _as_text(value: Any, type: ScalarType) -> str:
    if value is None:
        return ""
    if type is ScalarType.DYNAMIC or not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # JSON may name half of a letter, which no text can hold.
    return _HALVES.sub("\ufffd", value)


def _values(text: str, format: str) -> Iterator[Any]:
    """The JSON values of a text: one a line, or one after another; of arrays the elements."""
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    try:
        if format == "json":
            yield from (decoder.decode(line) for line in text.split("\n") if line.strip())
            return
        at = _blank(text, 0)
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            yield from value if isinstance(value, list) and format == "multijson" else [value]
            at = _blank(text, at)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"external data is no JSON: {error}") from None


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"`{text}` is no number there")


def _blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


_BLANK = re.compile(r"[\s,]*")


def _parquet(content: bytes, shape: Shape) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet

    if shape.skip_first:
        raise Refused("`ignoreFirstRecord` of the format `parquet`")
    try:
        table = pyarrow.parquet.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        raise Invalid(f"external data is no Parquet: {error}") from None
    for batch in table.to_batches():
        for values in batch.to_pylist():
            yield _object({name: _plain(value) for name, value in values.items()}, shape)


def _plain(value: Any) -> Any:
    """A value of Parquet as JSON would hold it."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


# -- mappings -------------------------------------------------------------------


def _mapping(text: str, columns: Sequence[Column]) -> tuple[_Source, ...]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, list) or not entries or not all(isinstance(e, dict) for e in entries):
        raise Invalid("`ingestionMapping` is a JSON array of mappings, none of them by name")
    names = {c.name for c in columns}
    found = tuple(_source({k.lower(): v for k, v in entry.items()}) for entry in entries)
    for source in found:
        if source.column not in names:
            raise Invalid(f"`ingestionMapping` fills `{source.column}`, which is no column here")
    return found


def _source(entry: Mapping[str, Any]) -> _Source:
    properties = entry.get("properties")
    told = {**{k: v for k, v in entry.items() if k != "properties"}}
    if isinstance(properties, dict):
        told |= {str(k).lower(): v for k, v in properties.items()}
    column = str(told.pop("column", told.pop("name", "")))
    told.pop("datatype", None)
    if told.get("transform") in (None, "", "None"):
        told.pop("transform", None)
    constant, ordinal, path = told.pop("constvalue", None), told.pop("ordinal", None), told.pop("path", None)
    if told:
        raise Refused(f"`{next(iter(told))}` in an `ingestionMapping`")
    if constant is not None:
        return _Source(column, constant=str(constant))
    if ordinal is not None and re.fullmatch(r"\d{1,5}", str(ordinal)):
        return _Source(column, ordinal=int(ordinal))
    if path is not None:
        return _Source(column, path=_steps(str(path)))
    raise Invalid(f"`ingestionMapping` doesn't say what fills `{column}`: a Path, an Ordinal or a ConstValue")


_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]'"*?()@]+)|\[(?P<index>\d+)\]|\['(?P<single>[^']*)'\]|\["(?P<double>[^"]*)"\]"""
)


def _steps(path: str) -> tuple[str | int, ...]:
    if not path.startswith("$"):
        raise Invalid(f"the path `{path}` of an `ingestionMapping` doesn't begin with `$`")
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise Refused(f"the path `{path}` in an `ingestionMapping`")
        if match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            steps.append(next(g for g in (match["name"], match["single"], match["double"]) if g is not None))
        at = match.end()
    return tuple(steps)


def _at(value: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value
