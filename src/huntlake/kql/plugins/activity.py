"""Plugins that count rows, and those who caused them, over time.

<https://learn.microsoft.com/kusto/query/active-users-count-plugin>
<https://learn.microsoft.com/kusto/query/activity-counts-metrics-plugin>
<https://learn.microsoft.com/kusto/query/activity-metrics-plugin>
<https://learn.microsoft.com/kusto/query/new-activity-metrics-plugin>
<https://learn.microsoft.com/kusto/query/sliding-window-counts-plugin>
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.binding.conversions import convert, convertible
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, ScalarType

_WIDTHS = ("step", "window", "lookback", "period", "bin")
_TIMELINES = (ScalarType.DATETIME, ScalarType.LONG, ScalarType.INT)


def activity_counts_metrics(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """For each window its rows, its distinct ids, those of them that no window before had, and all so far."""
    id_, time, (start, end, step), dimensions = _arguments(input, call, ("start", "end", "step"), b)
    within = b.call("and", [b.call(">=", (time, start), call.span), b.call("<=", (time, end), call.span)], call.span)
    rows = only(plan.Filter(input, within), (id_, time, *dimensions))
    bin_ = b.call("bin_at", (time, step, start), call.span)
    columns = (
        Column(time.name, bin_.type),
        *(Column(d.name, d.type) for d in dimensions),
        *(Column(n, ScalarType.LONG) for n in ("count", "dcount", "new_dcount", "aggregated_dcount")),
    )
    return plan.TableFunction("activity_counts", (rows,), (id_, bin_, *dimensions), columns)


def sliding_window_counts(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """For each step the rows, and the distinct ids, of the window that ends with it."""
    names = ("start", "end", "lookback", "step")
    id_, time, (start, end, lookback, step), dimensions = _arguments(input, call, names, b)
    since = b.call("-", (start, lookback), call.span)
    within = b.call("and", [b.call(">", (time, since), call.span), b.call("<=", (time, end), call.span)], call.span)
    rows = only(plan.Filter(input, within), (id_, time, *dimensions))
    bin_ = b.call("bin_at", (time, step, start), call.span)
    columns = (
        Column(time.name, bin_.type),
        *(Column(d.name, d.type) for d in dimensions),
        Column("Count", ScalarType.LONG),
        Column("Dcount", ScalarType.LONG),
    )
    arguments = (id_, bin_, start, end, lookback, step, *dimensions)
    return plan.TableFunction("sliding_window_counts", (rows,), arguments, columns)


def activity_metrics(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """For each window its distinct ids, the new ones, and which share of those of the window before came again."""
    if len(call.arguments) > 2 and b.scalar(call.arguments[2], None).type is ScalarType.TIMESPAN:
        b.refuse("`activity_metrics` without a start and an end", call.span)
    id_, time, (start, end, window), dimensions = _arguments(input, call, ("start", "end", "window"), b)
    within = b.call("and", [b.call(">=", (time, start), call.span), b.call("<=", (time, end), call.span)], call.span)
    rows = only(plan.Filter(input, within), (id_, time, *dimensions))
    bin_ = b.call("bin_at", (time, window, start), call.span)
    columns = (
        Column(time.name, bin_.type),
        *(Column(d.name, d.type) for d in dimensions),
        *(Column(n, ScalarType.LONG) for n in ("dcount_values", "dcount_newvalues")),
        *(Column(n, ScalarType.REAL) for n in ("retention_rate", "churn_rate")),
    )
    return plan.TableFunction("activity_metrics", (rows,), (id_, bin_, window, *dimensions), columns)


def new_activity_metrics(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """The ids that a window is the first to have, and for it and each later one how many of them come again."""
    cohort, own = None, b.columns_of(input)
    if len(call.arguments) > 5 and not _is_column(call.arguments[5], own):
        cohort = call.arguments[5]
        call = replace(call, arguments=call.arguments[:5] + call.arguments[6:])
    if len(call.arguments) > 5 and not _is_column(call.arguments[-1], own):
        b.refuse("`new_activity_metrics` with a lookback", call.arguments[-1].span)
    id_, time, (start, end, window), dimensions = _arguments(input, call, ("start", "end", "window"), b)
    within = b.call("and", [b.call(">=", (time, start), call.span), b.call("<=", (time, end), call.span)], call.span)
    rows = only(plan.Filter(input, within), (id_, time, *dimensions))
    bin_ = b.call("bin_at", (time, window, start), call.span)
    columns = (
        Column(f"from_{time.name}", bin_.type),
        Column(f"to_{time.name}", bin_.type),
        *(Column(d.name, d.type) for d in dimensions),
        *(Column(f"dcount_{n}_values", ScalarType.LONG) for n in ("new", "retained", "churn")),
        *(Column(n, ScalarType.REAL) for n in ("retention_rate", "churn_rate")),
    )
    arguments = (id_, bin_, start, end, window, *dimensions)
    found = plan.TableFunction("new_activity_metrics", (rows,), arguments, columns)
    if cohort is None:
        return found
    value = b.scalar(cohort, None)
    if not convertible(value.type, bin_.type):
        b.expected(bin_.type, value.type, cohort.span)
    at = b.call("bin_at", (convert(value, time.type), window, start), cohort.span)
    return plan.Filter(found, b.call("==", (b.columns_of(found)[f"from_{time.name}"], at), cohort.span))


def active_users_count(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """For each bin the distinct ids of rows behind which, within the lookback, the id was seen in enough periods.

    The lookback reaches to the row itself, and not to its far end: eight days back is too far for `8d`.
    """
    names = ("start", "end", "lookback", "period", "count", "bin")
    id_, time, constants, dimensions = _arguments(input, call, names, b)
    start, end, lookback, period, count, step = constants
    since = b.call("-", (start, lookback), call.span)
    within = b.call("and", [b.call(">", (time, since), call.span), b.call("<=", (time, end), call.span)], call.span)
    rows = only(plan.Filter(input, within), (id_, time, *dimensions))
    bin_ = b.call("bin_at", (time, step, start), call.span)
    seen = b.call("bin_at", (time, period, start), call.span)
    columns = (
        Column(time.name, bin_.type),
        *(Column(d.name, d.type) for d in dimensions),
        Column("dcount", ScalarType.LONG),
    )
    arguments = (id_, time, bin_, seen, start, lookback, count, *dimensions)
    return plan.TableFunction("active_users_count", (rows,), arguments, columns)


def _arguments(
    input: plan.Relation, call: nodes.FunctionCall, names: tuple[str, ...], b: Binder
) -> tuple[plan.ColumnRef, plan.ColumnRef, list[plan.Scalar], list[plan.ColumnRef]]:
    """The column of ids, that of times, the constants brought to the types that these ask for, the dimensions."""
    if len(call.arguments) < 2 + len(names):
        wanted = ", ".join(names)
        b.fail("SEM0219", f"`{call.name}` takes a column of ids, a column of times, {wanted}, dimensions…", call.span)
    id_, time, *rest = call.arguments
    times = column_of(time, input, b)
    if times.type not in _TIMELINES:
        b.refuse(f"`{call.name}` over a `{times.type}`", time.span)
    moment = times.type is ScalarType.DATETIME
    constants = []
    for name, node in zip(names, rest, strict=False):
        value = b.scalar(node, None)
        type_ = ScalarType.LONG
        if moment and name != "count":
            type_ = ScalarType.DATETIME if name in ("start", "end") else ScalarType.TIMESPAN
        if value.type is ScalarType.STRING:
            b.refuse(f"`{call.name}` by calendar periods", node.span)
        if value.type is not type_ and not convertible(value.type, type_):
            b.expected(type_, value.type, node.span)
        constant = convert(value, type_)
        if name in _WIDTHS and isinstance(constant, plan.Literal) and not _positive(constant.value):
            b.fail("SEM0001", f"the {name} is more than nothing", node.span)
        constants.append(constant)
    dimensions = [column_of(n, input, b) for n in rest[len(names) :]]
    return column_of(id_, input, b), times, constants, dimensions


def _positive(value: object) -> bool:
    return isinstance(value, int) and value > 0


def _is_column(node: nodes.Expression, columns: Mapping[str, plan.ColumnRef]) -> bool:
    return isinstance(node, nodes.NameReference) and node.name in columns


def only(rows: plan.Relation, columns: tuple[plan.ColumnRef, ...]) -> plan.Relation:
    """The rows with no columns but these: what a table function reads is read whole."""
    return plan.Project(rows, tuple(plan.Output(c.name, c) for c in dict.fromkeys(columns)))


def column_of(node: nodes.Expression, input: plan.Relation, b: Binder) -> plan.ColumnRef:
    """The column that a plugin's argument names."""
    if not isinstance(node, nodes.NameReference):
        b.fail("SEM0001", "the name of a column is expected here", node.span)
    return b.column(node.name, node.span, input)
