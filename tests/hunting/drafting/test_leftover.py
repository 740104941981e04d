"""What of a question its query leaves out is told, and nothing that it stands for."""

from __future__ import annotations

import pytest

from huntlake.hunting.context.relating import same_things
from huntlake.hunting.drafting.asking.query import AskedQuery, Asking

from .test_asking import NAMES, _ask_table

ASKING = Asking([_ask_table(n) for n in (*NAMES, "UrlClickEvents", "AzureActivity")], (), same_things())


def ask(question: str) -> AskedQuery:
    found = ASKING.ask(question)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("question", "unused"),
    [
        ("failed sign-ins from legacy protocols", ("legacy",)),
        ("failed sign-ins by moon phase", ("moon phase",)),
        ("sign-ins outside business hours in the last 7 days", ("outside business",)),
        ("sign-ins in the last 7 days, excluding the last day", ("the last day", "excluding")),
        ("users who failed to sign in more than 5 times", ("more than 5 times",)),
        ("emails that were blocked yesterday", ("blocked",)),
        ("average number of sign-ins per user", ("average",)),
        ("powershell executions longer than 5 minutes", ("5", "longer")),
    ],
)
def test_words_that_the_query_leaves_out_are_told(question: str, unused: tuple[str, ...]) -> None:
    assert ask(question).unused == unused


@pytest.mark.parametrize(
    "question",
    [
        "failed sign-ins of ann@corp.example by user in the last 7 days",
        "top 10 users by number of failed sign-ins per day",
        "show me the latest 50 processes launched by powershell on device web-01",
        "sign-ins from IPs that also had failed logons",
        "users who had failed sign-ins and then signed in successfully within 30 minutes",
        "connections to a port greater than 1024",
        "sign-ins not from Germany or France",
    ],
)
def test_nothing_is_told_of_what_the_query_stands_for(question: str) -> None:
    assert ask(question).unused == ()


def test_a_number_is_compared_as_the_question_says() -> None:
    assert "where RemotePort > 1024" in ask("connections to a port greater than 1024").query
    assert "where RemotePort <= 80" in ask("connections to a port of at most 80").query


def test_every_country_of_a_list_counts() -> None:
    assert 'where Location in ("DE", "FR")' in ask("sign-ins from Germany or France").query
    assert 'where not(Location in ("DE", "FR"))' in ask("sign-ins not from Germany or France").query
    assert 'where Location != "DE"' in ask("sign-ins not from Germany").query


def test_what_is_counted_in_each_hour_or_day_is_counted_so() -> None:
    assert "summarize Count = count() by bin(TimeGenerated, 1d)" in ask("sign-ins per day").query
    found = ask("top 5 users by number of failed sign-ins per day").query
    assert "count() by UserPrincipalName, bin(TimeGenerated, 1d)" in found


def test_a_third_table_is_not_left_out_of_a_join_in_silence() -> None:
    for question in (
        "users who had failed sign-ins and then signed in successfully and then clicked a link",
        "join SigninLogs, AzureActivity and OfficeActivity on user",
        "sign-ins by users who clicked a link and then ran powershell and then connected to 10.0.0.9",
    ):
        found = ask(question)
        assert "are not supported: the query is over" in found.remark
        assert "join" not in found.query


def test_more_rows_than_there_can_be_are_told() -> None:
    assert ask("first 20000 sign-ins").remark == "20,000 rows are too many: 10,000 come"
