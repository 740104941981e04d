"""A template to the resources that it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from huntlake.core.diagnostics import SourceError, did_you_mean
from huntlake.playbooks.deployment.templates.expressions import template as read_text
from huntlake.playbooks.deployment.templates.functions import FUNCTIONS
from huntlake.playbooks.deployment.templates.functions.resources import joined
from huntlake.playbooks.deployment.templates.parameters import Missing, Parameter, TemplateError, declared
from huntlake.playbooks.deployment.templates.place import Lambda, Where
from huntlake.wdl.expressions.evaluator import Evaluator
from huntlake.wdl.expressions.nodes import Access, Call, Expression, Literal
from huntlake.wdl.expressions.symbols import Anything, Function
from huntlake.wdl.expressions.symbols import Parameter as Argument
from huntlake.wdl.expressions.values import Fault, found, kind

WORK = 4_000_000
"""What the functions of one expression may make."""
MOST_WORK = 100_000_000
"""What all expressions of a template may make together, in characters."""
MOST_COPIES = 800
"""How many copies a loop makes, as in Azure."""
MOST_RESOURCES = 2_000
DEEPEST = 8
"""How deep deployments may nest."""
LONGEST_CHAIN = 60
"""How many parameters and variables may refer each to the next."""

LEAST_SECRET = 6
"""How many characters a secret has at least that is looked for where it shouldn't be."""

CONNECTION = "microsoft.web/connections"
DEPLOYMENT = "microsoft.resources/deployments"
PACKAGED = (
    "microsoft.operationalinsights/workspaces/providers/contenttemplates",
    "microsoft.securityinsights/contenttemplates",
    "microsoft.resources/templatespecs/versions",
)
WORKFLOW = "microsoft.logic/workflows"
CUSTOM_API = "microsoft.web/customapis"
OURS = (WORKFLOW, CONNECTION, CUSTOM_API)
"""The types, in lower case, that mean something here."""
_LEFT_OUT = ("parameterValues", "customParameterValues", "nonSecretParameterValues", "testLinks", "testRequests")


@dataclass(frozen=True)
class Note:
    """Something that a person should know of a place."""

    path: str
    message: str


@dataclass(frozen=True)
class Resource:
    """A resource that a template makes. With a `problem` it couldn't be evaluated, and has no body."""

    type: str
    name: str
    id: str
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Evaluated:
    """What a template makes: its resources, each behind those that it depends on."""

    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any]
    parameters: Mapping[str, Any]
    """The values of all parameters but secure ones, by name."""
    missing: tuple[Missing, ...]
    notes: tuple[Note, ...]
    secrets: frozenset[str]
    """The texts that secure parameters hold."""


def evaluate(template: Any, given: Mapping[str, Any], where: Where, path: str = "$") -> Evaluated:
    """Evaluates a template, with the values that are given for its parameters.

    Where a value is missing something stands in for it, and it is told. Raises `TemplateError` for what isn't a
    template, and for parameters that it doesn't have or that don't take what is given.
    """
    try:
        return _evaluated(template, given, where, path)
    except RecursionError:
        raise TemplateError(path, "values of the template refer to one another too deep") from None


def _evaluated(template: Any, given: Mapping[str, Any], where: Where, path: str) -> Evaluated:
    shared = _Shared(dict(given))
    scope = _Scope(template, dict(given), where, path, shared)
    inner = inner_parameters(template)
    for name in given:
        if name.lower() not in scope.parameters and name.lower() not in inner:
            help = did_you_mean(name, (p.name for p in scope.parameters.values()))
            raise TemplateError(f"{path}.parameters", f"the template has no parameter `{name}`; {help}".rstrip("; "))
    for name in scope.parameters:
        scope.parameter(name)
    resources = tuple(scope.resources())
    outputs = scope.outputs()
    plain = {p.name: scope.parameter(n) for n, p in scope.parameters.items() if not p.secure}
    plain = {n: v for n, v in plain.items() if not _reveals(v, shared.secrets)}
    for name, output in outputs.items():
        if _reveals(output["value"], shared.secrets):
            output["value"] = None
            shared.notes.append(Note(f"{path}.outputs{_step(name)}", "holds what is secure: its value isn't shown"))
    missing = dict[str, Missing]()
    for one in (*shared.missing, *shared.unknown):
        known = missing.get(one.name.lower())
        missing[one.name.lower()] = one.also(known) if known else one
    return Evaluated(
        resources,
        outputs,
        plain,
        tuple(missing.values()),
        tuple(dict.fromkeys(shared.notes)),
        frozenset(shared.secrets),
    )


def inner_parameters(template: Any) -> dict[str, Parameter]:
    """The parameters, by name in lower case, that a person gives to templates within another.

    Those of the templates that a packaged solution holds, and of nested ones those whose values lie in a key vault.
    """
    found: dict[str, Parameter] = {}
    for path, _, resource in _places(template.get("resources") if isinstance(template, dict) else None, "$.resources"):
        properties = resource.get("properties")
        if not isinstance(properties, dict):
            continue
        kind = str(resource.get("type", "")).lower()
        if kind in PACKAGED:
            found |= _declared_in(properties.get("mainTemplate"), f"{path}.properties.mainTemplate")
        elif kind == DEPLOYMENT:
            given = properties.get("parameters")
            asked = {n.lower() for n, v in given.items() if "reference" in (v or {})} if isinstance(given, dict) else {}
            inside = _declared_in(properties.get("template"), f"{path}.properties.template")
            found |= {n: p for n, p in inside.items() if n in asked} | inner_parameters(properties.get("template"))
    return found


def _declared_in(template: Any, path: str) -> dict[str, Parameter]:
    body = template if isinstance(template, dict) else {}
    return declared(body.get("parameters") or {}, f"{path}.parameters", _object(body.get("definitions"), path))


@dataclass
class _Shared:
    """What the scopes of one deployment have in common."""

    given: Mapping[str, Any]
    missing: list[Missing] = field(default_factory=list)
    unknown: list[Missing] = field(default_factory=list)
    """What only Azure knows, of resources that are deployed here."""
    notes: list[Note] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    made: list[_Planned] = field(default_factory=list)
    work: int = 0


@dataclass(eq=False)
class _Planned:
    """A resource before its body is known."""

    scope: _Scope
    type: str
    name: str
    id: str
    path: str
    source: Mapping[str, Any]
    loops: Mapping[str, int]
    symbol: str
    existing: bool = False
    evaluating: bool = False
    done: Resource | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    within: list[Resource] = field(default_factory=list)


class _Scope:
    """A template with its parameters, and where its expressions stand. It is the `Here` of its functions."""

    def __init__(
        self, template: Any, given: Mapping[str, Any], where: Where, path: str, shared: _Shared, depth: int = 0
    ) -> None:
        if not isinstance(template, dict) or "resources" not in template:
            raise TemplateError(path, "this is not a template: it has no `resources`")
        if depth > DEEPEST:
            raise TemplateError(path, f"deployments nest at most {DEEPEST} deep")
        self.source, self.where, self.path, self.shared, self.depth = template, where, path, shared, depth
        self.parameters = declared(
            template.get("parameters") or {}, f"{path}.parameters", _object(template.get("definitions"), path)
        )
        self.given = {n.lower(): v for n, v in given.items() if n.lower() in self.parameters}
        self.functions: Mapping[str, Function] = {**FUNCTIONS, **self._own_functions()}
        self._values: dict[str, Any] = {}
        self._open: list[str] = []
        self.loops: dict[str, int] = {}
        self.loop = ""
        self._bound: list[Mapping[str, Any]] = []

    # -- what functions ask

    def now(self) -> datetime:
        return self.where.now

    def template(self) -> Any:
        return self.source

    def parameter(self, name: str) -> Any:
        parameter = self.parameters.get(name.lower())
        if parameter is None:
            help = did_you_mean(name, (p.name for p in self.parameters.values()))
            raise Fault(f"the template has no parameter `{name}`" + (f"; {help}" if help else ""))
        return self._once(f"the parameter `{parameter.name}`", lambda: self._parameter(parameter))

    def _parameter(self, parameter: Parameter) -> Any:
        if parameter.name.lower() in self.given:
            value = self.given[parameter.name.lower()]
        elif parameter.has_default:
            return self._default(parameter)
        elif parameter.nullable:
            value = None
        else:
            self.shared.missing.append(parameter.missing())
            return parameter.placeholder()
        if parameter.secure:
            self.shared.secrets |= set(_texts(value))
        return parameter.checked(value)

    def _default(self, parameter: Parameter) -> Any:
        try:
            value = parameter.checked(self.value(parameter.default, f"{parameter.path}.defaultValue"))
        except TemplateError as error:
            # Such a template can be deployed nevertheless, by those who give a value.
            self.shared.notes.append(Note(parameter.path, f"its default is of no use: {error.message}"))
            self.shared.missing.append(parameter.missing())
            return parameter.placeholder()
        if parameter.secure:
            self.shared.secrets |= set(_texts(value))
        return value

    def variable(self, name: str) -> Any:
        variables = _object(self.source.get("variables"), f"{self.path}.variables")
        names = {n.lower(): n for n in variables if n.lower() != "copy"}
        own = names.get(name.lower())
        if own is not None:
            place = f"{self.path}.variables{_step(own)}"
            return self._once(f"the variable `{own}`", lambda: self.value(variables[own], place))
        for index, loop in enumerate(_loops(variables.get("copy"))):
            if str(loop.get("name", "")).lower() == name.lower():
                copies = partial(self._copies, loop, f"{self.path}.variables.copy[{index}]")
                return self._once(f"the variable `{name}`", copies)
        help = did_you_mean(name, variables)
        raise Fault(f"the template has no variable `{name}`" + (f"; {help}" if help else ""))

    def _once(self, what: str, how: Callable[[], Any]) -> Any:
        key = what.lower()
        if key in self._values:
            return self._values[key]
        if key in self._open:
            raise Fault(f"{what} refers to itself")
        if len(self._open) >= LONGEST_CHAIN:
            raise Fault(f"more than {LONGEST_CHAIN} parameters and variables refer to one another")
        self._open.append(key)
        # Where a value is needed first has no part in what it is.
        loops, self.loops, bound, self._bound, loop, self.loop = self.loops, {}, self._bound, [], self.loop, ""
        try:
            self._values[key] = how()
        finally:
            self._open.pop()
            self.loops, self._bound, self.loop = loops, bound, loop
        return self._values[key]

    def copy_index(self, loop: str | None) -> int:
        name = (self.loop if loop is None else loop).lower()
        if name not in self.loops:
            raise Fault(f"this is not within a loop named `{loop}`" if loop else "this is not within a loop of copies")
        return self.loops[name]

    @contextmanager
    def bound(self, names: Mapping[str, Any]) -> Iterator[None]:
        # Loops within loops take their time, however little they make.
        self.shared.work += 200
        if self.shared.work > MOST_WORK:
            raise Fault("the template makes too much")
        self._bound.append(names)
        try:
            yield
        finally:
            self._bound.pop()

    def argument(self, name: str) -> Any:
        for names in reversed(self._bound):
            if name in names:
                return names[name]
        raise Fault(f"no lambda around has an argument `{name}`")

    def listed(self, call: str, resource: str) -> Any:
        found, shown = self._told(call, resource)
        if found:
            return shown
        if call == "listCallbackUrl":
            parts = resource.strip("/").split("/")
            if len(parts) >= 4 and (parts[-4].lower(), parts[-2].lower()) == ("workflows", "triggers"):
                workflow, trigger = parts[-3], parts[-1]
            elif len(parts) == 2:
                workflow, trigger = parts
            else:
                workflow = trigger = ""
            url = self.where.callback(workflow, trigger) if workflow else None
            if url:
                return {"value": url, "method": "POST", "basePath": url.partition("?")[0]}
        self.shared.unknown.append(Missing(shown, "object", "what Azure gives for it"))
        raise Fault(f"nobody here knows what `{shown}` gives; say it as a value of that name")

    def _told(self, call: str, resource: str) -> tuple[bool, Any]:
        label = f"{call}({resource})"
        for name, value in self.where.values.items():
            if name.lower() == label.lower():
                return True, value
        return False, label

    def reference(self, resource: str, full: bool) -> Any:
        planned = self._own(resource)
        found, shown = self._told("reference", planned.id if planned else resource)
        if planned is not None:
            known = self._referred(planned, full)
            return _over(known, shown) if found else known
        if found:
            return shown
        self.shared.unknown.append(Missing(shown, "object", "what this resource is in Azure"))
        raise Fault(f"`{resource}` is no resource of this template: say what it is as a value named `{shown}`")

    def resource(self, symbol: str) -> dict[str, Any]:
        for planned in self.shared.made:
            if planned.scope is self and planned.symbol.lower() == symbol.lower():
                return {"id": planned.id, "name": planned.name, "type": planned.type}
        raise Fault(f"no resource of this template is called `{symbol}`")

    def _own(self, resource: str) -> _Planned | None:
        """The resource of this template that is meant: by its id from anywhere, by its name from where it stands."""
        wanted = resource.lower().strip("/")
        for planned in self.shared.made:
            near = planned.scope is self and wanted in _names(planned)
            if planned.id.lower().strip("/") == wanted or near:
                return planned
        return None

    def _referred(self, planned: _Planned, full: bool) -> Any:
        if planned.existing:
            raise Fault(f"`{planned.name}` is not made by this template, and nobody here knows what it is")
        if planned.evaluating:
            raise Fault(f"`{planned.name}` refers to itself")
        made = planned.scope.evaluated(planned)
        if made.problem:
            raise Fault(f"`{planned.name}` couldn't be evaluated")
        properties = dict(_object(made.body.get("properties"), made.path))
        if planned.type.lower() == DEPLOYMENT:
            properties = {"outputs": planned.outputs, "provisioningState": "Succeeded"}
        if not full:
            return properties
        return {**made.body, "properties": properties, "id": made.id, "name": made.name, "resourceId": made.id}

    # -- values

    def value(self, node: Any, path: str, left_out: bool = False) -> Any:
        """`node` with every expression evaluated. Raises `TemplateError`.

        With `left_out` what has no value under certain keys, where secrets stand that only Azure knows, is left out.
        """
        # What is copied costs each time, even where it holds no expression.
        self.shared.work += 16 + (len(node) if isinstance(node, str) else 0)
        if self.shared.work > MOST_WORK:
            raise TemplateError(path, "the template makes too much")
        match node:
            case str():
                return self._text(node, path)
            case list():
                return [self.value(n, f"{path}[{i}]", left_out) for i, n in enumerate(node)]
            case dict():
                return self._object(node, path, left_out)
        return node

    def _object(self, node: Mapping[str, Any], path: str, left_out: bool) -> dict[str, Any]:
        made: dict[str, Any] = {}
        inside = left_out and path.endswith(tuple(f".{n}" for n in _LEFT_OUT))
        for key, inner in node.items():
            if key == "copy" and _is_loops(inner):
                for index, loop in enumerate(inner):
                    made[loop["name"]] = self._copies(loop, f"{path}.copy[{index}]")
                continue
            place = f"{path}{_step(key)}"
            try:
                made[key] = self.value(inner, place, left_out)
            except TemplateError as error:
                if not inside:
                    raise
                self.shared.notes.append(Note(place, f"left out, as it can't be known here: {error.message}"))
        return made

    def _text(self, text: str, path: str) -> Any:
        read: str | Expression = text
        before = len(self.shared.unknown)
        try:
            read = read_text(text)
            if isinstance(read, str):
                return read
            made = Evaluator(self.functions, self, WORK).template(read, text)
        except Fault as fault:
            raise TemplateError(path, str(fault)) from None
        except SourceError as error:
            # The tree and its evaluation are those of workflows; the codes tell where an error stood.
            told = (replace(d, code=d.code.replace("WDL", "ARM")) for d in error.diagnostics)
            if not isinstance(read, str):
                self.shared.unknown.extend(self._lacking(read, text))
            wanted = () if isinstance(read, str) else tuple(_read_of(read))
            self.shared.unknown[before:] = [
                m if m.wanted else replace(m, wanted=wanted) for m in self.shared.unknown[before:]
            ]
            raise TemplateError(path, str(SourceError(error.source, *told))) from None
        if isinstance(made, Lambda):
            raise TemplateError(path, "a lambda is no value: it stands among the arguments of a function")
        self.shared.work += len(made) if isinstance(made, str | list | dict) else 0
        return made

    def _lacking(self, read: Expression, text: str) -> Iterator[Missing]:
        """What is read of resources of this template that only Azure adds to them, such as a storage's addresses."""
        evaluator = Evaluator(self.functions, self, WORK)
        for call, steps in _chains(read):
            if call.name.lower() != "reference" or not steps:
                continue
            try:
                value, resource = evaluator.template(call, text), evaluator.template(call.arguments[0], text)
            except SourceError:
                continue
            planned = self._own(str(resource))
            for step in steps:
                if not isinstance(value, dict):
                    break
                if (name := found(value, step)) is None:
                    wanted = "".join(f".{s}" for s in steps)
                    label = f"reference({planned.id if planned else resource})"
                    yield Missing(label, "object", "what Azure adds to it", wanted=(wanted,))
                    break
                value = value[name]

    def _copies(self, loop: Mapping[str, Any], path: str) -> list[Any]:
        """The elements of a loop over a property, a variable or an output."""
        name = str(loop.get("name", ""))
        count = self._count(loop.get("count"), path)
        made = []
        before = dict(self.loops)
        try:
            for index in range(count):
                self.loops[name.lower()] = index
                made.append(self.value(loop.get("input"), f"{path}.input"))
        finally:
            self.loops = before
        return made

    def _count(self, given: Any, path: str) -> int:
        count = self.value(given, f"{path}.count")
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST_COPIES:
            raise TemplateError(f"{path}.count", f"a loop makes 0 to {MOST_COPIES} copies")
        return count

    # -- resources

    def resources(self) -> Iterator[Resource]:
        """The resources, each behind those that it depends on, with those of the deployments within."""
        planned = [p for p in self._planned() if not p.existing]
        for one in self._in_order(planned):
            made = self.evaluated(one)
            if made.type.lower() in (DEPLOYMENT, *PACKAGED) and one.within:
                yield from one.within
            else:
                yield made

    def _planned(self) -> list[_Planned]:
        found: list[_Planned] = []
        for path, symbol, source in _places(self.source.get("resources"), f"{self.path}.resources"):
            self._plan(source, path, symbol, None, found)
        seen = set[str]()
        for one in found:
            if one.id.lower() in seen and not one.existing:
                self.shared.notes.append(Note(one.path, f"the template has `{one.name}` twice, which Azure refuses"))
            seen.add(one.id.lower())
        self.shared.made += found
        if len(self.shared.made) > MOST_RESOURCES:
            raise TemplateError(self.path, f"a deployment makes at most {MOST_RESOURCES:,} resources")
        return found

    def _plan(
        self, source: Mapping[str, Any], path: str, symbol: str, parent: _Planned | None, found: list[_Planned]
    ) -> None:
        loop = source.get("copy")
        if not isinstance(loop, dict):
            self._one(source, path, symbol, parent, found)
            return
        name = str(loop.get("name", ""))
        before, self.loop = (dict(self.loops), self.loop), name
        try:
            for index in range(self._count(loop.get("count"), f"{path}.copy")):
                self.loops[name.lower()] = index
                self._one(source, path, symbol or name, parent, found)
        finally:
            self.loops, self.loop = before

    def _one(
        self, source: Mapping[str, Any], path: str, symbol: str, parent: _Planned | None, found: list[_Planned]
    ) -> None:
        if not self._wanted(source, path):
            return
        type, name = (self._word(source, part, path) for part in ("type", "name"))
        if parent:
            type = type if "." in type.partition("/")[0] else f"{parent.type}/{type}"
            name = name if type.count("/") == name.count("/") + 1 else f"{parent.name}/{name}"
        made = _Planned(
            self,
            type,
            name,
            self._id(source, type, name, path),
            path,
            source,
            {**self.loops, "": self.loops.get(self.loop.lower(), 0)} if self.loop else dict(self.loops),
            symbol,
            source.get("existing") is True,
        )
        found.append(made)
        for place, inner, child in _places(source.get("resources"), f"{path}.resources"):
            self._plan(child, place, inner, made, found)

    def _wanted(self, source: Mapping[str, Any], path: str) -> bool:
        condition = self.value(source.get("condition", True), f"{path}.condition")
        if not isinstance(condition, bool):
            raise TemplateError(f"{path}.condition", f"a condition must be a boolean, not {kind(condition)}")
        if not condition:
            self.shared.notes.append(Note(path, "left out by its `condition`"))
        return condition

    def _word(self, source: Mapping[str, Any], part: str, path: str) -> str:
        word = self.value(source.get(part), f"{path}.{part}")
        if not isinstance(word, str) or not word.strip():
            raise TemplateError(f"{path}.{part}", f"a resource needs its `{part}`")
        return word.strip()

    def _id(self, source: Mapping[str, Any], type: str, name: str, path: str) -> str:
        try:
            end = joined(type, tuple(name.split("/")))
        except Fault as fault:
            raise TemplateError(f"{path}.name", str(fault)) from None
        group, subscription = self.where.group, self.where.subscription
        for part in ("resourceGroup", "subscriptionId"):
            if isinstance(source.get(part), str):
                given = self._word(source, part, path)
                group, subscription = (given, subscription) if part == "resourceGroup" else (group, given)
        scope = source.get("scope")
        if isinstance(scope, str):
            with suppress(TemplateError):
                return f"{str(self.value(scope, path)).rstrip('/')}/{end}"
        return f"/subscriptions/{subscription}/resourceGroups/{group}/{end}"

    def _in_order(self, planned: Sequence[_Planned]) -> list[_Planned]:
        waiting = {p: self._before(p, planned) for p in planned}
        order: list[_Planned] = []
        while waiting:
            free = next((p for p, before in waiting.items() if not before & waiting.keys()), None)
            if free is None:
                free = next(iter(waiting))
                raise TemplateError(f"{free.path}.dependsOn", f"`{free.name}` depends on itself, by way of others")
            order.append(free)
            del waiting[free]
        return order

    def _before(self, one: _Planned, planned: Sequence[_Planned]) -> set[_Planned]:
        found: set[_Planned] = set()
        with self._within(one.loops):
            given = one.source.get("dependsOn") or []
            for index, name in enumerate(given if isinstance(given, list) else [given]):
                place = f"{one.path}.dependsOn[{index}]"
                try:
                    wanted = self.value(name, place)
                except TemplateError as error:
                    self.shared.notes.append(Note(place, error.message))
                    continue
                words = str(wanted).lower().strip("/")
                fits = {p for p in planned if p is not one and words in _names(p)}
                # What is there already need not be waited for.
                there = any(p.existing and p.scope is self and words in _names(p) for p in self.shared.made)
                if not fits and not there:
                    self.shared.notes.append(Note(place, f"no resource of the template is `{wanted}`"))
                found |= fits
        return found

    @contextmanager
    def _within(self, loops: Mapping[str, int]) -> Iterator[None]:
        before = self.loops, self.loop
        self.loops, self.loop = dict(loops), ""
        try:
            yield
        finally:
            self.loops, self.loop = before

    def evaluated(self, one: _Planned) -> Resource:
        """A resource with its body."""
        if one.done is None:
            one.evaluating, before = True, len(self.shared.unknown)
            try:
                with self._within(one.loops):
                    one.done = self._body(one)
            finally:
                one.evaluating = False
            if one.type.lower() not in (WORKFLOW, CUSTOM_API, DEPLOYMENT, *PACKAGED):
                # Nobody needs to say what other resources would have needed.
                del self.shared.unknown[before:]
        return one.done

    def _body(self, one: _Planned) -> Resource:
        plain = Resource(one.type, one.name, one.id, one.path)
        kind = one.type.lower()
        apart = {"type", "name", "copy", "condition", "dependsOn", "resources", "comments", "existing"}
        try:
            if kind == DEPLOYMENT:
                return self._nested(one, plain)
            source = {k: v for k, v in one.source.items() if k not in apart}
            body = self.value(source, one.path, kind == CONNECTION)
            if kind in PACKAGED:
                self._packaged(one, body)
        except TemplateError as error:
            return replace(plain, problem=str(error))
        return replace(plain, body=body)

    def _nested(self, one: _Planned, plain: Resource) -> Resource:
        properties = _object(one.source.get("properties"), f"{one.path}.properties")
        place = f"{one.path}.properties.template"
        if "template" not in properties:
            raise TemplateError(
                f"{one.path}.properties", "a deployment whose template lies behind an address is not supported"
            )
        if "parametersLink" in properties:
            raise TemplateError(
                f"{one.path}.properties.parametersLink",
                "a deployment whose parameters lie behind an address is not supported",
            )
        options = _object(properties.get("expressionEvaluationOptions"), place)
        inner = str(options.get("scope", "outer")).lower() == "inner"
        where = self.where
        for part in ("resourceGroup", "subscriptionId"):
            if isinstance(one.source.get(part), str):
                word = self._word(one.source, part, one.path)
                where = replace(where, group=word) if part == "resourceGroup" else replace(where, subscription=word)
        given = {}
        inside = _declared_in(properties["template"], place)
        for name, value in _object(properties.get("parameters"), place).items():
            path = f"{one.path}.properties.parameters.{name}"
            body = _object(value, path)
            given[name] = self.value(body.get("value"), path) if "reference" not in body else self._kept(name, inside)
        where = replace(where, name=one.name)
        scope: _Scope
        if inner:
            scope = _Scope(properties["template"], given, where, place, self.shared, self.depth + 1)
        else:
            scope = _Outer(self, properties["template"], given, where, place)
        one.within = list(scope.resources())
        one.outputs = scope.outputs()
        return plain

    def _kept(self, name: str, inside: Mapping[str, Parameter]) -> Any:
        """What a person says for a parameter of a nested template whose value lies in a key vault in Azure."""
        for other, value in self.shared.given.items():
            if other.lower() == name.lower():
                return value
        parameter = inside.get(name.lower(), Parameter(name, "securestring", self.path))
        self.shared.missing.append(parameter.missing())
        return parameter.placeholder()

    def _packaged(self, one: _Planned, body: Mapping[str, Any]) -> None:
        properties = _object(body.get("properties"), one.path)
        template = properties.get("mainTemplate")
        if not any(t in OURS for t in _types(template)):
            return
        place = f"{one.path}.properties.mainTemplate"
        one.within = list(
            _Scope(template, self.shared.given, self.where, place, self.shared, self.depth + 1).resources()
        )

    def outputs(self) -> dict[str, Any]:
        """The outputs, each as `{"type", "value"}`; those that have no value here are noted, and left out."""
        made: dict[str, Any] = {}
        for name, output in _object(self.source.get("outputs"), f"{self.path}.outputs").items():
            place = f"{self.path}.outputs{_step(name)}"
            body, unknown = _object(output, place), len(self.shared.unknown)
            try:
                if not self._wanted({"condition": body.get("condition", True)}, place):
                    continue
                loop = body.get("copy")
                value = (
                    self._copies({"name": "", **loop}, f"{place}.copy")
                    if isinstance(loop, dict)
                    else self.value(body.get("value"), f"{place}.value")
                )
            except TemplateError as error:
                del self.shared.unknown[unknown:]
                self.shared.notes.append(Note(place, f"the output has no value here: {error.message}"))
                continue
            secure = str(body.get("type", "")).lower().startswith("secure")
            made[name] = {"type": body.get("type", "string"), "value": None if secure else value}
        return made

    # -- functions of its own

    def _own_functions(self) -> dict[str, Function]:
        made: dict[str, Function] = {}
        for index, space in enumerate(self.source.get("functions") or []):
            path = f"{self.path}.functions[{index}]"
            namespace = _object(space, path).get("namespace")
            for name, member in _object(space.get("members"), path).items():
                full = f"{namespace}.{name}"
                made[full.lower()] = self._function(full, _object(member, path), f"{path}.members{_step(name)}")
        return made

    def _function(self, name: str, member: Mapping[str, Any], path: str) -> Function:
        anything = Anything.__metadata__[0]
        names = [str(_object(p, path).get("name", "")) for p in member.get("parameters") or []]
        output = _object(member.get("output"), path)

        def body(*arguments: Any) -> Any:
            inner = {
                "parameters": {n: {} for n in names},
                "resources": [],
                "variables": {},
            }
            scope = _Scope(
                inner, dict(zip(names, arguments, strict=True)), self.where, path, self.shared, self.depth + 1
            )
            # Functions see their arguments, and neither variables nor one another.
            return scope.value(output.get("value"), f"{path}.output.value")

        return Function(name, tuple(Argument(n, anything, False, False) for n in names), body, "", (), False, False)


class _Outer(_Scope):
    """A nested template whose expressions are evaluated as those of the template around it."""

    def __init__(self, outer: _Scope, template: Any, given: Mapping[str, Any], where: Where, path: str) -> None:
        super().__init__(template, given, where, path, outer.shared, outer.depth + 1)
        self.outer = outer
        self.functions = outer.functions
        self.loops, self.loop = dict(outer.loops), outer.loop

    def parameter(self, name: str) -> Any:
        try:
            return self.outer.parameter(name)
        except Fault:
            # Published templates name what only the nested one has, and mean that.
            return super().parameter(name)

    def variable(self, name: str) -> Any:
        try:
            return self.outer.variable(name)
        except Fault:
            return super().variable(name)


def _read_of(node: Expression) -> Iterator[str]:
    """What an expression reads of that which only Azure knows."""
    match node:
        case Access():
            root: Expression = node
            steps = ""
            while isinstance(root, Access):
                key = root.key.value if isinstance(root.key, Literal) else None
                step = f".{key}" if isinstance(key, str) else f"[{key}]" if isinstance(key, int) else ""
                # Behind a step that is computed nobody knows what is read.
                root, steps = root.parent, f"{step}{steps}" if step else ""
            if isinstance(root, Call) and root.name.lower().startswith(("list", "reference")):
                yield from (steps,) if steps else ()
            else:
                yield from _read_of(root)
        case Call(_, arguments):
            for argument in arguments:
                yield from _read_of(argument)


def _chains(node: Expression) -> Iterator[tuple[Call, tuple[str, ...]]]:
    """The calls within an expression, each with the names that are read of it one after the other."""
    match node:
        case Access(parent, Literal(str(key))):
            for number, (call, steps) in enumerate(_chains(parent)):
                yield call, (*steps, key) if number == 0 else steps
        case Access(parent, key):
            for call, steps in (*_chains(parent), *_chains(key)):
                yield call, steps
        case Call(_, arguments):
            yield node, ()
            for argument in arguments:
                yield from _chains(argument)


def _over(known: Any, told: Any) -> Any:
    """What is known, with what is told over it."""
    if not isinstance(known, Mapping) or not isinstance(told, Mapping):
        return told
    return {**known, **{k: _over(known[k], v) if k in known else v for k, v in told.items()}}


def _types(template: Any) -> Iterator[str]:
    for _, _, source in _places(template.get("resources") if isinstance(template, dict) else None, ""):
        yield str(source.get("type", "")).lower()
        yield from _types(source)


def _places(resources: Any, path: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The place of each resource, what it is called in the template, and itself. Raises `TemplateError`."""
    if resources is None:
        return
    if isinstance(resources, dict):
        for symbol, source in resources.items():
            yield f"{path}{_step(symbol)}", symbol, _object(source, f"{path}{_step(symbol)}")
        return
    if not isinstance(resources, list):
        raise TemplateError(path, "a list of resources was expected")
    for index, source in enumerate(resources):
        yield f"{path}[{index}]", "", _object(source, f"{path}[{index}]")


def _is_loops(node: Any) -> bool:
    return (
        isinstance(node, list)
        and bool(node)
        and all(isinstance(n, dict) and {"name", "count", "input"} <= n.keys() for n in node)
    )


def _loops(node: Any) -> list[Mapping[str, Any]]:
    return list(node) if _is_loops(node) else []


def _names(planned: _Planned) -> tuple[str, ...]:
    """What a dependency may be called, in lower case: its id, its name, its symbolic name, its type and its name."""
    names = (planned.id.strip("/"), planned.name, planned.symbol, f"{planned.type}/{planned.name}")
    return tuple(n.lower() for n in names if n)


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TemplateError(path, "an object was expected")
    return value


def _step(key: str) -> str:
    return f".{key}" if key.replace("$", "").replace("-", "_").isidentifier() else f"['{key}']"


def _reveals(value: Any, secrets: Iterable[str]) -> bool:
    """Whether a value holds one of the secrets; texts shorter than `LEAST_SECRET` stand anywhere by chance."""
    long = [s for s in secrets if len(s) >= LEAST_SECRET]
    return any(s in text for s in long for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for inner in value:
                yield from _texts(inner)
        case dict():
            for inner in value.values():
                yield from _texts(inner)
