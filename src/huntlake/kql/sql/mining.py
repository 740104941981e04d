"""The SQL of plugins that look for patterns: rows in groups of the same values, a search, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huntlake.kql.sql.reading import Reading

Search = Callable[[str, list[str], list[str]], str]
"""Writes the search: given the groups, and for each part of the rows the groups' weights and what all of them weigh."""


def autocluster(r: Reading, names: Mapping[str, str]) -> str:
    """Of the share of rare values, the weight of the size and a number of seeds; the weight; columns, wildcards."""
    _, size, seeds = (r.sql(a) for a in r.arguments[:3])

    def search(groups: str, weights: list[str], totals: list[str]) -> str:
        return f"hl_autocluster({groups}, {weights[0]}, {size}, {seeds})"

    return _mined(r, names, 1, search, least=2)


def basket(r: Reading, names: Mapping[str, str]) -> str:
    """Of the threshold, twice, and a number of dimensions; the weight; columns and their wildcards."""
    _, threshold, dimensions = (r.sql(a) for a in r.arguments[:3])

    def search(groups: str, weights: list[str], totals: list[str]) -> str:
        return f"hl_basket({groups}, {weights[0]}, {_least(threshold, totals[0])}, {dimensions})"

    return _mined(r, names, 1, search)


def diffpatterns(r: Reading, names: Mapping[str, str]) -> str:
    """Of the threshold, twice, and a number of dimensions; the weights in both parts; columns and their wildcards."""
    _, threshold, dimensions = (r.sql(a) for a in r.arguments[:3])

    def search(groups: str, weights: list[str], totals: list[str]) -> str:
        return f"hl_diffpatterns({groups}, {', '.join(weights)}, {threshold}, {dimensions})"

    return _mined(r, names, 2, search)


def _mined(r: Reading, names: Mapping[str, str], parts: int, search: Search, least: int = 1) -> str:
    rare = r.sql(r.arguments[0])
    weights = [r.sql(w) for w in r.arguments[3 : 3 + parts]]
    rest = r.arguments[3 + parts :]
    values, wildcards = [r.sql(v) for v in rest[::2]], [r.sql(w) for w in rest[1::2]]
    places = range(len(values))
    own = ", ".join(f'{v} as "~v{i}"' for i, v in enumerate(values))
    weighed = ", ".join(f'greatest(coalesce({w}, 0), 0) as "~w{p}"' for p, w in enumerate(weights))
    some = " or ".join(f'"~w{p}" > 0' for p in range(parts))
    rows = f"select * from (select {own}, {weighed} from {r.steps[0]}) where {some}"
    # The frequent values of each column are numbered aside: a window for each would copy every row, each time.
    codes = ", ".join(f'coalesce(d{i}.code, 0) as "~k{i}"' for i in places)
    joins = "".join(
        f' left join ({_frequent(i, parts, rare, least)}) d{i} on "~v{i}" is not distinct from d{i}.v' for i in places
    )
    coded = f'select "~rows".*, {codes} from "~rows"{joins}'
    keys = ", ".join(f'"~k{i}"' for i in places)
    # Where a code is not 0, all of a group have one value.
    kept = ", ".join(f'any_value("~v{i}") as "~v{i}"' for i in places)
    sums = ", ".join(f'sum("~w{p}")::BIGINT as "~w{p}"' for p in range(parts))
    heaviest = " + ".join(f'sum("~w{p}")' for p in range(parts))
    number = f'row_number() over (order by {heaviest} desc, {keys}) - 1 as "~n"'
    groups = f"select {keys}, {kept}, {sums}, {number} from ({coded}) group by {keys}"

    listed = f'to_json(list([{keys}] order by "~n"))::VARCHAR'
    of_parts = [f'to_json(list("~w{p}" order by "~n"))::VARCHAR' for p in range(parts)]
    totals = [f'sum("~w{p}")' for p in range(parts)]
    shown = ", ".join(f'{t} as "~t{p}"' for p, t in enumerate(totals))
    found = f'select {search(listed, of_parts, totals)} as "~f", {shown} from "~groups"'
    patterns = f"""select *, json_extract("~f", '$[*]')::JSON[] as "~l" from ({found})"""
    each = f'select *, unnest("~l") as "~p", unnest(range(len("~l"))) as "~i" from ({patterns})'
    each = f"""select *, json_extract("~p", '$.columns')::BIGINT[] as "~c" from ({each})"""

    counts = [f"json_extract(\"~p\", '$.counts[{p}]')::BIGINT" for p in range(parts)]
    shares = [f'100e0 * {c} / "~t{p}"' for p, c in enumerate(counts)]
    percents = [f"round({s}, {parts})" for s in shares]
    if parts == 2:
        percents.append(f"round(abs(coalesce({shares[0]}, 0) - coalesce({shares[1]}, 0)), 2)")
    cells = [f'case when list_contains("~c", {i}) then "~v{i}" else {w} end' for i, w in enumerate(wildcards)]
    columns = ", ".join(
        f"{v} as {o}" for v, o in zip(['"~i"', *counts, *percents, *cells], names.values(), strict=True)
    )
    joined = f"""({each}) join "~groups" on "~n" = json_extract("~p", '$.row')::BIGINT"""
    steps = f'with "~rows" as materialized ({rows}), "~groups" as materialized ({groups})'
    return f'{steps} select {columns} from {joined} order by "~i"'


def _least(share: str, total: str) -> str:
    """The least weight that is so large a share. 7 % of 100 are 7, although 0.07 * 100 is a little more."""
    return f"ceil(round({share} * {total}, 6))::BIGINT"


def _frequent(column: int, parts: int, rare: str, least: int) -> str:
    """The values of a column that weigh enough, in a part of the rows, to be of a pattern; each with a number."""
    totals = (f'(select sum("~w{p}") from "~rows")' for p in range(parts))
    enough = (f'sum("~w{p}") >= greatest({_least(rare, total)}, {least})' for p, total in enumerate(totals))
    values = f'select "~v{column}" as v from "~rows" group by 1 having {" or ".join(enough)}'
    return f"select v, row_number() over (order by v) as code from ({values})"
