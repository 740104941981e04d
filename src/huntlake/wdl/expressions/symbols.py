"""How a function of the language is declared: as typed Python.

    @function("toUpper")
    def to_upper(text: String) -> String:
        '''`text` in capitals.'''
        return text.upper()

The parameters are the function's, with the types it insists on; the docstring is its documentation, and each `>>>`
in it a test. A parameter of type `Lazy` is called for its value. A first one whose type is none of those below isn't an
argument: it is what is known where the expression stands, such as `Scope`, which is what a run knows.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import ModuleType
from typing import Annotated, Any, Protocol, get_args, get_type_hints

from huntlake.wdl.expressions.values import Fault, Value, kind


class Scope(Protocol):
    """What a run knows where an expression stands in it.

    Each raises `Fault` where there is nothing of that name, or where it may not be asked for.
    """

    def now(self) -> datetime:
        """The time, in UTC."""

    def random(self) -> float:
        """A number from 0 to below 1."""

    def new_id(self) -> str:
        """A new GUID, as 32 hexadecimal digits in groups."""

    def trigger(self) -> Value:
        """The record of the trigger."""

    def action(self, name: str | None) -> Value:
        """The record of an action that has ended, or, without a name, of the present one."""

    def item(self, loop: str | None) -> Value:
        """The present item of a named Foreach, or of the innermost loop."""

    def iteration(self, loop: str) -> int:
        """The number of the present round of an Until, from 0."""

    def variable(self, name: str) -> Value: ...

    def parameter(self, name: str) -> Value: ...

    def result(self, scope: str) -> Value:
        """The records of the actions directly within a scope that has ended."""

    def workflow(self) -> Value:
        """What is known of the workflow and of this run."""

    def callback(self) -> str:
        """The URL that brings the present webhook on."""

    def setting(self, name: str) -> Value:
        """A setting of the application."""


@dataclass(frozen=True)
class OneOf:
    """The kinds of value that a parameter takes."""

    kinds: frozenset[str]

    def __str__(self) -> str:
        return " or ".join(sorted(self.kinds))


def _kinds(*names: str) -> OneOf:
    return OneOf(frozenset(names))


_NUMBERS = ("integer", "float", "decimal")
Anything = Annotated[Any, _kinds("null", "boolean", *_NUMBERS, "string", "array", "object")]
Boolean = Annotated[bool, _kinds("boolean")]
Integer = Annotated[int, _kinds("integer")]
Number = Annotated[int | float | Decimal, _kinds(*_NUMBERS)]
String = Annotated[str, _kinds("string")]
Array = Annotated[list[Any], _kinds("array")]
Object = Annotated[dict[str, Any], _kinds("object")]
OptionalInteger = Annotated[int | None, _kinds("integer")]
TextOrArray = Annotated[str | list[Any], _kinds("string", "array")]
Collection = Annotated[str | list[Any] | dict[str, Any], _kinds("string", "array", "object")]
Lazy = Annotated[Callable[[], Any], OneOf(frozenset({"lazy"}))]
NumberOrArray = Annotated[Any, _kinds(*_NUMBERS, "array")]
ArrayOrObject = Annotated[list[Any] | dict[str, Any], _kinds("array", "object")]
CollectionOrNull = Annotated[Any, _kinds("null", "string", "array", "object")]


@dataclass(frozen=True)
class Parameter:
    """One parameter."""

    name: str
    accepts: OneOf
    optional: bool
    repeats: bool


@dataclass(frozen=True)
class Function:
    """A function of the language."""

    name: str
    parameters: tuple[Parameter, ...]
    body: Callable[..., Value]
    doc: str
    aliases: tuple[str, ...]
    scoped: bool
    lazy: bool
    cost: Callable[..., int] | None = None
    """What its body costs for these arguments, beside the sizes of what it takes and makes at the top."""

    def check(self, count: int) -> None:
        """Raises `Fault` where the function can't be called with so many arguments."""
        least = sum(not p.optional and not p.repeats for p in self.parameters)
        most = sys.maxsize if self.parameters and self.parameters[-1].repeats else len(self.parameters)
        if least <= count <= most:
            return
        wanted = f"at least {least}" if most == sys.maxsize else f"{least}" if least == most else f"{least} to {most}"
        raise Fault(f"`{self.name}` takes {wanted} argument{'s' * (wanted != '1')}, not {count}")

    def accept(self, arguments: list[Value]) -> None:
        """Raises `Fault` for the first argument of a kind that its parameter doesn't take."""
        for index, value in enumerate(arguments):
            parameter = self.parameters[min(index, len(self.parameters) - 1)]
            if kind(value) not in parameter.accepts.kinds:
                raise Fault(f"`{parameter.name}` of `{self.name}` must be {parameter.accepts}, not {kind(value)}")

    @property
    def examples(self) -> list[tuple[str, str]]:
        """The docstring's `>>>` lines, each with the line below it: an expression, and its value as JSON."""
        return re.findall(r"^>>> (.+)\n(.+)$", self.doc, re.MULTILINE)

    def __str__(self) -> str:
        shown = ", ".join(p.name + ("…" if p.repeats else "?" if p.optional else "") for p in self.parameters)
        return f"{self.name}({shown})"


def walked(*values: Value) -> int:
    """The cost of a walk through all that is within the values, at every depth."""
    count, waiting = 0, list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, list | dict):
            count += len(value)
            waiting += [v for v in (value if isinstance(value, list) else value.values()) if isinstance(v, list | dict)]
    return STEP * count


STEP = 48
"""What one value costs that is walked over, where a character of a text costs 1."""


def function(
    name: str, *aliases: str, cost: Callable[..., int] | None = None
) -> Callable[[Callable[..., Value]], Function]:
    """Declare a function of the language, by the name that its reference gives it; `cost` as `Function` has it."""

    def declare(body: Callable[..., Value]) -> Function:
        hints = get_type_hints(body, include_extras=True)
        taken = list(inspect.signature(body).parameters.values())
        scoped = bool(taken) and not get_args(hints[taken[0].name])
        parameters = tuple(
            Parameter(_camel(p.name), get_args(hints[p.name])[1], p.default is not p.empty, p.kind is p.VAR_POSITIONAL)
            for p in taken[scoped:]
        )
        lazy = any(p.accepts.kinds == {"lazy"} for p in parameters)
        return Function(name, parameters, body, inspect.getdoc(body) or "", aliases, scoped, lazy, cost)

    return declare


def _camel(name: str) -> str:
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(r.capitalize() for r in rest)


def listed(*families: ModuleType) -> dict[str, Function]:
    """Every function that the modules declare, by each of its names in lower case."""
    return {
        name.lower(): symbol
        for family in families
        for symbol in vars(family).values()
        if isinstance(symbol, Function)
        for name in (symbol.name, *symbol.aliases)
    }
