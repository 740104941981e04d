"""A lake with a workspace, and a rule that takes records into it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.collection import Collected, definition_of
from huntlake.workspace.ingestion.streaming import Pace
from huntlake.workspace.workspaces import Workspace

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
OTHER = Workspace("other", "99999999-2222-3333-4444-555555555555")

COLUMNS = {"TimeGenerated": "datetime", "User": "string", "Level": "long", "Extra": "dynamic"}
STREAM = "Custom-Events_CL"


def declared(columns: Mapping[str, str]) -> dict[str, Any]:
    return {"columns": [{"name": n, "type": t} for n, t in columns.items()]}


def flow(
    transform: str = "source", output: str = STREAM, to: Sequence[str] = ("here",), streams: Sequence[str] = (STREAM,)
) -> dict[str, Any]:
    return {"streams": list(streams), "destinations": list(to), "transformKql": transform, "outputStream": output}


def rule(*flows: dict[str, Any], columns: Mapping[str, str] = COLUMNS, **properties: Any) -> dict[str, Any]:
    """A rule as Azure writes it."""
    workspaces = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces"
    return {
        "location": "local",
        "kind": "Direct",
        "properties": {
            "streamDeclarations": {STREAM: declared(columns)},
            "destinations": {
                "logAnalytics": [
                    {"workspaceResourceId": f"{workspaces}/soc", "name": "here"},
                    {"workspaceResourceId": f"{workspaces}/other", "name": "there"},
                ]
            },
            "dataFlows": list(flows) or [flow()],
            **properties,
        },
    }


@dataclass
class House:
    """The services over one folder, with short ways to them."""

    analytics: Analytics

    def put(self, *flows: dict[str, Any], name: str = "events", **given: Any) -> str:
        """Keep a rule; its immutable id."""
        return self.analytics.collection.rules.put(name, definition_of(rule(*flows, **given))).value.immutable_id

    def send(self, *records: object, name: str = "events", stream: str = STREAM) -> Collected:
        """Send records through a rule."""
        kept = self.analytics.collection.rules.get(name)
        return self.analytics.collection.take(kept, stream, json.dumps(records).encode())

    def ask(self, text: str, workspace: Workspace = SOC) -> list[list[Any]]:
        """The rows of a query."""
        (table,) = self.analytics.queries.run(workspace, text).tables
        found: list[list[Any]] = json.loads(b"[" + b",".join(table.json_rows()) + b"]")
        return found

    def letters(self, workspace: Workspace = SOC) -> list[list[Any]]:
        """The dead letters: line, reason, table, text."""
        self.analytics.streams.flush()
        if not self.analytics.tables.exists_on_disk(workspace.name, "HuntlakeDeadLetters"):
            return []
        return self.ask(
            "HuntlakeDeadLetters | project Line, Reason, Table, Text | sort by Table asc, Line asc", workspace
        )


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], House]]:
    """Opens the lake; whenever it is called, the one before is closed."""
    state, known = MemoryShelf(), {w.name: w for w in (SOC, OTHER)}
    made: list[House] = []

    def open() -> House:
        if made:
            made.pop().analytics.close()
        analytics = Analytics.over(
            tmp_path, Bounds(threads=1), Nowhere(), FixedClock(NOON), state, pace=Pace(), workspaces=known.get
        )
        made.append(House(analytics))
        return made[0]

    yield open
    for house in made:
        house.analytics.close()


@pytest.fixture
def house(opened: Callable[[], House]) -> House:
    return opened()
