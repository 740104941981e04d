from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.playbooks.desk import ENTITIES, NOW, OWNER, Desk

from huntlake.detection.bookmarks import Bookmark
from huntlake.detection.incidents import (
    Classification,
    ClassificationReason,
    IncidentStatus,
    IncidentTask,
    TaskStatus,
)
from huntlake.detection.severity import Severity
from huntlake.identity.rights import Role
from huntlake.playbooks.connections import Mode
from huntlake.playbooks.connectors.connector import Effect
from huntlake.playbooks.ledger import Outcome
from huntlake.playbooks.workflows import Workflow, WorkflowState
from huntlake.state.records import Author
from huntlake.workspace.watchlists import Watchlist

WORKSPACE = "11111111-2222-3333-4444-555555555555"
LISTS = f"/Watchlists/subscriptions/any/resourceGroups/any/workspaces/{WORKSPACE}/watchlists"


def related(desk: Desk) -> list[dict[str, Any]]:
    found = desk.app.detection.incidents.entities(OWNER, "i1")
    return [{"id": e.id, "kind": e.kind, "properties": dict(e.properties)} for e in found]


def comments(desk: Desk) -> list[str]:
    return [d.value.message for d in desk.app.detection.incidents.comments.list((*OWNER, "i1"))]


@pytest.mark.parametrize(
    ("kind", "name", "field", "value"),
    [
        ("ip", "IPs", "Address", "192.0.2.7"),
        ("account", "Accounts", "Name", "bob"),
        ("host", "Hosts", "DnsDomain", "northwind.example"),
        ("url", "URLs", "Url", "http://x.example/a"),
        ("filehash", "Filehashes", "Value", "ab12"),
        ("dnsresolution", "Dnsresolutions", "DomainName", "x.example"),
    ],
)
def test_entities_are_found_in_what_incidents_and_alerts_hold(
    desk: Desk, kind: str, name: str, field: str, value: str
) -> None:
    for held in (related(desk), ENTITIES, json.loads(ENTITIES)):
        body = desk.ask("POST", f"/entities/{kind}", held).body
        assert [one[field] for one in body[name]] == [value]
    assert desk.ask("POST", f"/entities/{kind}", None).body == {name: []}


def test_an_incident_is_read_by_its_id_and_by_its_alert(desk: Desk) -> None:
    by_id = desk.ask("POST", "/Incidents", {"incidentArmId": desk.incident}).body
    assert by_id["id"] == desk.incident
    assert by_id["properties"]["incidentNumber"] == 1
    assert by_id["properties"]["additionalData"]["tactics"] == ["Execution"]
    path = f"/Incidents/subscriptions/x/resourceGroups/y/workspaces/{WORKSPACE}/alerts/a1"
    assert desk.ask("GET", path).body == by_id
    case = desk.ask("GET", f"/Cases/a1/x/{WORKSPACE}/y").body["properties"]
    assert (case["CaseNumber"], case["RelatedAlertIds"]) == ("1", ["a1"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/Incidents/subscriptions/x/resourceGroups/y/workspaces/{WORKSPACE}/alerts/none", 404),
        ("/Incidents/subscriptions/x/resourceGroups/y/workspaces/elsewhere/alerts/a1", 404),
        (f"/Bookmarks/x/resourceGroups/y/workspaces/{WORKSPACE}/bookmarksList/many", 400),
    ],
)
def test_what_is_not_there_is_told_as_http_does(desk: Desk, path: str, status: int) -> None:
    answer = desk.ask("GET", path)
    assert answer.status == status
    assert answer.body["error"]["message"]


def test_an_id_of_something_else_is_no_incident(desk: Desk) -> None:
    for id in ("", "i1", f"{desk.sentinel}/Bookmarks/i1", f"{desk.incident}/Comments/c", None, 7):
        assert desk.ask("POST", "/Incidents", {"incidentArmId": id}).status == 400


def test_a_comment_is_made_once_however_often_the_run_asks(desk: Desk) -> None:
    body = {"incidentArmId": desk.incident, "message": "<p>looked up</p>"}
    first = desk.ask("POST", "/Incidents/Comment", body, key="Comment#1")
    again = desk.ask("POST", "/Incidents/Comment", body, key="Comment#1")
    other_run = desk.ask("POST", "/Incidents/Comment", body, key="Comment#1", context=desk.context("run2"))
    assert first == again
    assert other_run.body["name"] != first.body["name"]
    assert comments(desk) == ["<p>looked up</p>"] * 2
    kept = desk.app.detection.incidents.comments.get((*OWNER, "i1"), first.body["name"]).value
    assert kept.author is not None
    assert (kept.author.name, kept.author.via) == ("Playbook - respond", ("playbook respond",))


def test_a_comment_whose_answer_was_lost_is_not_made_again(desk: Desk) -> None:
    body = {"incidentArmId": desk.incident, "message": "once"}
    first = desk.ask("POST", "/Incidents/Comment", body, key="k")
    (entry,) = desk.app.outward.ledger.list("soc")
    # As it was left by a process that died when the comment was written, and nothing after it.
    half = replace(entry.value, whole=False, body=None, headers={}, outcome=Outcome.MADE)
    desk.app.outward.ledger._entries.put(OWNER, entry.name, half)
    again = desk.ask("POST", "/Incidents/Comment", body, key="k")
    assert again.body["name"] == first.body["name"]
    assert comments(desk) == ["once"]


def test_a_comment_is_not_longer_than_sentinel_takes(desk: Desk) -> None:
    for message in ("x" * 30_001, " ", None):
        assert (
            desk.ask("POST", "/Incidents/Comment", {"incidentArmId": desk.incident, "message": message}).status == 400
        )


def test_an_update_says_only_what_it_says(desk: Desk) -> None:
    body = {
        "incidentArmId": desk.incident,
        "severity": "High",
        "tagsToAdd": {"TagsToAdd": [{"Tag": "One"}, {"Tag": "Two"}, {"Tag": ""}]},
        "tagsToRemove": {"TagsToRemove": [{"Tag": "two"}]},
        "ownerAction": "Assign",
        "owner": "bob@northwind.example",
    }
    shown = desk.ask("PUT", "/Incidents", body).body["properties"]
    assert shown["severity"] == "High"
    assert shown["owner"]["userPrincipalName"] == "bob@northwind.example"
    kept = desk.app.detection.incidents.get(OWNER, "i1").value
    assert [x.label_name for x in kept.labels] == ["One"]
    assert (kept.status, kept.title, kept.description) == (IncidentStatus.NEW, "Odd sign-in", "what it is")
    desk.ask("PUT", "/Incidents", {"incidentArmId": desk.incident, "ownerAction": "Unassign", "status": None})
    assert desk.app.detection.incidents.get(OWNER, "i1").value.owner.email is None


@pytest.mark.parametrize(
    "said", ["BenignPositive - SuspiciousButExpected", "Benign Positive - Suspicious But Expected"]
)
def test_an_incident_is_closed_with_its_classification(desk: Desk, said: str) -> None:
    classification = {"ClassificationAndReason": said, "ClassificationReasonText": "a test"}
    body = {"incidentArmId": desk.incident, "status": "Closed", "classification": classification}
    assert desk.ask("PUT", "/Incidents", body).status == 200
    kept = desk.app.detection.incidents.get(OWNER, "i1").value
    assert kept.classification is Classification.BENIGN_POSITIVE
    assert kept.classification_reason is ClassificationReason.SUSPICIOUS_BUT_EXPECTED
    assert kept.classification_comment == "a test"


@pytest.mark.parametrize(
    "body",
    [
        {"severity": "Critical"},
        {"status": "Done"},
        {"status": "Closed", "classification": {"ClassificationAndReason": "TruePositive - InaccurateData"}},
        {"classification": {"ClassificationAndReason": "Undetermined"}},
        {"ownerAction": "Assign"},
        {"ownerAction": "Give"},
        {"tagsToAdd": {"TagsToAdd": "One"}},
        {"colour": "red"},
    ],
)
def test_an_update_that_means_nothing_is_refused_and_changes_nothing(desk: Desk, body: dict[str, Any]) -> None:
    before = desk.state()
    for mode in (Mode.LIVE, Mode.DRY_RUN):
        desk.connect("azuresentinel", mode=mode)
        assert desk.ask("PUT", "/Incidents", {"incidentArmId": desk.incident, **body}).status == 400
    desk.connect("azuresentinel")
    assert [r for r in desk.state() if not r[0].startswith("connections")] == [
        r for r in before if not r[0].startswith("connections")
    ]


def test_an_update_is_not_made_again_over_what_a_person_did_since(desk: Desk) -> None:
    body = {"incidentArmId": desk.incident, "severity": "High"}
    desk.ask("PUT", "/Incidents", body, key="Raise#1")
    desk.app.detection.incidents.change(OWNER, "i1", lambda i: replace(i, severity=Severity.LOW))
    assert desk.ask("PUT", "/Incidents", body, key="Raise#1").status == 200
    assert desk.app.detection.incidents.get(OWNER, "i1").value.severity is Severity.LOW


def test_an_incident_is_made_once(desk: Desk) -> None:
    path = f"/Incidents/subscriptions/x/resourceGroups/y/workspaces/{WORKSPACE}"
    body = {"title": "New", "severity": "Low", "status": "Active", "tagsToAdd": {"TagsToAdd": [{"Tag": "made"}]}}
    made = desk.ask("PUT", path, body, key="Make#1").body
    assert desk.ask("PUT", path, body, key="Make#1").body == made
    assert made["properties"]["incidentNumber"] == 2
    assert len(desk.app.detection.incidents.list(OWNER)) == 2


def test_the_operations_of_the_first_version_still_work(desk: Desk) -> None:
    place = f"x/{WORKSPACE}/y"
    assert desk.ask("PUT", f"/Comment/{place}/Alert/a1", {"Value": "by alert"}).status == 200
    assert desk.ask("PUT", f"/Comment/{place}/Incident/1", {"Value": "by number"}).status == 200
    assert sorted(comments(desk)) == ["by alert", "by number"]
    assert desk.ask("PUT", f"/Case/{place}/Incident/1/Severity/High").status == 200
    assert desk.ask("PUT", f"/Case/{place}/Alert/a1/Status/Closed", {"CloseReasonText": "done"}).status == 200
    labels = {"Labels": [{"Label": "seen"}, {"Label": "seen"}, "told"]}
    assert desk.ask("PUT", f"/Case/{place}/Alert/a1/AddLabels", labels).status == 200
    assert desk.ask("PUT", f"/Case/{place}/Alert/a1/AddLabels", {"Labels": "seen"}).status == 400
    kept = desk.app.detection.incidents.get(OWNER, "i1").value
    assert [label.label_name for label in kept.labels][-2:] == ["seen", "told"]
    assert (kept.severity, kept.status, kept.classification_comment) == (Severity.HIGH, IncidentStatus.CLOSED, "done")
    assert desk.ask("PUT", f"/Comment/{place}/Entity/1", {"Value": "x"}).status == 400
    assert desk.ask("PUT", f"/Comment/{place}/Incident/99", {"Value": "x"}).status == 404


def test_tasks_are_made_and_completed(desk: Desk) -> None:
    body = {"incidentArmId": desk.incident, "taskTitle": "Look", "taskDescription": "at it"}
    made = desk.ask("POST", "/Incidents/CreateTask", body).body
    assert made["properties"]["status"] == "New"
    done = desk.ask("POST", "/Incidents/CompleteTask", {"taskArmId": made["id"]}).body
    assert done["properties"]["status"] == "Completed"
    assert desk.ask("POST", "/Incidents/CompleteTask", {"taskArmId": desk.incident}).status == 400


def test_alerts_and_bookmarks_are_related_and_taken_away(desk: Desk) -> None:
    desk.app.detection.bookmarks.put(OWNER, "b1", Bookmark("Seen", "T | take 1"))
    bookmark = f"{desk.sentinel}/Bookmarks/b1"
    body = {"incidentArmId": desk.incident, "relatedResourceId": bookmark}
    made = desk.ask("POST", "/Incidents/Relation/Create", body)
    assert made.body["properties"]["relatedResourceId"] == bookmark
    assert desk.ask("POST", "/Incidents/Relation/Create", body).body["name"] == made.body["name"]
    assert desk.ask("POST", "/Incidents/Relation/Delete", body).status == 200
    assert desk.ask("POST", "/Incidents/Relation/Delete", body).status == 404
    place = f"/Bookmarks/x/resourceGroups/y/workspaces/{WORKSPACE}"
    assert desk.ask("GET", f"{place}/bookmarksList/5").body["value"][0]["properties"]["displayName"] == "Seen"
    assert desk.ask("GET", f"{place}/bookmarks/b1").body["name"] == "b1"
    assert desk.ask("DELETE", f"{place}/bookmarks/b1").status == 200
    assert desk.ask("GET", f"{place}/bookmarks/b1").status == 404


def test_watchlists_are_made_filled_and_deleted(desk: Desk) -> None:
    body = {
        "displayName": "Known",
        "description": "addresses",
        "itemsSearchKey": "Address",
        "rawContent": "Address,Name\r\n192.0.2.1,one\r\n",
        "sourceType": "Local file",
    }
    assert desk.ask("GET", f"{LISTS}/Known").status == 404
    assert desk.ask("PUT", f"{LISTS}/Known", body).status == 200
    shown = desk.ask("GET", f"{LISTS}/known").body["properties"]
    assert shown["watchlistAlias"] == shown["watchlist"]["properties.watchlistAlias"] == "Known"
    item = {"Address": "192.0.2.2", "Name": "two"}
    made = desk.ask("PUT", f"{LISTS}/Known/watchlistItem", item, key="Add#1").body
    assert desk.ask("PUT", f"{LISTS}/Known/watchlistItem", item, key="Add#1").body == made
    assert made["properties.itemsKeyValue"] == item
    listed = desk.ask("GET", f"{LISTS}/Known/watchlistItems").body["value"]
    assert [i["properties"]["itemsKeyValue"]["Name"] for i in listed] == ["one", "two"]
    changed = desk.ask("PUT", f"{LISTS}/Known/watchlistItem/{made['name']}", {"Name": "2"}).body
    assert changed["properties"]["itemsKeyValue"] == {"Address": "192.0.2.2", "Name": "2"}
    assert desk.ask("PUT", f"{LISTS}/Known/watchlistItem", {"Place": "x"}).status == 400
    assert desk.ask("DELETE", f"/V2{LISTS}/Known/watchlistItem/{made['name']}").status == 200
    assert desk.ask("GET", f"{LISTS}/Known/watchlistItem/{made['name']}").status == 404
    assert desk.ask("DELETE", f"{LISTS}/Known").status == 200


@pytest.mark.parametrize("path", ["/V2/ThreatIntelligence", "/ThreatIntelligence"])
def test_indicators_are_kept_and_bad_ones_named(desk: Desk, path: str) -> None:
    good = {
        "type": "indicator",
        "id": "indicator--10000003-71a2-445c-ab86-927291df48f8",
        "spec_version": "2.1",
        "name": "bad address",
        "created": "2026-01-01T00:00:00Z",
        "modified": "2026-01-01T00:00:00Z",
        "pattern": "[ipv4-addr:value = '192.0.2.9']",
        "pattern_type": "stix",
        "valid_from": "2026-01-01T00:00:00Z",
    }
    body = {"sourcesystem": "feed", "indicators": [good, {**good, "id": "nonsense"}]}
    answer = desk.ask("POST", f"{path}/{WORKSPACE}/UploadIndicators/", body)
    assert [e["recordId"] for e in answer.body["errors"]] == ["nonsense"]
    (kept,) = desk.app.detection.indicators.list(OWNER)
    assert kept.value.pattern == good["pattern"]
    assert desk.ask("POST", f"{path}/{WORKSPACE}/UploadIndicators/", {"sourcesystem": "x"}).status == 400


def test_a_path_that_is_encoded_twice_still_finds_the_alert(desk: Desk) -> None:
    alerts = desk.app.detection.alerts
    alerts.put(OWNER, "a/2", replace(alerts.get(OWNER, "a1").value, incident="i1"))
    for encoded in ("a%2F2", "a%252F2"):
        path = f"/Incidents/subscriptions/x/resourceGroups/y/workspaces/{WORKSPACE}/alerts/{encoded}"
        assert desk.ask("GET", path).body["id"] == desk.incident


def test_an_identity_may_do_what_its_roles_allow_and_nothing_more(desk: Desk) -> None:
    body = {"incidentArmId": desk.incident, "message": "hello"}
    client = desk.identity()
    assert desk.ask("POST", "/Incidents", {"incidentArmId": desk.incident}).status == 403
    desk.app.principals.grant(client, desk.workspace.id, Role.SENTINEL_READER)
    assert desk.ask("POST", "/Incidents", {"incidentArmId": desk.incident}).status == 200
    refused = desk.ask("POST", "/Incidents/Comment", body)
    assert refused.status == 403
    assert "huntlake principal grant" in refused.body["error"]["message"]
    desk.app.principals.grant(client, desk.workspace.id, Role.SENTINEL_RESPONDER)
    assert desk.ask("POST", "/Incidents/Comment", body).status == 201
    desk.app.principals.delete(client)
    assert desk.ask("POST", "/Incidents/Comment", body).status == 403


def test_a_workflow_without_an_identity_may_what_those_may_who_made_it(desk: Desk) -> None:
    reader, responder = desk.app.principals.create("Reader"), desk.app.principals.create("Responder")
    desk.app.principals.grant(reader.client_id, desk.workspace.id, Role.SENTINEL_READER)
    desk.app.principals.grant(responder.client_id, desk.workspace.id, Role.SENTINEL_RESPONDER)
    by_reader, by_responder = Author(reader.object_id, "Reader"), Author(responder.object_id, "Responder")
    body = {"incidentArmId": desk.incident, "message": "hello"}

    desk.connect("azuresentinel", by=by_reader)
    assert desk.ask("POST", "/Incidents", {"incidentArmId": desk.incident}).status == 200
    refused = desk.ask("POST", "/Incidents/Comment", body)
    assert (refused.status, "who made the connection, Reader" in refused.body["error"]["message"]) == (403, True)
    desk.connect("azuresentinel", by=by_responder)
    assert desk.ask("POST", "/Incidents/Comment", body).status == 201

    workflows = desk.app.playbooks.workflows
    changed: dict[str, Any] = {"triggers": {}, "actions": {}, "outputs": {}}
    workflows.put("respond", Workflow(changed, "soc"), by_reader)
    refused = desk.ask("POST", "/Incidents/Comment", body)
    assert (refused.status, "who changed it last, Reader" in refused.body["error"]["message"]) == (403, True)
    workflows.put("respond", Workflow({**changed, "contentVersion": "1.0.0.1"}, "soc"), by_responder)
    assert desk.ask("POST", "/Incidents/Comment", body).status == 201
    # Who switches a workflow on or off has changed nothing of what it does.
    workflows.put("respond", replace(workflows.get("respond").value, state=WorkflowState.DISABLED), by_reader)
    assert desk.ask("POST", "/Incidents/Comment", body).status == 201
    desk.app.principals.delete(responder.client_id)
    assert desk.ask("POST", "/Incidents/Comment", body).status == 403


def test_a_workflow_that_is_gone_may_nothing(desk: Desk) -> None:
    desk.app.playbooks.workflows.delete("respond")
    assert desk.ask("POST", "/Incidents", {"incidentArmId": desk.incident}).status == 403


def test_another_workspace_looks_as_if_it_was_not_there(desk: Desk) -> None:
    other = desk.app.workspaces.create("other")
    elsewhere = desk.incident.replace("/soc/", "/other/")
    assert desk.ask("POST", "/Incidents", {"incidentArmId": elsewhere}).status == 404
    client = desk.identity(Role.SENTINEL_RESPONDER)
    assert desk.ask("POST", "/Incidents", {"incidentArmId": elsewhere}).status == 404
    desk.app.principals.grant(client, other.id, Role.SENTINEL_READER)
    missing = desk.ask("POST", "/Incidents", {"incidentArmId": elsewhere})
    assert "i1" in missing.body["error"]["message"]


def writes(desk: Desk) -> list[tuple[str, str, Any]]:
    """A call of every operation that changes something."""
    place, id = f"x/{WORKSPACE}/y", desk.incident
    bookmarks = f"/Bookmarks/x/resourceGroups/y/workspaces/{WORKSPACE}"
    task, _ = desk.app.detection.incidents.tasks.put((*OWNER, "i1"), "t1", IncidentTask("Look", TaskStatus.NEW))
    desk.app.detection.bookmarks.put(OWNER, "b1", Bookmark("Seen", "T"))
    kept = desk.app.watchlists.put(desk.workspace, Watchlist("L", "A", ("A",)), [{"A": "1"}])
    item = desk.app.watchlists.items(desk.workspace, kept.name)[0].id
    bookmark = f"{desk.sentinel}/Bookmarks/b1"
    return [
        ("PUT", "/Incidents", {"incidentArmId": id, "severity": "Low"}),
        ("PUT", f"/Incidents/subscriptions/x/resourceGroups/y/workspaces/{WORKSPACE}", {"title": "New"}),
        ("POST", "/Incidents/Comment", {"incidentArmId": id, "message": "m"}),
        ("PUT", f"/Comment/{place}/Incident/1", {"Value": "m"}),
        ("PUT", f"/Case/{place}/Incident/1/Status/Active", None),
        ("PUT", f"/Case/{place}/Incident/1/Severity/Low", None),
        ("PUT", f"/Case/{place}/Incident/1/AddLabels", {"Labels": [{"Label": "x"}]}),
        ("POST", "/Incidents/CreateTask", {"incidentArmId": id, "taskTitle": "t"}),
        ("POST", "/Incidents/CompleteTask", {"taskArmId": f"{id}/Tasks/{task.name}"}),
        ("POST", "/Incidents/Relation/Create", {"incidentArmId": id, "relatedResourceId": bookmark}),
        (
            "POST",
            "/Incidents/Relation/Delete",
            {"incidentArmId": id, "relatedResourceId": f"{desk.sentinel}/Entities/a1"},
        ),
        ("DELETE", f"{bookmarks}/bookmarks/b1", None),
        ("POST", f"/ThreatIntelligence/{WORKSPACE}/UploadStixObjects", {"sourcesystem": "s", "stixobjects": []}),
        ("POST", f"/ThreatIntelligence/{WORKSPACE}/UploadIndicators", {"sourcesystem": "s", "indicators": []}),
        ("POST", f"/V2/ThreatIntelligence/{WORKSPACE}/UploadIndicators", {"sourcesystem": "s", "indicators": []}),
        ("PUT", f"{LISTS}/New", {"itemsSearchKey": "A", "rawContent": "A\r\n1\r\n", "displayName": "n"}),
        ("PUT", f"{LISTS}/L/watchlistItem", {"A": "2"}),
        ("PUT", f"{LISTS}/L/watchlistItem/{item}", {"A": "3"}),
        ("DELETE", f"{LISTS}/L/watchlistItem/{item}", None),
        ("DELETE", f"/V2{LISTS}/L/watchlistItem/{item}", None),
        ("DELETE", f"{LISTS}/L", None),
        ("DELETE", f"/V2{LISTS}/L", None),
    ]


def test_a_dry_run_changes_nothing_and_writes_down_what_it_would(desk: Desk) -> None:
    calls = writes(desk)
    connector = desk.app.outward.connectors("azuresentinel")
    assert connector is not None
    named = {found[0].id for m, p, _ in calls if (found := connector.find(m, p))}
    assert named == {o.id for o in connector.operations if o.effect is not Effect.READ}
    desk.connect("azuresentinel", mode=Mode.DRY_RUN)
    before = desk.state()
    for method, path, body in calls:
        answer = desk.ask(method, path, body)
        assert answer.status < 300, (method, path, answer)
    assert desk.state() == before
    entries = desk.app.outward.ledger.list("soc")
    assert {e.value.outcome for e in entries} == {Outcome.RECORDED}
    assert len(entries) == len(calls)


def test_every_effect_is_in_the_ledger_with_who_and_what(desk: Desk) -> None:
    for method, path, body in writes(desk):
        answer = desk.ask(method, path, body)
        assert answer.status < 300 or answer.status == 404, (method, path, answer)
    entries = desk.app.outward.ledger.list("soc", run="run1")
    first = next(e.value for e in entries if e.value.operation == "AddIncidentCommentV3")
    assert (first.workflow, first.action, first.connector, first.incident) == (
        "respond",
        "Ask",
        "azuresentinel",
        "i1",
    )
    assert first.inputs["body"]["message"] == "m"
    assert (first.by.name, first.at, first.status, first.outcome) == ("Ann", NOW, 201, Outcome.MADE)
    assert len(first.inputs_hash) == 64
    assert desk.app.outward.ledger.list("soc", run="run2") == []


def test_secret_inputs_are_not_in_the_ledger(desk: Desk) -> None:
    body = {"incidentArmId": desk.incident, "message": "the password is hunter2"}
    desk.ask("POST", "/Incidents/Comment", body, hidden=frozenset({"inputs", "outputs"}))
    (entry,) = desk.app.outward.ledger.list("soc")
    assert entry.value.inputs == {"hidden": True}
    assert (entry.value.inputs_hash, entry.value.body) == ("", None)


def test_an_error_of_this_house_does_not_quote_secret_inputs(desk: Desk) -> None:
    desk.connect("azuresentinel")
    body = {"incidentArmId": f"{desk.sentinel}/Incidents/s3cret", "message": "x"}
    assert "s3cret" in str(desk.ask("POST", "/Incidents/Comment", body))
    answer = desk.ask("POST", "/Incidents/Comment", body, hidden=frozenset({"inputs"}))
    assert answer.status == 404
    assert "s3cret" not in str(answer)
