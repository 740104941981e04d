"""`huntlake hunt backtest`, `promote`, `enable-rule`."""

from __future__ import annotations

from pathlib import Path

from .conftest import Run


def test_what_is_no_hunt_and_what_is_no_value_is_said(run: Run, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"TimeGenerated": "2026-11-20T10:00:00Z"}\n')
    assert run("ingest", rows, "--table", "SigninLogs").code == 0
    for command in ("backtest", "promote", "enable-rule"):
        said = run("hunt", command, "nothing")
        assert said.code == 1
        assert "nothing" in said.err or "comment" in said.err
    assert "no list of times" in run("hunt", "backtest", "x", "--frequency", "often").err
    assert "no list of numbers" in run("hunt", "backtest", "x", "--threshold", "many").err
    assert run("hunt", "backtest", "x", "--days", "7").code == 2
    assert run("hunt", "promotions").code == 0
