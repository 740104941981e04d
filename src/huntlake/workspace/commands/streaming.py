"""Commands about streaming ingestion: the mappings of a table, and the policy, which is always on."""

from __future__ import annotations

from huntlake.kql.syntax.commands import Named
from huntlake.workspace.commands.context import Context
from huntlake.workspace.commands.declaration import Need, Rows, command
from huntlake.workspace.ingestion.bodies import KINDS
from huntlake.workspace.ingestion.mappings import IngestionMapping
from huntlake.workspace.workspaces import Workspace

_MAPPING = "Name:string, Kind:string, Mapping:string, LastUpdatedOn:datetime, Database:string, Table:string"
_POLICY = "PolicyName:string, EntityName:string, Policy:string, ChildEntities:string, EntityType:string"


@command(".create table <table> ingestion <kind> mapping <text> <mapping>", Need.MANAGE, _MAPPING)
def create_mapping(c: Context, table: Named, kind: Named, text: str, mapping: str) -> Rows:
    """Keep a mapping by which streaming ingestion fills the table's columns."""
    return _put(c, table, kind, text, mapping, replacing=False)


@command(".create-or-alter table <table> ingestion <kind> mapping <text> <mapping>", Need.MANAGE, _MAPPING)
def create_or_alter_mapping(c: Context, table: Named, kind: Named, text: str, mapping: str) -> Rows:
    """Keep a mapping, in place of one of the same name."""
    return _put(c, table, kind, text, mapping, replacing=True)


@command(".alter table <table> ingestion <kind> mapping <text> <mapping>", Need.MANAGE, _MAPPING)
def alter_mapping(c: Context, table: Named, kind: Named, text: str, mapping: str) -> Rows:
    """Change a mapping that is there."""
    c.mappings.get(c.workspace(), table.text, _kind(c, kind), text)
    return _put(c, table, kind, text, mapping, replacing=True)


@command(".drop table <table> ingestion <kind> mapping <text>", Need.MANAGE, _MAPPING)
def drop_mapping(c: Context, table: Named, kind: Named, text: str) -> Rows:
    """Take a mapping away."""
    workspace = c.workspace()
    c.columns(workspace, table)
    yield _row(workspace, c.mappings.delete(workspace, table.text, _kind(c, kind), text))


@command(".show table <table> ingestion mappings", Need.READ, _MAPPING)
def show_mappings(c: Context, table: Named) -> Rows:
    """The mappings of a table."""
    workspace = c.workspace()
    c.columns(workspace, table)
    return [_row(workspace, m) for m in c.mappings.list(workspace, table.text)]


@command(".show table <table> ingestion <kind> mappings", Need.READ, _MAPPING)
def show_mappings_of_kind(c: Context, table: Named, kind: Named) -> Rows:
    """The mappings of a table for JSON, or for delimited text."""
    workspace = c.workspace()
    c.columns(workspace, table)
    wanted = _kind(c, kind)
    return [_row(workspace, m) for m in c.mappings.list(workspace, table.text) if m.kind == wanted]


@command(".show table <table> ingestion <kind> mapping <text>", Need.READ, _MAPPING)
def show_mapping(c: Context, table: Named, kind: Named, text: str) -> Rows:
    """One mapping of a table."""
    workspace = c.workspace()
    c.columns(workspace, table)
    yield _row(workspace, c.mappings.get(workspace, table.text, _kind(c, kind), text))


@command(".alter table <table> policy streamingingestion enable", Need.MANAGE, _POLICY)
def enable_streaming(c: Context, table: Named) -> Rows:
    """Nothing: every table takes streams."""
    return _policy(c, table)


@command(".show table <table> policy streamingingestion", Need.READ, _POLICY)
def show_streaming(c: Context, table: Named) -> Rows:
    """That the table takes streams, as every one does."""
    return _policy(c, table)


def _policy(c: Context, table: Named) -> Rows:
    workspace = c.workspace()
    c.columns(workspace, table)
    entity = f"[{workspace.database}].[{table.text}]"
    yield ["StreamingIngestionPolicy", entity, '{"IsEnabled":true,"HintAllocatedRate":null}', None, "Table"]


def _put(c: Context, table: Named, kind: Named, name: str, text: str, *, replacing: bool) -> Rows:
    workspace = c.workspace()
    columns = c.columns(workspace, table)
    mapping = IngestionMapping(table.text, _kind(c, kind), name, text)
    yield _row(workspace, c.mappings.put(workspace, mapping, columns, replacing=replacing))


def _kind(c: Context, kind: Named) -> str:
    name = kind.text.lower()
    if name not in KINDS:
        c.refuse(f"a mapping of the kind `{kind.text}`", kind.span, ", ".join(KINDS))
    return name


def _row(workspace: Workspace, m: IngestionMapping) -> list[object]:
    return [m.name, m.kind.capitalize(), m.text, None, workspace.database, m.table]
