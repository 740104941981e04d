"""Rules as people write them: a form and YAML, a back-test, the list, and what is covered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .conftest import WORKSPACE, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

    from .conftest import Demo

pytestmark = pytest.mark.timeout(300)

FAILURES = (
    "SigninLogs\n| {} ResultType != '0'\n| summarize Failures = count() by UserPrincipalName\n| where Failures > 0"
)


def paste(page: Page, editor: Locator, text: str) -> None:
    """Put a text in the place of what an editor holds."""
    editor.locator(".view-lines").click()
    page.keyboard.press("Control+a")
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+v")


def query_of(page: Page) -> Locator:
    return page.get_by_role("group", name="Query").locator(".monaco-editor")


def yaml_of(page: Page) -> Locator:
    return page.get_by_role("region", name="The rule as YAML").locator(".monaco-editor")


def is_right(page: Page) -> None:
    expect(page.get_by_text("Nothing is wrong")).to_be_visible()


def write(page: Page, name: str) -> None:
    """A new rule that has a name and a query."""
    page.goto("/app/detections/new")
    page.get_by_label("Name", exact=True).fill(name)
    paste(page, query_of(page), FAILURES.format("where"))
    expect(yaml_of(page)).to_contain_text("summarize")
    is_right(page)


def save(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Save")).first.click()
    expect(page.get_by_role("button", name="Run now")).to_be_visible()


@pytest.mark.journey("a rule is written, with a back-test")
def test_a_rule_is_written_tried_stored_and_switched_off(page: Page) -> None:
    sign_in(page, at="/app/detections")
    page.get_by_role("button", name="New rule").click()
    page.get_by_label("Name", exact=True).fill("Many failures of one account")
    paste(page, query_of(page), FAILURES.format("were"))
    # The fault is told below the query and underlined in it, and in the YAML beside it.
    expect(page.get_by_role("group", name="Query")).to_contain_text("did you mean where?")
    expect(page.get_by_role("group", name="Query")).to_contain_text("line 2, column 3 of the query")
    expect(query_of(page).locator(".squiggly-error").first).to_be_visible()
    expect(yaml_of(page).locator(".squiggly-error").first).to_be_visible()
    paste(page, query_of(page), FAILURES.format("where"))
    is_right(page)
    expect(query_of(page).locator(".squiggly-error")).to_have_count(0)
    page.get_by_role("button", name="Credential Access").click()
    page.get_by_label("Techniques").fill("T1110.001")
    page.get_by_role("button", name="Add an entity").click()
    page.get_by_label("Column of identifier 1 of entity 1").fill("Nobody")
    expect(page.get_by_role("group", name="Entities")).to_contain_text("the result has no column Nobody")
    page.get_by_label("Column of identifier 1 of entity 1").fill("UserPrincipalName")
    is_right(page)
    trial = page.get_by_role("region", name="Back-test")
    trial.get_by_role("button", name="Try it").click()
    expect(trial.locator(".trial-sum")).to_contain_text(re.compile(r"^[1-9][\d,]* alerts"), timeout=120_000)
    expect(trial.get_by_role("img", name=re.compile(r"Alerts by day: .* [1-9]"))).to_be_visible()
    expect(trial).to_contain_text("Account")
    page.get_by_label("Name", exact=True).fill("Many failures of an account")
    expect(trial).to_contain_text("The rule has changed since.")
    save(page)
    expect(page.get_by_role("heading", name="Many failures of an account")).to_be_visible()
    expect(page.get_by_role("complementary", name="Facts")).to_contain_text("T1110.001")
    page.goto("/app/detections")
    page.get_by_role("searchbox", name="Search the rules").fill("Many failures")
    page.get_by_role("link", name="Many failures of an account").click()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("The rule rests")).to_be_visible()
    page.get_by_role("button", name="Enable").click()
    expect(page.get_by_text("The rule runs")).to_be_visible()


def test_yaml_changes_the_form_and_keeps_what_the_form_does_not_show(page: Page) -> None:
    sign_in(page)
    page.locator(".query").wait_for()
    write(page, "Failures in YAML")
    save(page)
    rule = page.url
    page.get_by_role("button", name="Edit").click()
    text = """\
# reviewed by the night shift
name: Failures in YAML
severity: Low
kind: Scheduled
queryFrequency: 2h
queryPeriod: 4h
triggerOperator: gt
triggerThreshold: 7
tactics: [Impakt]
query: SigninLogs | where ResultType != "0"
tags: [night]
"""
    paste(page, yaml_of(page), text)
    expect(page.get_by_role("group", name="ATT&CK")).to_contain_text("did you mean Impact?")
    expect(page.get_by_role("region", name="The rule as YAML")).to_contain_text("Line 9, column 11")
    paste(page, yaml_of(page), text.replace("Impakt", "Impact"))
    is_right(page)
    expect(page.get_by_label("Severity", exact=True)).to_have_value("Low")
    expect(page.get_by_label("Looks back over, how many")).to_have_value("4")
    expect(page.get_by_role("button", name="✓ Impact")).to_be_visible()
    expect(query_of(page)).to_contain_text("SigninLogs | where")
    # What can't be read leaves the form as it is, and says so.
    paste(page, yaml_of(page), "name: [")
    expect(page.get_by_text("the form waits")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_be_disabled()
    paste(page, yaml_of(page), text.replace("Impakt", "Impact"))
    is_right(page)
    page.get_by_label("Rows", exact=True).fill("9")
    expect(yaml_of(page)).to_contain_text("triggerThreshold: 9")
    expect(yaml_of(page)).to_contain_text("reviewed by the night shift")
    save(page)
    page.goto(f"{rule}?edit")
    expect(yaml_of(page)).to_contain_text("reviewed by the night shift")
    expect(yaml_of(page)).to_contain_text("triggerThreshold: 9")
    expect(yaml_of(page)).to_contain_text("tags: [night]")


def test_what_was_typed_survives_a_reload_and_somebody_elses_change(page: Page, context: BrowserContext) -> None:
    sign_in(page)
    page.locator(".query").wait_for()
    write(page, "Failures of two")
    page.reload()
    expect(page.get_by_text("were kept in this browser")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Failures of two")
    is_right(page)
    save(page)
    rule = page.url
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Description").first.fill("What I say")
    expect(yaml_of(page)).to_contain_text("What I say")
    other = context.new_page()
    other.goto(rule)
    other.get_by_role("button", name="Disable").click()
    expect(other.get_by_text("The rule rests")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Somebody else has changed the rule")).to_be_visible()
    expect(page.get_by_label("Description").first).to_have_value("What I say")
    page.get_by_role("button", name="Save mine over theirs").click()
    expect(page.get_by_text("What I say")).to_be_visible()
    expect(page.get_by_role("button", name="Run now")).to_be_visible()
    page.goto("/app/detections/new")
    expect(page.get_by_label("Name", exact=True)).to_have_value("")


def test_who_may_only_read_by_now_can_not_try_or_store_a_rule_and_keeps_it(page: Page, demo: Demo) -> None:
    name = demo.user("author-until-now", "contributor")
    sign_in(page, name)
    page.locator(".query").wait_for()
    write(page, "Not mine")
    demo.told("user", "grant", name, "--role", "reader", "--workspace", WORKSPACE)
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("region", name="Back-test")).to_contain_text("does not have authorization")
    page.get_by_role("button", name="Save the rule").click()
    expect(page.locator(".object-head")).to_contain_text("does not have authorization")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Not mine")


def test_a_technique_leads_to_its_rules_and_its_filter_shows_what_is_missing(page: Page) -> None:
    sign_in(page, at="/app/detections?view=matrix")
    cells = page.locator(".matrix-cell")
    cells.first.wait_for()
    every = cells.count()
    page.get_by_label("Show").select_option("seen, but neither hunted nor detected")
    assert cells.count() < every
    expect(page.get_by_role("img", name="detected")).to_have_count(0)
    page.get_by_label("Show").select_option("fired")
    page.get_by_role("searchbox", name="Search the rules").fill("T1003.001")
    page.get_by_role("button", name="T1003.001").first.click()
    technique = page.get_by_role("region", name="Technique T1003.001")
    expect(technique).to_contain_text("100 %")
    technique.get_by_role("link", name="Memory of lsass written to a file").click()
    expect(page.get_by_role("heading", name="Memory of lsass written to a file")).to_be_visible()
    expect(page.get_by_role("heading", name="Tests", exact=True)).to_be_visible()
