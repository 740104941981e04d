"""Which alerts belong to the same attack: those that are about the same things, not long after each other.

Two kinds of things tie alerts. What is somebody's own, an account, a host or a mailbox, ties alerts for days. What many
share, such as an address, a file or a command line, ties them for half a day only: else the tools that every machine
has would tie all to all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from huntlake.hunting.alert_entities import AlertEntity, AlertFacts

OWN, SHARED = timedelta(hours=72), timedelta(hours=12)
"""How long after an alert another one joins it by what is somebody's own, and by what many share."""

MOST_SHARE = 0.5
"""What more than this share of many alerts is about says nothing of which belong together."""
_MANY = 200

_PROPERTIES: Mapping[str, Mapping[str, timedelta]] = {
    "account": {"AadUserId": OWN, "Sid": OWN, "UserPrincipalName": OWN},
    "host": {"HostName": OWN},
    "mailbox": {"MailboxPrimaryAddress": OWN},
    "mailmessage": {"NetworkMessageId": OWN},
    "ip": {"Address": SHARED},
    "filehash": {"Value": SHARED},
    "url": {"Url": SHARED},
    "process": {"CommandLine": SHARED},
}
_EVERYWHERE = frozenset(
    {"system", "local service", "network service", "anonymous logon", "localhost", "127.0.0.1", "::1"}
)
_WELL_KNOWN_SID = ("s-1-5-18", "s-1-5-19", "s-1-5-20", "s-1-5-32-", "s-1-1-0")


def grouped(alerts: Sequence[AlertFacts]) -> list[list[AlertFacts]]:
    """The alerts in groups, each in the order of time, and so are the groups."""
    order = sorted(alerts, key=lambda alert: (alert.start, alert.id))
    above = list(range(len(order)))

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    holders: dict[tuple[str, str], list[int]] = defaultdict(list)
    lasting: dict[tuple[str, str], timedelta] = {}
    for place, alert in enumerate(order):
        for key, lasts in dict(_ties(alert)).items():
            holders[key].append(place)
            lasting[key] = lasts
    for key, places in holders.items():
        if len(order) >= _MANY and len(places) > MOST_SHARE * len(order):
            continue
        latest = places[0]
        for place in places[1:]:
            if order[place].start - order[latest].end <= lasting[key]:
                above[top(place)] = top(latest)
            if order[place].end >= order[latest].end:
                latest = place
    groups: dict[int, list[AlertFacts]] = defaultdict(list)
    for place, alert in enumerate(order):
        groups[top(place)].append(alert)
    return sorted(groups.values(), key=lambda group: (group[0].start, group[0].id))


def _ties(alert: AlertFacts) -> Iterator[tuple[tuple[str, str], timedelta]]:
    for entity in alert.entities:
        for name, lasts in _PROPERTIES.get(entity.type, {}).items():
            value = entity.text(name).strip().lower()
            if value and value not in _EVERYWHERE and not value.startswith(_WELL_KNOWN_SID):
                yield (entity.type, value), lasts
        if entity.type == "account" and (name := account_name(entity)):
            yield ("account", name), OWN


def account_name(entity: AlertEntity) -> str:
    """An account's name with its domain, in small letters; nothing where it has none, or every machine has it."""
    name, suffix, domain = (entity.text(p).strip().lower() for p in ("Name", "UPNSuffix", "NTDomain"))
    if not name or name in _EVERYWHERE or domain in ("nt authority", "builtin", "workgroup"):
        return ""
    return f"{name}@{suffix}" if suffix else f"{domain}\\{name}" if domain else ""
