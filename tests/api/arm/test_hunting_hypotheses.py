"""Hypotheses, gaps and coverage through the management API, over a real lake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.api.faces import Face, served

from huntlake.identity.rights import Role

REPORT = b"""A rule in the mailbox hides mail about invoices from its owner (T1564.008).

An encoded command is given to PowerShell in a hidden window (T1059.001). It was seen in three cases.

Nothing else is known of it. That is all there is."""


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    with served(tmp_path, "https://management.azure.com") as face:
        face.act_as(Role.SENTINEL_CONTRIBUTOR)
        app = face.app
        at = (app.clock.now() - timedelta(hours=2)).isoformat()
        row = {"TimeGenerated": at, "Operation": "New-InboxRule", "UserId": "a@x.example"}
        app.streams.append(face.workspace, "OfficeActivity", [row])
        app.hunting.intake.report(face.workspace, REPORT, "report.md")
        yield face


def call(face: Face, method: str, rest: str, properties: Any = None) -> Any:
    subscription = face.app.subscription
    path = (
        f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers/"
        f"Microsoft.OperationalInsights/workspaces/soc/providers/huntlake.Hunting/{rest}"
    )
    body = None if properties is None else {"properties": properties}
    return face.http.request(method, path, json=body, params={"api-version": "2025-01-01"})


def test_hypotheses_are_proposed_read_and_put_aside(face: Face) -> None:
    made = call(face, "POST", "hypotheses/propose", {"top": 3, "draft": False})
    assert made.status_code == 200, made.text
    assert made.json()["gaps"] == ["T1059.001"]
    listed = call(face, "GET", "hypotheses").json()["value"]
    assert [one["name"] for one in listed] == made.json()["hypotheses"]
    first = listed[0]["properties"]
    assert "T1564.008" in first["techniques"]
    assert first["rationale"][0]["signals"] == first["signals"]
    assert 0 < first["parts"]["threat"] <= 1
    assert first["confidenceLevel"] in ("low", "medium", "high")
    name = listed[0]["name"]
    assert call(face, "POST", f"hypotheses/{name}/dismiss", {}).status_code == 400
    assert call(face, "POST", f"hypotheses/{name}/dismiss", {"reason": "not here"}).status_code == 200
    assert call(face, "GET", f"hypotheses/{name}").json()["properties"]["dismissed"] == "not here"
    assert call(face, "POST", f"hypotheses/{name}/restore", {}).status_code == 200
    assert "dismissed" not in call(face, "GET", f"hypotheses/{name}").json()["properties"]
    assert call(face, "PUT", f"hypotheses/{name}", {"title": "mine"}).status_code in (403, 405)


def test_gaps_and_coverage_are_read(face: Face) -> None:
    call(face, "POST", "hypotheses/propose", {"draft": False})
    gap = call(face, "GET", "dataGaps/T1059.001").json()["properties"]
    assert "DeviceProcessEvents" in gap["needed"]
    covered = {one["name"]: one["properties"] for one in call(face, "GET", "coverage").json()["value"]}
    assert covered["T1564.008"]["visibility"] == 1
    assert covered["T1564.008"]["tables"] == ["OfficeActivity"]
    assert covered["T1059.001"]["visibility"] == 0
    assert call(face, "GET", "coverage/T1059.001").json()["properties"] == covered["T1059.001"]
    assert call(face, "GET", "coverage/T9999").status_code == 404


def test_who_only_reads_proposes_nothing(face: Face) -> None:
    face.act_as(Role.SENTINEL_READER)
    assert call(face, "POST", "hypotheses/propose", {"draft": False}).status_code == 403
    assert call(face, "GET", "hypotheses").json()["value"] == []
