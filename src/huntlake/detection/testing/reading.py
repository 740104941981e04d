"""Files of tests, read so that each complaint has its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, did_you_mean
from huntlake.core.errors import Cancelled, Invalid, NotFound
from huntlake.core.paths import is_below
from huntlake.detection.durations import duration
from huntlake.detection.entities import Entity
from huntlake.detection.entity_types import ENTITY_TYPES, entity_type
from huntlake.detection.extraction import entity
from huntlake.detection.incidents import IncidentStatus
from huntlake.detection.marked import Complaints, Fields, mapping, mapping_from_outside, plain
from huntlake.detection.severity import Severity, Tactic
from huntlake.detection.testing.cases import (
    Case,
    Expectation,
    ExpectedAlert,
    ExpectedIncident,
    Suite,
    WatchlistGiven,
)
from huntlake.detection.testing.cells import cell
from huntlake.detection.testing.recordings import recorded
from huntlake.detection.testing.tables import Events, KnownTables
from huntlake.engines.cancellation import Cancellation
from huntlake.kql.syntax.literals import datetime_of, datetime_ticks
from huntlake.kql.types import Column, ScalarType

CLOCK = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""What time it is in a test that doesn't say."""
ENDINGS = (".test.yaml", ".test.yml", ".tests.yaml", ".tests.yml")
"""How the names of files of tests end."""

_AGO = timedelta(minutes=1)
_YEARS = range(1601, 9990)
"""In which clocks are: rules look back from them, and say how long they are silent, within the calendar."""
_A_CLOCK = f"a time such as `2026-01-31T12:00:00Z`, of the years {_YEARS[0]} to {_YEARS[-1]}"
_MOST_REPEATED = 100_000
MOST_ROWS, MOST_CHARACTERS, MOST_VALUES = 100_000, 16 << 20, 1_000_000
"""Rows that a test which stands alone may have, and characters and values of all of them."""
_BOOL, _INT, _FLOAT, _TIME = (f"tag:yaml.org,2002:{t}" for t in ("bool", "int", "float", "timestamp"))
_NULL = "tag:yaml.org,2002:null"
_NUMBER = "{{n}}"
_INSTEAD = {
    "rule": "it belongs to the rule below which it is stored",
    "functions": "the query calls the functions of the workspace",
    "data": "write the rows under `events`",
}


def is_tests(path: Path) -> bool:
    """Whether a file of that name holds tests."""
    return path.name.lower().endswith(ENDINGS)


def suite(path: Path, tables: KnownTables, folder: Path | None = None) -> Suite:
    """The tests of a file; `SourceError`, with each place, where something of it can't be understood.

    The files of data that it names may be anywhere, or, with a `folder`, below that only, wherever links lead.
    """
    source = Source(path.read_text(encoding="utf-8-sig"), str(path))
    complaints = Complaints(source)
    fields = Fields(mapping(source), complaints)
    found = _Reader(path, source, tables, folder=folder).suite(fields, path)
    fields.close()
    complaints.end()
    return found


def alone(
    text: str, tables: KnownTables, *, whole: bool = True, stop: Cancellation | None = None
) -> tuple[Case | None, Source, tuple[Diagnostic, ...]]:
    """One test that stands alone, as an item of a file's `tests`; None, and why, where it can't be understood.

    It names no file: who wrote it is somewhere else. Without the `whole`, which costs time, only the first and the last
    of rows that are repeated are there. `Cancelled` where `stop` is, meanwhile.
    """
    _go_on(stop)
    source = Source(plain(text), "test.yaml")
    complaints = Complaints(source)
    try:
        fields = Fields(mapping_from_outside(source), complaints)
    except SourceError as error:
        return None, source, error.diagnostics
    found = _Reader(None, source, tables, whole=whole, stop=stop).alone(fields)
    wrong = tuple(sorted(complaints.found, key=lambda d: d.span.start))
    return None if wrong else found, source, wrong


class _Reader:
    """Reads one file, or, without a path, a test that stands alone."""

    def __init__(
        self,
        path: Path | None,
        source: Source,
        tables: KnownTables,
        *,
        whole: bool = True,
        folder: Path | None = None,
        stop: Cancellation | None = None,
    ) -> None:
        self._path, self._source, self._tables, self._folder = path, source, tables, folder
        self._whole, self._stop = whole, stop
        self._left = (MOST_ROWS, MOST_CHARACTERS, MOST_VALUES)

    def alone(self, fields: Fields) -> Case | None:
        if "tests" in fields:
            fields.complain("TF005", "this is a file of tests: each of its tests is stored by itself", "tests")
            return None
        for name in ("rule", "functions", "data"):
            if name in fields:
                fields.complain("TF005", f"`{name}` is not supported in a workspace's test", name, _INSTEAD[name])
        return self._case(fields, CLOCK, {}, ())

    def suite(self, fields: Fields, path: Path) -> Suite:
        clock = self._clock(fields) or CLOCK
        functions = tuple(path.parent / text for text in fields.texts("functions"))
        named = fields.text("rule")
        rule = path.parent / named if named else sibling(path)
        if not rule.is_file():
            fields.complain("TF004", f"no rule is at {rule}", "rule" if named else "")
        custom, watchlists = self._custom(fields), tuple(self._watchlists(fields))
        cases = tuple(self._case(one, clock, custom, watchlists) for one in fields.list("tests"))
        if not cases:
            fields.complain("TF004", "`tests` is missing, or empty")
        return Suite(path, rule, cases, functions)

    def _clock(self, fields: Fields) -> datetime | None:
        return fields.value("clock", _moment, _A_CLOCK)

    def _custom(self, fields: Fields) -> dict[str, tuple[Column, ...]]:
        """Tables that the file, or the test, declares itself."""
        node = fields.find("tables")
        found = {}
        for name, inner in _items(fields, "tables") if node is not None else ():
            # In a workspace such a table may come to be after its test was written, which then goes on as it is.
            own = self._path is None and name.endswith("_CL")
            if not own and self._tables.columns(name) is not None:
                fields.complain_at("TF005", f"`{name}` is a table that is known: its columns can't be declared", inner)
                continue
            columns = []
            for column, type in _mapped(fields, inner):
                known = next(
                    (t for t in ScalarType if isinstance(type, yaml.ScalarNode) and t.value == type.value), None
                )
                if known is None:
                    fields.complain_at("TF005", f"`{column}` has no type such as `string` or `long`", type)
                columns.append(Column(column, known or ScalarType.STRING))
            found[name] = tuple(columns)
        return found

    def _watchlists(self, fields: Fields) -> Iterator[WatchlistGiven]:
        for alias, node in _items(fields, "watchlists") if "watchlists" in fields else ():
            if not isinstance(node, yaml.MappingNode):
                fields.complain_at("TF005", f"the watchlist `{alias}` is not a mapping", node)
                continue
            one = fields.at(node)
            key = one.text("searchKey", required=True) or ""
            rows = [{str(k.value): str(v.value) for k, v in row.node.value} for row in one.list("rows")]
            if rows and key not in rows[0]:
                one.complain("TF005", f"no row has the column `{key}`", "searchKey")
            one.close()
            yield WatchlistGiven(alias, key, tuple(rows))

    def _case(
        self,
        fields: Fields,
        default: datetime,
        custom: Mapping[str, tuple[Column, ...]],
        watchlists: Sequence[WatchlistGiven],
    ) -> Case:
        name = fields.text("name", required=True) or "?"
        custom = {**custom, **self._custom(fields)}
        lists = {w.alias: w for w in (*watchlists, *self._watchlists(fields))}
        runs: list[datetime] = []
        for text, node in fields.marked_texts("runs"):
            at = _moment(text)
            if at is None:
                fields.complain_at("TF005", f"`{text[:60]}` is not {_A_CLOCK}", node)
            elif runs and at <= runs[-1]:
                fields.complain_at("TF005", "runs are in the order of time", node)
            else:
                runs.append(at)
        clock = self._clock(fields) or (runs[-1] if runs else default)
        held: dict[str, Events] = {n: Events(columns) for n, columns in custom.items()}
        for table, node in _items(fields, "events") if "events" in fields else ():
            if not isinstance(node, yaml.SequenceNode):
                fields.complain_at("TF005", f"the events of `{table}` are a list of rows", node)
                continue
            rows = [row for item in node.value for row in self._rows(fields, item)]
            self._hold(fields, held, custom, table, node, rows, clock)
        if self._path is not None:
            for table, node, rows in self._recorded(fields, self._path.parent):
                self._hold(fields, held, custom, table, node, rows, clock)
        expected = self._expected(fields)
        fields.close()
        return Case(name, self._line(fields.node), tuple(runs) or (clock,), held, expected, tuple(lists.values()))

    def _recorded(
        self, fields: Fields, beside: Path
    ) -> Iterator[tuple[str, yaml.Node, list[tuple[dict[str, tuple[Any, yaml.Node]], int]]]]:
        """The rows of the files of data, by table, as if they stood where the file is named."""
        for table, node in _items(fields, "data"):
            if not isinstance(node, yaml.ScalarNode):
                fields.complain_at("TF005", f"the data of `{table}` are the name of a file", node)
                continue
            file = beside / str(node.value)
            if self._folder is not None and not is_below(file, self._folder):
                told = f"`{str(node.value)[:60]}` is not in the folder that is brought in"
                fields.complain_at("TF005", told, node)
                continue
            try:
                given = recorded(file)
            except (Invalid, NotFound) as error:
                fields.complain_at("TF004", str(error), node)
                continue
            yield table, node, [({k: (v, node) for k, v in row.items()}, 0) for row in given]

    def _rows(self, fields: Fields, item: yaml.Node) -> Iterator[tuple[dict[str, tuple[Any, yaml.Node]], int]]:
        """Each row that an item stands for, its values with their places, and which of a repetition it is."""
        if not isinstance(item, yaml.MappingNode):
            fields.complain_at("TF005", "an event is a mapping of columns to values", item)
            return
        keys = {str(k.value) for k, _ in item.value}
        if not ({"repeat", "row"} <= keys and keys <= {"repeat", "every", "row"}):
            if not self._has_room(fields, item, 1):
                return
            yield {str(k.value): (v, v) for k, v in item.value}, 0
            return
        one = fields.at(item)
        times = one.number("repeat") or 0
        every = one.value("every", duration, "a duration such as `30s`") or timedelta(seconds=1)
        row = one.find("row")
        if not 0 < times <= _MOST_REPEATED:
            one.complain("TF005", f"a row is repeated 1 to {_MOST_REPEATED} times", "repeat")
            return
        if not isinstance(row, yaml.MappingNode):
            one.complain("TF005", "`row` is a mapping of columns to values", "row")
            return
        if every > timedelta.max / times:
            one.complain("TF005", "the repetition is longer than the calendar", "every")
            return
        if not self._has_room(fields, row, times):
            return
        for number in range(times) if self._whole else sorted({0, times - 1}):
            _go_on(self._stop)
            values = {str(k.value): (v, v) for k, v in row.value}
            values["*"] = (number * every, row)
            yield values, number

    def _has_room(self, fields: Fields, row: yaml.Node, times: int) -> bool:
        """Whether so many rows more may be there: a short text from outside must not fill the memory."""
        if self._path is not None:
            return True
        before = min(self._left)
        each = (1, row.end_mark.index - row.start_mark.index, _values_of(row))
        rows, characters, values = (left - times * one for left, one in zip(self._left, each, strict=True))
        self._left = (rows, characters, values)
        if min(self._left) < 0 <= before:
            told = (
                f"a workspace's test has at most {MOST_ROWS:,} rows, {MOST_CHARACTERS:,} characters of rows, and "
                f"{MOST_VALUES:,} values in them"
            )
            fields.complain_at("TF006", told, row)
        return min(self._left) >= 0

    def _hold(
        self,
        fields: Fields,
        held: dict[str, Events],
        custom: Mapping[str, tuple[Column, ...]],
        table: str,
        node: yaml.Node,
        rows: list[tuple[dict[str, tuple[Any, yaml.Node]], int]],
        clock: datetime,
    ) -> None:
        columns = custom.get(table) or self._tables.columns(table)
        is_open = self._tables.is_open(table)
        if columns is None:
            if not table.endswith("_CL"):
                hint = (
                    did_you_mean(table, self._tables.names()) or "declare it under `tables`, or end its name in `_CL`"
                )
                fields.complain_at("TF007", f"no table is named `{table[:60]}`", node, hint)
                return
            columns, is_open = (Column("TimeGenerated", ScalarType.DATETIME),), True
        known = {c.name: c.type for c in columns}
        if is_open:
            for values, _ in rows:
                for name, (value, _) in values.items():
                    if name != "*":
                        known.setdefault(name, _type_of(value))
        typed, wrong = [], None
        for values, number in rows:
            _, repeated = values.get("*", (None, None))
            # What is wrong with a row that is repeated is told once.
            if repeated is not None and repeated is wrong:
                continue
            row = self._typed(fields, table, known, values, number, clock)
            if row is None:
                wrong = repeated
            else:
                typed.append(row)
        before = held[table].rows if table in held else ()
        held[table] = Events(tuple(Column(n, t) for n, t in known.items()), (*before, *typed))

    def _typed(
        self,
        fields: Fields,
        table: str,
        known: Mapping[str, ScalarType],
        values: Mapping[str, tuple[Any, yaml.Node]],
        number: int,
        clock: datetime,
    ) -> dict[str, Any] | None:
        """A row in the physical forms of its columns; None where something of it is wrong, which is told."""
        _go_on(self._stop)
        row: dict[str, Any] = {}
        is_right = True
        later, repeated = values.get("*", (timedelta(), None))
        for name, (value, node) in values.items():
            type = known.get(name)
            if name == "*":
                continue
            if type is None:
                hint = did_you_mean(name, known)
                fields.complain_at("TF007", f"the table `{table}` has no column `{name[:60]}`", node, hint)
                is_right = False
                continue
            try:
                row[name] = cell(type, _value(value, type, number), clock)
            except Invalid as error:
                fields.complain_at("TF005", f"`{name}`: {error}", node)
                is_right = False
        times = [n for n in ("TimeGenerated", "Timestamp") if known.get(n) is ScalarType.DATETIME]
        said = next((row[n] for n in times if row.get(n) is not None), (clock - _AGO).replace(tzinfo=None))
        try:
            for name in times:
                row[name] = (row.get(name) or said) + later
        except OverflowError:
            fields.complain_at("TF005", f"the row number {number} lies outside the calendar", repeated or fields.node)
            is_right = False
        if "Type" in known and known["Type"] is ScalarType.STRING:
            row.setdefault("Type", table)
        return row if is_right else None

    def _expected(self, fields: Fields) -> Expectation:
        node = fields.find("expect")
        if node is None:
            fields.complain("TF004", "`expect` is missing: say what must come of it, or `nothing`")
            return Expectation(0)
        line = self._line(node)
        if isinstance(node, yaml.ScalarNode):
            if node.value != "nothing":
                fields.complain("TF005", f"`expect` is a mapping or `nothing`, not `{node.value[:60]}`", "expect")
            return Expectation(line, 0, 0)
        one = fields.inner("expect")
        if one is None:
            return Expectation(line)
        found = Expectation(
            line, self._alerts(one), self._incidents(one), tuple(e for m in one.list("entities") if (e := _entity(m)))
        )
        if found.alerts is None and found.incidents is None and not found.entities:
            one.complain("TF004", "nothing is expected: say `alerts`, `incidents` or `entities`, or `expect: nothing`")
        one.close()
        return found

    def _alerts(self, fields: Fields) -> int | tuple[ExpectedAlert, ...] | None:
        if not isinstance(fields.find("alerts"), yaml.SequenceNode):
            return fields.number("alerts")
        found = []
        for one in fields.list("alerts"):
            exactly = "entities_exactly" in one
            details = one.inner("details")
            found.append(
                ExpectedAlert(
                    self._line(one.node),
                    one.text("title"),
                    one.text("description"),
                    one.choice("severity", Severity),
                    frozenset(_tactics(one)) if "tactics" in one else None,
                    frozenset(t.upper() for t in one.texts("techniques")) if "techniques" in one else None,
                    tuple(e for m in one.list("entities_exactly" if exactly else "entities") if (e := _entity(m))),
                    exactly,
                    {str(k.value): details.texts(str(k.value)) for k, _ in details.node.value} if details else None,
                )
            )
            if exactly:
                one.pass_over("entities")
            one.close()
        return tuple(found)

    def _incidents(self, fields: Fields) -> int | tuple[ExpectedIncident, ...] | None:
        if not isinstance(fields.find("incidents"), yaml.SequenceNode):
            return fields.number("incidents")
        found = []
        for one in fields.list("incidents"):
            found.append(
                ExpectedIncident(
                    self._line(one.node),
                    one.text("title"),
                    one.choice("severity", Severity),
                    one.choice("status", IncidentStatus),
                    one.number("alerts"),
                    tuple(e for m in one.list("entities") if (e := _entity(m))),
                )
            )
            one.close()
        return tuple(found)

    def _line(self, node: yaml.Node) -> int:
        return int(node.start_mark.line) + 1


def sibling(path: Path) -> Path:
    """The rule that a file of tests is about where it doesn't say."""
    ending = next(e for e in ENDINGS if path.name.lower().endswith(e))
    stem = path.name[: -len(ending)]
    folders = [path.parent]
    if path.parent.name.lower() == "tests":
        folders.append(path.parent.parent)
    tried = [folder / f"{stem}{end}" for folder in folders for end in (".yaml", ".yml", ".json")]
    return next((p for p in tried if p.is_file()), tried[0])


def _items(fields: Fields, name: str) -> Iterator[tuple[str, yaml.Node]]:
    """The names of a mapping that is a field, and their nodes."""
    node = fields.find(name)
    if isinstance(node, yaml.MappingNode):
        yield from _mapped(fields, node)
    elif node is not None:
        fields.complain("TF005", f"`{name}` is not a mapping", name)


def _mapped(fields: Fields, node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        fields.complain_at("TF005", "this is not a mapping", node)
        return
    for key, value in node.value:
        yield str(key.value), value


def _tactics(fields: Fields) -> Iterator[Tactic]:
    known = {t.lower(): t for t in Tactic}
    for text, node in fields.marked_texts("tactics"):
        tactic = known.get(text.lower())
        if tactic is None:
            fields.complain_at("TF007", f"no tactic is named `{text[:60]}`", node, did_you_mean(text, Tactic))
        else:
            yield tactic


def _entity(fields: Fields) -> Entity | None:
    name = fields.text("type", required=True)
    type = entity_type(name) if name else None
    if type is None:
        if name:
            fields.complain("TF007", f"no entity type is named `{name[:60]}`", "type", did_you_mean(name, ENTITY_TYPES))
        return None
    given = {}
    for key, node in fields.node.value:
        if key.value == "type":
            continue
        identifier = type.identifier(str(key.value))
        if identifier is None or not isinstance(node, yaml.ScalarNode):
            hint = did_you_mean(str(key.value), type.identifiers)
            fields.complain_at("TF007", f"{type.name} has no identifier `{str(key.value)[:60]}`", key, hint)
        else:
            given[identifier] = str(node.value)
    found = entity(type, given)
    if found is None:
        fields.complain("TF004", "an entity has at least an identifier")
    return found


def _go_on(stop: Cancellation | None) -> None:
    if stop is not None and stop.cancelled:
        raise Cancelled("the tests were cancelled")


def _values_of(row: yaml.Node) -> int:
    """How many values a row has, those within values among them."""
    count, nodes = 0, [row]
    while nodes:
        node = nodes.pop()
        inner = [v for _, v in node.value] if isinstance(node, yaml.MappingNode) else node.value
        if not isinstance(node, yaml.ScalarNode):
            count += len(inner)
            nodes += inner
    return count


def _value(value: Any, type: ScalarType, number: int) -> Any:
    """A value of a node; a text column has a scalar just as it is written."""
    if isinstance(value, yaml.ScalarNode) and type is ScalarType.STRING and value.tag != _NULL:
        return str(value.value).replace(_NUMBER, str(number))
    return _plain(value, number) if isinstance(value, yaml.Node) else value


def _plain(node: yaml.Node, number: int) -> Any:
    match node:
        case yaml.MappingNode():
            return {str(k.value): _plain(v, number) for k, v in node.value}
        case yaml.SequenceNode():
            return [_plain(v, number) for v in node.value]
    text = str(node.value)
    match node.tag:
        case tag if tag == _NULL:
            return None
        case tag if tag == _BOOL:
            return text.lower() in ("true", "yes", "on")
        case tag if tag == _INT and text.lstrip("+-").isdecimal():
            return int(text)
        case tag if tag == _FLOAT:
            return float(text.replace(".inf", "inf").replace(".nan", "nan"))
    return text.replace(_NUMBER, str(number))


def _type_of(value: Any) -> ScalarType:
    """The type of a column that only its value tells."""
    if not isinstance(value, yaml.Node):
        kinds = {bool: ScalarType.BOOL, int: ScalarType.LONG, float: ScalarType.REAL, dict: ScalarType.DYNAMIC}
        return kinds.get(type(value), ScalarType.DYNAMIC if isinstance(value, list) else ScalarType.STRING)
    if not isinstance(value, yaml.ScalarNode):
        return ScalarType.DYNAMIC
    kinds_by_tag = {
        _BOOL: ScalarType.BOOL,
        _INT: ScalarType.LONG,
        _FLOAT: ScalarType.REAL,
        _TIME: ScalarType.DATETIME,
    }
    return kinds_by_tag.get(value.tag, ScalarType.STRING)


def _moment(text: str) -> datetime | None:
    ticks = datetime_ticks(text)
    at = None if ticks is None else datetime_of(ticks)
    return at if at is not None and at.year in _YEARS else None
