"""The APIs of this server, over a workspace whose tables are on another one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
from starlette.testclient import TestClient

from huntlake.app import App
from huntlake.core.errors import Cancelled
from huntlake.engines.cancellation import Cancellation
from huntlake.identity.rights import Role
from huntlake.server import create_app
from huntlake.workspace.query import QueryOptions

from .conftest import DAY, Far

BASE = "https://near.example:8443"


@pytest.fixture(scope="module")
def http(near: App) -> Iterator[TestClient]:
    principal = near.principals.create("analyst")
    for workspace in near.workspaces.list():
        near.principals.grant(principal.client_id, workspace.id, Role.CONTRIBUTOR)
    found = near.principals.find(principal.client_id)
    assert found is not None
    token = near.tokens.issue(found, BASE, issuer=f"{BASE}/{near.tenant.id}/v2.0").text
    with TestClient(create_app(near), BASE, headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


Post = Callable[[str, object], Any]


@pytest.fixture
def post(http: TestClient) -> Post:
    def post(path: str, body: object) -> Any:
        answer = http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return post


def test_every_api_asks_a_remote_workspace(near: App, post: Post) -> None:
    text = "Events_CL | where User == 'bob' | project User, Count, Seen"
    frames = post("/v2/rest/query", {"db": "far", "csl": text})
    assert frames[2]["Rows"] == [["bob", 2, {"n": 2, "by": ["bob"]}]]
    assert post("/v1/rest/query", {"db": "far-logs", "csl": text})["Tables"][0]["Rows"][0][0] == "bob"
    id = near.workspaces.get("far").id
    logs = post(f"/v1/workspaces/{id}/query", {"query": text, "timespan": f"{DAY:%Y-%m-%d}/P1D"})
    assert logs["tables"][0]["rows"] == [["bob", 2, '{"n":2,"by":["bob"]}']]
    hunting = {"Query": text, "workspaceId": id, "Timespan": f"{DAY:%Y-%m-%d}/P3D"}
    assert post("/v1.0/security/runHuntingQuery", hunting)["results"][0]["Count"] == 2
    joined = 'workspace("far").Events_CL | join kind=inner Owners_CL on User | project Team'
    assert post("/v2/rest/query", {"db": "here", "csl": joined})[2]["Rows"] == [["red"]]


def test_an_answer_that_was_cut_says_so_in_the_apis_own_words(near: App, post: Post) -> None:
    options = {"Options": {"truncationmaxrecords": 2}}
    frames = post("/v2/rest/query", {"db": "far", "csl": "range x from 1 to 9 step 1", "properties": options})
    assert frames[2]["Rows"][:2] == [[1], [2]]
    assert "E_QUERY_RESULT_SET_TOO_LARGE" in frames[2]["Rows"][2]["OneApiErrors"][0]["error"]["@message"]
    assert frames[-1]["HasErrors"]


def test_who_may_not_read_a_remote_workspace_gets_nothing_of_it(near: App, http: TestClient) -> None:
    stranger = near.principals.create("stranger")
    here = near.workspaces.get("here")
    near.principals.grant(stranger.client_id, here.id, Role.READER)
    found = near.principals.find(stranger.client_id)
    assert found is not None
    token = near.tokens.issue(found, BASE, issuer=f"{BASE}/{near.tenant.id}/v2.0").text
    headers = {"Authorization": f"Bearer {token}"}
    for body in (
        {"db": "far", "csl": "Events_CL"},
        {"db": "here", "csl": 'workspace("far").Events_CL | where Count > 1'},
        {"db": "here", "csl": 'workspace("far").Events_CL'},
    ):
        answer = http.post("/v2/rest/query", json=body, headers=headers)
        assert answer.status_code in (400, 403), answer.text
        assert "bob" not in answer.text


def test_commands_show_what_is_there_and_change_nothing(post: Post, http: TestClient) -> None:
    shown = post("/v1/rest/mgmt", {"db": "far", "csl": ".show table Events_CL cslschema"})
    assert "User:string" in shown["Tables"][0]["Rows"][0][1]
    for text in (".create table X_CL (a:long)", ".set-or-append Events_CL <| print 1", ".drop table Events_CL"):
        answer = http.post("/v1/rest/mgmt", json={"db": "far", "csl": text})
        assert answer.status_code == 400
        assert "not supported in `far`, which is a remote workspace" in answer.text
    answer = http.post("/v1/rest/ingest/far/Events_CL?streamFormat=json", content=b'{"User": "x"}')
    assert "adding rows is not supported in `far`" in answer.text


def test_a_query_that_is_cancelled_here_ends_there(near: App, far: Far) -> None:
    cancellation, ended = Cancellation(), list[BaseException]()
    text = "range x from 1 to 100000000000 step 1 | summarize sum(x * x % 7)"

    def ask() -> None:
        try:
            answer = near.queries.run(near.workspaces.get("far"), text, QueryOptions(), cancellation)
            list(answer.tables[0].json_rows())
        except Cancelled as error:
            ended.append(error)

    asking = Thread(target=ask)
    asking.start()
    assert _soon(lambda: any(q.text == text for q in far.app.activity.now_running()))
    cancellation.cancel()
    asking.join(30)
    assert ended
    assert _soon(lambda: all(q.text != text for q in far.app.activity.now_running()))


def _soon(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return held
