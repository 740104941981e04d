from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from huntlake.core.errors import Invalid
from huntlake.hunting.extraction.knowledge import Knowledge, Procedure, Technique
from huntlake.hunting.extraction.linear import Linear, Vocabulary
from huntlake.hunting.extraction.technique_model import TechniqueModel
from huntlake.hunting.extraction.techniques import TechniqueFinder
from huntlake.hunting.retrieval import HuntCandidate, Retrieval
from huntlake.hunting.scoring import Parts, SignalKind, SignalStrength, priority, threat, yielded
from huntlake.hunting.sigma_hunts import sigma_hunt, sigma_hunts

RULE = """
title: Tasks That Start Interpreters
id: 11111111-2222-3333-4444-555555555555
description: A scheduled task that starts an interpreter.
tags: [attack.persistence, attack.t1053.005]
logsource: {product: windows, category: process_creation}
detection:
  selection:
    Image|endswith: '\\schtasks.exe'
    CommandLine|contains: [powershell, wscript]
  condition: selection
"""


@pytest.fixture(scope="module")
def finder() -> TechniqueFinder:
    import numpy as np

    techniques = tuple(
        Technique(id, id, said, procedures=(Procedure("Heron", "intrusion-set", said),))
        for id, said in (("T1053.005", "a scheduled task starts the loader"), ("T1003.001", "lsass memory is dumped"))
    )
    nothing = np.zeros((0, 0), dtype=np.float32)
    empty = np.zeros(0, dtype=np.float32)
    model = TechniqueModel((), Vocabulary({}, empty), Linear(nothing, empty), np.zeros(9), np.zeros(8), empty, 0.0, 0.0)
    return TechniqueFinder(Knowledge("", techniques, {}, ()), model)


def hunt(id: str, said: str, technique: str, table: str = "DeviceProcessEvents") -> HuntCandidate:
    return HuntCandidate(id, said, "", "", frozenset({technique}), (table,))


def test_what_answers_a_report_best_comes_first(finder: TechniqueFinder) -> None:
    retrieval = Retrieval(
        [
            hunt("mail", "mail with a link", "T1566.002"),
            hunt("dump", "memory dump", "T1003.001"),
            hunt("task", "scheduled task made", "T1053.005"),
        ],
        finder,
    )
    ranked = retrieval.rank("The loader comes back by a scheduled task, and in memory.", lambda _: True)
    assert ranked[0].candidate.id == "task"
    assert ranked[0].priority > ranked[-1].priority
    assert 0 < ranked[0].parts.threat <= 1


def test_a_hunt_over_tables_without_rows_is_left_out(finder: TechniqueFinder) -> None:
    retrieval = Retrieval([hunt("task", "scheduled task", "T1053.005", "Event")], finder)
    assert retrieval.rank("a scheduled task", lambda table: table != "Event") == []


def test_a_technique_that_is_known_to_be_meant_counts(finder: TechniqueFinder) -> None:
    retrieval = Retrieval([hunt("a", "one", "T1505.003"), hunt("b", "two", "T1110.003")], finder)
    ranked = retrieval.rank("something else", lambda _: True, {"T1110.001": 1.0})
    assert [one.candidate.id for one in ranked] == ["b"]
    assert ranked[0].technique == pytest.approx(0.6)


def test_a_rule_of_sigma_becomes_a_hunt() -> None:
    found = sigma_hunt(RULE, "rule.yml")
    assert found is not None
    assert found.title == "Tasks That Start Interpreters"
    assert found.techniques == {"T1053.005"}
    assert "schtasks.exe" in found.searched
    assert "DeviceProcessEvents" in found.tables


def test_what_is_no_rule_is_left_out_and_what_is_no_yaml_refused(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(RULE)
    (tmp_path / "other.yml").write_text("a: 1")
    (tmp_path / "odd.yml").write_text("detection: {a: 1}\nlogsource: {product: toaster}")
    assert [path.name for path in sigma_hunts(tmp_path)] == ["rule.yml"]
    with pytest.raises(Invalid, match="YAML"):
        sigma_hunt("a: [", "broken.yml")


def test_a_signal_says_half_after_its_half_life() -> None:
    fresh = SignalStrength(0.8, 0.5, timedelta(), SignalKind.REPORT)
    old = SignalStrength(0.8, 0.5, timedelta(days=30), SignalKind.REPORT)
    assert fresh.weight == pytest.approx(0.4)
    assert old.weight == pytest.approx(0.2)
    assert threat([fresh, old]) == pytest.approx(1 - 0.6 * 0.8)
    assert threat([]) == 0


def test_what_cannot_be_seen_is_not_urgent() -> None:
    assert priority(Parts(threat=1, visibility=0)) == 0
    assert priority(Parts(threat=1)) == pytest.approx(30)
    assert priority(Parts(threat=1, duplicate=0.5, cost=0.1)) == pytest.approx(14)


def test_hunts_that_found_something_are_worth_more_than_those_that_did_not() -> None:
    assert yielded(5, 10) > yielded(0, 0) > yielded(0, 10)
