"""Questions in plain words as queries."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huntlake.hunting.drafting.asking.query import Asking
from huntlake.hunting.drafting.asking.spoken import ValueKind, spoken
from huntlake.hunting.drafting.asking.tables import AskTable
from huntlake.hunting.evaluation.questions import (
    asked_questions,
    drafted,
    facts_of,
    question_databases,
    why_not,
)
from huntlake.kql.binding.schema import NoTables
from huntlake.kql.compiler import compile_kql
from huntlake.kql.types import Column
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.known_questions import AnsweredQuestion

SET = Path(__file__).resolve().parents[4] / "shared" / "hunting"
NAMES = (
    "SigninLogs", "DeviceProcessEvents", "DeviceNetworkEvents", "DeviceFileEvents", "DeviceLogonEvents", "EmailEvents",
    "SecurityEvent", "AuditLogs", "OfficeActivity", "SecurityAlert", "AWSCloudTrail", "Event", "DeviceRegistryEvents",
)  # fmt: skip
VALUES = {"SigninLogs": {"RiskLevelDuringSignIn": ("none", "low", "medium", "high")}}


class _Tables(NoTables):
    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        known = Catalogue().table(name)
        return known.columns if known else None


def _ask_table(name: str) -> AskTable:
    known = Catalogue().table(name)
    assert known is not None
    columns = {c.name: c.type for c in known.columns}
    return AskTable(name, columns, Catalogue().description(name), VALUES.get(name, {}))


ASKING = Asking([_ask_table(n) for n in NAMES])


@pytest.mark.parametrize(
    ("question", "query"),
    [
        (
            "failed sign-ins of kim@fabrikam.example in the last 3 days",
            'SigninLogs | where TimeGenerated > ago(3d) | where UserPrincipalName =~ "kim@fabrikam.example" '
            '| where ResultType != "0"',
        ),
        (
            "Which processes had a command line that contains \"-enc\" on device \"pc-17\" during the past 12 hours?",
            'DeviceProcessEvents | where TimeGenerated > ago(12h) | where ProcessCommandLine contains "-enc" '
            '| where DeviceName == "pc-17"',
        ),
        (
            "show network connections to 203.0.113.9 on port 8443",
            'DeviceNetworkEvents | where RemoteIP == "203.0.113.9" | where RemotePort == 8443',
        ),
        (
            "sign-ins with high risk level during sign in from Norway",
            'SigninLogs | where Location == "NO" | where RiskLevelDuringSignIn == "high"',
        ),
        (
            "logons between 2026-10-01 08:00 and 2026-10-01 09:30 on devices",
            "DeviceLogonEvents | where TimeGenerated between (datetime(2026-10-01T08:00:00Z) .. "
            "datetime(2026-10-01T09:30:00Z))",
        ),
        ("Show all rows of the Event table with event id 7045", "Event | where EventID == 7045"),
        (
            "registry events where the key contains \"RunOnce\"",
            'DeviceRegistryEvents | where RegistryKey contains "RunOnce"',
        ),
    ],
)  # fmt: skip
def test_questions_become_queries(question: str, query: str) -> None:
    found = ASKING.ask(question)
    assert found is not None
    assert " ".join(found.query.split()) == query


def test_what_is_counted_is_grouped_and_cut() -> None:
    found = ASKING.ask("top 5 device names by number of processes in the last day: count processes by device name")
    assert found is not None
    assert "summarize Count = count() by DeviceName" in found.query
    assert "top 5 by Count desc" in found.query


def test_what_is_denied_is_denied() -> None:
    found = ASKING.ask('network events to "bad.example" not initiated by "chrome.exe"')
    assert found is not None
    assert 'where not(InitiatingProcessFileName =~ "chrome.exe")' in found.query
    assert 'where RemoteUrl has "bad.example"' in found.query
    found = ASKING.ask("network events that were not started by chrome")
    assert found is not None
    assert 'where not(InitiatingProcessFileName =~ "chrome.exe")' in found.query


@pytest.mark.parametrize(
    ("question", "denied"),
    [
        ("logons on devices that were not successful", 'not(ActionType == "LogonSuccess")'),
        ("sign-ins that are not from Norway", 'Location != "NO"'),
        ("security events that did not fail", "not(EventID == 4625)"),
        ("sign-ins whose risk level during sign in was not high", 'not(RiskLevelDuringSignIn == "high")'),
    ],
)
def test_what_is_not_so_is_asked_as_not_so(question: str, denied: str) -> None:
    found = ASKING.ask(question)
    assert found is not None
    assert denied in found.query


def test_a_table_made_of_others_answers_only_what_is_asked_of_it() -> None:
    names = ("SigninLogs", "BehaviorAnalytics")
    shapes = {n: {c.name: c.type for c in Catalogue().table(n).columns} for n in names}  # type: ignore[union-attr]
    asking = Asking(
        [AskTable(n, shapes[n], Catalogue().description(n), filled=True, derived=n != "SigninLogs") for n in names]
    )
    for question, table in (
        ("failed sign-ins in the last 2 days by user", "SigninLogs"),
        ("rows of BehaviorAnalytics in the last 2 days", "BehaviorAnalytics"),
        ("anomalies in the behavior of users", "BehaviorAnalytics"),
    ):
        found = asking.ask(question)
        assert found is not None
        assert found.table == table, question


def test_what_was_not_understood_is_told() -> None:
    found = ASKING.ask('sign-ins where the flux is "77-gamma"')
    assert found is not None
    assert ("77-gamma" in found.unused) != ("77-gamma" in found.query)


def test_nothing_is_made_up_for_a_question_about_nothing() -> None:
    assert ASKING.ask("what is the meaning of it all?") is None or ASKING.tables("what is the meaning of it all?")


def test_known_questions_teach_the_words_of_a_place() -> None:
    known = [
        AnsweredQuestion(f'who used the vault in box "b{i}"', f'SigninLogs | where AppDisplayName == "b{i}"')
        for i in (1, 2)
    ]
    asked = 'who used the vault in box "b9"'
    found = Asking([_ask_table(n) for n in NAMES], known).ask(asked)
    assert found is not None
    assert found.query == 'SigninLogs\n| where AppDisplayName == "b9"'


@given(st.text(st.characters(blacklist_characters="\"\n\r\u201c\u201d\u2018\u2019'`"), min_size=1, max_size=40))
@settings(max_examples=150, deadline=None)
def test_whatever_is_quoted_is_data(value: str) -> None:
    found = ASKING.ask(f'processes where the command line contains "{value}"')
    assert found is not None
    compiled = compile_kql(found.query, _Tables())
    assert len(compiled.results) == 1
    assert len(compiled.results[0].scans) <= 1


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_text_is_a_question_that_breaks_nothing(text: str) -> None:
    found = ASKING.ask(text)
    if found is not None:
        compile_kql(found.query, _Tables())


def test_values_of_each_kind_are_seen() -> None:
    kinds = {
        "from 198.51.100.7": ValueKind.ADDRESS,
        "by kim@fabrikam.example": ValueKind.MAIL,
        "started by rundll32.exe": ValueKind.FILE,
        "to evil.example": ValueKind.DOMAIN,
        "to https://evil.example/a?b": ValueKind.URL,
        "id 0f0f0f0f-1111-2222-3333-444444444444": ValueKind.GUID,
        "with CVE-2026-12345": ValueKind.CVE,
        f"hash {'ab12' * 16}": ValueKind.HASH,
    }
    for text, kind in kinds.items():
        assert [v.kind for v in spoken(f"show events {text}").values] == [kind], text


@pytest.mark.skipif(not SET.is_dir(), reason="the questions are not here")
def test_every_query_that_is_drafted_for_known_questions_binds() -> None:
    asked, databases = asked_questions(SET), question_databases(SET)
    for name, database in databases.items():
        asking = Asking(tuple(database.tables.values()))
        for one in asked:
            if one.database == name and (found := asking.ask(one.text)) is not None:
                assert why_not(found.query, database) == "", one.text


@pytest.mark.skipif(not SET.is_dir(), reason="the questions are not here")
def test_queries_come_nearer_than_the_baselines_without_known_questions() -> None:
    asked, databases = asked_questions(SET), question_databases(SET)
    near = drafted(asked, databases, votes=False)
    assert near["Defender"].tables > 0.62
    assert near["Sentinel"].tables > 0.85
    assert near["Defender"].columns > 0.42
    assert near["Sentinel"].columns > 0.46
    assert near["Defender"].literals > 0.43
    assert near["Sentinel"].literals > 0.46


def test_facts_of_a_query_are_those_of_its_filters() -> None:
    columns = {"A": Catalogue().table("SigninLogs")}
    assert columns["A"] is not None
    if SET.is_dir():
        database = question_databases(SET)["Defender"]
        facts = facts_of(
            'DeviceInfo | where DeviceName =~ "Pc" and OSPlatform in ("a", "b") | project DeviceId', database
        )
        assert facts.tables == {"DeviceInfo"}
        assert facts.columns == {"DeviceName", "OSPlatform"}
        assert facts.literals == {"pc", "a", "b"}
