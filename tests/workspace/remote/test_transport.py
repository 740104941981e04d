"""Calls to an endpoint that is busy, slow, too talkative, or not the one it says it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from huntlake.core.clock import FixedClock
from huntlake.core.errors import Busy, Cancelled, Invalid, LimitExceeded, TimedOut, Unavailable
from huntlake.engines.cancellation import Cancellation
from huntlake.workspace.remote.endpoints import Kind, address, authority_of, kind_of, scope_of
from huntlake.workspace.remote.signed import SignedIn
from huntlake.workspace.remote.tokens import TokenSource
from huntlake.workspace.remote.transport import TRIES, Call, Transport

Answer = tuple[int, dict[str, str], bytes]


class Endpoint(ThreadingHTTPServer):
    """Gives its answers in turn, the last again and again, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer] = [(200, {}, b"{}")]
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.hold: Event | None = None
        self.reached = Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.server.reached.set()
        if self.server.hold is not None:
            self.server.hold.wait(20)
        status, headers, content = self.server.answers[0]
        if len(self.server.answers) > 1:
            self.server.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    thread = Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    if made.hold is not None:
        made.hold.set()
    made.shutdown()
    made.server_close()


def waiting(seconds: list[float]) -> Callable[[float, Event], bool]:
    def wait(pause: float, woken: Event) -> bool:
        seconds.append(pause)
        return False

    return wait


def test_a_busy_endpoint_is_left_alone_as_long_as_it_asks(endpoint: Endpoint) -> None:
    waited: list[float] = []
    busy = (429, {"Retry-After": "7"}, b'{"error": {"message": "slow down"}}')
    endpoint.answers = [busy, (503, {}, b""), (200, {}, b"[1]")]
    transport = Transport(endpoint.url, wait=waiting(waited))
    assert transport.send(Call("POST", f"{endpoint.url}/q", json={})).json() == [1]
    assert waited == [7, 2]
    endpoint.answers = [busy]
    with pytest.raises(Busy, match=r"too busy \(429, and asks to be left alone for 7 seconds\): slow down"):
        transport.send(Call("POST", f"{endpoint.url}/q", json={}))
    assert len(endpoint.asked) == 3 + TRIES
    # Longer than the query may take: it is not waited for at all.
    endpoint.answers = [(429, {"Retry-After": "600"}, b"")]
    waited.clear()
    with pytest.raises(Busy, match="600 seconds"):
        transport.send(Call("POST", f"{endpoint.url}/q", json={}))
    assert waited == []


def test_a_token_goes_nowhere_else(endpoint: Endpoint) -> None:
    transport = Transport(endpoint.url)
    endpoint.answers = [(307, {"Location": "http://127.0.0.2:9/q"}, b"")]
    with pytest.raises(Unavailable, match="sends the request elsewhere"):
        transport.send(Call("POST", f"{endpoint.url}/q", json={}))
    with pytest.raises(Invalid, match="isn't one of"):
        transport.send(Call("POST", "https://example.org/q", json={}))
    assert len(endpoint.asked) == 1


def test_an_answer_that_is_too_large_or_no_json_is_an_error(endpoint: Endpoint) -> None:
    transport = Transport(endpoint.url, most_bytes=10)
    endpoint.answers = [(200, {}, b"x" * 11)]
    with pytest.raises(LimitExceeded, match="larger than 10 bytes"):
        transport.send(Call("POST", f"{endpoint.url}/q", json={}))
    endpoint.answers = [(200, {}, b"<html>")]
    with pytest.raises(Unavailable, match="isn't JSON"):
        transport.send(Call("POST", f"{endpoint.url}/q", json={})).json()


def test_a_query_that_takes_too_long_or_is_cancelled_ends(endpoint: Endpoint) -> None:
    endpoint.hold = Event()
    transport = Transport(endpoint.url, at_once=1)
    with pytest.raises(TimedOut):
        transport.send(Call("POST", f"{endpoint.url}/q", json={}, timeout=timedelta(milliseconds=200)))
    cancellation = Cancellation()
    endpoint.reached.clear()

    def cancel() -> None:
        endpoint.reached.wait(10)
        cancellation.cancel()

    other = threading.Thread(target=cancel)
    other.start()
    with pytest.raises(Cancelled):
        transport.send(Call("POST", f"{endpoint.url}/q", json={}, cancellation=cancellation))
    other.join()


def test_no_more_queries_run_at_once_than_are_allowed(endpoint: Endpoint) -> None:
    endpoint.hold = Event()
    transport = Transport(endpoint.url, at_once=1)
    first = Thread(target=lambda: transport.send(Call("POST", f"{endpoint.url}/q", json={})))
    first.start()
    endpoint.reached.wait(10)
    with pytest.raises(Busy, match="1 queries run on"):
        transport.send(Call("POST", f"{endpoint.url}/q", json={}, timeout=timedelta(milliseconds=50)))
    endpoint.hold.set()
    first.join(10)
    assert len(endpoint.asked) == 1


def test_a_token_is_kept_until_it_ends_or_is_refused(endpoint: Endpoint) -> None:
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    transport = Transport(endpoint.url, wait=waiting([]))
    tokens = TokenSource(transport, endpoint.url, "t", "c", "s/.default", lambda: "pass word", clock)
    api = SignedIn("far", endpoint.url, transport, tokens)

    def token(text: str) -> Answer:
        return 200, {}, json.dumps({"access_token": text, "expires_in": 3600}).encode()

    good: Answer = (200, {}, b"{}")
    endpoint.answers = [token("one"), good, good]
    for _ in range(2):
        api.call(Call("POST", f"{endpoint.url}/q", json={}))
    assert [path for path, _, _ in endpoint.asked] == ["/t/oauth2/v2.0/token", "/q", "/q"]
    assert b"client_secret=pass+word" in endpoint.asked[0][2]
    assert endpoint.asked[2][1]["authorization"] == "Bearer one"
    endpoint.answers = [(401, {}, b""), token("two"), good]
    api.call(Call("POST", f"{endpoint.url}/q", json={}))
    assert endpoint.asked[-1][1]["authorization"] == "Bearer two"
    clock.at += timedelta(minutes=59)
    endpoint.answers = [token("three"), good]
    api.call(Call("POST", f"{endpoint.url}/q", json={}))
    assert endpoint.asked[-1][1]["authorization"] == "Bearer three"


def test_no_secret_goes_over_plain_http_but_to_this_machine() -> None:
    for text in ("http://lake.example.org", "ftp://x", "https://", "https://a:b@x", "https://x/?y=1", "https://x y"):
        with pytest.raises(Invalid):
            address(text)
    assert address("http://localhost:80/x/").url == "http://localhost:80/x"
    assert address("https://Lake.Example.org/lake/kql/").url == "https://lake.example.org/lake/kql"


@pytest.mark.parametrize(
    ("url", "kind", "scope"),
    [
        (
            "https://api.securityplatform.microsoft.com/lake/kql",
            Kind.LAKE,
            "4500ebfb-89b6-4b14-a480-7f749797bfcd/.default",
        ),
        ("https://help.kusto.windows.net", Kind.KUSTO, "https://help.kusto.windows.net/.default"),
        ("https://api.loganalytics.azure.com", Kind.LOG_ANALYTICS, "https://api.loganalytics.io/.default"),
        ("https://api.security.microsoft.com", Kind.DEFENDER, "https://api.security.microsoft.com/.default"),
        ("https://graph.microsoft.com", Kind.GRAPH, "https://graph.microsoft.com/.default"),
        ("https://lake.example.org:8443/lake/kql", Kind.HUNTLAKE, "https://lake.example.org:8443/.default"),
        # A host that only looks like one of Microsoft's gets no secret meant for theirs.
        ("https://kusto.windows.net.example.org", Kind.HUNTLAKE, "https://kusto.windows.net.example.org/.default"),
    ],
)
def test_a_url_says_what_is_spoken_there(url: str, kind: Kind, scope: str) -> None:
    place = address(url)
    assert (kind_of(place), scope_of(kind, place)) == (kind, scope)
    public = "https://login.microsoftonline.com"
    assert authority_of(kind, place) == (f"{place.origin}/adfs" if kind is Kind.HUNTLAKE else public)
