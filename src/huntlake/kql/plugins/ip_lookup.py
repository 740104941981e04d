"""`evaluate ipv4_lookup(table, address, network [, return_unmatched])`, and `ipv6_lookup`

<https://learn.microsoft.com/kusto/query/ipv4-lookup-plugin>
<https://learn.microsoft.com/kusto/query/ipv6-lookup-plugin>
"""

from __future__ import annotations

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.binding.conversions import convert
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, ScalarType


def ipv4_lookup(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """Each row, extended with the rows of the lookup table whose networks hold its address."""
    return _lookup("ipv4_lookup", input, call, b)


def ipv6_lookup(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """As `ipv4_lookup`, with IPv6 addresses, and IPv4 addresses among them."""
    return _lookup("ipv6_lookup", input, call, b)


def _lookup(name: str, input: plan.Relation, call: nodes.FunctionCall, b: Binder) -> plan.Relation:
    positional = [a for a in call.arguments if not isinstance(a, nodes.NamedExpression)]
    named = {a.name: a.expression for a in call.arguments if isinstance(a, nodes.NamedExpression)}
    if len(positional) < 3:
        b.fail("SEM0219", f"`{name}` takes a table, a column of addresses and a column of networks", call.span)
    table_node, address_node, network_node, *extra = positional
    unmatched = named.get("return_unmatched")
    if extra and isinstance(extra[-1], nodes.Literal):
        unmatched = extra.pop()
    keep = unmatched is not None and bool(b.constant(unmatched).value)
    lookup = b.table(table_node)
    if not isinstance(address_node, nodes.NameReference) or not isinstance(network_node, nodes.NameReference):
        b.fail("SEM0001", f"`{name}` takes columns by their names", call.span)
    address = b.column(address_node.name, address_node.span, input)
    network = b.column(network_node.name, network_node.span, lookup)
    if extra:
        b.refuse(f"`{name}` with further keys", call.span)
    taken = {c.name for c in input.columns}
    names = tuple(_free(c.name, taken) for c in lookup.columns)
    columns = input.columns + tuple(Column(n, c.type) for n, c in zip(names, lookup.columns, strict=True))
    arguments = (
        convert(address, ScalarType.STRING),
        convert(network, ScalarType.STRING),
        plan.Literal(keep, ScalarType.BOOL),
        *b.columns_of(lookup).values(),
    )
    return plan.TableFunction(name, (input, lookup), arguments, columns)


def _free(name: str, taken: set[str]) -> str:
    chosen, number = name, 0
    while chosen in taken:
        number += 1
        chosen = f"{name}{number}"
    taken.add(chosen)
    return chosen
