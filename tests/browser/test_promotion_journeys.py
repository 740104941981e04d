"""A hunt that has found something becomes a rule, which somebody else enables; an earlier version is gone back to."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from .conftest import sign_in
from .door import Door
from .hunts import hunt, hunted, somebody

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from .conftest import Demo


@pytest.mark.journey("a hunt becomes a rule")
def test_a_hunt_becomes_a_rule_that_another_person_enables(page: Page, chromium: Browser, demo: Demo) -> None:
    sign_in(page, at="/app/hunts")
    door = Door(page)
    with somebody(chromium, demo, demo.user(f"second-{uuid4().hex[:6]}", "contributor")) as other:
        decider = Door(other)
        name, run = hunted(door, decider, "Promoted")
        good = {"cluster": run["properties"]["clusters"][0]["signature"], "verdict": "true positive"}
        decider.post(f"huntlake.Hunting/hunts/{name}/runs/{run['name']}/judge", {"properties": good})
        shown = f"/app/hunts/{name}"

        page.goto(shown)
        page.get_by_role("tab", name="Rule").click()
        page.get_by_label("How often it would run").select_option("each day")
        page.get_by_role("button", name="Try it as a rule").click()
        settings = page.get_by_role("table", name="Settings")
        settings.wait_for(timeout=60_000)
        expect(settings.get_by_role("row").nth(1)).to_contain_text("recommended")
        expect(page.get_by_text("1 true positive known, which a rule has to keep")).to_be_visible()
        make = page.get_by_role("button", name="Make a rule of it")
        expect(make).to_be_disabled()
        page.get_by_label("Why it becomes a rule").fill("It finds what it should, and little else")
        make.click()
        expect(page.get_by_text("You promoted or wrote it: somebody else")).to_be_visible()
        expect(page.get_by_role("complementary", name="Facts")).to_contain_text("promoted")

        other.goto(shown)
        other.get_by_role("tab", name="Rule").click()
        other.get_by_label("Why its rule is enabled").fill("Looked at the settings")
        other.get_by_role("button", name="Enable the rule").click()
        expect(other.get_by_text("“Looked at the settings”")).to_be_visible()
        other.get_by_role("link", name="Its rule").click()
        expect(other.get_by_role("button", name="Disable")).to_be_visible()


def test_a_version_is_made_as_an_earlier_one_was(page: Page) -> None:
    sign_in(page, at="/app/hunts")
    door = Door(page)
    name = hunt(door, "Turned back")
    edited = {"query": "SigninLogs | where ResultType == '50126'", "period": "P14D", "version": 1}
    door.post(f"huntlake.Hunting/hunts/{name}/edit", {"properties": edited})
    page.goto(f"/app/hunts/{name}")
    page.get_by_role("tab", name="Versions").click()
    page.get_by_role("button", name="Go back to it …").click()
    why = page.get_by_label("Why version 1 is better")
    expect(why).to_be_focused()
    why.fill("too many rows")
    page.get_by_role("button", name="Make a version as 1 was").click()
    expect(page.get_by_text("as version 1: too many rows")).to_be_visible(timeout=60_000)
    page.get_by_role("tab", name="Query").click()
    expect(page.get_by_role("region", name="Query")).to_contain_text("50140")
