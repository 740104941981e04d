"""What a workspace has rows of: how many of late, how fresh, how late they come, and of how many of its machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.kql.types import Column, ScalarType
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.results import Result
from huntlake.workspace.workspaces import Workspace

LOOKS_BACK = timedelta(days=7)
"""A table without rows in that time can show nothing."""

_ON = 0.9
"""The share of known machines that is all of them: some are always switched off, or gone."""
_TIMEOUT = timedelta(seconds=30)
_MACHINES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "DeviceEvents", "DeviceFileEvents", "DeviceImageLoadEvents", "DeviceInfo", "DeviceLogonEvents",
            "DeviceNetworkEvents", "DeviceProcessEvents", "DeviceRegistryEvents",
        ),
        "DeviceName",
    ),
    **dict.fromkeys(("Event", "Heartbeat", "SecurityEvent", "WindowsEvent"), "Computer"),
}  # fmt: skip
"""The column that names the machine, in tables that every machine should write to."""

_INVENTORIES = ("DeviceInfo", "Heartbeat")
_IMPORTANT = frozenset({"high", "veryhigh", "critical"})
_CRITICAL_WATCHLIST = "HighValueAssets"
_TIMES_MORE = 5.0
"""What a critical machine counts for, beside another."""

_PLATFORM_TABLES: Mapping[str, frozenset[str]] = {
    "Windows": frozenset({"SecurityEvent", "WindowsEvent", "Event"}),
    "Linux": frozenset({"Syslog", "LinuxAuditLog"}),
    "Network Devices": frozenset({"CommonSecurityLog"}),
    "Containers": frozenset({"ContainerLogV2", "ContainerLog", "AKSAudit"}),
    "IaaS": frozenset({"AzureActivity", "AWSCloudTrail", "GCPAuditLogs"}),
    "Identity Provider": frozenset({"SigninLogs", "AuditLogs", "EntraIdSignInEvents"}),
    "Office Suite": frozenset({"OfficeActivity", "EmailEvents"}),
    "SaaS": frozenset({"CloudAppEvents", "OfficeActivity", "Okta_CL", "OktaV2_CL"}),
}
"""Which platforms of ATT&CK are here, by the tables that have rows."""


class TablesHere(Protocol):
    """The tables of workspaces."""

    def with_data(self, workspace: str) -> Sequence[str]: ...
    def table(self, workspace: str, name: str) -> Sequence[Column] | None: ...


@dataclass(frozen=True, slots=True)
class TableStock:
    """A table: its rows within `LOOKS_BACK`, the newest one's time, how late rows usually come, and of which machines.

    `machines` is None for a table that isn't every machine's.
    """

    table: str
    rows: int
    newest: datetime | None
    lag: timedelta | None = None
    machines: frozenset[str] | None = None


@dataclass(frozen=True)
class Stock:
    """What a workspace has: its tables with rows, its machines with what each counts for, and its platforms."""

    at: datetime
    tables: Mapping[str, TableStock]
    machines: Mapping[str, float] = field(default_factory=dict)
    platforms: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()

    def is_visible(self, table: str) -> bool:
        """Whether a table has rows of late."""
        return table in self.tables and self.tables[table].rows > 0

    def share(self, table: str) -> float:
        """How much of what a table should show it shows, from 0 to 1: the machines that write to it, of those known."""
        if not self.is_visible(table):
            return 0.0
        machines = self.tables[table].machines
        if machines is None or not self.machines:
            return 1.0
        return min(1.0, len(machines & self.machines.keys()) / len(self.machines) / _ON)

    def exposure(self, tables: Iterable[str]) -> float:
        """The share of assets, by how critical they are, that tables tell of, from 0 to 1."""
        visible = [t for t in tables if self.is_visible(t)]
        told = [self.tables[t].machines for t in visible]
        if not visible:
            return 0.0
        if not self.machines or any(machines is None for machines in told):
            # Accounts, mail, clouds: what everybody uses.
            return 1.0
        seen = frozenset[str]().union(*(machines or frozenset() for machines in told))
        return min(1.0, sum(self.machines.get(m, 0.0) for m in seen) / sum(self.machines.values()) / _ON)


def stock(
    queries: Queries,
    tables: TablesHere,
    workspace: Workspace,
    now: datetime,
    critical: Iterable[str] = (),
) -> Stock:
    """Look at every table that rows were ever written to; one that can't be asked is left out, and named.

    `critical` are machines that count more, whatever the inventory says of them.
    """
    found: dict[str, TableStock] = {}
    remarks: list[str] = []
    for name in tables.with_data(workspace.name):
        columns = {c.name: c.type for c in tables.table(workspace.name, name) or ()}
        if columns.get("TimeGenerated") is not ScalarType.DATETIME:
            continue
        try:
            found[name] = _table(queries, workspace, name, columns, now)
        except (DomainError, SourceError) as error:
            remarks.append(f"{name} can't be asked, and counts as not there: {error}")
    machines = _machines(queries, workspace, found, tables, now, frozenset(_short(name) for name in critical))
    return Stock(now, found, machines, _platforms(queries, workspace, found, tables, now), tuple(remarks))


def critical_machines(items: Iterable[Mapping[str, str]]) -> list[str]:
    """The machines that the watchlist `HighValueAssets` names, by the columns of Sentinel's template and the like."""
    names = ("Asset FQDN", "Asset Name", "AssetName", "HostName", "DeviceName", "Computer")
    return [item[name] for item in items for name in names if item.get(name)]


def _table(
    queries: Queries, workspace: Workspace, name: str, columns: Mapping[str, ScalarType], now: datetime
) -> TableStock:
    machine = _MACHINES.get(name)
    asked = "Rows = count(), Newest = max(TimeGenerated), Lag = percentile(ingestion_time() - TimeGenerated, 50)"
    if machine in columns:
        asked += f", Machines = make_set(tolower(tostring(split({machine}, '.')[0])), 100000)"
    # Rows from a machine whose clock is ahead say nothing of how fresh a table is.
    text = f"['{name}'] | where TimeGenerated <= now() | summarize {asked}"
    (row,) = _rows(queries, workspace, text, now, LOOKS_BACK)
    lag = row["Lag"]
    return TableStock(
        name,
        row["Rows"],
        row["Newest"],
        lag if isinstance(lag, timedelta) else None,
        frozenset(m for m in row["Machines"] or () if m) if "Machines" in row else None,
    )


def _machines(
    queries: Queries,
    workspace: Workspace,
    found: Mapping[str, TableStock],
    tables: TablesHere,
    now: datetime,
    critical: frozenset[str],
) -> Mapping[str, float]:
    """Every machine that an inventory or a table of machines names, and what it counts for."""
    known = frozenset[str]().union(*(t.machines or frozenset() for t in found.values()))
    counts = dict.fromkeys(sorted(known), 1.0)
    columns = {c.name for c in tables.table(workspace.name, "DeviceInfo") or ()}
    if "DeviceInfo" in found and {"AssetValue", "DeviceName"} <= columns:
        text = "DeviceInfo | summarize arg_max(TimeGenerated, AssetValue) by DeviceName"
        for row in _rows(queries, workspace, text, now, 4 * LOOKS_BACK):
            name = _short(row["DeviceName"])
            counts[name] = _TIMES_MORE if row["AssetValue"].lower() in _IMPORTANT else counts.get(name, 1.0)
    counts.update({name: _TIMES_MORE for name in critical if name in counts})
    return counts


def _platforms(
    queries: Queries, workspace: Workspace, found: Mapping[str, TableStock], tables: TablesHere, now: datetime
) -> frozenset[str]:
    filled = {name for name, one in found.items() if one.rows}
    here = {platform for platform, needed in _PLATFORM_TABLES.items() if needed & filled}
    columns = {c.name for c in tables.table(workspace.name, "DeviceInfo") or ()}
    if "DeviceInfo" in found and "OSPlatform" in columns:
        for row in _rows(queries, workspace, "DeviceInfo | distinct OSPlatform", now, 4 * LOOKS_BACK):
            name = row["OSPlatform"].lower()
            here |= {p for p in ("Windows", "Linux", "macOS") if name.startswith(p.lower())}
    return frozenset(here)


def _rows(queries: Queries, workspace: Workspace, text: str, now: datetime, back: timedelta) -> list[dict[str, Any]]:
    options = QueryOptions(
        timeout=_TIMEOUT, now=now, time_column="TimeGenerated", since=now.astimezone(UTC) - back, until=now
    )
    return Result.of(queries.run(workspace, text, options).tables[0]).to_dicts()


def _short(name: str) -> str:
    return name.partition(".")[0].lower()
