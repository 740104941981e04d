"""Looking for signals in what a place has: its incidents, its changes, what is unusual; at once, or again and again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.hunting.signals.anomalies import TABLE, VENDOR, Anomaly, anomalies_of, new_rows, signals_of_anomalies
from huntlake.hunting.signals.changes import signals_of_changes
from huntlake.hunting.signals.incidents import IncidentSignals, closed_between
from huntlake.hunting.signals.lake_scans import LakeReader, ScanWindow, declared, literal
from huntlake.hunting.signals.peers import MOST_PEOPLE, QUERY, people_of, rows_of
from huntlake.hunting.signals.peers import TABLE as PEERS
from huntlake.hunting.signals.signal import Signal, SignalEntity
from huntlake.hunting.signals.store import Added, Signals
from huntlake.hunting.signals.trends import Counted, TrendTest, rises, signal_of_rise
from huntlake.state.documents import Shelf
from huntlake.state.records import Author, Records
from huntlake.workspace.rounds import rounds_of_workspaces
from huntlake.workspace.workspaces import Workspace

_LOG = logging.getLogger("huntlake.signals")

MOST_SIGNALS = 500
"""That one look may find of a kind; what is more is said, and left out."""
_LATE = timedelta(minutes=10)
_FIRST = timedelta(days=1)
_FURTHEST = timedelta(days=7)
_EVERY_SECONDS = 60.0
_ROWS = 1_000

Append = Callable[[str, str, Sequence[Mapping[str, Any]]], object]
"""Takes rows into a table of a workspace."""


class ScanPart(StrEnum):
    """What can be looked for."""

    INCIDENTS = "incidents"
    TRENDS = "trends"
    CHANGES = "changes"
    ANOMALIES = "anomalies"
    PEERS = "peers"
    VULNERABILITIES = "vulnerabilities"


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a look has given: signals, rows that were kept, and what wasn't looked for, and why."""

    added: Added = field(default_factory=Added)
    rows: Mapping[str, int] = field(default_factory=dict)
    skipped: tuple[tuple[str, str], ...] = ()

    def __add__(self, more: Scanned) -> Scanned:
        tables = {**self.rows, **more.rows}
        rows = {table: self.rows.get(table, 0) + more.rows.get(table, 0) for table in tables}
        return Scanned(self.added + more.added, rows, self.skipped + more.skipped)


@dataclass(frozen=True, slots=True)
class _Looked:
    """How far a workspace was looked at."""

    until: datetime


class Scanner:
    """Looks for signals in workspaces."""

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        signals: Signals,
        reader: LakeReader,
        incidents: IncidentSignals,
        append: Append,
        trust: Callable[[str, str], float],
        vulnerable: Callable[[Workspace, ScanWindow], Added],
        test: TrendTest = TrendTest(),
    ) -> None:
        self._clock, self._signals, self._reader, self._incidents = clock, signals, reader, incidents
        self._append, self._trust, self._vulnerable, self._test = append, trust, vulnerable, test
        self._looked = Records(shelf, clock, "hunting scans", _Looked)

    def scan(
        self,
        workspace: Workspace,
        window: ScanWindow,
        parts: frozenset[ScanPart] = frozenset(ScanPart),
        by: Author = Author(),
        progress: Callable[[str], None] = lambda part: None,
    ) -> Scanned:
        """Look for signals in a time, from the begin of its first day: what a day has together is told together. The
        same days give the same signals and rows, however often they are looked at.
        """
        workspace.here("looking for signals")
        if window.until <= window.since:
            raise Invalid("the time to look at ends before it begins")
        first = window.since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        window = ScanWindow(first, window.until, window.before)
        found = Scanned()
        for part, look in (
            (ScanPart.INCIDENTS, self._closed),
            (ScanPart.TRENDS, self._trends),
            (ScanPart.CHANGES, self._changes),
            (ScanPart.ANOMALIES, self._anomalies),
            (ScanPart.PEERS, self._peers),
        ):
            if part in parts:
                progress(part.value)
                found = found + look(workspace, window, by)
        if ScanPart.VULNERABILITIES in parts:
            progress(ScanPart.VULNERABILITIES.value)
            found = found + Scanned(self._vulnerable(workspace, window))
        return found

    def scan_due(self, workspace: Workspace, every: timedelta) -> Scanned | None:
        """Look at the time since the last look, where that is `every` ago; None where it isn't.

        How far it was looked is written down after it: a look that a process has left unfinished is done again.
        """
        owner = (workspace.name,)
        end = self._clock.now().astimezone(UTC).replace(second=0, microsecond=0) - _LATE
        known = self._looked.find(owner, "scan")
        since = known.value.until if known else end - _FIRST
        if end - since < every:
            return None
        if end - since > _FURTHEST:
            _LOG.warning("%s: no signals are looked for from %s to %s", workspace.name, since, end - _FURTHEST)
            since = end - _FURTHEST
        scanned = self.scan(workspace, ScanWindow.of(since, end))
        self._looked.put(owner, "scan", _Looked(end))
        return scanned

    def running(
        self,
        workspaces: Callable[[], Iterable[Workspace]],
        every: timedelta,
        also: Callable[[Workspace], object] = lambda workspace: None,
    ) -> AbstractContextManager[None]:
        """Look again and again as long as the block lasts, and do what else is to be done for a workspace (`also`)."""

        def work(workspace: Workspace) -> None:
            also(workspace)
            self.scan_due(workspace, every)

        return rounds_of_workspaces("signals", _EVERY_SECONDS, workspaces, work)

    # -- the parts ----------------------------------------------------------------------------

    def _closed(self, workspace: Workspace, window: ScanWindow, by: Author) -> Scanned:
        detection = self._incidents.detection
        made = (
            self._incidents.of(workspace, one, self._trust("incident", one.name))
            for one in closed_between(detection, (workspace.name,), window.since, window.until)
        )
        return self._kept(workspace, (one for one in made if one is not None), by, "incidents")

    def _trends(self, workspace: Workspace, window: ScanWindow, by: Author) -> Scanned:
        detection, owner = self._incidents.detection, (workspace.name,)
        titles = {d.name: d.value.display_name for d in detection.rules.list(owner)}
        alerts: dict[str, list[Any]] = {}
        for alert in detection.alerts.list(owner):
            if alert.value.incident:
                alerts.setdefault(alert.value.incident.lower(), []).append(alert.value)
        counted = []
        for document in detection.incidents.list(owner):
            if document.value.created is None or document.value.created >= window.until:
                continue
            some = alerts.get(document.name.lower(), [])
            hosts = {e for a in some for e in _whom(a.entities)}
            counted.append(
                Counted(
                    document.name,
                    document.value.first_activity or document.value.created,
                    tuple(titles.get(rule, rule) for rule in document.value.rules),
                    tuple(sorted({t for a in some for t in a.techniques})),
                    tuple(sorted(hosts, key=lambda e: (e.type, e.value))),
                )
            )
        now = self._clock.now()
        made = (
            signal_of_rise(rise, received=now, trust=self._trust("incident trend", rise.key))
            for rise in rises(counted, window.until, self._test)
        )
        return self._kept(workspace, made, by, "trends")

    def _changes(self, workspace: Workspace, window: ScanWindow, by: Author) -> Scanned:
        found, skipped = Scanned(), []
        for asked in self._reader.ask(workspace, declared("changes"), window):
            if asked.skipped:
                skipped.append((f"change {asked.scan.id}", asked.skipped))
                continue
            trust = self._trust("change", asked.scan.id)
            made = signals_of_changes(asked, received=self._clock.now(), trust=trust)
            found = found + self._kept(workspace, made, by, asked.scan.id)
        return found + Scanned(skipped=tuple(skipped))

    def _anomalies(self, workspace: Workspace, window: ScanWindow, by: Author) -> Scanned:
        every: list[Anomaly] = []
        skipped = []
        for asked in self._reader.ask(workspace, declared("anomalies"), window):
            if asked.skipped:
                skipped.append((f"anomaly {asked.scan.id}", asked.skipped))
            every += anomalies_of(asked)
        rows = self._keep_rows(workspace, every)
        made = signals_of_anomalies(every, received=self._clock.now(), trust=self._trust("anomaly", ""))
        found = self._kept(workspace, made, by, "anomalies")
        return found + Scanned(rows={TABLE: rows} if rows else {}, skipped=tuple(skipped))

    def _keep_rows(self, workspace: Workspace, every: Sequence[Anomaly]) -> int:
        if not every:
            return 0
        first, last = min(one.time for one in every), max(one.time for one in every)
        known: list[str] = []
        if self._reader.has(workspace, TABLE):
            query = (
                f"{TABLE} | where TimeGenerated between ({literal(first)} .. {literal(last)}) "
                f'and EventVendor == "{VENDOR}" | distinct SourceRecordId'
            )
            known = [str(row["SourceRecordId"]) for row in self._reader.rows(workspace, query)]
        rows = new_rows(every, known, self._clock.now())
        self._append_all(workspace, TABLE, rows)
        return len(rows)

    def _peers(self, workspace: Workspace, window: ScanWindow, by: Author) -> Scanned:
        """Who is like whom, once for each week."""
        if not self._reader.has(workspace, "IdentityInfo"):
            return Scanned(skipped=(("peers", "no rows of IdentityInfo are here"),))
        day = window.until.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        monday = day - timedelta(days=day.weekday())
        if self._reader.has(workspace, PEERS):
            had = f"{PEERS} | where TimeGenerated == {literal(monday)} | take 1"
            if self._reader.rows(workspace, had):
                return Scanned()
        told = self._reader.rows(workspace, f"let until = {literal(window.until)};\n{QUERY}| take {MOST_PEOPLE}")
        rows = rows_of(people_of(told), monday)
        self._append_all(workspace, PEERS, rows)
        return Scanned(rows={PEERS: len(rows)} if rows else {})

    def _append_all(self, workspace: Workspace, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        for at in range(0, len(rows), _ROWS):
            self._append(workspace.name, table, rows[at : at + _ROWS])

    def _kept(self, workspace: Workspace, made: Iterable[Signal], by: Author, what: str) -> Scanned:
        found = list(made)
        left = len(found) - MOST_SIGNALS
        skipped = ((what, f"{left} more than {MOST_SIGNALS} were found, and left out"),) if left > 0 else ()
        return Scanned(self._signals.add((workspace.name,), found[:MOST_SIGNALS], by), skipped=skipped)


def _whom(entities: Iterable[Any]) -> Iterator[SignalEntity]:
    for entity in entities:
        for kind, name in (("account", "accountName"), ("host", "hostName")):
            value = entity.properties.get(name)
            if entity.kind.lower() == kind and isinstance(value, str) and value:
                yield SignalEntity(kind.capitalize(), value.lower())
