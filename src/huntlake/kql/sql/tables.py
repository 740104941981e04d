"""The SQL of functions that make a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from huntlake.kql import plan
from huntlake.kql.sql.scalars import Expressions
from huntlake.kql.types import ScalarType

Identifiers = Mapping[str, str]
TableFunctionWriter = Callable[[list[str], Sequence[Identifiers], list[Expressions], tuple[plan.Scalar, ...], Identifiers], str]
"""Takes the steps read, their columns' identifiers, a writer of expressions over each, the arguments, the result's identifiers."""


def elements(sql: str, bag_as_array: bool) -> str:
    """A dynamic as a list of JSON: an array's elements, a bag's properties, or the one value that it is."""
    bag = f"list_transform(json_keys({sql}), lambda k: json_object(k, json_extract({sql}, '$.\"' || replace(k, '\"', '\\\"') || '\"')))"
    if bag_as_array:
        bag = (
            f"list_transform(json_keys({sql}), lambda k: "
            f"json_array(k, json_extract({sql}, '$.\"' || replace(k, '\"', '\\\"') || '\"')))"
        )
    return (
        f"case json_type({sql}) when 'ARRAY' then json_extract({sql}, '$[*]')::JSON[] "
        f"when 'OBJECT' then {bag}::JSON[] when 'NULL' then null::JSON[] else case when {sql} is null then null else [{sql}::JSON] end end"
    )


def _range(
    steps: list[str], identifiers: Sequence[Identifiers], e: list[Expressions], arguments: tuple[plan.Scalar, ...], names: Identifiers
) -> str:
    (column,) = names.values()
    first, last, step = (e[0].sql(a) for a in arguments)
    match arguments[0].type:
        case ScalarType.DATETIME:
            numbers = f"range(0, case when {step} = 0 then 0 else (epoch_us({last}) - epoch_us({first})) // ({step} // 10) + 1 end)"
            return f"select make_timestamp(epoch_us({first}) + n * ({step} // 10)) as {column} from {numbers} t(n)"
        case ScalarType.REAL:
            numbers = f"range(0, case when {step} = 0 then 0 else floor(({last} - {first}) / {step} + 1e-9)::BIGINT + 1 end)"
        case _:
            numbers = f"range(0, case when {step} = 0 then 0 else ({last} - {first}) // {step} + 1 end)"
            # Division is toward zero: a range that runs the other way is empty.
            numbers += f" t(n) where ({last} - {first}) * sign({step}) >= 0"
            return f"select ({first} + n * {step})::BIGINT as {column} from {numbers}"
    return f"select {first} + n * {step} as {column} from {numbers} t(n)"


def _bag_kinds(
    steps: list[str], identifiers: Sequence[Identifiers], e: list[Expressions], arguments: tuple[plan.Scalar, ...], names: Identifiers
) -> str:
    key, kind = names.values()
    bag = e[0].sql(arguments[0])
    inner = f"select distinct unnest(json_keys({bag})) as k, {bag} as b from {steps[0]} where json_type({bag}) = 'OBJECT'"
    return f"select distinct k as {key}, json_type(b, '$.\"' || replace(k, '\"', '\\\"') || '\"') as {kind} from ({inner}) order by k"


def _ipv4_lookup(
    steps: list[str], identifiers: Sequence[Identifiers], e: list[Expressions], arguments: tuple[plan.Scalar, ...], names: Identifiers
) -> str:
    address, network, keep = arguments
    left, right = identifiers
    a = e[0].sql(address)
    n = e[1].sql(network)
    mask = f"hl_ipv4_prefix({n})"
    lookup = (
        f"select *, hl_parse_ipv4({n}) as \"~net\", {mask} as \"~bits\" from {steps[1]}"
    )
    columns = list(names.values())
    outputs = [f"l.{i} as {o}" for i, o in zip(left.values(), columns, strict=False)]
    unmatched = isinstance(keep, plan.Literal) and keep.value
    outputs += [f"r.{i} as {o}" for i, o in zip(right.values(), columns[len(left) :], strict=True)]
    kind = "left" if unmatched else "inner"
    return (
        f"select {', '.join(outputs)} from (select *, hl_parse_ipv4({a}) as \"~ip\" from {steps[0]}) l {kind} join ({lookup}) r "
        f'on r."~net" >> (32 - r."~bits") = l."~ip" >> (32 - r."~bits")'
    )


TABLE_FUNCTIONS: Mapping[str, TableFunctionWriter] = {
    "bag_kinds": _bag_kinds,
    "ipv4_lookup": _ipv4_lookup,
    "range": _range,
}
