from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from huntlake.core.errors import Invalid
from huntlake.hunting.alert_entities import AlertEntity, AlertFacts, alert_entities
from huntlake.hunting.answers import Investigation
from huntlake.hunting.grouping import account_name, grouped

START = datetime(2026, 11, 2, tzinfo=UTC)


def alert(id: str, hours: float, *entities: tuple[str, dict[str, str]], title: str = "", said: str = "") -> AlertFacts:
    at = START + timedelta(hours=hours)
    return AlertFacts(id, title, said, at, at, tuple(AlertEntity(type, properties) for type, properties in entities))


def ids(groups: list[list[AlertFacts]]) -> list[list[str]]:
    return [[one.id for one in group] for group in groups]


HOST, TOOL = ("host", {"HostName": "PC1"}), ("filehash", {"Value": "aa"})


def test_alerts_of_a_host_belong_together_for_days_and_not_for_ever() -> None:
    assert ids(grouped([alert("a", 0, HOST), alert("b", 60, HOST), alert("c", 200, HOST)])) == [["a", "b"], ["c"]]


def test_what_many_share_ties_alerts_for_half_a_day() -> None:
    assert ids(grouped([alert("a", 0, TOOL), alert("b", 10, TOOL), alert("c", 30, TOOL)])) == [["a", "b"], ["c"]]


def test_alerts_are_tied_by_way_of_others() -> None:
    ip = ("ip", {"Address": "192.0.2.1"})
    assert ids(grouped([alert("a", 0, HOST), alert("b", 1, HOST, ip), alert("c", 2, ip)])) == [["a", "b", "c"]]


def test_accounts_that_every_machine_has_tie_nothing() -> None:
    system = ("account", {"Name": "SYSTEM", "NTDomain": "NT AUTHORITY", "Sid": "S-1-5-18"})
    assert len(grouped([alert("a", 0, system), alert("b", 1, system)])) == 2
    assert account_name(AlertEntity("account", {"Name": "Ann", "UPNSuffix": "A.example"})) == "ann@a.example"


def test_what_half_of_many_alerts_are_about_ties_nothing() -> None:
    proxy = ("ip", {"Address": "192.0.2.1"})
    many = [alert(f"{n:03}", n / 100, proxy, ("host", {"HostName": f"PC{n}"})) for n in range(300)]
    assert len(grouped(many)) == 300


def test_entities_within_others_are_found_and_references_are_not() -> None:
    text = '[{"$id": "1", "Type": "process", "ImageFile": {"Type": "file", "Name": "a.exe"}}, {"$ref": "1"}]'
    assert [(one.type, one.text("Name")) for one in alert_entities(text)] == [("process", ""), ("file", "a.exe")]


@pytest.mark.parametrize("text", ["{", "[" * 60 + "]" * 60])
def test_entities_that_are_broken_or_too_deep_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        alert_entities(text)


def test_the_first_answer_is_of_the_kind_that_is_asked_for() -> None:
    ann = ("account", {"Name": "ann", "UPNSuffix": "a.example", "Sid": "S-1-5-21-1"})
    bob = ("account", {"Name": "bob", "UPNSuffix": "a.example", "Sid": "S-1-5-21-2"})
    investigation = Investigation(
        [
            alert("a", 0, HOST, ann, title="Password spray", said="Many sign-ins failed."),
            alert("b", 1, HOST, bob, ("ip", {"Address": "192.0.2.9"}), title="Sign-in from an anonymous address"),
        ]
    )
    question = "There was a sign-in from an anonymous address. Which IP address was it?"
    assert investigation.ask(question)[0].value == "192.0.2.9"
    assert investigation.ask("What is the SID of the account of the password spray?")[0].value == "S-1-5-21-1"


def test_what_the_question_names_is_seldom_what_it_asks_for() -> None:
    accounts = [("account", {"Name": name, "Sid": f"S-1-5-21-{name}"}) for name in ("anne", "carl")]
    investigation = Investigation([alert("a", 0, *accounts, title="Mail was forwarded")])
    first, second, *_ = investigation.ask("Mail of anne was forwarded. By which account?")
    assert (first.value, second.value) == ("carl", "anne")


def test_no_alerts_answer_nothing() -> None:
    assert Investigation([]).ask("Who?") == []
