"""Who gets an answer: every kind of token, role and workspace against every endpoint."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from huntlake.identity.audiences import LAKE
from huntlake.identity.keys import SigningKeys
from huntlake.identity.rights import Role
from huntlake.identity.tenant import Tenant
from huntlake.identity.tokens import Tokens
from huntlake.workspace.workspaces import Workspace

from .conftest import BASE, CLIENT, TENANT, Server, ask

ENDPOINTS = ("/lake/kql/v2/rest/query", "/lake/kql/v1/rest/query", "/v2/rest/query", "/v1/rest/query")
COMMANDS = ("/lake/kql/v1/rest/mgmt", "/v1/rest/mgmt")
GOOD_AUDIENCES = (LAKE, "https://kusto.kusto.windows.net", BASE, f"{BASE}/lake/kql", "https://lake.example")
BAD_AUDIENCES = (
    "https://management.azure.com",
    "https://graph.microsoft.com",
    "https://monitor.azure.com",
    "https://api.loganalytics.io",
    "https://api.security.microsoft.com",
    "https://elsewhere.example",
    "",
)
ROLES = (None, Role.READER, Role.CONTRIBUTOR)


def issued(server: Server, audience: str = LAKE, keys: SigningKeys | None = None, tenant: Tenant = TENANT) -> str:
    tokens = Tokens(keys or server.keys, tenant, server.clock)
    return tokens.issue(server.principal(), audience, issuer=f"{BASE}/T/v2.0").text


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def anonymous(server: Server) -> TestClient:
    return server.client()


@pytest.fixture
def workspaces(server: Server) -> dict[str, Workspace]:
    """One workspace for every two roles that the principal may have in two of them."""
    server.principals.revoke(CLIENT, server.workspaces.get("contoso-soc").id)
    made = {}
    for role in ROLES:
        name = role.name.lower() if role else "none"
        made[name] = server.workspaces.create(name)
        if role:
            server.principals.grant(CLIENT, made[name].id, role)
    return made


@pytest.mark.parametrize("audience", GOOD_AUDIENCES)
def test_rows_come_only_from_workspaces_with_a_grant(
    server: Server, anonymous: TestClient, workspaces: dict[str, Workspace], audience: str
) -> None:
    headers = bearer(issued(server, audience))
    for endpoint, (name, workspace) in product(ENDPOINTS, workspaces.items()):
        for db in (workspace.database, workspace.id, workspace.name):
            answer = ask(anonymous, "count 3", path=endpoint, db=db, headers=headers)
            assert answer.status_code == (403 if name == "none" else 200), (endpoint, db)
            assert ("[3]" in answer.text) == (name != "none")
    assert workspaces["none"] not in [w for w, _, _ in server.queries.asked]


@pytest.mark.parametrize("audience", BAD_AUDIENCES)
@pytest.mark.parametrize("endpoint", ENDPOINTS + COMMANDS)
def test_a_token_for_another_audience_opens_nothing(
    server: Server, anonymous: TestClient, workspaces: dict[str, Workspace], audience: str, endpoint: str
) -> None:
    for workspace in workspaces.values():
        answer = ask(
            anonymous, "count 3", path=endpoint, db=workspace.database, headers=bearer(issued(server, audience))
        )
        check_unauthorized(answer)
    assert not server.queries.asked


def check_unauthorized(answer: object) -> None:
    status, error, headers = answer.status_code, answer.json()["error"], answer.headers  # type: ignore[attr-defined]
    assert status == 401
    assert error["code"] == "Unauthorized"
    assert error["message"]
    assert error["@message"]
    assert error["@permanent"] is True
    assert headers["www-authenticate"] == f'Bearer authorization_uri="{BASE}/{TENANT.id}", error="invalid_token"'


@pytest.mark.parametrize("endpoint", ENDPOINTS + COMMANDS)
def test_no_token_or_one_that_isnt_ours_opens_nothing(
    server: Server, anonymous: TestClient, tmp_path: Path, endpoint: str
) -> None:
    foreign = SigningKeys(tmp_path / "foreign", server.clock)
    good = issued(server)
    other = server.principals.create("other")
    gone = server.tokens.issue(other, LAKE, issuer=BASE).text
    server.principals.delete(other.client_id)
    reborn = server.tokens.issue(replace(server.principal(), object_id="before"), LAKE, issuer=BASE).text
    given = {
        "none": {},
        "empty": bearer(""),
        "no jwt": bearer("not.a.jwt"),
        "cut": bearer(good[:-10]),
        "another scheme": {"Authorization": f"Basic {good}"},
        "bare": {"Authorization": good},
        "another key": bearer(issued(server, keys=foreign)),
        "another tenant": bearer(issued(server, tenant=Tenant("aaaaaaaa-0000-0000-0000-000000000002", "x"))),
        "a principal that is gone": bearer(gone),
        "a client id that was made again": bearer(reborn),
    }
    for headers in given.values():
        check_unauthorized(ask(anonymous, ".show databases", path=endpoint, headers=headers))
    server.clock.at += timedelta(hours=1)
    check_unauthorized(ask(anonymous, ".show databases", path=endpoint, headers=bearer(good)))


@pytest.mark.parametrize("command", [".show tables", ".show database schema", ".show table SigninLogs cslschema"])
def test_a_schema_is_shown_only_with_a_grant(
    server: Server, anonymous: TestClient, workspaces: dict[str, Workspace], command: str
) -> None:
    headers = bearer(issued(server))
    for endpoint, (name, workspace) in product(COMMANDS, workspaces.items()):
        answer = ask(anonymous, command, path=endpoint, db=workspace.database, headers=headers)
        assert answer.status_code == (403 if name == "none" else 200)
    shown = ask(anonymous, ".show databases", path=COMMANDS[0], headers=headers).text
    assert workspaces["none"].id not in shown
    assert workspaces["reader"].id in shown


def test_an_unknown_workspace_and_one_without_a_grant_look_alike(
    server: Server, anonymous: TestClient, workspaces: dict[str, Workspace]
) -> None:
    headers = bearer(issued(server))

    def told(db: str | None) -> dict[str, str]:
        answer = ask(anonymous, "count 1", db=db, headers=headers)
        assert answer.status_code == 403
        error = answer.json()["error"]
        del error["@context"]
        return dict(error)

    ungranted = told(workspaces["none"].database)
    assert ungranted["code"] == "Forbidden"
    for unknown in ("nothing", "NetDefaultDB", "reader-" + workspaces["none"].id, "", " ", None, "a\x00b", "é" * 500):
        assert told(unknown) == ungranted


def test_a_grant_that_is_taken_away_is_gone_at_once(server: Server, anonymous: TestClient) -> None:
    headers = bearer(issued(server))
    workspace = server.workspaces.get("contoso-soc")
    assert ask(anonymous, "count 1", headers=headers).status_code == 200
    server.principals.revoke(CLIENT, workspace.id)
    assert ask(anonymous, "count 1", headers=headers).status_code == 403


def test_a_query_reaches_other_workspaces_only_with_a_grant(
    server: Server, anonymous: TestClient, workspaces: dict[str, Workspace]
) -> None:
    ask(anonymous, "count 1", db="reader", headers=bearer(issued(server)))
    named = server.queries.others
    assert named is not None
    assert named("reader") == workspaces["reader"]
    assert named(workspaces["contributor"].id) == workspaces["contributor"]
    assert named("none") is None
    assert named("nothing") is None
