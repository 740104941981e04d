from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from huntlake.detection.entities import Entity
from huntlake.detection.incidents import Incident, IncidentStatus
from huntlake.detection.severity import Severity
from huntlake.detection.similarity import Similar, alike
from huntlake.state.documents import Document

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)

ANN = Entity("ann", "Account", {"accountName": "ann", "upnSuffix": "corp.example"})
BOB = Entity("bob", "Account", {"accountName": "bob", "ntDomain": "CORP"})
OFFICE = Entity("office", "Ip", {"address": "192.0.2.7"})


def incident(name: str, at: datetime = NOON, *rules: str) -> Document[Incident]:
    made = Incident(
        name, Severity.LOW, IncidentStatus.NEW, rules=rules, created=at, first_activity=at, last_activity=at
    )
    return Document(name, made, "")


def like(others: dict[str, tuple[Entity, ...]], *mine: Entity) -> list[Similar]:
    """What is like an incident that holds `mine`, all at noon."""
    documents = [incident(name) for name in others]
    return alike(incident("Subject"), documents, {"subject": mine, **others}, NOON)


def names(found: list[Similar]) -> list[str]:
    return [s.document.name for s in found]


def test_what_shares_nothing_is_not_similar() -> None:
    assert like({"a": (BOB,), "b": ()}, ANN, OFFICE) == []


def test_an_incident_is_not_like_itself() -> None:
    held = {"subject": (ANN,)}
    assert alike(incident("Subject", NOON, "r"), [incident("subject", NOON, "r")], held, NOON) == []


def test_more_shared_entities_count_more_and_an_account_more_than_an_address() -> None:
    found = like({"address": (OFFICE,), "both": (ANN, OFFICE), "account": (ANN,)}, ANN, OFFICE)
    assert names(found) == ["both", "account", "address"]


def test_what_many_incidents_hold_says_less() -> None:
    everywhere = {f"n{n}": (ANN,) for n in range(30)}
    assert names(like({**everywhere, "rare": (BOB,)}, ANN, BOB))[0] == "rare"


def test_nearer_in_time_comes_first_and_half_is_left_after_three_days() -> None:
    others = [
        incident("week", NOON - 7 * DAY, "r"),
        incident("day", NOON - DAY, "r"),
        incident("three", NOON + 3 * DAY, "r"),
    ]
    found = alike(incident("s", NOON, "r"), others, {}, NOON)
    assert names(found) == ["day", "three", "week"]
    assert found[1].score == pytest.approx(0.25 + 0.15 / 2)


def test_two_names_of_one_account_are_one_where_a_sid_says_so() -> None:
    sid = "S-1-5-21-1-2-3-1121"
    one = Entity("x", "Account", {"accountName": "geertje", "upnSuffix": "corp.example", "sid": sid})
    other = Entity("y", "Account", {"accountName": "gpostma", "ntDomain": "corp", "sid": sid})
    assert names(like({"a": (other,)}, one)) == ["a"]


@pytest.mark.parametrize(
    "entity",
    [
        Entity("e", "Account", {"accountName": "SYSTEM", "ntDomain": "NT AUTHORITY"}),
        Entity("e", "Host", {"hostName": "localhost"}),
    ],
)
def test_what_every_machine_has_ties_nothing(entity: Entity) -> None:
    assert like({"a": (entity,)}, entity) == []


def test_the_reasons_are_in_words() -> None:
    many = tuple(Entity(f"h{n}", "Host", {"hostName": f"h{n}", "dnsDomain": "corp.example"}) for n in range(4))
    (found,) = alike(
        incident("s", NOON, "r"),
        [incident("o", NOON - 5 * timedelta(hours=1), "r")],
        {"s": (BOB, *many), "o": (BOB, *many)},
        NOON,
    )
    assert found.reasons == (
        "same account `CORP\\bob`",
        "same hosts `h0.corp.example`, `h1.corp.example` and 2 more",
        "same rule",
        "5 hours apart",
    )


def test_spans_that_overlap_are_at_the_same_time() -> None:
    long = Incident(
        "l", Severity.LOW, IncidentStatus.NEW, first_activity=NOON - 9 * DAY, last_activity=NOON + DAY, rules=("r",)
    )
    (found,) = alike(incident("s", NOON, "r"), [Document("l", long, "")], {}, NOON)
    assert (found.apart, found.reasons[-1]) == (timedelta(), "at the same time")
