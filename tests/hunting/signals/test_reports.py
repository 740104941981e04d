"""Reports as signals, and where they may come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid, Refused, Unavailable
from huntlake.hunting.extraction.attack import MISSING, Attack
from huntlake.hunting.signals.fetching import Page, fetched, host_of
from huntlake.hunting.signals.intake import Brought, Intake, SignalPlace, urls_of
from huntlake.hunting.signals.store import Signals
from huntlake.hunting.signals.vulnerabilities import Vulnerabilities

from .conftest import NOW, WORKSPACE

REPORT = b"""# The harbour
## How they came in
Grey Heron sent mails (T1566.001), and later ran MudSkipper from hxxps://evil-harbour[.]top/a and net.exe.
## What they did
They ran scripts (T1086). Royal waters, CVE-2024-21412.
"""


def test_a_report_tells_techniques_indicators_and_names_with_their_places(intake: Intake) -> None:
    (signal,) = intake.report(WORKSPACE, REPORT, "harbour.md", Brought(trust=0.9)).new
    stated = {t.id: t for t in signal.techniques if t.origin == "stated"}
    assert set(stated) == {"T1566.001", "T1059.001"}
    assert stated["T1059.001"].revoked == ("T1086",)
    assert stated["T1059.001"].quotes[0].place == "What they did, line 2"
    assert {(i.kind, i.value) for i in signal.indicators} >= {("domain", "evil-harbour.top"), ("CVE", "CVE-2024-21412")}
    assert (signal.actors, signal.software) == (("Grey Heron",), ("MudSkipper", "Net"))
    assert (signal.title, signal.trust, signal.source) == ("The harbour", 0.9, "report")


def test_every_quote_is_what_the_text_has_at_its_place(intake: Intake) -> None:
    (signal,) = intake.report(WORKSPACE, REPORT, "harbour.md").new
    quotes = [q for t in signal.techniques for q in t.quotes] + [i.quote for i in signal.indicators]
    assert quotes
    for quote in quotes:
        assert quote.text == signal.text[quote.start : quote.end]


def test_a_name_that_is_a_word_needs_what_tells_what_it_is(intake: Intake) -> None:
    meant = intake.report(WORKSPACE, b"The Royal ransomware was seen in the harbour that day.", "a.txt").new[0]
    said = b"Royal waters are calm. The net of the fisher is torn. It needs the .Net framework."
    word = intake.report(WORKSPACE, said, "b.txt").new[0]
    assert (meant.software, word.software) == (("Royal",), ())


def test_without_attack_what_is_stated_is_found_and_what_is_missing_is_said(
    signals: Signals, clock: FixedClock, tmp_path: Path, vulnerabilities: Vulnerabilities
) -> None:
    bare = Intake(signals, Attack(tmp_path / "none"), SignalPlace(tmp_path), clock, vulnerabilities)
    (signal,) = bare.report(WORKSPACE, REPORT, "harbour.md").new
    assert "T1566.001" in {t.id for t in signal.techniques}
    assert signal.actors == ()
    assert MISSING in signal.remarks[0]


def test_a_page_is_known_by_its_url_and_only_hosts_that_a_person_names_are_called(intake: Intake) -> None:
    asked: list[tuple[str, Sequence[str]]] = []

    def fetch(url: str, named: Sequence[str] = (), headers: Mapping[str, str] | None = None) -> Page:
        asked.append((url, named))
        return Page(200, b"<html><body><p>They used T1053.005.</p></body></html>", url)

    over = replace(intake, place=replace(intake.place, fetch=fetch))
    (signal,) = over.page(WORKSPACE, "https://blog.example.org/2026/heron", named=True).new
    over.page(WORKSPACE, "https://blog.example.org/other")
    assert signal.reference == "https://blog.example.org/2026/heron"
    assert [t.id for t in signal.techniques if t.origin == "stated"] == ["T1053.005"]
    assert [named for _, named in asked] == [("blog.example.org",), ()]


def test_an_address_of_this_network_is_not_allowed_by_being_named() -> None:
    asked: list[Sequence[str]] = []

    def fetch(url: str, named: Sequence[str] = (), headers: Mapping[str, str] | None = None) -> Page:
        asked.append(named)
        raise Refused("no")

    for url in ("http://127.0.0.1/x", "http://10.0.0.1:8080/x", "https://[::1]/x", "http://169.254.169.254/latest"):
        with pytest.raises(Refused):
            fetched(fetch, url, named=True)
    assert asked == [(), (), (), ()]


@pytest.mark.parametrize("url", ["ftp://x.example/", "file:///etc/passwd", "https://ada:pw@x.example/", "https://"])
def test_what_is_no_plain_url_of_a_page_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        host_of(url)


def test_a_page_that_is_not_there_is_no_report() -> None:
    with pytest.raises(Unavailable):
        fetched(lambda url, named=(), headers=None: Page(503, b"", url), "https://x.example/")


def test_a_list_of_urls_may_have_remarks() -> None:
    assert urls_of("# reports\nhttps://a.example/x\n\nhttps://b.example/#part # later\n") == [
        "https://a.example/x",
        "https://b.example/#part",
    ]


def test_when_a_report_was_written_is_what_its_age_counts_from(intake: Intake) -> None:
    written = NOW.replace(year=2025)
    (signal,) = intake.report(WORKSPACE, REPORT, "harbour.md", Brought(observed=written)).new
    assert (signal.observed, signal.received) == (written, NOW)
