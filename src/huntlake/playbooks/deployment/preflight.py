"""What a workflow will need, and where it can't but fail: said before its first run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from huntlake.core.diagnostics import SourceError, did_you_mean
from huntlake.core.errors import Invalid
from huntlake.playbooks.connections import Connection, Mode
from huntlake.playbooks.connectors.connector import Connector, Effect, Operation
from huntlake.playbooks.deployment.reading_definitions import connection_name, last
from huntlake.playbooks.recurrences import recurrence_of
from huntlake.wdl.definition.reading import InvalidDefinition, read
from huntlake.wdl.definition.workflow import NOT_HERE, Action, ActionType, Definition, Trigger, TriggerType
from huntlake.wdl.expressions.nodes import Access, Call, Expression, Interpolation, Literal
from huntlake.wdl.expressions.parser import template
from huntlake.wdl.expressions.values import found
from huntlake.wdl.functions import FUNCTIONS

_KEY = re.compile(r"\$connections'\)\??\[\s*'((?:[^']|'')+)'")
_CONNECTED = (ActionType.API_CONNECTION, ActionType.API_CONNECTION_WEBHOOK)
OF_URLS = (ActionType.HTTP, ActionType.HTTP_WEBHOOK, ActionType.FUNCTION, ActionType.API_MANAGEMENT)
"""The actions that call a URL."""
WEB = "http"
"""The connector whose connection says what becomes of these in a workspace."""
_OF_ACTIONS = frozenset("body actionbody outputs actionoutputs actions result formdatavalue multipartbody".split())
_AUTHENTICATIONS = frozenset("managedserviceidentity activedirectoryoauth basic raw clientcertificate none".split())


@dataclass(frozen=True)
class Finding:
    """Something of one place of a definition."""

    path: str
    message: str


@dataclass(frozen=True)
class TriggerNeed:
    """What sets a workflow off."""

    name: str
    type: str
    how: str
    """In words: when it is set off here."""


@dataclass(frozen=True)
class ConnectionNeed:
    """A connection that a workflow names."""

    key: str
    name: str
    connector: str
    support: str
    """`built in`, `by its description` for a custom one, or `only recorded` where nothing here knows the connector."""
    mode: str
    """The mode of the connection; empty where there is no such connection yet."""
    missing: tuple[str, ...] = ()
    """The parameters that it needs and doesn't have."""


@dataclass(frozen=True)
class OperationNeed:
    """One call that a workflow makes."""

    action: str
    path: str
    connector: str
    method: str
    route: str
    """The path of the call, with `{}` where something is filled in; an address for Http."""
    operation: str = ""
    """The operation's id; empty where nothing here knows it."""
    effect: str = ""
    """`read`, `write` or `contain`; empty where that isn't known."""
    held: str = ""
    """Why a person must approve it first; empty where nobody must."""


@dataclass(frozen=True)
class Preflight:
    """What a workflow will need, and where it can't but fail."""

    workflow: str
    triggers: tuple[TriggerNeed, ...]
    connections: tuple[ConnectionNeed, ...]
    operations: tuple[OperationNeed, ...]
    unsupported: tuple[Finding, ...]
    """What isn't supported: an action that reaches it fails."""
    missing: tuple[str, ...]
    """The parameters of the definition that have no value."""
    warnings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Whether it may run to its end."""
        return not self.unsupported and not self.missing and all(c.mode for c in self.connections)

    @property
    def permissions(self) -> tuple[tuple[str, str], ...]:
        """What it must be allowed to: connectors, and the strongest effect that it has over each."""
        strength = {e: n for n, e in enumerate(("", *(e.value for e in Effect)))}
        most: dict[str, str] = {}
        for one in self.operations:
            before = most.get(one.connector, "")
            most[one.connector] = max(before, one.effect, key=lambda e: strength.get(e, 0))
        return tuple(most.items())


@dataclass(frozen=True)
class Known:
    """What there is here: connectors, connections, workflows, and who must approve what."""

    connector: Callable[[str], Connector | None] = lambda name: None
    connection: Callable[[str], Connection | None] = lambda name: None
    workflow: Callable[[str], bool] = lambda name: False
    held: Callable[[str, Operation], str] = lambda connector, operation: ""
    urls: str = Mode.LIVE.value
    """What becomes of actions that call a URL: a mode. Without a connection that says otherwise they are real."""


def preflight(name: str, definition: Any, values: Mapping[str, Any], secure: frozenset[str], known: Known) -> Preflight:
    """What a workflow needs. `values` are those of its parameters, `secure` the names of parameters that are sealed."""
    try:
        body = read(definition)
    except InvalidDefinition as error:
        return Preflight(name, (), (), (), (Finding(error.path, str(error).partition(": ")[2]),), (), ())
    connections = values.get("$connections")
    connections = connections if isinstance(connections, Mapping) else {}
    look = _Look(body, connections, known, {*(v.lower() for v in values), *(s.lower() for s in secure)})
    return Preflight(
        name,
        tuple(_trigger(t, look) for t in body.triggers),
        tuple(look.needs()),
        tuple(o for a in body.all() if (o := look.operation(a)) is not None),
        tuple(look.unsupported()),
        tuple(
            p.name
            for p in body.parameters.values()
            if not p.has_default and p.name.lower() not in look.valued and p.name.lower() != "$connections"
        ),
        tuple(dict.fromkeys(look.warnings())),
    )


class _Look:
    def __init__(self, definition: Definition, connections: Mapping[str, Any], known: Known, valued: set[str]) -> None:
        self.definition, self.connections, self.known, self.valued = definition, connections, known, valued
        self.actions = {a.name.lower(): a for a in definition.all()}
        self.loops = {a.name.lower() for a in definition.all() if a.type is ActionType.FOREACH}
        self.variables = set(_variables(definition))

    # -- connections

    def needs(self) -> Iterator[ConnectionNeed]:
        keys = dict.fromkeys(self._keys())
        for key in keys:
            held = found(dict(self.connections), key)
            entry = self.connections[held] if held else None
            if not isinstance(entry, Mapping):
                yield ConnectionNeed(key, "", "", "", "")
                continue
            name = connection_name(entry)
            made = self.known.connection(name) if name else None
            connector = (made.connector if made else last(entry.get("id"))).lower()
            yield ConnectionNeed(
                key,
                name,
                connector,
                self._support(connector, made),
                made.mode.value if made else "",
                self._lacking(connector, made),
            )
        if any(a.type in OF_URLS for a in self.definition.all()):
            yield ConnectionNeed("", WEB, WEB, "built in", self.known.urls)

    def _support(self, connector: str, made: Connection | None) -> str:
        if self.known.connector(connector) is not None:
            return "built in"
        if made is not None and made.custom_api is not None:
            return "by its description"
        return "only recorded"

    def _lacking(self, connector: str, made: Connection | None) -> tuple[str, ...]:
        spec = self.known.connector(connector)
        if spec is None or made is None or made.mode is Mode.REPLAY:
            return ()
        held = {n.lower() for n in (*made.parameters, *made.sealed)}
        return tuple(p.name for p in spec.parameters if p.required and p.name.lower() not in held)

    def _keys(self) -> Iterator[str]:
        for trigger in self.definition.triggers:
            yield from _keys(trigger.inputs)
        for action in self.definition.all():
            yield from _keys(action.inputs)

    def connector_of(self, inputs: Any) -> tuple[str, Connection | None]:
        """The connector that evaluated or unevaluated inputs mean, and the connection."""
        key = next(_keys(inputs), "")
        held = found(dict(self.connections), key) if key else None
        entry = self.connections[held] if held else None
        if not isinstance(entry, Mapping):
            return re.sub(r"[-_]\d+$", "", key).lower(), None
        made = self.known.connection(connection_name(entry))
        return (made.connector if made else last(entry.get("id"))).lower(), made

    # -- calls

    def operation(self, action: Action) -> OperationNeed | None:
        inputs = action.inputs if isinstance(action.inputs, Mapping) else {}
        if action.type in _CONNECTED:
            return self._connected(action, inputs)
        method = str(inputs.get("method") or "GET").upper()
        if action.type in OF_URLS:
            subscribed = inputs.get("subscribe")
            about = subscribed if isinstance(subscribed, Mapping) else inputs
            method = str(about.get("method") or ("POST" if about is subscribed else method)).upper()
            effect = Effect.READ if method in ("GET", "HEAD", "OPTIONS") else Effect.WRITE
            return OperationNeed(
                action.name, action.path, action.type.value, method, _route(about.get("uri")), method, effect.value
            )
        if action.type is ActionType.WORKFLOW:
            host = inputs.get("host")
            of = host.get("workflow") if isinstance(host, Mapping) else None
            name = last(of.get("id")) if isinstance(of, Mapping) else ""
            return OperationNeed(action.name, action.path, "Workflow", "POST", name, "run", Effect.WRITE.value)
        if action.type is ActionType.SEND_TO_BATCH:
            return OperationNeed(action.name, action.path, "Workflow", "POST", "", "batch", Effect.WRITE.value)
        return None

    def _connected(self, action: Action, inputs: Mapping[str, Any]) -> OperationNeed:
        connector, _ = self.connector_of(inputs)
        method, route = str(inputs.get("method") or "GET").upper(), _route(inputs.get("path"))
        if action.type is ActionType.API_CONNECTION_WEBHOOK:
            # Subscriptions are written without a method: whichever there is.
            method = method if "method" in inputs else ""
        spec = self.known.connector(connector)
        # What is filled in is one part of a path, whatever it will be.
        operation = spec.find(method, route.replace("{}", "x")) if spec else None
        made = OperationNeed(action.name, action.path, connector, method, route)
        if operation is None:
            return made
        one = operation[0]
        held = self.known.held(connector, one)
        return OperationNeed(action.name, action.path, connector, method, route, one.id, one.effect.value, held)

    # -- what can't but fail

    def unsupported(self) -> Iterator[Finding]:
        for key, entry in self.connections.items():
            wanted = last(entry.get("id")).lower() if isinstance(entry, Mapping) else ""
            made = self.known.connection(connection_name(entry)) if wanted else None
            if made is not None and made.connector.lower() != wanted:
                told = (
                    f"`{connection_name(entry)}` is a connection to `{made.connector}`, and one to `{wanted}` is wanted"
                )
                yield Finding(f"$connections['{key}']", told)
        for trigger in self.definition.triggers:
            if trigger.recurrence is not None and "@" not in json.dumps(trigger.recurrence):
                try:
                    recurrence_of(trigger.recurrence)
                except Invalid as error:
                    yield Finding(f"{trigger.path}.recurrence", f"it is never due: {error}")
        for action in self.definition.all():
            inputs = action.inputs if isinstance(action.inputs, Mapping) else {}
            if action.type in NOT_HERE:
                yield Finding(action.path, f"{NOT_HERE[action.type]} is not supported")
            authentication = inputs.get("authentication")
            type = authentication.get("type") if isinstance(authentication, Mapping) else None
            if isinstance(type, str) and "@" not in type and type.lower() not in _AUTHENTICATIONS:
                yield Finding(f"{action.path}.inputs.authentication", f"the authentication `{type}` is not supported")
            if action.type in _CONNECTED and not next(_keys(inputs), "") and "host" in inputs:
                host = inputs["host"]
                if isinstance(host, Mapping) and "connection" not in host:
                    yield Finding(f"{action.path}.inputs.host", "a host without a connection is not supported")

    def warnings(self) -> Iterator[Finding]:
        for trigger in self.definition.triggers:
            yield from self._of(trigger.inputs, f"{trigger.path}.inputs", None)
            yield from self._of(list(trigger.conditions), f"{trigger.path}.conditions", None)
        for action in self.definition.all():
            for part in ("inputs", "foreach", "expression"):
                yield from self._of(getattr(action, part), f"{action.path}.{part}", action)
            yield from self._called(action)
        yield from self._of(dict(self.definition.outputs), "$.outputs", None)

    def _called(self, action: Action) -> Iterator[Finding]:
        call = self.operation(action)
        if call is None:
            return
        if action.type is ActionType.WORKFLOW:
            if call.route and "{}" not in call.route and not self.known.workflow(call.route):
                yield Finding(action.path, f"no workflow named `{call.route}` is here yet")
        elif action.type in _CONNECTED and not call.operation and self.known.connector(call.connector) is not None:
            told = f"`{call.connector}` has no operation `{call.method} {call.route}`: it can only be recorded"
            yield Finding(action.path, told)

    def _of(self, node: Any, path: str, action: Action | None) -> Iterator[Finding]:
        match node:
            case str() if "@" in node:
                try:
                    read_ = template(node)
                except SourceError as error:
                    yield Finding(path, f"this can't be read: {error.diagnostics[0].message}")
                    return
                parts = read_.parts if isinstance(read_, Interpolation) else (read_,)
                for part in parts:
                    if not isinstance(part, str):
                        yield from (Finding(path, m) for m in self._references(part))
            case list():
                for index, inner in enumerate(node):
                    yield from self._of(inner, f"{path}[{index}]", action)
            case dict():
                for key, inner in node.items():
                    yield from self._of(inner, f"{path}.{key}" if key.isidentifier() else f"{path}['{key}']", action)

    def _references(self, node: Expression) -> Iterator[str]:
        match node:
            case Access(parent, key):
                yield from self._references(parent)
                yield from self._references(key)
            case Call(name, arguments):
                first = arguments[0].value if arguments and isinstance(arguments[0], Literal) else None
                yield from self._reference(name, first)
                for argument in arguments:
                    yield from self._references(argument)

    def _reference(self, function: str, name: Any) -> Iterator[str]:
        lower = function.lower()
        if lower not in FUNCTIONS:
            help = did_you_mean(function, (f.name for f in FUNCTIONS.values()))
            yield f"no function is named `{function}`" + (f"; {help}" if help else "")
        if not isinstance(name, str):
            return
        kinds: tuple[str, Any] | None = None
        if lower in _OF_ACTIONS:
            kinds = ("action is named", {a.name.lower(): a.name for a in self.actions.values()})
        elif lower == "variables":
            kinds = ("variable is initialized as", {v.lower(): v for v in self.variables})
        elif lower == "parameters":
            kinds = ("parameter is declared as", {p.lower(): p for p in self.definition.parameters})
        elif lower == "items":
            kinds = ("Foreach is named", {n: self.actions[n].name for n in self.loops})
        if kinds is None or name.lower() in kinds[1] or name == "$connections":
            return
        help = did_you_mean(name, kinds[1].values())
        yield f"no {kinds[0]} `{name}`" + (f"; {help}" if help else "")


def _trigger(trigger: Trigger, look: _Look) -> TriggerNeed:
    inputs = trigger.inputs if isinstance(trigger.inputs, Mapping) else {}
    route = _route(inputs.get("path")).lower()
    match trigger.type:
        case TriggerType.RECURRENCE | TriggerType.SLIDING_WINDOW:
            recurrence = trigger.recurrence or {}
            how = f"every {recurrence.get('interval', 1)} {recurrence.get('frequency', '')}".strip()
        case TriggerType.REQUEST:
            how = "by a call of its signed URL, or `huntlake playbook run`"
        case TriggerType.BATCH:
            how = "when its batch is full, by other workflows"
        case TriggerType.HTTP | TriggerType.API_CONNECTION:
            connector = look.connector_of(inputs)[0]
            how = f"by asking {connector or _route(inputs.get('uri'))} again and again"
            spec = look.known.connector(connector) if connector else None
            method = str(inputs.get("method") or "GET").upper()
            if connector and (spec is None or spec.find(method, route.replace("{}", "x"), True) is None):
                how = f"by asking `{connector}` for `{method} {route}`, which it doesn't offer here: start it yourself"
        case TriggerType.HTTP_WEBHOOK:
            how = "by whoever it subscribes with"
        case TriggerType.API_CONNECTION_WEBHOOK:
            how = next((h for end, h in _OCCASIONS if end in route), "")
            connector = look.connector_of(inputs)[0]
            how = how or f"by a subscription with `{connector}`, which nothing here tells: start it yourself"
        case TriggerType.API_CONNECTION_NOTIFICATION:
            how = f"by what `{look.connector_of(inputs)[0]}` tells Azure, which nothing here hears: start it yourself"
        case TriggerType.SERVICE_PROVIDER:
            how = "by a trigger that runs within Logic Apps Standard, which is not supported: start it yourself"
    return TriggerNeed(trigger.name, trigger.type.value, how)


_OCCASIONS = (
    ("incident-creation", "by an automation rule, for an incident; or `huntlake playbook run --incident`"),
    ("/entity/", "by a person, for an entity; or `huntlake playbook run --entity`"),
    (
        "microsoft.security/assessment",
        "by a recommendation of Defender for Cloud, which nothing here gives: start it yourself",
    ),
    ("/subscribe", "by an automation rule, for an alert; or `huntlake playbook run --alert`"),
)


def _variables(definition: Definition) -> Iterator[str]:
    for action in definition.all():
        listed = action.inputs.get("variables") if isinstance(action.inputs, Mapping) else None
        if action.type is ActionType.INITIALIZE and isinstance(listed, list):
            yield from (str(v.get("name", "")) for v in listed if isinstance(v, Mapping))


def _keys(inputs: Any) -> Iterator[str]:
    host = inputs.get("host") if isinstance(inputs, Mapping) else None
    if host is not None:
        yield from (k.replace("''", "'") for k in _KEY.findall(json.dumps(host, ensure_ascii=False)))


def _route(text: Any) -> str:
    """A path or an address with `{}` for what is filled in when it runs."""
    if not isinstance(text, str):
        return ""
    try:
        read_ = template(text)
    except SourceError:
        return text
    if isinstance(read_, str):
        shown = read_
    elif isinstance(read_, Interpolation):
        shown = "".join(p if isinstance(p, str) else "{}" for p in read_.parts)
    else:
        shown = "{}"
    if "://" in shown:
        # What follows the path of an address may be a secret.
        parts = urlsplit(shown)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"
    return shown
