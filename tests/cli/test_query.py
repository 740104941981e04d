"""Rows in every form, and codes that scripts can use."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
from tests.cli.conftest import Run

NAMES = "SigninLogs | project UserPrincipalName | sort by UserPrincipalName asc"


def test_a_table_is_plain_and_whole_when_it_is_piped(run: Run, lake: Path) -> None:
    asked = run("query", f"print long_name = '{'x' * 300}', n = 1")
    assert asked.code == 0
    assert "x" * 300 in asked.out
    assert "\x1b" not in asked.out


def test_what_a_log_says_never_reaches_the_terminal_as_a_command(run: Run, lake: Path) -> None:
    lines = run("query", NAMES).out.splitlines()
    assert "[red]bob\\x1b[2J\\x9b" in lines


def test_json_is_one_array_of_objects(run: Run, lake: Path) -> None:
    rows = json.loads(run("query", NAMES, "--output", "json").out)
    assert rows == [{"UserPrincipalName": "[red]bob\x1b[2J\x9b"}, {"UserPrincipalName": "ada@example.org"}]
    assert json.loads(run("query", "SigninLogs | where false", "-o", "json").out) == []


def test_json_lines_are_a_line_a_row(run: Run, lake: Path) -> None:
    lines = run("query", NAMES, "--output", "jsonl").out.splitlines()
    assert [list(json.loads(line)) for line in lines] == [["UserPrincipalName"]] * 2


def test_large_numbers_keep_every_digit(run: Run, lake: Path) -> None:
    text = run("query", "print n = 9007199254740993, d = dynamic({'n': 123456789012345678901234567890})", "-o", "jsonl")
    assert json.loads(text.out)["n"] == 9007199254740993
    assert '"n":9007199254740993' in text.out


def test_csv_quotes_what_needs_it(run: Run, lake: Path) -> None:
    asked = run("query", 'print a = "one,\\"two\\"\\nthree", b = dynamic([1]), c = 1d', "--output", "csv")
    assert list(csv.reader(io.StringIO(asked.out))) == [["a", "b", "c"], ['one,"two"\nthree', "[1]", "1.00:00:00"]]


def test_parquet_goes_to_a_file_with_types(run: Run, lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "out.parquet"
    asked = run("query", "SigninLogs | project TimeGenerated, ResultType", "-o", "parquet", "--to", file)
    table = pq.read_table(file)
    assert (asked.code, asked.out, table.num_rows) == (0, "", 2)
    assert [str(f.type) for f in table.schema] == ["timestamp[us, tz=UTC]", "string"]


def test_a_query_comes_from_a_file_or_from_standard_input(run: Run, lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "count.kql"
    file.write_text("SigninLogs | count")
    assert run("query", "--file", file, "-o", "csv").out == "Count\n2\n"
    assert run("query", "-o", "csv", stdin="SigninLogs | count").out == "Count\n2\n"


def test_parameters_reach_the_query(run: Run, lake: Path) -> None:
    asked = run("query", "declare query_parameters(n: long); print x = n + 1", "-p", "n=41", "-o", "csv")
    assert asked.out == "x\n42\n"


def test_a_mistake_is_shown_with_its_place(run: Run, lake: Path) -> None:
    asked = run("query", "SigninLog | count")
    assert (asked.code, asked.out) == (1, "")
    assert "^^^^^^^^^" in asked.err
    assert "did you mean `SigninLogs`?" in asked.err


def test_a_limit_has_a_code_of_its_own_and_prints_what_fits(run: Run, lake: Path) -> None:
    asked = run("query", "set truncationmaxrecords=1; SigninLogs | project ResultType", "-o", "csv")
    assert (asked.code, len(asked.out.splitlines())) == (3, 2)
    assert "limit of 1 records" in asked.err


def test_a_wrong_command_line_is_told_from_a_wrong_query(run: Run, lake: Path, tmp_path: Path) -> None:
    assert run("query", "--bogus").code == 2
    assert run("query", "print 1", "--file", "x.kql").code == 2
    assert run("query", "print 1", "--to", tmp_path / "table").code == 2
    assert run("query", "print 1", "-p", "no-value").code == 2
    assert run("query", "--file", tmp_path / "nowhere.kql").code == 1


def test_where_no_lake_is_nothing_is_made(run: Run, tmp_path: Path) -> None:
    asked = run("query", "print 1", "--home", tmp_path / "nowhere")
    assert (asked.code, asked.out) == (1, "")
    assert "no lake is in" in asked.err
    assert not (tmp_path / "nowhere").exists()


def test_explain_names_the_files(run: Run, lake: Path) -> None:
    asked = run("explain", "SigninLogs | where TimeGenerated > datetime(2026-01-01) | count")
    assert asked.code == 0
    assert "1 files, 2 rows" in asked.out
    assert ".parquet" in asked.out
    assert "select" in asked.out
