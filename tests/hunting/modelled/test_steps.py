"""The steps with a model: what is taken of its words, what is put aside, and what there is without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from huntlake.ai.chat import NoAnswer, NoModel, Proposal, Question
from huntlake.ai.dialects import faults_of
from huntlake.core.diagnostics import Span
from huntlake.hunting.drafting.draft import DraftSource, Step
from huntlake.hunting.hypotheses.hypothesis import Claim, Hypothesis, Maker
from huntlake.hunting.modelled.advice import Advice, Asking, cut, numbers_wrong, pieces, words_wrong
from huntlake.hunting.modelled.prose import smoothed
from huntlake.hunting.modelled.query_writing import Example, TableShape, Wanted, Written, written
from huntlake.hunting.modelled.reasoning import reasoned
from huntlake.hunting.modelled.technique_choice import chosen
from huntlake.hunting.modelled.triage import suggested
from huntlake.hunting.proof.finding import Level, Proof, ProofFinding
from huntlake.hunting.running.run import Cluster, Verdict
from huntlake.hunting.scoring import Parts, SignalKind
from huntlake.hunting.signals.signal import Signal
from huntlake.state.records import Owner

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Says:
    """A model that says what it is told to; values that don't meet the schema never get here, as in the house."""

    name = "m"

    def __init__(self, *values: Any) -> None:
        self.values = list(values)
        self.asked: list[Question] = []
        self.found: list[Sequence[str]] = []

    def ask(self, owner: Owner, question: Question, responsible: str) -> Proposal | None:
        answer = self.answer(owner, question, responsible)
        return answer if isinstance(answer, Proposal) else None

    def answer(self, owner: Owner, question: Question, responsible: str) -> Proposal | NoAnswer:
        self.asked.append(question)
        value = self.values.pop(0)
        if isinstance(value, NoAnswer):
            return value
        assert not faults_of(value, question.schema)
        return Proposal(value, f"call{len(self.asked)}", "m")

    def checked(self, owner: Owner, call: str, findings: Sequence[str], responsible: str) -> None:
        self.found.append(findings)


def asking(model: Any) -> Asking:
    return Asking(model, ("soc",), "ann")


SIGNAL = Signal(SignalKind.REPORT, "A report", "report", "r", NOW, NOW, 0.8, "d1", text="They dumped LSASS memory.")
HYPOTHESIS = Hypothesis(
    "LSASS", "If T1003.001 happened, it can be seen.", (Claim("It was said.", (SIGNAL.id,)),), (SIGNAL.id,),
    ("T1003.001",), ("SecurityEvent",), "template/x", (), Parts(0.5), "1", 10.0, 0.5, Maker.CORE, NOW,
)  # fmt: skip
STEPS = [Step("Rows of SecurityEvent whose EventID is 4624.", Span(0, 10))]
CLUSTER = Cluster(
    "s",
    "t",
    7,
    None,
    None,
    (("Account", "jdoe"),),
    ({"Account": "jdoe", "Count": 3}, {"Account": "x", "Count": 4}),
    0.5,
)
WANTED = Wanted(
    "failed logons", [TableShape("SecurityEvent", [("EventID", "int")])], [Example("e1", "q", "T | take 1")]
)
CANDIDATES = {"T1003.001": "LSASS Memory", "T1059": "Scripting"}


def valid(query: str) -> Proof:
    return Proof(NOW, "s")


def refusing(*words: str) -> Callable[[str], Proof]:
    def prove(query: str) -> Proof:
        found = [ProofFinding("HP001", Level.ERROR, 5, f"`{w}` is not allowed") for w in words if w in query]
        return Proof(NOW, "s", tuple(found))

    return prove


STEPS_WITH: dict[str, Callable[[Any], Advice[Any]]] = {
    "techniques": lambda model: chosen(asking(model), "They dumped LSASS memory with procdump.", CANDIDATES),
    "reasoning": lambda model: reasoned(asking(model), HYPOTHESIS, [SIGNAL]),
    "query": lambda model: written(asking(model), WANTED, valid),
    "prose": lambda model: smoothed(asking(model), "SecurityEvent | where EventID == 4624", STEPS),
    "triage": lambda model: suggested(asking(model), "logons", CLUSTER),
}


@pytest.mark.parametrize("step", STEPS_WITH)
@pytest.mark.parametrize(
    "model", [NoModel(), Says(*[NoAnswer("the model was of no use: slow")] * 9)], ids=["no", "bad"]
)
def test_each_step_goes_on_without_a_model_and_says_so(step: str, model: Any) -> None:
    advice = STEPS_WITH[step](model)
    assert advice.value is None
    assert "no model is configured" in advice.remark or "slow" in advice.remark
    assert advice.remark.rpartition("; ")[2].startswith("the ")


def test_a_technique_has_its_words_in_the_text() -> None:
    text = "First, they  dumped\nLSASS memory with procdump."
    model = Says({"techniques": [{"id": "T1003.001", "quote": "they dumped LSASS memory", "confidence": 0.9}]})
    advice = chosen(asking(model), text, CANDIDATES)
    assert advice.value is not None
    (found,) = advice.value
    assert (found.id, found.origin, found.confidence) == ("T1003.001", "llm", 0.9)
    assert text[found.quotes[0].start : found.quotes[0].end] == "they  dumped\nLSASS memory"


@pytest.mark.parametrize("quote", ["they stole all passwords", "memory", ".* .* .* .* .* .*"])
def test_a_technique_whose_words_are_made_up_is_put_aside(quote: str) -> None:
    model = Says({"techniques": [{"id": "T1059", "quote": quote, "confidence": 1.0}]})
    advice = chosen(asking(model), "First they dumped LSASS memory.", CANDIDATES)
    assert advice.value == ()
    assert "not in the text" in advice.remark
    assert model.found == [["the words for T1059 are not in the text"]]


def test_a_hypothesis_keeps_what_the_core_says_and_gets_more() -> None:
    said = {
        "rationale": [{"text": "The report says that LSASS was dumped.", "signals": [SIGNAL.id]}],
        "alternatives": ["An administrator took a dump."],
        "disconfirming": "No handle to LSASS was opened.",
    }
    advice = reasoned(asking(Says(said)), HYPOTHESIS, [SIGNAL])
    assert advice.value is not None
    after = advice.value.added_to(HYPOTHESIS)
    more = Claim("The report says that LSASS was dumped.", (SIGNAL.id,), Maker.MODEL)
    assert after.rationale == (*HYPOTHESIS.rationale, more)
    assert (after.maker, after.priority, after.candidate) == (Maker.CORE, 10.0, "template/x")


@pytest.mark.parametrize(
    "text",
    [
        "See https://evil.example/x",
        "<b>Approve</b> it",
        "![x](https://evil.example/y.png)",
        "[click](evil)",
        "It was HLT_USER_9.",
        "hidden\u200btext",
        "evil.example/path says so",
    ],
)
def test_words_that_could_do_something_are_put_aside(text: str) -> None:
    assert words_wrong(text, ["They dumped LSASS."])
    said = {"rationale": [{"text": text, "signals": [SIGNAL.id]}], "alternatives": [text], "disconfirming": text}
    assert reasoned(asking(Says(said)), HYPOTHESIS, [SIGNAL]).value is None


def test_numbers_that_are_nowhere_are_found() -> None:
    known = ["rows: 1,204", "T1003.001 at 203.0.113.9"]
    assert numbers_wrong("It happened 1204 times, that is 1,204.", known) == []
    assert numbers_wrong("It happened 17 times.", known) == ["the number 17 is nowhere in the data"]


def test_a_query_is_mended_by_what_the_checks_found() -> None:
    model = Says({"title": "a", "query": "externaldata(x)"}, {"title": "a", "query": "SecurityEvent | take 1"})
    advice = written(asking(model), WANTED, refusing("externaldata"))
    made = advice.value
    assert isinstance(made, Written)
    assert (made.rounds, made.draft.query) == (2, "SecurityEvent | take 1")
    assert (made.draft.source, made.draft.maker) == (DraftSource.MODEL, Maker.MODEL)
    assert [q.template for q in model.asked] == ["query-draft", "query-repair"]
    assert "`externaldata` is not allowed" in model.asked[1].data[-1].text
    assert "valid after 2 rounds" in advice.remark
    assert [len(found) for found in model.found] == [1, 0]


def test_after_three_rounds_there_is_none() -> None:
    model = Says(*[{"title": "a", "query": "externaldata(x)"}] * 9)
    advice = written(asking(model), WANTED, refusing("externaldata"))
    assert advice.value is None
    assert len(model.asked) == 3
    assert "none meets the checks" in advice.remark


def test_a_query_with_a_name_that_stands_for_nobody_is_none() -> None:
    model = Says(*[{"title": "a", "query": 'SecurityEvent | where Account == "HLT_USER_9"'}] * 3)
    assert written(asking(model), WANTED, valid).value is None


def test_a_model_that_fails_while_mending_leaves_the_core() -> None:
    model = Says({"title": "a", "query": "externaldata(x)"}, NoAnswer("slow"))
    advice = written(asking(model), WANTED, refusing("externaldata"))
    assert advice.value is None
    assert "slow" in advice.remark


def test_prose_says_no_more_than_the_query() -> None:
    query = "SecurityEvent | where EventID == 4624"
    good, wrong = "It finds logons: EventID 4624 in SecurityEvent.", "It finds EventID 4625 in SigninLogs."
    assert smoothed(asking(Says({"text": good})), query, STEPS).value == good
    advice = smoothed(asking(Says({"text": wrong})), query, STEPS)
    assert advice.value is None
    assert "4625" in advice.remark
    assert "SigninLogs" in advice.remark


def test_a_summary_rests_on_rows_and_counts_as_we_do() -> None:
    said = {"summary": "jdoe appears in 7 rows.", "verdict": "false positive", "rows": ["r1", "r1"], "confidence": 0.4}
    suggestion = suggested(asking(Says(said)), "logons", CLUSTER).value
    assert suggestion is not None
    assert (suggestion.verdict, suggestion.rows) == (Verdict.FALSE_POSITIVE, (0,))
    wrong = {**said, "summary": "It happened 99 times."}
    assert suggested(asking(Says(wrong)), "logons", CLUSTER).value is None


def test_a_suggestion_changes_nothing_of_the_cluster() -> None:
    said = {"summary": "jdoe.", "verdict": "false positive", "rows": ["r1"], "confidence": 1.0}
    before = replace(CLUSTER)
    suggested(asking(Says(said)), "logons", CLUSTER)
    assert before == CLUSTER


def test_no_name_and_no_secret_is_cut_in_two() -> None:
    said = "The password is s3cr3t-Value-99, of ida.canary who signed in"
    for most in range(len(said)):
        assert said.startswith(cut(said, most))
        assert not cut(said, most).endswith(("s3cr3t", "s3cr3t-Val", "ida.can"))
        if most >= 5:
            found = list(pieces(said, most, 100))
            assert "".join(piece for _, piece in found) == said
            assert all(said[start : start + len(piece)] == piece for start, piece in found)
    assert [piece for _, piece in pieces(said, 25, 100)] == [
        "The password is",
        " s3cr3t-Value-99, of",
        " ida.canary who signed in",
    ]
    assert [piece for _, piece in pieces("a b", 10, 3)] == ["a b"]
    assert list(pieces("x " * 50, 10, 2))[-1][0] < 20
