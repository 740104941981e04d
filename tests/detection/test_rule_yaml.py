"""Rules as YAML that people edit: nothing of it is lost, and nothing hostile does harm."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from huntlake.core.errors import Invalid
from huntlake.detection.library import PACK
from huntlake.detection.marked import LONGEST
from huntlake.detection.rule_yaml import read_rule, written
from huntlake.detection.rules import AnalyticRule, FieldMapping, RuleKind
from huntlake.detection.severity import Severity, Tactic

TEXT = """\
# ours
id: 6f1b
name: Failures   # in a row
description: |
  Somebody guesses.

severity: Medium
requiredDataConnectors:
  - connectorId: AzureActiveDirectory
    dataTypes: [SigninLogs]
kind: Scheduled
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
# what they do
tactics: [CredentialAccess]
relevantTechniques:
  - T1110.003
query: |
  SigninLogs
  | where ResultType != "0"   # who
entityMappings:
  - entityType: Account
    fieldMappings:
      - {identifier: FullName, columnName: UserPrincipalName}
tags: [ours]
version: 1.0.0
"""


def rule_of(text: str) -> AnalyticRule:
    described = read_rule(text).described
    assert described is not None
    return described.rule


def test_a_rule_that_stays_the_same_leaves_its_text_as_it_is() -> None:
    assert written(TEXT, rule_of(TEXT)) == TEXT


def test_what_changes_is_written_and_all_else_stays() -> None:
    changed = replace(rule_of(TEXT), severity=Severity.HIGH, query_frequency=timedelta(minutes=30), enabled=False)
    expected = TEXT.replace("severity: Medium\n", "severity: High\nenabled: false\n")
    assert written(TEXT, changed) == expected.replace("queryFrequency: 1h", "queryFrequency: 30m")


def test_what_is_taken_away_goes_and_what_is_new_comes_to_its_place() -> None:
    changed = replace(rule_of(TEXT), entity_mappings=(), custom_details={"Who": "UserPrincipalName"})
    found = written(TEXT, changed)
    assert "entityMappings" not in found
    assert '  | where ResultType != "0"   # who\ncustomDetails:\n  Who: UserPrincipalName\ntags' in found
    assert rule_of(found) == changed


def test_a_rule_that_becomes_of_another_kind_loses_its_schedule() -> None:
    found = written(TEXT, replace(rule_of(TEXT), kind=RuleKind.NRT))
    assert "kind: NRT\n# what they do" in found
    assert "queryFrequency" not in found


@pytest.mark.parametrize(
    "query",
    [
        "T",
        "T\n| take 5",
        "T\n",
        "\n T\n\n",
        "  T\n| x\n",
        "T \n| x  ",
        "a: b # c",
        "T\t\n| é",
        "T\u2028x\ny",
        "\x85x",
        "- T",
        "|\n",
    ],
)
def test_every_query_comes_back_letter_for_letter(query: str) -> None:
    for text in ("", TEXT, f"---\n{TEXT}"):
        assert rule_of(written(text, replace(rule_of(TEXT), query=query))).query == query


def test_a_mark_at_the_beginning_moves_nothing() -> None:
    rule = replace(rule_of(TEXT), severity=Severity.HIGH)
    assert written(f"\ufeff{TEXT}", rule) == written(TEXT, rule)
    assert read_rule(f"\ufeff{TEXT}").query_span == read_rule(TEXT).query_span


def test_a_text_in_one_line_keeps_what_the_rule_does_not_hold() -> None:
    text = "{id: a, name: N, severity: Low, kind: NRT, query: T, tags: [x, y], requiredDataConnectors: []}"
    found = written(text, replace(rule_of(text), tactics=(Tactic.IMPACT,)))
    assert rule_of(found).tactics == (Tactic.IMPACT,)
    assert "tags: [x, y]" in found
    assert "id: a\n" in found


def test_each_rule_of_the_pack_is_written_as_it_stands() -> None:
    files = [f for f in sorted(PACK.rglob("*.yaml")) if ".test" not in f.name]
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        rule = rule_of(text)
        assert written(text, rule) == text, file
        assert rule_of(written("", rule, "x")) == rule, file
        mapped = tuple(
            replace(m, field_mappings=(*m.field_mappings[:2], FieldMapping("Name", "X"))) for m in rule.entity_mappings
        )
        other = replace(rule, query=f"{rule.query}\n| take 5", entity_mappings=mapped[:1], tactics=())
        assert rule_of(written(text, other)).query == other.query, file


def test_a_new_text_is_in_the_order_of_published_rules() -> None:
    lines = written("", replace(rule_of(TEXT), display_name="", query=""), "6f1b").splitlines()
    heads = [line.split(":")[0] for line in lines if line[:1].isalpha()]
    assert heads[:4] == ["id", "name", "description", "severity"]
    assert heads.index("tactics") < heads.index("query") < heads.index("entityMappings")


def test_what_is_missing_is_told_and_the_rest_read() -> None:
    found = read_rule("name: N\nseverity: Low\nquery: T\n")
    assert found.described is not None
    assert {d.message for d in found.wrong} == {
        f"`{n}` is missing" for n in ("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold")
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: &x [1]\nb: *x\n", "anchors and aliases are not supported"),
        ("name: !!python/object/apply:os.system [id]\n", "the tag `python/object/apply:os.system` is not supported"),
        ("name: !secret x\n", "the tag `!secret` is not supported"),
        ("a: " + "[" * 60 + "]" * 60, "nested deeper"),
        ("[" * 200_000, "nested deeper"),
        ("x" * (LONGEST + 1), "longer than"),
        ("name: [", "not YAML"),
        ("- a\n- b\n", "not one mapping"),
        ("a: 1\n---\nb: 2\n", "not one mapping"),
        ("? [a]\n: b\n", "a field's name is a text"),
        ("name: a\nname: b\nseverity: Low\nquery: T\nkind: NRT\n", "`name` is said twice"),
        ("\x00", "not YAML"),
        ("", "not one mapping"),
    ],
)
def test_what_is_hostile_or_no_rule_is_told_and_not_read(text: str, told: str) -> None:
    found = read_rule(text)
    assert found.described is None
    assert told in " ".join(d.message for d in found.wrong)


def test_aliases_of_aliases_take_no_time() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    began = time.monotonic()
    assert read_rule(bomb).described is None
    with pytest.raises(Invalid, match="anchors and aliases"):
        written(bomb, rule_of(TEXT))
    assert time.monotonic() - began < 5


def test_nothing_is_written_into_what_is_no_yaml() -> None:
    with pytest.raises(Invalid, match="nothing can be written into this YAML"):
        written("name: [", rule_of(TEXT))
