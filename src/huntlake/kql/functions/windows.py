"""Window functions: they look at the rows around, in the order in which the rows come."""

from __future__ import annotations

from huntlake.kql.forms import converted
from huntlake.kql.symbols import (
    IN_ORDER,
    A,
    B,
    Bool,
    Datetime,
    Long,
    P,
    Scalar,
    Sql,
    Timespan,
    Unsupported,
    before,
    whole_of,
    window,
)
from huntlake.kql.types import ScalarType

_ROWS = f"over ({IN_ORDER})"
_SO_FAR = f"over ({IN_ORDER} rows between unbounded preceding and current row)"
_ALL = f"over ({IN_ORDER} rows between unbounded preceding and unbounded following)"
_NUMBER = f"row_number() {_ROWS}"


@window("prev")
def prev(column: A, offset: Long = "1") -> A:
    """The value of `column` so many rows before; null where there is no such row, or the default."""
    return f"lag({column}, {_offset(offset)}) {_ROWS}"


@prev.overload
def _(column: A, offset: Long, default_value: B) -> A:
    return f"lag({column}, {_offset(offset)}, {_brought(default_value, column)}) {_ROWS}"


@window("next")
def next_(column: A, offset: Long = "1") -> A:
    """The value of `column` so many rows after; null where there is no such row, or the default."""
    return f"lead({column}, {_offset(offset)}) {_ROWS}"


@next_.overload
def _(column: A, offset: Long, default_value: B) -> A:
    return f"lead({column}, {_offset(offset)}, {_brought(default_value, column)}) {_ROWS}"


@window("row_number")
def row_number(startingIndex: Long = "1", restart: Bool = "false") -> Long:
    """The row's number, counted from `startingIndex`, and again from there wherever `restart` holds."""
    if _never(restart):
        return f"{_NUMBER} + {startingIndex} - 1"
    return f"{startingIndex} + {before(_NUMBER)} - {before(_begun(restart))}"


@window("row_cumsum")
def row_cumsum(term: P, restart: Bool = "false") -> P:
    """The sum of `term` over the rows so far, since `restart` last held."""
    if _never(restart):
        return _cast(f"sum({term}) {_SO_FAR}", term)
    # A frame that begins at the row of the restart: differences of sums would round reals.
    since = f"{before(_NUMBER)} - {before(_begun(restart))}"
    return _cast(f"sum({term}) over ({IN_ORDER} rows between ({since}) preceding and current row)", term)


@window("row_rank_dense", "row_rank")
def row_rank_dense(term: Scalar, restart: Bool = "false") -> Long:
    """The rank of the row: one more wherever `term` is another than in the row before, 1 where `restart` holds."""
    changes = before(f"count(*) filter (where {_changed(term)} or coalesce({restart}, false)) {_SO_FAR}")
    if _never(restart):
        return f"{changes} + 1 - {before(f'first_value({changes}) {_ROWS}')}"
    begun = f"max(case when {before(_NUMBER)} = {before(_begun(restart))} then {changes} end) {_SO_FAR}"
    return f"{changes} + 1 - {before(begun)}"


@window("row_rank_min")
def row_rank_min(term: Scalar, restart: Bool = "false") -> Long:
    """The rank of the row: the number of the first row that has its `term`, counted since `restart` last held."""
    changed = before(f"({_changed(term)} or coalesce({restart}, false))")
    first = before(f"max(case when {changed} or {before(_NUMBER)} = 1 then {before(_NUMBER)} end) {_SO_FAR}")
    return f"{first} + 1 - {before(_begun(restart))}"


@window("row_window_session")
def row_window_session(
    expr: Datetime, maxDistanceFromFirst: Timespan, maxDistanceBetweenNeighbors: Timespan, restart: Bool = "false"
) -> Datetime:
    """The first time of the row's session: one ends where it lasts too long, after a long pause, or at `restart`."""
    # Where a session ends depends on where it began: a function goes over all the rows, once, in the first one.
    times = before(f"list(coalesce(epoch_us({expr})::VARCHAR, '')) {_ALL}")
    restarts = before(f"list(coalesce(({restart})::INTEGER, 0)::VARCHAR) {_ALL}")
    texts = f"array_to_string({times}, ','), array_to_string({restarts}, ',')"
    longest = f"{_ticks(maxDistanceFromFirst)} // 10, {_ticks(maxDistanceBetweenNeighbors)} // 10"
    begun = f"string_split(hl_row_window_session({texts}, {longest}), ',')"
    first = before(f"case when {before(_NUMBER)} = 1 then {begun} end")
    # An aggregate over all rows is kept once for all of them; a value would be copied to each.
    starts = before(f"list({first}) filter (where {first} is not null) {_ALL}")
    return f"make_timestamp(try_cast({starts}[1][{before(_NUMBER)}] as BIGINT))"


def _ticks(span: str) -> int:
    value = span.value if isinstance(span, Sql) else None
    if not isinstance(value, int):
        raise Unsupported("a distance that is not a constant")
    return value


def _brought(value: str, column: str) -> str:
    """A default of another type, such as the 0 behind a time, as a value of the column's."""
    assert isinstance(value, Sql)
    assert isinstance(column, Sql)
    return f"{converted(value, column.type)}"


def _offset(offset: str) -> int:
    rows = whole_of(offset, "an offset")
    if rows < 0:
        raise Unsupported("a negative offset")
    return rows


def _never(restart: str) -> bool:
    return isinstance(restart, Sql) and restart.value is False


def _begun(restart: str) -> str:
    """The number of the row where the counting last began."""
    row = before(_NUMBER)
    return f"max(case when {row} = 1 or coalesce({restart}, false) then {row} end) {_SO_FAR}"


def _changed(term: str) -> str:
    return f"{term} is distinct from {before(f'lag({term}) {_ROWS}')}"


def _cast(total: str, term: str) -> str:
    whole = isinstance(term, Sql) and term.type is ScalarType.LONG
    return f"try_cast({total} as BIGINT)" if whole else total
