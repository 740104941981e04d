"""Going about in the pages: back, in two windows, with the keys alone, to what isn't there, on a telephone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .conftest import NARROW, ask, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.timeout(300)


def test_an_answer_is_still_there_after_a_visit_elsewhere(page: Page, context: BrowserContext) -> None:
    sign_in(page)
    ask(page, "print Kept = strcat('still', ' here')")
    expect(page.get_by_role("grid")).to_contain_text("still here")
    page.get_by_role("link", name="Incidents", exact=True).click()
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("grid")).to_contain_text("still here")
    # It isn't for whoever comes after.
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("User name").fill("bo")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Ask the lake")).to_be_visible()
    expect(page.get_by_text("still here")).to_have_count(0)


def test_two_windows_lose_none_of_each_others_queries(page: Page, context: BrowserContext) -> None:
    sign_in(page)
    page.locator(".monaco-editor").wait_for()
    other = context.new_page()
    other.goto("/app/query")
    other.locator(".monaco-editor").wait_for()
    ask(page, "print Whose = 'first window'")
    ask(other, "print Whose = 'second window'")
    expect(page.locator(".query-tab")).to_have_count(3)
    # Each shows what it showed, whatever the other does.
    expect(page.locator(".view-lines")).to_contain_text("first window")
    other.get_by_role("button", name="Query 2", exact=True).click()
    expect(other.locator(".view-lines")).to_contain_text("first window")
    # What is written here is there a moment later.
    page.locator(".monaco-editor .view-lines").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" // more")
    expect(other.locator(".view-lines")).to_contain_text("// more")
    page.reload()
    expect(page.locator(".view-lines")).to_contain_text("// more")
    page.get_by_role("button", name="Query 3", exact=True).click()
    expect(page.locator(".view-lines")).to_contain_text("second window")


def test_the_focus_comes_back_where_a_dialog_was_opened(page: Page) -> None:
    sign_in(page, at="/app/incidents/2")
    opener = page.get_by_role("button", name="Run a playbook …")
    opener.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(opener).to_be_focused()
    page.keyboard.press("Control+k")
    expect(page.get_by_label("What to do")).to_be_focused()
    page.keyboard.type("dark col")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(opener).to_be_focused()


def test_the_keys_go_into_what_opens_in_the_place_of_a_button(page: Page) -> None:
    sign_in(page, at="/app/incidents/2")
    page.get_by_role("button", name="Assign …").press("Enter")
    expect(page.get_by_label("Who takes it")).to_be_focused()
    page.get_by_role("button", name="Leave it").press("Enter")
    expect(page.get_by_role("button", name="Assign …")).to_be_focused()
    page.goto("/app/hunts")
    page.get_by_role("button", name="Stop all hunts …").press("Enter")
    expect(page.get_by_label("Why")).to_be_focused()
    page.get_by_role("button", name="Leave it").press("Enter")
    expect(page.get_by_role("button", name="Stop all hunts …")).to_be_focused()
    page.goto("/app/lake/tables/SigninLogs")
    page.get_by_role("button", name="for ever").press("Enter")
    expect(page.get_by_label("Days that rows of SigninLogs are kept")).to_be_focused()


@pytest.mark.parametrize(
    ("address", "what", "all_of_them"),
    [
        ("incidents/999999", "incident", "All incidents"),
        ("detections/none-of-it", "rule", "All rules"),
        ("detections/none-of-it?edit", "rule", "All rules"),
        ("hunts/none-of-it", "hunt", "All hunts"),
        ("playbooks/none-of-it", "playbook", "All playbooks"),
        ("lake/tables/NoneOfIt", "table", "All tables"),
        ("entities/wombat/bruce", "kind of entity", "All entities"),
    ],
)
def test_what_isnt_there_is_said_with_a_way_on(page: Page, address: str, what: str, all_of_them: str) -> None:
    sign_in(page, at=f"/app/{address}")
    expect(page.get_by_text(f"There is no such {what}")).to_be_visible()
    page.get_by_role("link", name=all_of_them).click()
    page.locator("main h1").first.wait_for()
    assert page.url.endswith(f"/app/{address.split('/')[0]}")


def test_a_window_is_called_what_it_shows(page: Page) -> None:
    sign_in(page, at="/app/incidents/2")
    expect(page).to_have_title(re.compile(r"^2 Attack in several stages.* – Incidents – huntlake$"))
    page.get_by_role("link", name="Lake", exact=True).click()
    expect(page).to_have_title("Lake – huntlake")
    page.get_by_role("link", name="SigninLogs", exact=True).click()
    expect(page).to_have_title("SigninLogs – Lake – huntlake")


def test_of_rows_that_are_wider_than_the_screen_what_counts_is_seen(page: Page) -> None:
    sign_in(page)
    page.locator(".monaco-editor").wait_for()
    for _ in range(18):
        page.get_by_role("button", name="New query", exact=True).click()
    expect(page.locator(".query-tab.on")).to_be_in_viewport(ratio=0.95)
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    page.goto("/app/lake")
    expect(page.get_by_role("link", name="Lake", exact=True)).to_be_in_viewport(ratio=0.95)
    page.goto("/app/incidents/2?part=history")
    expect(page.get_by_role("tab", name="History")).to_be_in_viewport(ratio=0.95)


def test_on_a_telephone_a_number_says_what_it_counts(page: Page) -> None:
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    sign_in(page, at="/app/lake")
    row = page.get_by_role("row").filter(has_text="SigninLogs").first
    told = row.locator("td").nth(1).evaluate("cell => getComputedStyle(cell, '::before').content")
    assert "Rows" in told


def test_one_row_is_one_row_and_a_name_is_no_backtick(page: Page) -> None:
    sign_in(page)
    ask(page, "print 1")
    expect(page.locator(".statistics summary")).to_contain_text("1 row ·")
    page.goto("/app/detections/new")
    missing = page.get_by_role("group", name="What it is")
    expect(missing).to_contain_text("name is missing")
    expect(missing).not_to_contain_text("`")


def test_what_was_read_stays_when_it_cant_be_read_again(page: Page) -> None:
    sign_in(page, at="/app/hunts?view=signals")
    page.get_by_role("link", name="Detections", exact=True).click()
    page.get_by_role("link", name="Memory of lsass written to a file").click()
    page.get_by_role("button", name="Run now").wait_for()
    page.route(re.compile(r"/alertRules/[^/]+\?"), lambda route: route.fulfill(status=503, body="{}"))
    page.get_by_role("button", name=re.compile("^(Dis|En)able$")).click()
    page.wait_for_timeout(1000)
    expect(page.get_by_role("heading", name="Memory of lsass written to a file")).to_be_visible()


def test_a_query_is_named_by_the_keys(page: Page) -> None:
    sign_in(page)
    page.locator(".monaco-editor").wait_for()
    page.on("dialog", lambda dialog: dialog.accept("Mine"))
    page.locator(".query-tab.on button").first.press("F2")
    expect(page.get_by_role("button", name="Mine", exact=True)).to_be_visible()


def test_how_long_ago_something_was_goes_on_while_a_page_lies_open(page: Page) -> None:
    page.clock.install()
    sign_in(page, at="/app/incidents/1")
    created = page.get_by_role("complementary", name="Facts").locator("time").last
    before = created.inner_text()
    page.clock.fast_forward("05:00:00")
    expect(created).not_to_have_text(before)
    expect(created).to_contain_text("5 h ago")


def test_what_is_done_with_an_incident_is_in_its_history_at_once(page: Page) -> None:
    sign_in(page, at="/app/incidents/3?part=history")
    page.get_by_role("button", name="Take it").click()
    expect(page.get_by_role("tabpanel")).to_contain_text(re.compile("owner", re.IGNORECASE))


def test_what_a_playbook_has_done_is_told_when_its_dialog_is_closed(page: Page) -> None:
    sign_in(page, at="/app/incidents/2?part=history")
    page.get_by_role("button", name="Run a playbook …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Playbook").select_option("look-up-hashes")
    dialog.get_by_role("button", name="Run it").click()
    expect(dialog).to_contain_text("Succeeded", timeout=60_000)
    dialog.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_role("tabpanel")).to_contain_text("look-up-hashes")


def test_what_goes_wrong_in_a_dialog_is_told_above_it(page: Page) -> None:
    sign_in(page, at="/app/incidents/2")
    page.get_by_role("button", name="Begin a hunt …").click()
    dialog = page.get_by_role("dialog")
    page.route(re.compile("huntlake.Hunting"), lambda route: route.fulfill(status=503, body="{}"))
    begin = dialog.get_by_role("button", name="Make a draft")
    expect(begin).to_be_enabled(timeout=60_000)
    begin.click()
    expect(page.locator(".toast.wrong")).to_be_visible()
    # What came into the top layer last lies above all that came before.
    assert page.locator(".toasts").evaluate("toasts => toasts.matches(':popover-open')")


def test_several_answers_are_told_apart(page: Page) -> None:
    sign_in(page)
    ask(page, "print First = 1; print Second = 2 | union (print Second = 3)")
    chosen = page.get_by_label("Table of the answer")
    expect(chosen.get_by_role("option")).to_have_text(["1: PrimaryResult, 1 row", "2: PrimaryResult, 2 rows"])


def test_what_is_told_late_of_a_closed_dialog_closes_no_other(page: Page) -> None:
    sign_in(page)
    page.locator(".query").wait_for()
    palette = page.get_by_role("dialog", name="Commands")
    page.keyboard.press("Control+k")
    before = palette.element_handle()
    page.keyboard.press("Control+k")
    expect(palette).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    before.evaluate("dialog => dialog.dispatchEvent(new Event('close'))")
    page.get_by_label("What to do").fill("incid")
    expect(palette.get_by_role("option", name="Go to Incidents")).to_be_visible()


def test_an_incident_is_worked_on_by_commands(page: Page) -> None:
    sign_in(page, at="/app/incidents/1")
    expect(page.get_by_role("tab", name=re.compile(r"Entities \d"))).to_be_visible()

    def command(words: str) -> None:
        page.keyboard.press("Control+k")
        page.get_by_label("What to do").fill(words)
        page.keyboard.press("Enter")

    def leave(name: str) -> None:
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)

    command("run a playbook on")
    leave("Run a playbook on incident 1")
    command("begin a hunt from")
    leave("Begin a hunt")
    command("close the incident")
    expect(page.get_by_label("It was")).to_be_focused()
    page.get_by_role("button", name="Not yet").click()
    # Only what is somebody else's can be taken.
    page.get_by_role("button", name="Assign").click()
    page.get_by_label("Who takes it").fill("bo")
    page.get_by_role("button", name="Assign", exact=True).click()
    expect(page.locator(".object-work strong")).to_have_text("bo")
    command("take the incident")
    expect(page.get_by_text("It is yours")).to_be_visible()
    expect(page.locator(".object-work strong")).to_have_text("anna")
