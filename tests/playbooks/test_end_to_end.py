"""From an incident to what a playbook does about it: rule, event, run, connector, timeline."""

from __future__ import annotations

from pathlib import Path

from huntlake.app import App
from huntlake.detection.incidents import Incident, IncidentStatus
from huntlake.detection.severity import Severity
from huntlake.playbooks.automation_rules import (
    ActionType,
    AutomationRule,
    RuleAction,
    Trigger,
    TriggersOn,
    TriggersWhen,
)
from huntlake.playbooks.connections import CONNECTIONS, Connection, Mode
from huntlake.playbooks.runs.records import RunStatus
from huntlake.playbooks.runs.service import Wanted
from huntlake.playbooks.workflows import Workflow
from huntlake.state.records import Author

SUBSCRIBE = {
    "type": "ApiConnectionWebhook",
    "inputs": {
        "host": {"connection": {"name": "@parameters('$connections')['azuresentinel']['connectionId']"}},
        "path": "/incident-creation",
        "body": {"callback_url": "@{listCallbackUrl()}"},
    },
}
COMMENT = {
    "type": "ApiConnection",
    "inputs": {
        "host": {"connection": {"name": "@parameters('$connections')['azuresentinel']['connectionId']"}},
        "method": "post",
        "path": "/Incidents/Comment",
        "body": {
            "incidentArmId": "@triggerBody()?['object']?['id']",
            "message": "<p>seen: @{triggerBody()?['object']?['properties']?['title']}</p>",
        },
    },
}
ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/connections/azuresentinel"
MANAGED = "/subscriptions/s/providers/Microsoft.Web/locations/l/managedApis/azuresentinel"


def test_an_automation_rule_runs_a_playbook_that_comments_on_the_incident(tmp_path: Path) -> None:
    app = App.open(tmp_path)
    try:
        app.workspaces.create("soc")
        app.playbooks.connections.put(
            CONNECTIONS, "azuresentinel", Connection("azuresentinel", "Sentinel", "soc", Mode.LIVE)
        )
        parameters = {"$connections": {"azuresentinel": {"connectionId": ID, "id": MANAGED}}}
        definition = {
            "triggers": {"Incident": SUBSCRIBE},
            "actions": {"Comment": COMMENT},
            "parameters": {"$connections": {"type": "Object", "defaultValue": {}}},
        }
        app.playbooks.workflows.put("say", Workflow(definition, "soc", parameters))
        trigger = Trigger(True, TriggersOn.INCIDENTS, TriggersWhen.CREATED, None, ())
        step = RuleAction(1, ActionType.RUN_PLAYBOOK, {"logicAppResourceId": app.playbooks.runs.resource_id("say")})
        app.automation_rules.put(("soc",), "rule", AutomationRule("Rule", 1, trigger, (step,)))
        incident = Incident("Odd <sign-in>", Severity.HIGH, IncidentStatus.NEW)
        app.detection.incidents.put(("soc",), "i1", incident, Author(name="Ann"))
        # Nothing executes here yet: the run waits for whoever does.
        (run,) = app.playbooks.runs.list(Wanted("say")).runs
        assert run.value.status is RunStatus.RUNNING
        with app.playbooks.worker.executing():
            ended = app.playbooks.runs.wait("say", run.name, 30)
        told = [e.text for e in app.detection.incidents.timeline(("soc",), "i1")]
        entries = app.playbooks.runs.actions(run.name)
        assert ended.value.status is RunStatus.SUCCEEDED, (ended.value, entries)
        (comment,) = app.detection.incidents.comments.list(("soc", "i1"))
        assert "seen: Odd" in comment.value.message
        assert "started the playbook say" in told
        assert "the playbook say ended as Succeeded; it did Comment" in told
        # What the playbook did sets the rule off no more: it stands in its chain.
        assert len(app.playbooks.runs.list(Wanted("say")).runs) == 1
    finally:
        app.close()
