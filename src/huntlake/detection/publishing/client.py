"""The management API of a workspace that is elsewhere: lists, PUT and DELETE with ETags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid, NotFound, PreconditionFailed, Refused, Unavailable
from huntlake.workspace.remote.endpoints import PUBLIC_AUTHORITY, address
from huntlake.workspace.remote.tokens import TokenSource
from huntlake.workspace.remote.transport import Call, Response, Transport, message_of

PUBLIC = "https://management.azure.com"
_SENTINEL, _SEARCHES, _HUNTS, _OURS = "2024-03-01", "2020-08-01", "2024-01-01-preview", "2026-01-01"
_TIMEOUT = timedelta(minutes=2)
_MOST_PAGES = 10_000


@dataclass(frozen=True)
class Target:
    """A workspace behind a management API, and who signs in."""

    url: str
    subscription: str
    group: str
    workspace: str
    tenant: str
    client: str
    authority: str = ""
    scope: str = ""
    certificates: str = ""

    @property
    def path(self) -> str:
        """The id of the workspace."""
        parts = [quote(p, safe="") for p in (self.subscription, self.group, self.workspace)]
        provider = "providers/Microsoft.OperationalInsights/workspaces"
        return f"/subscriptions/{parts[0]}/resourceGroups/{parts[1]}/{provider}/{parts[2]}"

    @property
    def key(self) -> str:
        """By what it is told from other targets."""
        return f"{address(self.url).url}{self.path}".lower()


class Arm:
    """Calls of one workspace's resources, signed in by client credentials. `secret` is asked for when it is needed."""

    def __init__(
        self,
        target: Target,
        secret: Callable[[], str],
        clock: Clock,
        wait: Callable[[float, Event], bool] | None = None,
    ) -> None:
        place = address(target.url, "the API's URL")
        is_public = place.host == "management.azure.com"
        authority = target.authority or (PUBLIC_AUTHORITY if is_public else f"{place.origin}/adfs")
        signing_in = address(authority, "the authority")
        self._base, self._target = place.url, target
        self._transport = Transport(place.url, target.certificates, 4, wait)
        tokens = Transport(signing_in.url, target.certificates, 1, wait)
        scope = target.scope or f"{place.origin}/.default"
        self._tokens = TokenSource(tokens, signing_in.url, target.tenant, target.client, scope, secret, clock)

    def rules(self) -> Iterator[dict[str, Any]]:
        """Every analytic rule."""
        return self._list("/providers/Microsoft.SecurityInsights/alertRules", _SENTINEL)

    def searches(self) -> Iterator[dict[str, Any]]:
        """Every saved search."""
        return self._list("/savedSearches", _SEARCHES)

    def watchlists(self) -> Iterator[dict[str, Any]]:
        """Every watchlist."""
        return self._list("/providers/Microsoft.SecurityInsights/watchlists", _SENTINEL)

    def items(self, alias: str) -> Iterator[dict[str, Any]]:
        """Every item of a watchlist."""
        where = f"/providers/Microsoft.SecurityInsights/watchlists/{quote(alias, safe='')}/watchlistItems"
        return self._list(where, _SENTINEL)

    def tests(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every test of a rule, with the rule's name. A service that keeps no tests says no, in whichever way."""
        for rule in self._list("/providers/huntlake.Detection/testedRules", _OURS):
            name = str(rule.get("name", ""))
            where = f"/providers/Microsoft.SecurityInsights/alertRules/{quote(name, safe='')}"
            for test in self._list(f"{where}/providers/huntlake.Detection/tests", _OURS):
                yield name, test

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """A resource; None where there is none."""
        where, version = _place(kind, name)
        try:
            found = self._call(Call("GET", self._url(where), query={"api-version": version})).json()
        except NotFound:
            return None
        return found if isinstance(found, dict) else {}

    def put(self, kind: str, name: str, body: Mapping[str, Any], etag: str) -> dict[str, Any]:
        """Write a resource where it is of that ETag, or, with none, where there is none yet."""
        where, version = _place(kind, name)
        guard = {"If-Match": etag} if etag else {"If-None-Match": "*"}
        sent = {**body, **({"etag": etag} if etag else {})}
        response = self._call(Call("PUT", self._url(where), guard, json=sent, query={"api-version": version}))
        found = response.json()
        return found if isinstance(found, dict) else {}

    def delete(self, kind: str, name: str, etag: str) -> None:
        """Delete a resource of that ETag."""
        where, version = _place(kind, name)
        self._call(Call("DELETE", self._url(where), {"If-Match": etag}, query={"api-version": version}))

    def _list(self, where: str, version: str) -> Iterator[dict[str, Any]]:
        url, query = self._url(where), {"api-version": version}
        for _ in range(_MOST_PAGES):
            body = self._call(Call("GET", url, query=query)).json()
            if not isinstance(body, dict) or not isinstance(body.get("value"), list):
                raise Unavailable("the API answers without a list")
            yield from (one for one in body["value"] if isinstance(one, dict))
            after = body.get("nextLink")
            if not after:
                return
            parts = urlsplit(str(after))
            # Where it leads elsewhere, the transport refuses: a token goes to whom it is for.
            url, query = f"{parts.scheme}://{parts.netloc}{parts.path}", dict(parse_qsl(parts.query))
        raise Unavailable("the API's list has no end")

    def _url(self, where: str) -> str:
        return f"{self._base}{self._target.path}{where}"

    def _call(self, call: Call) -> Response:
        response = self._sent(call)
        if response.status in (200, 201, 204):
            return response
        told = message_of(response)
        said = f"{self._target.workspace} answers {response.status}" + (f": {told}" if told else "")
        match response.status:
            case 401 | 403:
                raise Refused(said)
            case 404:
                raise NotFound(said)
            case 409 | 412:
                raise PreconditionFailed(said)
            case status if 400 <= status < 500:
                raise Invalid(said)
        raise Unavailable(said)

    def _sent(self, call: Call) -> Response:
        for attempt in (1, 2):
            token = self._tokens.token()
            headers = {**call.headers, "Authorization": f"Bearer {token}"}
            if call.json is not None:
                headers["Content-Type"] = "application/json"
            made = Call(call.method, call.url, headers, call.json, query=call.query, timeout=_TIMEOUT)
            response = self._transport.send(made)
            if response.status != 401 or attempt == 2:
                break
            self._tokens.forget(token)
        return response


def _place(kind: str, name: str) -> tuple[str, str]:
    named = quote(name, safe="")
    first, _, second = name.partition("/")
    within, below = quote(first, safe=""), quote(second, safe="")
    match kind:
        case "hunt":
            return f"/providers/Microsoft.SecurityInsights/hunts/{named}", _HUNTS
        case "hunt relation":
            return f"/providers/Microsoft.SecurityInsights/hunts/{within}/relations/{below}", _HUNTS
        case "watchlist item":
            return f"/providers/Microsoft.SecurityInsights/watchlists/{within}/watchlistItems/{below}", _SENTINEL
        case "rule test":
            rule = f"/providers/Microsoft.SecurityInsights/alertRules/{within}"
            return f"{rule}/providers/huntlake.Detection/tests/{below}", _OURS
        case "analytic rule":
            return f"/providers/Microsoft.SecurityInsights/alertRules/{named}", _SENTINEL
        case "watchlist":
            return f"/providers/Microsoft.SecurityInsights/watchlists/{named}", _SENTINEL
    return f"/savedSearches/{named}", _SEARCHES
