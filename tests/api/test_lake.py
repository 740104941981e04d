"""The faces over a real lake, engine and compiler: from a row that was written to the frame it leaves in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import orjson
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.settings import load
from huntlake.identity.audiences import LAKE
from huntlake.identity.rights import Role
from huntlake.server import create_app
from huntlake.workspace.functions import SavedFunction
from huntlake.workspace.watchlists import Watchlist

from .conftest import BASE, NOW


@dataclass(frozen=True)
class Lake:
    """An open app, a client of one principal, and a workspace that this principal may not read."""

    app: App
    client: TestClient

    def ask(self, text: str, db: str = "contoso", **options: Any) -> Any:
        body = {"csl": text, "db": db, "properties": {"Options": options}}
        return self.client.post("/lake/kql/v2/rest/query", json=body)

    def rows(self, text: str, **options: Any) -> Any:
        answer = self.ask(text, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()[2]["Rows"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    home = tmp_path_factory.mktemp("lake")
    app = App.open(home, load(home, memory_limit="500MB"), FixedClock(NOW))
    hunter = app.principals.create("hunter")
    for name, account in (("contoso", "alice"), ("fabrikam", "bob"), ("secret", "mallory")):
        workspace = app.workspaces.create(name)
        if name != "secret":
            app.principals.grant(hunter.client_id, workspace.id, Role.READER)
        rows = {
            "TimeGenerated": [datetime(2026, 3, 1, 11, tzinfo=UTC).replace(tzinfo=None)],
            "UserPrincipalName": [account],
        }
        app.ingestion.append_arrow(workspace, "SigninLogs", pa.table(rows))
    token = app.tokens.issue(hunter, LAKE, issuer=BASE).text
    with TestClient(create_app(app), BASE, headers={"Authorization": f"Bearer {token}"}) as client:
        yield Lake(app, client)
    app.close()


def test_a_row_that_was_written_is_answered(lake: Lake) -> None:
    assert lake.rows("SigninLogs | project TimeGenerated, UserPrincipalName") == [["2026-03-01T11:00:00Z", "alice"]]


def test_a_table_of_the_catalogue_without_rows_is_empty(lake: Lake) -> None:
    assert lake.rows("SecurityEvent | take 5") == []


def test_an_unknown_table_is_an_error_with_its_place(lake: Lake) -> None:
    answer = lake.ask("SigninLog | take 1")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert "Semantic error: SEM0100" in error["@message"]
    assert "SigninLogs" in error["@message"]
    assert error["innererror"]["pos"] == 1


def test_no_text_reads_a_workspace_without_a_grant(lake: Lake) -> None:
    assert lake.ask("SigninLogs", db="secret").status_code == 403
    for text in (
        'workspace("secret").SigninLogs',
        'union SigninLogs, workspace("secret").SigninLogs',
        f'workspace("{lake.app.workspaces.get("secret").id}").SigninLogs',
        "let x = workspace('secret').SigninLogs; x | count",
    ):
        answer = lake.ask(text)
        assert answer.status_code == 400, text
        assert "mallory" not in answer.text


def test_another_workspace_with_a_grant_is_read(lake: Lake) -> None:
    assert lake.rows('workspace("fabrikam").SigninLogs | project UserPrincipalName') == [["bob"]]


def test_rows_beyond_the_limit_are_cut_and_told(lake: Lake) -> None:
    *rows, last = lake.rows("range x from 1 to 2000 step 1", truncationmaxrecords=1500)
    assert len(rows) == 1500
    assert "E_QUERY_RESULT_SET_TOO_LARGE" in last["OneApiErrors"][0]["error"]["@message"]
    assert lake.rows("range x from 1 to 2000 step 1", query_take_max_records=3) == [[1], [2], [3]]


def test_a_query_that_takes_too_long_is_504(lake: Lake) -> None:
    answer = lake.ask("range x from 1 to 4000000000 step 1 | summarize sum(x % 7)", servertimeout="00:00:00.200")
    assert answer.status_code == 504
    assert answer.json()["error"]["@permanent"] is False


def test_render_is_told_under_the_names_that_clients_read(lake: Lake) -> None:
    properties = lake.ask("print x=1 | render barchart with (title='kit', xtitle='x')").json()[1]["Rows"]
    drawn = orjson.loads(properties[0][2])
    assert (drawn["Visualization"], drawn["Title"], drawn["XTitle"]) == ("barchart", "kit", "x")
    assert len(drawn) == 19


def test_query_now_is_what_now_says(lake: Lake) -> None:
    assert lake.rows("print now()", query_now="2020-02-29T00:00:00Z") == [["2020-02-29T00:00:00Z"]]
    assert lake.rows("print now()") == [["2026-03-01T12:00:00Z"]]


@pytest.mark.parametrize("text", ["print x='</script>\\u0000\u2028'", "print ['a\"b']=1", "print `", "print 1 | \x00"])
def test_odd_characters_leave_the_answer_well_formed(lake: Lake, text: str) -> None:
    answer = lake.ask(text)
    assert answer.status_code in (200, 400)
    answer.json()


QUERIES = (
    "SigninLogs | where TimeGenerated > ago(1d) | summarize n=count() by UserPrincipalName | top 5 by n",
    "let x = 5; print x, y=tostring(x), z=dynamic({'a': [1, 2]})",
    "range x from 1 to 100 step 1 | where x % 2 == 0 | extend y = iff(x > 3, 'a', @\"b\")",
    "AlertInfo | where Severity == 'High' | join AlertEvidence on AlertId",
)
SNIPPETS = ("|", "(", ")", "'", '"', "\u202e", "\x00", "//", "[", "{", "dynamic(", "==", "..", "1d", "@'", "\U0001f600")


def _mutated(text: str, random: Random) -> str:
    """The text with a few pieces gone, doubled, or put in."""
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(text))
        piece = text[at : at + random.randrange(1, 6)]
        match random.randrange(3):
            case 0:
                text = (text[:at] + text[at + len(piece) :]) or "x"
            case 1:
                text = text[:at] + piece + text[at:]
            case _:
                text = text[:at] + random.choice(SNIPPETS) + text[at:]
    return text


def test_no_mutation_of_a_query_ends_in_an_internal_error(lake: Lake) -> None:
    random = Random(20)
    for _ in range(150):
        text = _mutated(random.choice(QUERIES), random)
        answer = lake.ask(text)
        assert answer.status_code in (200, 400), (text, answer.text)
        answer.json()


def test_saved_functions_and_watchlists_are_asked_by_those_who_may(lake: Lake) -> None:
    for name in ("fabrikam", "secret"):
        place = lake.app.workspaces.get(name)
        lake.app.functions.put(place, SavedFunction("Users", "SigninLogs | distinct UserPrincipalName"))
        lake.app.watchlists.put(place, Watchlist("vips", "User", ("User",)), [{"User": f"{name} user"}])
    assert lake.rows('workspace("fabrikam").Users') == [["bob"]]
    assert lake.rows('workspace("fabrikam")._GetWatchlist("vips") | project SearchKey') == [["fabrikam user"]]
    for text in ('workspace("secret").Users', 'workspace("secret")._GetWatchlist("vips")', '_GetWatchlist("vips")'):
        answer = lake.ask(text)
        assert answer.status_code == 400, text
        assert "mallory" not in answer.text
        assert "secret user" not in answer.text


def test_what_the_text_sets_reaches_the_form_of_the_answer(lake: Lake) -> None:
    frames = lake.ask("set deferpartialqueryfailures; set truncationmaxrecords = 2; range x from 1 to 5 step 1").json()
    assert frames[2]["Rows"] == [[1], [2]]
    assert frames[-1]["HasErrors"] is False
    assert "E_QUERY_RESULT_SET_TOO_LARGE" in str(frames[-2]["Rows"][0])
    plain = lake.ask("set truncationmaxrecords = 2; range x from 1 to 5 step 1").json()
    assert plain[-1]["HasErrors"] is True


def test_a_period_given_beside_the_query_bounds_what_is_read(lake: Lake) -> None:
    scope = {"query_datetimescope_column": "TimeGenerated", "query_datetimescope_from": "2126-01-01T00:00:00Z"}
    assert lake.rows("SigninLogs | count") == [[1]]
    assert lake.rows("SigninLogs | count", **scope) == [[0]]
