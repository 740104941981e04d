"""Places outside a workspace, and what a strict one refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.workspace.conftest import NOW, OTHER, SOC

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.diagnostics import SourceError
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.workspace.functions import SavedFunction
from huntlake.workspace.visible import REFUSED_BY_THE_CLOUD_LAKE, Borders
from huntlake.workspace.workspaces import Workspace

PLACES = {
    "adx:https://help.kusto.windows.net/Samples": "other",
    "cluster:help/*": "other",
    "app:Shop": "other",
    "resource:/subscriptions/*/workspaces/hq": "other",
    "workspace:hq": "other",
    "arg:": "other",
}


def lake(home: Path, borders: Borders) -> Analytics:
    made = Analytics.over(home, Bounds(threads=1), Nowhere(), FixedClock(NOW), borders=borders)
    file = home.parent / "rows.jsonl"
    file.write_text(json.dumps({"TimeGenerated": NOW.isoformat(), "UserPrincipalName": "bob"}))
    made.ingestion.ingest(OTHER, "SigninLogs", file)
    return made


def asked(made: Analytics, text: str, *readable: Workspace) -> object:
    named = {w.name: w for w in readable}
    (table,) = made.queries.run(SOC, text, workspaces=named.get).tables
    return json.loads(b"[" + b",".join(table.json_rows()) + b"]")


@pytest.mark.parametrize(
    "place",
    [
        "adx('https://help.kusto.windows.net/Samples')",
        "adx('https://HELP.kusto.windows.net/').database('samples')",
        "cluster('help').database('Samples')",
        "app('shop')",
        "resource('/subscriptions/1/resourcegroups/r/providers/x/workspaces/hq')",
        "workspace('HQ')",
        "arg('')",
    ],
)
def test_a_place_stands_for_a_workspace_that_the_caller_may_read(tmp_path: Path, place: str) -> None:
    made = lake(tmp_path / "home", Borders(PLACES))
    text = f"{place}.SigninLogs | project UserPrincipalName"
    assert asked(made, text, OTHER) == [["bob"]]
    assert asked(made, f"union SigninLogs, {place}.SigninLogs | count", OTHER) == [[1]]
    with pytest.raises(SourceError, match="no table is named `SigninLogs`"):
        asked(made, text)
    made.engine.close()


@pytest.mark.parametrize(
    "place", ["adx('https://help.kusto.windows.net/Other')", "cluster('x').database('y')", "app('a')", "resource('r')"]
)
def test_a_place_that_stands_for_nothing_is_refused_by_name(tmp_path: Path, place: str) -> None:
    made = lake(tmp_path / "home", Borders(PLACES))
    with pytest.raises(SourceError, match=rf"`{place.partition('(')[0]}\(\)` of a place .* is not supported"):
        asked(made, f"{place}.SigninLogs", OTHER)
    made.engine.close()


STRICT = {
    "adx": "adx('https://help.kusto.windows.net/Samples').SigninLogs",
    "arg": "arg('').Resources",
    "externaldata": "externaldata (a:string) ['https://example.org/x.csv']",
    "functions": "union (print 1), (Mine() | take 1)",
    "ingestion_time": "SigninLogs | extend t = ingestion_time()",
}


@pytest.mark.parametrize("what", sorted(REFUSED_BY_THE_CLOUD_LAKE))
def test_a_strict_workspace_refuses_what_the_cloud_lake_refuses(tmp_path: Path, what: str) -> None:
    made = lake(tmp_path / "home", Borders(PLACES, frozenset({"soc"})))
    made.functions.put(SOC, SavedFunction("Mine", "SigninLogs"))
    with pytest.raises(SourceError, match="is not supported"):
        asked(made, STRICT[what], OTHER)
    assert asked(made, "let mine = () { SigninLogs }; mine | count") == [[0]]
    made.engine.close()


@pytest.mark.parametrize("text", ["Mine", "_GetWatchlistAlias", "_GetWatchlist('x')", "print 1 | invoke Taking()"])
def test_a_strict_workspace_calls_no_function_in_whatever_form(tmp_path: Path, text: str) -> None:
    made = lake(tmp_path / "home", Borders(strict=frozenset({"*"})))
    made.functions.put(SOC, SavedFunction("Mine", "SigninLogs"))
    made.functions.put(SOC, SavedFunction("Taking", "T", "T:(*)"))
    with pytest.raises(SourceError, match="is not supported"):
        asked(made, text)
    made.engine.close()
