from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.playbooks.desk import Desk, desk_at

from huntlake.core.clock import SystemClock
from huntlake.core.errors import Refused
from huntlake.identity.audiences import MANAGEMENT, Audiences
from huntlake.identity.certificates import server_certificate
from huntlake.playbooks.bodies import decoded, encoded
from huntlake.playbooks.connections import Mode
from huntlake.playbooks.web import Request, Web
from huntlake.wdl.definition.workflow import ActionType


@dataclass
class Server:
    """A server on the loopback address, which keeps what it was asked."""

    port: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with serving(made):
        yield made


class serving:
    """Serves as long as the block lasts, over TLS where a context is given."""

    def __init__(self, server: Server, tls: ssl.SSLContext | None = None) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                    body = b""
                headers = {k.lower(): v for k, v in self.headers.items()}
                certificate = self.connection.getpeercert() if tls else None
                server.seen.append(
                    {"method": self.command, "path": self.path, "headers": headers, "body": body, "cert": certificate}
                )
                known = server.answers.get(self.path.partition("?")[0])
                status, more, content = known or (200, {"Content-Type": "application/json"}, b'{"ok": true}')
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", server.port), Handler)
        if tls is not None:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        server.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Desk]:
    with desk_at(
        tmp_path / "home", playbook_hosts=("http://127.0.0.1:*", "https://127.0.0.1:*", "127.0.0.1:*")
    ) as desk:
        yield desk


def test_a_request_is_sent_as_the_action_says(house: Desk, server: Server) -> None:
    answer = house.http(
        {
            "method": "post",
            "uri": f"{server.url}/a?x=1",
            "queries": {"y": "2 3"},
            "headers": {"X-Own": "7"},
            "cookie": "a=b",
            "body": {"n": 1},
        }
    )
    assert (answer.status, answer.body) == (200, {"ok": True})
    (seen,) = server.seen
    assert (seen["method"], seen["path"], json.loads(seen["body"])) == ("POST", "/a?x=1&y=2%203", {"n": 1})
    headers = seen["headers"]
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["x-own"] == "7"
    assert (headers["cookie"], headers["host"]) == ("a=b", f"127.0.0.1:{server.port}")
    assert (headers["x-ms-workflow-name"], headers["x-ms-workflow-run-id"]) == ("respond", "run1")
    assert len(headers["x-ms-client-request-id"]) == 36
    house.http({"method": "GET", "uri": server.url}, options="suppressworkflowheaders")
    assert not [name for name in server.seen[-1]["headers"] if name.startswith("x-ms-workflow")]


def test_headers_and_statuses_come_back(house: Desk, server: Server) -> None:
    server.answers["/gone"] = (404, {"Content-Type": "text/plain", "X-Rate": "3"}, "näh".encode())
    answer = house.http({"method": "GET", "uri": f"{server.url}/gone"})
    assert (answer.status, answer.body, answer.headers["X-Rate"]) == (404, "näh", "3")
    server.answers["/none"] = (204, {}, b"")
    assert house.http({"method": "GET", "uri": f"{server.url}/none"}).body is None


def authorization(desk: Desk, server: Server, authentication: Any) -> str:
    answer = desk.http({"method": "GET", "uri": f"{server.url}/x", "authentication": authentication})
    assert answer.status == 200, answer
    return str(server.seen[-1]["headers"].get("authorization", ""))


def test_basic_and_raw_authentication_are_shown(house: Desk, server: Server) -> None:
    assert authorization(house, server, None) == ""
    basic = authorization(house, server, {"type": "Basic", "username": "ann", "password": "pä:ss"})
    assert base64.b64decode(basic.removeprefix("Basic ")).decode() == "ann:pä:ss"
    assert authorization(house, server, {"type": "Raw", "value": "GenieKey 1"}) == "GenieKey 1"


def oauth(server: Server, **more: Any) -> dict[str, Any]:
    told = {"access_token": "t1", "expires_in": "3599"}
    server.answers["/tenant/oauth2/token"] = (200, {"Content-Type": "application/json"}, json.dumps(told).encode())
    given = {"tenant": "tenant", "audience": "https://api.example", "clientId": "c", "secret": "s3cret"}
    return {"type": "ActiveDirectoryOAuth", "authority": server.url, **given, **more}


def test_client_credentials_are_exchanged_for_a_token_once(house: Desk, server: Server) -> None:
    assert authorization(house, server, oauth(server)) == "Bearer t1"
    form = parse_qs(server.seen[0]["body"].decode())
    assert form == {
        "grant_type": ["client_credentials"],
        "client_id": ["c"],
        "client_secret": ["s3cret"],
        "resource": ["https://api.example"],
    }
    authorization(house, server, oauth(server))
    assert [s["path"] for s in server.seen].count("/tenant/oauth2/token") == 1
    house.app.clock.at += timedelta(hours=1)  # type: ignore[attr-defined]
    authorization(house, server, oauth(server))
    assert [s["path"] for s in server.seen].count("/tenant/oauth2/token") == 2


def test_an_authority_that_gives_no_token_is_told(house: Desk, server: Server) -> None:
    given = oauth(server)
    server.answers["/tenant/oauth2/token"] = (401, {"Content-Type": "application/json"}, b'{"error": "bad secret"}')
    answer = house.http({"method": "GET", "uri": server.url, "authentication": given})
    assert (answer.status, "bad secret" in answer.body["error"]["message"]) == (403, True)


@pytest.mark.parametrize(
    "authentication",
    [
        {"type": "Kerberos"},
        "Basic",
        {"type": "Raw"},
        {"type": "ClientCertificate", "pfx": "!", "password": "x"},
        {"type": "ActiveDirectoryOAuth", "tenant": "t"},
        {"type": "ActiveDirectoryOAuth", "tenant": "t", "clientId": "c", "pfx": "x"},
    ],
)
def test_authentication_that_cannot_be_understood_is_refused(house: Desk, server: Server, authentication: Any) -> None:
    answer = house.http({"method": "GET", "uri": server.url, "authentication": authentication})
    assert answer.status == 400
    assert server.seen == []


def test_a_client_certificate_is_shown_and_tls_is_checked(house: Desk, tmp_path: Path) -> None:
    made = server_certificate(tmp_path / "tls", ["127.0.0.1"], SystemClock())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain, made.key)
    pfx, authority = _pfx("pass")
    context.load_verify_locations(cadata=authority)
    context.verify_mode = ssl.CERT_REQUIRED
    other = Server()
    with serving(other, context):
        inputs = {
            "method": "GET",
            "uri": f"https://127.0.0.1:{other.port}/x",
            "authentication": {"type": "ClientCertificate", "pfx": pfx, "password": "pass"},
        }
        assert "certificate" in house.http(inputs).lost.lower(), "nobody trusts that server yet"
        web = house.app.outward.house.web
        object.__setattr__(web, "authorities", made.authority.read_text())
        assert house.http(inputs).status == 200
    assert other.seen[0]["cert"]["subject"] == ((("commonName", "client"),),)


def test_a_workflow_without_an_identity_cannot_show_one(house: Desk, server: Server) -> None:
    given = {"type": "ManagedServiceIdentity", "audience": "https://management.azure.com"}
    answer = house.http({"method": "GET", "uri": server.url, "authentication": given})
    assert answer.status == 403
    house.identity()
    answer = house.http({"method": "GET", "uri": server.url, "authentication": given})
    assert "showing the identity of a workflow to `127.0.0.1` is not supported" in answer.refused
    assert server.seen == []


def test_an_identity_elsewhere_is_what_a_connection_says(house: Desk, server: Server) -> None:
    oauth(server)
    house.connect(
        "identity",
        parameters={
            "audience": "https://vault.example/",
            "tenant": "tenant",
            "clientId": "c",
            "authority": server.url,
        },
        secret={"secret": "s3cret"},
    )
    given = {"type": "ManagedServiceIdentity", "audience": "https://vault.example"}
    assert authorization(house, server, given) == "Bearer t1"
    assert b"s3cret" in server.seen[0]["body"]


@pytest.mark.parametrize("host", ["localhost:{port}", "management.azure.com"])
def test_the_identity_is_shown_to_this_server_itself(tmp_path: Path, host: str) -> None:
    made = server_certificate(tmp_path / "home" / "tls", [], SystemClock())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain, made.key)
    server = Server()
    with serving(server, context), desk_at(tmp_path / "home", port=server.port) as desk:
        client = desk.identity()
        name = host.format(port=server.port)
        given = {"type": "ManagedServiceIdentity", "audience": "https://management.azure.com/"}
        inputs = {"method": "GET", "uri": f"https://{name}/subscriptions?api-version=1", "authentication": given}
        answer = desk.http(inputs)
        assert answer.body == {"ok": True}, answer
        (seen,) = server.seen
        assert (seen["path"], seen["headers"]["host"]) == ("/subscriptions?api-version=1", name)
        token = seen["headers"]["authorization"].removeprefix("Bearer ")
        caller = desk.app.tokens.verify(token, Audiences(MANAGEMENT, frozenset()))
        assert caller.client_id == client
        foreign = {**given, "audience": "https://vault.azure.net"}
        assert "none of this server's" in desk.http({**inputs, "authentication": foreign}).refused


def test_no_host_is_reached_that_nobody_has_listed(tmp_path: Path, server: Server) -> None:
    with desk_at(tmp_path / "none") as desk:
        refused = desk.http({"method": "GET", "uri": server.url}).refused
        assert "playbook_hosts" in refused
        assert "not supported" in refused
    assert server.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://2130706433:{port}/",
        "http://169.254.169.254/latest/meta-data",
        "http://user:pass@127.0.0.1:{port}/",
    ],
)
def test_a_name_that_is_listed_leads_into_no_private_network(server: Server, url: str) -> None:
    web = Web(hosts=("http://*", "*"))
    with pytest.raises(Refused):
        web.send(Request("GET", url.format(port=server.port)))
    assert server.seen == []


@pytest.mark.parametrize(
    "uri", ["file:///etc/passwd", "ftp://x", "//x", "not a url", "http://[", "", "http://x:99999999/"]
)
def test_what_is_no_url_is_a_bad_request(house: Desk, uri: str) -> None:
    answer = house.http({"method": "GET", "uri": uri})
    assert answer.status == 400 or answer.refused


def test_redirects_are_followed_without_credentials_for_others(house: Desk, server: Server) -> None:
    server.answers["/old"] = (302, {"Location": "/new"}, b"")
    auth = {"type": "Raw", "value": "key"}
    assert house.http({"method": "POST", "uri": f"{server.url}/old", "body": "x", "authentication": auth}).status == 200
    assert (server.seen[-1]["method"], server.seen[-1]["headers"]["authorization"]) == ("GET", "key")
    other = Server()
    with serving(other):
        server.answers["/away"] = (307, {"Location": f"{other.url}/there"}, b"")
        house.http({"method": "POST", "uri": f"{server.url}/away", "body": "x", "authentication": auth})
        assert (other.seen[0]["method"], other.seen[0]["body"]) == ("POST", b"x")
        assert "authorization" not in other.seen[0]["headers"]
    server.answers["/out"] = (302, {"Location": "http://10.0.0.1/"}, b"")
    assert house.http({"method": "GET", "uri": f"{server.url}/out"}).refused
    server.answers["/round"] = (302, {"Location": "/round"}, b"")
    assert "on and on" in house.http({"method": "GET", "uri": f"{server.url}/round"}).lost


def test_what_is_too_large_or_too_slow_is_lost(house: Desk, server: Server) -> None:
    server.answers["/big"] = (200, {}, b"x" * 5000)
    web = house.app.outward.house.web
    object.__setattr__(web, "most_bytes", 4000)
    assert "larger" in house.http({"method": "GET", "uri": f"{server.url}/big"}).lost
    object.__setattr__(web, "seconds", 0.0)
    assert "too long" in house.http({"method": "GET", "uri": server.url}).lost
    object.__setattr__(web, "seconds", 5.0)
    assert "can't be reached" in house.http({"method": "GET", "uri": "http://127.0.0.1:9/"}).lost


def test_an_answer_that_comes_later_is_polled_for(house: Desk, server: Server) -> None:
    inputs = {"method": "POST", "uri": f"{server.url}/jobs", "body": {"n": 1}}
    auth = {"type": "Raw", "value": "key"}
    house.http({**inputs, "authentication": auth}, poll=f"{server.url}/jobs/7")
    seen = server.seen[-1]
    assert (seen["method"], seen["path"], seen["body"]) == ("GET", "/jobs/7", b"")
    assert seen["headers"]["authorization"] == "key"


def test_a_dry_run_sends_what_reads_and_writes_down_the_rest(house: Desk, server: Server) -> None:
    house.connect("http", mode=Mode.DRY_RUN)
    assert house.http({"method": "GET", "uri": server.url}).body == {"ok": True}
    answer = house.http({"method": "DELETE", "uri": f"{server.url}/x?sig=s3cret", "headers": {"X-Api-Key": "s3cret"}})
    assert answer.status == 200
    assert [s["method"] for s in server.seen] == ["GET"]
    (entry,) = house.app.outward.ledger.list("soc")
    assert (entry.value.method, entry.value.operation) == ("DELETE", "HttpDelete")
    assert "s3cret" not in json.dumps(entry.value.inputs) + entry.value.path


def test_a_query_is_asked_in_a_dry_run_although_it_is_sent_by_post(house: Desk, server: Server) -> None:
    house.connect("http", mode=Mode.DRY_RUN)
    asked = {"method": "POST", "body": {"csl": "print 1"}}
    for path in ("/lake/kql/v2/rest/query", "/v1/rest/query?x=1", "/api/advancedhunting/run"):
        assert house.http({**asked, "uri": f"{server.url}{path}"}).body == {"ok": True}
    for path in ("/delete?x=/v2/rest/query", "/v2/rest/query/delete", "/v1/rest/mgmt", "#/v2/rest/query"):
        house.http({**asked, "uri": f"{server.url}{path}"})
    assert [s["path"] for s in server.seen] == [
        "/lake/kql/v2/rest/query",
        "/v1/rest/query?x=1",
        "/api/advancedhunting/run",
    ]
    assert len(house.app.outward.ledger.list("soc")) == 4


def test_a_call_of_a_url_is_made_once_for_its_key(house: Desk, server: Server) -> None:
    inputs = {"method": "POST", "uri": server.url, "body": {}}
    assert house.http(inputs, key="Post#1") == house.http(inputs, key="Post#1")
    assert len(server.seen) == 1
    auth = {"type": "Basic", "username": "u", "password": "hunter2"}
    house.http({**inputs, "authentication": auth}, key="Post#2")
    assert "hunter2" not in str(house.app.outward.ledger.list("soc"))


def test_nothing_leaves_in_a_test(house: Desk, server: Server) -> None:
    context = house.context(test=True)
    assert house.http({"method": "GET", "uri": server.url}, context=context).refused
    assert house.http({"method": "POST", "uri": server.url}, context=context).status == 200
    assert server.seen == []


def test_functions_and_managed_apis_are_where_connections_say(house: Desk, server: Server) -> None:
    id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/app/functions/Scan"
    inputs: dict[str, Any] = {"method": "POST", "function": {"id": id}, "body": {"n": 1}}
    missing = house.http(inputs, type=ActionType.FUNCTION)
    assert (missing.status, "azurefunction" in missing.body["error"]["message"]) == (404, True)
    parameters = {"id": "sites/app/functions/Scan", "url": f"{server.url}/api/Scan"}
    house.connect("azurefunction", parameters=parameters, secret={"key": "fk"})
    assert house.http(inputs, type=ActionType.FUNCTION).status == 200
    assert (server.seen[-1]["path"], server.seen[-1]["headers"]["x-functions-key"]) == ("/api/Scan", "fk")
    house.http(inputs, type=ActionType.FUNCTION, poll=f"{server.url}/api/status?code=1")
    assert (server.seen[-1]["method"], server.seen[-1]["path"]) == ("GET", "/api/status?code=1")
    house.connect("apimanagement", parameters={"id": "service/s/apis/a", "url": f"{server.url}/base/"})
    api = {
        "method": "GET",
        "api": {"id": "/subscriptions/s/x/service/s/apis/a"},
        "pathTemplate": {"template": "/items/{id}", "parameters": {"id": "a/b"}},
        "subscriptionKey": "sk",
    }
    assert house.http(api, type=ActionType.API_MANAGEMENT).status == 200
    assert server.seen[-1]["path"] == "/base/items/a%2Fb"
    assert server.seen[-1]["headers"]["ocp-apim-subscription-key"] == "sk"


# -- bodies --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type", "content", "value"),
    [
        ("application/json; charset=utf-8", b'{"a": 1}', {"a": 1}),
        ("application/problem+json", b"[1]", [1]),
        ("application/json", b"{broken", "{broken"),
        ("application/json", b"\xef\xbb\xbf[1]", [1]),
        ("application/json; charset=utf-16", '["ä"]'.encode("utf-16"), ["ä"]),
        ("application/json", b"[" * 201 + b"]" * 201, "[" * 201 + "]" * 201),
        ("text/csv; charset=latin-1", "ä".encode("latin-1"), "ä"),
        ("application/xml", b"<a/>", {"$content-type": "application/xml", "$content": "PGEvPg=="}),
        ("", b"\x00", {"$content-type": "application/octet-stream", "$content": "AA=="}),
    ],
)
def test_bodies_are_read_by_their_type(type: str, content: bytes, value: Any) -> None:
    assert decoded(content, type) == value


def test_forms_and_parts_survive_the_way_out_and_back() -> None:
    form = {"$content-type": "application/x-www-form-urlencoded", "$formdata": [{"key": "a b", "value": "1&2"}]}
    content, type = encoded(form)
    assert decoded(content, type)["$formdata"] == form["$formdata"]
    disposition = {"Content-Disposition": 'form-data; name="url"'}
    named = {"Content-Disposition": 'form-data; name="f"; filename="f.bin"'}
    picture = {"$content-type": "image/png", "$content": "AAE="}
    parts = {
        "$content-type": "multipart/form-data",
        "$multipart": [{"headers": disposition, "body": "http://x.example"}, {"headers": named, "body": picture}],
    }
    content, type = encoded(parts)
    read = decoded(content, type)["$multipart"]
    assert read[0]["body"] == "http://x.example"
    assert read[1]["body"] == picture


@pytest.mark.parametrize(
    ("body", "given", "type", "content"),
    [
        ("text", "", "text/plain; charset=utf-8", b"text"),
        ("a=1", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded", b"a=1"),
        ({"a": "1 2"}, "application/x-www-form-urlencoded", "application/x-www-form-urlencoded", b"a=1+2"),
        ([1, True, None], "", "application/json; charset=utf-8", b"[1,true,null]"),
        ({"d": Decimal("1.50")}, "", "application/json; charset=utf-8", b'{"d":1.50}'),
        (["a\ud83d", 2**70], "", "application/json; charset=utf-8", f'["a\ufffd",{2**70}]'.encode()),
        ("a\ud83d", "", "text/plain; charset=utf-8", "a\ufffd".encode()),
        ({"$content-type": "a/b", "$content": "AA=="}, "", "a/b", b"\x00"),
        (None, "", "", b""),
    ],
)
def test_bodies_are_written_by_what_they_are(body: Any, given: str, type: str, content: bytes) -> None:
    assert encoded(body, given) == (content, type)


def _pfx(password: str) -> tuple[str, str]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    packed = pkcs12.serialize_key_and_certificates(
        b"c", key, certificate, None, BestAvailableEncryption(password.encode())
    )
    return base64.b64encode(packed).decode(), certificate.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    "inputs",
    [
        {"uri": "http://127.0.0.1:9/services/s3cret"},
        {"uri": "http://127.0.0.1:99999/s3cret"},
        {"uri": "services/s3cret"},
        {"uri": "http://127.0.0.1:9/", "headers": {"X-Key": "s3cret\nX: y"}},
    ],
)
def test_what_hinders_a_call_tells_no_path_and_no_header(house: Desk, inputs: dict[str, Any]) -> None:
    answer = house.http({"method": "GET", **inputs})
    assert answer.lost or answer.refused or answer.status == 400
    assert "s3cret" not in str(answer)
