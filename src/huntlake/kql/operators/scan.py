"""`T | scan [with_match_id=name] [declare (name:type = default, …)] with (step name [output=…]: condition => …;)`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.conversions import convert, convertible
from huntlake.kql.plan.graph import columns_in
from huntlake.kql.symbols import Kind
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import Column, ScalarType

_OUTPUTS = ("all", "last", "none")


@dataclass(frozen=True)
class Declared(nodes.Node):
    """A column that the steps fill, with its value where they don't."""

    name: str
    type: ScalarType
    default: nodes.Expression | None

    @classmethod
    def parse(cls, p: Parser) -> Declared:
        start = p.current
        column = p.column_declaration()
        default = p.expression() if p.take("=") else None
        return cls(column.name, column.type, default, span=p.since(start))


@dataclass(frozen=True)
class Assignment(nodes.Node):
    """`column = value`, behind the arrow of a step."""

    name: str
    value: nodes.Expression

    @classmethod
    def parse(cls, p: Parser) -> Assignment:
        start = p.name()
        p.expect("=")
        return cls(start.text, p.expression(), span=p.since(start))


@dataclass(frozen=True)
class Step(nodes.Node):
    """What a row must be to match, and what it then is extended with."""

    name: str
    output: str
    condition: nodes.Expression
    assignments: tuple[Assignment, ...]

    @classmethod
    def parse(cls, p: Parser) -> Step:
        start = p.expect("step")
        name = p.name().text
        if p.at("optional"):
            p.refuse("an optional step", p.current.span)
        output, at = p.parameters("output").get("output", ("all", start))
        if output not in _OUTPUTS:
            p.fail("SEM0001", f"`{output}` is no output of a step", at.span, help=", ".join(_OUTPUTS))
        p.expect(":")
        condition = p.expression()
        assignments = p.list_of(lambda: Assignment.parse(p)) if p.take("=>") else ()
        p.expect(";")
        return cls(name, str(output), condition, assignments, span=p.since(start))


@dataclass(frozen=True)
class ScanOperator(Operator):
    """A row for each match of a row with a step; the steps, in their order, make sequences of rows.

    Each row is asked by the last step first. It matches a step where its condition holds with the state of the step
    before, which then moves here, or else with the step's own. The rows come out in the order of the input.
    """

    match_id: str | None
    declared: tuple[Declared, ...]
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, p: Parser) -> ScanOperator:
        start = p.previous
        given = p.parameters("with_match_id")
        if p.at("order", "partition"):
            p.refuse(f"`scan` with `{p.current.text} by`", p.current.span, help="sort, or partition, before it")
        declared: tuple[Declared, ...] = ()
        if p.take("declare"):
            p.expect("(")
            declared = p.list_of(lambda: Declared.parse(p))
            p.expect(")")
        p.expect("with")
        p.expect("(")
        steps = [Step.parse(p)]
        while p.at("step"):
            steps.append(Step.parse(p))
        p.expect(")")
        match_id = str(given["with_match_id"][0]) if "with_match_id" in given else None
        return cls(match_id, declared, tuple(steps), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        self._check_names(input, b)
        state = _State(tuple(s.name for s in self.steps), input, {d.name: d.type for d in self.declared})
        made = self._made(input, b)
        before = _Before()
        arguments: list[plan.Scalar] = []
        for number, step in enumerate(self.steps):
            condition = b.predicate(self._over_state(step.condition, number, state, b), state.row)
            values = {a.name: a for a in step.assignments}
            arguments += [plan.Literal(step.output, ScalarType.STRING), before.without(condition, step, b)]
            for name, otherwise in made.items():
                given = values.get(name)
                if given is None:
                    arguments.append(otherwise)
                    continue
                value = b.scalar(self._over_state(given.value, number, state, b), state.row)
                if not convertible(value.type, otherwise.type):
                    b.expected(otherwise.type, value.type, given.value.span)
                arguments.append(before.without(convert(value, otherwise.type), given, b))
        # Of a step's row only what is asked for later is kept.
        read = sorted({n for a in arguments for n in columns_in(a)} & state.meanings.keys())
        kept: list[plan.Scalar] = []
        for name in read:
            owner, column_name = state.meanings[name]
            type_ = state.columns[column_name]
            kept += [
                plan.Literal(owner, ScalarType.LONG),
                plan.Literal(column_name, ScalarType.STRING),
                plan.ColumnRef(name, type_),
            ]
        place = b.call("row_number", (), self.span)
        head: tuple[plan.Scalar, ...] = (
            plan.ColumnRef(_NUMBER, place.type),
            plan.Literal(self.match_id is not None, ScalarType.BOOL),
            plan.Literal(len(made), ScalarType.LONG),
            plan.Literal(len(read), ScalarType.LONG),
        )
        defaults = [x for n, v in made.items() for x in (plan.Literal(n, ScalarType.STRING), v)]
        columns = input.columns + tuple(Column(d.name, d.type) for d in self.declared)
        if self.match_id is not None:
            columns += (Column(self.match_id, ScalarType.LONG),)
        own = [plan.Output(n, c) for n, c in b.columns_of(input).items()]
        rows = plan.Project(input, (*own, *before.outputs, plan.Output(_NUMBER, place)))
        return plan.TableFunction("scan", (rows,), (*head, *defaults, *kept, *arguments), columns)

    def _check_names(self, input: plan.Relation, b: Binder) -> None:
        taken = {c.name for c in input.columns}
        for column in self.declared:
            if column.name in taken:
                b.fail("SEM0001", f"two columns are named `{column.name}`", column.span)
            taken.add(column.name)
        if self.match_id in taken:
            b.fail("SEM0001", f"two columns are named `{self.match_id}`", self.span)
        names = [s.name for s in self.steps]
        for number, step in enumerate(self.steps):
            if step.name in names[:number]:
                b.fail("SEM0001", f"two steps are named `{step.name}`", step.span)
            assigned: set[str] = set()
            for assignment in step.assignments:
                if assignment.name not in taken or assignment.name == self.match_id:
                    b.fail("SEM0100", f"no column is named `{assignment.name}`", assignment.span)
                if assignment.name in assigned:
                    b.fail("SEM0001", f"`{assignment.name}` is assigned twice", assignment.span)
                seen = sorted({n for n in _names(assignment.value) if n in assigned})
                if seen:
                    what = f"`{seen[0]}` behind its own assignment in the same step"
                    b.refuse(what, assignment.value.span, help="assign from the row and from `step.column`")
                assigned.add(assignment.name)

    def _made(self, input: plan.Relation, b: Binder) -> dict[str, plan.Scalar]:
        """The columns that steps may fill, each with what it is where a step doesn't."""
        assigned = {a.name for s in self.steps for a in s.assignments}
        own: dict[str, plan.Scalar] = {n: c for n, c in b.columns_of(input).items() if n in assigned}
        return own | {d.name: self._default(d, b) for d in self.declared}

    def _default(self, column: Declared, b: Binder) -> plan.Scalar:
        if column.default is None:
            return plan.Literal("" if column.type is ScalarType.STRING else None, column.type)
        value = b.constant(column.default)
        if not convertible(value.type, column.type):
            b.expected(column.type, value.type, column.default.span)
        return convert(value, column.type)

    def _over_state(self, node: nodes.Expression, number: int, state: _State, b: Binder) -> nodes.Expression:
        """The expression with `step.column` as the name of a column of the state."""
        match node:
            case nodes.PathExpression(nodes.NameReference(step), nodes.NameReference(column)) if step in state.steps:
                owner = state.steps.index(step)
                if owner > number:
                    b.fail("SEM0001", f"`{self.steps[number].name}` sees no later step", node.span)
                if column not in state.columns:
                    b.fail("SEM0100", f"`{step}` has no column `{column}`", node.selector.span)
                return nodes.NameReference(_state_name(owner, column), span=node.span)
            case nodes.NameReference(name) if name in state.declared:
                b.refuse(f"the declared column `{name}` without its step", node.span, help=f"write `step.{name}`")
            case nodes.PathExpression(inner, selector):
                return replace(node, expression=self._over_state(inner, number, state, b), selector=selector)
            case nodes.ElementExpression(inner, selector):
                return replace(
                    node,
                    expression=self._over_state(inner, number, state, b),
                    selector=self._over_state(selector, number, state, b),
                )
            case nodes.FunctionCall(_, arguments):
                return replace(node, arguments=tuple(self._over_state(a, number, state, b) for a in arguments))
            case nodes.NamedExpression(_, inner):
                return replace(node, expression=self._over_state(inner, number, state, b))
            case nodes.PipeExpression(nodes.Expression() as head, ()):
                return self._over_state(head, number, state, b)
        return node


def _names(node: nodes.Expression) -> Iterator[str]:
    """The names in an expression that stand alone."""
    match node:
        case nodes.NameReference(name):
            yield name
        case nodes.PathExpression(inner, _) if not isinstance(inner, nodes.NameReference):
            yield from _names(inner)
        case nodes.ElementExpression(inner, selector):
            yield from _names(inner)
            yield from _names(selector)
        case nodes.FunctionCall(_, arguments):
            for argument in arguments:
                yield from _names(argument)
        case nodes.NamedExpression(_, inner):
            yield from _names(inner)


class _State:
    """The columns that conditions may name: those of the row, and those of each step's last row."""

    def __init__(self, steps: tuple[str, ...], input: plan.Relation, declared: Mapping[str, ScalarType]) -> None:
        self.steps = steps
        self.declared = declared
        self.columns: Mapping[str, ScalarType] = {c.name: c.type for c in input.columns} | dict(declared)
        self.meanings = {_state_name(i, n): (i, n) for i in range(len(steps)) for n in self.columns}
        of_steps = tuple(Column(name, self.columns[n]) for name, (_, n) in self.meanings.items())
        self.row = plan.OuterRow(input.columns + of_steps)


@dataclass
class _Before:
    """What conditions compute of the row alone: columns of a step before, so that the scan itself has little to do."""

    outputs: list[plan.Output] = field(default_factory=list)

    def without(self, scalar: plan.Scalar, at: nodes.Node, b: Binder) -> plan.Scalar:
        """The scalar, with those columns in the place of what they hold."""
        if isinstance(scalar, plan.Literal | plan.ColumnRef):
            return scalar
        if not any(n.startswith(_OF_STATE) for n in columns_in(scalar)):
            known = next((o for o in self.outputs if o.value == scalar), None)
            if known is None:
                known = plan.Output(f"\x00row{len(self.outputs)}", scalar)
                self.outputs.append(known)
            return plan.ColumnRef(known.name, scalar.type)
        match scalar:
            case plan.Among():
                b.refuse("a table in an expression over a step's state", at.span)
            case plan.Call(function, _, _) if function.kind is Kind.WINDOW:
                b.refuse("a window function in an expression over a step's state", at.span)
            case plan.Call(_, _, arguments):
                return replace(scalar, arguments=tuple(self.without(a, at, b) for a in arguments))
            case plan.Convert(value, _):
                return replace(scalar, value=self.without(value, at, b))
            case plan.DynamicPath(value, steps):
                inner = tuple(s if isinstance(s, str | int) else self.without(s, at, b) for s in steps)
                return replace(scalar, value=self.without(value, at, b), steps=inner)
        return scalar


_NUMBER = "\x00number"
_OF_STATE = "\x00of"
"""What the names of the state's columns begin with: no column of a query can have it."""


def _state_name(step: int, column: str) -> str:
    return f"{_OF_STATE}{step}.{column}"
