"""What a workflow reads of its trigger and of each answer: contracts for what nobody else describes, such as Http.

A step is followed from where something is read back to what gave it: through ParseJson, Compose, Query, variables and
the items of loops. What a ParseJson or a Request says by a schema is part of what is read, with its types.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from huntlake.core.diagnostics import SourceError
from huntlake.playbooks.connectors.plausible import MOMENT, SUBSCRIPTION
from huntlake.playbooks.connectors.schema_samples import made
from huntlake.playbooks.connectors.stubs import Contract
from huntlake.wdl.definition.workflow import Action, ActionType, Definition
from huntlake.wdl.dotnet import timestamps
from huntlake.wdl.expressions.nodes import Access, Call, Expression, Interpolation, Literal
from huntlake.wdl.expressions.parser import template
from huntlake.wdl.expressions.values import Fault, found, text

TRIGGER = ""
"""What stands for the trigger among the names of actions."""
_BODIES = ("body", "actionbody")
_OUTPUTS = ("outputs", "actionoutputs")
_THROUGH = frozenset(
    "first last json string coalesce union skip take reverse sort xml array base64tostring trim tolower toupper"
    " decodebase64 createarray addproperty setproperty removeproperty intersection replace".split()
)
_TEXTS = frozenset(("replace", "tolower", "toupper", "trim"))
_ELEMENT = frozenset(("first", "last"))
_SEVERAL = frozenset(("coalesce", "intersection", "union"))
_DEEPEST = 12
_FROM_END = 8
_MOST_TWINS = 6
_NUMBERED = frozenset(("greater", "greaterorequals", "less", "lessorequals"))
_ARITHMETIC = frozenset(("add", "div", "mod", "mul", "sub"))
_ORDERED = frozenset(("max", "min"))
_OF_DATES = frozenset(
    "addtotime adddays addhours addminutes addseconds subtractfromtime startofday startofhour startofmonth dayofweek"
    " dayofmonth dayofyear ticks formatdatetime parsedatetime datedifference converttimezone convertfromutc"
    " converttoutc".split()
)
RESOURCE = f"{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines/host1"
"""What stands for a text that is taken apart as the id of a resource."""

Source = tuple[str, tuple[str, ...]]
"""Which answer, by its action in lower case, and the steps into its body: names, `[]` for an element, and at the end
perhaps `IN_ARRAY`: an array that was made of that."""
IN_ARRAY = "[…]"


Fit = Callable[[Any], Any]
"""Makes of a made-up value one that the workflow can work with; what it can already work with stays."""


@dataclass
class Read:
    """What is read of one answer."""

    paths: dict[str, int] = field(default_factory=dict)
    """As in a contract."""
    sample: Any = None
    """What a schema says that it is, made up; None where none does."""
    elements: int = 2
    """How many elements arrays need at least."""
    fits: dict[tuple[str, ...], list[Fit]] = field(default_factory=dict)
    """By the steps into the body, what the functions want that take what is there."""

    def body(self, real: Any = None, contract: Contract | None = None) -> Any:
        """A body in which everything is there that is read, and that a contract of the same call tells of.

        What is `real` stays. Nothing is None where nothing is read.
        """
        read = Contract("", "GET", "", self.paths)
        # An array of one element is none any more when it comes back from XML.
        several = any(_xml in fits for fits in self.fits.values())
        own = _merged(read.shaped(self.sample, self.elements, several), real)
        if self.paths:
            own = read.over(own, self.elements)
        if contract is not None:
            own = contract.over(own, self.elements)
        for steps in sorted(self.fits, key=len, reverse=True):
            # What is read as XML is so also where JSON is made of it.
            for fit in sorted(self.fits[steps], key=lambda f: f is _xml):
                own = _at(own, steps, fit)
        return own


def _at(value: Any, steps: tuple[str, ...], fit: Fit) -> Any:
    if not steps:
        return fit(value)
    if isinstance(value, list) and steps[0] == "[]":
        return [_at(one, steps[1:], fit) for one in value]
    if isinstance(value, dict) and (key := found(value, steps[0])) is not None:
        return {**value, key: _at(value[key], steps[1:], fit)}
    if (inner := _inner(value)) is not None:
        return json.dumps(_at(inner, steps, fit))
    return value


def _list(value: Any) -> Any:
    if (inner := _inner(value)) is not None:
        return value if isinstance(inner, list) else json.dumps([inner])
    return value if isinstance(value, list) else [value]


def _inner(value: Any) -> Any:
    """What JSON within a text holds that is an object or a list; None of anything else."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(value)
    except ValueError:
        return None


def _objects(value: Any) -> Any:
    return [one if isinstance(one, dict) else {"name": one} for one in _list(value)]


def _object(value: Any) -> Any:
    # What is read by way of `json` is a text.
    return value if isinstance(value, dict) or isinstance(_inner(value), dict) else {"name": value}


def _xml(value: Any) -> Any:
    """An object with one root, which has a form in XML; a text that may be XML stays."""
    inner = value if isinstance(value, dict) else _inner(value)
    if not isinstance(inner, dict):
        return value if isinstance(value, str) and value.lstrip().startswith("<") else {"name": value}
    return inner if len(inner) == 1 else {"root": inner}


def _integer(value: Any) -> Any:
    fitting = isinstance(value, int | float) or (isinstance(value, str) and value.strip().lstrip("-").isdecimal())
    return value if fitting else 1


def _json(value: Any) -> Any:
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return json.dumps({})
        return value
    return json.dumps(value)


def _parsable(value: Any) -> Any:
    """A text that isn't JSON is JSON; everything else is it already."""
    return _json(value) if isinstance(value, str) else value


def _shown(value: Any) -> Any:
    """A text: whatever is read of it is read as JSON."""
    return json.dumps(value) if isinstance(value, dict | list) else value


def _base64(value: Any) -> Any:
    try:
        base64.b64decode(value, validate=True)
    except (ValueError, TypeError):
        return base64.b64encode(text(value).encode()).decode()
    return value


def _parts(mark: str, least: int) -> Fit:
    """A text that a mark parts into so many parts."""

    def fit(value: Any) -> Any:
        if isinstance(value, list | dict):
            return value
        shown = text(value)
        if not mark or len(shown.split(mark)) >= least:
            return value
        if mark == "/":
            return RESOURCE if least <= RESOURCE.count("/") + 1 else RESOURCE + "/part" * least
        return mark.join([shown, *(f"part{n}" for n in range(1, least))])

    return fit


def _long(least: int) -> Fit:
    """A text of so many characters."""

    def fit(value: Any) -> Any:
        if isinstance(value, list | dict):
            return value
        shown = text(value)
        if len(shown) >= least:
            return value
        return RESOURCE if len(RESOURCE) >= least else shown.ljust(least, "x")

    return fit


def _with(part: str) -> Fit:
    """A text that another stands in."""

    def fit(value: Any) -> Any:
        if isinstance(value, list | dict) or part in text(value):
            return value
        return f"{text(value)}{part}example"

    return fit


def _same(wanted: Any) -> Fit:
    """That text in place of another, or of nothing."""
    return lambda value: wanted if value is None or isinstance(value, str) else value


def _number(value: Any) -> Any:
    return value if isinstance(value, int | float) else 1


def _moment(value: Any) -> Any:
    if isinstance(value, list | dict):
        return value
    try:
        timestamps.read(text(value))
    except Fault:
        return MOMENT
    return value


def _truth(value: Any) -> Any:
    return value if isinstance(value, bool) else True


def _as_it_is(value: Any) -> Any:
    return value


_TYPED: Mapping[str, Fit] = {
    "array": _list,
    "boolean": _truth,
    "float": _number,
    "integer": _number,
    "object": _object,
}
"""By the type of a variable in lower case, what it can hold."""


def reads(definition: Definition, parameters: Mapping[str, Any] | None = None) -> dict[str, Read]:
    """By the name of each action in lower case, and for the trigger, what the workflow reads of it.

    The values of its parameters tell what it looks for.
    """
    return _Reader(definition, parameters or {}).all()


class _Reader:
    def __init__(self, definition: Definition, parameters: Mapping[str, Any]) -> None:
        self.definition = definition
        defaults = {n.lower(): p.default for n, p in definition.parameters.items() if p.has_default}
        self.parameters = {**defaults, **{n.lower(): v for n, v in parameters.items()}}
        self.actions = {a.name.lower(): a for a in definition.all()}
        self.found: dict[str, Read] = {}
        self.around: dict[str, tuple[Action, ...]] = {}
        for action in definition.actions:
            self._place(action, ())
        self.written: dict[str, list[tuple[Any, Action, bool]]] = {}
        for name, write in _written(definition):
            self.written.setdefault(name, []).append(write)
        self.variables: dict[str, Source | None] = {}
        self.twins: dict[Source, list[Source]] = {}
        self.initial = {name: value for name, value, _ in _initial(definition)}
        self.types = {name: type for name, _, type in _initial(definition)}

    def _place(self, action: Action, loops: tuple[Action, ...]) -> None:
        self.around[action.name.lower()] = loops
        inner = (action, *loops) if action.type is ActionType.FOREACH else loops
        for one in action.within:
            self._place(one, inner)

    def all(self) -> dict[str, Read]:
        for trigger in self.definition.triggers[:1]:
            schema = trigger.inputs.get("schema") if isinstance(trigger.inputs, Mapping) else None
            if isinstance(schema, Mapping) and schema:
                self._read(TRIGGER).sample = made(schema)
            for one in _texts([trigger.split_on, list(trigger.conditions)]):
                self._text(one, None)
        for action in self.definition.all():
            if action.type is ActionType.PARSE_JSON and isinstance(action.inputs, Mapping):
                self._schema(action, action.inputs)
            if action.type is ActionType.FOREACH and (source := self._of(action.foreach, action, 0)):
                self._note(_into(source, "[]"))
            self._wanted(action)
            for one in _texts([action.inputs, action.foreach, action.expression, [c.value for c in action.cases]]):
                self._text(one, action)
            self._compared(action.expression, action)
        for one in _texts(dict(self.definition.outputs)):
            self._text(one, None)
        return self.found

    # -- what the workflow can work with

    def _wanted(self, action: Action) -> None:
        inputs = action.inputs if isinstance(action.inputs, Mapping) else {}
        match action.type:
            case ActionType.FOREACH:
                self._fit(action.foreach, action, _list)
            case ActionType.PARSE_JSON:
                self._fit(inputs.get("content"), action, _parsable)
            case ActionType.QUERY | ActionType.JOIN:
                self._fit(inputs.get("from"), action, _list)
            case ActionType.SELECT:
                self._fit(inputs.get("from"), action, _list)
            case ActionType.TABLE:
                self._fit(inputs.get("from"), action, _list if inputs.get("columns") else _objects)
            case ActionType.INITIALIZE | ActionType.SET_VARIABLE:
                listed = inputs.get("variables") if action.type is ActionType.INITIALIZE else [inputs]
                for one in listed if isinstance(listed, list) else ():
                    if isinstance(one, Mapping):
                        type = str(one.get("type") or self.types.get(str(one.get("name", "")).lower(), ""))
                        self._fit(one.get("value"), action, _TYPED.get(type.lower(), _as_it_is))
            case ActionType.SWITCH:
                cases = [c.value for c in action.cases]
                if cases and all(isinstance(c, str) and "@" not in c for c in cases):
                    self._fit(action.expression, action, _one_of(cases))

    def _compared(self, node: Any, action: Action) -> None:
        """Conditions that are trees: their texts stand on both sides of a comparison."""
        if isinstance(node, list):
            for inner in node:
                self._compared(inner, action)
        if not isinstance(node, dict):
            return
        for name, given in node.items():
            sides = given if isinstance(given, list) else []
            if len(sides) == 2 and name.lower() in _NUMBERED and any(isinstance(s, int) for s in sides):
                for side in sides:
                    self._fit(side, action, _integer)
            said = [self._said(s, action) for s in sides]
            texts = [s for s in said if isinstance(s, str) and s]
            if len(sides) == 2 and name.lower() == "equals" and len(texts) == 1:
                for side in sides:
                    self._fit(side, action, _same(texts[0]))
            if len(sides) == 2 and name.lower() == "contains" and isinstance(said[1], str) and said[1]:
                self._fit(sides[0], action, _with(said[1]))
            self._compared(given, action)

    def _said(self, node: Any, action: Action) -> Any:
        """What a side of a comparison always is; None where that depends on anything."""
        if not isinstance(node, str) or "@" not in node:
            return node
        try:
            return self._of_constant(template(node), action, 0)
        except SourceError:
            return None

    def _fit(self, node: Any, action: Action | None, fit: Fit) -> None:
        if (source := self._of(node, action, 0)) is not None:
            self._fitted(source, fit)

    def _fitted(self, source: Source | None, fit: Fit) -> None:
        for name, steps in self._alike(source) if source is not None else ():
            if IN_ARRAY not in steps:
                self._read(name).fits.setdefault(steps, []).append(fit)

    def _alike(self, source: Source) -> Iterator[Source]:
        """A source, and what stands in its place where a variable is written elsewhere."""
        yield source
        name, steps = source
        for count in range(len(steps) + 1):
            for other, before in self.twins.get((name, steps[:count]), ()):
                yield other, (*before, *steps[count:])

    def _called(self, name: str, arguments: tuple[Expression, ...], action: Action | None) -> None:
        """What a function wants of what it is given."""
        first = self._source(arguments[0], action, 0) if arguments else None
        values = [a.value if isinstance(a, Literal) else None for a in arguments]
        match name, values:
            case ("join" | "union" | "intersection" | "length", _):
                # Who counts characters has a text already, and a list is counted as well.
                if name != "length" or first:
                    self._fitted(first, _list if name != "length" else _counted)
                if name in ("union", "intersection"):
                    for other in arguments[1:]:
                        self._fitted(self._source(other, action, 0), _list)
            case ("int" | "float", _):
                self._fitted(first, _integer)
            case (_, _) if name in _ARITHMETIC or (name in _ORDERED and len(arguments) > 1):
                for one in arguments:
                    self._fitted(self._source(one, action, 0), _number)
            case (_, _) if name in _OF_DATES:
                for one in arguments if name == "datedifference" else arguments[:1]:
                    self._fitted(self._source(one, action, 0), _moment)
            case ("json", _):
                self._fitted(first, _json)
            case ("xml", _):
                self._fitted(first, _xml)
            case ("replace", _) if not _is_text(arguments[0]):
                self._fitted(first, _shown)
            case ("addproperty" | "setproperty" | "removeproperty", _):
                self._fitted(first, _object)
            case ("base64tostring" | "decodebase64" | "base64tobinary", _):
                self._fitted(first, _base64)
            case ("substring", [_, int(start), int(size)]):
                self._fitted(first, _long(start + size))
            case ("substring", [_, int(start)]):
                self._fitted(first, _long(start + 1))
            case ("indexof" | "lastindexof", [_, str(part)]):
                self._fitted(first, _with(part))
            case ("equals", [_, _]):
                for one, other in (arguments, arguments[::-1]):
                    wanted = self._constant(other, action)
                    if isinstance(wanted, str) and wanted:
                        self._fitted(self._source(one, action, 0), _same(wanted))
            case (_, [_, _]) if name in _NUMBERED and any(isinstance(v, int) for v in values):
                for one in arguments:
                    self._fitted(self._source(one, action, 0), _integer)

    def _constant(self, node: Expression, action: Action | None, depth: int = 0) -> Any:
        """What an expression always is; None where it depends on anything."""
        match node:
            case Literal(value):
                return value
            case Call(name, (Literal(str(named)),)) if name.lower() == "parameters":
                return self.parameters.get(named.lower())
            case Call(name, (Literal(str(named)),)) if name.lower() == "variables" and depth < _DEEPEST:
                value = self.initial.get(named.lower())
                try:
                    read = template(value) if isinstance(value, str) else None
                except SourceError:
                    return None
                return None if read is None else self._of_constant(read, action, depth + 1)
        return None

    def _of_constant(self, read: Any, action: Action | None, depth: int) -> Any:
        if isinstance(read, Interpolation):
            parts = [p if isinstance(p, str) else self._constant(p, action, depth) for p in read.parts]
            return "".join(parts) if all(isinstance(p, str) for p in parts) else None
        return read if isinstance(read, str) else self._constant(read, action, depth)

    def _schema(self, action: Action, inputs: Mapping[str, Any]) -> None:
        source, schema = self._of(inputs.get("content"), action, 0), inputs.get("schema")
        if source is None or IN_ARRAY in source[1] or not isinstance(schema, Mapping):
            return
        sample = made(schema)
        for step in reversed(source[1]):
            sample = [sample] if step == "[]" else {step: sample}
        read = self._read(source[0])
        read.sample = _merged(read.sample, sample)

    def _read(self, name: str) -> Read:
        return self.found.setdefault(name, Read())

    def _note(self, source: Source) -> None:
        for name, marked in self._alike(source):
            steps = tuple(s for s in marked if s != IN_ARRAY)
            path = "".join("[]" if s == "[]" else f".{s}" for s in steps)
            if path and "." not in "".join(s for s in steps if s != "[]"):
                paths = self._read(name).paths
                paths[path] = paths.get(path, 0) + 1

    # -- where something comes from

    def _text(self, source: str, action: Action | None) -> None:
        try:
            read = template(source)
        except SourceError:
            return
        parts = read.parts if isinstance(read, Interpolation) else (read,)
        for part in parts:
            if not isinstance(part, str):
                self._walk(part, action)

    def _walk(self, node: Expression, action: Action | None) -> None:
        source = self._source(node, action, 0)
        if source is not None:
            self._note(source)
        match node:
            case Call(name, arguments):
                self._called(name.lower(), arguments, action)
                for argument in arguments:
                    self._walk(argument, action)
            case Access(parent, key):
                self._indexed(parent, key, action)
                # What a longer path says, the shorter one needn't, but for how many elements there are.
                inner = parent
                while source is not None and isinstance(inner, Access):
                    self._indexed(inner.parent, inner.key, action)
                    inner = inner.parent
                if source is None:
                    self._walk(parent, action)
                elif not isinstance(key, Literal):
                    self._walk(key, action)

    def _indexed(self, parent: Expression, key: Expression, action: Action | None) -> None:
        index = key.value if isinstance(key, Literal) else None
        if isinstance(key, Call) and isinstance(parent, Call) and parent.name.lower() == "split":
            # It counts from the end.
            index = _FROM_END
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < 30:
            return
        split = parent
        if isinstance(parent, Call) and parent.name.lower() in (*_OUTPUTS, "variables") and (named := _named(parent)):
            # A text that is parted in one place, and whose parts are taken in another.
            value, writer = self._kept(parent.name.lower(), named)
            try:
                read = template(value) if isinstance(value, str) else None
            except SourceError:
                read = None
            if isinstance(read, Call):
                split, action = read, writer
        if isinstance(split, Call) and split.name.lower() == "split" and len(split.arguments) == 2:
            mark = split.arguments[1]
            if isinstance(mark, Literal) and isinstance(mark.value, str):
                self._fitted(self._source(split.arguments[0], action, 0), _parts(mark.value, index + 1))
        elif (source := self._source(parent, action, 0)) is not None:
            read_ = self._read(source[0])
            read_.elements = max(read_.elements, index + 1)
            self._fitted(source, _list)

    def _kept(self, function: str, name: str) -> tuple[Any, Action | None]:
        if function == "variables":
            return next(((v, a) for v, a, _ in self.written.get(name.lower(), ()) if isinstance(v, str)), (None, None))
        action = self.actions.get(name.lower())
        return (action.inputs, action) if action and action.type is ActionType.COMPOSE else (None, None)

    def _of(self, node: Any, action: Action | None, depth: int) -> Source | None:
        """What a template is made of; None where it is text, or of several."""
        if not isinstance(node, str):
            return None
        try:
            read = template(node)
        except SourceError:
            return None
        if isinstance(read, Interpolation):
            alone = [p for p in read.parts if not isinstance(p, str) or p.strip()]
            read = alone[0] if len(alone) == 1 else ""
        return None if isinstance(read, str) else self._source(read, action, depth)

    def _source(self, node: Expression, action: Action | None, depth: int) -> Source | None:
        if depth > _DEEPEST:
            return None
        match node:
            case Access(parent, Literal(key)):
                held = self._held(node, action, depth)
                if held is not None and isinstance(held[0], str):
                    return self._of(held[0], held[1], depth + 1)
                return self._step(parent, key, action, depth)
            case Access(parent, _):
                source = self._source(parent, action, depth + 1)
                return source and _into(source, "[]")
            case Call(name, arguments):
                return self._call(name.lower(), arguments, action, depth + 1)
        return None

    def _step(self, parent: Expression, key: Any, action: Action | None, depth: int) -> Source | None:
        if isinstance(key, str) and key.lower() == "body" and isinstance(parent, Call):
            if parent.name.lower() in ("triggeroutputs",):
                return TRIGGER, ()
            if parent.name.lower() in _OUTPUTS and (named := _named(parent)):
                return self._answer(named, depth + 1)
        source = self._source(parent, action, depth + 1)
        if source is None:
            return None
        return _into(source, "[]" if isinstance(key, int) else str(key))

    def _call(self, name: str, arguments: tuple[Expression, ...], action: Action | None, depth: int) -> Source | None:
        named = arguments[0].value if arguments and isinstance(arguments[0], Literal) else None
        if name == "triggerbody":
            return TRIGGER, ()
        if name in _BODIES and isinstance(named, str):
            return self._answer(named, depth)
        if name in _OUTPUTS and isinstance(named, str):
            known = self.actions.get(named.lower())
            return self._of(known.inputs, known, depth) if known and known.type is ActionType.COMPOSE else None
        if name == "items" and isinstance(named, str):
            loop = self.actions.get(named.lower())
            return self._element(loop.foreach, loop, depth) if loop else None
        if name == "item":
            return self._item(action, depth)
        if name == "variables" and isinstance(named, str):
            return self._variable(named.lower(), depth)
        if name == "if" and len(arguments) == 3:
            return next((s for a in arguments[1:] if (s := self._source(a, action, depth))), None)
        if name in _THROUGH and arguments:
            # Several are of one kind: the first whose source is known tells.
            several = arguments if name in _SEVERAL else arguments[:1]
            source = next((s for a in several if (s := self._source(a, action, depth))), None)
            if source is None or name in _ELEMENT:
                return source and _into(source, "[]")
            # What is an element is hardly an array itself, which `array` would leave as it is.
            wraps = name == "createarray" or (name == "array" and source[1][-1:] == ("[]",))
            return _into(source, IN_ARRAY) if wraps else source
        return None

    def _variable(self, name: str, depth: int) -> Source | None:
        """What is first written into a variable that comes from an answer; whatever else is is like that."""
        if name not in self.variables:
            # A variable that is made of itself.
            self.variables[name] = None
            found = [(s, e) for v, w, e in self.written.get(name, ()) if (s := self._of(v, w, depth)) is not None]
            for source, element in found[:1]:
                # What elements are put into is like the list that they were taken from.
                listed = source[1][-1:] == ("[]",)
                whole = (source[0], source[1][:-1]) if listed else _into(source, IN_ARRAY)
                self.variables[name] = whole if element else source
                others = [s for s, e in found[1:_MOST_TWINS] if e is element and s != source]
                self.twins.setdefault(source, []).extend(others)
        return self.variables[name]

    def _held(self, node: Expression, action: Action | None, depth: int) -> tuple[Any, Action | None] | None:
        """What an expression is where the definition itself spells it out: an object with templates in it."""
        whole: Any = None
        match node:
            case Access(parent, Literal(str(key))) if depth < _DEEPEST:
                outer = self._held(parent, action, depth + 1)
                name = found(outer[0], key) if outer is not None and isinstance(outer[0], dict) else None
                return (outer[0][name], outer[1]) if outer is not None and name is not None else None
            case Call(name, (Literal(str(named)),)):
                kept = self.actions.get(named.lower())
                inputs = kept.inputs if kept is not None else None
                if name.lower() == "variables":
                    written = self.written.get(named.lower(), ())
                    whole, action = next(((v, a) for v, a, e in written if isinstance(v, dict) and not e), (None, None))
                elif kept is not None and name.lower() in _OUTPUTS and kept.type is ActionType.COMPOSE:
                    whole, action = inputs, kept
                elif kept is not None and name.lower() in _BODIES and kept.type is ActionType.PARSE_JSON:
                    content = inputs.get("content") if isinstance(inputs, Mapping) else None
                    try:
                        read = template(content) if isinstance(content, str) else None
                    except SourceError:
                        return None
                    if isinstance(read, Access | Call) and depth < _DEEPEST:
                        return self._held(read, kept, depth + 1)
        return (whole, action) if isinstance(whole, dict) else None

    def _answer(self, name: str, depth: int) -> Source | None:
        action = self.actions.get(name.lower())
        if action is None or depth > _DEEPEST:
            return None
        inputs = action.inputs if isinstance(action.inputs, Mapping) else {}
        match action.type:
            case ActionType.PARSE_JSON:
                return self._of(inputs.get("content"), action, depth + 1)
            case ActionType.QUERY:
                return self._of(inputs.get("from"), action, depth + 1)
            case ActionType.SELECT | ActionType.JOIN | ActionType.TABLE | ActionType.EXPRESSION:
                return None
        return action.name.lower(), ()

    def _item(self, action: Action | None, depth: int) -> Source | None:
        if action is None:
            return None
        if action.type in (ActionType.QUERY, ActionType.SELECT, ActionType.TABLE) and isinstance(
            action.inputs, Mapping
        ):
            return self._element(action.inputs.get("from"), action, depth)
        loops = (action, *self.around[action.name.lower()]) if action.type is ActionType.FOREACH else ()
        loops = loops[1:] or self.around[action.name.lower()]
        return self._element(loops[0].foreach, loops[0], depth) if loops else None

    def _element(self, node: Any, action: Action | None, depth: int) -> Source | None:
        source = self._of(node, action, depth + 1)
        return source and _into(source, "[]")


def _into(source: Source, step: str) -> Source:
    """What a step leads to; an element of an array that was made of something is that."""
    name, steps = source
    if step == "[]" and steps[-1:] == (IN_ARRAY,):
        return name, steps[:-1]
    return name, (*steps, step)


def _is_text(node: Expression) -> bool:
    """Whether it is a text whatever it is made of."""
    match node:
        case Call(name, (first, *_)):
            return name.lower() in ("string", "join", "concat") or (name.lower() in _TEXTS and _is_text(first))
    return False


def _named(call: Call) -> str:
    first = call.arguments[0] if call.arguments else None
    return first.value if isinstance(first, Literal) and isinstance(first.value, str) else ""


def _written(definition: Definition) -> Iterator[tuple[str, tuple[Any, Action, bool]]]:
    """What is written to each variable, by whom, and whether as an element."""
    for action in definition.all():
        inputs = action.inputs if isinstance(action.inputs, Mapping) else {}
        if action.type is ActionType.INITIALIZE:
            listed = inputs.get("variables")
            given = [v for v in listed if isinstance(v, Mapping)] if isinstance(listed, list) else []
        elif action.type in (ActionType.SET_VARIABLE, ActionType.APPEND_TO_ARRAY):
            given = [inputs]
        else:
            continue
        for one in given:
            name, value = str(one.get("name", "")).lower(), one.get("value")
            if next(_texts(value), None) is not None:
                yield name, (value, action, action.type is ActionType.APPEND_TO_ARRAY)


def _initial(definition: Definition) -> Iterator[tuple[str, Any, str]]:
    """Of each variable its name in lower case, what it begins with, and its type."""
    for action in definition.all():
        listed = action.inputs.get("variables") if isinstance(action.inputs, Mapping) else None
        if action.type is ActionType.INITIALIZE and isinstance(listed, list):
            for one in listed:
                if isinstance(one, Mapping):
                    yield str(one.get("name", "")).lower(), one.get("value"), str(one.get("type", ""))


def _one_of(cases: list[Any]) -> Fit:
    return lambda value: value if value in cases else cases[0]


def _counted(value: Any) -> Any:
    # A workflow that counts the keys of an object can't be helped; nothing that is known is an empty list as well.
    return value if isinstance(value, str | list) or (isinstance(value, dict) and value) else [value] if value else []


def _texts(node: Any) -> Iterator[str]:
    match node:
        case str() if "@" in node:
            yield node
        case list():
            for inner in node:
                yield from _texts(inner)
        case dict():
            for key, inner in node.items():
                yield from _texts(key)
                yield from _texts(inner)


def _merged(left: Any, right: Any) -> Any:
    """Both in one; where they differ, the second."""
    if isinstance(left, dict) and isinstance(right, dict):
        return {**left, **{k: _merged(left.get(k), v) for k, v in right.items()}}
    if isinstance(left, list) and isinstance(right, list) and left and right:
        return [_merged(left[0], one) for one in right]
    for one, other in ((left, right), (right, left)):
        # What is once a text and once an object is JSON within a text.
        if isinstance(one, str) and isinstance(other, dict | list):
            inner = _inner(one)
            # What may be anything is a text where it stands within one.
            return json.dumps(other if inner is None else _merged(inner, other), default=lambda one: "item 1")
    return left if right is None else right
