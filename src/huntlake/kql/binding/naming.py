"""How Kusto names a column that the query gives no name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from huntlake.kql.symbols import Function, Naming
from huntlake.kql.syntax import nodes


def implied_name(node: nodes.Expression, functions: Mapping[str, Function]) -> str:
    """`a_b` of `a.b`, `sum_x` of `sum(x)`, `T` of `bin(T, 1h)`; `` where Kusto implies none."""
    match node:
        case nodes.NameReference(name):
            return name
        case nodes.NamedExpression((name, *_), _):
            return name
        case nodes.NamedExpression(_, inner):
            return implied_name(inner, functions)
        case nodes.PathExpression(left, nodes.NameReference(name)):
            return f"{before}_{name}" if (before := implied_name(left, functions)) else name
        case nodes.ElementExpression(left, nodes.Literal(value, _)):
            return f"{before}_{value}" if (before := implied_name(left, functions)) else ""
        case nodes.FunctionCall("column_ifexists" | "columnifexists", (nodes.Literal(str(name), _), *_)):
            return name
        case nodes.FunctionCall("bin_auto", (value, *_)):
            return implied_name(value, functions)
        case nodes.FunctionCall(name, arguments) if name in functions:
            function = functions[name]
            first = implied_name(arguments[0], functions) if arguments else ""
            match function.naming:
                case Naming.FIRST_ARGUMENT:
                    return first
                case Naming.FUNCTION_AND_ARGUMENT:
                    return f"{name}_{first}" if first else ""
                case Naming.PREFIX_AND_ARGUMENT:
                    return f"{function.prefix}_{first}"
                case Naming.PREFIX:
                    return function.prefix
    return ""


class Names:
    """The names of one table's columns while they are given out; no two are the same."""

    def __init__(self, taken: Iterable[str] = (), reserved: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._reserved = set(reserved)
        """Names that a column may take if it is given one of them, but not by being given none."""
        self._unnamed = 0

    def __contains__(self, name: str) -> bool:
        return name in self._taken

    def claim(self, name: str) -> str:
        """`name`, or `name1`, `name2`, … where it is taken."""
        chosen, number = name, 0
        while chosen in self._taken:
            number += 1
            chosen = f"{name}{number}"
        self._taken.add(chosen)
        return chosen

    def fresh(self, name: str) -> str:
        """As `claim`, but no column of the input gives way to it."""
        chosen, number = name, 0
        while chosen in self._taken | self._reserved:
            number += 1
            chosen = f"{name}{number}"
        return self.claim(chosen)

    def unnamed(self, stem: str = "Column") -> str:
        """`Column1`, `Column2`, …"""
        while True:
            self._unnamed += 1
            if (name := f"{stem}{self._unnamed}") not in self._taken | self._reserved:
                self._taken.add(name)
                return name
