"""Makes the demo company's tables: the same seed and the same end give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from huntlake.demo import activity, alerts, cloud, directory, endpoint, mail, network, office, servers, signins, windows
from huntlake.demo.alerts import moment
from huntlake.demo.columns import assemble
from huntlake.demo.company import load_company
from huntlake.demo.dice import Dice
from huntlake.demo.logons import Logons, make_logons
from huntlake.demo.mail import Mails, make_mails
from huntlake.demo.processes import load_templates, make_ledger, make_sessions
from huntlake.demo.rhythm import make_calendar, make_shifts
from huntlake.demo.story import Story, load_story
from huntlake.demo.truth import GroundTruth, Lookalike
from huntlake.demo.world import World

SEED = 20
DAYS = 14


@dataclass(frozen=True)
class DemoTable:
    """One table of the demo. `rows` is a `pyarrow.Table` by time, in the physical forms of the lake.

    Columns that say nothing are left out, as are `Type` and `TenantId`, which are the workspace's to tell.
    """

    name: str
    rows: Any


class Demo:
    """The demo that ends at one moment, from one seed. Nothing of it is made before it is asked for.

    `end` is an aware time, cut to the minute; `days` is how many days before it the logs begin, at least 8.
    """

    def __init__(self, end: datetime, days: int = DAYS, seed: int = SEED) -> None:
        self.seed = seed
        self._dice = Dice(seed)
        self._company = load_company()
        self._calendar = make_calendar(self._company, end, days)

    @cached_property
    def story(self) -> Story:
        """The attack, laid on the days."""
        return load_story(self._company, self._calendar, self._dice.named("story"))

    @cached_property
    def world(self) -> World:
        """What all tables are views of."""
        company, calendar, dice = self._company, self._calendar, self._dice
        shifts = make_shifts(company, calendar, dice, self.story.facts["present"])
        sessions = make_sessions(company, calendar, shifts, dice.named("sessions"))
        templates = load_templates(company)
        ledger = make_ledger(company, calendar, sessions, templates, self.story.starts, dice)
        world = World(company, calendar, shifts, sessions, templates, ledger, dice)
        self.story.note_processes(world)
        return world

    @cached_property
    def logons(self) -> Logons:
        """Who logged on to what."""
        return make_logons(self.world)

    @cached_property
    def mails(self) -> Mails:
        """Who wrote to whom."""
        return make_mails(self.world)

    def tables(self) -> Iterator[DemoTable]:
        """Every table, one after another; each is made when it is asked for, and not kept."""
        world = self.world
        for name, make in _TABLES.items():
            parts = list(make(self))
            parts += self.story.rows(world, name, parts)
            yield self._assembled(name, parts)
        everything = alerts.everyday_alerts(world) + self.story.alerts()
        for name, rows in alerts.alert_tables(world, everything):
            yield self._assembled(name, [rows])

    def truth(self) -> GroundTruth:
        """What there is to be found; complete once every table was made."""
        facts = self.story.facts
        return GroundTruth(
            title=facts["title"],
            summary=facts["summary"].strip(),
            begin=moment(self._calendar.start),
            end=moment(self._calendar.end),
            seed=self.seed,
            steps=self.story.steps(),
            lookalikes=tuple(Lookalike(**x) for x in facts["lookalikes"]),
        )

    def _assembled(self, name: str, parts: list[Any]) -> DemoTable:
        calendar = self._calendar
        constants = {"SourceSystem": _SOURCES[name]} if name in _SOURCES else {}
        return DemoTable(name, assemble(parts, constants, calendar.start, calendar.end))


_TABLES: dict[str, Callable[[Demo], Iterator[Any]]] = {
    "IdentityInfo": lambda d: directory.identities(d.world),
    "DeviceInfo": lambda d: endpoint.device_info(d.world),
    "Heartbeat": lambda d: servers.heartbeat(d.world),
    "SigninLogs": lambda d: signins.signins(d.world),
    "AADNonInteractiveUserSignInLogs": lambda d: signins.quiet_signins(d.world),
    "AADServicePrincipalSignInLogs": lambda d: signins.program_signins(d.world),
    "AuditLogs": lambda d: directory.audit(d.world),
    "AzureActivity": lambda d: cloud.azure_activity(d.world),
    "EmailEvents": lambda d: mail.email_events(d.world, d.mails),
    "EmailUrlInfo": lambda d: mail.email_urls(d.world, d.mails),
    "EmailAttachmentInfo": lambda d: mail.email_attachments(d.world, d.mails),
    "UrlClickEvents": lambda d: mail.url_clicks(d.world, d.mails),
    "OfficeActivity": lambda d: office.office_activity(d.world),
    "SecurityEvent": lambda d: windows.security_events(d.world, d.logons),
    "DeviceProcessEvents": lambda d: endpoint.process_events(d.world),
    "DeviceNetworkEvents": lambda d: activity.network_events(d.world),
    "DeviceFileEvents": lambda d: activity.file_events(d.world),
    "DeviceRegistryEvents": lambda d: activity.registry_events(d.world),
    "DeviceLogonEvents": lambda d: endpoint.logon_events(d.world, d.logons),
    "DeviceEvents": lambda d: activity.device_events(d.world),
    "CommonSecurityLog": lambda d: network.firewall(d.world),
    "DnsEvents": lambda d: network.dns(d.world),
    "Syslog": lambda d: servers.syslog(d.world),
}

_SOURCES = {
    "SigninLogs": "Azure AD",
    "AADNonInteractiveUserSignInLogs": "Azure AD",
    "AADServicePrincipalSignInLogs": "Azure AD",
    "AuditLogs": "Azure AD",
    "OfficeActivity": "OfficeActivityManager",
    "SecurityEvent": "OpsManager",
    "AzureActivity": "Azure",
    "Syslog": "Linux",
    "Heartbeat": "OpsManager",
    "DnsEvents": "OpsManager",
    "SecurityAlert": "Detection",
    "SecurityIncident": "Azure",
}

TABLES = (*_TABLES, *alerts.TABLES)
"""The names of the demo's tables, in the order in which they are made."""


def generate(end: datetime, days: int = DAYS, seed: int = SEED) -> Iterator[DemoTable]:
    """The tables of the `days` days before `end`, an aware time that is cut to the minute."""
    return Demo(end, days, seed).tables()
