"""Runs of hunts: each window of a version once, whatever dies in between, and what people say of what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import BoundedSemaphore
from time import monotonic
from typing import Any, Protocol, TypeGuard
from uuid import UUID, uuid5

import orjson

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Busy, Cancelled, Conflict, DomainError, Invalid, NotFound, Refused, Unavailable
from huntlake.detection.rows import row
from huntlake.engines.cancellation import Cancellation
from huntlake.hunting.drafting.draft import Step
from huntlake.hunting.drafting.explanation import explained
from huntlake.hunting.drafting.quoting import column, text_literal
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import BREAKER, SCHEDULER, SYSTEM, Acting
from huntlake.hunting.lifecycle.events import HuntFindings
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.lifecycle.hunt import GovernedHunt, HuntContent, HuntVersion
from huntlake.hunting.lifecycle.states import By, HuntState
from huntlake.hunting.proof.schemas import Beside
from huntlake.hunting.running import breakers
from huntlake.hunting.running.asking import Asked, ask
from huntlake.hunting.running.breakers import Bounds, Opened, Tripped
from huntlake.hunting.running.clustering import TELLING, grouped
from huntlake.hunting.running.knowing import Knowing, precision
from huntlake.hunting.running.run import FINDINGS, Cluster, HuntRun, Outcome, RunStatus, Verdict
from huntlake.hunting.running.triage import ranked
from huntlake.state.audit import AuditEntry, AuditTrail
from huntlake.state.documents import Document, Shelf, Write
from huntlake.state.events import Events
from huntlake.state.records import Owner, Records
from huntlake.workspace.query import Queries
from huntlake.workspace.visible import WorkspaceNamed
from huntlake.workspace.workspaces import Workspace

LEAST_SCORE = 0.2
"""Below it, in a workspace's third phase, nobody is asked about a cluster."""
AT_ONCE = 2
"""So many hunts run at once; others wait."""
RECENT = 30
"""So many of a hunt's last runs are looked at by its breakers, and all of the last days."""
LOOKED_BACK = timedelta(days=14)
_FINDINGS = UUID("6f7d0a3c-9a0e-4a52-8a45-0d7b9c6a2a3e")
_TRIES = 100
_LONGEST_WAIT, _GLANCE = 300.0, 0.2
_GRACE = timedelta(minutes=2)


class Silence(Protocol):
    """How long tables are silent, and how long they usually are."""

    def silent(
        self, workspace: Workspace, tables: Sequence[str], until: datetime
    ) -> Sequence[tuple[str, timedelta, timedelta]]:
        """Table, time without rows before `until`, longest time without rows that is usual."""
        ...


class HearsEverything:
    """Takes every table to be fresh."""

    def silent(
        self, workspace: Workspace, tables: Sequence[str], until: datetime
    ) -> Sequence[tuple[str, timedelta, timedelta]]:
        return ()


class HuntRuns:
    """The runs of every hunt."""

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        audit: AuditTrail,
        events: Events,
        hunts: GovernedHunts,
        queries: Queries,
        knowing: Knowing,
        silence: Silence = HearsEverything(),
        bounds: Callable[[Owner], Bounds] = lambda owner: breakers.USUAL,
        workspaces: WorkspaceNamed | None = None,
        beside: Callable[[Workspace, HuntContent], Beside] = lambda workspace, content: Beside(),
    ) -> None:
        """`workspaces` finds the other workspaces that hunts may read; without it there are none. `beside` tells which
        watchlists and functions a content reads, and their versions.
        """
        self._beside, self._turns = beside, BoundedSemaphore(AT_ONCE)
        self._shelf, self._clock, self._audit, self._events = shelf, clock, audit, events
        self._hunts, self._queries, self._knowing = hunts, queries, knowing
        self._silence, self._bounds, self._workspaces = silence, bounds, workspaces
        self._records = Records(shelf, clock, "hunt runs", HuntRun)
        self._opened = Records(shelf, clock, "hunt breakers", Opened)

    # -- looking ------------------------------------------------------------------------------

    def list(self, owner: Owner, hunt: str) -> Sequence[Document[HuntRun]]:
        """The runs of a hunt, the newest window first."""
        found = self._records.list((owner[0], self._hunts.get(owner, hunt).name))
        return sorted(found, key=lambda d: (d.value.until, d.value.started), reverse=True)

    def get(self, owner: Owner, hunt: str, id: str) -> Document[HuntRun]:
        """A run of a hunt, of whose id the beginning is enough; `NotFound` where there is none."""
        found = [d for d in self.list(owner, hunt) if d.name.startswith(id)]
        if len(found) != 1:
            raise NotFound(f"{'several runs begin' if found else 'no run begins'} with `{id}`")
        return found[0]

    def judged(self, owner: Owner, template: str) -> tuple[int, int]:
        """How many clusters of a template's hunts were worth a look, and how many were judged."""
        runs = [
            run.value
            for document in self._hunts.list(owner)
            if document.value.template == template
            for run in self._records.list((owner[0], document.name))
        ]
        return precision(runs)

    # -- running ------------------------------------------------------------------------------

    def run(
        self,
        workspace: Workspace,
        name: str,
        since: datetime,
        until: datetime,
        by: Acting = SCHEDULER,
        cancellation: Cancellation | None = None,
    ) -> Document[HuntRun]:
        """Run the runnable version over `since <= TimeGenerated < until`, once: a run that has ended is given as it is.

        What goes wrong with the query is the run's failure, and not raised. `Conflict` and `Refused` say why the hunt
        may not run.
        """
        document = self._hunts.get((workspace.name,), name)
        name, number = document.name, document.value.runnable
        if not number:
            raise Conflict("no version of it may run: it isn't approved and scheduled")
        if until <= since:
            raise Invalid("a window ends after it begins")
        if until > self._clock.now():
            # What had no rows yet would count as looked at when its time comes.
            raise Invalid("a window can't end in the future: what isn't there yet would count as looked at")
        id = run_id(number, since, until)
        known = self._records.find((workspace.name, name), id)
        if _is_over(known):
            return known
        with self._turn(cancellation):
            # While this waited, somebody else may have run the same window.
            known = self._records.find((workspace.name, name), id)
            if _is_over(known):
                return known
            return self._run(workspace, name, id, number, since, until, by, known, cancellation)

    @contextmanager
    def _turn(self, cancellation: Cancellation | None = None) -> Iterator[None]:
        """A place among those that run at once: each has a process, with memory of its own."""
        ends = monotonic() + _LONGEST_WAIT
        while not self._turns.acquire(timeout=max(0.0, min(_GLANCE, ends - monotonic()))):
            if cancellation is not None and cancellation.cancelled:
                raise Cancelled("the work was ended while it waited for its turn")
            if monotonic() >= ends:
                raise Busy(f"{AT_ONCE} hunts run already: try again later")
        try:
            yield
        finally:
            self._turns.release()

    def _run(
        self,
        workspace: Workspace,
        name: str,
        id: str,
        number: int,
        since: datetime,
        until: datetime,
        by: Acting,
        known: Document[HuntRun] | None,
        cancellation: Cancellation | None,
    ) -> Document[HuntRun]:
        owner, whose = (workspace.name,), (workspace.name, name)
        self._recovered(owner, self._hunts.get(owner, name))
        document = self._hunts.get(owner, name)
        version = document.value.version(number)
        # A process may have died when a breaker should have opened after the last run.
        if (why := self._look_after(owner, name)) is not None:
            raise Conflict(f"it was suspended: {why.reason}")
        asked_by = by.author if by.is_person else None
        # Before the guards look: what is changed for them, or after them, and changed back at the end, is noticed.
        beside = self._beside(workspace, version.content)
        begun = HuntRun(name, number, since, until, RunStatus.RUNNING, self._clock.now(), asked_by=asked_by)
        document = self._hunts.start(
            owner, name, id, by, number, beside=self._records.prepared(whose, id, begun, by.author, known)[1]
        )
        try:
            done = self._asked(workspace, name, document.value, version, begun, beside, cancellation)
        except Cancelled:
            raise  # the process ends; who looks next runs it again
        except (SourceError, DomainError) as error:
            passes = not isinstance(error, SourceError | Invalid | NotFound | Refused)
            failure = str(error)[:2000] or type(error).__name__
            done = replace(begun, status=RunStatus.FAILED, failure=failure, details={"may pass": str(passes).lower()})
        return self._ended(owner, name, id, replace(done, ended=self._clock.now()), document.value.title)

    def _recovered(self, owner: Owner, document: Document[GovernedHunt]) -> None:
        """End a run whose process has died, so that another can begin."""
        hunt = document.value
        if not hunt.run or (found := self._records.find((owner[0], document.name), hunt.run)) is None:
            return
        run, limits = found.value, hunt.version(hunt.runnable).content.limits
        if run.ended is not None or self._clock.now() - run.started < timedelta(seconds=2 * limits.seconds) + _GRACE:
            return
        lost = replace(
            run, status=RunStatus.FAILED, failure="the process that ran it has died", details={"may pass": "true"}
        )
        self._ended(owner, document.name, found.name, replace(lost, ended=self._clock.now()), hunt.title)

    def _asked(
        self,
        workspace: Workspace,
        name: str,
        hunt: GovernedHunt,
        version: HuntVersion,
        run: HuntRun,
        beside: Beside,
        cancellation: Cancellation | None,
    ) -> HuntRun:
        content, bounds = version.content, self._bounds((workspace.name,))
        volume = version.proof.volume if version.proof else None
        most = breakers.most_rows(content.limits, volume, run.until - run.since, bounds)
        found = ask(self._queries, workspace, content, run.since, run.until, most + 1, cancellation, self._workspaces)
        # What was so when it began may have been changed before it was read.
        if why := self._hunts.drifted((workspace.name,), hunt, version.number):
            raise Unavailable(why)
        stood_in = any(found.functions.get(name, text) != text for name, text in beside.functions.items())
        if stood_in or self._beside(workspace, content) != beside:
            raise Unavailable("a watchlist or a function was changed while it ran")
        earlier = [d.value for d in self._records.list((workspace.name, name)) if d.value.until <= run.since]
        facts = self._knowing.facts(workspace, run.until, earlier)
        groups = grouped(found.rows[:most], content.entities)
        clusters = ranked(groups, facts)
        read = {f"watchlist {alias}": version for alias, version in beside.lists.items()}
        told = replace(run, rows=len(found.rows), clusters=clusters, seconds=found.seconds, read_bytes=found.read_bytes)
        told = replace(told, details=read)
        if (left := len(groups) - len(clusters)) > 0:
            rows = sum(len(group.rows) for group in groups) - sum(cluster.rows for cluster in clusters)
            remark = f"of {len(groups):,} clusters {left:,}, with {rows:,} rows, aren't kept: narrow the query"
            told = replace(told, remarks=(remark,))
        return self._judged(workspace, hunt, told, found, most)

    def _judged(self, workspace: Workspace, hunt: GovernedHunt, run: HuntRun, found: Asked, most: int) -> HuntRun:
        """The run with what it means."""
        if len(found.rows) > most:
            remark = f"it gave more than {most:,} rows, of which the first are kept"
            return replace(run, status=RunStatus.STOPPED, rows=most, remarks=(*run.remarks, remark))
        if found.cut:
            return replace(run, status=RunStatus.STOPPED, remarks=(*run.remarks, found.cut))
        if any(not cluster.known_good for cluster in run.clusters):
            return replace(run, status=RunStatus.FINDINGS)
        told = self._silence.silent(workspace, hunt.tables, run.until)
        silent = [one for one in told if breakers.blind([one], self._bounds((workspace.name,)))]
        if silent and len(silent) == len(told):
            # Nothing was found because nothing could be seen: that must not be told as the other.
            reason = breakers.blind(silent, self._bounds((workspace.name,)))
            return replace(run, status=RunStatus.BLIND, failure=reason.reason if reason else "")
        if silent:
            remark = f"part of it can't be seen: no rows have come to {', '.join(name for name, *_ in silent)}"
            run = replace(run, remarks=(*run.remarks, remark))
        return replace(run, status=RunStatus.NO_FINDINGS)

    def _ended(self, owner: Owner, name: str, id: str, done: HuntRun, title: str) -> Document[HuntRun]:
        whose = (owner[0], name)
        found = {RunStatus.FINDINGS: True, RunStatus.STOPPED: True, RunStatus.NO_FINDINGS: False}.get(done.status)
        for _ in range(_TRIES):
            known = self._records.get(whose, id)
            if known.value.ended is not None and known.value.status is not RunStatus.FAILED:
                return known  # somebody else has run the same window
            kept, writes = self._records.prepared(whose, id, done, SCHEDULER.author, known)
            beside = [*writes, *self._told(owner, name, id, done, title)]
            try:
                self._hunts.finish(
                    owner, name, id, found, done.failure, beside, rows=str(done.rows), clusters=str(len(done.clusters))
                )
            except Conflict:
                continue
            self._set_aside(owner, kept)
            self._look_after(owner, name)
            return kept
        raise Unavailable("the run can't be written: others write it all the time")

    def _set_aside(self, owner: Owner, document: Document[HuntRun]) -> None:
        """In the third phase nobody is asked about clusters that are hardly worth a look; what they are stays open."""
        rollout = self._hunts.rollouts.of(owner)
        if rollout.phase < 3:
            return
        for cluster in document.value.clusters:
            if cluster.score < LEAST_SCORE and not cluster.known_good:
                why = f"phase 3: its score is below {LEAST_SCORE}"
                said = Outcome(cluster.signature, Verdict.INCONCLUSIVE, why, SYSTEM.author, self._clock.now())
                self._said(owner, document, cluster.signature, partial(_unless_said, said), SYSTEM)

    def _told(self, owner: Owner, name: str, id: str, run: HuntRun, title: str) -> Iterator[Write]:
        """The rows of `HuntlakeFindings`, and the event, where there is something to look at."""
        clusters = [cluster for cluster in run.clusters if not cluster.known_good]
        for cluster in run.clusters:
            yield row(owner, FINDINGS, _cells(name, id, title, run, cluster, self._clock.now()))
        if clusters and run.status in (RunStatus.FINDINGS, RunStatus.STOPPED):
            best = max(cluster.score for cluster in clusters)
            yield self._events.append(owner, HuntFindings(name, title, run.version, id, run.rows, len(clusters), best))

    # -- breakers -----------------------------------------------------------------------------

    def opened(self, owner: Owner, hunt: str) -> Sequence[Opened]:
        """The breakers of a hunt that have opened, the newest first."""
        found = [d.value for d in self._opened.list((owner[0], self._hunts.get(owner, hunt).name))]
        return sorted(found, key=lambda one: one.at, reverse=True)

    def _look_after(self, owner: Owner, name: str) -> Tripped | None:
        """Suspend a hunt whose breaker opens, and say which."""
        hunt = self._hunts.get(owner, name).value
        if not hunt.runnable or hunt.state_of(hunt.runnable) is HuntState.SUSPENDED:
            return None
        whose, version, now = (owner[0], name), hunt.version(hunt.runnable), self._clock.now()
        for document in self._opened.list(whose):
            if document.value.closed is None:
                # It isn't suspended any more: a person has looked at it, and what was before is behind.
                self._opened.change(whose, document.name, lambda one: replace(one, closed=one.closed or now))
        since = max((one.value.closed or now for one in self._opened.list(whose)), default=None)
        runs = [d.value for d in self.list(owner, name) if d.value.version == version.number]
        runs = [r for r in runs if r.ended is not None and (since is None or r.started >= since)]
        # Thirty runs of a hunt that runs each hour are hardly more than a day.
        runs = [r for place, r in enumerate(runs) if place < RECENT or r.until > runs[0].until - LOOKED_BACK]
        bounds, limits = self._bounds(owner), version.content.limits
        verdicts = [outcome.verdict for run in runs for outcome in run.outcomes]
        tripped = (
            breakers.volume(runs, limits, bounds)
            or breakers.false_positives(verdicts, bounds)
            or breakers.errors(runs, bounds)
            or breakers.cost(runs, limits, bounds)
        )
        if tripped is None:
            return None
        kept = Opened(tripped.kind, tripped.reason, tripped.evidence, now)
        writes = self._opened.prepared(whose, f"{now:%Y%m%dT%H%M%S%fZ}", kept, BREAKER.author, None)[1]
        evidence = {key.replace(" ", "_"): value for key, value in tripped.evidence}
        try:
            self._hunts.suspend(owner, name, BREAKER, f"{tripped.kind}: {tripped.reason}", writes, **evidence)
        except Conflict:
            return None  # it is suspended, or runs no more
        return tripped

    # -- what people say ----------------------------------------------------------------------

    def judge(
        self,
        owner: Owner,
        hunt: str,
        id: str,
        signature: str,
        verdict: Verdict,
        reason: str,
        by: Acting,
        comment: str = "",
    ) -> Document[HuntRun]:
        """Say what a cluster turned out to be; said again, the last word counts. A person's alone."""
        _person(by, "says what was found")
        document = self.get(owner, hunt, id)
        cluster = _cluster(document.value, signature)
        said = Outcome(cluster.signature, verdict, reason, by.author, self._clock.now(), comment)
        kept = self._said(
            owner, document, cluster.signature, lambda known: replace(said, made=known.made if known else ""), by
        )
        self._look_after(owner, document.value.hunt)
        return kept

    def _said(
        self,
        owner: Owner,
        document: Document[HuntRun],
        signature: str,
        how: Callable[[Outcome | None], Outcome | None],
        by: Acting,
        beside: Callable[[], Sequence[Write]] = tuple,
    ) -> Document[HuntRun]:
        """Write what is said of a cluster, by what was said of it before; nothing, where there is nothing to say. What
        is `beside` is written with it, or neither; it is asked for anew where somebody else has written in between.
        """
        name, id = document.value.hunt, document.name
        title = self._hunts.get(owner, name).value.title
        for _ in range(_TRIES):
            known = self._records.get((owner[0], name), id)
            said = how(next((o for o in known.value.outcomes if o.signature == signature), None))
            if said is None:
                return known
            others = tuple(o for o in known.value.outcomes if o.signature != signature)
            told = replace(known.value, outcomes=(*others, said))
            kept, writes = self._records.prepared((owner[0], name), id, told, by.author, known)
            cells = _verdict_cells(name, id, title, told, said)
            entry = _verdict_entry(name, id, told, said, by)
            all_of_it = [*writes, *self._audit.entries(owner, entry), row(owner, FINDINGS, cells), *beside()]
            if self._shelf.write(all_of_it):
                self._events.deliver(owner)
                return kept
        raise Unavailable("the verdict can't be written: others write all the time")

    def made(
        self,
        owner: Owner,
        document: Document[HuntRun],
        signature: str,
        what: str,
        by: Acting,
        comment: str,
        is_noted: Callable[[str], bool] = lambda made: False,
        beside: Callable[[], Sequence[Write]] = tuple,
    ) -> Document[HuntRun]:
        """Make a bookmark or an incident of a cluster, by what is `beside`, and note it in the same write; the verdict
        stays, or is `inconclusive` yet. Nothing where what was made of it before says that it `is_noted`.
        """

        def with_made(known: Outcome | None) -> Outcome | None:
            if known is not None and is_noted(known.made):
                return None
            verdict, reason = (known.verdict, known.reason) if known else (Verdict.INCONCLUSIVE, what)
            return Outcome(signature, verdict, reason, by.author, self._clock.now(), comment, what)

        return self._said(owner, document, signature, with_made, by, beside)

    def suppress(self, owner: Owner, hunt: str, id: str, signature: str, by: Acting) -> Document[GovernedHunt]:
        """Propose a version without what a cluster is: a draft, which is proved and reviewed like any other."""
        _person(by, "proposes what is left out")
        document = self.get(owner, hunt, id)
        cluster = _cluster(document.value, signature)
        known = self._hunts.get(owner, hunt).value
        content = known.latest.content
        same = _same(cluster.sample)
        if not same:
            raise Invalid("the rows of that cluster have nothing in common that a query could leave out")
        test = " and ".join(f"{column(name)} == {text_literal(value)}" for name, value in same.items())
        query = f"{content.query.rstrip().rstrip(';')}\n| where not({test})"
        note = f"leaves out the cluster {cluster.signature} of the run {document.name}"
        answers, draft = by.author.object_id or by.author.name, known.latest.draft
        if draft is not None:
            # Who reviews it reads the steps: those of the query before don't say what is left out.
            draft = replace(draft, explanation=_steps(query))
        return self._hunts.edit(owner, hunt, replace(content, query=query), by, note, Maker.CORE, draft, answers)


def _steps(query: str) -> tuple[Step, ...]:
    try:
        return explained(query)
    except SourceError:
        return ()


def _is_over(run: Document[HuntRun] | None) -> TypeGuard[Document[HuntRun]]:
    """Whether a window needs no other run: its own has ended, and has not failed."""
    return run is not None and run.value.ended is not None and run.value.status is not RunStatus.FAILED


def run_id(version: int, since: datetime, until: datetime) -> str:
    """The id of the run of a version over a window."""
    return f"{version}-{_moment(since)}-{_moment(until)}"


def _moment(at: datetime) -> str:
    # Two windows may differ by less than a second.
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S}{f'.{at.microsecond:06}' if at.microsecond else ''}Z"


def _unless_said(said: Outcome, known: Outcome | None) -> Outcome | None:
    return said if known is None else None


def finding_id(hunt: str, run: str, signature: str) -> str:
    """A GUID for a cluster of a run."""
    return str(uuid5(_FINDINGS, f"{hunt}\n{run}\n{signature}"))


def cluster_of(run: HuntRun, signature: str) -> Cluster:
    """A cluster of a run, of whose signature the beginning is enough; `NotFound` where there is none."""
    return _cluster(run, signature)


def _cluster(run: HuntRun, signature: str) -> Cluster:
    found = [cluster for cluster in run.clusters if signature and cluster.signature.startswith(signature)]
    if len(found) != 1:
        raise NotFound(f"{'several clusters begin' if found else 'no cluster begins'} with `{signature}`")
    return found[0]


def _person(by: Acting, does: str) -> None:
    if not by.is_person or By.PERSON not in by.parts:
        raise Refused(f"only a person who may hunt {does}")


def _same(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What all rows say alike, of the columns that say what happened."""
    same = {}
    for name in TELLING:
        values = {row.get(name) for row in rows}
        if len(values) == 1 and isinstance(value := values.pop(), str) and value:
            same[name] = value
    return same


def _cells(name: str, id: str, title: str, run: HuntRun, cluster: Cluster, now: datetime) -> dict[str, Any]:
    return {
        "TimeGenerated": now.astimezone(UTC).isoformat(),
        "FindingId": finding_id(name, id, cluster.signature),
        "HuntId": name,
        "HuntTitle": title,
        "HuntVersion": run.version,
        "RunId": id,
        "WindowStart": run.since.astimezone(UTC).isoformat(),
        "WindowEnd": run.until.astimezone(UTC).isoformat(),
        "Signature": cluster.signature,
        "Title": cluster.title,
        "Rows": cluster.rows,
        "Score": cluster.score,
        "ScoreParts": orjson.dumps(dict(cluster.parts)).decode(),
        "Entities": orjson.dumps([{"Type": type, "Value": value} for type, value in cluster.entities]).decode(),
        "KnownGood": cluster.known_good,
        "Summary": cluster.summary,
        "Verdict": "",
    }


def _verdict_cells(name: str, id: str, title: str, run: HuntRun, said: Outcome) -> dict[str, Any]:
    cluster = _cluster(run, said.signature)
    return {
        **_cells(name, id, title, run, cluster, said.at),
        "Verdict": said.verdict.value,
        "VerdictReason": said.reason,
        "VerdictBy": said.by.name or said.by.user_principal_name or said.by.object_id,
        "Made": said.made,
    }


def _verdict_entry(name: str, id: str, run: HuntRun, said: Outcome, by: Acting) -> AuditEntry:
    return AuditEntry(
        by.actor,
        "hunt run/verdict",
        "hunt run",
        f"{name}/{id}",
        run.version,
        reason=said.comment or said.reason,
        request_id=by.request,
        details={
            "cluster": said.signature,
            "verdict": said.verdict.value,
            "reason": said.reason,
            **({"made": said.made} if said.made else {}),
        },
    )
