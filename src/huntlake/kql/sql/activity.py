"""The SQL of plugins that look at rows around, in time or in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from huntlake.kql.types import ScalarType

if TYPE_CHECKING:
    from huntlake.kql.sql.reading import Reading


def activity_counts(r: Reading, names: Mapping[str, str]) -> str:
    """Of the id, the bin and the dimensions: counts of each bin."""
    id_, bin_, *dimensions = (r.sql(a) for a in r.arguments)
    keys = _keys(dimensions)
    rows = f'(select {_named(dimensions)}{bin_} as "~b", {id_} as "~id" from {r.steps[0]})'
    counts = f'select {keys}"~b", count(*) as "~c", count(distinct "~id") as "~d" from {rows} group by all'
    # An id is new in the first bin that has it.
    firsts = f'select {keys}"~id", min("~b") as "~b" from {rows} where "~id" is not null group by all'
    new = f'select {keys}"~b", count(*) as "~n" from ({firsts}) group by {keys}"~b"'
    outs = list(names.values())
    columns = [f'c."~b" as {outs[0]}', *(f'c."~k{i}" as {o}' for i, o in enumerate(outs[1:-4]))]
    columns += [f'"~c" as {outs[-4]}', f'"~d" as {outs[-3]}', f'coalesce("~n", 0) as {outs[-2]}']
    by = ", ".join(f'c."~k{i}"' for i in range(len(dimensions)))
    so_far = f'{f"partition by {by} " if by else ""}order by c."~b"'
    columns.append(f'sum(coalesce("~n", 0)) over ({so_far})::BIGINT as {outs[-1]}')
    same = "".join(f' and c."~k{i}" is not distinct from n."~k{i}"' for i in range(len(dimensions)))
    return f'select {", ".join(columns)} from ({counts}) c left join ({new}) n on c."~b" = n."~b"{same} order by c."~b"'


def sliding_window_counts(r: Reading, names: Mapping[str, str]) -> str:
    """Of the id, the bin, the bounds, the window, the step and the dimensions: counts of the window behind each bin."""
    id_, bin_, start, end, lookback, step, *dimensions = (r.sql(a) for a in r.arguments)
    # A row counts in its own bin, and in those whose windows reach back to it.
    reach = f'unnest(range(0, greatest(({lookback}) // ({step}), 1))) as "~n"'
    rows = f'select {_named(dimensions)}{bin_} as "~b", {id_} as "~id", {reach} from {r.steps[0]}'
    moment = r.arguments[1].type is ScalarType.DATETIME
    place = f'"~b" + to_microseconds("~n" * ({step} // 10))' if moment else f'"~b" + "~n" * {step}'
    outs = list(names.values())
    kept = "".join(f'"~k{i}" as {o}, ' for i, o in enumerate(outs[1:-2]))
    return (
        f"select {place} as {outs[0]}, {kept}"
        f'count(*) as {outs[-2]}, count(distinct "~id") as {outs[-1]} from ({rows}) '
        f"where {place} between {start} and {end} group by all order by 1"
    )


def activity_metrics(r: Reading, names: Mapping[str, str]) -> str:
    """Of the id, the bin, its width and the dimensions: who is there in each bin, and who of the bin before."""
    id_, bin_, width, *dimensions = (r.sql(a) for a in r.arguments)
    keys = _keys(dimensions)
    rows = f'(select distinct {_named(dimensions)}{bin_} as "~b", {id_} as "~id" from {r.steps[0]})'
    moment = r.arguments[1].type is ScalarType.DATETIME
    following = f'"~b" + to_microseconds({width} // 10)' if moment else f'"~b" + {width}'
    before = f'(select * replace ({following} as "~b") from {rows})'
    same = "".join(f'c."~k{i}" is not distinct from p."~k{i}" and ' for i in range(len(dimensions)))
    both = (
        f'select c.*, p."~id" is not null as "~old" from {rows} c left join {before} p '
        f'on {same}c."~b" = p."~b" and c."~id" = p."~id"'
    )
    size = f'select {keys}"~b", count("~id") as "~p" from {before} group by all'
    counts = (
        f'select {keys}"~b", count("~id") as "~d", count(*) filter (where "~old") as "~o" from ({both}) group by all'
    )
    outs = list(names.values())
    stayed = 'c."~o" / nullif(coalesce(p."~p", 0), 0)::DOUBLE'
    columns = [f'c."~b" as {outs[0]}', *(f'c."~k{i}" as {o}' for i, o in enumerate(outs[1:-4]))]
    columns += [f'c."~d" as {outs[-4]}', f'c."~d" - c."~o" as {outs[-3]}']
    columns += [
        f"coalesce({stayed}, 'nan'::DOUBLE) as {outs[-2]}",
        f"coalesce(1 - {stayed}, 'nan'::DOUBLE) as {outs[-1]}",
    ]
    return (
        f'select {", ".join(columns)} from ({counts}) c left join ({size}) p on {same}c."~b" = p."~b" order by c."~b"'
    )


def new_activity_metrics(r: Reading, names: Mapping[str, str]) -> str:
    """Of the id, the bin, the bounds, the bin's width and the dimensions: each bin's new ids, then and later."""
    id_, bin_, start, end, width, *dimensions = (r.sql(a) for a in r.arguments)
    keys, count = _keys(dimensions), len(dimensions)
    seen = (
        f'select distinct {_named(dimensions)}{bin_} as "~b", {id_} as "~id" from {r.steps[0]} where {id_} is not null'
    )
    marked = f'(select *, min("~b") over (partition by {keys}"~id") as "~f" from ({seen}))'
    if r.arguments[1].type is ScalarType.DATETIME:
        steps = f"(epoch_us({end}) - epoch_us({start})) // ({width} // 10)"
        at = f"make_timestamp(epoch_us({start}) + i * ({width} // 10))"
    else:
        steps, at = f"({end} - {start}) // {width}", f"{start} + i * {width}"
    grid = f'(select {at} as "~to" from (select unnest(range(0, {steps} + 1)) as i))'
    cohorts = f'(select {keys}"~f", count(distinct "~id") as "~n" from {marked} group by all)'
    same = "".join(f'c."~k{i}" is not distinct from m."~k{i}" and ' for i in range(count))
    pairs = f'{cohorts} c join {grid} g on g."~to" >= c."~f" left join {marked} m on {same}m."~b" = g."~to"'
    by = "".join(f'c."~k{i}", ' for i in range(count))
    new = 'count(distinct m."~id") filter (where m."~f" > c."~f" or (m."~f" = c."~f" and c."~f" = g."~to"))'
    stayed = 'count(distinct m."~id") filter (where m."~f" = c."~f")'
    counted = f'select {by}c."~f", g."~to", c."~n", {new} as "~w", {stayed} as "~s" from {pairs} group by all'
    values = ['"~f"', '"~to"', *(f'"~k{i}"' for i in range(count)), '"~w"', '"~s"', '"~n" - "~s"']
    values += ['"~s" / "~n"::DOUBLE', '1 - "~s" / "~n"::DOUBLE']
    columns = ", ".join(f"{v} as {o}" for v, o in zip(values, names.values(), strict=True))
    return f"select {columns} from ({counted}) order by 1, 2"


def active_users_count(r: Reading, names: Mapping[str, str]) -> str:
    """Of the id, the time, its bin, its period, the start, the lookback, a number of periods and the dimensions."""
    id_, time, bin_, period, start, lookback, least, *dimensions = (r.sql(a) for a in r.arguments)
    moment = r.arguments[1].type is ScalarType.DATETIME
    at, reach = (f"epoch_us({time})", f"({lookback} // 10)") if moment else (time, lookback)
    rows = (
        f'select distinct {_named(dimensions)}{bin_} as "~b", {period} as "~p", {id_} as "~id", {at} as "~t", '
        f'{time} >= {start} as "~in" from {r.steps[0]} where {id_} is not null'
    )
    # The far end of the lookback is not within.
    frame = f'partition by {_keys(dimensions)}"~id" order by "~t" range between {reach} - 1 preceding and current row'
    seen = f'select *, count(distinct "~p") over ({frame}) as "~n" from ({rows})'
    outs = list(names.values())
    kept = "".join(f'"~k{i}" as {o}, ' for i, o in enumerate(outs[1:-1]))
    return (
        f'select "~b" as {outs[0]}, {kept}count(distinct "~id") as {outs[-1]} from ({seen}) '
        f'where "~in" and "~n" >= {least} group by all order by 1'
    )


def sequence_detect(r: Reading, names: Mapping[str, str]) -> str:
    """Of a number of conditions, the time, the longest pause and span, the dimensions and the conditions."""
    time, pause, span, *rest = (r.sql(a) for a in r.arguments[1:])
    count = int(r.sql(r.arguments[0]))
    dimensions, conditions = rest[: len(rest) - count], rest[len(rest) - count :]
    steps = [f'(select distinct {_named(dimensions)}{time} as "~t" from {r.steps[0]} where {c})' for c in conditions]
    text = f"{steps[0]} s0"
    for i, step in enumerate(steps[1:], 1):
        same = "".join(f's0."~k{d}" is not distinct from s{i}."~k{d}" and ' for d in range(len(dimensions)))
        after, late = f's{i}."~t" > s{i - 1}."~t"', f's{i}."~t" <= s{i - 1}."~t" + to_microseconds({pause} // 10)'
        whole = f's{i}."~t" <= s0."~t" + to_microseconds({span} // 10)'
        text += f" join {step} s{i} on {same}{after} and {late} and {whole}"
    outs = list(names.values())
    columns = [f's0."~k{d}" as {outs[d]}' for d in range(len(dimensions))]
    columns += [f's{i}."~t" as {outs[len(dimensions) + i]}' for i in range(count)]
    columns.append(f'(epoch_us(s{count - 1}."~t") - epoch_us(s0."~t")) * 10 as {outs[-1]}')
    return f"select {', '.join(columns)} from {text} order by all"


def rolling_percentile(r: Reading, names: Mapping[str, str]) -> str:
    """Of the value, the fraction, the bin, its size, the bins of a window and the dimensions: a value for each bin."""
    value, fraction, bin_, size, count, *dimensions = (r.sql(a) for a in r.arguments)
    keys = _keys(dimensions)
    rows = f'(select {_named(dimensions)}{bin_} as "~b", {value} as "~v" from {r.steps[0]})'
    bins = f'select distinct {keys}"~b" from {rows} where "~b" is not null'
    moment = r.arguments[2].type is ScalarType.DATETIME
    width = f"to_microseconds(({count} - 1) * ({size} // 10))" if moment else f"({count} - 1) * {size}"
    same = "".join(f' and b."~k{i}" is not distinct from v."~k{i}"' for i in range(len(dimensions)))
    outs = list(names.values())
    kept = "".join(f'b."~k{i}" as {o}, ' for i, o in enumerate(outs[1:-1]))
    by = ", ".join(('b."~b"', *(f'b."~k{i}"' for i in range(len(dimensions)))))
    order = ", ".join((*(f'b."~k{i}"' for i in range(len(dimensions))), 'b."~b"'))
    return (
        f'select b."~b" as {outs[0]}, {kept}quantile_disc(v."~v", {fraction}) as {outs[-1]} '
        f'from ({bins}) b join {rows} v on v."~b" between b."~b" - {width} and b."~b"{same} '
        f"group by {by} order by {order}"
    )


def narrow(r: Reading, names: Mapping[str, str]) -> str:
    """Of names and values as text: a row for each."""
    cells = [str(r.sql(a)) for a in r.arguments]
    row, column, value = names.values()
    numbered = f'select *, row_number() over () - 1 as "~row" from {r.steps[0]}'
    lists = f"[{', '.join(cells[::2])}]", f"[{', '.join(cells[1::2])}]"
    return f'select "~row" as {row}, unnest({lists[0]}) as {column}, unnest({lists[1]}) as {value} from ({numbered})'


def rows_near(r: Reading, names: Mapping[str, str]) -> str:
    """Of the row's number, a condition and two numbers: the rows so near to one for which it holds."""
    number, condition, before, after = (r.sql(a) for a in r.arguments)
    columns = ", ".join(f"{r.identifiers[0][n]} as {o}" for n, o in names.items())
    place = f", {number} as {r.place}" if r.place else ""
    window = f"over (order by {number} rows between {after} preceding and {before} following)"
    near = f'select *, bool_or(coalesce({condition}, false)) {window} as "~near" from {r.steps[0]}'
    return f'select {columns}{place} from ({near}) where "~near" order by {number}'


def _named(dimensions: Sequence[str]) -> str:
    return "".join(f'{d} as "~k{i}", ' for i, d in enumerate(dimensions))


def _keys(dimensions: Sequence[str]) -> str:
    return "".join(f'"~k{i}", ' for i in range(len(dimensions)))
