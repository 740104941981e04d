"""Records that no other kind knows: those of forensic tools, of a mapping file, and plain ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from huntlake.core.errors import Invalid
from huntlake.workspace.evidence.records import Context, Fields, Notes, Record, Row, first, moment, said, written

_ARTIFACT = re.compile(r"(?:Windows|Linux|MacOS|Generic|Custom|Exchange|Server|System|DetectRaptor)(?:[.%][\w.%-]+)+")
_ENDINGS = re.compile(r"(?:\.(?:json|jsonl|ndjson|csv|tsv|txt|log|gz))+$", re.IGNORECASE)
_EZ_TOOL = re.compile(
    r"(?:\d{8,14}_)?((?:MFTECmd|PECmd|LECmd|JLECmd|RECmd|SBECmd|RBCmd|SrumECmd|SumECmd|WxTCmd|SQLECmd|BSTRINGS"
    r"|AmcacheParser|AppCompatCacheParser|RecentFileCacheParser)\w*)",
    re.IGNORECASE,
)
_TIMES = (
    "timegenerated timestamp time datetime date eventtime eventdatetime timecreated ts lastrun lastmodifiedtimeutc"
    " filekeylastwritetimestamp created0x10 sourcemodified lastwritetimestamp lastmodified0x10 mtime createtime"
    " creationtime starttime deletedon"
).split()
"""Names of fields that tell when something was, without what isn't a letter or a digit; the best first."""


def is_velociraptor(fields: Fields, file: str) -> bool:
    return _ARTIFACT.match(_stem(file)) is not None or isinstance(fields.get("_Source"), str)


def velociraptor(record: Record, context: Context) -> Iterator[Row]:
    """What an artifact of Velociraptor collected: a table for each artifact."""
    fields = dict(record.fields)
    artifact = str(fields.pop("_Source", "") or _stem(context.file))
    yield _row(f"Velociraptor_{_words(artifact)}_CL", fields, moment(_told_time(fields), context), context)


def is_kape(fields: Fields, file: str) -> bool:
    return _EZ_TOOL.match(_stem(file)) is not None


def kape(record: Record, context: Context) -> Iterator[Row]:
    """What a tool of KAPE's wrote: a table for each of its outputs. Its times are UTC."""
    named = _EZ_TOOL.match(_stem(context.file))
    assert named is not None
    utc = replace(context, zone=ZoneInfo("UTC"))
    yield _row(f"KAPE_{_words(named[1])}_CL", record.fields, moment(_told_time(record.fields), utc), utc)


def is_anything(fields: Fields, file: str) -> bool:
    return "line" not in fields or len(fields) > 1


def anything(record: Record, context: Context) -> Iterator[Row]:
    """Whatever has fields: a table of the file's name."""
    name = _words(re.sub(r"^\d{6,}[_-]", "", _stem(context.file)))
    yield _row(f"{name or 'Evidence'}_CL", record.fields, moment(_told_time(record.fields), context), context)


@dataclass(frozen=True, slots=True)
class FileMapping:
    """What a person says of files of which nobody else knows what they are."""

    files: str
    """A pattern of names, with `*` and `?`."""
    table: str
    time: str = ""
    """The field that tells the time."""
    time_zone: str = ""
    columns: Mapping[str, str] | None = None
    """The field for each column; None takes every field as it is called."""
    keep_rest: bool = False
    """Whether fields that fill no column are kept under their own names."""

    def fits(self, file: str) -> bool:
        return fnmatchcase(file.lower(), self.files.lower())

    def rows(self, record: Record, context: Context) -> Iterator[Row]:
        """The row that a record of such a file becomes.

        :raises ValueError: the record lacks the field that tells the time, or it is no time
        """
        fields = record.fields
        # A zone that a person has told is not assumed.
        told = replace(context, zone=ZoneInfo(self.time_zone), notes=Notes()) if self.time_zone else context
        time = moment(first(fields, self.time) if self.time else _told_time(fields), told)
        if self.time and time is None:
            raise ValueError(f"`{self.time}` tells no time")
        if self.columns is None:
            yield _row(self.table, fields, time, context)
            return
        row = {column: fields.get(name) for column, name in self.columns.items()}
        if self.keep_rest:
            used = {*self.columns.values(), self.time}
            row |= {n: v for n, v in fields.items() if n not in used and n not in row}
        yield _row(self.table, row, time, context)


def mappings(path: Path) -> tuple[FileMapping, ...]:
    """The mappings in a file of YAML or JSON, a list of `{files, table, time, time_zone, columns, rest}`.

    :raises Invalid: it can't be understood
    """
    import yaml

    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Invalid(f"the mapping `{path.name}` can't be read: {error}") from None
    if not isinstance(told, list) or not told:
        raise Invalid(f"the mapping `{path.name}` is no list of mappings")
    return tuple(_mapping(one, number, path.name) for number, one in enumerate(told, 1))


def mapping_of(told: Mapping[str, Any]) -> FileMapping:
    """A mapping out of what `as_json` made of it."""
    return FileMapping(**told)


def _mapping(told: Any, number: int, file: str) -> FileMapping:
    where = f"mapping {number} of `{file}`"
    if not isinstance(told, dict):
        raise Invalid(f"{where} is no object")
    if unknown := told.keys() - {"files", "table", "time", "time_zone", "columns", "rest"}:
        raise Invalid(f"{where}: `{sorted(map(str, unknown))[0]}` is not supported")
    for name in ("files", "table"):
        if not isinstance(told.get(name), str) or not told[name]:
            raise Invalid(f"{where} has no `{name}`")
    columns = told.get("columns")
    if columns is not None and not (
        isinstance(columns, dict) and all(isinstance(t, str) for pair in columns.items() for t in pair)
    ):
        raise Invalid(f"{where}: `columns` is no object of names")
    if told.get("rest", "drop") not in ("keep", "drop"):
        raise Invalid(f"{where}: `rest` is `keep` or `drop`")
    zone = str(told.get("time_zone") or "")
    if zone:
        zone_named(zone)
    time = str(told.get("time") or "")
    return FileMapping(told["files"], told["table"], time, zone, columns, told.get("rest") == "keep")


def zone_named(name: str) -> ZoneInfo:
    """The time zone of that name, as in `Europe/Berlin`; `Invalid` where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"no time zone is named `{name}`; `Europe/Berlin` is one, and `UTC`") from None


def _row(table: str, fields: Fields, time: datetime | None, context: Context) -> Row:
    if time is None:
        context.notes.undated += 1
    rest = {name: value for name, value in said(fields).items() if name != "TimeGenerated"}
    return Row(table, said({"TimeGenerated": written(time), **rest}))


def _told_time(fields: Fields) -> Any:
    told = {re.sub(r"[^a-z0-9]", "", name.lower()): value for name, value in reversed(list(fields.items()))}
    return first(told, *_TIMES)


def _stem(file: str) -> str:
    return _ENDINGS.sub("", file)


def _words(text: str) -> str:
    """A part of a table's name: letters, digits, and `_` for the rest."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:90]
    return f"_{plain}" if plain[:1].isdigit() else plain


def first_fit(given: Sequence[FileMapping], file: str) -> FileMapping | None:
    """The first mapping for files of that name."""
    return next((one for one in given if one.fits(file)), None)
