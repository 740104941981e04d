"""Custom connectors: whatever an OpenAPI document describes, versions 2.0 (as Logic Apps takes it) and 3."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from huntlake.core.errors import Invalid
from huntlake.playbooks.connectors.connector import Asked, ConnectionParameter, Connector, Operation
from huntlake.playbooks.connectors.declared import ENDPOINT, Send
from huntlake.playbooks.connectors.judging import effect_of
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer

_METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
_KEYS = ("api_key", "apikey", "api-key", "key", "token", "access_token")


def custom(name: str, document: Any, send: Send) -> Connector:
    """The connector that a document describes; `Invalid` where it describes none."""
    if not isinstance(document, Mapping) or not isinstance(document.get("paths"), Mapping):
        raise Invalid(f"what `{name}` is described by is no OpenAPI document: it has no `paths`")
    reader = _Document(document)
    operations = []
    for path, item in document["paths"].items():
        if not isinstance(item, Mapping) or not str(path).startswith("/"):
            continue
        shared = list(reader.objects(item.get("parameters")))
        for method in _METHODS:
            one = item.get(method)
            if not isinstance(one, Mapping):
                continue
            id = text(one.get("operationId")) or f"{method.upper()} {path}"
            parameters = [*shared, *reader.objects(one.get("parameters"))]
            work = _Call(reader, str(path), parameters, reader.security(one), send)
            operations.append(
                Operation(
                    id,
                    method.upper(),
                    _pattern(str(path)),
                    text(one.get("summary") or one.get("description"))[:500],
                    effect_of(method, id, str(path)),
                    work,
                )
            )
    # The most literal path first: `/users/me` is not `/users/{id}`.
    operations.sort(key=lambda o: (o.path.count("{"), -len(o.path)))
    title = text((document.get("info") or {}).get("title")) if isinstance(document.get("info"), Mapping) else name
    return Connector(name, title or name, tuple(operations), parameters=reader.asks())


@dataclass(frozen=True)
class _Scheme:
    """A way to say who asks."""

    kind: str
    """`apiKey`, `basic`, `bearer`, or one that isn't supported."""
    place: str = ""
    name: str = ""


@dataclass(frozen=True)
class _Document:
    whole: Mapping[str, Any]

    def objects(self, given: Any) -> Iterator[Mapping[str, Any]]:
        """The objects of a list, references followed."""
        for one in given if isinstance(given, list) else []:
            found = self._followed(one)
            if isinstance(found, Mapping):
                yield found

    def base(self, asked: Asked) -> str:
        """What paths are below."""
        if endpoint := asked.secrets.get(ENDPOINT):
            return endpoint.rstrip("/")
        servers = list(self.objects(self.whole.get("servers")))
        if servers:
            url = text(servers[0].get("url"))
            given = servers[0].get("variables")
            for name, value in (given if isinstance(given, Mapping) else {}).items():
                default = text(value.get("default")) if isinstance(value, Mapping) else ""
                url = url.replace(f"{{{name}}}", asked.secrets.get(str(name)) or default)
        else:
            schemes = self.whole.get("schemes")
            scheme = "https" if not isinstance(schemes, list) or "https" in schemes else text(schemes[0])
            url = f"{scheme}://{text(self.whole.get('host'))}{text(self.whole.get('basePath'))}"
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Invalid(f"the document names no server: a connection with an `{ENDPOINT}` does")
        return url.rstrip("/")

    def security(self, operation: Mapping[str, Any]) -> list[list[_Scheme]]:
        """The ways to say who asks, any of which will do."""
        wanted = operation.get("security", self.whole.get("security"))
        known = self._schemes()
        if not isinstance(wanted, list):
            # Many documents define one, and forget to say that it is needed.
            return [[s] for s in known.values()][:1]
        return [[known[n] for n in one if n in known] for one in wanted if isinstance(one, Mapping)]

    def asks(self) -> tuple[ConnectionParameter, ...]:
        """What a connection must know."""
        made = {ENDPOINT: ConnectionParameter(ENDPOINT, "Base URL, where it isn't the document's.", required=False)}
        for scheme in self._schemes().values():
            if scheme.kind == "basic":
                made["username"] = ConnectionParameter("username", "User.", required=False)
                made["password"] = ConnectionParameter("password", "Password.", secret=True, required=False)
            elif scheme.kind in ("apiKey", "bearer"):
                made["api_key"] = ConnectionParameter("api_key", "Key of the API.", secret=True, required=False)
        return tuple(made.values())

    def _schemes(self) -> dict[str, _Scheme]:
        components = self.whole.get("components")
        given = self.whole.get("securityDefinitions") or (
            components.get("securitySchemes") if isinstance(components, Mapping) else None
        )
        made = {}
        for name, one in (given if isinstance(given, Mapping) else {}).items():
            found = self._followed(one)
            if not isinstance(found, Mapping):
                continue
            kind, scheme = text(found.get("type")), text(found.get("scheme")).lower()
            if kind == "http":
                kind = scheme
            made[str(name)] = _Scheme(kind, text(found.get("in")), text(found.get("name")))
        return made

    def _followed(self, one: Any, depth: int = 8) -> Any:
        if not isinstance(one, Mapping) or "$ref" not in one or not depth:
            return one
        found: Any = self.whole
        for part in text(one["$ref"]).removeprefix("#/").split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        return self._followed(found, depth - 1)


@dataclass(frozen=True)
class _Call:
    document: _Document
    path: str
    parameters: list[Mapping[str, Any]]
    security: list[list[_Scheme]]
    send: Send

    def __call__(self, asked: Asked) -> Answer:
        base = self.document.base(asked)
        arguments = dict(zip(re.findall(r"\{([^}]+)\}", self.path), asked.arguments.values(), strict=True))
        for name, value in arguments.items():
            if value in (".", ".."):
                raise Invalid(f"`{value}` can't be `{name}` of a path")
        url = base + re.sub(r"\{([^}]+)\}", lambda m: quote(arguments[m[1]], safe=""), self.path)
        queries = {k: v for k, v in asked.queries.items() if v is not None}
        headers = {"Accept": "application/json"}
        given = {k.lower(): v for k, v in asked.headers.items()}
        form: dict[str, Any] = {}
        for one in self.parameters:
            name, place = text(one.get("name")), text(one.get("in"))
            schema = one.get("schema") if isinstance(one.get("schema"), Mapping) else one
            default = schema.get("default") if isinstance(schema, Mapping) else None
            if place == "header" and (value := given.get(name.lower(), default)) is not None:
                headers[name] = text(value)
            elif place == "query" and default is not None:
                queries.setdefault(name, default)
            elif place == "formData" and isinstance(asked.body, Mapping) and name in asked.body:
                form[name] = asked.body[name]
        if "content-type" in given:
            headers["Content-Type"] = given["content-type"]
        if form and "$multipart" not in (asked.body or {}):
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        refused = self._shown(asked, headers, queries)
        if refused:
            return Answer(refused=refused)
        if any("\r" in v or "\n" in v for v in headers.values()):
            raise Invalid("a header has a line break in it")
        if queries:
            pairs = [(k, text(one)) for k, v in queries.items() for one in (v if isinstance(v, list) else [v])]
            url += ("&" if "?" in url else "?") + urlencode(pairs, quote_via=quote)
        body = None if asked.method in ("GET", "HEAD") else asked.body
        return self.send(asked.method, url, headers, body, urlsplit(base).netloc.rpartition("@")[2])

    def _shown(self, asked: Asked, headers: dict[str, str], queries: dict[str, Any]) -> str:
        """Say who asks; answers with why that can't be done, or nothing."""
        why = ""
        for way in self.security:
            why = ""
            for scheme in way:
                why = why or self._by(scheme, asked, headers, queries)
            if not why:
                return ""
        return why

    def _by(self, scheme: _Scheme, asked: Asked, headers: dict[str, str], queries: dict[str, Any]) -> str:
        known = {k.lower(): v for k, v in asked.secrets.items()}
        missing = f"the connection `{asked.connection}` has no"
        match scheme.kind:
            case "basic":
                if "username" not in known:
                    return f"{missing} `username` and `password`"
                both = f"{known['username']}:{known.get('password', '')}".encode()
                headers["Authorization"] = f"Basic {base64.b64encode(both).decode()}"
            case "apiKey" | "bearer":
                names = (scheme.name.lower(), *_KEYS)
                key = next((known[n] for n in names if known.get(n)), "")
                if not key:
                    return f"{missing} `api_key`"
                if scheme.kind == "bearer":
                    headers["Authorization"] = f"Bearer {key}"
                elif scheme.place == "query":
                    queries[scheme.name] = key
                elif scheme.place == "header":
                    headers[scheme.name] = key
                else:
                    return f"an API key in a {scheme.place or 'place that isn’t named'} is not supported"
            case kind:
                return f"signing in by `{kind[:40]}` to a custom connector is not supported"
        return ""


def _pattern(path: str) -> str:
    """The path as operations have it, whose names are words."""
    count = iter(range(1000))
    # A blank or a hyphen is allowed in OpenAPI's names.
    return re.sub(r"\{[^}]+\}", lambda _: f"{{p{next(count)}}}", path)
