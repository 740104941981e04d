"""Objects of STIX 2.1 as signals: one for each report, for each actor with what it uses, for the indicators left."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.core.json_lines import why_no_mapping
from huntlake.detection.intel.patterns import pattern_of
from huntlake.detection.intel.stix import moment
from huntlake.hunting.extraction.attack import Attack
from huntlake.hunting.extraction.indicators import IndicatorKind
from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.gathering import Gathering, digest_of
from huntlake.hunting.signals.signal import Signal

MOST_OBJECTS = 200_000
TYPES = (
    "report", "grouping", "indicator", "attack-pattern", "intrusion-set", "threat-actor", "campaign", "malware", "tool",
    "vulnerability", "relationship",
)  # fmt: skip
"""The types of objects that something is read out of."""

_ACTORS = frozenset({"intrusion-set", "threat-actor", "campaign"})
_SOFTWARE = frozenset({"malware", "tool"})
_REPORTS = frozenset({"report", "grouping"})
_LONGEST_NAME = 300
_ID = re.compile(r"[a-z][a-z0-9-]{1,60}--[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class StixSource:
    """Whose objects they are: `source` is `stix` or `taxii`, `reference` the file or collection."""

    source: str
    reference: str
    received: datetime
    trust: float
    attack: Attack


@dataclass(frozen=True)
class StixSignals:
    """The signals of some objects, and which of them were refused, by their place in the list, and why."""

    signals: tuple[Signal, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


def signals_of_stix(objects: Sequence[Any], of: StixSource) -> StixSignals:
    """The signals that objects are; one that can't be used is refused alone, with its place."""
    if len(objects) > MOST_OBJECTS:
        raise LimitExceeded(f"{len(objects):,} objects are more than the {MOST_OBJECTS:,} that are read at once")
    return _Bundle(objects, of).signals()


def missing_of(objects: Sequence[Any]) -> list[str]:
    """The ids that reports and relationships refer to, of types that something is read out of, and that aren't among
    the objects.
    """
    held = {_text(one, "id") for one in objects if isinstance(one, dict)}
    wanted: dict[str, None] = {}
    for one in objects:
        if isinstance(one, dict):
            refs = one.get("object_refs") if _text(one, "type") in _REPORTS else None
            given = [*(refs if isinstance(refs, list) else ()), one.get("source_ref"), one.get("target_ref")]
            wanted |= dict.fromkeys(ref for ref in given if isinstance(ref, str) and _ID.fullmatch(ref))
    return [ref for ref in wanted if ref not in held and ref.partition("--")[0] in TYPES]


class _Bundle:
    def __init__(self, objects: Sequence[Any], of: StixSource) -> None:
        self._of = of
        self._known: dict[str, Mapping[str, Any]] = {}
        self._uses: dict[str, list[str]] = defaultdict(list)
        self._refused: list[tuple[str, str]] = []
        self._used: set[str] = set()
        self._missing = frozenset(missing_of(objects))
        for place, one in enumerate(objects):
            named = f"object {place + 1}"
            if not isinstance(one, dict):
                self._refused.append((named, why_no_mapping(one)))
                continue
            type, id = _text(one, "type"), one.get("id")
            if not type:
                self._refused.append((named, "it has no `type`"))
                continue
            if type not in TYPES:
                continue
            if not isinstance(id, str) or not id.startswith(f"{type}--") or len(id) > 100:
                self._refused.append((named, f"its `id` is not `{type}--` and a GUID"))
                continue
            if one.get("revoked") is True:
                continue
            before = self._known.get(id)
            # Of several versions the last that was modified counts.
            if before is None or str(one.get("modified", "")) >= str(before.get("modified", "")):
                self._known[id] = one
        for one in self._known.values():
            if one["type"] == "relationship" and one.get("relationship_type") in ("uses", "indicates", "attributed-to"):
                source, target = one.get("source_ref"), one.get("target_ref")
                if isinstance(source, str) and isinstance(target, str):
                    self._uses[source].append(target)

    def signals(self) -> StixSignals:
        found = [self._report(one) for one in self._of_types(_REPORTS)]
        found += [self._actor(one) for one in self._of_types(_ACTORS | _SOFTWARE) if one["id"] not in self._used]
        found.append(self._left())
        return StixSignals(tuple(one for one in found if one is not None), tuple(self._refused))

    def _of_types(self, types: Iterable[str]) -> list[Mapping[str, Any]]:
        return [one for _, one in sorted(self._known.items()) if one["type"] in types]

    def _report(self, one: Mapping[str, Any]) -> Signal | None:
        refs = one.get("object_refs", [])
        held = [ref for ref in refs if isinstance(ref, str)] if isinstance(refs, list) else []
        gathered = Gathering()
        if not isinstance(refs, list) or len(held) < len(refs):
            gathered.remarks["of its `object_refs` not every one is an id"] = None
        gathered.text(_text(one, "description"), _text(one, "name"), self._of.attack)
        if absent := sum(ref in self._missing for ref in held):
            gathered.remarks[f"objects that it refers to and that are not here: {absent}"] = None
        self._add_all(gathered, held)
        return self._made(gathered, one, SignalKind.REPORT)

    def _actor(self, one: Mapping[str, Any]) -> Signal | None:
        gathered = Gathering()
        gathered.text(_text(one, "description"), _text(one, "name"), self._of.attack)
        self._add_all(gathered, [one["id"]])
        # A name alone is nothing to hunt for.
        if not gathered.techniques and not gathered.indicators:
            return None
        return self._made(gathered, one, SignalKind.REPORT)

    def _left(self) -> Signal | None:
        left = [one for one in self._of_types({"indicator"}) if one["id"] not in self._used]
        if not left:
            return None
        gathered = Gathering()
        self._add_all(gathered, [one["id"] for one in left])
        if not gathered.indicators:
            self._refused += [(remark, "") for remark in gathered.remarks]
            return None
        times = [at for one in left if (at := self._moment(one, "valid_from", "modified", "created")) is not None]
        count = len(gathered.indicators)
        many = "1 indicator" if count == 1 else f"{count:,} indicators"
        return Signal(
            SignalKind.INDICATOR,
            f"{many} of {self._of.reference}"[:_LONGEST_NAME],
            self._of.source,
            self._of.reference,
            max(times, default=self._of.received),
            self._of.received,
            self._of.trust,
            digest_of(f"{one['id']} {one.get('modified', '')}" for one in left),
            "\n".join(gathered.texts),
            f"{len(left)} indicators that no report holds",
            tuple(gathered.techniques.values()),
            tuple(gathered.indicators.values()),
            actors=tuple(gathered.actors),
            software=tuple(gathered.software),
            remarks=tuple(gathered.remarks),
        )

    def _add_all(self, gathered: Gathering, refs: Sequence[str]) -> None:
        """What those objects say, and what relationships lead to from them, once further."""
        seen = dict.fromkeys(refs)
        for ref in refs:
            seen |= dict.fromkeys(self._uses.get(ref, ()))
        for ref in seen:
            if (one := self._known.get(ref)) is not None:
                self._used.add(ref)
                self._add(gathered, one)

    def _add(self, gathered: Gathering, one: Mapping[str, Any]) -> None:
        name, place = _text(one, "name")[:_LONGEST_NAME], str(one["id"])
        match one["type"]:
            case "attack-pattern":
                ids = _external(one)
                for id in ids:
                    gathered.technique(id, f"{id} {name}", place)
                if not ids:
                    gathered.remarks[f"the attack pattern `{name[:80]}` has no id of ATT&CK"] = None
            case "intrusion-set" | "threat-actor" | "campaign" if name:
                gathered.actors[name] = None
            case "malware" | "tool" if name:
                gathered.software[name] = None
            case "vulnerability":
                for reference in _mappings(one.get("external_references")):
                    id = _text(reference, "external_id")
                    if reference.get("source_name") == "cve" and not gathered.indicator(
                        IndicatorKind.CVE, id, name, place
                    ):
                        gathered.remarks[f"{place}: `{id[:40]}` is no id of CVE"] = None
            case "indicator":
                self._indicator(gathered, one, place)

    def _indicator(self, gathered: Gathering, one: Mapping[str, Any], place: str) -> None:
        until = self._moment(one, "valid_until")
        if until is not None and until <= self._of.received:
            gathered.remarks["indicators that have expired were passed over"] = None
            return
        pattern = pattern_of(_text(one, "pattern"), _text(one, "pattern_type") or "stix")
        if pattern.left_out:
            gathered.remarks[f"{place}: {pattern.left_out}"[:_LONGEST_NAME]] = None
        for observable in pattern.observables:
            if not gathered.observable(observable, place):
                gathered.remarks[f"{place}: `{observable.key[:60]}` is not supported"] = None

    def _made(self, gathered: Gathering, one: Mapping[str, Any], kind: SignalKind) -> Signal | None:
        name = _text(one, "name")
        if gathered.is_empty:
            self._refused.append((str(one["id"]), "nothing in it could be hunted for"))
            return None
        said = "\n".join(gathered.texts)
        return Signal(
            kind,
            (name or str(one["id"]))[:_LONGEST_NAME],
            self._of.source,
            f"{self._of.reference}: {one['id']}",
            self._moment(one, "published", "modified", "created") or self._of.received,
            self._of.received,
            self._trust(one),
            digest_of((str(one["id"]), str(one.get("modified", "")))),
            said,
            said[:400],
            tuple(gathered.techniques.values()),
            tuple(gathered.indicators.values()),
            actors=tuple(gathered.actors),
            software=tuple(gathered.software),
            properties={"type": str(one["type"])},
            remarks=tuple(gathered.remarks),
        )

    def _trust(self, one: Mapping[str, Any]) -> float:
        """The source's, less where the object itself is said to be doubtful."""
        said = one.get("confidence")
        return self._of.trust * said / 100 if type(said) is int and 0 < said <= 100 else self._of.trust

    def _moment(self, one: Mapping[str, Any], *names: str) -> datetime | None:
        for name in names:
            try:
                if (at := moment(one.get(name), name)) is not None:
                    return at
            except Invalid as error:
                self._refused.append((str(one.get("id")), str(error)))
        return None


def _external(one: Mapping[str, Any]) -> list[str]:
    found = [
        _text(reference, "external_id")
        for reference in _mappings(one.get("external_references"))
        if _text(reference, "source_name") in ("mitre-attack", "mitre-mobile-attack", "mitre-ics-attack")
    ]
    return [id for id in found if id]


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) else ""
