"""Saved functions: what may be saved, and what a query makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.workspace.conftest import NOW, OTHER, SOC, Ask

import huntlake
from huntlake.assembly.analytics import Analytics
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Conflict, Invalid, NotFound, PreconditionFailed
from huntlake.state.database import Database
from huntlake.state.documents import Shelf
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.functions import SavedFunction, SavedFunctions

FAILURES = SavedFunction(
    "Failures", "SigninLogs\n| where ResultType != '0' and UserPrincipalName startswith who // all", "who:string = ''"
)


def test_a_query_calls_it_with_and_without_arguments(hunting: Analytics, ask: Ask) -> None:
    hunting.functions.put(SOC, FAILURES)
    assert ask("Failures | count") == [[2]]
    assert ask("Failures() | count") == [[2]]
    assert ask("Failures('bob') | count") == [[0]]
    assert ask("union Failures, Failures(who='a') | count") == [[4]]


def test_it_may_give_a_value_and_take_a_table(hunting: Analytics, ask: Ask) -> None:
    hunting.functions.put(SOC, SavedFunction("twice", "x * 2", "x:long"))
    hunting.functions.put(SOC, SavedFunction("tagged", "T | extend tag = mark", "T:(*), mark:string = 'x'"))
    hunting.functions.put(SOC, SavedFunction("most", "T | summarize m = max(n)", "T:(n:long)"))
    assert ask("print twice(21)") == [[42]]
    assert ask("print n = 1 | invoke tagged('y')") == [[1, "y"]]
    assert ask("most((range n from 1 to 5 step 1))") == [[5]]


def test_one_calls_another(hunting: Analytics, ask: Ask) -> None:
    hunting.functions.put(SOC, FAILURES)
    hunting.functions.put(SOC, SavedFunction("FailureCount", "let f = Failures(); f | count"))
    assert ask("FailureCount") == [[2]]


def test_none_calls_itself_in_whatever_roundabout_way(hunting: Analytics, ask: Ask) -> None:
    with pytest.raises(SourceError, match="calls itself, is not supported"):
        hunting.functions.put(SOC, SavedFunction("Again", "Again() | take 1"))
    hunting.functions.put(SOC, SavedFunction("One", "Two()"), skip_validation=True)
    with pytest.raises(SourceError, match="calls itself, is not supported"):
        hunting.functions.put(SOC, SavedFunction("Two", "One() | take 1"))
    hunting.functions.put(SOC, SavedFunction("Two", "One() | take 1"), skip_validation=True)
    with pytest.raises(SourceError, match="calls itself, is not supported"):
        ask("One")


def test_a_name_that_is_missing_is_told_unless_it_may_come_later(hunting: Analytics, ask: Ask) -> None:
    early = SavedFunction("Early", "Later_CL | take 1")
    with pytest.raises(SourceError, match="no table is named `Later_CL`"):
        hunting.functions.put(SOC, early)
    hunting.functions.put(SOC, early, skip_validation=True)
    with pytest.raises(SourceError, match=r"no table is named `Later_CL`\n --> Early:1:5"):
        ask("Early")


@pytest.mark.parametrize(
    "function",
    [
        SavedFunction("f", "SigninLogs | where"),
        SavedFunction("f", "SigninLogs } | take (1 {"),
        SavedFunction("f", "print 1", "a:"),
        SavedFunction("f", ""),
    ],
)
def test_what_is_no_function_is_never_saved(hunting: Analytics, function: SavedFunction) -> None:
    with pytest.raises(SourceError):
        hunting.functions.put(SOC, function)
    assert hunting.functions.list(SOC) == []


def test_a_function_with_a_mistake_is_never_read_as_if_it_had_none(hunting: Analytics) -> None:
    for text in ("SigninLogs | where | take 1", "let x = ; print 1", "SigninLogs | extend a = , b = 2"):
        for skip in (False, True):
            with pytest.raises(SourceError):
                hunting.functions.put(SOC, SavedFunction("f", text), skip_validation=skip)


def test_text_behind_the_last_brace_is_not_lost(hunting: Analytics) -> None:
    with pytest.raises(SourceError):
        hunting.functions.put(SOC, SavedFunction("f", "print 1 } { print 2"), skip_validation=True)


@pytest.mark.parametrize("name", ["", "a b", "1st", "strlen", "count", "materialize", "x;y", "a" * 2000])
def test_a_name_that_no_call_could_mean_is_refused(hunting: Analytics, name: str) -> None:
    with pytest.raises(Invalid, match="can't name a function"):
        hunting.functions.put(SOC, SavedFunction(name, "print 1"))


def test_a_table_is_not_hidden_by_a_function(hunting: Analytics) -> None:
    with pytest.raises(Conflict, match="a table is named `AuditLogs`"):
        hunting.functions.put(SOC, SavedFunction("AuditLogs", "print 1"))


def test_workspaces_keep_their_own(hunting: Analytics, ask: Ask) -> None:
    hunting.functions.put(OTHER, FAILURES)
    assert hunting.functions.list(SOC) == []
    with pytest.raises(SourceError, match="no function is named `Failures`"):
        ask("Failures()")


def test_a_function_of_another_workspace_reads_the_tables_there(hunting: Analytics, ask: Ask) -> None:
    hunting.functions.put(OTHER, FAILURES)
    hunting.functions.put(
        OTHER, SavedFunction("Outer", "let inner = () { Failures }; inner | project UserPrincipalName")
    )
    assert ask("workspace('other').Outer | distinct UserPrincipalName") == [["bob"]]
    assert ask("workspace('other').Outer() | count") == [[2]]


def test_times_and_etags(hunting: Analytics) -> None:
    first = hunting.functions.put(SOC, FAILURES)
    assert (first.value.created, first.value.modified) == (NOW, NOW)
    second = hunting.functions.put(SOC, FAILURES, if_match=first.etag)
    assert second.etag != first.etag
    assert hunting.functions.get(SOC, "Failures") == second
    with pytest.raises(PreconditionFailed):
        hunting.functions.put(SOC, FAILURES, if_match=first.etag)
    with pytest.raises(Conflict):
        hunting.functions.put(SOC, FAILURES, create_only=True)
    with pytest.raises(PreconditionFailed):
        hunting.functions.delete(SOC, "Failures", if_match=first.etag)
    assert hunting.functions.delete(SOC, "Failures", if_match=second.etag)
    assert not hunting.functions.delete(SOC, "Failures")
    with pytest.raises(NotFound, match="no function is saved as `Failures`"):
        hunting.functions.get(SOC, "Failures")


@pytest.fixture(params=["memory", "sqlite"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return MemoryShelf() if request.param == "memory" else Database.open(tmp_path / "huntlake.db")


def test_every_field_comes_back_as_it_was_saved(shelf: Shelf) -> None:
    function = SavedFunction("f", "print x // ä", "x:long = 1", "Folder", "What it gives", "F")
    SavedFunctions(shelf).put(SOC, function)
    (found,) = SavedFunctions(shelf).list(SOC)
    assert (found.value.body, found.value.category, found.value.display_name) == ("print x // ä", "Folder", "F")
    assert found == SavedFunctions(shelf).get(SOC, "f")


def test_a_session_in_python_saves_and_calls() -> None:
    with huntlake.open() as lake:
        lake.functions.save("add", "a + b", "a:long, b:long = 1", description="The sum")
        assert lake.query("print add(41)").rows == [(42,)]
        assert [f.name for f in lake.functions.list()] == ["add"]
        assert lake.functions.get("add").description == "The sum"
        assert lake.functions.delete("add")
