"""Hypotheses, gaps in the data and weights, as each workspace keeps them; what people and the core do is audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid
from huntlake.hunting.hypotheses.hypothesis import DataGap, Hypothesis
from huntlake.hunting.scoring import Weights
from huntlake.state.audit import SYSTEM, Actor, AuditEntry, AuditTrail
from huntlake.state.documents import Document, Shelf, Write
from huntlake.state.records import Author, Change, Only, Owner, Records

_WEIGHTS = "weights"
_MOST = 100.0


class Hypotheses:
    """The hypotheses of every workspace. `NotFound` where there is none of that name."""

    def __init__(self, shelf: Shelf, clock: Clock, audit: AuditTrail) -> None:
        self._audit, self._clock = audit, clock
        self._records = Records(shelf, clock, "hypotheses", Hypothesis, also=self._proposed)
        self._gaps = Records(shelf, clock, "data gaps", DataGap)
        self._weights = Records(shelf, clock, "hunting weights", Weights)

    def list(self, owner: Owner) -> Sequence[Document[Hypothesis]]:
        """Those of a workspace, the most urgent first."""
        return sorted(self._records.list(owner), key=lambda d: (-d.value.priority, d.name))

    def get(self, owner: Owner, name: str) -> Document[Hypothesis]:
        """The hypothesis of that name, of which the beginning is enough."""
        if self._records.find(owner, name) is None:
            alike = [n for n in self._records.names(owner) if len(name) >= 4 and n.startswith(name.lower())]
            name = alike[0] if len(alike) == 1 else name
        return self._records.get(owner, name)

    def find(self, owner: Owner, name: str) -> Document[Hypothesis] | None:
        """The hypothesis of exactly that name, or None."""
        return self._records.find(owner, name)

    def keep(self, owner: Owner, name: str, made: Hypothesis, by: Author) -> Document[Hypothesis]:
        """Keep a hypothesis. One that is known gets the new figures and all signals; what people and hunts made of it
        stays.
        """
        before = self._records.find(owner, name)
        if before is None:
            try:
                return self._records.put(owner, name, made, by, Only(create=True))[0]
            except Conflict:
                before = self._records.get(owner, name)
        if _merged(before.value, made) == before.value:
            return before
        # Somebody may put it aside at this very moment: that stays, too.
        return self._records.change(owner, name, lambda was: _merged(was, made), by)

    def hunted(self, owner: Owner, name: str, hunt: str) -> Document[Hypothesis]:
        """Note the hunt that was made of one."""
        return self._records.change(owner, name, lambda h: replace(h, hunt=hunt))

    def dismiss(self, owner: Owner, name: str, reason: str, by: Author) -> Document[Hypothesis]:
        """Put one aside, with a reason: no hunt is made of it, whichever signals come."""
        if not reason.strip():
            raise Invalid("say why the hypothesis is put aside")
        return self._set_aside(owner, self.get(owner, name).name, reason.strip()[:2_000], "dismiss", by)

    def restore(self, owner: Owner, name: str, by: Author) -> Document[Hypothesis]:
        """Take one up again that was put aside."""
        return self._set_aside(owner, self.get(owner, name).name, "", "restore", by)

    # -- gaps ---------------------------------------------------------------------------------

    def gaps(self, owner: Owner) -> Sequence[Document[DataGap]]:
        """What can't be seen, by technique."""
        return self._gaps.list(owner)

    def gap(self, owner: Owner, technique: str) -> Document[DataGap]:
        """The gap of a technique."""
        return self._gaps.get(owner, technique)

    def keep_gaps(self, owner: Owner, found: Mapping[str, DataGap], closed: Sequence[str]) -> None:
        """Keep what can't be seen by technique; of `closed` something can be seen by now."""
        for technique, gap in found.items():
            if (before := self._gaps.find(owner, technique)) is not None:
                signals = tuple(dict.fromkeys((*before.value.signals, *gap.signals)))
                gap = replace(gap, signals=signals, found=before.value.found)
                if gap == before.value:
                    continue
            self._gaps.put(owner, technique, gap)
        for technique in closed:
            self._gaps.delete(owner, technique)

    # -- weights ------------------------------------------------------------------------------

    def weights(self, owner: Owner) -> Weights:
        """What each part of a score counts for in a workspace."""
        found = self._weights.find(owner, _WEIGHTS)
        return found.value if found else Weights()

    def weigh(self, owner: Owner, changed: Mapping[str, float], reason: str, by: Author) -> Weights:
        """Let parts count for something else from now on; what was scored before keeps the version of its weights."""
        known = {f.name for f in fields(Weights)} - {"version"}
        if unknown := sorted(changed.keys() - known):
            raise Invalid(f"no part of a score is named `{unknown[0]}`; there are {', '.join(sorted(known))}")
        if bad := [name for name, value in changed.items() if not 0 <= value <= _MOST]:
            raise Invalid(f"what `{bad[0]}` counts for lies between 0 and {_MOST:g}")
        if not reason.strip() or not changed:
            raise Invalid("say what counts for how much, and why")
        kept = self._weights.find(owner, _WEIGHTS)
        before = kept.value if kept else Weights()
        after = replace(before, **changed, version=str(int(before.version) + 1))
        entry = AuditEntry(
            Actor.person(by),
            "weigh",
            "hunting weights",
            _WEIGHTS,
            int(after.version),
            reason=reason.strip()[:2_000],
            details={"before": asdict(before), "after": asdict(after)},
        )
        only = Only(kept.etag) if kept else Only(create=True)
        self._weights.put(owner, _WEIGHTS, after, by, only, self._audit.entries(owner, entry))
        return after

    def _set_aside(self, owner: Owner, name: str, reason: str, action: str, by: Author) -> Document[Hypothesis]:
        entry = AuditEntry(Actor.person(by), action, "hypothesis", name, reason=reason)
        return self._records.change(
            owner, name, lambda h: replace(h, dismissed=reason), by, self._audit.entries(owner, entry)
        )

    def _proposed(self, change: Change[Hypothesis]) -> Sequence[Write]:
        if change.before is not None or change.after is None:
            return ()
        made = change.after
        details: dict[str, Any] = {
            "candidate": made.candidate,
            "signals": list(made.signals),
            "priority": made.priority,
            "confidence": made.confidence,
            "parts": asdict(made.parts),
            "weights": made.weights,
        }
        told = AuditEntry(
            SYSTEM, "propose", "hypothesis", change.name, reason=made.title, responsible=_named(change.by),
            details=details,
        )  # fmt: skip
        return self._audit.entries(change.owner, told)


def _merged(was: Hypothesis, made: Hypothesis) -> Hypothesis:
    return replace(
        made,
        signals=tuple(dict.fromkeys((*was.signals, *made.signals))),
        rationale=tuple(dict.fromkeys((*was.rationale, *made.rationale))),
        made=was.made,
        hunt=was.hunt,
        dismissed=was.dismissed,
        alternatives=made.alternatives or was.alternatives,
    )


def _named(author: Author) -> str:
    return author.object_id or author.user_principal_name or author.name
