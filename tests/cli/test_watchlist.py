"""`huntlake watchlist`."""

import json
from pathlib import Path

from tests.cli.conftest import Run


def test_a_watchlist_is_imported_listed_shown_asked_and_deleted(run: Run, lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "vips.csv"
    file.write_text("User,Rank\nada@example.org,1\n")
    told = run("watchlist", "import", file, "--alias", "vips", "--search-key", "User", "--description", "Mine")
    assert (told.code, "1 items in the watchlist vips" in told.err) == (0, True)
    (listed,) = json.loads(run("watchlist", "list", "-o", "json").out)
    assert (listed["alias"], listed["items"], listed["columns"]) == ("vips", 1, ["User", "Rank"])
    assert json.loads(run("watchlist", "show", "vips", "-o", "json").out) == [{"User": "ada@example.org", "Rank": "1"}]
    asked = run(
        "query",
        "SigninLogs | where UserPrincipalName in (_GetWatchlist('vips') | project SearchKey) | count",
        "-o",
        "json",
    )
    assert json.loads(asked.out) == [{"Count": 1}]
    assert run("watchlist", "delete", "vips").code == 0
    assert run("watchlist", "delete", "vips").code == 1


def test_a_search_key_that_is_no_column_is_told(run: Run, lake: Path) -> None:
    told = run("watchlist", "import", "-", "-a", "w", "-k", "usr", stdin="user\nx\n")
    assert (told.code, "did you mean `user`" in told.err) == (1, True)
