"""Hypotheses as they are kept: what a person says of one stays, whatever is proposed at the same moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from huntlake.core.clock import FixedClock
from huntlake.core.errors import PreconditionFailed
from huntlake.hunting.hypotheses.hypothesis import Claim, Hypothesis, Maker
from huntlake.hunting.hypotheses.store import Hypotheses
from huntlake.hunting.scoring import Parts
from huntlake.state.audit import AuditTrail
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Author

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWNER = ("soc",)
MADE = Hypothesis(
    "LSASS", "If …", (Claim("It was said.", ("s1",)),), ("s1",), ("T1003.001",), ("SecurityEvent",), "template/x", (),
    Parts(0.5), "1", 10.0, 0.5, Maker.CORE, NOW,
)  # fmt: skip


@pytest.fixture
def kept() -> Hypotheses:
    shelf, clock = MemoryShelf(), FixedClock(NOW)
    return Hypotheses(shelf, clock, AuditTrail(shelf, clock))


def test_what_is_put_aside_while_it_is_proposed_again_stays_so(
    kept: Hypotheses, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.keep(OWNER, "h", MADE, Author())
    find = kept._records.find

    def found(owner: tuple[str, ...], name: str) -> object:
        known = find(owner, name)
        monkeypatch.undo()
        kept.dismiss(OWNER, "h", "we know it", Author("7", "Ann"))
        return known

    monkeypatch.setattr(kept._records, "find", found)
    after = kept.keep(OWNER, "h", replace(MADE, priority=20.0), Author()).value
    assert (after.priority, after.dismissed) == (20.0, "we know it")


def test_of_two_who_weigh_at_once_one_is_told(kept: Hypotheses, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.weigh(OWNER, {"threat": 2.0}, "so", Author("7", "Ann"))
    find = kept._weights.find

    def found(owner: tuple[str, ...], name: str) -> object:
        known = find(owner, name)
        monkeypatch.undo()
        kept.weigh(OWNER, {"threat": 5.0}, "no, so", Author("8", "Bob"))
        return known

    monkeypatch.setattr(kept._weights, "find", found)
    with pytest.raises(PreconditionFailed):
        kept.weigh(OWNER, {"threat": 3.0}, "so", Author("7", "Ann"))
