"""Azure's own client of Logic Apps, unmodified, against a server on the network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Thread
from time import time
from typing import Any

import pytest
import requests

pytest.importorskip("six", reason="azure-mgmt-logic needs it, and doesn't say so")

from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.logic import LogicManagementClient
from azure.mgmt.logic.models import GetCallbackUrlParameters, RegenerateActionParameter, Workflow

from huntlake.server import Server

from .logic import MANAGEMENT, Logic, logic_at

DEFINITION: dict[str, Any] = {
    "$schema": "https://schema.management.azure.com/schemas/2016-06-01/workflowdefinition.json#",
    "contentVersion": "1.0.0.0",
    "parameters": {"token": {"type": "SecureString"}},
    "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {"schema": {"type": "object"}}}},
    "actions": {
        "Echo": {"type": "Compose", "inputs": "@triggerBody()"},
        "Each": {
            "type": "Foreach",
            "foreach": "@triggerBody()?['items']",
            "runAfter": {"Echo": ["Succeeded"]},
            "actions": {"Item": {"type": "Compose", "inputs": "@item()"}},
        },
    },
}
FOREVER = {**DEFINITION, "actions": {"Wait": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Hour"}}}}}


@dataclass
class Signed:
    """A credential as Azure's clients take it: a token for whoever asks."""

    token: str

    def get_token(self, *scopes: str, **given: Any) -> AccessToken:
        return AccessToken(self.token, int(time()) + 3000)


@dataclass
class Azure:
    """The client, the resource group it works in, and the server behind it."""

    client: Any
    """A `LogicManagementClient`; its own annotations say less than it gives."""
    group: str
    logic: Logic

    def create(self, name: str, definition: Any = None) -> Any:
        """A workflow, as a program would deploy it."""
        given: Any = {"token": {"type": "SecureString", "value": "s3cret"}}
        wanted = Workflow(location="local", definition=definition or DEFINITION, parameters=given, tags={"a": "b"})
        return self.client.workflows.create_or_update(self.group, name, wanted)

    def run(self, name: str, body: Any) -> str:
        """A run that has ended."""
        return self.logic.run(name, body)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with logic_at(tmp_path_factory.mktemp("lake")) as logic:
        server = Server(logic.app, host="127.0.0.1", port=0)
        thread = Thread(target=server.run)
        thread.start()
        app, url = logic.app, server.serving.url
        token = app.tokens.issue(app.principals.get(logic.client_id), MANAGEMENT, issuer=url).text
        try:
            with LogicManagementClient(
                Signed(token),
                app.subscription.id,
                base_url=url,
                credential_scopes=[f"{url}/.default"],
                connection_verify=str(server.serving.authority),
            ) as client:
                yield Azure(client, app.subscription.group, logic)
        finally:
            server.stop()
            thread.join()


def test_a_workflow_is_deployed_read_changed_and_deleted(azure: Azure) -> None:
    workflows, group = azure.client.workflows, azure.group
    made = azure.create("whole")
    assert (made.name, made.state, made.provisioning_state) == ("whole", "Enabled", "Succeeded")
    assert made.created_time.tzinfo is not None
    assert made.parameters["token"].value is None
    assert made.definition == DEFINITION
    # Read, change, write: as programs do. The secret stays, though they never see it.
    made.tags = {"c": "d"}
    again = workflows.create_or_update(group, "whole", made)
    assert (again.tags, again.version) == ({"c": "d"}, made.version)
    assert [w.name for w in workflows.list_by_resource_group(group)] == ["whole"]
    assert [w.name for w in workflows.list_by_subscription(filter="State eq 'Enabled'")] == ["whole"]
    assert workflows.update(group, "whole").version == made.version
    workflows.validate_by_resource_group(group, "whole", made)
    workflows.validate_by_location(group, "local", "whole", made)
    assert [v.version for v in azure.client.workflow_versions.list(group, "whole")] == [made.version]
    assert azure.client.workflow_versions.get(group, "whole", made.version).definition == DEFINITION
    workflows.delete(group, "whole")
    with pytest.raises(ResourceNotFoundError):
        workflows.get(group, "whole")


def test_a_workflow_is_disabled_and_enabled(azure: Azure) -> None:
    workflows = azure.client.workflows
    azure.create("switched")
    workflows.disable(azure.group, "switched")
    assert workflows.get(azure.group, "switched").state == "Disabled"
    with pytest.raises(HttpResponseError) as refused:
        azure.client.workflow_triggers.run(azure.group, "switched", "manual")
    assert refused.value.status_code == 409
    workflows.enable(azure.group, "switched")
    assert workflows.get(azure.group, "switched").state == "Enabled"
    workflows.delete(azure.group, "switched")


def test_what_a_run_did_is_read(azure: Azure) -> None:
    client, of = azure.client, (azure.group, "told")
    azure.create("told")
    id = azure.run("told", {"items": ["x", "y"]})
    (run,) = client.workflow_runs.list(*of, filter="Status eq 'Succeeded'")
    assert (run.name, run.status, run.trigger.name) == (id, "Succeeded", "manual")
    assert client.workflow_runs.get(*of, id).end_time >= run.start_time
    actions = {a.name: a for a in client.workflow_run_actions.list(*of, id)}
    assert {n: a.status for n, a in actions.items()} == dict.fromkeys(("Echo", "Each", "Item"), "Succeeded")
    assert client.workflow_run_actions.get(*of, id, "Echo").outputs_link.content_size > 0
    repetitions = list(client.workflow_run_action_repetitions.list(*of, id, "Item"))
    assert [r.name for r in repetitions] == ["000000", "000001"]
    one = client.workflow_run_action_repetitions.get(*of, id, "Item", "000001")
    assert [(i.scope_name, i.item_index) for i in one.repetition_indexes] == [("Each", 1)]
    rounds = list(client.workflow_run_action_scope_repetitions.list(*of, id, "Each"))
    assert [r.status for r in rounds] == ["Succeeded", "Succeeded"]
    with pytest.raises(HttpResponseError, match="not supported"):
        list(client.workflow_run_actions.list_expression_traces(*of, id, "Echo"))
    with pytest.raises(HttpResponseError, match="not supported"):
        list(client.workflow_run_action_request_histories.list(*of, id, "Echo"))


def test_triggers_are_listed_run_and_done_again(azure: Azure) -> None:
    triggers, histories, of = azure.client.workflow_triggers, azure.client.workflow_trigger_histories, ("again",)
    azure.create("again", {**DEFINITION, "actions": {"One": {"type": "Compose", "inputs": 1}}})
    (trigger,) = triggers.list(azure.group, *of)
    assert (trigger.name, trigger.state) == ("manual", "Enabled")
    triggers.run(azure.group, *of, "manual")
    (history,) = histories.list(azure.group, *of, "manual")
    azure.logic.ended("again", history.run.name)
    assert history.fired
    histories.resubmit(azure.group, *of, "manual", history.name)
    first, second = (r.name for r in azure.client.workflow_runs.list(azure.group, *of))
    assert history.name == second
    assert histories.get(azure.group, *of, "manual", first).run.name == first
    assert triggers.get(azure.group, *of, "manual").last_execution_time
    assert triggers.get_schema_json(azure.group, *of, "manual").content == '{"type": "object"}'
    azure.logic.ended("again", first)


def test_an_address_is_given_and_its_key_is_made_anew(azure: Azure) -> None:
    workflows, of = azure.client.workflows, (azure.group, "called")
    azure.create("called")
    before = workflows.list_callback_url(*of, GetCallbackUrlParameters())
    assert before.value.startswith(before.base_path)
    assert before.queries.sig
    assert azure.client.workflow_triggers.list_callback_url(*of, "manual").value == before.value
    workflows.regenerate_access_key(*of, RegenerateActionParameter(key_type="Primary"))
    assert workflows.list_callback_url(*of, GetCallbackUrlParameters()).value != before.value


def test_a_run_is_set_off_by_its_address_and_by_nothing_else(azure: Azure) -> None:
    azure.create("posted")
    called = azure.client.workflows.list_callback_url(azure.group, "posted", GetCallbackUrlParameters())
    trust = str(azure.logic.app.home / "tls" / "ca.pem")
    answer = requests.request(called.method, called.value, json={"items": [1]}, verify=trust, timeout=30)
    assert answer.status_code == 202, answer.text
    id = answer.headers["x-ms-workflow-run-id"]
    azure.logic.ended("posted", id)
    assert azure.client.workflow_runs.get(azure.group, "posted", id).status == "Succeeded"
    action = azure.client.workflow_run_actions.get(azure.group, "posted", id, "Echo")
    assert requests.get(action.outputs_link.uri, verify=trust, timeout=30).json() == {"items": [1]}
    azure.client.workflows.regenerate_access_key(azure.group, "posted", RegenerateActionParameter(key_type="Primary"))
    assert requests.post(called.value, json={}, verify=trust, timeout=30).status_code in (401, 403)


def test_an_address_ends_with_its_time_or_its_own_key(azure: Azure) -> None:
    workflows, of = azure.client.workflows, (azure.group, "timely")
    azure.create("timely", {**DEFINITION, "actions": {}})
    trust = str(azure.logic.app.home / "tls" / "ca.pem")
    now = datetime.now(UTC)

    def address(**given: Any) -> str:
        return str(workflows.list_callback_url(*of, GetCallbackUrlParameters(**given)).value)

    def status(url: str) -> int:
        return requests.post(url, json={}, verify=trust, timeout=30).status_code

    good = address(not_after=now + timedelta(hours=1), key_type="Secondary")
    late, primary = address(not_after=now - timedelta(seconds=1)), address(key_type="Primary")
    assert (status(good), status(primary), status(late)) == (202, 202, 403)
    # Neither can its end be moved, nor be left out.
    for forged in (
        re.sub("se=[^&]*&", "", late),
        re.sub("se=[^&]*", "se=2099-01-01T00%3A00%3A00Z", late),
        late + "&se=",
    ):
        assert status(forged) == 403, forged
    assert status(re.sub("se=[^&]*", "se=x", good)) == 403
    workflows.regenerate_access_key(*of, RegenerateActionParameter(key_type="Secondary"))
    assert (status(good), status(primary)) == (403, 202)
    with pytest.raises(HttpResponseError, match="has the keys"):
        address(key_type="Third")


def test_a_run_is_cancelled(azure: Azure) -> None:
    runs, of = azure.client.workflow_runs, (azure.group, "long")
    azure.create("long", FOREVER)
    azure.client.workflow_triggers.run(*of, "manual")
    (run,) = runs.list(*of)
    assert run.status in ("Waiting", "Running")
    runs.cancel(*of, run.name)
    azure.logic.ended("long", run.name)
    assert runs.get(*of, run.name).status == "Cancelled"
