from __future__ import annotations

from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from .conftest import DB, WORKSPACE_ID, Server, ask


def run(client: TestClient, command: str, **more: Any) -> Any:
    answer = ask(client, command, path="/v1/rest/mgmt", **more)
    assert answer.status_code == 200, answer.text
    (table,) = answer.json()["Tables"]
    assert all(c["DataType"] and c["ColumnType"] for c in table["Columns"])
    names = [c["ColumnName"] for c in table["Columns"]]
    return [dict(zip(names, row, strict=True)) for row in table["Rows"]]


def test_the_version_is_that_of_an_engine(client: TestClient) -> None:
    (row,) = run(client, ".show version", db="NetDefaultDB")
    assert row["ServiceType"] == "Engine"


def test_only_databases_that_may_be_read_are_shown(client: TestClient, server: Server) -> None:
    server.workspaces.create("secret")
    (row,) = run(client, ".show databases", db="NetDefaultDB")
    assert (row["DatabaseName"], row["PrettyName"], row["DatabaseId"]) == (DB, "contoso-soc", WORKSPACE_ID)
    assert run(client, ".show database")[0]["IsCurrent"] is True


def test_tables_are_shown(client: TestClient) -> None:
    assert {row["TableName"]: row["DatabaseName"] for row in run(client, ".show tables")} == {
        "Odd 'name'": DB,
        "SigninLogs": DB,
    }


@pytest.mark.parametrize("name", ["", DB, f"['{DB}']", f'["{DB}"]', f"'{DB}'", "contoso-soc"])
def test_a_schema_has_a_row_for_the_database_each_table_and_each_column(client: TestClient, name: str) -> None:
    rows = run(client, f".show database {name} schema")
    assert [r["TableName"] for r in rows] == [None, "Odd 'name'", "Odd 'name'", *["SigninLogs"] * 3]
    assert (rows[4]["ColumnName"], rows[4]["ColumnType"]) == ("TimeGenerated", "System.DateTime")
    assert {r["DatabaseName"] for r in rows} == {DB}


def test_a_schema_as_json_is_one_cell(client: TestClient) -> None:
    (row,) = run(client, f".show database ['{DB}'] schema as json")
    tables = orjson.loads(row["DatabaseSchema"])["Databases"][DB]["Tables"]
    assert tables["SigninLogs"]["OrderedColumns"][1] == {"Name": "Ok", "Type": "System.SByte", "CslType": "bool"}


def test_a_tables_schema_is_shown_in_both_forms(client: TestClient) -> None:
    assert run(client, ".show table SigninLogs cslschema")[0]["Schema"] == "TimeGenerated:datetime,Ok:bool"
    (row,) = run(client, ".show  TABLE [\"Odd 'name'\"] schema\nas json;")
    assert orjson.loads(row["Schema"])["OrderedColumns"][0]["CslType"] == "decimal"


def test_an_unknown_table_is_an_error_that_helps(client: TestClient) -> None:
    answer = ask(client, ".show table SigninLog cslschema", path="/v1/rest/mgmt")
    assert answer.status_code == 400
    assert "did you mean `SigninLogs`?" in answer.json()["error"]["@message"]


@pytest.mark.parametrize(
    "command",
    [
        ".frobnicate everything",
        ".",
        ".drop table SigninLogs",
        ".show",
        ".show databases | count",
        ".create table T (a:string)",
        ".set-or-append T <| print 1",
        ". show version",
    ],
)
@pytest.mark.parametrize("path", ["/v1/rest/mgmt", "/v1/rest/query", "/v2/rest/query"])
def test_other_commands_are_refused_by_name(client: TestClient, command: str, path: str) -> None:
    answer = ask(client, command, path=path)
    assert answer.status_code == 400
    assert "is not supported" in answer.json()["error"]["@message"]


def test_a_command_sent_as_a_query_is_run(client: TestClient) -> None:
    frames = ask(client, "// connect\n\n.show version").json()
    assert frames[2]["Rows"][0][2] == "Engine"
    assert ask(client, ".show version", path="/v1/rest/query").json()["Tables"][0]["Rows"]


def test_a_query_sent_as_a_command_is_refused(client: TestClient) -> None:
    assert ask(client, "count 1", path="/v1/rest/mgmt").status_code == 400


@pytest.mark.parametrize("command", [".show database other schema", ".show tables"])
def test_a_schema_of_a_workspace_without_a_grant_is_not_shown(client: TestClient, server: Server, command: str) -> None:
    other = server.workspaces.create("other")
    hidden = ask(client, command, path="/v1/rest/mgmt", db=other.database)
    assert hidden.status_code == 403
