"""Connectors to plain REST services, declared as data: one YAML file each in `content/connectors/`.

An operation has the method and the path by which workflows ask for it, and, as `call`, the request that it becomes. In
a path `{name}` is what stands at that name of the operation's path. Elsewhere `{name}` is a parameter of the
connection, and `{path.x}`, `{query.x}` and `{body.x}` are parts of what was asked, `{query}` and `{body}` the whole; a
text that is nothing else becomes the very value, and is left out where there is none. In an object `"*"` stands for
all members of its value, which those that follow are put over; a null takes one away.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Protocol
from urllib.parse import quote, urlencode, urlsplit

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.playbooks.connectors.connector import Asked, ConnectionParameter, Connector, Effect, Operation
from huntlake.playbooks.connectors.new_items import NewItems, Page, moment
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer

CONNECTORS = Path(__file__).parents[2] / "content" / "connectors"
ENDPOINT = "endpoint"
"""A parameter that every such connection may have: the base URL, where it isn't the usual one."""

_PLACE = re.compile(r"\{((?:path|query|body)(?:\.[\w$@-]+(?:\.[\w$@-]+)*)?|\w+)\}")
_EARLY = timedelta(minutes=5)


class Send(Protocol):
    """Sends requests."""

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: Any, host: str) -> Answer:
        """The answer to a request whose body is a JSON value as workflows hold it.

        The declaration, or a connection that a person made, names the `host`. It doesn't raise for what the other side
        does.
        """


@dataclass(frozen=True)
class Token:
    """How a token is had for an application (OAuth 2.0 client credentials)."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    authority: str
    tenant: str
    client: str
    secret: str
    scope: str


@dataclass(frozen=True)
class Declared:
    """An operation."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    id: str
    ask: str
    """Method and path by which a workflow asks, such as `GET /check`."""
    effect: Effect
    summary: str
    call: str = ""
    """Method and path of the request; without it the same."""
    queries: Mapping[str, Any] | None = None
    """The queries of the request; without it those that were asked."""
    body: Any = None
    """The request's body; without it the one that was asked."""
    form: bool = False
    """Whether the body is sent as a form."""
    answer: str = ""
    """What of the answer's body is given on, such as `result`; without it the whole."""
    lines: bool = False
    """Whether the answer is JSON Lines, given on as a list."""
    must: str = ""
    """What of the answer must be true: services that say `200` of a failure."""
    dry_run: Any = None
    """The body that a dry run answers."""
    twice: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeclaredTrigger:
    """Something that triggers ask for again and again: what is new in a list whose newest items come first."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    id: str
    ask: str
    summary: str
    name: tuple[str, ...]
    """Which members tell an item from others."""
    at: str
    """Which member says when it was made."""
    call: str = ""
    queries: Mapping[str, Any] | None = None
    items: str = "value"
    """Where in the answer the items are."""
    next: str = ""
    """Where it says the address of older ones, if it does."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of the connection."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    name: str
    summary: str
    secret: bool = False
    default: str | None = None


@dataclass(frozen=True)
class Declaration:
    """A connector."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}

    name: str
    title: str
    url: str
    """What the paths of requests are below."""
    operations: tuple[Declared, ...]
    triggers: tuple[DeclaredTrigger, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    basic: tuple[str, str] | None = None
    """User and password."""
    token: Token | None = None
    aliases: tuple[str, ...] = ()
    """Other names under which workflows know it."""


def declarations() -> dict[str, Declaration]:
    """Every connector that is declared, by its names."""
    found: dict[str, Declaration] = {}
    for file in sorted(CONNECTORS.glob("*.yaml")):
        made = declaration(file.read_bytes(), file.name)
        for name in (made.name, *made.aliases):
            found[name] = made
    return found


def declaration(content: bytes, name: str) -> Declaration:
    """The connector that a file declares; `Invalid` names what is wrong in it."""
    import yaml
    from pydantic import TypeAdapter, ValidationError

    try:
        made = TypeAdapter(Declaration).validate_python(yaml.safe_load(content))
    except yaml.YAMLError as error:
        raise Invalid(f"{name} isn't YAML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(f"{name}: `{'.'.join(map(str, first['loc']))}`: {first['msg']}") from None
    known = {p.name for p in made.parameters}
    for place in _places([made.url, dict(made.headers), list(made.basic or ()), _texts_of(made.token)]):
        if place not in known:
            raise Invalid(f"{name}: no parameter is named `{place}`")
    for operation in (*made.operations, *map(_listing, made.triggers)):
        if len(operation.ask.split(" ", 1)) != 2 or (operation.call and " " not in operation.call):
            raise Invalid(f"{name}: `{operation.id}` has no method and path")
        for place in _places([operation.queries, operation.body]):
            if place not in known and place.partition(".")[0] not in ("path", "query", "body"):
                raise Invalid(f"{name}: `{operation.id}` knows no `{{{place}}}`")
    return made


class Tokens:
    """Tokens of applications, kept until shortly before they expire."""

    def __init__(self, send: Send, clock: Clock) -> None:
        self._send, self._clock = send, clock
        self._kept: dict[tuple[str, ...], tuple[str, datetime]] = {}
        self._lock = Lock()

    def of(self, token: Token) -> str | Answer:
        """A token, or the answer that says why there is none."""
        key = (token.authority, token.tenant, token.client, token.secret, token.scope)
        with self._lock:
            known = self._kept.get(key)
        if known is not None and known[1] > self._clock.now():
            return known[0]
        url = f"{token.authority.rstrip('/')}/{quote(token.tenant, safe='')}/oauth2/v2.0/token"
        given = {
            "grant_type": "client_credentials",
            "client_id": token.client,
            "client_secret": token.secret,
            "scope": token.scope,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = self._send("POST", url, headers, given, _host(token.authority))
        body = answer.body if isinstance(answer.body, Mapping) else {}
        if answer.lost or answer.refused:
            return answer
        if answer.status != 200 or not isinstance(body.get("access_token"), str):
            message = text(body.get("error_description") or body.get("error"))[:500]
            status = answer.status if answer.status >= 429 else 401
            return Answer(status, body={"error": {"code": "Unauthorized", "message": f"no token was given: {message}"}})
        lifetime = body.get("expires_in")
        seconds = int(lifetime) if isinstance(lifetime, int | str) and str(lifetime).isdecimal() else 0
        with self._lock:
            self._kept[key] = body["access_token"], self._clock.now() + timedelta(seconds=seconds) - _EARLY
        return str(body["access_token"])


def build(declared: Declaration, send: Send, clock: Clock) -> Connector:
    """The connector of a declaration."""
    tokens = Tokens(send, clock)
    operations = []
    for one in declared.operations:
        method, _, path = one.ask.partition(" ")
        work = _Request(declared, one, send, tokens)
        dry = _dry(one) if one.effect is not Effect.READ else None
        operations.append(
            Operation(one.id, method, path, one.summary, one.effect, work, dry, twice=frozenset(one.twice))
        )
    polls = []
    for trigger in declared.triggers:
        request = _Request(declared, _listing(trigger), send, tokens)
        method, _, path = trigger.ask.partition(" ")
        new = NewItems(partial(_page, trigger, request), partial(_name_of, trigger), partial(_made_at, trigger))
        polls.append(Operation(trigger.id, method, path, trigger.summary, Effect.READ, new))
    parameters = tuple(ConnectionParameter(p.name, p.summary, p.secret, p.default is None) for p in declared.parameters)
    usual = "the usual one" if "{" in declared.url else f"`{declared.url}`"
    endpoint = ConnectionParameter(ENDPOINT, f"Base URL, where it isn't {usual}.", required=False)
    return Connector(declared.name, declared.title, tuple(operations), (), tuple(polls), (*parameters, endpoint))


@dataclass(frozen=True)
class _Request:
    """Makes the request that an operation becomes."""

    connector: Declaration
    operation: Declared
    send: Send
    tokens: Tokens

    def __call__(self, asked: Asked, link: str = "") -> Answer:
        given = {p.name: asked.secrets.get(p.name) or p.default for p in self.connector.parameters}
        missing = [name for name, value in given.items() if value is None]
        if missing:
            names = ", ".join(f"`{m}`" for m in missing)
            return Answer(refused=f"the connection `{asked.connection}` to `{self.connector.name}` has no {names}")
        known = {k: v or "" for k, v in given.items()}
        base = asked.secrets.get(ENDPOINT) or text(_filled(self.connector.url, known, asked))
        method, _, path = (self.operation.call or self.operation.ask).partition(" ")
        url = base.rstrip("/") + _path(path, asked.arguments) if path else base
        if link:
            # What leads elsewhere doesn't get the connection's credentials.
            if _host(link) != _host(base) or urlsplit(link).scheme != urlsplit(base).scheme:
                raise Invalid(f"the rest of the answer lies at `{_host(link)}`: that is not supported")
            url = link
        elif queries := self._queries(known, asked):
            url += ("&" if "?" in url else "?") + urlencode(queries, quote_via=quote)
        headers = {n: text(_filled(t, known, asked)) for n, t in self.connector.headers.items()}
        if any("\r" in v or "\n" in v for v in headers.values()):
            raise Invalid("a parameter of the connection has a line break in it")
        if self.connector.basic:
            both = ":".join(text(_filled(t, known, asked)) for t in self.connector.basic)
            headers["Authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
        if self.connector.token:
            token = self.tokens.of(_filled_token(self.connector.token, known, asked))
            if isinstance(token, Answer):
                return token
            headers["Authorization"] = f"Bearer {token}"
        body = asked.body if self.operation.body is None else _filled(self.operation.body, known, asked)
        if self.operation.form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        headers.setdefault("Accept", "application/json")
        answer = self.send(method, url, headers, None if method in ("GET", "HEAD") else body, _host(base))
        return self._given_on(answer)

    def _queries(self, known: Mapping[str, str], asked: Asked) -> list[tuple[str, str]]:
        declared = self.operation.queries
        given = asked.queries if declared is None else _filled(dict(declared), known, asked)
        return [
            (k, text(one)) for k, v in given.items() if v is not None for one in (v if isinstance(v, list) else [v])
        ]

    def _given_on(self, answer: Answer) -> Answer:
        if answer.lost or answer.refused or answer.status >= 300:
            return answer
        body = answer.body
        if self.operation.lines:
            body = _lines(body)
        if self.operation.must and not _at(body, self.operation.must.split(".")):
            return replace(answer, status=400, body=body)
        if self.operation.answer:
            body = _at(body, self.operation.answer.split("."))
        return replace(answer, body=body)


def _listing(trigger: DeclaredTrigger) -> Declared:
    return Declared(trigger.id, trigger.ask, Effect.READ, trigger.summary, trigger.call, trigger.queries)


def _page(trigger: DeclaredTrigger, request: _Request, asked: Asked, link: str) -> Page | Answer:
    answer = request(asked, link)
    if answer.lost or answer.refused or answer.status >= 300:
        return answer
    items = _at(answer.body, trigger.items.split(".") if trigger.items else [])
    if not isinstance(items, list) or not all(isinstance(i, Mapping) for i in items):
        raise Invalid(f"the answer has no list of objects at `{trigger.items}`")
    following = _members(answer.body).get(trigger.next) if trigger.next else ""
    return Page(items, text(following))


def _name_of(trigger: DeclaredTrigger, item: Mapping[str, Any]) -> str:
    return json.dumps([text(_at(item, n.split("."))) for n in trigger.name])


def _made_at(trigger: DeclaredTrigger, item: Mapping[str, Any]) -> datetime | None:
    return moment(_at(item, trigger.at.split(".")))


def _members(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _dry(operation: Declared) -> Callable[[Asked], Answer]:
    body = {} if operation.dry_run is None else operation.dry_run
    return lambda asked: Answer(200, {"Content-Type": "application/json"}, _filled(body, {}, asked))


def _filled_token(token: Token, known: Mapping[str, str], asked: Asked) -> Token:
    parts = (token.authority, token.tenant, token.client, token.secret, token.scope)
    return Token(*(text(_filled(t, known, asked)) for t in parts))


def _filled(template: Any, known: Mapping[str, str], asked: Asked) -> Any:
    """A declared value with everything that it names put in; what names nothing that is there is left out."""
    match template:
        case str():
            if (whole := _PLACE.fullmatch(template)) is not None:
                return _named(whole[1], known, asked)
            return _PLACE.sub(lambda found: text(_named(found[1], known, asked)), template)
        case Mapping():
            made: dict[str, Any] = {}
            for key, value in template.items():
                if value is None:
                    made.pop(key, None)
                    continue
                filled = _filled(value, known, asked)
                if key == "*" and isinstance(filled, Mapping):
                    made |= filled
                elif filled is not None:
                    made[key] = _over(made.get(key), filled)
            return made
        case list() | tuple():
            return [f for one in template if (f := _filled(one, known, asked)) is not None]
        case _:
            return template


def _over(below: Any, above: Any) -> Any:
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        return {**below, **{k: _over(below.get(k), v) for k, v in above.items()}}
    return above


def _named(name: str, known: Mapping[str, str], asked: Asked) -> Any:
    first, *rest = name.split(".")
    sources = {"path": asked.arguments, "query": asked.queries, "body": asked.body}
    if first in known:
        return known[first]
    return _at(sources[first], rest) if first in sources else None


def _at(value: Any, names: list[str]) -> Any:
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = next((v for k, v in value.items() if str(k).lower() == name.lower()), None)
    return value


def _path(template: str, arguments: Mapping[str, str]) -> str:
    """A path with arguments in it, each encoded as one segment; those of a rest (`{name*}`) keep their slashes."""

    def put(found: re.Match[str]) -> str:
        value = arguments.get(found[1], "")
        segments = value.split("/")
        if any(s in (".", "..") for s in segments):
            raise Invalid(f"`{value[:100]}` is no part of a path")
        return quote(value, safe="/:@$!,;=()'" if found[2] else "")

    return re.sub(r"\{(\w+)(\*?)\}", put, template)


def _lines(body: Any) -> list[Any]:
    if isinstance(body, Mapping) and isinstance(body.get("$content"), str):
        body = base64.b64decode(body["$content"]).decode("utf-8", "replace")
    if not isinstance(body, str):
        return body if isinstance(body, list) else [] if body is None else [body]
    try:
        return [json.loads(line) for line in body.splitlines() if line.strip()]
    except ValueError:
        raise Invalid("the answer isn't JSON Lines") from None


def _places(value: Any) -> list[str]:
    match value:
        case str():
            return _PLACE.findall(value)
        case Mapping():
            return [p for v in value.values() for p in _places(v)]
        case list() | tuple():
            return [p for v in value for p in _places(v)]
        case _:
            return []


def _texts_of(token: Token | None) -> list[str]:
    return [token.authority, token.tenant, token.client, token.secret, token.scope] if token else []


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
