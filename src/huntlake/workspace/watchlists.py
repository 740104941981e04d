"""The watchlists of a workspace: rows of text that people keep, to be looked up in queries."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from huntlake.core.clock import Clock, SystemClock
from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Conflict, Invalid, LimitExceeded, NotFound, PreconditionFailed, Refused
from huntlake.engines.duckdb.database import Database
from huntlake.engines.duckdb.sources import memory_sql
from huntlake.kql.plan import Path
from huntlake.kql.types import Column, ScalarType
from huntlake.state.documents import ANY_ETAG, Document, Documents, Json, Shelf
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.table_sources import Demand, KeptRows, Reading, Scan
from huntlake.workspace.workspaces import Workspace

if TYPE_CHECKING:
    import pyarrow

    from huntlake.kql.binding import TableCall

MAX_BYTES = 32 << 20
"""The longest text that a watchlist is imported from."""

COLUMNS = (
    Column("_DTItemId", ScalarType.STRING),
    Column("LastUpdatedTimeUTC", ScalarType.DATETIME),
    Column("SearchKey", ScalarType.STRING),
    Column("WatchlistItem", ScalarType.DYNAMIC),
)
"""What `_GetWatchlist` gives before the watchlist's own columns."""

TABLE = "Watchlist"
READ = "_GetWatchlist "
"""What the name of a watchlist's table begins with; no table of the lake can have such a name."""
_EXPIRES = "_DTExpires"
_RESERVED = {c.name.lower() for c in COLUMNS} | {_EXPIRES.lower()}


@dataclass(frozen=True, slots=True)
class Watchlist:
    """What there is to know of a watchlist besides its items. `search_key` is one of its columns."""

    alias: str
    search_key: str
    columns: tuple[str, ...] = ()
    display_name: str = ""
    description: str = ""
    provider: str = ""
    source: str = ""
    time_to_live: timedelta | None = None
    """How long after its last change an item is given to queries; None is for ever."""
    id: str = ""
    created: datetime | None = None
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One row: a text for each column of its watchlist."""

    id: str
    fields: Mapping[str, str]
    created: datetime
    modified: datetime


class Watchlists:
    """The watchlists of every workspace, by its name and their alias, letter for letter."""

    def __init__(self, database: Shelf, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    def list(self, workspace: Workspace) -> list[Document[Watchlist]]:
        """Every watchlist of a workspace, by alias."""
        return self._lists(workspace.name).list()

    def get(self, workspace: Workspace, alias: str) -> Document[Watchlist]:
        """The watchlist of that alias; `NotFound` where there is none."""
        if (found := self._lists(workspace.name).find(alias)) is None:
            raise NotFound(self._missing(workspace.name, alias))
        return found

    def items(self, workspace: Workspace, alias: str) -> Sequence[Item]:
        """The items of a watchlist, in the order in which they came; those past their time, too."""
        self.get(workspace, alias)
        return self._items(workspace.name).get(alias).value

    def put(
        self,
        workspace: Workspace,
        watchlist: Watchlist,
        rows: Sequence[Mapping[str, str]] | None,
        *,
        if_match: str | None = None,
    ) -> Document[Watchlist]:
        """Keep a watchlist with exactly these rows; one of the same alias is replaced.

        A row that was there before, letter for letter, stays the same item; where `rows` is None all items stay, those
        that someone else adds meanwhile among them. `PreconditionFailed` where another version than `if_match` is kept.
        """
        workspace.here("keeping a watchlist")
        _check(watchlist)
        lists, now = self._lists(workspace.name), self._clock.now()
        before = lists.find(watchlist.alias)
        if if_match is not None and (before is None or if_match not in (ANY_ETAG, before.etag)):
            raise PreconditionFailed(f"the watchlist `{watchlist.alias}` has changed since it was read")
        if rows is not None or before is None:
            old = self._items(workspace.name).get(watchlist.alias).value if before else ()
            known = {_key(i.fields): i for i in old}
            items = tuple(known.pop(_key(r)) if _key(r) in known else self._new(watchlist, r) for r in rows or ())
            self._items(workspace.name).put(watchlist.alias, items)
        stamped = replace(
            watchlist,
            id=before.value.id if before else str(uuid.uuid4()),
            created=before.value.created if before else now,
            modified=now,
        )
        return lists.put(watchlist.alias, stamped, if_match=if_match if rows is None else None)

    def put_item(
        self,
        workspace: Workspace,
        alias: str,
        fields: Mapping[str, str],
        id: str | None = None,
        *,
        create: bool = False,
        known: Item | None = None,
    ) -> Item:
        """Change an item, or add one where no `id` is given.

        `NotFound` for an item that isn't there, unless `create` says that it may be made under that id;
        `PreconditionFailed` for one that isn't as it was when it was `known`.
        """
        made = self._new(self.get(workspace, alias).value, fields)

        def changed(items: tuple[Item, ...]) -> tuple[Item, ...]:
            if id is None:
                return (*items, made)
            old = next((i for i in items if i.id == id), None)
            if known is not None and old != known:
                raise PreconditionFailed(f"the item `{id}` has changed since it was read")
            if old is None and create:
                return (*items, replace(made, id=id))
            if old is None:
                raise NotFound(f"no item `{id}` is in the watchlist `{alias}`")
            return tuple(replace(made, id=id, created=old.created) if i is old else i for i in items)

        kept = self._items(workspace.name).change(alias, changed).value
        return next(i for i in kept if i.id == (id or made.id))

    def delete_item(self, workspace: Workspace, alias: str, id: str) -> bool:
        """Take an item away; False where it wasn't there."""
        self.get(workspace, alias)
        found = any(i.id == id for i in self._items(workspace.name).get(alias).value)
        self._items(workspace.name).change(alias, lambda items: tuple(i for i in items if i.id != id))
        return found

    def delete(self, workspace: Workspace, alias: str) -> bool:
        """Forget a watchlist and its items; False where there was none."""
        found = self._lists(workspace.name).delete(alias)
        self._items(workspace.name).delete(alias)
        return found

    def find(self, workspace: str, alias: str) -> tuple[Watchlist, Document[tuple[Item, ...]]] | None:
        """A watchlist and its items, by the name of a workspace."""
        found, items = self._lists(workspace).find(alias), self._items(workspace).find(alias)
        return (found.value, items) if found and items else None

    def version(self, workspace: str, alias: str) -> tuple[str, int] | None:
        """A hash of what queries see of a watchlist now, the same for the same items in the same order, and how many
        they are. Items past their time are no part of it, nor is when an item was changed last.
        """
        if (found := self.find(workspace, alias)) is None:
            return None
        watchlist, items = found
        lives, now = watchlist.time_to_live, self._clock.now()
        alive = [list(i.fields.items()) for i in items.value if lives is None or i.modified + lives > now]
        said = [watchlist.columns, watchlist.search_key, lives.total_seconds() if lives else None, alive]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest(), len(alive)

    def mark(self, workspace: str, alias: str) -> str:
        """A text that is another after each write of a watchlist or its items; `` where there is none."""
        found, items = self._lists(workspace).find(alias), self._items(workspace).find(alias)
        return f"{found.etag} {items.etag}" if found and items else ""

    def columns(self, workspace: str, alias: str) -> tuple[str, ...]:
        """The columns of a watchlist; `NotFound` where there is none."""
        if (found := self._lists(workspace).find(alias)) is None:
            raise NotFound(self._missing(workspace, alias))
        return found.value.columns

    def aliases(self, workspace: str) -> Sequence[str]:
        """The aliases of a workspace's watchlists."""
        return sorted(self._lists(workspace).names())

    def _missing(self, workspace: str, alias: str) -> str:
        near = did_you_mean(alias, self.aliases(workspace))
        return f"no watchlist has the alias `{alias}`" + (f": {near}" if near else "")

    def _new(self, watchlist: Watchlist, fields: Mapping[str, str]) -> Item:
        if unknown := [name for name in fields if name not in watchlist.columns]:
            raise Invalid(f"the watchlist `{watchlist.alias}` has no column `{unknown[0]}`")
        if not fields.get(watchlist.search_key):
            raise Invalid(f"an item of `{watchlist.alias}` has no value in its search key, `{watchlist.search_key}`")
        now = self._clock.now()
        return Item(str(uuid.uuid4()), {c: fields.get(c, "") for c in watchlist.columns}, now, now)

    def _lists(self, workspace: str) -> Documents[Watchlist]:
        return Documents(self._database, f"watchlists of {workspace}", _encode, _decode)

    def _items(self, workspace: str) -> Documents[tuple[Item, ...]]:
        return Documents(self._database, f"watchlist items of {workspace}", _encode_items, _decode_items)


@dataclass(frozen=True)
class WorkspaceWatchlists:
    """The watchlists of one workspace."""

    watchlists: Watchlists
    workspace: Workspace

    def aliases(self) -> Sequence[str]:
        """The aliases of all watchlists."""
        return self.watchlists.aliases(self.workspace.name)

    def put(self, alias: str, rows: Sequence[Mapping[str, object]], search_key: str) -> Watchlist:
        """Keep rows as a watchlist, in place of one of the same alias; values become text."""
        texts = [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
        columns = tuple(dict.fromkeys(name for row in texts for name in row))
        return self.watchlists.put(self.workspace, Watchlist(alias, search_key, columns), texts).value

    def items(self, alias: str) -> list[Mapping[str, str]]:
        """The rows of a watchlist."""
        return [item.fields for item in self.watchlists.items(self.workspace, alias)]

    def delete(self, alias: str) -> bool:
        """Forget a watchlist; False where there was none."""
        return self.watchlists.delete(self.workspace, alias)


def rows_of(content: bytes, *, delimiter: str = ",", skip: int = 0) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """The columns and rows of a CSV text whose first line, after `skip` others, names the columns."""
    if len(content) > MAX_BYTES:
        raise LimitExceeded(f"a watchlist is imported from at most {MAX_BYTES >> 20} MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("a watchlist is UTF-8 text") from None
    lines = io.StringIO(text, newline="")
    for _ in range(skip):
        lines.readline()
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    rows: list[dict[str, str]] = []
    try:
        columns = tuple(name.strip() for name in next(reader, []))
        for row in reader:
            if not any(row):
                continue
            if len(row) != len(columns):
                raise Invalid(f"line {reader.line_num + skip} has {len(row)} values for {len(columns)} columns")
            rows.append(dict(zip(columns, row, strict=True)))
    except csv.Error as error:
        raise Invalid(f"line {reader.line_num + skip}: {error}") from None
    return columns, rows


@dataclass
class WatchlistTables:
    """Watchlists as queries see them: `_GetWatchlist("alias")`, and the table `Watchlist` with the items of all."""

    watchlists: Watchlists
    catalogue: Catalogue
    database: Database
    clock: Clock
    _kept: dict[str, tuple[str, KeptRows]] = field(default_factory=dict)
    """By place, the version that was read last, and its rows."""
    _lock: Lock = field(default_factory=Lock)

    def table_call(self, workspace: str, name: str) -> TableCall | None:
        """`_GetWatchlist`."""
        if name != "_GetWatchlist":
            return None
        from huntlake.kql.binding import TableCall

        def table(watchlistAlias: str, keyColumn: str) -> str:
            if keyColumn:
                raise Refused("a second argument of `_GetWatchlist()`")
            self.watchlists.columns(workspace, watchlistAlias)
            return READ + watchlistAlias

        return TableCall("(watchlistAlias:string, keyColumn:string = '')", table)

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        if name == TABLE and self.watchlists.aliases(workspace):
            known = self.catalogue.table(TABLE)
            return known.columns if known else None
        if not name.startswith(READ):
            return None
        try:
            own = self.watchlists.columns(workspace, name.removeprefix(READ))
        except NotFound:
            return None
        return COLUMNS + tuple(Column(c, ScalarType.STRING) for c in own)

    def names(self, workspace: str) -> tuple[str, ...]:
        return ()

    def names_with_rows(self, workspace: str) -> tuple[str, ...]:
        return (TABLE,) if self.watchlists.aliases(workspace) else ()

    def known_empty(self, workspace: str, name: str) -> bool:
        return False

    def look(self, workspace: str, demand: Demand) -> None:
        return None

    def hot_paths(self, workspace: str, name: str) -> frozenset[Path]:
        return frozenset()

    def read(self, workspace: str, scan: Scan) -> Reading:
        if scan.table == TABLE:
            known = self.catalogue.table(TABLE)
            assert known is not None
            kept = self._keep(f"{workspace}/", *self._all(workspace, known.columns))
        else:
            found = self.watchlists.find(workspace, scan.table.removeprefix(READ))
            if found is None:
                raise NotFound(f"the watchlist `{scan.table.removeprefix(READ)}` is gone")
            watchlist, items = found
            columns = COLUMNS + tuple(Column(c, ScalarType.STRING) for c in watchlist.columns)
            rows = [_cells(watchlist, i) | dict(i.fields) for i in items.value]
            kept = self._keep(f"{workspace}/{watchlist.alias}", columns, rows, items.etag + repr(watchlist))
        now = self.clock.now().strftime("%Y-%m-%d %H:%M:%S.%f")
        alive = f'"{_EXPIRES}" is null or "{_EXPIRES}" > timestamp \'{now}\''
        return Reading(f"{memory_sql(kept.name, scan.columns, scan.sql_names)} where {alive}", held=kept)

    def _all(
        self, workspace: str, columns: tuple[Column, ...]
    ) -> tuple[tuple[Column, ...], list[dict[str, object]], str]:
        rows: list[dict[str, object]] = []
        etags = []
        for alias in self.watchlists.aliases(workspace):
            if (found := self.watchlists.find(workspace, alias)) is None:
                continue
            watchlist, items = found
            etags.append(items.etag + repr(watchlist))
            rows += [
                _cells(watchlist, item)
                | {
                    "TimeGenerated": _naive(item.modified),
                    "CreatedTimeUTC": _naive(item.created),
                    "_DTTimestamp": _naive(item.modified),
                    "_DTItemType": "watchlist-item",
                    "_DTItemStatus": "Create" if item.created == item.modified else "Update",
                    "WatchlistId": watchlist.id,
                    "WatchlistItemId": item.id,
                    "WatchlistName": watchlist.display_name or alias,
                    "WatchlistAlias": alias,
                    "Provider": watchlist.provider,
                    "Source": watchlist.source,
                    "Type": TABLE,
                    "TimeToLive": _expires(watchlist, item),
                }
                for item in items.value
            ]
        return columns, rows, "".join(etags)

    def _keep(
        self, place: str, columns: Sequence[Column], rows: Sequence[Mapping[str, object]], version: str
    ) -> KeptRows:
        """The rows of this version; those before go when the last query that reads them ends."""
        with self._lock:
            before = self._kept.get(place)
            if before is not None and before[0] == version:
                return before[1]
            kept = KeptRows(self.database, f"watchlist {uuid.uuid4()}", _arrow(columns, rows))
            self._kept[place] = version, kept
        return kept


def _arrow(columns: Sequence[Column], rows: Sequence[Mapping[str, object]]) -> pyarrow.Table:
    import pyarrow as pa

    types = {
        ScalarType.STRING: pa.string(),
        ScalarType.DYNAMIC: pa.string(),
        ScalarType.DATETIME: pa.timestamp("us"),
        ScalarType.REAL: pa.float64(),
    }
    every = (*columns, Column(_EXPIRES, ScalarType.DATETIME))
    arrays = {}
    for column in every:
        missing = "" if column.type is ScalarType.STRING else None
        arrays[column.name] = pa.array([row.get(column.name, missing) for row in rows], types[column.type])
    return pa.table(arrays)


def _cells(watchlist: Watchlist, item: Item) -> dict[str, object]:
    return {
        "_DTItemId": item.id,
        "LastUpdatedTimeUTC": _naive(item.modified),
        "SearchKey": item.fields[watchlist.search_key],
        "WatchlistItem": json.dumps(dict(item.fields), ensure_ascii=False, separators=(",", ":")),
        _EXPIRES: _expires(watchlist, item),
    }


def _expires(watchlist: Watchlist, item: Item) -> datetime | None:
    return None if watchlist.time_to_live is None else _naive(item.modified + watchlist.time_to_live)


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def _check(watchlist: Watchlist) -> None:
    if not watchlist.alias or watchlist.alias != watchlist.alias.strip() or not watchlist.alias.isprintable():
        raise Invalid(f"`{watchlist.alias}` can't be the alias of a watchlist")
    if not watchlist.columns or not all(watchlist.columns):
        raise Invalid("a watchlist's first line names its columns, each of them")
    lower = [c.lower() for c in watchlist.columns]
    for name, low in zip(watchlist.columns, lower, strict=True):
        if low in _RESERVED:
            raise Invalid(f"a watchlist can't have a column `{name}`: `_GetWatchlist` gives one of that name")
        if lower.count(low) > 1:
            raise Conflict(f"two columns of the watchlist are named `{name}`; that they differ in case is not enough")
    if watchlist.search_key not in watchlist.columns:
        near = did_you_mean(watchlist.search_key, watchlist.columns)
        raise Invalid(f"the watchlist has no column `{watchlist.search_key}` for its search key. {near}".rstrip(". "))


def _key(fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(fields.items()))


def _encode(watchlist: Watchlist) -> Json:
    lives = watchlist.time_to_live
    return {
        **asdict(watchlist),
        "columns": list(watchlist.columns),
        "time_to_live": lives.total_seconds() if lives is not None else None,
        "created": _written(watchlist.created),
        "modified": _written(watchlist.modified),
    }


def _decode(stored: Json) -> Watchlist:
    fields = cast("dict[str, Any]", stored)
    lives = fields["time_to_live"]
    known = {
        "columns": tuple(fields["columns"]),
        "time_to_live": None if lives is None else timedelta(seconds=lives),
        "created": _moment(fields["created"]),
        "modified": _moment(fields["modified"]),
    }
    return Watchlist(**{**fields, **known})


def _encode_items(items: Sequence[Item]) -> Json:
    return [[i.id, dict(i.fields), _written(i.created), _written(i.modified)] for i in items]


def _decode_items(stored: Json) -> tuple[Item, ...]:
    return tuple(
        Item(id, fields, datetime.fromisoformat(created), datetime.fromisoformat(modified))
        for id, fields, created, modified in cast("list[Any]", stored)
    )


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
