"""Remote workspaces against a second huntlake, over TLS, in each of the protocols that it speaks."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from huntlake.app import App
from huntlake.core.errors import Invalid, LimitExceeded, NotFound, Refused, Unavailable
from huntlake.detection.rules import AnalyticRule, RuleKind
from huntlake.detection.running import Window, run
from huntlake.detection.severity import Severity
from huntlake.kql.types import ScalarType
from huntlake.workspace.query import QueryOptions

from .conftest import DAY, Ask, Far

EVERYWHERE = ("far", "far-lake", "far-logs", "far-defender", "far-graph")

EVERY_TYPE = """print b = true, i = int(-7), l = 9007199254740993, r = 1.5, nan = real(nan), d = decimal(1.25),
    s = "it's", t = datetime(2024-02-29T12:34:56.789123Z), span = time(-1.02:03:04.5678901), g = toguid(
    "74be27de-1e4e-49d9-b579-fe0b331d3642"), y = dynamic({"a": [1, "x", null]}), yt = dynamic("{not json"),
    n = long(null), ns = "", ng = guid(null), ny = dynamic(null), nt = datetime(null), nspan = timespan(null)"""


@pytest.mark.parametrize("workspace", EVERYWHERE)
def test_rows_of_another_lake_are_read_with_their_types(workspace: str, ask: Ask) -> None:
    assert ask(workspace, "Events_CL | where User != 'ann' | project User, Count, Seen | order by Count asc") == [
        ["bob", 2, {"n": 2, "by": ["bob"]}],
        ["cyd", 3_000_000_000, {"n": 3_000_000_000, "by": ["cyd"]}],
    ]


@pytest.mark.parametrize("workspace", EVERYWHERE)
def test_a_value_of_every_type_comes_as_it_is_there(workspace: str, near: App, far: Far) -> None:
    def answered(app: App, name: str) -> tuple[list[tuple[str, ScalarType]], Any]:
        (table,) = app.queries.run(app.workspaces.get(name), EVERY_TYPE, QueryOptions()).tables
        return [(c.name, c.type) for c in table.columns], json.loads(b"".join(table.json_rows()))

    assert answered(near, workspace) == answered(far.app, "abroad")


def test_the_moment_and_the_bounds_of_a_query_count_there_too(ask: Ask) -> None:
    options = {"now": DAY, "time_column": "TimeGenerated", "since": DAY + timedelta(minutes=30), "until": DAY}
    # Rules look at the rows of a window, and at its end `now()` says.
    for workspace in ("far", "far-lake", "far-logs", "far-graph"):
        until = {**options, "until": DAY + timedelta(hours=1)}
        found = ask(workspace, "Events_CL | project User, at = now(), ago = ago(1h), later = now(-1d)", **until)
        at = [f"{t:%Y-%m-%dT%H:%M:%S}" for t in (DAY, DAY - timedelta(hours=1), DAY - timedelta(days=1))]
        assert [[row[0], *(t[:19] for t in row[1:])] for row in found] == [["bob", *at]], workspace
    with pytest.raises(Invalid, match="bound on time beside the query is not supported"):
        ask("far-defender", "Events_CL", **options)
    with pytest.raises(Invalid, match="in `Timestamp` is not supported"):
        ask("far-logs", "Events_CL", since=DAY, time_column="Timestamp")


def test_parameters_are_passed_on_or_refused_by_name(ask: Ask) -> None:
    text = "declare query_parameters(who:string, least:long, since:timespan); Events_CL | where User == who"
    given = {"parameters": {"who": "it's \" or true //", "least": 1, "since": timedelta(days=1, microseconds=1)}}
    assert ask("far", text, **given) == []
    assert len(ask("far", text, parameters={**given["parameters"], "who": "bob"})) == 1
    for workspace in ("far-logs", "far-defender", "far-graph"):
        with pytest.raises(Invalid, match=r"query parameters \(`who`, `least`, `since`\) are not supported"):
            ask(workspace, text, **given)


def test_too_many_rows_are_an_error_and_never_fewer_rows(near: App, ask: Ask) -> None:
    (table,) = near.queries.run(
        near.workspaces.get("far"), "range x from 1 to 9 step 1", QueryOptions(max_rows=4)
    ).tables
    assert json.loads(b"[" + b",".join(table.json_rows()) + b"]") == [[1], [2], [3], [4]]
    assert isinstance(table.truncated_by, LimitExceeded)
    for workspace in EVERYWHERE:
        with pytest.raises(LimitExceeded):
            ask(workspace, "range x from 1 to 9 step 1", max_rows=4)
        assert len(ask(workspace, "range x from 1 to 9 step 1", take=4)) == 4
    with pytest.raises(LimitExceeded):
        ask("far", "set truncationmaxrecords=2; range x from 1 to 9 step 1")


def test_what_is_wrong_with_a_query_is_said_as_it_is_said_there(ask: Ask) -> None:
    for workspace in EVERYWHERE:
        with pytest.raises(Invalid, match=f"`{workspace}` answers 400.*`Nothing_CL`"):
            ask(workspace, "Nothing_CL | count")


def test_a_query_of_a_remote_workspace_runs_no_command(ask: Ask) -> None:
    for text in (".show tables", " // a comment\n .drop table Events_CL"):
        with pytest.raises(Invalid, match="management command is not supported"):
            ask("far", text)


def test_several_results_come_as_several_tables(near: App) -> None:
    answer = near.queries.run(near.workspaces.get("far"), "print a = 1; print b = 'x'; Events_CL | count | render card")
    assert [t.columns[0].name for t in answer.tables] == ["a", "b", "Count"]
    assert (answer.tables[2].visualization or {}).get("Visualization") == "card"


def test_the_tables_that_are_there_are_listed(near: App) -> None:
    for workspace in ("far", "far-lake", "far-logs"):
        assert "Events_CL" in near.tables.names(workspace)
        columns = near.tables.table(workspace, "Events_CL") or ()
        known = {c.name: c.type.value for c in columns}
        wanted = {"TimeGenerated": "datetime", "User": "string", "Count": "long", "Seen": "dynamic"}
        assert known == {**known, **wanted}, workspace
        assert near.tables.table(workspace, "Nothing_CL") is None


def test_where_no_tables_are_listed_each_is_asked_for(near: App) -> None:
    for workspace in ("far-defender", "far-graph"):
        near.remote.refresh(workspace)
        assert near.tables.names(workspace) == ()
        assert near.tables.table(workspace, "Nothing_CL") is None
        columns = near.tables.table(workspace, "Events_CL") or ()
        assert ("Seen", ScalarType.DYNAMIC) in [(c.name, c.type) for c in columns]
        assert near.tables.names(workspace) == ("Events_CL",)


def test_nothing_is_written_to_a_remote_workspace(near: App, tmp_path: Any) -> None:
    far = near.workspaces.get("far")
    file = tmp_path / "rows.jsonl"
    file.write_text("{}")
    for write in (
        lambda: near.ingestion.ingest(far, "Events_CL", [file]),
        lambda: near.streams.append(far, "Events_CL", [{"User": "x"}]),
        lambda: near.analytics.evidence.take(far, file, by="me"),
        lambda: near.analytics.table_definitions.delete(far, "Events_CL"),
    ):
        with pytest.raises(Invalid, match="not supported in `far`, which is a remote workspace"):
            write()


def test_a_rule_runs_over_a_remote_workspace(near: App) -> None:
    rule = AnalyticRule(
        kind=RuleKind.SCHEDULED,
        display_name="Many",
        query="Events_CL | where TimeGenerated > ago(90m) | where Count > 1",
        query_period=timedelta(hours=3),
        query_frequency=timedelta(hours=1),
        enabled=True,
        severity=Severity.LOW,
        suppression_duration=timedelta(hours=1),
        suppression_enabled=False,
    )
    window = Window(DAY, DAY + timedelta(hours=2))
    for workspace in ("far", "far-logs"):
        found = run(near.queries, near.workspaces.get(workspace), "rule", rule, window)
        # The last event is at the end of the window, and not in it.
        assert found.rows == 1, workspace


def test_wrong_credentials_are_refused_and_named(near: App, far: Far) -> None:
    with pytest.raises(Refused, match=r"gives no token for the client .*AADSTS7000215"):
        near.remote.try_out(far.remote("x"), "wrong")
    with pytest.raises((Refused, NotFound)):
        near.remote.try_out(far.remote("x", database="elsewhere"), far.secret)


def test_a_certificate_that_nobody_trusts_ends_the_call(near: App, far: Far) -> None:
    with pytest.raises(Unavailable, match=r"(?i)certificate"):
        near.remote.try_out(far.remote("x", certificates=""), far.secret)


def test_a_secret_is_sealed_and_opens_for_its_own_address_only(near: App, far: Far) -> None:
    kept = near.remote.remotes.get("far")
    assert far.secret not in repr(kept) + kept.secret
    assert near.remote.remotes.secret(kept) == far.secret
    key = near.home / "keys" / "secrets.key"
    assert key.stat().st_mode & 0o777 == 0o600
    for moved in (replace(kept, url="https://evil.example"), replace(kept, authority="https://evil.example")):
        with pytest.raises(Unavailable, match="can't be opened"):
            near.remote.remotes.secret(moved)


def test_a_rule_that_a_remote_workspace_would_not_understand_is_refused(near: App) -> None:
    far = near.workspaces.get("far")
    for text in ("Events_CL | take 1", "let a = 1; Events_CL | where Count == a; // last\n"):
        near.queries.check(far, text)
    with pytest.raises(Invalid, match=r"`far` answers 400.*`Nowhere`"):
        near.queries.check(far, "Events_CL | where Nowhere == 1")
