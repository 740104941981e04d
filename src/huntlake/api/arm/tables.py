"""The tables of a workspace, as Azure Resource Manager shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.resource import WORKSPACE, Place, Resource
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.core.errors import Conflict, Invalid, PreconditionFailed
from huntlake.identity.rights import Action
from huntlake.kql.types import ScalarType
from huntlake.state.documents import ANY_ETAG, Document
from huntlake.state.records import ALWAYS, Author, Only, Owner
from huntlake.workspace.collection.definition import type_of
from huntlake.workspace.ingestion.mapping import Unknown
from huntlake.workspace.table_definitions import TableChange, TableColumn, TableDefinition


class ColumnInfo(Part):
    """A column."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"dataTypeHint", "isDefaultDisplay", "isHidden"})
    name: str = Field(min_length=1, max_length=1000)
    type: str
    description: str | None = Field(None, max_length=10_000)
    display_name: str | None = Field(None, max_length=1000)


class SchemaInfo(Part):
    """The columns of a table, and what it is called."""

    SHOWN: ClassVar[frozenset[str]] = frozenset(
        {"standardColumns", "customColumns", "tableType", "tableSubType", "solutions", "labels", "categories", "source"}
    )
    name: str | None = None
    display_name: str | None = Field(None, max_length=1000)
    description: str | None = Field(None, max_length=10_000)
    columns: tuple[ColumnInfo, ...] | None = None


class TableProperties(Part):
    """What can be said of a table."""

    SHOWN: ClassVar[frozenset[str]] = frozenset(
        {
            "archiveRetentionInDays",
            "lastPlanModifiedDate",
            "provisioningState",
            "retentionInDaysAsDefault",
            "totalRetentionInDaysAsDefault",
        }
    )
    plan: str | None = None
    retention_in_days: int | None = None
    total_retention_in_days: int | None = None
    table_schema: SchemaInfo | None = Field(None, alias="schema")
    unknown_fields: str | None = None
    """`Drop`, `Keep` or `Extend`: not Azure's, who always drops them."""


class TableForm:
    """A table: what it is, and what a body wants it to be."""

    def shown(self, place: Place, document: Document[TableDefinition | TableChange]) -> dict[str, Any]:
        """The table's columns, and what was said of it."""
        table = document.value
        assert isinstance(table, TableDefinition)
        total = None if table.retention_is_default else table.total_retention_days
        properties: dict[str, Any] = {
            "plan": table.plan,
            "retentionInDays": table.retention_days or total,
            "totalRetentionInDays": total,
            "retentionInDaysAsDefault": table.retention_days is None,
            "totalRetentionInDaysAsDefault": table.retention_is_default,
            "provisioningState": "Succeeded",
            "unknownFields": table.unknown.value.capitalize(),
            "schema": {
                "name": table.name,
                "displayName": table.display_name or table.name,
                "description": table.description,
                "tableType": "CustomLog" if table.custom else "Microsoft",
                "tableSubType": "DataCollectionRuleBased" if table.custom else "Any",
                "solutions": ["LogManagement"],
                "standardColumns": [_column(c) for c in table.columns],
                "customColumns": (own := [_column(c) for c in table.custom_columns]),
                "columns": own,
            },
        }
        return {"properties": {n: v for n, v in properties.items() if v is not None}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> TableDefinition | TableChange:
        """What a body wants."""
        given = read(TableProperties, properties_of(body))
        schema = given.table_schema or read(SchemaInfo, {})
        if schema.name is not None and schema.name.lower() != name.lower():
            raise Invalid(f"`schema.name` is `{schema.name}`, and the path names `{name}`")
        columns = None
        if schema.columns is not None:
            columns = [
                TableColumn(
                    c.name,
                    type_of(c.type, f"properties.schema.columns[{i}].type"),
                    c.description or "",
                    c.display_name or "",
                )
                for i, c in enumerate(schema.columns)
            ]
        unknown = given.unknown_fields
        if unknown is not None and unknown.lower() not in {u.value for u in Unknown}:
            raise Invalid(f"`properties.unknownFields` is `{unknown[:50]}`; it can be Drop, Keep or Extend")
        return TableChange(
            columns=columns,
            plan=given.plan,
            display_name=None if schema.display_name == name else schema.display_name,
            description=schema.description,
            retention_days=given.retention_in_days,
            total_retention_days=given.total_retention_in_days,
            unknown=Unknown(unknown.lower()) if unknown else None,
        )


@dataclass(frozen=True)
class Tables:
    """The tables of a workspace; their names are looked for in any case."""

    place: Place

    def list(self, owner: Owner) -> Sequence[Document[TableDefinition | TableChange]]:
        """Every table that can be asked."""
        return [_document(t) for t in self.place.services.table_definitions.list(self.place.here)]

    def get(self, owner: Owner, name: str) -> Document[TableDefinition | TableChange]:
        """One table."""
        return _document(self.place.services.table_definitions.get(self.place.here, self._spelled(name)))

    def put(
        self,
        owner: Owner,
        name: str,
        value: TableDefinition | TableChange,
        by: Author = Author(),
        only: Only = ALWAYS,
    ) -> tuple[Document[TableDefinition | TableChange], bool]:
        """Make a table, or change one."""
        assert isinstance(value, TableChange)
        definitions, here, name = self.place.services.table_definitions, self.place.here, self._spelled(name)
        new = name not in definitions.names(here)
        self._check(name, new, only)
        return _document(definitions.put(here, name, value)), new

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Remove a table of the workspace's own."""
        definitions, here, name = self.place.services.table_definitions, self.place.here, self._spelled(name)
        self._check(name, name not in definitions.names(here), only)
        return definitions.delete(here, name)

    def _check(self, name: str, new: bool, only: Only) -> None:
        if only.create and not new:
            raise Conflict(f"the table `{name}` is already there")
        if only.if_match is None or (only.if_match == ANY_ETAG and not new):
            return
        if new or self.get((), name).etag != only.if_match:
            raise PreconditionFailed(f"the table `{name}` has changed since it was read, or isn't there")

    def _spelled(self, name: str) -> str:
        names = self.place.services.table_definitions.names(self.place.here)
        return next((n for n in names if n.lower() == name.lower()), name)


def _document(table: TableDefinition) -> Document[TableDefinition | TableChange]:
    return Document(table.name, table, hashlib.sha256(repr(table).encode()).hexdigest()[:32])


def _column(column: TableColumn) -> dict[str, Any]:
    type = "boolean" if column.type is ScalarType.BOOL else str(column.type)
    shown = {"name": column.name, "type": type, "description": column.description, "displayName": column.display_name}
    return {n: v for n, v in shown.items() if v}


TABLES: Resource[TableDefinition | TableChange] = Resource(
    type="Microsoft.OperationalInsights/workspaces/tables",
    path=f"{WORKSPACE}/tables",
    form=TableForm(),
    store=Tables,
    write=Action.MANAGE,
    created=200,
    pages=False,
)
