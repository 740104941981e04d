"""Triggers, runs and what their actions did, through the management API of a server that executes playbooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from huntlake.core.clock import FixedClock
from huntlake.detection.alerts import Alert
from huntlake.detection.entities import Entity
from huntlake.detection.incidents import Incident, IncidentRelation, IncidentStatus, RelatedKind
from huntlake.detection.severity import Severity
from huntlake.identity.rights import Role
from huntlake.playbooks.runs.records import RunStatus
from huntlake.playbooks.runs.service import Wanted
from huntlake.state.records import Author

from .logic import BASE, Logic, logic_at

ECHO = {"Echo": {"type": "Compose", "inputs": "@triggerBody()"}}
FOREVER = {"Wait": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Hour"}}}}
LOOP = {
    "Each": {
        "type": "Foreach",
        "foreach": "@triggerBody()?['items']",
        "actions": {
            "Twice": {"type": "Compose", "inputs": "@mul(item(), 2)"},
            "Maybe": {
                "type": "If",
                "expression": "@greater(outputs('Twice'), 2)",
                "actions": {"Large": {"type": "Compose", "inputs": "@int('x')"}},
                "runAfter": {"Twice": ["Succeeded"]},
            },
        },
    }
}


@pytest.fixture(scope="module")
def alive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logic]:
    with logic_at(tmp_path_factory.mktemp("lake")) as logic:
        yield logic


@pytest.fixture
def logic(alive: Logic) -> Logic:
    alive.act_as(Role.LOGIC_APP_CONTRIBUTOR)
    return alive


def names(answer: Any) -> list[str]:
    return [item["name"] for item in answer["value"]]


def plain(shown: Any) -> Any:
    """What is shown of something, without its links: each is new."""
    properties = {k: v for k, v in shown["properties"].items() if not k.endswith("Link")}
    return {**shown, "properties": properties}


def content(logic: Logic, link: Any) -> Any:
    """What a link leads to, without any token."""
    answer = logic.http.get(link["uri"], headers={"Authorization": ""})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_run_tells_what_set_it_off_and_how_it_went(logic: Logic) -> None:
    made = logic.put("echo", ECHO)
    run = logic.run("echo", {"a": 1})
    shown = logic.get(f"echo/runs/{run}")
    properties = shown["properties"]
    assert shown["id"] == f"{logic.flows}/echo/runs/{run}"
    assert (shown["type"], properties["status"]) == ("Microsoft.Logic/workflows/runs", "Succeeded")
    assert properties["startTime"] <= properties["endTime"]
    assert properties["workflow"]["name"] == made["properties"]["version"]
    assert properties["correlation"]["clientTrackingId"]
    assert properties["trigger"]["name"] == "manual"
    assert content(logic, properties["trigger"]["outputsLink"]) == {"body": {"a": 1}}
    (action,) = logic.get(f"echo/runs/{run}/actions")["value"]
    assert action["properties"]["status"] == "Succeeded"
    assert content(logic, action["properties"]["inputsLink"]) == {"a": 1}
    assert content(logic, action["properties"]["outputsLink"]) == {"a": 1}
    assert action["properties"]["outputsLink"]["contentSize"] == len('{"a":1}')
    assert plain(logic.get(f"echo/runs/{run}/actions/ECHO")) == plain(action)


def test_runs_are_listed_the_newest_first_and_filtered_by_status_and_time(logic: Logic) -> None:
    logic.put("mixed", {"Echo": {"type": "Compose", "inputs": "@int(triggerBody()['n'])"}})
    good, bad = logic.run("mixed", {"n": "1"}), logic.run("mixed", {"n": "x"})
    assert names(logic.get("mixed/runs")) == [bad, good]
    assert names(logic.get("mixed/runs", **{"$filter": "Status eq 'Failed'"})) == [bad]
    assert names(logic.get("mixed/runs", **{"$filter": "status ne 'Failed'"})) == [good]
    since = logic.get(f"mixed/runs/{bad}")["properties"]["startTime"]
    assert names(logic.get("mixed/runs", **{"$filter": f"startTime ge {since}"})) == [bad]
    first = logic.get("mixed/runs", **{"$top": "1"})
    assert names(first) == [bad]
    assert names(logic.http.get(first["nextLink"]).json()) == [good]
    failed = logic.get(f"mixed/runs/{bad}/actions/Echo")["properties"]
    assert (failed["status"], failed["code"]) == ("Failed", failed["error"]["code"])
    assert logic.error(logic.call("GET", "mixed/runs", **{"$filter": "colour eq 'x'"}), 400) == "BadRequest"


def test_what_an_action_did_in_loops_stands_among_its_repetitions(logic: Logic) -> None:
    logic.put("loop", LOOP)
    run = logic.run("loop", {"items": [1, 2]})
    of = f"loop/runs/{run}/actions"
    shown = logic.get(f"{of}/Twice")["properties"]
    assert (shown["repetitionCount"], shown["status"]) == (2, "Succeeded")
    assert "outputsLink" not in shown
    assert names(logic.get(f"{of}/Twice/repetitions")) == ["000000", "000001"]
    second = logic.get(f"{of}/Twice/repetitions/000001")["properties"]
    assert second["repetitionIndexes"] == [{"scopeName": "Each", "itemIndex": 1}]
    assert content(logic, second["outputsLink"]) == 4
    assert logic.get(f"{of}/Twice/scopeRepetitions") == {"value": []}
    # An If in a loop, and the rounds of the loop itself: the second one failed.
    for scope in ("Maybe", "Each"):
        rounds = logic.get(f"{of}/{scope}/scopeRepetitions")["value"]
        assert [r["properties"]["status"] for r in rounds] == ["Succeeded", "Failed"], scope
        assert plain(logic.get(f"{of}/{scope}/scopeRepetitions/000001")) == plain(rounds[1])
    assert logic.error(logic.call("GET", f"{of}/Nothing/repetitions"), 404) == "ParentResourceNotFound"
    assert logic.error(logic.call("GET", f"{of}/Twice/repetitions/000009"), 404) == "ResourceNotFound"


def test_a_run_is_cancelled_once(logic: Logic) -> None:
    logic.put("long", FOREVER)
    run = logic.fire("long")
    assert logic.get(f"long/runs/{run}")["properties"]["status"] == "Running"
    assert logic.error(logic.call("POST", f"long/runs/{run}/resubmit"), 409) == "Conflict"
    assert logic.call("POST", f"long/runs/{run}/cancel").status_code == 200
    assert logic.ended("long", run).value.status is RunStatus.CANCELLED
    assert logic.error(logic.call("POST", f"long/runs/{run}/cancel"), 409) == "Conflict"
    assert logic.error(logic.call("POST", "long/runs/none/cancel"), 404) == "ResourceNotFound"


def test_a_run_is_done_again_from_the_beginning_or_from_an_action(logic: Logic) -> None:
    logic.put("again", {**ECHO, "Then": {"type": "Compose", "inputs": 2, "runAfter": {"Echo": ["Succeeded"]}}})
    run = logic.run("again", {"a": 1})
    for path, body in (
        (f"again/triggers/manual/histories/{run}/resubmit", None),
        (f"again/runs/{run}/resubmit", {}),
        (f"again/runs/{run}/resubmit", {"actions": ["Then"], "presentDefinition": True}),
    ):
        answer = logic.call("POST", path, body)
        assert answer.status_code == 202, answer.text
        new = answer.json()["name"]
        logic.ended("again", new)
        shown = logic.get(f"again/runs/{new}")["properties"]
        assert (shown["status"], shown["huntlakeResubmitOf"]) == ("Succeeded", run)
        assert content(logic, shown["trigger"]["outputsLink"]) == {"body": {"a": 1}}
    unknown = logic.call("POST", f"again/runs/{run}/resubmit", {"actions": ["Nothing"]})
    assert "no action `Nothing`" in unknown.json()["error"]["message"]
    odd = logic.call("POST", f"again/runs/{run}/resubmit", {"colour": 1})
    assert logic.error(odd, 400) == "BadRequest"


def test_triggers_tell_when_they_last_set_something_off(logic: Logic) -> None:
    recurrence = {"frequency": "Hour", "interval": 1, "startTime": "2099-01-01T00:00:00Z"}
    hourly = {"hourly": {"type": "Recurrence", "recurrence": recurrence}}
    logic.put("timed", {"Echo": {"type": "Compose", "inputs": 1}}, hourly)
    (trigger,) = logic.get("timed/triggers")["value"]
    assert trigger["type"] == "Microsoft.Logic/workflows/triggers"
    assert trigger["properties"]["recurrence"] == recurrence
    assert "lastExecutionTime" not in trigger["properties"]
    run = logic.fire("timed", trigger="hourly")
    logic.ended("timed", run)
    assert logic.get("timed/triggers/HOURLY")["properties"]["lastExecutionTime"]
    (history,) = logic.get("timed/triggers/hourly/histories")["value"]
    assert (history["name"], history["properties"]["run"]["name"]) == (run, run)
    assert history["properties"]["fired"] is True
    assert plain(logic.get(f"timed/triggers/hourly/histories/{run}")) == plain(history)
    assert logic.error(logic.call("GET", "timed/triggers/none/histories"), 404) == "ParentResourceNotFound"
    logic.app.playbooks.times._synced = None
    logic.app.playbooks.times.look()
    assert logic.get("timed/triggers/hourly")["properties"]["nextExecutionTime"] == "2099-01-01T00:00:00Z"
    assert logic.call("POST", "timed/triggers/hourly/reset").status_code == 200
    logic.app.playbooks.times.look()
    assert logic.get("timed/triggers/hourly")["properties"]["nextExecutionTime"]
    logic.call("POST", "timed/disable")
    assert "nextExecutionTime" not in logic.get("timed/triggers/hourly")["properties"]
    refused = logic.call("POST", "timed/triggers/hourly/listCallbackUrl")
    assert "nobody calls it" in refused.json()["error"]["message"]
    assert logic.error(logic.call("POST", "timed/listCallbackUrl"), 400) == "BadRequest"


def test_a_trigger_that_asks_a_service_is_not_run_without_an_answer(logic: Logic) -> None:
    every = {"frequency": "Day", "interval": 1, "startTime": "2099-01-01T00:00:00Z"}
    asking = {"asks": {"type": "Http", "inputs": {"method": "GET", "uri": "https://x.example"}, "recurrence": every}}
    logic.put("asking", {"Echo": {"type": "Compose", "inputs": "@triggerBody()"}}, asking)
    refused = logic.call("POST", "asking/triggers/asks/run")
    assert "not supported" in refused.json()["error"]["message"]
    run = logic.fire("asking", {"a": 1}, "asks")
    assert logic.ended("asking", run).value.status is RunStatus.SUCCEEDED


def test_a_request_trigger_tells_its_schema_and_its_address(logic: Logic) -> None:
    given = {"manual": {"type": "Request", "inputs": {"schema": {"a": 1}, "method": "PUT", "relativePath": "/{x}/y"}}}
    version = logic.put("called", ECHO, given)["properties"]["version"]
    assert logic.get("called/triggers/manual/schemas/json")["content"] == '{"a": 1}'
    whole = logic.call("POST", "called/listCallbackUrl", {}).json()
    assert whole == logic.call("POST", "called/triggers/manual/listCallbackUrl").json()
    assert whole == logic.call("POST", f"called/versions/{version}/triggers/manual/listCallbackUrl", {}).json()
    assert (whole["method"], whole["relativePath"], whole["relativePathParameters"]) == ("PUT", "/{x}/y", ["x"])
    assert whole["value"].startswith(whole["basePath"] + "?")
    assert set(whole["queries"]) == {"api-version", "sp", "sv", "sig"}
    assert logic.call("POST", "called/regenerateAccessKey", {"keyType": "Primary"}).status_code == 200
    assert logic.call("POST", "called/listCallbackUrl", {}).json()["queries"]["sig"] != whole["queries"]["sig"]
    assert logic.error(logic.call("POST", "called/regenerateAccessKey", {"keyType": "Third"}), 400) == "BadRequest"
    logic.put("called", {})
    past = logic.call("POST", f"called/versions/{version}/triggers/manual/listCallbackUrl", {})
    assert "not supported" in past.json()["error"]["message"]


def test_what_the_history_does_not_hold_is_refused_by_name(logic: Logic) -> None:
    logic.put("refusals", ECHO)
    run = logic.run("refusals", {})
    of = f"refusals/runs/{run}/actions/Echo"
    for method, path in (("GET", f"{of}/requestHistories"), ("POST", f"{of}/listExpressionTraces")):
        answer = logic.call(method, path)
        assert logic.error(answer, 400) == "BadRequest"
        assert "not supported" in answer.json()["error"]["message"]
    answer = logic.call("POST", "refusals/triggers/manual/setState", {})
    assert "`setState` is not supported" in answer.json()["error"]["message"]


def test_what_is_secret_has_no_link(logic: Logic) -> None:
    secure = {"runtimeConfiguration": {"secureData": {"properties": ["inputs", "outputs"]}}}
    logic.put("hush", {"Echo": {**ECHO["Echo"], **secure}}, {"manual": {"type": "Request", **secure}})
    run = logic.run("hush", {"password": "s3cret"})
    for path in (f"hush/runs/{run}", f"hush/runs/{run}/actions/Echo", f"hush/triggers/manual/histories/{run}"):
        shown = logic.get(path)
        assert "s3cret" not in str(shown)
        assert "Link'" not in str(shown)


def test_what_a_run_was_told_shows_no_password_and_no_signed_address(logic: Logic) -> None:
    logic.put("called-back", ECHO)
    address = logic.call("POST", "called-back/listCallbackUrl", {}).json()
    signature = address["queries"]["sig"]
    told = {"url": address["value"], "mail": f"https://m.example/?u={quote(address['value'])}", "password": "s3cret"}
    run = logic.run("called-back", told)
    shown = logic.get(f"called-back/runs/{run}/actions/Echo")["properties"]["inputsLink"]
    text = logic.http.get(shown["uri"]).text
    assert "https://m.example/" in text
    assert len(text) == shown["contentSize"]
    for secret in (signature, quote(signature), "s3cret"):
        assert secret not in text


def test_a_link_is_good_for_one_value_and_for_an_hour(logic: Logic, monkeypatch: pytest.MonkeyPatch) -> None:
    logic.put("linked", ECHO)
    run = logic.run("linked", {"a": 1})
    shown = logic.get(f"linked/runs/{run}/actions/Echo")["properties"]
    inputs, outputs = shown["inputsLink"]["uri"], shown["outputsLink"]["uri"]
    assert inputs.startswith(f"{BASE}/contents/workflows/linked/runs/{run}/0/inputs?sig=")
    for forged in (
        inputs.partition("?")[0] + "?" + outputs.partition("?")[2],
        inputs.partition("?")[0],
        inputs[:-4] + "AAAA",
        inputs.partition("?")[0] + "?sig=v1%3A%C3%A9",
    ):
        assert logic.error(logic.http.get(forged), 403) == "AuthorizationFailed"
    late = FixedClock(logic.app.clock.now() + timedelta(hours=1, minutes=1))
    object.__setattr__(logic.app, "clock", late)
    try:
        assert logic.error(logic.http.get(inputs), 403) == "AuthorizationFailed"
    finally:
        object.__setattr__(logic.app, "clock", logic.app.playbooks.runs.clock)


def test_who_may_only_look_starts_nothing_and_who_runs_changes_nothing(logic: Logic) -> None:
    logic.put("guarded", FOREVER)
    run = logic.fire("guarded")
    doing = (
        "guarded/triggers/manual/run",
        "guarded/triggers/manual/listCallbackUrl",
        "guarded/listCallbackUrl",
        f"guarded/runs/{run}/cancel",
        f"guarded/runs/{run}/resubmit",
        f"guarded/triggers/manual/histories/{run}/resubmit",
    )
    for role in (Role.SENTINEL_READER, Role.LOGIC_APP_OPERATOR):
        logic.act_as(role)
        assert names(logic.get("guarded/runs")) == [run]
        for path in doing:
            assert logic.error(logic.call("POST", path, {}), 403) == "AuthorizationFailed", path
    logic.act_as(Role.PLAYBOOK_OPERATOR)
    assert logic.call("POST", f"guarded/runs/{run}/cancel").status_code == 200
    for path in ("guarded/disable", "guarded/regenerateAccessKey"):
        assert logic.error(logic.call("POST", path, {"keyType": "Primary"}), 403) == "AuthorizationFailed"
    logic.act_as(Role.PUBLISHER)
    for path in ("guarded/runs", f"guarded/runs/{run}", f"guarded/runs/{run}/actions", "guarded/triggers"):
        assert logic.error(logic.call("GET", path), 404) == "ParentResourceNotFound"


def test_a_workflow_that_is_switched_off_is_not_set_off(logic: Logic) -> None:
    logic.put("off", ECHO)
    assert logic.call("POST", "off/disable").status_code == 200
    assert logic.error(logic.call("POST", "off/triggers/manual/run"), 409) == "Conflict"
    assert logic.get("off/triggers")["value"][0]["properties"]["state"] == "Disabled"


def test_a_workflow_takes_its_runs_along(logic: Logic) -> None:
    logic.put("gone", FOREVER)
    run = logic.fire("gone")
    assert logic.call("DELETE", "gone").status_code == 200
    assert logic.error(logic.call("GET", f"gone/runs/{run}"), 404) == "ParentResourceNotFound"
    logic.put("gone", ECHO)
    assert names(logic.get("gone/runs")) in ([], [run])


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_nobody_writes_history(logic: Logic, method: str) -> None:
    logic.put("past", ECHO)
    run = logic.run("past", {})
    for path in ("triggers/manual", f"runs/{run}", f"runs/{run}/actions/Echo", f"triggers/manual/histories/{run}"):
        answer = logic.call(method, f"past/{path}", {"properties": {}})
        assert logic.error(answer, 405) == "MethodNotAllowed", path


def test_a_playbook_runs_on_an_incident_and_on_an_entity_of_it(logic: Logic) -> None:
    detection, owner = logic.app.detection, ("soc",)
    alert = Alert("Odd", Severity.LOW, entities=(Entity("e1", "Account", {"accountName": "ada"}),))
    detection.alerts.put(owner, "a1", alert)
    detection.incidents.put(owner, "i1", Incident("Odd", Severity.LOW, IncidentStatus.NEW))
    detection.incidents.relate(owner, "i1", "r1", IncidentRelation(RelatedKind.ALERT, "a1"), Author(name="Ann"))
    (entity,) = detection.incidents.entities(owner, "i1")
    for name, path in (("on-incident", "/incident-creation"), ("on-account", "/entity/Account")):
        logic.put(name, ECHO, {"sentinel": {"type": "ApiConnectionWebhook", "inputs": {"path": path}}})
    sentinel = f"{logic.group}/Microsoft.OperationalInsights/workspaces/soc/providers/Microsoft.SecurityInsights"
    on_incident = {"logicAppsResourceId": f"{logic.flows}/on-incident"}
    on_account = {"logicAppsResourceId": f"{logic.flows}/on-account", "incidentArmId": f"{sentinel}/incidents/i1"}
    asked = (
        (f"{sentinel}/incidents/i1/runPlaybook", on_incident),
        (f"{sentinel}/entities/{entity.id}/runPlaybook", on_account),
    )
    for path, body in asked:
        # Who runs playbooks, and has nothing to do with incidents.
        logic.act_as(Role.PLAYBOOK_OPERATOR)
        assert logic.error(logic.call("POST", path, body), 403) == "AuthorizationFailed"
        logic.act_as(Role.SENTINEL_RESPONDER)
        assert logic.error(logic.call("POST", path, {**body, "logicAppsResourceId": "x/none"}), 404)
        assert logic.call("POST", path, body).status_code == 204
    for name in ("on-incident", "on-account"):
        (run,) = logic.app.playbooks.runs.list(Wanted(workflow=name)).runs
        assert logic.ended(name, run.name).value.incident == "i1"
    missing = logic.call("POST", f"{sentinel}/entities/none/runPlaybook", on_account)
    assert logic.error(missing, 404) == "ResourceNotFound"
    wrong = logic.call("POST", asked[1][0], {**on_account, "logicAppsResourceId": f"{logic.flows}/on-incident"})
    assert logic.error(wrong, 400) == "BadRequest"
    assert logic.call("GET", f"{sentinel}/entities/{entity.id}").status_code == 404


def test_connectors_tell_what_can_be_asked_of_them(logic: Logic) -> None:
    apis = f"{logic.group.partition('/resourceGroups')[0]}/providers/Microsoft.Web/locations/local/managedApis"
    assert {"azuresentinel", "azuremonitorlogs"} <= set(names(logic.get(apis)))
    shown = logic.get(f"{apis}/AzureSentinel")
    assert (shown["type"], shown["name"]) == ("Microsoft.Web/locations/managedApis", "azuresentinel")
    assert shown["properties"]["capabilities"] == ["actions", "triggers"]
    operations = {o["name"]: o["properties"] for o in logic.get(f"{apis}/azuresentinel/apiOperations")["value"]}
    assert any(o.get("huntlakeEffect") == "write" for o in operations.values())
    assert any(o.get("trigger") for o in operations.values())
    name = next(iter(operations))
    assert logic.get(f"{apis}/azuresentinel/apiOperations/{name}")["properties"] == operations[name]
    assert logic.error(logic.call("GET", f"{apis}/none"), 404) == "ResourceNotFound"
    assert logic.error(logic.call("GET", f"{apis}/none/apiOperations"), 404) == "ParentResourceNotFound"
    assert logic.call("PUT", f"{apis}/none", {}).status_code == 405
