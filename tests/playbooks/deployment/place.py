"""A place to import to, in memory but for its keys, and a small template."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from huntlake.core.clock import FixedClock
from huntlake.identity.principals import Principals
from huntlake.identity.secrets import Hasher
from huntlake.playbooks.connections import CONNECTIONS, Connection, connections
from huntlake.playbooks.connectors.connector import Asked, ConnectionParameter, Connector, Effect, Operation
from huntlake.playbooks.custom_apis import CustomApi, custom_apis
from huntlake.playbooks.deployment.service import Deployments
from huntlake.playbooks.deployment.templates.place import Where
from huntlake.playbooks.identities import Identities
from huntlake.playbooks.workflows import Workflow, Workflows
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Records
from huntlake.state.sealing import Seal
from huntlake.wdl.runner.effects import Answer

WHERE = Where(subscription="s", group="g", tenant="t")


def _nothing(asked: Asked) -> Answer:
    return Answer()


DEFENDER = Connector(
    "wdatp",
    "Defender",
    (
        Operation("Isolate", "POST", "/api/machines/{id}/isolate", "Isolates.", Effect.CONTAIN, _nothing),
        Operation("Machine", "GET", "/api/machines/{id}", "Shows.", Effect.READ, _nothing),
    ),
    parameters=(ConnectionParameter("token", "Its key.", secret=True), ConnectionParameter("region", "Where.")),
)


@dataclass
class Place:
    """Where playbooks are imported to."""

    deployments: Deployments
    workflows: Workflows
    connections: Records[Connection]
    apis: Records[CustomApi]
    principals: Principals
    seal: Seal

    @classmethod
    def at(cls, home: Path) -> Place:
        shelf, clock = MemoryShelf(), FixedClock(datetime(2026, 11, 21, 12, tzinfo=UTC))
        seal = Seal(home / "secrets.key")
        principals: Any = Principals(shelf, clock, hasher=Hasher(memory=64 << 10, rounds=1))
        workflows, connected = Workflows(shelf, clock), connections(shelf, clock)
        apis = custom_apis(shelf, clock)
        deployments = Deployments(
            shelf,
            clock,
            workflows,
            Identities(principals, workflows),
            connected,
            apis,
            seal,
            {"wdatp": DEFENDER}.get,
            lambda workspace, connector, operation: "people decide" if operation.effect is Effect.CONTAIN else "",
            lambda workflow, trigger: f"https://here.example/{workflow}/{trigger}",
            lambda workspace: WHERE,
        )
        return cls(deployments, workflows, connected, apis, principals, seal)

    def workflow(self, name: str) -> Workflow:
        """A workflow that is kept."""
        return self.workflows.get(name).value

    def connection(self, name: str) -> Connection:
        """A connection that is kept."""
        return self.connections.get(CONNECTIONS, name).value


def connected(method: str = "GET", path: str = "/api/machines/@{triggerBody()?['id']}", **parts: Any) -> dict[str, Any]:
    """An action that asks the connector Defender."""
    host = {"connection": {"name": "@parameters('$connections')['wdatp']['connectionId']"}}
    return {"type": "ApiConnection", "inputs": {"host": host, "method": method, "path": path}, **parts}


def definition(actions: Any = None, **parts: Any) -> dict[str, Any]:
    """A definition with a Request trigger."""
    made = {"triggers": {"manual": {"type": "Request", "kind": "Http"}}, "actions": actions or {"Ask": connected()}}
    parameters = {"$connections": {"type": "Object", "defaultValue": {}}, **parts.pop("parameters", {})}
    return {**made, "parameters": parameters, **parts}


_ID = "[resourceId('Microsoft.Web/connections', variables('Connection'))]"
_API = (
    "[concat(subscription().id, '/providers/Microsoft.Web/locations/', resourceGroup().location, '/managedApis/wdatp')]"
)

TEMPLATE: dict[str, Any] = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "parameters": {
        "PlaybookName": {"type": "string", "defaultValue": "Isolate"},
        "Key": {"type": "securestring", "metadata": {"description": "The key of Defender."}},
    },
    "variables": {"Connection": "[concat('wdatp-', parameters('PlaybookName'))]"},
    "resources": [
        {
            "type": "MICROSOFT.WEB/CONNECTIONS",
            "apiVersion": "2016-06-01",
            "name": "[variables('Connection')]",
            "location": "[resourceGroup().location]",
            "properties": {
                "displayName": "Defender",
                "api": {"id": _API},
                "parameterValues": {"token": "[parameters('Key')]"},
                "nonSecretParameterValues": {"region": "eu"},
            },
        },
        {
            "type": "Microsoft.Logic/workflows",
            "apiVersion": "2017-07-01",
            "name": "[parameters('PlaybookName')]",
            "location": "[resourceGroup().location]",
            "tags": {"team": "blue"},
            "identity": {"type": "SystemAssigned"},
            "dependsOn": ["[resourceId('Microsoft.Web/connections', variables('Connection'))]"],
            "properties": {
                "state": "Enabled",
                "definition": definition(
                    parameters={"secret": {"type": "SecureString"}},
                    outputs={"bracket": {"type": "String", "value": "[[kept]"}},
                ),
                "parameters": {
                    "secret": {"value": "[parameters('Key')]"},
                    "$connections": {"value": {"wdatp": {"connectionId": _ID, "connectionName": "x", "id": _API}}},
                },
            },
        },
        {"type": "Microsoft.Storage/storageAccounts", "apiVersion": "1", "name": "kept", "properties": {}},
    ],
}


def template(**changed: Any) -> dict[str, Any]:
    """The template, with some of its parts replaced."""
    return copy.deepcopy(TEMPLATE) | changed
