"""`huntlake lint`."""

from pathlib import Path

from tests.cli.conftest import Run


def test_what_is_wrong_is_told_with_its_place_and_the_exit_code(run: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("name: Good\nquery: SigninLogs | where ResultType != '0'\n")
    assert run("lint", good).code == 0
    bad.write_text("name: Bad\nquery: |\n  SigninLogs\n  | where ResultTyp != '0'\n")
    told = run("lint", tmp_path)
    assert told.code == 1
    assert f"{bad}:4:11: LN101" in told.out
    assert "1 findings in 2 files" in told.out
