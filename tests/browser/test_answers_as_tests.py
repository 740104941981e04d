"""Rows of an answer become a test of a rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .conftest import NARROW, ask, sign_in
from .test_rule_tests_journeys import RUNS, begin, rule

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.timeout(300)

FAILED = "SigninLogs | where TimeGenerated > ago(30d) and ResultType != '0' | take 3"


def answered(page: Page, text: str) -> Locator:
    """Ask for rows; their table."""
    page.locator("header.bar").wait_for()
    page.goto("/app/query")
    ask(page, text)
    grid = page.get_by_role("grid", name="Answer")
    expect(grid.get_by_role("gridcell").first).to_be_visible()
    return grid


def choosing(page: Page, title: str = "these rows") -> Locator:
    page.get_by_role("button", name=f"Make a test of {title} …").click()
    return page.get_by_role("dialog", name="Make a test of these rows")


@pytest.mark.journey("rows of an answer become a test")
def test_chosen_rows_become_a_test_of_the_rule_that_is_picked(page: Page) -> None:
    sign_in(page)
    rule(page, "Failures of an answer")
    grid = answered(page, FAILED)
    grid.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    expect(grid.locator("[aria-selected=true]")).to_have_count(2)
    asked = choosing(page, "2 rows")
    asked.get_by_label("Search the rules").fill("failures of an answer")
    asked.get_by_role("region", name="Rules that read SigninLogs").get_by_role("button").click()
    writing = page.get_by_role("group", name="New test")
    expect(writing.get_by_text("2 rows of SigninLogs from your query are in it.")).to_be_visible()
    expect(writing.get_by_text("Nothing is wrong")).to_be_visible()
    writing.get_by_role("button", name="Try it").click()
    expect(writing.locator(".test-tried")).to_contain_text(re.compile(r"[12] alerts? of [12] rows?"), timeout=RUNS)
    # What isn't stored is still here after a detour, and the way back leads to the query.
    page.reload()
    expect(page.get_by_text("Your changes were kept in this browser.")).to_be_visible()
    page.go_back()
    expect(page.locator(".query .view-lines")).to_contain_text("take 3")


def test_rows_that_are_brought_leave_a_test_that_was_begun_as_it_is(page: Page) -> None:
    sign_in(page)
    rule(page, "Failures begun before")
    begin(page, "name: begun before\nexpect: nothing\n")
    expect(page.get_by_text("Nothing is wrong")).to_be_visible()
    answered(page, FAILED)
    asked = choosing(page)
    asked.get_by_label("Search the rules").fill("failures begun")
    asked.get_by_role("button", name="Failures begun before").click()
    writing = page.get_by_role("group", name="New test")
    expect(writing.get_by_role("alert")).to_contain_text("The 3 rows of SigninLogs that you came with are not in it.")
    expect(writing.locator(".view-lines")).to_contain_text("begun before")
    expect(writing.locator(".view-lines")).not_to_contain_text("SigninLogs")
    writing.get_by_role("button", name="Add them to it").click()
    expect(writing.locator(".view-lines")).to_contain_text("SigninLogs")
    expect(writing.locator(".view-lines")).to_contain_text("begun before")
    expect(writing.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SigninLogs | summarize n = count() by Location", "rows that summarize makes, not rows of SigninLogs"),
        ("union SigninLogs, AuditLogs | take 3", "doesn't begin with the name of one table"),
        ("let T = SigninLogs; T | take 3", "T is declared by a let of the query"),
        ("SigninLogs | extend ResultType = 'x' | take 3", "ResultType is computed by extend"),
        ("SigninLogs | take 3 | project TimeGenerated, ResultType = Location", "A column is computed by project"),
        ("SigninLogs | take 3; AuditLogs | take 3", "The query gives several answers"),
        (".show tables | take 3", "The answer is not of a query over a table"),
    ],
)
def test_rows_that_are_of_no_one_table_say_why_they_are_no_test(page: Page, text: str, told: str) -> None:
    sign_in(page)
    answered(page, text)
    asked = choosing(page)
    expect(asked.get_by_role("alert")).to_contain_text(told)
    asked.get_by_role("button", name="Leave it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_columns_that_the_table_hasnt_are_left_out_of_a_test_and_named(page: Page) -> None:
    sign_in(page)
    answered(page, "SigninLogs | extend Town = tostring(LocationDetails.city) | take 250")
    asked = choosing(page)
    expect(asked).to_contain_text("200 rows of SigninLogs, the first of 250")
    expect(asked).to_contain_text("Left out, as SigninLogs has no such column: Town.")


def test_a_filter_says_which_rows_a_test_is_made_of(page: Page) -> None:
    sign_in(page)
    grid = answered(page, "SigninLogs | take 9 | project TimeGenerated, ResultType, UserPrincipalName")
    first = grid.get_by_role("row").nth(1).get_by_role("gridcell").nth(0)
    kept = first.inner_text()
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Filter TimeGenerated").fill(kept.replace(" ", "T"))
    expect(grid.get_by_role("row")).to_have_count(2)
    expect(choosing(page)).to_contain_text("1 row of SigninLogs for a new test")


def test_who_may_write_no_rules_is_offered_no_test(page: Page) -> None:
    sign_in(page, "bo")
    answered(page, FAILED)
    expect(page.get_by_role("button", name=re.compile("Make a test"))).to_have_count(0)


def test_picking_a_rule_for_a_test_fits_a_telephone(page: Page) -> None:
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    sign_in(page)
    page.locator(".monaco-editor, textarea").first.wait_for()
    page.get_by_role("button", name="New query", exact=True).click()
    page.locator(".query textarea").first.fill(FAILED)
    page.get_by_role("button", name="Run").click()
    expect(choosing(page).get_by_label("Search the rules")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
