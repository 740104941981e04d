"""The endpoints of Azure Resource Manager: every type of resource is served by the same few methods."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.api.arm.bodies import parse_object
from huntlake.api.arm.errors import (
    InvalidApiVersion,
    MissingApiVersion,
    ParentNotFound,
    StaleResource,
    UnknownGroup,
    UnknownSubscription,
    UnknownType,
    request_ids,
)
from huntlake.api.arm.resource import WORKSPACE, Bounds, LongWork, Place, Resource, Walk
from huntlake.api.arm.resources import RESOURCES
from huntlake.api.arm.services import ArmServices
from huntlake.api.authentication import Authentication
from huntlake.api.bodies import read_body
from huntlake.api.conversation import report
from huntlake.api.errors import EXPECTED, json_response, rest_problem
from huntlake.api.limits import Allowance, QueryLimits, Turns
from huntlake.api.odata.paging import next_url, place, token, whole_number
from huntlake.api.odata.syntax import Comparison, Condition, Junction, Literal, Path, parse_filter, parse_ordering
from huntlake.api.odata.values import holds, known_paths, sorted_by
from huntlake.api.streaming import StreamedLines
from huntlake.core.errors import Conflict, Invalid, NotFound, PreconditionFailed
from huntlake.identity.audiences import MANAGEMENT, manages
from huntlake.identity.principals import Principal
from huntlake.identity.rights import Action
from huntlake.state.documents import ANY_ETAG, Document
from huntlake.state.records import Only

_METHODS = ["GET", "PUT", "PATCH", "POST", "DELETE", "HEAD", "OPTIONS"]
_PAGE, _MOST_PAGE, _REMEMBERED = 1000, 1000, 5
_LONG_AT_ONCE = 2
"""Works that take long, of one principal."""
_VERSION = re.compile(r"\d{4}-\d\d-\d\d(-[a-z]{1,20})?|latest", re.IGNORECASE)
_NAME = re.compile(r"[^<>%&\\?/#\x00-\x1f\x7f]{1,260}")


@dataclass(frozen=True)
class _Asked:
    """A request, as far as plain code needs it."""

    method: str
    url: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes

    def parameter(self, name: str) -> str | None:
        return next((v for k, v in self.query if k.lower() == name.lower()), None)


@dataclass(frozen=True)
class _Found:
    """What a path points at: a collection, or one resource of it, or something that can be done with either."""

    resource: Resource[Any]
    names: Mapping[str, str]
    name: str = ""
    post: str | None = None


class ArmFace:
    """The management API."""

    def __init__(self, services: ArmServices, authentication: Authentication, pool: Executor, turns: Turns) -> None:
        self._services, self._authentication, self._pool, self._turns = services, authentication, pool, turns
        self._long = QueryLimits(services.clock, Allowance(at_once=_LONG_AT_ONCE))

    def routes(self) -> list[Route]:
        """The face's routes; what is below them is a matter of `resources.py`."""
        roots = ("/subscriptions", "/subscriptions/{rest:path}", "/providers/{rest:path}", "/tenants")
        found = [Route(root, self.resource, methods=_METHODS) for root in roots]
        for route in found:
            route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
        return [Route("/metadata/endpoints", self.endpoints), *found]

    async def endpoints(self, request: Request) -> Response:
        """Where every other face is, for clients that know only this one. Anonymous."""
        base = request.state.base_url
        signing_in = {
            "loginEndpoint": f"{base}/adfs",
            "audiences": ["https://management.azure.com/", base],
            "tenant": "common",
            "identityProvider": "AAD",
        }
        return json_response(
            {
                "name": "huntlake",
                "portal": base,
                "resourceManager": f"{base}/",
                "logAnalyticsResourceId": base,
                "microsoftGraphResourceId": f"{base}/",
                "authentication": signing_in,
                "graph": f"{base}/",
                "graphAudience": f"{base}/",
                "batch": f"{base}/",
                "appInsightsResourceId": base,
                "suffixes": {"storage": "local", "keyVaultDns": "local"},
            }
        )

    async def resource(self, request: Request) -> Response:
        """Any resource."""
        principal = await self._authentication.principal(request, MANAGEMENT)
        asked = _Asked(
            request.method,
            request.state.base_url + quote(request.url.path, safe="/$-_.~"),
            request.query_params.multi_items(),
            request.headers,
            await read_body(request, self._services.settings.max_request_bytes),
        )
        path = request.scope["path"]
        answering = partial(
            self._answer, asked, path, principal, request.state.base_url, manages(request.state.audience)
        )
        turn = self._turns.turn(principal.client_id) if _find(path).resource.asks_data else nullcontext()
        async with turn:
            status, body, etag = await run_in_threadpool(answering)
        headers = request_ids(request) | ({"ETag": etag} if etag else {})
        if isinstance(body, LongWork):
            who = principal.client_id
            return StreamedLines(
                body.do,
                partial(_told, request.state.activity_id),
                pool=self._pool,
                turns=self._turns,
                principal=who,
                place=self._long.running(who),
                headers=headers,
            )
        if body is None:
            return Response(status_code=status, headers=headers)
        return json_response(body, status, headers)

    def _answer(
        self, asked: _Asked, path: str, principal: Principal, base: str, for_management: bool
    ) -> tuple[int, object, str]:
        found = _find(path)
        version = asked.parameter("api-version")
        if not version:
            raise MissingApiVersion("The api-version query parameter (?api-version=) is required for all requests.")
        if not _VERSION.fullmatch(version):
            raise InvalidApiVersion(f"The api-version '{version[:40]}' is invalid; it is a date, such as 2021-10-01.")
        place = replace(self._place(found, principal, base), for_management=for_management)
        resource = found.resource
        if resource.in_workspace:
            place.may(resource.read)
            _check_parents(resource, place)
        elif resource.workspace_of is not None:
            place = replace(place, workspace=resource.workspace_of(place, found.name))
        if found.post is not None:
            return _posted(found, place, asked)
        if found.name:
            return _ONE[asked.method](found, place, asked) if asked.method in _ONE else _not_allowed(asked, _ONE)
        if asked.method in ("GET", "HEAD") and resource.can_list:
            return 200, _page(resource, place, asked), ""
        if asked.method == "POST" and "" in resource.collection_posts:
            return _posted(found, place, asked)
        raise HTTPException(405, headers={"Allow": "GET"})

    def _place(self, found: _Found, principal: Principal, base: str) -> Place:
        subscription, names = self._services.subscription, dict(found.names)
        if names.get("subscription", subscription.id).lower() != subscription.id:
            raise UnknownSubscription(f"The subscription '{names['subscription']}' could not be found.")
        if names.get("group", subscription.group).lower() != subscription.group.lower():
            raise UnknownGroup(f"Resource group '{names['group']}' could not be found.")
        workspace = None
        if "workspace" in names:
            try:
                workspace = self._services.workspaces.get(names["workspace"])
            except NotFound:
                workspace = None  # and one that the caller may not read looks the same
        canonical = names | {"subscription": subscription.id, "group": subscription.group}
        if workspace is not None:
            canonical["workspace"] = workspace.name
        path = "/" + "/".join(canonical.get(s[1:-1], s) if s[0] == "{" else s for s in found.resource.segments)
        return Place(self._services, principal, base, path, names, workspace)


def _told(activity_id: str, error: Exception) -> dict[str, object]:
    """The error that an answer ends with which had begun already."""
    if not isinstance(error, EXPECTED):
        report(error, activity_id)
    problem = rest_problem(error)
    return {"error": {"code": problem.code, "message": problem.message}}


def _find(path: str) -> _Found:
    given = [part for part in path.split("/") if part]
    for part in given:
        if not _NAME.fullmatch(part):
            raise Invalid(f"`{part[:40]}` can't be part of a path")
    for resource in RESOURCES:
        names = _match(resource.segments, given)
        if names is None:
            continue
        rest = given[len(resource.segments) :]
        match rest:
            case []:
                return _Found(resource, names)
            case [post] if (name := _among(post, resource.collection_posts)) is not None:
                return _Found(resource, names, post=name)
            case [name]:
                return _Found(resource, names, name)
            case [name, post] if (known := _among(post, resource.posts)) is not None:
                return _Found(resource, names, name, known)
    raise UnknownType("There is no resource of this type, or it is not supported.")


def _match(segments: Sequence[str], given: Sequence[str]) -> dict[str, str] | None:
    if len(given) < len(segments):
        return None
    names = {}
    for segment, part in zip(segments, given, strict=False):
        if segment[0] == "{":
            names[segment[1:-1]] = part
        elif segment.lower() != part.lower():
            return None
    return names


def _among(name: str, known: Mapping[str, object]) -> str | None:
    return next((k for k in known if k and k.lower() == name.lower()), None)


def _check_parents(resource: Resource[Any], place: Place) -> None:
    """`ParentNotFound` unless everything that the path names above the resource is there."""
    for parent in RESOURCES:
        above = parent.segments
        if parent.in_workspace and len(above) < len(resource.segments) and resource.segments[: len(above)] == above:
            variable = resource.segments[len(above)]
            if variable[0] != "{":
                continue
            name = place.names[variable[1:-1]]
            owner = place.owner[: 1 + sum(s[0] == "{" for s in above[_OF_WORKSPACE:])]
            try:
                parent.store(place).get(owner, name)
            except NotFound as error:
                raise ParentNotFound(str(error)) from None


_OF_WORKSPACE = WORKSPACE.count("/")
"""How many parts the path of a workspace has."""


def _posted(found: _Found, place: Place, asked: _Asked) -> tuple[int, object, str]:
    resource = found.resource
    known = resource.posts if found.name else resource.collection_posts
    action, post = known[found.post or ""]
    # Older versions of the API read these with GET.
    if asked.method != "POST" and not (asked.method == "GET" and action is Action.READ):
        raise HTTPException(405, headers={"Allow": "POST"})
    if found.post not in resource.unborn:
        if found.name:
            resource.store(place).get(place.owner, found.name)
        place.may(action)
    status, body = post(place, found.name, parse_object(asked.body))
    return status, body, ""


def _get(found: _Found, place: Place, asked: _Asked) -> tuple[int, object, str]:
    document = found.resource.store(place).get(place.owner, found.name)
    etag = _quoted(document.etag)
    if asked.headers.get("if-none-match", "").strip() in (etag, document.etag, ANY_ETAG) and document.etag:
        return 304, None, etag
    return 200, _shown(found.resource, place, document), etag


def _head(found: _Found, place: Place, asked: _Asked) -> tuple[int, object, str]:
    # Clients that ask whether something is there know no other answer than this one.
    status, _, etag = _get(found, place, asked)
    return (204 if status == 200 else status), None, etag


def _put(found: _Found, place: Place, asked: _Asked) -> tuple[int, object, str]:
    resource = _writable(found, place)
    body = parse_object(asked.body)
    value = resource.form.meant(place, found.name, body)
    only, from_body = _only(asked, body)
    try:
        document, new = resource.store(place).put(place.owner, found.name, value, place.author, only)
    except PreconditionFailed as error:
        if not from_body:
            raise
        raise StaleResource(str(error)) from None
    except Conflict as error:
        if not only.create:
            raise
        raise PreconditionFailed(str(error)) from None
    status = resource.created if new else 200
    return status, _shown(resource, place, document), _quoted(document.etag)


def _patch(found: _Found, place: Place, asked: _Asked) -> tuple[int, object, str]:
    resource = _writable(found, place)
    if not resource.can_patch:
        raise HTTPException(405, headers={"Allow": "GET, PUT, DELETE"})
    store = resource.store(place)
    given = parse_object(asked.body)
    only, _ = _only(asked, given)
    while True:
        before = store.get(place.owner, found.name)
        if only.if_match not in (None, ANY_ETAG, before.etag):
            raise PreconditionFailed("The resource has changed since it was read.")
        merged = _merged(_shown(resource, place, before), given)
        value = resource.form.meant(place, found.name, merged)
        try:
            document, _ = store.put(place.owner, found.name, value, place.author, Only(before.etag or None))
        except PreconditionFailed:
            continue  # someone wrote in between
        return 200, _shown(resource, place, document), _quoted(document.etag)


def _delete(found: _Found, place: Place, asked: _Asked) -> tuple[int, object, str]:
    resource = _writable(found, place)
    if not resource.can_delete:
        raise HTTPException(405, headers={"Allow": "GET, PUT"})
    only, _ = _only(asked, {})
    gone = resource.store(place).delete(place.owner, found.name, only)
    return (resource.deleted if gone else 204), None, ""


_ONE: Mapping[str, Callable[[_Found, Place, _Asked], tuple[int, object, str]]] = {
    "GET": _get,
    "HEAD": _head,
    "PUT": _put,
    "PATCH": _patch,
    "DELETE": _delete,
}


def _not_allowed(asked: _Asked, known: Mapping[str, object]) -> tuple[int, object, str]:
    raise HTTPException(405, headers={"Allow": ", ".join(known)})


def _writable(found: _Found, place: Place) -> Resource[Any]:
    if found.resource.write is None:
        raise HTTPException(405, headers={"Allow": "GET"})
    if place.workspace is not None:
        place.may(found.resource.write)
    return found.resource


def _page(resource: Resource[Any], place_: Place, asked: _Asked) -> dict[str, object]:
    """One page of a collection, and where the next one is."""
    if resource.walk is not None and not asked.parameter("$orderby"):
        return _walked(resource, resource.walk, place_, asked)
    documents = list(resource.store(place_).list(place_.owner))
    top = whole_number("$top", asked.parameter("$top"), _PAGE, most=_MOST_PAGE) if resource.pages else len(documents)
    filtering, ordering = asked.parameter("$filter"), asked.parameter("$orderby")
    if filtering or ordering:
        documents = _selected(resource, place_, documents, filtering, ordering)
    first = 0
    if (skip := asked.parameter("$skipToken")) is not None:
        said = place("$skipToken", skip)
        # The last one of the page before may be gone by now: then the page goes on after one before it.
        places = {d.name: i for i, d in enumerate(documents)}
        after = said.get("after")
        if not isinstance(after, list) or not all(isinstance(name, str) for name in after):
            raise Invalid("`$skipToken` isn't one that an answer gave")
        first = next((places[name] + 1 for name in after if name in places), 0)
    page = documents[first : first + top]
    answer: dict[str, object] = {"value": [_shown(resource, place_, d) for d in page]}
    if first + top < len(documents):
        rest = token(after=[d.name for d in page[: -_REMEMBERED - 1 : -1]])
        answer["nextLink"] = next_url(asked.url, asked.query, "$skipToken", rest)
    return answer


def _walked(resource: Resource[Any], walk: Walk[Any], place_: Place, asked: _Asked) -> dict[str, object]:
    """One page of a collection that isn't listed whole."""
    top = whole_number("$top", asked.parameter("$top"), _PAGE, most=_MOST_PAGE)
    after = ""
    if (skip := asked.parameter("$skipToken")) is not None:
        last = place("$skipToken", skip).get("last")
        if not isinstance(last, str):
            raise Invalid("`$skipToken` isn't one that an answer gave")
        after = last
    condition = parse_filter(filtering) if (filtering := asked.parameter("$filter")) else None
    bounds = Bounds()
    if condition is not None:
        known_paths(condition, partial(_knows, resource))
        bounds = _bounds(condition)
    page: list[dict[str, Any]] = []
    name = ""
    for document in walk(place_, bounds, after):
        shown = _shown(resource, place_, document)
        if condition is not None and not holds(condition, _flat(shown)):
            continue
        if len(page) == top:
            return {"value": page, "nextLink": next_url(asked.url, asked.query, "$skipToken", token(last=name))}
        page.append(shown)
        name = document.name
    return {"value": page}


def _bounds(condition: Condition) -> Bounds:
    """What must hold whatever else does: of what is joined by `and` each part."""
    parts = condition.conditions if isinstance(condition, Junction) and condition.operator == "and" else (condition,)
    statuses: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    for part in parts:
        match part:
            case Comparison(operator, Path() as path, Literal(value)):
                name = str(path).lower().removeprefix("properties/")
                if name == "status" and operator == "eq" and isinstance(value, str):
                    statuses = frozenset({value.lower()})
                elif name == "starttime" and isinstance(value, datetime):
                    since = value if operator in ("ge", "gt", "eq") else since
                    until = value if operator in ("le", "lt", "eq") else until
            case _:
                continue
    return Bounds(statuses, since, until)


def _knows(resource: Resource[Any], path: Path) -> bool:
    # Some clients leave `properties/` out.
    known = {name.lower() for name in resource.filters}
    return str(path).lower() in known or f"properties/{path}".lower() in known


def _selected(
    resource: Resource[Any],
    place: Place,
    documents: Sequence[Document[Any]],
    filtering: str | None,
    ordering: str | None,
) -> list[Document[Any]]:
    found = [(_flat(_shown(resource, place, d)), d) for d in documents]
    if filtering:
        condition = parse_filter(filtering)
        known_paths(condition, partial(_knows, resource))
        found = [(shown, d) for shown, d in found if holds(condition, shown)]
    if not ordering:
        return [d for _, d in found]
    orderings = parse_ordering(ordering)
    for one in orderings:
        if not _knows(resource, one.path):
            raise Invalid(f"sorting by `{one.path}` is not supported")
    return sorted_by(orderings, found)


def _flat(shown: dict[str, Any]) -> dict[str, Any]:
    properties = shown.get("properties")
    return {**properties, **shown} if isinstance(properties, dict) else shown


def _shown(resource: Resource[Any], place: Place, document: Document[Any]) -> dict[str, Any]:
    shown = {"id": f"{place.path}/{document.name}", "name": document.name, "type": resource.type}
    if document.etag:
        shown["etag"] = _quoted(document.etag)
    return {**shown, **resource.form.shown(place, document)}


def _only(asked: _Asked, body: Mapping[str, Any]) -> tuple[Only, bool]:
    """What must hold for a write, and whether the body says so rather than a header."""
    if asked.headers.get("if-none-match", "").strip() == ANY_ETAG:
        return Only(create=True), False
    if given := asked.headers.get("if-match", ""):
        return Only(_bare(given)), False
    inside = body.get("etag")
    if isinstance(inside, str) and inside:
        return Only(_bare(inside)), True
    return Only(), False


def _quoted(etag: str) -> str:
    return f'"{etag}"'


def _bare(etag: str) -> str:
    return etag.strip().removeprefix("W/").strip('"')


def _merged(target: Any, patch: Any) -> Any:
    """A JSON merge patch, RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
