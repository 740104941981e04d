"""Runs of hunts through the management API, over a real lake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.api.faces import Face, served

from huntlake.detection.rules import EntityMapping, FieldMapping
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.hunt import Decision, HuntContent, HuntSchedule
from huntlake.hunting.lifecycle.new_hunt import NewHunt
from huntlake.hunting.proof.finding import Cost, DryRun, Proof, Volume
from huntlake.identity.rights import Role
from huntlake.state.records import Author

ANN = Acting.person(Author("7", "Ann"), hunts=True, approves=True)
BOB = Acting.person(Author("8", "Bob"), hunts=True, approves=True)
BASE = "https://lake.example:8443"
CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
PASSWORD = "correct horse battery"


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    with served(tmp_path, "https://management.azure.com") as face:
        face.act_as(Role.SENTINEL_CONTRIBUTOR)
        yield face


def place(face: Face, rest: str) -> str:
    subscription = face.app.subscription
    return (
        f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers/"
        f"Microsoft.OperationalInsights/workspaces/soc/providers/huntlake.Hunting/{rest}"
    )


def call(face: Face, method: str, rest: str, properties: Any = None, person: bool = True) -> Any:
    headers = {}
    if person:
        app = face.app
        if app.sign_in.users.find("ann@contoso.example") is None:
            app.sign_in.users.create("ann@contoso.example", PASSWORD, "Ann")
            app.sign_in.users.grant("ann@contoso.example", face.workspace.id, Role.SENTINEL_CONTRIBUTOR)
        user = app.sign_in.users.find("ann@contoso.example")
        assert user is not None
        token = app.tokens.issue_for(user, CLIENT, "https://management.azure.com", issuer=BASE).text
        headers = {"Authorization": f"Bearer {token}"}
    body = None if properties is None else {"properties": properties}
    wanted = {"api-version": "2025-01-01"}
    return face.http.request(method, place(face, rest), json=body, params=wanted, headers=headers)


def scheduled(face: Face) -> str:
    face.app.analytics.streams.append(
        face.workspace,
        "SecurityEvent",
        [
            {
                "TimeGenerated": (face.app.clock.now() - timedelta(minutes=1)).isoformat(),
                "EventID": 4688,
                "Computer": "PC1",
                "CommandLine": "x",
            }
        ],
        source="test",
    )
    hunts, owner = face.app.hunting.hunts, ("soc",)
    mapping = EntityMapping("Host", (FieldMapping("HostName", "Computer"),))
    content = HuntContent("SecurityEvent | where EventID == 4688", (), HuntSchedule(), entities=(mapping,))
    new = NewHunt("Odd", "If …", "Because …", content, Maker.PERSON, techniques=("T1059",), tables=("SecurityEvent",))
    name, now = hunts.create(owner, new, ANN).name, face.app.clock.now()
    schema = hunts._prover.fingerprint("soc", content)
    dry = DryRun(now - timedelta(days=7), now, now, 1, seconds=1.0)
    proof = Proof(now, schema, (), Cost(1, 1, ("SecurityEvent",)), Volume(1, 0, 2, "a day"), dry)
    hunts.prove(owner, name, proof=proof)
    hunts.submit(owner, name, ANN)
    hunts.review(owner, name, Decision.APPROVED, BOB, "fine")
    hunts.schedule(owner, name, ANN)
    return name


def test_a_hunt_is_run_judged_and_followed_by_a_person(face: Face) -> None:
    name = scheduled(face)
    ran = call(face, "POST", f"hunts/{name}/runs", {})
    assert ran.status_code == 200, ran.text
    run, [cluster] = ran.json()["name"], ran.json()["properties"]["clusters"]
    assert cluster["entities"] == [{"type": "Host", "value": "PC1"}]
    said = {"cluster": cluster["signature"], "verdict": "true positive", "reason": "seen"}
    refused = call(face, "POST", f"hunts/{name}/runs/{run}/judge", said, person=False)
    assert refused.status_code == 403
    assert call(face, "POST", f"hunts/{name}/runs/{run}/judge", said).status_code == 200
    made = call(face, "POST", f"hunts/{name}/runs/{run}/escalate", {"cluster": cluster["signature"]}).json()
    assert face.app.detection.incidents.get(("soc",), made["incident"]).value.title == "Hunt: Odd"
    kept = call(face, "GET", f"hunts/{name}/runs/{run}").json()["properties"]
    assert kept["clusters"][0]["verdict"]["verdict"] == "true positive"
    assert kept["clusters"][0]["verdict"]["by"]["name"] == "Ann"
    assert call(face, "GET", f"hunts/{name}/runs").json()["value"][0]["name"] == run
    asked = face.app.analytics.queries.run(
        face.workspace, "HuntlakeFindings | project HuntTitle, Rows, Score > 0, tostring(Entities[0].Value), Verdict"
    )
    rows = b",".join(asked.tables[0].json_rows())
    assert (
        rows
        == b'["Odd",1,true,"PC1",""],["Odd",1,true,"PC1","true positive"]' + b',["Odd",1,true,"PC1","true positive"]'
    )
    figures = call(face, "GET", "metrics/all").json()["properties"]
    assert figures["truePositives"] == 1


def test_hunting_is_stopped_and_goes_on_by_persons_only(face: Face) -> None:
    name = scheduled(face)
    why = {"reason": "an outage"}
    assert call(face, "POST", "switches/default/stop", why, person=False).status_code == 403
    assert call(face, "POST", "switches/default/stop", why).status_code == 200
    switch = call(face, "GET", "switches/default").json()["properties"]
    assert "an outage" in switch["stopped"]
    assert switch["rules"] == switch["held"] == {}
    assert call(face, "POST", f"hunts/{name}/runs", {}).status_code == 409
    assert call(face, "POST", "switches/default/goOn", {"reason": "it is over"}).status_code == 200
    assert call(face, "POST", f"hunts/{name}/runs", {}).status_code == 200


def test_a_hunt_is_planned_delivered_and_packaged(face: Face) -> None:
    name = scheduled(face)
    wanted = {"destination": "queries"}
    plan = call(face, "POST", f"hunts/{name}/deliveries", wanted).json()
    assert [step["move"] for step in plan["steps"]] == ["make"] * 3
    assert not face.app.saved_searches.list(("soc",))
    done = call(face, "POST", f"hunts/{name}/deliveries", {**wanted, "apply": True})
    assert done.status_code == 200, done.text
    assert len(face.app.saved_searches.list(("soc",))) == 1
    assert call(face, "POST", f"hunts/{name}/deliveries", {**wanted, "apply": True}, person=False).status_code == 403
    said = call(face, "POST", f"hunts/{name}/packages", {}).json()
    assert said["package"]["title"] == "Odd"
    assert said["markdown"].startswith("# Odd")


def test_who_may_only_read_starts_nothing(face: Face) -> None:
    name = scheduled(face)
    face.act_as(Role.SENTINEL_READER)
    assert call(face, "POST", f"hunts/{name}/runs", {}, person=False).status_code == 403
    assert call(face, "POST", "switches/default/stop", {"reason": "x"}, person=False).status_code == 403
    assert call(face, "GET", f"hunts/{name}/runs", person=False).status_code == 200
    assert call(face, "GET", "hunts/nothing/runs", person=False).status_code == 404


def test_a_hunt_becomes_a_rule_by_persons_only(face: Face) -> None:
    name = scheduled(face)
    ran = call(face, "POST", f"hunts/{name}/runs", {}).json()
    said = {"cluster": ran["properties"]["clusters"][0]["signature"], "verdict": "true positive", "reason": "seen"}
    assert call(face, "POST", f"hunts/{name}/runs/{ran['name']}/judge", said).status_code == 200
    assert call(face, "GET", f"hunts/{name}/backtests").json()["value"] == []
    few = {"frequencies": ["P1D"], "thresholds": [0], "suppressions": ["PT0S"]}
    tested = call(face, "POST", f"hunts/{name}/backtests", few)
    assert tested.status_code == 200, tested.text
    assert len(orjson.loads(tested.text.splitlines()[-1])["properties"]["trials"]) == 2
    assert len(call(face, "GET", f"hunts/{name}/backtests/last").json()["properties"]["trials"]) == 2
    why = {"comment": "it works", "trial": 0}
    assert call(face, "POST", f"hunts/{name}/promotions", why, person=False).status_code == 403
    made = call(face, "POST", f"hunts/{name}/promotions", why)
    assert made.status_code == 200, made.text
    rule = made.json()["properties"]["rule"]
    assert not face.app.detection.rules.get(("soc",), rule).value.enabled
    assert call(face, "POST", f"hunts/{name}/promotions/rule/enable", {"comment": "x"}).status_code == 403
    assert not face.app.detection.rules.get(("soc",), rule).value.enabled
    # Nor by way of the rule itself, by a program or a person, also once it was deleted.
    path = place(face, "x").replace("huntlake.Hunting/x", f"Microsoft.SecurityInsights/alertRules/{rule}")
    wanted = {"api-version": "2025-09-01"}
    shown = face.http.get(path, params=wanted).json()
    shown = {"kind": shown["kind"], "properties": shown["properties"] | {"enabled": True}}
    assert face.http.put(path, json=shown, params=wanted).status_code == 403
    assert face.http.delete(path, params=wanted).status_code == 200
    assert face.http.put(path, json=shown, params=wanted).status_code == 403
    shown["properties"]["enabled"] = False
    assert face.http.put(path, json=shown, params=wanted).status_code in (200, 201)
