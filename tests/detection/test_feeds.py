"""Feeds: a small TAXII server on this machine is polled."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.detection.test_intel import NOW, Desk, id_of, stix

from huntlake.core.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from huntlake.detection.intel.feeds import MEDIA, feed

PASSWORD = "Basic " + base64.b64encode(b"ann:opens\xc3\xa9same").decode()


class Taxii(ThreadingHTTPServer):
    """One collection, `c1`, whose objects were added one a minute, and which gives two at a time."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[dict[str, str]] = []
        self.authorization = ""
        self.fail_from = 10**9
        self.knows_next = True
        self.forgotten = False

    def add(self, *objects: dict[str, Any]) -> None:
        for one in objects:
            self.objects.append((f"2026-11-20T00:{len(self.objects):02d}:00.000000Z", one))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Taxii)
        parts = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        server.asked.append(query)
        if server.authorization and self.headers.get("Authorization") != server.authorization:
            self.answer(401, {"title": "who are you?"})
        elif parts.path != "/api/collections/c1/objects/" or self.headers["Accept"] != MEDIA:
            self.answer(404, {"title": "nothing here"})
        elif len(server.asked) > server.fail_from:
            self.answer(500, {"title": "broken"})
        elif query.get("next") and server.forgotten:
            self.answer(400, {"title": "which next?"})
        else:
            after = query.get("added_after", "")
            left = [(at, o) for at, o in server.objects if at > after]
            start = int(query.get("next", "0"))
            page = left[start : start + 2]
            more = len(left) > start + 2
            body: dict[str, Any] = {"more": more, "objects": [o for _, o in page]} if page else {}
            if more and server.knows_next:
                body["next"] = str(start + 2)
            self.answer(200, body, {"X-TAXII-Date-Added-Last": page[-1][0]} if page else {})

    def answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": MEDIA, "Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def taxii() -> Iterator[Taxii]:
    server = Taxii()
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "lake")
    yield made
    made.app.close()


def address(n: int) -> dict[str, Any]:
    return stix(n, f"[ipv4-addr:value = '192.0.2.{n}']")


def known(desk: Desk) -> list[str]:
    return sorted(d.name for d in desk.app.detection.indicators.list(("soc",)))


@pytest.mark.parametrize("knows_next", [True, False])
def test_a_feed_is_read_page_by_page_and_only_once(desk: Desk, taxii: Taxii, knows_next: bool) -> None:
    taxii.knows_next = knows_next
    taxii.add(*(address(n) for n in range(1, 6)), {"type": "malware", "id": "malware--1"})
    desk.app.intel.add_feed(desk.soc, "cert", feed(taxii.url, "c1"))
    taken = desk.app.intel.poll(desk.soc, "cert")
    assert (taken.created, taken.others) == (5, {"malware": 1})
    assert len(taxii.asked) == 3
    assert known(desk) == [id_of(n) for n in range(1, 6)]
    taxii.add(address(7))
    assert desk.app.intel.poll(desk.soc, "CERT").created == 1
    assert taxii.asked[-1]["added_after"] == "2026-11-20T00:05:00.000000Z"
    assert desk.app.intel.poll(desk.soc, "cert").created == 0
    assert desk.app.detection.indicators.get(("soc",), id_of(7)).value.source == "cert"


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_poll_that_was_cut_short_goes_on(desk: Desk, taxii: Taxii, forgotten: bool) -> None:
    taxii.add(*(address(n) for n in range(1, 6)))
    taxii.fail_from = 1
    desk.app.intel.add_feed(desk.soc, "cert", feed(taxii.url, "c1"))
    with pytest.raises(Unavailable, match="answers 500"):
        desk.app.intel.poll(desk.soc, "cert")
    assert len(known(desk)) == 2
    assert desk.app.intel.feeds.get(("soc",), "cert").value.failed.startswith("the feed answers 500")
    taxii.fail_from, taxii.forgotten = 10**9, False
    taxii.forgotten = forgotten
    if forgotten:
        taxii.knows_next = False
    assert desk.app.intel.poll(desk.soc, "cert").created == 3
    assert taxii.asked[2].get("next") == "2"
    assert len(known(desk)) == 5
    assert desk.app.intel.feeds.get(("soc",), "cert").value.failed == ""


def test_a_feed_is_signed_in_to_and_its_secret_is_sealed(desk: Desk, taxii: Taxii) -> None:
    taxii.authorization = PASSWORD
    taxii.add(address(1))
    desk.app.intel.add_feed(desk.soc, "ours", feed(taxii.url, "c1", user="ann"), "opensésame")
    assert desk.app.intel.poll(desk.soc, "ours").created == 1
    taxii.authorization = "Bearer t0ken"
    desk.app.intel.add_feed(desk.soc, "theirs", feed(taxii.url, "c1", token=True), "t0ken")
    assert desk.app.intel.poll(desk.soc, "theirs").created == 0
    with pytest.raises(Refused, match="401"):
        desk.app.intel.poll(desk.soc, "ours")
    for name in ("ours", "theirs"):
        kept = desk.app.intel.feeds.get(("soc",), name).value
        assert "opens" not in kept.secret
        assert "t0ken" not in kept.secret
    # Whoever can write to the database can't have the secret sent to somebody else.
    desk.app.intel.feeds.change(("soc",), "ours", lambda f: replace(f, url="http://127.0.0.1:9/api"))
    with pytest.raises(Unavailable, match="can't be opened"):
        desk.app.intel.poll(desk.soc, "ours")


def test_a_feed_is_polled_when_its_time_has_come(desk: Desk, taxii: Taxii) -> None:
    taxii.add(address(1))
    desk.app.intel.add_feed(desk.soc, "cert", feed(taxii.url, "c1", minutes=30))
    assert desk.app.intel.poll_due(desk.soc) == 1
    assert desk.app.intel.poll_due(desk.soc) == 0
    desk.clock.at = NOW + timedelta(minutes=30)
    assert desk.app.intel.poll_due(desk.soc) == 1
    desk.app.intel.remove_feed(desk.soc, "cert")
    assert len(known(desk)) == 1
    with pytest.raises(NotFound):
        desk.app.intel.poll(desk.soc, "cert")


def test_a_feed_that_cant_be_is_refused(desk: Desk, taxii: Taxii) -> None:
    with pytest.raises(Invalid, match="plain http"):
        feed("http://feeds.example/api", "c1")
    with pytest.raises(Invalid, match="no id of a collection"):
        feed(taxii.url, "../users")
    desk.app.intel.add_feed(desk.soc, "cert", feed(taxii.url, "c2"))
    with pytest.raises(Conflict):
        desk.app.intel.add_feed(desk.soc, "Cert", feed(taxii.url, "c1"))
    with pytest.raises(NotFound, match="404"):
        desk.app.intel.poll(desk.soc, "cert")
