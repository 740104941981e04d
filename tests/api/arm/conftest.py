from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.testclient import TestClient

from huntlake.identity.rights import Role

from ..conftest import CLIENT, SUBSCRIPTION, WORKSPACE_ID, Server, client, server, signing_keys

__all__ = ["client", "server", "signing_keys"]

GROUP = f"/subscriptions/{SUBSCRIPTION.id}/resourceGroups/{SUBSCRIPTION.group}"
WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/contoso-soc"
SENTINEL = f"{WORKSPACE}/providers/Microsoft.SecurityInsights"
VERSION = "2024-03-01"


@dataclass
class Arm:
    """A client of the management API, whose role in the workspace can be changed."""

    http: TestClient
    server: Server

    def act_as(self, role: Role) -> None:
        self.server.principals.grant(CLIENT, WORKSPACE_ID, role)

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        path = path if path.startswith("/") else f"{SENTINEL}/{path}"
        parameters = {"api-version": VERSION, **more.pop("params", {})}
        return self.http.request(method, path, json=body, params=parameters, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.call("GET", path, **more)

    def put(self, path: str, properties: Any, **more: Any) -> Any:
        beside = more.pop("beside", {})
        return self.call("PUT", path, {"properties": properties, **beside}, **more)

    def error(self, answer: Any, status: int) -> str:
        """The error's code, after a look at its envelope."""
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert set(body) == {"error"}
        assert body["error"]["message"]
        assert answer.headers["x-ms-error-code"] == body["error"]["code"]
        assert answer.headers["x-ms-request-id"]
        return str(body["error"]["code"])


@pytest.fixture
def arm(server: Server) -> Iterator[Arm]:
    with server.client() as http:
        http.headers["Authorization"] = f"Bearer {server.token('https://management.azure.com')}"
        made = Arm(http, server)
        made.act_as(Role.SENTINEL_CONTRIBUTOR)
        yield made


INCIDENT = {"title": "Odd sign-ins", "severity": "High", "status": "New"}
RULE = {
    "displayName": "Failures",
    "enabled": True,
    "severity": "Medium",
    "query": "count 3",
    "queryFrequency": "PT1H",
    "queryPeriod": "PT2H",
    "triggerOperator": "GreaterThan",
    "triggerThreshold": 0,
    "suppressionDuration": "PT5H",
    "suppressionEnabled": False,
    "tactics": ["Persistence"],
}
WATCHLIST = {
    "displayName": "Servers",
    "provider": "contoso",
    "source": "servers.csv",
    "itemsSearchKey": "ip",
    "rawContent": "ip,owner\n192.0.2.1,a\n192.0.2.2,b\n",
}
EXAMPLES: dict[str, Any] = {
    "incidents/one": INCIDENT,
    "incidents/parent/comments/one": {"message": "hello"},
    "incidents/parent/tasks/one": {"title": "call them", "status": "New"},
    "bookmarks/one": {"displayName": "row", "query": "count 1", "tactics": ["Impact"]},
    "bookmarks/parent/relations/one": {"relatedResourceId": f"{SENTINEL}/incidents/x"},
    "hunts/one": {"displayName": "hunt", "description": "why", "attackTactics": ["Discovery"]},
    "hunts/parent/comments/one": {"message": "hello"},
    "hunts/parent/relations/one": {"relatedResourceId": f"{SENTINEL}/bookmarks/x", "labels": ["a"]},
    "watchlists/one": WATCHLIST,
    "watchlists/parent/watchlistItems/one": {"itemsKeyValue": {"ip": "192.0.2.3", "owner": "c"}},
    "threatIntelligence/main/indicators/one": {
        "pattern": "[ipv4-addr:value = '192.0.2.7']",
        "patternType": "ipv4-addr",
        "displayName": "bad",
    },
    "automationRules/one": {
        "displayName": "close",
        "order": 1,
        "triggeringLogic": {"isEnabled": True, "triggersOn": "Incidents", "triggersWhen": "Created", "conditions": []},
        "actions": [
            {"order": 1, "actionType": "ModifyProperties", "actionConfiguration": {"status": "Closed"}},
        ],
    },
    "metadata/one": {
        "parentId": f"{SENTINEL}/alertRules/x",
        "contentId": "x",
        "kind": "AnalyticsRule",
        "version": "1.0.0",
        "source": {"kind": "Solution", "name": "Contoso", "sourceId": "contoso"},
        "author": {"name": "ann", "email": "ann@contoso.example"},
        "support": {"tier": "Community", "link": "https://contoso.example"},
        "dependencies": {
            "operator": "AND",
            "criteria": [{"contentId": "p", "kind": "Parser"}, {"operator": "OR", "criteria": [{"name": "q"}]}],
        },
        "categories": {"domains": ["Identity"], "verticals": []},
        "firstPublishDate": "2026-01-31",
        "threatAnalysisTactics": ["Impact"],
    },
    f"{WORKSPACE}/savedSearches/one": {"category": "Hunting Queries", "displayName": "s", "query": "count 1"},
}
"""A resource of each type that is written by properties alone."""


@pytest.fixture
def parents(arm: Arm) -> Arm:
    """The client, with a `parent` of each type that has children."""
    arm.put("incidents/parent", INCIDENT)
    for path in ("bookmarks", "hunts", "watchlists"):
        assert arm.put(f"{path}/parent", EXAMPLES[f"{path}/one"]).status_code == 201
    arm.put("alertRules/parent", RULE, beside={"kind": "Scheduled"})
    return arm
