"""Watchlists: what is kept of a CSV file, and what `_GetWatchlist` makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.workspace.conftest import NOW, OTHER, SOC, Ask

import huntlake
from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Conflict, Invalid, LimitExceeded, NotFound, PreconditionFailed
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.functions import SavedFunction
from huntlake.workspace.watchlists import MAX_BYTES, Watchlist, Watchlists, rows_of

CSV = b'\xef\xbb\xbfUser,Why, Rank\r\nann,"a ""boss"", yes",1\r\n\r\nbob,,2\r\n'
VIPS = Watchlist("vips", "User", ("User", "Why", "Rank"))


@pytest.fixture(autouse=True)
def _vips(hunting: Analytics) -> None:
    columns, rows = rows_of(CSV)
    assert columns == VIPS.columns
    hunting.watchlists.put(SOC, VIPS, rows)


def test_its_columns_are_known_before_it_is_read(hunting: Analytics, ask: Ask) -> None:
    found = ask("_GetWatchlist('vips') | getschema | project ColumnName, ColumnType")
    assert found == [
        ["_DTItemId", "string"],
        ["LastUpdatedTimeUTC", "datetime"],
        ["SearchKey", "string"],
        ["WatchlistItem", "dynamic"],
        ["User", "string"],
        ["Why", "string"],
        ["Rank", "string"],
    ]


def test_a_query_looks_up_and_joins(ask: Ask) -> None:
    assert ask("_GetWatchlist('vips') | sort by Rank asc | project SearchKey, Why, Rank") == [
        ["ann", 'a "boss", yes', "1"],
        ["bob", "", "2"],
    ]
    assert ask("SigninLogs | where UserPrincipalName in (_GetWatchlist('vips') | project SearchKey) | count") == [[3]]
    keys = "let keys = (a:string) { _GetWatchlist(a) };"
    text = f"{keys} SigninLogs | lookup keys('vips') on $left.UserPrincipalName == $right.SearchKey | distinct Rank"
    assert ask(text) == [["1"]]
    assert ask("_GetWatchlist(watchlistAlias='vips') | extend n = tolong(WatchlistItem.Rank) | summarize sum(n)") == [
        [3]
    ]


def test_an_unknown_alias_is_an_error_at_the_call(ask: Ask) -> None:
    with pytest.raises(SourceError, match="no watchlist has the alias `vip`: did you mean `vips`") as caught:
        ask("_GetWatchlist('vip') | count")
    assert "query:1:1" in str(caught.value)
    assert ask("union isfuzzy=true (_GetWatchlist('vip')), (print x = 1) | count") == [[1]]


def test_what_only_the_rows_would_tell_is_refused(ask: Ask) -> None:
    with pytest.raises(SourceError, match="not supported"):
        ask("_GetWatchlist('vips', 'User')")
    with pytest.raises(SourceError, match="not supported"):
        ask("let f = (x:string) { _GetWatchlist(x) | count }; f(tostring(rand()))")


def test_another_workspaces_watchlists_are_its_own(hunting: Analytics, ask: Ask) -> None:
    with pytest.raises(SourceError, match="no watchlist"):
        ask("_GetWatchlist('vips')", OTHER)
    assert ask("workspace('soc')._GetWatchlist('vips') | count", OTHER) == [[2]]
    unseen = hunting.queries
    with pytest.raises(SourceError):
        unseen.run(OTHER, "workspace('soc')._GetWatchlist('vips') | count", workspaces=lambda name: None)


def test_a_saved_function_may_ask_for_one(hunting: Analytics, ask: Ask) -> None:
    hunting.functions.put(SOC, SavedFunction("Vips", "_GetWatchlist('vips') | project SearchKey"))
    assert ask("Vips | count") == [[2]]


def test_changed_items_are_seen_by_the_next_query(hunting: Analytics, ask: Ask) -> None:
    assert ask("_GetWatchlist('vips') | count") == [[2]]
    added = hunting.watchlists.put_item(SOC, "vips", {"User": "eve", "Rank": "3"})
    assert ask("_GetWatchlist('vips') | where SearchKey == 'eve' | project _DTItemId, Why, Rank") == [
        [added.id, "", "3"]
    ]
    hunting.watchlists.put_item(SOC, "vips", {"User": "mallory"}, added.id)
    assert ask(f"_GetWatchlist('vips') | where _DTItemId == '{added.id}' | project SearchKey") == [["mallory"]]
    assert hunting.watchlists.delete_item(SOC, "vips", added.id)
    assert not hunting.watchlists.delete_item(SOC, "vips", added.id)
    assert ask("_GetWatchlist('vips') | count") == [[2]]
    with pytest.raises(NotFound):
        hunting.watchlists.put_item(SOC, "vips", {"User": "x"}, added.id)
    with pytest.raises(Invalid, match="search key"):
        hunting.watchlists.put_item(SOC, "vips", {"Rank": "1"})


def test_a_query_that_was_begun_reads_the_rows_of_then(hunting: Analytics, ask: Ask) -> None:
    begun = hunting.queries.run(SOC, "_GetWatchlist('vips') | count").tables[0]
    for user in ("eve", "mallory", "trent"):
        hunting.watchlists.put_item(SOC, "vips", {"User": user})
        ask("_GetWatchlist('vips') | count")
    assert b"".join(begun.json_rows()) == b"[2]"
    assert ask("_GetWatchlist('vips') | count") == [[5]]
    del begun
    held = "select count(*) as n from duckdb_tables() where table_name like 'watchlist %'"
    assert hunting.engine.table(held).to_pylist() == [{"n": 1}]


def test_rows_that_stay_are_the_same_items(hunting: Analytics) -> None:
    before = {i.fields["User"]: i.id for i in hunting.watchlists.items(SOC, "vips")}
    _, rows = rows_of(CSV)
    hunting.watchlists.put(SOC, VIPS, [*rows[:1], {"User": "eve", "Why": "", "Rank": ""}])
    after = {i.fields["User"]: i.id for i in hunting.watchlists.items(SOC, "vips")}
    assert after["ann"] == before["ann"]
    assert after.keys() == {"ann", "eve"}


def test_an_item_that_comes_while_its_watchlist_is_described_anew_stays(hunting: Analytics) -> None:
    watchlists = hunting.watchlists
    read = watchlists.get(SOC, "vips")
    watchlists.put_item(SOC, "vips", {"User": "eve"})
    watchlists.put(SOC, replace(read.value, description="important"), None, if_match=read.etag)
    assert [i.fields["User"] for i in watchlists.items(SOC, "vips")] == ["ann", "bob", "eve"]
    assert watchlists.get(SOC, "vips").value.description == "important"
    with pytest.raises(PreconditionFailed):
        watchlists.put(SOC, read.value, None, if_match=read.etag)
    assert watchlists.get(SOC, "vips").value.description == "important"


def test_an_item_is_changed_only_as_it_was_read(hunting: Analytics) -> None:
    watchlists = hunting.watchlists
    read = watchlists.items(SOC, "vips")[0]
    watchlists.put_item(SOC, "vips", {"User": "ann", "Why": "first"}, read.id, known=read)
    with pytest.raises(PreconditionFailed):
        watchlists.put_item(SOC, "vips", {"User": "ann", "Why": "second"}, read.id, known=read)
    assert watchlists.items(SOC, "vips")[0].fields["Why"] == "first"


def test_other_columns_take_the_place_of_those_before(hunting: Analytics, ask: Ask) -> None:
    hunting.watchlists.put(SOC, Watchlist("vips", "Address", ("Address",)), [{"Address": "192.0.2.1"}])
    assert ask("_GetWatchlist('vips') | project SearchKey, Address") == [["192.0.2.1", "192.0.2.1"]]


def test_the_table_has_the_items_of_all(hunting: Analytics, ask: Ask) -> None:
    assert ask("Watchlist | where WatchlistAlias == 'vips' | project SearchKey, tostring(WatchlistItem.Rank)") == [
        ["ann", "1"],
        ["bob", "2"],
    ]
    assert ask("_GetWatchlistAlias") == [["vips"]]
    assert ask("Watchlist | count", OTHER) == [[0]]
    assert ask("search in (Watchlist) 'ann' | count") == [[1]]


def test_items_past_their_time_are_not_given(tmp_path: Path) -> None:
    shelf = MemoryShelf()
    _, rows = rows_of(CSV)
    Watchlists(shelf, FixedClock(NOW)).put(SOC, replace(VIPS, time_to_live=timedelta(days=2)), rows)
    for days, count in ((1, 2), (3, 0)):
        clock = FixedClock(NOW + timedelta(days=days))
        made = Analytics.over(tmp_path / str(days), Bounds(threads=1), Nowhere(), clock, shelf)
        (table,) = made.queries.run(SOC, "_GetWatchlist('vips') | count").tables
        assert b"".join(table.json_rows()) == b"[%d]" % count
        made.engine.close()


def test_a_watchlist_is_forgotten_with_its_items(hunting: Analytics) -> None:
    assert hunting.watchlists.delete(SOC, "vips")
    assert not hunting.watchlists.delete(SOC, "vips")
    with pytest.raises(NotFound):
        hunting.watchlists.items(SOC, "vips")


HOSTILE = "x'); drop table t; --"


def test_what_a_watchlist_says_is_data(hunting: Analytics, ask: Ask) -> None:
    name = 'a"b'
    hunting.watchlists.put(SOC, Watchlist(HOSTILE, name, (name, "\u0000")), [{name: HOSTILE, "\u0000": "'"}])
    quoted = HOSTILE.replace("'", "\\'")
    assert ask(f"_GetWatchlist('{quoted}') | project SearchKey, ['a\"b']") == [[HOSTILE, HOSTILE]]


@pytest.mark.parametrize(
    ("watchlist", "error"),
    [
        (Watchlist("", "a", ("a",)), Invalid),
        (Watchlist("w", "b", ("a",)), Invalid),
        (Watchlist("w", "a", ()), Invalid),
        (Watchlist("w", "a", ("a", "")), Invalid),
        (Watchlist("w", "a", ("a", "searchkey")), Invalid),
        (Watchlist("w", "a", ("a", "B", "b")), Conflict),
    ],
)
def test_a_watchlist_that_no_query_could_read_is_refused(
    hunting: Analytics, watchlist: Watchlist, error: type[Exception]
) -> None:
    with pytest.raises(error):
        hunting.watchlists.put(SOC, watchlist, [])


@pytest.mark.parametrize("content", [b"a,b\n1\n", b"a\n\xff", b'a\n"x', b'a\n"x"y\n'])
def test_a_file_that_is_no_csv_is_told(content: bytes) -> None:
    with pytest.raises(Invalid):
        rows_of(content)


def test_a_file_may_be_parted_by_tabs_and_begin_later() -> None:
    assert rows_of(b"made by X\na\tb\n1\t2\n", delimiter="\t", skip=1) == (("a", "b"), [{"a": "1", "b": "2"}])
    with pytest.raises(LimitExceeded):
        rows_of(b"a\n" + b"1\n" * (MAX_BYTES // 2))


def test_a_session_in_python_puts_and_asks() -> None:
    with huntlake.open() as lake:
        lake.watchlists.put("ips", [{"ip": "192.0.2.1", "n": 1}], "ip")
        assert lake.query("_GetWatchlist('ips') | project SearchKey, n").rows == [("192.0.2.1", "1")]
        assert lake.watchlists.aliases() == ["ips"]
        assert lake.watchlists.items("ips") == [{"ip": "192.0.2.1", "n": "1"}]
        assert lake.watchlists.delete("ips")
