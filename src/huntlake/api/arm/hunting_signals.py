"""Signals for hunts: read, taken in, looked for, forgotten. Azure has nothing of the kind: this contract is ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from pydantic import Field

from huntlake.api.arm.hunting_acting import HUNTING, ReadOnly
from huntlake.api.arm.resource import Place, Resource
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.core.errors import Invalid, NotFound, Refused
from huntlake.hunting import sigma_library
from huntlake.hunting.extraction import attack
from huntlake.hunting.extraction.attack import Attack
from huntlake.hunting.sigma_library import SigmaLibrary
from huntlake.hunting.signals.feeds import SignalFeed, SignalFeeds
from huntlake.hunting.signals.intake import Brought, Taken, kind_of
from huntlake.hunting.signals.lake_scans import ScanWindow
from huntlake.hunting.signals.scanning import ScanPart
from huntlake.hunting.signals.signal import Signal
from huntlake.hunting.signals.store import Added, Signals
from huntlake.hunting.signals.tickets import TicketMapping
from huntlake.hunting.signals.wire import stamp, told
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner


class SignalForm:
    """What a signal says, and the words that say so."""

    def shown(self, place: Place, document: Document[Signal]) -> dict[str, Any]:
        """The signal's properties, without its text, which may be long: POST `text` gives it."""
        return {"properties": told(document.value)}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Signal:
        """Signals are taken in, not written."""
        raise Refused("a signal can't be written: POST `signals/report` or `signals/import` takes one in")


@dataclass(frozen=True)
class Kept(ReadOnly):
    """The signals of a workspace, which are read, and forgotten by whoever asks."""

    signals: Signals
    by: Author

    def list(self, owner: Owner) -> Sequence[Document[Signal]]:
        """Every one, the newest first."""
        return self.signals.list(owner)

    def get(self, owner: Owner, name: str) -> Document[Signal]:
        """One of them."""
        return self.signals.get(owner, name)

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Forget one; that it was there stays in the audit."""
        return self.signals.delete(owner, name, only, self.by)


class ReportGiven(Part):
    """A report: its text (HTML, Markdown or plain), and what is known of it."""

    name: str = Field(min_length=1, max_length=300)
    content: str = Field(min_length=1)
    reference: str = Field("", max_length=2000)
    trust: float | None = Field(None, ge=0, le=1)
    observed: datetime | None = None


class TypedGiven(Part):
    """A bundle of STIX, an event of MISP, vulnerabilities or tickets: as JSON, or as the text of a file."""

    name: str = Field(min_length=1, max_length=300)
    content: dict[str, Any] | list[Any] | str
    kind: Taken | None = None
    mapping: dict[str, str] = Field(default_factory=dict)
    trust: float | None = Field(None, ge=0, le=1)


class ScanWanted(Part):
    """From when to when the lake is looked through, for what; without times the last day, for all."""

    since: datetime | None = None
    until: datetime | None = None
    history_days: int = Field(30, ge=1, le=365)
    parts: tuple[ScanPart, ...] = tuple(ScanPart)


def _report(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(ReportGiven, properties_of(body))
    brought = Brought(place.author, given.trust, _utc(given.observed))
    intake = place.services.hunting.intake
    added = intake.report(place.here, given.content.encode(), given.name, brought, given.reference)
    return 200, _added(added)


def _import(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(TypedGiven, properties_of(body))
    text = given.content
    data = text.encode() if isinstance(text, str) else orjson.dumps(text)
    kind = given.kind or kind_of(data, given.name)
    intake, brought = place.services.hunting.intake, Brought(place.author, given.trust)
    added = intake.typed(place.here, data, given.name, kind, brought, TicketMapping.of(given.mapping))
    return 200, _added(added)


def _scan(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    wanted = read(ScanWanted, properties_of(body))
    scanner = place.services.hunting.scanner
    until = _utc(wanted.until) or place.services.clock.now()
    since = _utc(wanted.since) or until - timedelta(days=1)
    if until - since > timedelta(days=90):
        raise Invalid("the lake is looked through for at most 90 days at once")
    window = ScanWindow.of(since, until, timedelta(days=wanted.history_days))
    found = scanner.scan(place.here, window, frozenset(wanted.parts), place.author)
    return 200, {
        **_added(found.added),
        "rows": dict(found.rows),
        "skipped": [{"name": what, "reason": reason} for what, reason in found.skipped],
    }


def _text(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    return 200, {"text": place.services.hunting.signals.get(place.owner, name).value.text}


def _added(added: Added) -> dict[str, Any]:
    return {
        "new": [{"id": one.id, "title": one.title, "kind": one.kind.value} for one in added.new],
        "known": list(added.known),
        "refused": [{"name": name, "reason": reason} for name, reason in added.refused],
    }


def _utc(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


SIGNALS: Resource[Signal] = Resource(
    type="huntlake.Hunting/signals",
    path=f"{HUNTING}/signals",
    form=SignalForm(),
    store=lambda place: Kept(place.services.hunting.signals, place.author),
    write=Action.HUNT,
    can_patch=False,
    filters=frozenset({"name", "properties/kind", "properties/source", "properties/observedTimeUtc"}),
    posts={"text": (Action.READ, _text)},
    collection_posts={
        "report": (Action.HUNT, _report),
        "import": (Action.HUNT, _import),
        "scan": (Action.HUNT, _scan),
    },
)


class FeedForm:
    """Where a feed is, how far it was read, and why the last poll failed; never its secret."""

    def shown(self, place: Place, document: Document[SignalFeed]) -> dict[str, Any]:
        """The feed's properties."""
        value = document.value
        feed = value.feed
        properties: dict[str, Any] = {
            "kind": value.kind.value,
            "url": feed.url,
            "collection": feed.collection,
            "signIn": feed.sign_in.value,
            "minutes": feed.every // timedelta(minutes=1),
            "enabled": feed.enabled,
            "trust": value.trust,
            "readUntil": feed.added_after,
            "polledTimeUtc": stamp(feed.polled) if feed.polled else None,
            "failed": feed.failed,
        }
        return {"properties": {name: said for name, said in properties.items() if said not in (None, "")}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> SignalFeed:
        """Feeds are added at the command line, where their secrets are given."""
        raise Refused("a feed can't be written: `huntlake hunt signal add-feed` adds one")


@dataclass(frozen=True)
class Feeds(ReadOnly):
    """The feeds of a workspace."""

    feeds: SignalFeeds

    def list(self, owner: Owner) -> Sequence[Document[SignalFeed]]:
        """Every one, by name."""
        return self.feeds.records.list(owner)

    def get(self, owner: Owner, name: str) -> Document[SignalFeed]:
        """One of them."""
        return self.feeds.records.get(owner, name)


def _poll(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    return 200, _added(place.services.hunting.feeds.poll(place.here, name))


@dataclass(frozen=True, slots=True)
class Imported:
    """Data of others that somebody has brought: which, from when, how much of it; what to do where nothing is here."""

    version: str = ""
    imported: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    notice: str = ""
    missing: str = ""


class ImportedForm:
    """What is here of ATT&CK and of Sigma."""

    def shown(self, place: Place, document: Document[Imported]) -> dict[str, Any]:
        """Its properties."""
        value = document.value
        said = {
            "version": value.version,
            "importedTimeUtc": stamp(value.imported) if value.imported else None,
            "counts": dict(value.counts),
            "notice": value.notice,
            "missing": value.missing,
        }
        return {"properties": {name: one for name, one in said.items() if one not in (None, "", {})}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Imported:
        """They are imported at the command line, from files of its machine."""
        raise Refused("it can't be written: `huntlake hunt attack import` and `huntlake hunt sigma import` bring it")


@dataclass(frozen=True)
class Imports(ReadOnly):
    """ATT&CK and Sigma, as they are here."""

    attack: Attack
    sigma: SigmaLibrary

    def list(self, owner: Owner) -> Sequence[Document[Imported]]:
        """Both."""
        return [Document("attack", self._attack(), ""), Document("sigma", self._sigma(), "")]

    def get(self, owner: Owner, name: str) -> Document[Imported]:
        """One of them."""
        for one in self.list(owner):
            if one.name == name.lower():
                return one
        raise NotFound(f"`{name[:40]}` is neither `attack` nor `sigma`")

    def _attack(self) -> Imported:
        told = self.attack.status()
        if told is None:
            return Imported(missing=attack.MISSING)
        counts = {"techniques": told.techniques, "analytics": told.analytics, "actors": told.actors}
        return Imported(told.version, told.imported, {**counts, "software": told.software}, told.notice)

    def _sigma(self) -> Imported:
        told = self.sigma.status()
        if told is None:
            return Imported(missing=sigma_library.MISSING)
        counts = {"rules": told.rules, "techniques": told.techniques, "tables": told.tables}
        return Imported(told.commit, told.imported, counts, told.notice)


FEEDS: Resource[SignalFeed] = Resource(
    type="huntlake.Hunting/signalFeeds",
    path=f"{HUNTING}/signalFeeds",
    form=FeedForm(),
    store=lambda place: Feeds(place.services.hunting.feeds),
    posts={"poll": (Action.HUNT, _poll)},
)

IMPORTS: Resource[Imported] = Resource(
    type="huntlake.Hunting/imports",
    path=f"{HUNTING}/imports",
    form=ImportedForm(),
    store=lambda place: Imports(place.services.hunting.attack, place.services.hunting.sigma),
)

RESOURCES = (SIGNALS, FEEDS, IMPORTS)
