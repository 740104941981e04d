"""Feeds of signals: collections of TAXII 2.1, feeds of MISP, bundles of STIX, asked again and again for what is new."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, assert_never

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, DomainError, Invalid, LimitExceeded, NotFound, Unavailable
from huntlake.detection.intel.feeds import Feed, SignIn, authorization, pages, reason_of
from huntlake.detection.intel.stix import read_objects
from huntlake.hunting.signals.fetching import Page, fetched, host_of
from huntlake.hunting.signals.intake import Brought, Intake, Taken
from huntlake.hunting.signals.misp import MispListed, manifest
from huntlake.hunting.signals.stix_bundles import MOST_OBJECTS, TYPES, missing_of
from huntlake.hunting.signals.store import Added
from huntlake.state.documents import Document
from huntlake.state.records import Author, Records
from huntlake.state.sealing import Seal
from huntlake.workspace.workspaces import Workspace

_LOG = logging.getLogger("huntlake.signals")

MOST_REFERRED = 500
"""Objects that a poll asks for again, since new ones refer to them."""
_AT_ONCE, _FEW_TOLD = 50, 3
MOST_EVENTS = 200
"""Events of MISP that one poll fetches; the next goes on."""


class FeedKind(StrEnum):
    """What a feed speaks."""

    TAXII = "taxii"
    MISP = "misp"
    STIX = "stix"


@dataclass(frozen=True, slots=True)
class SignalFeed:
    """A feed: where it is, how it is signed in to, and how far it was read (`feed`); `trust` None is the source's.

    `feed.added_after` is TAXII's time, the last change and UUID of a feed of MISP, the SHA-256 of a bundle.
    """

    kind: FeedKind
    feed: Feed
    trust: float | None = None


def plain_feed(url: str, minutes: int = 60) -> Feed:
    """A folder with a manifest of MISP, or a bundle of STIX, as a person names it; `Invalid` for what is no URL."""
    host_of(url)
    return Feed(url.strip().rstrip("/"), "", every=timedelta(minutes=minutes))


@dataclass(frozen=True)
class SignalFeeds:
    """The feeds of every workspace."""

    records: Records[SignalFeed]
    intake: Intake
    clock: Clock
    seal: Seal | None

    def add(self, workspace: Workspace, name: str, feed: SignalFeed, secret: str = "") -> Document[SignalFeed]:
        """Keep a feed under a new name, with its secret sealed."""
        workspace.here("polling a feed")
        if self.records.find((workspace.name,), name) is not None:
            raise Conflict(f"a feed of signals is named `{name}` already")
        if feed.feed.sign_in is not SignIn.NONE:
            if not secret:
                raise Invalid("the secret is empty")
            if feed.kind is not FeedKind.TAXII and not feed.feed.url.lower().startswith("https://"):
                raise Invalid("signing in to a feed without TLS is not supported")
            if self.seal is None:
                raise Invalid("keeping a secret is not supported here")
            sealed = self.seal.seal(secret, _purpose(feed.feed, workspace, name))
            feed = replace(feed, feed=replace(feed.feed, secret=sealed))
        return self.records.put((workspace.name,), name, feed)[0]

    def remove(self, workspace: Workspace, name: str) -> None:
        """Forget a feed; its signals stay. `NotFound` where there is none."""
        if not self.records.delete((workspace.name,), name):
            raise NotFound(f"no feed of signals is named `{name}`")

    def poll(self, workspace: Workspace, name: str) -> Added:
        """Read what a feed has that is new. Why it failed is kept with it, and raised; what came before is taken."""
        known = self.records.get((workspace.name,), name)
        taken = _Taken()
        failed = ""
        try:
            self._polled(workspace, known, taken)
        except DomainError as error:
            failed = reason_of(error)
            raise
        finally:
            now = self.clock.now()
            self.records.change(
                (workspace.name,),
                known.name,
                lambda f: replace(f, feed=replace(taken.at or f.feed, polled=now, failed=failed)),
            )
        return taken.added

    def poll_due(self, workspace: Workspace) -> int:
        """Poll each feed whose time has come; how many there were. What fails is logged, and tried again in time."""
        done, now = 0, self.clock.now()
        for document in self.records.list((workspace.name,)):
            feed = document.value.feed
            if not feed.enabled or (feed.polled is not None and feed.polled + feed.every > now):
                continue
            done += 1
            try:
                added = self.poll(workspace, document.name)
            except DomainError as error:
                _LOG.warning("the feed %s of %s: %s", document.name, workspace.name, error)
            else:
                _LOG.info("the feed %s of %s: %d new signals", document.name, workspace.name, len(added.new))
                if added.refused:
                    few = "; ".join(f"{what}: {reason}" for what, reason in added.refused[:_FEW_TOLD])
                    _LOG.warning(
                        "the feed %s of %s: %d refused: %s", document.name, workspace.name, len(added.refused), few
                    )
        return done

    def _polled(self, workspace: Workspace, known: Document[SignalFeed], taken: _Taken) -> None:
        value = known.value
        brought = Brought(Author(), value.trust)
        match value.kind:
            case FeedKind.TAXII:
                self._taxii(workspace, known, taken, brought)
            case FeedKind.MISP:
                self._misp(workspace, known, taken, brought)
            case FeedKind.STIX:
                page = self._fetch(workspace, known, value.feed.url)
                digest = hashlib.sha256(page.content).hexdigest()
                if digest != value.feed.added_after:
                    objects = read_objects(page.content)
                    taken.added = self.intake.stix(workspace, objects, "stix", value.feed.url, brought)
                taken.at = replace(value.feed, added_after=digest)
            case _ as never:
                assert_never(never)

    def _taxii(self, workspace: Workspace, known: Document[SignalFeed], taken: _Taken, brought: Brought) -> None:
        feed = known.value.feed
        objects: list[Any] = []
        try:
            # What a report refers to may come on another page.
            for page in pages(feed, self._secret(workspace, known), types=",".join(TYPES)):
                if objects and len(objects) + len(page.objects) > MOST_OBJECTS:
                    break  # the next poll begins with this page
                objects += page.objects
                taken.at = page.feed
            objects += self._referred(workspace, known, objects)
        finally:
            reference = f"{feed.url} {feed.collection}"
            taken.added = self.intake.stix(workspace, objects, "taxii", reference, brought)

    def _referred(self, workspace: Workspace, known: Document[SignalFeed], objects: list[Any]) -> list[Any]:
        """What new objects refer to that came in an earlier poll: it is asked for by its ids."""
        feed, secret = replace(known.value.feed, added_after="", next=""), self._secret(workspace, known)
        missing = missing_of(objects)[:MOST_REFERRED]
        found: list[Any] = []
        try:
            for at in range(0, len(missing), _AT_ONCE):
                ids = ",".join(missing[at : at + _AT_ONCE])
                for page in pages(feed, secret, types=",".join(TYPES), ids=ids):
                    found += page.objects
        except DomainError as error:
            # The signals say what they miss.
            _LOG.warning("the feed %s of %s: %s", known.name, workspace.name, error)
        return found

    def _misp(self, workspace: Workspace, known: Document[SignalFeed], taken: _Taken, brought: Brought) -> None:
        feed = known.value.feed
        listed = manifest(self._fetch(workspace, known, f"{feed.url}/manifest.json").content)
        taken.added = Added(refused=listed.refused)
        new = [one for one in listed.listed if _mark(one) > (feed.added_after or "")]
        for one in new[:MOST_EVENTS]:
            url = f"{feed.url}/{one.uuid}.json"
            try:
                data = self._fetch(workspace, known, url).content
                added = self.intake.typed(workspace, data, one.uuid, Taken.MISP, brought, reference=url)
            except (Invalid, LimitExceeded, NotFound) as error:
                # One broken event must not keep the others out for ever.
                added = Added(refused=((one.uuid, str(error)),))
            taken.added = taken.added + added
            # A change that is of the future must not hide all that come before it.
            taken.at = replace(feed, added_after=min(_mark(one), f"{int(self.clock.now().timestamp()):012d} "))

    def _fetch(self, workspace: Workspace, known: Document[SignalFeed], url: str) -> Page:
        headers = authorization(known.value.feed, self._secret(workspace, known))
        return fetched(self.intake.place.fetch, url, named=True, headers=headers)

    def _secret(self, workspace: Workspace, known: Document[SignalFeed]) -> str:
        feed = known.value.feed
        if feed.sign_in is SignIn.NONE:
            return ""
        if self.seal is None:
            raise Unavailable("the secret of the feed can't be read here")
        return self.seal.open(feed.secret, _purpose(feed, workspace, known.name))


@dataclass
class _Taken:
    """What a poll has given so far, and how far it has read."""

    added: Added = field(default_factory=Added)
    at: Feed | None = None


def _purpose(feed: Feed, workspace: Workspace, name: str) -> str:
    return "signals: " + feed.purpose(workspace.name, name)


def _mark(one: MispListed) -> str:
    """How far a feed was read, as texts that sort as the changes do."""
    return f"{one.changed:012d} {one.uuid}"
