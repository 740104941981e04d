from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from huntlake.core.clock import FixedClock
from huntlake.detection.casebook import Incidents
from huntlake.detection.incidents import Incident, IncidentComment, IncidentStatus
from huntlake.detection.service import Detection
from huntlake.detection.severity import Severity
from huntlake.state.database import Database

OWNER = ("soc",)
INCIDENT = Incident("odd", Severity.HIGH, IncidentStatus.NEW)


def opened(folder: Path) -> Incidents:
    clock = FixedClock(datetime(2026, 3, 1, tzinfo=UTC))
    return Detection.over(Database.open(folder / "state.db"), clock).incidents


def test_incidents_made_at_once_get_numbers_of_their_own(tmp_path: Path) -> None:
    incidents = opened(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: incidents.put(OWNER, f"i{n % 20}", INCIDENT)[0].value.number, range(40)))
    assert {d.value.number for d in incidents.list(OWNER)} <= set(made)
    assert len({d.value.number for d in incidents.list(OWNER)}) == 20


def test_what_a_deletion_that_broke_off_has_left_is_not_the_next_ones(tmp_path: Path) -> None:
    incidents = opened(tmp_path)
    incidents.put(OWNER, "one", INCIDENT)
    incidents.comments.put((*OWNER, "one"), "c", IncidentComment("secret"))
    incidents._shelf.delete("incidents of soc", "one", if_match="*")  # and the process is killed
    incidents.put(OWNER, "one", INCIDENT)
    assert incidents.comments.list((*OWNER, "one")) == []


def test_the_incidents_of_a_workspace_are_its_own(tmp_path: Path) -> None:
    incidents = opened(tmp_path)
    incidents.put(OWNER, "one", INCIDENT)
    assert incidents.list(("other",)) == []
    assert incidents.put(("other",), "one", INCIDENT)[0].value.number == 1
