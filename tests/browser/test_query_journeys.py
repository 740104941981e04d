"""What people do with queries: keep them, understand them before they run, mend them, take their answers along."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from .conftest import NARROW, Demo, ask, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.timeout(600)


def write(page: Page, text: str) -> None:
    """Write a query into a new tab, and leave it there."""
    page.locator(".monaco-editor").wait_for()
    page.get_by_role("button", name="New query", exact=True).click()
    page.locator(".monaco-editor .view-lines").click()
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+v")


def keep(page: Page, name: str, category: str = "Journeys") -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog", name="Save the query")
    dialog.get_by_label("Name", exact=True).fill(name)
    dialog.get_by_label("Category").fill(category)
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(f"Saved {name}")).to_be_visible()
    expect(dialog).to_have_count(0)


def saved(page: Page, name: str) -> None:
    """Open a saved query."""
    page.get_by_role("button", name="Saved", exact=True).click()
    page.get_by_label("Search saved queries").fill(name)
    page.locator(".saved-folders").get_by_role("button", name=name).first.click()


@pytest.mark.journey("a query is saved and shared")
def test_a_query_is_saved_and_found_by_others(page: Page, context: BrowserContext) -> None:
    sign_in(page)
    write(page, "SigninLogs | take 7")
    keep(page, "Seven sign-ins")
    page.get_by_role("button", name="Saved", exact=True).click()
    expect(page.locator(".saved-folders")).to_contain_text("Journeys")
    other = context.new_page()
    other.goto("/app/query?panel=saved")
    saved(other, "Seven sign-ins")
    expect(other.locator(".view-lines")).to_contain_text("take 7")
    other.get_by_role("button", name="Run").click()
    expect(other.locator(".statistics")).to_contain_text("7 rows")


def test_what_somebody_else_has_saved_meanwhile_is_not_lost(page: Page, chromium: Browser, demo: Demo) -> None:
    sign_in(page)
    write(page, "print Whose = 'mine'")
    keep(page, "Whose is it")
    # A browser of their own: the windows of one share their tabs.
    theirs_alone = chromium.new_context(
        base_url=demo.url, ignore_https_errors=True, permissions=["clipboard-read", "clipboard-write"]
    )
    other = theirs_alone.new_page()
    sign_in(other, at="/app/query?panel=saved")
    saved(other, "Whose is it")
    expect(other.locator(".view-lines")).to_contain_text("mine")
    keep(other, "Whose is it", "Theirs")
    theirs_alone.close()
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog", name="Save the query")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("Somebody else has saved it")
    dialog.get_by_role("button", name="Open theirs").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Category")).to_have_value("Theirs")


def test_a_saved_query_is_deleted_after_a_question(page: Page) -> None:
    sign_in(page)
    write(page, "print 1")
    keep(page, "Soon gone")
    page.get_by_role("button", name="Saved", exact=True).click()
    page.get_by_label("Search saved queries").fill("Soon gone")
    page.get_by_role("button", name="Delete Soon gone").click()
    expect(page.locator(".saved-question")).to_contain_text("Delete Soon gone?")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Deleted Soon gone")).to_be_visible()
    expect(page.get_by_text("No saved query is called that.")).to_be_visible()


def test_a_function_is_saved_known_to_the_editor_and_called(page: Page) -> None:
    sign_in(page)
    write(page, "SigninLogs | where ResultType != '0' | take limit")
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog", name="Save the query")
    dialog.get_by_label("Name", exact=True).fill("Failures")
    dialog.get_by_label("As a function").check()
    dialog.get_by_label("Name in queries").fill("JourneyFailures")
    dialog.get_by_label("Parameters").fill("limit:long")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved Failures")).to_be_visible()
    page.get_by_role("button", name="Tables", exact=True).click()
    page.get_by_label("Search tables and columns").fill("JourneyFail")
    expect(page.get_by_role("treeitem", name="JourneyFailures(limit:long)")).to_be_visible()
    ask(page, "JourneyFailures(3)")
    expect(page.locator(".statistics")).to_contain_text("3 rows")
    write(page, "")
    page.keyboard.type("JourneyFai")
    # The language service is still reading the schema: what it didn't know when it was asked, it is asked again.
    for _ in range(20):
        page.keyboard.press("Control+Space")
        page.wait_for_timeout(1500)
        if "JourneyFailures" in page.locator(".suggest-widget").inner_text():
            break
        page.keyboard.press("Escape")
    expect(page.locator(".suggest-widget")).to_contain_text("JourneyFailures")


def test_who_may_only_read_opens_saved_queries_and_saves_none(page: Page) -> None:
    sign_in(page, "bo", at="/app/query?panel=saved")
    expect(page.get_by_label("Search saved queries")).to_be_visible()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Save this query")).to_have_count(0)


def test_a_query_is_explained_before_it_runs(page: Page) -> None:
    sign_in(page)
    write(page, "SigninLogs | where TimeGenerated > ago(2d) | sort by TimeGenerated | project UserPrincipalName")
    page.get_by_role("button", name="Explain").click()
    told = page.get_by_role("region", name="Explanation")
    expect(told).to_contain_text("Nothing has run.")
    expect(told).to_contain_text("Sorts by TimeGenerated, the highest first.")
    expect(told).to_contain_text("All rows are sorted.")
    expect(told.get_by_role("row").nth(1)).to_contain_text("SigninLogs")
    expect(told).to_contain_text("UserPrincipalName string")
    told.get_by_text("Plan of the engine").click()
    expect(told).to_contain_text("Read parquet")
    expect(page.get_by_role("grid")).to_have_count(0)


def test_a_question_in_plain_words_becomes_a_query_that_a_person_runs(page: Page) -> None:
    sign_in(page)
    page.locator(".monaco-editor").wait_for()
    page.get_by_role("button", name="Ask in plain words").click()
    page.get_by_role("searchbox", name="Question").fill("failed sign-ins in the last 2 days by user")
    page.keyboard.press("Enter")
    asking = page.get_by_role("region", name="Ask in plain words")
    expect(asking).to_contain_text("It hasn't run.")
    expect(asking).to_contain_text("Reads SigninLogs.")
    asking.get_by_label("Over").select_option("DeviceLogonEvents")
    expect(asking.locator("pre")).to_contain_text("DeviceLogonEvents")
    asking.get_by_label("Over").select_option("SigninLogs")
    expect(asking.locator("pre")).to_contain_text("SigninLogs")
    asking.get_by_role("button", name="Take it into a tab").click()
    expect(page.locator(".view-lines")).to_contain_text("ago(2d)")
    expect(page.get_by_text("Ask the lake")).to_be_visible()
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("grid")).to_contain_text("UserPrincipalName")


def test_mistakes_are_mended_where_they_are(page: Page) -> None:
    sign_in(page)
    ask(page, "// \U0001f98a\nSigninLogs\n| where ResultTyp == '0' and Locatio != 'x'\n| take 3")
    failed = page.locator(".results.failed")
    expect(failed).to_contain_text("Line 3, column 9")
    expect(page.locator(".squiggly-error")).to_have_count(2)
    failed.get_by_role("button", name="Write Location instead").click()
    failed.get_by_role("button", name="Write ResultType instead").click()
    # What was written first has moved nothing before it.
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".statistics")).to_contain_text("3 rows")


def test_the_editor_offers_the_fix_too(page: Page) -> None:
    sign_in(page)
    ask(page, "SigninLogs\n| summarise count()")
    expect(page.locator(".results.failed")).to_contain_text("summarize")
    page.get_by_role("button", name="Line 2, column 3").click()
    page.keyboard.press("Control+.")
    page.get_by_text("Write summarize instead").last.wait_for()
    page.keyboard.press("Enter")
    expect(page.locator(".view-lines")).to_contain_text("| summarize count()")


def test_a_mistake_in_what_is_selected_is_marked_in_the_whole(page: Page) -> None:
    sign_in(page)
    write(page, "print 'before'\n\nSigninLogs | were x")
    page.keyboard.press("Shift+Home")
    page.get_by_role("combobox", name="Time range").select_option("1d")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".results.failed")).to_contain_text("Line 3, column 14")


def test_an_answer_tells_what_it_has_cost(page: Page) -> None:
    sign_in(page)
    ask(page, "SigninLogs | where TimeGenerated > ago(2d) | count")
    page.locator(".statistics summary").click()
    told = page.locator(".statistics dl")
    expect(told).to_contain_text("Files read")
    expect(told).to_contain_text("pruned")
    expect(told).to_contain_text("Bytes read, at most")
    page.keyboard.press("Escape")
    expect(told).to_be_hidden()


def test_an_answer_is_saved_in_each_form(page: Page, tmp_path: Path) -> None:
    sign_in(page)
    ask(page, "print T = datetime(2026-02-03), Big = decimal(1.5), Bag = dynamic({'a': 1}), Text = '=1+1', N = 7")
    expect(page.get_by_role("grid")).to_contain_text("2026-02-03")
    files = {}
    for name in ("CSV", "JSON", "Parquet"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=True).click()
        files[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[name])
    assert "'=1+1" in files["CSV"].read_text()
    assert json.loads(files["JSON"].read_text())["Bag"] == {"a": 1}
    table = pq.read_table(files["Parquet"])
    assert table.schema.field("T").type == pa.timestamp("us", "UTC")
    (row,) = table.to_pylist()
    assert (row["Big"], row["Bag"], row["N"]) == (Decimal("1.5"), '{"a":1}', 7)


def test_a_file_that_hasnt_all_rows_is_told_of(page: Page) -> None:
    sign_in(page)
    ask(page, "set truncationmaxrecords=5; range x from 1 to 100 step 1")
    expect(page.get_by_text("This is not all")).to_be_visible()
    for name in ("CSV", "Parquet"):
        with page.expect_download():
            page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_text("It hasn't all rows").last).to_be_visible()


@pytest.mark.parametrize("kind", ["unstacked", "stacked", "stacked100"])
@pytest.mark.parametrize("look", ["columnchart", "barchart", "areachart"])
def test_charts_of_each_kind_are_drawn(page: Page, look: str, kind: str) -> None:
    sign_in(page)
    ask(page, f"SigninLogs | summarize n = count() by Location, ResultType | render {look} with (kind={kind})")
    expect(page.get_by_role("img", name=look)).to_be_visible()


def test_half_a_million_rows_are_sorted_and_scrolled_to_the_end(page: Page) -> None:
    sign_in(page)
    ask(page, "range x from 1 to 500000 step 1 | extend Word = strcat('word ', hash(x) % 1000)")
    expect(page.locator(".statistics")).to_contain_text("500,000 rows", timeout=60_000)
    grid = page.get_by_role("grid")
    grid.get_by_role("columnheader", name="Word").get_by_role("button").click()
    expect(grid.get_by_role("row").nth(1)).to_contain_text("word 0")
    grid.press("Control+End")
    expect(grid).to_contain_text("word 999")


def test_on_a_telephone_saved_queries_are_a_panel(page: Page) -> None:
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    sign_in(page, at="/app/query?panel=saved")
    page.get_by_role("button", name="Tables and saved").click()
    expect(page.get_by_label("Search saved queries")).to_be_visible()
    page.get_by_role("button", name="Close the panel").click()
    expect(page.get_by_label("Search saved queries")).to_be_hidden()
