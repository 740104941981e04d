"""Hunts in the pages: a query that is mended as somebody wants it, and a stop that holds everything."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import sign_in
from tests.browser.door import Door

BROKEN = "securityevent | where EventId = 4625 AND Computr has 'dc'"


@pytest.mark.journey("a query is mended")
def test_a_repair_is_proposed_and_becomes_a_version_when_a_person_wants_it(page: Page) -> None:
    sign_in(page)
    page.locator(".query").wait_for()
    entity = {"entityType": "Host", "fieldMappings": [{"identifier": "HostName", "columnName": "Computer"}]}
    hunt = {"title": "Failed logons at controllers", "query": BROKEN, "entityMappings": [entity]}
    made = Door(page).post("huntlake.Hunting/hunts", {"properties": hunt})["name"]
    page.goto(f"/app/hunts/{made}")
    page.get_by_role("button", name="Prove it").click()
    page.get_by_role("tab", name="Proof").click()
    page.get_by_role("button", name="Look for a repair").click()
    repair = page.get_by_role("region", name="A proposed repair")
    expect(repair).to_contain_text("SecurityEvent | where EventID == 4625 and Computer has 'dc'")
    for code in ("HP501", "HP502", "HP503"):
        expect(repair).to_contain_text(code)
    expect(page.get_by_role("complementary", name="Facts")).to_contain_text("invalid")
    repair.get_by_role("button", name="Make it a new version").click()
    page.get_by_role("tab", name="Versions").click()
    expect(page.get_by_text("repaired as proposed: HP")).to_be_visible()
    page.get_by_role("button", name="Prove it").click()
    expect(page.get_by_role("complementary", name="Facts")).not_to_contain_text("invalid", timeout=60_000)


@pytest.mark.journey("hunting is stopped")
def test_a_stop_is_said_and_lifted_with_reasons(page: Page) -> None:
    sign_in(page, at="/app/hunts")
    page.get_by_role("button", name="Stop all hunts …").click()
    page.get_by_label("Why").fill("an outage of the domain controllers")
    page.get_by_role("button", name="Stop all hunts", exact=True).click()
    said = page.locator(".hunts-switch")
    expect(said).to_contain_text("an outage of the domain controllers")
    page.get_by_role("button", name="Let hunts run …").click()
    page.get_by_label("Why").fill("it is over")
    page.get_by_role("button", name="Let hunts run", exact=True).click()
    expect(said).to_contain_text("Hunts run as they are scheduled.")
