"""Feeds of signals: what is new is taken, once, and what fails keeps nothing else out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from huntlake.core.clock import FixedClock
from huntlake.core.errors import Conflict, Invalid, Unavailable
from huntlake.detection.intel import feeds as intel_feeds
from huntlake.detection.intel.feeds import SignIn
from huntlake.detection.intel.feeds import feed as taxii_feed
from huntlake.hunting.signals import feeds as module
from huntlake.hunting.signals.feeds import FeedKind, SignalFeed, SignalFeeds, plain_feed
from huntlake.hunting.signals.fetching import Page
from huntlake.hunting.signals.intake import Intake
from huntlake.hunting.signals.store import Added
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Records
from huntlake.state.sealing import Seal

from .conftest import OWNER, WORKSPACE
from .test_typed import EVENT, INDICATOR, REPORT

URL = "https://misp.example.org/feed"
UUIDS = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(3)]


class Web:
    """Pages by their URL, and what was asked for."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        self.asked: list[str] = []
        self.headers: Mapping[str, str] = {}

    def __call__(self, url: str, named: Sequence[str] = (), headers: Mapping[str, str] | None = None) -> Page:
        assert named == ("misp.example.org",)
        self.asked.append(url.rpartition("/")[2])
        self.headers = headers or {}
        found = self.pages.get(url.rpartition("/")[2])
        return Page(404, b"", url) if found is None else Page(200, orjson.dumps(found), url)

    def event(self, number: int, changed: int, **more: Any) -> None:
        listed = self.pages.setdefault("manifest.json", {})
        listed[UUIDS[number]] = {"timestamp": str(changed)}
        said = EVENT | {"uuid": UUIDS[number], "timestamp": str(changed)} | more
        self.pages[f"{UUIDS[number]}.json"] = {"Event": said}


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def feeds(intake: Intake, web: Web, shelf: MemoryShelf, clock: FixedClock, tmp_path: Path) -> SignalFeeds:
    over = replace(intake, place=replace(intake.place, fetch=web))
    return SignalFeeds(Records(shelf, clock, "feeds of signals", SignalFeed), over, clock, Seal(tmp_path / "seal"))


def test_a_feed_of_misp_is_read_from_where_it_was_read_to(feeds: SignalFeeds, web: Web) -> None:
    feeds.add(WORKSPACE, "misp", SignalFeed(FeedKind.MISP, plain_feed(URL), 0.3))
    web.event(0, 5)
    web.event(1, 6)
    first = feeds.poll(WORKSPACE, "misp")
    assert [one.reference for one in first.new] == [f"{URL}/{UUIDS[0]}.json", f"{URL}/{UUIDS[1]}.json"]
    assert {one.trust for one in first.new} == {0.3}
    web.asked.clear()
    web.event(2, 7)
    assert len(feeds.poll(WORKSPACE, "misp").new) == 1
    assert web.asked == ["manifest.json", f"{UUIDS[2]}.json"]


def test_an_event_that_is_broken_or_gone_keeps_no_other_out(feeds: SignalFeeds, web: Web) -> None:
    feeds.add(WORKSPACE, "misp", SignalFeed(FeedKind.MISP, plain_feed(URL)))
    web.event(0, 5)
    web.pages[f"{UUIDS[0]}.json"] = [1]
    web.event(1, 6)
    del web.pages[f"{UUIDS[1]}.json"]
    web.event(2, 7)
    added = feeds.poll(WORKSPACE, "misp")
    assert ([name for name, _ in added.refused], len(added.new)) == (UUIDS[:2], 1)


def test_a_server_that_falls_over_is_asked_again_from_there(
    feeds: SignalFeeds, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds.add(WORKSPACE, "misp", SignalFeed(FeedKind.MISP, plain_feed(URL)))
    web.event(0, 5)
    web.event(1, 6)
    kept = web.pages.pop(f"{UUIDS[1]}.json")
    answer: Callable[..., Page] = Web.__call__

    def fails(self: Web, url: str, named: Sequence[str] = (), headers: Mapping[str, str] | None = None) -> Page:
        found = answer(self, url, named, headers)
        return replace(found, status=503) if found.status == 404 else found

    monkeypatch.setattr(Web, "__call__", fails)
    with pytest.raises(Unavailable):
        feeds.poll(WORKSPACE, "misp")
    known = feeds.records.get(OWNER, "misp").value.feed
    assert known.failed
    assert known.added_after.endswith(UUIDS[0])
    web.pages[f"{UUIDS[1]}.json"] = kept
    assert len(feeds.poll(WORKSPACE, "misp").new) == 1
    assert feeds.records.get(OWNER, "misp").value.feed.failed == ""


def test_a_bundle_is_read_when_it_has_changed(feeds: SignalFeeds, web: Web) -> None:
    feeds.add(WORKSPACE, "stix", SignalFeed(FeedKind.STIX, plain_feed(f"{URL}/bundle.json")))
    web.pages["bundle.json"] = {"objects": [INDICATOR]}
    assert len(feeds.poll(WORKSPACE, "stix").new) == 1
    assert feeds.poll(WORKSPACE, "stix") == Added()
    web.pages["bundle.json"] = {"objects": [REPORT, INDICATOR]}
    assert [one.title for one in feeds.poll(WORKSPACE, "stix").new] == ["Heron in the harbour"]


def test_pages_of_taxii_are_read_together_and_kept_as_far_as_they_came(
    feeds: SignalFeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def pages(feed: intel_feeds.Feed, secret: str, wait: object = None, types: str = "", ids: str = "") -> Any:
        asked.append(types)
        yield intel_feeds.Page((REPORT,), replace(feed, added_after="1", next="2"))
        yield intel_feeds.Page((INDICATOR,), replace(feed, added_after="2", next=""))
        raise Unavailable("the feed answers 503")

    monkeypatch.setattr(module, "pages", pages)
    feeds.add(WORKSPACE, "taxii", SignalFeed(FeedKind.TAXII, taxii_feed("https://taxii.example.org/api", "c1")))
    with pytest.raises(Unavailable):
        feeds.poll(WORKSPACE, "taxii")
    (kept,) = feeds.intake.signals.list(OWNER)
    # The indicator of the second page is the report's of the first.
    assert {i.value for i in kept.value.indicators} == {"93.184.216.34", "evil-harbour.top"}
    assert feeds.records.get(OWNER, "taxii").value.feed.added_after == "2"
    assert "report" in asked[0]


def test_what_a_new_report_refers_to_is_asked_for_by_its_id(
    feeds: SignalFeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def pages(feed: intel_feeds.Feed, secret: str, wait: object = None, types: str = "", ids: str = "") -> Any:
        asked.append(ids)
        yield intel_feeds.Page((INDICATOR,) if ids else (REPORT,), replace(feed, added_after="1"))

    monkeypatch.setattr(module, "pages", pages)
    feeds.add(WORKSPACE, "taxii", SignalFeed(FeedKind.TAXII, taxii_feed("https://taxii.example.org/api", "c1")))
    (signal,) = feeds.poll(WORKSPACE, "taxii").new
    assert asked == ["", ",".join(REPORT["object_refs"])]
    assert len(signal.indicators) == 2


def test_a_secret_is_kept_sealed_and_sent(feeds: SignalFeeds, web: Web) -> None:
    feed = replace(plain_feed(URL), sign_in=SignIn.TOKEN)
    kept = feeds.add(WORKSPACE, "misp", SignalFeed(FeedKind.MISP, feed), "open sesame")
    assert "sesame" not in str(kept.value)
    web.pages["manifest.json"] = {}
    feeds.poll(WORKSPACE, "misp")
    assert web.headers == {"Authorization": "Bearer open sesame"}


def test_no_secret_goes_over_a_line_that_anybody_reads(feeds: SignalFeeds) -> None:
    feed = replace(plain_feed("http://misp.example.org/feed"), sign_in=SignIn.TOKEN)
    with pytest.raises(Invalid, match="not supported"):
        feeds.add(WORKSPACE, "misp", SignalFeed(FeedKind.MISP, feed), "open sesame")


def test_feeds_are_polled_when_they_are_due(feeds: SignalFeeds, web: Web, clock: FixedClock) -> None:
    feeds.add(WORKSPACE, "misp", SignalFeed(FeedKind.MISP, plain_feed(URL, 60)))
    with pytest.raises(Conflict):
        feeds.add(WORKSPACE, "misp", SignalFeed(FeedKind.MISP, plain_feed(URL)))
    assert feeds.poll_due(WORKSPACE) == 1  # and what fails is no reason to ask all the time
    assert feeds.poll_due(WORKSPACE) == 0
    clock.at += timedelta(minutes=61)
    assert feeds.poll_due(WORKSPACE) == 1
    feeds.remove(WORKSPACE, "misp")
    assert feeds.poll_due(WORKSPACE) == 0


def test_a_change_of_the_future_hides_nothing_that_comes_before_it(feeds: SignalFeeds, web: Web) -> None:
    feeds.add(WORKSPACE, "misp", SignalFeed(FeedKind.MISP, plain_feed(URL)))
    web.event(0, 9_000_000_000)
    assert len(feeds.poll(WORKSPACE, "misp").new) == 1
    feeds.clock.at += timedelta(hours=2)  # type: ignore[attr-defined]
    web.event(1, int(feeds.clock.now().timestamp()) - 60)
    added = feeds.poll(WORKSPACE, "misp")
    assert (len(added.new), len(added.known)) == (1, 1)
