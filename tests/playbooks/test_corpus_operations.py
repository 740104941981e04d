"""The operations that published playbooks ask of the connectors to this house: where the corpus is present."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.playbooks.desk import Desk

from huntlake.playbooks.connectors import CONNECTORS

CONTRACTS = Path(__file__).parents[3] / "shared" / "playbooks" / "contracts-open.json"
REFUSED = {
    "wdatp POST /api/machines/{}/startInvestigation",
    "wdatp GET /api/machineactions/{}/getPackageUri",
    "wdatp GET /api/investigations",
}
"""What isn't supported: nothing here investigates by itself."""


@pytest.mark.skipif(not CONTRACTS.exists(), reason="the corpus isn't there")
def test_every_operation_that_is_used_is_there_or_refused_by_name(desk: Desk) -> None:
    missing, found = set(), 0
    for key in json.loads(CONTRACTS.read_text()):
        if key.startswith("TRIGGER "):
            continue
        name, method, path = key.split(" ", 2)
        connector = desk.app.outward.connectors(name.rstrip("0123456789").rstrip("_-"))
        if connector is None or connector.name not in CONNECTORS or not connector.inside:
            continue
        if connector.find(method, path.replace("{}", "x")) is None:
            missing.add(key)
        found += 1
    assert missing == REFUSED
    assert found > 50
