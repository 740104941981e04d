"""Runs tests of rules: a lake in memory that has the test's events and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError, Invalid
from huntlake.detection.alerts import Alert
from huntlake.detection.content import Content, ContentKind, read
from huntlake.detection.replaying import MovedClock
from huntlake.detection.running import TIME, Window, run
from huntlake.detection.service import Detection
from huntlake.detection.testing.cases import Case, Suite
from huntlake.detection.testing.elsewhere import Ask, rows_of, self_contained, unlike
from huntlake.detection.testing.matching import Difference, IncidentFound, differences
from huntlake.detection.testing.reading import suite
from huntlake.detection.testing.tables import Events, TestTables
from huntlake.engines.duckdb.database import Database
from huntlake.kql.types import Column
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.builtin_functions import BuiltinFunctions
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.functions import SavedFunction, SavedFunctions
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.watchlists import Watchlist, Watchlists, WatchlistTables
from huntlake.workspace.workspaces import Workspace


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one test; it has passed where nothing differs and no error ended it."""

    path: Path
    rule: Path
    name: str
    line: int
    seconds: float
    differences: tuple[Difference, ...] = ()
    error: str = ""
    alerts: tuple[Alert, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.differences and not self.error


@dataclass
class Prover:
    """Runs files of tests, one after the other, over one engine."""

    engine: Database
    catalogue: Catalogue = field(default_factory=Catalogue)
    builtin: BuiltinFunctions = field(default_factory=BuiltinFunctions)
    against: Ask | None = None
    """Where each query is asked, too: what it answers there must be the same."""
    _ran: int = 0

    def outcomes(self, path: Path, named: str = "") -> Iterator[Outcome]:
        """What comes of each test of a file whose name holds `named`; one that can't be read has a single outcome."""
        begun = perf_counter()
        try:
            found = suite(path, _Known(self.catalogue))
            rule = self._rule(found.rule)
            functions = [c for file in found.functions for c in read(file)]
        except SourceError as error:
            line, _ = error.source.position(error.diagnostics[0].span.start)
            yield Outcome(path, path, path.name, line, perf_counter() - begun, error=str(error))
            return
        except (DomainError, OSError, UnicodeDecodeError) as error:
            yield Outcome(path, path, path.name, 1, perf_counter() - begun, error=str(error))
            return
        for case in found.cases:
            if named.lower() in case.name.lower():
                yield self._outcome(found, case, rule, functions)

    def _rule(self, path: Path) -> Content:
        rules = [c for c in read(path) if c.kind is ContentKind.ANALYTIC_RULE]
        if len(rules) != 1:
            raise Invalid(f"{path} holds {len(rules)} analytic rules, and a file of tests is about one")
        return rules[0]

    def _outcome(self, suite: Suite, case: Case, rule: Content, functions: list[Content]) -> Outcome:
        begun = perf_counter()
        alerts: list[Alert] = []
        notes: list[str] = []
        wrong: list[Difference] = []
        error = ""
        try:
            incidents = self._run(suite, case, rule, functions, alerts, notes, wrong)
            wrong += differences(case.expected, alerts, incidents)
        except (SourceError, DomainError) as problem:
            error = str(problem)
        return Outcome(
            suite.path,
            suite.rule,
            case.name,
            case.line,
            perf_counter() - begun,
            tuple(wrong),
            error,
            tuple(alerts),
            tuple(dict.fromkeys(notes)),
        )

    def _run(
        self,
        suite: Suite,
        case: Case,
        content: Content,
        functions: list[Content],
        alerts: list[Alert],
        notes: list[str],
        wrong: list[Difference],
    ) -> list[IncidentFound]:
        assert content.described is not None
        rule = content.described.rule
        # Each test has a workspace of its own, so that nothing is left of the one before.
        self._ran += 1
        workspace = Workspace(f"test {self._ran}", "00000000-0000-0000-0000-000000000000")
        time, shelf = MovedClock(case.runs[0]), MemoryShelf()
        tables = TestTables(self.catalogue, self.engine)
        tables.hold(workspace.name, case.events)
        lists = Watchlists(shelf, time)
        looked_up = WatchlistTables(lists, self.catalogue, self.engine, time)
        sources, calls, is_open = (looked_up, tables), (looked_up,), self.catalogue.is_open
        saved = SavedFunctions(shelf, sources, (self.builtin,), calls, time, is_open)
        queries = Queries(self.engine, sources, time, (saved, self.builtin), calls, is_open=is_open)
        for given in suite.watchlists:
            known = tuple(given.rows[0]) if given.rows else (given.search_key,)
            lists.put(workspace, Watchlist(given.alias, given.search_key, known), given.rows)
        called = [SavedFunction(f.name, f.query, ", ".join(p.declared for p in f.parameters)) for f in functions]
        for function in called:
            saved.put(workspace, function, skip_validation=True)
        detection, owner = Detection.over(shelf, time), (workspace.name,)
        for until in case.runs:
            time.at = until
            window = Window.ending(rule, until)
            found = run(queries, workspace, content.name, rule, window)
            if self.against is not None:
                wrong += self._unlike(self.against, case, queries, workspace, rule.query, called, tables, window)
            notes += found.notes
            # What a rule finds while it is silent, or has told in a run before, raises nothing.
            stored = detection.raising.store(workspace, content.name, rule, found)
            if stored.suppressed_until is not None:
                notes.append(f"the run of {until:%Y-%m-%d %H:%M:%S} is suppressed")
            alerts += [raised.alert for raised in found.alerts if raised.name in stored.alerts]
        incidents = sorted(detection.incidents.list(owner), key=lambda d: d.value.number)
        return [
            IncidentFound(
                d.value,
                len(detection.incidents.alerts(owner, d.name)),
                tuple(detection.incidents.entities(owner, d.name)),
            )
            for d in incidents
        ]

    def _unlike(
        self,
        against: Ask,
        case: Case,
        queries: Queries,
        workspace: Workspace,
        query: str,
        functions: Sequence[SavedFunction],
        tables: TestTables,
        window: Window,
    ) -> Iterator[Difference]:
        """How the answer elsewhere differs from the one here."""

        def events(name: str) -> Events | None:
            columns = tables.table(workspace.name, name)
            return None if columns is None else case.events.get(name, Events(columns))

        def stored(name: str) -> bool:
            return self.builtin.find(name) is not None or name.startswith("_GetWatchlist")

        text = self_contained(query, functions, events, stored, window)
        options = QueryOptions(max_bytes=None, now=window.until)
        bounded = replace(options, time_column=TIME, since=window.since, until=window.until - timedelta(microseconds=1))
        here = rows_of(queries.run(workspace, query, bounded))
        yield from unlike(case.line, here, rows_of(against(text, window.until)), window)


class _Known:
    """The tables of the catalogue, as events can be of them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def columns(self, table: str) -> tuple[Column, ...] | None:
        known = self._catalogue.table(table)
        return known.columns if known else None

    def is_open(self, table: str) -> bool:
        return self._catalogue.is_open(table)

    def names(self) -> tuple[str, ...]:
        return self._catalogue.names()


def uncovered(rules: Sequence[Path], outcomes: Sequence[Outcome]) -> tuple[Path, ...]:
    """Those files of rules for which no test that passes has raised an alert."""
    fired = {o.rule.resolve() for o in outcomes if o.passed and o.alerts}
    return tuple(path for path in rules if path.resolve() not in fired)
