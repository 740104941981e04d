"""Evidence that is sent: read by itself, told how far it has come, and nobody else's to see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from tests.api.faces import Face, served

from huntlake.identity.rights import Role

LINES = b"\n".join(
    json.dumps(
        {"TimeGenerated": "2026-02-28T10:00:00Z", "EventID": 4688, "Computer": f"PC{n}", "Channel": "Security"}
    ).encode()
    for n in range(3)
)


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    with served(tmp_path, "https://management.azure.com") as face:
        face.act_as(Role.CONTRIBUTOR)
        yield face


def sent(face: Face, body: bytes, name: str = "events.json", **more: str) -> Any:
    return face.http.post("/imports/workspaces/soc", content=body, params={"name": name, **more})


def ended(face: Face, id: str) -> dict[str, Any]:
    until = monotonic() + 60
    while True:
        told: dict[str, Any] = face.http.get(f"/imports/workspaces/soc/{id}").json()
        if told["state"] in ("done", "failed"):
            return told
        assert monotonic() < until, told
        sleep(0.1)


def test_a_file_that_is_sent_is_imported_and_then_gone(face: Face, tmp_path: Path) -> None:
    answer = sent(face, LINES, "../../etc/ev\x00il.json")
    assert answer.status_code == 202, answer.text
    told = ended(face, answer.json()["id"])
    assert told["state"] == "done", told
    assert told["name"] == "ev_il.json"
    assert told["rowsRead"] == sum(told["tables"].values()) + told["rowsRefused"]
    assert str(tmp_path) not in json.dumps(told), "where this server keeps its files is nobody's business"
    assert not list((tmp_path / "tmp" / "uploads").glob("*"))
    assert [u["id"] for u in face.http.get("/imports/workspaces/soc").json()["value"]] == [answer.json()["id"]]


def test_whoever_sends_a_file_knows_it_in_the_list_before_it_has_an_id(face: Face) -> None:
    called = {"x-ms-client-request-id": "page;7"}
    sent = face.http.post("/imports/workspaces/soc", content=LINES, params={"name": "events.json"}, headers=called)
    assert sent.json()["clientRequestId"] == "page;7"
    assert [u["clientRequestId"] for u in face.http.get("/imports/workspaces/soc").json()["value"]] == ["page;7"]


def test_what_nobody_reads_is_told_and_lands_nowhere(face: Face) -> None:
    told = ended(face, sent(face, bytes(range(256)) * 40, "picture.bin").json()["id"])
    assert told["files"][0]["status"] in ("unknown", "failed")
    assert not told.get("tables")


def test_too_large_a_file_is_refused_before_it_is_read(face: Face) -> None:
    settings = face.app.settings.model_copy(update={"max_import_bytes": 2048})
    object.__setattr__(face.app, "settings", settings)
    assert sent(face, b"x" * 4096).status_code == 413
    chunks = (b"x" * 512 for _ in range(8))
    answer = face.http.post("/imports/workspaces/soc", content=chunks, params={"name": "a.json"})
    assert answer.status_code == 413
    states = [u["state"] for u in face.http.get("/imports/workspaces/soc").json()["value"]]
    assert states in ([], ["failed"])


@pytest.mark.parametrize(("name", "zone"), [("", "UTC"), ("..", "UTC"), ("a.json", "Mars/Olympus")])
def test_a_file_without_a_name_or_a_zone_is_refused(face: Face, name: str, zone: str) -> None:
    answer = sent(face, LINES, name, timeZone=zone)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}


def test_who_may_only_read_sends_nothing(face: Face) -> None:
    face.act_as(Role.SENTINEL_READER)
    assert sent(face, LINES).status_code == 403
    assert face.http.get("/imports/workspaces/soc").status_code == 200
    assert face.http.get("/imports/workspaces/other").status_code == 404
    assert face.http.get("/imports/workspaces/soc/none").status_code == 404
    face.http.headers.pop("Authorization")
    assert sent(face, LINES).status_code == 401


def test_the_lake_tells_of_each_table(face: Face) -> None:
    ended(face, sent(face, LINES).json()["id"])
    subscription = face.app.subscription
    place = (
        f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers/"
        "Microsoft.OperationalInsights/workspaces/soc/providers/huntlake.Lake/tables"
    )
    found = face.http.get(place, params={"api-version": "2025-01-01"}).json()["value"]
    assert all(one["properties"]["rows"] > 0 for one in found)
    assert "newestTimeUtc" in found[0]["properties"]
