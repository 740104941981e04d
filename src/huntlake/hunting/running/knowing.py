"""What a workspace knows that tells an attack from what is usual: its intel, alerts, watchlists, and earlier runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.detection.alerts import Alert
from huntlake.detection.indicators import Indicator, comparisons
from huntlake.hunting.running.run import HuntRun, Verdict
from huntlake.hunting.running.triage import Facts, GoodThing
from huntlake.hunting.scoring import yielded
from huntlake.state.records import Records
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.watchlists import Watchlists
from huntlake.workspace.workspaces import Workspace

KNOWN_GOOD = "KnownGood"
"""The alias of the watchlist of what is harmless: `Value`, and if wanted `Column` and `Reason`."""
CRITICAL = ("HighValueAssets", "VIPUsers", "ServiceAccounts")
"""The aliases of the watchlists of what matters most, as Sentinel's templates name them."""

_NEAR = timedelta(hours=72)
_RISKY = timedelta(days=14)
_MOST_PRIORITY = 10
_RISK = (
    "BehaviorAnalytics | summarize Priority = max(InvestigationPriority) by UserName, SourceDevice "
    "| where Priority > 0 | top 10000 by Priority"
)


@dataclass(frozen=True)
class Knowing:
    """Where what is known comes from."""

    queries: Queries
    watchlists: Watchlists
    indicators: Records[Indicator]
    alerts: Records[Alert]

    def facts(self, workspace: Workspace, until: datetime, earlier: Iterable[HuntRun]) -> Facts:
        """What is known at the end of a window, for a hunt that had these runs before."""
        runs = list(earlier)
        seen: dict[str, int] = {}
        for run in runs:
            for cluster in run.clusters:
                seen[cluster.signature] = seen.get(cluster.signature, 0) + 1
        threats = self._threats(workspace, until)
        critical = self._values(workspace, CRITICAL)
        alerted = self._alerted(workspace, until)
        risks = self._risks(workspace, until)
        good, judged = precision(runs)
        return Facts(
            seen=lambda signature: seen.get(signature, 0) / len(runs) if runs else 0.0,
            indicator=lambda value: float(value.lower() in threats),
            risk=lambda value: max((risks.get(name, 0.0) for name in _names(value)), default=0.0),
            criticality=lambda value: float(not critical.isdisjoint(_names(value))),
            neighbours=lambda value: float(not alerted.isdisjoint(_names(value))),
            prior=yielded(good, judged),
            good=self._good(workspace),
        )

    def _threats(self, workspace: Workspace, at: datetime) -> frozenset[str]:
        found = set()
        for document in self.indicators.list((workspace.name,)):
            indicator = document.value
            if indicator.revoked or (indicator.valid_until is not None and indicator.valid_until < at):
                continue
            found |= {one.value.lower() for one in comparisons(indicator.pattern)}
        return frozenset(found)

    def _values(self, workspace: Workspace, aliases: Sequence[str]) -> frozenset[str]:
        found = set()
        for alias in aliases:
            if (kept := self.watchlists.find(workspace.name, alias)) is not None:
                found |= {value.lower() for item in kept[1].value for value in item.fields.values() if len(value) > 2}
        return frozenset(found)

    def _good(self, workspace: Workspace) -> tuple[GoodThing, ...]:
        kept = self.watchlists.find(workspace.name, KNOWN_GOOD)
        items: Sequence[Mapping[str, str]] = [item.fields for item in kept[1].value] if kept else []
        return tuple(
            GoodThing(item["Value"], item.get("Reason", ""), item.get("Column", ""))
            for item in items
            if item.get("Value", "").strip()
        )

    def _alerted(self, workspace: Workspace, until: datetime) -> frozenset[str]:
        found: set[str] = set()
        for document in self.alerts.list((workspace.name,)):
            alert = document.value
            if alert.started is not None and abs(alert.started - until) <= _NEAR:
                for entity in alert.entities:
                    for name in ("accountName", "hostName", "address"):
                        if value := str(entity.properties.get(name) or ""):
                            found.add(value.lower())
        return frozenset(found)

    def _risks(self, workspace: Workspace, until: datetime) -> Mapping[str, float]:
        options = QueryOptions(
            timeout=timedelta(seconds=20), now=until, time_column="TimeGenerated", since=until - _RISKY, until=until
        )
        try:
            table = self.queries.run(workspace, _RISK, options).tables[0]
            rows: list[dict[str, Any]] = orjson.loads(b"[" + b",".join(table.json_objects()) + b"]")
        except (SourceError, DomainError):
            return {}  # nobody looks at behaviour here
        found: dict[str, float] = {}
        for row in rows:
            for column in ("UserName", "SourceDevice"):
                for name in _names(str(row.get(column) or "")):
                    found[name] = max(found.get(name, 0.0), min(1.0, float(row["Priority"]) / _MOST_PRIORITY))
        return found


def precision(runs: Iterable[HuntRun]) -> tuple[int, int]:
    """How many clusters were worth a look, and how many were judged; what was inconclusive is neither."""
    judged = [o.verdict for run in runs for o in run.outcomes if o.verdict is not Verdict.INCONCLUSIVE]
    return sum(verdict is not Verdict.FALSE_POSITIVE for verdict in judged), len(judged)


def _names(value: str) -> frozenset[str]:
    """What somebody or something may be called besides: without its domain, too."""
    text = value.strip().lower()
    short = text.rpartition("\\")[2].partition("@")[0]
    host = text.partition(".")[0] if not text.replace(".", "").isdigit() else ""
    return frozenset(name for name in (text, short, host) if len(name) > 1)
