"""The search for tables that answer a question."""

from __future__ import annotations

import pytest

from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.table_search import Described, KnownQuestion, TableSearch, words_of

TABLES = (
    Described("SigninLogs", "Interactive sign-ins of users to Entra ID.", ("UserPrincipalName", "IPAddress")),
    Described("DeviceProcessEvents", "Processes created on devices: command line.", ("ProcessCommandLine",)),
    Described("DeviceNetworkEvents", "Network connections of devices.", ("RemoteIP", "RemoteUrl")),
    Described("Widgets_CL", "", ("WidgetColour", "TimeGenerated")),
)


def names(question: str, known: tuple[KnownQuestion, ...] = ()) -> list[str]:
    return [f.table.name for f in TableSearch(TABLES, known).find(question)]


@pytest.mark.parametrize(
    ("question", "table"),
    [
        ("who failed to log in yesterday?", "SigninLogs"),
        ("show logons", "SigninLogs"),
        ("command lines of powershell", "DeviceProcessEvents"),
        ("which machines talked to this remote ip", "DeviceNetworkEvents"),
        ("colour of the widget", "Widgets_CL"),
        ("count DeviceNetworkEvents by command line process created devices", "DeviceNetworkEvents"),
    ],
)
def test_the_table_of_which_the_question_speaks_comes_first(question: str, table: str) -> None:
    assert names(question)[0] == table


def test_nothing_is_found_where_nothing_speaks_for_it() -> None:
    assert names("how many are there of it?") == []
    assert names("") == []


def test_known_questions_teach_words_that_no_table_has() -> None:
    known = (KnownQuestion("what did the crown jewels run", frozenset({"DeviceProcessEvents"})),)
    assert names("list the crown jewels") == []
    assert names("list the crown jewels", known) == ["DeviceProcessEvents"]


def test_a_known_question_of_a_table_that_is_gone_changes_nothing() -> None:
    assert names("list the crown jewels", (KnownQuestion("crown jewels", frozenset({"Gone_CL"})),)) == []


def test_a_table_with_rows_comes_before_its_like_without() -> None:
    one, two = Described("Alpha_CL", "", ("Colour",)), Described("Beta_CL", "", ("Colour",), filled=True)
    assert [f.table.name for f in TableSearch([one, two]).find("colour")] == ["Beta_CL", "Alpha_CL"]


def test_columns_of_which_the_question_speaks_are_named() -> None:
    (found, *_) = TableSearch(TABLES).find("remote url of connections")
    assert found.columns == ("RemoteIP", "RemoteUrl")


@pytest.mark.parametrize("name", ["SignIn", "sign-in", "Signins", "logon", "logged in", "log in"])
def test_spellings_of_signing_in_are_one_word(name: str) -> None:
    assert words_of(name) == ("login",)


def test_every_described_table_is_known() -> None:
    catalogue = Catalogue()
    assert len(catalogue.usual()) > 200
    assert [name for name in catalogue.usual() if name not in catalogue] == []
