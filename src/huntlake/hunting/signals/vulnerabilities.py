"""Vulnerabilities that became known, and whether what they are of is installed here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huntlake.core.errors import DomainError
from huntlake.hunting.extraction.indicators import IndicatorKind
from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.lake_scans import LakeReader, ScanWindow, literal
from huntlake.hunting.signals.signal import Quote, Signal, SignalEntity, SignalIndicator, SignalTechnique
from huntlake.state.records import Records
from huntlake.workspace.workspaces import Workspace

WATCHLIST = "SoftwareInventory"
"""The alias of the watchlist that is taken for an inventory as well: SoftwareVendor, SoftwareName, SoftwareVersion and
DeviceName are its columns.
"""

_NUMBER = re.compile(r"\d+")
_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)", re.IGNORECASE)
_MOST_DEVICES = 100


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Versions from `start` to `end`; empty is without bound. `end` is affected itself only with `including`."""

    start: str = ""
    end: str = ""
    including: bool = False

    def holds(self, version: str) -> bool | None:
        """Whether a version is one of them; None where that can't be told."""
        if not self.start and not self.end:
            return True
        given = _parts(version)
        start, end = _parts(self.start), _parts(self.end)
        if given is None or (self.start and start is None) or (self.end and end is None):
            return None
        if start is not None and _less(given, start):
            return False
        if end is not None:
            return _less(given, end) or (self.including and not _less(end, given))
        return True


@dataclass(frozen=True, slots=True)
class AffectedProduct:
    """A product, and which of its versions; without any range every one."""

    vendor: str
    product: str
    ranges: tuple[VersionRange, ...] = ()


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """A vulnerability, what it is of, and what is known of its use; `vector` is CVSS's."""

    id: str
    title: str
    text: str
    published: datetime | None = None
    products: tuple[AffectedProduct, ...] = ()
    score: float = 0.0
    vector: str = ""
    exploited: bool = False
    ransomware: bool = False


@dataclass(frozen=True, slots=True)
class Installed:
    """Software of a device, as an inventory has it; `cve` where the inventory itself names one."""

    device: str
    vendor: str
    product: str
    version: str
    table: str
    cve: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """Software that a vulnerability is of; `sure` where its version says so, or the inventory itself does."""

    installed: Installed
    sure: bool


def matches(one: Vulnerability, inventory: Sequence[Installed], by_product: Mapping[str, Sequence[int]]) -> list[Match]:
    """What of an inventory a vulnerability is of; `by_product` are the places in it by `plain` name."""
    found: dict[tuple[str, str, str], Match] = {}
    for product in one.products:
        for place in by_product.get(plain(product.product), ()):
            installed = inventory[place]
            if not _same_vendor(product.vendor, installed.vendor):
                continue
            told = [r.holds(installed.version) for r in product.ranges] if product.ranges else [None]
            if any(told) or None in told:
                _keep(found, Match(installed, True in told))
    for place in by_product.get(one.id, ()):
        _keep(found, Match(inventory[place], True))
    return sorted(found.values(), key=lambda m: (not m.sure, m.installed.device, m.installed.product))


def signal_of_vulnerability(
    one: Vulnerability, found: Sequence[Match], *, received: datetime, trust: float, query: str
) -> Signal:
    """The signal that a vulnerability of something installed is."""
    sure = [m for m in found if m.sure]
    devices = list(dict.fromkeys(m.installed.device for m in found if m.installed.device))
    tables = tuple(dict.fromkeys(m.installed.table for m in found))
    said = f"{one.id} {one.title}".strip()
    lines = [
        f"{m.installed.device or '?'}: {m.installed.product} {m.installed.version}"
        + ("" if m.sure else " (which versions are affected isn't told, or can't be compared)")
        for m in found[:_MOST_DEVICES]
    ]
    known = "; it is known to be exploited" if one.exploited else ""
    known += ", also by ransomware" if one.ransomware else ""
    remarks = () if sure else ("no version here is surely affected",)
    return Signal(
        SignalKind.REPORT,
        said[:300],
        "vulnerability",
        one.id,
        one.published or received,
        received,
        trust * (1.0 if sure else 0.5) * (1.0 if one.exploited else 0.7),
        # New devices don't make it another; that it is exploited does.
        hashlib.sha256(f"{one.id}\n{one.exploited}\n{bool(sure)}".encode()).hexdigest(),
        f"{one.text}\n" + "\n".join(lines),
        f"{said}: on {len(devices)} devices{known}",
        tuple(_techniques(one)),
        (SignalIndicator(IndicatorKind.CVE.value, one.id, Quote(one.id)),),
        tuple(SignalEntity("Host", device) for device in devices[:_MOST_DEVICES]),
        software=tuple(dict.fromkeys(m.installed.product for m in found))[:20],
        tables=tables,
        query=query,
        properties={
            "score": f"{one.score:.1f}",
            "vector": one.vector,
            "exploited": str(one.exploited).lower(),
            "devices": str(len(devices)),
        },
        remarks=remarks,
    )


@dataclass(frozen=True)
class Vulnerabilities:
    """The vulnerabilities that a workspace was told of, to be matched with what is installed, again and again."""

    records: Records[Vulnerability]
    reader: LakeReader

    def add(self, workspace: Workspace, found: Iterable[Vulnerability]) -> int:
        """Keep them; of one id what all say counts: a catalogue that it is exploited, a record the versions."""
        owner, count = (workspace.name,), 0
        for one in found:
            known = self.records.find(owner, one.id)
            value = one if known is None else merged(known.value, one)
            if known is None or value != known.value:
                self.records.put(owner, one.id, value)
                count += 1
        return count

    def signals(
        self, workspace: Workspace, window: ScanWindow, received: datetime, trust: Callable[[str], float]
    ) -> Iterator[Signal]:
        """A signal for each whose product is installed."""
        known = [d.value for d in self.records.list((workspace.name,))]
        if not known:
            return
        inventory = list(self.inventory(workspace, window))
        by_product: dict[str, list[int]] = {}
        for place, one in enumerate(inventory):
            by_product.setdefault(one.cve or plain(one.product), []).append(place)
        query = _BOUND.format(before=literal(window.before), until=literal(window.until)) + _INVENTORY
        for vulnerability in sorted(known, key=lambda one: one.id):
            if found := matches(vulnerability, inventory, by_product):
                yield signal_of_vulnerability(
                    vulnerability, found, received=received, trust=trust(vulnerability.id), query=query
                )

    def inventory(self, workspace: Workspace, window: ScanWindow) -> Iterator[Installed]:
        """What is installed, by the tables and the watchlist that there are."""
        bound = _BOUND.format(before=literal(window.before), until=literal(window.until))
        for table, query in (
            ("DeviceTvmSoftwareInventory", _INVENTORY),
            ("DeviceTvmSoftwareVulnerabilities", _VULNERABLE),
            ("DeviceInfo", _SYSTEMS),
        ):
            if self.reader.has(workspace, table):
                yield from _installed(self.reader.rows(workspace, bound + query), table)
        try:
            rows = self.reader.rows(workspace, _LISTED)
        except (DomainError, ValueError):
            return
        yield from _installed(rows, f"_GetWatchlist('{WATCHLIST}')")


_BOUND = "let before = {before};\nlet until = {until};\n"
_INVENTORY = """DeviceTvmSoftwareInventory
| where TimeGenerated between (before .. until)
| summarize arg_max(TimeGenerated, SoftwareVersion) by DeviceName, SoftwareVendor, SoftwareName
| project DeviceName, SoftwareVendor, SoftwareName, SoftwareVersion, CveId = ""
"""
_VULNERABLE = """DeviceTvmSoftwareVulnerabilities
| where TimeGenerated between (before .. until)
| summarize by DeviceName, SoftwareVendor, SoftwareName, SoftwareVersion, CveId
"""
_SYSTEMS = """DeviceInfo
| where TimeGenerated between (before .. until) and isnotempty(OSPlatform)
| summarize arg_max(TimeGenerated, OSPlatform, OSDistribution, OSVersion) by DeviceName
| extend IsWindows = OSPlatform startswith "Windows"
| project DeviceName, SoftwareVendor = iff(IsWindows, "microsoft", ""), SoftwareName = iff(IsWindows, "windows", iff(isempty(OSDistribution), OSPlatform, OSDistribution)), SoftwareVersion = OSVersion, CveId = ""
"""  # noqa: E501
_LISTED = f"""_GetWatchlist('{WATCHLIST}')
| project DeviceName = tostring(column_ifexists("DeviceName", "")), SoftwareVendor = tostring(column_ifexists("SoftwareVendor", "")), SoftwareName = tostring(column_ifexists("SoftwareName", "")), SoftwareVersion = tostring(column_ifexists("SoftwareVersion", "")), CveId = ""
"""  # noqa: E501


def merged(known: Vulnerability, new: Vulnerability) -> Vulnerability:
    """What two words on one vulnerability say together."""
    ranged = max((known, new), key=lambda one: (sum(bool(p.ranges) for p in one.products), len(one.products)))
    return Vulnerability(
        known.id,
        new.title or known.title,
        max(known.text, new.text, key=len),
        known.published or new.published,
        ranged.products,
        max(known.score, new.score),
        new.vector or known.vector,
        known.exploited or new.exploited,
        known.ransomware or new.ransomware,
    )


def plain(name: str) -> str:
    """A product's name as it is compared: small letters and digits only."""
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def _installed(rows: Iterable[Mapping[str, Any]], table: str) -> Iterator[Installed]:
    for row in rows:
        yield Installed(
            str(row["DeviceName"] or ""),
            str(row["SoftwareVendor"] or ""),
            str(row["SoftwareName"] or ""),
            str(row["SoftwareVersion"] or ""),
            table,
            str(row["CveId"] or ""),
        )


def _keep(found: dict[tuple[str, str, str], Match], match: Match) -> None:
    key = (match.installed.device, plain(match.installed.product), match.installed.version)
    if key not in found or match.sure:
        found[key] = match


def _techniques(one: Vulnerability) -> Iterator[SignalTechnique]:
    """What an attacker would do with it, by its vector: over the network without anybody's help, or from within."""
    vector = f"/{one.vector}/"
    if "/AV:N/" in vector and "/UI:R/" not in vector and "/UI:A/" not in vector and "/UI:P/" not in vector:
        yield SignalTechnique("T1190", 0.5, "tagged", (Quote(one.vector, "CVSS"),))
    elif "/AV:L/" in vector and "/UI:N/" in vector:
        yield SignalTechnique("T1068", 0.5, "tagged", (Quote(one.vector, "CVSS"),))
    elif "/UI:" in vector:
        yield SignalTechnique("T1203", 0.5, "tagged", (Quote(one.vector, "CVSS"),))
    if one.ransomware:
        yield SignalTechnique("T1486", 0.4, "tagged", (Quote("known to be used by ransomware", "catalogue"),))


def _same_vendor(said: str, installed: str) -> bool:
    a, b = plain(said), plain(installed)
    return not a or not b or a in ("na", "unknown") or a in b or b in a


def _parts(version: str) -> tuple[int, ...] | None:
    found = _VERSION.match(version.strip())
    if found is None or found.end() != len(version.strip()):
        return None
    parts = tuple(int(n) for n in _NUMBER.findall(found[1]))
    return parts if len(parts) <= 8 else None


def _less(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    width = max(len(a), len(b))
    return a + (0,) * (width - len(a)) < b + (0,) * (width - len(b))
