"""`evaluate preview(rows)`

<https://learn.microsoft.com/kusto/query/preview-plugin>
"""

from __future__ import annotations

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Result
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column


def preview(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """Two tables: some of the rows, and how many there are."""
    if len(call.arguments) != 1:
        b.fail("SEM0219", "`preview` takes how many rows are shown", call.span)
    count = plan.Output("Count", b.aggregate("count", (), call.span))
    shown = plan.Limit(input, max(0, b.constant_long(call.arguments[0])))
    return b.several([Result(shown), Result(plan.Summarize(input, (), (count,)))], call.span)
