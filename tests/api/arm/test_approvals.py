"""Approvals through the management API, over a real lake."""

from __future__ import annotations

from typing import Any

import pytest

from huntlake.identity.rights import Role
from huntlake.playbooks.approval_rules import ApprovalRule
from huntlake.playbooks.calls import Held
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation, RunContext
from huntlake.playbooks.connectors.questions import of_mail
from huntlake.state.records import Author
from huntlake.wdl.runner.effects import Answer

from ..conftest import BASE, NOW
from .test_collection import Azure, azure

__all__ = ["azure"]

CONTEXT = RunContext("contoso", "Contain", "r1", Author("7", "Ann"), NOW)
ASKED = Asked(CONTEXT, "edr", "r1/Isolate", "POST", "/api/machines/m1/isolate", body={"Comment": "why"})
ISOLATE = Operation("IsolateMachine", "POST", "/x", "Isolate a machine", Effect.CONTAIN, lambda asked: Answer())
MAIL = {"NotificationUrl": "https://x/1", "Message": {"Subject": "Block?", "Options": "Block, Ignore"}}


def be_person(azure: Azure, role: Role, name: str = "bob") -> str:
    users = azure.app.sign_in.users
    user = users.create(name, "correct horse battery")
    user = users.grant(name, azure.app.workspaces.get("contoso").id, role)
    program = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
    token = azure.app.tokens.issue_for(user, program, "https://management.azure.com", issuer=BASE).text
    azure.http.headers["Authorization"] = f"Bearer {token}"
    return user.object_id


def call(azure: Azure, method: str, path: str, properties: Any = None) -> Any:
    place = f"{azure.workspace()}/providers/huntlake.Playbooks/{path}"
    return azure.call(method, place, None if properties is None else {"properties": properties})


def held(azure: Azure) -> str:
    held = azure.app.playbooks.approvals.wants(ASKED, ISOLATE)
    assert isinstance(held, Held)
    return held.approval


def test_a_person_sees_what_is_asked_and_approves_it(azure: Azure) -> None:
    name = held(azure)
    object_id = be_person(azure, Role.SENTINEL_RESPONDER)
    (listed,) = call(azure, "GET", "approvals").json()["value"]
    properties = listed["properties"]
    assert (listed["name"], properties["status"], properties["inputs"]["body"]) == (name, "Pending", {"Comment": "why"})
    wrong = call(azure, "POST", f"approvals/{name}/approve", {"inputsHash": "0" * 64})
    assert wrong.status_code == 409, wrong.text
    told = call(azure, "POST", f"approvals/{name}/approve", {"inputsHash": properties["inputsHash"], "comment": "ok"})
    assert told.status_code == 200, told.text
    shown = call(azure, "GET", f"approvals/{name}").json()["properties"]
    assert (shown["status"], shown["decidedBy"]["objectId"], shown["comment"]) == ("Approved", object_id, "ok")
    assert azure.app.playbooks.approvals.wants(ASKED, ISOLATE) is None


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.SENTINEL_RESPONDER, Role.SENTINEL_CONTRIBUTOR])
def test_an_application_approves_nothing_whatever_its_role(azure: Azure, role: Role) -> None:
    name = held(azure)
    azure.act_as(role)
    for verb in ("approve", "refuse"):
        assert call(azure, "POST", f"approvals/{name}/{verb}", {}).status_code == 403
    assert isinstance(azure.app.playbooks.approvals.wants(ASKED, ISOLATE), Held)


@pytest.mark.parametrize("role", [Role.SENTINEL_READER, Role.PLAYBOOK_OPERATOR, Role.LOGIC_APP_CONTRIBUTOR])
def test_who_may_not_respond_may_not_approve(azure: Azure, role: Role) -> None:
    name = held(azure)
    be_person(azure, role)
    assert call(azure, "GET", f"approvals/{name}").status_code == 200
    assert call(azure, "POST", f"approvals/{name}/approve", {}).status_code == 403


def test_a_question_is_answered(azure: Azure) -> None:
    name = azure.app.playbooks.approvals.ask(ASKED, ISOLATE, of_mail(MAIL))
    be_person(azure, Role.SENTINEL_RESPONDER)
    shown = call(azure, "GET", f"approvals/{name}").json()["properties"]
    assert [o["name"] for o in shown["options"]] == ["Block", "Ignore"]
    assert call(azure, "POST", f"approvals/{name}/answer", {"option": "Other"}).status_code == 400
    assert call(azure, "POST", f"approvals/{name}/answer", {"option": "Ignore"}).status_code == 200
    assert call(azure, "POST", f"approvals/{name}/answer", {"option": "Ignore"}).status_code == 409


def test_whoever_reads_an_approval_sees_whom_its_rules_name(azure: Azure) -> None:
    for name, approvers in (("one", ["Ada", "bob"]), ("two", ["bob"])):
        assert call(azure, "PUT", f"approvalRules/{name}", {"approvers": approvers}).status_code == 201
    name = held(azure)
    be_person(azure, Role.SENTINEL_RESPONDER, "ada")
    assert call(azure, "GET", f"approvals/{name}").json()["properties"]["approvers"] == [["ada", "bob"], ["bob"]]
    assert call(azure, "POST", f"approvals/{name}/approve", {}).status_code == 403
    be_person(azure, Role.SENTINEL_RESPONDER, "bob")
    assert call(azure, "POST", f"approvals/{name}/approve", {}).status_code == 200


def test_approvals_are_not_written_and_not_deleted(azure: Azure) -> None:
    name = held(azure)
    assert call(azure, "PUT", f"approvals/{name}", {"status": "Approved"}).status_code in (403, 405)
    assert call(azure, "DELETE", f"approvals/{name}").status_code in (403, 405)
    assert isinstance(azure.app.playbooks.approvals.wants(ASKED, ISOLATE), Held)


def test_rules_are_made_by_those_who_manage_the_workspace(azure: Azure) -> None:
    made = call(azure, "PUT", "approvalRules/firewall", {"connector": "http", "ranges": ["10.0.0.0/8"]})
    assert made.status_code == 201, made.text
    shown = call(azure, "GET", "approvalRules/firewall").json()["properties"]
    assert (shown["connector"], shown["effects"], shown["minutes"]) == ("http", ["write", "contain"], 1440)
    assert call(azure, "PUT", "approvalRules/bad", {"ranges": ["ten"]}).status_code == 400
    assert azure.app.playbooks.approvals.rules.get(("contoso",), "firewall").value.connector == "http"
    azure.act_as(Role.LOGIC_APP_CONTRIBUTOR)
    assert call(azure, "DELETE", "approvalRules/firewall").status_code == 403
    assert ApprovalRule().enabled


def test_notices_are_made_by_those_who_manage_the_workspace(azure: Azure) -> None:
    made = call(azure, "PUT", "approvalNotices/mail", {"playbook": "tell", "kinds": ["Question"]})
    assert made.status_code in (200, 201), made.text
    shown = call(azure, "GET", "approvalNotices/mail").json()["properties"]
    assert (shown["playbook"], shown["kinds"], shown["workflow"]) == ("tell", ["Question"], "*")
    assert call(azure, "PUT", "approvalNotices/bad", {"playbook": "tell", "kinds": ["All"]}).status_code == 400
    be_person(azure, Role.SENTINEL_RESPONDER)
    assert call(azure, "DELETE", "approvalNotices/mail").status_code == 403


@pytest.mark.parametrize("audience", [BASE, f"{BASE}/mcp"])
def test_a_persons_token_that_a_program_got_for_something_else_approves_nothing(azure: Azure, audience: str) -> None:
    name = held(azure)
    be_person(azure, Role.SENTINEL_RESPONDER)
    user = azure.app.sign_in.users.get("bob")
    token = azure.app.tokens.issue_for(user, "04b07795-8ddb-461a-bbee-02f9e1bf7b46", audience, issuer=BASE).text
    azure.http.headers["Authorization"] = f"Bearer {token}"
    assert call(azure, "GET", f"approvals/{name}").status_code == 200, "it may look"
    told = call(azure, "POST", f"approvals/{name}/approve", {})
    assert told.status_code == 403, told.text
    assert "Azure Resource Manager" in told.text
