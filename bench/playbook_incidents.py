"""What sets the published playbooks off: the attack of the demo, as triggers have it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from huntlake.assembly.analytics import PLACES, Analytics
from huntlake.core.clock import FixedClock
from huntlake.demo.detections import detect
from huntlake.demo.generator import DAYS
from huntlake.demo.install import install
from huntlake.detection.entity_types import ENTITY_TYPES
from huntlake.detection.service import Detection
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import NetworkTable
from huntlake.playbooks.triggers.payloads import Ground, of_alert, of_entity, of_incident
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
KEPT = Path(__file__).parents[1] / "build" / "playbook-occasions.json"


@dataclass(frozen=True)
class Occasions:
    """The bodies that triggers give."""

    incident: Mapping[str, Any]
    alert: Mapping[str, Any]
    entities: Mapping[str, Mapping[str, Any]]
    """By the kind of the entity in lower case."""

    def of(self, connector: str, path: str) -> Mapping[str, Any] | None:
        """What a trigger of Microsoft Sentinel gives; None for the triggers of others."""
        if connector != "azuresentinel":
            return None
        last = path.rstrip("/").rpartition("/")[2].lower()
        if last == "incident-creation":
            return self.incident
        if last == "subscribe":
            return self.alert
        kind = ENTITY_TYPES.get(last) or next((t for n, t in ENTITY_TYPES.items() if n.lower() == last), None)
        named = {"urlentity": "url", "dns": "dnsresolution"}.get(last, kind.kind.lower() if kind else last)
        return self.entities.get(named)


def occasions(anew: bool = True) -> Occasions:
    """Those of the demo: made anew, or, for who has no minute, as they were made last."""
    if not anew and KEPT.exists():
        return Occasions(**json.loads(KEPT.read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        made = _made(Path(folder))
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(vars(made)), encoding="utf-8")
    return made


def _made(home: Path) -> Occasions:
    clock, owner = FixedClock(NOW), (SOC.name,)
    lake = Analytics.over(home, Bounds(threads=2), NetworkTable(PLACES), clock)
    detection = Detection.over(MemoryShelf(), clock)
    try:
        install(lake.ingestion, SOC, NOW)
        detect(detection, lake.queries, SOC, NOW, DAYS)
        incidents = detection.incidents
        largest = max(incidents.list(owner), key=lambda d: len(incidents.alerts(owner, d.name)))
        ground = Ground(SOC.name, SOC.id, SUBSCRIPTION, "huntlake", "https://lake.example")
        entities = {e.kind.lower(): of_entity(ground, e, largest.name) for e in incidents.entities(owner, largest.name)}
        alert = max(incidents.alerts(owner, largest.name), key=lambda a: len(a.value.entities))
        return Occasions(of_incident(ground, detection, largest), of_alert(ground, alert), entities)
    finally:
        lake.close()
