from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from huntlake.engines.cancellation import Cancellation
from huntlake.identity.rights import Role
from huntlake.workspace.activity import Asked

from .conftest import CLIENT, DB, WORKSPACE_ID, Server, ask

ANOTHER = "bbbbbbbb-0000-0000-0000-000000000002"


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
    ("command", "told"),
    [
        (".frobnicate everything", "no command begins with `.frobnicate everything`"),
        (".", "no command begins with `.`"),
        (".show", "no command begins with `.show`"),
        (". show version", "no command begins with"),
        (".export async to csv", "the command `.export` is not supported"),
        (".show table SigninLogs policy retention", "`.show table SigninLogs policy retention` is not supported"),
        (".show tabless", "did you mean `.show tables`?"),
        (".show table SigninLogs detail", "did you mean `details`?"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/rest/mgmt", "/v1/rest/query", "/v2/rest/query"])
def test_other_commands_are_refused_by_name(client: TestClient, command: str, told: str, path: str) -> None:
    answer = ask(client, command, path=path)
    assert answer.status_code == 400
    assert told in answer.json()["error"]["@message"]


CHANGING = [
    ".create table T (a:string)",
    ".create-merge table T (a:string)",
    ".alter table SigninLogs (a:string)",
    ".drop table SigninLogs",
    ".clear table SigninLogs data",
    ".set-or-append T <| print 1",
    ".set-or-replace T <| print 1",
    ".append SigninLogs <| print 1",
    ".ingest inline into table SigninLogs <| 1",
    ".create-or-alter function F() { print 1 }",
    ".drop function F",
]


@pytest.mark.parametrize("command", CHANGING)
@pytest.mark.parametrize("path", ["/v1/rest/mgmt", "/v2/rest/query"])
def test_who_may_only_read_changes_nothing(client: TestClient, server: Server, command: str, path: str) -> None:
    answer = ask(client, command, path=path)
    assert answer.status_code == 403
    assert "doesn't let it" in answer.json()["error"]["@message"]
    assert not server.queries.asked
    assert run(client, ".show functions") == []


def test_a_request_that_says_it_only_reads_changes_nothing(client: TestClient, server: Server) -> None:
    server.principals.grant(CLIENT, WORKSPACE_ID, Role.CONTRIBUTOR)
    properties = {"Options": {"request_readonly": True}}
    for command in CHANGING:
        assert ask(client, command, path="/v1/rest/mgmt", properties=properties).status_code == 403
    assert run(client, ".show functions", properties=properties) == []


def test_a_contributor_makes_and_drops_a_function(client: TestClient, server: Server) -> None:
    server.principals.grant(CLIENT, WORKSPACE_ID, Role.CONTRIBUTOR)
    (made,) = run(client, ".create-or-alter function with (folder='x', docstring=\"d\") F(a:long) { print a }")
    assert made == {"Name": "F", "Parameters": "(a:long)", "Body": "{ print a }", "Folder": "x", "DocString": "d"}
    assert run(client, ".show function F") == [made]
    assert run(client, ".drop function F") == [{"Name": "F"}]


def test_no_command_of_one_workspace_changes_another(client: TestClient, server: Server) -> None:
    server.principals.grant(CLIENT, WORKSPACE_ID, Role.CONTRIBUTOR)
    other = server.workspaces.create("other")
    for command in CHANGING:
        assert ask(client, command, path="/v1/rest/mgmt", db=other.database).status_code == 403


def test_a_reader_sees_its_own_queries_alone(client: TestClient, server: Server) -> None:
    ask(client, "count 3", headers={"x-ms-client-request-id": "kit;1", "x-ms-app": "kit"})
    ask(client, "nonsense")
    first, second = run(client, ".show queries")
    assert (first["ClientActivityId"], first["State"], first["Application"]) == ("kit;1", "Completed", "kit")
    assert first["ResultSetStatistics"]["row_count"] == 3
    assert (second["Text"], second["State"]) == ("nonsense", "Failed")
    server.principals.create("another", client_id=ANOTHER)
    server.principals.grant(ANOTHER, WORKSPACE_ID, Role.READER)
    headers = {"Authorization": f"Bearer {server.token(client_id=ANOTHER)}"}
    assert run(client, ".show queries", headers=headers) == []
    server.principals.grant(ANOTHER, WORKSPACE_ID, Role.CONTRIBUTOR)
    assert len(run(client, ".show queries", headers=headers)) == 2


def test_only_who_asked_or_may_change_tables_stops_a_query(client: TestClient, server: Server) -> None:
    stopped = Cancellation()
    at = server.clock.now()
    asked = Asked("kit;2", "00000000-0000-0000-0000-000000000001", "T", "contoso-soc", ANOTHER, "", at)
    with server.activity.running(replace(asked, cancellation=stopped)):
        assert ask(client, '.cancel query "kit;2"', path="/v1/rest/mgmt").status_code == 400
        assert not stopped.cancelled
        server.principals.grant(CLIENT, WORKSPACE_ID, Role.CONTRIBUTOR)
        (row,) = run(client, ".show running queries")
        assert row["State"] == "InProgress"
        run(client, '.cancel query "kit;2"')
        assert stopped.cancelled


def test_roles_are_shown(client: TestClient) -> None:
    (role,) = run(client, ".show principal roles")
    assert role["Role"] == "Log Analytics Reader"
    member, person = run(client, f".show database ['{DB}'] principals")
    assert member["PrincipalFQN"] == f"aadapp={CLIENT}"
    assert person["PrincipalFQN"] == "aaduser=anna@contoso.example"


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
