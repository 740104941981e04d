"""Governed hunts over a state in memory, with people, and a prover that says what it is told to.

`Walk` does anything to them, in any order, by anybody, and watches that what may never happen doesn't.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from huntlake.core.clock import FixedClock
from huntlake.core.errors import DomainError
from huntlake.detection.rules import EntityMapping, FieldMapping
from huntlake.hunting.drafting.draft import Draft, DraftSource
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import BREAKER, SCHEDULER, SYSTEM, Acting
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.lifecycle.hunt import Decision, GovernedHunt, HuntContent
from huntlake.hunting.lifecycle.new_hunt import NewHunt
from huntlake.hunting.lifecycle.states import By, HuntState
from huntlake.hunting.proof.finding import Cost, DryRun, Level, Proof, ProofFinding, Volume
from huntlake.state.audit import AuditTrail
from huntlake.state.documents import Document, Shelf
from huntlake.state.events import Events
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Author, Owner

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWNER = ("soc",)
ANN = Acting.person(Author("7", "Ann", "ann@contoso.example"), hunts=True, approves=True)
BOB = Acting.person(Author("8", "Bob"), hunts=True, approves=True)
EVE = Acting.person(Author("9", "Eve"), hunts=True, approves=True, leads=True)
INTERN = Acting.person(Author("10", "Ian"), hunts=True, approves=False)
PROGRAM = Acting.application(Author("11", "pipeline"), hunts=True)
ENTITY = EntityMapping("Host", (FieldMapping("HostName", "Computer"),))


@dataclass
class FakeProver:
    """Says what it is told to."""

    clock: FixedClock
    schema: str = "s1"
    error: str = ""
    failure: str = ""
    a_day: float = 2.0
    read: int = 1000
    asked: list[HuntContent] = field(default_factory=list)

    def prove(self, workspace: str, content: HuntContent, names: Sequence[str] = ()) -> Proof:
        self.asked.append(content)
        now = self.clock.now()
        wrong = (ProofFinding("HP100", Level.ERROR, 10, self.error),) if self.error else ()
        run = DryRun(now - timedelta(days=7), now, now, 14, seconds=1.0, failure=self.failure)
        volume = Volume(self.a_day, 0.5, 4.0, "the last 24 h")
        return Proof(now, self.schema, wrong, Cost(self.read, 10, ("SecurityEvent",)), volume, run)

    def fingerprint(self, workspace: str, content: HuntContent) -> str:
        return self.schema

    def drifted(self, workspace: str, rests_on: str) -> Sequence[str]:
        return ()


@dataclass
class Judged:
    """What was said of a template's findings."""

    good: int = 0
    judged_: int = 0

    def judged(self, owner: Owner, template: str) -> tuple[int, int]:
        return self.good, self.judged_


class House:
    """Hunts of one workspace."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        self.clock, self.shelf = FixedClock(NOW), shelf or MemoryShelf()
        self.audit, self.events = AuditTrail(self.shelf, self.clock), Events(self.shelf, self.clock)
        self.prover, self.outcomes, self.stop = FakeProver(self.clock), Judged(), ""
        self.hunts = GovernedHunts(
            self.shelf, self.clock, self.audit, self.events, self.prover, self.outcomes, lambda owner: self.stop
        )

    def wait(self, **time: float) -> None:
        self.clock.at += timedelta(**time)

    def made(self, query: str = "SecurityEvent | take 5", by: Acting = ANN) -> str:
        maker = Maker.PERSON if by.is_person else Maker.CORE
        return self.hunts.create(OWNER, new(query, maker), by).name

    def submitted(self, query: str = "SecurityEvent | take 5", by: Acting = ANN) -> str:
        name = self.made(query, by)
        self.hunts.prove(OWNER, name)
        self.hunts.submit(OWNER, name, by)
        return name

    def approved(self, query: str = "SecurityEvent | take 5", by: Acting = ANN, approver: Acting = BOB) -> str:
        name = self.submitted(query, by)
        self.decide(name, approver)
        return name

    def scheduled(self, query: str = "SecurityEvent | take 5") -> str:
        name = self.approved(query)
        self.hunts.schedule(OWNER, name, ANN)
        return name

    def decide(self, name: str, by: Acting = BOB, decision: Decision = Decision.APPROVED) -> Document[GovernedHunt]:
        return self.hunts.review(OWNER, name, decision, by, "I have read it")

    def get(self, name: str) -> GovernedHunt:
        return self.hunts.get(OWNER, name).value

    def edited(self, name: str, query: str, by: Acting = ANN) -> GovernedHunt:
        content = replace(self.get(name).latest.content, query=query)
        return self.hunts.edit(OWNER, name, content, by).value

    def from_template(self, value: str, maker: Maker = Maker.CORE, responsible: str = "") -> str:
        query = "declare query_parameters(host: string); SecurityEvent | where Computer == host"
        draft = Draft("Sweep", "", query, DraftSource.TEMPLATE, "host-sweep", "1", maker)
        content = HuntContent(query, (("host", f'"{value}"'),), entities=(ENTITY,))
        made = replace(
            new(query, maker), title=f"Sweep for {value}", content=content, draft=draft, responsible=responsible
        )
        name = self.hunts.create(OWNER, made, SYSTEM).name
        self.hunts.prove(OWNER, name)
        self.hunts.submit(OWNER, name)
        return name


PEOPLE = (ANN, BOB, EVE, INTERN)
OTHERS = (PROGRAM, SYSTEM, SCHEDULER, BREAKER, Acting.model("gpt"))
QUERIES = tuple(f"SecurityEvent | where EventID == {n}" for n in range(4))
VALUES = ("a", "b")


@dataclass
class Walk:
    """Hunts to which anything may be done. `violations` says what happened that may never happen.

    What is known of approvals is noted here beside, from what was asked and answered, not from the hunts themselves.
    """

    house: House = field(default_factory=House)
    names: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    wrote: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Who wrote a content of a hunt, or answers for it."""
    approved: dict[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict)
    """Who approved a content of a hunt last, and when, where nobody has said anything else since."""
    seen: dict[tuple[str, int], str] = field(default_factory=dict)
    """Each version as it was at first, but for its proof."""
    reached: dict[str, int] = field(default_factory=dict)
    runs: int = 0
    begun: int = 0

    def step(self, what: str, who: int, which: int, value: int) -> None:
        """Do one of `STEPS`, by one of those who act, to one of the hunts; what is refused is no step."""
        by = (*PEOPLE, *OTHERS)[who % (len(PEOPLE) + len(OTHERS))]
        before = {name: self.house.get(name) for name in self.names}
        try:
            getattr(self, what)(by, self.names[which % len(self.names)] if self.names else "", value)
        except DomainError as error:
            self.reached[type(error).__name__] = self.reached.get(type(error).__name__, 0) + 1
        self._watch(before)

    def likely(self, which: int) -> tuple[str, ...]:
        """What brings one of the hunts on."""
        if len(self.names) <= which:
            return ("create",)
        hunt = self.house.get(self.names[which])
        running = hunt.state_of(hunt.runnable) if hunt.runnable else hunt.state
        return _NEXT.get(hunt.state, ()) + _NEXT.get(running or hunt.state, ()) or ("create",)

    def trust(self) -> None:
        """Let persons have approved a template often, and let what it finds be worth a look."""
        self.house.outcomes.good = self.house.outcomes.judged_ = 40
        for number in range(20):
            name = self.house.from_template(f"host-{number}")
            self.house.decide(name, BOB)

    # -- what may be tried --------------------------------------------------------------------

    def create(self, by: Acting, name: str, value: int) -> None:
        if len(self.names) >= 4:
            return
        maker = list(Maker)[value % 3]
        responsible = (*PEOPLE, SYSTEM)[value % 5].author.name
        if value % 2:
            query = "declare query_parameters(host: string); SecurityEvent | where Computer == host"
            draft = Draft("Sweep", "", query, DraftSource.TEMPLATE, "host-sweep", "1", maker)
            content = HuntContent(query, (("host", VALUES[value % 2]),), entities=(ENTITY,))
        else:
            query, draft = QUERIES[value % 4], None
            content = HuntContent(query, entities=(ENTITY,))
        made = replace(
            new(query, maker),
            title=f"Hunt {len(self.names)}",
            content=content,
            draft=draft,
            responsible="" if maker is Maker.PERSON else responsible,
        )
        created = self.house.hunts.create(OWNER, made, by).name
        if created not in self.names:
            self.names.append(created)
            self._written(created, content, by, made.responsible)

    def edit(self, by: Acting, name: str, value: int) -> None:
        hunt = self.house.get(name)
        content = replace(hunt.latest.content, query=QUERIES[value % 4])
        if value % 5 == 0:
            content = replace(content, limits=replace(content.limits, rows_a_day=10 + value % 3))
        maker = Maker.PERSON if by.is_person else Maker.CORE
        self.house.hunts.edit(OWNER, name, content, by, maker=maker)
        self._written(name, content, by, "")

    def prove(self, by: Acting, name: str, value: int) -> None:
        self.house.prover.error = "wrong" if value % 7 == 0 else ""
        self.house.prover.failure = "slow" if value % 11 == 0 else ""
        hunt = self.house.get(name)
        self.house.hunts.prove(OWNER, name, by, number=hunt.runnable or None if value % 2 else hunt.current)

    def submit(self, by: Acting, name: str, value: int) -> None:
        hunt = self.house.hunts.submit(OWNER, name, by).value
        if hunt.reviews and hunt.reviews[-1].automatic and hunt.state in (HuntState.APPROVED, HuntState.SCHEDULED):
            if self.house.hunts.rollouts.of(OWNER).phase < 2:
                self.violations.append("this house approved by itself in phase 1")
            self.approved[name, hunt.latest.content.hash] = ("huntlake", self.house.clock.now())

    def review(self, by: Acting, name: str, value: int) -> None:
        decision = (Decision.APPROVED, Decision.APPROVED, *Decision)[value % 5]
        content = self.house.get(name).latest.content.hash
        self.house.hunts.review(OWNER, name, decision, by, "read")
        if not by.is_person or not by.parts & {By.APPROVER}:
            self.violations.append(f"{by.author.name} decided")
        if by.author.name in self.wrote[name, content]:
            self.violations.append(f"{by.author.name} decided about what they wrote")
        if decision is Decision.APPROVED:
            self.approved[name, content] = (by.author.name, self.house.clock.now())
        else:
            self.approved.pop((name, content), None)

    def schedule(self, by: Acting, name: str, value: int) -> None:
        self.house.hunts.schedule(OWNER, name, by)

    def suspend(self, by: Acting, name: str, value: int) -> None:
        self.house.hunts.suspend(OWNER, name, by, "noisy")

    def resume(self, by: Acting, name: str, value: int) -> None:
        self.house.hunts.resume(OWNER, name, by, "tuned")
        if not by.is_person:
            self.violations.append(f"{by.author.name} resumed")

    def retire(self, by: Acting, name: str, value: int) -> None:
        if value % 10 == 0:
            self.house.hunts.retire(OWNER, name, by, "done")

    def roll_back(self, by: Acting, name: str, value: int) -> None:
        earlier = 1 + value % self.house.get(name).current
        content = self.house.get(name).version(earlier).content
        self.house.hunts.roll_back(OWNER, name, earlier, by, "back")
        self._written(name, content, by, "")

    def promote(self, by: Acting, name: str, value: int) -> None:
        self.house.hunts.promote(OWNER, name, by, "rule")
        if not by.is_person:
            self.violations.append(f"{by.author.name} promoted")

    def start(self, by: Acting, name: str, value: int) -> None:
        self.house.hunts.start(OWNER, name, f"run {self.begun + value % 2}", by)
        self.begun += 1

    def finish(self, by: Acting, name: str, value: int) -> None:
        run = self.house.get(name).run if value % 4 else "run 0"
        self.house.hunts.finish(OWNER, name, run, (True, False, None)[value % 3], "over", by=by)

    def expire(self, by: Acting, name: str, value: int) -> None:
        self.house.hunts.expire("soc")

    def wait(self, by: Acting, name: str, value: int) -> None:
        self.house.wait(days=95 if value % 8 == 7 else (1, 3, 8)[value % 3])

    def change_tables(self, by: Acting, name: str, value: int) -> None:
        self.house.prover.schema = f"s{value % 20 // 19}"

    def stop(self, by: Acting, name: str, value: int) -> None:
        self.house.stop = "stopped" if value % 3 == 0 else ""

    def phase(self, by: Acting, name: str, value: int) -> None:
        self.house.hunts.rollouts.set(OWNER, 1 + value % 3, by, "trust")
        if not by.is_person or not by.senior:
            self.violations.append(f"{by.author.name} set the phase")

    # -- what may never happen ----------------------------------------------------------------

    def check(self) -> list[str]:
        """Everything that went wrong, the audit among it."""
        self.violations += [f"audit {place}: {what}" for place, what in self.house.audit.verify(OWNER).faults]
        return self.violations

    def _written(self, name: str, content: HuntContent, by: Acting, responsible: str) -> None:
        self.wrote.setdefault((name, content.hash), set()).update({by.author.name, responsible} - {""})

    def _watch(self, before: dict[str, GovernedHunt]) -> None:
        for name in self.names:
            hunt = self.house.get(name)
            self.reached[hunt.state] = self.reached.get(hunt.state, 0) + 1
            for version in hunt.versions:
                text = repr(replace(version, proof=None))
                if self.seen.setdefault((name, version.number), text) != text:
                    self.violations.append(f"version {version.number} of {name} changed")
            was = before.get(name)
            if was is not None and len(hunt.versions) < len(was.versions):
                self.violations.append(f"a version of {name} is gone")
            running = hunt.runnable and hunt.state_of(hunt.runnable) is HuntState.RUNNING
            if running and not (was and was.run == hunt.run and was.state_of(was.runnable) is HuntState.RUNNING):
                self._began(name, hunt)

    def _began(self, name: str, hunt: GovernedHunt) -> None:
        self.runs += 1
        content = hunt.version(hunt.runnable).content.hash
        approval, at = self.approved.get((name, content), ("", NOW))
        if not approval:
            self.violations.append(f"{name} runs without an approval of what runs")
        elif approval != "huntlake" and approval not in {p.author.name for p in PEOPLE if By.APPROVER in p.parts}:
            self.violations.append(f"{name} runs by the word of {approval}")
        elif self.house.clock.now() >= at + timedelta(days=90):
            self.violations.append(f"{name} runs by an approval of {at}")
        if self.house.stop:
            self.violations.append(f"{name} runs while everything is stopped")


STEPS = (
    "create", "edit", "prove", "prove", "submit", "submit", "review", "review", "schedule", "schedule", "suspend",
    "resume", "retire", "roll_back", "promote", "start", "start", "finish", "finish", "expire", "wait",
    "change_tables", "stop", "phase",
)  # fmt: skip
"""What may be done; what is named twice is done twice as often."""

_READY = ("start", "start", "start", "suspend", "edit", "roll_back", "promote")
_NEXT = {
    HuntState.DRAFT: ("prove", "roll_back"),
    HuntState.INVALID: ("edit", "prove"),
    HuntState.VALIDATED: ("prove",),
    HuntState.DRY_RUN_FAILED: ("prove", "edit"),
    HuntState.DRY_RUN_OK: ("submit",),
    HuntState.IN_REVIEW: ("review",),
    HuntState.CHANGES_REQUESTED: ("edit", "roll_back"),
    HuntState.REJECTED: ("edit", "roll_back"),
    HuntState.APPROVED: ("schedule", "schedule", "edit"),
    HuntState.SCHEDULED: _READY,
    HuntState.FINDINGS: _READY,
    HuntState.NO_FINDINGS: _READY,
    HuntState.RUNNING: ("finish", "finish", "finish", "edit", "suspend"),
    HuntState.SUSPENDED: ("prove", "wait", "resume", "resume", "roll_back"),
    HuntState.EXPIRED: ("prove", "submit"),
    HuntState.PROMOTED: ("schedule", "edit"),
}


def new(query: str, maker: Maker = Maker.PERSON) -> NewHunt:
    content = HuntContent(query, entities=(ENTITY,))
    rationale = "A report says so [s1]"
    return NewHunt(
        f"Hunt for {query}", "If …", rationale, content, maker, techniques=("T1003",), tables=("SecurityEvent",)
    )
