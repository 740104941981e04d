"""Taking signals in: files and pages become what is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any, assert_never
from urllib.parse import unquote, urlsplit

import orjson

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.core.json_lines import json_lines
from huntlake.detection.intel.stix import read_objects
from huntlake.hunting.extraction.attack import Attack
from huntlake.hunting.reading.files import read_report
from huntlake.hunting.signals.fetching import Fetch, fetched, nowhere
from huntlake.hunting.signals.incidents import LastRun
from huntlake.hunting.signals.lake_scans import ScanWindow
from huntlake.hunting.signals.misp import signals_of_misp
from huntlake.hunting.signals.reports import signal_of_report
from huntlake.hunting.signals.scanning import Append
from huntlake.hunting.signals.signal import Signal
from huntlake.hunting.signals.stix_bundles import StixSource, signals_of_stix
from huntlake.hunting.signals.store import Added, Signals
from huntlake.hunting.signals.tickets import TicketMapping, signals_of_tickets, tickets_of
from huntlake.hunting.signals.trust import checked, checked_words, trust_of
from huntlake.hunting.signals.vulnerabilities import Vulnerabilities
from huntlake.hunting.signals.vulnerability_forms import vulnerabilities_of
from huntlake.state.records import Author, Owner
from huntlake.state.sealing import Seal
from huntlake.workspace.workspaces import Workspace

ENDINGS = (".txt", ".md", ".markdown", ".html", ".htm", ".xhtml", ".pdf")
"""Of the files of a folder that are taken for reports."""


NOBODY = Author()
"""Whoever isn't named: huntlake itself."""


@dataclass(frozen=True)
class SignalPlace:
    """What the settings say of signals: the home folder, who fetches pages, how far which source is trusted, and how
    long signals are kept; None is forever.
    """

    home: Path
    fetch: Fetch = nowhere
    trust: Mapping[str, float] = field(default_factory=dict)
    kept: timedelta | None = None
    append: Append = lambda workspace, table, rows: None
    """Takes rows into a table of a workspace."""
    last_run: LastRun = lambda workspace, rule: None
    seal: Seal | None = None
    """Seals the secrets of feeds; None where none can be kept."""

    def __post_init__(self) -> None:
        checked_words(self.trust)


@dataclass(frozen=True)
class Brought:
    """Who brings something in, how far it is trusted and when it was written, where they say so."""

    by: Author = NOBODY
    trust: float | None = None
    observed: datetime | None = None


NOBODY_ELSE = Brought()


class Taken(StrEnum):
    """What a file of a typed source is."""

    STIX = "stix"
    MISP = "misp"
    VULNERABILITIES = "vulnerabilities"
    TICKETS = "tickets"


def kind_of(data: bytes, name: str) -> Taken:
    """What a file is, by what it says; `Invalid` where it is none of them."""
    if name.lower().endswith(".csv"):
        return Taken.TICKETS
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            body = json_lines(data)
        except Invalid:
            raise Invalid(f"{name} is no JSON; of other forms only tickets are read, as CSV") from None
    one = next((one for one in body if isinstance(one, dict)), None) if isinstance(body, list) else body
    if isinstance(one, dict):
        if "Event" in one or isinstance(one.get("response"), list) or ("uuid" in one and "info" in one):
            return Taken.MISP
        if "cveMetadata" in one or "cveID" in one or "vulnerabilities" in one or "CVE_Items" in one:
            return Taken.VULNERABILITIES
        if isinstance(one.get("objects"), list) or "--" in str(one.get("id", "")):
            return Taken.STIX
    raise Invalid(f"{name} is not known to be STIX, MISP or vulnerabilities: say with `--as` what it is")


Reread = Callable[[Owner, Signal, str], Signal]
"""Reads a report's signal once more, for an owner, in the name of somebody: what was found already stays."""


def as_it_is(owner: Owner, signal: Signal, responsible: str) -> Signal:
    """The signal."""
    return signal


@dataclass(frozen=True)
class Intake:
    """Takes in what comes from outside the lake."""

    signals: Signals
    attack: Attack
    place: SignalPlace
    clock: Clock
    vulnerabilities: Vulnerabilities
    reread: Reread = as_it_is

    def trust(self, source: str, reference: str, brought: Brought) -> float:
        """How far a reference of a source is trusted."""
        return trust_of(source, reference, self.place.trust) if brought.trust is None else checked(brought.trust)

    def report(
        self, workspace: Workspace, data: bytes, name: str, brought: Brought = NOBODY_ELSE, reference: str = ""
    ) -> Added:
        """A report out of the bytes of a file; `Invalid` or `LimitExceeded` for what can't be read."""
        workspace.here("keeping signals")
        told = reference or name
        signal = signal_of_report(
            read_report(data, name),
            data,
            self.attack,
            received=self.clock.now(),
            trust=self.trust("report", told, brought),
            observed=brought.observed,
            reference=told,
        )
        owner = (workspace.name,)
        if self.signals.find(owner, signal.id) is None:
            signal = self.reread(owner, signal, brought.by.name)
        return self.signals.add(owner, [signal], brought.by)

    def page(self, workspace: Workspace, url: str, brought: Brought = NOBODY_ELSE, *, named: bool = False) -> Added:
        """A report from the web; see `fetched`."""
        workspace.here("keeping signals")
        page = fetched(self.place.fetch, url, named=named)
        name = PurePath(unquote(urlsplit(page.url).path)).name or host_name(page.url)
        return self.report(workspace, page.content, name, brought, url.strip())

    def typed(
        self,
        workspace: Workspace,
        data: bytes,
        name: str,
        kind: Taken,
        brought: Brought = NOBODY_ELSE,
        mapping: TicketMapping | None = None,
        reference: str = "",
    ) -> Added:
        """What a file of that kind says; an entry that can't be used is refused alone, with its place.

        `Invalid` and `LimitExceeded` say why the file as a whole is.
        """
        workspace.here("keeping signals")
        told = reference or name
        match kind:
            case Taken.STIX:
                return self.stix(workspace, read_objects(data), "stix", told, brought)
            case Taken.MISP:
                events = signals_of_misp(
                    data,
                    self.attack,
                    reference=told,
                    received=self.clock.now(),
                    trust=self.trust("misp", told, brought),
                )
                return self._kept(workspace, events.signals, events.refused, brought)
            case Taken.VULNERABILITIES:
                read = vulnerabilities_of(data)
                self.vulnerabilities.add(workspace, read.found)
                now = self.clock.now()
                window = ScanWindow.of(now, now)
                return self.vulnerable(workspace, window, brought) + Added(refused=read.refused)
            case Taken.TICKETS:
                made = signals_of_tickets(
                    tickets_of(data, name),
                    mapping or TicketMapping({}),
                    reference=told,
                    received=self.clock.now(),
                    trust=self.trust("change", told, brought),
                )
                return self._kept(workspace, made.signals, made.refused, brought)
            case _ as never:
                assert_never(never)

    def stix(
        self, workspace: Workspace, objects: Sequence[Any], source: str, reference: str, brought: Brought
    ) -> Added:
        """What objects of STIX say; those that can't be used are told."""
        trust = self.trust(source, reference, brought)
        found = signals_of_stix(objects, StixSource(source, reference, self.clock.now(), trust, self.attack))
        return self._kept(workspace, found.signals, found.refused, brought)

    def _kept(
        self, workspace: Workspace, signals: Sequence[Signal], refused: tuple[tuple[str, str], ...], brought: Brought
    ) -> Added:
        return self.signals.add((workspace.name,), signals, brought.by) + Added(refused=refused)

    def vulnerable(self, workspace: Workspace, window: ScanWindow, brought: Brought = NOBODY_ELSE) -> Added:
        """The vulnerabilities that are known, of what is installed."""
        made = self.vulnerabilities.signals(
            workspace, window, self.clock.now(), lambda id: self.trust("vulnerability", id, brought)
        )
        return self.signals.add((workspace.name,), made, brought.by)


def host_name(url: str) -> str:
    """What a page without a name is called."""
    return urlsplit(url).hostname or "page"


def urls_of(text: str) -> Sequence[str]:
    """The URLs of a list: one a line, without what follows a `#` at its begin or after a blank."""
    lines = (line.split(" #")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
