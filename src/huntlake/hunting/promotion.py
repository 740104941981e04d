"""From a hunt that has found something to an analytic rule: a back-test, a rule that is disabled, a second approval.

Whoever promotes a hunt can't enable its rule: somebody else who may approve does. The rule, what is known of the
promotion and its line in the audit are written together, or none of them is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from huntlake.detection.replaying import Progress
from huntlake.detection.rules import AnalyticRule
from huntlake.detection.service import Detection
from huntlake.detection.severity import Tactic
from huntlake.engines.cancellation import Cancellation
from huntlake.hunting.backtesting import (
    LEAST_HISTORY,
    Backtester,
    HuntBacktest,
    Sweep,
    known_findings,
    recommended,
)
from huntlake.hunting.lifecycle.acting import Acting, names
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.lifecycle.hunt import GovernedHunt, HuntVersion
from huntlake.hunting.lifecycle.states import By
from huntlake.hunting.publishing import rule_of
from huntlake.hunting.running.runs import HuntRuns
from huntlake.state.audit import AuditEntry, AuditTrail
from huntlake.state.documents import Document, Shelf
from huntlake.state.records import Author, Owner, Records
from huntlake.workspace.query import Queries
from huntlake.workspace.workspaces import Workspace

FRESH = timedelta(days=7)
"""A back-test that is older says nothing about the alerts of today."""
_PROMOTED = UUID("5f0f6f6e-52f5-4f0c-9f0d-0a6a4e6b8a21")
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Promotion:
    """A rule that was made of a hunt's version: by whom, with what setting, and who has enabled it."""

    hunt: str
    version: int
    rule: str
    rule_hash: str
    setting: str
    alerts_a_day: float
    promoted_by: Author
    promoted: datetime
    comment: str
    enabled_by: Author | None = None
    enabled: datetime | None = None
    approval: str = ""


class Promotions:
    """The promotions of hunts."""

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        audit: AuditTrail,
        hunts: GovernedHunts,
        runs: HuntRuns,
        detection: Detection,
        queries: Queries,
        stopped: Callable[[Owner], str] = lambda owner: "",
        tactics: Callable[[Iterable[str]], tuple[Tactic, ...]] = lambda techniques: (),
    ) -> None:
        """`stopped` says why nothing of a workspace runs now, empty where it may; `tactics` are those of techniques."""
        self._stopped, self._tactics = stopped, tactics
        self._clock, self._audit, self._hunts, self._runs, self._detection = clock, audit, hunts, runs, detection
        self._backtester = Backtester(queries, detection)
        self._backtests = Records(shelf, clock, "hunt back-tests", HuntBacktest)
        self._promotions = Records(shelf, clock, "hunt promotions", Promotion)

    def list(self, owner: Owner) -> Sequence[Document[Promotion]]:
        """The promotions of a workspace, by the name of the hunt."""
        return self._promotions.list(owner)

    def get(self, owner: Owner, hunt: str) -> Document[Promotion]:
        """The promotion of a hunt; `NotFound` where it isn't promoted."""
        name = self._hunts.get(owner, hunt).name
        if (found := self._promotions.find(owner, name)) is None:
            raise NotFound(f"the hunt `{name}` isn't promoted")
        return found

    def awaiting(self, owner: Owner, rule: str) -> str:
        """The hunt whose promotion that rule is, as long as nobody has enabled it there; else nothing."""
        for document in self._promotions.list(owner):
            made = document.value
            if made.enabled is None and made.rule.lower() == rule.lower():
                return made.hunt
        return ""

    def is_promoted(self, owner: Owner, hunt: str) -> bool:
        """Whether a hunt is promoted."""
        return self._promotions.find(owner, self._hunts.get(owner, hunt).name) is not None

    def runnable(self, owner: Owner, hunt: str) -> HuntVersion:
        """The version of a hunt that may run, and be tried as a rule; `Conflict` where there is none."""
        return _approved(self._hunts.get(owner, hunt).value)

    def has_backtest(self, owner: Owner, hunt: str) -> bool:
        """Whether there was a back-test of a hunt."""
        return self._backtests.find(owner, self._hunts.get(owner, hunt).name) is not None

    def last(self, owner: Owner, hunt: str) -> Document[HuntBacktest]:
        """The last back-test of a hunt; `NotFound` where there was none."""
        name = self._hunts.get(owner, hunt).name
        if (found := self._backtests.find(owner, name)) is None:
            raise NotFound(f"there was no back-test of the hunt `{name}`")
        return found

    def backtest(
        self,
        workspace: Workspace,
        hunt: str,
        by: Acting,
        days: int = LEAST_HISTORY.days,
        sweep: Sweep = Sweep(),
        progress: Progress | None = None,
        cancellation: Cancellation | None = None,
    ) -> Document[HuntBacktest]:
        """Try what runs of a hunt as a rule over so many days until now, and keep what came of it."""
        if not by.parts & {By.AUTHOR, By.PERSON}:
            raise Refused("only who may write hunts can have one tried as a rule")
        owner = (workspace.name,)
        document = self._hunts.get(owner, hunt)
        version = _approved(document.value)
        now = self._clock.now().astimezone(UTC).replace(second=0, microsecond=0)
        since = now - timedelta(days=days)
        known = known_findings((d.value for d in self._runs.list(owner, document.name)), since, now)
        seconds = timedelta(seconds=version.content.limits.seconds)
        trials, overlaps, failure = self._backtester.test(
            workspace,
            rule_name(owner, document.name),
            rule_of(document.value, version),
            known,
            since,
            now,
            sweep,
            seconds,
            progress,
            cancellation,
        )
        good = sum(k.good for k in known)
        place = recommended(trials, good)
        remarks = []
        if not good:
            remarks.append("no true positive is known of the time: settings that may leave some out aren't recommended")
        if place is None:
            remarks.append("no setting keeps all known true positives without failing: none is recommended")
        made = HuntBacktest(
            version.number,
            version.content.hash,
            since,
            now,
            self._clock.now(),
            trials,
            good,
            place,
            overlaps,
            tuple(remarks),
            failure,
        )
        details = {"rule": "", "trials": str(len(trials)), "true positives": str(good)}
        entry = _entry(by, "hunt/back-test", document.name, version, "", details)
        return self._kept(self._backtests, owner, document.name, made, by, entry)

    def promote(
        self, owner: Owner, hunt: str, by: Acting, comment: str, trial: int | None = None
    ) -> Document[Promotion]:
        """Make a rule, disabled, of a hunt that has found something: with the setting of a trial, else the recommended.

        `Conflict` where there is no fresh back-test of what runs, or the trial loses known true positives.
        """
        if not by.is_person or By.PERSON not in by.parts:
            raise Refused("only a person who may hunt promotes a hunt")
        if not comment.strip():
            raise Invalid("say why it is promoted, with a comment")
        document = self._hunts.get(owner, hunt)
        version, tested = _approved(document.value), self._fresh(owner, document)
        place = tested.recommended if trial is None else trial
        if place is None:
            raise Conflict("the back-test recommends no setting: name one that keeps what has to be kept")
        if not 0 <= place < len(tested.trials):
            raise Invalid(f"the back-test has {len(tested.trials)} trials, counted from 0")
        chosen = tested.trials[place]
        if chosen.kept < tested.known:
            raise Conflict(f"with this setting {tested.known - chosen.kept} of {tested.known} true positives are lost")
        if chosen.failures:
            raise Conflict(f"{chosen.failures} windows of this setting failed: {tested.failure}")
        made_of = rule_of(document.value, version, self._tactics(document.value.techniques))
        rule = replace(chosen.setting.of(made_of), enabled=False)
        rule = replace(rule, display_name=document.value.title[:256])
        name, now = rule_name(owner, document.name), self._clock.now()
        made = Promotion(
            document.name,
            version.number,
            name,
            fingerprint(rule),
            str(chosen.setting),
            chosen.a_day,
            by.author,
            now,
            comment.strip(),
        )
        rules = self._detection.rules
        _, rule_writes = rules.prepared(owner, name, rule, by.author, rules.find(owner, name))
        kept, writes = self._promotions.prepared(
            owner, document.name, made, by.author, self._promotions.find(owner, document.name)
        )
        self._hunts.promote(owner, document.name, by, name, comment, (*rule_writes, *writes), version.number)
        return kept

    def enable(self, owner: Owner, hunt: str, by: Acting, comment: str) -> Document[Promotion]:
        """Enable the rule of a hunt: the second approval, of another person than who promoted or wrote it.

        `Conflict` where the rule isn't as it was promoted, or is enabled already.
        """
        found = self.get(owner, hunt)
        made = found.value
        if not by.is_person or By.APPROVER not in by.parts:
            raise Refused("only a person who may approve hunts enables the rule of one")
        document = self._hunts.get(owner, made.hunt)
        version = document.value.version(made.version)
        mine = names(by.author)
        wrote = document.value.authors(version.content.hash)
        for those, did in (
            (names(made.promoted_by), "promoted the hunt"),
            (wrote, "wrote the version, or answers for it"),
        ):
            if mine & those:
                raise Refused(f"who {did}, can't enable its rule: somebody else must")
        if not comment.strip():
            raise Invalid("say why it is enabled, with a comment")
        if made.enabled is not None:
            raise Conflict("its rule was enabled already")
        if why := self._stopped(owner):
            raise Conflict(f"its rule can't be enabled now: {why}")
        now = self._clock.now()
        done = replace(made, enabled_by=by.author, enabled=now, approval=comment.strip())

        def enabled(rule: AnalyticRule) -> AnalyticRule:
            if fingerprint(rule) != made.rule_hash:
                raise Conflict("the rule was changed since the hunt was promoted: promote it again")
            return replace(rule, enabled=True)

        details = {"rule": made.rule, "setting": made.setting, "promoted by": made.promoted_by.name}
        entry = _entry(by, "hunt/enable rule", made.hunt, version, comment, details)
        for _ in range(_TRIES):
            kept, writes = self._promotions.prepared(owner, found.name, done, by.author, found)
            try:
                beside = [*self._audit.entries(owner, entry), *writes]
                self._detection.rules.change(owner, made.rule, enabled, by.author, beside)
            except Conflict:
                known = self._promotions.find(owner, found.name)
                rule = self._detection.rules.find(owner, made.rule)
                if known is None or known.etag != found.etag or rule is None:
                    raise
                if fingerprint(rule.value) != made.rule_hash:
                    raise
                continue  # somebody else has written the audit in between
            return kept
        raise Unavailable("the rule can't be enabled: others write the audit all the time")

    def _fresh(self, owner: Owner, document: Document[GovernedHunt]) -> HuntBacktest:
        found = self._backtests.find(owner, document.name)
        version = _approved(document.value)
        if found is None or found.value.content_hash != version.content.hash:
            raise Conflict(f"there was no back-test of version {version.number}: have one first")
        if self._clock.now() - found.value.made > FRESH:
            raise Conflict(f"its back-test is older than {FRESH.days} days: have another first")
        return found.value

    def _kept(
        self,
        records: Records[HuntBacktest],
        owner: Owner,
        name: str,
        value: HuntBacktest,
        by: Acting,
        entry: AuditEntry,
    ) -> Document[HuntBacktest]:
        for _ in range(_TRIES):
            try:
                return records.put(owner, name, value, by.author, beside=self._audit.entries(owner, entry))[0]
            except Conflict:
                continue  # somebody else has written the audit in between
        raise Unavailable("the back-test can't be kept: others write the audit all the time")


def rule_name(owner: Owner, hunt: str) -> str:
    """The name of the rule that a hunt is promoted to."""
    return str(uuid5(_PROMOTED, f"{owner[0]}\n{hunt}"))


def fingerprint(rule: AnalyticRule) -> str:
    """SHA-256 of all of a rule but whether it is enabled, and when it was changed last."""
    return hashlib.sha256(repr(replace(rule, enabled=False, last_modified=None)).encode()).hexdigest()


def _approved(hunt: GovernedHunt) -> HuntVersion:
    if not hunt.runnable:
        raise Conflict("no version of the hunt is approved and scheduled")
    return hunt.version(hunt.runnable)


def _entry(
    by: Acting, action: str, hunt: str, version: HuntVersion, reason: str, details: dict[str, str]
) -> AuditEntry:
    return AuditEntry(
        by.actor,
        action,
        "hunt",
        hunt,
        version.number,
        content_hash=version.content.hash,
        reason=reason.strip(),
        responsible=version.responsible or version.author.name,
        request_id=by.request,
        details={name: value for name, value in details.items() if value},
    )
