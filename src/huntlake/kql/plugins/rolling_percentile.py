"""`evaluate rolling_percentile(value, percentile, index, bin size, bins per window [, dimension, …])`

<https://learn.microsoft.com/kusto/query/rolling-percentile-plugin>
"""

from __future__ import annotations

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.binding.conversions import convert, convertible
from huntlake.kql.plugins.activity import column_of, only
from huntlake.kql.syntax import nodes
from huntlake.kql.types import NUMBERS, Column, ScalarType

_INDEXES = (ScalarType.DATETIME, ScalarType.INT, ScalarType.LONG)


def rolling_percentile(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """For each bin the percentile of the values in the bins of the window that ends with it. Exact."""
    if len(call.arguments) < 5:
        b.fail(
            "SEM0219",
            "`rolling_percentile` takes a column of values, a percentile, a column that orders them, "
            "a bin size, bins per window, dimensions…",
            call.span,
        )
    value_node, percentile_node, index_node, size_node, bins_node, *rest = call.arguments
    value, index = column_of(value_node, input, b), column_of(index_node, input, b)
    percentile, bins = b.constant(percentile_node), b.constant_long(bins_node)
    if value.type not in NUMBERS:
        b.refuse(f"`rolling_percentile` of a `{value.type}`", value_node.span)
    if index.type not in _INDEXES:
        b.refuse(f"`rolling_percentile` over a `{index.type}`", index_node.span)
    fraction = percentile.value
    if not isinstance(fraction, int | float) or not 0 <= fraction <= 100:
        b.fail("SEM0001", "a percentile lies between 0 and 100", percentile_node.span)
    if bins < 1:
        b.fail("SEM0001", "a window has at least one bin", bins_node.span)
    type_ = ScalarType.TIMESPAN if index.type is ScalarType.DATETIME else ScalarType.LONG
    size = b.scalar(size_node, None)
    if size.type is not type_ and not convertible(size.type, type_):
        b.expected(type_, size.type, size_node.span)
    size = convert(size, type_)
    bin_ = b.call("bin", (index, size), call.span)
    dimensions = [column_of(n, input, b) for n in rest]
    name = f"rolling_{bins}_percentile_{value.name}_{fraction}"
    columns = (
        Column(index.name, bin_.type),
        *(Column(d.name, d.type) for d in dimensions),
        Column(name, value.type),
    )
    arguments = (
        value,
        plan.Literal(fraction / 100, ScalarType.REAL),
        bin_,
        size,
        plan.Literal(bins, ScalarType.LONG),
        *dimensions,
    )
    return plan.TableFunction("rolling_percentile", (only(input, (value, index, *dimensions)),), arguments, columns)
