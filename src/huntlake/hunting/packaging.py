"""Makes the packages of hunts out of everything that is kept about them, and the figures of all hunts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import NotFound
from huntlake.hunting.hypotheses.hypothesis import DataGap, Hypothesis
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.metrics import Figures, Told, figures
from huntlake.hunting.packages import PackageParts, package
from huntlake.hunting.running.runs import HuntRuns
from huntlake.hunting.signals.signal import Signal
from huntlake.hunting.signals.store import Signals
from huntlake.state.audit import AuditEntry, AuditTrail
from huntlake.state.documents import Shelf
from huntlake.state.records import Owner, Records


@dataclass(frozen=True, slots=True)
class Packaged:
    """That a package was made: when, by whom, and with what hash."""

    hash: str
    made: datetime
    by: str


def _no_gaps(owner: Owner) -> Sequence[DataGap]:
    return ()


def _no_hypothesis(owner: Owner, name: str) -> Hypothesis | None:
    return None


@dataclass(frozen=True)
class Packaging:
    """The packages of every workspace. `hypothesis` and `gaps` find what hypotheses and data gaps there are."""

    shelf: Shelf
    clock: Clock
    audit: AuditTrail
    hunts: GovernedHunts
    runs: HuntRuns
    signals: Signals
    hypothesis: Callable[[Owner, str], Hypothesis | None] = _no_hypothesis
    gaps: Callable[[Owner], Sequence[DataGap]] = _no_gaps
    _made: Records[Packaged] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_made", Records(self.shelf, self.clock, "hunt packages", Packaged))

    def make(self, owner: Owner, name: str, by: Acting) -> dict[str, Any]:
        """The package of a hunt, as JSON values. That it was made stands in the audit, with its hash."""
        document = self.hunts.get(owner, name)
        hunt, now = document.value, self.clock.now()
        wanted = set(hunt.techniques)
        said = package(
            PackageParts(
                document.name,
                hunt,
                self.hypothesis(owner, hunt.hypothesis) if hunt.hypothesis else None,
                self._signals(owner, hunt.signals),
                {run.name: run.value for run in self.runs.list(owner, document.name)},
                [gap for gap in self.gaps(owner) if gap.technique in wanted or set(gap.signals) & set(hunt.signals)],
                self.audit.head(owner),
                owner[0],
            ),
            now,
        )
        made = Packaged(said["hash"], now, by.author.name or by.author.object_id)
        if self._made.find(owner, document.name) is None:
            # How long it took counts to the first one.
            self._made.put(owner, document.name, made, by.author)
        entry = AuditEntry(
            by.actor,
            "hunt/package",
            "hunt",
            document.name,
            hunt.current,
            content_hash=hunt.latest.content.hash,
            request_id=by.request,
            details={"hash": said["hash"]},
        )
        self.audit.append(owner, entry)
        return said

    def figures(self, owner: Owner, minutes: Mapping[str, float] | None = None) -> Mapping[str, Figures]:
        """The figures of all hunts, and of those of each origin."""
        told = []
        for document in self.hunts.list(owner):
            hunt = document.value
            signals = self._signals(owner, hunt.signals).values()
            packaged = self._made.find(owner, document.name)
            told.append(
                Told(
                    hunt,
                    [run.value for run in self.runs.list(owner, document.name)],
                    min((signal.received for signal in signals), default=None),
                    packaged.value.made if packaged else None,
                )
            )
        return figures(told, minutes) if minutes else figures(told)

    def _signals(self, owner: Owner, ids: Sequence[str]) -> dict[str, Signal]:
        found = {}
        for id in ids:
            try:
                found[id] = self.signals.get(owner, id).value
            except NotFound:
                continue  # it is past its time
        return found
