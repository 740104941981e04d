"""Hunts that are there before somebody looks at them, and the people who have made and approved them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .conftest import WIDE, sign_in
from .door import Door
from .places import HUNT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from .conftest import Demo


@contextmanager
def somebody(chromium: Browser, demo: Demo, name: str) -> Iterator[Page]:
    """A person in a browser of their own."""
    context = chromium.new_context(base_url=demo.url, ignore_https_errors=True, viewport=WIDE, locale="en-GB")  # type: ignore[arg-type]
    context.set_default_timeout(30_000)
    page = context.new_page()
    sign_in(page, name, at="/app/playbooks")
    page.locator("header.bar").wait_for()
    yield page
    context.close()


def hunt(door: Door, title: str) -> str:
    """A new hunt, which finds something, and runs when somebody asks for it alone."""
    said = {
        "title": f"{title}: interrupted sign-ins",
        "statement": "If somebody tries accounts, then sign-ins are interrupted.",
        "rationale": "A report says so.",
        "query": "SigninLogs | where ResultType == '50140'",
        "period": "P14D",
        "techniques": ["T1110"],
        "tables": ["SigninLogs"],
        "entityMappings": [
            {
                "entityType": "Account",
                "fieldMappings": [{"identifier": "FullName", "columnName": "UserPrincipalName"}],
            }
        ],
    }
    return str(door.post("huntlake.Hunting/hunts", {"properties": said})["name"])


def submitted(door: Door, name: str) -> dict[str, Any]:
    """What is said of a hunt that waits for a decision from now on."""
    door.post(f"huntlake.Hunting/hunts/{name}/prove", {"properties": {}})
    said: dict[str, Any] = door.post(f"huntlake.Hunting/hunts/{name}/submit", {"properties": {}})["properties"]
    return said


def hunted(author: Door, decider: Door, title: str) -> tuple[str, dict[str, Any]]:
    """A hunt that one person has written and another approved, and its run, which has found something."""
    name = hunt(author, title)
    seen, at = submitted(author, name), f"huntlake.Hunting/hunts/{name}"
    which = {"version": seen["currentVersion"], "contentHash": seen["contentHash"]}
    decider.post(f"{at}/review", {"properties": {"decision": "approved", "comment": "good", **which}})
    decider.post(f"{at}/schedule", {"properties": {}})
    run = decider.post(f"{at}/runs", {"properties": {}})
    assert run["properties"]["clusters"]
    return name, run


def before(chromium: Browser, demo: Demo) -> None:
    """A hunt as `places` look at one: it has run, and was tried as a rule."""
    anew = uuid4().hex[:6]
    one, two = (demo.user(f"{name}-{anew}", "contributor") for name in ("writer", "decider"))
    with somebody(chromium, demo, one) as author, somebody(chromium, demo, two) as other:
        name, _ = hunted(Door(author), Door(other), f"{HUNT} {anew}")
        tried = {"properties": {"frequencies": ["P1D"]}}
        assert Door(other).post(f"huntlake.Hunting/hunts/{name}/backtests", tried)["properties"]["trials"]
