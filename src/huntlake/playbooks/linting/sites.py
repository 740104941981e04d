"""Where in a definition templates stand, and what is around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from huntlake.core.diagnostics import SourceError
from huntlake.wdl.definition.workflow import Action, ActionType, Definition
from huntlake.wdl.expressions.nodes import Access, Call, Expression, Interpolation, Literal
from huntlake.wdl.expressions.parser import expression, template
from huntlake.wdl.functions import FUNCTIONS

EACH = (ActionType.QUERY, ActionType.SELECT, ActionType.TABLE)
"""Actions within which `item()` is an element of what they work on."""


@dataclass(frozen=True)
class Site:
    """A string of a definition."""

    path: str
    """Its JSON path."""
    text: str
    action: Action | None = None
    """Whose it is; None for what is a trigger's or the workflow's."""
    each: bool = False
    """Whether `item()` is an element of the action's own `from`."""
    bare: bool = False
    """Whether it is an expression that may stand without its `@`."""

    @property
    def read(self) -> Expression | Interpolation | str | None:
        """What it says; None where it can't be read."""
        try:
            return self.parsed()
        except SourceError:
            return None

    def parsed(self) -> Expression | Interpolation | str:
        """What it says. Raises `SourceError` where it can't be read."""
        if self.bare and not self.text.startswith("@") and "@{" not in self.text:
            return expression(self.text)
        return template(self.text)

    def expressions(self) -> Iterator[Expression]:
        """Every expression in it, outermost only."""
        read = self.read
        if isinstance(read, Interpolation):
            yield from (p for p in read.parts if not isinstance(p, str))
        elif read is not None and not isinstance(read, str):
            yield read


@dataclass
class Workflow:
    """A definition, and how its actions lie within and after each other."""

    definition: Definition
    actions: dict[str, Action] = field(default_factory=dict)
    """By name in lower case."""
    within: dict[str, tuple[Action, ...]] = field(default_factory=dict)
    """By the name of an action in lower case, the containers around it, the innermost first."""
    siblings: dict[str, tuple[Action, ...]] = field(default_factory=dict)
    """By the name of an action in lower case, all actions of its branch, itself among them."""

    @classmethod
    def of(cls, definition: Definition) -> Workflow:
        """That of a definition."""
        made = cls(definition)
        made._add(definition.actions, ())
        return made

    def _add(self, actions: tuple[Action, ...], around: tuple[Action, ...]) -> None:
        for action in actions:
            name = action.name.lower()
            self.actions[name], self.within[name], self.siblings[name] = action, around, actions
            for branch in branches(action):
                self._add(branch, (action, *around))

    def containers(self) -> Iterator[tuple[Action, ...]]:
        """Every group of actions that run after and beside each other."""
        yield self.definition.actions
        for action in self.actions.values():
            yield from (b for b in branches(action) if b)

    def ended_before(self, action: Action) -> set[str]:
        """The names, in lower case, of all actions that have ended whenever this one begins."""
        before: set[str] = set()
        for one in (action, *self.within[action.name.lower()]):
            named = {a.name.lower(): a for a in self.siblings[one.name.lower()]}
            waiting = [n.lower() for n in one.run_after]
            while waiting:
                name = waiting.pop()
                if name not in before:
                    before |= {a.name.lower() for a in named[name].all()}
                    waiting += [n.lower() for n in named[name].run_after]
        return before

    def sites(self) -> Iterator[Site]:
        """Every string that is a template, the object keys left out."""
        for trigger in self.definition.triggers:
            yield from _strings(trigger.inputs if trigger.kind.lower() != "http" else None, f"{trigger.path}.inputs")
            yield from _strings(list(trigger.conditions), f"{trigger.path}.conditions", bare=True)
            yield from _strings(trigger.split_on, f"{trigger.path}.splitOn")
        for action in self.actions.values():
            yield from _of(action)
        for name, output in self.definition.outputs.items():
            yield from _strings(output, f"$.outputs['{name}']")


def branches(action: Action) -> list[tuple[Action, ...]]:
    """The groups of actions directly within an action."""
    return [action.actions, action.otherwise, *(c.actions for c in action.cases)]


def _of(action: Action) -> Iterator[Site]:
    inputs = f"{action.path}.inputs"
    given = action.inputs if isinstance(action.inputs, dict) else None
    if action.type in EACH and given is not None:
        yield from _strings(given.get("from"), f"{inputs}.from", action)
        for name, value in given.items():
            if name != "from":
                yield from _strings(value, f"{inputs}{_key(name)}", action, each=True)
    else:
        yield from _strings(action.inputs, inputs, action)
    yield from _strings(action.foreach, f"{action.path}.foreach", action)
    bare = action.type in (ActionType.UNTIL, ActionType.IF)
    whole = isinstance(action.expression, str)
    yield from _strings(action.expression, f"{action.path}.expression", action, bare=bare and whole)
    for case in action.cases:
        yield from _strings(case.value, f"{action.path}.cases['{case.name}'].case", action)
    yield from _strings(action.limit.timeout, f"{action.path}.limit.timeout", action)
    yield from _strings(action.limit.count, f"{action.path}.limit.count", action)
    yield from _strings(dict(action.tracked), f"{action.path}.trackedProperties", action)


def _strings(
    value: Any, path: str, action: Action | None = None, *, each: bool = False, bare: bool = False
) -> Iterator[Site]:
    match value:
        case str():
            yield Site(path, value, action, each, bare)
        case list():
            for index, inner in enumerate(value):
                yield from _strings(inner, f"{path}[{index}]", action, each=each, bare=bare)
        case dict():
            for name, inner in value.items():
                yield from _strings(inner, f"{path}{_key(name)}", action, each=each, bare=bare)


def _key(name: str) -> str:
    return f".{name}" if name.isidentifier() else f"['{name}']"


def calls(node: Expression) -> Iterator[Call]:
    """Every call of a function in an expression, the outer ones first."""
    match node:
        case Call():
            yield node
            for argument in node.arguments:
                yield from calls(argument)
        case Access(parent, key):
            yield from calls(parent)
            yield from calls(key)


def canonical(name: str) -> str:
    """The name that a function has in the table, in lower case; the name itself where there is none."""
    function = FUNCTIONS.get(name.lower())
    return function.name.lower() if function else name.lower()


def literal(call: Call, index: int = 0) -> str | None:
    """The text that an argument of a call is; None where it is made, or isn't there."""
    if index < len(call.arguments):
        argument = call.arguments[index]
        if isinstance(argument, Literal) and isinstance(argument.value, str):
            return argument.value
    return None


def steps(node: Expression) -> tuple[Expression, tuple[str | None, ...]]:
    """What an access begins with, and its steps in lower case; None stands for one that is computed, or a place."""
    path: list[str | None] = []
    while isinstance(node, Access):
        key = node.key
        path.append(key.value.lower() if isinstance(key, Literal) and isinstance(key.value, str) else None)
        node = node.parent
    return node, tuple(reversed(path))
