"""`huntlake connection`, `huntlake secret`, `huntlake effect`."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run

from huntlake.app import App
from huntlake.detection.incidents import Incident, IncidentStatus
from huntlake.detection.severity import Severity
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.workflows import Workflow
from huntlake.state.records import Author
from huntlake.wdl.definition.workflow import Action, ActionType
from huntlake.wdl.runner.effects import Answer, Call


def listed(run: Run, *command: object) -> Any:
    return json.loads(run(*command, "-o", "json").out)


def test_a_connection_is_made_harmless_and_let_loose_by_a_person(run: Run, lake: Path) -> None:
    assert run("connection", "create", "sentinel", "--connector", "AzureSentinel").code == 0
    (made,) = listed(run, "connection", "list")
    assert (made["connection"], made["connector"], made["mode"]) == ("sentinel", "azuresentinel", "dry-run")
    assert run("connection", "create", "sentinel", "--connector", "wdatp").code == 1
    assert run("connection", "mode", "sentinel", "replay").code == 1, "there is no cassette"
    assert run("connection", "mode", "sentinel", "live").code == 0
    assert listed(run, "connection", "list")[0]["mode"] == "live"
    assert run("connection", "test", "sentinel").code == 0
    assert run("connection", "delete", "sentinel").code == 0
    assert run("connection", "delete", "sentinel").code == 1


def test_connectors_that_are_data_are_listed_and_used_like_others(run: Run, lake: Path) -> None:
    names = [c["connector"] for c in listed(run, "connection", "connectors")]
    assert {"azuresentinel", "virustotal", "teams"} <= set(names)
    assert len(names) == len(set(names))
    assert "GetIpReport" in str(listed(run, "connection", "connectors", "virustotal"))
    assert "`api_key` is missing" in run("connection", "create", "vt", "--connector", "virustotal").err
    assert run("connection", "create", "mail", "--connector", "office365").code == 0


def test_a_connection_that_lacks_something_is_not_made(run: Run, lake: Path) -> None:
    unknown = run("connection", "create", "x", "--connector", "nonsense")
    assert (unknown.code, "not supported" in unknown.err) == (1, True)
    missing = run("connection", "create", "x", "--connector", "identity", "-p", "audience=https://a")
    assert "`secret` is missing" in missing.err
    assert run("connection", "create", "x", "--connector", "http", "-p", "nothing").code == 2
    assert listed(run, "connection", "list") == []


def test_secrets_of_connections_are_sealed(
    run: Run, lake: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("THE_SECRET", "hunter2")
    (tmp_path / "key").write_text("k3y\n")
    said = ["-p", "audience=https://a", "-p", "tenant=t", "-p", "clientId=c"]
    assert (
        run("connection", "create", "x", "--connector", "identity", *said, "--secret-env", "secret=THE_SECRET").code
        == 0
    )
    file = f"key={tmp_path / 'key'}"
    url = ["-p", "id=a/b", "-p", "url=https://x.example"]
    assert run("connection", "create", "f", "--connector", "azurefunction", *url, "--secret-file", file).code == 0
    assert run("connection", "test", "x").code == 0
    assert "secret (secret)" in str(listed(run, "connection", "list"))
    content = (lake / "huntlake.db").read_bytes()
    assert b"hunter2" not in content
    assert b"k3y" not in content


def test_connectors_and_their_operations_are_listed(run: Run, lake: Path) -> None:
    names = [c["connector"] for c in listed(run, "connection", "connectors")]
    assert {"azuresentinel", "azuremonitorlogs", "wdatp", "keyvault"} <= set(names)
    operations = listed(run, "connection", "connectors", "wdatp")
    assert {o["effect"] for o in operations} == {"read", "write", "contain"}
    assert run("connection", "connectors", "nonsense").code == 1


def test_secrets_are_kept_and_never_shown(run: Run, lake: Path, tmp_path: Path) -> None:
    (tmp_path / "s").write_text("hunter2")
    assert run("secret", "set", "Api-Key", "--secret-file", tmp_path / "s").code == 0
    assert run("secret", "set", "bad name", "--secret-file", tmp_path / "s").code == 1
    (kept,) = listed(run, "secret", "list")
    assert (kept["secret"], "hunter2" in str(kept)) == ("Api-Key", False)
    assert b"hunter2" not in (lake / "huntlake.db").read_bytes()
    assert run("secret", "delete", "api-key").code == 0
    assert run("secret", "delete", "api-key").code == 1


def test_effects_are_listed_and_shown(run: Run, lake: Path) -> None:
    assert run("connection", "create", "sentinel", "--connector", "azuresentinel", "--mode", "live").code == 0
    app = App.open(lake)
    owner, place = ("default",), app.outward.house
    incident = Incident("Odd", Severity.LOW, IncidentStatus.NEW)
    app.detection.incidents.put(owner, "i1", incident)
    app.playbooks.workflows.put("respond", Workflow({"triggers": {}, "actions": {}}, "default"))
    sentinel = place.sentinel(app.workspaces.get("default"))
    inputs = {
        "host": {"connection": {"name": "/x/connections/sentinel"}},
        "method": "post",
        "path": "/Incidents/Comment",
        "body": {"incidentArmId": f"{sentinel}/Incidents/i1", "message": "hello"},
    }
    context = RunContext("default", "respond", "run1", Author(name="Ann"), datetime(2026, 1, 1, tzinfo=UTC))
    call = Call("Say#1", Action("Say", ActionType.API_CONNECTION, "$"), inputs)
    answer = app.outward.caller.call(context, call, {})
    assert isinstance(answer, Answer)
    assert answer.status == 201, answer
    app.close()
    (listed_,) = listed(run, "effect", "list", "--run", "run1", "--playbook", "RESPOND")
    assert (listed_["outcome"], listed_["action"], listed_["operation"]) == (
        "made",
        "Say",
        "azuresentinel AddIncidentCommentV3",
    )
    shown = json.loads(run("effect", "show", listed_["effect"]).out)
    assert shown["inputs"]["body"]["message"] == "hello"
    assert run("effect", "show", "zz").code == 1
    assert listed(run, "effect", "list", "--run", "run2") == []
