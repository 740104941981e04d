"""The commands around the query: files in, tables, workspaces, principals."""

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Run


def test_ingest_tells_what_came_of_every_row(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text('{"TimeGenerated": "2026-01-02T03:04:05Z", "Colour": "red"}\nnot json\n')
    told = run("ingest", source, "-t", "SigninLogs")
    assert told.code == 0
    assert "1 rows in SigninLogs of workspace default" in told.err
    assert "1 rows did not fit" in told.err
    assert "Colour" in told.err
    assert run("ingest", source, "-t", "SigninLogs", "--strict").code == 1


def test_an_unknown_table_is_refused_with_a_suggestion(run: Run, lake: Path, tmp_path: Path) -> None:
    told = run("ingest", tmp_path / "signins.jsonl", "-t", "SigninLog")
    assert told.code == 1
    assert "did you mean `SigninLogs`?" in told.err


def test_tables_counts_rows(run: Run, lake: Path) -> None:
    found = json.loads(run("tables", "-o", "json").out)
    assert [(t["table"], t["rows"], t["to"]) for t in found] == [("SigninLogs", 2, "2026-01-02T03:04:06Z")]


def test_schema_knows_the_catalogue_before_there_is_a_lake(run: Run) -> None:
    columns = json.loads(run("schema", "SigninLogs", "-o", "json").out)
    assert {"column": "TimeGenerated", "type": "datetime"} in columns
    assert "did you mean `SigninLogs`?" in run("schema", "SigninLog").err


def test_a_user_gets_a_password_and_roles(run: Run, lake: Path) -> None:
    secret = "correct horse battery"
    assert run("user", "add", "Anna", "--role", "reader", "--password-stdin", stdin=f"{secret}\n").code == 0
    assert run("user", "add", "anna", "--password-stdin", stdin=f"{secret}\n").code == 1
    assert run("user", "add", "bob", "--password-stdin", stdin="short\n").code == 1
    assert run("user", "add", "bob", stdin=f"{secret}\n").code == 1
    listed = run("user", "list", "-o", "json").out
    assert [u["user"] for u in json.loads(listed)] == ["anna"]
    assert "Log Analytics Reader" in listed
    assert "argon2" not in listed
    assert run("user", "grant", "anna", "--role", "contributor").code == 0
    assert "Contributor" in run("user", "list").out
    assert run("user", "revoke", "anna").code == 0
    assert run("user", "revoke", "anna").code == 1
    assert run("user", "password", "anna", "--password-stdin", stdin="another password\n").code == 0
    assert run("user", "sign-out", "anna").code == 0
    assert run("user", "remove", "anna").code == 0
    assert run("user", "remove", "anna").code == 1


def test_a_principal_gets_a_secret_once_and_roles(run: Run, lake: Path) -> None:
    made = json.loads(run("principal", "create", "soc", "--role", "reader", "-o", "json").out)
    listed = run("principal", "list", "-o", "json").out
    assert json.loads(listed)[0]["roles"] == ["Log Analytics Reader in default"]
    assert made["secret"] not in listed
    turned = json.loads(run("principal", "rotate", made["client_id"], "-o", "json").out)
    assert turned["secret"] != made["secret"]
    assert run("principal", "grant", "soc", "--role", "contributor").code == 0
    assert "Contributor" in run("principal", "list").out
    assert run("principal", "revoke", "soc").code == 0
    assert run("principal", "revoke", "soc").code == 1
    assert run("principal", "rotate", "nobody").code == 1


def test_a_principal_for_an_unknown_workspace_is_not_made(run: Run, lake: Path) -> None:
    assert run("principal", "create", "soc", "--role", "reader", "-w", "elsewhere").code == 1
    assert json.loads(run("principal", "list", "-o", "json").out) == []


def test_with_two_workspaces_one_must_be_named(run: Run, lake: Path) -> None:
    assert run("workspace", "create", "second").code == 0
    assert [w["workspace"] for w in json.loads(run("workspace", "list", "-o", "json").out)] == ["default", "second"]
    asked = run("query", "SigninLogs | count")
    assert asked.code == 1
    assert "`default`, `second`" in asked.err
    assert run("query", "SigninLogs | count", "-w", "second", "-o", "csv").out == "Count\n0\n"
    across = run("query", "workspace('default').SigninLogs | count", "-w", "second", "-o", "csv")
    assert across.out == "Count\n2\n"


def test_help_loads_nothing_heavy() -> None:
    heavy = "{'duckdb', 'pyarrow', 'deltalake', 'pydantic', 'sqlalchemy', 'cryptography', 'starlette', 'rich', 'numpy'}"
    program = f"import sys, huntlake.cli; print(sorted({heavy} & {{m.partition('.')[0] for m in sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"
