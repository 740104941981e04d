"""The signals of every workspace: kept once, found again, and forgotten in time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Refused
from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.signal import Quote, Signal
from huntlake.state.audit import SYSTEM, Actor, AuditEntry, AuditTrail
from huntlake.state.documents import Document, Shelf, Write
from huntlake.state.records import ALWAYS, Author, Change, Only, Owner, Records

MOST_TEXT = 200_000
"""Characters of a text that are kept with its signal."""
MOST_INDICATORS = 5_000
"""Of a signal; a list of more is a feed, which `huntlake intel` takes in."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of signals: the new ones, the ids of those that were known, and which could not be taken, and why."""

    new: tuple[Signal, ...] = ()
    known: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()

    def __add__(self, more: Added) -> Added:
        return Added(self.new + more.new, self.known + more.known, self.refused + more.refused)


@dataclass(frozen=True, slots=True)
class SoughtSignals:
    """Which signals are looked for; what is empty or None doesn't matter.

    `technique` also means its parts: `T1003` finds `T1003.001`. `text` must be in the title, the text, an indicator, an
    entity or a name, without regard to case. `since` is of when it was observed.
    """

    kinds: frozenset[SignalKind] = frozenset()
    source: str = ""
    technique: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, signal: Signal) -> bool:
        """Whether a signal is one of them."""
        if self.kinds and signal.kind not in self.kinds:
            return False
        if self.source and signal.source != self.source:
            return False
        if (self.since and signal.observed < self.since) or (self.until and signal.observed >= self.until):
            return False
        asked = self.technique.upper()
        if asked and not any(t.id == asked or t.id.startswith(asked + ".") for t in signal.techniques):
            return False
        return not self.text or any(self.text.lower() in said.lower() for said in _said(signal))


@dataclass(frozen=True)
class Signals:
    """The signals of every workspace. What comes again is what it was; each that comes or goes is audited.

    `kept` is how long they stay after they came; None is forever.
    """

    shelf: Shelf
    clock: Clock
    audit: AuditTrail
    kept: timedelta | None = None
    records: Records[Signal] = field(init=False)

    def __post_init__(self) -> None:
        made = Records(self.shelf, self.clock, "hunting signals", Signal, also=self._audited)
        object.__setattr__(self, "records", made)

    def add(self, owner: Owner, signals: Iterable[Signal], by: Author = Author()) -> Added:
        """Keep those that aren't known yet; without an author it is huntlake itself that brings them."""
        new, known = [], []
        for one in signals:
            try:
                new.append(self.records.put(owner, one.id, bounded(one), by, Only(create=True))[0].value)
            except Conflict:
                known.append(one.id)
        return Added(tuple(new), tuple(known))

    def list(self, owner: Owner, sought: SoughtSignals = SoughtSignals()) -> Sequence[Document[Signal]]:
        """Those that are looked for, the newest first."""
        found = [d for d in self.records.list(owner) if sought.fits(d.value)]
        return sorted(found, key=lambda d: (-d.value.observed.timestamp(), d.name))

    def get(self, owner: Owner, name: str) -> Document[Signal]:
        """The signal of that id; `NotFound` where there is none."""
        return self.records.get(owner, name)

    def find(self, owner: Owner, name: str) -> Document[Signal] | None:
        """The signal of that id, or None."""
        return self.records.find(owner, name)

    def put(
        self, owner: Owner, name: str, value: Signal, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Signal], bool]:
        """Signals don't change: `Refused`."""
        raise Refused("a signal can't be written: it is taken in, and stays what it was")

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS, by: Author = Author()) -> bool:
        """Forget a signal; that it was there stays in the audit. False where there was none."""
        return self.records.delete(owner, name, only, by)

    def expire(self, workspace: str) -> int:
        """Forget the signals that are older than they are kept; how many there were."""
        if self.kept is None:
            return 0
        before = self.clock.now() - self.kept
        old = [d.name for d in self.records.list((workspace,)) if d.value.received < before]
        return sum(self.records.delete((workspace,), name) for name in old)

    def _audited(self, change: Change[Signal]) -> Sequence[Write]:
        signal = change.after or change.before
        assert signal is not None
        by_itself = change.by == Author()
        entry = AuditEntry(
            SYSTEM if by_itself else Actor.person(change.by),
            "signal.add" if change.after else "signal.expire" if by_itself else "signal.remove",
            "signal",
            signal.id,
            content_hash=signal.digest,
            responsible="" if by_itself else change.by.name,
            details={
                "kind": signal.kind.value,
                "source": signal.source,
                "reference": signal.reference[:500],
                "title": signal.title[:200],
                "trust": signal.trust,
                "techniques": [t.id for t in signal.techniques],
            },
        )
        return self.audit.entries(change.owner, entry)


def bounded(signal: Signal) -> Signal:
    """A signal as it is kept: no text and no list in it is endless, and what was left out is remarked."""
    remarks = list(signal.remarks)
    if len(signal.text) > MOST_TEXT:
        remarks.append(f"of its text the first {MOST_TEXT:,} of {len(signal.text):,} characters are kept")
    if len(signal.indicators) > MOST_INDICATORS:
        remarks.append(f"of its indicators the first {MOST_INDICATORS:,} of {len(signal.indicators):,} are kept")
    return replace(
        signal,
        text=signal.text[:MOST_TEXT],
        techniques=tuple(replace(t, quotes=tuple(map(_within, t.quotes))) for t in signal.techniques),
        indicators=tuple(replace(i, quote=_within(i.quote)) for i in signal.indicators[:MOST_INDICATORS]),
        remarks=tuple(remarks),
    )


def _within(quote: Quote) -> Quote:
    """A quote without its span, where that lies in what isn't kept."""
    return replace(quote, start=None, end=None) if (quote.end or 0) > MOST_TEXT else quote


def _said(signal: Signal) -> Iterator[str]:
    yield signal.title
    yield from signal.actors
    yield from signal.software
    yield from (i.value for i in signal.indicators)
    yield from (e.value for e in signal.entities)
    yield signal.summary
    yield signal.text
