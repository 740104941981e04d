"""What a query rests on, and what must still be so when it runs: columns of tables, texts of saved functions, items of
watchlists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.kql.binding import Schema
from huntlake.kql.types import Column
from huntlake.workspace.watchlists import READ, TABLE

Tables = Mapping[str, Mapping[str, str]]
"""The types of columns, by table and column; a table of another workspace is named `workspace/table`.

A function that the workspace keeps is there as `name()`, with the hash of its text under `TEXT`: who may save functions
mustn't be able to change what was approved. A watchlist is there as `watchlist alias`, with a hash of its ITEMS and
their COUNT, or as LIVE where it may change; `watchlist workspace/alias` is one of another workspace, and
`watchlist /alias` one of the own whose alias has a `/` itself.
"""

TEXT, ITEMS, COUNT, LIVE = "text", "items", "count", "live"
ALL = "*"
"""Stands for all watchlists of the workspace, where the query reads the table that has their items."""
_WATCHLIST = "watchlist "


class Known(Protocol):
    """What is known of tables now; `workspace` None is the query's own."""

    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None: ...
    def function(self, name: str, workspace: str | None = None) -> str | None: ...


Version = Callable[[str, str | None], tuple[str, int] | None]
"""A hash of a watchlist's items and how many they are; by its alias, and its workspace if it isn't the query's own."""


Mark = Callable[[str, str | None], str]
"""A text that is another after each write of a watchlist; by its alias, and its workspace as above."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What a query reads besides tables: the version of each watchlist in words, and a mark of each watchlist and
    function that is another after each write, also where one was changed and changed back. `functions` are the texts
    of all that it calls: one of the workspace may take a built-in one's place for a moment.
    """

    lists: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict, repr=False)


class Noticed:
    """What a query can see, and which tables it asks for: those without rows, too, which it won't read."""

    def __init__(self, visible: Schema, own: str) -> None:
        self._visible, self._own = visible, own
        self.tables: dict[str, tuple[Column, ...]] = {}

    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        found = self._visible.table(name, workspace)
        if found is not None:
            elsewhere = workspace if workspace not in (None, self._own) else None
            self.tables[f"{elsewhere}/{name}" if elsewhere else name] = found
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._visible, name)


def asked_by(text: str, parameters: Mapping[str, object], visible: Schema, named: frozenset[str], own: str) -> Tables:
    """The tables that a query asks for, and of their columns those in `named`.

    A column that nobody names may come or go: the query asks the same as before.
    """
    from huntlake.kql.compiler import compile_kql

    noticed = Noticed(visible, own)
    # What only rows can tell is known where the query was explained: here it may end the reading early.
    with suppress(SourceError, DomainError):
        compile_kql(text, noticed, parameters=parameters, probe=lambda _: ())
    return {
        table: {c.name: str(c.type) for c in sorted(columns, key=lambda c: c.name) if c.name in named}
        for table, columns in sorted(noticed.tables.items())
    }


def of_functions(texts: Mapping[str, str], builtin: Mapping[str, str]) -> Tables:
    """The functions of a workspace among some; what every workspace has changes with huntlake alone."""
    return {f"{name}()": {TEXT: _hash(text)} for name, text in sorted(texts.items()) if builtin.get(name) != text}


def of_watchlists(tables: Iterable[str], live: Collection[str], version: Version) -> Tables:
    """The watchlists that are read, by the names of the tables that a query asks for."""
    found: dict[str, dict[str, str]] = {}
    for name in tables:
        workspace, table = _parted(name)
        if table == TABLE:
            alias = ALL
        elif table.startswith(READ):
            alias = table.removeprefix(READ)
        else:
            continue
        told = f"{workspace}/{alias}" if workspace or "/" in alias else alias
        if told in live:
            found[_WATCHLIST + told] = {LIVE: LIVE}
        elif (now := version(alias, workspace or None)) is not None:
            found[_WATCHLIST + told] = {ITEMS: now[0], COUNT: str(now[1])}
    return found


def is_table(name: str) -> bool:
    """Whether that is the name of a table among what a query rests on."""
    return not name.endswith("()") and not name.startswith(_WATCHLIST)


def watchlists(tables: Tables) -> Tables:
    """The watchlists among what a query rests on, by alias."""
    return {n.removeprefix(_WATCHLIST): what for n, what in tables.items() if n.startswith(_WATCHLIST)}


def fingerprint(tables: Tables) -> str:
    """SHA-256 of the tables, the same in every process; `` where there are none."""
    return hashlib.sha256(written(tables).encode()).hexdigest() if tables else ""


def written(tables: Tables) -> str:
    """The tables as JSON, in one form only."""
    return orjson.dumps(tables, option=orjson.OPT_SORT_KEYS).decode()


def read(text: str) -> Tables:
    """The tables that `written` gave the text for; none for ``."""
    found: Tables = orjson.loads(text) if text else {}
    return found


def now(before: Tables, known: Known, version: Version = lambda alias, workspace: None) -> Tables:
    """The same tables and columns, as they are now; those that are gone are left out."""
    found: dict[str, dict[str, str]] = {}
    for name, columns in before.items():
        if name.startswith(_WATCHLIST):
            alias, place = _list(name)
            if LIVE in columns:
                found[name] = dict(columns)
            elif (items := version(alias, place)) is not None:
                found[name] = {ITEMS: items[0], COUNT: str(items[1])}
            continue
        if name.endswith("()"):
            text = known.function(name.removesuffix("()"))
            if text is not None:
                found[name] = {TEXT: _hash(text)}
            continue
        workspace, table = _parted(name)
        there = known.table(table, workspace or None)
        if there is not None:
            types = {c.name: str(c.type) for c in there}
            found[name] = {c: types[c] for c in columns if c in types}
    return found


def marks(tables: Tables, of_list: Mark, of_function: Callable[[str], str]) -> Mapping[str, str]:
    """The marks of the watchlists and functions among what a query rests on."""
    found: dict[str, str] = {}
    for name in tables:
        if name.startswith(_WATCHLIST):
            alias, place = _list(name)
            found[name] = of_list(alias, place)
        elif name.endswith("()"):
            found[name] = of_function(name.removesuffix("()"))
    return found


def drifted(before: Tables, now: Tables) -> tuple[str, ...]:
    """What a query relied on and is no longer so, in words: tables and columns that are gone, or of another type."""
    said = []
    for table, columns in sorted(before.items()):
        what = "function" if table.endswith("()") else "watchlist" if table.startswith(_WATCHLIST) else "table"
        name = table.removeprefix(_WATCHLIST)
        if table not in now:
            if not _parted(table)[1].startswith(READ):  # which is told as the watchlist
                said.append(f"the {what} `{name}` is gone")
            continue
        if what == "watchlist":
            if now[table] != columns:
                which = "watchlists were" if name == ALL else f"watchlist `{name}` was"
                said.append(f"the {which} changed: {columns.get(COUNT)} items, and now {now[table].get(COUNT)}")
            continue
        if what == "function":
            if now[table] != columns:
                said.append(f"the function `{table}` was changed")
            continue
        for column, type in sorted(columns.items()):
            is_now = now[table].get(column)
            if is_now is None:
                said.append(f"`{table}` has no column `{column}` any more")
            elif is_now != type:
                said.append(f"`{column}` of `{table}` was `{type}`, and is `{is_now}`")
    return tuple(said)


def _list(name: str) -> tuple[str, str | None]:
    """The alias of a watchlist, and its workspace, None for the query's own."""
    told = name.removeprefix(_WATCHLIST)
    # The name of a workspace has no `/`, an alias may have some.
    place, _, alias = told.partition("/") if "/" in told else ("", "", told)
    return alias, place or None


def _parted(name: str) -> tuple[str, str]:
    """The workspace of a table, `` for the query's own, and the table."""
    if name.startswith(READ):
        return "", name
    workspace, read, alias = name.partition(f"/{READ}")
    if read:
        return workspace, READ + alias
    workspace, _, table = name.rpartition("/")
    return workspace, table


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
