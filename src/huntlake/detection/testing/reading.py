"""Files of tests, read so that each complaint has its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import yaml

from huntlake.core.diagnostics import Source, did_you_mean
from huntlake.core.errors import Invalid, NotFound
from huntlake.detection.durations import duration
from huntlake.detection.entities import Entity
from huntlake.detection.entity_types import ENTITY_TYPES, entity_type
from huntlake.detection.extraction import entity
from huntlake.detection.incidents import IncidentStatus
from huntlake.detection.marked import Complaints, Fields, mapping
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
from huntlake.detection.testing.tables import Events
from huntlake.kql.syntax.literals import datetime_of, datetime_ticks
from huntlake.kql.types import Column, ScalarType

CLOCK = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""What time it is in a test that doesn't say."""
ENDINGS = (".test.yaml", ".test.yml", ".tests.yaml", ".tests.yml")
"""How the names of files of tests end."""

_AGO = timedelta(minutes=1)
_MOST_REPEATED = 100_000
_BOOL, _INT, _FLOAT, _TIME = (f"tag:yaml.org,2002:{t}" for t in ("bool", "int", "float", "timestamp"))
_NULL = "tag:yaml.org,2002:null"
_NUMBER = "{{n}}"


class Tables(Protocol):
    """The tables that events can be of."""

    def columns(self, table: str) -> tuple[Column, ...] | None: ...
    def is_open(self, table: str) -> bool: ...
    def names(self) -> tuple[str, ...]: ...


def is_tests(path: Path) -> bool:
    """Whether a file of that name holds tests."""
    return path.name.lower().endswith(ENDINGS)


def suite(path: Path, tables: Tables) -> Suite:
    """The tests of a file; `SourceError`, with each place, where something of it can't be understood."""
    source = Source(path.read_text(encoding="utf-8-sig"), str(path))
    complaints = Complaints(source)
    fields = Fields(mapping(source), complaints)
    found = _Reader(path, source, tables).suite(fields)
    fields.close()
    complaints.end()
    return found


class _Reader:
    """Reads one file."""

    def __init__(self, path: Path, source: Source, tables: Tables) -> None:
        self._path, self._source, self._tables = path, source, tables

    def suite(self, fields: Fields) -> Suite:
        clock = self._clock(fields) or CLOCK
        functions = tuple(self._path.parent / text for text in fields.texts("functions"))
        named = fields.text("rule")
        rule = self._path.parent / named if named else self._sibling()
        if not rule.is_file():
            fields.complain("TF004", f"no rule is at {rule}", "rule" if named else "")
        custom = self._custom(fields)
        cases = tuple(self._case(one, clock, custom) for one in fields.list("tests"))
        if not cases:
            fields.complain("TF004", "`tests` is missing, or empty")
        return Suite(self._path, rule, cases, functions, tuple(self._watchlists(fields)))

    def _sibling(self) -> Path:
        ending = next(e for e in ENDINGS if self._path.name.lower().endswith(e))
        stem = self._path.name[: -len(ending)]
        folders = [self._path.parent]
        if self._path.parent.name.lower() == "tests":
            folders.append(self._path.parent.parent)
        tried = [folder / f"{stem}{end}" for folder in folders for end in (".yaml", ".yml", ".json")]
        return next((p for p in tried if p.is_file()), tried[0])

    def _clock(self, fields: Fields) -> datetime | None:
        return fields.value("clock", _moment, "a time such as `2026-01-31T12:00:00Z`")

    def _custom(self, fields: Fields) -> dict[str, tuple[Column, ...]]:
        """Tables that the file declares itself."""
        node = fields.find("tables")
        found = {}
        for name, inner in _items(fields, "tables") if node is not None else ():
            if self._tables.columns(name) is not None:
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

    def _case(self, fields: Fields, default: datetime, custom: Mapping[str, tuple[Column, ...]]) -> Case:
        name = fields.text("name", required=True) or "?"
        runs: list[datetime] = []
        for text, node in fields.marked_texts("runs"):
            at = _moment(text)
            if at is None:
                fields.complain_at("TF005", f"`{text[:60]}` is no time such as `2026-01-31T12:00:00Z`", node)
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
        for table, node in _items(fields, "data") if "data" in fields else ():
            if not isinstance(node, yaml.ScalarNode):
                fields.complain_at("TF005", f"the data of `{table}` are the name of a file", node)
                continue
            try:
                given = recorded(self._path.parent / node.value)
            except (Invalid, NotFound) as error:
                fields.complain_at("TF004", str(error), node)
                continue
            self._hold(
                fields, held, custom, table, node, [({k: (v, node) for k, v in r.items()}, 0) for r in given], clock
            )
        expected = self._expected(fields)
        fields.close()
        return Case(name, self._line(fields.node), tuple(runs) or (clock,), held, expected)

    def _rows(self, fields: Fields, item: yaml.Node) -> Iterator[tuple[dict[str, tuple[Any, yaml.Node]], int]]:
        """Each row that an item stands for, its values with their places, and which of a repetition it is."""
        if not isinstance(item, yaml.MappingNode):
            fields.complain_at("TF005", "an event is a mapping of columns to values", item)
            return
        keys = {str(k.value) for k, _ in item.value}
        if not ({"repeat", "row"} <= keys and keys <= {"repeat", "every", "row"}):
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
        for number in range(times):
            values = {str(k.value): (v, v) for k, v in row.value}
            values["*"] = (number * every, row)
            yield values, number

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
        typed = [self._typed(fields, table, known, values, number, clock) for values, number in rows]
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
    ) -> dict[str, Any]:
        row: dict[str, Any] = {}
        later, _ = values.get("*", (timedelta(), None))
        for name, (value, node) in values.items():
            type = known.get(name)
            if name == "*":
                continue
            if type is None:
                hint = did_you_mean(name, known)
                fields.complain_at("TF007", f"the table `{table}` has no column `{name[:60]}`", node, hint)
                continue
            try:
                row[name] = cell(type, _value(value, type, number), clock)
            except Invalid as error:
                fields.complain_at("TF005", f"`{name}`: {error}", node)
        times = [n for n in ("TimeGenerated", "Timestamp") if known.get(n) is ScalarType.DATETIME]
        said = next((row[n] for n in times if row.get(n) is not None), (clock - _AGO).replace(tzinfo=None))
        for name in times:
            row[name] = (row.get(name) or said) + later
        if "Type" in known and known["Type"] is ScalarType.STRING:
            row.setdefault("Type", table)
        return row

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
    return None if ticks is None else datetime_of(ticks)
