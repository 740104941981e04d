"""Every place that the pages have, and how a person gets to those that have no address of their own in each demo."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page


@dataclass(frozen=True)
class Place:
    """A place by its name, its address, and what is clicked there, one after the other (CSS selectors)."""

    name: str
    address: str
    clicks: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    def arrive(self, page: Page) -> None:
        """Do what is left to do for somebody who has been let in at the address, and wait until it is drawn."""
        page.locator("main h1").first.wait_for(state="attached")
        for what in self.clicks:
            page.locator(what).first.click()
        page.wait_for_timeout(1500)
        loading = page.locator("main").get_by_text(re.compile(r"^(Reading|Looking|Counting|Measuring|Running)\b.*…$"))
        expect(loading).to_have_count(0, timeout=60_000)


HUNT = "Ran before"
_HUNT = f"role=link[name=/{HUNT}/]"

PLACES = (
    Place("query", "/app/query"),
    Place(
        "query-value",
        "/app/query",
        ("role=button[name=/Run/]", "role=button[name='Table']", "role=button[name='Value …']"),
    ),
    Place("query-saved", "/app/query?panel=saved"),
    Place("incidents", "/app/incidents"),
    Place("incidents-chosen", "/app/incidents?status=New,Active,Closed&chosen=1,2", ("role=button[name=/Close …/]",)),
    Place("incident", "/app/incidents/1"),
    Place("incident-entities", "/app/incidents/1", ("role=tab[name=/Entities/]",)),
    Place("incident-similar", "/app/incidents/2", ("role=tab[name=/Similar/]",)),
    Place("incident-rows", "/app/incidents/2", (".story summary", "role=button[name='Show the rows']")),
    Place("incident-playbook", "/app/incidents/2", ("role=button[name=/Run a playbook/]",)),
    Place("incident-hunt", "/app/incidents/2", ("role=button[name=/Begin a hunt/]",)),
    Place("entities", "/app/entities"),
    Place("entity-account", "/app/entities/account/geertje.postma%40korenwolf.example"),
    Place("entity-host", "/app/entities/host/rtm-lt-007.corp.korenwolf.example"),
    Place("entity-ip", "/app/entities/ip/203.0.113.84"),
    Place("detections", "/app/detections"),
    Place("detections-matrix", "/app/detections?view=matrix"),
    Place("rule", "/app/detections", ("main table.list a",)),
    Place("rule-test", "/app/detections", ("main table.list a", "role=button[name='New test']")),
    Place("rule-new", "/app/detections/new"),
    Place("rule-edit", "/app/detections", ("main table.list a", "role=button[name='Edit']")),
    Place("hunts", "/app/hunts"),
    Place("hunts-hypotheses", "/app/hunts?view=hypotheses"),
    Place("hunts-signals", "/app/hunts?view=signals"),
    Place("hunts-metrics", "/app/hunts?view=metrics"),
    *(Place(f"hunt-{part}", "/app/hunts", (_HUNT, f"role=tab[name=/{part}/i]")) for part in ("proof", "runs", "rule")),
    Place("playbooks", "/app/playbooks"),
    Place("playbooks-approvals", "/app/playbooks?view=approvals"),
    Place("playbooks-connections", "/app/playbooks?view=connections"),
    Place("playbook", "/app/playbooks/disable-account-after-approval"),
    Place("lake", "/app/lake"),
    Place("lake-table", "/app/lake/tables/SigninLogs"),
    Place("lake-import", "/app/lake?view=import"),
    Place("lake-letters", "/app/lake?view=letters"),
    Place("lake-access", "/app/lake?view=access"),
    Place("lake-audit", "/app/lake?view=audit"),
)
