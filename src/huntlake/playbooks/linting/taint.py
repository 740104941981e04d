"""Where a value comes from: what others write, and what is secret, followed through actions, loops and variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from huntlake.core.diagnostics import SourceError
from huntlake.playbooks.linting.sites import EACH, Site, Workflow, canonical, literal, steps
from huntlake.wdl.definition.workflow import Action, ActionType, Definition, TriggerType
from huntlake.wdl.expressions.nodes import Access, Call, Expression, Interpolation, Literal
from huntlake.wdl.expressions.parser import template

WRITES = (
    ActionType.APPEND_TO_ARRAY,
    ActionType.APPEND_TO_STRING,
    ActionType.INITIALIZE,
    ActionType.SET_VARIABLE,
)
LOCAL = (
    ActionType.COMPOSE,
    ActionType.EXPRESSION,
    ActionType.JOIN,
    ActionType.PARSE_JSON,
    *EACH,
)
"""Actions whose outputs are made of nothing but their inputs."""
PLAIN = frozenset(
    # Booleans and numbers hold no text of anybody.
    "equals greater greaterorequals less lessorequals and or not isint isfloat contains empty startswith endswith bool"
    " int float decimal length add sub mul div mod rand indexof lastindexof nthindexof ticks dayofweek dayofmonth"
    " dayofyear datedifference uriport iterationindexes"
    # Letters, digits and signs that end no text of a query.
    " base64 guid"
    # What the house itself knows.
    " workflow listcallbackurl utcnow appsetting".split()
)
"""Functions, in lower case, whose results carry nothing of what they are given."""
DATES = frozenset(
    "adddays addhours addminutes addseconds addtotime subtractfromtime startofday startofhour startofmonth getpasttime"
    " getfuturetime formatdatetime parsedatetime converttimezone convertfromutc converttoutc formatnumber".split()
)
"""Functions whose results are dates or numbers: only their formats may carry text."""


class Origins(Protocol):
    """What is looked for."""

    def trigger(self, path: tuple[str | None, ...]) -> str:
        """What it is that a trigger gives by these steps into `trigger()`; empty where it isn't looked for."""

    def action(self, action: Action, path: tuple[str | None, ...]) -> str:
        """What it is that an action outside gives by these steps into `outputs('…')`."""

    def parameter(self, name: str) -> str:
        """What it is that a parameter holds."""


@dataclass
class Flow:
    """Follows values through one workflow to where they come from."""

    workflow: Workflow
    origins: Origins
    _known: dict[tuple[str, str], str] = field(default_factory=dict)
    """Where what an action makes, a variable holds, or a loop goes over, comes from."""

    def __post_init__(self) -> None:
        made = list(self._made())
        # What is found of one may be carried on by others; each turn finds at least one more, or it is over.
        changed = True
        while changed:
            changed = False
            for key, value, action, each in made:
                if not self._known.get(key) and (found := self.value(value, action, each)):
                    self._known[key] = found
                    changed = True

    def _made(self) -> Iterator[tuple[tuple[str, str], Any, Action, bool]]:
        for name, action in self.workflow.actions.items():
            if action.type in LOCAL:
                yield ("outputs", name), action.inputs, action, action.type in EACH
            if action.type in EACH and isinstance(action.inputs, dict):
                yield ("each", name), action.inputs.get("from"), action, False
            if action.type is ActionType.FOREACH:
                yield ("items", name), action.foreach, action, False
            for one in _listed(action) if action.type in WRITES else ():
                for variable in self._meant(one.get("name")):
                    yield ("variable", variable), one.get("value"), action, False

    def _meant(self, name: Any) -> list[str]:
        """The variables, in lower case, that something means by a name: any of them by one that is computed."""
        if isinstance(name, str) and "@" not in name:
            return [name.lower()]
        return [
            n.lower() for a in self.workflow.actions.values() if a.type is ActionType.INITIALIZE for n in written(a)
        ]

    def site(self, site: Site) -> tuple[str, Expression | None]:
        """Where the value of a string comes from, and the expression in it that brings it; empty where from nowhere."""
        for node in site.expressions():
            found = self.of(node, site.action, site.each)
            if found:
                return found, node
        return "", None

    def value(self, value: Any, action: Action | None, each: bool = False) -> str:
        """Where any text within a JSON value comes from."""
        match value:
            case str():
                return self._text(value, action, each)
            case list():
                return next((f for v in value if (f := self.value(v, action, each))), "")
            case dict():
                return next((f for k, v in value.items() for t in (k, v) if (f := self.value(t, action, each))), "")
        return ""

    def of(self, node: Expression, action: Action | None, each: bool = False) -> str:
        """Where the value of an expression comes from."""
        match node:
            case Literal():
                return ""
            case Access():
                root, path = steps(node)
                if isinstance(root, Call):
                    return self._call(root, path, action, each)
                return self.of(root, action, each)
            case Call():
                return self._call(node, (), action, each)

    def _text(self, text: str, action: Action | None, each: bool) -> str:
        try:
            read = template(text)
        except SourceError:
            return ""
        nodes: tuple[Any, ...] = read.parts if isinstance(read, Interpolation) else (read,)
        return next((f for n in nodes if not isinstance(n, str) and (f := self.of(n, action, each))), "")

    def _call(self, node: Call, path: tuple[str | None, ...], action: Action | None, each: bool) -> str:
        name = canonical(node.name)
        said = literal(node)
        match name:
            case "trigger":
                return self.origins.trigger(path)
            case "triggeroutputs":
                return self.origins.trigger(("outputs", *path))
            case "triggerbody":
                return self.origins.trigger(("outputs", "body", *path))
            case "triggerformdatavalue" | "triggerformdatamultivalues" | "triggermultipartbody":
                return self.origins.trigger(("outputs", "body"))
            case "body" if said is not None:
                return self._outputs(said, ("body", *path))
            case "outputs" if said is not None:
                return self._outputs(said, path)
            case "actions" if said is not None:
                return self._outputs(said, path[1:])
            case "formdatavalue" | "formdatamultivalues" | "multipartbody" if said is not None:
                return self._outputs(said, ("body",))
            case "result" if said is not None:
                scope = self.workflow.actions.get(said.lower())
                inner = (self._outputs(a.name, ()) for a in scope.within) if scope else iter(())
                return next((f for f in inner if f), "")
            case "items" if said is not None:
                return self._known.get(("items", said.lower()), "")
            case "item":
                return self._item(action, each)
            case "variables" if said is not None:
                return self._known.get(("variable", said.lower()), "")
            case "parameters" if said is not None:
                return self.origins.parameter(said)
            case "variables" | "items" | "parameters" | "result" | "body" | "outputs" | "actions" if node.arguments:
                return self._any(name)
        if name in PLAIN:
            return ""
        arguments = node.arguments
        if name in DATES:
            arguments = tuple(a for a in arguments[1:] if not isinstance(a, Literal))
        if name == "if":
            arguments = arguments[1:]
        return next((f for a in arguments if (f := self.of(a, action, each))), "")

    def _any(self, function: str) -> str:
        """Where anything comes from that a function may give by a name that is computed."""
        kind = {"variables": "variable", "items": "items"}.get(function)
        if kind is not None:
            return next((found for (k, _), found in self._known.items() if k == kind and found), "")
        if function == "parameters":
            names = self.workflow.definition.parameters
            return next((found for n in names if (found := self.origins.parameter(n))), "")
        return next((found for a in self.workflow.actions.values() if (found := self._outputs(a.name, ()))), "")

    def _item(self, action: Action | None, each: bool) -> str:
        if action is None:
            return ""
        if each:
            return self._known.get(("each", action.name.lower()), "")
        for around in (action, *self.workflow.within[action.name.lower()]):
            if around.type is ActionType.FOREACH:
                return self._known.get(("items", around.name.lower()), "")
        return ""

    def _outputs(self, name: str, path: tuple[str | None, ...]) -> str:
        action = self.workflow.actions.get(name.lower())
        if action is None or path[:1] == ("statuscode",):
            return ""
        if action.type in LOCAL:
            return self._known.get(("outputs", action.name.lower()), "")
        if action.type in WRITES:
            meant = (n for one in _listed(action) for n in self._meant(one.get("name")))
            return next((f for n in meant if (f := self._known.get(("variable", n), ""))), "")
        if action.within:
            return ""
        return self.origins.action(action, path)


def written(action: Action) -> Iterator[str]:
    """The names of the variables that an action writes, as they are written: one may be a template."""
    for one in _listed(action):
        if isinstance(one.get("name"), str):
            yield one["name"]


def _listed(action: Action) -> list[dict[str, Any]]:
    inputs = action.inputs if isinstance(action.inputs, dict) else {}
    listed = inputs.get("variables") if isinstance(inputs.get("variables"), list) else [inputs]
    return [o for o in listed or [] if isinstance(o, dict)]


@dataclass(frozen=True)
class Untrusted:
    """Text that others write: what sets a run off, and what anything outside answers."""

    definition: Definition

    _MADE_HERE = frozenset(
        tuple(p.split("."))
        for p in (
            "object.id object.name object.etag object.properties.incidentnumber object.properties.createdtimeutc"
            " object.properties.lastmodifiedtimeutc object.properties.incidenturl workspaceid systemalertid"
            " workspacesubscriptionid workspaceresourcegroup timegenerated starttimeutc endtimeutc incidentarmid"
        ).split()
    )

    def trigger(self, path: tuple[str | None, ...]) -> str:
        """Whatever is in a trigger's outputs, but what the house itself makes of an incident."""
        if self.definition.triggers and self.definition.triggers[0].type is TriggerType.RECURRENCE:
            return ""
        if path[:1] != ("outputs",) and path:
            return ""
        if self._of_house and path[1:2] == ("body",):
            inner = path[2:]
            if inner in self._MADE_HERE or inner[:1] == ("workspaceinfo",):
                return ""
        return "the trigger"

    @property
    def _of_house(self) -> bool:
        trigger = self.definition.triggers[0] if self.definition.triggers else None
        return trigger is not None and trigger.type in (TriggerType.API_CONNECTION_WEBHOOK, TriggerType.API_CONNECTION)

    def action(self, action: Action, path: tuple[str | None, ...]) -> str:
        """Whatever an action outside answers."""
        if action.type is ActionType.RESPONSE:
            return ""
        return f"the answer to {action.name}"

    def parameter(self, name: str) -> str:
        """Nothing: whoever deploys a playbook may say what it asks."""
        return ""


@dataclass(frozen=True)
class Secrets:
    """What nobody may read: parameters of secure types, and what a key vault answers."""

    workflow: Workflow
    connectors: dict[str, str]
    """By the name of each action of a connector, in lower case, the connector."""

    def trigger(self, path: tuple[str | None, ...]) -> str:
        """What a trigger gives that is secured."""
        triggers = self.workflow.definition.triggers
        return "the trigger" if triggers and "outputs" in triggers[0].secure else ""

    def action(self, action: Action, path: tuple[str | None, ...]) -> str:
        """The value of a secret of a key vault, and the outputs of actions that are secured."""
        if gives_secret(action, self.connectors.get(action.name.lower(), "")):
            return f"the secret of {action.name}" if path[-1:] != ("name",) else ""
        return f"the secured answer to {action.name}" if "outputs" in action.secure else ""

    def parameter(self, name: str) -> str:
        """A parameter of a secure type."""
        parameters = {n.lower(): p for n, p in self.workflow.definition.parameters.items()}
        known = parameters.get(name.lower())
        return f"the parameter {known.name}" if known is not None and known.type.secure else ""


def gives_secret(action: Action, connector: str) -> bool:
    """Whether an action asks a key vault for the value of a secret."""
    inputs = action.inputs if isinstance(action.inputs, dict) else {}
    if connector == "keyvault":
        return str(inputs.get("path", "")).lower().rstrip("/").endswith("/value")
    uri = str(inputs.get("uri", "")).lower()
    return action.type is ActionType.HTTP and ".vault.azure.net" in uri and "/secrets/" in uri
