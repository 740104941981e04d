"""What a workflow reads of its trigger and of each answer: contracts for what nobody else describes, such as Http.

A step is followed from where something is read back to what gave it: through ParseJson, Compose, Query, variables and
the items of loops. What a ParseJson or a Request says by a schema is part of what is read, with its types.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from huntlake.core.diagnostics import SourceError
from huntlake.playbooks.connectors import fitting
from huntlake.playbooks.connectors.filters import wants
from huntlake.playbooks.connectors.plausible import plausible
from huntlake.playbooks.connectors.schema_samples import made
from huntlake.playbooks.connectors.stubs import Contract
from huntlake.wdl.definition.workflow import Action, ActionType, Definition
from huntlake.wdl.expressions.nodes import Access, Call, Expression, Interpolation, Literal
from huntlake.wdl.expressions.parser import template
from huntlake.wdl.expressions.values import found

TRIGGER = ""
"""What stands for the trigger among the names of actions."""
_BODIES = ("body", "actionbody")
_OUTPUTS = ("outputs", "actionoutputs")
_THROUGH = frozenset(
    "first last json string coalesce union skip take reverse sort xml array base64tostring trim tolower toupper"
    " decodebase64 createarray addproperty setproperty removeproperty intersection replace".split()
)
_TEXTS = frozenset(("replace", "tolower", "toupper", "trim"))
_OF_TEXTS = frozenset("endswith nthindexof slice split startswith substring tolower toupper trim".split())
_FAILURES = frozenset("cancelled canceled denied error errored fail failed failure rejected timedout timeout".split())
_ELEMENT = frozenset(("first", "last"))
_SEVERAL = frozenset(("coalesce", "intersection", "union"))
_DEEPEST = 12
_FROM_END = 8
_MOST_TWINS = 6
_PARTS = ("headers", "queries", "relativepathparameters")
_ANSWERED = frozenset(
    (
        *(ActionType.API_CONNECTION, ActionType.API_CONNECTION_WEBHOOK, ActionType.API_MANAGEMENT, ActionType.FUNCTION),
        *(ActionType.HTTP, ActionType.HTTP_WEBHOOK, ActionType.WORKFLOW),
    )
)
_NUMBERED = frozenset(("greater", "greaterorequals", "less", "lessorequals"))
_ARITHMETIC = frozenset(("add", "div", "mod", "mul", "sub"))
_ORDERED = frozenset(("max", "min"))
_OF_DATES = frozenset(
    "addtotime adddays addhours addminutes addseconds subtractfromtime startofday startofhour startofmonth dayofweek"
    " dayofmonth dayofyear ticks formatdatetime parsedatetime datedifference converttimezone convertfromutc"
    " converttoutc".split()
)

Source = tuple[str, tuple[str, ...]]
"""Which answer, by its action in lower case, and the steps into its body: names, `[]` for an element, and at the end
perhaps `IN_ARRAY`: an array that was made of that."""
IN_ARRAY = "[…]"


@dataclass
class Read:
    """What is read of one answer."""

    paths: dict[str, int] = field(default_factory=dict)
    """As in a contract."""
    sample: Any = None
    """What a schema says that it is, made up; None where none does."""
    elements: int = 2
    """How many elements arrays need at least."""
    fits: dict[tuple[str, ...], list[fitting.Fit]] = field(default_factory=dict)
    """By the steps into the body, what the functions want that take what is there."""

    statuses: list[int] = field(default_factory=list)
    """The statuses of success that the workflow looks for."""

    @property
    def status(self) -> int:
        """A status of success: where the workflow looks for others than 200 only, the first of these."""
        return 200 if 200 in self.statuses else next(iter(self.statuses), 200)

    def beside(self, part: str) -> dict[str, str]:
        """What is read beside the body, as texts by name: of `headers`, `queries` or `relativePathParameters`."""
        start, made = f"^{part.lower()}.", dict[str, str]()
        for path in self.paths:
            if path.startswith(start):
                name = path.removeprefix(start)
                value: Any = plausible(name)
                for fit in self.fits.get((start.removesuffix("."), name), ()):
                    value = fit(value)
                made[name] = value if isinstance(value, str) else json.dumps(value)
        return made

    def body(self, real: Any = None, contract: Contract | None = None) -> Any:
        """A body in which everything is there that is read, and that a contract of the same call tells of.

        What is `real` stays. Nothing is None where nothing is read.
        """
        read = Contract("", "GET", "", self.paths)
        # An array of one element is none any more when it comes back from XML.
        several = any(fitting.xml in fits for fits in self.fits.values())
        own = _merged(read.shaped(self.sample, self.elements, several), real)
        if any(not p.startswith("^") for p in self.paths):
            own = read.over(own, self.elements)
        if contract is not None:
            own = contract.over(own, self.elements)
        for steps in sorted(self.fits, key=len, reverse=True):
            # What is read as XML is so also where JSON is made of it.
            for fit in sorted(self.fits[steps], key=lambda f: f is fitting.xml):
                own = fitting.at(own, steps, fit)
        return own


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
        self.compared: set[Source] = set()
        """What is compared with a text."""
        self.filters: dict[Source, int] = {}
        """How many Queries go over a list."""
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
        for action in self.definition.all():
            if action.type is ActionType.QUERY and isinstance(action.inputs, Mapping):
                self._filtered(action, action.inputs)
        return self.found

    def _filtered(self, action: Action, inputs: Mapping[str, Any]) -> None:
        """One element of what a Query goes over passes it: of several Queries each has one of its own."""
        source, where = self._of(inputs.get("from"), action, 0), inputs.get("where")
        try:
            read = template(where) if isinstance(where, str) else None
        except SourceError:
            return
        if source is None or not isinstance(read, Access | Call):
            return
        name, steps = _into(source, "[]")
        found = []
        for node, fit in wants(read, lambda one: self._constant(one, action)):
            of = self._source(node, action, 0)
            if of is not None and of[0] == name and of[1][: len(steps)] == steps and IN_ARRAY not in of[1]:
                found.append((of[1][len(steps) :], fit))
        if found:
            number = self.filters.get(source, 0)
            self.filters[source] = number + 1
            self._fitted(source, fitting.element(number, found))

    # -- what the workflow can work with

    def _wanted(self, action: Action) -> None:
        inputs = action.inputs if isinstance(action.inputs, Mapping) else {}
        match action.type:
            case ActionType.FOREACH:
                self._fit(action.foreach, action, fitting.a_list)
            case ActionType.PARSE_JSON:
                self._fit(inputs.get("content"), action, fitting.parsable)
            case ActionType.QUERY | ActionType.JOIN:
                self._fit(inputs.get("from"), action, fitting.a_list)
            case ActionType.SELECT:
                self._fit(inputs.get("from"), action, fitting.a_list)
            case ActionType.TABLE:
                self._fit(inputs.get("from"), action, fitting.a_list if inputs.get("columns") else fitting.objects)
            case ActionType.INITIALIZE | ActionType.SET_VARIABLE:
                listed = inputs.get("variables") if action.type is ActionType.INITIALIZE else [inputs]
                for one in listed if isinstance(listed, list) else ():
                    if isinstance(one, Mapping):
                        type = str(one.get("type") or self.types.get(str(one.get("name", "")).lower(), ""))
                        self._fit(one.get("value"), action, fitting.TYPED.get(type.lower(), fitting.as_it_is))
            case ActionType.INCREMENT | ActionType.DECREMENT:
                self._fit(inputs.get("value"), action, fitting.a_number)
            case ActionType.SWITCH:
                cases = [c.value for c in action.cases]
                if cases and all(isinstance(c, str) and "@" not in c for c in cases):
                    self._fit(action.expression, action, fitting.one_of(cases))

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
                    self._fit(side, action, fitting.integer)
            said = [self._said(s, action) for s in sides]
            if len(sides) == 2 and name.lower() == "equals":
                for side, other in (sides, sides[::-1]):
                    self._status(self._of(side, action, 0), other)
            texts = [s for s in said if isinstance(s, str) and s]
            if len(sides) == 2 and name.lower() == "equals" and len(texts) == 1:
                for side in sides:
                    self._alike_to(self._of(side, action, 0), texts[0])
            if len(sides) == 2 and name.lower() == "contains" and isinstance(said[1], str) and said[1]:
                self._fit(sides[0], action, fitting.holding(said[1]))
            self._compared(given, action)

    def _said(self, node: Any, action: Action) -> Any:
        """What a side of a comparison always is; None where that depends on anything."""
        if not isinstance(node, str) or "@" not in node:
            return node
        try:
            return self._of_constant(template(node), action, 0)
        except SourceError:
            return None

    def _status(self, source: Source | None, wanted: Any) -> None:
        # A 202 would be asked again until it is something else.
        if source and source[1] == ("^statuscode",) and isinstance(wanted, int) and wanted in range(200, 300):
            self._read(source[0]).statuses += [wanted] if wanted != 202 else []

    def _alike_to(self, source: Source | None, wanted: str) -> None:
        # What is looked for first is how it mostly is; that something has failed is looked for to do nothing more.
        if source is not None and source not in self.compared and wanted.lower() not in _FAILURES:
            self.compared.add(source)
            self._fitted(source, fitting.same(wanted))

    def _fit(self, node: Any, action: Action | None, fit: fitting.Fit) -> None:
        if (source := self._of(node, action, 0)) is not None:
            self._fitted(source, fit)

    def _fitted(self, source: Source | None, fit: fitting.Fit) -> None:
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
        if name in _OF_TEXTS and first is not None and first[1]:
            self._fitted(first, fitting.a_text)
        values = [a.value if isinstance(a, Literal) else None for a in arguments]
        match name, values:
            case ("join" | "union" | "intersection" | "length", _):
                # Who counts characters has a text already, and a list is counted as well.
                fit = fitting.counted if name == "length" else fitting.a_list
                if name in _SEVERAL and any(map(self._is_object, arguments)):
                    fit = fitting.an_object
                for one in arguments if name in _SEVERAL else arguments[:1]:
                    self._fitted(self._source(one, action, 0), fit)
            case ("formatnumber", _):
                self._fitted(first, fitting.a_number)
            case ("int" | "float", _):
                self._fitted(first, fitting.integer)
            case (_, _) if name in _ARITHMETIC or (name in _ORDERED and len(arguments) > 1):
                for one in arguments:
                    self._fitted(self._source(one, action, 0), fitting.a_number)
            case (_, _) if name in _OF_DATES:
                for one in arguments if name == "datedifference" else arguments[:1]:
                    self._fitted(self._source(one, action, 0), fitting.moment)
                if name.startswith(("add", "subtract")) and len(arguments) > 1:
                    self._fitted(self._source(arguments[1], action, 0), fitting.a_number)
            case ("range" | "rand" | "skip" | "take" | "chunk" | "substring" | "slice", (_, *_)):
                for one in arguments if name in ("range", "rand") else arguments[1:]:
                    self._fitted(self._source(one, action, 0), fitting.a_number)
                self._long_enough(name, first, values)
            case ("json", _):
                self._fitted(first, fitting.json_text)
            case ("xml", _):
                self._fitted(first, fitting.xml)
            case ("replace", _) if not _is_text(arguments[0]):
                self._fitted(first, fitting.shown)
            case ("addproperty" | "setproperty" | "removeproperty", _):
                self._fitted(first, fitting.an_object)
            case ("base64tostring" | "decodebase64" | "base64tobinary", _):
                self._fitted(first, fitting.base64_text)
            case ("and" | "or" | "not" | "if", _):
                for one in arguments[:1] if name == "if" else arguments:
                    self._fitted(self._source(one, action, 0), fitting.truth)
            case ("bool", _):
                self._fitted(first, fitting.truth)
            case ("sort" | "reverse", _):
                self._fitted(first, fitting.a_list)
                if first is not None and isinstance(values[-1], str) and len(values) > 1:
                    self._note(_into(_into(first, "[]"), values[-1]))
            case ("datauritostring" | "datauritobinary" | "decodedatauri", _):
                self._fitted(first, fitting.data_uri)
            case ("formdatavalue" | "formdatamultivalues", [str(named), str(key)]):
                self._fitted(self._answer(named, 0), fitting.form(key))
            case ("triggerformdatavalue" | "triggerformdatamultivalues", [str(key)]):
                self._fitted((TRIGGER, ()), fitting.form(key))
            case ("multipartbody", [str(named), int(index)]):
                self._fitted(self._answer(named, 0), fitting.in_parts(index))
            case ("triggermultipartbody", [int(index)]):
                self._fitted((TRIGGER, ()), fitting.in_parts(index))
            case (_, _) if name.startswith("uri") and not name.startswith("uricomponent"):
                self._fitted(first, fitting.address)
            case ("indexof" | "lastindexof", [_, str(part)]):
                self._fitted(first, fitting.holding(part))
            case ("equals", [_, _]):
                for one, other in (arguments, arguments[::-1]):
                    wanted = self._constant(other, action)
                    self._status(self._source(one, action, 0), wanted)
                    if isinstance(wanted, str) and wanted:
                        self._alike_to(self._source(one, action, 0), wanted)
            case (_, [_, _]) if name in _NUMBERED and any(isinstance(v, int) for v in values):
                for one in arguments:
                    self._fitted(self._source(one, action, 0), fitting.integer)

    def _long_enough(self, name: str, source: Source | None, values: list[Any]) -> None:
        match name, values:
            case ("substring", [_, int(start), int(size)]):
                self._fitted(source, fitting.long(start + size))
            case ("substring", [_, int(start)]):
                self._fitted(source, fitting.long(start + 1))

    def _is_object(self, node: Expression) -> bool:
        """Whether it is an object, whatever it is made of."""
        match node:
            case Call(name, (Literal(str(said)),)) if name.lower() == "json":
                return said.lstrip().startswith("{")
            case Call(name, (Literal(str(said)),)) if name.lower() == "variables":
                return self.types.get(said.lower(), "").lower() == "object"
            case Call(name, _):
                return name.lower() in ("addproperty", "setproperty", "removeproperty")
        return False

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
            path = path.removeprefix(".") if path.startswith(".^") else path
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
                    return
                if not isinstance(key, Literal):
                    self._walk(key, action)
                # What is read of a function's value is read of what it is given, which must suit it.
                while isinstance(inner, Call) and inner.name.lower() in _THROUGH and inner.arguments:
                    self._called(inner.name.lower(), inner.arguments, action)
                    inner = inner.arguments[0]

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
                self._fitted(self._source(split.arguments[0], action, 0), fitting.parts_by(mark.value, index + 1))
        elif (source := self._source(parent, action, 0)) is not None:
            read_ = self._read(source[0])
            read_.elements = max(read_.elements, index + 1)
            self._fitted(source, fitting.a_list)

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
        of = _whose_outputs(parent) if isinstance(key, str) else None
        if of is not None and str(key).lower() == "body":
            return (TRIGGER, ()) if of == TRIGGER else self._answer(of, depth + 1)
        if of is not None and str(key).lower() in (*_PARTS, "statuscode") and self._answers(of):
            return of.lower(), (f"^{str(key).lower()}",)
        source = self._source(parent, action, depth + 1)
        if source is None:
            return None
        return _into(source, "[]" if isinstance(key, int) else str(key))

    def _answers(self, name: str) -> bool:
        """Whether what it gives comes from elsewhere: from a service, or from what set the workflow off."""
        action = self.actions.get(name.lower())
        return name == TRIGGER or (action is not None and action.type in _ANSWERED)

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
            if name == "createarray":
                listed = [s for a in arguments[1:_MOST_TWINS] if (s := self._source(a, action, depth)) is not None]
                alike = self.twins.setdefault(source, [])
                alike.extend(s for s in listed if s != source and s not in alike)
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


def _whose_outputs(node: Expression) -> str | None:
    """The name of the action whose outputs an expression is, `TRIGGER` for the trigger's; None of anything else."""
    match node:
        case Call(name, ()) if name.lower() == "triggeroutputs":
            return TRIGGER
        case Call(name, (Literal(str(named)),)) if name.lower() in _OUTPUTS:
            return named
        case Access(Call(name, ()), Literal(str(key))) if (name.lower(), key.lower()) == ("trigger", "outputs"):
            return TRIGGER
        case Access(Call(name, (Literal(str(named)),)), Literal(str(key))) if key.lower() == "outputs":
            return named if name.lower() == "actions" else None
    return None


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
            inner = fitting.inner_of(one)
            # What may be anything is a text where it stands within one.
            return json.dumps(other if inner is None else _merged(inner, other), default=lambda one: "item 1")
    return left if right is None else right
