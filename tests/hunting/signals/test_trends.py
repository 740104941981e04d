"""Incidents that become more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from huntlake.hunting.signals.signal import SignalEntity
from huntlake.hunting.signals.trends import Counted, TrendTest, rises, signal_of_rise

from .conftest import NOW

# NOW is a Friday: the last whole week ended on the Monday before.
MONDAY = NOW.replace(hour=0) - timedelta(days=4)


def incidents(*counts: int, rule: str = "Dump") -> Iterator[Counted]:
    """So many in each of the last whole weeks, the latest first."""
    for age, count in enumerate(counts):
        for number in range(count):
            made = MONDAY - timedelta(weeks=age, hours=number + 1)
            whose = (SignalEntity("Host", "web-1"),)
            yield Counted(f"{rule}-{age}-{number}", made, (rule,), ("T1003",), whose)


def test_a_week_far_above_those_before_is_a_rise_of_the_rule_the_technique_and_the_entity() -> None:
    found = list(rises(incidents(9, 2, 1, 2, 3, 2), NOW))
    assert [(r.what, r.key, r.count, r.before) for r in found] == [
        ("Host", "web-1", 9, (2, 1, 2, 3, 2)),
        ("rule", "Dump", 9, (2, 1, 2, 3, 2)),
        ("technique", "T1003", 9, (2, 1, 2, 3, 2)),
    ]
    signal = signal_of_rise(found[2], received=NOW, trust=0.7)
    assert signal.techniques[0].id == "T1003"
    assert "9 incidents of the technique T1003" in signal.summary


def test_what_is_always_many_few_or_without_a_past_is_no_rise() -> None:
    assert list(rises(incidents(20, 19, 21, 20, 18), NOW)) == []
    assert list(rises(incidents(2, 0, 0, 0, 1), NOW)) == []
    assert list(rises(incidents(9), NOW)) == []
    assert list(rises([], NOW)) == []


def test_one_wild_week_of_the_past_doesnt_hide_a_rise() -> None:
    assert len(list(rises(incidents(9, 1, 40, 1, 2, 1), NOW))) == 3


def test_a_rise_is_the_same_signal_all_week() -> None:
    first, *_ = rises(incidents(9, 1, 1, 1, 1), NOW)
    again, *_ = rises(incidents(9, 1, 1, 1, 1), NOW + timedelta(days=2))
    assert (
        signal_of_rise(first, received=NOW, trust=0.7).id
        == signal_of_rise(again, received=NOW + timedelta(days=2), trust=0.7).id
    )


@pytest.mark.parametrize(("count", "rises_"), [(2, False), (3, True)])
def test_the_least_count_is_a_parameter(count: int, rises_: bool) -> None:
    assert TrendTest().is_rise(count, (0, 0, 0)) is rises_
    assert not TrendTest(least=4).is_rise(count, (0, 0, 0))
