"""What a query reads, told before and after, and answers as Parquet files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from huntlake.api.kusto.callers import PrincipalCaller
from huntlake.core.errors import Cancelled
from huntlake.engines.cancellation import Cancellation
from huntlake.identity.audiences import LAKE
from huntlake.identity.rights import Role
from huntlake.workspace.query import DEFAULT

from .faces import Face, served

PARQUET = "application/vnd.apache.parquet"


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    with served(tmp_path, LAKE) as face:
        for day in (1, 2, 3):
            times = [datetime(2026, 2, day, hour) for hour in range(4)]
            face.load("Days_CL", {"TimeGenerated": times, "Word": [f"w{day}"] * 4})
        yield face


def post(face: Face, text: str, path: str = "/v2/rest/query", **more: Any) -> Any:
    headers = more.pop("headers", {})
    return face.http.post(path, json={"csl": text, "db": face.workspace.database, **more}, headers=headers)


def consumption(face: Face, text: str) -> Any:
    answer = post(face, text)
    assert answer.status_code == 200, answer.text
    (frame,) = (f for f in answer.json() if f.get("TableKind") == "QueryCompletionInformation")
    (told,) = (row[-1] for row in frame["Rows"] if "QueryResourceConsumption" in row)
    return orjson.loads(told)["input_dataset_statistics"]


def plan(face: Face, text: str) -> tuple[dict[str, str], Any]:
    answer = post(face, text, "/v1/rest/mgmt")
    assert answer.status_code == 200, answer.text
    (table,) = answer.json()["Tables"]
    assert [c["ColumnName"] for c in table["Columns"]] == ["ResultType", "Format", "Content"]
    said = {kind: content for kind, _, content in table["Rows"]}
    return said, orjson.loads(said["QueryPlan"])


def test_an_answer_tells_what_was_read_and_what_was_left_out(face: Face) -> None:
    whole = consumption(face, "Days_CL | count")
    assert whole["extents"]["total"] == whole["extents"]["scanned"] == 3
    assert whole["rows"] == {"total": 12, "scanned": 12}
    assert whole["extents"]["scanned_min_datetime"] == "2026-02-01T00:00:00.000000Z"
    last = consumption(face, "Days_CL | where TimeGenerated > datetime(2026-02-03) | count")
    assert (last["extents"]["total"], last["extents"]["scanned"]) == (3, 1)
    assert last["rows"] == {"total": 12, "scanned": 4}
    assert 0 < last["bytes"]["scanned"] < last["bytes"]["total"]


def test_an_answer_without_tables_has_read_nothing(face: Face) -> None:
    nothing = consumption(face, "print 1")
    assert nothing["extents"]["total"] == 0
    assert nothing["extents"]["scanned_min_datetime"].startswith("0001-01-01")


def test_a_plan_tells_what_would_be_read_and_runs_nothing(face: Face) -> None:
    face.act_as(Role.SENTINEL_READER)
    text = "Days_CL | where TimeGenerated > datetime(2026-02-03) | summarize Rows = count() by Word"
    said, found = plan(face, f".show queryplan <|\n{text}")
    assert said["QueryText"] == text
    (result,) = found["RootOperator"]["Results"]
    assert result["Columns"] == [
        {"ColumnName": "Word", "ColumnType": "string"},
        {"ColumnName": "Rows", "ColumnType": "long"},
    ]
    (scan,) = result["Scans"]
    assert (scan["Table"], scan["Database"], scan["HasSelection"]) == ("Days_CL", "soc", True)
    assert scan["Extents"] == {"total": 3, "scanned": 1}
    assert found["TotalRowCount"] == scan["TotalRowCount"] == 4
    assert scan["Since"].startswith("2026-02-03T00:00:00")
    assert scan["Until"] is None
    assert "Read parquet" in result["Plan"]
    assert orjson.loads(said["Stats"])["PlanSize"] == len(result["Plan"])


def test_a_plan_doesnt_tell_where_the_lake_lies(face: Face, tmp_path: Path) -> None:
    said, _ = plan(face, ".show queryplan <| Days_CL | take 2")
    assert ".parquet" in said["QueryPlan"]
    assert str(tmp_path) not in said["QueryPlan"]


def test_the_period_of_a_request_holds_for_its_plan(face: Face) -> None:
    options = {"query_datetimescope_column": "TimeGenerated", "query_datetimescope_from": "2026-02-02T00:00:00Z"}
    answer = post(face, ".show queryplan <| Days_CL", "/v1/rest/mgmt", properties={"Options": options})
    (content,) = (row[2] for row in answer.json()["Tables"][0]["Rows"] if row[0] == "QueryPlan")
    assert orjson.loads(content)["TotalRowCount"] == 8


def test_a_mistake_of_a_query_is_told_at_its_place_in_the_command(face: Face) -> None:
    detail = post(face, ".show queryplan <|\nDays_CL | where Wort == 1", "/v1/rest/mgmt").json()["error"]["innererror"]
    assert (detail["line"], detail["pos"], detail["token"]) == (2, 17, "Wort")
    assert post(face, ".show queryplan <| .drop table Days_CL", "/v1/rest/mgmt").status_code == 400


def test_what_a_plan_must_ask_the_data_ends_when_the_client_leaves(face: Face) -> None:
    principal = face.app.principals.get(face.client_id)
    caller = PrincipalCaller(principal, face.app.principals, face.app.sign_in.users)
    text = ".show queryplan <| Days_CL | project Word | evaluate pivot(Word)"
    gone = Cancellation()
    gone.cancel()
    with pytest.raises(Cancelled):
        face.app.commands.run(text, caller, face.workspace.database, DEFAULT, gone)


def test_whoever_may_not_read_gets_no_plan(face: Face) -> None:
    face.app.principals.revoke(face.client_id, face.workspace.id)
    assert post(face, ".show queryplan <| Days_CL", "/v1/rest/mgmt").status_code == 403


def parquet(face: Face, text: str, **options: Any) -> Any:
    return post(face, text, properties={"Options": options}, headers={"Accept": PARQUET})


def test_an_answer_is_a_parquet_file_with_its_types(face: Face) -> None:
    text = (
        'print T = datetime(2026-02-03), Span = 1s, Big = decimal(1.5), Bag = dynamic({"a": 1}), N = long(null), S = ""'
    )
    answer = parquet(face, text)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == PARQUET
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.schema.field("T").type == pa.timestamp("us", "UTC")
    assert table.schema.field("Bag").metadata[b"kql:type"] == b"dynamic"
    (row,) = table.to_pylist()
    assert row["Big"] == Decimal("1.5")
    assert (row["Span"], row["Bag"], row["N"], row["S"]) == (10_000_000, '{"a":1}', None, "")
    assert b"huntlake:truncated" not in (pq.read_metadata(io.BytesIO(answer.content)).metadata or {})


def test_a_parquet_file_that_was_cut_off_says_so(face: Face) -> None:
    text = "range x from 1 to 20000 step 1 | extend Word = strcat('word ', x)"
    few = parquet(face, text, truncationmaxrecords=7)
    metadata = pq.read_metadata(io.BytesIO(few.content))
    assert metadata.num_rows == 7
    assert b"7 records" in metadata.metadata[b"huntlake:truncated"]
    small = pq.read_metadata(io.BytesIO(parquet(face, text, truncationmaxsize=50_000).content))
    assert 0 < small.num_rows < 20_000
    assert b"50000 bytes" in small.metadata[b"huntlake:truncated"]


def test_a_large_parquet_file_comes_whole(face: Face) -> None:
    answer = parquet(face, "range x from 1 to 300000 step 1 | extend Hash = hash_sha256(x)")
    assert pq.read_table(io.BytesIO(answer.content)).num_rows == 300_000


@pytest.mark.parametrize("text", ["print 1; print 2", ".show tables"])
def test_what_no_parquet_file_can_hold_is_refused(face: Face, text: str) -> None:
    answer = parquet(face, text)
    assert answer.status_code == 400
    assert "Parquet" in answer.json()["error"]["@message"]
