"""Makes the calls of runs: over connections, and of URLs.

For each call the connection is found, its mode, its connector and the operation; a policy may hold the call back; what
changes something is written into the ledger, and made once for each call of a run.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.playbooks.answers import failed
from huntlake.playbooks.calls import Held, Policy, Tape, Tapes
from huntlake.playbooks.connections import CONNECTIONS, Connection, Mode, opened
from huntlake.playbooks.connectors.authentication import OF_URLS
from huntlake.playbooks.connectors.connector import Asked, Connector, Operation, RunContext
from huntlake.playbooks.ledger import Ledger, Outcome, answered, is_final
from huntlake.state.documents import Document
from huntlake.state.records import Records
from huntlake.state.sealing import Seal
from huntlake.wdl.definition.workflow import ActionType
from huntlake.wdl.expressions.values import text, unbroken
from huntlake.wdl.runner.effects import Answer, Call
from huntlake.wdl.runner.records import HIDDEN_MESSAGE

_LOG = logging.getLogger("huntlake.playbooks")
_OVER_CONNECTIONS = frozenset({ActionType.API_CONNECTION, ActionType.API_CONNECTION_WEBHOOK})
_OF_URLS = frozenset({ActionType.HTTP, ActionType.HTTP_WEBHOOK, ActionType.FUNCTION, ActionType.API_MANAGEMENT})
_PLAIN = "suppressworkflowheaders"

Built = Callable[[str], Connector | None]
"""The connector of a name; None where there is none."""

Custom = Callable[[str, Connection], Connector]
"""The connector that a customer has described, by the connection's name and the connection."""


@dataclass
class ConnectorCaller:
    """The `Caller` of this house."""

    connections: Records[Connection]
    seal: Seal
    ledger: Ledger
    connector: Built
    web: Connector | None = None
    """What answers the actions that call a URL: each method is an operation, whose body is the action's inputs."""
    policy: Policy | None = None
    tapes: Tapes | None = None
    custom: Custom | None = None
    identity: Callable[[str], str] = lambda workflow: ""
    """Object id of the principal that a workflow of that name is; empty where it is none."""

    def call(self, context: RunContext, call: Call, connections: Any) -> Answer | Held:
        """Makes a call, or says who must be waited for."""
        # A name may be cut within an emoji, which nothing outside takes.
        call = replace(call, inputs=unbroken(call.inputs))
        try:
            if call.action.type in _OVER_CONNECTIONS:
                return self._over_connection(context, call, connections)
            if call.action.type in _OF_URLS:
                return self._of_url(context, call)
        except (DomainError, SourceError) as error:
            return _failed(error, call.hidden)
        except Exception as error:
            said, why = "the action `%s` of the run %s failed: %s", None if call.hidden else error
            _LOG.error(said, call.action.name, context.run, type(error).__name__, exc_info=why)
            return Answer(500, body={"error": {"code": "InternalServerError", "message": "the call failed here"}})
        return Answer(refused=f"the action type `{call.action.type}` is not supported here")

    # -- over a connection -----------------------------------------------------------

    def _over_connection(self, context: RunContext, call: Call, connections: Any) -> Answer | Held:
        inputs = call.inputs if isinstance(call.inputs, Mapping) else {}
        found = self._connection(context, inputs, connections)
        if isinstance(found, Answer):
            return found
        name, connection = found.name, found.value
        path, _, query = text(inputs.get("path")).partition("?")
        method = text(inputs.get("method")).upper()
        asked = Asked(
            context,
            name,
            call.key,
            method,
            path,
            {**dict(parse_qsl(query, keep_blank_values=True)), **_mapping(inputs.get("queries"))},
            {k: text(v) for k, v in _mapping(inputs.get("headers")).items()},
            inputs.get("body"),
            connector=connection.connector,
            action=call.action.name,
            hidden=call.hidden,
            made_by=connection.created_by,
            leads=self._leads(context, [found]),
        )
        connector = self._built(name, connection)
        if call.poll or call.unsubscribes:
            method = "GET" if call.poll else "DELETE"
            asked = _following(asked, connector, call.poll or text(inputs.get("path")), method)
            path = asked.path
        operation, arguments = (connector.find(method, path, context.polls) if connector else None) or (None, {})
        asked = replace(asked, arguments=arguments, method=method or (operation.method if operation else ""))
        if connection.mode is Mode.REPLAY:
            return self._replayed(asked, operation, connection)
        if connector is None:
            return Answer(refused=f"the connector `{connection.connector}` is not supported")
        if operation is None:
            said = f"{method} {path}".strip()
            return Answer(refused=f"the operation `{said[:200]}` of the connector `{connector.name}` is not supported")
        mode = Mode.DRY_RUN if context.test else connection.mode
        asked = replace(asked, secrets=connection.parameters if context.test else opened(name, connection, self.seal))
        return self._decided(asked, operation, connector, mode, self._tape(connection) if mode is Mode.LIVE else None)

    def _connection(
        self, context: RunContext, inputs: Mapping[str, Any], connections: Any
    ) -> Document[Connection] | Answer:
        host = _mapping(_mapping(inputs.get("host")).get("connection"))
        given = text(host.get("name") or host.get("referenceName"))
        if not given:
            return Answer(refused="the action names no connection: `host.connection.name` is empty")
        entry = _entry(connections, given)
        id = text(_found(entry, "connectionId")) or given
        found = self.connections.find(CONNECTIONS, id.rstrip("/").rpartition("/")[2])
        if found is None or found.value.workspace.lower() != context.workspace.lower():
            # Whether another workspace has one of that name is nobody's business.
            return Answer(
                refused=f"the workspace `{context.workspace}` has no connection `{id.rpartition('/')[2]}`: "
                "`huntlake connection create` makes one"
            )
        wanted = text(_found(entry, "id")).rstrip("/").rpartition("/")[2].lower()
        if wanted and wanted != found.value.connector.lower():
            return Answer(
                refused=f"the connection `{found.name}` is one to `{found.value.connector}`, and the workflow wants "
                f"one to `{wanted}`"
            )
        return found

    def _built(self, name: str, connection: Connection) -> Connector | None:
        if connection.custom_api is not None and self.custom is not None:
            return self.custom(name, connection)
        return self.connector(connection.connector.lower())

    # -- of a URL --------------------------------------------------------------------

    def _of_url(self, context: RunContext, call: Call) -> Answer | Held:
        if self.web is None:
            return Answer(refused=f"the action type `{call.action.type}` is not supported here")
        governs = self._governing(context)
        connection = governs.value if governs else None
        inputs = dict(call.inputs) if isinstance(call.inputs, Mapping) else {}
        method = text(inputs.get("method")).upper() or ("POST" if call.action.type is not ActionType.HTTP else "GET")
        type = call.action.type
        if type is ActionType.HTTP_WEBHOOK and isinstance(inputs.get("subscribe"), Mapping):
            inputs = dict(inputs["subscribe"])
            method = text(inputs.get("method")).upper() or "POST"
        if call.poll:
            # Where the answer will be is a URL, whatever was called.
            type, method = ActionType.HTTP, "GET"
            inputs = {**inputs, "uri": call.poll, "body": None, "queries": None}
        asked = Asked(
            context,
            governs.name if governs else "",
            call.key,
            method,
            _url(inputs),
            _mapping(inputs.get("queries")),
            {k: text(v) for k, v in _mapping(inputs.get("headers")).items()},
            {**inputs, "type": type.value} | ({"plain": True} if _PLAIN in call.action.options else {}),
            connector=self.web.name,
            action=call.action.name,
            hidden=call.hidden,
            leads=self._leads(context, self._of_urls(context)),
        )
        found = self.web.find(method, asked.path)
        operation = found[0] if found else None
        if connection is not None and connection.mode is Mode.REPLAY:
            return self._replayed(asked, operation, connection)
        if operation is None:
            return Answer(refused=f"the HTTP method `{method[:40]}` is not supported")
        mode = connection.mode if connection else Mode.LIVE
        mode = Mode.DRY_RUN if context.test else mode
        tape = self._tape(connection) if connection is not None and mode is Mode.LIVE else None
        return self._decided(asked, operation, self.web, mode, tape)

    def _governing(self, context: RunContext) -> Document[Connection] | None:
        """The connection that says what becomes of calls of URLs, where the workspace has one."""
        assert self.web is not None
        for document in self.connections.list(CONNECTIONS):
            connection = document.value
            if connection.connector == self.web.name and connection.workspace.lower() == context.workspace.lower():
                return document
        return None

    def _of_urls(self, context: RunContext) -> list[Document[Connection]]:
        """The connections of a workspace that say where calls of URLs go, or as whom."""
        return [
            d
            for d in self.connections.list(CONNECTIONS)
            if d.value.connector in OF_URLS and d.value.workspace.lower() == context.workspace.lower()
        ]

    def _leads(self, context: RunContext, connections: Sequence[Document[Connection]]) -> str:
        said = [
            [
                d.name.lower(),
                d.value.connector,
                dict(d.value.parameters),
                # Sealed anew each time that they are given: no secret can be guessed by this.
                dict(d.value.sealed),
                d.value.custom_api,
                d.value.created_by.object_id,
            ]
            for d in connections
        ]
        about = json.dumps([self.identity(context.workflow), said], sort_keys=True, default=str)
        return sha256(about.encode()).hexdigest()

    # -- what becomes of it ----------------------------------------------------------

    def _decided(
        self, asked: Asked, operation: Operation, connector: Connector, mode: Mode, tape: Tape | None
    ) -> Answer | Held:
        if operation.reads(asked):
            if asked.context.test and not connector.inside:
                return Answer(refused=f"a call of `{connector.name}` in a test is not supported: give it an answer")
            answer = _worked(operation, asked)
            if tape is not None:
                tape.keep(asked, answer)
            return answer
        before = self.ledger.find(asked)
        if before is not None and is_final(before.value):
            entry = before.value
            if not entry.whole and operation.known is not None and entry.outcome is Outcome.MADE:
                return operation.known(asked)
            return answered(entry)
        entry = self.ledger.entry(asked, operation, mode)
        if mode is not Mode.LIVE:
            answer = operation.plausible(asked) if operation.plausible else Answer(body={})
            self.ledger.end(asked, entry, answer, Outcome.RECORDED)
            return answer
        if self.policy is not None and (wanted := self.policy.wants(asked, operation)) is not None:
            if isinstance(wanted, Answer):
                self.ledger.end(asked, entry, wanted, Outcome.FAILED)
            return wanted
        if operation.atomic:
            asked = replace(asked, done=self.ledger.marks(asked, entry, before))
        else:
            self.ledger.begin(asked, entry, before)
        answer = _worked(operation, asked)
        if operation.atomic and not _well(answer):
            since = self.ledger.find(asked)
            if since is not None and since.value.outcome is Outcome.MADE:
                # Another process has done it meanwhile, and this one was refused for that.
                return operation.known(asked) if operation.known else answered(since.value)
        self.ledger.end(asked, entry, answer, Outcome.MADE if _well(answer) else Outcome.FAILED)
        if tape is not None:
            tape.keep(asked, answer)
        return answer

    def _tape(self, connection: Connection) -> Tape | None:
        """Where the calls of a connection are recorded, or answered from; None where they aren't."""
        if self.tapes is None or not connection.cassette:
            return None
        return self.tapes.tape(connection.cassette, connection.connector, connection.custom_api is not None)

    def _replayed(self, asked: Asked, operation: Operation | None, connection: Connection) -> Answer:
        said = f"{asked.method} {asked.path}".strip()[:200]
        tape = self._tape(connection)
        if tape is None:
            return Answer(
                refused=f"`{said}` of `{connection.connector}` is not supported: the connection has no cassette"
            )
        answer = tape.answer(asked, operation)
        if answer is None:
            return Answer(
                refused=f"`{said}` of `{connection.connector}` is not supported: the cassette "
                f"`{connection.cassette}` has no such call"
            )
        well = not answer.refused
        if well and operation is not None and not operation.reads(asked) and self.ledger.find(asked) is None:
            self.ledger.end(asked, self.ledger.entry(asked, operation, Mode.REPLAY), answer, Outcome.RECORDED)
        return answer


def _following(asked: Asked, connector: Connector | None, link: str, method: str) -> Asked:
    """The call of where an answer leads to, by the longest end of the URL's path that is an operation's.

    Services name themselves in such links; what is called is the connection's all the same.
    """
    parts = urlsplit(link)
    segments = parts.path.strip("/").split("/")
    paths = [f"/{'/'.join(segments[n:])}" for n in range(len(segments))]
    path = next(
        (p for p in paths if connector is not None and connector.find(method, p, asked.context.polls)), parts.path
    )
    queries = dict(parse_qsl(parts.query, keep_blank_values=True))
    return replace(asked, method=method, path=path, queries=queries, body=None)


def _worked(operation: Operation, asked: Asked) -> Answer:
    try:
        return operation.work(asked)
    except (DomainError, SourceError) as error:
        return _failed(error, asked.hidden)


def _failed(error: DomainError | SourceError, hidden: frozenset[str]) -> Answer:
    """What the house's own error is as an answer: it may quote what was asked, and nobody has marked it as secure."""
    answer = failed(error)
    if "inputs" in hidden:
        answer.body["error"]["message"] = HIDDEN_MESSAGE
    return answer


def _well(answer: Answer) -> bool:
    return not answer.lost and not answer.refused and answer.status < 400


def _url(inputs: Mapping[str, Any]) -> str:
    """What an action calls: a URL, or the id of a function or of a managed API."""
    for place in (inputs, *(_mapping(inputs.get(n)) for n in ("function", "api"))):
        if found := text(place.get("uri") or place.get("id")):
            return found
    return ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _found(entry: Mapping[str, Any], name: str) -> Any:
    return next((v for k, v in entry.items() if k.lower() == name.lower()), None)


def _entry(connections: Any, given: str) -> Mapping[str, Any]:
    """What `$connections` says of the connection that an action names, by its id or by its key."""
    entries = _mapping(connections)
    if set(entries) == {"value"}:
        entries = _mapping(entries["value"])
    for key, value in entries.items():
        entry = _mapping(value)
        if key.lower() == given.lower() or text(_found(entry, "connectionId")).lower() == given.lower():
            return entry
    return {}
