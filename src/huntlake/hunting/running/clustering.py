"""Rows that are alike, together: by what they say once what differs by chance is masked."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from huntlake.detection.extraction import mapped, text_of
from huntlake.detection.rules import EntityMapping

MOST_CLUSTERS, MOST_ENTITIES, MOST_SAMPLE = 200, 50, 5
"""What is kept of a run's clusters, of a cluster's entities, and of its rows."""

TELLING = (
    "ActionType",
    "OperationName",
    "OperationNameValue",
    "Operation",
    "EventID",
    "EventName",
    "EventType",
    "Activity",
    "Category",
    "AppDisplayName",
    "ResourceDisplayName",
    "ResultType",
    "FileName",
    "FolderPath",
    "Process",
    "NewProcessName",
    "ParentProcessName",
    "ProcessCommandLine",
    "CommandLine",
    "InitiatingProcessFileName",
    "InitiatingProcessCommandLine",
    "RegistryKey",
    "RegistryValueName",
    "ServiceName",
    "TaskName",
    "RemoteUrl",
    "Url",
    "DestinationHostName",
    "Subject",
    "RuleName",
)
"""Columns that say what happened, rather than to whom or when. Where a row has none, its entities tell it."""

_MASKS = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE), "<guid>"),
    (re.compile(r"\bS-1-5-[\d-]+", re.IGNORECASE), "<sid>"),
    (re.compile(r"(?i)(\\users\\|/home/)[^\\/\"' ]+"), r"\1<user>"),
    (re.compile(r"(?<![\w+/=])(?=[\w+/]*\d)(?=[\w+/]*[A-Za-z])[A-Za-z0-9+/]{24,}={0,2}(?![\w+/=])"), "<blob>"),
    (re.compile(r"\b[0-9a-f]{12,}\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"\d+"), "#"),
)
_LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are alike. `entities` are pairs of type and value, the most frequent first."""

    signature: str
    title: str
    rows: tuple[Mapping[str, Any], ...]
    first: datetime | None
    last: datetime | None
    entities: tuple[tuple[str, str], ...]


def masked(value: str) -> str:
    """A text in which what differs by chance (ids, numbers, users' folders, encoded blobs) says only what it is."""
    value = value[:_LONGEST]
    for pattern, name in _MASKS:
        value = pattern.sub(name, value)
    return " ".join(value.lower().split())


def grouped(rows: Sequence[Mapping[str, Any]], entities: Sequence[EntityMapping]) -> list[Group]:
    """The rows in groups; those with most rows first, and of as many by their signature."""
    found: dict[tuple[tuple[str, str], ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[_said(row, entities)].append(row)
    groups = [_group(said, held, entities) for said, held in found.items()]
    return sorted(groups, key=lambda group: (-len(group.rows), group.signature))


def entities_of(row: Mapping[str, Any], mappings: Sequence[EntityMapping]) -> list[tuple[str, str]]:
    """The entities that a row names, each as its type and one text."""
    found = []
    for mapping in mappings:
        if (entity := mapped(mapping, row)) is not None:
            known = entity.properties
            name, suffix = str(known.get("accountName") or ""), str(known.get("upnSuffix") or "")
            domain = str(known.get("ntDomain") or known.get("dnsDomain") or "")
            if name:
                text = f"{name}@{suffix}" if suffix else f"{domain}\\{name}" if domain else name
            elif host := str(known.get("hostName") or ""):
                text = f"{host}.{domain}" if known.get("dnsDomain") else host
            else:
                text = " ".join(str(v) for v in known.values() if v not in (None, ""))
            found.append((mapping.entity_type, text))
    return found


def _said(row: Mapping[str, Any], entities: Sequence[EntityMapping]) -> tuple[tuple[str, str], ...]:
    said = tuple((name, masked(text)) for name in TELLING if (text := text_of(row.get(name))))
    return said or tuple((type, value.lower()) for type, value in entities_of(row, entities))


def _group(
    said: tuple[tuple[str, str], ...], rows: Sequence[Mapping[str, Any]], mappings: Sequence[EntityMapping]
) -> Group:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        for entity in entities_of(row, mappings):
            counts[entity] += 1
    order = sorted(counts, key=lambda entity: (-counts[entity], entity))
    times = sorted(moment for row in rows if (moment := _moment(row.get("TimeGenerated"))) is not None)
    signature = hashlib.sha256(orjson.dumps(said)).hexdigest()[:16]
    # An engine with threads gives rows in any order.
    kept = sorted(rows, key=lambda row: orjson.dumps(row, option=orjson.OPT_SORT_KEYS, default=str))
    title = " · ".join(value for _, value in said)[:200] or "rows"
    first, last = (times[0], times[-1]) if times else (None, None)
    return Group(signature, title, tuple(kept), first, last, tuple(order))


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
