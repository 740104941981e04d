"""The SQL of `make-series`: rows by bin to arrays over a grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from huntlake.kql import plan
from huntlake.kql.forms import as_json
from huntlake.kql.types import ScalarType

if TYPE_CHECKING:
    from huntlake.kql.sql.reading import Reading

MAX_STEPS = 1_048_576
"""As many values as Kusto puts into one array."""

_DIRECT = (ScalarType.INT, ScalarType.LONG, ScalarType.REAL)


def make_series(r: Reading, names: Mapping[str, str]) -> str:
    """For each group an array of each measure. A bin of the grid that has no rows has the default.

    The arguments are the step, the origin and the end of the grid (null where the data say), whether the bins
    are counted from the origin, whether the end is within, whether an empty table has a row, the bin, and each
    measure with its default.
    """
    step, origin, stop, anchored, ranged, nonempty, bin_, *rest = r.arguments
    measures, defaults = rest[::2], rest[1::2]
    ins, outs = list(r.identifiers[0].values()), list(names.values())
    keys, results = ins[: -1 - len(measures)], outs[: -1 - len(measures)]
    axis = _Axis(origin.type, r.sql(step))
    by = ", ".join(keys)
    if _is_null(origin):
        origin_sql = f"min({r.sql(bin_)}) over ({f'partition by {by}' if keys else ''})"
    else:
        origin_sql = r.sql(origin)
    offset = r.sql(bin_) if _true(anchored) else axis.distance(r.sql(bin_), '"~o"')
    rows = f'select *, {axis.number(offset, bin_.type)} as "~n" from (select *, {origin_sql} as "~o" from {r.steps[0]})'
    if _is_null(stop):
        count = 'max("~n") + 1'
    else:
        count = axis.count(f"any_value({r.sql(stop)})", 'any_value("~o")', within=_true(ranged))
    groups = f'select {by}{", " if keys else ""}any_value("~o") as "~o", {count} as "~c" from ({rows}) group by all'
    if _true(nonempty) and not _is_null(origin) and not _is_null(stop):
        whole = axis.count(r.sql(stop), r.sql(origin), within=_true(ranged))
        groups = f'select {r.sql(origin)} as "~o", {whole} as "~c"'
    elif not keys:
        groups += " having count(*) > 0"
    too_many = f"error('make-series of more than {MAX_STEPS} steps is not supported')::BIGINT"
    size = f'case when "~c" > {MAX_STEPS} then {too_many} else "~c" end'
    grid = f'select *, unnest(range(0, greatest({size}, 0))) as "~n" from ({groups})'
    same = "".join(f"g.{k} is not distinct from s.{k} and " for k in keys)
    columns = [f"g.{k} as {o}" for k, o in zip(keys, results, strict=True)]
    for measure, default, out in zip(measures, defaults, outs[len(keys) :], strict=False):
        value = _json(f"s.{r.sql(measure)}", measure.type)
        absent = _json(r.sql(default), default.type)
        columns.append(_array(f'case when s."~n" is null then {absent} else {value} end', out))
    columns.append(_array(as_json(axis.at('g."~n"', 'g."~o"'), axis.type), outs[-1]))
    groups_by = f" group by {', '.join(f'g.{k}' for k in keys)}" if keys else " having count(*) > 0"
    return f'select {", ".join(columns)} from ({grid}) g left join ({rows}) s on {same}g."~n" = s."~n"{groups_by}'


def _array(items: str, name: str) -> str:
    return f'to_json(list({items} order by g."~n")) as {name}'


def _json(sql: str, type_: ScalarType) -> str:
    return sql if type_ in _DIRECT else as_json(sql, type_)


class _Axis:
    """Arithmetic on the axis: times are counted in ticks, moments are kept in microseconds."""

    def __init__(self, type_: ScalarType, step: str) -> None:
        self.type = type_
        self._step = step
        self._width = f"({step} // 10)" if type_ is ScalarType.DATETIME else step

    def distance(self, later: str, earlier: str) -> str:
        """In the unit of the step."""
        if self.type is ScalarType.DATETIME:
            return f"(epoch_us({later}) - epoch_us({earlier})) * 10"
        return f"{later} - {earlier}"

    def number(self, distance: str, type_: ScalarType) -> str:
        """How many steps a distance has."""
        if type_ is ScalarType.REAL:
            return f"round(({distance}) / {self._step})::BIGINT"
        return f"({distance}) // {self._step}"

    def count(self, stop: str, origin: str, *, within: bool) -> str:
        """How many steps begin from the origin to the end."""
        if self.type is ScalarType.REAL:
            # Steps of 0.1 must not miss 0.3 by a hair.
            steps = f"({stop} - {origin}) / {self._step}"
            return f"(floor({steps} + 1e-9) + 1)::BIGINT" if within else f"ceil({steps} - 1e-9)::BIGINT"
        distance = self.distance(stop, origin)
        if not within:
            distance += " - 1"
        return f"case when {distance} < 0 then 0 else ({distance}) // {self._step} + 1 end"

    def at(self, number: str, origin: str) -> str:
        """Where a step begins."""
        if self.type is ScalarType.DATETIME:
            return f"make_timestamp(epoch_us({origin}) + {number} * {self._width})"
        return f"{origin} + {number} * {self._width}"


def _is_null(scalar: plan.Scalar) -> bool:
    return isinstance(scalar, plan.Literal) and scalar.value is None


def _true(scalar: plan.Scalar) -> bool:
    return isinstance(scalar, plan.Literal) and scalar.value is True
