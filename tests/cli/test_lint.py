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
    assert "1 errors, 1 warnings, 0 notes in 2 files" in told.out


def test_rules_may_call_the_functions_beside_them(run: Run, tmp_path: Path) -> None:
    parsers = tmp_path / "Parsers"
    parsers.mkdir()
    (parsers / "Sign_Parser.txt").write_text(
        "// Save it, and then use its alias (e.g. OddSignIns | take 10).\nSigninLogs | extend Odd = 1\n"
    )
    (tmp_path / "hunt.yaml").write_text("name: Hunt\nquery: OddSignIns | where Odd == 1 and TimeGenerated > ago(1d)\n")
    told = run("lint", "--strict", tmp_path)
    assert told.code == 0, told.out


def test_warnings_alone_fail_only_where_that_is_asked(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "hunt.yaml"
    file.write_text("name: Hunt\nquery: SigninLogs | where AppDisplayName == '*azure*' and TimeGenerated > ago(1d)\n")
    assert run("lint", file).code == 0
    assert run("lint", "--strict", file).code == 1
    assert "::warning file=" in run("lint", "--format", "github", file).out
    fixed = run("lint", "--fix", "--strict", file)
    assert "1 remedied" in fixed.out
    assert fixed.code == 0
    assert 'AppDisplayName contains_cs "azure" and' in file.read_text()
