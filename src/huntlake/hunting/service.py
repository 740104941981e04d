"""Everything that governed hunting keeps and does, built once."""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.ai.calls import ModelCall, kept_calls
from huntlake.ai.chat import Adviser, NoModel
from huntlake.ai.gateway import Gateway
from huntlake.core.clock import Clock
from huntlake.detection.service import Detection
from huntlake.hunting.context.gathering import ContextGathering
from huntlake.hunting.coverage.silence import Silences
from huntlake.hunting.delivery.service import Delivery
from huntlake.hunting.drafting.drafter import Drafter
from huntlake.hunting.extraction.attack import Attack
from huntlake.hunting.holding import Holding
from huntlake.hunting.hypotheses.store import Hypotheses
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.modelled.assistant import Assistant
from huntlake.hunting.packaging import Packaging
from huntlake.hunting.promotion import Promotions
from huntlake.hunting.proof.allowed import Reach
from huntlake.hunting.proof.kept_recordings import KeptRecordings
from huntlake.hunting.proof.now import ProverNow
from huntlake.hunting.proof.prover import Prover
from huntlake.hunting.proposing.proposer import Proposer
from huntlake.hunting.publishing import Publishing
from huntlake.hunting.questions import Questions
from huntlake.hunting.running.following import Following
from huntlake.hunting.running.knowing import Knowing
from huntlake.hunting.running.runs import HuntRuns
from huntlake.hunting.running.scheduling import HuntScheduler
from huntlake.hunting.running.stopping import Stops
from huntlake.hunting.sigma_library import SigmaLibrary
from huntlake.hunting.signals.feeds import SignalFeed, SignalFeeds
from huntlake.hunting.signals.incidents import IncidentListener, IncidentSignals
from huntlake.hunting.signals.intake import Intake, SignalPlace
from huntlake.hunting.signals.lake_scans import LakeReader
from huntlake.hunting.signals.scanning import Scanner
from huntlake.hunting.signals.store import Signals
from huntlake.hunting.signals.trust import trust_of
from huntlake.hunting.signals.vulnerabilities import Vulnerabilities, Vulnerability
from huntlake.hunting.watching import Watching
from huntlake.state.audit import AuditTrail
from huntlake.state.documents import Shelf
from huntlake.state.records import Owner, Records
from huntlake.workspace.known_questions import KnownQuestions
from huntlake.workspace.query import Queries
from huntlake.workspace.saved_searches import SavedSearches
from huntlake.workspace.tables import Tables
from huntlake.workspace.watchlists import Watchlists
from huntlake.workspace.workspaces import Workspaces


@dataclass(frozen=True)
class Hunting:
    """The hunting of every workspace."""

    clock: Clock
    audit: AuditTrail
    attack: Attack
    sigma: SigmaLibrary
    signals: Signals
    intake: Intake
    closings: IncidentListener
    feeds: SignalFeeds
    scanner: Scanner
    drafter: Drafter
    context: ContextGathering
    hypotheses: Hypotheses
    proposer: Proposer
    hunts: GovernedHunts
    prover: Prover
    proofs: ProverNow
    recordings: KeptRecordings
    runs: HuntRuns
    following: Following
    scheduler: HuntScheduler
    stops: Stops
    holding: Holding
    publishing: Publishing
    watching: Watching
    delivery: Delivery
    packaging: Packaging
    promotions: Promotions
    model: Adviser
    model_calls: Records[ModelCall]
    """What models were asked, those too that are configured no more."""
    assistant: Assistant
    questions: Questions

    @classmethod
    def over(
        cls,
        shelf: Shelf,
        clock: Clock,
        place: SignalPlace,
        queries: Queries,
        detection: Detection,
        searches: SavedSearches,
        watchlists: Watchlists,
        workspaces: Workspaces,
        tables: Tables,
        known_questions: KnownQuestions,
        reach: Reach = Reach(),
        model: Adviser = NoModel(),
    ) -> Hunting:
        """What is kept on that shelf, and in the folder of the place; what happens is told by detection's events,
        which `hearing` hears for it.
        """
        audit, attack = AuditTrail(shelf, clock), Attack(place.home / "attack")
        sigma = SigmaLibrary(place.home / "sigma")
        signals = Signals(shelf, clock, audit, place.kept)

        def trust(source: str, reference: str) -> float:
            return trust_of(source, reference, place.trust)

        reader = LakeReader(queries)
        vulnerabilities = Vulnerabilities(Records(shelf, clock, "vulnerabilities", Vulnerability), reader)
        assistant = Assistant(model, attack)
        intake = Intake(signals, attack, place, clock, vulnerabilities, assistant.read)
        closed = IncidentSignals(detection, attack, queries, clock, place.last_run)
        closings = IncidentListener(closed, signals, workspaces.find, lambda name: trust("incident", name))
        prover = Prover(queries, reach, workspaces.find, watchlists, functions=searches.functions)
        recordings = KeptRecordings(shelf, clock, audit)
        proofs = ProverNow(prover, workspaces.get, clock, recordings)
        stops = Stops(
            shelf,
            clock,
            audit,
            lambda: [workspace.name for workspace in workspaces.list()],
            lambda owner: holding.rules(owner),
        )

        def stopped(owner: Owner) -> str:
            # What watches the load looks at runs, which are themselves of hunts.
            return stops.why(owner) or watching.waits(owner)

        outcomes = _Judged()
        hunts = GovernedHunts(
            shelf,
            clock,
            audit,
            detection.events,
            proofs,
            outcomes,
            stopped,
        )
        holding = Holding(hunts, detection, stops)
        knowing = Knowing(queries, watchlists, detection.indicators, detection.alerts)
        runs = outcomes.runs = HuntRuns(
            shelf,
            clock,
            audit,
            detection.events,
            hunts,
            queries,
            knowing,
            Silences(queries),
            workspaces=prover.reached,
            beside=prover.beside,
        )
        publishing = Publishing.over(shelf, clock, hunts, detection, audit, attack.tactics)
        watching = Watching(clock, hunts, runs, detection, publishing, audit)
        drafter = Drafter(queries, detection.rules, searches, lambda _: ((one.name, one.text) for one in sigma.rules()))
        hypotheses = Hypotheses(shelf, clock, audit)
        context = ContextGathering(queries, tables.catalogue, drafter, detection, watchlists, clock)
        return cls(
            clock=clock,
            audit=audit,
            attack=attack,
            sigma=sigma,
            signals=signals,
            intake=intake,
            closings=closings,
            feeds=SignalFeeds(Records(shelf, clock, "feeds of signals", SignalFeed), intake, clock, place.seal),
            scanner=Scanner(shelf, clock, signals, reader, closed, place.append, trust, intake.vulnerable),
            drafter=drafter,
            context=context,
            hypotheses=hypotheses,
            proposer=Proposer(
                hypotheses,
                signals,
                attack,
                drafter,
                hunts,
                runs,
                detection,
                watchlists,
                queries,
                tables,
                clock,
                assistant=assistant,
                context=context,
            ),
            hunts=hunts,
            prover=prover,
            proofs=proofs,
            recordings=recordings,
            runs=runs,
            following=Following(hunts, runs, detection, attack.tactics),
            scheduler=HuntScheduler(shelf, clock, hunts, runs, workspaces.list, stopped, watching.look),
            stops=stops,
            holding=holding,
            publishing=publishing,
            watching=watching,
            delivery=Delivery(hunts, audit, attack.tactics),
            promotions=Promotions(shelf, clock, audit, hunts, runs, detection, queries, stops.why, attack.tactics),
            packaging=Packaging(
                shelf,
                clock,
                audit,
                hunts,
                runs,
                signals,
                lambda owner, name: found.value if (found := hypotheses.find(owner, name)) else None,
                lambda owner: [gap.value for gap in hypotheses.gaps(owner)],
            ),
            model=model,
            model_calls=kept_calls(shelf, clock),
            assistant=assistant,
            questions=Questions(queries, prover, known_questions, model=model),
        )

    def forget_calls(self, workspace: str) -> int:
        """Forget what a model was asked longer ago than that is kept; how many calls that were."""
        return self.model.expire(workspace) if isinstance(self.model, Gateway) else 0


class _Judged:
    """What people said of findings: told by runs, which are themselves of hunts."""

    runs: HuntRuns

    def judged(self, owner: Owner, template: str) -> tuple[int, int]:
        return self.runs.judged(owner, template)
