from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.playbooks.desk import NOW, Desk

from huntlake.core.errors import Invalid
from huntlake.identity.rights import Role
from huntlake.playbooks.connectors.asking import Period, period

QUERIES = {
    "subscriptions": "s",
    "resourcegroups": "g",
    "resourcetype": "Log Analytics Workspace",
    "resourcename": "soc",
    "timerange": "Set in query",
}


@pytest.fixture
def logs(desk: Desk) -> Desk:
    desk.connect("azuremonitorlogs")
    rows = [
        {"TimeGenerated": (NOW - timedelta(hours=h)).isoformat(), "Host": f"pc{h}", "Tags": {"n": h}}
        for h in (1, 30, 99)
    ]
    desk.app.streams.append(desk.workspace, "Seen_CL", rows)
    return desk


def ask(desk: Desk, query: Any, path: str = "/queryData", **queries: Any) -> Any:
    return desk.ask("POST", path, query, {**QUERIES, **queries}, connection="azuremonitorlogs")


def test_a_query_answers_with_its_rows(logs: Desk) -> None:
    answer = ask(
        logs, "Seen_CL | sort by TimeGenerated desc | project Host, Tags, TimeGenerated, N = 1, T = 1h | take 1"
    )
    assert answer.body == {
        "value": [{"Host": "pc1", "Tags": '{"n":1}', "TimeGenerated": "2026-11-21T11:00:00Z", "N": 1, "T": "01:00:00"}]
    }


@pytest.mark.parametrize(
    ("range", "hosts"),
    [
        ("Last 24 hours", ["pc1"]),
        ("Last 2 days", ["pc1", "pc30"]),
        ("Set in query", ["pc1", "pc30", "pc99"]),
        ("P2D", 2),
    ],
)
def test_the_time_range_bounds_the_rows_that_are_read(logs: Desk, range: str, hosts: Any) -> None:
    found = [r["Host"] for r in ask(logs, "Seen_CL | sort by Host asc", timerange=range).body["value"]]
    assert (len(found) if isinstance(hosts, int) else found) == hosts
    if range == "Set in query":
        return
    body = {"query": "Seen_CL | sort by Host asc", "timerangetype": "2", "timerange": {"relativeTimeRange": range}}
    assert [r["Host"] for r in ask(logs, body, "/queryDataV2").body["value"]] == found


def test_values_are_parameters_and_never_text_of_the_query(logs: Desk) -> None:
    body = {
        "query": "declare query_parameters(host:string, more:dynamic);\nSeen_CL | where Host == host or Host in (more)",
        "parameters": {"host": "pc1' or true //", "more": ["pc30"]},
        "timerangetype": "3",
    }
    assert [r["Host"] for r in ask(logs, body, "/queryDataV2").body["value"]] == ["pc30"]


@pytest.mark.parametrize(
    "body",
    [
        {"query": "Seen_CL", "timerangetype": "1", "timerange": {"startTime": "2026-01-01"}},
        {"query": "Seen_CL", "timerangetype": "2", "timerange": {"from": "2026-01-01"}},
        {"query": "Seen_CL", "parameters": ["x"]},
        {"query": ""},
        {"query": "Seen_CL | whete x"},
        "Seen_CL",
    ],
)
def test_a_question_that_cannot_be_understood_is_a_bad_request(logs: Desk, body: Any) -> None:
    answer = ask(logs, body, "/queryDataV2")
    assert answer.status == 400
    assert answer.body["error"]["message"]


def test_a_table_is_html_in_which_no_cell_becomes_markup(logs: Desk) -> None:
    query = "print Bad = '<script>alert(1)</script>', N = 7"
    answer = ask(logs, query, "/visualizeQuery", visType="Html Table")
    page = base64.b64decode(answer.body["attachmentContent"]).decode()
    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td><td>7</td>" in page
    assert ask(logs, query, "/visualizeQuery", visType="Pie Chart").status == 400


def test_a_query_reads_no_other_workspace_than_the_workflow_may(logs: Desk) -> None:
    other = logs.app.workspaces.create("other")
    logs.app.streams.append(other, "Seen_CL", [{"TimeGenerated": NOW.isoformat(), "Host": "theirs"}])
    both = "union workspace('other').Seen_CL | project Host"
    assert ask(logs, "Seen_CL", resourcename="other").status == 404
    assert ask(logs, both).status == 400
    client = logs.identity(Role.SENTINEL_READER)
    assert ask(logs, both).status == 400
    logs.app.principals.grant(client, other.id, Role.READER)
    assert [r["Host"] for r in ask(logs, both).body["value"]] == ["theirs"]
    assert ask(logs, "Seen_CL", resourcename="other").body["value"][0]["Host"] == "theirs"


def test_an_answer_that_is_too_large_is_no_answer(logs: Desk) -> None:
    answer = ask(logs, "range x from 1 to 600000 step 1")
    assert answer.status == 429
    assert "too large" in answer.body["error"]["message"]


def test_queries_of_playbooks_take_turns(logs: Desk) -> None:
    house = logs.app.outward.house
    turns = [house.asking.acquire(blocking=False) for _ in range(logs.app.settings.queries_at_once)]
    assert all(turns)
    object.__setattr__(house, "limits", replace(house.limits, timeout=timedelta(seconds=0.05)))
    assert ask(logs, "Seen_CL").status == 429
    for _ in turns:
        house.asking.release()
    object.__setattr__(house, "limits", replace(house.limits, timeout=timedelta(seconds=30)))
    assert ask(logs, "Seen_CL").status == 200


@pytest.mark.parametrize(
    ("said", "since"),
    [
        ("Last hour", timedelta(hours=1)),
        ("Last 90 Days", timedelta(days=90)),
        ("7d", timedelta(days=7)),
        ("24h", timedelta(hours=24)),
        ("PT5H", timedelta(hours=5)),
    ],
)
def test_time_ranges_of_designers_are_understood(said: str, since: timedelta) -> None:
    assert period(said, NOW) == Period(NOW - since, NOW)


def test_time_ranges_between_two_moments() -> None:
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    for said in (
        "2026-01-01T00:00:00Z/2026-01-02T00:00:00.0000000Z",
        "2026-01-01/P1D",
        "P1D/2026-01-02",
        "between(datetime(2026-01-01)..datetime(2026-01-02))",
    ):
        assert period(said, NOW) == Period(first, last)


@pytest.mark.parametrize("said", ["recently", "2026-01-01T00:00:00Z", "Last 7 fortnights", "P", "-1d", "x/y"])
def test_a_time_range_that_nobody_knows_is_not_guessed(said: str) -> None:
    with pytest.raises(Invalid):
        period(said, NOW)
