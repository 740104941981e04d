"""Pages as a person has them: Chromium before a server of the demo.

They run by `make journeys` alone: they need Debian's Chromium, pages that are built, and half a minute for the demo,
unless `HUNTLAKE_JOURNEYS_HOME` names the folder of one to begin with, which stays as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

collect_ignore_glob = [] if os.environ.get("HUNTLAKE_JOURNEYS") else ["test_*.py"]
if not os.environ.get("HUNTLAKE_PICTURES"):
    collect_ignore_glob.append("test_pictures.py")

PASSWORD = "correct horse battery"
WORKSPACE = "korenwolf"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
_LONGEST = 400


@dataclass(frozen=True)
class Demo:
    """A server of the demo that people can sign in at."""

    url: str
    home: Path

    def user(self, name: str, role: str) -> str:
        """Make a person with that role; without one they have no rights."""
        given = ["--role", role, "--workspace", WORKSPACE] if role else []
        self.told("user", "create", name, "--password-stdin", *given, said=f"{PASSWORD}\n")
        return name

    def told(self, *command: str, said: str = "") -> None:
        """Run a command over the demo's folder."""
        line = [program(), *command, "--home", str(self.home)]
        subprocess.run(line, input=said, text=True, check=True, capture_output=True)


def program() -> str:
    found = Path(sys.executable).with_name("huntlake")
    return str(found) if found.exists() else shutil.which("huntlake") or "huntlake"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo, served on a free port until the tests are through."""
    if "HUNTLAKE_JOURNEYS" not in os.environ:
        pytest.skip("`make journeys` runs these")
    log = tmp_path_factory.mktemp("demo") / "log"
    home = log.with_name("home")
    if kept := os.environ.get("HUNTLAKE_JOURNEYS_HOME"):
        shutil.copytree(kept, home)
    with log.open("wb") as file:
        process = subprocess.Popen(
            [program(), "demo", "--home", str(home), "--port", "0", "--quiet"],
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + _LONGEST
        while not (found := re.search(r"serving (https?://\S+);", log.read_text(errors="replace"))):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the demo did not begin: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        made = Demo(found[1], home)
        made.user("anna", "contributor")
        made.user("bo", "reader")
        made.user("nobody", "")
        yield made
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Debian's package `chromium` is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser, demo: Demo) -> Iterator[BrowserContext]:
    """A browser that nobody has signed in with."""
    made = chromium.new_context(
        base_url=demo.url,
        ignore_https_errors=True,
        viewport=WIDE,  # type: ignore[arg-type]
        permissions=["clipboard-read", "clipboard-write"],
        locale="en-GB",
    )
    made.set_default_timeout(30_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page whose every error fails the test."""
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    assert not wrong, wrong


def sign_in(page: Page, name: str = "anna", password: str = PASSWORD, at: str = "/app/") -> None:
    """Sign a person in, at the place they wanted to go to."""
    page.goto(at)
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def ask(page: Page, text: str) -> None:
    """Write a query into the editor and run it."""
    from playwright.sync_api import expect

    page.locator(".monaco-editor").wait_for()
    page.get_by_role("button", name="New query", exact=True).click()
    page.locator(".monaco-editor .view-lines").click()
    # Typed, each bracket would bring its other half.
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+v")
    # A long text comes a moment later, and what is run before that is nothing.
    expect(page.locator(".monaco-editor .view-lines").first).not_to_have_text("")
    page.keyboard.press("Shift+Enter")
