"""`T | join kind=… (U) on key, $left.a == $right.b` and `T | lookup kind=… (U) on key`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.core.diagnostics import Span
from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.conversions import convert
from huntlake.kql.binding.naming import Names
from huntlake.kql.plan.nodes import JoinKind
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import NUMBERS, ScalarType, common

Key = tuple[plan.Scalar, plan.Scalar]
Keys = tuple[Key, ...]

_KINDS = {
    "inner": JoinKind.INNER,
    "innerunique": JoinKind.INNER,
    "leftouter": JoinKind.LEFT_OUTER,
    "rightouter": JoinKind.RIGHT_OUTER,
    "fullouter": JoinKind.FULL_OUTER,
    "leftsemi": JoinKind.LEFT_SEMI,
    "rightsemi": JoinKind.LEFT_SEMI,
    "leftanti": JoinKind.LEFT_ANTI,
    "anti": JoinKind.LEFT_ANTI,
    "leftantisemi": JoinKind.LEFT_ANTI,
    "rightanti": JoinKind.LEFT_ANTI,
    "rightantisemi": JoinKind.LEFT_ANTI,
}


@dataclass(frozen=True)
class JoinOperator(Operator):
    """The rows of two tables that agree on the keys. Without a kind, each key's first left row only."""

    kind: str
    table: nodes.Expression
    on: tuple[nodes.Expression, ...]

    @classmethod
    def parse(cls, p: Parser) -> JoinOperator:
        start = p.previous
        parameters = p.parameters("kind", "isfuzzy")
        kind, at = parameters.get("kind", ("innerunique", start))
        if str(kind).lower() not in _KINDS:
            p.fail("SEM0001", f"`{kind}` is no kind of join", at.span, help=", ".join(_KINDS))
        table = p.table_reference()
        p.expect("on") if not p.at("where") else p.refuse("`join … where`", p.current.span)
        return cls(str(kind).lower(), table, p.list_of(p.expression), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        right = b.table(self.table)
        keys = join_keys(self.on, input, right, b)
        kind = _KINDS[self.kind]
        if self.kind in ("rightsemi", "rightanti", "rightantisemi"):
            swapped = tuple((r, l) for l, r in keys)
            return plan.Join(kind, right, input, swapped, right_names(right, input))
        if self.kind == "innerunique":
            input = plan.FirstOf(input, tuple(l for l, _ in keys))
        return plan.Join(kind, input, right, keys, right_names(input, right))


@dataclass(frozen=True)
class LookupOperator(Operator):
    """A fact table extended with the columns of a dimension table; the keys stand once."""

    kind: str
    table: nodes.Expression
    on: tuple[nodes.Expression, ...]

    @classmethod
    def parse(cls, p: Parser) -> LookupOperator:
        start = p.previous
        kind, at = p.parameters("kind").get("kind", ("leftouter", start))
        if kind not in ("leftouter", "inner"):
            p.fail("SEM0001", f"`{kind}` is no kind of lookup", at.span, help="leftouter, inner")
        table = p.table_reference()
        p.expect("on")
        return cls(str(kind), table, p.list_of(p.expression), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        right = b.table(self.table)
        keys = join_keys(self.on, input, right, b)
        joined = plan.Join(_KINDS[self.kind], input, right, keys, right_names(input, right))
        gone = {r.name for _, r in keys if isinstance(r, plan.ColumnRef)}
        kept = [c.name for c in input.columns]
        kept += [n for n, c in zip(joined.right_names, right.columns, strict=True) if c.name not in gone]
        columns = b.columns_of(joined)
        return plan.Project(joined, tuple(plan.Output(n, columns[n]) for n in kept))


def right_names(left: plan.Relation, right: plan.Relation) -> tuple[str, ...]:
    """The names by which the right table's columns go: `x1` where the left has an `x`, or what of that kind is free."""
    ours = {c.name for c in left.columns}
    # A name of the right's own is not free either: its `x1` stays `x1`, and its `x` becomes `x2`.
    names = Names(ours | {c.name for c in right.columns})
    return tuple(names.claim(c.name) if c.name in ours else c.name for c in right.columns)


def join_keys(on: tuple[nodes.Expression, ...], left: plan.Relation, right: plan.Relation, b: Binder) -> Keys:
    """The pairs of keys that must agree."""
    return tuple(b.all_of(_conditions(on), lambda condition: _key(condition, left, right, b)))


def _key(condition: nodes.Expression, left: plan.Relation, right: plan.Relation, b: Binder) -> Key:
    match condition:
        case nodes.NameReference(name):
            pair = b.column(name, condition.span, left), b.column(name, condition.span, right)
        case nodes.FunctionCall("==", (one, two)):
            pair = _pair(one, two, left, right, b)
        case _:
            b.fail("SEM0001", "a column, or `$left.a == $right.b`, is expected here", condition.span)
    return _agreed(*pair, condition.span, b)


def _conditions(on: tuple[nodes.Expression, ...]) -> list[nodes.Expression]:
    # `on a and b` says what `on a, b` says.
    flat: list[nodes.Expression] = []
    for condition in on:
        if isinstance(condition, nodes.FunctionCall) and condition.name == "and":
            flat += _conditions(condition.arguments)
        else:
            flat.append(condition)
    return flat


def _pair(
    one: nodes.Expression, two: nodes.Expression, left: plan.Relation, right: plan.Relation, b: Binder
) -> tuple[plan.ColumnRef, plan.ColumnRef]:
    sides: dict[str, plan.ColumnRef] = {}
    for node in (one, two):
        match node:
            case nodes.PathExpression(nodes.NameReference("$left"), nodes.NameReference(name)):
                sides["left"] = b.column(name, node.span, left)
            case nodes.PathExpression(nodes.NameReference("$right"), nodes.NameReference(name)):
                sides["right"] = b.column(name, node.span, right)
            case _:
                b.fail("SEM0001", "`$left.column` or `$right.column` is expected here", node.span)
    if len(sides) != 2:
        b.fail("SEM0001", "one side must be `$left`, the other `$right`", one.span)
    return sides["left"], sides["right"]


def _agreed(left: plan.Scalar, right: plan.Scalar, span: Span, b: Binder) -> tuple[plan.Scalar, plan.Scalar]:
    if left.type is right.type:
        return left, right
    if ScalarType.DYNAMIC in (left.type, right.type):
        type_ = left.type if right.type is ScalarType.DYNAMIC else right.type
        if type_ in (ScalarType.INT, ScalarType.LONG):
            # The 1.5 in a dynamic is no 1.
            type_ = ScalarType.DECIMAL
        return convert(left, type_), convert(right, type_)
    if left.type in NUMBERS and right.type in NUMBERS and (type_or_none := common([left.type, right.type])):
        return convert(left, type_or_none), convert(right, type_or_none)
    if {left.type, right.type} == {ScalarType.STRING, ScalarType.GUID}:
        return convert(left, ScalarType.STRING), convert(right, ScalarType.STRING)
    b.expected(left.type, right.type, span)
