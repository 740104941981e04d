"""`huntlake function`."""

import json
from pathlib import Path

from tests.cli.conftest import Run


def test_a_function_is_saved_listed_shown_called_and_deleted(run: Run, lake: Path) -> None:
    body = "SigninLogs | where ResultType != ok"
    assert run("function", "save", "Failures", body, "-p", "ok:string = '0'", "--category", "Mine").code == 0
    (listed,) = json.loads(run("function", "list", "-o", "json").out)
    assert (listed["function"], listed["parameters"], listed["category"]) == ("Failures", "ok:string = '0'", "Mine")
    assert run("function", "show", "Failures").out == f"Failures(ok:string = '0') {{{body}\n}}\n"
    assert json.loads(run("query", "Failures | count", "-o", "json").out) == [{"Count": 1}]
    assert run("function", "save", "Failures", body, "-p", "(ok:string = '0')").code == 0
    assert run("function", "show", "Failures").out == f"Failures(ok:string = '0') {{{body}\n}}\n"
    assert run("function", "delete", "Failures").code == 0
    assert run("function", "delete", "Failures").code == 1


def test_a_function_that_names_nothing_is_told_with_its_place(run: Run, lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "f.kql"
    file.write_text("Nowhere_CL\n| take 1")
    told = run("function", "save", "f", "--file", file)
    assert (told.code, "no table is named `Nowhere_CL`" in told.err) == (1, True)
    assert run("function", "save", "f", "--file", file, "--skip-validation").code == 0
    assert "--> f:1:5" in run("query", "f").err
