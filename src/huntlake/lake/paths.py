"""Hot paths: what lies at some places in a column of JSON, kept in columns of its own beside it.

For each path a file has two more columns: the text that lies there, and whether it is a JSON string; where nothing lies
there, or the JSON null, the text is empty and the other null. Both together say the JSON again. Neither is in the
table's schema: other engines pass over them, and what another engine writes never has them. Which paths a file has
stands at its end; its name has a digest of that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from huntlake.lake.forms import Form, StoredColumn, identifier, literal

MOST = 32
"""Paths that a table may have."""

KEY = "huntlake.paths"
"""What the list of paths goes by, in a file's own metadata and in the table's."""


@dataclass(frozen=True, slots=True, order=True)
class HotPath:
    """A column of JSON and a JSON path into it, as the engine takes it: `$."a"[0]`."""

    column: str
    path: str

    def of(self, column: str, path: str) -> bool:
        """Whether it is that one. Names of columns that differ in case alone are one."""
        return self.path == path and self.column.lower() == column.lower()


def text_in(json: str, path: str) -> str:
    """SQL for the text at a path of `json`, empty where nothing is found."""
    return f"coalesce(json_extract_string({json}, {literal(path)}), '')"


def json_in(json: str, path: str) -> str:
    """SQL for the JSON at a path of `json`; nothing and the JSON null are null."""
    return f"nullif(json_extract({json}, {literal(path)})::VARCHAR, 'null')"


def text_column(place: int) -> str:
    """The column in which a file has the text of the path at that place of its list."""
    # No table's column has a blank in its name.
    return f"path {place}"


def kind_column(place: int) -> str:
    """The column that says whether it is that of a JSON string."""
    return f"path {place} is a string"


def kept_text(place: int) -> str:
    """SQL for the text, where a file has it."""
    return identifier(text_column(place))


def kept_json(place: int) -> str:
    """SQL for its JSON."""
    text = kept_text(place)
    return f"case {_kept_kind(place)} when true then to_json({text})::VARCHAR when false then {text} end"


def fields(paths: Sequence[HotPath], columns: Collection[str], held: Sequence[HotPath] = ()) -> list[str]:
    """What a SELECT gives besides a table's columns, so that a file of its rows has `paths`.

    It has the `columns`, in lower case, and reads from their JSON, or, where a path is `held` already, from there.
    """
    found = []
    for place, path in enumerate(paths):
        column = identifier(path.column)
        there = next((i for i, h in enumerate(held) if h.of(path.column, path.path)), None)
        if path.column.lower() not in columns:
            text, kind = "''", "null::BOOLEAN"
        elif there is None:
            text, kind = text_in(column, path.path), f"starts_with({json_in(column, path.path)}, '\"')"
        else:
            text, kind = kept_text(there), _kept_kind(there)
        found += [f"{text} as {kept_text(place)}", f"{kind} as {_kept_kind(place)}"]
    return found


def differing(place: int, path: HotPath) -> str:
    """SQL that is true of a row where what is kept isn't what lies in the JSON."""
    column = identifier(path.column)
    text = f"{kept_text(place)} is distinct from {text_in(column, path.path)}"
    return f"{text} or {kept_json(place)} is distinct from {json_in(column, path.path)}"


def digest(paths: Sequence[HotPath]) -> str:
    """What a file's name says of its paths."""
    return sha256(written(paths).encode()).hexdigest()[:16]


def written(paths: Sequence[HotPath]) -> str:
    """The list as text."""
    return json.dumps([[p.column, p.path] for p in paths], separators=(",", ":"), ensure_ascii=True)


def read(text: str) -> tuple[HotPath, ...]:
    """The list that a text says; none where it is no such list."""
    try:
        return tuple(HotPath(str(column), str(path)) for column, path in json.loads(text))
    except (ValueError, TypeError):
        return ()


def of_file(file: Path, digest_: str) -> tuple[HotPath, ...]:
    """The paths that a file has, if they are those of which its name has the digest; else none."""
    import pyarrow.parquet as pq

    said = (pq.read_metadata(file).metadata or {}).get(KEY.encode(), b"")
    found = read(said.decode("utf-8", "replace"))
    return found if digest(found) == digest_ else ()


def possible(paths: Sequence[HotPath], columns: Sequence[StoredColumn]) -> tuple[HotPath, ...]:
    """Those among `paths` that lead into columns of JSON."""
    bags = {c.name.lower() for c in columns if c.form is Form.JSON}
    return tuple(p for p in paths if p.column.lower() in bags)


def _kept_kind(place: int) -> str:
    return identifier(kind_column(place))
