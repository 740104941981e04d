from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from .conftest import DB, WORKSPACE_ID, Server, ask, primary

TOO_LARGE = "E_QUERY_RESULT_SET_TOO_LARGE"


def test_an_answer_has_the_frames_that_clients_read(client: TestClient) -> None:
    answer = ask(client, "count 3")
    assert answer.headers["content-type"] == "application/json"
    frames = answer.json()
    assert frames[0] == {"FrameType": "DataSetHeader", "IsProgressive": False, "Version": "v2.0"}
    assert frames[-1] == {"FrameType": "DataSetCompletion", "HasErrors": False, "Cancelled": False}
    tables = frames[1:-1]
    assert [f["TableKind"] for f in tables] == ["QueryProperties", "PrimaryResult", "QueryCompletionInformation"]
    assert [f["TableId"] for f in tables] == [0, 1, 2]
    assert all(next(iter(f)) == "FrameType" and list(f)[-1] == "Rows" for f in tables)
    assert tables[1]["Columns"] == [{"ColumnName": "x", "ColumnType": "long"}]
    assert tables[1]["Rows"] == [[1], [2], [3]]


def test_every_payload_is_json_and_tells_the_rows(client: TestClient) -> None:
    *_, completion, _ = ask(client, "count 3").json()
    names = [c["ColumnName"] for c in completion["Columns"]]
    assert len(names) == 12
    rows = [dict(zip(names, row, strict=True)) for row in completion["Rows"]]
    payloads = [orjson.loads(row["Payload"]) for row in rows]
    assert [row["Level"] for row in rows] == [4, 6]
    assert payloads[1]["dataset_statistics"] == [{"table_row_count": 3, "table_size": 0}]


@pytest.mark.parametrize(
    "db", [DB, f" {DB} ", f"contoso-soc – {WORKSPACE_ID}", WORKSPACE_ID, "contoso-soc", DB.upper()]
)
def test_a_database_is_found_by_each_of_its_names(client: TestClient, db: str) -> None:
    assert primary(ask(client, "count 1", db=db))[0]["Rows"] == [[1]]


def test_a_table_without_rows_keeps_its_columns(client: TestClient) -> None:
    (table,) = primary(ask(client, "count 0"))
    assert table["Rows"] == []
    assert table["Columns"]


def test_each_statement_has_a_table_of_its_own(client: TestClient) -> None:
    tables = primary(ask(client, "count 1; count 2"))
    assert [t["Rows"] for t in tables] == [[[1]], [[1], [2]]]
    assert [t["TableId"] for t in tables] == [1, 2]


def test_render_is_told_in_the_properties(client: TestClient) -> None:
    _, properties, *_ = ask(client, "count 1 render; count 1").json()
    first, second = (orjson.loads(row[2]) for row in properties["Rows"])
    assert (first["Visualization"], first["Title"], first["Kind"]) == ("barchart", "kit", None)
    assert second["Visualization"] is None


def test_a_v1_answer_ends_with_its_contents(client: TestClient) -> None:
    tables = ask(client, "count 1; count 2", path="/v1/rest/query").json()["Tables"]
    assert tables[0]["Columns"] == [{"ColumnName": "x", "DataType": "Int64", "ColumnType": "long"}]
    assert [t["Rows"] for t in tables[:2]] == [[[1]], [[1], [2]]]
    contents = tables[-1]["Rows"]
    assert [row[1] for row in contents] == ["QueryResult", "QueryResult", "QueryProperties", "QueryStatus"]
    assert len(contents) == len(tables) - 1
    assert all("ColumnType" in c for t in tables for c in t["Columns"])


@pytest.mark.parametrize("path", ["/v2/rest/query", "/v1/rest/query", "/lake/kql/v1/rest/query"])
def test_queries_are_answered_under_every_root(client: TestClient, path: str) -> None:
    assert ask(client, "count 1", path=path).status_code == 200


def test_a_query_may_be_asked_by_get(client: TestClient, server: Server) -> None:
    properties = orjson.dumps({"Options": {"servertimeout": "10s"}}).decode()
    answer = client.get("/v2/rest/query", params={"csl": "count 2", "db": DB, "properties": properties})
    assert primary(answer)[0]["Rows"] == [[1], [2]]
    assert server.queries.asked[-1][2].timeout == timedelta(seconds=10)


@pytest.mark.parametrize("properties", [None, "", {}, "{}", {"Options": None}, {"Options": {}, "Parameters": None}])
def test_properties_may_be_missing_in_every_way(client: TestClient, properties: Any) -> None:
    assert ask(client, "count 1", properties=properties).status_code == 200


def test_options_and_parameters_reach_the_query(client: TestClient, server: Server) -> None:
    options = {
        "servertimeout": "1 day, 0:00:00",
        "truncationmaxrecords": "10",
        "truncationmaxsize": 1000,
        "query_take_max_records": 5,
        "query_now": "datetime(2026-01-02T03:04:05.1234567Z)",
        "request_readonly": "True",
        "request_readonly_hardline": True,
        "queryconsistency": "strongconsistency",
        "something_new": {"a": 1},
    }
    properties = {"Options": options, "Parameters": {"n": 41, "who": "kit"}}
    for given in (properties, orjson.dumps(properties).decode()):
        assert ask(client, "count 1", properties=given).status_code == 200
        asked = server.queries.asked[-1][2]
        assert asked.timeout == timedelta(hours=1)
        assert (asked.max_rows, asked.max_bytes, asked.take) == (10, 1000, 5)
        assert asked.now == datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)
        assert asked.parameters == {"n": 41, "who": "kit"}


def test_what_isnt_asked_for_is_as_the_settings_say(client: TestClient, server: Server) -> None:
    ask(client, "count 1")
    asked = server.queries.asked[-1][2]
    assert (asked.timeout, asked.max_rows, asked.max_bytes) == (timedelta(minutes=4), 500_000, 64 << 20)


@pytest.mark.parametrize(
    ("options", "rows"), [({"notruncation": True}, None), ({"notruncation": True, "truncationmaxrecords": 7}, 7)]
)
def test_notruncation_counts_only_alone(client: TestClient, server: Server, options: Any, rows: int | None) -> None:
    ask(client, "count 1", properties={"Options": options})
    assert server.queries.asked[-1][2].max_rows == rows


@pytest.mark.parametrize(
    "options",
    [
        {"servertimeout": "soon"},
        {"servertimeout": 240},
        {"servertimeout": "-1m"},
        {"servertimeout": "00:00:00"},
        {"truncationmaxrecords": "many"},
        {"truncationmaxrecords": True},
        {"notruncation": "perhaps"},
        {"query_now": "yesterday"},
        {"query_language": "sql"},
        {"validatepermissions": True},
        {"query_results_apply_getschema": "true"},
        {"results_error_reporting_placement": "nowhere"},
        [1],
        "x",
    ],
)
def test_an_option_that_makes_no_sense_is_refused(client: TestClient, options: Any) -> None:
    answer = ask(client, "count 1", properties={"Options": options})
    assert answer.status_code == 400
    assert answer.json()["error"]["@permanent"] is True


def test_too_many_rows_are_told_in_the_data(client: TestClient) -> None:
    answer = ask(client, "count 5000", properties={"Options": {"truncationmaxrecords": 2000}})
    frames = answer.json()
    (table,) = primary(answer)
    *rows, last = table["Rows"]
    assert len(rows) == 2000
    assert last["OneApiErrors"][0]["error"]["code"] == "LimitsExceeded"
    assert "QueryCompletionInformation" not in [f.get("TableKind") for f in frames]
    assert frames[-1]["HasErrors"] is True
    assert TOO_LARGE in frames[-1]["OneApiErrors"][0]["error"]["@message"]


def test_deferred_failures_leave_the_rows_clean(client: TestClient) -> None:
    options = {"truncationmaxrecords": 3, "deferpartialqueryfailures": True}
    answer = ask(client, "count 5; count 1", properties={"Options": options})
    frames = answer.json()
    assert [t["Rows"] for t in primary(answer)] == [[[1], [2], [3]], [[1]]]
    assert frames[-1]["HasErrors"] is False
    error = frames[-2]["Rows"][0]
    assert error[5:8] == [2, "Error", -2133196797]
    assert TOO_LARGE in error[8]


@pytest.mark.parametrize("placement", ["end_of_table", "end_of_dataset"])
def test_errors_may_be_kept_out_of_the_data(client: TestClient, placement: str) -> None:
    options = {"truncationmaxrecords": 2, "results_error_reporting_placement": placement}
    answer = ask(client, "count 5", properties={"Options": options})
    assert primary(answer)[0]["Rows"] == [[1], [2]]
    assert answer.json()[-1]["OneApiErrors"]


def test_rows_that_were_only_wanted_so_far_are_no_failure(client: TestClient) -> None:
    answer = ask(client, "count 5", properties={"Options": {"query_take_max_records": 2}})
    assert primary(answer)[0]["Rows"] == [[1], [2]]
    assert answer.json()[-1]["HasErrors"] is False


def test_a_v1_answer_tells_too_many_rows_in_the_data_too(client: TestClient) -> None:
    options = {"Options": {"truncationmaxrecords": 2}}
    tables = ask(client, "count 5; count 1", path="/v1/rest/query", properties=options).json()["Tables"]
    assert tables[0]["Rows"][:2] == [[1], [2]]
    assert tables[0]["Rows"][2]["OneApiErrors"]
    status = tables[-2]["Rows"][0]
    assert status[1:4] == [2, "Error", -2133196797]
    assert len(tables[-1]["Rows"]) == len(tables) - 1


def test_a_timeout_before_the_first_row_is_504(client: TestClient) -> None:
    answer = ask(client, "timeout after 0")
    assert answer.status_code == 504
    assert answer.json()["error"]["@permanent"] is False
    assert "retry-after" not in answer.headers


def test_a_timeout_on_the_way_is_told_in_the_data(client: TestClient) -> None:
    answer = ask(client, "timeout after 3000")
    (table,) = primary(answer)
    assert table["Rows"][2999] == [3000]
    assert table["Rows"][3000]["OneApiErrors"][0]["error"]["code"] == "GatewayTimeout"
    assert answer.json()[-1]["HasErrors"] is True


def test_an_error_in_the_second_table_leaves_the_first(client: TestClient) -> None:
    first, second = primary(ask(client, "count 1; limit after 0"))
    assert first["Rows"] == [[1]]
    assert "memory" in second["Rows"][0]["OneApiErrors"][0]["error"]["@message"]


def test_a_limit_of_the_engine_before_the_first_row_is_an_error(client: TestClient) -> None:
    error = ask(client, "limit after 0").json()["error"]
    assert error["code"] == "LimitsExceeded"
    assert "memory" in error["@message"]


def test_a_text_that_cant_be_understood_is_told_as_kusto_does(client: TestClient) -> None:
    semantic = ask(client, "what is this")
    assert semantic.status_code == 400
    error = semantic.json()["error"]
    assert (error["code"], error["@permanent"]) == ("General_BadRequest", True)
    assert "Semantic error: SEM0100: `what is this` is not understood" in error["@message"]
    assert error["innererror"]["code"] == "SEM0100"
    assert "^^^^" in error["innererror"]["message"]
    assert "Syntax error: SYN0002" in ask(client, "syntax").json()["error"]["@message"]


@pytest.mark.parametrize("count", [1, 100, 20_000, 200_000])
def test_answers_of_every_size_are_whole_and_packed_when_it_pays(client: TestClient, count: int) -> None:
    plain = ask(client, f"count {count}", headers={"Accept-Encoding": "identity"})
    packed = ask(client, f"count {count}", headers={"Accept-Encoding": "gzip, deflate"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.json()[2]["Rows"] == packed.json()[2]["Rows"]
    assert plain.json()[2]["Rows"][-1] == [count]


def test_packed_bytes_are_one_gzip_stream(client: TestClient) -> None:
    with client.stream(
        "POST", "/v2/rest/query", json={"csl": "count 20000", "db": DB}, headers={"Accept-Encoding": "gzip"}
    ) as answer:
        raw = b"".join(answer.iter_raw())
    assert orjson.loads(gzip.decompress(raw))[-1]["HasErrors"] is False


def test_frames_may_be_parted_by_new_lines(client: TestClient) -> None:
    options = {"Options": {"results_v2_newlines_between_frames": True}}
    answer = ask(client, "count 2", properties=options)
    assert len(answer.text.split("\r\n")) == len(answer.json()) == 5


def test_request_ids_come_back(client: TestClient) -> None:
    answer = ask(client, "count 1", headers={"x-ms-client-request-id": "Kit.Query;123"})
    assert answer.headers["x-ms-client-request-id"] == "Kit.Query;123"
    assert len(answer.headers["x-ms-activity-id"]) == 36
    assert ask(client, "count 1").headers["x-ms-client-request-id"]
    error = ask(client, "oops", headers={"x-ms-client-request-id": "Kit.Query;124"}).json()["error"]
    assert error["@context"]["clientRequestId"] == "Kit.Query;124"


def test_more_queries_in_a_minute_than_allowed_are_throttled(server: Server) -> None:
    with server.client(queries_per_minute=2) as client:
        client.headers["Authorization"] = f"Bearer {server.token()}"
        assert [ask(client, "count 1").status_code for _ in range(3)] == [200, 200, 429]
        refused = ask(client, "count 1")
        assert refused.headers["retry-after"] == "60"
        assert refused.json()["error"]["@permanent"] is False
        server.clock.at += timedelta(minutes=1)
        assert ask(client, "count 1").status_code == 200


def test_a_crash_is_an_internal_error_that_tells_nothing(server: Server) -> None:
    with server.client() as client:
        client.headers["Authorization"] = f"Bearer {server.token()}"
        answer = ask(client, "crash after 0")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "InternalServiceError"
    assert "boom" not in answer.text


def test_frames_are_progressive_only_when_asked_for(client: TestClient) -> None:
    plain = ask(client, "count 2500").json()
    assert not any(f["FrameType"].startswith("Table") for f in plain)
    asked = {"Options": {"results_progressive_enabled": True}}
    answer = ask(client, "count 2500; count 0", properties=asked).json()
    assert answer[0]["IsProgressive"] is True
    kinds = [f["FrameType"] for f in answer]
    assert kinds[2] == "TableHeader"
    assert kinds[-2:] == ["DataTable", "DataSetCompletion"]
    first = [f for f in answer if f["FrameType"] == "TableFragment" and f["TableId"] == 1]
    assert len(first) == 3
    assert [r for f in first for r in f["Rows"]] == [[n] for n in range(1, 2501)]
    assert [f["RowCount"] for f in answer if f["FrameType"] == "TableCompletion"] == [2500, 0]
    header = next(f for f in answer if f["FrameType"] == "TableHeader")
    assert header["TableKind"] == "PrimaryResult"
    assert header["Columns"] == [{"ColumnName": "x", "ColumnType": "long"}]


def test_a_progressive_answer_that_breaks_off_says_so(client: TestClient) -> None:
    asked = {"Options": {"results_progressive_enabled": True}}
    answer = ask(client, "timeout after 1500", properties=asked).json()
    assert answer[-1]["HasErrors"] is True
    fragments = [f for f in answer if f["FrameType"] == "TableFragment"]
    assert "OneApiErrors" in fragments[-1]["Rows"][-1]
