"""Signals for hunts through the management API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.api.faces import Face, served

from huntlake.detection.intel.feeds import SignIn
from huntlake.hunting.signals.feeds import FeedKind, SignalFeed, plain_feed
from huntlake.identity.rights import Role


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    with served(tmp_path, "https://management.azure.com") as face:
        yield face


def call(face: Face, method: str, rest: str, **properties: Any) -> Any:
    subscription = face.app.subscription
    path = (
        f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers/"
        f"Microsoft.OperationalInsights/workspaces/soc/providers/huntlake.Hunting/{rest}"
    )
    body = {"properties": properties} if properties else None
    return face.http.request(method, path, json=body, params={"api-version": "2025-01-01"})


def test_who_hunts_takes_reports_in_and_a_reader_reads_them(face: Face) -> None:
    report = {"name": "heron.md", "content": "# Heron\nMails (T1566.001) came from evil-harbour[.]top.", "trust": 0.4}
    face.act_as(Role.SENTINEL_READER)
    assert call(face, "POST", "signals/report", **report).status_code == 403
    face.act_as(Role.SENTINEL_CONTRIBUTOR)
    (new,) = call(face, "POST", "signals/report", **report).json()["new"]
    assert call(face, "POST", "signals/report", **report).json()["known"] == [new["id"]]
    face.act_as(Role.SENTINEL_READER)
    (listed,) = call(face, "GET", "signals").json()["value"]
    assert listed["properties"]["trust"] == 0.4
    assert listed["properties"]["techniques"][0]["quotes"][0]["place"] == "Heron, line 2"
    assert call(face, "GET", f"signals/{new['id']}").json()["properties"]["title"] == "Heron"
    assert call(face, "POST", f"signals/{new['id']}/text").json()["text"].startswith("# Heron")
    assert call(face, "DELETE", f"signals/{new['id']}").status_code == 403


def test_a_signal_is_forgotten_by_a_person_and_is_never_written_over(face: Face) -> None:
    face.act_as(Role.SENTINEL_CONTRIBUTOR)
    (new,) = call(face, "POST", "signals/report", name="a.txt", content="T1003").json()["new"]
    assert call(face, "PUT", f"signals/{new['id']}", title="x").status_code == 403
    assert call(face, "DELETE", f"signals/{new['id']}").status_code == 200
    assert call(face, "GET", f"signals/{new['id']}").status_code == 404
    rows = face.app.state.read_after("rows of soc/HuntlakeAudit", "")
    last = [cells for _, cells in rows if isinstance(cells, dict)][-1]
    assert (last["Action"], last["ActorKind"]) == ("signal.remove", "person")


def test_typed_sources_are_taken_in_and_what_is_wrong_is_said(face: Face) -> None:
    face.act_as(Role.SENTINEL_CONTRIBUTOR)
    indicator = {
        "type": "indicator",
        "id": "indicator--00000000-0000-4000-8000-000000000001",
        "pattern": "[domain-name:value = 'evil-harbour.top']",
        "pattern_type": "stix",
    }
    taken = call(face, "POST", "signals/import", name="b.json", content={"objects": [indicator, 7]}).json()
    assert [one["kind"] for one in taken["new"]] == ["indicator"]
    assert taken["refused"] == [{"name": "object 2", "reason": "it is not a mapping"}]
    assert call(face, "POST", "signals/import", name="b.json", content={"x": 1}).status_code == 400
    assert call(face, "POST", "signals/import", name="b.json", content="[", kind="misp").status_code == 400


def test_the_lake_is_looked_through_within_bounds(face: Face) -> None:
    face.act_as(Role.SENTINEL_CONTRIBUTOR)
    found = call(face, "POST", "signals/scan", parts=["changes"]).json()
    assert {"name": "change new-server", "reason": "no rows of DeviceInfo are here"} in found["skipped"]
    far = call(face, "POST", "signals/scan", since="2020-01-01T00:00:00Z", parts=["changes"])
    assert far.status_code == 400
    assert call(face, "POST", "signals/scan", parts=["everything"]).status_code == 400


def test_feeds_are_told_without_their_secrets_and_polled_by_who_hunts(face: Face) -> None:
    feed = replace(plain_feed("https://127.0.0.1:9/feed"), sign_in=SignIn.TOKEN)
    face.app.hunting.feeds.add(face.app.workspaces.get("soc"), "misp", SignalFeed(FeedKind.MISP, feed), "open sesame")
    face.act_as(Role.SENTINEL_READER)
    told = call(face, "GET", "signalFeeds")
    assert (told.json()["value"][0]["properties"]["kind"], "sesame" in told.text) == ("misp", False)
    assert "secret" not in told.text.lower()
    assert call(face, "POST", "signalFeeds/misp/poll").status_code == 403
    face.act_as(Role.SENTINEL_CONTRIBUTOR)
    assert "signal_hosts" in call(face, "POST", "signalFeeds/misp/poll").text
    assert "signal_hosts" in call(face, "GET", "signalFeeds/misp").json()["properties"]["failed"]
    assert call(face, "DELETE", "signalFeeds/misp").status_code >= 400


def test_what_is_missing_of_attack_and_sigma_is_said_with_what_to_do(face: Face) -> None:
    face.act_as(Role.SENTINEL_READER)
    told = {one["name"]: one["properties"] for one in call(face, "GET", "imports").json()["value"]}
    assert "hunt attack import" in told["attack"]["missing"]
    assert "hunt sigma import" in told["sigma"]["missing"]
    assert call(face, "GET", "imports/other").status_code == 404
