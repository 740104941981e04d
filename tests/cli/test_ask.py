"""`huntlake ask`."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Run


def test_a_question_is_answered_by_a_query_its_words_and_its_rows(run: Run, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"TimeGenerated": "2026-11-20T10:00:00Z", "UserPrincipalName": "ann@corp.example"}\n')
    assert run("ingest", rows, "--table", "SigninLogs").code == 0
    done = run("ask", "sign-ins of ann@corp.example")
    assert done.code == 0, done.err
    assert 'where UserPrincipalName =~ "ann@corp.example"' in done.out
    assert "1. Reads `SigninLogs`." in done.out
    told = run("ask", "sign-ins of ann@corp.example", "-o", "json")
    assert json.loads(told.out)["table"] == "SigninLogs"
    assert run("ask", "sign-ins", "--table", "Nowhere").code == 1
    assert run("ask", " ").code == 1
