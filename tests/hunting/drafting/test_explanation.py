"""What a query does, in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from huntlake.core.diagnostics import SourceError
from huntlake.detection.pack import named_rules
from huntlake.hunting.drafting.explanation import SENTENCES, explained
from huntlake.hunting.drafting.templates import shipped
from huntlake.hunting.drafting.tree import every
from huntlake.kql.compiler import parse
from huntlake.kql.operators import OPERATORS, SOURCES
from huntlake.kql.syntax import nodes

EXAMPLES = Path(__file__).resolve().parents[4] / "shared" / "conformance" / "docs_examples.jsonl"


def told(query: str) -> list[str]:
    return [step.text for step in explained(query)]


def test_every_operator_has_a_sentence() -> None:
    assert {*OPERATORS.values(), *SOURCES.values()} - SENTENCES.keys() == set()


def test_a_query_is_told_operator_by_operator() -> None:
    query = (
        'SigninLogs | where TimeGenerated > ago(1d) and (ResultType == "50126" or AppDisplayName !has "x") '
        "| summarize Count = count() by UserPrincipalName, bin(TimeGenerated, 1h) | top 5 by Count desc"
    )
    assert told(query) == [
        "Reads `SigninLogs`.",
        'Keeps the rows where `TimeGenerated` is more than `ago(1d)` and (`ResultType` is `"50126"` or '
        '`AppDisplayName` has no word `"x"`).',
        "Computes `Count` as `count()` for each `UserPrincipalName` and `bin(TimeGenerated, 1h)`.",
        "Keeps the first `5` rows by `Count`, the highest first.",
    ]


def test_the_place_of_a_sentence_is_the_operator() -> None:
    query = "T | where a == 1 | project a"
    assert [query[s.span.start : s.span.end] for s in explained(query)] == ["T", "where a == 1", "project a"]


def test_what_is_denied_is_told_as_denied() -> None:
    assert told("T | where not(a == 1 and b == 2)")[1] == (
        "Keeps the rows where it is not so that (`a` is `1` and `b` is `2`)."
    )
    assert told("T | where a !in (1, 2)")[1] == "Keeps the rows where `a` is none of `1` or `2`."


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("", "Joins the first row of each key with every row of `U` that agrees on `k`."),
        ("kind=inner", "Joins each row with every row of `U` that agrees on `k`."),
        ("kind=leftanti", "Keeps the rows for which `U` has none that agrees on `k`."),
        ("kind=leftsemi", "Keeps the rows for which `U` has one that agrees on `k`."),
        ("kind=leftouter", "Adds to each row those of `U` that agree on `k`; rows without one stay."),
    ],
)
def test_joins_say_what_becomes_of_rows(kind: str, sentence: str) -> None:
    assert told(f"T | join {kind} U on k")[-1] == sentence


def test_what_is_inside_is_told_before_and_as_inside() -> None:
    assert told("let A = T | where x > 1; U | join kind=inner (A | distinct k) on k") == [
        "For A: reads `T`.",
        "For A: keeps the rows where `x` is more than `1`.",
        "Calls this `A`.",
        "Reads `U`.",
        "For the other side: reads `A`.",
        "For the other side: gives each combination of `k` once.",
        "Joins each row with every row of that that agrees on `k`.",
    ]


def test_every_operator_of_a_query_is_told_once() -> None:
    queries = [rule.query for _, rule in named_rules()] + [t.written(t.parts) for t in shipped()]
    for query in queries:
        # A table inside of an expression is shown there, as it is written.
        if not any(word in query for word in ("toscalar", "materialize", " in (", " in~ (")):
            spans = [step.span for step in explained(query)]
            operators = [n.span for n in every(parse(query)) if isinstance(n, nodes.QueryOperator)]
            assert [span for span in operators if spans.count(span) != 1] == [], query


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples are not here")
def test_whatever_can_be_read_can_be_told() -> None:
    count = 0
    for line in EXAMPLES.read_text(encoding="utf-8").splitlines():
        example = json.loads(line)
        query = example.get("query") or example.get("kql") or ""
        try:
            parse(query)
        except SourceError:
            continue
        count += 1
        assert all(step.text.endswith(".") for step in explained(query)), query
    assert count > 500
