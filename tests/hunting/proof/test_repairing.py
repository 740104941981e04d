"""Repairs of queries that don't bind: proposed by rule, each with its place, and never more than that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import SystemClock
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.hunting.proof import rules
from huntlake.hunting.proof.content import Question
from huntlake.hunting.proof.finding import Proof
from huntlake.hunting.proof.prover import Prover
from huntlake.hunting.proof.repairing import MOST_REPAIRS, Repaired
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOME = Workspace("soc", "00000000-0000-4000-8000-000000000001")


@pytest.fixture(scope="module")
def prover(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prover]:
    made = Analytics.over(tmp_path_factory.mktemp("lake"), Bounds(threads=1), Nowhere(), SystemClock())
    yield Prover(made.queries)
    made.close()


def proof_of(prover: Prover, query: str) -> Proof:
    return prover.validate(HOME, Question(query), NOW)


def repair(prover: Prover, query: str) -> Repaired | None:
    return prover.repair(HOME, Question(query), proof_of(prover, query), NOW)


@pytest.mark.parametrize(
    ("query", "mended", "codes"),
    [
        ("securityevent | where eventid == 1", "SecurityEvent | where EventID == 1", "HP501 HP501"),
        ("SecurityEvents | take 5", "SecurityEvent | take 5", "HP502"),
        ("SecurityEvent | where Computr has 'x'", "SecurityEvent | where Computer has 'x'", "HP502"),
        ("SecurityEvent | where EventID = 1", "SecurityEvent | where EventID == 1", "HP503"),
        ("SecurityEvent | where Computer == PC1", 'SecurityEvent | where Computer == "PC1"', "HP504"),
        ("SecurityEvent | where Computer == “PC1”", 'SecurityEvent | where Computer == "PC1"', "HP504"),
        ('SecurityEvent | where Computer == "PC1', 'SecurityEvent | where Computer == "PC1"', "HP504"),
        ("SecurityEvent | where TimeGenerated > ago('7d')", "SecurityEvent | where TimeGenerated > ago(7d)", "HP504"),
        ("SecurityEvent where EventID == 1", "SecurityEvent | where EventID == 1", "HP505"),
        ("SecurityEvent | sort Computer desc", "SecurityEvent | sort by Computer desc", "HP505"),
        ("SecurityEvent | where (EventID == 1", "SecurityEvent | where (EventID == 1)", "HP505"),
        ("SecurityEvent | Where EventID == 1 AND true", "SecurityEvent | where EventID == 1 and true", "HP501 HP501"),
        ("SecurityEvent | where EventID == 1 && true", "SecurityEvent | where EventID == 1 and true", "HP506"),
        ("SecurityEvent | where Computer like '%pc%'", "SecurityEvent | where Computer contains 'pc'", "HP506"),
        ("SecurityEvent | summarize count(*) by Computer", "SecurityEvent | summarize count() by Computer", "HP506"),
        ("SecurityEvent | summarize count by Computer", "SecurityEvent | summarize count() by Computer", "HP506"),
        ("SecurityEvent | project Computer as C", "SecurityEvent | project C = Computer", "HP506"),
        ("SecurityEvent | where Computer in ['a']", "SecurityEvent | where Computer in ('a')", "HP506"),
        ("SecurityEvent | where tolowr(Computer) == 'x'", "SecurityEvent | where tolower(Computer) == 'x'", "HP502"),
        ("```kql\nSecurityEvent | take 5\n```", "SecurityEvent | take 5", "HP507"),
    ],
)  # fmt: skip
def test_what_people_and_models_get_wrong_is_mended(prover: Prover, query: str, mended: str, codes: str) -> None:
    found = repair(prover, query)
    assert found is not None
    assert (found.query, found.is_whole) == (mended, True)
    assert " ".join(f.code for f in found.repairs) == codes
    assert all(f.code in rules.RULES and f.span is not None for f in found.repairs)


def test_each_repair_has_its_place_in_the_text_as_it_was_given(prover: Prover) -> None:
    query = "securityevent | Where Computr = PC1 AND eventid == 1"
    found = repair(prover, query)
    assert found is not None
    assert found.query == """SecurityEvent | where Computer == "PC1" and EventID == 1"""
    places = {query[f.span.start : f.span.end] for f in found.repairs if f.span}
    assert places == {"securityevent", "Where", "Computr", "=", "PC1", "AND", "eventid"}


def test_an_equals_in_a_filter_is_told_though_it_binds(prover: Prover) -> None:
    proof = proof_of(prover, "SecurityEvent | where EventID = (4625 > 1) and Computer has 'dc'")
    assert proof.is_valid
    assert rules.NAMED_FILTER.code in {f.code for f in proof.findings}
    assert rules.NAMED_FILTER.code not in {f.code for f in proof_of(prover, "SecurityEvent | where true").findings}


def test_an_equals_that_names_is_mended_though_the_text_would_bind(prover: Prover) -> None:
    # As it is, it would be a filter by `4625 and …`, and mean nothing.
    found = repair(prover, "securityevent | where EventId = 4625 AND Computr has 'dc=x' | extend x = 1")
    assert found is not None
    assert found.query == "SecurityEvent | where EventID == 4625 and Computer has 'dc=x' | extend x = 1"
    assert found.is_whole


@pytest.mark.parametrize(
    "query",
    [
        "SecurityEvent | where Computer != null",  # strings are never null: what is meant nobody knows
        "SecurityEvent | where Zzz == 1",
        "SecurityEvent | where EventID == 1 | project Computer, EventID",
        ".drop table SecurityEvent",
        "externaldata(x:string)['https://evil.example/x']",
        "union *",
        "",
    ],
)
def test_what_nobody_knows_how_to_mend_and_what_may_not_be_is_left(prover: Prover, query: str) -> None:
    assert repair(prover, query) is None


def test_a_repair_lets_in_nothing_that_a_hunt_may_not_do(prover: Prover) -> None:
    found = repair(prover, "securityevent | where EventID == 1 | evaluate python(typeof(*), 'x')")
    assert found is None or not found.is_whole


PIECES = st.sampled_from(
    "SecurityEvent securityevent | where Where EventID eventid = == AND and or ( ) [ ] \" ' “ ” PC1 4688 summarize "
    "count count(*) by sort desc DESC like && null not in project as union * .drop ; let x externaldata".split()
)


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=10).map(" ".join))
def test_a_repair_never_makes_a_text_worse_and_ends(prover: Prover, query: str) -> None:
    before = proof_of(prover, query)
    found = prover.repair(HOME, Question(query), before, NOW)
    if found is None:
        return
    assert not before.is_valid
    assert len(found.repairs) <= MOST_REPAIRS
    # What is said of the proposal is what is so.
    assert proof_of(prover, found.query).is_valid == found.is_whole
    for one in found.repairs:
        assert one.span is not None
        assert 0 <= one.span.start <= one.span.end <= len(query)
    assert found.query != query
