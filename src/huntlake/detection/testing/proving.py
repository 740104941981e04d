"""Runs tests of rules: a lake in memory that has the test's events and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError, Invalid
from huntlake.detection.alerts import Alert
from huntlake.detection.content import Content, ContentKind, read
from huntlake.detection.replaying import MovedClock
from huntlake.detection.rules import AnalyticRule
from huntlake.detection.running import TIME, Window, answered, judged
from huntlake.detection.service import Detection
from huntlake.detection.testing.cases import Case, Suite
from huntlake.detection.testing.elsewhere import Ask, rows_of, self_contained, unlike
from huntlake.detection.testing.matching import Difference, IncidentFound, differences
from huntlake.detection.testing.reading import suite
from huntlake.detection.testing.tables import CatalogueTables, Events, KnownTables, TestTables
from huntlake.engines.duckdb.database import Database
from huntlake.kql.types import ScalarType
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


@dataclass(frozen=True)
class Attempt:
    """What came of the runs that a test asks for; `rows` are those of the query, run after run."""

    alerts: tuple[Alert, ...] = ()
    incidents: tuple[IncidentFound, ...] = ()
    notes: tuple[str, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()

    def differences(self, case: Case) -> tuple[Difference, ...]:
        """Everything that isn't as the test expects."""
        return differences(case.expected, self.alerts, self.incidents)


@dataclass(frozen=True)
class Bench:
    """What one test has for itself: a clock, a shelf, its tables and its watchlists."""

    clock: MovedClock
    shelf: MemoryShelf
    tables: TestTables
    watchlists: WatchlistTables

    @classmethod
    def of(cls, case: Case, workspace: Workspace, known: KnownTables, catalogue: Catalogue, engine: Database) -> Bench:
        """A bench on which the events and watchlists of the test lie."""
        clock, shelf, tables = MovedClock(case.runs[0]), MemoryShelf(), TestTables(known, engine)
        tables.hold(workspace.name, case.events)
        lists = Watchlists(shelf, clock)
        for given in case.watchlists:
            named = tuple(given.rows[0]) if given.rows else (given.search_key,)
            lists.put(workspace, Watchlist(given.alias, given.search_key, named), given.rows)
        return cls(clock, shelf, tables, WatchlistTables(lists, catalogue, engine, clock))


def attempted(
    case: Case,
    name: str,
    rule: AnalyticRule,
    workspace: Workspace,
    bench: Bench,
    answer: Callable[[Window], tuple[list[dict[str, Any]], dict[str, ScalarType]]],
) -> Attempt:
    """Run the rule in each window of a test, one after the other, as a workspace would, and keep it on the bench.

    `answer` gives the rows of the rule's query in a window, and their columns.
    """
    detection, owner = Detection.over(bench.shelf, bench.clock), (workspace.name,)
    alerts: list[Alert] = []
    notes: list[str] = []
    rows: list[Mapping[str, Any]] = []
    for until in case.runs:
        bench.clock.at = until
        window = Window.ending(rule, until)
        given, columns = answer(window)
        found = judged(name, rule, window, given, columns)
        rows += given
        notes += found.notes
        # What a rule finds while it is silent, or has told in a run before, raises nothing.
        stored = detection.raising.store(workspace, name, rule, found)
        if stored.suppressed_until is not None:
            notes.append(f"the run of {until:%Y-%m-%d %H:%M:%S} is suppressed")
        alerts += [raised.alert for raised in found.alerts if raised.name in stored.alerts]
    incidents = sorted(detection.incidents.list(owner), key=lambda d: d.value.number)
    return Attempt(
        tuple(alerts),
        tuple(
            IncidentFound(
                d.value,
                len(detection.incidents.alerts(owner, d.name)),
                tuple(detection.incidents.entities(owner, d.name)),
            )
            for d in incidents
        ),
        tuple(dict.fromkeys(notes)),
        tuple(rows),
    )


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
            found = suite(path, CatalogueTables(self.catalogue))
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
        attempt = Attempt()
        wrong: list[Difference] = []
        error = ""
        try:
            attempt = self._run(suite, case, rule, functions, wrong)
            wrong += attempt.differences(case)
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
            attempt.alerts,
            attempt.notes,
        )

    def _run(
        self, suite: Suite, case: Case, content: Content, functions: list[Content], wrong: list[Difference]
    ) -> Attempt:
        assert content.described is not None
        rule = content.described.rule
        # Each test has a workspace of its own, so that nothing is left of the one before.
        self._ran += 1
        workspace = Workspace(f"test {self._ran}", "00000000-0000-0000-0000-000000000000")
        called = [SavedFunction(f.name, f.query, ", ".join(p.declared for p in f.parameters)) for f in functions]

        def queries(bench: Bench) -> Queries:
            sources, calls, is_open = (bench.watchlists, bench.tables), (bench.watchlists,), self.catalogue.is_open
            saved = SavedFunctions(bench.shelf, sources, (self.builtin,), calls, bench.clock, is_open)
            for function in called:
                saved.put(workspace, function, skip_validation=True)
            return Queries(self.engine, sources, bench.clock, (saved, self.builtin), calls, is_open=is_open)

        bench = Bench.of(case, workspace, CatalogueTables(self.catalogue), self.catalogue, self.engine)
        asking = queries(bench)

        def answer(window: Window) -> tuple[list[dict[str, Any]], dict[str, ScalarType]]:
            found = answered(asking, workspace, rule, window)
            if self.against is not None:
                wrong.extend(
                    self._unlike(self.against, case, asking, workspace, rule.query, called, bench.tables, window)
                )
            return found

        return attempted(case, content.name, rule, workspace, bench, answer)

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


def uncovered(rules: Sequence[Path], outcomes: Sequence[Outcome]) -> tuple[Path, ...]:
    """Those files of rules for which no test that passes has raised an alert."""
    fired = {o.rule.resolve() for o in outcomes if o.passed and o.alerts}
    return tuple(path for path in rules if path.resolve() not in fired)
