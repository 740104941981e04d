"""The tables of a workspace as the lake holds them: rows, files, times, what is refused. This contract is ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from huntlake.api.arm.hunting_acting import ReadOnly
from huntlake.api.arm.resource import WORKSPACE, Place, Resource
from huntlake.core.errors import NotFound, Refused
from huntlake.state.documents import Document
from huntlake.state.records import Owner
from huntlake.workspace.upkeep import TableState, Upkeep


class TableStateForm:
    """What there is of a table."""

    def shown(self, place: Place, document: Document[TableState]) -> dict[str, Any]:
        """The table's figures."""
        state = document.value
        told = state.statistics
        properties: dict[str, Any] = {
            "rows": told.rows,
            "files": told.files,
            "days": told.days,
            "bytes": told.bytes,
            "indexBytes": told.index_bytes,
            "filesToCompact": told.to_compact,
            "version": told.version,
            "oldestTimeUtc": _stamp(told.since),
            "newestTimeUtc": _stamp(told.until),
            "retentionInDays": state.retention_days or None,
        }
        return {"properties": {name: value for name, value in properties.items() if value is not None}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> TableState:
        """Tables are changed elsewhere."""
        raise Refused("what the lake holds can't be written here: tables are `Microsoft.OperationalInsights` resources")


@dataclass(frozen=True)
class TableStates(ReadOnly):
    """The tables that have rows."""

    upkeep: Upkeep
    workspace: str

    def list(self, owner: Owner) -> Sequence[Document[TableState]]:
        """All of them, by name."""
        return [Document(state.name, state, "") for state in self.upkeep.states(self.workspace)]

    def get(self, owner: Owner, name: str) -> Document[TableState]:
        """One of them."""
        for document in self.list(owner):
            if document.name.lower() == name.lower():
                return document
        raise NotFound(f"no rows are in a table named `{name}`")


def _stamp(moment: Any) -> str | None:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" if moment else None


STATES: Resource[TableState] = Resource(
    type="huntlake.Lake/tables",
    path=f"{WORKSPACE}/providers/huntlake.Lake/tables",
    form=TableStateForm(),
    store=lambda place: TableStates(place.services.upkeep, place.here.name),
)

RESOURCES = (STATES,)
