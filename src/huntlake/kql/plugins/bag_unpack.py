"""`evaluate bag_unpack(column [, prefix [, conflict [, ignored]]])`

<https://learn.microsoft.com/kusto/query/bag-unpack-plugin>
"""

from __future__ import annotations

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.binding.conversions import convert
from huntlake.kql.binding.naming import Names
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, ScalarType

_KINDS = {
    "BOOLEAN": ScalarType.BOOL,
    "UBIGINT": ScalarType.LONG,
    "BIGINT": ScalarType.LONG,
    "DOUBLE": ScalarType.REAL,
    "VARCHAR": ScalarType.STRING,
}
MAX_COLUMNS = 1000
_ARGUMENTS = ("column", "OutputColumnPrefix", "columnsConflict", "ignoredProperties")
_CONFLICTS = ("error", "replace_source", "keep_source")


def bag_unpack(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """A column for each property of the bags in one column; that column itself goes away."""
    positional = [a for a in call.arguments if not isinstance(a, nodes.NamedExpression)]
    if len(positional) > len(_ARGUMENTS):
        b.fail("SEM0219", f"`bag_unpack` takes no more than {len(_ARGUMENTS)} arguments", call.span)
    named = {a.name: a.expression for a in call.arguments if isinstance(a, nodes.NamedExpression)}
    for argument in call.arguments:
        if isinstance(argument, nodes.NamedExpression) and argument.name not in _ARGUMENTS:
            b.refuse(f"the argument `{argument.name}` of `bag_unpack`", argument.span)
    values = dict(zip(_ARGUMENTS, positional, strict=False))
    values |= {str(k): v for k, v in named.items()}
    node = values.get("column")
    if not isinstance(node, nodes.NameReference):
        b.fail("SEM0001", "`bag_unpack` takes a column of bags", call.span)
    bag = b.column(node.name, node.span, input)
    if bag.type is not ScalarType.DYNAMIC:
        b.expected(ScalarType.DYNAMIC, bag.type, node.span)
    prefix = b.constant_text(values["OutputColumnPrefix"]) if "OutputColumnPrefix" in values else ""
    conflict = b.constant_text(values["columnsConflict"]) if "columnsConflict" in values else "error"
    if conflict not in _CONFLICTS:
        b.fail("SEM0001", f"`{conflict}` is no way to solve a conflict", call.span, help=", ".join(_CONFLICTS))
    ignored = b.constant(values["ignoredProperties"]).value if "ignoredProperties" in values else []
    if not isinstance(ignored, list | None):
        b.fail("SEM0001", "the ignored properties are an array of names", call.span)
    kept = [(n, c) for n, c in b.columns_of(input).items() if n != bag.name]
    if declared is not None:
        hidden = {n for n, _ in kept} & {c.name for c in declared}
        if conflict == "replace_source" and hidden:
            # Whether some bag has the property, and takes the column's place, only the data could say.
            b.refuse(f"`replace_source` with the declared column `{min(hidden)}`, which is there already,", call.span)
        return plan.Project(input, tuple(_declared(declared, open, dict(kept), bag, prefix, set(ignored or ()), b)))
    found = _properties(input, bag, call, b)
    names = Names() if conflict != "error" else Names(n for n, _ in kept)
    outputs = {n: plan.Output(n, c) for n, c in kept}
    skip = set(ignored or ())
    for key, type_ in found:
        if key in skip:
            continue
        name = prefix + key
        if name in outputs:
            if conflict == "keep_source":
                continue
            if conflict == "error":
                b.fail(
                    "SEM0001",
                    f"`bag_unpack` meets a column `{name}` that is there already",
                    call.span,
                    help="columnsConflict",
                )
        path = convert(plan.DynamicPath(bag, (key,)), type_)
        outputs[name] = plan.Output(names.claim(name) if conflict == "error" else name, path)
    return plan.Project(input, tuple(outputs.values()))


def _declared(
    declared: tuple[Column, ...],
    open: bool,
    kept: dict[str, plan.ColumnRef],
    bag: plan.ColumnRef,
    prefix: str,
    ignored: set[str],
    b: Binder,
) -> list[plan.Output]:
    outputs = {n: plan.Output(n, c) for n, c in kept.items()} if open else {}
    for column in declared:
        if column.name in kept:
            outputs[column.name] = plan.Output(column.name, convert(kept[column.name], column.type))
        else:
            key = column.name.removeprefix(prefix)
            if key in ignored:
                outputs[column.name] = plan.Output(
                    column.name, convert(plan.Literal(None, ScalarType.DYNAMIC), column.type)
                )
                continue
            outputs[column.name] = plan.Output(column.name, convert(plan.DynamicPath(bag, (key,)), column.type))
    return list(outputs.values())


def _properties(
    input: plan.Relation, bag: plan.ColumnRef, call: nodes.FunctionCall, b: Binder
) -> list[tuple[str, ScalarType]]:
    """The properties that the bags have, in alphabetical order, each with the one type of its values or dynamic."""
    kinds = plan.TableFunction(
        "bag_kinds", (input,), (bag,), (Column("key", ScalarType.STRING), Column("kind", ScalarType.STRING))
    )
    seen: dict[str, set[str]] = {}
    for key, kind in b.probe(kinds, "`bag_unpack` without declared columns", call.span):
        seen.setdefault(str(key), set()).add(str(kind))
    if len(seen) > MAX_COLUMNS:
        b.fail("HL002", f"`bag_unpack` would make {len(seen)} columns; {MAX_COLUMNS} is the limit", call.span)
    return [(key, _type(kinds)) for key, kinds in sorted(seen.items())]


def _type(kinds: set[str]) -> ScalarType:
    types = {_KINDS.get(k, ScalarType.DYNAMIC) for k in kinds if k != "NULL"}
    if types == {ScalarType.LONG, ScalarType.REAL}:
        return ScalarType.REAL
    return types.pop() if len(types) == 1 else ScalarType.DYNAMIC
