from __future__ import annotations

import pytest

from huntlake.detection.alerts import Alert
from huntlake.detection.entities import Entity
from huntlake.detection.severity import Severity, Tactic
from huntlake.playbooks.workflows import Workflow

from .conftest import INCIDENT, SENTINEL, Arm

OWNER = ("contoso-soc",)


def test_incidents_are_numbered_and_no_number_comes_twice(arm: Arm) -> None:
    numbers = [arm.put(f"incidents/{n}", INCIDENT).json()["properties"]["incidentNumber"] for n in range(3)]
    arm.call("DELETE", "incidents/2")
    numbers.append(arm.put("incidents/2", INCIDENT).json()["properties"]["incidentNumber"])
    assert numbers == [1, 2, 3, 4]
    changed = arm.put("incidents/0", {**INCIDENT, "incidentNumber": 99}).json()["properties"]
    assert changed["incidentNumber"] == 1


def test_only_a_closed_incident_is_classified(arm: Arm) -> None:
    closed = {**INCIDENT, "status": "Closed", "classification": "TruePositive", "classificationComment": "real"}
    shown = arm.put("incidents/one", closed).json()["properties"]
    assert (shown["classification"], shown["classificationComment"]) == ("TruePositive", "real")
    shown = arm.put("incidents/one", {**closed, "status": "Active"}).json()["properties"]
    assert not {"classification", "classificationComment"} & set(shown)
    shown = arm.put("incidents/one", {**INCIDENT, "status": "Closed"}).json()["properties"]
    assert shown["classification"] == "Undetermined"


@pytest.mark.parametrize(
    ("classification", "reason", "fits"),
    [
        ("TruePositive", "SuspiciousActivity", True),
        ("TruePositive", "InaccurateData", False),
        ("BenignPositive", "SuspiciousButExpected", True),
        ("FalsePositive", "IncorrectAlertLogic", True),
        ("FalsePositive", "SuspiciousActivity", False),
        ("Undetermined", "InaccurateData", False),
        (None, "InaccurateData", False),
    ],
)
def test_a_reason_must_fit_its_classification(arm: Arm, classification: str, reason: str, fits: bool) -> None:
    properties = {"classification": classification, "classificationReason": reason, "status": "Closed"}
    answer = arm.put("incidents/one", {**INCIDENT, **properties})
    assert answer.status_code == (201 if fits else 400), answer.text


def test_alerts_and_bookmarks_are_related_and_seen_in_the_incident(arm: Arm) -> None:
    entity = Entity("e1", "Account", {"accountName": "ada"})
    alert = Alert("Odd", Severity.LOW, product="Azure Sentinel", tactics=(Tactic.IMPACT,), entities=(entity,))
    arm.server.detection.alerts.put(OWNER, "alert-1", alert)
    arm.put("incidents/one", INCIDENT)
    arm.put("bookmarks/mark", {"displayName": "row", "query": "count 1"})
    for name, id in (("r1", "entities/alert-1"), ("r2", "Bookmarks/mark")):
        related = arm.put(f"incidents/one/relations/{name}", {"relatedResourceId": f"{SENTINEL}/{id}"})
        assert related.status_code == 201, related.text
        assert related.json()["properties"]["relatedResourceName"] == id.rpartition("/")[2]
    assert arm.server.detection.alerts.get(OWNER, "alert-1").value.incident == "one"
    held = arm.get("incidents/one").json()["properties"]["additionalData"]
    assert (held["alertsCount"], held["bookmarksCount"], held["tactics"]) == (1, 1, ["Impact"])
    (shown,) = arm.call("POST", "incidents/one/alerts").json()["value"]
    assert shown["properties"]["systemAlertId"] == "alert-1"
    (marked,) = arm.call("POST", "incidents/one/bookmarks").json()["value"]
    assert marked["properties"]["displayName"] == "row"
    found = arm.call("POST", "incidents/one/entities").json()
    assert found["entities"][0]["properties"] == {"accountName": "ada"}
    assert found["metaData"] == [{"count": 1, "entityKind": "Account"}]


@pytest.mark.parametrize(
    ("id", "status"),
    [
        (f"{SENTINEL}/bookmarks/nothing", 404),
        (f"{SENTINEL}/hunts/x", 400),
        (SENTINEL.replace("contoso-soc", "other") + "/bookmarks/mark", 400),
        ("mark", 400),
    ],
)
def test_an_incident_is_related_to_what_is_there_only(arm: Arm, id: str, status: int) -> None:
    arm.put("incidents/one", INCIDENT)
    assert arm.put("incidents/one/relations/r", {"relatedResourceId": id}).status_code == status


def test_a_comment_keeps_its_author_and_its_time(arm: Arm) -> None:
    arm.put("incidents/one", INCIDENT)
    arm.put("incidents/one/comments/c", {"message": "first"})
    shown = arm.put("incidents/one/comments/c", {"message": "second"}).json()["properties"]
    assert shown["author"] == {"objectId": arm.server.principal().object_id, "name": "hunter"}
    assert shown["createdTimeUtc"] == "2026-03-01T12:00:00Z"


def test_what_happened_is_on_the_timeline(arm: Arm) -> None:
    arm.put("incidents/one", INCIDENT)
    arm.put("incidents/one", {**INCIDENT, "status": "Active"})
    arm.put("incidents/one/comments/c", {"message": "looks bad"})
    workflow = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/Block-User"
    unknown = arm.call("POST", "incidents/one/runPlaybook", {"logicAppsResourceId": workflow})
    assert arm.error(unknown, 404) == "ResourceNotFound"
    arm.server.playbooks.workflows.put("Block-User", Workflow({"triggers": {}, "actions": {}}, "contoso-soc"))
    answer = arm.call("POST", "incidents/one/runPlaybook", {"logicAppsResourceId": workflow, "tenantId": "t"})
    assert answer.status_code == 204, answer.text
    told = [e["properties"] for e in arm.get("incidents/one/timeline").json()["value"]]
    assert [(e["kind"], e["text"]) for e in told] == [
        ("Created", "made: Odd sign-ins"),
        ("Changed", "status: New → Active"),
        ("CommentAdded", "looks bad"),
        ("PlaybookRequested", "asked for the playbook Block-User"),
    ]
    assert all(e["author"]["name"] for e in told)
    assert arm.get("incidents/none/timeline").status_code == 404
    assert arm.call("POST", "incidents/none/runPlaybook", {"logicAppsResourceId": workflow}).status_code == 404
    assert arm.call("POST", "incidents/one/runPlaybook", {"workflow": workflow}).status_code == 400
    assert arm.put("incidents/one/timeline/x", {"text": "no"}).status_code == 405


def test_similar_incidents_are_told_with_what_they_have_in_common_and_what_became_of_them(arm: Arm) -> None:
    ada = Entity("e1", "Account", {"accountName": "ada", "upnSuffix": "contoso.example"})
    for name, entities in (("one", (ada,)), ("two", (ada,)), ("three", ())):
        arm.put(f"incidents/{name}", INCIDENT)
        arm.server.detection.alerts.put(OWNER, f"of-{name}", Alert("Odd", Severity.LOW, entities=entities))
        arm.put(f"incidents/{name}/relations/r", {"relatedResourceId": f"{SENTINEL}/entities/of-{name}"})
    closed = {"status": "Closed", "classification": "BenignPositive", "classificationReason": "SuspiciousButExpected"}
    arm.put("incidents/two", {**INCIDENT, **closed, "classificationComment": "Ada's test"})
    (shown,) = arm.get("incidents/one/similar").json()["value"]
    told = shown["properties"]
    assert told["incidentId"].lower() == f"{SENTINEL}/incidents/two".lower()
    assert (told["incidentNumber"], told["status"], told["classification"]) == (2, "Closed", "BenignPositive")
    assert (told["classificationReason"], told["classificationComment"]) == ("SuspiciousButExpected", "Ada's test")
    assert told["reasons"] == ["same account `ada@contoso.example`", "at the same time"]
    assert [e["kind"] for e in told["entities"]] == ["Account"]
    assert 0 < told["score"] < 1
    assert arm.get("incidents/three/similar").json()["value"] == []
    assert arm.get("incidents/none/similar").status_code == 404
    assert arm.put("incidents/one/similar/x", {"title": "no"}).status_code == 405
