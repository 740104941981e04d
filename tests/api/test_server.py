"""A real server on a free port, and the clients that people have."""

from __future__ import annotations

import html
import re
import socket
import ssl
import time
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import msal
import pytest
import requests

from huntlake.core.clock import SystemClock
from huntlake.core.errors import Invalid
from huntlake.identity.audiences import LAKE
from huntlake.identity.keys import SigningKeys
from huntlake.server import Server as HttpServer

from .conftest import CLIENT, DB, PASSWORD, SECRET, TENANT, Server


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, signing_keys: SigningKeys) -> Server:
    home = tmp_path_factory.mktemp("home")
    server = Server.open(home, signing_keys, port=0)
    # Certificates are checked against the machine's clock by everyone else.
    server.clock.at = SystemClock().now()
    return server


@pytest.fixture(scope="module")
def running(services: Server) -> Iterator[HttpServer]:
    server = HttpServer(services)
    thread = Thread(target=server.run)
    thread.start()
    yield server
    server.stop()
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def url(running: HttpServer, monkeypatch: pytest.MonkeyPatch) -> str:
    authority = running.serving.authority
    assert authority is not None
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return running.serving.url


def token(url: str) -> str:
    """As the published samples do it: no more than an authority, an id and a secret."""
    app = msal.ConfidentialClientApplication(CLIENT, authority=f"{url}/adfs/{TENANT.id}", client_credential=SECRET)
    result = app.acquire_token_for_client(scopes=[f"{LAKE}/.default"])
    assert "access_token" in result, result
    return str(result["access_token"])


def query(url: str, text: str, **more: Any) -> requests.Response:
    return requests.post(
        f"{url}/lake/kql/v2/rest/query",
        headers={"Authorization": f"Bearer {token(url)}", "Content-Type": "application/json"},
        json={"csl": text, "db": f" {DB} ", "properties": {"Options": {"servertimeout": "00:04:00"}}},
        timeout=30,
        **more,
    )


def test_the_published_sample_runs_unmodified(url: str) -> None:
    answer = query(url, "count 3")
    assert answer.status_code == 200
    assert answer.json()[2]["Rows"] == [[1], [2], [3]]


@pytest.mark.parametrize(
    "more",
    [{"instance_discovery": False}, {"validate_authority": False}, {"oidc_authority": "/v2.0"}, {"own": True}],
)
def test_msal_signs_in_by_every_form_of_authority(url: str, more: dict[str, Any]) -> None:
    plain = f"{url}/{TENANT.id}"
    if "oidc_authority" in more:
        given: dict[str, Any] = {"oidc_authority": plain + more["oidc_authority"]}
    elif "own" in more:
        given = {"authority": plain, "instance_discovery": f"{url}/common/discovery/instance"}
    else:
        given = {"authority": plain, **more}
    app = msal.ConfidentialClientApplication(CLIENT, client_credential=SECRET, **given)
    assert "access_token" in app.acquire_token_for_client(scopes=[f"{LAKE}/.default"])


def test_msal_tells_a_wrong_secret_and_an_unknown_tenant(url: str) -> None:
    app = msal.ConfidentialClientApplication(CLIENT, authority=f"{url}/adfs/{TENANT.id}", client_credential="x")
    result = app.acquire_token_for_client(scopes=[f"{LAKE}/.default"])
    assert result["error"] == "invalid_client"
    assert "AADSTS7000215" in result["error_description"]
    with pytest.raises(ValueError, match="tenant"):
        msal.ConfidentialClientApplication(CLIENT, authority=f"{url}/adfs/nobody", client_credential="x")


def test_a_connection_is_kept_for_the_next_query(url: str) -> None:
    headers = {"Authorization": f"Bearer {token(url)}"}
    with requests.Session() as session:
        for _ in range(3):
            answer = session.post(f"{url}/v2/rest/query", headers=headers, json={"csl": "count 50000", "db": DB})
            assert len(answer.json()[2]["Rows"]) == 50_000
            assert answer.headers.get("connection", "keep-alive") != "close"


def test_an_answer_doesnt_wait_for_more_to_send(url: str) -> None:
    with requests.Session() as session:
        session.get(f"{url}/v1/rest/auth/metadata", timeout=10)
        times = []
        for _ in range(20):
            began = time.monotonic()
            session.get(f"{url}/v1/rest/auth/metadata", timeout=10)
            times.append(time.monotonic() - began)
    # Nagle's algorithm against a delayed acknowledgement costs 40 ms each time.
    assert min(times) < 0.03


def test_the_server_is_trusted_by_its_own_authority_only(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert requests.get(f"{url}/v1/rest/auth/metadata", timeout=10).status_code == 200
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{url}/v1/rest/auth/metadata", timeout=10)


def until(true: Callable[[], bool]) -> bool:
    """Whether something comes true within ten seconds."""
    deadline = time.monotonic() + 10
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return true()


def test_a_query_ends_when_its_client_goes_away(url: str, services: Server) -> None:
    with pytest.raises(requests.exceptions.Timeout):
        requests.post(
            f"{url}/v2/rest/query",
            headers={"Authorization": f"Bearer {token(url)}"},
            json={"csl": "wait", "db": DB},
            timeout=(5, 0.3),
        )
    waiting = services.queries.waiting
    assert waiting is not None
    assert waiting.waits_for is not None
    assert until(lambda: waiting.waits_for is not None and waiting.waits_for.cancelled)
    assert query(url, "count 1").status_code == 200


def test_bytes_that_are_no_http_do_no_harm(url: str, running: HttpServer) -> None:
    host, _, port = url.removeprefix("https://").rpartition(":")
    context = ssl.create_default_context(cafile=str(running.serving.authority))
    for sent in (b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST /v2/rest/query HTTP/1.1\r\nHost: x\r\n"):
        with (
            socket.create_connection((host, int(port)), timeout=10) as raw,
            context.wrap_socket(raw, server_hostname=host) as connection,
        ):
            connection.sendall(sent)
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert query(url, "count 1").status_code == 200


def test_a_renewed_certificate_is_shown_without_a_restart(url: str, running: HttpServer, services: Server) -> None:
    folder = services.home / "tls"
    (folder / "server.pem").unlink()
    running._renew()
    host, _, port = url.removeprefix("https://").rpartition(":")
    context = ssl.create_default_context(cafile=str(running.serving.authority))
    with (
        socket.create_connection((host, int(port)), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=host) as connection,
    ):
        shown = ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")
    assert (folder / "server.pem").read_text().startswith(shown.strip())


def test_an_address_that_is_taken_is_told(services: Server, running: HttpServer) -> None:
    port = int(running.serving.url.rpartition(":")[2])
    with pytest.raises(Invalid, match=f"can't listen on 127.0.0.1:{port}"):
        HttpServer(services, port=port)


def test_a_certificate_of_ones_own_is_shown_instead(services: Server, running: HttpServer, tmp_path: Path) -> None:
    tls = services.home / "tls"
    given = {"tls_certificate": tls / "server.pem", "tls_key": tls / "server-key.pem", "port": 0}
    settings = services.settings.model_copy(update=given)
    server = HttpServer(replace(services, home=tmp_path, settings=settings))
    assert server.serving.authority is None
    assert not (tmp_path / "tls").exists()
    broken = settings.model_copy(update={"tls_key": tls / "ca-key.pem"})
    with pytest.raises(Invalid, match="can't be used"):
        HttpServer(replace(services, home=tmp_path, settings=broken))


AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


def fill_in(session: requests.Session, page: requests.Response, **more: str) -> requests.Response:
    """Send a page's form as a browser does that a person has typed into."""
    action = re.search(r'<form method="post" action="([^"]*)"', page.text)
    assert action, page.text
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
    target = requests.compat.urljoin(page.url, html.unescape(action[1]))
    return session.post(target, data={html.unescape(k): html.unescape(v) for k, v in hidden} | more, timeout=30)


def sign_in(url: str) -> bool:
    """Be the browser that a program opens, and the person before it."""
    with requests.Session() as session:
        page = session.get(url, timeout=30)
        answer = fill_in(session, page, username="anna@contoso.example", password=PASSWORD)
        if answer.status_code == 200 and "document.forms[0].submit()" in answer.text:
            fill_in(session, answer)
    return True


@pytest.mark.parametrize("authority", [f"/adfs/{TENANT.id}", "/adfs/organizations"])
def test_msal_signs_a_person_in_through_a_browser(url: str, monkeypatch: pytest.MonkeyPatch, authority: str) -> None:
    def opened(address: str, *_: Any, **__: Any) -> bool:
        Thread(target=sign_in, args=(address,)).start()
        return True

    monkeypatch.setattr(webbrowser, "open", opened)
    monkeypatch.setattr(webbrowser, "get", lambda *_: type("Browser", (), {"open": staticmethod(opened)}))
    app = msal.PublicClientApplication(AZURE_CLI, authority=url + authority)
    result = app.acquire_token_interactive([f"{LAKE}/.default"], timeout=30)
    assert "access_token" in result, result
    (account,) = app.get_accounts()
    assert account["username"] == "anna@contoso.example"
    again = app.acquire_token_silent([f"{LAKE}/.default"], account=account, force_refresh=True)
    assert again["access_token"] != result["access_token"]
    assert app.acquire_token_silent(["https://management.azure.com/.default"], account=account)["access_token"]


def test_msal_signs_a_person_in_by_a_code(url: str, services: Server) -> None:
    app = msal.PublicClientApplication(AZURE_CLI, authority=f"{url}/adfs/{TENANT.id}")
    flow = app.initiate_device_flow([f"{LAKE}/.default"])
    with requests.Session() as session:
        page = session.post(flow["verification_uri"], data={"user_code": flow["user_code"]}, timeout=30)
        fill_in(session, page, username="anna@contoso.example", password=PASSWORD, decision="approve")
    result = app.acquire_token_by_device_flow(flow)
    assert "access_token" in result, result
    answer = requests.post(
        f"{url}/v2/rest/query",
        headers={"Authorization": f"Bearer {result['access_token']}"},
        json={"csl": "count 1", "db": DB},
        timeout=30,
    )
    assert answer.status_code == 200
