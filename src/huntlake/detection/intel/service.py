"""Threat intelligence of every workspace: taking indicators in, polling feeds, and looking for what is known."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Event

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, DomainError, Invalid, NotFound
from huntlake.detection.indicators import Indicator, mark
from huntlake.detection.intel.alerts import NAME, RULE, run_of
from huntlake.detection.intel.feeds import Feed, Page, SignIn, pages, reason_of
from huntlake.detection.intel.matching import Matched, match, sought
from huntlake.detection.intel.stix import Gathered, gathered
from huntlake.detection.raising import Raising, Stored
from huntlake.detection.running import Window
from huntlake.state.documents import Document, Shelf, Write
from huntlake.state.records import Author, Records
from huntlake.state.sealing import Seal
from huntlake.workspace.query import Queries
from huntlake.workspace.rounds import rounds_of_workspaces
from huntlake.workspace.table_sources import TableSource
from huntlake.workspace.workspaces import Workspace

_LOG = logging.getLogger("huntlake.intel")
_AT_ONCE, _MANY = 200, 1000
_LATE = timedelta(minutes=5)
"""How long rows are waited for that come late."""
_FIRST = timedelta(hours=1)
_FURTHEST = timedelta(days=7)
_EVERY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of indicators: new, changed, as they were, older than what is known; others, and refused ones."""

    created: int = 0
    changed: int = 0
    same: int = 0
    older: int = 0
    others: Mapping[str, int] | None = None
    refused: tuple[tuple[str, str], ...] = ()

    def __add__(self, more: Taken) -> Taken:
        mine, theirs = self.others or {}, more.others or {}
        return Taken(
            self.created + more.created,
            self.changed + more.changed,
            self.same + more.same,
            self.older + more.older,
            {t: mine.get(t, 0) + theirs.get(t, 0) for t in {**mine, **theirs}},
            self.refused + more.refused,
        )


@dataclass(frozen=True, slots=True)
class _Watch:
    """How far rows were looked at; `planned` is the window that is being looked at, or was when the process ended."""

    until: datetime
    planned: datetime | None = None


class Intel:
    """The indicators of every workspace at work."""

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        indicators: Records[Indicator],
        raising: Raising,
        queries: Queries,
        lake: TableSource,
        seal: Seal,
    ) -> None:
        self._shelf, self._clock, self._seal = shelf, clock, seal
        self._indicators, self._raising, self._queries, self._lake = indicators, raising, queries, lake
        self.feeds = Records(shelf, clock, "intelligence feeds", Feed)
        self._watches = Records(shelf, clock, "intelligence watches", _Watch)

    def take(
        self,
        workspace: Workspace,
        found: Gathered,
        beside: Sequence[Write] = (),
        progress: Callable[[int], None] = lambda done: None,
    ) -> Taken:
        """Keep indicators: of one id the version that was modified last. What is `beside` is written after the last."""
        workspace.here("keeping indicators")
        owner = (workspace.name,)
        newest: dict[str, tuple[str, Indicator]] = {}
        older = 0
        for name, one in found.indicators:
            before = newest.get(name.lower())
            if before is not None and not _is_newer(one, before[1]):
                older += 1
                continue
            older += before is not None
            newest[name.lower()] = (name, one)
        # To ask for each of many takes longer than to read them all.
        many = len(newest) >= _MANY
        all_known = {d.name.lower(): d for d in self._indicators.list(owner)} if many else {}
        created = changed = same = 0
        writes: list[Write] = []
        for done, (name, one) in enumerate(newest.values(), start=1):
            known = all_known.get(name.lower()) if many else self._indicators.find(owner, name)
            if known is not None and (fate := _fate(one, known.value)) != "changed":
                same, older = same + (fate == "same"), older + (fate == "older")
                continue
            created, changed = created + (known is None), changed + (known is not None)
            # Tags are what people here have given it.
            value = replace(one, tags=known.value.tags) if known else one
            writes += self._indicators.prepared(owner, name, value, Author(), known, alone=True)[1]
            if len(writes) >= _AT_ONCE:
                self._write(workspace, writes)
                writes = []
            progress(done)
        self._write(workspace, writes, beside)
        return Taken(created, changed, same, older, found.others, found.refused)

    def match(
        self,
        workspace: Workspace,
        window: Window,
        *,
        least: int = 0,
        progress: Callable[[str], None] = lambda table: None,
    ) -> Matched:
        """Look for the indicators that are valid now in the rows of a window; nothing is kept."""
        workspace.here("looking for indicators")
        if window.until <= window.since:
            raise Invalid("the time to look at ends before it begins")
        listed = [(d.name, d.value) for d in self._indicators.list((workspace.name,))]
        wanted = sought(listed, self._clock.now(), least)
        return match(self._queries, self._lake, workspace, wanted, window, progress)

    def raised(self, workspace: Workspace, matched: Matched) -> Stored:
        """Make alerts and incidents of what was seen; of one window exactly once."""
        names = {n for s in matched.sightings for n in s.names}
        known = {n: d.value for n in names if (d := self._indicators.find((workspace.name,), n)) is not None}
        run = run_of(matched, known)
        for note in run.notes:
            _LOG.warning("%s: %s", workspace.name, note)
        return self._raising.store(workspace, NAME, RULE, run)

    # -- feeds ------------------------------------------------------------------------------

    def add_feed(self, workspace: Workspace, name: str, feed: Feed, secret: str = "") -> Document[Feed]:
        """Keep a feed under a new name, with its secret sealed."""
        workspace.here("polling a feed")
        if self.feeds.find((workspace.name,), name) is not None:
            raise Conflict(f"a feed is named `{name}` already")
        if feed.sign_in is not SignIn.NONE:
            if not secret:
                raise Invalid("the secret is empty")
            feed = replace(feed, secret=self._seal.seal(secret, feed.purpose(workspace.name, name)))
        return self.feeds.put((workspace.name,), name, feed)[0]

    def remove_feed(self, workspace: Workspace, name: str) -> None:
        """Forget a feed; its indicators stay. `NotFound` where there is none."""
        if not self.feeds.delete((workspace.name,), name):
            raise NotFound(f"no feed is named `{name}`")

    def poll(self, workspace: Workspace, name: str, wait: Callable[[float, Event], bool] | None = None) -> Taken:
        """Read what a feed has that is new. Each page is kept with how far it goes: a poll that is cut short goes on.

        Why it failed is kept with the feed, and raised.
        """
        owner = (workspace.name,)
        known = self.feeds.get(owner, name)
        secret = self._secret(workspace, known)
        taken = Taken()
        try:
            for page in pages(known.value, secret, wait):
                known, more = self._kept(workspace, known, page)
                taken = taken + more
        except DomainError as error:
            self._note(workspace, name, reason_of(error))
            raise
        self._note(workspace, name, "")
        return taken

    def poll_due(self, workspace: Workspace) -> int:
        """Poll each feed whose time has come; how many there were. What fails is logged, and tried again in time."""
        done = 0
        now = self._clock.now()
        for document in self.feeds.list((workspace.name,)):
            feed = document.value
            if not feed.enabled or (feed.polled is not None and feed.polled + feed.every > now):
                continue
            done += 1
            try:
                taken = self.poll(workspace, document.name)
            except DomainError as error:
                _LOG.warning("the feed %s of %s: %s", document.name, workspace.name, error)
            else:
                _LOG.info(
                    "the feed %s of %s: %d new, %d changed", document.name, workspace.name, taken.created, taken.changed
                )
        return done

    # -- in the background ------------------------------------------------------------------

    def watch(self, workspace: Workspace, every: timedelta) -> Stored | None:
        """Look at the rows since the last time, where that is `every` ago, and raise what is seen; None where it isn't.

        A window is written down before it is looked at: one that a process left unfinished is looked at again, and its
        alerts are the same.
        """
        owner = (workspace.name,)
        end = self._clock.now().astimezone(UTC).replace(second=0, microsecond=0) - _LATE
        known = self._watches.find(owner, NAME)
        since = known.value.until if known else end - max(every, _FIRST)
        until = known.value.planned if known else None
        if until is None:
            if end - since < every and known is not None:
                return None
            if end - since > _FURTHEST:
                _LOG.warning("%s: rows from %s to %s are not looked at", workspace.name, since, end - _FURTHEST)
                since = end - _FURTHEST
            until = end
            known = self._watches.put(owner, NAME, _Watch(since, until))[0]
        stored = Stored()
        if self._indicators.count(owner):
            stored = self.raised(workspace, self.match(workspace, Window(since, until)))
        self._watches.put(owner, NAME, _Watch(until))
        return stored

    def running(
        self, workspaces: Callable[[], Iterable[Workspace]], every: timedelta | None
    ) -> AbstractContextManager[None]:
        """Poll feeds when they are due, and look at new rows as often as `every` says, as long as the block lasts."""

        def work(workspace: Workspace) -> None:
            self.poll_due(workspace)
            if every is not None:
                self.watch(workspace, every)

        return rounds_of_workspaces("intel", _EVERY_SECONDS, workspaces, work)

    def _kept(self, workspace: Workspace, known: Document[Feed], page: Page) -> tuple[Document[Feed], Taken]:
        made, put = self.feeds.prepared((workspace.name,), known.name, page.feed, Author(), known)
        return made, self.take(workspace, gathered(page.objects, known.name), put)

    def _note(self, workspace: Workspace, name: str, failed: str) -> None:
        now = self._clock.now()
        self.feeds.change((workspace.name,), name, lambda f: replace(f, polled=now, failed=failed))

    def _secret(self, workspace: Workspace, known: Document[Feed]) -> str:
        feed = known.value
        if feed.sign_in is SignIn.NONE:
            return ""
        return self._seal.open(feed.secret, feed.purpose(workspace.name, known.name))

    def _write(self, workspace: Workspace, writes: Sequence[Write], beside: Sequence[Write] = ()) -> None:
        if not writes and not beside:
            return
        marks = [mark(workspace.name)] if writes else []
        if not self._shelf.write([*writes, *marks, *beside]):
            raise Conflict("somebody else changes the indicators of this workspace: try again")


def _is_newer(one: Indicator, other: Indicator) -> bool:
    mine, theirs = one.external_last_updated, other.external_last_updated
    return mine is None or theirs is None or mine > theirs


def _fate(one: Indicator, known: Indicator) -> str:
    """What a version that comes is, beside the one that is known: `same`, `older` or `changed`."""
    bare = {"created": None, "modified": None, "tags": ()}
    if replace(one, **bare) == replace(known, **bare):  # type: ignore[arg-type]
        return "same"
    mine, theirs = one.external_last_updated, known.external_last_updated
    if mine is not None and theirs is not None and mine <= theirs:
        return "same" if mine == theirs else "older"
    return "changed"
