"""A world in which the scheduler lives through days in moments: rules, events that come late, clocks, and crashes."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from huntlake.core.errors import Unavailable
from huntlake.detection.alerts import Alert
from huntlake.detection.rules import Aggregation, AnalyticRule, EventGrouping, RuleKind, TriggerOperator
from huntlake.detection.running import Run, Window, judged
from huntlake.detection.scheduling.failures import Failure, auto_disabled
from huntlake.detection.scheduling.ledger import Change, Key, Ledger, StateLedger, decoded
from huntlake.detection.scheduling.planning import Planner
from huntlake.detection.scheduling.timetable import Cadence, RuleClock, RunRecord
from huntlake.detection.scheduling.windows import Windows
from huntlake.detection.severity import Severity
from huntlake.kql.types import ScalarType
from huntlake.state.documents import Json, Shelf

WORKSPACE = "soc"
COLUMNS = {"TimeGenerated": ScalarType.DATETIME, "Host": ScalarType.STRING, "Number": ScalarType.LONG}
_M, _H, _D = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CADENCES = (
    (5 * _M, 5 * _M),
    (15 * _M, _H),
    (_H, _H),
    (_H, _D),
    (6 * _H, 6 * _H),
    (_D, _D),
    (_D, 14 * _D),
    (14 * _D, 14 * _D),
)
"""How often rules run, and how far they look back."""
SHARE_OF_QUICK = 0.12
"""So many lives have a rule that runs each five minutes, and one that runs each minute for a part of the time."""
ZONES = tuple(map(ZoneInfo, ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca")))


_ALERTS = TypeAdapter(Alert)


def bytes_of(alert: Alert) -> bytes:
    """An alert as it is stored."""
    return _ALERTS.dump_json(alert)


class Crash(BaseException):
    """The process is gone, as by `kill -9`."""


class Time:
    """The time of the world, and what the machine's clock says of it, in a zone with summer and winter."""

    def __init__(self, true: datetime, zone: ZoneInfo) -> None:
        self.true, self.zone, self.wrong = true, zone, timedelta(0)

    def now(self) -> datetime:
        """What the machine's clock says."""
        return (self.true + self.wrong).astimezone(self.zone)

    @property
    def said(self) -> datetime:
        """The same in UTC."""
        return self.true + self.wrong


@dataclass(frozen=True, slots=True)
class Event:
    """A row, and when it came in."""

    at: datetime
    arrived: datetime
    row: Mapping[str, Any]


@dataclass
class Findings:
    """What was found in all lives; `wrong` says of each fault what it is, and must be empty."""

    windows: int = 0
    alerts: int = 0
    crashes: int = 0
    late: int = 0
    retried: int = 0
    set_back: int = 0
    again: int = 0
    """Windows that were looked at once more: the machine's clock was set back, and said that they weren't over yet."""
    days: float = 0.0
    missed: int = 0
    doubled: int = 0
    differing: int = 0
    wrong: list[str] = field(default_factory=list)


class MemoryLedger:
    """A ledger that outlasts a crash: each of its steps may be the last of the process, before or after it is done."""

    def __init__(self, fails: Callable[[], None], saw: Callable[[str, RuleClock], None]) -> None:
        self._fails, self._saw = fails, saw
        self._clocks: dict[Key, RuleClock] = {}

    def read(self, key: Key) -> RuleClock | None:
        return self._clocks.get(key)

    def begin(self, key: Key, clock: RuleClock) -> RuleClock:
        return self._clocks[key] if key in self._clocks else self._put(key, clock)

    def change(self, key: Key, how: Change) -> RuleClock:
        before = self._clocks[key]
        after = how(before)
        return before if after == before else self._put(key, after)

    def forget(self, key: Key) -> None:
        self._clocks.pop(key, None)

    def all(self, workspace: str) -> Mapping[Key, RuleClock]:
        return dict(self._clocks)

    def _put(self, key: Key, clock: RuleClock) -> RuleClock:
        self._fails()
        self._clocks[key] = clock
        self._saw(key[1], clock)
        self._fails()
        return clock


class Disk:
    """A shelf under a ledger, whose every step may be the last of the process, too."""

    def __init__(self, shelf: Shelf, fails: Callable[[], None], saw: Callable[[str, RuleClock], None]) -> None:
        self._shelf, self._fails, self._saw = shelf, fails, saw
        self.read, self.read_all, self.read_names = shelf.read, shelf.read_all, shelf.read_names
        self.delete, self.upsert = shelf.delete, shelf.upsert

    def insert(self, collection: str, name: str, value: Json, etag: str) -> bool:
        return self._step(name, value, lambda: self._shelf.insert(collection, name, value, etag))

    def update(self, collection: str, name: str, value: Json, etag: str, *, if_match: str) -> bool:
        return self._step(name, value, lambda: self._shelf.update(collection, name, value, etag, if_match=if_match))

    def _step(self, name: str, value: Json, step: Callable[[], bool]) -> bool:
        self._fails()
        if did := step():
            self._saw(name, decoded(value))
        self._fails()
        return did


class Life:
    """Some days of one lake, from one seed. With `calm` nothing breaks, no clock is set, and nothing comes late.

    With a `shelf` the ledger is the one of servers, over it; without, it is in memory, and quicker.
    """

    def __init__(
        self, seed: int, days: int, found: Findings, shelf: Shelf | None = None, *, calm: bool = False
    ) -> None:
        self.random, self.found, self.calm, self.seed = random.Random(seed), found, calm, seed
        dice = random.Random(f"world {seed}")
        self.begin = datetime(2024, 1, 1, tzinfo=UTC) + dice.random() * 700 * _D
        self.begin = self.begin.replace(microsecond=0)
        self.end = self.begin + days * _D
        self.time = Time(self.begin, dice.choice(ZONES))
        self.rules = self._made(dice)
        self.events = {name: self._happened(dice, rule) for name, rule in self.rules.items()}
        self.starts = {name: [e.at for e in events] for name, events in self.events.items()}
        self.alerts: dict[str, tuple[str, datetime, bytes]] = {}
        self.seen: dict[tuple[str, datetime], datetime] = {}
        """When the rows were read that a window's alerts are of."""
        self.done: Counter[tuple[str, datetime]] = Counter()
        self.failed: set[tuple[str, datetime]] = set()
        self.told: Counter[str] = Counter()
        self.first: dict[str, datetime] = {}
        self.reopened: set[tuple[str, datetime]] = set()
        self._ends: dict[str, datetime] = {}
        self._last: dict[str, tuple[RunRecord, ...]] = {}
        self._fragile = not calm
        self.ledger: Ledger = MemoryLedger(self._fail, self._saw)
        if shelf is not None:
            self.ledger = StateLedger(Disk(shelf, self._fail, self._saw))  # type: ignore[arg-type]
        self.windows = Windows(self.ledger, self, self._look, self, self, self.time)

    # -- the rules, the door and the rows ---------------------------------------------------

    def find(self, key: Key) -> tuple[str, AnalyticRule] | None:
        return (key[1], self.rules[key[1]]) if key[1] in self.rules else None

    def disable(self, key: Key, failure: Failure) -> None:
        self.rules[key[1]] = auto_disabled(self.rules[key[1]], failure)

    def suppressed(self, workspace: str, name: str, rule: AnalyticRule, window: Window) -> bool:
        return False

    def raised(self, workspace: str, name: str, rule: AnalyticRule, run: Run) -> object:
        for one in run.alerts:
            self._fail()
            said = bytes_of(one.alert)
            before = self.alerts.setdefault(one.name, (name, run.window.until, said))
            if before[2] != said and (name, run.window.until) not in self.reopened:
                self.found.differing += 1
                self.found.wrong.append(f"life {self.seed}: the alert of {name} at {run.window.until} became another")
        self._fail()
        return None

    def ran(self, workspace: str, name: str, rule: AnalyticRule, window: Window, at: datetime, outcome: object) -> None:
        self._fail()

    def _look(self, workspace: str, name: str, rule: AnalyticRule, window: Window) -> Run:
        self._fail()
        if self._fragile and self.random.random() < 0.004:
            raise Unavailable("the disk is full")
        self.seen[name, window.until] = self.time.true
        return self._run(name, rule, window, self.time.true)

    def _run(self, name: str, rule: AnalyticRule, window: Window, at: datetime) -> Run:
        starts, events = self.starts[name], self.events[name]
        of = events[bisect_left(starts, window.since) : bisect_left(starts, window.until)]
        return judged(name, rule, window, [e.row for e in of if e.arrived <= at], COLUMNS)

    # -- what happens -----------------------------------------------------------------------

    def live(self) -> None:
        """Live through the days, and look at what is left of them."""
        while self.time.true < self.end:
            self._process()
        self.time.wrong, self._fragile = timedelta(0), False
        self.time.true = self.end + 8 * _H
        # All that was put off until later is due by now.
        for _ in range(3):
            self._process()
            self.time.true += 8 * _H
        self._check()

    def _process(self) -> None:
        """One process, or two at once, until the crash or the end."""
        servers = [Planner(self.ledger, skipped=self._skipped)]
        if not self.calm and self.random.random() < 0.1:
            servers.append(Planner(self.ledger, skipped=self._skipped))
        ends = self.time.true + self.random.expovariate(1 / (3 * _D.total_seconds())) * timedelta(seconds=1)
        try:
            for planner in servers:
                self._synced(planner)
            while True:
                busy = False
                for planner in servers:
                    busy |= self._tick(planner)
                if busy:
                    continue
                if not self._fragile and (self.calm is False or self.time.true >= self.end):
                    return
                if self.time.true >= self.end:
                    return
                if self._fragile and self.time.true > ends:
                    raise Crash
                self._wait(servers)
        except Crash:
            self.found.crashes += 1
            dice = self.random.random()
            gone = self.random.random() * (3 * _D if dice < 0.05 else 3 * _H if dice < 0.4 else 2 * _M)
            self.time.true += gone

    def _tick(self, planner: Planner) -> bool:
        tasks = planner.take(self.time.said, self.random.randint(1, 4))
        for task in tasks:
            self.windows.look_at(task)
            planner.back(task)
        return bool(tasks)

    def _wait(self, servers: list[Planner]) -> None:
        times = [t for t in (p.next_at() for p in servers) if t is not None]
        step = max(min(times) - self.time.said, timedelta(seconds=1)) if times else _H
        self.time.true = min(self.time.true + step, max(self.end, self.time.true + timedelta(seconds=1)))
        if self._fragile:
            self.time.true += self.random.random() * timedelta(seconds=20)
            if self.random.random() < 0.003:
                self._set_clock()
            if self.random.random() < 0.02:
                for planner in servers:
                    self._synced(planner)

    def _set_clock(self) -> None:
        """Someone sets the machine's clock wrong, or right again; the hour of a summer's beginning among it."""
        self.found.set_back += 1
        if self.time.wrong:
            self.time.wrong = timedelta(0)
        else:
            hours = self.random.choice(
                (-1, -1, -0.02, -0.01, 0.01, 0.02, 1, 1, -26, 30)[: 10 if self.random.random() < 0.1 else 8]
            )
            self.time.wrong = timedelta(hours=hours)

    def _synced(self, planner: Planner) -> None:
        planner.sync(WORKSPACE, self.rules, self.time.said, self.ledger.all(WORKSPACE))

    def _fail(self) -> None:
        if self._fragile and self.random.random() < 0.0007:
            raise Crash

    def _skipped(self, key: Key, since: datetime, until: datetime) -> None:
        self.found.wrong.append(f"life {self.seed}: windows of {key[1]} between {since} and {until} were skipped")

    def _saw(self, name: str, clock: RuleClock) -> None:
        """Something was entered into the ledger."""
        if name not in self.first:
            self.first[name] = clock.last
        self._reopened(name, clock.last)
        if not clock.recent:
            return
        run = clock.recent[0]
        if self._last.get(name) == clock.recent:
            return
        self._last[name] = clock.recent
        if run.failure:
            self.found.retried += 1
            self.failed.add((name, run.until))
            return
        self.found.windows += 1
        self.failed.discard((name, run.until))
        self.done[name, run.until] += 1

    def _reopened(self, name: str, last: datetime) -> None:
        """A clock that goes back has a look at windows again whose ends lie in the future of the machine's clock."""
        before, self._ends[name] = self._ends.get(name, last), last
        every = Cadence.of(name, self.rules[name]).every
        while last < before:
            last += every
            if last <= self.time.said:
                self.found.wrong.append(f"life {self.seed}: {name} was set back beyond now, to {last}")
            self.reopened.add((name, last))

    # -- what must be true ------------------------------------------------------------------

    def _check(self) -> None:
        found = self.found
        found.days += (self.end - self.begin) / _D
        found.alerts += len(self.alerts)
        for name, rule in self.rules.items():
            cadence = Cadence.of(name, rule)
            until = self.first[name] + cadence.every
            while until + cadence.delay <= self.end:
                times = self.done[name, until]
                if times == 0:
                    found.missed += 1
                    found.wrong.append(f"life {self.seed}: the window of {name} that ends at {until} was missed")
                elif times > 1:
                    found.again += times - 1
                    if (name, until) not in self.reopened:
                        found.doubled += 1
                        found.wrong.append(f"life {self.seed}: the window of {name} at {until} was run {times} times")
                until += cadence.every
            for of, end in self.done:
                if of == name and (end - self.first[name]) % cadence.every:
                    found.wrong.append(f"life {self.seed}: nobody asked {name} for a window that ends at {end}")
        self._check_alerts()

    def _check_alerts(self) -> None:
        """Replay: each window's alerts are those that its rows make, byte for byte."""
        kept: dict[tuple[str, datetime], dict[str, bytes]] = {}
        for alert, (of, until, said) in self.alerts.items():
            kept.setdefault((of, until), {})[alert] = said
        for (name, until), at in self.seen.items():
            if (name, until) in self.reopened:
                kept.pop((name, until), None)  # the first look's alerts stay
                continue
            rule = self.rules[name]
            again = self._run(name, rule, Window.ending(rule, until), at)
            here = kept.pop((name, until), {})
            there = {one.name: bytes_of(one.alert) for one in again.alerts}
            if here != there and self.done[name, until]:
                more = len(here) - len(there)
                self.found.doubled += max(more, 0)
                self.found.differing += 1
                self.found.wrong.append(f"life {self.seed}: the alerts of {name} at {until} aren't those of its rows")
        for name, until in kept:
            if (name, until) not in self.reopened:
                self.found.wrong.append(f"life {self.seed}: nobody looked for the alerts of {name} at {until}")

    # -- making it --------------------------------------------------------------------------

    def _made(self, dice: random.Random) -> dict[str, AnalyticRule]:
        quick = dice.random() < SHARE_OF_QUICK
        chosen = [c for c in CADENCES[1:] if dice.random() < 0.5] or [CADENCES[2]]
        rules = {f"rule-{i}-{dice.randrange(10**6)}": self._rule(dice, *c) for i, c in enumerate(chosen)}
        if quick:
            rules["quick"] = self._rule(dice, *CADENCES[0])
        if quick and dice.random() < 0.2:
            rules["nrt"] = replace(self._rule(dice, _H, _H), kind=RuleKind.NRT, query_frequency=None, query_period=None)
        return rules

    def _rule(self, dice: random.Random, every: timedelta, period: timedelta) -> AnalyticRule:
        per_row = dice.random() < 0.4
        return AnalyticRule(
            kind=RuleKind.SCHEDULED,
            display_name="A rule of the world",
            enabled=True,
            severity=Severity.MEDIUM,
            query="Events | where Host != ''",
            suppression_duration=5 * _H,
            suppression_enabled=False,
            query_frequency=every,
            query_period=period,
            trigger_operator=TriggerOperator.GREATER_THAN,
            trigger_threshold=dice.choice((0, 0, 1)),
            event_grouping_settings=EventGrouping(
                Aggregation.ALERT_PER_RESULT if per_row else Aggregation.SINGLE_ALERT
            ),
            start_time_utc=None if dice.random() < 0.8 else self.begin + dice.random() * _D,
        )

    def _happened(self, dice: random.Random, rule: AnalyticRule) -> list[Event]:
        """Events that few windows see; most are here within two minutes, some much later."""
        seldom = min(max(6 * (rule.query_period or _H), 2 * _H), 5 * _D).total_seconds()
        events, at, number = list[Event](), self.begin - 15 * _D, 0
        while at < self.end + _D:
            at += timedelta(seconds=round(dice.expovariate(1 / seldom), 3))
            late = dice.random()
            way = dice.random() * (2 * _M if late < 0.9 or self.calm else _H if late < 0.97 else 30 * _H)
            self.found.late += way > 5 * _M
            number += 1
            row = {"TimeGenerated": at.isoformat(), "Host": f"host-{dice.randrange(9)}", "Number": number}
            events.append(Event(at, at + way, row))
        return events
