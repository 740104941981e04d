"""Functions that need to know where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from huntlake.core.diagnostics import Span
from huntlake.kql import plan
from huntlake.kql.binding.columns import matching
from huntlake.kql.binding.conversions import convert
from huntlake.kql.binding.scalars.expressions import Row, ScalarBinder, Scoped
from huntlake.kql.binding.scalars.membership import MEMBERSHIP
from huntlake.kql.binding.settings import RECEIVED
from huntlake.kql.plan.graph import columns_in
from huntlake.kql.syntax import nodes
from huntlake.kql.types import ScalarType


def _toscalar(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) != 1:
        s.b.fail("SEM0219", "`toscalar` takes one table", node.span)
    found = s.b.value(node.arguments[0], None)
    if not isinstance(found, plan.Relation):
        return found
    s.b.sound(found.columns[0].name)
    return plan.First(found, found.columns[0].type)


def _column_ifexists(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) != 2:
        s.b.fail("SEM0219", f"`{node.name}` takes a column's name and a value for where there is none", node.span)
    columns = s.columns_of(row) if row is not None else {}
    name = _given_column(s, node.arguments[0]) or s.b.constant_text(node.arguments[0])
    return columns[name] if name in columns else s.bind(node.arguments[1], row, aggregating)


def _given_column(s: ScalarBinder, node: nodes.Expression) -> str | None:
    """The name of the column that a parameter stands for: `FileProfile(SHA1)` means what `FileProfile("SHA1")` does."""
    given = s.b.given(node.name) if isinstance(node, nodes.NameReference) else None
    return given.name if isinstance(given, plan.ColumnRef) else None


def _column_names_of(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) != 1:
        s.b.fail("SEM0219", "`column_names_of` takes one table", node.span)
    return plan.Literal([c.name for c in s.b.table(node.arguments[0]).columns], ScalarType.DYNAMIC)


def _now(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    moment: plan.Scalar = plan.Literal(s.b.now, ScalarType.DATETIME)
    if not node.arguments:
        return moment
    offset = s.bind(node.arguments[0], row, aggregating)
    return s.call(s.b.language.functions["+"], (moment, offset), node.span)


def _ago(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) != 1:
        s.b.fail("SEM0219", "`ago` takes one timespan", node.span)
    span = s.bind(node.arguments[0], row, aggregating)
    if span.type is not ScalarType.TIMESPAN and span.type is not ScalarType.DYNAMIC:
        s.b.expected(ScalarType.TIMESPAN, span.type, node.arguments[0].span)
    moment = plan.Literal(s.b.now, ScalarType.DATETIME)
    return s.call(s.b.language.functions["-"], (moment, convert(span, ScalarType.TIMESPAN)), node.span)


def _case(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) < 3 or len(node.arguments) % 2 == 0:
        s.b.fail("SEM0219", "`case` takes pairs of a predicate and a value, and a value for the rest", node.span)
    *pairs, last = node.arguments
    predicates = [s.predicate(p, row, aggregating) for p in pairs[::2]]
    values = [s.bind(v, row, aggregating) for v in (*pairs[1::2], last)]
    function = s.b.language.functions["case"]
    agreed = function.resolve([v.type for v in values])
    if agreed is None:
        s.mismatch(function, values, node.span)
    brought = [convert(v, agreed.type) for v in values]
    arguments = [x for pair in zip(predicates, brought, strict=False) for x in pair]
    return plan.Call(function, agreed.signature, (*arguments, brought[-1]), agreed.type, node.span)


def _pack_all(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if row is None:
        s.b.fail("SEM0001", "`pack_all` needs a table's columns", node.span)
    filled = bool(node.arguments) and bool(s.b.constant(node.arguments[0]).value)
    return _packed(s, list(s.columns_of(row).values()), node.span, "pack_all" if filled else "bag_pack")


def _bag_pack_columns(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if row is None:
        s.b.fail("SEM0001", f"`{node.name}` needs a table's columns", node.span)
    return _packed(s, [c for a in node.arguments for c in matching(a, row, s.b)], node.span)


def _packed(s: ScalarBinder, columns: Sequence[plan.ColumnRef], span: Span, function: str = "bag_pack") -> plan.Scalar:
    pairs = [x for c in columns for x in (plan.Literal(c.name, ScalarType.STRING), c)]
    return s.call(s.b.language.functions[function], pairs, span)


def _estimate_data_size(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if row is None:
        s.b.fail("SEM0001", f"`{node.name}` needs a table's columns", node.span)
    columns = [c for a in node.arguments for c in matching(a, row, s.b)]
    return s.call(s.b.language.functions[node.name], columns, node.span)


def _iscolumnexists(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) != 1:
        s.b.fail("SEM0219", "`iscolumnexists` takes one name of a column", node.span)
    columns = s.columns_of(row) if row is not None else {}
    return plan.Literal(s.b.constant_text(node.arguments[0]) in columns, ScalarType.BOOL)


def _assert(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) != 2:
        s.b.fail("SEM0219", "`assert` takes a condition and a message", node.span)
    condition, message = s.b.predicate(node.arguments[0], row), s.b.constant_text(node.arguments[1])
    if columns_in(condition):
        s.b.fail("SEM0001", "the condition of `assert` must be a constant", node.arguments[0].span)
    if not s.b.known(condition, "`assert` of what is not a plain constant", node.span):
        s.b.fail("SEM0001", f"assert() has failed with message: '{message}'", node.span)
    return plan.Literal(True, ScalarType.BOOL)


def _bin_auto(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) != 1:
        s.b.fail("SEM0219", "`bin_auto` takes one value", node.span)
    size = s.b.option("query_bin_auto_size")
    if size is None:
        s.b.refuse("`bin_auto` without a size", node.span, help="set query_bin_auto_size = 1h;")
    at, value = s.b.option("query_bin_auto_at"), s.bind(node.arguments[0], row, aggregating)
    if at is None:
        return s.call(s.b.language.functions["bin"], (value, size), node.span)
    return s.call(s.b.language.functions["bin_at"], (value, size, at), node.span)


def _ingestion_time(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    column = s.columns_of(row).get(RECEIVED) if row is not None else None
    if column is None or column.type is not ScalarType.DATETIME:
        # Kusto carries it along unseen; another time in its place would be a plausible wrong answer.
        s.b.refuse(f"`ingestion_time()` where the rows have no `{RECEIVED}`", node.span)
    return column


def _gettype(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) != 1:
        s.b.fail("SEM0219", "`gettype` takes one value", node.span)
    value = s.bind(node.arguments[0], row, aggregating)
    if value.type is ScalarType.DYNAMIC:
        return s.call(s.b.language.functions["gettype"], (value,), node.span)
    return plan.Literal(str(value.type), ScalarType.STRING)


def _typed(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    """Functions whose last argument may name the type of what they give: `typeof(long)`."""
    function = s.b.language.functions[node.name]
    usual = 3 if function.name == "extract" else 2
    arguments = [s.bind(a, row, aggregating) for a in node.arguments]
    found = s.call(function, arguments[:usual] if len(arguments) == usual + 1 else arguments, node.span)
    if len(arguments) != usual + 1:
        return found
    wanted = arguments[-1]
    if not isinstance(wanted, plan.Literal) or wanted.value not in [t.value for t in ScalarType]:
        s.b.fail("SEM0001", "a type is expected here", node.arguments[-1].span, help="write `typeof(long)`")
    return convert(found, ScalarType(wanted.value))


SCOPED: Mapping[str, Scoped] = {
    "ago": _ago,
    "assert": _assert,
    "bin_auto": _bin_auto,
    "case": _case,
    "bag_pack_columns": _bag_pack_columns,
    "column_ifexists": _column_ifexists,
    "column_names_of": _column_names_of,
    "columnifexists": _column_ifexists,
    "estimate_data_size": _estimate_data_size,
    "extract": _typed,
    "extract_json": _typed,
    "extractjson": _typed,
    "gettype": _gettype,
    "ingestion_time": _ingestion_time,
    "iscolumnexists": _iscolumnexists,
    "now": _now,
    "pack_all": _pack_all,
    "percentile_tdigest": _typed,
    "toscalar": _toscalar,
    **MEMBERSHIP,
}
"""Functions that need more than their arguments: the row, the moment, the tables."""
