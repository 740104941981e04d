"""Questions in plain words over a workspace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from huntlake.ai.chat import NoAnswer, Proposal, Question
from huntlake.app import App
from huntlake.core.errors import Invalid, NotFound
from huntlake.core.settings import load
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.question_forms import told
from huntlake.hunting.questions import Questions
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    home = tmp_path_factory.mktemp("home")
    app = App.open(home, load(home, memory_limit="500MB", threads=1))
    place = app.workspaces.create("w")
    times = [NOW - timedelta(hours=n) for n in range(6)]
    rows = {
        "TimeGenerated": pa.array(times, pa.timestamp("us")),
        "UserPrincipalName": [f"u{n % 2}@fabrikam.example" for n in range(6)],
        "ResultType": ["0", "50126", "0", "50126", "0", "0"],
        "RiskState": ["none", "atRisk", "none", "none", "dismissed", "none"],
        "IPAddress": ["198.51.100.7"] * 6,
    }
    app.analytics.ingestion.append_arrow(place, "SigninLogs", pa.table(rows))
    yield app
    app.close()


@pytest.fixture
def workspace(app: App) -> Workspace:
    return app.workspaces.list()[0]


class _Model:
    """A model that proposes what it was given, query by query."""

    name = "scripted"

    def __init__(self, *queries: str) -> None:
        self.left = [*queries]
        self.asked: list[Question] = []
        self.wrong: list[tuple[str, ...]] = []

    def ask(self, owner: Any, question: Question, responsible: str) -> Proposal | None:
        found = self.answer(owner, question, responsible)
        return found if isinstance(found, Proposal) else None

    def answer(self, owner: Any, question: Question, responsible: str) -> Proposal | NoAnswer:
        self.asked.append(question)
        if not self.left:
            return NoAnswer("it is down")
        return Proposal({"title": "A query", "query": self.left.pop(0)}, f"call{len(self.asked)}", self.name)

    def checked(self, owner: Any, call: str, findings: Any, responsible: str) -> None:
        self.wrong.append(tuple(findings))


def with_model(app: App, model: _Model) -> Questions:
    return replace(app.hunting.questions, model=model)


def test_a_question_is_answered_by_a_query_that_is_told_and_checked(app: App, workspace: Workspace) -> None:
    answer = app.hunting.questions.ask(workspace, "failed sign-ins by user in the last 2 days", NOW)
    assert answer.query == (
        'SigninLogs\n| where TimeGenerated > ago(2d)\n| where ResultType != "0"\n'
        "| summarize Count = count() by UserPrincipalName\n| sort by Count desc"
    )
    assert answer.maker is Maker.CORE
    assert answer.table == "SigninLogs"
    assert answer.explanation[0].text == "Reads `SigninLogs`."
    assert len(answer.explanation) == 5
    assert answer.proof.is_valid
    assert answer.proof.dry_run is None
    assert json.loads(json.dumps(told(answer), default=str))["query"] == answer.query


def test_values_that_a_column_was_seen_to_have_are_understood(app: App, workspace: Workspace) -> None:
    answer = app.hunting.questions.ask(workspace, "sign-ins at risk state at risk", NOW)
    assert '| where RiskState == "atRisk"' in answer.query


def test_the_same_question_has_the_same_answer(app: App, workspace: Workspace) -> None:
    first, second = (app.hunting.questions.ask(workspace, "sign-ins from 198.51.100.7", NOW) for _ in range(2))
    assert first == second


def test_a_run_over_history_shows_rows(app: App, workspace: Workspace) -> None:
    answer = app.hunting.questions.ask(workspace, "sign-ins of u1@fabrikam.example", NOW, run=True)
    assert answer.proof.dry_run is not None
    assert answer.proof.dry_run.failure == ""
    assert answer.proof.dry_run.rows > 0


@pytest.mark.parametrize("question", ["", "   ", "x" * 3000])
def test_a_question_that_says_nothing_or_too_much_is_refused(app: App, workspace: Workspace, question: str) -> None:
    with pytest.raises(Invalid):
        app.hunting.questions.ask(workspace, question, NOW)


def test_an_unknown_table_is_refused(app: App, workspace: Workspace) -> None:
    with pytest.raises(NotFound, match="Nowhere"):
        app.hunting.questions.ask(workspace, "sign-ins", NOW, table="Nowhere")


def test_a_models_query_is_taken_where_it_meets_the_checks(app: App, workspace: Workspace) -> None:
    model = _Model("SigninLogs | where ResultTyp == 1", "SigninLogs | where ResultType == '50126' | take 5")
    answer = with_model(app, model).ask(workspace, "failed sign-ins", NOW, responsible="kim")
    assert answer.maker is Maker.MODEL
    assert "50126" in answer.query
    assert answer.plain.startswith("SigninLogs")
    assert "ResultTyp" in model.wrong[0][0]
    assert answer.explanation


def test_nothing_leaves_for_a_model_that_nobody_answers_for(app: App, workspace: Workspace) -> None:
    model = _Model("SigninLogs")
    assert with_model(app, model).ask(workspace, "failed sign-ins", NOW).maker is Maker.CORE
    assert model.asked == []


@pytest.mark.parametrize(
    "queries",
    [
        (),
        ("not kql at (",) * 3,
        ('externaldata(a:string)["https://evil.example"]',) * 3,
        (".drop table SigninLogs",) * 3,
        ('workspace("other").SigninLogs',) * 3,
    ],
)
def test_a_model_that_misbehaves_changes_nothing(app: App, workspace: Workspace, queries: tuple[str, ...]) -> None:
    plain = app.hunting.questions.ask(workspace, "failed sign-ins", NOW)
    model = _Model(*queries)
    answer = with_model(app, model).ask(workspace, "failed sign-ins", NOW, responsible="kim")
    assert answer.query == plain.query
    assert answer.maker is Maker.CORE
    assert answer.remark
    assert len(model.asked) <= 3
