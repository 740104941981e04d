"""A command line to try: its arguments in, its exit code and what it printed out."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from huntlake.cli import main


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> Run:
    """Runs `huntlake` with arguments, on a lake in a temporary folder."""
    monkeypatch.setenv("HUNTLAKE_HOME", str(tmp_path / "lake"))

    def run(*arguments: str | Path, stdin: str = "") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["huntlake", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = 0
        try:
            main()
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
        out, err = capsysbinary.readouterr()
        return Outcome(code, out.decode(), err.decode())

    return run


SIGNINS = """\
{"TimeGenerated": "2026-01-02T03:04:05Z", "UserPrincipalName": "ada@example.org", "ResultType": "0"}
{"TimeGenerated": "2026-01-02T03:04:06Z", "UserPrincipalName": "[red]bob\\u001b[2J\\u009b", "ResultType": "50126"}
"""


@pytest.fixture
def lake(run: Run, tmp_path: Path) -> Path:
    """The folder of a lake with two sign-ins in it."""
    source = tmp_path / "signins.jsonl"
    source.write_text(SIGNINS)
    assert run("ingest", source, "--table", "SigninLogs").code == 0
    return tmp_path / "lake"
