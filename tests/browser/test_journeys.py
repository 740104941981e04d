"""What people do with the pages, from the beginning to the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .conftest import NARROW, PASSWORD, Demo, ask, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.timeout(600)

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def test_the_first_query_is_answered_with_a_chart(page: Page) -> None:
    sign_in(page)
    page.locator(".monaco-editor").wait_for()
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("img", name="timechart")).to_be_visible()
    page.get_by_role("button", name="Table", exact=True).click()
    expect(page.get_by_role("grid").get_by_text("Attempts")).to_be_visible()


def test_a_fault_is_told_at_its_place_and_marked_in_the_editor(page: Page) -> None:
    sign_in(page)
    ask(page, "SigninLogs\n| were ResultType != 0")
    expect(page.locator(".results")).to_contain_text("Line 2, column 3")
    expect(page.locator(".squiggly-error").first).to_be_visible()


def test_a_link_opens_the_same_query_for_somebody_else(page: Page, context: BrowserContext) -> None:
    sign_in(page)
    ask(page, 'print Greeting = "žluťoučký kůň"')
    expect(page.get_by_role("grid")).to_contain_text("žluťoučký kůň")
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_text("Copied a link")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    # What is asked stays in the browser: nothing of it goes to a server with the address.
    assert "#q=" in link
    assert "print" not in link
    other = context.new_page()
    other.goto(link)
    other.locator(".monaco-editor").wait_for()
    expect(other.locator(".view-lines")).to_contain_text("Greeting")


def test_a_query_that_runs_long_can_be_cancelled(page: Page) -> None:
    sign_in(page)
    ask(page, "range x from 1 to 2000000000 step 1 | summarize dcount(x * x % 7919)")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The query was cancelled.")).to_be_visible()


def test_the_rows_of_an_answer_are_sorted_filtered_opened_and_copied(page: Page) -> None:
    sign_in(page)
    ask(page, 'range x from 1 to 100000 step 1 | extend Word = strcat("w", x % 7), Bag = dynamic({"a": [1, 2]})')
    grid = page.get_by_role("grid")
    expect(grid).to_contain_text("w1")
    grid.get_by_role("columnheader", name="x").get_by_role("button").click()
    grid.get_by_role("columnheader", name="x").get_by_role("button").click()
    expect(grid.get_by_role("row").nth(1)).to_contain_text("100000")
    page.get_by_role("button", name="Filter").click()
    page.get_by_label("Filter Word").fill("w3")
    expect(page.get_by_text("14,286 of 100,000 rows")).to_be_visible()
    grid.get_by_role("gridcell").first.click()
    grid.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()").isdecimal()
    grid.press("Enter")
    expect(page.get_by_role("complementary", name="The row")).to_contain_text('"a": [')


def test_wherever_a_hundred_thousand_rows_are_scrolled_to_they_are_there(page: Page) -> None:
    sign_in(page)
    columns = ", ".join(f'C{n} = strcat("value ", x % {n + 3})' for n in range(10))
    ask(page, f"range x from 1 to 100000 step 1 | extend {columns}")
    grid = page.get_by_role("grid")
    expect(grid).to_contain_text("value")
    places = page.evaluate(
        """async () => {
          const grid = document.querySelector('.grid');
          const seen = [];
          for (let i = 0; i < 60; i++) {
            grid.scrollTop += 1777;
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            const rows = [...grid.querySelectorAll('.grid-row')].map((r) => r.getAttribute('aria-rowindex') - 2);
            const top = Math.floor(grid.scrollTop / 26);
            seen.push(rows.includes(top) && rows.includes(top + 8));
          }
          return seen;
        }"""
    )
    assert all(places), places
    grid.press("Control+End")
    expect(grid).to_contain_text("100000")


def test_an_incident_is_taken_worked_on_and_closed(page: Page) -> None:
    sign_in(page, at="/app/incidents?status=New,Active,Closed")
    page.get_by_role("link", name="Attack in several stages").click()
    expect(page.locator(".story li").first).to_be_visible()
    page.get_by_role("button", name="Take it").click()
    expect(page.get_by_text("It is yours")).to_be_visible()
    expect(page.get_by_label("Status")).to_have_value("Active")
    page.get_by_role("tab", name="Tasks").click()
    page.get_by_label("New task").fill("Reset the password")
    page.get_by_role("button", name="Add").click()
    page.get_by_label("Reset the password").check()
    page.get_by_role("tab", name="Comments").click()
    page.get_by_label("Comment").fill("Seen on <b>two</b> hosts")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator(".comments li")).to_contain_text("Seen on two hosts")
    page.get_by_label("Status").select_option("Closed")
    page.get_by_label("It was").select_option("TruePositive")
    page.get_by_role("button", name="Close it").click()
    expect(page.get_by_text("TruePositive SuspiciousActivity")).to_be_visible()
    page.get_by_role("tab", name="History").click()
    expect(page.locator(".entries")).to_contain_text("anna")
    page.get_by_label("Status").select_option("New")
    expect(page.get_by_text("It is new again")).to_be_visible()


def test_an_entity_of_an_incident_is_looked_for_in_the_whole_lake(page: Page) -> None:
    sign_in(page, at="/app/incidents/1")
    page.get_by_role("tab", name="Entities").click()
    expect(page.locator("figure.graph")).to_be_visible()
    page.get_by_role("button", name="Ask where 203.0.113.84 occurs").first.click()
    page.locator(".monaco-editor").wait_for()
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("grid")).to_contain_text("SigninLogs")


def test_whoever_guesses_a_password_is_locked_out(page: Page, demo: Demo) -> None:
    demo.user("victim", "reader")
    page.goto("/app/")
    for _ in range(11):
        page.get_by_label("User name").fill("victim")
        page.get_by_label("Password").fill("not the password")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("too many failed attempts", ignore_case=True)


def test_whoever_signs_out_is_out(page: Page) -> None:
    sign_in(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("User name")).to_be_visible()
    page.goto("/app/incidents")
    expect(page.get_by_label("User name")).to_be_visible()


def test_who_has_no_role_sees_no_workspace(page: Page) -> None:
    sign_in(page, "nobody")
    expect(page.get_by_text("No workspace is open to you")).to_be_visible()


def test_who_may_only_read_is_told_so_when_they_change_something(page: Page) -> None:
    sign_in(page, "bo", at="/app/incidents/2")
    page.get_by_role("button", name="Take it").click()
    expect(page.locator(".toast.wrong")).to_be_visible()


def test_every_command_is_found_by_its_name(page: Page) -> None:
    sign_in(page)
    page.locator(".query").wait_for()
    page.keyboard.press("Control+k")
    page.get_by_label("What to do").fill("incid")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()


@pytest.mark.parametrize("at", ["/app/query", "/app/incidents", "/app/incidents/1"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(page: Page, at: str, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: `make pages` does it")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    sign_in(page, at=at)
    page.locator("main h1").first.wait_for(state="attached")
    page.wait_for_timeout(1500)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    told = [(v["id"], [n["html"][:160] for n in v["nodes"]][:4]) for v in serious]
    assert not told, json.dumps(told, indent=1)


@pytest.mark.parametrize("at", ["/app/query", "/app/incidents", "/app/incidents/1"])
def test_nothing_is_wider_than_a_telephone(page: Page, at: str) -> None:
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    sign_in(page, at=at)
    page.locator("main h1").first.wait_for(state="attached")
    page.wait_for_timeout(1000)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
