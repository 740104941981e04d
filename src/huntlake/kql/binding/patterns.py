"""What `declare pattern` has declared, and which of its cases a call means."""

from __future__ import annotations

from huntlake.kql.binding.language import Surroundings
from huntlake.kql.syntax import nodes


class Patterns:
    """The patterns of one query. Each text knows those that it declares, and no other's."""

    def __init__(self, b: Surroundings) -> None:
        self._b = b
        self._declared: dict[tuple[int, str], nodes.PatternStatement] = {}

    def declare(self, statement: nodes.PatternStatement) -> None:
        """Give a pattern its name."""
        self._declared[id(self._b.source), statement.name] = statement

    def case(self, node: nodes.Expression) -> tuple[str, nodes.PatternCase] | None:
        """The name of a pattern that is called, and its case for these arguments; None where no pattern is called."""
        match node:
            case nodes.FunctionCall(name, arguments):
                path = None
            case nodes.PathExpression(nodes.FunctionCall(name, arguments), nodes.NameReference(path)):
                pass
            case _:
                return None
        pattern = self._declared.get((id(self._b.source), name))
        if pattern is None:
            return None
        given = tuple(self._b.constant_text(a) for a in arguments)
        for case in pattern.cases:
            if case.arguments == given and case.path == path:
                return name, case
        texts = ", ".join(f"'{g}'" for g in given)
        called = f"{name}({texts})" + (f".['{path}']" if path is not None else "")
        self._b.fail("SEM0036", f"the pattern says nothing of `{called}`", node.span)
