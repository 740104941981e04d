"""Actions that call a URL: Http, HttpWebhook, Function and ApiManagement.

They have no connection of their own. A connection to `http` in a workspace, where there is one, says what becomes of
all of them: `dry-run` makes only those that read. Which hosts they reach at all is a setting, `playbook_hosts`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from huntlake.core.errors import DomainError, Invalid, NotFound, Refused, Unavailable
from huntlake.playbooks.bodies import decoded, encoded
from huntlake.playbooks.connections import CONNECTIONS, Connection, opened
from huntlake.playbooks.connectors.authentication import Authentication, Authorized, Unsupported
from huntlake.playbooks.connectors.connector import Asked, Connector, Effect, Operation
from huntlake.playbooks.connectors.house import name_for
from huntlake.playbooks.web import Request, Web
from huntlake.state.documents import Document
from huntlake.state.records import Records
from huntlake.state.sealing import Seal
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer

NAME = "http"
_READS = ("GET", "HEAD", "OPTIONS")
_WRITES = ("POST", "PUT", "PATCH", "DELETE")
_ANY = "{url*}"
_QUERIES = re.compile(
    r"(?:/lake/kql)?/v[12]/rest/query|/v1/workspaces/[\w-]+/query|/api/(?:advancedhunting|advancedqueries)/run"
    r"|/(?:v1\.0|beta)/security/(?:microsoft\.graph\.security\.)?runHuntingQuery",
    re.IGNORECASE,
)
_FUNCTION, _MANAGEMENT = "azurefunction", "apimanagement"
"""Connections that say where functions and managed APIs are: `id` is the end of their resource id, `url` the URL."""


def http(web: Web, authentication: Authentication, connections: Records[Connection], seal: Seal) -> Connector:
    """What answers actions that call a URL; the body of what is asked holds the action's evaluated inputs."""
    work = _Http(web, authentication, connections, seal).call
    made = [Operation(f"Http{m.capitalize()}", m, _ANY, f"{m} of a URL.", Effect.READ, work) for m in _READS]
    made += [
        Operation(f"Http{m.capitalize()}", m, _ANY, f"{m} of a URL.", Effect.WRITE, work, asks=is_query)
        for m in _WRITES
    ]
    return Connector(NAME, "HTTP", tuple(made))


def is_query(asked: Asked) -> bool:
    """Whether a query is sent to one of the APIs that answer KQL: these take it by POST, and change nothing."""
    try:
        path = urlsplit(asked.path).path
    except ValueError:
        return False
    return asked.method == "POST" and _QUERIES.fullmatch(path) is not None


@dataclass(frozen=True)
class _Http:
    web: Web
    authentication: Authentication
    connections: Records[Connection]
    seal: Seal

    def call(self, asked: Asked) -> Answer:
        inputs: Mapping[str, Any] = asked.body
        headers = dict(asked.headers)
        url, more = self._target(asked, inputs)
        headers |= more
        given = asked.queries
        if given:
            parts = urlsplit(url)
            pairs = [*parse_qsl(parts.query, keep_blank_values=True), *((k, text(v)) for k, v in given.items())]
            url = parts._replace(query=urlencode(pairs, quote_via=quote)).geturl()
        if cookie := text(inputs.get("cookie")):
            headers["Cookie"] = cookie
        said = next((v for k, v in headers.items() if k.lower() == "content-type"), "")
        content, type = encoded(inputs.get("body"), said) if asked.method not in _READS else (b"", said)
        headers = {k: v for k, v in headers.items() if k.lower() != "content-type"}
        if type:
            headers["Content-Type"] = type
        if not inputs.get("plain"):
            headers |= {
                "x-ms-workflow-name": quote(asked.context.workflow),
                "x-ms-workflow-run-id": asked.context.run,
                "x-ms-workflow-operation-name": quote(asked.action),
                "x-ms-client-tracking-id": asked.context.run,
            }
        # Whoever takes care not to do things twice can tell by this.
        headers.setdefault("x-ms-client-request-id", name_for(asked))
        try:
            shown = self.authentication.shown(asked, inputs.get("authentication"), url)
        except Unsupported as error:
            return Answer(refused=str(error))
        return sent(self.web, asked.method, url, headers, content, shown)

    def _target(self, asked: Asked, inputs: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """The URL, and what its headers need."""
        match text(inputs.get("type")):
            case "Function" if inputs.get("function"):
                function = inputs["function"]
                id = text(function.get("id")) if isinstance(function, Mapping) else ""
                found = self._configured(asked, _FUNCTION, id)
                told = opened(found.name, found.value, self.seal)
                return told.get("url", ""), {"x-functions-key": told["key"]} if told.get("key") else {}
            case "ApiManagement":
                api = inputs.get("api")
                id = text(api.get("id")) if isinstance(api, Mapping) else ""
                found = self._configured(asked, _MANAGEMENT, id)
                told = opened(found.name, found.value, self.seal)
                path = _path_of(inputs.get("pathTemplate"))
                key = text(inputs.get("subscriptionKey")) or told.get("key", "")
                return told.get("url", "").rstrip("/") + path, {"Ocp-Apim-Subscription-Key": key} if key else {}
        url = text(inputs.get("uri"))
        if not url:
            raise Invalid("the action has no `uri`")
        return url, {}

    def _configured(self, asked: Asked, connector: str, id: str) -> Document[Connection]:
        for document in self.connections.list(CONNECTIONS):
            one = document.value
            mine = one.workspace.lower() == asked.context.workspace.lower() and one.connector == connector
            if mine and (end := one.parameters.get("id", "").lower()) and id.lower().rstrip("/").endswith(end):
                return document
        raise NotFound(
            f"where `{id[:300]}` is isn't known: a connection to `{connector}` with the parameters `id` and `url` "
            "says so"
        )


def sent(web: Web, method: str, url: str, headers: Mapping[str, str], content: bytes, shown: Authorized) -> Answer:
    """The answer to a request, its body as workflows hold it; one that never came is `lost`, one that may not be made
    is refused by name."""
    try:
        response = web.send(
            Request(method, url, {**headers, **shown.headers}, content, shown.certificate), here=shown.here
        )
    except Refused as error:
        return Answer(refused=str(error))
    except Unavailable as error:
        return Answer(lost=str(error))
    except DomainError as error:
        if isinstance(error, Invalid):
            raise
        return Answer(lost=str(error))
    type = next((v for k, v in response.headers.items() if k.lower() == "content-type"), "")
    return Answer(response.status, response.headers, decoded(response.content, type))


def _path_of(given: Any) -> str:
    """`{"template": "/a/{b}", "parameters": {"b": …}}` as a path."""
    if not isinstance(given, Mapping):
        return ""
    path, parameters = text(given.get("template")), given.get("parameters")
    for name, value in (parameters if isinstance(parameters, Mapping) else {}).items():
        path = path.replace(f"{{{name}}}", quote(text(value), safe=""))
    return path if path.startswith("/") else f"/{path}"
