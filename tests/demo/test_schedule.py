"""The pack of rules after the demo's fortnight: the scheduler goes on with them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.demo.conftest import END

from huntlake.assembly.analytics import PLACES, Analytics
from huntlake.core.clock import FixedClock
from huntlake.demo.detections import detect
from huntlake.demo.generator import DAYS
from huntlake.detection.scheduling.timetable import Cadence, begun
from huntlake.detection.service import Detection
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import NetworkTable
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.workspaces import Workspace

SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
OWNER = ("soc",)


def test_the_schedule_goes_on_where_the_fortnight_ends(tmp_path: Path) -> None:
    clock = FixedClock(END)
    lake = Analytics.over(tmp_path, Bounds(threads=1), NetworkTable(PLACES), clock)
    detection = Detection.over(MemoryShelf(), clock)
    try:
        found = detect(detection, lake.queries, SOC, END, DAYS)
        rules = detection.rules.list(OWNER)
        assert len(rules) == found.rules
        for rule in rules:
            # The scheduler's first window is the last one of the fortnight: its alerts are there already.
            cadence = Cadence.of(rule.name, rule.value)
            assert begun(cadence, END + timedelta(seconds=20)).last + cadence.every == END
            assert timedelta(days=DAYS) % cadence.every == timedelta()
    finally:
        lake.close()
