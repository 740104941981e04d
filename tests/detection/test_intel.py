"""Threat intelligence: what patterns look for, files of indicators, their tables, and where they are seen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid
from huntlake.core.settings import load
from huntlake.detection.indicators import Indicator
from huntlake.detection.intel.lists import listed
from huntlake.detection.intel.matching import PLACES
from huntlake.detection.intel.patterns import ObservableKind, pattern_of
from huntlake.detection.intel.stix import gathered, read_objects
from huntlake.detection.running import Window
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = Window(NOW - 7 * DAY, NOW)


def id_of(n: int) -> str:
    return f"indicator--00000000-0000-4000-8000-{n:012d}"


def stix(n: int, pattern: str, **more: Any) -> dict[str, Any]:
    given = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": id_of(n),
        "created": "2026-11-01T00:00:00.000Z",
        "modified": "2026-11-02T00:00:00.1234567Z",
        "name": f"bad {n}",
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": "2026-11-01T00:00:00Z",
    }
    return {**given, **more}


class Desk:
    """A lake with one workspace, at a time that stands still."""

    def __init__(self, home: Path) -> None:
        self.clock = FixedClock(NOW)
        self.app = App.open(home, load(home, threads=1), self.clock)
        self.soc: Workspace = self.app.workspaces.create("soc")
        self.home = home

    def take(self, *objects: dict[str, Any]) -> Any:
        text = json.dumps({"type": "bundle", "objects": objects}).encode()
        return self.app.intel.take(self.soc, gathered(read_objects(text), "ours"))

    def ask(self, text: str) -> list[dict[str, Any]]:
        table = self.app.queries.run(self.soc, text).tables[0]
        rows: list[dict[str, Any]] = json.loads(b"[" + b",".join(table.json_objects()) + b"]")
        return rows

    def rows(self, table: str, *rows: dict[str, Any]) -> None:
        file = self.home.parent / f"{table}.jsonl"
        file.write_text("\n".join(json.dumps({"TimeGenerated": (NOW - DAY).isoformat(), **r}) for r in rows))
        self.app.ingestion.ingest(self.soc, table, [file])


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    made = Desk(tmp_path / "lake")
    yield made
    made.app.close()


@pytest.mark.parametrize(
    ("pattern", "enough", "left_out"),
    [
        ("[ipv4-addr:value = '192.0.2.1']", ["192.0.2.1"], ""),
        ("[ipv4-addr:value = '192.0.2.1' OR domain-name:value='a.example']", ["192.0.2.1", "a.example"], ""),
        ("[ipv4-addr:value = '192.0.2.1'] OR ([url:value = 'http://x/\\'y'])", ["192.0.2.1", "http://x/'y"], ""),
        ("[ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')]", ["192.0.2.1", "192.0.2.2"], ""),
        (f"[file:hashes.MD5 = '{'a' * 32}' AND file:hashes.'SHA-1' = '{'b' * 40}']", ["a" * 32, "b" * 40], ""),
        (f"[file:name = 'x.exe' AND file:hashes.MD5 = '{'a' * 32}']", ["a" * 32], ""),
        ("[file:name = 'x.exe' AND file:size = 3]", [], "comparisons joined by `AND` are not supported"),
        ("[file:name = 'x.exe']", [], "looking for `file:name` of `x.exe` is not supported"),
        ("[ipv4-addr:value = '192.0.2.0/24']", ["192.0.2.0/24"], ""),
        ("[ipv4-addr:value ISSUBSET '192.0.2.0/24']", ["192.0.2.0/24"], ""),
        ("[ipv4-addr:value = '10.0.0.0/8']", [], "looking for `ipv4-addr:value` of `10.0.0.0/8` is not supported"),
        ("[ipv4-addr:value = '192.0.2.0/99']", [], "looking for `ipv4-addr:value` of `192.0.2.0/99` is not supported"),
        ("[ipv4-addr:value ISSUBSET '10.0.0.0/8']", [], "comparisons by `ISSUBSET` are not supported"),
        ("[domain-name:value ISSUBSET 'a.example']", [], "comparisons by `ISSUBSET` are not supported"),
        ("[ipv4-addr:value NOT ISSUBSET '192.0.2.0/24']", [], "comparisons by `NOT` are not supported"),
        (
            "[ipv6-addr:value = '2001:db8::/32']",
            [],
            "looking for `ipv6-addr:value` of `2001:db8::/32` is not supported",
        ),
        ("[domain-name:value NOT = 'a.example']", [], "comparisons by `NOT` are not supported"),
        ("[domain-name:value != 'a.example']", [], "comparisons by `!=` are not supported"),
        (
            "[url:value = 'x'] FOLLOWEDBY [url:value = 'y']",
            [],
            "observations joined by `FOLLOWEDBY` are not supported",
        ),
        ("[url:value = 'x'] REPEATS 5 TIMES WITHIN 60 SECONDS", [], "`WITHIN` is not supported"),
        ("[url:value = 'x'] AND [url:value = 'y']", [], "observations joined by `AND` are not supported"),
        ("rule x { condition: true }", [], "the pattern can't be read: `{ condition: true }` is not expected"),
        ("[url:value = 'x'", [], "the pattern can't be read: `]` is missing"),
        ("(" * 99 + "[url:value = 'x']", [], "the pattern can't be read: it is nested too deeply"),
    ],
)
def test_a_pattern_is_looked_for_only_where_one_observable_is_enough(
    pattern: str, enough: list[str], left_out: str
) -> None:
    found = pattern_of(pattern)
    assert [o.value for o in found.enough] == enough
    assert found.left_out == left_out


def test_a_pattern_of_another_language_is_named() -> None:
    assert "`yara` are not supported" in pattern_of("rule x {}", "yara").left_out


def test_indicators_are_rows_one_for_each_observable_and_as_valid_as_they_are_now(desk: Desk) -> None:
    desk.take(
        stix(
            1, "[ipv4-addr:value = '192.0.2.1' OR domain-name:value = 'a.example']", confidence=80, labels=["c2", "x"]
        ),
        stix(2, "[url:value = 'http://b.example/']", valid_until="2026-11-22T00:00:00Z"),
        stix(3, f"[file:hashes.'SHA-256' = '{'c' * 64}']", revoked=True),
        stix(4, "[ipv4-addr:value = '192.0.2.4']", valid_from="2026-12-01T00:00:00Z"),
    )
    told = desk.ask("ThreatIntelIndicators | sort by Id asc, ObservableKey asc | project-away Data")
    assert [(r["ObservableKey"], r["ObservableValue"], r["IsActive"]) for r in told] == [
        ("domain-name:value", "a.example", True),
        ("ipv4-addr:value", "192.0.2.1", True),
        ("url:value", "http://b.example/", True),
        ("file:hashes.'SHA-256'", "c" * 64, False),
        ("ipv4-addr:value", "192.0.2.4", False),
    ]
    assert (told[0]["Confidence"], told[0]["Tags"], told[0]["SourceSystem"]) == (80, "c2,x", "ours")
    assert told[0]["Modified"] == "2026-11-02T00:00:00.123456Z"
    [data] = desk.ask(
        "ThreatIntelIndicators | where ObservableKey startswith 'url' | project Data.name, Data.valid_until"
    )
    assert data == {"Data_name": "bad 2", "Data_valid_until": "2026-11-22T00:00:00Z"}
    desk.clock.at = NOW + 2 * DAY
    active = "ThreatIntelIndicators | where IsActive and ValidUntil > now() and TimeGenerated > ago(1d)"
    assert [r["ObservableValue"] for r in desk.ask(f"{active} | sort by ObservableValue asc")] == [
        "192.0.2.1",
        "a.example",
    ]
    legacy = "ThreatIntelligenceIndicator | where Active and ExpirationDateTime > now() | sort by NetworkIP asc"
    assert [(r["NetworkIP"], r["DomainName"]) for r in desk.ask(legacy)] == [("", "a.example"), ("192.0.2.1", "")]
    assert desk.ask("ThreatIntelligenceIndicator | where FileHashType == 'SHA256' | count") == [{"Count": 1}]


def test_of_one_id_the_version_that_was_modified_last_counts(desk: Desk) -> None:
    first = stix(1, "[url:value = 'x']")
    assert desk.take(first, first).created == 1
    assert desk.take(first).same == 1
    desk.app.detection.indicators.change(("soc",), id_of(1), lambda i: replace(i, tags=("mine",)))
    later = stix(1, "[url:value = 'y']", modified="2026-11-03T00:00:00Z", revoked=True)
    assert desk.take(later).changed == 1
    assert desk.take(first).older == 1
    [row] = desk.ask("ThreatIntelIndicators | project ObservableValue, Revoked, Tags")
    assert row == {"ObservableValue": "y", "Revoked": True, "Tags": "mine"}
    # What the management API changes is seen at once, too.
    desk.app.detection.indicators.put(("soc",), "by-hand", Indicator("[url:value = 'z']", "stix"))
    assert desk.ask("ThreatIntelIndicators | count") == [{"Count": 2}]
    desk.app.detection.indicators.delete(("soc",), "by-hand")
    assert desk.ask("ThreatIntelIndicators | count") == [{"Count": 1}]


def test_rows_that_were_brought_here_stand_beside_the_indicators(desk: Desk) -> None:
    desk.rows("ThreatIntelIndicators", {"Id": "old", "ObservableValue": "192.0.2.9", "IsActive": True})
    assert desk.ask("ThreatIntelIndicators | count") == [{"Count": 1}]
    desk.take(stix(1, "[url:value = 'x']"))
    assert [r["Id"] for r in desk.ask("ThreatIntelIndicators | project Id | sort by Id asc")] == [id_of(1), "old"]


def test_an_object_that_cant_be_used_is_refused_alone() -> None:
    found = gathered(
        [
            stix(1, "[url:value = 'x']", confidence=101),
            stix(2, "[url:value = 'x']", valid_until="2026-10-01T00:00:00Z"),
            {**stix(3, "[url:value = 'x']"), "id": "indicator--../../x"},
            stix(4, ""),
            stix(5, "[url:value = 'x']", valid_from="yesterday"),
            "nothing",
            {"type": "malware", "id": "malware--1"},
            stix(6, "[url:value = 'x']"),
        ],
        "ours",
    )
    assert [name for name, _ in found.indicators] == [id_of(6)]
    assert dict(found.others) == {"malware": 1}
    assert [reason for _, reason in found.refused] == [
        "its `confidence` is not a number from 0 to 100",
        "its `valid_until` is not after its `valid_from`",
        "its `id` is not `indicator--` and a GUID",
        "it has no `pattern`",
        "`valid_from` is not a time: `yesterday`",
        "it is not a mapping",
    ]
    for nothing in (b"{}", b"[7]", b"3", b"null", b"<html>"):
        with pytest.raises(Invalid):
            read_objects(nothing)
    assert len(read_objects(b'{"type": "a"}\n{"type": "b"}\n')) == 2


def test_a_list_says_values_and_their_types_are_guessed_or_said() -> None:
    lines = [
        "# from us",
        "value,confidence,labels,valid_until",
        "192.0.2.1,90,c2;tor,2027-01-01",
        "2001:db8::1,,,",
        "a.example,,,",
        "http://b.example/x,,,",
        f"{'a' * 32},,,",
        "eve@c.example,,,",
        "so what,,,",
        "192.0.2.1,900,,",
    ]
    found = listed("\n".join(lines).encode(), "ours")
    assert [i.pattern for _, i in found.indicators] == [
        "[ipv4-addr:value = '192.0.2.1']",
        "[ipv6-addr:value = '2001:db8::1']",
        "[domain-name:value = 'a.example']",
        "[url:value = 'http://b.example/x']",
        f"[file:hashes.MD5 = '{'a' * 32}']",
        "[email-addr:value = 'eve@c.example']",
    ]
    assert found.indicators[0][1].labels == ("c2", "tor")
    assert [name for name, _ in found.refused] == ["so what", "192.0.2.1"]
    assert listed("\n".join(lines).encode(), "ours").indicators[0][0] == found.indicators[0][0]
    with pytest.raises(Invalid, match="`ip` is not supported"):
        listed(b"value,ip\n", "ours")


def test_every_place_that_is_looked_at_is_a_column_of_the_catalogue() -> None:
    catalogue = Catalogue()
    for places in PLACES.values():
        for table, columns in places.items():
            known = catalogue.table(table)
            assert known is not None, table
            assert {c.rstrip("*") for c in columns.split()} <= {c.name for c in known.columns}, table


def test_an_address_is_seen_of_a_network_that_holds_it_and_of_no_other(desk: Desk) -> None:
    networks = ["192.0.2.0/25", "198.51.100.77/30", "203.0.112.0/22", "100.64.0.0/18"]
    desk.take(*(stix(n, f"[ipv4-addr:value = '{network}']") for n, network in enumerate(networks)))
    addresses = ["192.0.2.127", "192.0.2.128", "198.51.100.76", "198.51.100.79", "198.51.100.80", "203.0.115.255"]
    addresses += ["203.0.116.0", "100.64.63.1", "100.64.64.1", "1.192.0.2", "2001:db8::1", ""]
    desk.rows("SigninLogs", *({"IPAddress": a} for a in addresses))
    desk.rows("Syslog", {"SyslogMessage": "from 192.0.2.5:443 and 192.0.2.200, version 203.0.113"})
    matched = desk.app.intel.match(desk.soc, WEEK)
    assert sorted((s.value, s.table, *s.names) for s in matched.sightings) == [
        ("100.64.63.1", "SigninLogs", id_of(3)),
        ("192.0.2.127", "SigninLogs", id_of(0)),
        ("192.0.2.5", "Syslog", id_of(0)),
        ("198.51.100.76", "SigninLogs", id_of(1)),
        ("198.51.100.79", "SigninLogs", id_of(1)),
        ("203.0.115.255", "SigninLogs", id_of(2)),
    ]
    assert {s.kind for s in matched.sightings} == {ObservableKind.ADDRESS}


def test_what_is_known_is_seen_where_it_stands_and_nothing_else(desk: Desk) -> None:
    sha = "C" * 64
    desk.rows(
        "DeviceNetworkEvents",
        {"DeviceName": "pc1.corp.example", "RemoteIP": "192.0.2.1", "RemoteUrl": "https://cdn.Evil.example:443/x"},
        {"DeviceName": "pc2", "RemoteIP": "192.0.2.10", "RemoteUrl": "evil.example.org"},
        {"DeviceName": "pc3", "RemoteIP": "192.0.2.11", "RemoteUrl": "notevil.example"},
        {"DeviceName": "pc4", "RemoteIP": "192.0.2.12", "RemoteUrl": "http://bad.example/Drop/"},
    )
    desk.rows("OfficeActivity", {"UserId": "ann@corp.example", "ClientIP": "192.0.2.1:50123"})
    desk.rows("Syslog", {"SyslogMessage": "from 192.0.2.1.5 and 192.0.2.100", "Computer": "web"})
    desk.rows("DeviceFileEvents", {"DeviceName": "pc1.corp.example", "SHA256": sha.lower()})
    desk.rows("EmailEvents", {"SenderFromAddress": "Eve@Mail.example", "RecipientEmailAddress": "bob@corp.example"})
    desk.take(
        stix(1, "[ipv4-addr:value = '192.0.2.1']", confidence=90),
        stix(2, "[domain-name:value = 'evil.example']"),
        stix(3, f"[file:hashes.'SHA-256' = '{sha}']"),
        stix(4, "[email-addr:value = 'eve@mail.example']"),
        stix(5, "[url:value = 'http://bad.example/drop']", confidence=10),
        stix(6, "[ipv4-addr:value = '192.0.2.10']", revoked=True),
        stix(7, "[ipv4-addr:value = '192.0.2.11']", valid_until="2026-11-20T00:00:00Z"),
        stix(8, "[file:name = 'x.exe']"),
        *(stix(n, f"[ipv4-addr:value = '203.0.113.{n - 100}']") for n in range(100, 140)),
    )
    matched = desk.app.intel.match(desk.soc, WEEK)
    assert [(s.value, s.table, s.column, s.host or s.account) for s in matched.sightings] == [
        ("192.0.2.1", "DeviceNetworkEvents", "RemoteIP", "pc1.corp.example"),
        ("192.0.2.1", "OfficeActivity", "ClientIP", "ann@corp.example"),
        ("http://bad.example/drop", "DeviceNetworkEvents", "RemoteUrl", "pc4"),
        ("evil.example", "DeviceNetworkEvents", "RemoteUrl", "pc1.corp.example"),
        ("c" * 64, "DeviceFileEvents", "SHA256", "pc1.corp.example"),
        ("eve@mail.example", "EmailEvents", "SenderFromAddress", "bob@corp.example"),
    ]
    assert matched.left_out == {id_of(8): "looking for `file:name` of `x.exe` is not supported"}
    assert len(desk.app.intel.match(desk.soc, WEEK, least=50).sightings) == 5
    assert desk.app.intel.match(desk.soc, Window(NOW - 9 * DAY, NOW - 2 * DAY)).sightings == ()
    stored = desk.app.intel.raised(desk.soc, matched)
    assert desk.app.intel.raised(desk.soc, matched) == stored
    assert len(stored.alerts) == 5
    [alert] = desk.ask(
        "SecurityAlert | where AlertName has '192.0.2.1' | project AlertSeverity, AlertType, ProviderName, Entities"
    )
    assert (alert["AlertSeverity"], alert["AlertType"]) == ("High", "ThreatIntelligence")
    entities = json.loads(alert["Entities"])
    assert {(e["Type"], e.get("Address") or e.get("HostName") or e.get("Name")) for e in entities} == {
        ("ip", "192.0.2.1"),
        ("host", "pc1"),
        ("account", "ann"),
    }
    assert desk.ask("SecurityIncident | count") == [{"Count": 5}]


def test_a_watch_looks_at_each_row_once_and_one_observable_is_one_incident_a_day(desk: Desk) -> None:
    desk.take(stix(1, "[ipv4-addr:value = '192.0.2.1']"))
    desk.clock.at = NOW - DAY + timedelta(minutes=10)
    desk.rows("SigninLogs", {"UserPrincipalName": "ann@corp.example", "IPAddress": "192.0.2.1"})
    every = timedelta(minutes=15)
    first = desk.app.intel.watch(desk.soc, every)
    assert first is not None
    assert len(first.alerts) == 1
    assert desk.app.intel.watch(desk.soc, every) is None
    desk.clock.at += every
    again = desk.app.intel.watch(desk.soc, every)
    assert again is not None
    assert again.alerts == ()
    later = (desk.clock.at - timedelta(minutes=1)).isoformat()
    desk.rows("SigninLogs", {"TimeGenerated": later, "IPAddress": "192.0.2.1"})
    desk.clock.at += every
    more = desk.app.intel.watch(desk.soc, every)
    assert more is not None
    assert more.incidents == first.incidents


def test_a_watch_that_was_cut_short_looks_at_the_same_window_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.take(stix(1, "[ipv4-addr:value = '192.0.2.1']"))
    desk.clock.at = NOW - DAY + timedelta(minutes=10)
    desk.rows("SigninLogs", {"IPAddress": "192.0.2.1"})
    with monkeypatch.context() as patched:
        stored = type(desk.app.intel).raised

        def cut(self: Any, workspace: Any, matched: Any) -> Any:
            stored(self, workspace, matched)
            raise KeyboardInterrupt

        patched.setattr(type(desk.app.intel), "raised", cut)
        with pytest.raises(KeyboardInterrupt):
            desk.app.intel.watch(desk.soc, timedelta(minutes=15))
    desk.clock.at += timedelta(minutes=3)
    assert desk.app.intel.watch(desk.soc, timedelta(minutes=15)) is not None
    assert desk.ask("SecurityAlert | count") == [{"Count": 1}]
