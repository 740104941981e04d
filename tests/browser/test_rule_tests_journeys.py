"""Tests of rules: written, run, failing with what came, and heard of when a rule is stored."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .conftest import NARROW, Demo, sign_in
from .payloads import PAYLOADS
from .test_rule_journeys import FAILURES, is_right, paste, query_of, save, write

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

pytestmark = pytest.mark.timeout(300)

RUNS = 30_000
"""What tests take at most on a machine with much to do: they begin a process of their own."""

FIRES = """\
name: fires
events:
  SigninLogs:
    - {UserPrincipalName: ann@corp.example, ResultType: 50126}
expect:
  alerts: 1
"""
QUIET = """\
name: stays quiet
events:
  SigninLogs:
    - {UserPrincipalName: ann@corp.example, ResultType: 0}
expect: nothing
"""


def part_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Tests", exact=True)


def begin(page: Page, text: str) -> Locator:
    """A new test with that text; nothing is stored yet."""
    part_of(page).get_by_role("button", name="New test").click()
    writing = page.get_by_role("group", name="New test")
    paste(page, writing.locator(".monaco-editor"), text)
    return writing


def keep(page: Page, text: str) -> None:
    writing = begin(page, text)
    expect(writing.get_by_text("Nothing is wrong")).to_be_visible()
    writing.get_by_role("button", name="Save the test").click()
    expect(page.get_by_text(re.compile("The test is stored")).last).to_be_visible(timeout=RUNS)
    expect(writing).to_have_count(0)


def rule(page: Page, name: str) -> str:
    """A stored rule without tests; its address."""
    page.locator(".query").wait_for()
    write(page, name)
    save(page)
    return page.url


@pytest.mark.journey("a test of a rule is written, run and failed")
def test_a_test_is_written_tried_stored_and_run(page: Page) -> None:
    sign_in(page)
    rule(page, "Tested failures")
    expect(part_of(page)).to_contain_text("No test yet.")
    writing = begin(page, FIRES.replace("ResultType", "ResultTyp"))
    # A fault is told with its place and what is meant, and nothing can be stored.
    expect(writing).to_contain_text("Line 4, column 56")
    expect(writing).to_contain_text("did you mean ResultType?")
    expect(writing.locator(".squiggly-error").first).to_be_visible()
    expect(writing.get_by_role("button", name="Save the test")).to_be_disabled()
    paste(page, writing.locator(".monaco-editor"), FIRES)
    expect(writing.get_by_text("Nothing is wrong")).to_be_visible()
    writing.get_by_role("button", name="Try it").click()
    expect(writing.locator(".test-tried")).to_contain_text(re.compile(r"passed.*1 alert of 1 row"), timeout=RUNS)
    writing.get_by_role("button", name="Save the test").click()
    expect(page.get_by_text("The test is stored, and passes")).to_be_visible(timeout=RUNS)
    keep(page, QUIET)
    expect(part_of(page).get_by_role("status")).to_have_text("2 passed")
    # A test that is changed to expect something else fails, and shows what was expected and what came.
    part_of(page).get_by_role("link", name="stays quiet").click()
    assert page.url.endswith("?test=stays-quiet")
    changing = page.get_by_role("group", name="Change the test stays quiet")
    paste(
        page,
        changing.locator(".monaco-editor"),
        FIRES.replace("fires", "stays quiet").replace("alerts: 1", "alerts: 2"),
    )
    expect(changing.get_by_text("Nothing is wrong")).to_be_visible()
    changing.get_by_role("button", name="Save the test").click()
    expect(page.get_by_text("The test is stored, and fails")).to_be_visible(timeout=RUNS)
    failed = part_of(page).locator("li", has=page.get_by_role("link", name="stays quiet"))
    expect(failed).to_contain_text("2 alerts expected, 1 found: Tested failures.")
    expect(failed.get_by_role("region", name="Expected")).to_contain_text("alerts: 2")
    expect(failed.get_by_role("region", name="Rows that came")).to_contain_text(
        '"UserPrincipalName":"ann@corp.example"'
    )
    page.reload()
    expect(failed).to_contain_text("2 alerts expected, 1 found")
    part_of(page).get_by_role("button", name="Run all").click()
    expect(page.get_by_text("1 of 2 tests failed")).to_be_visible(timeout=RUNS)
    part_of(page).get_by_role("button", name="Run fires").click()
    expect(page.get_by_text("1 test passed")).to_be_visible(timeout=RUNS)
    with page.expect_download() as saved:
        part_of(page).get_by_role("button", name="Download").click()
    assert saved.value.suggested_filename.endswith(".test.yaml")
    assert saved.value.path().read_text().startswith("tests:\n  - name: fires\n")
    page.goto("/app/detections")
    row = page.get_by_role("row", name=re.compile("Tested failures"))
    expect(row).to_contain_text("1 of 2 tests failed")


def test_storing_a_rule_whose_tests_fail_says_so(page: Page) -> None:
    sign_in(page)
    rule(page, "Guarded failures")
    keep(page, FIRES)
    page.get_by_role("button", name="Edit").click()
    paste(page, query_of(page), FAILURES.format("where").replace("Failures > 0", "Failures > 5"))
    is_right(page)
    page.get_by_role("button", name="Save", exact=True).click()
    alert = page.get_by_role("alert").filter(has_text="1 of 1 test")
    expect(alert).to_contain_text("fail with the rule as it is written: fires.", timeout=RUNS)
    failing = page.get_by_role("region", name="Tests that fail")
    alert.get_by_role("button", name="See what came").click()
    expect(failing).to_be_in_viewport()
    expect(failing).to_contain_text("1 alert expected, 0 found.")
    expect(failing).to_contain_text("The query gave no row.")
    alert.get_by_role("button", name="Save all the same").click()
    expect(page.get_by_role("button", name="Run now")).to_be_visible(timeout=RUNS)
    expect(part_of(page).get_by_role("status")).to_have_text("1 failed", timeout=RUNS)
    # With the rule as it was they pass, and nobody asks.
    page.get_by_role("button", name="Edit").click()
    paste(page, query_of(page), FAILURES.format("where"))
    is_right(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(part_of(page).get_by_role("status")).to_have_text("1 passed", timeout=RUNS)


def test_rows_of_the_lake_become_a_test(page: Page) -> None:
    sign_in(page)
    rule(page, "Failures of the lake")
    part_of(page).get_by_role("button", name="New test").click()
    writing = page.get_by_role("group", name="New test")
    writing.get_by_text("Take rows from the lake").click()
    asked = writing.get_by_label("A query over one table")
    expect(asked).to_have_value(re.compile("^SigninLogs"))
    asked.fill('SigninLogs | where TimeGenerated > ago(30d) and ResultType != "0" | take 2')
    writing.get_by_role("button", name="Add its rows").click()
    expect(writing).to_contain_text("2 rows of SigninLogs are in the test now.")
    expect(writing.get_by_text("Nothing is wrong")).to_be_visible()
    writing.get_by_role("button", name="Try it").click()
    expect(writing.locator(".test-tried")).to_contain_text(re.compile(r"\d alerts? of \d rows?"), timeout=RUNS)
    # What isn't stored is still here after a detour.
    page.reload()
    expect(page.get_by_text("Your changes were kept in this browser.")).to_be_visible()
    page.get_by_role("button", name="Discard changes").click()
    expect(part_of(page)).to_contain_text("No test yet.")


def test_an_alert_of_a_back_test_becomes_a_test(page: Page) -> None:
    sign_in(page)
    rule(page, "Failures of a back-test")
    page.get_by_role("button", name="Edit").click()
    is_right(page)
    trial = page.get_by_role("region", name="Back-test")
    trial.get_by_role("button", name="Try it").click()
    trial.get_by_role("link", name="Make a test of its rows").first.click(timeout=120_000)
    writing = page.get_by_role("group", name="New test")
    expect(writing.get_by_label("A query over one table")).to_have_value(
        re.compile(r"^SigninLogs\n\| where ResultType != '0'\n\| where TimeGenerated between \(datetime\(")
    )
    writing.get_by_role("button", name="Add its rows").click()
    expect(writing.get_by_text(re.compile("of SigninLogs (is|are) in the test now."))).to_be_visible()
    expect(writing.get_by_text("Nothing is wrong")).to_be_visible()
    writing.get_by_role("button", name="Save the test").click()
    expect(page.get_by_text("The test is stored, and")).to_be_visible(timeout=RUNS)
    expect(part_of(page).get_by_role("listitem").first).to_contain_text(re.compile(r"[1-9]\d* alert"))


def test_somebody_elses_change_is_not_written_over_and_a_test_is_deleted(
    page: Page, chromium: Browser, demo: Demo
) -> None:
    sign_in(page)
    at = rule(page, "Failures of two")
    keep(page, FIRES)
    part_of(page).get_by_role("link", name="fires").click()
    mine = page.get_by_role("group", name="Change the test fires")
    paste(page, mine.locator(".monaco-editor"), FIRES.replace("ann@", "eve@"))
    expect(mine.get_by_text("Nothing is wrong")).to_be_visible()
    # A browser of their own: what isn't stored stays in each.
    theirs_alone = chromium.new_context(
        base_url=demo.url, ignore_https_errors=True, permissions=["clipboard-read", "clipboard-write"]
    )
    other = theirs_alone.new_page()
    sign_in(other, at=f"{at}?test=fires")
    theirs = other.get_by_role("group", name="Change the test fires")
    paste(other, theirs.locator(".monaco-editor"), FIRES.replace("ann@", "bob@"))
    expect(theirs.get_by_text("Nothing is wrong")).to_be_visible()
    theirs.get_by_role("button", name="Save the test").click()
    expect(other.get_by_text("The test is stored, and passes")).to_be_visible()
    theirs_alone.close()
    # What was begun before is of the version before, wherever it was kept.
    page.reload()
    expect(page.get_by_text("Your changes were kept in this browser.")).to_be_visible()
    expect(mine.get_by_text("Nothing is wrong")).to_be_visible()
    mine.get_by_role("button", name="Save the test").click()
    expect(mine.get_by_role("alert")).to_contain_text("Somebody else has changed the test")
    mine.get_by_role("button", name="Save mine over theirs").click()
    expect(page.get_by_text("The test is stored, and passes")).to_be_visible(timeout=RUNS)
    part_of(page).get_by_role("link", name="fires").click()
    mine.get_by_role("button", name="Delete the test").click()
    mine.get_by_role("button", name="Delete it for good").click()
    expect(part_of(page)).to_contain_text("No test yet.")


def test_a_test_that_is_gone_is_told_of_and_a_reader_changes_nothing(page: Page, context: BrowserContext) -> None:
    sign_in(page)
    at = rule(page, "Failures read")
    keep(page, FIRES)
    page.goto(f"{at}?test=nothing-of-it")
    expect(page.get_by_text("The rule has no test of the name nothing-of-it any more.")).to_be_visible()
    context.clear_cookies()
    sign_in(page, "bo", at=at.removeprefix(page.url.split("/app")[0]))
    part_of(page).get_by_role("link", name="fires").click()
    expect(part_of(page).get_by_role("region", name="The test")).to_contain_text("ann@corp.example")
    expect(part_of(page).get_by_role("button")).to_have_text(["Download"])


def test_what_tests_and_rows_hold_is_only_text(page: Page) -> None:
    sign_in(page)
    rule(page, "Failures with markup")
    for number, payload in enumerate(PAYLOADS[:6]):
        text = payload.replace("'", "''").replace("\n", " ")
        keep(
            page,
            f"name: '{number} {text}'\n"
            + FIRES.split("\n", 1)[1].replace("ann@corp.example", f"'{text}'").replace("alerts: 1", "alerts: 3"),
        )
    expect(part_of(page).get_by_role("status")).to_have_text("6 failed")
    assert page.evaluate("window.hit === undefined")
    assert page.evaluate("document.querySelectorAll('.rule-tests :is(script, img, svg, iframe, object)').length") == 0


def test_tests_fit_a_narrow_screen(page: Page) -> None:
    page.set_viewport_size({"width": NARROW["width"], "height": NARROW["height"]})
    sign_in(page, at="/app/detections")
    page.get_by_role("link", name=re.compile("Memory of lsass")).click()
    part_of(page).get_by_role("button", name="New test").click()
    field = page.get_by_role("group", name="New test").get_by_label("The test as YAML")
    field.fill("name: quiet\nexpect: nothing\n")
    expect(page.get_by_role("group", name="New test").get_by_text("Nothing is wrong")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
