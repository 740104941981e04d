"""What ATT&CK says of its techniques, out of a bundle that a person has brought.

MITRE's data are under terms of their own, so huntlake has none: `knowledge_of` reads the STIX bundle of a matrix, as
MITRE publishes it, or the compact form that `compacted` makes of one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from huntlake.core.errors import Invalid

LARGEST = 256 << 20
"""Bytes of a bundle; that of the enterprise matrix has some 50 MB."""

_ID = re.compile(r"T\d{4}(?:\.\d{3})?")
_LINK = re.compile(r"\[([^\]]{0,200})\]\([^)\s]{0,500}\)")
_CITATION = re.compile(r"\(Citation:[^)]{0,300}\)")
_TAG = re.compile(r"</?(?:code|b|i|em|strong)\s*>", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/?p)\s*/?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Procedure:
    """How somebody did it: the group, the campaign or the software, and a sentence."""

    by: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class AnalyticSource:
    """A log that shows a technique: its name, such as `WinEventLog:Security`, the channel, and the component."""

    name: str
    channel: str = ""
    component: str = ""


@dataclass(frozen=True, slots=True)
class Analytic:
    """How a technique could be seen on some platforms."""

    id: str
    text: str
    platforms: tuple[str, ...] = ()
    log_sources: tuple[AnalyticSource, ...] = ()
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class Technique:
    """A technique: what it is, how it was used, and how it could be seen."""

    id: str
    name: str
    description: str
    tactics: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    analytics: tuple[Analytic, ...] = ()


@dataclass(frozen=True, slots=True)
class Actor:
    """A group, a campaign or a piece of software, and its other names."""

    id: str
    name: str
    kind: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The techniques that there are now, what took the place of ids that were revoked, and the actors."""

    source: str
    techniques: tuple[Technique, ...]
    revoked: Mapping[str, str]
    actors_software: tuple[Actor, ...]


def knowledge_of(data: bytes) -> Knowledge:
    """What a file says; `Invalid` where it is neither a bundle of ATT&CK nor the compact form."""
    if len(data) > LARGEST:
        raise Invalid(f"the file has {len(data):,} bytes, and {LARGEST:,} are read at most")
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"that is no JSON: {error}") from None
    try:
        if isinstance(body, dict) and isinstance(body.get("objects"), list):
            found = _of_bundle(body["objects"])
        elif isinstance(body, dict) and isinstance(body.get("techniques"), list):
            found = _of_compact(body)
        else:
            raise Invalid("that is neither a STIX bundle of ATT&CK nor its compact form")
    except (KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"an object of the file is not as ATT&CK's are: {error}") from None
    if not found.techniques:
        raise Invalid("no technique is in the file")
    return found


def compacted(knowledge: Knowledge) -> bytes:
    """What of a bundle is needed, in a tenth of its size."""
    return orjson.dumps(asdict(knowledge))


def _of_compact(body: Mapping[str, Any]) -> Knowledge:
    return Knowledge(
        str(body.get("source", "")),
        tuple(
            Technique(
                t["id"],
                t["name"],
                t["description"],
                tuple(t.get("tactics", ())),
                tuple(t.get("platforms", ())),
                tuple(Procedure(p["by"], p.get("kind", ""), p["text"]) for p in t.get("procedures", ())),
                tuple(
                    Analytic(
                        a["id"],
                        a["text"],
                        tuple(a.get("platforms", ())),
                        tuple(
                            AnalyticSource(s["name"], s.get("channel") or "", s.get("component") or "")
                            for s in a.get("log_sources", ())
                        ),
                        a.get("strategy") or "",
                    )
                    for a in t.get("analytics", ())
                ),
            )
            for t in body["techniques"]
            if _ID.fullmatch(t["id"])
        ),
        {str(k): str(v) for k, v in body.get("revoked", {}).items()},
        tuple(
            Actor(a["id"], a["name"], a["kind"], tuple(a.get("aliases", ()))) for a in body.get("actors_software", ())
        ),
    )


def _of_bundle(objects: Iterable[Mapping[str, Any]]) -> Knowledge:
    known = {o["id"]: o for o in objects if isinstance(o, dict) and "id" in o}
    live = {i: o for i, o in known.items() if not o.get("revoked") and not o.get("x_mitre_deprecated")}
    procedures: dict[str, list[Procedure]] = defaultdict(list)
    strategies: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    revoked: dict[str, str] = {}
    for one in known.values():
        if one.get("type") != "relationship" or one.get("revoked") or one.get("x_mitre_deprecated"):
            continue
        source, target = known.get(one["source_ref"]), known.get(one["target_ref"])
        if source is None or target is None:
            continue
        match one.get("relationship_type"):
            case "uses" if target["type"] == "attack-pattern" and one.get("description"):
                by = Procedure(source["name"], source["type"], _plain(one["description"]))
                procedures[one["target_ref"]].append(by)
            case "revoked-by":
                revoked[_external(source)] = _external(target)
            case "detects" if source["type"] == "x-mitre-detection-strategy":
                strategies[one["target_ref"]].append(source)
    techniques = [
        Technique(
            id,
            one["name"],
            _plain(one.get("description", "")),
            tuple(p["phase_name"] for p in one.get("kill_chain_phases", ())),
            tuple(one.get("x_mitre_platforms", ())),
            tuple(procedures[key]),
            tuple(
                _analytic(live[ref], strategy, known)
                for strategy in strategies[key]
                for ref in strategy.get("x_mitre_analytic_refs", ())
                if ref in live
            ),
        )
        for key, one in live.items()
        if one.get("type") == "attack-pattern" and _ID.fullmatch(id := _external(one))
    ]
    actors = [
        Actor(_external(o), o["name"], o["type"], tuple(o.get("aliases") or o.get("x_mitre_aliases") or ()))
        for o in live.values()
        if o.get("type") in ("intrusion-set", "campaign", "malware", "tool")
    ]
    version = next((o.get("x_mitre_version", "") for o in known.values() if o.get("type") == "x-mitre-collection"), "")
    techniques.sort(key=lambda t: t.id)
    return Knowledge(f"ATT&CK {version}".strip(), tuple(techniques), revoked, tuple(sorted(actors, key=lambda a: a.id)))


def _analytic(one: Mapping[str, Any], strategy: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Analytic:
    sources = tuple(
        AnalyticSource(
            s.get("name") or "",
            s.get("channel") or "",
            known.get(s.get("x_mitre_data_component_ref", ""), {}).get("name", ""),
        )
        for s in one.get("x_mitre_log_source_references", ())
    )
    text = _plain(one.get("description", ""))
    return Analytic(_external(one), text, tuple(one.get("x_mitre_platforms", ())), sources, strategy.get("name", ""))


def _external(one: Mapping[str, Any]) -> str:
    names = ("mitre-attack", "mitre-mobile-attack", "mitre-ics-attack")
    references = one.get("external_references", ())
    return next((str(r.get("external_id", "")) for r in references if r.get("source_name") in names), "")


def _plain(text: str) -> str:
    text = _CITATION.sub("", _LINK.sub(r"\1", text))
    return " ".join(_TAG.sub("", _BREAK.sub(" ", text)).split())
