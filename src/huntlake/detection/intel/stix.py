"""Objects of STIX 2.1 as indicators: bundles, envelopes of TAXII, lists, and lines of objects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from huntlake.core.errors import Invalid
from huntlake.core.json_lines import json_lines, why_no_mapping
from huntlake.detection.indicators import ExternalReference, Indicator, KillChainPhase

_ID = re.compile(r"indicator--[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST = 1 << 16


@dataclass(frozen=True)
class Gathered:
    """The indicators of a file or a page by their id, how many objects there were of other types, and what is wrong."""

    indicators: tuple[tuple[str, Indicator], ...] = ()
    others: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[tuple[str, str], ...] = ()


def read_objects(text: bytes) -> list[Any]:
    """The objects of a bundle, of an envelope, of a list, or of lines; `Invalid` where none is an object of STIX.

    A line that is no JSON is an `Unreadable` among them.
    """
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        body = json_lines(text)
    if isinstance(body, dict):
        body = body["objects"] if isinstance(body.get("objects"), list) else [body]
    if not isinstance(body, list) or (body and not any(isinstance(one, dict) and "type" in one for one in body)):
        raise Invalid("a bundle of STIX has `objects` with a `type`, and there are none")
    return body


def gathered(objects: Iterable[Any], source: str) -> Gathered:
    """The indicators among objects; one that can't be used is refused alone."""
    found: list[tuple[str, Indicator]] = []
    others: Counter[str] = Counter()
    refused: list[tuple[str, str]] = []
    for place, one in enumerate(objects, start=1):
        if not isinstance(one, dict):
            refused.append((f"object {place}", why_no_mapping(one)))
        elif one.get("type") != "indicator":
            others[str(one.get("type"))[:60]] += 1
        else:
            id = str(one.get("id", ""))
            try:
                found.append((id, _indicator(id, one, source)))
            except Invalid as error:
                refused.append((id[:60] or f"object {place}", str(error)))
    return Gathered(tuple(found), dict(others), tuple(refused))


def moment(text: Any, name: str) -> datetime | None:
    """A time of STIX in UTC, None for none; `Invalid` for what is none."""
    if text in (None, ""):
        return None
    try:
        # STIX allows more digits of a second than there are microseconds.
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(text)))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"`{name}` is not a time: `{str(text)[:40]}`") from None


def _indicator(id: str, given: Mapping[str, Any], source: str) -> Indicator:
    if not _ID.fullmatch(id):
        raise Invalid("its `id` is not `indicator--` and a GUID")
    pattern = given.get("pattern")
    if not isinstance(pattern, str) or not pattern:
        raise Invalid("it has no `pattern`")
    if len(pattern) > _LONGEST:
        raise Invalid(f"its pattern is longer than {_LONGEST} characters")
    confidence = given.get("confidence")
    if confidence is not None and (type(confidence) is not int or not 0 <= confidence <= 100):
        raise Invalid("its `confidence` is not a number from 0 to 100")
    since, until = moment(given.get("valid_from"), "valid_from"), moment(given.get("valid_until"), "valid_until")
    if since and until and until <= since:
        raise Invalid("its `valid_until` is not after its `valid_from`")
    phases = given.get("kill_chain_phases")
    references = given.get("external_references")
    return Indicator(
        pattern=pattern,
        pattern_type=_text(given, "pattern_type") or "stix",
        display_name=_text(given, "name"),
        source=source,
        description=_text(given, "description") or None,
        threat_types=_texts(given, "indicator_types"),
        indicator_types=_texts(given, "indicator_types"),
        labels=_texts(given, "labels"),
        confidence=confidence,
        valid_from=since,
        valid_until=until,
        revoked=given.get("revoked") is True,
        pattern_version=_text(given, "pattern_version") or None,
        kill_chain_phases=tuple(
            KillChainPhase(_text(p, "kill_chain_name"), _text(p, "phase_name")) for p in _mappings(phases)
        ),
        external_id=id,
        external_references=tuple(
            ExternalReference(
                _text(r, "source_name") or None,
                _text(r, "description") or None,
                _text(r, "external_id") or None,
                _text(r, "url") or None,
            )
            for r in _mappings(references)
        ),
        external_last_updated=moment(given.get("modified"), "modified"),
        created_by_ref=_text(given, "created_by_ref") or None,
        object_marking_refs=_texts(given, "object_marking_refs"),
        language=_text(given, "lang") or None,
        created=moment(given.get("created"), "created"),
    )


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return value[:_LONGEST] if isinstance(value, str) else ""


def _texts(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = given.get(name)
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
