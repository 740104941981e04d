"""Templates to values.

Nothing of the host language is reachable from an expression: a name means a function of the table or nothing, and a
step means a key of an object or a place in an array.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn, assert_never

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span, did_you_mean
from huntlake.wdl.expressions.nodes import Access, Call, Expression, Interpolation, Literal
from huntlake.wdl.expressions.parser import template
from huntlake.wdl.expressions.symbols import Function, walked
from huntlake.wdl.expressions.values import Fault, Value, bounded, found, kind, text

FAILED = "WDL002"
MOST = 2_000_000
"""How many characters and elements the functions of one template may make together."""


class EvaluationError(SourceError):
    """A template that can be read, and has no value here."""


@dataclass(frozen=True)
class Evaluator:
    """Evaluates what a definition holds, over what a run knows; or by other functions, over what those must know."""

    functions: Mapping[str, Function]
    scope: object
    most: int = MOST

    def value(self, node: Value) -> Value:
        """`node` with every template in it evaluated, keys included. Raises `SourceError`."""
        made = self._value(node)
        if not isinstance(node, str):
            try:
                bounded(made)
            except Fault as fault:
                raise EvaluationError(Source("", "value"), Diagnostic(FAILED, str(fault), Span(0, 0))) from None
        return made

    def _value(self, node: Value) -> Value:
        match node:
            case str():
                return self.text(node)
            case list():
                return [self._value(n) for n in node]
            case dict():
                return {self._key(k): self._value(v) for k, v in node.items()}
        return node

    def text(self, source: str) -> Value:
        """The value of one string. Raises `SourceError`."""
        if "@" not in source:
            return source
        read = template(source)
        return read if isinstance(read, str) else self.template(read, source)

    def template(self, read: Expression | Interpolation, source: str) -> Value:
        """The value of a template that was read from `source`. Raises `EvaluationError`."""
        once = _Evaluation(self.functions, self.scope, Source(source, "expression"), self.most)
        if isinstance(read, Interpolation):
            return once.interpolated(read)
        made = once.expression(read)
        try:
            bounded(made)
        except Fault as fault:
            once.fail(str(fault), read.span)
        return made

    def call(self, name: str, arguments: list[Value]) -> Value:
        """What the function of that name makes of these values. Raises `EvaluationError`."""
        parts = tuple(Literal(a, Span(0, len(name))) for a in arguments)
        return self.template(Call(name, parts, Span(0, len(name))), name)

    def _key(self, source: str) -> str:
        value = self.text(source)
        return value if isinstance(value, str) else text(value)


@dataclass
class _Evaluation:
    functions: Mapping[str, Function]
    scope: object
    source: Source
    left: int = field()

    def interpolated(self, read: Interpolation) -> str:
        parts: list[str] = []
        for part in read.parts:
            if isinstance(part, str):
                parts.append(part)
                continue
            value = self.expression(part)
            self.spend(walked(value), part.span)
            try:
                parts.append(text(value))
            except Fault as fault:
                self.fail(str(fault), part.span)
            self.spend(len(parts[-1]), part.span)
        return "".join(parts)

    def expression(self, node: Expression) -> Value:
        match node:
            case Literal(value):
                return value
            case Call():
                return self.call(node)
            case Access():
                return self.access(node)
        assert_never(node)

    def call(self, node: Call) -> Value:
        function = self.functions.get(node.name.lower())
        if function is None:
            help = did_you_mean(node.name, (f.name for f in self.functions.values()))
            self.fail(f"no function is named `{node.name}`", node.span, help)
        try:
            function.check(len(node.arguments))
            scope = (self.scope,) if function.scoped else ()
            if function.lazy:
                return function.body(*scope, *(lambda a=a: self.expression(a) for a in node.arguments))
            arguments = [self.expression(a) for a in node.arguments]
            function.accept(arguments)
            # What is read costs as what is made does: else one long text could be searched a thousand times.
            self.spend(sum(map(_size, arguments)), node.span)
            if function.cost is not None:
                self.spend(function.cost(*arguments), node.span)
            made = function.body(*scope, *arguments)
        except Fault as fault:
            self.fail(str(fault), node.span)
        self.spend(_size(made), node.span)
        return made

    def access(self, node: Access) -> Value:
        parent = self.expression(node.parent)
        key = self.expression(node.key)
        if parent is None:
            return self.missing(node, f"null has no property `{text(key)}`")
        if isinstance(parent, dict) and isinstance(key, str):
            name = found(parent, key)
            return parent[name] if name is not None else self.missing(node, f"the object has no property `{key}`")
        if isinstance(parent, list) and isinstance(key, int) and not isinstance(key, bool):
            if 0 <= key < len(parent):
                return parent[key]
            return self.missing(node, f"the array has {len(parent)} elements, and none at {key}")
        self.fail(f"a value of type {kind(parent)} has nothing by a key of type {kind(key)}", node.span)

    def missing(self, node: Access, message: str) -> Value:
        if node.forgiving:
            return None
        self.fail(message, node.span, "a `?` before the step makes it null")

    def spend(self, size: int, span: Span) -> None:
        self.left -= size
        if self.left < 0:
            self.fail("the expression makes or reads too much", span)

    def fail(self, message: str, span: Span, help: str = "") -> NoReturn:
        raise EvaluationError(self.source, Diagnostic(FAILED, message, span, help=help))


def _size(value: Value) -> int:
    if isinstance(value, str):
        return 16 + len(value)
    # An element costs more than a character does.
    return 16 + 8 * len(value) if isinstance(value, list | dict) else 16
