"""Commands that show what there is: databases, tables, columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from huntlake.kql.syntax.commands import Named, quoted_name, quoted_text
from huntlake.kql.syntax.nodes import FunctionParameter
from huntlake.kql.types import Column
from huntlake.lake.snapshot import NOTHING
from huntlake.workspace.clr_types import clr_type
from huntlake.workspace.commands.context import Context
from huntlake.workspace.commands.declaration import Need, Rows, command
from huntlake.workspace.functions import SavedFunction
from huntlake.workspace.workspaces import Workspace

DATABASES = (
    "DatabaseName:string, PersistentStorage:string, Version:string, IsCurrent:bool, DatabaseAccessMode:string, "
    "PrettyName:string, ReservedSlot1:bool, DatabaseId:guid, InTransitionTo:string, SuspensionState:string"
)
ENTITIES = (
    "DatabaseName:string, EntityType:string, EntityName:string, DocString:string, Folder:string, "
    "CslInputSchema:string, Content:string, CslOutputSchema:string, Properties:dynamic"
)
TABLES = "TableName:string, DatabaseName:string, Folder:string, DocString:string"
TABLE_SCHEMA = "TableName:string, Schema:string, DatabaseName:string, Folder:string, DocString:string"
SCHEMA = (
    "DatabaseName:string, TableName:string, ColumnName:string, ColumnType:string, IsDefaultTable:bool, "
    "IsDefaultColumn:bool, PrettyName:string, Version:string, Folder:string, DocString:string"
)
DETAILS = (
    f"{TABLES}, TotalExtents:long, TotalExtentSize:real, TotalOriginalSize:real, TotalRowCount:long, HotExtents:long, "
    "HotExtentSize:real, HotOriginalSize:real, HotRowCount:long, AuthorizedPrincipals:string, RetentionPolicy:string, "
    "CachingPolicy:string, ShardingPolicy:string, MergePolicy:string, StreamingIngestionPolicy:string, "
    "IngestionBatchingPolicy:string, MinExtentsCreationTime:datetime, MaxExtentsCreationTime:datetime, "
    "RowOrderPolicy:string, TableId:guid"
)


# -- databases --------------------------------------------------------------------


@command(".show databases", Need.NOTHING, DATABASES)
def show_databases(c: Context) -> Rows:
    """The databases that the caller may read: each is a workspace."""
    return _databases(c, c.granted())


@command(".show database", Need.READ, DATABASES)
def show_database(c: Context) -> Rows:
    """The database of the request."""
    return _databases(c, [c.workspace()])


def _databases(c: Context, workspaces: Iterable[Workspace]) -> Rows:
    for w in workspaces:
        mode = "ReadWrite" if c.caller.may(Need.WRITE, w) else "ReadOnly"
        yield [w.database, "", "v1.0", w.database == c.database.strip(), mode, w.name, None, w.id, "", ""]


@command(".show databases entities", Need.NOTHING, ENTITIES)
def show_databases_entities(c: Context) -> Rows:
    """The tables and functions of the databases that the caller may read."""
    for workspace in c.granted():
        for name, columns in _schemas(c, workspace):
            about = c.about(workspace, name)
            yield [
                *(workspace.database, "Table", name, about.description, about.folder, "", ""),
                *(cslschema(columns), None),
            ]
        for document in c.functions.list(workspace):
            f = document.value
            body = f"{{{f.body}}}"
            yield [
                *(workspace.database, "Function", f.name, f.description, f.category),
                *(f"({f.parameters})", body, "", None),
            ]


# -- schemas of databases ---------------------------------------------------------


@command(".show database [<database>] schema", Need.READ, SCHEMA)
def show_database_schema(c: Context, database: Named | None = None) -> Rows:
    """A row for the database, one for each of its tables, and one for each of their columns."""
    return _schema(c, c.workspace(database))


@command(".show databases schema", Need.NOTHING, SCHEMA)
def show_databases_schema(c: Context) -> Rows:
    """The same of every database that the caller may read."""
    for workspace in c.granted():
        yield from _schema(c, workspace)


@command(".show schema", Need.NOTHING, SCHEMA)
def show_schema(c: Context) -> Rows:
    """The same of every database that the caller may read."""
    return show_databases_schema.run(c)


@command(".show database [<database>] schema as json", Need.READ, "DatabaseSchema:string")
def show_database_schema_as_json(c: Context, database: Named | None = None) -> Rows:
    """The schema of a database, with its functions, as one JSON object, which editors complete from."""
    yield [_as_json(c, [c.workspace(database)])]


@command(".show databases schema as json", Need.NOTHING, "DatabaseSchema:string")
def show_databases_schema_as_json(c: Context) -> Rows:
    """The schemas of every database that the caller may read, as one JSON object."""
    yield [_as_json(c, c.granted())]


@command(".show schema as json", Need.NOTHING, "ClusterSchema:string")
def show_schema_as_json(c: Context) -> Rows:
    """The schemas of every database that the caller may read, as one JSON object."""
    yield [_as_json(c, c.granted())]


@command(".show database [<database>] schema as csl script", Need.READ, "DatabaseSchemaScript:string")
def show_database_schema_as_csl_script(c: Context, database: Named | None = None) -> Rows:
    """The commands that make the tables that were declared, and the functions, of a database anew."""
    workspace = c.workspace(database)
    for name in c.lake.tables(workspace.name):
        columns = c.tables.table(workspace.name, name) or ()
        about = c.about(workspace, name)
        said = [f"{k}={quoted_text(v)}" for k, v in (("folder", about.folder), ("docstring", about.description)) if v]
        properties = f" with ({', '.join(said)})" if said else ""
        yield [f".create-merge table {quoted_name(name)} ({cslschema(columns, ', ')}){properties}"]
    for document in c.functions.list(workspace):
        f = document.value
        said = [f"{k}={quoted_text(v)}" for k, v in (("folder", f.category), ("docstring", f.description)) if v]
        # One function may call another that comes later.
        properties = ", ".join([*said, 'skipvalidation="true"'])
        yield [f".create-or-alter function with ({properties}) {f.name}({f.parameters}) {{{f.body}}}"]


def _schema(c: Context, workspace: Workspace) -> Iterator[list[Any]]:
    yield [workspace.database, None, None, None, False, False, workspace.name, "v1.0", "", ""]
    for name, columns in _schemas(c, workspace):
        about = c.about(workspace, name)
        said = [False, False, "", "", about.folder, about.description]
        yield [workspace.database, name, None, None, *said]
        yield from ([workspace.database, name, o.name, clr_type(o.type), False, False, *[""] * 4] for o in columns)


def _as_json(c: Context, workspaces: Iterable[Workspace]) -> str:
    databases = {}
    for w in workspaces:
        tables = {}
        for name, columns in _schemas(c, w):
            about = c.about(w, name)
            tables[name] = {"Name": name, "OrderedColumns": [_ordered(column) for column in columns]}
            tables[name] |= {"Folder": about.folder} if about.folder else {}
            tables[name] |= {"DocString": about.description} if about.description else {}
        databases[w.database] = {
            "Name": w.database,
            "Tables": tables,
            "ExternalTables": {},
            "MaterializedViews": {},
            "Functions": {d.value.name: _function(d.value) for d in c.functions.list(w)},
            "EntityGroups": {},
            "MajorVersion": 1,
            "MinorVersion": 1,
            "DatabaseAccessMode": "ReadWrite" if c.caller.may(Need.WRITE, w) else "ReadOnly",
        }
    return orjson.dumps({"Databases": databases}).decode()


def _function(function: SavedFunction) -> dict[str, object]:
    from huntlake.kql.compiler import parse_function

    declared = parse_function(function.text).parameters
    return {
        "Name": function.name,
        "InputParameters": [_parameter(p) for p in declared],
        "Body": f"{{{function.body}}}",
        "Folder": function.category,
        "DocString": function.description,
        "FunctionKind": "Unknown",
        "OutputColumns": [],
    }


def _parameter(parameter: FunctionParameter) -> dict[str, object]:
    if parameter.type is None:
        columns = [Column(p.name, p.type) for p in parameter.columns]
        return {"Name": parameter.name, "Columns": [_ordered(column) for column in columns]}
    return _ordered(Column(parameter.name, parameter.type))


def _schemas(c: Context, workspace: Workspace) -> Iterator[tuple[str, tuple[Column, ...]]]:
    for name in c.tables.listed(workspace.name):
        yield name, c.tables.table(workspace.name, name) or ()


def _ordered(column: Column) -> dict[str, object]:
    return {"Name": column.name, "Type": clr_type(column.type), "CslType": column.type.value}


# -- tables -----------------------------------------------------------------------


@command(".show tables [<tables>]", Need.READ, TABLES)
def show_tables(c: Context, tables: tuple[Named, ...] | None = None) -> Rows:
    """The tables of the database, or those of them that are named."""
    workspace = c.workspace()
    for name in _names(c, workspace, tables):
        yield table_row(c, workspace, name)


@command(".show tables [<tables>] details", Need.READ, DETAILS)
def show_tables_details(c: Context, tables: tuple[Named, ...] | None = None) -> Rows:
    """The tables of the database, or those named, with how much they hold."""
    workspace = c.workspace()
    return (_details(c, workspace, name) for name in _names(c, workspace, tables))


@command(".show table <table> details", Need.READ, DETAILS)
def show_table_details(c: Context, table: Named) -> Rows:
    """A table, with how much it holds."""
    workspace = c.workspace()
    c.columns(workspace, table)
    yield _details(c, workspace, table.text)


@command(
    ".show table <table>",
    Need.READ,
    "AttributeName:string, AttributeType:string, ExtentSize:long, CompressionRatio:real, IndexSize:long, "
    "IndexSizePercent:real, OriginalSize:long, AttributeId:guid, SharedIndexSize:long, StorageEngineVersion:string",
)
def show_table(c: Context, table: Named) -> Rows:
    """The columns of a table. Their sizes aren't known apart, and are null."""
    for column in c.columns(c.workspace(), table):
        yield [column.name, clr_type(column.type), *[None] * 7, ""]


@command(".show table <table> cslschema", Need.READ, TABLE_SCHEMA)
def show_table_cslschema(c: Context, table: Named) -> Rows:
    """The columns of a table, as a command that makes one takes them."""
    workspace = c.workspace()
    yield schema_row(c, workspace, table.text, cslschema(c.columns(workspace, table)))


@command(".show table <table> kqlschema", Need.READ, TABLE_SCHEMA)
def show_table_kqlschema(c: Context, table: Named) -> Rows:
    """The columns of a table, as a command that makes one takes them."""
    return show_table_cslschema.run(c, table=table)


@command(".show table <table> schema as json", Need.READ, TABLE_SCHEMA)
def show_table_schema_as_json(c: Context, table: Named) -> Rows:
    """The columns of a table, as a JSON object."""
    workspace = c.workspace()
    c.columns(workspace, table)
    yield json_row(c, workspace, table.text)


@command(".show database [<database>] cslschema", Need.READ, TABLE_SCHEMA)
def show_database_cslschema(c: Context, database: Named | None = None) -> Rows:
    """The columns of each table of a database, as a command that makes one takes them."""
    workspace = c.workspace(database)
    for name, columns in _schemas(c, workspace):
        yield schema_row(c, workspace, name, cslschema(columns))


def _names(c: Context, workspace: Workspace, tables: tuple[Named, ...] | None) -> Iterable[str]:
    if tables is None:
        return c.tables.listed(workspace.name)
    for table in tables:
        c.columns(workspace, table)
    return [t.text for t in tables]


def table_row(c: Context, workspace: Workspace, name: str) -> list[Any]:
    """A table among others: its name, its database, its folder, what it is for."""
    about = c.about(workspace, name)
    return [name, workspace.database, about.folder, about.description]


def schema_row(c: Context, workspace: Workspace, name: str, schema: str) -> list[Any]:
    """A table with its columns, in one of the forms that they are written in."""
    about = c.about(workspace, name)
    return [name, schema, workspace.database, about.folder, about.description]


def json_row(c: Context, workspace: Workspace, name: str) -> list[Any]:
    """A table with its columns as a JSON object, as commands that change a table answer."""
    columns = c.tables.table(workspace.name, name) or ()
    schema = {"Name": name, "OrderedColumns": [_ordered(column) for column in columns]}
    return schema_row(c, workspace, name, orjson.dumps(schema).decode())


def cslschema(columns: Iterable[Column], between: str = ",") -> str:
    """`a:string,b:long`."""
    return between.join(f"{quoted_name(o.name)}:{o.type.value}" for o in columns)


def _details(c: Context, workspace: Workspace, name: str) -> list[Any]:
    # Everything is at hand at all times; what Kusto calls an extent is a file here.
    snapshot, waiting = c.streams.counted(workspace.name, name) if c.on_disk(workspace, name) else (NOTHING, 0)
    held = [len(snapshot.files), float(snapshot.bytes), None, snapshot.rows + waiting]
    return [*table_row(c, workspace, name), *held, *held, *[""] * 7, None, None, "", None]
