"""What is kept of signals, and what is audited of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid, NotFound, Refused
from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.signal import Quote, Signal, SignalIndicator, SignalTechnique
from huntlake.hunting.signals.store import MOST_TEXT, Signals, SoughtSignals
from huntlake.hunting.signals.trust import checked_words, trust_of
from huntlake.state.audit import AuditTrail
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Author

from .conftest import NOW, OWNER, WORKSPACE


def signal(digest: str, **more: object) -> Signal:
    told = {"kind": SignalKind.REPORT, "title": digest, "source": "report", "observed": NOW} | more
    return Signal(reference=digest, received=NOW, trust=0.5, digest=digest, **told)  # type: ignore[arg-type]


def actions(shelf: MemoryShelf) -> list[object]:
    rows = shelf.read_after(f"rows of {WORKSPACE.name}/HuntlakeAudit", "")
    return [cells["Action"] for _, cells in rows if isinstance(cells, dict)]


def test_a_signal_that_comes_twice_is_kept_as_it_was_and_told_as_known(signals: Signals) -> None:
    first = signals.add(OWNER, [signal("a")])
    again = signals.add(OWNER, [signal("a", title="another title"), signal("b")])
    assert [one.digest for one in first.new] == ["a"]
    assert (again.known, [one.digest for one in again.new]) == ((first.new[0].id,), ["b"])
    assert signals.get(OWNER, first.new[0].id).value.title == "a"


def test_signals_are_found_by_kind_source_technique_text_and_age(signals: Signals) -> None:
    dumped = (SignalTechnique("T1003.001", 0.5, "stated"),)
    signals.add(
        OWNER,
        [
            signal("old", observed=NOW - timedelta(days=9), techniques=dumped),
            signal("misp", source="misp", indicators=(SignalIndicator("domain", "evil.example"),)),
            signal("odd", kind=SignalKind.ANOMALY),
        ],
    )

    def found(**sought: object) -> list[str]:
        return [d.value.digest for d in signals.list(OWNER, SoughtSignals(**sought))]  # type: ignore[arg-type]

    assert found(technique="t1003") == ["old"]
    assert found(technique="T100") == []
    assert found(source="misp") == found(text="EVIL") == ["misp"]
    assert found(kinds=frozenset({SignalKind.ANOMALY})) == ["odd"]
    assert found(until=NOW) == ["old"]
    assert sorted(found(since=NOW)) == ["misp", "odd"]


def test_each_signal_that_comes_or_goes_is_in_a_chain_that_verifies(
    signals: Signals, audit: AuditTrail, shelf: MemoryShelf, clock: FixedClock
) -> None:
    one = signals.add(OWNER, [signal("a"), signal("b")], Author(name="ada")).new[0]
    assert signals.delete(OWNER, one.id, by=Author(name="ada"))
    clock.at += timedelta(days=31)
    assert signals.expire(WORKSPACE.name) == 1
    assert actions(shelf) == ["signal.add", "signal.add", "signal.remove", "signal.expire"]
    assert audit.verify(OWNER).faults == ()
    with pytest.raises(NotFound):
        signals.get(OWNER, one.id)


def test_a_signal_is_not_written_over(signals: Signals) -> None:
    one = signals.add(OWNER, [signal("a")]).new[0]
    with pytest.raises(Refused):
        signals.put(OWNER, one.id, one)


def test_what_is_endless_is_cut_and_said_so(signals: Signals) -> None:
    kept = signals.add(OWNER, [signal("a", text="x" * (MOST_TEXT + 1))]).new[0]
    assert len(kept.text) == MOST_TEXT
    assert "characters are kept" in kept.remarks[0]


def test_the_longest_word_on_trust_counts() -> None:
    said = {"report": 0.4, "report:https://good.example/": 0.9}
    assert trust_of("report", "https://good.example/x", said) == 0.9
    assert trust_of("report", "/tmp/x", said) == 0.4
    assert trust_of("incident", "x", said) == 1.0


def test_trust_in_a_source_that_there_is_not_is_refused() -> None:
    with pytest.raises(Invalid, match="`reports` is no source"):
        checked_words({"reports": 0.4})
    assert checked_words({"report:https://good.example/": 0.9})


def test_a_place_in_what_is_not_kept_is_not_told(signals: Signals) -> None:
    quotes = (Quote("x", "line 1", 0, 1), Quote("x", "line 1", MOST_TEXT, MOST_TEXT + 1))
    technique = SignalTechnique("T1003", 1.0, "stated", quotes)
    kept = signals.add(OWNER, [signal("a", text="x" * (MOST_TEXT + 1), techniques=(technique,))]).new[0]
    assert kept.techniques[0].quotes == (quotes[0], Quote("x", "line 1"))
