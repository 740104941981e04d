"""One workspace with a few sign-ins, and another of the same lake."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
OTHER = Workspace("other", "99999999-2222-3333-4444-555555555555")

Ask = Callable[..., list[list[object]]]


@pytest.fixture
def hunting(tmp_path: Path) -> Iterator[Analytics]:
    made = Analytics.over(tmp_path / "home", Bounds(threads=1), Nowhere(), FixedClock(NOW))
    for workspace, user in ((SOC, "ann"), (OTHER, "bob")):
        file = tmp_path / f"{workspace.name}.jsonl"
        results = ("0", "50126", "50126")
        file.write_text(
            "\n".join(
                json.dumps({"TimeGenerated": NOW.isoformat(), "UserPrincipalName": user, "ResultType": r})
                for r in results
            )
        )
        made.ingestion.ingest(workspace, "SigninLogs", file)
    yield made
    made.engine.close()


@pytest.fixture
def ask(hunting: Analytics) -> Ask:
    """Asks the workspace `soc`, or another, as a caller who may read both."""

    def ask(text: str, workspace: Workspace = SOC) -> list[list[object]]:
        both = {w.name: w for w in (SOC, OTHER)}
        (table,) = hunting.queries.run(workspace, text, QueryOptions(), workspaces=both.get).tables
        found: list[list[object]] = json.loads(b"[" + b",".join(table.json_rows()) + b"]")
        return found

    return ask
