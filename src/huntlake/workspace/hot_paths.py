"""Hot paths: which places in a table's dynamics are kept beside, because queries ask for them or a person says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Invalid
from huntlake.kql.binding.schema import NoTables
from huntlake.kql.plan import Path
from huntlake.kql.types import Column
from huntlake.lake import Lake
from huntlake.lake.forms import Form
from huntlake.lake.paths import MOST as MOST_OF_A_TABLE
from huntlake.lake.paths import HotPath
from huntlake.state.documents import Documents, Json, Shelf
from huntlake.workspace.asked_paths import AskedPaths
from huntlake.workspace.tables import Tables

BY_ITSELF = 12
"""Paths of one table that become hot because queries ask for them."""

_HOT, _COLD = 3.0, 0.5
"""So much a path must have been asked for to become hot, and so little to be hot no more."""


class _OneTable(NoTables):
    def __init__(self, name: str, columns: tuple[Column, ...]) -> None:
        self._name = name
        self._columns = columns

    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        return self._columns if name == self._name and workspace is None else None


@dataclass
class HotPaths:
    """The hot paths of the tables of a lake."""

    lake: Lake
    tables: Tables
    asked: AskedPaths
    state: Shelf

    def __post_init__(self) -> None:
        self._said: Documents[tuple[Path, ...]] = Documents(self.state, "hot paths", _encode, _decode)

    def path(self, workspace: str, table: str, text: str) -> Path:
        """The path that a text such as `DeviceDetail.operatingSystem` or `d.a[0]` names in a table's column."""
        from huntlake.kql.compiler import compile_kql

        columns = self.tables.table(workspace, table) or ()
        query = f"T | project value = {text}"
        try:
            compiled = compile_kql(query, _OneTable("T", columns))
        except SourceError as error:
            raise Invalid(f"`{text}` names no path in `{table}`: {error.diagnostics[0].message}") from None
        asked = [p for result in compiled.results for scan in result.scans for p in scan.asked]
        read = [c for result in compiled.results for scan in result.scans for c in scan.columns]
        if len(asked) != 1 or len(read) != 1 or len(compiled.results[0].columns) != 1:
            raise Invalid(f"`{text}` is no path into a dynamic column; `DeviceDetail.operatingSystem` is one")
        return asked[0]

    def said(self, workspace: str, table: str) -> tuple[Path, ...]:
        """The paths that a person wants to be hot."""
        found = self._said.find(f"{workspace}/{table}")
        return found.value if found else ()

    def say(self, workspace: str, table: str, more: Iterable[Path] = (), fewer: Iterable[Path] = ()) -> None:
        """Want paths to be hot whatever queries ask for, or want it no more."""
        gone = set(fewer)
        kept = tuple(dict.fromkeys(p for p in (*self.said(workspace, table), *more) if p not in gone))
        if len(kept) > MOST_OF_A_TABLE:
            raise Invalid(f"a table can have {MOST_OF_A_TABLE} hot paths, not {len(kept)}")
        self._said.put(f"{workspace}/{table}", kept)
        stored = self.lake.table(workspace, table)
        if gone and stored.exists:
            stored.keep_paths(h for h in stored.hot_paths() if not any(h.of(p.column, p.path) for p in gone))

    def update(self, workspace: str, table: str) -> tuple[HotPath, ...]:
        """Let the table's files keep from now on what is hot now; the paths.

        What a person wants comes first, then what queries have asked for. What is hot stays so until it is hardly asked
        for any more, or others are asked for twice as much.
        """
        stored = self.lake.table(workspace, table)
        if not stored.exists:
            return ()
        columns = {c.name.lower(): c.name for c in stored.columns() if c.form is Form.JSON}
        before = stored.hot_paths()

        def kept(paths: Iterable[Path]) -> list[HotPath]:
            return [HotPath(columns[p.column.lower()], p.path) for p in paths if p.column.lower() in columns]

        scores: dict[HotPath, float] = {}
        for path, score in self.asked.heat(workspace, table).items():
            for hot in kept([path]):
                scores[hot] = scores.get(hot, 0.0) + score
        # To get to `d.a.b`, a query may have said `d.a` on the way.
        scores = {h: s - max((t for g, t in scores.items() if _within(g, h)), default=0.0) for h, s in scores.items()}
        wanted = dict.fromkeys(kept(self.said(workspace, table)))
        rising = {h: 2 * s if h in before else s for h, s in scores.items() if s >= (_COLD if h in before else _HOT)}
        for hot in sorted(rising, key=lambda h: (-rising[h], h)):
            if len(wanted) < BY_ITSELF:
                wanted.setdefault(hot)
        stored.keep_paths(wanted)
        return stored.hot_paths()


def _within(inner: HotPath, outer: HotPath) -> bool:
    """Whether a path leads on from where another ends."""
    return inner.column == outer.column and inner.path.startswith((f"{outer.path}.", f"{outer.path}["))


def shown(path: HotPath) -> str:
    """A path as queries write it."""
    return path.column + re.sub(r'[.]("(?:[^"\\]|\\.)*")', _step, path.path[1:]).replace("[#-", "[-")


def _step(match: re.Match[str]) -> str:
    name = match[1][1:-1]
    return f".{name}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else f"[{match[1]}]"


def _encode(paths: Sequence[Path]) -> Json:
    return [[p.column, p.path] for p in paths]


def _decode(value: Json) -> tuple[Path, ...]:
    return tuple(Path(column, path) for column, path in cast(list[tuple[str, str]], value))
