"""What is looked for in playbooks: one function for each kind of trouble, listed in `CHECKS`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span, did_you_mean
from huntlake.playbooks.connectors.connector import Effect
from huntlake.playbooks.files import connector_of
from huntlake.playbooks.linting.effects import of_url, over_connection
from huntlake.playbooks.linting.reaching import handled, unreachable
from huntlake.playbooks.linting.sites import Site, Workflow, calls, canonical, literal
from huntlake.playbooks.linting.taint import WRITES, Flow, Secrets, Untrusted, gives_secret, written
from huntlake.wdl.definition.workflow import NOT_HERE, Action, ActionType, Definition
from huntlake.wdl.expressions.nodes import Access, Call
from huntlake.wdl.expressions.values import Fault
from huntlake.wdl.functions import FUNCTIONS

_WEBHOOKS = (ActionType.API_CONNECTION_WEBHOOK, ActionType.HTTP_WEBHOOK)
_CALLS = (
    ActionType.API_CONNECTION,
    ActionType.API_MANAGEMENT,
    ActionType.FUNCTION,
    ActionType.HTTP,
    ActionType.WORKFLOW,
    *_WEBHOOKS,
)


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong at a JSON path; `site` and `span` say where in a template."""

    code: str
    path: str
    reason: str
    help: str = ""
    site: Site | None = None
    span: Span | None = None

    @property
    def picture(self) -> str:
        """The template with marks under what is wrong; empty where it isn't in one."""
        if self.site is None or self.span is None:
            return ""
        picture = Diagnostic(self.code, self.reason, self.span).render(Source(self.site.text, "template"))
        # The first line says again what is said already.
        return picture.partition("\n")[2]


@dataclass
class Checked:
    """A workflow that is looked at."""

    definition: Definition
    connections: Mapping[str, Any]

    @cached_property
    def workflow(self) -> Workflow:
        """How its actions lie within and after each other."""
        return Workflow.of(self.definition)

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """Every string that is a template."""
        return tuple(s for s in self.workflow.sites() if "@" in s.text or s.bare)

    @cached_property
    def untrusted(self) -> Flow:
        """Follows text that others write."""
        return Flow(self.workflow, Untrusted(self.definition))

    @cached_property
    def secret(self) -> Flow:
        """Follows secrets."""
        return Flow(
            self.workflow, Secrets(self.workflow, {n: self.connector(a) for n, a in self.workflow.actions.items()})
        )

    def connector(self, action: Action) -> str:
        """The name of the connector that an action calls; empty where it calls none."""
        inputs = action.inputs if isinstance(action.inputs, dict) else {}
        host = inputs.get("host")
        connection = host.get("connection") if isinstance(host, dict) else None
        name = str(connection.get("name", "")) if isinstance(connection, dict) else ""
        key = _KEY.search(name)
        if key is None:
            return connector_of(self.connections, name)
        value = self.connections.get(key[1])
        id = str(value.get("id", "")) if isinstance(value, Mapping) else ""
        return (id.rstrip("/").rpartition("/")[2] or re.sub(r"[-_]\d+$", "", key[1])).lower()

    def call(self, action: Action) -> str:
        """What an action calls, such as `azuread PATCH /v1.0/users/*`; what is made of values is a `*`."""
        inputs = action.inputs if isinstance(action.inputs, dict) else {}
        method = str(inputs.get("method") or "GET").upper()
        if action.type in (ActionType.API_CONNECTION, ActionType.API_CONNECTION_WEBHOOK):
            return f"{self.connector(action)} {method} {_outline(inputs.get('path'))}"
        if action.type is ActionType.HTTP:
            return f"{method} {_outline(inputs.get('uri'))}"
        return str(action.type)

    def effect(self, action: Action) -> Effect:
        """What a call does; one of another playbook, or of what isn't known at all, is taken to write."""
        inputs = action.inputs if isinstance(action.inputs, dict) else {}
        method = str(inputs.get("method") or "GET").upper()
        if action.type in (ActionType.API_CONNECTION, ActionType.API_CONNECTION_WEBHOOK):
            return over_connection(self.connector(action), method, _outline(inputs.get("path")))
        if action.type is ActionType.HTTP:
            return of_url(method, _outline(inputs.get("uri")), inputs.get("body"))
        return Effect.WRITE


_KEY = re.compile(r"parameters\('\$connections'\)\??\['([^']+)'\]", re.IGNORECASE)


def _outline(text: Any) -> str:
    """A text with a `*` for each expression in it, and the texts within those expressions that are spelled out."""
    if not isinstance(text, str):
        return ""
    made = re.sub(r"@\{encodeURIComponent\('([^'@]*)'\)\}", r"\1", text, flags=re.IGNORECASE)
    return "*" if made.startswith("@") and not made.startswith("@{") else re.sub(r"@\{.*?\}(?=[^}']|$)", "*", made)


# -- templates ---------------------------------------------------------------------------


def templates(checked: Checked) -> Iterator[Trouble]:
    """Templates that can't be read, and calls of functions that there aren't."""
    for site in checked.sites:
        try:
            site.parsed()
        except SourceError as error:
            diagnostic = error.diagnostics[0]
            yield Trouble("LP102", site.path, diagnostic.message, diagnostic.help, site, diagnostic.span)
            continue
        for node in site.expressions():
            for call in calls(node):
                yield from _function(site, call)
    for action in checked.workflow.actions.values():
        if action.type is ActionType.IF and isinstance(action.expression, dict):
            yield from _condition(action.expression, f"{action.path}.expression")


def _function(site: Site, call: Call) -> Iterator[Trouble]:
    function = FUNCTIONS.get(call.name.lower())
    if function is None:
        help = did_you_mean(call.name, (f.name for f in FUNCTIONS.values()))
        yield Trouble("LP103", site.path, f"no function is named `{call.name}`", help, site, call.span)
        return
    try:
        function.check(len(call.arguments))
    except Fault as fault:
        yield Trouble("LP103", site.path, str(fault), "", site, call.span)


def _condition(node: Any, path: str) -> Iterator[Trouble]:
    if not isinstance(node, dict):
        return
    if len(node) != 1:
        if node:
            yield Trouble("LP103", path, "each part of a condition has just one function")
        return
    name, given = next(iter(node.items()))
    if name.lower() not in FUNCTIONS:
        help = did_you_mean(
            name, ("and", "or", "not", "equals", "greater", "less", "contains", "startsWith", "endsWith")
        )
        yield Trouble("LP103", path, f"no function is named `{name}`", help)
        return
    for index, part in enumerate(given if isinstance(given, list) else [given]):
        inner = f"{path}.{name}[{index}]" if isinstance(given, list) else f"{path}.{name}"
        if isinstance(part, dict) and len(part) == 1 and next(iter(part)).lower() in FUNCTIONS:
            yield from _condition(part, inner)


# -- names -------------------------------------------------------------------------------


def references(checked: Checked) -> Iterator[Trouble]:
    """Names of actions, variables, parameters and loops that aren't there, or not yet."""
    workflow = checked.workflow
    variables = {n.lower(): n for a in workflow.actions.values() if a.type is ActionType.INITIALIZE for n in written(a)}
    parameters = {n.lower(): n for n in checked.definition.parameters}
    before: dict[str, set[str]] = {}
    for site in checked.sites:
        action = site.action
        if action is not None and action.name not in before:
            before[action.name] = workflow.ended_before(action)
        for node in site.expressions():
            for call in calls(node):
                said, name = literal(call), canonical(call.name)
                if said is None:
                    continue
                if name == "variables":
                    yield from _named(site, call, said, "variable that is initialised", variables)
                elif name == "parameters" and said != "$connections":
                    yield from _named(site, call, said, "parameter", parameters)
                elif name in _OF_ACTIONS:
                    known = {a.name.lower(): a.name for a in workflow.actions.values()}
                    yield from _named(site, call, said, "action", known)
                    if said.lower() in workflow.actions and action is not None:
                        yield from _ended(site, call, said, action, workflow, before[action.name])
                elif name in ("items", "iterationindexes"):
                    yield from _loop(site, call, said, name, workflow)
    for action in workflow.actions.values():
        if action.type in (*WRITES, ActionType.INCREMENT, ActionType.DECREMENT):
            for name in written(action) if action.type is not ActionType.INITIALIZE else ():
                if name.lower() not in variables and "@" not in name:
                    help = did_you_mean(name, variables.values())
                    yield Trouble("LP104", f"{action.path}.inputs.name", f"no variable is named `{name}`", help)


_OF_ACTIONS = frozenset("body outputs actions result formdatavalue formdatamultivalues multipartbody".split())


def _named(site: Site, call: Call, said: str, what: str, known: Mapping[str, str]) -> Iterator[Trouble]:
    if said.lower() not in known:
        help = did_you_mean(said, known.values())
        yield Trouble("LP104", site.path, f"there is no {what} of the name `{said}`", help, site, call.span)


def _ended(
    site: Site, call: Call, said: str, action: Action, workflow: Workflow, before: set[str]
) -> Iterator[Trouble]:
    own = said.lower() == action.name.lower()
    # The condition of an Until, and what a container tracks, see what is within.
    within = said.lower() in {a.name.lower() for a in action.all()} and action.type is ActionType.UNTIL
    if said.lower() in before or within or ".trackedProperties" in site.path:
        return
    around = [a.name.lower() for a in workflow.within[action.name.lower()]]
    if own or said.lower() in around:
        reason = f"`{said}` can't be asked for from within itself"
    else:
        reason = f"`{said}` may not have ended when `{action.name}` begins"
    yield Trouble("LP105", site.path, reason, f"let `{action.name}` run after it", site, call.span)


def _loop(site: Site, call: Call, said: str, function: str, workflow: Workflow) -> Iterator[Trouble]:
    wanted = ActionType.FOREACH if function == "items" else ActionType.UNTIL
    action = site.action
    around = (action, *workflow.within[action.name.lower()]) if action is not None else ()
    loops = [a.name for a in around if a.type is wanted]
    if said.lower() not in {n.lower() for n in loops}:
        help = did_you_mean(said, loops) or (f"the loops around are {', '.join(loops)}" if loops else "")
        yield Trouble("LP104", site.path, f"this isn't within a {wanted} of the name `{said}`", help, site, call.span)


def own_values(checked: Checked) -> Iterator[Trouble]:
    """Variables that are set from their own values, which fails."""
    for site in checked.sites:
        action = site.action
        if action is None or action.type is not ActionType.SET_VARIABLE:
            continue
        names = {n.lower() for n in written(action)}
        for node in site.expressions():
            for call in calls(node):
                if canonical(call.name) == "variables" and (literal(call) or "").lower() in names:
                    help = "make the value in a Compose before, and set the variable from that"
                    reason = f"`{literal(call)}` is set from its own value, which fails"
                    yield Trouble("LP120", site.path, reason, help, site, call.span)


# -- reaching ----------------------------------------------------------------------------


def reach(checked: Checked) -> Iterator[Trouble]:
    """Actions that never run."""
    for actions in checked.workflow.containers():
        for name, reason in unreachable(actions).items():
            action = next(a for a in actions if a.name == name)
            help = "change its `runAfter`, or take it out"
            yield Trouble("LP106", f"{action.path}.runAfter", f"`{name}` never runs: {reason}", help)
    for action in checked.workflow.actions.values():
        seen: set[str] = set()
        for case in action.cases:
            if isinstance(case.value, str) and "@" not in case.value and case.value in seen:
                place = f"{action.path}.cases['{case.name}']"
                yield Trouble(
                    "LP106", place, f"the case `{case.value}` never runs: one before it is for the same value"
                )
            seen.add(str(case.value))


def kinds(checked: Checked) -> Iterator[Trouble]:
    """Actions of kinds that aren't supported."""
    for action in checked.workflow.actions.values():
        if action.type in NOT_HERE:
            help = "say it with expressions, Select and Query, or call a service that does it"
            reason = f"`{action.name}` always fails: {NOT_HERE[action.type]} is not supported"
            yield Trouble("LP115", action.path, reason, help)


# -- queries -----------------------------------------------------------------------------


def queries(checked: Checked) -> Iterator[Trouble]:
    """Queries into which text that others write is put: they can be made to say something else."""
    for action in checked.workflow.actions.values():
        if action.type not in _CALLS:
            continue
        for path in _queries(checked, action):
            for site in checked.sites:
                if site.action is action and (site.path == path or site.path.startswith((f"{path}.", f"{path}["))):
                    found, node = checked.untrusted.site(site)
                    if found and node is not None:
                        reason = f"text from {found} becomes a part of the query that `{action.name}` asks"
                        yield Trouble("LP107", site.path, reason, _DECLARE, site, node.span)


_DECLARE = (
    "declare it, `declare query_parameters(name:string);`, and send it beside the query, as `parameters` of the body;"
    " escaping quotes is not enough"
)
_KQL_CONNECTORS = frozenset(
    "azuremonitorlogs azureloganalytics azuredataexplorer kusto wdatp microsoftdefenderadvancedhunting"
    " microsoft365defender microsoftgraphsecurity azureresourcegraph".split()
)
_KQL_NAMES = frozenset("csl query kql querytext".split())
_KQL_HOSTS = re.compile(
    r"loganalytics|kusto|/rest/query|/rest/mgmt|advancedquer|advancedhunting|runhuntingquery|resourcegraph|/lake/kql"
    r"|securitycenter|api\.security\.microsoft|securityplatform|/asyncqueries",
    re.IGNORECASE,
)
_LOOKS_LIKE_KQL = re.compile(
    r"\|\s*(where|project|summarize|extend|take|limit|join|union|distinct|count|order|sort|top|parse|mv-expand|render)\b"
    r"|^\s*let\s+\w+\s*=|declare\s+query_parameters",
    re.IGNORECASE | re.MULTILINE,
)


def _queries(checked: Checked, action: Action) -> Iterator[str]:
    """The JSON paths of all that is the text of a query among an action's inputs."""
    inputs = action.inputs if isinstance(action.inputs, dict) else {}
    root = f"{action.path}.inputs"
    known = action.type is ActionType.API_CONNECTION and checked.connector(action) in _KQL_CONNECTORS
    known = known or (
        action.type is not ActionType.API_CONNECTION and bool(_KQL_HOSTS.search(str(inputs.get("uri", ""))))
    )
    # What only looks like a query is none in a message to people.
    if known or checked.connector(action) not in _MESSAGES:
        yield from _texts(inputs.get("body"), f"{root}.body", known)
    given = inputs.get("queries")
    for name, value in given.items() if isinstance(given, dict) else ():
        if known and name.lower() in _KQL_NAMES and isinstance(value, str):
            yield f"{root}.queries{_step(name)}"
    uri = inputs.get("uri")
    if known and isinstance(uri, str) and re.search(r"[?&](query|csl)=", uri, re.IGNORECASE):
        yield f"{root}.uri"


def _texts(body: Any, path: str, known: bool, beside: bool = False) -> Iterator[str]:
    """The places of queries in a body; `beside` says that one stands around it, so that `parameters` are its values."""
    if isinstance(body, str):
        # JSON that is written as a text holds the query somewhere.
        if known or _LOOKS_LIKE_KQL.search(body):
            yield path
    elif isinstance(body, dict):
        asks = beside or any(name.lower() in _KQL_NAMES for name in body)
        for name, value in body.items():
            if isinstance(value, str):
                named = name.lower() in _KQL_NAMES
                if (known and named) or _LOOKS_LIKE_KQL.search(value):
                    yield f"{path}{_step(name)}"
            elif not (asks and name.lower() == "parameters"):
                yield from _texts(value, f"{path}{_step(name)}", known, asks)
    elif isinstance(body, list):
        for index, inner in enumerate(body):
            yield from _texts(inner, f"{path}[{index}]", known, beside)


def _step(name: str) -> str:
    return f".{name}" if name.isidentifier() else f"['{name}']"


# -- secrets -----------------------------------------------------------------------------


def secrets(checked: Checked) -> Iterator[Trouble]:
    """Secrets that get to where others read them, into the history, or that stand in the definition."""
    for site in checked.sites:
        reader = _reader(checked, site)
        if reader:
            found, node = checked.secret.site(site)
            if found and node is not None:
                help = "leave it out; `secureData` hides it from the history only"
                yield Trouble("LP108", site.path, f"{found} gets into {reader}", help, site, node.span)
    for action in checked.workflow.actions.values():
        if gives_secret(action, checked.connector(action)) and "outputs" not in action.secure:
            reason = f"the secret that `{action.name}` is answered stands in the history of runs"
            help = '`"runtimeConfiguration": {"secureData": {"properties": ["outputs"]}}` hides it, and all made of it'
            yield Trouble("LP109", action.path, reason, help)
        yield from _spelled_out(action)
    for name, parameter in checked.definition.parameters.items():
        if parameter.type.secure and parameter.default not in (None, "", {}):
            help = "give it when the workflow is deployed"
            place = f"$.parameters{_step(name)}.defaultValue"
            yield Trouble("LP110", place, f"the secure parameter `{name}` has its value in the definition", help)


_MESSAGES = frozenset("office365 outlook sendmail smtp teams slack service-now jira azuresentinel sendgrid".split())


def _reader(checked: Checked, site: Site) -> str:
    """Who reads what a string becomes, beside whom it is sent to in confidence; empty for nobody."""
    action = site.action
    if action is None:
        return "the workflow's outputs" if site.path.startswith("$.outputs") else ""
    if action.type is ActionType.RESPONSE and f"{action.path}.inputs" in site.path:
        return f"the response {action.name}"
    if action.type in (ActionType.API_CONNECTION, ActionType.API_CONNECTION_WEBHOOK):
        connector = checked.connector(action)
        if connector in _MESSAGES and ".inputs.host" not in site.path:
            return f"what {action.name} writes with {connector}"
    if ".trackedProperties" in site.path:
        return f"the tracked properties of {action.name}"
    return ""


_AUTHENTICATION = frozenset("password secret pfx value".split())
_HEADERS = frozenset(
    "authorization x-api-key api-key apikey x-apikey ocp-apim-subscription-key x-functions-key".split()
)


def _spelled_out(action: Action) -> Iterator[Trouble]:
    inputs = action.inputs if isinstance(action.inputs, dict) else {}
    for name, known in (("authentication", _AUTHENTICATION), ("headers", _HEADERS)):
        part = inputs.get(name)
        for key, value in part.items() if isinstance(part, dict) else ():
            if key.lower() in known and isinstance(value, str) and value.strip() and "@" not in value:
                place = f"{action.path}.inputs.{name}{_step(key)}"
                help = "make it a parameter of the type SecureString, or ask a key vault for it"
                yield Trouble("LP110", place, f"`{action.name}` has a secret spelled out", help)


# -- loops -------------------------------------------------------------------------------


def loops(checked: Checked) -> Iterator[Trouble]:
    """Loops that run side by side over shared variables, that never end, or that have nothing to go over."""
    workflow = checked.workflow
    for action in workflow.actions.values():
        if action.type is ActionType.UNTIL:
            yield from _until(action)
        if action.type is ActionType.FOREACH:
            yield from _foreach(action)
            if _parallel(action, workflow):
                yield from _shared(action)


def _parallel(loop: Action, workflow: Workflow) -> bool:
    # A Foreach within another one goes through its items one by one; the outer one is told of.
    if any(a.type is ActionType.FOREACH for a in workflow.within[loop.name.lower()]):
        return False
    return "sequential" not in loop.options and loop.repetitions != 1


def _shared(loop: Action) -> Iterator[Trouble]:
    help = f'`"operationOptions": "Sequential"` lets the rounds of `{loop.name}` run one by one'
    for action in loop.all():
        names = ", ".join(f"`{n}`" for n in written(action)) if action.type in (*WRITES, *_COUNTS) else ""
        if not names:
            continue
        if action.type in (ActionType.SET_VARIABLE, ActionType.APPEND_TO_STRING):
            reason = f"rounds of `{loop.name}` that run side by side write {names}: each may read what another wrote"
            yield Trouble("LP111", action.path, reason, help + "; or hand the value on in a Compose")
        elif action.type is ActionType.APPEND_TO_ARRAY:
            reason = f"rounds of `{loop.name}` run side by side, and add to {names} in any order"
            yield Trouble("LP112", action.path, reason, help)


_COUNTS = (ActionType.INCREMENT, ActionType.DECREMENT)


def _until(action: Action) -> Iterator[Trouble]:
    limit = action.limit
    count = limit.count if isinstance(limit.count, int) and not isinstance(limit.count, bool) else 60
    inner = [a for a in action.all() if a is not action]
    if not any(a.type in _CALLS or a.type in (*WRITES, *_COUNTS) for a in inner):
        reason = f"nothing within `{action.name}` changes what its condition asks"
        yield Trouble("LP116", f"{action.path}.expression", reason, "let an action within it call or count something")
    elif any(a.type in _CALLS for a in inner) and not any(a.type in (ActionType.WAIT, *_WEBHOOKS) for a in inner):
        reason = f"`{action.name}` asks up to {count} times, without a pause"
        yield Trouble("LP116", action.path, reason, "put a Wait into it")
    if count > _MANY:
        reason = f"`{action.name}` goes through up to {count} rounds"
        yield Trouble("LP116", f"{action.path}.limit.count", reason, f"{_MANY} are many already")
    timeout = limit.timeout
    if isinstance(timeout, str) and (days := re.fullmatch(r"P(\d+)D.*", timeout)) and int(days[1]) > 30:
        yield Trouble("LP116", f"{action.path}.limit.timeout", f"`{action.name}` goes on for up to {days[1]} days")


_MANY = 1000


def _foreach(action: Action) -> Iterator[Trouble]:
    if not isinstance(action.foreach, str):
        return
    site = Site(f"{action.path}.foreach", action.foreach, action)
    for node in site.expressions():
        if isinstance(node, Access) and node.forgiving:
            reason = f"`{action.name}` fails where this is null"
            yield Trouble("LP117", site.path, reason, "`coalesce(…, createArray())` goes over nothing", site, node.span)


# -- effects -----------------------------------------------------------------------------


def effects(checked: Checked) -> Iterator[Trouble]:
    """Changes outside of which nobody hears where they fail."""
    workflow = checked.workflow
    for name, action in workflow.actions.items():
        if action.type not in _CALLS or action.type in _WEBHOOKS:
            continue
        effect = checked.effect(action)
        # A comment tells of something else: whoever tells of its failure needs telling of, too.
        if effect is Effect.READ or _COMMENT.match(checked.call(action)):
            continue
        chain = (action, *workflow.within[name])
        if any(handled(a, workflow.siblings[a.name.lower()]) for a in chain):
            continue
        grave = effect is Effect.CONTAIN
        reason = f"nothing runs where `{action.name}` fails"
        help = 'an action that runs after it on `["Failed", "TimedOut"]` can tell of it'
        yield Trouble("LP113" if grave else "LP114", action.path, reason, help)


_COMMENT = re.compile(r"azuresentinel \w+ /(Incidents/)?Comment", re.IGNORECASE)


# -- schemas and transport ---------------------------------------------------------------


def schemas(checked: Checked) -> Iterator[Trouble]:
    """Schemas of ParseJson that refuse null where what is parsed comes from outside."""
    for action in checked.workflow.actions.values():
        if action.type is not ActionType.PARSE_JSON or not isinstance(action.inputs, dict):
            continue
        if not checked.untrusted.value(action.inputs.get("content"), action):
            continue
        strict = list(_strict(action.inputs.get("schema"), ""))
        if strict:
            shown = ", ".join(f"`{n}`" for n in strict[:3]) + (" …" if len(strict) > 3 else "")
            reason = f"`{action.name}` fails where one of {len(strict)} values is null, such as {shown}"
            help = 'say `"type": ["string", "null"]`, or leave the schema out: `?` reads what may be missing'
            yield Trouble("LP118", f"{action.path}.inputs.schema", reason, help)


def _strict(schema: Any, name: str, depth: int = 0) -> Iterator[str]:
    if not isinstance(schema, dict) or depth > 30:
        return
    type = schema.get("type")
    types = [str(t).lower() for t in (type if isinstance(type, list) else [type]) if t]
    if name and types and "null" not in types and types != ["object"] and types != ["array"]:
        yield name
    properties = schema.get("properties")
    for inner, value in properties.items() if isinstance(properties, dict) else ():
        yield from _strict(value, f"{name}.{inner}" if name else inner, depth + 1)
    items = schema.get("items")
    for value in items if isinstance(items, list) else [items]:
        yield from _strict(value, f"{name}[]", depth + 1)


def transport(checked: Checked) -> Iterator[Trouble]:
    """What is sent where anybody on the way can read it, or to whoever answers."""
    for action in checked.workflow.actions.values():
        if not isinstance(action.inputs, dict):
            continue
        for path, value in _leaves(action.inputs, f"{action.path}.inputs"):
            last = path.rpartition(".")[2].lower()
            if last in ("uri", "url") and isinstance(value, str) and _PLAIN.match(value) and action.type in _CALLS:
                yield Trouble("LP119", path, f"`{action.name}` calls without TLS", "write `https://`")
            if _CARELESS.search(last) and value in (True, "true", "True"):
                yield Trouble(
                    "LP119", path, f"`{action.name}` doesn't ask for whom it calls", "let certificates be checked"
                )


_PLAIN = re.compile(r"http://(?!localhost\b|127\.|\[::1\])", re.IGNORECASE)
_CARELESS = re.compile(r"(disable|skip|ignore|bypass|no).*(ssl|tls|certificate|cert)|insecure", re.IGNORECASE)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for name, inner in value.items():
                yield from _leaves(inner, f"{path}{_step(name)}")
        case list():
            for index, inner in enumerate(value):
                yield from _leaves(inner, f"{path}[{index}]")
        case _:
            yield path, value


CHECKS: tuple[Callable[[Checked], Iterator[Trouble]], ...] = (
    templates,
    references,
    own_values,
    reach,
    kinds,
    queries,
    secrets,
    loops,
    effects,
    schemas,
    transport,
)
