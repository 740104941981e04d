"""Commands that add rows: from a query, or from data that stands in the command itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from huntlake.core.diagnostics import Span
from huntlake.core.errors import Conflict, Invalid
from huntlake.kql.syntax.commands import Named, Tail
from huntlake.kql.types import Column
from huntlake.workspace.commands.context import Context
from huntlake.workspace.commands.declaration import Need, Rows, command
from huntlake.workspace.commands.tables import make
from huntlake.workspace.ingestion.inline import parse_rows
from huntlake.workspace.ingestion.mapping import stored
from huntlake.workspace.workspaces import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from huntlake.workspace.query import ResultTable

Properties = Mapping[str, tuple[object, Span]]

_EXTENTS = "ExtentId:guid, OriginalSize:long, ExtentSize:long, ColumnSize:long, IndexSize:long, RowCount:long"
_REFUSED = (
    "recreate_schema",
    "creationtime",
    "tags",
    "ingestifnotexists",
    "validationpolicy",
    "ingestionmapping",
    "ingestionmappingreference",
    "persistdetails",
    "policy_ingestiontime",
    "zippattern",
    "rawsizebytes",
)
_BATCH = 100_000


@command(".set <table> <properties> <query>", Need.MANAGE, _EXTENTS)
def set_table(c: Context, table: Named, properties: Properties, query: Tail) -> Rows:
    """Make a table out of the rows of a query; an error where there is a table of that name."""
    workspace = c.workspace()
    if c.tables.table(workspace.name, table.text) is not None:
        raise Conflict(f"a table is named `{table.text}` already: `.append` adds rows to it")
    return _take_in(c, workspace, table, properties, query)


@command(".append <table> <properties> <query>", Need.WRITE, _EXTENTS)
def append(c: Context, table: Named, properties: Properties, query: Tail) -> Rows:
    """Add the rows of a query to a table that is there."""
    workspace = c.workspace()
    c.columns(workspace, table)
    return _take_in(c, workspace, table, properties, query)


@command(".set-or-append <table> <properties> <query>", Need.WRITE, _EXTENTS)
def set_or_append(c: Context, table: Named, properties: Properties, query: Tail) -> Rows:
    """Add the rows of a query to a table, which is made where there is none."""
    return _take_in(c, c.workspace(), table, properties, query)


@command(".set-or-replace <table> <properties> <query>", Need.MANAGE, _EXTENTS)
def set_or_replace(c: Context, table: Named, properties: Properties, query: Tail) -> Rows:
    """Let the rows of a query be those of a table, at once; it is made where there is none."""
    return _take_in(c, c.workspace(), table, properties, query, replacing=True)


@command(".ingest inline into table <table> <properties> <data>", Need.WRITE, "ExtentId:guid")
def ingest_inline(c: Context, table: Named, properties: Properties, data: Tail) -> Rows:
    """Add the rows that follow `<|`: CSV without a heading in the order of the columns, or JSON objects by their names.

    `with (format = "csv" | "tsv" | "psv" | "scsv" | "json" | "multijson", ignoreFirstRecord = true)`
    """
    workspace = c.workspace()
    columns = c.columns(workspace, table)
    said = c.known(properties, "format", "ignorefirstrecord", refused=_REFUSED)
    rows = parse_rows(
        data.text, columns, str(said.get("format", "csv")).lower(), heading=said.get("ignorefirstrecord") is True
    )
    names = [o.name for o in rows.columns]
    with c.queries.over(workspace, rows.table, rows.query) as answer:
        batches = _batches(answer.tables[0], names)
        written = c.ingestion.append_batches(workspace, table.text, _schema(rows.columns), batches)
    return [[f.id] for f in written]


def _take_in(
    c: Context, workspace: Workspace, table: Named, properties: Properties, query: Tail, replacing: bool = False
) -> Rows:
    said = c.known(properties, "folder", "docstring", "extend_schema", "distributed", refused=_REFUSED)
    result = _asked(c, workspace, query)
    columns = c.tables.table(workspace.name, table.text)
    if columns is None:
        if not c.caller.may(Need.MANAGE, workspace):
            c.fail("SEM0100", f"no table is named `{table.text}`, and the caller may not make one", table.span)
        described = {n: v for n, v in properties.items() if n in ("folder", "docstring")}
        make(c, workspace, table, result.columns, described)
        names = [o.name for o in result.columns]
    elif c.about(workspace, table.text).declared:
        names = _by_place(c, table, result.columns, columns, said.get("extend_schema") is True)
        if len(names) > len(columns):
            c.lake.table(workspace.name, table.text).add_columns(stored(result.columns[len(columns) :]))
    else:
        names = _by_name(c, table, result.columns, columns)
    taken = [replace(o, name=name) for o, name in zip(result.columns, names, strict=True)]
    written = c.ingestion.append_batches(
        workspace, table.text, _schema(taken), _batches(result, names), replacing=replacing
    )
    return [[f.id, None, f.bytes, None, None, f.rows] for f in written]


def _asked(c: Context, workspace: Workspace, query: Tail) -> ResultTable:
    """The one result of the query behind a `<|`; its errors point into the command."""
    options = replace(c.options, max_rows=None, max_bytes=None)
    with c.behind(query) as text:
        answer = c.queries.run(workspace, text, options, c.cancellation, workspaces=c.readable)
    if len(answer.tables) != 1:
        c.fail("SEM0001", f"one result is taken in, and the query has {len(answer.tables)}", _span(query))
    return answer.tables[0]


def _span(query: Tail) -> Span:
    return Span(query.start, query.start + len(query.text))


def _by_place(c: Context, table: Named, given: Sequence[Column], columns: Sequence[Column], extend: bool) -> list[str]:
    """The names under which the columns of a result are kept: Kusto goes by their places and types alone."""
    if len(given) < len(columns) or (len(given) > len(columns) and not extend):
        raise Invalid(
            f"the query has {len(given)} columns, and the table `{table.text}` {len(columns)}: "
            + ", ".join(f"{o.name}:{o.type}" for o in columns)
        )
    names = [o.name for o in columns]
    for i, (one, column) in enumerate(zip(given, columns, strict=False), 1):
        if one.type is not column.type:
            raise Invalid(f"column {i} of the query, `{one.name}`, is a {one.type}; `{column.name}` is a {column.type}")
        if one.name != column.name and one.name in names:
            # By its place alone it would go where, by its name, it doesn't belong.
            raise Invalid(f"column {i} of the query is `{one.name}`, and that of the table `{column.name}`")
    return names + [o.name for o in given[len(columns) :]]


def _by_name(c: Context, table: Named, given: Sequence[Column], columns: Sequence[Column]) -> list[str]:
    """The same for a table with the columns that a product gives it, of which a query mostly has a few."""
    known = {o.name.lower(): o for o in columns}
    for one in given:
        column = known.get(one.name.lower())
        if column is not None and column.type is not one.type:
            raise Invalid(f"the query's `{one.name}` is a {one.type}, and the table's `{column.name}` a {column.type}")
        if column is None and table.text in c.ingestion.tables.catalogue:
            raise Invalid(f"the table `{table.text}` has no column `{one.name}`")
    return [known[o.name.lower()].name if o.name.lower() in known else o.name for o in given]


def _schema(columns: Sequence[Column]) -> pa.Schema:
    import pyarrow as pa

    from huntlake.workspace.query import physical_type

    return pa.schema([pa.field(o.name, physical_type(o.type)) for o in columns])


def _batches(result: ResultTable, names: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of a result in large batches, under other names."""
    import pyarrow as pa

    held: list[Any] = []
    for batch in result.arrow():
        held.append(pa.RecordBatch.from_arrays(batch.columns, names=list(names)))
        if sum(b.num_rows for b in held) >= _BATCH:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)
    if result.truncated_by is not None:
        raise result.truncated_by
