"""Hunts, their versions and reviews through the management API, over a real lake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.api.faces import Face, served

from huntlake.detection.incidents import Incident, IncidentStatus
from huntlake.detection.severity import Severity
from huntlake.detection.timeline import EntryKind
from huntlake.hunting.proof.finding import Cost, DryRun, Proof, Volume
from huntlake.identity.rights import Role

BASE = "https://lake.example:8443"
CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
PASSWORD = "correct horse battery"
HUNT = {
    "title": "Logs that were cleared",
    "statement": "If logs were cleared, then SecurityEvent has 1102",
    "rationale": "a report [s1]",
    "query": "SecurityEvent | where EventID == 1102",
    "techniques": ["T1070.001"],
    "tables": ["SecurityEvent"],
    "frequency": "PT6H",
    "period": "P1D",
    "limits": {"rowsPerDay": 10, "memoryMiB": 512},
    "entityMappings": [{"entityType": "Host", "fieldMappings": [{"identifier": "HostName", "columnName": "Computer"}]}],
}


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    with served(tmp_path, "https://management.azure.com") as face:
        face.act_as(Role.SENTINEL_CONTRIBUTOR)
        yield face


def ask(
    face: Face, method: str, rest: str, properties: Any = None, who: str = "", role: Role = Role.SENTINEL_CONTRIBUTOR
) -> Any:
    """Ask as a person of that name and role, or, without a name, as a program."""
    headers = {}
    if who:
        app = face.app
        if (user := app.sign_in.users.find(who)) is None:
            app.sign_in.users.create(who, PASSWORD, who)
            user = app.sign_in.users.grant(who, face.workspace.id, role)
        token = app.tokens.issue_for(user, CLIENT, "https://management.azure.com", issuer=BASE).text
        headers = {"Authorization": f"Bearer {token}"}
    subscription = face.app.subscription
    path = (
        f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers/"
        f"Microsoft.OperationalInsights/workspaces/soc/providers/huntlake.Hunting/{rest}"
    )
    body = None if properties is None else {"properties": properties}
    return face.http.request(method, path, json=body, params={"api-version": "2025-01-01"}, headers=headers)


def waiting(face: Face, who: str = "ann", responsible: str = "ann") -> str:
    """A hunt that waits for a review."""
    answer = ask(face, "POST", "hunts", HUNT if who else HUNT | {"responsible": responsible}, who)
    assert answer.status_code == 201, answer.text
    name = str(answer.json()["name"])
    hunts, now = face.app.hunting.hunts, datetime.now(UTC)
    content = hunts.get(("soc",), name).value.latest.content
    run = DryRun(now - timedelta(days=7), now, now, 14)
    proof = Proof(now, hunts._prover.fingerprint("soc", content), (), Cost(9, 1, ()), Volume(2, 1, 3, "a day"), run)
    hunts.prove(("soc",), name, proof=proof)
    answer = ask(face, "POST", f"hunts/{name}/submit", {}, who)
    assert answer.json()["properties"]["state"] == "in_review", answer.text
    return name


def decide(face: Face, name: str, who: str, role: Role = Role.SENTINEL_CONTRIBUTOR, **more: Any) -> Any:
    shown = ask(face, "GET", f"hunts/{name}", None, who, role).json()["properties"]
    said = {
        "decision": "approved",
        "comment": "read",
        "version": shown["currentVersion"],
        "contentHash": shown["contentHash"],
    }
    return ask(face, "POST", f"hunts/{name}/review", said | more, who, role)


def test_a_hunt_goes_from_a_draft_to_its_schedule(face: Face) -> None:
    name = waiting(face)
    (listed,) = ask(face, "GET", "hunts", None, "ann").json()["value"]
    assert (listed["name"], listed["properties"]["state"]) == (name, "in_review")
    version = ask(face, "GET", f"hunts/{name}/versions/1", None, "bob").json()["properties"]
    assert (version["query"], version["frequency"], version["period"]) == (HUNT["query"], "PT6H", "P1D")
    assert (version["limits"]["rowsPerDay"], version["limits"]["memoryMiB"]) == (10, 512)
    assert version["entityMappings"] == HUNT["entityMappings"]
    assert version["proof"]["dryRun"]["rows"] == 14
    answer = decide(face, name, "bob")
    assert answer.status_code == 200, answer.text
    (review,) = answer.json()["properties"]["reviews"]
    assert (review["decision"], review["comment"], review["by"]["name"]) == ("approved", "read", "bob")
    answer = ask(face, "POST", f"hunts/{name}/schedule", {}, "ann")
    assert (answer.json()["properties"]["state"], answer.json()["properties"]["runnableVersion"]) == ("scheduled", 1)


def test_a_hunt_can_be_begun_from_an_incident_which_tells_of_it_once(face: Face) -> None:
    incidents = face.app.detection.incidents
    made, _ = incidents.put(("soc",), "Seen-1", Incident("Odd", Severity.HIGH, IncidentStatus.NEW))
    for _ in range(2):
        answer = ask(face, "POST", "hunts", HUNT | {"incident": "seen-1"}, "ann")
        assert answer.status_code == 201, answer.text
    hunt = answer.json()
    assert (hunt["properties"]["incident"], hunt["properties"]["state"]) == (made.name, "draft")
    told = [e for e in incidents.timeline(("soc",), made.name) if e.kind is EntryKind.HUNT_BEGUN]
    assert [(e.text, e.details["hunt"], e.by.name) for e in told] == [
        ("began the hunt Logs that were cleared", hunt["name"], "ann")
    ]
    assert ask(face, "POST", "hunts", HUNT | {"title": "t", "incident": "none"}, "ann").status_code == 404
    assert ask(face, "GET", "hunts", None, "ann").json()["value"][0]["name"] == hunt["name"]


def test_an_edit_is_a_new_version_and_can_be_taken_back(face: Face) -> None:
    name = waiting(face)
    decide(face, name, "bob")
    edit: dict[str, Any] = {k: HUNT[k] for k in ("query", "frequency", "period", "limits", "entityMappings")}
    edit |= {"query": "SecurityEvent | where EventID == 4625", "version": 1, "note": "another event"}
    answer = ask(face, "POST", f"hunts/{name}/edit", edit, "ann")
    assert (answer.json()["properties"]["currentVersion"], answer.json()["properties"]["state"]) == (2, "draft")
    assert ask(face, "POST", f"hunts/{name}/edit", edit, "ann").status_code == 409
    found = ask(face, "POST", f"hunts/{name}/difference", {"before": 1, "after": 2}, "bob").json()
    assert "+SecurityEvent | where EventID == 4625" in found["query"]
    said = ask(face, "POST", f"hunts/{name}/comment", {"comment": "why?"}, "bob").json()["properties"]["comments"]
    assert [(c["version"], c["text"]) for c in said] == [(2, "why?")]
    back = ask(face, "POST", f"hunts/{name}/rollback", {"version": 1, "reason": "noisy"}, "ann")
    assert (back.json()["properties"]["state"], back.json()["properties"]["runnableVersion"]) == ("scheduled", 3)
    numbers = [v["name"] for v in ask(face, "GET", f"hunts/{name}/versions", None, "bob").json()["value"]]
    assert numbers == ["3", "2", "1"]


def test_nobody_approves_their_own_nor_what_they_havent_seen(face: Face) -> None:
    name = waiting(face)
    mine = decide(face, name, "ann")
    assert (mine.status_code, "four_eyes" in mine.text) == (403, True)
    assert decide(face, name, "bob", contentHash="0" * 64).status_code == 409
    assert decide(face, name, "bob", comment=" ").status_code == 409
    assert decide(face, name, "bob", version=7).status_code == 404
    without = ask(face, "POST", f"hunts/{name}/review", {"decision": "approved", "comment": "ok", "version": 1}, "bob")
    assert (without.status_code, "contentHash" in without.text) == (400, True)


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.SENTINEL_CONTRIBUTOR, Role.SENIOR_HUNTER])
def test_a_program_approves_nothing_whatever_its_role(face: Face, role: Role) -> None:
    name = waiting(face)
    content = face.app.hunting.hunts.get(("soc",), name).value.latest.content.hash
    face.act_as(role)
    for decision in ("approved", "rejected", "changes_requested"):
        said = {"decision": decision, "comment": "ok", "version": 1, "contentHash": content}
        assert ask(face, "POST", f"hunts/{name}/review", said).status_code == 403
    asked: dict[str, Any] = {"retire": {"reason": "x"}, "rollback": {"version": 1, "reason": "x"}}
    for verb, body in asked.items():
        assert ask(face, "POST", f"hunts/{name}/{verb}", body).status_code == 403
    assert ask(face, "POST", "rollouts/default/set", {"phase": 3, "reason": "x"}).status_code == 403


@pytest.mark.parametrize("responsible", ["ida@contoso.example", "IDA@contoso.example ", "ida", "Ida  Canary"])
def test_who_answers_for_a_programs_hunt_cannot_approve_it_by_whatever_name(face: Face, responsible: str) -> None:
    face.app.sign_in.users.create("ida@contoso.example", PASSWORD, "Ida Canary")
    face.app.sign_in.users.grant("ida@contoso.example", face.workspace.id, Role.SENIOR_HUNTER)
    name = waiting(face, "", responsible)
    mine = decide(face, name, "ida@contoso.example", Role.SENIOR_HUNTER)
    assert (mine.status_code, "four_eyes" in mine.text) == (403, True)
    assert decide(face, name, "lea", Role.SENIOR_HUNTER).status_code == 200


def test_what_a_program_wrote_takes_somebody_who_answers_and_a_senior_hunter(face: Face) -> None:
    assert ask(face, "POST", "hunts", HUNT).status_code == 400
    name = waiting(face, "")
    assert ask(face, "GET", f"hunts/{name}").json()["properties"]["needsSenior"] is True
    refused = decide(face, name, "bob")
    assert (refused.status_code, "senior_for_models" in refused.text) == (403, True)
    assert decide(face, name, "sue", Role.SENIOR_HUNTER).status_code == 200


def test_who_only_reads_changes_nothing(face: Face) -> None:
    name = waiting(face)
    reader = Role.SENTINEL_READER
    assert ask(face, "GET", f"hunts/{name}", None, "rae", reader).status_code == 200
    for rest in ("hunts", f"hunts/{name}/comment", f"hunts/{name}/submit", f"hunts/{name}/review"):
        assert ask(face, "POST", rest, {}, "rae", reader).status_code == 403
    assert ask(face, "PUT", f"hunts/{name}", HUNT, "ann").status_code == 405
    assert ask(face, "DELETE", f"hunts/{name}", None, "ann").status_code == 405


def test_the_phase_is_a_senior_hunters(face: Face) -> None:
    assert ask(face, "GET", "rollouts/default", None, "ann").json()["properties"] == {"phase": 1}
    assert ask(face, "POST", "rollouts/default/set", {"phase": 2, "reason": "go"}, "ann").status_code == 403
    asked = {"phase": 2, "reason": "a quiet month"}
    answer = ask(face, "POST", "rollouts/default/set", asked, "sue", Role.SENIOR_HUNTER)
    assert (answer.status_code, answer.json()["properties"]["phase"]) == (200, 2), answer.text
    nothing = {"phase": 3, "reason": ""}
    assert ask(face, "POST", "rollouts/default/set", nothing, "sue").status_code == 409


def test_the_audit_is_read_and_verified(face: Face) -> None:
    name = waiting(face)
    entries = ask(face, "GET", "audit", None, "ann").json()["value"]
    assert [e["properties"]["action"] for e in entries] == ["hunt/submit", "hunt/dry run", "hunt/prove", "hunt/create"]
    assert entries[0]["properties"]["objectId"] == name
    found = ask(face, "POST", "audit/verify", {}, "ann").json()
    assert (found["whole"], found["entries"], found["head"]) == (True, 4, entries[0]["properties"]["hash"])
    assert ask(face, "POST", "audit/verify", {"expected": "0" * 64}, "ann").json()["whole"] is False
    assert ask(face, "GET", "audit/2", None, "ann").json()["properties"]["action"] == "hunt/prove"
    assert ask(face, "PUT", "audit/2", {}, "ann").status_code == 405
    assert ask(face, "DELETE", "audit/2", None, "ann").status_code == 405


@pytest.mark.parametrize("audience", [BASE, f"{BASE}/mcp"])
def test_a_persons_token_that_an_agent_got_for_something_else_decides_nothing(face: Face, audience: str) -> None:
    name = waiting(face)
    assert ask(face, "GET", f"hunts/{name}", None, "bob").status_code == 200
    user = face.app.sign_in.users.get("bob")
    token = face.app.tokens.issue_for(user, CLIENT, audience, issuer=BASE).text
    content = face.app.hunting.hunts.get(("soc",), name).value.latest.content.hash
    subscription = face.app.subscription
    path = (
        f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers/"
        f"Microsoft.OperationalInsights/workspaces/soc/providers/huntlake.Hunting/hunts/{name}/review"
    )
    said = {"decision": "approved", "comment": "ok", "version": 1, "contentHash": content}
    answer = face.http.post(
        path,
        json={"properties": said},
        params={"api-version": "2025-01-01"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code in (401, 403), answer.text
    assert face.app.hunting.hunts.get(("soc",), name).value.state == "in_review"


def test_a_repair_is_proposed_and_a_person_makes_a_version_of_it(face: Face) -> None:
    broken = HUNT | {"title": "Broken", "query": "securityevent | where EventId = 1102"}
    name = ask(face, "POST", "hunts", broken, "ann").json()["name"]
    found = ask(face, "POST", f"hunts/{name}/repair", {}, "bob").json()["properties"]
    assert (found["query"], found["valid"]) == ("SecurityEvent | where EventID == 1102", True)
    assert [(f["code"], f["line"], f["column"]) for f in found["repairs"]] == [
        ("HP501", 1, 1),
        ("HP501", 1, 23),
        ("HP503", 1, 31),
    ]
    # Nothing was written.
    assert ask(face, "GET", f"hunts/{name}", None, "ann").json()["properties"]["currentVersion"] == 1
    content = {"query": found["query"], "limits": broken["limits"], "entityMappings": broken["entityMappings"]}
    made = ask(face, "POST", f"hunts/{name}/edit", content | {"note": "as proposed", "version": 1}, "ann").json()
    assert (made["properties"]["currentVersion"], made["properties"]["state"]) == (2, "draft")
    assert ask(face, "POST", f"hunts/{name}/repair", {}, "ann").json()["properties"] == {"version": 2}
    said = ask(face, "POST", "proofs", {"query": "SecurityEvent | where Computr has 'x'"}, "ann").json()["properties"]
    assert said["repair"]["query"] == "SecurityEvent | where Computer has 'x'"
