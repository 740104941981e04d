"""Questions that a workspace knows the answer to."""

from __future__ import annotations

import pytest

from huntlake.core.errors import Invalid
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.known_questions import AnsweredQuestion, KnownQuestions

from .conftest import OTHER, SOC


def test_a_question_votes_for_the_tables_of_its_query() -> None:
    known = KnownQuestions(MemoryShelf())
    assert known.add(SOC, [AnsweredQuestion("who?", "SigninLogs | join AuditLogs on $left.a == $right.b")]) == 1
    (vote,) = known.votes(SOC, frozenset({"SigninLogs", "AuditLogs", "SigninLogs2"}))
    assert vote.tables == {"SigninLogs", "AuditLogs"}
    assert known.votes(OTHER, frozenset({"SigninLogs"})) == ()


def test_the_same_question_is_kept_once() -> None:
    known = KnownQuestions(MemoryShelf())
    known.add(SOC, [AnsweredQuestion("Who?", "A"), AnsweredQuestion("who? ", "B")])
    ((id, one),) = known.list(SOC)
    assert one.query == "B"
    assert known.remove(SOC, id)
    assert not known.remove(SOC, id)


@pytest.mark.parametrize(
    "one", [AnsweredQuestion(" ", "A"), AnsweredQuestion("q", ""), AnsweredQuestion("q" * 3000, "A")]
)
def test_half_a_question_is_refused(one: AnsweredQuestion) -> None:
    with pytest.raises(Invalid):
        KnownQuestions(MemoryShelf()).add(SOC, [one])
