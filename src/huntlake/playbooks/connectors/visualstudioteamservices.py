"""Azure DevOps: work items, by its REST API with a personal access token."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from huntlake.core.errors import Invalid
from huntlake.playbooks.connectors.connector import Asked, ConnectionParameter, Connector, Effect, Operation
from huntlake.playbooks.connectors.declared import Send
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer

_USUAL, _VERSION = "https://dev.azure.com", "7.1"
_FIELDS = {
    "title": "System.Title",
    "description": "System.Description",
    "areapath": "System.AreaPath",
    "iterationpath": "System.IterationPath",
    "assignedto": "System.AssignedTo",
    "state": "System.State",
    "reason": "System.Reason",
    "priority": "Microsoft.VSTS.Common.Priority",
    "severity": "Microsoft.VSTS.Common.Severity",
    "reprosteps": "Microsoft.VSTS.TCM.ReproSteps",
    "tags": "System.Tags",
}
"""By what the connector calls it in lower case, the field of a work item."""

PARAMETERS = (
    ConnectionParameter("token", "A personal access token that may write work items.", secret=True),
    ConnectionParameter("account", "The organization, where the action names none.", required=False),
    ConnectionParameter("endpoint", f"Where Azure DevOps is, if not `{_USUAL}`.", required=False),
)


def visualstudioteamservices(send: Send) -> Connector:
    """The connector `visualstudioteamservices`."""
    items, write = _WorkItems(send), Effect.WRITE
    return Connector(
        "visualstudioteamservices",
        "Azure DevOps",
        (
            Operation(
                "CreateWorkItem",
                "PATCH",
                "/{project}/_apis/wit/workitems/${type}",
                "Make a work item.",
                write,
                items.create,
                items.would_create,
            ),
            Operation(
                "UpdateWorkItem",
                "PATCH",
                "/_apis/wit/workitems/{id}",
                "Change a work item.",
                write,
                items.update,
                items.would_update,
            ),
            Operation("GetWorkItem", "GET", "/_apis/wit/workitems/{id}", "A work item.", Effect.READ, items.get),
        ),
        parameters=PARAMETERS,
    )


@dataclass(frozen=True)
class _WorkItems:
    send: Send

    def create(self, asked: Asked) -> Answer:
        a = asked.arguments
        path = f"/{_part(a['project'])}/_apis/wit/workitems/${_part(a['type'])}"
        return self._asked(asked, "POST", path, _patch(asked.body))

    def update(self, asked: Asked) -> Answer:
        return self._asked(asked, "PATCH", f"/_apis/wit/workitems/{_part(asked.arguments['id'])}", _patch(asked.body))

    def get(self, asked: Asked) -> Answer:
        return self._asked(asked, "GET", f"/_apis/wit/workitems/{_part(asked.arguments['id'])}", None)

    def would_create(self, asked: Asked) -> Answer:
        return Answer(200, _JSON, {"id": 0, "rev": 1, "fields": _fields(asked.body), "url": _base(asked)})

    def would_update(self, asked: Asked) -> Answer:
        id = asked.arguments["id"]
        return Answer(200, _JSON, {"id": int(id) if id.isdecimal() else 0, "rev": 2, "fields": _fields(asked.body)})

    def _asked(self, asked: Asked, method: str, path: str, body: Any) -> Answer:
        token = asked.secrets.get("token")
        if not token:
            return Answer(refused=f"the connection `{asked.connection}` has no `token`")
        url = f"{_base(asked)}{path}?api-version={_VERSION}"
        shown = base64.b64encode(f":{token}".encode()).decode()
        headers = {"Authorization": f"Basic {shown}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json-patch+json"
        return self.send(method, url, headers, body, urlsplit(url).netloc.rpartition("@")[2])


_JSON = {"Content-Type": "application/json"}


def _base(asked: Asked) -> str:
    account = text(asked.queries.get("account")) or asked.secrets.get("account", "")
    if not account:
        raise Invalid("the action names no `account`, and the connection has none")
    return f"{(asked.secrets.get('endpoint') or _USUAL).rstrip('/')}/{_part(account)}"


def _patch(body: Any) -> list[dict[str, Any]]:
    fields = _fields(body)
    if not fields:
        raise Invalid("nothing is said of the work item")
    return [{"op": "add", "path": f"/fields/{name}", "value": value} for name, value in fields.items()]


def _fields(body: Any) -> dict[str, Any]:
    if not isinstance(body, Mapping):
        raise Invalid("a work item is an object")
    made: dict[str, Any] = {}
    for name, value in body.items():
        if value is None or value == "":
            continue
        if name.lower() in ("dynamicfields", "userenterednotrequiredfields"):
            if not isinstance(value, Mapping):
                raise Invalid(f"`{name}` of a work item is an object of fields by their names")
            made |= {str(n): v for n, v in value.items()}
        elif (field := _FIELDS.get(name.lower())) is not None:
            made[field] = value
        else:
            raise Invalid(f"`{name[:60]}` of a work item is not supported: its field's name goes to `dynamicFields`")
    return made


def _part(value: str) -> str:
    if value in (".", ".."):
        raise Invalid(f"`{value}` is no part of a path")
    return quote(value, safe="")
