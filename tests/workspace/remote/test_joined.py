"""Queries of a workspace here, parts of which a remote workspace answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from huntlake.app import App
from huntlake.core.diagnostics import Source, SourceError
from huntlake.core.errors import LimitExceeded
from huntlake.kql.compiler import parse
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.remote import tables
from huntlake.workspace.remote.asking import Asked, Given
from huntlake.workspace.remote.subqueries import parted

from .conftest import DAY, Ask

ELSEWHERE = ("far", "far-lake", "far-logs", "far-defender", "far-graph")


@pytest.fixture
def sent(near: App, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that went to remote workspaces."""
    texts: list[str] = []
    ask: Callable[[str, Asked], tuple[Given, ...]] = near.remote.ask

    def remembered(workspace: str, asked: Asked) -> tuple[Given, ...]:
        texts.append(asked.text)
        return ask(workspace, asked)

    monkeypatch.setattr(near.remote, "ask", remembered)
    return texts


@pytest.mark.parametrize("name", ELSEWHERE)
def test_rows_from_elsewhere_are_joined_with_rows_from_here(name: str, ask: Ask) -> None:
    far_part = f'workspace("{name}").Events_CL | where Count > 1 | project User, Count'
    assert ask("here", f"{far_part} | join kind=inner Owners_CL on User | project User, Count, Team") == [
        ["bob", 2, "red"]
    ]
    assert ask("here", f"Owners_CL | join kind=leftanti ({far_part}) on User | count") == [[0]]


def test_a_part_goes_as_one_query_up_to_what_names_something_here(ask: Ask, sent: list[str]) -> None:
    text = """
        let least = 1;
        let teams = Owners_CL | project User, Team;
        workspace("far").Events_CL
        | where Count > least // enough
        | summarize n = sum(Count), last = max(TimeGenerated) by User
        | lookup teams on User
        | project User, n, Team
        | order by User asc"""
    assert ask("here", text) == [["bob", 2, "red"], ["cyd", 3_000_000_000, ""]]
    assert sent[-1].splitlines() == [
        "let least = 1;",
        "Events_CL",
        "        | where Count > least // enough",
        "        | summarize n = sum(Count), last = max(TimeGenerated) by User",
        "| project User, n",
        "| take 500001",
    ]


def test_what_has_the_same_name_here_is_not_asked_elsewhere(ask: Ask, sent: list[str]) -> None:
    text = """
        let who = Owners_CL | project User;
        workspace("far").Events_CL | where User in (who) | project User"""
    assert ask("here", text) == [["bob"]]
    assert "who" not in sent[-1]
    assert ask("here", 'let f = (x:string) { workspace("far").Events_CL | where User == x | count }; f("ann")') == [[1]]
    assert ask("here", 'workspace("far").Events_CL | where Count == toscalar(Owners_CL | count) | project User') == [
        ["ann"]
    ]


def test_the_moment_is_the_same_in_every_part(ask: Ask) -> None:
    text = 'workspace("{}").Events_CL | where TimeGenerated > ago(90m) | project User, here = now()'
    at = f"{DAY:%Y-%m-%d}T02:00:00Z"
    for far in ELSEWHERE:
        # The second event is an hour after DAY, the third two.
        found = ask("here", text.format(far) + " | order by User asc", now=DAY + timedelta(hours=2))
        assert found == [["bob", at], ["cyd", at]], far


def test_bounds_on_time_hold_for_tables_elsewhere(ask: Ask, sent: list[str]) -> None:
    bounds: dict[str, Any] = {
        "time_column": "TimeGenerated",
        "since": DAY + timedelta(minutes=30),
        "until": DAY + timedelta(minutes=90),
    }
    assert ask("here", 'workspace("far").Events_CL | project User', **bounds) == [["bob"]]
    assert f"| where TimeGenerated >= datetime({DAY:%Y-%m-%d}T00:30:00.000000Z)" in sent[-1]
    with pytest.raises(SourceError, match="in a query bound in time is not supported"):
        ask("here", 'workspace("far").Something()', **bounds)


def test_several_workspaces_are_asked_as_one(near: App, ask: Ask) -> None:
    here, far = near.workspaces.get("here"), near.workspaces.get("far")
    for first, other in ((here, far), (far, here)):
        (table,) = near.queries.run(first, "union Owners_CL, Events_CL | count", QueryOptions(), also=[other]).tables
        assert b"".join(table.json_rows()) == b"[4]"


def test_more_rows_than_are_held_here_are_an_error(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 2)
    with pytest.raises(LimitExceeded, match="`far` answers has more than 2 rows"):
        ask("here", 'workspace("far").Events_CL | project User')
    assert ask("here", 'workspace("far").Events_CL | summarize count()') == [[3]]


def test_what_is_not_there_is_said_at_its_place(ask: Ask) -> None:
    with pytest.raises(SourceError, match="no table is named `Nothing_CL`"):
        ask("here", 'workspace("far").Nothing_CL')
    with pytest.raises(SourceError) as wrong:
        ask("here", 'Owners_CL | join (workspace("far").Events_CL | where Nowhere == 1 | count) on User')
    assert "`far` answers 400" in str(wrong.value)
    assert "`Nowhere`" in str(wrong.value)
    assert wrong.value.diagnostics[0].span.start == len("Owners_CL | join (")
    # The catalogue's tables are here, and not elsewhere.
    with pytest.raises(SourceError, match="no column is named `Nowhere`"):
        ask("here", 'workspace("far").Events_CL | join kind=inner (Owners_CL) on User | where Nowhere == 1')


def test_order_counts_where_it_is_needed(ask: Ask) -> None:
    text = 'workspace("far").Events_CL | top 2 by Count desc | extend n = row_number() | project User, n'
    assert ask("here", text) == [["cyd", 1], ["bob", 2]]
    assert ask(
        "here", 'workspace("far").Events_CL | sort by Count asc | extend n = row_number() | project User, n'
    ) == [
        ["ann", 1],
        ["bob", 2],
        ["cyd", 3],
    ]


def test_a_part_that_stands_twice_is_asked_once(ask: Ask, sent: list[str]) -> None:
    part = 'workspace("far").Events_CL | summarize n = count()'
    assert ask("here", f"let a = {part}; a | extend x = 1 | union a | count") == [[2]]
    assert len([t for t in sent if "take" in t]) == 1


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('workspace("r").T | where a == 1 | join (L) on a', ["T | where a == 1"]),
        ('workspace("here").T | where a == 1', []),
        ('workspace("r").T | where a in (L)', []),
        ('let l = dynamic([1]); workspace("r").T | where a in (l)', ["let l = dynamic([1]);\nT | where a in (l)"]),
        ('workspace("r").T | where Own(a)', []),
        ('let x = 1; let f = () { let x = 2; workspace("r").T | where a == x }; f', []),
        ('declare query_parameters(x:long); workspace("r").T | where a == x', []),
        ('workspace("r").T | where a == 1 | as X | where b == 1', ["T | where a == 1"]),
        ('set query_now = datetime(2020-01-01); workspace("r").T | where a == 1', []),
        ('workspace("r").T | where current_principal() == a', []),
        ('workspace("r").F(1, "x")', ['F(1, "x")']),
        ('union (workspace("r").T | count), (cluster("r").T | count), L', ["T | count"]),
        ('workspace("r").T | mv-expand a to typeof(string) | distinct tostring(a)', None),
    ],
)
def test_only_what_is_complete_goes_elsewhere(text: str, parts: list[str] | None) -> None:
    def place(kind: str, names: object) -> str | None:
        return "r" if names == ["r"] else None

    _, found = parted(Source(text), parse(text), place, whole=True)
    wanted = [text.removeprefix('workspace("r").')] if parts is None else parts
    assert [p.text for p in found.values()] == wanted


def test_a_function_elsewhere_that_takes_a_value_of_the_query_is_refused() -> None:
    text = 'let x = 1; workspace("r").F(x)'
    with pytest.raises(SourceError, match="with values of this query is not supported"):
        parted(Source(text), parse(text), lambda kind, names: "r", whole=True)
