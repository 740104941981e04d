"""`huntlake tune`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from huntlake.core.errors import Invalid
from huntlake.detection.tuning import read_labels, with_let

RULE = """\
id: 0f9b7a52-3a0c-4a7c-8d0e-5a4a5b1f0001
name: Failures
severity: Medium
kind: Scheduled
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
query: |
  let Most = 1;
  Failures_CL
  | summarize Count = count() by Who
  | where Count > Most
eventGroupingSettings: {aggregationKind: AlertPerResult}
entityMappings:
  - entityType: Account
    fieldMappings: [{identifier: FullName, columnName: Who}]
"""
SPAN = ("--from", "2026-01-02", "--to", "2026-01-03")
LABELS = """\
labels:
  - {verdict: true-positive, entities: [Eve@corp.example], from: 2026-01-02T03:00:00Z, to: 2026-01-02T06:00:00Z}
  - {verdict: false-positive, entities: [bob@corp.example]}
"""


@pytest.fixture
def history(run: Run, tmp_path: Path) -> Path:
    rows = [("eve", 3, n) for n in range(8)] + [("bob", 9, n) for n in range(4)] + [("ann", 15, n) for n in range(2)]
    file = tmp_path / "rows.jsonl"
    file.write_text(
        "".join(
            json.dumps({"TimeGenerated": f"2026-01-02T{hour:02}:{minute:02}:00Z", "Who": f"{who}@corp.example"}) + "\n"
            for who, hour, minute in rows
        )
    )
    assert run("ingest", file, "--table", "Failures_CL").code == 0
    (tmp_path / "rule.yaml").write_text(RULE)
    (tmp_path / "labels.yaml").write_text(LABELS)
    return tmp_path


def test_each_setting_is_held_against_the_labels(run: Run, history: Path) -> None:
    told = run(
        "tune", history / "rule.yaml", *SPAN, "--labels", history / "labels.yaml", "--let", "Most=1,3,5,9", "-o", "json"
    )
    assert told.code == 0, told.err
    rows = json.loads(told.out)
    assert [(r["alerts"], r["true"], r["false"], r["unknown"]) for r in rows] == [
        (3, 1, 1, 1),
        (2, 1, 1, 0),
        (1, 1, 0, 0),
        (0, 0, 0, 0),
    ]
    assert [(r["precision"], r["recall"]) for r in rows] == [(0.5, 1.0), (0.5, 1.0), (1.0, 1.0), (None, 0.0)]
    assert "best of both: let Most 5" in told.err
    assert (history / "rule.yaml").read_text() == RULE


def test_thresholds_are_tried_where_nothing_is_named(run: Run, history: Path) -> None:
    told = run("tune", history / "rule.yaml", *SPAN, "--labels", history / "labels.yaml", "-o", "json")
    rows = json.loads(told.out)
    assert [r["threshold"] for r in rows[:3]] == ["0", "1", "2"]
    assert [r["alerts"] for r in rows[:2]] == [3, 0]


def test_combinations_that_no_rule_may_have_are_left_out(run: Run, history: Path) -> None:
    spans = ("--frequency", "1h,4h", "--period", "1h,1d")
    told = run("tune", history / "rule.yaml", *SPAN, "--labels", history / "labels.yaml", *spans, "-o", "json")
    assert [(r["frequency"], r["period"]) for r in json.loads(told.out)] == [("1h", "1h"), ("1h", "1d"), ("4h", "1d")]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--let", "Least=1"), "no `let Least"),
        (("--let", "Most=drop table"), "neither a number"),
        (("--threshold", "x"), "no list of values"),
        (("--threshold", "-1"), "no rule may be set so"),
    ],
)
def test_what_cannot_be_set_is_refused(run: Run, history: Path, wrong: tuple[str, ...], said: str) -> None:
    told = run("tune", history / "rule.yaml", *SPAN, "--labels", history / "labels.yaml", *wrong)
    assert (told.code, said in told.err) == (1, True), told.err


def test_labels_are_needed(run: Run, history: Path) -> None:
    assert "nothing is known" in run("tune", history / "rule.yaml", *SPAN).err


def test_labels_of_a_table_are_read(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("verdict,entities,from,to\nTP,ann@corp.example pc1,2026-01-02,\nfp,,2026-01-02,2026-01-03\n")
    first, second = read_labels(file)
    assert (first.good, first.entities, first.until) == (True, frozenset({"ann@corp.example", "pc1"}), None)
    assert (second.good, second.entities) == (False, frozenset())


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "- 1",
        "- {verdict: maybe, entities: [a]}",
        "- {verdict: tp}",
        "- {verdict: tp, who: a}",
        "- {verdict: tp, from: x}",
    ],
)
def test_labels_that_cannot_be_understood_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "labels.yaml"
    file.write_text(text)
    with pytest.raises(Invalid):
        read_labels(file)


def test_only_the_named_number_is_replaced() -> None:
    query = 'let Most = 10; let Other = 10; T | where A > 10 and B == "let Most = 10;"'
    assert with_let(query, "Most", "1h") == query.replace("let Most = 10", "let Most = 1h", 1)
