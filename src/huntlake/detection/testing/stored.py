"""Tests of rules that a workspace keeps: written, run over what they hold themselves, and told how they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Timer
from time import monotonic
from typing import Any

import orjson

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import Diagnostic, Source, SourceError
from huntlake.core.errors import Cancelled, DomainError, Invalid, LimitExceeded, NotFound, TimedOut
from huntlake.detection.alerts import Alert
from huntlake.detection.backtesting import named
from huntlake.detection.marked import mapping_from_outside
from huntlake.detection.rule_tests import (
    MOST_TESTS,
    RuleTest,
    TestRun,
    TestStanding,
    ToldAlert,
    ToldDifference,
    digest,
    standing_name,
)
from huntlake.detection.rules import AnalyticRule
from huntlake.detection.running import Window, answered
from huntlake.detection.service import Detection
from huntlake.detection.testing.cases import Case
from huntlake.detection.testing.proving import Attempt, Bench, attempted
from huntlake.detection.testing.reading import alone
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb.database import Confined
from huntlake.engines.errors import LowMemory
from huntlake.kql.types import Column, ScalarType
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.query import Queries
from huntlake.workspace.visible import Visible
from huntlake.workspace.workspaces import Workspace

LONGEST = timedelta(minutes=10)
"""How long the tests of a rule may take together."""

MEMORY = 1 << 30
"""Bytes that the engine may have while it runs tests."""

MOST_BYTES = 64 << 20
"""Bytes of rows, as JSON, that a rule's query may give in a test."""

_MOST_SHOWN, _LONGEST_SHOWN = 20, 2000
"""Rows, alerts and entities that are kept of a test that failed, and characters of each row."""


@dataclass(frozen=True, slots=True)
class TestFinding:
    """Something that is wrong with a test, at a line and column of its text."""

    __test__ = False

    code: str
    reason: str
    help: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of one test; `name` is empty where it isn't kept."""

    name: str
    title: str
    ran: TestRun


@dataclass(frozen=True, slots=True)
class Tally:
    """How the tests of a rule stand: those that have passed and failed, and those that say nothing of it as it is."""

    passed: int = 0
    failed: int = 0
    unknown: int = 0


Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class WorkspaceTables:
    """The tables of a workspace, as events can be of them."""

    visible: Visible

    def columns(self, table: str) -> tuple[Column, ...] | None:
        return self.visible.table(table)

    def is_open(self, table: str) -> bool:
        return self.visible.open_table(table) is not None

    def names(self) -> Iterable[str]:
        return self.visible.table_names()


@dataclass(frozen=True)
class RuleTests:
    """The tests that workspaces keep of their rules. `timeout` bounds each run of a rule in them."""

    queries: Queries
    detection: Detection
    catalogue: Catalogue
    clock: Clock
    timeout: timedelta

    def list(self, workspace: Workspace, rule: str) -> Sequence[Document[RuleTest]]:
        """The tests of a rule."""
        return self.detection.rule_tests.list((workspace.name, rule))

    def read(self, workspace: Workspace, text: str) -> tuple[str, tuple[TestFinding, ...]]:
        """What a text calls its test, and everything that is wrong with it."""
        case, source, wrong = self._read(workspace, text)
        return (case.name if case else ""), tuple(_finding(source, one) for one in wrong)

    def meant(self, workspace: Workspace, text: str, stop: Cancellation | None = None) -> RuleTest:
        """The test that a text is; `Invalid` tells one thing that is wrong, where it is, and what would help."""
        case, source, wrong = self._read(workspace, text, stop)
        if case is None:
            # A name that is misspelled explains what is missing.
            first = _finding(source, next((one for one in wrong if one.help), wrong[0]))
            hint = f" – {first.help}" if first.help else ""
            raise Invalid(f"{first.reason} [line {first.line}, column {first.column}]{hint}")
        return RuleTest(case.name, text)

    def put(
        self,
        workspace: Workspace,
        rule: str,
        name: str,
        test: RuleTest,
        by: Author = Author(),
        only: Only = ALWAYS,
    ) -> tuple[Document[RuleTest], bool]:
        """Keep a test of a rule; `LimitExceeded` where the rule has too many."""
        owner, tests = (workspace.name, rule), self.detection.rule_tests
        if tests.count(owner) >= MOST_TESTS and tests.find(owner, name) is None:
            raise LimitExceeded(f"a rule has at most {MOST_TESTS} tests")
        return tests.put(owner, name, test, by, only)

    def standing(self, workspace: Workspace, rule: str, name: str) -> TestStanding | None:
        """How a test stands; None where there is none of that name."""
        found = self.detection.test_standings.find((workspace.name,), standing_name(rule, name))
        return found.value if found else None

    def tallies(self, workspace: Workspace) -> Mapping[str, Tally]:
        """How the tests of each rule that has some stand, by the rule's name."""
        owner = (workspace.name,)
        found: dict[str, list[TestStanding]] = {}
        for document in self.detection.test_standings.list(owner):
            found.setdefault(document.name.rpartition("/")[0].lower(), []).append(document.value)
        if not found:
            return {}
        rules = {d.name.lower(): d for d in self.detection.rules.list(owner)}
        return {rules[name].name: _tally(digest(rules[name].value), of) for name, of in found.items() if name in rules}

    def run(
        self,
        workspace: Workspace,
        rule: str,
        cancellation: Cancellation,
        progress: Progress | None = None,
        names: Sequence[str] | None = None,
        process: Confined | None = None,
    ) -> tuple[Tested, ...]:
        """Run tests of a rule, all or those of these names, and keep what came of them.

        Tests of several rules may share a `process`. `NotFound` where there is no such rule or test; `Cancelled`;
        `TimedOut` where they take too long together.
        """
        document, tests = self.detection.rules.get((workspace.name,), rule), self.detection.rule_tests
        owner = (workspace.name, document.name)
        asked = list(tests.list(owner)) if names is None else [tests.get(owner, name) for name in names]
        told = []
        with _bounded(cancellation) as bounds:
            running = self._tested(workspace, document.name, document.value, asked, bounds, progress, process)
            for test, one in zip(asked, running, strict=True):
                self._keep(workspace, document.name, test, one.ran)
                told.append(one)
        return tuple(told)

    def process(self) -> Confined:
        """A process in which tests run; end it with `with`."""
        return self.queries.confined(MEMORY, int(LONGEST.total_seconds()))

    def attempt(
        self,
        workspace: Workspace,
        name: str,
        rule: AnalyticRule,
        cancellation: Cancellation,
        progress: Progress | None = None,
        texts: Sequence[str] | None = None,
    ) -> tuple[Tested, ...]:
        """Run a rule that nobody has stored through these texts, or the tests that are kept of that name's rule.

        What came of tests that are kept counts when the rule is stored. `Invalid` for a text that is no test; else as
        `run`.
        """
        told = []
        with _bounded(cancellation) as bounds:
            if texts is None:
                asked = self.detection.rule_tests.list((workspace.name, name))
            else:
                asked = [Document("", self.meant(workspace, text, bounds.stop), "") for text in texts[:MOST_TESTS]]
            running = self._tested(workspace, name, rule, asked, bounds, progress)
            for test, one in zip(asked, running, strict=True):
                if texts is None:
                    self._keep(workspace, name, test, one.ran, tried=True)
                told.append(one)
        return tuple(told)

    def _read(
        self, workspace: Workspace, text: str, stop: Cancellation | None = None
    ) -> tuple[Case | None, Source, tuple[Diagnostic, ...]]:
        return alone(text, self._tables(workspace), whole=False, stop=stop)

    def _tables(self, workspace: Workspace) -> WorkspaceTables:
        workspace.here("testing rules")
        return WorkspaceTables(self.queries.visible(workspace, fetch=False))

    def _keep(
        self, workspace: Workspace, rule: str, test: Document[RuleTest], ran: TestRun, *, tried: bool = False
    ) -> None:
        def how(standing: TestStanding) -> TestStanding:
            # Somebody may have changed the test while it ran: then nothing is known of it as it is.
            now = self.detection.rule_tests.find((workspace.name, rule), test.name)
            if now is None or now.value.text != test.value.text:
                return standing
            return replace(standing, tried=ran) if tried else replace(standing, ran=ran)

        with suppress(NotFound):
            self.detection.test_standings.change((workspace.name,), standing_name(rule, test.name), how)

    def _tested(
        self,
        workspace: Workspace,
        name: str,
        rule: AnalyticRule,
        tests: Sequence[Document[RuleTest]],
        bounds: _Bounds,
        progress: Progress | None,
        process: Confined | None = None,
    ) -> Iterator[Tested]:
        if not tests:
            return
        tables, of_rule = self._tables(workspace), digest(rule)
        # What a query may do to its engine it does in a process of its own.
        with nullcontext(process) if process is not None else self.process() as within:
            for done, test in enumerate(tests):
                if progress is not None:
                    progress(done, len(tests))
                running = _Running(self, workspace, name, rule, tables, within, bounds)
                yield Tested(test.name, test.value.title, running.run(test.value, of_rule))
            if progress is not None:
                progress(len(tests), len(tests))


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Until when tests may be read and run: `stop` is cancelled then, or when nobody waits for them any more."""

    stop: Cancellation
    deadline: float


@contextmanager
def _bounded(cancellation: Cancellation) -> Iterator[_Bounds]:
    seconds = LONGEST.total_seconds()
    stop, deadline = Cancellation(), monotonic() + seconds
    timer = Timer(seconds, stop.cancel)
    timer.daemon = True
    timer.start()
    try:
        with cancellation.watched(stop.cancel):
            yield _Bounds(stop, deadline)
    except Cancelled:
        if cancellation.cancelled:
            raise
        minutes = LONGEST // timedelta(minutes=1)
        raise TimedOut(f"the tests took longer than {minutes} minutes") from None
    finally:
        timer.cancel()


@dataclass(frozen=True)
class _Running:
    """A rule that goes through its tests."""

    tests: RuleTests
    workspace: Workspace
    name: str
    rule: AnalyticRule
    tables: WorkspaceTables
    process: Confined
    bounds: _Bounds

    def run(self, test: RuleTest, of_rule: str) -> TestRun:
        at, began = self.tests.clock.now(), monotonic()
        case, source, wrong = alone(test.text, self.tables, stop=self.bounds.stop)
        ran = TestRun(at, 0, of_rule)
        if case is None:
            # The tables of the workspace may have become others since it was written.
            first = _finding(source, wrong[0])
            error = f"line {first.line}: {first.reason}{f' – {first.help}' if first.help else ''}"
            return replace(ran, error=error, seconds=monotonic() - began)
        attempt, error = Attempt(), ""
        try:
            attempt = self._attempt(case)
        except Cancelled:
            raise
        except LowMemory:
            error = f"the query needs more than {MEMORY >> 20} MiB of memory"
        except SourceError as problem:
            error = str(problem)
        except DomainError as problem:
            error = str(problem)
        except OSError as problem:
            error = f"the test can't be run: {problem.strerror or problem}"
        differs = () if error else attempt.differences(case)
        ran = replace(
            ran,
            error=error,
            differences=tuple(ToldDifference(d.line, d.text) for d in differs[:_MOST_SHOWN]),
            notes=attempt.notes,
            alert_count=len(attempt.alerts),
            row_count=len(attempt.rows),
            seconds=monotonic() - began,
        )
        if ran.passed:
            return ran
        return replace(
            ran,
            expected=_expected(source),
            alerts=tuple(map(_told, attempt.alerts[:_MOST_SHOWN])),
            rows=tuple(_shown(row) for row in attempt.rows[:_MOST_SHOWN]),
        )

    def _attempt(self, case: Case) -> Attempt:
        tests, workspace = self.tests, self.workspace
        bench = Bench.of(case, workspace, self.tables, tests.catalogue, tests.queries.engine)
        queries = tests.queries.isolated((bench.watchlists, bench.tables), (bench.watchlists,), bench.clock)

        def answer(window: Window) -> tuple[list[dict[str, Any]], dict[str, ScalarType]]:
            left = timedelta(seconds=max(self.bounds.deadline - monotonic(), 0))
            return answered(
                queries,
                workspace,
                self.rule,
                window,
                timeout=min(tests.timeout, left),
                cancellation=self.bounds.stop,
                within=self.process,
                most_bytes=MOST_BYTES,
            )

        return attempted(case, self.name, self.rule, workspace, bench, answer)


def _tally(rule: str, standings: Sequence[TestStanding]) -> Tally:
    runs = [standing.last(rule) for standing in standings]
    known = [ran for ran in runs if ran is not None and ran.rule == rule]
    passed = sum(ran.passed for ran in known)
    return Tally(passed, len(known) - passed, len(runs) - len(known))


def _finding(source: Source, wrong: Diagnostic) -> TestFinding:
    line, column = source.position(wrong.span.start)
    return TestFinding(wrong.code, wrong.message, wrong.help, line, column)


def _expected(source: Source) -> str:
    """What a text that can be read says that it expects."""
    for key, value in mapping_from_outside(source).value:
        if key.value == "expect":
            return source.text[key.start_mark.index : value.end_mark.index].rstrip()[:_LONGEST_SHOWN]
    return ""


def _told(alert: Alert) -> ToldAlert:
    return ToldAlert(alert.title, alert.severity.value, tuple(named(e) for e in alert.entities[:_MOST_SHOWN]))


def _shown(row: Mapping[str, Any]) -> str:
    text = orjson.dumps({k: v for k, v in row.items() if v not in ("", None)}, default=str).decode()
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
