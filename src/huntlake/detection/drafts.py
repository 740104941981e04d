"""Rules that are being written: what is wrong with them, at its place, and what they would have told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Timer
from time import monotonic

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Cancelled, DomainError, Invalid, TimedOut
from huntlake.core.findings import Level
from huntlake.detection.backtesting import Backtest, RuleOverlap, backtest, sharing
from huntlake.detection.content import Content, ContentKind
from huntlake.detection.linting import content_findings, place_in_query
from huntlake.detection.replaying import Progress, Replay
from huntlake.detection.rule_yaml import RuleText, read_rule, written
from huntlake.detection.rules import FILE, AnalyticRule
from huntlake.detection.running import TIME
from huntlake.detection.service import Detection
from huntlake.engines.cancellation import Cancellation
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.workspaces import Workspace

DAYS = (1, 30)
"""Over how many days a draft may be tried."""

MOST_ALERTS = 20_000
MOST_KEPT = 64 << 20
"""Characters that the alerts and incidents of a trial may have: each alert has as many entities as its rows tell of."""

MOST_FINDINGS = 200
LONGEST = timedelta(minutes=10)
"""How long trying one may take."""

_LOOKED_AT = 50_000
"""Stored alerts that a draft's are compared with; of more it would take too long."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_NO_ROWS = QueryOptions(timeout=timedelta(seconds=10), time_column=TIME, since=_BEGINNING, until=_BEGINNING)


@dataclass(frozen=True, slots=True)
class DraftFinding:
    """Something about a draft, at a line and column of its YAML; `field` is the one at the top that it is about.

    `in_query` is the line and column within the query, of what is about the query.
    """

    code: str
    level: Level
    reason: str
    help: str
    line: int
    column: int
    field: str
    in_query: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A text and what it says: a rule, unless it can't be read, by what name it is kept, and what is wrong.

    `columns` are those of the query's result; none where the query can't be understood.
    """

    text: str
    name: str
    rule: AnalyticRule | None
    findings: tuple[DraftFinding, ...]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What a draft would have told. `overlaps` are with other rules' alerts, None where there are too many of those."""

    told: Backtest
    overlaps: tuple[RuleOverlap, ...] | None
    seconds: float


@dataclass(frozen=True)
class Drafts:
    """Reads, writes and tries rules that nobody has stored. `timeout` bounds each of their runs."""

    queries: Queries
    detection: Detection
    clock: Clock
    timeout: timedelta

    def read(self, workspace: Workspace, text: str) -> Draft:
        """What a YAML text says, and what is wrong with it in that workspace."""
        found = read_rule(text)
        wrong = [_complaint(found, number) for number in range(min(len(found.wrong), MOST_FINDINGS + 1))]
        rule = found.described.rule if found.described else None
        columns: tuple[str, ...] = ()
        if rule is not None and rule.query.strip():
            wrong += islice(self._linted(workspace, found), MOST_FINDINGS + 1)
            columns = self._columns(workspace, rule.query)
        told = sorted(wrong[:MOST_FINDINGS], key=lambda f: (f.line, f.column))
        if len(wrong) > MOST_FINDINGS:
            more = f"there are more than {MOST_FINDINGS} findings: these are the first"
            told.append(DraftFinding("LN117", Level.NOTE, more, "", 1, 1, ""))
        return Draft(text, found.name, rule, tuple(told), columns)

    def write(self, workspace: Workspace, text: str, rule: AnalyticRule, name: str = "") -> Draft:
        """The text with the rule in it, by that name where it has none; `Invalid` where it is no YAML to write into."""
        return self.read(workspace, written(text, rule, name))

    def of(self, workspace: Workspace, name: str) -> Draft:
        """A stored rule as YAML, with what the file says besides from which it was last written."""
        document = self.detection.rules.get((workspace.name,), name)
        kept = self.detection.rule_files.find((workspace.name, document.name), FILE)
        return self.write(workspace, kept.value.text if kept else "", document.value, document.name)

    def backtest(
        self,
        workspace: Workspace,
        name: str,
        rule: AnalyticRule,
        days: int,
        cancellation: Cancellation,
        progress: Progress | None = None,
    ) -> Trial:
        """What a rule would have told in the last days, in place of the one that is stored by its name.

        `Invalid` for another number of days; `TimedOut` and `LimitExceeded` where it is too much; `Cancelled`.
        """
        if not DAYS[0] <= days <= DAYS[1]:
            raise Invalid(f"a rule is tried over {DAYS[0]} to {DAYS[1]} days")
        began, until = monotonic(), self.clock.now().astimezone(UTC).replace(second=0, microsecond=0)
        since, stop = until - timedelta(days=days), Cancellation()
        timer = Timer(LONGEST.total_seconds(), stop.cancel)
        timer.daemon = True
        replay = Replay(
            self.queries,
            workspace,
            [(name, rule)],
            since,
            until,
            timeout=self.timeout,
            progress=progress,
            cancellation=stop,
        )
        timer.start()
        try:
            with cancellation.watched(stop.cancel):
                told = backtest(replay, self.detection.correlation.setting(workspace.name), MOST_ALERTS, MOST_KEPT)
        except Cancelled:
            if cancellation.cancelled:
                raise
            minutes = LONGEST // timedelta(minutes=1)
            raise TimedOut(f"trying the rule took longer than {minutes} minutes: take fewer days") from None
        finally:
            timer.cancel()
        alerts = [a for r in told.rules for a in r.alerts]
        few = self.detection.alerts.count((workspace.name,)) <= _LOOKED_AT
        overlaps = sharing(self.detection, workspace, name, alerts, since, until) if few else None
        return Trial(told, overlaps, monotonic() - began)

    def _columns(self, workspace: Workspace, query: str) -> tuple[str, ...]:
        try:
            tables = self.queries.run(workspace, query, _NO_ROWS).tables
        except (SourceError, DomainError):
            return ()  # which the findings tell
        return tuple(c.name for c in tables[0].columns) if len(tables) == 1 else ()

    def _linted(self, workspace: Workspace, found: RuleText) -> Iterator[DraftFinding]:
        assert found.described is not None
        rule = found.described.rule
        content = Content(
            Path("rule.yaml"),
            ContentKind.ANALYTIC_RULE,
            found.name,
            rule.display_name,
            rule.query,
            found.source,
            found.query_span,
            found.described,
        )
        for one in content_findings(self.queries, workspace, content, _NO_ROWS, runs=False):
            field = found.field_at(found.source.offset(one.line, one.column))
            within = place_in_query(content, one.line, one.column) if field == "query" else None
            yield DraftFinding(one.code, one.level, one.reason, one.help, one.line, one.column, field, within)


def _complaint(found: RuleText, number: int) -> DraftFinding:
    one = found.wrong[number]
    line, column = found.source.position(one.span.start)
    named = re.search(r"`(\w+)`", one.message)
    # What is missing has no place of its own: its name is in the message.
    is_missing = one.code in ("RF004", "RF006") and one.span.start == found.start
    field = (named[1] if named else "") if is_missing else found.field_at(one.span.start)
    return DraftFinding(one.code, Level.ERROR, one.message, one.help, line, column, field)
