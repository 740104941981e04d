"""The endpoints of Defender's API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.api.arm.bodies import parse_object
from huntlake.api.arm.wire import read
from huntlake.api.authentication import Authentication
from huntlake.api.bodies import read_body
from huntlake.api.defender import alerts, machines
from huntlake.api.defender.machines import Kind
from huntlake.api.defender.services import DefenderServices
from huntlake.api.errors import json_response
from huntlake.api.hunting import NET_TYPES, Hunting
from huntlake.api.limits import Turns
from huntlake.api.odata.paging import next_url, whole_number
from huntlake.api.odata.syntax import parse_filter, parse_ordering
from huntlake.api.odata.tables import TableFilter
from huntlake.api.odata.values import holds, known_paths, sorted_by
from huntlake.api.services import ResultTable
from huntlake.core.errors import Invalid, NotFound
from huntlake.detection.alerts import AlertComment
from huntlake.detection.defender_alerts import alert_shown
from huntlake.identity.audiences import DEFENDER
from huntlake.identity.principals import Principal
from huntlake.identity.rights import Action
from huntlake.playbooks.machines import MACHINES, action_shown
from huntlake.state.records import Author, Owner

_PAGE = 10_000
_OPTIONS = ("$filter", "$top", "$skip", "$orderby")
_ACTION_FILTERS = "id type status machineId computerDnsName requestor creationDateTimeUtc lastUpdateDateTimeUtc".split()
_ALERT_FILTERS = (
    "id status severity title category assignedTo incidentId classification determination detectionSource "
    "alertCreationTime lastUpdateTime machineId computerDnsName"
).split()


class DefenderFace:
    """Advanced hunting, machines and their actions, and alerts."""

    def __init__(
        self, services: DefenderServices, authentication: Authentication, pool: Executor, turns: Turns
    ) -> None:
        self._services, self._authentication = services, authentication
        self._hunting = Hunting(services, pool, turns)

    def routes(self) -> list[Route]:
        """The face's routes."""
        return [
            Route("/api/advancedhunting/run", self.hunt, methods=["POST"]),
            Route("/api/advancedqueries/run", self.hunt, methods=["POST"]),
            Route("/api/machines", self.machines),
            Route("/api/machines/{id}", self.machine),
            Route("/api/machines/{id}/machineactions", self.actions_of_machine),
            Route("/api/machines/{id}/{action}", self.act, methods=["POST"]),
            Route("/api/machineactions", self.actions),
            Route("/api/machineactions/{id}", self.action),
            Route("/api/machineactions/{id}/cancel", self.cancel, methods=["POST"]),
            Route("/api/alerts", self.alerts),
            Route("/api/alerts/{id}", self.alert, methods=["GET", "PATCH"]),
        ]

    async def hunt(self, request: Request) -> Response:
        """A query of advanced hunting."""
        principal, body = await self._body(request)
        given = {name.lower(): value for name, value in body.items()}
        text = given.pop("query", None)
        if given:
            raise Invalid(f"`{min(given)[:60]}` is not supported in the body")
        if not isinstance(text, str) or not text.strip():
            raise Invalid("the body has no `Query`, the text of a query")
        workspace = await run_in_threadpool(self._hunting.workspace, principal)
        return self._hunting.answer(request, principal, workspace, text, _written)

    async def machines(self, request: Request) -> Response:
        """The machines that the tables of devices name."""
        return await self._worked(request, self._machines, request)

    async def machine(self, request: Request) -> Response:
        """One machine, by its id or its name."""
        return await self._worked(request, self._machine, _part(request, "id"))

    async def act(self, request: Request) -> Response:
        """Ask for an action on a machine."""
        kind = next((k for name, k in machines.KINDS.items() if name.lower() == _part(request, "action").lower()), None)
        principal, body = await self._body(request)
        if kind is None:
            raise NotFound("There is no such action, or it is not supported.")
        made = await self._hunting.worked(principal, self._act, principal, _part(request, "id"), kind, body)
        return json_response(made, 201)

    async def actions(self, request: Request) -> Response:
        """The ledger of actions."""
        return await self._answer(request, self._actions, request, "")

    async def actions_of_machine(self, request: Request) -> Response:
        """The actions on one machine."""
        return await self._answer(request, self._actions, request, _part(request, "id"))

    async def action(self, request: Request) -> Response:
        """One action."""
        return await self._answer(request, self._action, _part(request, "id"))

    async def cancel(self, request: Request) -> Response:
        """Call an action off."""
        principal, body = await self._body(request)
        return json_response(await run_in_threadpool(self._cancel, principal, _part(request, "id"), body))

    async def alerts(self, request: Request) -> Response:
        """The alerts of the workspace."""
        return await self._answer(request, self._alerts, request)

    async def alert(self, request: Request) -> Response:
        """One alert; PATCH changes it."""
        principal, body = await self._body(request)
        changes = body if request.method == "PATCH" else None
        return json_response(await run_in_threadpool(self._alert, principal, _part(request, "id"), changes))

    async def _answer(self, request: Request, make: Callable[..., dict[str, Any]], *given: object) -> Response:
        principal = await self._authentication.principal(request, DEFENDER)
        return json_response(await run_in_threadpool(make, principal, *given))

    async def _worked(self, request: Request, make: Callable[..., dict[str, Any]], *given: object) -> Response:
        """An answer that takes a query of the lake."""
        principal = await self._authentication.principal(request, DEFENDER)
        return json_response(await self._hunting.worked(principal, make, principal, *given))

    async def _body(self, request: Request) -> tuple[Principal, dict[str, Any]]:
        principal = await self._authentication.principal(request, DEFENDER)
        if request.method == "GET":
            return principal, {}
        body = await read_body(request, self._services.settings.max_request_bytes)
        if not body.strip():
            raise Invalid("the request has no body")
        return principal, parse_object(body)

    def _machines(self, principal: Principal, request: Request) -> dict[str, Any]:
        workspace = self._hunting.workspace(principal)
        filter, rows = TableFilter(machines.FILTERS), MACHINES
        top, skip = _window(request)
        if filtering := _option(request, "$filter"):
            rows += f"| where {filter.write(parse_filter(filtering))}\n"
        order = "id asc"
        if ordering := _option(request, "$orderby"):
            known = {name.lower(): name for name in machines.FILTERS}
            keys = []
            for one in parse_ordering(ordering):
                if (name := known.get(str(one.path).lower())) is None:
                    raise Invalid(f"sorting by `{one.path}` is not supported")
                keys.append(f"{name} {'desc' if one.descending else 'asc'}")
            order = ", ".join([*keys, order])
        rows += f"| sort by {order}\n| take {top + 1 + skip}"
        found = self._hunting.rows(workspace, filter.statement() + rows, filter.parameters)[skip:]
        return _page(request, "Machines", found[:top], more=len(found) > top)

    def _machine(self, principal: Principal, id: str, action: Action = Action.READ) -> dict[str, Any]:
        workspace = self._hunting.workspace(principal, action=action)
        filter = TableFilter(machines.FILTERS)
        wanted = filter.parameter(id)
        rows = f"{MACHINES}| where id == {wanted} or computerDnsName =~ {wanted}\n| take 2"
        found = self._hunting.rows(workspace, filter.statement() + rows, filter.parameters)
        if not found:
            raise NotFound(f"there is no machine `{id[:100]}`")
        if len(found) > 1:
            raise Invalid(f"several machines are called `{id[:100]}`: use the id")
        return found[0]

    def _act(self, principal: Principal, id: str, kind: Kind, body: dict[str, Any]) -> dict[str, Any]:
        why = read(kind.body, body, "body")
        machine = self._machine(principal, id, Action.RESPOND)
        owner = self._owner(principal, Action.RESPOND)
        action = machines.asked_for(kind, machine, why, principal.display_name)
        return action_shown(self._services.machine_actions.ask(owner, action))

    def _actions(self, principal: Principal, request: Request, machine: str) -> dict[str, Any]:
        documents = self._services.machine_actions.list(self._owner(principal))
        shown = [action_shown(d) for d in documents if machine in ("", d.value.machine_id)]
        shown.sort(key=lambda a: a["creationDateTimeUtc"], reverse=True)
        return _listed(request, "MachineActions", shown, _ACTION_FILTERS)

    def _action(self, principal: Principal, id: str) -> dict[str, Any]:
        return action_shown(self._services.machine_actions.get(self._owner(principal), id))

    def _cancel(self, principal: Principal, id: str, body: dict[str, Any]) -> dict[str, Any]:
        why, owner = read(machines.Why, body, "body"), self._owner(principal, Action.RESPOND)
        ledger = self._services.machine_actions
        return action_shown(ledger.cancel(owner, id, principal.display_name, why.comment))

    def _alerts(self, principal: Principal, request: Request) -> dict[str, Any]:
        owner = self._owner(principal)
        numbers = self._numbers(owner)
        documents = self._services.detection.alerts.list(owner)
        shown = [alert_shown(d, numbers.get(d.value.incident)) for d in documents]
        return _listed(request, "Alerts", shown, _ALERT_FILTERS)

    def _alert(self, principal: Principal, id: str, changes: dict[str, Any] | None) -> dict[str, Any]:
        owner = self._owner(principal, Action.READ if changes is None else Action.RESPOND)
        kept = self._services.detection.alerts
        document = kept.get(owner, id)
        if changes is not None:
            change = read(alerts.AlertChange, changes, "body")
            author = Author(principal.object_id, principal.display_name)
            comment = AlertComment(change.comment, author, self._services.clock.now()) if change.comment else None
            document = kept.change(owner, id, lambda a: alerts.changed(a, change, comment), author)
        return alert_shown(document, self._numbers(owner).get(document.value.incident))

    def _numbers(self, owner: Owner) -> dict[str, int]:
        return {d.name: d.value.number for d in self._services.detection.incidents.list(owner)}

    def _owner(self, principal: Principal, action: Action = Action.READ) -> Owner:
        return (self._hunting.workspace(principal, action=action).name,)


def _written(table: ResultTable, rows: list[bytes], seconds: float) -> bytes:
    """The answer to a query of advanced hunting."""
    size = sum(map(len, rows))
    head = {
        "Stats": {
            "ExecutionTime": seconds,
            "resource_usage": {
                "cache": {"memory": {"hits": 0, "misses": 0, "total": 0}},
                "cpu": {"user": "00:00:00", "kernel": "00:00:00", "total cpu": "00:00:00"},
                "memory": {"peak_per_node": 0},
            },
            "dataset_statistics": [{"table_row_count": table.row_count, "table_size": size}],
        },
        "Schema": [{"Name": c.name, "Type": NET_TYPES[c.type]} for c in table.columns],
    }
    return orjson.dumps(head)[:-1] + b',"Results":[' + b",".join(rows) + b"]}"


def _part(request: Request, name: str) -> str:
    return str(request.path_params[name])


def _option(request: Request, name: str) -> str | None:
    return next((v for k, v in request.query_params.multi_items() if k.lower() == name), None)


def _window(request: Request) -> tuple[int, int]:
    """How many of a list are asked for, and how many before them are not; `Invalid` for an option that isn't known."""
    for name, _ in request.query_params.multi_items():
        if name.startswith("$") and name.lower() not in _OPTIONS:
            raise Invalid(f"`{name[:40]}` is not supported")
    top = whole_number("$top", _option(request, "$top"), _PAGE, most=_PAGE)
    return top, whole_number("$skip", _option(request, "$skip"), 0, least=0, most=1 << 30)


def _listed(request: Request, name: str, shown: Iterable[dict[str, Any]], filters: Sequence[str]) -> dict[str, Any]:
    """One page of things in memory."""
    top, skip = _window(request)
    known, found = {f.lower() for f in filters}, list(shown)
    if filtering := _option(request, "$filter"):
        condition = parse_filter(filtering)
        known_paths(condition, lambda path: str(path).lower() in known)
        found = [thing for thing in found if holds(condition, thing)]
    if ordering := _option(request, "$orderby"):
        orderings = parse_ordering(ordering)
        for one in orderings:
            if str(one.path).lower() not in known:
                raise Invalid(f"sorting by `{one.path}` is not supported")
        found = sorted_by(orderings, ((thing, thing) for thing in found))
    return _page(request, name, found[skip : skip + top], more=skip + top < len(found))


def _page(request: Request, name: str, shown: Sequence[dict[str, Any]], *, more: bool) -> dict[str, Any]:
    base = request.state.base_url
    page: dict[str, Any] = {"@odata.context": f"{base}/api/$metadata#{name}", "value": list(shown)}
    if more:
        _, skip = _window(request)
        url = base + request.scope["path"]
        following = str(skip + len(shown))
        page["@odata.nextLink"] = next_url(url, request.query_params.multi_items(), "$skip", following)
    return page
