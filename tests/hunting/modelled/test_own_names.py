"""What a workspace's own is, out of its tables, and that none of it reaches a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from huntlake.ai.chat import Data, NoAnswer, Proposal, Question
from huntlake.ai.gateway import Gateway
from huntlake.ai.scripted import Says, ScriptedServer
from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.settings import load
from huntlake.workspace.watchlists import Watchlist

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
AT = "2026-01-02T11:00:00Z"
SCHEMA = {"type": "object", "properties": {"said": {"type": "string"}}, "required": ["said"]}
PERSON = {
    "TimeGenerated": AT,
    "AccountName": "jdoe",
    "AccountUPN": "jdoe@contoso.example",
    "AccountDisplayName": "Jane Doe",
    "AccountDomain": "CONTOSO",
    "AccountSID": "S-1-5-21-1-2-3-1104",
}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda heard: Says(json.dumps({"said": heard.words[-4000:]}))) as running:
        yield running


@pytest.fixture
def app(tmp_path: Path, server: ScriptedServer) -> Iterator[App]:
    how = {"model_url": server.url, "model_name": "m", "own_names": ("vpn.fabrikam.test", "203.0.113.0/24", "Falcon")}
    app = App.open(tmp_path, load(tmp_path, memory_limit="500MB", threads=1, **how), FixedClock(NOW))
    app.workspaces.create("soc")
    yield app
    app.close()


def ask(app: App, text: str) -> Proposal | NoAnswer:
    question = Question("ask", "t", "1", "Repeat it.", [Data("log", text)], SCHEMA)
    return app.hunting.model.answer(("soc",), question, "ann")


def fill(app: App) -> None:
    workspace = app.workspaces.get("soc")
    app.streams.append(workspace, "IdentityInfo", [PERSON])
    app.streams.append(workspace, "DeviceInfo", [{"TimeGenerated": AT, "DeviceName": "ws-12.corp.contoso.example"}])
    app.streams.append(workspace, "SecurityEvent", [{"TimeGenerated": AT, "TargetUserName": "svcx", "Computer": "DC7"}])
    rows = [{"Asset Name": "crown-1", "IP Subnet": "198.51.100.0/24", "Owner": "nobody"}]
    app.watchlists.put(workspace, Watchlist("HighValueAssets", "Asset Name", tuple(rows[0])), rows)
    app.outward.secrets.put("soc", "api", "s3cr3t-of-soc")


def test_names_of_tables_watchlists_settings_and_secrets_reach_no_model(app: App, server: ScriptedServer) -> None:
    fill(app)
    said = (
        "jdoe (Jane Doe, S-1-5-21-1-2-3-1104) of CONTOSO on WS-12 and svcx on dc7 at crown-1 198.51.100.9, "
        "intern@contoso.example via vpn.fabrikam.test and 203.0.113.4 with s3cr3t-of-soc for Falcon; "
        f"C2 192.0.2.66 evil.example T1059 {app.tenant.id}"
    )
    answer = ask(app, said)
    assert isinstance(answer, Proposal), answer
    assert said in answer.value["said"]
    (heard,) = server.asked
    low = heard.body.lower()
    own = "jdoe jane contoso ws-12 svcx dc7 crown-1 198.51.100.9 intern fabrikam 203.0.113.4 s3cr3t falcon s-1-5-21"
    assert [one for one in (*own.split(), app.tenant.id) if one in low] == []
    assert [one for one in ("192.0.2.66", "evil.example", "T1059") if one not in heard.body] == []
    call = app.hunting.model
    assert isinstance(call, Gateway)
    assert call.calls.get(("soc",), answer.call).value.outcome == "answered"
    assert not app.hunting.audit.verify(("soc",)).faults


def test_nothing_is_sent_of_a_place_of_which_nothing_is_known(tmp_path: Path, server: ScriptedServer) -> None:
    settings = load(tmp_path, memory_limit="500MB", threads=1, model_url=server.url, model_name="m")
    app = App.open(tmp_path, settings, FixedClock(NOW))
    try:
        app.workspaces.create("soc")
        answer = ask(app, "hello")
    finally:
        app.close()
    assert isinstance(answer, NoAnswer)
    assert "IdentityInfo" in answer.reason
    assert not server.heard


def test_a_workspace_that_is_not_named_asks_no_model(tmp_path: Path, server: ScriptedServer) -> None:
    how = {"model_url": server.url, "model_name": "m", "own_names": ("x.example",), "model_workspaces": ("lab-*",)}
    app = App.open(tmp_path, load(tmp_path, memory_limit="500MB", threads=1, **how), FixedClock(NOW))
    try:
        app.workspaces.create("soc")
        answer = ask(app, "hello")
    finally:
        app.close()
    assert isinstance(answer, NoAnswer)
    assert "model_workspaces" in answer.reason
    assert not server.heard
