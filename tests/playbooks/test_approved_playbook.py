"""A playbook that comes with the house, from an incident to an account that is disabled, with people in between."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.playbooks.desk import OWNER, Desk
from tests.playbooks.test_http import Server, server

from huntlake.app import App
from huntlake.core.settings import load
from huntlake.detection.alerts import Alert
from huntlake.detection.extraction import from_alerts
from huntlake.detection.incidents import Incident, IncidentRelation, IncidentStatus, RelatedKind
from huntlake.detection.severity import Severity
from huntlake.playbooks.approvals import Approval, Decider, Kind, Status
from huntlake.playbooks.automation import PlaybookRequested, ask_for_playbook
from huntlake.playbooks.samples import sample
from huntlake.playbooks.workflows import Workflow
from huntlake.state.documents import Document
from huntlake.state.records import Author

__all__ = ["server"]

NAME = "disable-account-after-approval"
ANN, BOB = Author("7", "Ann"), Decider(Author("8", "Bob"), is_person=True)


def waiting(app: App, kind: Kind, operation: str, seconds: float = 20) -> Document[Approval]:
    """What somebody is asked next."""
    deadline = monotonic() + seconds
    while True:
        for document in app.playbooks.approvals.list(OWNER):
            a = document.value
            if (a.status, a.kind, a.operation) == (Status.PENDING, kind, operation):
                return document
        assert monotonic() < deadline, f"nobody was asked for {operation}"
        sleep(0.02)


@pytest.mark.parametrize("approved", [True, False])
def test_an_account_is_disabled_by_a_playbook_and_three_decisions(
    tmp_path: Path, server: Server, approved: bool
) -> None:
    hosts = ("http://127.0.0.1:*", "127.0.0.1:*")
    token = json.dumps({"access_token": "T", "expires_in": 3600}).encode()
    server.answers["/t1/oauth2/v2.0/token"] = (200, {"Content-Type": "application/json"}, token)
    server.answers["/v1.0/users/bob%40northwind.example"] = (204, {}, b"")
    app = App.open(tmp_path, load(tmp_path, upkeep_minutes=0, playbook_hosts=hosts))
    try:
        desk = Desk(app, app.workspaces.create("soc"))
        entities = from_alerts('[{"Type":"account","Name":"bob","UPNSuffix":"northwind.example"}]')
        app.detection.alerts.put(OWNER, "a1", Alert("Odd", Severity.HIGH, entities=entities), ANN)
        app.detection.incidents.put(OWNER, "i1", Incident("Odd", Severity.HIGH, IncidentStatus.NEW), ANN)
        app.detection.incidents.relate(OWNER, "i1", "r1", IncidentRelation(RelatedKind.ALERT, "a1"), ANN)
        parameters = {"endpoint": server.url, "authority": server.url, "tenant": "t1", "client_id": "app"}
        desk.connect("azuresentinel")
        desk.connect("office365")
        desk.connect("azuread", parameters=parameters, secret={"client_secret": "s"})
        found = sample(NAME)
        app.playbooks.workflows.put(NAME, Workflow(found.definition, "soc", found.parameters))
        with app.playbooks.worker.executing():
            wanted = PlaybookRequested(f"/x/workflows/{NAME}", "", "i1", "", "", ANN)
            assert app.state.write(ask_for_playbook(app.detection, app.clock.now(), OWNER, wanted))
            app.detection.events.deliver(OWNER)
            question = waiting(app, Kind.QUESTION, "SendApprovalMail")
            assert "bob@northwind.example" in question.value.summary
            app.playbooks.approvals.answer(OWNER, question.name, "Disable", {}, BOB)
            disable = waiting(app, Kind.APPROVAL, "UpdateUser")
            assert disable.value.inputs["body"] == {"accountEnabled": False}
            assert not [s for s in server.seen if s["method"] == "PATCH"]
            app.playbooks.approvals.decide(OWNER, disable.name, approved, BOB, "seen")
            if approved:
                revoke = waiting(app, Kind.APPROVAL, "RevokeSignInSessions")
                app.playbooks.approvals.decide(OWNER, revoke.name, True, BOB)
            app.playbooks.runs.wait(NAME, question.value.run, 20)
        made = [(s["method"], s["path"]) for s in server.seen if s["path"].startswith("/v1.0")]
        user = "/v1.0/users/bob%40northwind.example"
        assert made == ([("PATCH", user), ("POST", f"{user}/revokeSignInSessions")] if approved else [])
        (comment,) = app.detection.incidents.held(OWNER, "i1").comments.values()
        assert ("is disabled" if approved else "could not be disabled") in comment.message
        kinds = [e.kind.value for e in app.detection.incidents.timeline(OWNER, "i1")]
        assert kinds.count("ApprovalAsked") == kinds.count("ApprovalDecided") == (3 if approved else 2)
    finally:
        app.close()
