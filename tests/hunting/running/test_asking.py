"""The query of a hunt, as its runs ask it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import SystemClock
from huntlake.core.diagnostics import SourceError
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.hunting.lifecycle.hunt import HuntContent
from huntlake.hunting.proof.allowed import Reach
from huntlake.hunting.proof.prover import Prover
from huntlake.hunting.running.asking import ask
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOME = Workspace("soc", "00000000-0000-4000-8000-000000000001")


def test_parameters_that_are_kept_as_literals_mean_their_values(tmp_path: Path) -> None:
    lake = Analytics.over(tmp_path, Bounds(threads=1), Nowhere(), SystemClock())
    times = pa.array([(NOW - timedelta(hours=1)).replace(tzinfo=None)], pa.timestamp("us"))
    lake.ingestion.append_arrow(HOME, "SigninLogs", pa.table({"TimeGenerated": times, "UserPrincipalName": ["ann"]}))
    query = (
        "declare query_parameters(who:string, more:dynamic); "
        "SigninLogs | where UserPrincipalName == who and UserPrincipalName in (more)"
    )
    content = HuntContent(query, (("who", "'ann'"), ("more", "dynamic(['ann', 'bob'])")))
    found = ask(lake.queries, HOME, content, NOW - timedelta(days=1), NOW, 10)
    assert [row["UserPrincipalName"] for row in found.rows] == ["ann"]
    lake.close()


def test_another_workspace_is_read_only_where_hunts_may_reach_it(tmp_path: Path) -> None:
    lake = Analytics.over(tmp_path, Bounds(threads=1), Nowhere(), SystemClock())
    other = Workspace("soc-eu", "00000000-0000-4000-8000-000000000002")
    times = pa.array([(NOW - timedelta(hours=1)).replace(tzinfo=None)], pa.timestamp("us"))
    lake.ingestion.append_arrow(other, "SigninLogs", pa.table({"TimeGenerated": times, "UserPrincipalName": ["eve"]}))

    def named(name: str) -> Workspace | None:
        return other if name in (other.name, other.id) else None

    content = HuntContent('workspace("soc-eu").SigninLogs | project UserPrincipalName')
    window = NOW - timedelta(days=1), NOW
    closed = Prover(lake.queries, Reach(), named)
    with pytest.raises(SourceError):
        ask(lake.queries, HOME, content, *window, 10, workspaces=closed.reached)
    opened = Prover(lake.queries, Reach(("workspace:soc-*",)), named)
    found = ask(lake.queries, HOME, content, *window, 10, workspaces=opened.reached)
    assert [row["UserPrincipalName"] for row in found.rows] == ["eve"]
    proof = opened.prove(HOME, content, history=timedelta(days=7), now=NOW)
    assert proof.dry_run is not None
    assert proof.dry_run.rows == 1
    assert proof.cost is not None
    assert proof.cost.tables == ("soc-eu/SigninLogs",)
    lake.close()
