"""The endpoints of Microsoft Graph, under `/v1.0` and `/beta`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.api.arm.bodies import parse_object
from huntlake.api.arm.services import ArmServices
from huntlake.api.arm.wire import read
from huntlake.api.authentication import Authentication
from huntlake.api.bodies import read_body
from huntlake.api.errors import json_response
from huntlake.api.graph import security
from huntlake.api.graph.errors import request_ids
from huntlake.api.graph.hunting import DEFAULT_SPAN, period, write
from huntlake.api.graph.logs import DIRECTORY_AUDITS, SIGN_INS, LogEntity
from huntlake.api.hunting import Hunting
from huntlake.api.limits import Turns
from huntlake.api.odata.paging import next_url, place, token, whole_number
from huntlake.api.odata.syntax import moment, parse_filter, parse_ordering
from huntlake.api.odata.tables import TableFilter
from huntlake.api.odata.values import holds, known_paths, sorted_by
from huntlake.core.errors import Invalid, NotFound
from huntlake.detection.alerts import Alert, AlertComment
from huntlake.detection.incidents import Incident, IncidentComment
from huntlake.identity.audiences import GRAPH
from huntlake.identity.principals import Principal
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import Author, Owner

ROOTS = ("/v1.0", "/beta")
_LOG_PAGE, _PAGE = 1000, 50
_OPTIONS = frozenset({"$filter", "$top", "$skip", "$skiptoken", "$orderby", "$select", "$count", "$expand", "$format"})


@dataclass(frozen=True)
class _Question:
    """What a list is asked for."""

    base: str
    """The URL of the API, such as `https://host/v1.0`."""
    url: str
    parameters: Sequence[tuple[str, str]]

    def option(self, name: str) -> str | None:
        return next((v for k, v in self.parameters if k.lower() == name or k.lower() == name[1:]), None)

    def check(self, *known: str) -> None:
        """`Invalid` for an option that isn't `known`."""
        for name, _ in self.parameters:
            lower = name.lower()
            option = lower if lower.startswith("$") else f"${lower}"
            if option in _OPTIONS and option not in known:
                raise Invalid(f"`{option}` is not supported here")
            if lower.startswith("$") and option not in _OPTIONS:
                raise Invalid(f"`{name[:40]}` is not supported")


class GraphFace:
    """Hunting, incidents, alerts, sign-ins and directory audits."""

    def __init__(self, services: ArmServices, authentication: Authentication, pool: Executor, turns: Turns) -> None:
        self._services, self._authentication = services, authentication
        self._hunting = Hunting(services, pool, turns)

    def routes(self) -> list[Route]:
        """The face's routes, under each of its roots."""
        found = []
        for root in ROOTS:
            logs = f"{root}/auditLogs"
            incidents, alerts = f"{root}/security/incidents", f"{root}/security/alerts_v2"
            found += [
                Route(f"{root}/security/runHuntingQuery", self.hunt, methods=["POST"]),
                Route(f"{root}/security/microsoft.graph.security.runHuntingQuery", self.hunt, methods=["POST"]),
                Route(f"{logs}/signIns", self._logs(SIGN_INS)),
                Route(f"{logs}/signIns/{{id}}", self._log(SIGN_INS)),
                Route(f"{logs}/directoryAudits", self._logs(DIRECTORY_AUDITS)),
                Route(f"{logs}/directoryAudits/{{id}}", self._log(DIRECTORY_AUDITS)),
                Route(incidents, self.incidents),
                Route(f"{incidents}/{{id}}", self.incident, methods=["GET", "PATCH"]),
                Route(f"{incidents}/{{id}}/comments", self.incident_comments, methods=["GET", "POST"]),
                Route(f"{incidents}/{{id}}/alerts", self.incident_alerts),
                Route(alerts, self.alerts),
                Route(f"{alerts}/{{id}}", self.alert, methods=["GET", "PATCH"]),
                Route(f"{alerts}/{{id}}/comments", self.alert_comments, methods=["GET", "POST"]),
            ]
        return found

    async def hunt(self, request: Request) -> Response:
        """A hunting query. `workspaceId` may name the workspace."""
        principal, body = await self._body(request)
        given = {name.lower(): value for name, value in body.items()}
        text, span, wanted = given.get("query"), given.get("timespan"), given.get("workspaceid")
        for name in given:
            if name not in ("query", "timespan", "workspaceid"):
                raise Invalid(f"`{name[:60]}` is not supported in the body")
        if not isinstance(text, str) or not text.strip():
            raise Invalid("the body has no `Query`, the text of a query")
        if not isinstance(span, str | None) or not isinstance(wanted, str | None):
            raise Invalid("`Timespan` and `workspaceId` are texts")
        now = self._services.clock.now()
        since, until = period(span, now) if span else (now - DEFAULT_SPAN, now)
        base = _base(request)
        workspace = await run_in_threadpool(self._hunting.workspace, principal, wanted or "")
        return self._hunting.answer(
            request,
            principal,
            workspace,
            text,
            lambda table, rows, _: write(base, table, rows),
            since=since,
            until=until,
        )

    async def incidents(self, request: Request) -> Response:
        """The incidents of the workspace."""
        principal = await self._principal(request)
        return await self._answer(request, self._incidents, principal, _question(request))

    async def incident(self, request: Request) -> Response:
        """One incident, by its number; PATCH changes it."""
        principal, body = await self._body(request)
        changes = body if request.method == "PATCH" else None
        return await self._answer(request, self._incident, principal, _question(request), _id(request), changes)

    async def incident_comments(self, request: Request) -> Response:
        """The comments of an incident; POST adds one."""
        principal, body = await self._body(request)
        given = body if request.method == "POST" else None
        return await self._answer(request, self._incident_comments, principal, _id(request), given)

    async def incident_alerts(self, request: Request) -> Response:
        """The alerts of an incident."""
        principal = await self._principal(request)
        return await self._answer(request, self._incident_alerts, principal, _question(request), _id(request))

    async def alerts(self, request: Request) -> Response:
        """The alerts of the workspace."""
        principal = await self._principal(request)
        return await self._answer(request, self._alerts, principal, _question(request))

    async def alert(self, request: Request) -> Response:
        """One alert; PATCH changes it."""
        principal, body = await self._body(request)
        changes = body if request.method == "PATCH" else None
        return await self._answer(request, self._alert, principal, _question(request), _id(request), changes)

    async def alert_comments(self, request: Request) -> Response:
        """The comments of an alert; POST adds one."""
        principal, body = await self._body(request)
        given = body if request.method == "POST" else None
        return await self._answer(request, self._alert_comments, principal, _id(request), given)

    def _logs(self, entity: LogEntity) -> Callable[[Request], Any]:
        async def listed(request: Request) -> Response:
            principal = await self._principal(request)
            page = await self._hunting.worked(principal, self._log_page, principal, _question(request), entity)
            return json_response(page, 200, request_ids(request))

        return listed

    def _log(self, entity: LogEntity) -> Callable[[Request], Any]:
        async def shown(request: Request) -> Response:
            principal = await self._principal(request)
            given = principal, _question(request), entity, _id(request)
            return json_response(
                await self._hunting.worked(principal, self._log_entry, *given), 200, request_ids(request)
            )

        return shown

    async def _principal(self, request: Request) -> Principal:
        return await self._authentication.principal(request, GRAPH)

    async def _body(self, request: Request) -> tuple[Principal, dict[str, Any]]:
        principal = await self._principal(request)
        if request.method == "GET":
            return principal, {}
        body = await read_body(request, self._services.settings.max_request_bytes)
        if not body.strip():
            raise Invalid("the request has no body")
        return principal, parse_object(body)

    async def _answer(self, request: Request, make: Callable[..., dict[str, Any]], *given: object) -> Response:
        return json_response(await run_in_threadpool(make, *given), 200, request_ids(request))

    def _incidents(self, principal: Principal, asked: _Question) -> dict[str, Any]:
        asked.check("$filter", "$top", "$skip", "$skiptoken", "$orderby", "$select", "$count", "$expand")
        owner = self._owner(principal)
        documents = sorted(self._services.detection.incidents.list(owner), key=lambda d: d.value.number, reverse=True)
        expand = asked.option("$expand")
        if expand not in (None, "alerts"):
            raise Invalid(f"expanding `{expand[:60]}` is not supported")
        tenant = self._services.tenant.id
        shown = [security.incident_shown(asked.base, tenant, d) for d in documents]
        names = {str(d.value.number): d.name for d in documents}
        page = _page(asked, "security/incidents", shown, _INCIDENT_FILTERS)
        if expand:
            for incident in page["value"]:
                incident["alerts"] = self._alerts_of(owner, asked, names[incident["id"]], int(incident["id"]))
        return _selected(asked, page)

    def _incident(
        self, principal: Principal, asked: _Question, id: str, changes: dict[str, Any] | None
    ) -> dict[str, Any]:
        owner = self._owner(principal, Action.READ if changes is None else Action.RESPOND)
        document = self._numbered(owner, id)
        if changes is not None:
            change = read(security.IncidentChange, changes, "body")
            incidents = self._services.detection.incidents
            document = incidents.change(
                owner, document.name, lambda i: security.changed_incident(i, change), _author(principal)
            )
        shown = security.incident_shown(asked.base, self._services.tenant.id, document)
        return {"@odata.context": f"{asked.base}/$metadata#security/incidents/$entity", **shown}

    def _incident_comments(self, principal: Principal, id: str, given: dict[str, Any] | None) -> dict[str, Any]:
        owner = self._owner(principal, Action.READ if given is None else Action.RESPOND)
        whose = (*owner, self._numbered(owner, id).name)
        comments = self._services.detection.incidents.comments
        if given is not None:
            said = read(security.CommentGiven, given, "body").comment
            comments.put(whose, str(uuid.uuid4()), IncidentComment(said), _author(principal))
        kept = sorted((d.value for d in comments.list(whose)), key=lambda c: str(c.created))
        return {
            "value": [security.comment_shown(c.message, c.author.name if c.author else "", c.created) for c in kept]
        }

    def _incident_alerts(self, principal: Principal, asked: _Question, id: str) -> dict[str, Any]:
        asked.check()
        owner = self._owner(principal)
        document = self._numbered(owner, id)
        return {"value": self._alerts_of(owner, asked, document.name, document.value.number)}

    def _alerts_of(self, owner: Owner, asked: _Question, incident: str, number: int) -> list[dict[str, Any]]:
        found = self._services.detection.incidents.alerts(owner, incident)
        return [security.alert_shown(asked.base, self._services.tenant.id, d, number) for d in found]

    def _alerts(self, principal: Principal, asked: _Question) -> dict[str, Any]:
        asked.check("$filter", "$top", "$skip", "$skiptoken", "$orderby", "$select", "$count")
        owner = self._owner(principal)
        numbers = {d.name: d.value.number for d in self._services.detection.incidents.list(owner)}
        documents = sorted(
            self._services.detection.alerts.list(owner), key=lambda d: (str(d.value.created), d.name), reverse=True
        )
        tenant = self._services.tenant.id
        shown = [security.alert_shown(asked.base, tenant, d, numbers.get(d.value.incident)) for d in documents]
        return _selected(asked, _page(asked, "security/alerts_v2", shown, _ALERT_FILTERS))

    def _alert(self, principal: Principal, asked: _Question, id: str, changes: dict[str, Any] | None) -> dict[str, Any]:
        owner = self._owner(principal, Action.READ if changes is None else Action.RESPOND)
        alerts = self._services.detection.alerts
        document: Document[Alert] = alerts.get(owner, id)
        if changes is not None:
            change = read(security.AlertChange, changes, "body")
            document = alerts.change(owner, id, lambda a: security.changed_alert(a, change), _author(principal))
        numbers = {d.name: d.value.number for d in self._services.detection.incidents.list(owner)}
        number = numbers.get(document.value.incident)
        shown = security.alert_shown(asked.base, self._services.tenant.id, document, number)
        return {"@odata.context": f"{asked.base}/$metadata#security/alerts_v2/$entity", **shown}

    def _alert_comments(self, principal: Principal, id: str, given: dict[str, Any] | None) -> dict[str, Any]:
        owner = self._owner(principal, Action.READ if given is None else Action.RESPOND)
        alerts = self._services.detection.alerts
        document = alerts.get(owner, id)
        if given is not None:
            said = read(security.CommentGiven, given, "body").comment
            comment = AlertComment(said, _author(principal), self._services.clock.now())
            document = alerts.change(
                owner, id, lambda a: replace(a, comments=(*a.comments, comment)), _author(principal)
            )
        return {"value": [security.comment_shown(c.text, c.by.name, c.at) for c in document.value.comments]}

    def _log_page(self, principal: Principal, asked: _Question, entity: LogEntity) -> dict[str, Any]:
        """One page of entities that are rows; the values in a filter are parameters of the query."""
        asked.check("$filter", "$top", "$skiptoken", "$orderby", "$select", "$count")
        top = whole_number("$top", asked.option("$top"), _LOG_PAGE, most=_LOG_PAGE)
        workspace = self._hunting.workspace(principal)
        filter, time = TableFilter(entity.filters), entity.filters[entity.time].kql
        descending = _descending(asked.option("$orderby"), entity)
        rows = entity.table
        if filtering := asked.option("$filter"):
            rows += f"\n| where {filter.write(parse_filter(filtering))}"
        counted = filter.statement() + rows + "\n| count", dict(filter.parameters)
        skip, last = 0, None
        if (given := asked.option("$skiptoken")) is not None:
            said = place("$skiptoken", given)
            last, skip = said.get("at"), said.get("skip", 0)
            if not isinstance(last, str) or not isinstance(skip, int) or not 0 <= skip < 1 << 31:
                raise Invalid("`$skiptoken` isn't one that an answer gave")
            rows += f"\n| where {time} {'<=' if descending else '>='} {filter.parameter(moment(last))}"
        # Rows of one moment stand in one order, so that the next page goes on among them.
        order = f"{entity.time} {'desc' if descending else 'asc'}, id asc"
        rows += f"\n| project {_projected(entity)}\n| sort by {order}\n| take {top + 1 + skip}"
        found = self._hunting.rows(workspace, filter.statement() + rows, filter.parameters)[skip:]
        answer: dict[str, Any] = {"@odata.context": f"{asked.base}/$metadata#auditLogs/{entity.name}"}
        if (asked.option("$count") or "").lower() == "true":
            answer["@odata.count"] = self._hunting.rows(workspace, *counted)[0]["Count"]
        answer["value"] = found[:top]
        if len(found) > top:
            end = found[top - 1][entity.time]
            same = sum(row[entity.time] == end for row in found[:top])
            rest = token(at=end, skip=same + (skip if end == last else 0))
            answer["@odata.nextLink"] = next_url(asked.url, asked.parameters, "$skiptoken", rest)
        return _selected(asked, answer)

    def _log_entry(self, principal: Principal, asked: _Question, entity: LogEntity, id: str) -> dict[str, Any]:
        asked.check("$select")
        workspace = self._hunting.workspace(principal)
        filter = TableFilter(entity.filters)
        rows = f"{entity.table}\n| where Id == {filter.parameter(id)}\n| project {_projected(entity)}\n| take 1"
        found = self._hunting.rows(workspace, filter.statement() + rows, filter.parameters)
        if not found:
            raise NotFound(f"there is no `{id[:60]}` among the {entity.name}")
        (shown,) = _selected(asked, {"value": found})["value"]
        return {"@odata.context": f"{asked.base}/$metadata#auditLogs/{entity.name}/$entity", **shown}

    def _owner(self, principal: Principal, action: Action = Action.READ) -> Owner:
        return (self._hunting.workspace(principal, action=action).name,)

    def _numbered(self, owner: Owner, id: str) -> Document[Incident]:
        if not id.isascii() or not id.isdigit() or len(id) > 9:
            raise NotFound(f"no incident has the id `{id[:60]}`")
        return self._services.detection.incidents.numbered(owner, int(id))


_INCIDENT_FILTERS = frozenset(
    "id status severity displayName createdDateTime lastUpdateDateTime assignedTo classification determination "
    "customTags systemTags".split()
)
_ALERT_FILTERS = frozenset(
    "id status severity title createdDateTime lastUpdateDateTime assignedTo classification determination incidentId "
    "serviceSource detectionSource category productName firstActivityDateTime lastActivityDateTime".split()
)


def _question(request: Request) -> _Question:
    url = request.state.base_url + request.scope["path"]
    return _Question(_base(request), url, request.query_params.multi_items())


def _base(request: Request) -> str:
    return f"{request.state.base_url}/{request.scope['path'].split('/')[1]}"


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _author(principal: Principal) -> Author:
    return Author(principal.object_id, principal.display_name)


def _descending(ordering: str | None, entity: LogEntity) -> bool:
    if not ordering:
        return True
    first, *others = parse_ordering(ordering)
    if others or str(first.path).lower() != entity.time.lower():
        raise Invalid(f"sorting by anything but `{entity.time}` is not supported")
    return first.descending


def _projected(entity: LogEntity) -> str:
    return ", ".join(f"{name} = {kql}" for name, kql in entity.shown)


def _page(asked: _Question, what: str, shown: Sequence[dict[str, Any]], filters: frozenset[str]) -> dict[str, Any]:
    """One page of entities in memory."""
    known = {name.lower() for name in filters}
    found = list(shown)
    if filtering := asked.option("$filter"):
        condition = parse_filter(filtering)
        known_paths(condition, lambda path: str(path).lower() in known)
        found = [entity for entity in found if holds(condition, entity)]
    if ordering := asked.option("$orderby"):
        orderings = parse_ordering(ordering)
        for one in orderings:
            if str(one.path).lower() not in known:
                raise Invalid(f"sorting by `{one.path}` is not supported")
        found = sorted_by(orderings, ((entity, entity) for entity in found))
    top = whole_number("$top", asked.option("$top"), _PAGE, most=_LOG_PAGE)
    first = whole_number("$skip", asked.option("$skip"), 0, least=0, most=1 << 30)
    if (given := asked.option("$skiptoken")) is not None:
        said = place("$skiptoken", given).get("after")
        places = {entity["id"]: i for i, entity in enumerate(found)}
        first = places[said] + 1 if isinstance(said, str) and said in places else len(found)
    page: dict[str, Any] = {"@odata.context": f"{asked.base}/$metadata#{what}"}
    if (asked.option("$count") or "").lower() == "true":
        page["@odata.count"] = len(found)
    page["value"] = found[first : first + top]
    if first + top < len(found):
        kept = [(k, v) for k, v in asked.parameters if k.lower() not in ("$skip", "skip")]
        page["@odata.nextLink"] = next_url(asked.url, kept, "$skiptoken", token(after=page["value"][-1]["id"]))
    return page


def _selected(asked: _Question, page: dict[str, Any]) -> dict[str, Any]:
    """The page with only the properties that `$select` names."""
    given = asked.option("$select")
    if not given:
        return page
    wanted = {name.strip().lower() for name in given.split(",")}
    if page["value"] and (unknown := wanted - {name.lower() for name in page["value"][0]}):
        raise Invalid(f"`$select` names `{min(unknown)[:60]}`, which isn't there")

    def chosen(entity: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in entity.items() if name.lower() in wanted}

    return {**page, "value": [chosen(entity) for entity in page["value"]]}
