"""Who is like whom: rows of `UserPeerAnalytics`, out of what directories say of people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log, sqrt
from typing import Any

TABLE = "UserPeerAnalytics"
QUERY = """IdentityInfo
| where TimeGenerated <= until and isnotempty(AccountUPN)
| summarize arg_max(TimeGenerated, AccountObjectId, AccountDisplayName, Department, JobTitle, Manager, City,
    GroupMembership) by AccountUPN
"""

MOST_PEERS = 20
MOST_PEOPLE = 10_000
_COMMON = 0.5
"""Who shares what so large a part of all people share isn't a peer by it."""
_MOST_SHARING = 1_000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of a directory, and what tells whom they work with."""

    id: str
    name: str
    upn: str
    traits: frozenset[str]


def people_of(rows: Sequence[Mapping[str, Any]]) -> list[Person]:
    """Those whom `QUERY` gives, by name."""
    found = []
    for row in rows:
        groups = row["GroupMembership"] if isinstance(row["GroupMembership"], list) else []
        traits = {f"group {group}" for group in groups if isinstance(group, str)}
        for trait in ("Department", "JobTitle", "Manager", "City"):
            if row[trait]:
                traits.add(f"{trait} {row[trait]}")
        upn = str(row["AccountUPN"])
        found.append(
            Person(str(row["AccountObjectId"] or ""), str(row["AccountDisplayName"] or ""), upn, frozenset(traits))
        )
    return sorted(found, key=lambda one: one.upn.lower())


def peers_of(people: Sequence[Person]) -> Iterator[tuple[Person, Person, int]]:
    """For each person the most alike others, with their rank from 1: by the traits that they share, rare ones first."""
    having: dict[str, list[int]] = defaultdict(list)
    for number, one in enumerate(people):
        for trait in sorted(one.traits):
            having[trait].append(number)
    weights = {
        trait: log(len(people) / len(some))
        for trait, some in having.items()
        if 1 < len(some) <= min(_COMMON * len(people), _MOST_SHARING)
    }
    lengths = [sqrt(sum(weights.get(trait, 0.0) ** 2 for trait in sorted(one.traits))) for one in people]
    for number, one in enumerate(people):
        alike: Counter[int] = Counter()
        for trait in sorted(one.traits & weights.keys()):
            for other in having[trait]:
                if other != number:
                    alike[other] += weights[trait] ** 2  # type: ignore[assignment]
        ranked = sorted(alike, key=lambda other: (-alike[other] / (lengths[other] or 1.0), other))
        for rank, other in enumerate(ranked[:MOST_PEERS], start=1):
            yield one, people[other], rank


def rows_of(people: Sequence[Person], at: datetime) -> list[Mapping[str, Any]]:
    """The rows of the table for a moment."""
    return [
        {
            "TimeGenerated": at.isoformat(),
            "UserId": one.id,
            "UserName": one.name,
            "UserPrincipalName": one.upn,
            "PeerUserId": peer.id,
            "PeerUserName": peer.name,
            "PeerUserPrincipalName": peer.upn,
            "Rank": rank,
            "SourceSystem": "huntlake",
            "Type": TABLE,
        }
        for one, peer, rank in peers_of(people)
    ]
