"""KQL text to SQL text. It reads no file and runs no query."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from huntlake.core.diagnostics import NOWHERE, Source
from huntlake.core.errors import LimitExceeded
from huntlake.kql import forms, operators, plan, plugins
from huntlake.kql.aggregates import AGGREGATES
from huntlake.kql.aggregates import REFUSED as REFUSED_AGGREGATES
from huntlake.kql.binding import Binder, Language, Result, Schema
from huntlake.kql.binding.settings import Period
from huntlake.kql.functions import FUNCTIONS
from huntlake.kql.functions import REFUSED as REFUSED_FUNCTIONS
from huntlake.kql.optimizer import Contents, optimized
from huntlake.kql.optimizer.bounds import TIME
from huntlake.kql.optimizer.constants import constants_of
from huntlake.kql.optimizer.firsts import Firsts, firsts_of
from huntlake.kql.optimizer.moments import MOMENT, AllOf, AnyOf, Rows, When, moments
from huntlake.kql.plan import Clause, Extraction, Path
from huntlake.kql.plan.graph import is_empty
from huntlake.kql.sql.scalars import identifiers_of
from huntlake.kql.sql.writer import MOST_COLUMNS, Written, write
from huntlake.kql.syntax import nodes, statements
from huntlake.kql.syntax.literals import TICKS_PER_SECOND, Moment, ticks_of, whole
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import Column, ScalarType

LANGUAGE = Language(FUNCTIONS, AGGREGATES, plugins.PLUGINS, REFUSED_FUNCTIONS | REFUSED_AGGREGATES, plugins.REFUSED)

_MANY = 8
"""So many constant columns are worth to be left out of the SQL."""
_ROUNDED = {ScalarType.DATETIME, ScalarType.DECIMAL}
"""Types whose physical form may have fewer digits than a literal."""
_NOTHING = plan.Output("_", plan.Literal(True, ScalarType.BOOL))
_RECURSION = 12_000
"""Frames that the deepest text the parser lets through may need."""


@dataclass(frozen=True)
class TableScan:
    """A table that the SQL reads under the name `relation`.

    `columns` are those that the query needs; `since` and `until`, both inclusive, bound TimeGenerated where
    the filters do: rows outside them can't be in the answer, nor those that hold no needle of one of the `clauses`.
    `asked` are the paths into dynamics that the query asks for; for those in `extracted` the columns are not the
    table's, but what lies at the path.
    """

    relation: str
    table: str
    workspace: str | None
    columns: tuple[Column, ...]
    since: datetime | None = None
    until: datetime | None = None
    clauses: tuple[Clause, ...] = ()
    newest: bool = False
    """Whether only some rows are wanted, and the newest best."""
    asked: tuple[Path, ...] = ()
    extracted: tuple[Extraction, ...] = ()

    @property
    def sql_names(self) -> tuple[str, ...]:
        """The quoted identifiers by which the SQL knows the columns."""
        return tuple(identifiers_of(self.columns).values())


@dataclass(frozen=True)
class FirstRows:
    """Rows of some scans of a query of which it lets only `count` through, by an order.

    `sql` finds the places where such rows lie, in its only column. It reads `found`: of each of the query's `scans`,
    named by their `relation`, the columns that tell. The last of these, `place of a row`, is a number that means the
    same to whoever gives the rows of `found` and reads the answer. Rows that aren't to be found may be left out there,
    and so may rows of which something else is known; all of these the query has to read. `descending`: the rows come by
    TimeGenerated, the newest first, or if False the oldest; None is some other order.
    """

    count: int
    descending: bool | None
    scans: tuple[str, ...]
    found: tuple[TableScan, ...]
    written: Written = field(repr=False)

    def sql(self, sources: Mapping[str, str]) -> str:
        """The statement, given the SQL of each scan of `found`."""
        return self.written.text(sources)


@dataclass(frozen=True)
class CompiledTable:
    """One table of the answer, as SQL."""

    name: str
    columns: tuple[Column, ...]
    scans: tuple[TableScan, ...]
    visualization: Mapping[str, object] | None
    written: Written = field(repr=False)
    firsts: tuple[FirstRows, ...] = ()
    constants: Mapping[int, object] = field(default_factory=dict)
    """Columns, by their places, that are the same in all rows: of a wide table most may be. The values are those of
    literals, to the last digit, of which the physical form may have fewer."""
    empty: bool = False
    """Whether it is known to have no row."""

    def sql(self, sources: Mapping[str, str]) -> str:
        """The statement, given for each scan the SQL that yields its columns in their order, named as `sql_names`."""
        if not self.constants:
            return self.written.text(sources)
        names = identifiers_of(self.columns)
        varying = identifiers_of(c for i, c in enumerate(self.columns) if i not in self.constants)
        fields = ", ".join(
            f"{forms.literal(self.constants[i], c.type) if i in self.constants else varying[c.name]} as {names[c.name]}"
            for i, c in enumerate(self.columns)
        )
        return f"select {fields} from ({self.written.text(sources)})"

    def varying_sql(self, sources: Mapping[str, str]) -> str:
        """The same without the columns that are `constants`; where all are, with another that says nothing."""
        return self.written.text(sources)


@dataclass(frozen=True)
class Compiled:
    """A query, compiled: its tables in order, and the options that it sets."""

    results: tuple[CompiledTable, ...]
    options: Mapping[str, object]


Read = Callable[[Source, nodes.Query], nodes.Query]
"""Looks at a query that was read, and gives the one that is meant, or raises `SourceError`."""

Probe = Callable[[CompiledTable], Sequence[tuple[object, ...]]]
"""Runs a table while the query is still being compiled, and gives its rows."""


def compile_kql(
    text: str,
    schema: Schema,
    *,
    parameters: Mapping[str, object] | None = None,
    now: datetime | None = None,
    probe: Probe | None = None,
    engine: str = "duckdb",
    period: Period | None = None,
    read: Read | None = None,
    contents: Contents | None = None,
) -> Compiled:
    """Compile a query.

    `parameters` are the values of `declare query_parameters`, `now` is the query's own moment, `probe` lets
    plugins such as `pivot` ask the data for their columns, `period` bounds the rows that are read; `read` has the first
    word on the query's syntax. `contents` tells what the rows of a scan hold: that must still be so when the SQL runs.
    Raises `SourceError` with a place for every complaint, and `LimitExceeded` for a query that grows too large while
    it is compiled.
    """
    _make_room()
    source = Source(str(whole(text)))
    tree = statements.query(_parser(source))
    if read is not None:
        tree = read(source, tree)
    ticks = ticks_of(now or datetime.now(UTC))

    def rows_now(relation: object) -> Sequence[tuple[object, ...]]:
        assert probe is not None
        return probe(_compiled(Result(relation, name="probe"), source, engine, contents))  # type: ignore[arg-type]

    rows = rows_now if probe else None
    binder = Binder(source, schema, LANGUAGE, ticks, parameters or {}, _stored_function, rows, period)
    try:
        results = binder.query(tree)
        tables = tuple(_compiled(r, source, engine, contents) for r in results)
    except RecursionError:
        # The parser bounds how deep a text is; a table may still be made of thousands, one after the other.
        raise LimitExceeded("a query of so many operators, one behind the other, is not supported") from None
    return Compiled(tables, binder.options)


@dataclass(frozen=True)
class Sighting:
    """Where rows of one table lie that may matter to a query: `table` gives their times, in whole minutes, each once.

    An answer at some moment needs one from `since` to `until`, ticks from that moment on.
    """

    table: CompiledTable
    since: int
    until: int


@dataclass(frozen=True)
class Occasions:
    """When a query can have an answer: `when` says it with the places of `sightings` for the rows that it needs."""

    when: Occasion
    sightings: tuple[Sighting, ...]


Occasion = bool | int | tuple[bool, tuple["Occasion", ...]]
"""Always, never, where a sighting has a row, or where all (True) or any (False) of the parts are so."""


def compile_occasions(text: str, schema: Schema, period: timedelta, first: datetime, last: datetime) -> Occasions:
    """When a query of one table, asked at moments from `first` to `last`, can have an answer.

    Each time it sees the rows whose TimeGenerated lies within the `period` before its moment. Raises `SourceError` for
    a text that can't be understood, also where only the data could tell what it means.
    """
    _make_room()
    source = Source(text)
    now = Moment(ticks_of(last))
    back = round(period.total_seconds() * TICKS_PER_SECOND)
    bounds = Period(TIME, Moment(now - back), Moment(now - 1))
    binder = Binder(source, schema, LANGUAGE, now, {}, _stored_function, None, bounds)
    results = binder.query(statements.query(_parser(source)))
    if len(results) != 1:
        return Occasions(True, ())
    sightings: list[Sighting] = []

    def occasion(when: When) -> Occasion:
        match when:
            case bool():
                return when
            case Rows(relation, offsets):
                assert offsets.since is not None
                assert offsets.until is not None
                earliest, latest = ticks_of(first) + offsets.since, now + offsets.until
                for name, bound in ((">=", earliest), ("<=", latest)):
                    literal = plan.Literal(int(bound), ScalarType.DATETIME)
                    relation = plan.Filter(relation, binder.call(name, (MOMENT, literal), NOWHERE))
                minute = plan.Literal(60 * TICKS_PER_SECOND, ScalarType.TIMESPAN)
                minutes = plan.Output(MOMENT.name, binder.call("bin", (MOMENT, minute), NOWHERE))
                table = _compiled(Result(plan.Summarize(relation, (minutes,), ())), source, "duckdb", None)
                sightings.append(Sighting(table, offsets.since, offsets.until))
                return len(sightings) - 1
            case AllOf(parts):
                return True, tuple(map(occasion, parts))
            case AnyOf(parts):
                return False, tuple(map(occasion, parts))

    return Occasions(occasion(moments(results[0].relation, now)), tuple(sightings))


def _make_room() -> None:
    if sys.getrecursionlimit() < _RECURSION:
        sys.setrecursionlimit(_RECURSION)


def check_function(name: str, text: str, schema: Schema, *, names: bool = True) -> None:
    """Raise `SourceError` if `text`, `(a:long, T:(*)) { … }`, is no function, or names what isn't there.

    Without `names` only its syntax is looked at.
    """
    _make_room()
    source = Source(text, name)
    if names:
        Binder(source, schema, LANGUAGE, ticks_of(datetime.now(UTC)), {}, _stored_function).check(name, source)
    else:
        _stored_function(source)


def parse(text: str) -> nodes.Query:
    """The syntax tree of a text."""
    return statements.query(_parser(Source(text)))


def parse_function(text: str) -> nodes.FunctionDeclaration:
    """The syntax tree of a function: `(a:long, T:(*)) { … }`."""
    return _stored_function(Source(text))


def _parser(source: Source) -> Parser:
    return Parser(source, operators.OPERATORS, operators.SOURCES, operators.REFUSED)


# A tree says nothing of who reads it: one text of a function that many queries call is read once.
@lru_cache(maxsize=1024)
def _stored_function(source: Source) -> nodes.FunctionDeclaration:
    return statements.stored_function(_parser(source))


def _compiled(result: Result, source: Source, engine: str, contents: Contents | None) -> CompiledTable:
    relation = optimized(result.relation, contents)
    columns = result.relation.columns
    empty = is_empty(relation) or not columns
    constants = _constants(relation)
    if constants:
        relation = _without(relation, constants)
    written = write(relation, source, engine)
    names = {id(scan): step for step, scan in written.scans}
    firsts = tuple(_first_rows(f, names, source, engine) for f in firsts_of(relation))
    return CompiledTable(result.name, columns, _scans(written), result.visualization, written, firsts, constants, empty)


def _first_rows(firsts: Firsts, names: Mapping[int, str], source: Source, engine: str) -> FirstRows:
    written = write(firsts.relation, source, engine)
    # The steps meet the scans in an order of their own.
    by_id = {id(scan): names[id(own)] for own, scan in zip(firsts.scans, firsts.found, strict=True)}
    scans = tuple(by_id[id(scan)] for _, scan in written.scans)
    return FirstRows(firsts.count, firsts.descending, scans, _scans(written), written)


def _scans(written: Written) -> tuple[TableScan, ...]:
    return tuple(
        TableScan(step, s.table, s.workspace, s.columns, s.since, s.until, s.clauses, s.newest, s.asked, s.extracted)
        for step, s in written.scans
    )


def _constants(relation: plan.Relation) -> dict[int, object]:
    """The columns of a table that are written beside it, and not by the engine."""
    if is_empty(relation) and _MANY <= len(relation.columns) <= MOST_COLUMNS:
        # Of no row each is the same. A search of everything that finds nothing has hundreds.
        return dict.fromkeys(range(len(relation.columns)))
    places = {c.name: i for i, c in enumerate(relation.columns) if c.type in _ROUNDED}
    found: dict[int, object] = {
        places[name]: value.value
        for name, value in constants_of(relation, places).items()
        if forms.is_finer(value.value, value.type)
    }
    if isinstance(relation, plan.Project):
        texts = {
            place: output.value.value
            for place, output in enumerate(relation.outputs)
            if isinstance(output.value, plan.Literal)
            and (output.value.value is None or output.value.type is ScalarType.STRING)
        }
        if len(texts) >= _MANY:
            found |= texts
    return found


def _without(relation: plan.Relation, constants: Mapping[int, object]) -> plan.Relation:
    """The relation without the columns that are constants; where all are, with another that says nothing."""
    if is_empty(relation) and len(constants) == len(relation.columns):
        return plan.Project(plan.Values((), ()), (_NOTHING,))
    if isinstance(relation, plan.Project):
        below, outputs = relation.input, relation.outputs
    else:
        below, outputs = relation, tuple(plan.Output(c.name, c) for c in relation.columns)
    varying = tuple(o for i, o in enumerate(outputs) if i not in constants)
    return plan.Project(below, varying or (_NOTHING,))
