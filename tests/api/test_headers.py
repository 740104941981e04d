"""What browsers are told with every answer, whichever face it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from huntlake.server import create_app
from huntlake.web import face, files
from huntlake.web.face import PROOF

from .conftest import PASSWORD, Server

ALWAYS = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@pytest.fixture
def browser(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    place = tmp_path / "static"
    (place / "assets").mkdir(parents=True)
    (place / "index.html").write_text("<!doctype html>", encoding="utf-8")
    (place / "assets" / "main-abc.js").write_text("go()", encoding="utf-8")
    monkeypatch.setattr(face, "built", lambda: files.built(place))
    with TestClient(create_app(server), "https://lake.example:8443", raise_server_exceptions=False) as client:
        client.follow_redirects = False
        yield client


def checked(answer: Any) -> dict[str, str]:
    """The parts of the answer's policy; every header that doesn't depend on the answer is there."""
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS, answer.url
    assert answer.headers["strict-transport-security"] == "max-age=31536000", answer.url
    policy = dict(part.partition(" ")[::2] for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'", answer.url
    assert policy["frame-ancestors"] == "'none'", answer.url
    assert policy["base-uri"] == "'none'", answer.url
    # No script is ever inline, but for the one line that `form_post` needs, which a nonce names.
    scripts = policy.get("script-src", "'none'")
    assert re.fullmatch(r"'none'|'self'|'nonce-[\w-]{20,}'", scripts), (answer.url, scripts)
    return policy


def test_every_route_of_every_face_sends_them(browser: TestClient, server: Server) -> None:
    routes = [r for r in create_app(server).routes if isinstance(r, Route)]
    assert len(routes) > 100
    for route in routes:
        path = re.sub(r"\{[^}]*\}", "x", route.path)
        for method in ("GET", "POST"):
            checked(browser.request(method, path))


@pytest.mark.parametrize("path", ["/app/", "/app/query", "/app/assets/main-abc.js", "/app/assets/none.js", "/", "/app"])
def test_pages_and_their_files_send_them(browser: TestClient, path: str) -> None:
    assert checked(browser.get(path))["script-src"] == "'self'"


def test_a_page_that_is_not_changed_sends_them_too(browser: TestClient) -> None:
    etag = browser.get("/app/").headers["etag"]
    answer = browser.get("/app/", headers={"if-none-match": etag})
    assert (answer.status_code, checked(answer)["script-src"]) == (304, "'self'")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/app/session"),
        ("POST", "/app/session"),
        ("DELETE", "/app/session"),
        ("PUT", "/app/session"),
        ("GET", "/app/session/ways"),
        ("POST", "/app/session/oidc/none"),
        ("GET", "/app/session/oidc/none/callback?code=c&state=s"),
        ("GET", "/app/api/v1.0/me"),
        ("GET", "/nowhere/at/all"),
        ("GET", "/device"),
        ("GET", "/adfs/common/oauth2/v2.0/authorize?client_id=none"),
        ("GET", "/adfs/common/oauth2/v2.0/logout"),
    ],
)
def test_sign_in_and_errors_send_them_and_are_kept_nowhere(browser: TestClient, method: str, path: str) -> None:
    answer = browser.request(method, path)
    checked(answer)
    if answer.status_code != 405 and not path.startswith("/nowhere"):
        assert answer.headers["cache-control"] == "no-store", answer.text


def test_what_comes_through_the_door_is_kept_nowhere(browser: TestClient) -> None:
    signed = browser.post("/app/session", json={"name": "anna@contoso.example", "password": PASSWORD})
    for path in ("/app/api/subscriptions/none/nothing", "/app/api/v1.0/me", "/app/api/nowhere"):
        answer = browser.get(path, headers={PROOF: signed.json()["proof"]})
        checked(answer)
        assert answer.headers["cache-control"] == "no-store", path


def test_without_tls_nothing_is_said_of_it(server: Server) -> None:
    with TestClient(create_app(server), "http://localhost:8443") as client:
        assert "strict-transport-security" not in client.get("/app/session").headers
