"""The SQL of functions that make a table."""

from __future__ import annotations

from collections.abc import Mapping

from huntlake.kql import forms, plan
from huntlake.kql.sql import activity, mining
from huntlake.kql.sql.reading import Identifiers, Reading, TableFunctionWriter
from huntlake.kql.sql.scan import scan
from huntlake.kql.sql.series import make_series
from huntlake.kql.types import ScalarType

_KEY = '"~k"'
"""A name inside a lambda: any other could hide a column."""
_PROPERTY = forms.json_pointer(_KEY)
"""The JSON pointer to the property whose name is `_KEY`."""


def elements(sql: str, bag_as_array: bool) -> str:
    """A dynamic as a list of JSON: an array's elements, a bag's properties, or the one value that it is."""
    made = "json_array" if bag_as_array else "json_object"
    bag = f"list_transform(json_keys({sql}), lambda {_KEY}: {made}({_KEY}, json_extract({sql}, {_PROPERTY})))"
    return (
        f"case json_type({sql}) when 'ARRAY' then json_extract({sql}, '$[*]')::JSON[] "
        f"when 'OBJECT' then {bag}::JSON[] when 'NULL' then null::JSON[] "
        f"else case when {sql} is null then null else [{sql}::JSON] end end"
    )


def _range(r: Reading, names: Identifiers) -> str:
    (column,) = names.values()
    first, last, step = (r.sql(a) for a in r.arguments)
    type_ = r.arguments[0].type
    if type_ is ScalarType.DATETIME:
        span, size, value = (
            f"epoch_us({last}) - epoch_us({first})",
            f"({step} // 10)",
            f"make_timestamp(epoch_us({first}) + n * ({step} // 10))",
        )
    elif type_ is ScalarType.REAL:
        span, size, value = f"{last} - {first}", step, f"{first} + n * {step}"
    else:
        span, size, value = f"{last} - {first}", step, f"({first} + n * {step})::BIGINT"
    # A little more than the quotient, so that 0.3 in steps of 0.1 has its last one too.
    times = f"floor(({span}) / {size} + 1e-9)::BIGINT" if type_ is ScalarType.REAL else f"({span}) // {size}"
    # Division is toward zero: a range that runs the other way would have one row, and has none.
    count = f"case when {size} = 0 or ({span}) * sign({size}) < 0 then 0 else {times} + 1 end"
    if all(isinstance(a, plan.Literal) for a in r.arguments):
        return f"select {value} as {column} from range(0, {count}) t(n)"
    # The engine's own `range` takes constants only.
    return f"select {value} as {column} from (select unnest(range(0, {count})) as n)"


def _bag_kinds(r: Reading, names: Identifiers) -> str:
    key, kind = names.values()
    bag = r.sql(r.arguments[0])
    keys = f"unnest(json_keys({bag})) as {_KEY}"
    inner = f"select distinct {keys}, {bag} as b from {r.steps[0]} where json_type({bag}) = 'OBJECT'"
    return f"select distinct {_KEY} as {key}, json_type(b, {_PROPERTY}) as {kind} from ({inner}) order by {_KEY}"


def _ipv4_lookup(r: Reading, names: Identifiers) -> str:
    a, n = r.sql(r.arguments[0]), r.sql(r.arguments[1], 1)
    lookup = f'select *, hl_parse_ipv4({n}) as "~net", hl_ipv4_prefix({n}) as "~bits" from {r.steps[1]}'
    kind = _word(r.arguments[2], "left", "inner")
    return (
        f'select {_looked_up(r, names)} from (select *, hl_parse_ipv4({a}) as "~ip" from {r.steps[0]}) l '
        f"{kind} join ({lookup}) r "
        f'on r."~net" >> (32 - r."~bits") = l."~ip" >> (32 - r."~bits")'
    )


def _ipv6_lookup(r: Reading, names: Identifiers) -> str:
    a, n = r.sql(r.arguments[0]), r.sql(r.arguments[1], 1)
    rows = f'select *, row_number() over () as "~row", {a} as "~ip" from {r.steps[0]}'
    lookup = f'select *, hl_parse_ipv6({n}, 128) as "~net", hl_ipv6_prefix({n}) as "~bits" from {r.steps[1]}'
    # An address is cut to each length that a network has: then networks and addresses are equal or not.
    bits = f'select distinct "~bits" from ({lookup}) where "~bits" is not null'
    cut = f'select "~row", "~bits", hl_parse_ipv6("~ip", "~bits") as "~net" from ({rows}) cross join ({bits})'
    found = (
        f'select "~row" as "~of", n.* from ({cut}) c join ({lookup}) n on c."~bits" = n."~bits" and c."~net" = n."~net"'
    )
    kind = _word(r.arguments[2], "left", "inner")
    return f'select {_looked_up(r, names)} from ({rows}) l {kind} join ({found}) r on r."~of" = l."~row"'


def _geo_line_lookup(r: Reading, names: Identifiers) -> str:
    return _geo_lookup(r, names, "hl_geo_distance_to_line")


def _geo_polygon_lookup(r: Reading, names: Identifiers) -> str:
    return _geo_lookup(r, names, "hl_geo_distance_to_polygon")


def _geo_lookup(r: Reading, names: Identifiers, distance: str) -> str:
    longitude, latitude, radius = (r.sql(r.arguments[i]) for i in (0, 1, 3))
    shape = r.sql(r.arguments[2], 1)
    kind = _word(r.arguments[4], "left", "inner")
    return (
        f'select {_looked_up(r, names, 5)} from (select *, {longitude} as "~lon", {latitude} as "~lat" '
        f'from {r.steps[0]}) l {kind} join (select *, ({shape})::VARCHAR as "~shape" from {r.steps[1]}) r '
        f'on {distance}(l."~lon", l."~lat", r."~shape") <= {radius}'
    )


def _looked_up(r: Reading, names: Identifiers, first: int = 3) -> str:
    """The columns of both tables. A row that nothing is found for has no text, and text is never null."""
    left, right = r.identifiers
    outs = list(names.values())
    columns = [f"l.{i} as {o}" for i, o in zip(left.values(), outs, strict=False)]
    for argument, own, out in zip(r.arguments[first:], right.values(), outs[len(left) :], strict=True):
        value = f"coalesce(r.{own}, '')" if argument.type is ScalarType.STRING else f"r.{own}"
        columns.append(f"{value} as {out}")
    return ", ".join(columns)


def _top_of_each(r: Reading, names: Identifiers) -> str:
    count, ascending, nulls_first, value, *keys = r.arguments
    columns = ", ".join(f"{i} as {o}" for i, o in zip(r.identifiers[0].values(), names.values(), strict=True))
    order = f"{r.sql(value)} {_word(ascending, 'asc', 'desc')} nulls {_word(nulls_first, 'first', 'last')}"
    place = f"row_number() over (partition by {', '.join(r.sql(k) for k in keys)} order by {order})"
    return f"select {columns} from {r.steps[0]} qualify {place} <= {r.sql(count)}"


def _reduce(r: Reading, names: Identifiers) -> str:
    text, threshold, separators = (r.sql(a) for a in r.arguments)
    counted = f'select {text} as "~t", count(*) as "~c" from {r.steps[0]} group by 1'
    lists = ", ".join(f'to_json(list({c} order by "~t"))::VARCHAR' for c in ('"~t"', '"~c"'))
    found = f'select hl_reduce({lists}, {threshold}, {separators}) as "~f" from ({counted})'
    each = f"""select unnest(json_extract("~f", '$[*]')::JSON[]) as "~p" from ({found})"""
    pattern, count, shown = names.values()
    return (
        f"""select json_extract_string("~p", '$[0]') as {pattern}, json_extract("~p", '$[1]')::BIGINT as {count}, """
        f"""json_extract_string("~p", '$[2]') as {shown} from ({each})"""
    )


def _schema_merge(r: Reading, names: Identifiers) -> str:
    name, ordinal, data_type, type_ = (r.sql(a) for a in r.arguments[:4])
    rank = f"list_position(['int', 'long', 'real'], {type_})"
    groups = (
        f'select {name} as "~name", min({ordinal}) as "~low", max({ordinal}) as "~high", '
        f'count(distinct {type_}) > 1 and not bool_and({rank} is not null) as "~apart", '
        f'arg_max({type_}, coalesce({rank}, 0)) as "~type", arg_max({data_type}, coalesce({rank}, 0)) as "~data" '
        f"from {r.steps[0]} group by 1"
    )
    # Kusto shows an error in the row; which words it has for types that differ is not documented.
    apart = "error('schema_merge of columns whose types have nothing in common is not supported')"
    checked = f'case when "~apart" then {apart} else "~type" end'
    if _word(r.arguments[4], "true", "false") == "true":
        wrong = "'ERROR(columns are out of order)'"
        out = '"~low" <> "~high"'
        place, order = f'case when {out} then -1 else "~low" end', f'{out}, "~low"'
        shown = f"case when {out} then {wrong} else {checked} end"
        data = f"case when {out} then 'ERROR(unknown CSL type:' || {wrong} || ')' else \"~data\" end"
    else:
        order = '"~high", "~low"'
        place, shown, data = f'row_number() over (order by {order}, "~name") - 1', checked, '"~data"'
    values = ('"~name"', f"({place})::BIGINT", data, shown)
    columns = ", ".join(f"{v} as {o}" for v, o in zip(values, names.values(), strict=True))
    return f'select {columns} from ({groups}) order by {order}, "~name"'


def _word(flag: plan.Scalar, yes: str, no: str) -> str:
    return yes if isinstance(flag, plan.Literal) and flag.value else no


TABLE_FUNCTIONS: Mapping[str, TableFunctionWriter] = {
    "active_users_count": activity.active_users_count,
    "activity_counts": activity.activity_counts,
    "activity_metrics": activity.activity_metrics,
    "autocluster": mining.autocluster,
    "bag_kinds": _bag_kinds,
    "basket": mining.basket,
    "diffpatterns": mining.diffpatterns,
    "geo_line_lookup": _geo_line_lookup,
    "geo_polygon_lookup": _geo_polygon_lookup,
    "ipv4_lookup": _ipv4_lookup,
    "ipv6_lookup": _ipv6_lookup,
    "make_series": make_series,
    "narrow": activity.narrow,
    "new_activity_metrics": activity.new_activity_metrics,
    "range": _range,
    "reduce": _reduce,
    "rolling_percentile": activity.rolling_percentile,
    "rows_near": activity.rows_near,
    "scan": scan,
    "schema_merge": _schema_merge,
    "sequence_detect": activity.sequence_detect,
    "sliding_window_counts": activity.sliding_window_counts,
    "top_of_each": _top_of_each,
}

ORDERED = frozenset(["rows_near", "scan"])
"""Those whose rows come in an order: they tell it in the column `place`, where one is asked for."""
