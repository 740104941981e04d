"""Which incidents are like one, and why: they hold the same entities or come of the same rule, and lie near in time.

The score is between 0 and 1 and has three parts. Entities: each shared one is evidence by itself, less of it where many
incidents hold it, and less for an address or a file than for an account or a host. The rule: all or nothing. Time: full
where both went on at once, half of it three days apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log2, prod

from huntlake.detection.correlation import is_everywhere, ties
from huntlake.detection.entities import Entity, called
from huntlake.detection.extraction import merged
from huntlake.detection.incidents import Incident
from huntlake.state.documents import Document

ENTITIES, RULE, TIME = 0.6, 0.25, 0.15
"""What each part is worth."""
HALVED = timedelta(days=3)

_TELLING = frozenset({"Account", "FileHash", "Host", "Mailbox"})
_MOST_NAMED = 2
_KINDS = {
    "Account": ("account", "accounts"),
    "DnsResolution": ("domain", "domains"),
    "FileHash": ("file hash", "file hashes"),
    "Host": ("host", "hosts"),
    "Ip": ("address", "addresses"),
    "Mailbox": ("mailbox", "mailboxes"),
    "Url": ("URL", "URLs"),
}


@dataclass(frozen=True, slots=True)
class Similar:
    """An incident that is like another: it shares `entities` with it, or comes of the same rule.

    `apart` is the time between what the one and the other are about, nothing where both went on at once.
    """

    document: Document[Incident]
    entities: tuple[Entity, ...]
    same_rule: bool
    apart: timedelta
    score: float

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, in words."""
        by_kind: dict[str, list[str]] = defaultdict(list)
        for entity in self.entities:
            by_kind[entity.kind].append(called(entity))
        told = [_shared(kind, names) for kind, names in sorted(by_kind.items())]
        if self.same_rule:
            told.append("same rule")
        return (*told, _time(self.apart))


def alike(
    subject: Document[Incident],
    others: Iterable[Document[Incident]],
    entities: Mapping[str, Sequence[Entity]],
    now: datetime,
) -> list[Similar]:
    """Those of `others` that are like the subject, the most like first. `entities` are those of every incident, by its
    name in lower case.
    """
    mine = {key for one in entities.get(subject.name.lower(), ()) for key in _keys(one)}
    held: dict[str, list[tuple[frozenset[str], Entity]]] = {}
    spread: Counter[str] = Counter()
    rules, began = set(subject.value.rules), _span(subject.value, now)
    candidates = [d for d in others if d.name.lower() != subject.name.lower()]
    for document in candidates:
        found = [(keys, e) for e in entities.get(document.name.lower(), ()) if (keys := _keys(e) & mine)]
        if found:
            held[document.name] = found
            spread.update(frozenset().union(*(keys for keys, _ in found)))
    similar = []
    for document in candidates:
        shared, same_rule = held.get(document.name, []), bool(rules.intersection(document.value.rules))
        if not shared and not same_rule:
            continue
        weights: dict[str, float] = {}
        for keys, entity in shared:
            weight = (0.6 if entity.kind in _TELLING else 0.3) / (1 + log2(min(spread[key] for key in keys)))
            weights[entity.id] = max(weight, weights.get(entity.id, 0))
        apart = _apart(began, _span(document.value, now))
        score = (
            ENTITIES * (1 - prod(1 - w for w in weights.values()))
            + RULE * same_rule
            + TIME * 2.0 ** -(apart.total_seconds() / HALVED.total_seconds())
        )
        similar.append(Similar(document, merged(e for _, e in shared), same_rule, apart, round(score, 4)))
    similar.sort(key=lambda s: (-s.score, -s.document.value.number, s.document.name))
    return similar


def _keys(entity: Entity) -> frozenset[str]:
    """By what an entity is known again; nothing for what every machine has."""
    return frozenset() if is_everywhere(entity) else frozenset((entity.id, *ties(entity)))


def _shared(kind: str, names: Sequence[str]) -> str:
    one, many = _KINDS.get(kind, (kind, f"{kind} entities"))
    listed = [f"`{name[:80]}`" for name in dict.fromkeys(names)]
    if len(listed) == 1:
        return f"same {one} {listed[0]}"
    more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
    return f"same {many} {', '.join(listed[:_MOST_NAMED])}{more}"


def _time(apart: timedelta) -> str:
    if not apart:
        return "at the same time"
    for unit, seconds in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if (count := int(apart.total_seconds() // seconds)) >= 2:
            return f"{count} {unit} apart"
    return "minutes apart"


def _span(incident: Incident, now: datetime) -> tuple[datetime, datetime]:
    known = list(_known(incident)) or [now]
    return min(known), max(known)


def _known(incident: Incident) -> Iterator[datetime]:
    activity = [at for at in (incident.first_activity, incident.last_activity) if at is not None]
    yield from activity or ([incident.created] if incident.created else [])


def _apart(one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> timedelta:
    return max(one[0] - other[1], other[0] - one[1], timedelta())
