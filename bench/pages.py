"""The pages in a browser: how long until the first one means something, and how much has to be loaded for it."""

from __future__ import annotations

import gzip
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import figures
from huntlake.web.files import built

ROUNDS = 5
EDITOR = ("monaco", "kusto", "editor.worker", "codicon")
"""Parts of names of what belongs to the editor, which is loaded behind the page."""

PASSWORD = "correct horse battery"
_PAINTED = """() => new Promise((resolve) => {
  const there = (what) => document.querySelector(what);
  const look = () => there('.query textarea, .query .monaco-editor') && there('.query-tools button')
    ? requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())))
    : requestAnimationFrame(look);
  look();
})"""
_SCROLL = """async () => {
  const grid = document.querySelector('.grid');
  const took = [];
  for (let i = 0; i < 240; i++) {
    const began = performance.now();
    grid.scrollTop += 913;
    await new Promise(requestAnimationFrame);
    took.push(performance.now() - began);
  }
  return took;
}"""


def main() -> None:
    """Measures what a browser of this machine sees."""
    if not built():
        print("the pages are not built: `make pages`")
        return
    _bundle()
    program = shutil.which("chromium")
    if program is None:
        print("Debian's package `chromium` is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        _browse(program, Path(folder))


def _bundle() -> None:
    size = 0
    for name, file in built().items():
        if Path(name).suffix in (".js", ".css", ".html") and not any(part in name for part in EDITOR):
            size += len(gzip.compress(file.path.read_bytes(), 9))
    unit = "kB gzip of scripts and styles, without the editor"
    figures.write("pages.2c", size / 1000, unit, goal="<= 400", met=size <= 400_000, by="python -m bench pages")


def _browse(program: str, folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    huntlake = str(Path(sys.executable).with_name("huntlake"))
    home = ["--home", str(folder / "home")]
    subprocess.run([huntlake, "workspace", "create", "soc", *home], check=True, capture_output=True)
    add = [huntlake, "user", "add", "anna", "--role", "contributor", "--password-stdin", *home]
    subprocess.run(add, input=f"{PASSWORD}\n", text=True, check=True, capture_output=True)
    log = folder / "log"
    with log.open("wb") as file:
        server = subprocess.Popen([huntlake, "serve", "--port", "0", "--quiet", *home], stdout=file, stderr=file)
    try:
        url = _address(log)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            first = [_first(browser, url) for _ in range(ROUNDS)]
            slowest = _scrolled(browser, url)
            browser.close()
    finally:
        server.terminate()
        server.wait(30)
    painted = statistics.median(first) / 1000
    unit = "s from the address to a page that a query can be written into, cold, over TLS on loopback"
    figures.write("pages.2", painted, unit, goal="<= 1.5", met=painted <= 1.5, by="python -m bench pages")
    unit = "ms is the longest of 240 frames while 100,000 rows are scrolled"
    figures.write("pages.2b", slowest, unit, goal="<= 100", met=slowest <= 100, by="python -m bench pages")


def _address(log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for word in log.read_text(errors="replace").split():
            if word.startswith("https://"):
                return word.rstrip(";")
        time.sleep(0.1)
    raise RuntimeError(f"the server did not begin: {log.read_text(errors='replace')}")


def _context(browser: Any, url: str) -> Any:
    """A browser that has nothing of the pages yet, and is signed in."""
    context = browser.new_context(base_url=url, ignore_https_errors=True, viewport={"width": 1280, "height": 800})
    given = {"name": "anna", "password": PASSWORD}
    answer = context.request.post("/app/session", data=given)
    if not answer.ok:
        raise RuntimeError(answer.text())
    return context


def _first(browser: Any, url: str) -> float:
    context = _context(browser, url)
    page = context.new_page()
    page.goto("/app/query", wait_until="commit")
    took: float = page.evaluate(_PAINTED)
    context.close()
    return took


def _scrolled(browser: Any, url: str) -> float:
    context = _context(browser, url)
    page = context.new_page()
    page.goto("/app/query")
    page.locator(".monaco-editor").wait_for()
    page.get_by_role("button", name="New query", exact=True).click()
    page.locator(".monaco-editor .view-lines").click()
    columns = ", ".join(f'C{n} = strcat("value ", x % {n + 3})' for n in range(11))
    page.keyboard.insert_text(f"range x from 1 to 100000 step 1 | extend {columns}")
    page.keyboard.press("Shift+Enter")
    page.get_by_role("grid").get_by_text("value").first.wait_for()
    page.wait_for_timeout(500)
    took: list[float] = page.evaluate(_SCROLL)
    context.close()
    return max(took)


if __name__ == "__main__":
    main()
