"""The rules that huntlake brings along."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from huntlake.assembly.analytics import PLACES
from huntlake.detection.attack import is_technique, successor
from huntlake.detection.pack import PACK, named_rules, pack
from huntlake.detection.testing.proving import Prover
from huntlake.engines.duckdb.database import Bounds, Database
from huntlake.engines.geography import NetworkTable

RULES = dict(named_rules())


@pytest.fixture(scope="module")
def prover() -> Iterator[Prover]:
    engine = Database((), Bounds(threads=1), NetworkTable(PLACES))
    yield Prover(engine)
    engine.close()


def test_there_are_enough_of_them() -> None:
    assert len(RULES) >= 40
    assert len({c.title for c in pack()}) == len(RULES)


@pytest.mark.parametrize("path", sorted(PACK.glob("*.test.yaml")), ids=lambda p: p.name.partition(".")[0])
def test_a_rule_fires_and_stays_quiet_as_its_tests_say(prover: Prover, path: Path) -> None:
    outcomes = list(prover.outcomes(path))
    assert [(o.name, o.error, o.differences) for o in outcomes if not o.passed] == []
    assert any(o.alerts for o in outcomes)
    assert any(not o.alerts for o in outcomes)


def test_each_rule_has_tests_entities_techniques_and_something_to_do() -> None:
    for content in pack():
        assert content.described is not None
        rule = content.described.rule
        assert content.path.with_suffix(".test.yaml").exists(), content.path
        assert rule.entity_mappings, content.path
        assert rule.tactics, content.path
        assert rule.techniques, content.path
        assert [t for t in (*rule.techniques, *rule.sub_techniques) if not is_technique(t) or successor(t)] == []
        assert rule.description
        assert len(rule.description) > 80, content.path


def test_no_rule_knows_the_demo() -> None:
    told = re.compile(r"korenwolf|rijnvaart|freight-widgets|waybill|adm-mvos|gpostma|vanbeek", re.IGNORECASE)
    for content in pack():
        assert not told.search(content.path.read_text()), content.path
