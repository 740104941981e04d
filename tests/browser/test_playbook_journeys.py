"""What people do with playbooks, from the beginning to the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .conftest import Demo, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(600)


@pytest.mark.journey("a playbook with an approval is run and resubmitted")
def test_a_playbook_waits_for_a_person_and_is_resubmitted(page: Page, demo: Demo) -> None:
    sign_in(page, demo.user("dora", "contributor"), at="/app/playbooks")
    page.get_by_role("link", name="disable-account-after-approval").click()
    page.get_by_label("Number of an incident").fill("1")
    page.get_by_role("button", name="Run on it").click()
    expect(page.get_by_text("It runs on incident 1")).to_be_visible()
    run = page.locator(".runs").get_by_role("link", name=re.compile("Running|Waiting")).first
    run.click()
    # It stops before the account, and says what it wants to do with it.
    page.get_by_role("link", name="Playbooks").first.click()
    page.get_by_role("button", name="Approvals 1").click()
    asked = page.get_by_role("region", name=re.compile("^Disable"))
    expect(asked).to_contain_text("disable-account-after-approval")
    asked.get_by_label("Comment").fill("They are on leave, and somebody works as them")
    asked.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("Answered: Disable")).to_be_visible()
    expect(page.locator(".entries")).to_contain_text("dora")
    page.get_by_role("button", name="Playbooks", exact=True).click()
    page.get_by_role("link", name="disable-account-after-approval").click()
    page.locator(".runs").get_by_role("link", name="Succeeded").first.click(timeout=60_000)
    # Every action tells what it was given and what it gave.
    page.locator(".box.Succeeded > button").filter(has_text="ApiConnectionWebhook").first.click()
    outputs = page.get_by_role("region", name="Inputs and outputs")
    expect(outputs).to_contain_text("Disable")
    # A link to it shows the same action.
    assert "action=" in page.url
    page.reload()
    expect(outputs).to_contain_text("Disable")
    page.get_by_role("button", name=re.compile("^Resubmit from")).click()
    expect(page.get_by_text("It runs again, from")).to_be_visible()
    page.get_by_role("link", name="disable-account-after-approval").click()
    expect(page.locator(".runs tbody tr")).to_have_count(2)
    page.locator(".runs").get_by_role("link", name=re.compile("Running|Waiting")).first.click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled").first).to_be_visible()


def test_a_connection_goes_live_only_after_a_question(page: Page) -> None:
    sign_in(page, at="/app/playbooks?view=connections")
    mode = page.get_by_label("Calls of slack")
    expect(mode).to_have_value("dry-run")
    mode.select_option("live")
    page.get_by_role("button", name="Leave it").click()
    expect(mode).to_have_value("dry-run")
    mode.select_option("replay")
    expect(page.get_by_text("The calls of slack are replay now")).to_be_visible()
    page.reload()
    expect(mode).to_have_value("replay")
    mode.select_option("dry-run")
    expect(page.get_by_text("The calls of slack are dry-run now")).to_be_visible()
