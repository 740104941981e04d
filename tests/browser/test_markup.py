"""What a log, a person or a playbook wrote is shown as text, wherever it is shown."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from .conftest import ask, sign_in
from .payloads import PAYLOADS

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(600)


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
    rows = ", ".join(json.dumps(p.replace("\x00", "")) for p in PAYLOADS)
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
    texts = [p.replace("\x00", "") for p in PAYLOADS]
    session = watched.request.get("/app/session").json()
    place = (
        f"/app/api/subscriptions/{session['subscription']}/resourceGroups/{session['resourceGroup']}"
        f"/providers/Microsoft.OperationalInsights/workspaces/{session['workspaces'][0]['name']}"
        f"/providers/Microsoft.SecurityInsights/incidents/{uuid4()}"
    )

    def put(below: str, properties: dict[str, Any]) -> None:
        headers = {"x-huntlake-proof": session["proof"]}
        answer = watched.request.put(
            f"{place}{below}?api-version=2024-09-01", data={"properties": properties}, headers=headers
        )
        assert answer.ok, answer.text()

    label = [{"labelName": texts[2][:50]}]
    whole = {"title": texts[1], "description": " ".join(texts)[:4000], "severity": "Low", "status": "New"}
    put("", {**whole, "labels": label})
    for begin in range(0, len(texts), 30):
        put(f"/comments/{uuid4()}", {"message": "\n".join(texts[begin : begin + 30])})
    for text in texts[:10]:
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
