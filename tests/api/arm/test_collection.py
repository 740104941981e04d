"""Tables, data collection rules and endpoints through the management API, over a real lake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.settings import load
from huntlake.identity.principals import Principal
from huntlake.identity.rights import Role
from huntlake.server import create_app

from ..conftest import BASE, NOW

COLUMNS = [{"name": "TimeGenerated", "type": "datetime"}, {"name": "User", "type": "string", "description": "who"}]


@dataclass
class Azure:
    """An app, and a client of its management API who may do everything in one of two workspaces."""

    app: App
    http: TestClient

    @property
    def group(self) -> str:
        subscription = self.app.subscription
        return f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers"

    def workspace(self, name: str = "contoso") -> str:
        return f"{self.group}/Microsoft.OperationalInsights/workspaces/{name}"

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.http.request(method, path, json=body, params={"api-version": "2023-03-11"}, headers=headers)

    def table(self, method: str, name: str = "", body: Any = None, **more: str) -> Any:
        return self.call(method, f"{self.workspace()}/tables{'/' if name else ''}{name}", body, **more)

    def rule(self, method: str, name: str = "", body: Any = None, **more: str) -> Any:
        path = f"{self.group}/Microsoft.Insights/dataCollectionRules{'/' if name else ''}{name}"
        return self.call(method, path, body, **more)

    def definition(self, *workspaces: str, **properties: Any) -> dict[str, Any]:
        names = workspaces or ("contoso",)
        stream = "Custom-Events_CL"
        declared = [{"name": c["name"], "type": c["type"]} for c in COLUMNS]
        destinations = [{"workspaceResourceId": self.workspace(w), "name": w} for w in names]
        flow = {"streams": [stream], "destinations": list(names), "transformKql": "source", "outputStream": stream}
        return {
            "location": "local",
            "kind": "Direct",
            "properties": {
                "streamDeclarations": {stream: {"columns": declared}},
                "destinations": {"logAnalytics": destinations},
                "dataFlows": [flow],
                **properties,
            },
        }

    def act_as(self, role: Role | None) -> None:
        principal: Principal = self.app.principals.create("someone")
        if role is not None:
            principal = self.app.principals.grant(principal.client_id, self.app.workspaces.get("contoso").id, role)
        token = self.app.tokens.issue(principal, "https://management.azure.com", issuer=BASE).text
        self.http.headers["Authorization"] = f"Bearer {token}"


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    app = App.open(tmp_path, load(tmp_path, memory_limit="500MB"), FixedClock(NOW))
    for name in ("contoso", "fabrikam"):
        app.workspaces.create(name)
    with TestClient(create_app(app), BASE) as http:
        found = Azure(app, http)
        found.act_as(Role.CONTRIBUTOR)
        yield found
    app.close()


def test_a_table_is_made_shown_listed_changed_and_deleted(azure: Azure) -> None:
    body = {"properties": {"plan": "Analytics", "schema": {"name": "Events_CL", "columns": COLUMNS}}}
    made = azure.table("PUT", "Events_CL", body)
    assert made.status_code == 200, made.text
    shown = made.json()
    assert (shown["name"], shown["id"].endswith("/tables/Events_CL")) == ("Events_CL", True)
    assert shown["properties"]["provisioningState"] == "Succeeded"
    schema = shown["properties"]["schema"]
    assert schema["columns"] == [{"name": "User", "type": "string", "description": "who"}]
    assert {"name": "TimeGenerated", "type": "datetime"} in schema["standardColumns"]
    assert shown["properties"]["unknownFields"] == "Drop"
    names = {t["name"] for t in azure.table("GET").json()["value"]}
    assert {"Events_CL", "SigninLogs"} <= names
    changed = azure.table("PATCH", "events_cl", {"properties": {"retentionInDays": 30, "unknownFields": "keep"}})
    assert changed.status_code == 200, changed.text
    properties = changed.json()["properties"]
    assert (properties["retentionInDays"], properties["totalRetentionInDays"]) == (30, 30)
    assert properties["unknownFields"] == "Keep"
    assert azure.table("DELETE", "Events_CL").status_code == 200
    assert azure.table("DELETE", "Events_CL").status_code == 204
    assert azure.table("GET", "Events_CL").status_code == 404


def test_a_table_comes_back_as_it_was_shown(azure: Azure) -> None:
    body = {"properties": {"schema": {"name": "Events_CL", "columns": COLUMNS, "description": "ours"}}}
    shown = azure.table("PUT", "Events_CL", body).json()
    again = azure.table("PUT", "Events_CL", shown, **{"If-Match": f'"{shown["etag"].strip(chr(34))}"'})
    assert again.status_code == 200, again.text
    assert again.json()["properties"] == shown["properties"]
    assert azure.table("PUT", "Events_CL", body, **{"If-Match": '"stale"'}).status_code == 412


@pytest.mark.parametrize(
    ("name", "properties", "status"),
    [
        ("Events", {}, 400),
        ("Events_CL", {"plan": "Gold"}, 400),
        ("Events_CL", {"plans": "Basic"}, 400),
        ("Events_CL", {"unknownFields": "lose"}, 400),
        ("Events_CL", {"schema": {"name": "Other_CL"}}, 400),
        ("Events_CL", {"schema": {"columns": [{"name": "a", "type": "text"}]}}, 400),
        ("Syslog", {"schema": {"columns": [{"name": "a", "type": "long"}]}}, 400),
        ("Syslog", {"schema": {"columns": [{"name": "Computer", "type": "long"}]}}, 409),
    ],
)
def test_what_no_table_can_be_is_refused(azure: Azure, name: str, properties: Any, status: int) -> None:
    answer = azure.table("PUT", name, {"properties": properties})
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_a_rule_is_made_shown_listed_changed_and_deleted(azure: Azure) -> None:
    made = azure.rule("PUT", "events", azure.definition())
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown["type"] == "Microsoft.Insights/dataCollectionRules"
    assert shown["properties"]["immutableId"].startswith("dcr-")
    assert shown["properties"]["endpoints"] == {"logsIngestion": BASE}
    (destination,) = shown["properties"]["destinations"]["logAnalytics"]
    assert destination["workspaceId"] == azure.app.workspaces.get("contoso").id
    again = azure.rule("PUT", "Events", shown)
    assert again.status_code == 200, again.text
    assert again.json()["properties"]["immutableId"] == shown["properties"]["immutableId"]
    patched = azure.rule("PATCH", "events", {"tags": {"team": "soc"}})
    assert (patched.status_code, patched.json()["tags"]) == (200, {"team": "soc"})
    assert [r["name"] for r in azure.rule("GET").json()["value"]] == ["events"]
    assert azure.rule("DELETE", "events").status_code == 200
    assert azure.rule("DELETE", "events").status_code == 204
    assert azure.rule("GET", "events").status_code == 404


def test_a_rule_that_cannot_work_is_told_why(azure: Azure) -> None:
    body = azure.definition()
    body["properties"]["dataFlows"][0]["transformKql"] = "source | summarize count()"
    answer = azure.rule("PUT", "events", body)
    assert (answer.status_code, "`summarize` is not supported" in answer.json()["error"]["message"]) == (400, True)
    answer = azure.rule("PUT", "events", azure.definition() | {"sku": {}})
    assert (answer.status_code, "`sku`" in answer.json()["error"]["message"]) == (400, True)


@pytest.mark.parametrize(
    ("role", "read", "write"), [(Role.READER, 200, 403), (Role.PUBLISHER, 404, 403), (None, 404, 403)]
)
def test_rules_are_for_those_who_may_make_the_tables(azure: Azure, role: Role | None, read: int, write: int) -> None:
    azure.rule("PUT", "events", azure.definition())
    azure.act_as(role)
    assert azure.rule("GET", "events").status_code == read
    assert len(azure.rule("GET").json()["value"]) == (read == 200)
    for body in (azure.definition(), azure.definition("fabrikam"), azure.definition("nowhere")):
        assert azure.rule("PUT", "events", body).status_code == write
    assert azure.rule("PUT", "other", azure.definition()).status_code == write
    assert azure.rule("DELETE", "events").status_code == write


def test_a_rule_into_another_workspace_takes_the_right_there(azure: Azure) -> None:
    assert azure.rule("PUT", "events", azure.definition("contoso", "fabrikam")).status_code == 403
    assert azure.rule("PUT", "events", azure.definition("fabrikam")).status_code == 403
    assert not azure.app.tables.with_data("fabrikam")


def test_an_endpoint_is_made_shown_listed_and_deleted(azure: Azure) -> None:
    path = f"{azure.group}/Microsoft.Insights/dataCollectionEndpoints"
    body = {"location": "local", "properties": {"networkAcls": {"publicNetworkAccess": "Enabled"}}}
    made = azure.call("PUT", f"{path}/dce", body)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown["properties"]["logsIngestion"] == {"endpoint": BASE}
    assert shown["properties"]["immutableId"].startswith("dce-")
    assert azure.call("PUT", f"{path}/dce", shown).status_code == 200
    assert [e["name"] for e in azure.call("GET", path).json()["value"]] == ["dce"]
    hidden = {"properties": {"networkAcls": {"publicNetworkAccess": "Disabled"}}}
    assert azure.call("PUT", f"{path}/dce", hidden).status_code == 400
    azure.act_as(Role.READER)
    assert azure.call("GET", f"{path}/dce").status_code == 200
    assert azure.call("DELETE", f"{path}/dce").status_code == 403
    azure.act_as(None)
    assert azure.call("GET", f"{path}/dce").status_code == 404


def test_tables_are_for_those_who_may_make_them(azure: Azure) -> None:
    azure.act_as(Role.READER)
    assert azure.table("GET", "SigninLogs").status_code == 200
    assert azure.table("PUT", "Events_CL", {"properties": {}}).status_code == 403
    azure.act_as(Role.PUBLISHER)
    assert azure.table("GET", "SigninLogs").status_code == 403
