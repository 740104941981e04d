"""Hunts over rows in memory: people, a prover that is content, and a clock that can be moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from huntlake.core.clock import FixedClock
from huntlake.detection.rules import EntityMapping, FieldMapping
from huntlake.detection.service import Detection
from huntlake.hunting.drafting.draft import Draft, DraftSource
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.lifecycle.hunt import Decision, HuntContent, HuntLimits, HuntSchedule
from huntlake.hunting.lifecycle.new_hunt import NewHunt
from huntlake.hunting.proof.finding import Cost, DryRun, Proof, Volume
from huntlake.hunting.running.following import Following
from huntlake.hunting.running.knowing import Knowing
from huntlake.hunting.running.runs import HuntRuns
from huntlake.session import Session
from huntlake.state.audit import AuditTrail
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Author
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ANN = Acting.person(Author("7", "Ann"), hunts=True, approves=True)
BOB = Acting.person(Author("8", "Bob"), hunts=True, approves=True)
PROGRAM = Acting.application(Author("11", "pipeline"), hunts=True)
QUERY = "SecurityEvent | where EventID == 4688"
ENTITIES = (
    EntityMapping("Host", (FieldMapping("HostName", "Computer"),)),
    EntityMapping("Account", (FieldMapping("FullName", "Account"),)),
)


@dataclass
class Contented:
    """Finds nothing wrong."""

    clock: FixedClock

    def prove(self, workspace: str, content: HuntContent, names: Sequence[str] = ()) -> Proof:
        now = self.clock.now()
        run = DryRun(now - 7 * DAY, now, now, 14, seconds=1.0)
        cost = Cost(1000, 10, ("SecurityEvent",))
        return Proof(now, "s1", (), cost, Volume(2.0, 0.5, 4.0, "the last day"), run)

    def fingerprint(self, workspace: str, content: HuntContent) -> str:
        return "s1"

    def drifted(self, workspace: str, rests_on: str) -> Sequence[str]:
        return ()


@dataclass
class World:
    """Everything, over one lake in memory."""

    session: Session = field(default_factory=Session.in_memory)
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    shelf: MemoryShelf = field(default_factory=MemoryShelf)

    def __post_init__(self) -> None:
        self.audit, self.detection = AuditTrail(self.shelf, self.clock), Detection.over(self.shelf, self.clock)
        self.hunts = GovernedHunts(self.shelf, self.clock, self.audit, self.detection.events, Contented(self.clock))
        analytics = self.session._analytics
        self.watchlists = self.session.watchlists
        self.knowing = Knowing(
            analytics.queries, analytics.watchlists, self.detection.indicators, self.detection.alerts
        )
        self.runs = HuntRuns(
            self.shelf, self.clock, self.audit, self.detection.events, self.hunts, analytics.queries, self.knowing
        )
        self.following = Following(self.hunts, self.runs, self.detection)

    @property
    def workspace(self) -> Workspace:
        """The only one."""
        return self.session.workspace

    @property
    def owner(self) -> tuple[str, ...]:
        """Whose everything is."""
        return (self.workspace.name,)

    def processes(self, *lines: str, computer: str = "PC1", account: str = "CORP\\ann", at: datetime = NOW) -> None:
        """Rows of processes that were started an hour before."""
        self.session.append(
            "SecurityEvent",
            [
                {
                    "TimeGenerated": (at - timedelta(hours=1)).isoformat(),
                    "EventID": 4688,
                    "Computer": computer,
                    "Account": account,
                    "CommandLine": line,
                    "NewProcessName": "C:\\Windows\\System32\\cmd.exe",
                }
                for line in lines
            ],
        )

    def hunt(self, query: str = QUERY, limits: HuntLimits = HuntLimits(), every: timedelta | None = DAY) -> str:
        """A hunt that was approved and scheduled."""
        content = HuntContent(query, (), HuntSchedule(every, DAY), limits, ENTITIES)
        draft = Draft("Odd processes", "", query, DraftSource.TEMPLATE, "odd", "1", Maker.CORE)
        new = NewHunt(
            "Odd processes",
            "If somebody was here, then odd processes ran.",
            "A report says so.",
            content,
            Maker.PERSON,
            draft=draft,
            techniques=("T1059.003",),
            tables=("SecurityEvent",),
        )
        name = self.hunts.create(self.owner, new, ANN).name
        self.hunts.prove(self.owner, name)
        self.hunts.submit(self.owner, name, ANN)
        self.hunts.review(self.owner, name, Decision.APPROVED, BOB, "fine")
        self.hunts.schedule(self.owner, name, ANN)
        return name
