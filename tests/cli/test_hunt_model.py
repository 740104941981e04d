"""What a model makes of a query and of a cluster, at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from huntlake.ai.scripted import Heard, Says, ScriptedServer


def test_a_query_is_told_by_its_tree_and_beside_it_by_a_model(
    run: Run, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "query.kql"
    file.write_text('SigninLogs | where ResultType == "50126"')
    assert run("hunt", "new", file, "--title", "Wrong passwords").code in (0, 1)
    (hunt,) = json.loads(run("hunt", "list", "-o", "json").out)
    name = next(value for key, value in hunt.items() if key in ("hunt", "name"))
    plain = run("hunt", "retell", name)
    assert "1. " in plain.out
    assert "no model is configured" in plain.err

    def says(heard: Heard) -> Says:
        return Says(json.dumps({"text": "It finds sign-ins whose ResultType is 50126."}))

    with ScriptedServer(says) as server:
        for setting, value in {"URL": server.url, "NAME": "m"}.items():
            monkeypatch.setenv(f"HUNTLAKE_MODEL_{setting}", value)
        monkeypatch.setenv("HUNTLAKE_OWN_NAMES", '["acme.example"]')
        told = run("hunt", "retell", name)
    assert told.out.startswith(plain.out.rstrip())
    assert "It finds sign-ins whose ResultType is 50126." in told.out
    assert "by the model m" in told.err
