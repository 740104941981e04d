"""A governed hunt: its versions, which never change, its approvals, and how far it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

import orjson

from huntlake.detection.rules import EntityMapping
from huntlake.hunting.drafting.draft import Draft
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import HOUSE, known_by, names
from huntlake.hunting.lifecycle.states import HuntState
from huntlake.hunting.proof.finding import Proof
from huntlake.state.audit import Actor
from huntlake.state.records import Author


@dataclass(frozen=True, slots=True)
class HuntSchedule:
    """How often a hunt runs, and over how long a time before each run; both None: only when a person asks."""

    frequency: timedelta | None = None
    period: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class HuntLimits:
    """What a run may take: rows a day, seconds, bytes read, and MiB of memory."""

    rows_a_day: int = 50
    seconds: float = 60.0
    read_bytes: int = 2 << 30
    memory_mib: int = 1024


@dataclass(frozen=True, slots=True)
class HuntContent:
    """What an approval is for, to the letter.

    `live_watchlists` are those whose items may change afterwards; a change of another that it reads ends the approval.
    """

    query: str
    parameters: tuple[tuple[str, str], ...] = ()
    schedule: HuntSchedule = HuntSchedule()
    limits: HuntLimits = HuntLimits()
    entities: tuple[EntityMapping, ...] = ()
    live_watchlists: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 of all of it, in one form only."""
        said = asdict(self)
        if not self.live_watchlists:
            del said["live_watchlists"]  # contents that were approved before there were any keep their hash
        schedule = said["schedule"]
        schedule.update({k: None if v is None else v.total_seconds() for k, v in schedule.items()})
        return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class HuntVersion:
    """A version: its content, by whom, from what draft, and what proof says of it. Only its proof is added later.

    `note` says what is new in it. `responsible` is the person who answers for what the core or a model wrote.
    """

    number: int
    content: HuntContent
    maker: Maker
    author: Author
    made: datetime
    draft: Draft | None = None
    note: str = ""
    responsible: str = ""
    model: str = ""
    proof: Proof | None = None


class Decision(StrEnum):
    """What a person, or in later phases a rule of this house, says of a version."""

    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Review:
    """A decision about one version, bound to its content's hash; `automatic` names the phase's rule, if no person."""

    version: int
    content_hash: str
    decision: Decision
    by: Author
    at: datetime
    comment: str
    expires: datetime | None = None
    automatic: str = ""
    schema: str = ""
    """The fingerprint of what the query rests on, when it was made."""
    rests_on: str = ""
    """What that was: tables, functions and watchlists, as proofs tell it."""


@dataclass(frozen=True, slots=True)
class ReviewComment:
    """What somebody says of a version."""

    version: int
    by: Author
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Taken:
    """Something that was done to a hunt, as the audit tells it; `before` and `after` are states, where they differ."""

    action: str
    version: int
    actor: Actor
    before: str = ""
    after: str = ""
    reason: str = ""
    request: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GovernedHunt:
    """A hunt. `current` is the version that is worked on, `runnable` the approved one that runs, 0 where none is.

    `state` is that of the current version; `runnable_state` that of the runnable one, where that is an earlier one.
    `schema` is the fingerprint of what the query rests on when it was approved. `reason` says why it is in its state.
    """

    title: str
    statement: str
    rationale: str
    state: HuntState
    versions: tuple[HuntVersion, ...]
    current: int
    created: datetime
    modified: datetime
    created_by: Author
    maker: Maker
    runnable: int = 0
    reviews: tuple[Review, ...] = ()
    comments: tuple[ReviewComment, ...] = ()
    signals: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    hypothesis: str = ""
    template: str = ""
    schema: str = ""
    reason: str = ""
    rule: str = ""
    """The analytic rule it was promoted to."""
    labels: tuple[str, ...] = field(default=())
    runnable_state: HuntState | None = None
    suspended: tuple[tuple[str, datetime], ...] = ()
    """The contents, by their hashes, that were suspended and not resumed since, and when."""
    submitted: datetime | None = None
    """When it was submitted last."""
    run: str = ""
    """The id of the run that goes on."""
    runs: int = 0
    found: int = 0
    """How many of its runs have found something."""
    quiet: int = 0
    """How many of its runs, in a row, have found nothing."""
    superseded_by: str = ""
    """A hunt that looks for the same."""
    last: tuple[Taken, ...] = ()
    """What was done by the last write."""
    writes: int = 0
    incident: str = ""
    """The name of the incident that somebody began it from."""

    def version(self, number: int) -> HuntVersion:
        """The version of that number; `KeyError` where there is none."""
        for one in self.versions:
            if one.number == number:
                return one
        raise KeyError(number)

    @property
    def latest(self) -> HuntVersion:
        """The version that is worked on."""
        return self.version(self.current)

    @property
    def approved(self) -> HuntVersion:
        """The version that runs, else the last whose content is approved, else the one that is worked on: never a draft
        beside what somebody has approved.
        """
        if self.runnable:
            return self.version(self.runnable)
        return next((v for v in reversed(self.versions) if self.approval(v.content.hash)), self.latest)

    def state_of(self, number: int) -> HuntState | None:
        """How far a version is; None for one that another took the place of."""
        if number == self.current:
            return self.state
        return self.runnable_state if number == self.runnable else None

    def approval(self, content_hash: str) -> Review | None:
        """The approval of a content, unless something else was said of it since; it may be too old."""
        said = [r for r in self.reviews if r.content_hash == content_hash]
        return said[-1] if said and said[-1].decision is Decision.APPROVED else None

    def authors(self, content_hash: str) -> frozenset[str]:
        """What everybody is known by, who wrote a version of that content, or answers for one."""
        known: set[str] = set()
        for version in self.versions:
            if version.content.hash == content_hash:
                # Somebody may be called as this house is: servers often run as a user of that name.
                if version.author != HOUSE or version.maker is Maker.PERSON:
                    known |= names(version.author)
                known |= known_by(version.responsible)
        return frozenset(known)

    def proved(self, number: int, proof: Proof) -> GovernedHunt:
        """The hunt with what is known of a version now."""
        versions = tuple(replace(v, proof=proof) if v.number == number else v for v in self.versions)
        return replace(self, versions=versions)
