"""Whoever works in several workspaces: what an address means doesn't depend on who opens it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .conftest import WORKSPACE, Demo, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.timeout(600)

SECOND = "second-site"


@pytest.fixture(scope="module")
def traveller(demo: Demo) -> str:
    """Somebody who works in two workspaces, of which the second is empty."""
    demo.told("workspace", "create", SECOND)
    name = demo.user("traveller", "contributor")
    demo.told("user", "grant", name, "--role", "contributor", "--workspace", SECOND)
    return name


def test_an_address_says_its_workspace_and_leads_there_again(page: Page, traveller: str) -> None:
    sign_in(page, traveller, at="/app/incidents")
    shown = page.get_by_role("combobox", name="Workspace")
    expect(shown).to_have_value(WORKSPACE)
    first = page.locator(".incidents tbody tr, .incidents [role=row]").first
    expect(first).to_be_visible()
    expect(page).to_have_url(re.compile(f"workspace={WORKSPACE}"))
    shown.select_option(SECOND)
    expect(page.get_by_role("heading", name="No incident here")).to_be_visible()
    expect(page).to_have_url(re.compile(f"workspace={SECOND}"))
    # Links and the way back are of the workspace that they were of.
    page.get_by_role("link", name="Detections").click()
    expect(page).to_have_url(re.compile(f"workspace={SECOND}"))
    page.go_back()
    page.go_back()
    expect(shown).to_have_value(WORKSPACE)
    expect(first).to_be_visible()


def test_what_is_chosen_in_one_workspace_is_chosen_in_no_other(page: Page, traveller: str) -> None:
    sign_in(page, traveller, at=f"/app/incidents?workspace={WORKSPACE}")
    page.get_by_role("checkbox", name="Choose").nth(1).check()
    expect(page).to_have_url(re.compile("chosen="))
    page.get_by_role("combobox", name="Workspace").select_option(SECOND)
    expect(page).not_to_have_url(re.compile("chosen="))


def test_an_address_of_a_workspace_that_is_closed_to_somebody_shows_them_no_other(
    page: Page, context: BrowserContext, traveller: str
) -> None:
    sign_in(page, "anna", at=f"/app/incidents?workspace={SECOND}")
    expect(page.get_by_role("heading", name=f"The workspace {SECOND} isn't open to you")).to_be_visible()
    page.get_by_role("button", name=f"Work in {WORKSPACE}").click()
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()
