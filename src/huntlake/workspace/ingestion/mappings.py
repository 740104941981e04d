"""The ingestion mappings of tables: which field or path of a body fills which column, kept under a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.kql.types import Column
from huntlake.state.documents import Documents, Json, Shelf
from huntlake.workspace.external_formats import shape
from huntlake.workspace.ingestion.bodies import KINDS
from huntlake.workspace.workspaces import Workspace


@dataclass(frozen=True, slots=True)
class IngestionMapping:
    """A mapping of one table; `text` is the JSON array that Kusto takes."""

    table: str
    kind: str
    """`json` or `csv`."""
    name: str
    text: str


class IngestionMappings:
    """The mappings of every workspace."""

    def __init__(self, database: Shelf) -> None:
        self._documents = Documents(database, "ingestion mappings", _encode, _decode)

    def put(
        self, workspace: Workspace, mapping: IngestionMapping, columns: Sequence[Column], *, replacing: bool
    ) -> IngestionMapping:
        """Keep a mapping onto a table that has `columns`.

        :raises Conflict: one of that name is there, and it isn't `replacing`
        :raises Invalid: there is no such kind, or the text makes no sense for the table
        :raises Refused: the text asks for what isn't supported
        """
        workspace.here("keeping a mapping")
        _known_kind(mapping.kind)
        if not mapping.name.strip():
            raise Invalid("a mapping needs a name")
        shape(columns, {"ingestionmapping": mapping.text})
        try:
            return self._documents.put(_name(workspace, mapping), mapping, create_only=not replacing).value
        except Conflict:
            raise Conflict(f"the table `{mapping.table}` has a {mapping.kind} mapping `{mapping.name}`") from None

    def get(self, workspace: Workspace, table: str, kind: str, name: str) -> IngestionMapping:
        """The mapping of that kind and name, or `NotFound`."""
        found = self._documents.find(_name(workspace, IngestionMapping(table, kind, name, "")))
        if found is None:
            raise NotFound(f"Entity ID '{name}' of kind 'MappingPersistent' was not found.")
        return found.value

    def list(self, workspace: Workspace, table: str) -> list[IngestionMapping]:
        """Every mapping of a table."""
        start = _place(workspace, table)
        return [d.value for d in self._documents.list() if d.name.startswith(start)]

    def delete(self, workspace: Workspace, table: str, kind: str, name: str) -> IngestionMapping:
        """Take a mapping away, and give what it was; `NotFound` where there is none."""
        found = self.get(workspace, table, kind, name)
        self._documents.delete(_name(workspace, found))
        return found

    def forget(self, workspace: Workspace, table: str) -> None:
        """Take every mapping of a table away."""
        for mapping in self.list(workspace, table):
            self._documents.delete(_name(workspace, mapping))


def _known_kind(kind: str) -> None:
    if kind not in KINDS:
        raise Invalid(f"mappings of the kind `{kind}` are not supported; these are: {', '.join(KINDS)}")


def _place(workspace: Workspace, table: str) -> str:
    # No name of a table holds a slash, so that no table's mappings begin as another's do.
    return f"{workspace.id}/{table}/"


def _name(workspace: Workspace, mapping: IngestionMapping) -> str:
    return f"{_place(workspace, mapping.table)}{mapping.kind}/{mapping.name}"


def _encode(mapping: IngestionMapping) -> Json:
    return cast("Json", asdict(mapping))


def _decode(stored: Json) -> IngestionMapping:
    return IngestionMapping(**cast("dict[str, Any]", stored))
