"""`T | reduce by text [with threshold=share, characters=separators]`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import Column, ScalarType

_SETTINGS = ("threshold", "characters")


@dataclass(frozen=True)
class ReduceOperator(Operator):
    """Texts of one shape as a pattern, with how many rows have it and one of them.

    Kusto's own way is published in part only: its patterns may be others than these, which are those of the paper
    that it names (R. Vaarandi, A Data Clustering Algorithm for Mining Patterns From Event Logs), numbers left out.
    """

    text: nodes.Expression
    settings: tuple[tuple[str, nodes.Expression], ...]

    @classmethod
    def parse(cls, p: Parser) -> ReduceOperator:
        start = p.previous
        given = p.parameters("kind")
        if "kind" in given:
            p.refuse("`reduce` with a kind", given["kind"][1].span)
        p.expect("by")
        text = p.expression()
        settings: list[tuple[str, nodes.Expression]] = []
        if p.take("with"):
            while True:
                name = p.name()
                if name.text not in _SETTINGS:
                    p.fail("SYN0002", f"`{name.text}` is no setting of `reduce`", name.span, help=", ".join(_SETTINGS))
                p.expect("=")
                settings.append((name.text, p.expression()))
                if not p.take(",") and not p.at(*_SETTINGS):
                    break
        return cls(text, tuple(settings), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        text = b.scalar(self.text, input)
        if text.type is not ScalarType.STRING:
            b.expected(ScalarType.STRING, text.type, self.text.span)
        threshold, characters = plan.Literal(0.1, ScalarType.REAL), plan.Literal("", ScalarType.STRING)
        for name, node in self.settings:
            if name == "characters":
                characters = plan.Literal(b.constant_text(node), ScalarType.STRING)
                continue
            value = b.constant(node).value
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
                b.fail("SEM0001", "the threshold lies between 0 and 1", node.span)
            threshold = plan.Literal(float(value), ScalarType.REAL)
        rows = plan.Project(input, (plan.Output("text", text),))
        columns = (
            Column("Pattern", ScalarType.STRING),
            Column("Count", ScalarType.LONG),
            Column("Representative", ScalarType.STRING),
        )
        return plan.TableFunction("reduce", (rows,), (b.columns_of(rows)["text"], threshold, characters), columns)
