"""What a role doesn't let somebody do, the pages don't offer them: they show what is so, and who decides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from .conftest import WORKSPACE, Demo, sign_in
from .door import Door
from .hunts import hunt, hunted, somebody, submitted

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.timeout(600)

AUTHOR, OTHER, READER, RESPONDER = "roles-author", "roles-other", "roles-reader", "roles-responder"

APPROVAL = {
    "kind": "Approval",
    "status": "Pending",
    "summary": "Isolate a host",
    "workflow": "isolate",
    "run": "1",
    "action": "Isolate",
    "inputs": {"path": "/machines/1/isolate"},
    "inputsHash": "0" * 64,
    "requestedTimeUtc": "2026-11-20T10:00:00Z",
    "expirationTimeUtc": "2026-11-20T12:00:00Z",
}


@dataclass(frozen=True)
class View:
    """An address, what is drawn there when all is, and what is there for those alone who may write."""

    address: str
    drawn: str
    offered: tuple[str, ...]

    def __str__(self) -> str:
        return self.address.removeprefix("/app/").replace("/", " ")


def buttons(*names: str) -> tuple[str, ...]:
    return tuple(f"role=button[name='{name}']" for name in names)


VIEWS = (
    View(
        "/app/incidents/{incident}",
        "main h1",
        (
            *buttons("Take it", "Assign …", "Run a playbook …", "Begin a hunt …"),
            "role=combobox[name='Severity']",
            "role=combobox[name='Status']",
            "role=textbox[name='New tag']",
        ),
    ),
    View("/app/incidents/{incident}?part=comments", "text=It came by mail", buttons("Comment")),
    View(
        "/app/incidents/{incident}?part=tasks",
        "text=Call them",
        ("role=checkbox", "role=textbox[name='New task']", *buttons("Add")),
    ),
    View("/app/incidents", "main tbody tr", ("role=checkbox",)),
    View("/app/detections", "main tbody tr", buttons("New rule")),
    View("/app/detections/{rule}", "text=No test yet", buttons("Enable", "Run now", "Edit", "New test")),
    View("/app/detections/{rule}?edit", "main h1", buttons("Save", "Discard changes")),
    View("/app/detections/new", "main h1, main .beginning a", buttons("Save the rule")),
    View("/app/hunts", ".hunts-switch", buttons("Stop all hunts …")),
    View("/app/hunts?view=hypotheses", ".hunts-sum", buttons("Propose hunts")),
    View(
        "/app/hunts?view=signals",
        "main tbody tr",
        (*buttons("Take in a report"), "role=button[name=/^Propose hunts for/]"),
    ),
    View("/app/hunts/{draft}", "main h1", buttons("Prove it", "Retire", "Comment", "Package")),
    View(
        "/app/hunts/{waiting}",
        "main h1",
        (*buttons("Approve exactly this", "Ask for changes", "Reject"), "role=textbox[name='Comment or reason']"),
    ),
    View("/app/hunts/{ran}", "main h1", (*buttons("Run now", "Suspend"), "role=combobox[name='Over what time']")),
    View(
        "/app/hunts/{ran}?part=runs",
        ".cluster",
        buttons("true positive", "Bookmark", "Make an incident", "Propose to leave it out"),
    ),
    View("/app/hunts/{ran}?part=rule", "[role=tabpanel] p, [role=tabpanel] form", buttons("Try it as a rule")),
    View("/app/playbooks/{playbook}", ".box", buttons("Disable", "Run now")),
    View(
        "/app/playbooks/disable-account-after-approval",
        ".box",
        ("role=spinbutton[name='Number of an incident']", *buttons("Run on it")),
    ),
    View("/app/playbooks/{playbook}/runs/{run}", ".status.Succeeded", buttons("Resubmit")),
    View("/app/playbooks?view=connections", "main tbody tr", ("role=combobox[name=/^Calls of/]",)),
    View(
        "/app/playbooks?view=approvals",
        ".asked",
        (*buttons("Approve exactly this", "Refuse"), "role=textbox[name='Comment']"),
    ),
    View("/app/lake", "main tbody tr", ("button[title^='How long']",)),
    View("/app/lake/tables/SigninLogs", "text=Rows are kept", ("button[title^='How long']",)),
    View("/app/lake?view=import", ".imports", (".drop", "[aria-label='Files of evidence']", *buttons("choose them"))),
    View(
        "/app/query?panel=saved",
        ".saved-folders summary",
        buttons("Save", "Save this query …", "Make a rule", "Delete Kept for all"),
    ),
)


@pytest.fixture(scope="module")
def people(demo: Demo) -> None:
    demo.user(AUTHOR, "contributor")
    demo.user(OTHER, "contributor")
    demo.user(READER, "reader")
    demo.user(RESPONDER, "sentinel-responder")


@pytest.fixture(scope="module")
def author(chromium: Browser, demo: Demo, people: None) -> Iterator[Page]:
    """Who wrote the hunts."""
    with somebody(chromium, demo, AUTHOR) as page:
        yield page


@pytest.fixture(scope="module")
def other(chromium: Browser, demo: Demo, people: None) -> Iterator[Page]:
    """Who may do everything, and wrote none of the hunts."""
    with somebody(chromium, demo, OTHER) as page:
        yield page


@pytest.fixture(scope="module")
def reader(chromium: Browser, demo: Demo, people: None) -> Iterator[Page]:
    with somebody(chromium, demo, READER) as page:
        yield page


@pytest.fixture(scope="module")
def responder(chromium: Browser, demo: Demo, people: None) -> Iterator[Page]:
    with somebody(chromium, demo, RESPONDER) as page:
        yield page


@pytest.fixture(scope="module")
def made(author: Page, other: Page) -> dict[str, str]:
    """One of each thing that somebody may do something with, by what an address calls it."""
    door, decider = Door(author), Door(other)
    incident, rule, playbook = str(uuid4()), str(uuid4()), "roles"
    at = f"Microsoft.SecurityInsights/incidents/{incident}"
    door.put(at, {"properties": {"title": "A parcel", "severity": "Low", "status": "New"}})
    door.put(f"{at}/comments/{uuid4()}", {"properties": {"message": "It came by mail"}})
    door.put(f"{at}/tasks/{uuid4()}", {"properties": {"title": "Call them", "status": "New"}})
    door.put(f"Microsoft.SecurityInsights/alertRules/{rule}", {"kind": "NRT", "properties": RULE})
    door.search(str(uuid4()), {"category": "Roles", "displayName": "Kept for all", "query": "print 1"})
    door.post(
        "huntlake.Hunting/signals/report", {"properties": {"name": "roles.md", "content": "# Shells\n\nT1059.001"}}
    )
    draft, waiting = (hunt(door, title) for title in ("Drafted", "Waiting"))
    submitted(door, waiting)
    ran, _ = hunted(door, decider, "Ran")
    door.workflow(playbook, {"location": "local", "properties": {"definition": DEFINITION, "state": "Enabled"}})
    author.goto(f"/app/playbooks/{playbook}")
    author.get_by_role("button", name="Run now").click()
    author.locator(".runs").get_by_role("link", name="Succeeded").first.click(timeout=60_000)
    author.locator(".status.Succeeded").wait_for()
    run = author.url.rpartition("/")[2].partition("?")[0]
    names = {"incident": incident, "rule": rule, "playbook": playbook, "run": run}
    return {**names, "draft": draft, "waiting": waiting, "ran": ran}


RULE = {
    "displayName": "A parcel comes",
    "enabled": False,
    "severity": "Low",
    "query": "SigninLogs | where Identity == 'nobody'",
    "suppressionEnabled": False,
    "suppressionDuration": "PT5H",
}
DEFINITION = {
    "$schema": "https://schema.management.azure.com/schemas/2016-06-01/Microsoft.Logic.json",
    "contentVersion": "1.0.0.0",
    "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {"schema": {}}}},
    "actions": {"Say": {"type": "Compose", "inputs": "something", "runAfter": {}}},
    "outputs": {},
}


def asks(page: Page, **more: object) -> None:
    """Have one approval wait, whatever the server says."""

    def answered(route: Route) -> None:
        route.fulfill(json={"value": [{"name": "1", "properties": {**APPROVAL, **more}}]})

    page.route("**/huntlake.Playbooks/approvals?*", answered)


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_who_may_only_read_is_offered_nothing_that_would_be_refused(
    reader: Page, other: Page, made: dict[str, str], view: View
) -> None:
    for page in (other, reader):
        if "approvals" in view.address:
            asks(page)
        page.goto(view.address.format(**made))
        page.locator(view.drawn).first.wait_for()
    # What those see who may is what is looked for.
    for what in view.offered:
        expect(other.locator(what).first).to_be_visible()
        expect(reader.locator(what)).to_have_count(0)


def test_what_others_may_change_is_told_in_words(reader: Page, made: dict[str, str]) -> None:
    reader.goto(f"/app/incidents/{made['incident']}?part=tasks")
    work = reader.locator(".object-work")
    for words in ("Severity Low", "Status New", "Owner nobody"):
        expect(work).to_contain_text(words)
    expect(reader.get_by_role("listitem").filter(has_text="Call them")).to_contain_text("open")
    reader.goto(f"/app/detections/{made['rule']}")
    expect(reader.locator(".object-work")).to_contain_text("disabled")
    reader.goto("/app/playbooks?view=connections")
    expect(reader.get_by_role("row").filter(has_text="slack").first).to_contain_text(re.compile("dry run|replay|live"))
    reader.goto("/app/lake/tables/SigninLogs")
    expect(reader.locator(".object-work")).to_contain_text(re.compile(r"Rows are kept (for ever|[\d,]+ days?)"))


def test_who_decides_is_told_to_those_who_may_not(reader: Page, made: dict[str, str]) -> None:
    reader.goto(f"/app/hunts/{made['waiting']}")
    expect(reader.get_by_text("A person with the right to approve hunts decides.")).to_be_visible()
    reader.goto(f"/app/hunts/{made['draft']}")
    expect(reader.get_by_text("A person with the right to hunt proves it.")).to_be_visible()
    # Nothing waits for anybody, and nothing is left of where steps would be.
    reader.goto(f"/app/hunts/{made['ran']}")
    reader.locator("main h1").wait_for()
    expect(reader.locator(".object-work")).to_have_count(0)
    asks(reader)
    reader.goto("/app/playbooks?view=approvals")
    expect(reader.locator(".asked")).to_contain_text("A person with the right to respond decides.")
    reader.goto("/app/detections/new")
    expect(reader.get_by_text("A person with the right to author writes rules here.")).to_be_visible()
    reader.goto("/app/lake?view=import")
    expect(reader.get_by_text("A person with the right to write imports files")).to_be_visible()


def test_who_wrote_something_is_told_beforehand_that_others_decide(author: Page, made: dict[str, str]) -> None:
    author.goto(f"/app/hunts/{made['waiting']}")
    told = "You wrote it, or answer for it: somebody else with the right to approve hunts decides."
    expect(author.get_by_text(told)).to_be_visible()
    expect(author.get_by_role("button", name="Retire")).to_be_visible()
    expect(author.get_by_role("button", name="Approve exactly this")).to_have_count(0)
    asks(author, fourEyes=True, requestedBy={"name": AUTHOR})
    author.goto("/app/playbooks?view=approvals")
    expect(author.locator(".asked")).to_contain_text("You set off the run that asks: somebody else decides.")
    expect(author.get_by_role("button", name="Refuse")).to_have_count(0)
    asks(author, approvers=[["ada", AUTHOR], ["ada"]])
    author.reload()
    expect(author.locator(".asked")).to_contain_text("Only those whom the rules name decide")
    expect(author.get_by_role("button", name="Refuse")).to_have_count(0)
    asks(author, approvers=[["ada", AUTHOR]])
    author.reload()
    expect(author.get_by_role("button", name="Refuse")).to_be_visible()


def test_what_a_model_drafted_is_approved_by_a_senior_hunter_alone(
    page: Page, demo: Demo, made: dict[str, str]
) -> None:
    def drafted(route: Route) -> None:
        answer = route.fetch()
        said = answer.json()
        said["properties"]["needsSenior"] = True
        route.fulfill(response=answer, json=said)

    page.route(f"**/huntlake.Hunting/hunts/{made['waiting']}?*", drafted)
    name = demo.user("roles-hunter", "sentinel-contributor")
    sign_in(page, name, at=f"/app/hunts/{made['waiting']}")
    told = "A model had a hand in it: a person with the right to lead hunts approves it."
    expect(page.get_by_text(told)).to_be_visible()
    expect(page.get_by_role("button", name="Ask for changes")).to_be_visible()
    expect(page.get_by_role("button", name="Approve exactly this")).to_have_count(0)


def test_who_may_respond_is_offered_that_and_no_more(responder: Page, made: dict[str, str]) -> None:
    responder.goto(f"/app/incidents/{made['incident']}")
    for name in ("Take it", "Run a playbook …"):
        expect(responder.get_by_role("button", name=name)).to_be_visible()
    expect(responder.get_by_role("button", name="Begin a hunt …")).to_have_count(0)
    responder.goto(f"/app/playbooks/{made['playbook']}")
    expect(responder.get_by_role("button", name="Run now")).to_be_visible()
    expect(responder.get_by_role("button", name="Disable")).to_have_count(0)
    responder.goto("/app/query")
    responder.get_by_role("button", name="Run").wait_for()
    expect(responder.get_by_role("button", name="Save", exact=True)).to_have_count(0)


@pytest.mark.parametrize(
    ("address", "drawn", "commands"),
    [
        ("/app/incidents/{incident}", "main h1", ("Take the incident", "Close the incident …")),
        ("/app/detections", "main tbody tr", ("New rule",)),
        ("/app/detections/{rule}", "text=No test yet", ("Run the rule's tests", "New test of the rule")),
        ("/app/query", ".query", ("Save the query", "Make a rule of the query")),
    ],
)
def test_the_palette_offers_no_more_than_the_page(
    reader: Page, other: Page, made: dict[str, str], address: str, drawn: str, commands: tuple[str, ...]
) -> None:
    for page in (other, reader):
        page.goto(address.format(**made))
        page.locator(drawn).first.wait_for()
        page.get_by_role("button", name="Commands").click()
        expect(page.get_by_role("option", name="Sign out")).to_be_visible()
    for command in commands:
        expect(other.get_by_role("option", name=command)).to_be_visible()
        expect(reader.get_by_role("option", name=command)).to_have_count(0)


def test_who_may_only_read_by_now_is_told_so_when_they_change_something(page: Page, demo: Demo) -> None:
    name = demo.user("roles-until-now", "contributor")
    sign_in(page, name, at="/app/incidents/2")
    page.get_by_role("button", name="Take it").wait_for()
    demo.told("user", "grant", name, "--role", "reader", "--workspace", WORKSPACE)
    page.get_by_role("button", name="Take it").click()
    expect(page.locator(".toast.wrong")).to_be_visible()
