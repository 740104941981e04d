"""`ThreatIntelIndicators` and `ThreatIntelligenceIndicator` as queries see them: the indicators as they stand now.

Rows that were brought here, by the demo or an import, stand beside them in the same tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any, cast
from uuid import uuid4

import orjson

from huntlake.core.clock import Clock
from huntlake.detection.indicators import changes_of, collection
from huntlake.detection.intel.patterns import Observable, ObservableKind, pattern_of
from huntlake.detection.rows import written
from huntlake.detection.tables import arrow_of
from huntlake.engines.duckdb.database import Database
from huntlake.engines.duckdb.sources import memory_sql
from huntlake.kql.plan import Path
from huntlake.kql.types import Column, ScalarType
from huntlake.state.documents import Shelf
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.table_sources import Demand, KeptRows, Look, Reading, Scan, TableSource
from huntlake.workspace.visible import WorkspaceNamed

INDICATORS, LEGACY = "ThreatIntelIndicators", "ThreatIntelligenceIndicator"
TABLES = (INDICATORS, LEGACY)
_FROM, _UNTIL = "_HuntlakeFrom", "_HuntlakeUntil"
_ACTIVE = {INDICATORS: "IsActive", LEGACY: "Active"}
_LAPSED = dict.fromkeys(_ACTIVE.values(), False)
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""When an indicator ends that has no end: queries compare the time, and nothing is later than nothing."""


@dataclass(frozen=True)
class _Kept:
    """The rows of one table: as they are while their indicator is valid, and as they are when it isn't."""

    version: str
    day: datetime
    known: frozenset[str]
    """The columns that they have; all others are empty."""
    valid: KeptRows | None
    other: KeptRows | None


@dataclass
class IntelTables:
    """The indicators of the state database as tables, joined with the lake's of the same names.

    Each has a row for each observable of its pattern. Rows are made when the indicators have changed, and once a day:
    an indicator is told anew every day, so that queries over the last days see it.
    """

    shelf: Shelf
    lake: TableSource
    catalogue: Catalogue
    database: Database
    clock: Clock
    workspaces: WorkspaceNamed
    _kept: dict[tuple[str, str], _Kept] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        return self.lake.table(workspace, name) if name in TABLES else None

    def names(self, workspace: str) -> tuple[str, ...]:
        return ()

    def names_with_rows(self, workspace: str) -> tuple[str, ...]:
        return TABLES if self._has_rows(workspace) else ()

    def known_empty(self, workspace: str, name: str) -> bool:
        return not self._has_rows(workspace) and self.lake.known_empty(workspace, name)

    def look(self, workspace: str, demand: Demand) -> Look | None:
        return None

    def hot_paths(self, workspace: str, name: str) -> frozenset[Path]:
        return frozenset()

    def read(self, workspace: str, scan: Scan) -> Reading:
        kept = self._rows(workspace, scan.table)
        if kept.valid is None or kept.other is None:
            return self.lake.read(workspace, scan)
        now = f"timestamp '{self.clock.now().astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"
        valid = f'"{_FROM}" <= {now} and "{_UNTIL}" > {now}'
        found = [
            f"{memory_sql(kept.valid.name, scan.columns, scan.sql_names, kept.known)} where {valid}",
            f"{memory_sql(kept.other.name, scan.columns, scan.sql_names, kept.known)} where not ({valid})",
        ]
        held: list[object] = [kept]
        if not self.lake.known_empty(workspace, scan.table):
            lake = self.lake.read(workspace, scan)
            found.append(lake.sql)
            held.append(lake.held)
        return Reading(" union all ".join(f"({sql})" for sql in found), held=tuple(held))

    def _has_rows(self, workspace: str) -> bool:
        # Whoever has written an indicator has left its mark.
        return self.shelf.read(*changes_of(workspace)) is not None

    def _rows(self, workspace: str, table: str) -> _Kept:
        mark = self.shelf.read(*changes_of(workspace))
        version = mark[1] if mark else ""
        day = self.clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        with self._lock:
            kept = self._kept.get((workspace, table))
            if kept is None or (kept.version, kept.day) != (version, day):
                kept = self._kept[workspace, table] = self._read(workspace, table, version, day)
            return kept

    def _read(self, workspace: str, table: str, version: str, day: datetime) -> _Kept:
        found = self.workspaces(workspace)
        id = found.id if found else ""
        make = _row if table == INDICATORS else _legacy_row
        cells = [
            cell
            for _, document, _ in (self.shelf.read_all(collection(workspace)) if version else ())
            for cell in _cells(cast("dict[str, Any]", document), make, day, id)
        ]
        if not cells:
            return _Kept(version, day, frozenset(), None, None)
        filled = {name for cell in cells for name in cell}
        same = {"TenantId": id} if id else {}
        columns = [c for c in self._columns(table) if c.name in filled or c.name in same]
        columns += [Column(_FROM, ScalarType.DATETIME), Column(_UNTIL, ScalarType.DATETIME)]
        known = frozenset(c.name for c in columns)
        valid = arrow_of(columns, cells, same)
        active = valid.column_names.index(_ACTIVE[table])
        other = valid.set_column(active, _ACTIVE[table], arrow_of([columns[active]], [{}] * len(cells), _LAPSED)[0])
        return _Kept(version, day, known, self._keep(valid), self._keep(other))

    def _keep(self, rows: Any) -> KeptRows:
        return KeptRows(self.database, f"indicators {uuid4()}", rows)

    def _columns(self, name: str) -> Sequence[Column]:
        known = self.catalogue.table(name)
        assert known is not None
        return known.columns


def _cells(document: dict[str, Any], make: Any, day: datetime, workspace: str) -> Iterator[dict[str, Any]]:
    name, value = document["name"], document["value"]
    observables: Sequence[Observable | None] = pattern_of(value["pattern"], value["pattern_type"]).observables
    since, until = _time(value["valid_from"]), _time(value["valid_until"]) or _NEVER
    changed = _time(value["external_last_updated"]) or _time(value["modified"]) or day
    said = {
        # In each cell that it fills, a time is of UTC and without a zone.
        "TimeGenerated": written(max(day, min(_time(value["modified"]) or day, day.replace(hour=23, minute=59)))),
        "Tags": ",".join((*value["tags"], *value["labels"])),
        "SourceSystem": value["source"],
        _FROM: written(since or datetime(1, 1, 1, tzinfo=UTC)),
        _UNTIL: written(until),
    }
    for observable in observables or (None,):
        yield {**said, **make(name, value, observable, since, until, changed, workspace)}


def _row(
    name: str,
    value: Mapping[str, Any],
    observable: Observable | None,
    since: datetime | None,
    until: datetime,
    changed: datetime,
    workspace: str,
) -> dict[str, Any]:
    """A row of `ThreatIntelIndicators`."""
    return {
        "Id": name,
        "Pattern": value["pattern"],
        "ObservableKey": observable.key if observable else "",
        "ObservableValue": observable.value if observable else "",
        "Confidence": value["confidence"],
        "Created": written(_time(value["created"])),
        "Modified": written(changed),
        "ValidFrom": written(since),
        "ValidUntil": written(until),
        "Revoked": value["revoked"],
        "IsActive": not value["revoked"],
        "IsDeleted": False,
        "Data": orjson.dumps(_stix(name, value)).decode(),
        "WorkspaceId": workspace,
        "Type": INDICATORS,
    }


def _stix(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """The indicator as STIX has it, as far as it says something."""
    said = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": name,
        "created_by_ref": value["created_by_ref"],
        "created": value["created"],
        "modified": value["external_last_updated"] or value["modified"],
        "revoked": value["revoked"],
        "labels": value["labels"],
        "confidence": value["confidence"],
        "lang": value["language"],
        "object_marking_refs": value["object_marking_refs"],
        "name": value["display_name"],
        "description": value["description"],
        "indicator_types": value["indicator_types"] or value["threat_types"],
        "pattern": value["pattern"],
        "pattern_type": value["pattern_type"],
        "pattern_version": value["pattern_version"],
        "valid_from": value["valid_from"],
        "valid_until": value["valid_until"],
        "kill_chain_phases": value["kill_chain_phases"],
        "external_references": [{k: v for k, v in r.items() if v} for r in value["external_references"]],
    }
    return {k: v for k, v in said.items() if v not in (None, "", [])}


def _legacy_row(
    name: str,
    value: Mapping[str, Any],
    observable: Observable | None,
    since: datetime | None,
    until: datetime,
    changed: datetime,
    workspace: str,
) -> dict[str, Any]:
    """A row of `ThreatIntelligenceIndicator`."""
    threats = value["threat_types"]
    row = {
        "IndicatorId": name,
        "ExternalIndicatorId": value["external_id"] or "",
        "IndicatorProvider": value["source"],
        "Description": value["description"] or value["display_name"],
        "ThreatType": threats[0] if threats else "",
        "ConfidenceScore": value["confidence"],
        "ExpirationDateTime": written(until),
        "Active": not value["revoked"],
        "Action": "alert",
        "Type": LEGACY,
    }
    if observable is None:
        return row
    match observable.kind:
        case ObservableKind.ADDRESS:
            row["NetworkIP"] = observable.value
        case ObservableKind.NETWORK:
            row["NetworkCidrBlock"] = observable.value
        case ObservableKind.DOMAIN:
            row["DomainName"] = observable.value
        case ObservableKind.URL:
            row["Url"] = observable.value
        case ObservableKind.MAIL:
            row["EmailSenderAddress"] = observable.value
        case ObservableKind.HASH:
            row["FileHashValue"] = observable.value
            row["FileHashType"] = {32: "MD5", 40: "SHA1", 64: "SHA256"}[len(observable.value)]
        case None:
            pass
    return row


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
