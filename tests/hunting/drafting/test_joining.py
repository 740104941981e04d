"""Questions about rows of two tables: joined where that is understood, and said where it isn't."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.hunting.context.relating import same_things
from huntlake.hunting.drafting.asking.query import AskedQuery, Asking
from huntlake.hunting.drafting.asking.tables import AskTable
from huntlake.hunting.drafting.tree import every
from huntlake.kql.binding.schema import NoTables
from huntlake.kql.compiler import compile_kql, parse
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column
from huntlake.workspace.catalogue import Catalogue

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NAMES = (
    "SigninLogs", "DeviceProcessEvents", "DeviceNetworkEvents", "DeviceLogonEvents", "EmailEvents", "UrlClickEvents",
    "AzureActivity", "OfficeActivity", "SecurityAlert", "DeviceInfo",
)  # fmt: skip


class _Tables(NoTables):
    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        known = Catalogue().table(name)
        return known.columns if known else None


def _ask_table(name: str) -> AskTable:
    known = Catalogue().table(name)
    assert known is not None
    return AskTable(name, {c.name: c.type for c in known.columns}, Catalogue().description(name))


ASKING = Asking([_ask_table(n) for n in NAMES], (), same_things())


def ask(question: str) -> AskedQuery:
    found = ASKING.ask(question)
    assert found is not None
    compile_kql(found.query, _Tables())
    return found


@pytest.mark.parametrize(
    ("question", "tables", "wanted"),
    [
        (
            "sign-ins from IPs that also had failed logons",
            ("SigninLogs", "DeviceLogonEvents"),
            ("extend Same = tolower(IPAddress)", "join kind=leftsemi", 'where ActionType == "LogonFailed"'),
        ),
        (
            "failed sign-ins from IP addresses that also had Azure activity",
            ("SigninLogs", "AzureActivity"),
            ('where ResultType != "0"', "extend Same = tolower(CallerIpAddress)"),
        ),
        (
            "users who had failed sign-ins and then signed in successfully",
            ("SigninLogs", "SigninLogs"),
            ("summarize Before = min(TimeGenerated) by Same", "where TimeGenerated > Before"),
        ),
        (
            "users who received phishing mails and then clicked within 30 minutes",
            ("EmailEvents", "UrlClickEvents"),
            ('where ThreatTypes has "Phish"', "between (Before .. Before + 30m)"),
        ),
        (
            "devices that ran powershell and also connected to 203.0.113.9 in the last 2 days",
            ("DeviceProcessEvents", "DeviceNetworkEvents"),
            ('where FileName =~ "powershell.exe"', 'where RemoteIP == "203.0.113.9"'),
        ),
        (
            "hosts with a failed logon followed by a successful logon",
            ("DeviceLogonEvents", "DeviceLogonEvents"),
            ('where ActionType == "LogonFailed"', 'where ActionType == "LogonSuccess"', "> Before"),
        ),
        (
            "Join SigninLogs and AzureActivity on IP address",
            ("SigninLogs", "AzureActivity"),
            ("extend Same = tolower(CallerIpAddress)",),
        ),
    ],
)
def test_a_question_of_two_halves_is_a_join(question: str, tables: tuple[str, str], wanted: tuple[str, ...]) -> None:
    found = ask(question)
    assert (found.table, found.other) == tables
    assert found.remark == ("each pair of rows that lie so near comes once" if "within" in question else "")
    for piece in wanted:
        assert piece in found.query, found.query


def test_a_window_bounds_both_sides_and_groups_are_of_the_answer() -> None:
    found = ask("how many sign-ins from IPs that also had failed logons in the last 2 days by country")
    assert found.query.count("> ago(2d)") == 2
    assert "summarize Count = count() by Location" in found.query
    assert "by" not in ask("successful sign-ins by users who also clicked a link").query.replace("isnotempty", "")


@pytest.mark.parametrize(
    "question",
    [
        "users who failed to sign in and then created a mailbox rule",  # no column tells of mailbox rules
        "users who also like cheese",
        "machines that ran whoami and then did something odd",
        "join SigninLogs with the weather",
    ],
)
def test_what_cant_be_joined_is_said_and_never_half_a_join(question: str) -> None:
    found = ask(question)
    assert (found.other, "join" in found.query) == ("", False)
    assert "not supported" in found.remark
    assert f"`{found.table}` alone" in found.remark


def test_questions_about_one_table_say_nothing_of_joins() -> None:
    for question in ("failed sign-ins by user in the last 7 days", "devices joined to the domain by user"):
        found = ask(question)
        assert found.other == ""
    assert ask("failed sign-ins by user in the last 7 days").remark == ""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = App.open(tmp_path, clock=FixedClock(NOW))
    place = app.workspaces.create("soc")

    def row(minutes: int, user: str, result: str, address: str) -> dict[str, str]:
        at = (NOW - timedelta(minutes=minutes)).isoformat()
        return {"TimeGenerated": at, "UserPrincipalName": user, "ResultType": result, "IPAddress": address}

    signed = [
        row(60, "ann@x.example", "50126", "203.0.113.1"),
        row(50, "ANN@x.example", "0", "203.0.113.1"),  # after it failed
        row(60, "bob@x.example", "0", "203.0.113.2"),
        row(50, "bob@x.example", "50126", "203.0.113.2"),  # the other way round
        row(40, "eve@x.example", "0", "203.0.113.3"),
    ]
    app.streams.append(place, "SigninLogs", signed)
    acts = [{"TimeGenerated": (NOW - timedelta(minutes=9)).isoformat(), "CallerIpAddress": "203.0.113.3"}]
    app.streams.append(place, "AzureActivity", acts)
    yield app
    app.close()


@pytest.mark.parametrize(
    ("question", "who"),
    [
        ("users who had failed sign-ins and then signed in successfully", {"ANN@x.example"}),
        ("successful sign-ins from IP addresses that also had Azure activity", {"eve@x.example"}),
    ],
)
def test_the_answer_is_of_those_of_whom_both_is_so(app: App, question: str, who: set[str]) -> None:
    place = app.workspaces.get("soc")
    answer = app.hunting.questions.ask(place, question, NOW)
    assert answer.proof.is_valid
    (table,) = app.queries.run(place, answer.query).tables
    rows = orjson.loads(b"[" + b",".join(table.json_objects()) + b"]")
    assert {row["UserPrincipalName"] for row in rows} == who


def test_an_answer_over_one_table_alone_says_so(app: App) -> None:
    place = app.workspaces.get("soc")
    answer = app.hunting.questions.ask(place, "users who failed to sign in and then bought cheese", NOW)
    assert "not supported" in answer.remark
    assert answer.table == "SigninLogs"


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters='"\n'), max_size=40))
def test_what_is_quoted_in_a_half_is_data(text: str) -> None:
    said = f'failed sign-ins of user "{text}" from IPs that also had failed logons of account "{text}"'
    found = ASKING.ask(said)
    assert found is not None
    tree = parse(found.query)
    operators = {type(n).__name__ for n in every(tree) if isinstance(n, nodes.QueryOperator)}
    plain = ASKING.ask('failed sign-ins of user "ann" from IPs that also had failed logons of account "ann"')
    assert plain is not None
    known = {type(n).__name__ for n in every(parse(plain.query)) if isinstance(n, nodes.QueryOperator)}
    assert operators <= known | {"FilterOperator", "ExtendOperator", "JoinOperator"}
