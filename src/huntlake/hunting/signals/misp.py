"""Events of MISP as signals: attributes are indicators, galaxies are techniques, actors and software."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.hunting.extraction.attack import Attack
from huntlake.hunting.extraction.indicators import IndicatorKind
from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.gathering import Gathering, digest_of
from huntlake.hunting.signals.signal import Signal

LARGEST = 32 << 20
MOST_EVENTS, MOST_ATTRIBUTES = 50_000, 100_000

_LATEST = 253_402_300_799
"""The last second of the year 9999, which is the last there is."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TAG = re.compile(r'misp-galaxy:(?P<galaxy>[a-z0-9-]{1,60})="(?P<value>[^"]{1,300})"')
_ID = re.compile(r"\b(?P<id>T\d{4}(?:\.\d{3})?)\s*$|^\s*(?P<first>T\d{4}(?:\.\d{3})?)\b")
_ACTORS = frozenset({"threat-actor", "mitre-intrusion-set", "mitre-campaign", "microsoft-activity-group"})
_SOFTWARE = frozenset(
    {"malpedia", "mitre-malware", "mitre-tool", "ransomware", "rat", "tool", "botnet", "banker", "stealer", "backdoor"}
)
_KINDS: Mapping[str, tuple[IndicatorKind, ...]] = {
    "ip-src": (IndicatorKind.IPV4,),
    "ip-dst": (IndicatorKind.IPV4,),
    "ip-src|port": (IndicatorKind.IPV4,),
    "ip-dst|port": (IndicatorKind.IPV4,),
    "domain": (IndicatorKind.DOMAIN,),
    "hostname": (IndicatorKind.DOMAIN,),
    "hostname|port": (IndicatorKind.DOMAIN,),
    "domain|ip": (IndicatorKind.DOMAIN, IndicatorKind.IPV4),
    "url": (IndicatorKind.URL,),
    "uri": (IndicatorKind.URL,),
    "email": (IndicatorKind.MAIL,),
    "email-src": (IndicatorKind.MAIL,),
    "email-dst": (IndicatorKind.MAIL,),
    "md5": (IndicatorKind.MD5,),
    "sha1": (IndicatorKind.SHA1,),
    "sha256": (IndicatorKind.SHA256,),
    "sha512": (IndicatorKind.SHA512,),
    "filename": (IndicatorKind.FILE,),
    "filename|md5": (IndicatorKind.FILE, IndicatorKind.MD5),
    "filename|sha1": (IndicatorKind.FILE, IndicatorKind.SHA1),
    "filename|sha256": (IndicatorKind.FILE, IndicatorKind.SHA256),
    "filename|sha512": (IndicatorKind.FILE, IndicatorKind.SHA512),
    "regkey": (IndicatorKind.REGISTRY,),
    "regkey|value": (IndicatorKind.REGISTRY,),
    "vulnerability": (IndicatorKind.CVE,),
    "AS": (IndicatorKind.SYSTEM,),
    "btc": (IndicatorKind.BITCOIN,),
}
"""What the parts of a value are, by the type of its attribute."""
_TEXTS = frozenset({"text", "comment", "other", "link", "size-in-bytes", "datetime", "port", "counter", "boolean"})


@dataclass(frozen=True, slots=True)
class MispListed:
    """An event as a manifest lists it: its UUID, and when it was changed, in seconds of 1970."""

    uuid: str
    changed: int


@dataclass(frozen=True, slots=True)
class MispManifest:
    """The events that a manifest lists, and which of its entries can't be read, and why."""

    listed: tuple[MispListed, ...]
    refused: tuple[tuple[str, str], ...] = ()


def manifest(data: bytes) -> MispManifest:
    """The events of a feed, in the order in which they were changed; `Invalid` for what is no manifest."""
    body = _json(data)
    if not isinstance(body, dict):
        raise Invalid("a manifest of MISP is a mapping of events by their UUID")
    if len(body) > MOST_EVENTS:
        raise LimitExceeded(f"a manifest of {len(body):,} events is longer than {MOST_EVENTS:,}")
    found, refused = [], []
    for uuid, one in body.items():
        named = f"`{uuid[:60]}` in the manifest"
        try:
            if not _UUID.fullmatch(uuid):
                raise Invalid("it is no event's UUID")
            if not isinstance(one, dict):
                raise Invalid("it is not a mapping")
            found.append(MispListed(uuid.lower(), _seconds(one.get("timestamp"))))
        except Invalid as error:
            refused.append((named, str(error)))
    if refused and not found:
        raise Invalid(f"none of {len(refused):,} entries of the manifest can be read; {': '.join(refused[0])}")
    return MispManifest(tuple(sorted(found, key=lambda one: (one.changed, one.uuid))), tuple(refused))


@dataclass(frozen=True, slots=True)
class MispSignals:
    """The signals of some events, and which of them can't be used, by their place, and why."""

    signals: tuple[Signal, ...]
    refused: tuple[tuple[str, str], ...] = ()


def signals_of_misp(data: bytes, attack: Attack, *, reference: str, received: datetime, trust: float) -> MispSignals:
    """The signals that events are: one event, a list of them, or one below `response`.

    One that can't be used is refused alone; `Invalid` where none can.
    """
    body = _json(data)
    if isinstance(body, dict) and isinstance(body.get("response"), list):
        body = body["response"]
    events = body if isinstance(body, list) else [body]
    if len(events) > MOST_EVENTS:
        raise LimitExceeded(f"{len(events):,} events are more than the {MOST_EVENTS:,} that are read at once")
    found, refused = [], []
    for number, event in enumerate(events, start=1):
        try:
            found.append(_signal(event, attack, reference=reference, received=received, trust=trust))
        except (Invalid, LimitExceeded) as error:
            refused.append((f"event {number}", str(error)))
    if refused and not found:
        raise Invalid(f"none of {len(refused):,} events can be used; of {': '.join(refused[0])}")
    return MispSignals(tuple(found), tuple(refused))


def _signal(body: Any, attack: Attack, *, reference: str, received: datetime, trust: float) -> Signal:
    event = body.get("Event", body) if isinstance(body, dict) else None
    if not isinstance(event, dict) or not _UUID.fullmatch(str(event.get("uuid", ""))):
        raise Invalid("an event of MISP has a `uuid`, and there is none")
    uuid, info = str(event["uuid"]).lower(), _text(event, "info")
    gathered = Gathering()
    gathered.text(info, info[:100], attack)
    for count, (attribute, place) in enumerate(_attributes(event, gathered)):
        if count >= MOST_ATTRIBUTES:
            raise LimitExceeded(f"the event has more than {MOST_ATTRIBUTES:,} attributes")
        _attribute(gathered, attribute, place, attack)
        _galaxies(gathered, attribute, place)
    _galaxies(gathered, event, "event")
    if gathered.is_empty:
        raise Invalid("nothing in the event could be hunted for")
    changed = _seconds(event.get("timestamp")) if event.get("timestamp") else 0
    said = "\n".join(gathered.texts)
    return Signal(
        SignalKind.REPORT,
        (info or uuid)[:300],
        "misp",
        f"{reference}: {uuid}" if uuid not in reference else reference,
        _day(event.get("date")) or (datetime.fromtimestamp(changed, UTC) if changed else received),
        received,
        trust,
        digest_of((uuid, str(changed))),
        said,
        said[:400],
        tuple(gathered.techniques.values()),
        tuple(gathered.indicators.values()),
        actors=tuple(gathered.actors),
        software=tuple(gathered.software),
        properties={"threatLevel": str(event.get("threat_level_id", ""))[:10], "organisation": _organisation(event)},
        remarks=tuple(gathered.remarks),
    )


def _attributes(event: Mapping[str, Any], gathered: Gathering) -> Iterator[tuple[Mapping[str, Any], str]]:
    yield from _each(event, "Attribute", "attribute", gathered)
    for holder, place in _each(event, "Object", "object", gathered):
        yield from _each(holder, "Attribute", "attribute", gathered, f"{place}, ")


def _each(
    holder: Mapping[str, Any], name: str, what: str, gathered: Gathering, before: str = ""
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The mappings of a list, each with its place; what is none is remarked."""
    listed = holder.get(name)
    if listed is not None and not isinstance(listed, list):
        gathered.remarks[f"{before}`{name}` is not a list"] = None
        return
    for number, one in enumerate(listed or (), start=1):
        if isinstance(one, dict):
            yield one, f"{before}{what} {number}"
        else:
            gathered.remarks[f"{before}{what} {number} is not a mapping"] = None


def _attribute(gathered: Gathering, one: Mapping[str, Any], place: str, attack: Attack) -> None:
    type, value = _text(one, "type"), _text(one, "value")
    if one.get("deleted") is True:
        return
    kinds = _KINDS.get(type)
    if kinds is None:
        if type in _TEXTS:
            if type in ("text", "comment"):
                gathered.text(value, place, attack)
        else:
            gathered.remarks[f"attributes of the type `{type[:40]}` are not supported"] = None
        return
    # What isn't for detection is told about, and not looked for.
    if one.get("to_ids") is False and type not in ("vulnerability",):
        gathered.remarks["attributes that are not for detection (`to_ids`) were passed over"] = None
        return
    parts = value.split("|") if "|" in type else [value]
    for kind, part in zip(kinds, parts, strict=False):
        if not gathered.indicator(kind, part, value, place):
            gathered.remarks[f"{place}: `{part[:60]}` is no {kind.value}"] = None


def _galaxies(gathered: Gathering, one: Mapping[str, Any], place: str) -> None:
    for galaxy in _mappings(one.get("Galaxy")):
        type = _text(galaxy, "type")
        for cluster in _mappings(galaxy.get("GalaxyCluster")):
            meta = cluster.get("meta")
            ids = meta.get("external_id") if isinstance(meta, dict) else None
            _named(gathered, type, _text(cluster, "value"), place, ids if isinstance(ids, list) else [])
    for tag in _mappings(one.get("Tag")):
        if (found := _TAG.search(_text(tag, "name"))) is not None:
            _named(gathered, found["galaxy"], found["value"], place, [])


def _named(gathered: Gathering, galaxy: str, value: str, place: str, ids: list[Any]) -> None:
    if galaxy.endswith("attack-pattern"):
        stated = _ID.search(value)
        known = [id for id in ids if isinstance(id, str)]
        known += [stated["id"] or stated["first"]] if stated is not None else []
        for id in known:
            if id.startswith("T"):
                gathered.technique(id, value, f"{place}: {galaxy}")
    elif galaxy in _ACTORS and value:
        gathered.actors[value.partition(" - G")[0][:300]] = None
    elif galaxy in _SOFTWARE and value:
        gathered.software[value.partition(" - S")[0][:300]] = None


def _organisation(event: Mapping[str, Any]) -> str:
    held = event.get("Orgc")
    return _text(held, "name")[:200] if isinstance(held, dict) else ""


def _json(data: bytes) -> Any:
    if len(data) > LARGEST:
        raise LimitExceeded(f"{len(data):,} bytes are more than the {LARGEST:,} that are read at most")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"that is no JSON: {error}") from None


def _seconds(value: Any) -> int:
    text = str(value if value is not None else "0")
    if not text.isdecimal() or len(text) > 12 or int(text) > _LATEST:
        raise Invalid("its `timestamp` is no number of seconds")
    return int(text)


def _day(value: Any) -> datetime | None:
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC) if isinstance(value, str) else None
    except ValueError:
        return None


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) else ""
