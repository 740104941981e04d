"""How people get in and out: by a password, and at an outside provider."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect
from tests.provider import CLIENT_ID, SECRET, FakeProvider, serving

from .conftest import NARROW, PASSWORD, WIDE, Demo, program, sign_in
from .test_every_place import AXE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.timeout(600)

SETTINGS = """
[oidc.contoso]
title = "Contoso"
issuer = "{issuer}"
client_id = "{client}"
client_secret = "env:KIT_SECRET"
make_users = true
roles = [{{ group = "soc", role = "sentinel-contributor", workspace = "*" }}]
"""


@pytest.fixture(scope="module")
def served() -> Iterator[FakeProvider]:
    if "HUNTLAKE_JOURNEYS" not in os.environ:
        pytest.skip("`make journeys` runs these")
    with serving() as provider:
        yield provider


@pytest.fixture
def provider(served: FakeProvider) -> FakeProvider:
    """A provider that vouches for Eve, who is in no group."""
    served.person = {"sub": "person-1", "preferred_username": "eve", "name": "Eve Example"}
    served.status = {}
    return served


@pytest.fixture(scope="module")
def place(served: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A server over an empty lake that sends people to the provider, and knows one by a password."""
    home = tmp_path_factory.mktemp("outside") / "home"
    subprocess.run(
        [program(), "user", "create", "anna", "--admin", "--home", str(home), "--password-stdin"],
        input=f"{PASSWORD}\n",
        text=True,
        check=True,
        capture_output=True,
    )
    (home / "huntlake.toml").write_text(SETTINGS.format(issuer=served.url, client=CLIENT_ID))
    log = home.with_name("log")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [program(), "serve", "--home", str(home), "--port", "0"],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "KIT_SECRET": SECRET},
        )
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r" at (https?://\S+);", log.read_text(errors="replace"))):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not begin: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield Demo(found[1], home)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture
def outside(chromium: Browser, place: Demo, provider: FakeProvider) -> Iterator[BrowserContext]:
    """A browser before that server."""
    made = chromium.new_context(
        base_url=place.url,
        ignore_https_errors=True,
        viewport=WIDE,  # type: ignore[arg-type]
        locale="en-GB",
    )
    made.set_default_timeout(15_000)
    yield made
    made.close()


@pytest.fixture
def door(outside: BrowserContext) -> Page:
    return outside.new_page()


def through(page: Page, at: str = "/app/") -> None:
    """Sign in at the provider."""
    page.goto(at)
    page.get_by_role("button", name="Sign in with Contoso").click()
    page.get_by_role("link", name="Continue as Eve").click()


def test_who_signs_in_at_a_provider_is_where_they_wanted_to_go(door: Page, provider: FakeProvider) -> None:
    provider.person["groups"] = ["soc"]
    through(door, "/app/incidents?status=New#here")
    expect(door.get_by_role("navigation", name="Places")).to_be_visible()
    expect(door.locator(".who")).to_have_text("Eve Example")
    assert door.url.endswith("/app/incidents?status=New#here")
    door.reload()
    expect(door.locator(".who")).to_have_text("Eve Example")


def test_a_link_with_a_query_is_kept_on_the_way_and_told_to_nobody(door: Page, provider: FakeProvider) -> None:
    provider.person["groups"] = ["soc"]
    asked: list[str] = []
    door.on("request", lambda request: asked.append(request.url))
    through(door, "/app/query#wanted=print%20Secret")
    expect(door.get_by_role("navigation", name="Places")).to_be_visible()
    assert "#wanted=" in door.url
    assert not [url for url in asked if "Secret" in url.partition("#")[0]]


def test_signing_out_offers_to_sign_out_there_too(door: Page, provider: FakeProvider) -> None:
    provider.person["groups"] = ["soc"]
    through(door)
    door.get_by_role("button", name="Sign out").click()
    expect(door.get_by_text("still signed in at Contoso")).to_be_visible()
    door.get_by_role("link", name="Sign out there, too").click()
    expect(door.get_by_role("heading", name="Signed out of Contoso")).to_be_visible()
    door.goto("/app/")
    expect(door.get_by_role("button", name="Sign in with Contoso")).to_be_visible()


def test_somebody_new_without_a_role_sees_nothing(door: Page) -> None:
    through(door, "/app/incidents")
    expect(door.get_by_role("heading", name="No workspace is open to you")).to_be_visible()
    expect(door.get_by_role("navigation")).to_have_count(0)


def test_what_went_wrong_is_told_in_words_and_the_place_is_still_known(door: Page, provider: FakeProvider) -> None:
    provider.person["groups"] = ["soc"]
    provider.status = {"/token": 500}
    through(door, "/app/incidents?status=Closed")
    expect(door.get_by_text("The provider doesn't answer, or not as it should.")).to_be_visible()
    # What was told once isn't told again by the address.
    assert door.url.endswith("/app/")
    provider.status = {}
    door.get_by_role("button", name="Sign in with Contoso").click()
    door.get_by_role("link", name="Continue as Eve").click()
    expect(door.get_by_role("navigation", name="Places")).to_be_visible()
    assert door.url.endswith("/app/incidents?status=Closed")


def test_an_answer_that_somebody_else_sends_signs_nobody_in(door: Page, outside: BrowserContext) -> None:
    door.goto("/app/")
    sent: list[str] = []
    door.on("request", lambda request: sent.append(request.url) if "/authorize?" in request.url else None)
    door.get_by_role("button", name="Sign in with Contoso").click()
    door.get_by_role("link", name="Continue as Eve").wait_for()
    way_back = door.get_by_role("link", name="Continue as Eve").get_attribute("href") or ""
    assert len(sent) == 1
    outside.clear_cookies()
    victim = outside.new_page()
    victim.goto(way_back)
    expect(victim.get_by_text("Try again.")).to_be_visible()
    expect(victim.get_by_role("button", name="Sign in with Contoso")).to_be_visible()


def test_a_made_up_trouble_or_place_leads_nowhere(door: Page, place: Demo) -> None:
    door.goto("/app/?trouble=<b>x</b>&return=https://evil.example")
    expect(door.get_by_role("button", name="Sign in with Contoso")).to_be_visible()
    door.evaluate("sessionStorage.setItem('wanted place', 'https://evil.example/app/')")
    sign_in_by_password(door)
    expect(door.get_by_role("navigation", name="Places")).to_be_visible()
    assert door.url.startswith(f"{place.url}/app/")


def sign_in_by_password(page: Page) -> None:
    page.get_by_label("User name").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_people_sign_in(outside: BrowserContext, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core comes with the packages of web/")
    page = outside.new_page()
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto("/app/")
    page.get_by_role("button", name="Sign in with Contoso").wait_for()
    found = outside.request.get("/app/session/ways").json()
    assert found["providers"] == [{"name": "contoso", "title": "Contoso"}]
    page.evaluate(AXE.read_text(encoding="utf-8"))
    told = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})")
    assert [v["id"] for v in told["violations"]] == []
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_no_address_ever_holds_what_opens_a_session(context: BrowserContext) -> None:
    """Whoever reads the addresses that a browser asks for, as a proxy's log does, gets in nowhere."""
    seen: list[str] = []
    context.on("request", lambda request: seen.append(request.url))
    tokens: set[str] = set()

    def hear(headers: dict[str, str]) -> None:
        if told := headers.get("authorization"):
            tokens.add(told.partition(" ")[2])

    context.on("request", lambda request: hear(request.headers))
    page = context.new_page()
    sign_in(page)
    page.locator(".monaco-editor").wait_for()
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("img", name="timechart")).to_be_visible()
    for name in ("Incidents", "Detections", "Lake", "Hunts", "Playbooks"):
        page.get_by_role("navigation", name="Places").get_by_role("link", name=name, exact=True).click()
        page.wait_for_load_state("networkidle")
        links = page.locator("main a[href^='/app/']")
        if links.count():
            links.first.click()
            page.wait_for_load_state("networkidle")
    proof = page.evaluate("fetch('/app/session').then((r) => r.json()).then((s) => s.proof)")
    cookies = context.cookies()
    assert [c["name"] for c in cookies] == ["__Host-huntlake-session"]
    assert (cookies[0]["httpOnly"], cookies[0]["secure"], cookies[0]["sameSite"]) == (True, True, "Strict")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("User name")).to_be_visible()
    assert len(seen) > 30
    assert not tokens, "a page holds a token"
    for url in map(unquote, seen):
        assert url.startswith(("https://localhost:", "data:", "blob:")), url
        assert not [secret for secret in (cookies[0]["value"], proof, PASSWORD) if secret in url], url
        # What is shaped like a signed token is one.
        assert not re.search(r"eyJ[\w-]{8,}\.[\w-]+\.", url), url
        assert not re.search(r"[?&#](access_token|id_token|token|password|sig)=", url), url
    # Nor does a page keep any where another of its programs finds it.
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert proof not in kept
    assert cookies[0]["value"] not in kept


def test_a_stranger_elsewhere_locks_nobody_out(page: Page, demo: Demo) -> None:
    """The server believes nobody about where they are, unless the settings name a proxy."""
    demo.user("locked", "reader")
    for _ in range(10):
        page.request.post(
            f"{demo.url}/app/session",
            data={"name": "locked", "password": "wrong horse battery"},
            headers={"X-Forwarded-For": f"198.51.100.{_}"},
        )
    sign_in(page, "locked")
    expect(page.get_by_role("alert")).to_contain_text("Too many failed attempts")


def test_the_folder_of_the_server_keeps_no_secret_of_the_provider(
    door: Page, place: Demo, provider: FakeProvider
) -> None:
    provider.person["groups"] = ["soc"]
    through(door)
    expect(door.get_by_role("navigation", name="Places")).to_be_visible()
    kept = b"".join(f.read_bytes() for f in Path(place.home).glob("huntlake.db*"))
    assert b"kit-access" not in kept
    assert SECRET.encode() not in kept
