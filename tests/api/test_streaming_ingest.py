from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from huntlake.api.bodies import unpacked
from huntlake.api.errors import BodyTooLarge
from huntlake.core.errors import Invalid
from huntlake.identity.rights import Role

from .conftest import CLIENT, DB, WORKSPACE_ID, Server, ask

PATH = f"/lake/kql/v1/rest/ingest/{DB}"


@pytest.fixture
def writer(server: Server, client: TestClient) -> Iterator[TestClient]:
    server.principals.grant(CLIENT, WORKSPACE_ID, Role.CONTRIBUTOR)
    yield client
    server.streams.close()


def send(client: TestClient, body: bytes, table: str = "SigninLogs", **query: str) -> Any:
    return client.post(f"{PATH}/{table}", params={"streamFormat": "json", **query}, content=body)


def pending(server: Server, table: str = "SigninLogs") -> list[dict[str, Any]]:
    parts = server.streams.pending("contoso-soc", table)
    return [row for p in parts for c in p.converted for row in c.rows.to_pylist()]


def letters(server: Server, table: str = "SigninLogs") -> list[str]:
    parts = server.streams.pending("contoso-soc", table)
    return [letter.reject.reason for p in parts for letter in p.letters]


def test_what_is_acknowledged_is_there(server: Server, writer: TestClient) -> None:
    lines = b'{"TimeGenerated":"2026-01-01T00:00:00Z","UserPrincipalName":"a"}\n{"UserPrincipalName":"b"}\n'
    answer = send(writer, lines)
    assert answer.status_code == 200, answer.text
    (table,) = answer.json()["Tables"]
    assert table["Columns"][0]["ColumnName"] == "ConsumedRecordsCount"
    assert table["Rows"][0][0] == 2
    assert [r["UserPrincipalName"] for r in pending(server)] == ["a", "b"]


def test_packed_bodies_are_unpacked_no_further_than_the_limit(server: Server, writer: TestClient) -> None:
    packed = {"content-encoding": "gzip"}
    url = f"{PATH}/SigninLogs?streamFormat=JSON"
    good = gzip.compress(b'{"UserPrincipalName":"a"}\n') + gzip.compress(b'{"UserPrincipalName":"b"}')
    assert writer.post(url, content=good, headers=packed).json()["Tables"][0]["Rows"][0][0] == 2
    bomb = gzip.compress(b" " * (32 << 20))
    assert len(bomb) < 64 << 10
    assert writer.post(url, content=bomb, headers=packed).status_code == 413
    for body in (b"no gzip", good[:-3]):
        assert writer.post(url, content=body, headers=packed).status_code == 400
    assert writer.post(url, content=good, headers={"content-encoding": "br"}).status_code == 415


def test_a_body_of_tiny_packed_members_is_read_once_and_not_once_for_each() -> None:
    many = gzip.compress(b"") * 20_000 + gzip.compress(b"x" * 100_000)
    began = time.process_time()
    assert unpacked(many, 100_000) == b"x" * 100_000
    few = time.process_time() - began
    began = time.process_time()
    with pytest.raises(BodyTooLarge):
        unpacked(gzip.compress(b"") * 160_000 + gzip.compress(b"x" * 100_000), 99_999)
    assert time.process_time() - began < 32 * few


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 70_000])
def test_packed_members_come_out_whole_whatever_their_size(size: int) -> None:
    texts = [random.Random(n).randbytes(size) for n in range(3)]
    packed = b"".join(map(gzip.compress, texts))
    assert unpacked(packed, 3 * size) == b"".join(texts)
    with pytest.raises(Invalid):
        unpacked(packed[:-1], 3 * size)
    with pytest.raises(Invalid):
        unpacked(packed + b"more", 3 * size)


def test_delimited_text_goes_by_the_order_of_the_columns(server: Server, writer: TestClient) -> None:
    body = b'2026-01-01T00:00:00Z,1\n"2026-01-02T00:00:00Z",\n'
    answer = send(writer, body, streamFormat="csv")
    assert answer.json()["Tables"][0]["Rows"][0][0] == 2, answer.text
    assert [str(r["TimeGenerated"])[:10] for r in pending(server)] == ["2026-01-01", "2026-01-02"]


def test_a_mapping_says_what_fills_the_columns(server: Server, writer: TestClient) -> None:
    mapping = json.dumps([{"column": "TimeGenerated", "Properties": {"path": "$.at.utc"}}])
    made = ask(writer, f".create table SigninLogs ingestion json mapping 'm' '{mapping}'", path="/v1/rest/mgmt")
    assert made.status_code == 200, made.text
    shown = ask(writer, ".show table SigninLogs ingestion mappings", path="/v1/rest/mgmt").json()
    assert shown["Tables"][0]["Rows"][0][:3] == ["m", "Json", mapping]
    answer = send(writer, b'{"at":{"utc":"2026-01-03T00:00:00Z"}}', mappingName="m")
    assert answer.status_code == 200, answer.text
    assert str(pending(server)[0]["TimeGenerated"])[:10] == "2026-01-03"
    for query in ({"mappingName": "n"}, {"mappingName": "m", "streamFormat": "csv"}):
        told = send(writer, b"{}", **query)
        assert (told.status_code, told.json()["error"]["code"]) == (400, "BadRequest_EntityNotFound")
    assert ask(writer, ".drop table SigninLogs ingestion json mapping 'm'", path="/v1/rest/mgmt").status_code == 200


@pytest.mark.parametrize(
    ("table", "query"),
    [
        ("NoSuchTable", {}),
        ("SigninLogs", {"streamFormat": "avro"}),
        ("SigninLogs", {"streamFormat": ""}),
        ("SigninLogs", {"sourceKind": "uri"}),
    ],
)
def test_what_cant_be_taken_in_is_an_error(writer: TestClient, table: str, query: dict[str, str]) -> None:
    answer = send(writer, b"{}", table, **query)
    assert answer.status_code == 400
    assert answer.json()["error"]["@permanent"] is True


def test_a_reader_may_not_add_rows(server: Server, client: TestClient) -> None:
    assert send(client, b"{}").status_code == 403
    answer = client.post("/v1/rest/ingest/nowhere/SigninLogs?streamFormat=json", content=b"{}")
    assert answer.status_code == 403
    assert pending(server) == []


def test_what_is_no_event_is_counted_and_kept(server: Server, writer: TestClient) -> None:
    answer = send(writer, b'{"UserPrincipalName":"a"}\nnonsense\n[1]\n')
    assert answer.json()["Tables"][0]["Rows"][0][0] == 3
    assert len(pending(server)) == 1
    assert len(letters(server)) == 2


def test_every_table_takes_streams(writer: TestClient) -> None:
    told = ask(writer, ".alter table SigninLogs policy streamingingestion enable", path="/v1/rest/mgmt")
    assert told.json()["Tables"][0]["Rows"][0][0] == "StreamingIngestionPolicy"
    refused = ask(writer, ".alter table SigninLogs policy streamingingestion disable", path="/v1/rest/mgmt")
    assert "not supported" in refused.json()["error"]["@message"]
