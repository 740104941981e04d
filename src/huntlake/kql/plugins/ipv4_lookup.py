"""`evaluate ipv4_lookup(table, address, network [, keys…] [, return_unmatched])`

<https://learn.microsoft.com/kusto/query/ipv4-lookup-plugin>
"""

from __future__ import annotations

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.plan.nodes import JoinKind
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, ScalarType


def ipv4_lookup(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """Each row, extended with the row of the lookup table whose network holds its address."""
    positional = [a for a in call.arguments if not isinstance(a, nodes.NamedExpression)]
    named = {a.name: a.expression for a in call.arguments if isinstance(a, nodes.NamedExpression)}
    if len(positional) < 3:
        b.fail("SEM0219", "`ipv4_lookup` takes a table, a column of addresses and a column of networks", call.span)
    table_node, address_node, network_node, *extra = positional
    unmatched = named.get("return_unmatched")
    if extra and isinstance(extra[-1], nodes.Literal):
        unmatched = extra.pop()
    keep = unmatched is not None and bool(b.constant(unmatched).value)
    lookup = b.table(table_node)
    if not isinstance(address_node, nodes.NameReference) or not isinstance(network_node, nodes.NameReference):
        b.fail("SEM0001", "`ipv4_lookup` takes columns by their names", call.span)
    address = b.column(address_node.name, address_node.span, input)
    network = b.column(network_node.name, network_node.span, lookup)
    if extra:
        b.refuse("`ipv4_lookup` with further keys", call.span)
    taken = {c.name for c in input.columns}
    names = tuple(_free(c.name, taken) for c in lookup.columns)
    kind = JoinKind.LEFT_OUTER if keep else JoinKind.INNER
    text = b.convert(address, ScalarType.STRING), b.convert(network, ScalarType.STRING)
    columns = input.columns + tuple(Column(n, c.type) for n, c in zip(names, lookup.columns, strict=True))
    flag = plan.Literal(kind is JoinKind.LEFT_OUTER, ScalarType.BOOL)
    return plan.TableFunction("ipv4_lookup", (input, lookup), (*text, flag), columns)


def _free(name: str, taken: set[str]) -> str:
    chosen, number = name, 0
    while chosen in taken:
        number += 1
        chosen = f"{name}{number}"
    taken.add(chosen)
    return chosen
