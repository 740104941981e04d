"""ATT&CK as it is brought and kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from huntlake.core.errors import Invalid, NotFound
from huntlake.hunting.extraction.attack import Attack, brought
from huntlake.hunting.extraction.knowledge import compacted

from .conftest import KNOWLEDGE, NOW


def pattern(id: str, technique: str, **more: object) -> dict[str, object]:
    named = [{"source_name": "mitre-attack", "external_id": technique}]
    return {"type": "attack-pattern", "id": id, "name": technique, "external_references": named} | more


BUNDLE = {"type": "bundle", "objects": [pattern("attack-pattern--1", "T1003")]}


def test_what_was_kept_is_read_back_and_a_new_import_takes_its_place(tmp_path: Path) -> None:
    attack = Attack(tmp_path)
    assert (attack.status(), attack.knowledge(), attack.names()) == (None, None, None)
    attack.install(KNOWLEDGE, "a test", NOW)
    assert attack.knowledge() == KNOWLEDGE
    status = attack.status()
    assert status is not None
    assert (status.version, status.techniques, status.imported) == ("ATT&CK made for tests", 5, NOW)
    (tmp_path / "bundle.json").write_text(json.dumps(BUNDLE))
    attack.install(brought(str(tmp_path / "bundle.json")), "another", NOW)
    known = attack.knowledge()
    assert known is not None
    assert [t.id for t in known.techniques] == ["T1003"]


def test_neighbours_are_those_that_the_same_groups_use_more_often_than_others_do(attack: Attack) -> None:
    # Of the three that dump LSASS two plan tasks, of all five two: 2/3 - 2/5. PowerShell is with most of them anyway.
    assert attack.neighbours("T1003.001") == (("T1053.005", 0.2667),)
    assert attack.neighbours("T9999") == ()


def test_a_checkout_is_read_from_its_newest_bundle(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "enterprise-attack"
    folder.mkdir(parents=True)
    for version, technique in (("9.0", "T1001"), ("18.1", "T1002")):
        body = {"objects": [pattern("attack-pattern--1", technique)]}
        (folder / f"enterprise-attack-{version}.json").write_text(json.dumps(body))
    assert [t.id for t in brought(str(tmp_path / "data")).techniques] == ["T1002"]


def test_a_checkout_with_a_file_for_each_object_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "enterprise-attack" / "attack-pattern"
    folder.mkdir(parents=True)
    (folder / "attack-pattern--1.json").write_text(json.dumps(BUNDLE))
    assert [t.id for t in brought(str(tmp_path)).techniques] == ["T1003"]


def test_a_package_that_carries_attack_is_read_without_running_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "carries_attack" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "carries_attack" / "__init__.py").write_text("raise RuntimeError('was run')")
    user = {"stix_id": "intrusion-set--1", "external_id": "G1", "name": "Grey Heron", "aliases": ["Heron"]}
    tables = {
        "attack-patterns": {
            "attack_patterns": [{"stix_id": "attack-pattern--1", "external_id": "T1003", "name": "Dump"}]
        },
        "groups-campaigns": {"groups_campaigns": [user]},
        "relationships": {
            "relationships": [
                {"stix_id": "relationship--1", "relationship_type": "uses", "source_ref": "intrusion-set--1",
                 "target_ref": "attack-pattern--1", "description": "Grey Heron dumps."}
            ]
        },
    }  # fmt: skip
    for name, table in tables.items():
        (folder / f"{name}-lookup-v18.1.json").write_text(json.dumps(table))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    known = brought("carries-attack")
    assert known.source == "ATT&CK 18.1"
    assert [p.by for p in known.techniques[0].procedures] == ["Grey Heron"]
    assert known.actors_software[0].aliases == ("Heron",)


def test_what_is_no_attack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        brought(str(tmp_path))
    with pytest.raises(NotFound):
        brought("no-such-package-here")
    with pytest.raises(NotFound):
        brought("../../etc")
    (tmp_path / "x.json").write_text("[1, 2]")
    with pytest.raises(Invalid):
        brought(str(tmp_path / "x.json"))


def test_the_compact_form_is_read_as_well(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(compacted(KNOWLEDGE))
    assert brought(str(tmp_path / "x.json")) == KNOWLEDGE
