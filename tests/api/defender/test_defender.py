from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from huntlake.core.errors import Conflict
from huntlake.detection.alerts import Alert
from huntlake.detection.entities import Entity
from huntlake.detection.severity import Severity
from huntlake.identity.rights import Role
from huntlake.playbooks.machine_actions import ActionStatus, ActionType, AlreadyActive, MachineAction

from ..faces import Face, at, served

OWNER = ("soc",)


@pytest.fixture
def defender(tmp_path: Any) -> Iterator[Face]:
    with served(tmp_path, "https://api.securitycenter.microsoft.com") as face:
        face.load(
            "DeviceInfo",
            {
                "TimeGenerated": [at(1), at(3), at(2)],
                "DeviceId": ["m1", "m1", "m2"],
                "DeviceName": ["old.contoso.example", "srv1.contoso.example", "srv2.contoso.example"],
                "OSPlatform": ["Windows10", "Windows11", "Linux"],
                "OSBuild": [19045, 22631, None],
                "PublicIP": ["192.0.2.1", "192.0.2.2", ""],
            },
        )
        face.load(
            "DeviceProcessEvents",
            {"TimeGenerated": [at(0), at(5)], "DeviceId": ["m1", "m3"], "DeviceName": ["srv1", "srv3"]},
        )
        face.load(
            "DeviceNetworkInfo",
            {"TimeGenerated": [at(1)], "DeviceId": ["m1"], "IPAddresses": ['[{"IPAddress":"10.0.0.5"}]']},
        )
        yield face


def check(answer: Any, status: int, code: str = "BadRequest") -> str:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["target"].startswith("|")
    return str(error["message"])


@pytest.mark.parametrize("path", ["/api/advancedhunting/run", "/api/advancedqueries/run"])
def test_a_query_is_answered_with_its_schema(defender: Face, path: str) -> None:
    body = defender.http.post(path, json={"Query": "DeviceInfo | summarize n = count(), t = max(TimeGenerated)"}).json()
    assert body["Schema"] == [{"Name": "n", "Type": "Int64"}, {"Name": "t", "Type": "DateTime"}]
    assert body["Results"] == [{"n": 3, "t": "2026-02-28T03:00:00Z"}]
    assert body["Stats"]["dataset_statistics"][0]["table_row_count"] == 1
    assert defender.http.post(path, json={"query": "DeviceInfo | where false"}).json()["Results"] == []
    check(defender.http.post(path, json={"Query": "DeviceInf"}), 400)
    check(defender.http.post(path, json={"Query": "print 1", "Timespan": "P1D"}), 400)
    check(defender.http.post(path, content=b"{"), 400)


def test_machines_come_from_every_table_of_devices(defender: Face) -> None:
    first, second, third = defender.values("/api/machines")
    assert (first["id"], first["computerDnsName"], first["osPlatform"]) == ("m1", "srv1.contoso.example", "Windows11")
    assert (first["firstSeen"], first["lastSeen"]) == ("2026-02-28T00:00:00Z", "2026-02-28T03:00:00Z")
    assert (first["lastIpAddress"], first["lastExternalIpAddress"], first["osBuild"]) == (
        "10.0.0.5",
        "192.0.2.2",
        22631,
    )
    assert second["osBuild"] is None
    assert (third["id"], third["computerDnsName"], third["healthStatus"]) == ("m3", "srv3", "Unknown")
    assert defender.get("/api/machines/SRV2.contoso.example").json()["id"] == "m2"
    assert defender.get("/api/machines/m3").json()["computerDnsName"] == "srv3"
    check(defender.get("/api/machines/m4"), 404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("osPlatform eq 'linux'", ["m2"]),
        ("startswith(computerDnsName, 'srv')", ["m1", "m2", "m3"]),
        ("lastSeen gt 2026-02-28T02:30:00Z", ["m1", "m3"]),
        ("osBuild gt 20000", ["m1"]),
        ("healthStatus eq 'Active'", []),
    ],
)
def test_machines_are_filtered(defender: Face, filter: str, found: list[str]) -> None:
    assert [m["id"] for m in defender.values("/api/machines", filter=filter)] == found


def test_machines_come_in_pages(defender: Face) -> None:
    page = defender.get("/api/machines", top="2", orderby="lastSeen desc").json()
    assert [m["id"] for m in page["value"]] == ["m3", "m1"]
    rest = defender.http.get(page["@odata.nextLink"]).json()
    assert [m["id"] for m in rest["value"]] == ["m2"]
    assert "@odata.nextLink" not in rest
    check(defender.get("/api/machines", filter="machineTags eq 'x'"), 400)
    check(defender.get("/api/machines", select="id"), 400)


ACTIONS: list[tuple[str, dict[str, Any], str, str | None]] = [
    ("isolate", {"IsolationType": "Selective"}, "Isolate", "Selective"),
    ("unisolate", {}, "Unisolate", None),
    ("runAntiVirusScan", {"ScanType": "Quick"}, "RunAntiVirusScan", "Quick"),
    ("collectInvestigationPackage", {}, "CollectInvestigationPackage", None),
    ("restrictCodeExecution", {}, "RestrictCodeExecution", None),
    ("unrestrictCodeExecution", {}, "UnrestrictCodeExecution", None),
    ("StopAndQuarantineFile", {"Sha1": "a" * 40}, "StopAndQuarantineFile", None),
]


def test_each_action_is_asked_for_and_waits_for_a_person(defender: Face) -> None:
    for name, more, type, scope in ACTIONS:
        answer = defender.http.post(f"/api/machines/m1/{name}", json={"Comment": "why", **more})
        assert answer.status_code == 201, answer.text
        action = answer.json()
        assert (action["type"], action["scope"], action["status"]) == (type, scope, "Pending")
        assert (action["machineId"], action["requestor"]) == ("m1", "hunter")
        assert defender.get(f"/api/machineactions/{action['id']}").json() == action
    assert len(defender.values("/api/machineactions")) == len(ACTIONS)
    assert len(defender.values("/api/machines/m1/machineactions", filter="type eq 'Isolate'")) == 1
    assert defender.values("/api/machines/m2/machineactions") == []


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("m1/isolate", {"IsolationType": "Full"}, 400, "BadRequest"),
        ("m1/isolate", {"Comment": "", "IsolationType": "Full"}, 400, "BadRequest"),
        ("m1/isolate", {"Comment": "x", "IsolationType": "Half"}, 400, "BadRequest"),
        ("m1/isolate", {"Comment": "x", "Speed": 1}, 400, "BadRequest"),
        ("m1/runAntiVirusScan", {"Comment": "x"}, 400, "BadRequest"),
        ("m1/StopAndQuarantineFile", {"Comment": "x", "Sha1": "short"}, 400, "BadRequest"),
        ("m9/isolate", {"Comment": "x", "IsolationType": "Full"}, 404, "ResourceNotFound"),
        ("m1/explode", {"Comment": "x"}, 404, "ResourceNotFound"),
        ("m1/runliveresponse", {"Comment": "x"}, 404, "ResourceNotFound"),
    ],
)
def test_an_action_that_cant_be_is_refused(defender: Face, path: str, body: Any, status: int, code: str) -> None:
    check(defender.http.post(f"/api/machines/{path}", json=body), status, code)
    assert defender.values("/api/machineactions") == []


def test_an_action_isnt_asked_for_twice(defender: Face) -> None:
    body = {"Comment": "why", "IsolationType": "Full", "ExternalID": "ticket 7"}
    first = defender.http.post("/api/machines/m1/isolate", json=body).json()
    assert defender.http.post("/api/machines/m1/isolate", json=body).json() == first
    other = defender.http.post("/api/machines/m1/isolate", json={**body, "ExternalID": "ticket 8"})
    check(other, 400, "ActiveRequestAlreadyExists")
    defender.app.machine_actions.decide(OWNER, first["id"], ActionStatus.SUCCEEDED, "ada")
    assert defender.http.post("/api/machines/m1/isolate", json={**body, "ExternalID": "ticket 8"}).status_code == 201


def test_of_many_who_ask_at_once_one_is_heard(defender: Face) -> None:
    action = MachineAction(ActionType.ISOLATE, "m1", "srv1", "hunter", "why")

    def ask(_: int) -> str:
        try:
            return defender.app.machine_actions.ask(OWNER, action).name
        except AlreadyActive:
            return ""

    with ThreadPoolExecutor(8) as pool:
        made = [name for name in pool.map(ask, range(16)) if name]
    assert len(made) == len(defender.app.machine_actions.list(OWNER)) == 1


def test_an_action_is_called_off_until_it_has_ended(defender: Face) -> None:
    id = defender.http.post("/api/machines/m1/unisolate", json={"Comment": "why"}).json()["id"]
    for _ in range(2):
        cancelled = defender.http.post(f"/api/machineactions/{id}/cancel", json={"Comment": "no"}).json()
        assert (cancelled["status"], cancelled["cancellationComment"]) == ("Cancelled", "no")
    with pytest.raises(Conflict):
        defender.app.machine_actions.decide(OWNER, id, ActionStatus.SUCCEEDED, "ada")
    id = defender.http.post("/api/machines/m1/unisolate", json={"Comment": "why"}).json()["id"]
    defender.app.machine_actions.decide(OWNER, id, ActionStatus.IN_PROGRESS, "ada")
    defender.app.machine_actions.decide(OWNER, id, ActionStatus.FAILED, "ada", "offline", -1)
    assert defender.get(f"/api/machineactions/{id}").json()["errorHResult"] == -1
    check(defender.http.post(f"/api/machineactions/{id}/cancel", json={"Comment": "no"}), 409, "Conflict")


def test_a_reader_asks_for_nothing(defender: Face) -> None:
    defender.act_as(Role.SENTINEL_READER)
    body = {"Comment": "why", "IsolationType": "Full"}
    check(defender.http.post("/api/machines/m1/isolate", json=body), 403, "Forbidden")
    assert defender.get("/api/machines").status_code == 200
    check(defender.http.post("/api/machineactions/x/cancel", json={"Comment": "no"}), 403, "Forbidden")


def test_an_alert_is_shown_and_changed(defender: Face) -> None:
    host = Entity("h", "Host", {"deviceId": "m1", "hostName": "srv1"})
    defender.app.detection.alerts.put(OWNER, "a1", Alert("Odd", Severity.LOW, entities=(host,)))
    (alert,) = defender.values("/api/alerts", filter="severity eq 'Low'")
    assert (alert["machineId"], alert["status"]) == ("m1", "New")
    body = {"status": "Resolved", "assignedTo": "ada", "classification": "TruePositive", "comment": "done"}
    changed = defender.call("PATCH", "/api/alerts/a1", body).json()
    assert (changed["status"], changed["classification"], changed["comments"][0]["comment"]) == (
        "Resolved",
        "TruePositive",
        "done",
    )
    check(defender.call("PATCH", "/api/alerts/a1", {"status": "Gone"}), 400)
    check(defender.call("PATCH", "/api/alerts/a2", {"status": "New"}), 404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/spaceships", 404, "ResourceNotFound"),
        ("GET", "/api", 404, "ResourceNotFound"),
        ("GET", "/api/advancedhunting/run", 405, "MethodNotAllowed"),
        ("DELETE", "/api/machines", 405, "MethodNotAllowed"),
    ],
)
def test_errors_are_told_as_defender_does(defender: Face, method: str, path: str, status: int, code: str) -> None:
    check(defender.call(method, path), status, code)
