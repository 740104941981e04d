"""What a log, a person or a playbook wrote is shown as text, wherever it is shown."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from .conftest import ask, sign_in
from .door import Door
from .payloads import PAYLOADS

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(600)

TEXTS = [p.replace("\x00", "") for p in PAYLOADS]


@pytest.fixture
def watched(page: Page) -> Page:
    """A page in which a script that runs, or a dialog, fails the test."""
    page.add_init_script("window.hit = 0")
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    return page


def nothing_ran(page: Page) -> None:
    page.wait_for_timeout(500)
    assert page.evaluate("window.hit") == 0
    assert (
        page.evaluate("document.querySelectorAll('#clickme, iframe[srcdoc], object, marquee, meta[http-equiv]').length")
        == 0
    )


def test_there_are_enough_of_them() -> None:
    assert len(set(PAYLOADS)) >= 100


def test_markup_in_rows_is_text_in_the_table_in_a_row_and_in_a_chart(watched: Page) -> None:
    sign_in(watched)
    rows = ", ".join(json.dumps(text) for text in TEXTS)
    ask(watched, f"datatable(Text: string) [{rows}] | extend Bag = pack('k', Text), n = strlen(Text)")
    grid = watched.get_by_role("grid")
    expect(grid).to_contain_text("onerror")
    for _ in range(6):
        watched.evaluate("document.querySelector('.grid').scrollTop += 500")
        watched.wait_for_timeout(50)
    grid.press("Control+Home")
    grid.press("Enter")
    expect(watched.get_by_role("complementary", name="The row")).to_contain_text("<script>")
    nothing_ran(watched)
    for look in ("columnchart", "piechart", "timechart"):
        time = ", t = datetime(2026-01-01)" if look == "timechart" else ""
        title = json.dumps(PAYLOADS[1])
        table = f"datatable(Text: string) [{rows}] | extend n = strlen(Text){time}"
        ask(watched, f"{table} | render {look} with (title={title})")
        expect(watched.get_by_role("img", name=look)).to_be_visible()
        watched.mouse.move(800, 600)
        nothing_ran(watched)


def test_markup_in_an_incident_its_comments_and_tasks_is_text(watched: Page) -> None:
    sign_in(watched)
    watched.locator(".query").wait_for()
    door, incident = Door(watched), f"Microsoft.SecurityInsights/incidents/{uuid4()}"

    def put(below: str, properties: dict[str, Any]) -> None:
        door.put(f"{incident}{below}", {"properties": properties})

    label = [{"labelName": TEXTS[2][:50]}]
    whole = {"title": TEXTS[1], "description": " ".join(TEXTS)[:4000], "severity": "Low", "status": "New"}
    put("", {**whole, "labels": label})
    for begin in range(0, len(TEXTS), 30):
        put(f"/comments/{uuid4()}", {"message": "\n".join(TEXTS[begin : begin + 30])})
    for text in TEXTS[:10]:
        put(f"/tasks/{uuid4()}", {"title": text, "status": "New"})
    watched.goto("/app/incidents")
    watched.get_by_role("link", name="<img src=x onerror=").first.click()
    expect(watched.locator("main h1")).to_contain_text("onerror")
    for part in ("Entities", "Comments", "Tasks", "History", "Story"):
        watched.get_by_role("tab", name=re.compile(f"^{part}")).click()
        nothing_ran(watched)


def test_markup_in_a_query_its_name_and_its_fault_is_text(watched: Page) -> None:
    sign_in(watched)
    for payload in (PAYLOADS[1], PAYLOADS[3], PAYLOADS[20]):
        ask(watched, f"SigninLogs | where {payload}")
        expect(watched.locator(".results.failed")).to_be_visible()
        nothing_ran(watched)
    watched.get_by_role("button", name="History").click()
    expect(watched.locator(".history")).to_contain_text("onerror")
    nothing_ran(watched)


def test_markup_in_reports_and_hunts_is_text(watched: Page) -> None:
    sign_in(watched)
    door = Door(watched)
    for n, begin in enumerate(range(0, len(TEXTS), 30)):
        said = "\n\n".join(f"They run powershell (T1059.001) {text}" for text in TEXTS[begin : begin + 30])
        door.post(
            "huntlake.Hunting/signals/report",
            {"properties": {"name": f"<img src=x onerror=top.hit=1>{n}.md", "content": f"# {TEXTS[n]}\n\n{said}"}},
        )
    several = ", ".join(json.dumps(text) for text in TEXTS)
    query = f"SigninLogs | take 1 | extend Found = dynamic([{several}]) | mv-expand Found to typeof(string)"
    words = {"title": TEXTS[1], "statement": TEXTS[2], "rationale": TEXTS[3], "note": TEXTS[4]}
    entity = {"entityType": "Account", "fieldMappings": [{"identifier": "FullName", "columnName": "Found"}]}
    made = door.post(
        "huntlake.Hunting/hunts",
        {"properties": {**words, "query": query, "techniques": ["T1059.001"], "entityMappings": [entity]}},
    )
    hunt = made["name"]
    door.post(f"huntlake.Hunting/hunts/{hunt}/comment", {"properties": {"comment": "\n".join(TEXTS)}})
    door.post("huntlake.Hunting/hypotheses/propose", {"properties": {"top": 3}})
    for view in ("hunts", "hypotheses", "signals", "metrics"):
        watched.goto(f"/app/hunts?view={view}")
        watched.locator("main h1").wait_for()
        nothing_ran(watched)
    watched.goto(f"/app/hunts/{hunt}")
    expect(watched.locator("main h1")).to_contain_text("onerror")
    expect(watched.locator("main")).to_contain_text("ontoggle")
    for tab in watched.get_by_role("tab").all():
        tab.click()
        nothing_ran(watched)


def test_markup_in_a_rule_and_a_playbook_is_text(watched: Page) -> None:
    sign_in(watched)
    door, rule = Door(watched), str(uuid4())
    properties = {
        "displayName": TEXTS[1],
        "description": "\n".join(TEXTS),
        "enabled": False,
        "severity": "Low",
        "query": f"SigninLogs | where Identity == {json.dumps(TEXTS[2])}",
        "queryFrequency": "PT1H",
        "queryPeriod": "PT1H",
        "triggerOperator": "GreaterThan",
        "triggerThreshold": 0,
        "suppressionEnabled": False,
        "suppressionDuration": "PT5H",
    }
    door.put(f"Microsoft.SecurityInsights/alertRules/{rule}", {"kind": "Scheduled", "properties": properties})
    actions = {"Say": {"type": "Compose", "inputs": TEXTS, "runAfter": {}}}
    definition = {
        "$schema": "https://schema.management.azure.com/schemas/2016-06-01/Microsoft.Logic.json",
        "contentVersion": "1.0.0.0",
        "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {"schema": {}}}},
        "actions": actions,
        "outputs": {},
    }
    door.workflow("markup", {"location": "local", "properties": {"definition": definition, "state": "Enabled"}})
    for place in ("/app/detections", "/app/detections?view=matrix", f"/app/detections/{rule}"):
        watched.goto(place)
        watched.locator("main h1").wait_for()
        nothing_ran(watched)
    watched.goto("/app/playbooks/markup")
    watched.locator(".box > button").click()
    nothing_ran(watched)
    watched.get_by_role("button", name="Run now").click()
    watched.locator(".runs").get_by_role("link", name="Succeeded").first.click(timeout=60_000)
    watched.locator(".box > button").click()
    expect(watched.get_by_role("region", name="Inputs and outputs")).to_contain_text("ontoggle")
    nothing_ran(watched)
