"""The columns that a name or a pattern stands for."""

from __future__ import annotations

import fnmatch
import re

from huntlake.kql import plan
from huntlake.kql.binding.language import Surroundings
from huntlake.kql.syntax import nodes


def matching(
    node: nodes.Expression, row: plan.Relation, b: Surroundings, *, required: bool = True
) -> list[plan.ColumnRef]:
    """The columns that a name or a pattern with `*` stands for, in the table's order."""
    columns = b.columns_of(row)
    match node:
        case nodes.Star():
            return list(columns.values())
        case nodes.WildcardedName(pattern):
            fits = re.compile(fnmatch.translate(pattern)).match
            return [c for n, c in columns.items() if fits(n)]
        case nodes.NameReference(name):
            found = columns.get(name)
            if found is None and required:
                b.no_column(name, node.span, columns)
            return [found] if found else []
        case nodes.FunctionCall("column_ifexists" | "columnifexists"):
            value = b.scalar(node, row)
            return [value] if isinstance(value, plan.ColumnRef) else []
    b.fail("SEM0100", "a column's name is expected here", node.span)
