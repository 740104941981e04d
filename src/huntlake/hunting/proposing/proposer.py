"""Proposes hunts: what signals say, weighed against what can be seen, drafted, proved, and put before a person.

Each step is kept before the next: what was interrupted goes on where it was, and the same signals make the same hunts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError, Invalid, NotFound
from huntlake.detection.service import Detection
from huntlake.hunting.context.gathering import ContextGathering
from huntlake.hunting.coverage.coverage import COARSE, Coverage, coverage
from huntlake.hunting.coverage.log_sources import LogSources, shipped
from huntlake.hunting.coverage.stock import Stock, critical_machines, stock
from huntlake.hunting.drafting.candidate import Candidate
from huntlake.hunting.drafting.drafter import Drafter
from huntlake.hunting.extraction.attack import MISSING, Attack
from huntlake.hunting.hypotheses.behaviours import NothingSuggested, Suggests
from huntlake.hunting.hypotheses.calibration import calibrated
from huntlake.hunting.hypotheses.hypothesis import DataGap, Hypothesis
from huntlake.hunting.hypotheses.likeness import Features, is_remembered, of_hypothesis
from huntlake.hunting.hypotheses.ranking import Ground, ranked
from huntlake.hunting.hypotheses.store import Hypotheses
from huntlake.hunting.hypotheses.wording import hypothesis, hypothesis_id
from huntlake.hunting.lifecycle.acting import SYSTEM, Acting
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.lifecycle.hunt import GovernedHunt, HuntSchedule
from huntlake.hunting.lifecycle.new_hunt import NewHunt
from huntlake.hunting.lifecycle.states import HuntState
from huntlake.hunting.modelled.assistant import Assistant
from huntlake.hunting.proposing.outcomes import OutcomesOfTemplates, came_true
from huntlake.hunting.running.runs import HuntRuns
from huntlake.hunting.signals.signal import Signal
from huntlake.hunting.signals.store import Signals
from huntlake.state.documents import Document
from huntlake.state.records import Author, Owner
from huntlake.workspace.query import Queries
from huntlake.workspace.tables import Tables
from huntlake.workspace.watchlists import Watchlists
from huntlake.workspace.workspaces import Workspace

MOST = 200
"""Hunts that one proposal may ask for."""

_SURE = 0.5
"""From which confidence on a technique that can't be seen is a gap."""
_SPARE = 2
"""For each hunt that is asked for so many are tried: some are refused by their proof, some have nothing to show."""
_EVERY = timedelta(days=1)
_MISSES = 2
"""So often in one proposal a model may have nothing to say; then it isn't asked on."""
_CRITICAL = "HighValueAssets"
_DEAD = frozenset({HuntState.INVALID, HuntState.DRY_RUN_FAILED})

Progress = Callable[[str, int, int], None]
"""Told before each step: what is done, how many are, of how many."""


def _silent(step: str, done: int, of: int) -> None:
    pass


def _shows(hunt: GovernedHunt) -> int:
    """0 for a hunt with something to look at in its dry run, 1 for one that was quiet, 2 for one that can't be run."""
    if hunt.state in _DEAD:
        return 2
    proof = hunt.latest.proof
    return 0 if proof is not None and proof.dry_run is not None and proof.dry_run.rows else 1


@dataclass(frozen=True)
class Proposed:
    """What a proposal came to: hypotheses, the most urgent first, hunts, and gaps; `remarks` say what is not as it
    could be. Of the hunts those come first whose dry run has something to look at, then those that were quiet over all
    of it, then those that can't be run, each the most urgent first; what is more than was asked for is a remark.
    """

    hypotheses: tuple[Document[Hypothesis], ...]
    hunts: tuple[Document[GovernedHunt], ...]
    gaps: tuple[DataGap, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposer:
    """Proposes hunts for the signals of a workspace; a model, where there is one, only adds words."""

    hypotheses: Hypotheses
    signals: Signals
    attack: Attack
    drafter: Drafter
    hunts: GovernedHunts
    runs: HuntRuns
    detection: Detection
    watchlists: Watchlists
    queries: Queries
    tables: Tables
    clock: Clock
    sources: LogSources = field(default_factory=shipped)
    assistant: Assistant | None = None
    """A model's hand in it, where there is one."""
    context: ContextGathering | None = None
    """What is known here beside: what of it was at hand stands in each draft."""

    def seen(self, workspace: Workspace) -> tuple[Coverage, Stock]:
        """What of ATT&CK can be seen, is hunted and is looked for by rules, and the tables that it is made of."""
        return self._seen(workspace, self.drafter.candidates(workspace))

    def propose(
        self,
        workspace: Workspace,
        by: Acting,
        signals: Sequence[str] = (),
        top: int = 15,
        told: Progress = _silent,
        *,
        draft: bool = True,
    ) -> Proposed:
        """Hypotheses for signals, all that there are where none is named, and hunts of the `top` most urgent.

        Without `draft` it ends at the hypotheses. `NotFound` for a signal that isn't there.
        """
        workspace.here("proposing hunts")
        if not 0 < top <= MOST:
            raise Invalid(f"from 1 to {MOST} hunts can be proposed at once")
        owner = (workspace.name,)
        told("signals", 0, 1)
        every = {d.name: d.value for d in self.signals.list(owner)}
        asked = {name: every[name] for name in (self._named(owner, s) for s in signals)} if signals else every
        told("coverage", 0, 1)
        candidates = self.drafter.candidates(workspace)
        coverage, stock = self._seen(workspace, candidates)
        # What an enabled rule asks is asked all the time.
        watched = {f"rule/{d.name}".lower() for d in self.detection.rules.list(owner) if d.value.enabled}
        candidates = [c for c in candidates if c.id.lower() not in watched]
        remarks = list(stock.remarks)
        if coverage.source == COARSE:
            remarks.append(f"{MISSING}. Until then coverage is {COARSE}.")
        gaps = self._gaps(owner, asked, coverage)
        told("hypotheses", 0, 1)
        kept = self._hypotheses(owner, by.author, asked, every, candidates, coverage, stock, top * _SPARE)
        kept, told_by_model = self._reasoned(owner, by.author, kept, every, top, told)
        remarks += told_by_model
        hunts: list[Document[GovernedHunt]] = []
        if draft:
            hunts, refused = self._hunts(workspace, by, kept, candidates, top, told)
            remarks += refused
            kept = [self.hypotheses.get(owner, d.name) for d in kept]
        if not asked:
            remarks.append("there is no signal: `huntlake hunt signal` brings some")
        return Proposed(tuple(kept), tuple(hunts), tuple(gaps.values()), tuple(remarks))

    # -- what can be seen -----------------------------------------------------------------------

    def _seen(self, workspace: Workspace, candidates: Sequence[Candidate]) -> tuple[Coverage, Stock]:
        owner = (workspace.name,)
        found = stock(self.queries, self.tables, workspace, self.clock.now(), self._critical(workspace))
        rules = [(d.name, d.value) for d in self.detection.rules.list(owner)]
        hunted = [
            (d.value.title, d.value.techniques)
            for d in self.hunts.list(owner)
            if d.value.state not in (HuntState.REJECTED, HuntState.RETIRED, *_DEAD)
        ]
        return (
            coverage(found, self.attack.knowledge(), self.sources, rules, hunted, [c.hunt for c in candidates]),
            found,
        )

    def _critical(self, workspace: Workspace) -> list[str]:
        found = self.watchlists.find(workspace.name, _CRITICAL)
        return critical_machines([item.fields for item in found[1].value]) if found else []

    def _gaps(self, owner: Owner, asked: Mapping[str, Signal], coverage: Coverage) -> dict[str, DataGap]:
        found: dict[str, DataGap] = {}
        seen = []
        for id, signal in asked.items():
            for technique in signal.techniques:
                known = coverage.of(technique.id)
                if known is not None and known.visibility > 0:
                    seen.append(technique.id)
                elif known is not None and technique.confidence >= _SURE:
                    before = found.get(technique.id)
                    found[technique.id] = DataGap(
                        technique.id,
                        known.missing,
                        "no table that would show it has rows of the last seven days",
                        (*(before.signals if before else ()), id),
                        self.clock.now(),
                    )
        self.hypotheses.keep_gaps(owner, found, seen)
        return found

    # -- hypotheses -----------------------------------------------------------------------------

    def _named(self, owner: Owner, name: str) -> str:
        return self.signals.get(owner, name).name

    def _hypotheses(
        self,
        owner: Owner,
        by: Author,
        asked: Mapping[str, Signal],
        every: Mapping[str, Signal],
        candidates: Sequence[Candidate],
        coverage: Coverage,
        stock: Stock,
        most: int,
    ) -> list[Document[Hypothesis]]:
        now, weights, knowledge = self.clock.now(), self.hypotheses.weights(owner), self.attack.knowledge()
        ground = Ground(
            stock,
            coverage,
            now,
            weights,
            self._earlier(owner, asked.keys()),
            OutcomesOfTemplates.over(owner, self.hunts, self.runs),
            [*every.values()],
        )
        suggests: Suggests = self.attack.finder() if knowledge is not None else NothingSuggested()
        names = {t.id: t.name for t in knowledge.techniques} if knowledge is not None else {}
        judged = came_true(owner, (d.value for d in self.hypotheses.list(owner)), self.runs)
        calibration = calibrated(judged)
        kept = []
        for one in ranked([*asked.items()], candidates, ground, suggests, most):
            made = hypothesis(one, asked, names, stock, now, weights, calibration)
            kept.append(self.hypotheses.keep(owner, hypothesis_id(made.candidate, made.parameters), made, by))
        return kept

    def _reasoned(
        self,
        owner: Owner,
        by: Author,
        kept: list[Document[Hypothesis]],
        every: Mapping[str, Signal],
        top: int,
        told: Progress,
    ) -> tuple[list[Document[Hypothesis]], list[str]]:
        """The most urgent ones with what a model says for and against them, where there is one; what it did."""
        if self.assistant is None or not self.assistant.is_there:
            return kept, []
        found, remarks, misses = list(kept), dict[str, None](), 0
        for place, document in enumerate(kept[:top]):
            # A model that is down must not hold up all that there is without it.
            if misses == _MISSES:
                break
            told("rationale", place, top)
            after, remark = self.assistant.reason(owner, document.value, every, by.name)
            if after != document.value:
                found[place] = self.hypotheses.keep(owner, document.name, after, by)
            elif remark:
                misses += 1
            if remark:
                remarks[remark] = None
        return found, list(remarks)

    def _earlier(self, owner: Owner, asked: Iterable[str]) -> list[Features]:
        """What others have asked for of late: what the same signals asked for before is no other."""
        now, same = self.clock.now(), frozenset(asked)
        return [
            of_hypothesis(d.name, d.value)
            for d in self.hypotheses.list(owner)
            if d.value.hunt and is_remembered(d.value.made, now) and not same.issuperset(d.value.signals)
        ]

    # -- hunts ----------------------------------------------------------------------------------

    def _hunts(
        self,
        workspace: Workspace,
        by: Acting,
        kept: Sequence[Document[Hypothesis]],
        candidates: Sequence[Candidate],
        top: int,
        told: Progress,
    ) -> tuple[list[Document[GovernedHunt]], list[str]]:
        known = {c.id: c for c in candidates}
        found: list[Document[GovernedHunt]] = []
        remarks: list[str] = []
        good = 0
        for document in kept:
            if good == top:
                break
            made = document.value
            if made.dismissed:
                remarks.append(f"“{made.title}” was put aside: {made.dismissed}")
                continue
            told(made.title, good, top)
            try:
                hunt = self._hunt(workspace, by, document, known.get(made.candidate))
            except (DomainError, SourceError) as error:
                remarks.append(f"“{made.title}” can't be drafted: {error}")
                continue
            found.append(hunt)
            good += _shows(hunt.value) == 0
        found.sort(key=lambda d: _shows(d.value))
        for hunt in found[top:]:
            state = "was quiet" if _shows(hunt.value) == 1 else f"can't be run ({hunt.value.reason})"
            remarks.append(f"“{hunt.value.title}” was drafted, too, and {state}")
        return found[:top], remarks

    def _hunt(
        self,
        workspace: Workspace,
        by: Acting,
        document: Document[Hypothesis],
        candidate: Candidate | None,
    ) -> Document[GovernedHunt]:
        owner, made = (workspace.name,), document.value
        if made.hunt:
            hunt = self.hunts.get(owner, made.hunt)
        else:
            if candidate is None:
                raise NotFound(f"`{made.candidate}` isn't there any more")
            drafted = self.drafter.draft(workspace, made.candidate, dict(made.parameters))
            if self.context is not None:
                known = self.context.gather(workspace, f"{made.title}\n{made.statement}", drafted.tables).used
                drafted = replace(drafted, context=tuple(dict.fromkeys((*drafted.context, *known))))
            answers = by.author.object_id or by.author.user_principal_name or by.author.name if by.is_person else ""
            schedule = HuntSchedule(_EVERY, candidate.period)
            new = NewHunt.of(document.name, made, drafted, schedule, responsible=answers)
            hunt = self.hunts.create(owner, new, SYSTEM)
            self.hypotheses.hunted(owner, document.name, hunt.name)
        # What was drafted when the process died has yet to be proved.
        return self.hunts.prove(owner, hunt.name) if hunt.value.state is HuntState.DRAFT else hunt
