from __future__ import annotations

import logging
import random
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from huntlake.api.errors import problem_of
from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span

from .conftest import BASE, DB, SECRET, Server, ask

BODIES: tuple[Any, ...] = (
    b"",
    b"{not json",
    b"[]",
    b"null",
    b'"csl"',
    b"[" * 5000,
    b'{"csl":' * 5000,
    b"\xff\xfe",
    b'{"csl": "\\ud800", "db": "x"}',
    b'{"csl": 1}',
    b'{"csl": "count 1", "db": 1}',
    b'{"csl": "  ", "db": "x"}',
    b'{"csl": "count 1", "properties": 1}',
    b'{"csl": "count 1", "properties": "{"}',
    b'{"csl": "count 1", "properties": [1]}',
    b'{"csl": "count 1", "properties": {"Parameters": 1}}',
)


def check(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error: dict[str, Any] = answer.json()["error"]
    for name in ("code", "message", "@type", "@message", "@context", "@permanent"):
        assert name in error
    assert error["@context"]["activityId"] == answer.headers["x-ms-activity-id"]
    return error


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("path", ["/v2/rest/query", "/v1/rest/query", "/v1/rest/mgmt"])
def test_a_body_that_is_no_request_is_a_bad_request(client: TestClient, body: bytes, path: str) -> None:
    check(client.post(path, content=body), 400)


def test_a_byte_order_mark_does_no_harm(client: TestClient) -> None:
    body = b"\xef\xbb\xbf" + orjson.dumps({"csl": "count 1", "db": DB})
    assert client.post("/v2/rest/query", content=body).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no/such/path", 404),
        ("POST", "/v1/nothing", 404),
        ("POST", "/v2/rest/query/", 404),
        ("GET", "/v1/rest/mgmt", 405),
        ("PUT", "/v2/rest/query", 405),
        ("DELETE", "/v1/rest/auth/metadata", 405),
        ("OPTIONS", "/v2/rest/query", 405),
        ("BREW", "/v2/rest/query", 405),
        ("GET", "/%00/%ff", 404),
        ("GET", "/v1/rest/ingest/db/table", 405),
    ],
)
def test_a_path_or_method_that_isnt_there_is_told_in_azures_shape(
    client: TestClient, method: str, path: str, status: int
) -> None:
    check(client.request(method, path), status)


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Server) -> None:
    with server.client(max_request_bytes=2000) as client:
        client.headers["Authorization"] = f"Bearer {server.token()}"
        check(ask(client, "x" * 2000), 413)
        check(client.post("/v2/rest/query", content=iter([b" " * 1500, b" " * 1500])), 413)
        assert ask(client, "count 1").status_code == 200


@pytest.mark.parametrize("host", ["a b", "evil.example/path", "x@y", "[::1", "", "-", "a:b", 'a"b'])
def test_a_host_that_is_none_gets_into_no_url(client: TestClient, host: str) -> None:
    answer = client.get("/v1/rest/auth/metadata", headers={"host": host})
    if host:
        check(answer, 400)
    assert host not in answer.text or not host.strip("-")


def test_urls_follow_the_host_that_was_asked(client: TestClient, server: Server) -> None:
    for host in ("localhost:8443", "[::1]:8443", "127.0.0.1"):
        signing_in = client.get("/v1/rest/auth/metadata", headers={"host": host}).json()["AzureAD"]
        assert signing_in["LoginEndpoint"] == f"https://{host}/adfs"
        assert signing_in["KustoServiceResourceId"] == f"https://{host}"
    with server.client(external_url="https://lake.example.org/") as behind_a_proxy:
        signing_in = behind_a_proxy.get("/v1/rest/auth/metadata").json()["AzureAD"]
        assert signing_in["LoginEndpoint"] == "https://lake.example.org/adfs"


def test_the_metadata_has_every_name_that_clients_read(client: TestClient) -> None:
    signing_in = TestClient(client.app, BASE).get("/v1/rest/auth/metadata").json()["AzureAD"]
    assert set(signing_in) == {
        "LoginEndpoint",
        "LoginMfaRequired",
        "KustoClientAppId",
        "KustoClientRedirectUri",
        "KustoServiceResourceId",
        "FirstPartyAuthorityUrl",
    }


def test_the_log_has_one_line_a_request_and_no_secret(
    client: TestClient, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "huntlake")
    form = {"grant_type": "client_credentials", "client_id": "x", "client_secret": SECRET, "scope": "y/.default"}
    client.post("/adfs/common/oauth2/v2.0/token", data=form)
    client.get("/v2/rest/query", params={"csl": "count 3 render", "db": DB})
    client.get("/a%0d%0ab%1b[31m", headers={"x-ms-client-request-id": 'id"}{\x7f'})
    lines = [r.getMessage() for r in caplog.records if r.name == "huntlake.access"]
    assert len(lines) == 3
    parsed = [orjson.loads(line) for line in lines]
    assert [p["status"] for p in parsed] == [400, 200, 404]
    assert parsed[1]["principal"] == server.principal().client_id
    assert parsed[2]["clientRequestId"] == 'id"}{\x7f'
    for line in lines:
        assert line.isascii()
        assert line.isprintable()
        assert SECRET not in line
        assert "render" not in line
        assert server.token()[:40] not in line


def test_a_crash_is_logged_with_its_activity_id_and_not_told(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ask(client, "crash after 0")
    error = check(answer, 500)
    assert "boom" not in answer.text
    (line,) = [r.getMessage() for r in caplog.records if r.name == "huntlake.errors"]
    assert orjson.loads(line)["activityId"] == error["@context"]["activityId"]
    assert "boom" in line


def test_a_defect_among_the_rows_is_logged_and_not_told(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    answer = ask(client, "defect after 3000")
    assert answer.json()[-1]["OneApiErrors"][0]["error"]["code"] == "InternalServiceError"
    assert "boom" not in answer.text
    assert "boom" in next(r.getMessage() for r in caplog.records if r.name == "huntlake.errors")


def test_a_crash_among_the_rows_breaks_the_answer_off(client: TestClient) -> None:
    with pytest.raises(RuntimeError, match="boom"):
        ask(client, "crash after 30000", headers={"Accept-Encoding": "identity"})


def _bytes(random: random.Random) -> bytes:
    return random.randbytes(random.randrange(0, 400))


def _mutated(random: random.Random) -> bytes:
    """A valid body with a few bytes gone, doubled, or replaced."""
    properties = {"Options": {"servertimeout": "00:04:00", "notruncation": "True"}, "Parameters": {"n": 1}}
    text = random.choice(["count 3", "count 1; count 2", ".show tables", ".show database ['x'] schema", "nonsense"])
    body = bytearray(orjson.dumps({"csl": text, "db": DB, "properties": properties}))
    for _ in range(random.randrange(1, 6)):
        at = random.randrange(len(body))
        match random.randrange(4):
            case 0:
                del body[at : at + random.randrange(1, 9)]
            case 1:
                body[at:at] = body[at : at + random.randrange(1, 9)]
            case 2:
                body[at] = random.randrange(256)
            case _:
                body[at:at] = random.choice([b"null", b"{}", b'"', b"\\u0000", b"1e999", b"[", b"\xf0\x9f\x98\x80"])
        if not body:
            break
    return bytes(body)


@pytest.mark.parametrize("make", [_bytes, _mutated])
def test_nothing_that_is_sent_ends_in_an_internal_error(client: TestClient, make: Any) -> None:
    numbers = random.Random(20)
    for i in range(300):
        path = ("/lake/kql/v2/rest/query", "/v1/rest/query", "/v1/rest/mgmt")[i % 3]
        body = make(numbers)
        answer = client.post(path, content=body)
        assert answer.status_code in (200, 400, 403), (answer.status_code, body)
        parsed = answer.json()
        if answer.status_code != 200:
            assert parsed["error"]["code"]
            assert parsed["error"]["@message"]


def test_every_mistake_of_a_query_is_told() -> None:
    source = Source("T | where a == 1\n| where b == 2")
    mistakes = [
        Diagnostic("SEM0100", "no column is named `a`", Span(10, 11), help="did you mean `x`?"),
        Diagnostic("SEM0100", "no column is named `b`", Span(25, 26)),
    ]
    problem = problem_of(SourceError(source, *mistakes))
    assert "Semantic error: SEM0100: no column is named `a` (did you mean `x`?) [line:position=1:11]" in problem.detail
    assert problem.detail.endswith("; SEM0100: no column is named `b` [line:position=2:9]")
    assert problem.inner is not None
    assert [d["line"] for d in problem.inner["details"]] == [1, 2]


def test_a_lack_of_memory_outside_the_engine_is_a_limit_too() -> None:
    problem = problem_of(MemoryError("could not allocate"))
    assert (problem.status, problem.code) == (400, "LimitsExceeded")
    assert "could not allocate" not in problem.detail
