"""Candidates weighed for what signals say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from huntlake.hunting.coverage.coverage import Coverage
from huntlake.hunting.coverage.stock import Stock, TableStock
from huntlake.hunting.hypotheses.behaviours import NothingSuggested, behaviours
from huntlake.hunting.hypotheses.calibration import LEAST_OUTCOMES, Calibration, calibrated, level
from huntlake.hunting.hypotheses.likeness import of_candidate, of_hypothesis
from huntlake.hunting.hypotheses.ranking import Ground, Weighed, ranked
from huntlake.hunting.hypotheses.wording import hypothesis, hypothesis_id
from huntlake.hunting.retrieval import HuntCandidate
from huntlake.hunting.scoring import SignalKind, Weights
from huntlake.hunting.signals.signal import Quote, Signal, SignalIndicator, SignalTechnique

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STOCK = Stock(NOW, {t: TableStock(t, 10, NOW) for t in ("DeviceProcessEvents", "OfficeActivity", "DnsEvents")})
TEXT = """Word starts PowerShell with an encoded command.
A rule in the mailbox hides mail about invoices from its owner.
The shares are packed into an archive with a password.
The weather was fine that week, and nothing else happened."""


@dataclass(frozen=True)
class One:
    """A candidate. One that has a kind looks for indicators of it."""

    hunt: HuntCandidate
    kind: str = ""
    anomalies: frozenset[str] = frozenset()
    period: timedelta = timedelta(days=14)

    @property
    def id(self) -> str:
        return self.hunt.id

    @property
    def is_sweep(self) -> bool:
        return bool(self.kind)

    def filled(
        self, indicators: Iterable[tuple[str, str]] = (), entities: Iterable[tuple[str, str]] = ()
    ) -> Mapping[str, str] | None:
        values = [value for kind, value in indicators if kind == self.kind]
        return {"Values": str(values)} if values else None if self.kind else {}


def _one(id: str, title: str, technique: str, table: str = "DeviceProcessEvents", kind: str = "") -> One:
    return One(HuntCandidate(id, title, "", "", frozenset({technique} if technique else ()), (table,)), kind)


CANDIDATES = [
    _one("template/encoded", "PowerShell with an encoded command", "T1059.001"),
    _one("template/encoded-again", "PowerShell starts with a command that is encoded", "T1059.001"),
    _one("template/hides", "Mailbox rule that hides mail from its owner", "T1564.008", "OfficeActivity"),
    _one("template/archive", "Archive with a password", "T1560.001"),
    _one("template/domains", "Domains of a signal", "", "DnsEvents", "domain"),
    _one("template/unseen", "Archive with a password in a place without logs", "T1560.001", "AWSCloudTrail"),
]


def _signal(text: str = TEXT, **more: object) -> Signal:
    made = Signal(SignalKind.REPORT, "A report", "report", "r", NOW, NOW, 0.8, "digest", text=text)
    return replace(made, **more)  # type: ignore[arg-type]


def _ranked(*signals: Signal, ground: Ground | None = None, most: int = 10) -> list[Weighed]:
    named = [(f"s{n}", signal) for n, signal in enumerate(signals)]
    return ranked(named, CANDIDATES, ground or Ground(STOCK, Coverage("", {}), NOW), NothingSuggested(), most)


def test_each_behaviour_of_a_report_gets_its_hunt_before_one_gets_a_second() -> None:
    found = [w.candidate.id for w in _ranked(_signal(), most=3)]
    assert set(found) == {"template/hides", "template/archive", found[0]} or len(set(found)) == 3
    assert not {"template/encoded", "template/encoded-again"} <= set(found)


def test_what_no_table_can_show_is_never_ranked_and_a_sweep_needs_values() -> None:
    found = {w.candidate.id for w in _ranked(_signal())}
    assert "template/unseen" not in found
    assert "template/domains" not in found


def test_an_indicator_comes_first_and_what_is_known_good_is_not_looked_for() -> None:
    bad = SignalIndicator("domain", "evil.example", Quote("evil[.]example"))
    good = SignalIndicator("domain", "vendor.example", known_good="a vendor's")
    first = _ranked(_signal(indicators=(bad, good)))[0]
    assert first.candidate.id == "template/domains"
    assert first.parameters == (("Values", "['evil.example']"),)
    assert first.because == (("s0", 1.0, None),)


def test_a_file_that_every_machine_has_is_not_swept_for() -> None:
    files = [_one("template/files", "Files of a signal", "", "DeviceProcessEvents", "file name")]
    ground = Ground(STOCK, Coverage("", {}), NOW)
    for name, places in (("Lsass.exe", 0), ("odd.exe", 1)):
        signal = _signal(indicators=(SignalIndicator("file name", name),))
        assert len(ranked([("s", signal)], files, ground, NothingSuggested(), 5)) == places


def test_the_same_signals_give_the_same_order_whatever_order_candidates_come_in() -> None:
    signal = _signal(techniques=(SignalTechnique("T1560.001", 1.0, "stated"),))
    there = [(w.candidate.id, w.priority) for w in _ranked(signal)]
    CANDIDATES.reverse()
    back = [(w.candidate.id, w.priority) for w in _ranked(signal)]
    CANDIDATES.reverse()
    assert there == back


def test_a_technique_that_is_tagged_and_not_described_is_answered_too() -> None:
    signal = _signal("", title="", techniques=(SignalTechnique("T1564.008", 1.0, "tagged"),))
    assert _ranked(signal)[0].candidate.id == "template/hides"


def test_an_old_report_says_less_than_a_new_one() -> None:
    new = _ranked(_signal())[0]
    old = _ranked(_signal(observed=NOW - timedelta(days=90)))[0]
    assert old.parts.threat < new.parts.threat / 4


def test_a_change_and_an_anomaly_raise_what_explains_them() -> None:
    change = _signal("", kind=SignalKind.CHANGE, techniques=(SignalTechnique("T1560", 1.0, "tagged"),))
    ground = Ground(STOCK, Coverage("", {}), NOW, around=[change])
    with_it = {w.candidate.id: w.parts.recency for w in _ranked(_signal(), ground=ground)}
    assert with_it["template/archive"] > 0
    assert with_it["template/hides"] == 0


def test_a_hunt_of_late_lowers_one_that_asks_the_same() -> None:
    one = next(w for w in _ranked(_signal()) if w.candidate.id == "template/archive")
    said = hypothesis(one, {"s0": _signal()}, {}, STOCK, NOW, Weights(), Calibration())
    earlier = replace(of_hypothesis("h1", said), candidate="query/other", words=of_candidate(one.candidate.hunt).words)
    ground = Ground(STOCK, Coverage("", {}), NOW, earlier=[earlier])
    again = next(w for w in _ranked(_signal(), ground=ground) if w.candidate.id == "template/archive")
    assert again.duplicate_of == "h1"
    assert again.priority < one.priority


def test_a_hypothesis_says_if_and_then_and_cites_its_signals() -> None:
    signal = _signal(techniques=(SignalTechnique("T1564.008", 0.9, "model", (Quote("A rule in the mailbox"),)),))
    one = next(w for w in _ranked(signal) if w.candidate.id == "template/hides")
    said = hypothesis(one, {"s0": signal}, {"T1564.008": "Email Hiding Rules"}, STOCK, NOW, Weights(), Calibration())
    assert said.statement == (
        "If “Mailbox rule that hides mail from its owner” (T1564.008 Email Hiding Rules) happened to mailboxes and "
        "documents, then what “Mailbox rule that hides mail from its owner” looks for is in OfficeActivity since "
        "2026-11-08."
    )
    assert all(claim.signals == ("s0",) for claim in said.rationale)
    assert "hides mail about invoices" in said.rationale[0].text
    assert said.priority == round(one.priority, 4)
    assert said.weights == "1"
    assert hypothesis_id("a", [("x", "1")]) != hypothesis_id("a", [("x", "2")])


def test_a_long_report_is_read_by_sentences_and_a_short_one_as_a_whole() -> None:
    assert len(behaviours("s", _signal())) == 4
    assert len(behaviours("s", _signal("One thing happened. Then another."))) == 1


def test_a_list_of_ids_is_as_many_things_as_it_names() -> None:
    ids = ("T1059.001", "T1564.008", "T1560.001")
    text = f"{TEXT}\nTechniques seen in all cases: {', '.join(ids)}"
    named = tuple(SignalTechnique(id, 1.0, "stated", (Quote(id, start=text.index(id)),)) for id in ids)
    found = behaviours("s", _signal(text, techniques=named))
    assert [set(b.techniques) for b in found if b.stated] == [{id} for id in ids]


def test_confidence_is_a_word_until_enough_came_of_hypotheses() -> None:
    few = calibrated([(0.9, True)] * (LEAST_OUTCOMES - 1))
    assert not few.is_known
    assert few.of(0.7) == 0.7
    known = calibrated([(n / 200, n % 4 == 0 or n > 100) for n in range(200)])
    assert known.is_known
    values = [known.of(n / 50) for n in range(51)]
    assert values == sorted(values)
    assert values[0] < 0.3
    assert values[-1] == 1
    assert [level(v) for v in (0.1, 0.5, 0.9)] == ["low", "medium", "high"]
