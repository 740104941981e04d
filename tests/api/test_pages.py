"""The pages' face: whoever has no session gets nothing, and another site's pages can't use one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from huntlake.identity.rights import Role
from huntlake.web import face, files
from huntlake.web.answers import SECURE_COOKIE
from huntlake.web.face import PROOF

from .conftest import DB, PASSWORD, WORKSPACE_ID, Server

ANNA = "anna@contoso.example"
QUERY = "/app/api/v2/rest/query"
COUNT = {"db": DB, "csl": "count 3"}


@pytest.fixture
def browser(server: Server) -> Iterator[TestClient]:
    with server.client() as client:
        client.follow_redirects = False
        yield client


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pages as they might have been built."""
    place = tmp_path / "static"
    (place / "assets").mkdir(parents=True)
    (place / "index.html").write_text("<!doctype html><title>huntlake</title>", encoding="utf-8")
    (place / "assets" / "main-abc.js").write_text("go()", encoding="utf-8")
    (place / "assets" / "main-abc.js.gz").write_bytes(b"packed")
    monkeypatch.setattr(face, "built", lambda: files.built(place))
    return place


def sign_in(browser: TestClient, **given: str) -> Any:
    return browser.post("/app/session", json={"name": ANNA, "password": PASSWORD, **given})


def proof(browser: TestClient) -> dict[str, str]:
    return {PROOF: sign_in(browser).json()["proof"]}


def test_who_is_signed_in_asks_the_apis_with_their_rights(browser: TestClient) -> None:
    answer = browser.post(QUERY, json=COUNT, headers=proof(browser))
    assert answer.status_code == 200, answer.text
    tables = [f for f in answer.json() if f.get("TableKind") == "PrimaryResult"]
    assert tables[0]["Rows"] == [[1], [2], [3]]


def test_what_a_role_does_not_allow_is_refused_behind_the_door_too(browser: TestClient, server: Server) -> None:
    shown = proof(browser)
    server.sign_in.users.revoke(ANNA, WORKSPACE_ID)
    answer = browser.post(QUERY, json=COUNT, headers=shown)
    assert answer.status_code == 403
    # The API's own words, as every client of it gets them.
    assert "@message" in answer.json()["error"]


def test_nobody_gets_in_without_a_session(browser: TestClient) -> None:
    assert browser.get("/app/session").json() == {"signedIn": False}
    answer = browser.post(QUERY, json=COUNT, headers={PROOF: "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "NotSignedIn")


def test_a_token_of_the_request_itself_opens_no_door(browser: TestClient, server: Server) -> None:
    answer = browser.post(QUERY, json=COUNT, headers={"Authorization": f"Bearer {server.token()}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "headers", [{}, {PROOF: "guessed"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_another_sites_page_cannot_use_the_session(browser: TestClient, headers: dict[str, str]) -> None:
    good = proof(browser)
    given = {**good, **headers} if "Sec-Fetch-Site" in headers else headers
    answer = browser.post(QUERY, json=COUNT, headers=given)
    assert answer.status_code == 403, answer.text


def test_another_site_cannot_sign_a_person_in(browser: TestClient) -> None:
    answer = browser.post(
        "/app/session", json={"name": ANNA, "password": PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert SECURE_COOKIE not in answer.cookies


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://evil.example", 403), ("null", 403), ("https://lake.example", 403), ("https://lake.example:8443", 200)],
)
def test_an_older_browser_says_whose_page_it_is_by_the_origin(browser: TestClient, origin: str, status: int) -> None:
    given = json.dumps({"name": ANNA, "password": PASSWORD})
    headers = {"Origin": origin, "Content-Type": "text/plain"}
    assert browser.post("/app/session", content=given, headers=headers).status_code == status


def test_no_program_of_the_page_can_read_the_cookie(browser: TestClient) -> None:
    cookie = sign_in(browser).headers["set-cookie"].lower()
    for part in ("httponly", "secure", "samesite=strict", "path=/"):
        assert part in cookie
    assert cookie.startswith("__host-")


def test_whoever_guesses_is_locked_out_for_a_while(browser: TestClient, server: Server) -> None:
    for _ in range(10):
        assert sign_in(browser, password="wrong horse battery").status_code == 401
    locked = sign_in(browser)
    assert locked.status_code == 429
    assert int(locked.headers["retry-after"]) > 0
    server.clock.at += timedelta(minutes=2)
    assert sign_in(browser).status_code == 200


def test_a_wrong_name_looks_like_a_wrong_password(browser: TestClient) -> None:
    one, two = sign_in(browser, name="nobody"), sign_in(browser, password="wrong horse battery")
    assert (one.status_code, one.json()) == (two.status_code, two.json())


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(browser: TestClient) -> None:
    shown = proof(browser)
    kept = browser.cookies[SECURE_COOKIE]
    assert browser.delete("/app/session", headers=shown).json() == {"signedIn": False}
    browser.cookies.set(SECURE_COOKIE, kept)
    assert browser.post(QUERY, json=COUNT, headers=shown).status_code == 401


def test_a_session_that_rests_ends_and_one_that_is_used_goes_on(browser: TestClient, server: Server) -> None:
    shown = proof(browser)
    for _ in range(3):
        server.clock.at += timedelta(hours=9)
        assert browser.post(QUERY, json=COUNT, headers=shown).status_code == 200
    server.clock.at += timedelta(hours=13)
    assert browser.post(QUERY, json=COUNT, headers=shown).status_code == 401


def test_no_session_outlives_a_week(browser: TestClient, server: Server) -> None:
    shown = proof(browser)
    for _ in range(15):
        server.clock.at += timedelta(hours=11)
        browser.post(QUERY, json=COUNT, headers=shown)
    server.clock.at += timedelta(hours=11)
    assert browser.get("/app/session").json() == {"signedIn": False}


def test_another_password_ends_every_session(browser: TestClient, server: Server) -> None:
    shown = proof(browser)
    server.clock.at += timedelta(seconds=5)
    server.sign_in.users.set_password(ANNA, "another horse battery")
    assert browser.post(QUERY, json=COUNT, headers=shown).status_code == 401


def test_rights_are_those_of_now(browser: TestClient, server: Server) -> None:
    sign_in(browser)
    server.sign_in.users.grant(ANNA, WORKSPACE_ID, Role.SENTINEL_RESPONDER)
    (workspace,) = browser.get("/app/session").json()["workspaces"]
    assert workspace["role"] == "Microsoft Sentinel Responder"
    assert workspace["may"] == ["read", "respond", "run", "watch"]


def test_a_session_tells_the_id_by_which_its_person_is_noted(browser: TestClient, server: Server) -> None:
    sign_in(browser)
    assert browser.get("/app/session").json()["id"] == server.sign_in.users.get(ANNA).object_id


def test_each_api_says_no_in_its_own_way_behind_the_door(browser: TestClient) -> None:
    shown = proof(browser)
    arm = browser.get("/app/api/subscriptions/none/nothing", headers=shown).json()
    kusto = browser.post("/app/api/v2/rest/nothing", json={}, headers=shown).json()
    assert set(arm["error"]) >= {"code", "message"}
    assert "@type" in kusto["error"]


def test_the_door_leads_to_no_other_door(browser: TestClient) -> None:
    assert browser.get("/app/api/app/api/app/session", headers=proof(browser)).status_code >= 400


@pytest.mark.parametrize("path", ["/app/", "/app/query", "/app/incidents/4"])
def test_every_place_within_the_pages_is_the_shell(browser: TestClient, built: Path, path: str) -> None:
    answer = browser.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    scripts = next(p for p in policy.split("; ") if p.startswith("script-src"))
    assert scripts == "script-src 'self'"
    assert answer.headers["strict-transport-security"]


def test_files_with_a_hash_in_their_name_are_kept_for_good_and_the_shell_is_not(
    browser: TestClient, built: Path
) -> None:
    script = browser.get("/app/assets/main-abc.js", headers={"accept-encoding": "identity"})
    assert (script.text, "immutable" in script.headers["cache-control"]) == ("go()", True)
    shell = browser.get("/app/")
    assert shell.headers["cache-control"] == "no-cache"
    again = browser.get("/app/", headers={"if-none-match": shell.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/app/assets/none.js", "/app/assets/../../secret", "/app/assets/%2e%2e/%2e%2e/x"])
def test_no_path_leads_out_of_the_files(browser: TestClient, built: Path, path: str) -> None:
    (built.parent / "secret").write_text("key", encoding="utf-8")
    answer = browser.get(path)
    assert "key" not in answer.text


def test_without_built_pages_the_server_says_how_to_build_them(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face, "built", dict)
    answer = browser.get("/app/")
    assert (answer.status_code, "make pages" in answer.text) == (503, True)


def test_the_servers_own_address_leads_to_the_pages(browser: TestClient) -> None:
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["location"]) == (302, "/app/")
