"""Commands that make, change and drop tables.

What a command makes has exactly the columns that it lists. Tables of the catalogue are always there: they can get rows
and more columns, and lose their rows, but can't be dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from huntlake.core.diagnostics import Span
from huntlake.core.errors import Conflict
from huntlake.kql.syntax.commands import Named, TableDefinition
from huntlake.kql.types import Column
from huntlake.lake.forms import TIME
from huntlake.lake.names import table_folder
from huntlake.workspace.commands.context import Context
from huntlake.workspace.commands.declaration import Need, Rows, command
from huntlake.workspace.commands.schemas import TABLE_SCHEMA, TABLES, json_row, table_row
from huntlake.workspace.ingestion.mapping import stored
from huntlake.workspace.workspaces import Workspace

Properties = Mapping[str, tuple[object, Span]]

_DROPPED = "TableName:string, DatabaseName:string"


@command(".create table <table> <columns> <properties>", Need.MANAGE, TABLE_SCHEMA)
def create_table(c: Context, table: Named, columns: Sequence[Column], properties: Properties) -> Rows:
    """Make a table; one that is there already stays as it is."""
    workspace = c.workspace()
    make(c, workspace, table, columns, properties)
    yield json_row(c, workspace, table.text)


@command(".create tables <definitions> <properties>", Need.MANAGE, TABLES)
def create_tables(c: Context, definitions: Sequence[TableDefinition], properties: Properties) -> Rows:
    """Make several tables; those that are there already stay as they are."""
    workspace = c.workspace()
    for one in definitions:
        _may_be_made(c, workspace, one.name)
    for one in definitions:
        make(c, workspace, one.name, one.columns, properties)
    return [table_row(c, workspace, one.name.text) for one in definitions]


@command(".create table <table> based-on <source> [ifnotexists] <properties>", Need.MANAGE, TABLE_SCHEMA)
def create_table_based_on(
    c: Context, table: Named, source: Named, properties: Properties, ifnotexists: bool = False
) -> Rows:
    """Make a table with the columns of another, and none of its rows."""
    workspace = c.workspace()
    columns = c.columns(workspace, source)
    if c.tables.table(workspace.name, table.text) is not None and not ifnotexists:
        raise Conflict(f"a table is named `{table.text}` already")
    about = c.about(workspace, source.text)
    said = {"folder": (about.folder, source.span), "docstring": (f"Created based on {source.text}", source.span)}
    make(c, workspace, table, columns, {**said, **properties})
    yield json_row(c, workspace, table.text)


@command(".create-merge table <table> <columns> <properties>", Need.MANAGE, TABLE_SCHEMA)
def create_merge_table(c: Context, table: Named, columns: Sequence[Column], properties: Properties) -> Rows:
    """Make a table, or add to one that is there the columns that it doesn't have."""
    workspace = c.workspace()
    _merge(c, workspace, table, columns, properties)
    yield json_row(c, workspace, table.text)


@command(".create-merge tables <definitions>", Need.MANAGE, TABLES)
def create_merge_tables(c: Context, definitions: Sequence[TableDefinition]) -> Rows:
    """Make several tables, or add to those that are there the columns that they don't have."""
    workspace = c.workspace()
    for one in definitions:
        _no_other_type(c, workspace, one.name, one.columns)
    for one in definitions:
        _merge(c, workspace, one.name, one.columns, {})
    return [table_row(c, workspace, one.name.text) for one in definitions]


@command(".alter-merge table <table> <columns> <properties>", Need.MANAGE, TABLE_SCHEMA)
def alter_merge_table(c: Context, table: Named, columns: Sequence[Column], properties: Properties) -> Rows:
    """Add columns to a table; those that it has must be of the same types."""
    workspace = c.workspace()
    c.columns(workspace, table)
    _merge(c, workspace, table, columns, properties)
    yield json_row(c, workspace, table.text)


@command(".alter table <table> <columns> <properties>", Need.MANAGE, TABLE_SCHEMA)
def alter_table(c: Context, table: Named, columns: Sequence[Column], properties: Properties) -> Rows:
    """Let a table have exactly these columns. One that has rows keeps those it has, and can only get more."""
    workspace = c.workspace()
    old = c.columns(workspace, table)
    said = _said(c, properties)
    if not c.on_disk(workspace, table.text) or not c.about(workspace, table.text).declared:
        c.refuse("`.alter table` of a table that no command has made", table.span, "`.alter-merge table` adds columns")
    lake_table = c.lake.table(workspace.name, table.text)
    waiting = any(p.rows for p in c.streams.pending(workspace.name, table.text))
    if tuple(columns[: len(old)]) == tuple(old):
        lake_table.add_columns(stored(columns[len(old) :]))
    elif lake_table.snapshot().rows or waiting:
        c.refuse(
            "`.alter table` that drops, moves or retypes a column of a table with rows",
            table.span,
            "`.alter-merge table` adds columns; `.set-or-replace` into another table keeps the rows",
        )
    else:
        lake_table.redefine(stored(columns))
    # What isn't said is taken away: the command says all there is to say.
    lake_table.describe(said.get("docstring", ""), said.get("folder", ""))
    yield json_row(c, workspace, table.text)


@command(".alter table <table> docstring <text>", Need.MANAGE, TABLES)
def alter_table_docstring(c: Context, table: Named, text: str) -> Rows:
    """Say what a table is for."""
    return _describe(c, table, description=text)


@command(".alter table <table> folder <text>", Need.MANAGE, TABLES)
def alter_table_folder(c: Context, table: Named, text: str) -> Rows:
    """Put a table into a folder of the lists that people see."""
    return _describe(c, table, folder=text)


@command(".drop table <table> [ifexists]", Need.MANAGE, _DROPPED)
def drop_table(c: Context, table: Named, ifexists: bool = False) -> Rows:
    """Remove a table and its rows for good; the tables that are left."""
    return _drop(c, [table], ifexists)


@command(".drop tables <tables> [ifexists]", Need.MANAGE, _DROPPED)
def drop_tables(c: Context, tables: Sequence[Named], ifexists: bool = False) -> Rows:
    """Remove several tables and their rows for good; the tables that are left."""
    return _drop(c, tables, ifexists)


@command(".clear table <table> data", Need.MANAGE, "Status:string")
def clear_table_data(c: Context, table: Named) -> Rows:
    """Take every row out of a table, at once; the table stays."""
    workspace = c.workspace()
    c.columns(workspace, table)
    _not_kept(c, table)
    if c.on_disk(workspace, table.text):
        c.lake.clear(workspace.name, table.text)
    yield ["Success"]


def make(c: Context, workspace: Workspace, table: Named, columns: Sequence[Column], properties: Properties) -> bool:
    """Make a table of exactly `columns`; False where there is one of that name, which stays as it is."""
    said = _said(c, properties)
    if c.tables.table(workspace.name, table.text) is not None:
        return False
    _may_be_made(c, workspace, table)
    described = said.get("docstring", ""), said.get("folder", "")
    return c.lake.table(workspace.name, table.text).declare(stored(columns), *described)


def _not_kept(c: Context, table: Named) -> None:
    """Refuse to change a table whose rows are huntlake's own."""
    if c.ingestion.tables.catalogue.is_kept(table.text):
        c.refuse(f"changing `{table.text}`, whose rows are huntlake's own,", table.span, "they are kept for ever")


def _may_be_made(c: Context, workspace: Workspace, table: Named) -> None:
    table_folder(table.text)  # `Invalid` for what no table of the lake can be called
    names = c.tables.names(workspace.name)
    alike = next((n for n in names if n.lower() == table.text.lower() and n != table.text), None)
    if alike:
        # On some systems they would share a folder.
        raise Conflict(f"`{table.text}` and the table `{alike}` differ in case alone")
    if any(d.value.name == table.text for d in c.functions.list(workspace)):
        raise Conflict(f"a function is named `{table.text}`: the table would hide it")


def _merge(c: Context, workspace: Workspace, table: Named, columns: Sequence[Column], properties: Properties) -> None:
    said = _said(c, properties)
    old = c.tables.table(workspace.name, table.text)
    if old is None:
        make(c, workspace, table, columns, properties)
        return
    _not_kept(c, table)
    _no_other_type(c, workspace, table, columns)
    known = {o.name.lower() for o in old}
    fresh = [o for o in columns if o.name.lower() not in known]
    lake_table = c.lake.table(workspace.name, table.text)
    if any(o.name == TIME for o in fresh):
        raise Conflict(f"`{TIME}` orders the rows of a table: it can't come once the table is there")
    if fresh or said:
        lake_table.add_columns([*([] if lake_table.exists else stored(old)), *stored(fresh)])
        lake_table.describe(said.get("docstring"), said.get("folder"))


def _no_other_type(c: Context, workspace: Workspace, table: Named, columns: Sequence[Column]) -> None:
    old = {o.name.lower(): o for o in c.tables.table(workspace.name, table.text) or ()}
    for column in columns:
        had = old.get(column.name.lower())
        if had is not None and had != column:
            raise Conflict(
                f"the column `{had.name}` of `{table.text}` is a {had.type} already, and can't become "
                f"`{column.name}:{column.type}`"
            )


def _describe(c: Context, table: Named, description: str | None = None, folder: str | None = None) -> Rows:
    workspace = c.workspace()
    columns = c.columns(workspace, table)
    _not_kept(c, table)
    lake_table = c.lake.table(workspace.name, table.text)
    if not lake_table.exists:
        lake_table.add_columns(stored(columns))
    lake_table.describe(description, folder)
    yield table_row(c, workspace, table.text)


def _drop(c: Context, tables: Sequence[Named], ifexists: bool) -> Rows:
    workspace = c.workspace()
    for table in tables:
        _not_kept(c, table)
        if table.text in c.ingestion.tables.catalogue:
            c.refuse(
                f"dropping `{table.text}`, which every workspace has,",
                table.span,
                f"`.clear table {table.text} data` takes its rows away",
            )
        if not c.on_disk(workspace, table.text) and not ifexists:
            c.no_table(workspace, table)
    for table in tables:
        if c.on_disk(workspace, table.text):
            c.lake.drop(workspace.name, table.text)
        c.mappings.forget(workspace, table.text)
    return [[name, workspace.database] for name in c.tables.listed(workspace.name)]


def _said(c: Context, properties: Properties) -> dict[str, str]:
    return {name: str(value) for name, value in c.known(properties, "docstring", "folder").items()}
