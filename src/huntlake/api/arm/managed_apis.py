"""The connectors of this house and what can be asked of each, as Azure Resource Manager shows them.

https://learn.microsoft.com/rest/api/connections/managed-apis
"""

from __future__ import annotations

from typing import Any

from huntlake.api.arm.errors import ParentNotFound
from huntlake.api.arm.resource import SUBSCRIPTION, Place, Resource
from huntlake.api.arm.workspaces import Fixed, Shown
from huntlake.playbooks.connectors.connector import ConnectionParameter, Connector, Operation, TriggerOperation

TYPE = "Microsoft.Web/locations/managedApis"
PATH = f"{SUBSCRIPTION}/providers/Microsoft.Web/locations/{{location}}/managedApis"


def _connector(place: Place, connector: Connector) -> dict[str, Any]:
    offered = (("actions", connector.operations), ("triggers", connector.triggers))
    return {
        "location": place.names["location"],
        "properties": {
            "name": connector.name,
            "generalInformation": {"displayName": connector.title, "description": connector.title},
            "connectionParameters": {p.name: _parameter(p) for p in connector.parameters},
            "capabilities": [name for name, some in offered if some],
            "metadata": {"source": "huntlake"},
            "runtimeUrls": [],
        },
    }


def _parameter(parameter: ConnectionParameter) -> dict[str, Any]:
    return {
        "type": "securestring" if parameter.secret else "string",
        "uiDefinition": {
            "displayName": parameter.name,
            "description": parameter.summary,
            "constraints": {"required": str(parameter.required).lower()},
        },
    }


def _operation(place: Place, operation: Operation | TriggerOperation) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "summary": operation.summary,
        "description": operation.summary,
        "api": {"name": place.names["api"], "id": place.path.rpartition("/")[0], "type": TYPE},
        "huntlakeMethod": operation.method,
        "huntlakePath": operation.path,
    }
    if isinstance(operation, Operation):
        properties["huntlakeEffect"] = operation.effect.value
    else:
        properties["trigger"] = "single"
    return {"properties": properties}


def _connectors(place: Place) -> Fixed:
    known = place.services.connectors
    found = [(name, known(name)) for name in known.names]
    return Fixed(lambda: [(name, connector) for name, connector in found if connector is not None])


def _operations(place: Place) -> Fixed:
    connector = place.services.connectors(place.names["api"].lower())
    if connector is None:
        raise ParentNotFound(f"the connector `{place.names['api']}` is not supported")
    offered: list[Operation | TriggerOperation] = [*connector.operations, *connector.triggers, *connector.polls]
    return Fixed(lambda: [(operation.id, operation) for operation in offered])


RESOURCES: tuple[Resource[Any], ...] = (
    Resource(
        type=f"{TYPE}/apiOperations",
        path=f"{PATH}/{{api}}/apiOperations",
        form=Shown(_operation),
        store=_operations,
        in_workspace=False,
    ),
    Resource(type=TYPE, path=PATH, form=Shown(_connector), store=_connectors, in_workspace=False),
)
