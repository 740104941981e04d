"""The control commands that clients send when they connect. They show; none of them changes anything.

https://learn.microsoft.com/kusto/management/schema-management
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import orjson

from huntlake.api.kusto.types import clr_type
from huntlake.api.services import Tables
from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span, did_you_mean
from huntlake.core.errors import LimitExceeded
from huntlake.kql.types import Column, ScalarType
from huntlake.workspace.workspaces import Workspace

_CHUNK_ROWS = 2000


@dataclass(frozen=True)
class CommandTable:
    """What a command answers: a table that is already known in full, or nearly."""

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]
    name: str = "PrimaryResult"
    visualization: Mapping[str, object] | None = None
    truncated_by: LimitExceeded | None = None
    byte_count: int = 0

    @property
    def row_count(self) -> int:
        return len(self.rows)

    def json_rows(self) -> Iterator[bytes]:
        for first in range(0, len(self.rows), _CHUNK_ROWS):
            yield orjson.dumps(self.rows[first : first + _CHUNK_ROWS])[1:-1]


@dataclass(frozen=True)
class Context:
    """What a command may see: the workspaces that the caller may read, and the one it asked.

    `workspace_named` finds a workspace that the caller may read, or refuses.
    """

    granted: tuple[Workspace, ...]
    database: str
    workspace_named: Callable[[str], Workspace]
    tables: Tables
    source: Source

    def workspace(self, named: str | None = None) -> Workspace:
        """The workspace that the command names, or else the one of the request."""
        return self.workspace_named(named or self.database)


def run_command(text: str, context: Context) -> CommandTable:
    """Run a control command; `SourceError` names it where it is not supported."""
    for pattern, command in _COMMANDS:
        if match := pattern.fullmatch(text.rstrip(" \t\r\n;")):
            return command(context, match)
    words = re.match(r"\.[^\s|(\[<]{0,40}(?:[ \t]+[A-Za-z-]{1,40})?", text)
    span = Span(0, words.end() if words else 1)
    known = "; ".join(f"`{shown}`" for shown in SUPPORTED)
    message = f"the command `{text[: span.end]}` is not supported"
    raise SourceError(context.source, Diagnostic("HL001", message, span, help=f"these are: {known}"))


def _strings(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, ScalarType.STRING) for name in names)


def _show_version(context: Context, match: re.Match[str]) -> CommandTable:
    columns = (
        *_strings("BuildVersion"),
        Column("BuildTime", ScalarType.DATETIME),
        *_strings("ServiceType", "ProductVersion"),
    )
    number = version("huntlake")
    # Ingestion clients look whether the service type is that of an engine.
    return CommandTable(columns, [[number, "2026-01-01T00:00:00Z", "Engine", f"huntlake {number}"]])


def _show_databases(context: Context, match: re.Match[str]) -> CommandTable:
    return _databases(context, context.granted)


def _show_database(context: Context, match: re.Match[str]) -> CommandTable:
    return _databases(context, (context.workspace(),))


def _databases(context: Context, workspaces: Iterable[Workspace]) -> CommandTable:
    columns = (
        *_strings("DatabaseName", "PersistentStorage", "Version"),
        Column("IsCurrent", ScalarType.BOOL),
        *_strings("DatabaseAccessMode", "PrettyName", "ReservedSlot1"),
        Column("DatabaseId", ScalarType.GUID),
        *_strings("InTransitionTo", "SuspensionState"),
    )
    rows = [
        [w.database, "", "v1.0", w.database == context.database.strip(), "ReadOnly", w.name, "", w.id, "", ""]
        for w in workspaces
    ]
    return CommandTable(columns, rows)


def _show_tables(context: Context, match: re.Match[str]) -> CommandTable:
    workspace = context.workspace()
    rows = [[name, workspace.database, "", ""] for name in context.tables.names(workspace.name)]
    return CommandTable(_strings("TableName", "DatabaseName", "Folder", "DocString"), rows)


def _show_schema(context: Context, match: re.Match[str]) -> CommandTable:
    workspace = context.workspace(_name(match))
    columns = (
        *_strings("DatabaseName", "TableName", "ColumnName", "ColumnType"),
        Column("IsDefaultTable", ScalarType.BOOL),
        Column("IsDefaultColumn", ScalarType.BOOL),
        *_strings("PrettyName", "Version", "Folder", "DocString"),
    )
    rest = [False, False, "", "", "", ""]
    rows: list[list[Any]] = [[workspace.database, None, None, None, False, False, workspace.name, "v1.0", "", ""]]
    for name, table in _schemas(context, workspace):
        rows.append([workspace.database, name, None, None, *rest])
        rows += [[workspace.database, name, c.name, clr_type(c.type), *rest] for c in table]
    return CommandTable(columns, rows)


def _show_schema_as_json(context: Context, match: re.Match[str]) -> CommandTable:
    workspace = context.workspace(_name(match))
    tables = {
        name: {"Name": name, "OrderedColumns": [_ordered(c) for c in table]}
        for name, table in _schemas(context, workspace)
    }
    schema = {
        "Databases": {
            workspace.database: {
                "Name": workspace.database,
                "Tables": tables,
                "ExternalTables": {},
                "MaterializedViews": {},
                "Functions": {},
                "EntityGroups": {},
                "MajorVersion": 1,
                "MinorVersion": 1,
                "DatabaseAccessMode": "ReadOnly",
            }
        }
    }
    return CommandTable(_strings("DatabaseSchema"), [[orjson.dumps(schema).decode()]])


def _show_table_schema(context: Context, match: re.Match[str]) -> CommandTable:
    workspace, name = context.workspace(), _name(match) or ""
    if (table := context.tables.table(workspace.name, name)) is None:
        span = Span(*match.span("name"))
        help = did_you_mean(name, context.tables.names(workspace.name))
        raise SourceError(context.source, Diagnostic("SEM0100", f"no table is named `{name}`", span, help=help))
    if match["form"].lower().startswith("csl"):
        schema = ",".join(f"{c.name}:{c.type.value}" for c in table)
    else:
        schema = orjson.dumps({"Name": name, "OrderedColumns": [_ordered(c) for c in table]}).decode()
    columns = _strings("TableName", "Schema", "DatabaseName", "Folder", "DocString")
    return CommandTable(columns, [[name, schema, workspace.database, "", ""]])


def _schemas(context: Context, workspace: Workspace) -> Iterator[tuple[str, tuple[Column, ...]]]:
    for name in context.tables.names(workspace.name):
        yield name, context.tables.table(workspace.name, name) or ()


def _ordered(column: Column) -> dict[str, str]:
    return {"Name": column.name, "Type": clr_type(column.type), "CslType": column.type.value}


def _name(match: re.Match[str]) -> str | None:
    """The name in a command, out of its brackets and quotes."""
    name = match["name"] if "name" in match.re.groupindex else None
    if not name:
        return None
    return re.sub(r"^\[\s*(['\"])(.*)\1\s*\]$|^(['\"])(.*)\3$", lambda m: m[2] or m[4] or "", name.strip())


# A lake database's name has hyphens in it, and some clients send it bare.
_NAMED = r"""(?P<name>\[\s*'[^'\]]{1,300}'\s*\]|\[\s*"[^"\]]{1,300}"\s*\]|'[^']{1,300}'|"[^"]{1,300}"|[\w.-]{1,300})"""

_Command = Callable[[Context, re.Match[str]], CommandTable]

_LISTED: tuple[tuple[str, str, _Command], ...] = (
    (".show version", r"\.show version", _show_version),
    (".show databases", r"\.show databases", _show_databases),
    (".show database", r"\.show database", _show_database),
    (".show tables", r"\.show tables", _show_tables),
    (".show database [name] schema", rf"\.show database(?: {_NAMED})? schema", _show_schema),
    (".show database [name] schema as json", rf"\.show database(?: {_NAMED})? schema as json", _show_schema_as_json),
    (
        ".show table name cslschema|schema as json",
        rf"\.show table {_NAMED} (?P<form>cslschema|schema as json)",
        _show_table_schema,
    ),
)

SUPPORTED = tuple(shown for shown, _, _ in _LISTED)
"""The commands, as a person would write them."""

_COMMANDS = tuple((re.compile(p.replace(" ", r"\s+"), re.IGNORECASE), command) for _, p, command in _LISTED)
