"""`huntlake model` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from huntlake.ai.chat import Data, Proposal, Question
from huntlake.ai.scripted import Says, ScriptedServer
from huntlake.app import App

SCHEMA = {"type": "object", "properties": {"said": {"type": "string"}}, "required": ["said"]}


def test_without_a_model_it_says_what_to_do(run: Run, lake: Path) -> None:
    told = run("model", "status")
    assert told.code == 1
    assert "model_url" in told.err


def test_what_a_model_was_asked_can_be_looked_up_and_names_only_with_a_reason(
    run: Run, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(lambda heard: Says('{"said": "HLT_USER_1"}')) as server:
        for name, value in {"URL": server.url, "NAME": "m", "CALLS_A_DAY": "5"}.items():
            monkeypatch.setenv(f"HUNTLAKE_MODEL_{name}", value)
        monkeypatch.setenv("HUNTLAKE_OWN_NAMES", '["acme.example"]')
        assert "json_schema" in run("model", "probe").err
        opened = App.open(lake)
        try:
            question = Question("ask", "t", "1", "?", [Data("log", "ada@acme.example")], SCHEMA)
            answer = opened.hunting.model.answer((opened.workspaces.list()[0].name,), question, "ann")
        finally:
            opened.close()
        assert isinstance(answer, Proposal)
        status = run("model", "status")
        assert "1 of 5" in status.out
        assert "1 domains" in status.out or "2 domains" in status.out
        listed = run("model", "audit", "-o", "json")
    (row,) = json.loads(listed.out)
    assert (row["call"], row["outcome"], row["responsible"]) == (answer.call, "answered", "ann")
    shown = run("model", "show", answer.call)
    assert "HLT_USER_1" in shown.out
    assert "ada@" not in shown.out
    assert run("model", "tokens", answer.call).code == 2
    assert run("model", "tokens", answer.call, "--reason", " ").code == 1
    assert "ada@acme.example" in run("model", "tokens", answer.call, "--reason", "to see").out
    assert run("model", "reset").code == 0
    assert run("model", "cassette", lake / "none").code == 1
    # What left for a model is told when there is none any more, too.
    for name in ("URL", "NAME"):
        monkeypatch.delenv(f"HUNTLAKE_MODEL_{name}")
    assert answer.call in run("model", "audit").out
    assert "HLT_USER_1" in run("model", "show", answer.call).out
