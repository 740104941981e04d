"""The pack of rules over the demo's fortnight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.demo.conftest import END

from huntlake.assembly.analytics import PLACES, Analytics
from huntlake.core.clock import FixedClock
from huntlake.demo.detections import detect
from huntlake.demo.generator import DAYS
from huntlake.demo.truth import GroundTruth
from huntlake.detection.service import Detection
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import NetworkTable
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.workspaces import Workspace

SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
OWNER = ("soc",)


@pytest.mark.timeout(600)
def test_the_attack_is_one_incident_and_the_rest_is_quiet(
    tmp_path: Path, tables: dict[str, Any], truth: GroundTruth
) -> None:
    clock = FixedClock(END)
    lake = Analytics.over(tmp_path, Bounds(threads=2), NetworkTable(PLACES), clock)
    detection = Detection.over(MemoryShelf(), clock)
    try:
        for name, rows in tables.items():
            lake.ingestion.append_arrow(SOC, name, rows)
        found = detect(detection, lake.queries, SOC, END, DAYS)
        assert found.failures == ()
        incidents = detection.incidents.list(OWNER)
        alerts = {d.name: [a.value for a in detection.incidents.alerts(OWNER, d.name)] for d in incidents}
        largest = max(alerts.values(), key=len)
        begin, end = truth.begin.replace(tzinfo=END.tzinfo), truth.end.replace(tzinfo=END.tzinfo)
        assert all(a.started and begin <= a.started <= end for a in largest)
        tactics = {t for a in largest for t in a.tactics}
        assert {t.replace(" ", "") for t in (s.tactic for s in truth.steps)} <= {t.value for t in tactics}
        assert sum(map(len, alerts.values())) - len(largest) <= 5
        again = detect(detection, lake.queries, SOC, END, DAYS)
        assert again.runs == found.runs
        assert len(detection.incidents.list(OWNER)) == len(incidents)
    finally:
        lake.close()
