"""STIX, MISP, vulnerabilities and tickets as signals."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from huntlake.core.errors import DomainError, Invalid
from huntlake.detection.intel.stix import moment
from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.intake import Brought, Intake, Taken, kind_of
from huntlake.hunting.signals.misp import manifest
from huntlake.hunting.signals.signal import Signal
from huntlake.hunting.signals.tickets import TicketMapping
from huntlake.hunting.signals.vulnerabilities import (
    AffectedProduct,
    Installed,
    VersionRange,
    Vulnerability,
    matches,
    merged,
    plain,
    signal_of_vulnerability,
)
from huntlake.hunting.signals.vulnerability_forms import vulnerabilities_of

from .conftest import NOW, WORKSPACE

GUID = "00000000-0000-4000-8000-00000000000"


def take(intake: Intake, body: Any, kind: Taken | None = None, name: str = "a.json", **more: Any) -> list[Signal]:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return list(intake.typed(WORKSPACE, data, name, kind or kind_of(data, name), **more).new)


def stix(type: str, number: int, **more: Any) -> dict[str, Any]:
    at = "2026-11-01T00:00:00.000Z"
    return {"type": type, "id": f"{type}--{GUID}{number}", "created": at, "modified": at} | more


def relation(number: int, source: dict[str, Any], target: dict[str, Any]) -> dict[str, Any]:
    refs = {"source_ref": source["id"], "target_ref": target["id"]}
    return stix("relationship", number, relationship_type="uses", **refs)


def attack_pattern(number: int, technique: str) -> dict[str, Any]:
    named = [{"source_name": "mitre-attack", "external_id": technique}]
    return stix("attack-pattern", number, name=f"Pattern {technique}", external_references=named)


PATTERN = "[ipv4-addr:value = '93.184.216.34'] OR [domain-name:value = 'evil-harbour.top']"
ACTOR, DUMP, TASK = (
    stix("intrusion-set", 1, name="Grey Heron"),
    attack_pattern(2, "T1003.001"),
    attack_pattern(3, "T1086"),
)
SOFTWARE = stix("malware", 4, name="MudSkipper", is_family=True)
INDICATOR = stix("indicator", 5, name="c2", pattern=PATTERN, pattern_type="stix", valid_from="2026-11-01T00:00:00Z")
REPORT = stix(
    "report",
    6,
    name="Heron in the harbour",
    published="2026-10-01T00:00:00Z",
    description="They also planned tasks (T1053.005).",
    object_refs=[ACTOR["id"], INDICATOR["id"]],
)


def test_a_report_of_stix_holds_what_it_refers_to_and_what_its_actors_use(intake: Intake) -> None:
    uses = [relation(7, ACTOR, DUMP), relation(8, ACTOR, SOFTWARE), relation(9, ACTOR, TASK)]
    objects = [REPORT, ACTOR, DUMP, TASK, SOFTWARE, INDICATOR, *uses]
    (signal,) = take(intake, {"type": "bundle", "objects": objects})
    assert (signal.title, signal.observed) == ("Heron in the harbour", datetime(2026, 10, 1, tzinfo=UTC))
    assert {t.id: t.revoked for t in signal.techniques} == {"T1003.001": (), "T1059.001": ("T1086",)}
    assert {(i.kind, i.value) for i in signal.indicators} == {
        ("IPv4 address", "93.184.216.34"),
        ("domain", "evil-harbour.top"),
    }
    assert (signal.actors, signal.software) == (("Grey Heron",), ("MudSkipper",))
    assert take(intake, {"objects": objects}) == []


def test_indicators_that_no_report_holds_are_one_signal_and_those_that_expired_none(intake: Intake) -> None:
    gone = INDICATOR | {"id": f"indicator--{GUID}7", "valid_until": "2026-11-02T00:00:00Z"}
    (signal,) = take(intake, [INDICATOR, gone])
    assert (signal.kind, len(signal.indicators)) == (SignalKind.INDICATOR, 2)
    assert signal.remarks == ("indicators that have expired were passed over",)


def test_of_stix_what_is_broken_is_refused_alone_with_its_place(intake: Intake) -> None:
    broken = [7, {"type": "report", "id": "report--1" * 50}, {"type": "malware", "id": 3}, REPORT | {"published": "x"}]
    added = intake.typed(WORKSPACE, orjson.dumps([*broken, ACTOR, INDICATOR]), "a.json", Taken.STIX)
    assert [name for name, _ in added.refused] == ["object 1", "object 2", "object 3", REPORT["id"]]
    assert [one.title for one in added.new] == ["Heron in the harbour"]


def test_a_report_says_how_much_of_what_it_refers_to_is_not_there(intake: Intake) -> None:
    (signal,) = take(intake, [REPORT, INDICATOR])
    assert "objects that it refers to and that are not here: 1" in signal.remarks


@pytest.mark.parametrize(
    "body",
    [b"\xff", b"{}", b"[1", b'{"objects": 3}', b'{"Event": 3}', b'{"vulnerabilities": [3]}', b"[" * 5000, b"null"],
)
@pytest.mark.parametrize("kind", list(Taken))
def test_what_is_hostile_is_refused_in_words(intake: Intake, body: bytes, kind: Taken) -> None:
    # What is empty may also be taken for nothing.
    with suppress(DomainError):
        assert intake.typed(WORKSPACE, body, "a.json", kind).new == ()


EVENT: dict[str, Any] = {
    "uuid": f"{GUID}1",
    "info": "Heron campaign",
    "date": "2026-10-02",
    "timestamp": "1760000000",
    "Attribute": [
        {"type": "ip-dst|port", "value": "93.184.216.34|443", "to_ids": True},
        {"type": "filename|sha256", "value": "a.exe|" + "ab" * 32, "to_ids": True},
        {"type": "domain", "value": "not a domain", "to_ids": True},
        {"type": "url", "value": "https://news.example.org/", "to_ids": False},
        {"type": "ja3-fingerprint-md5", "value": "ab" * 16, "to_ids": True},
    ],
    "Object": [{"Attribute": [{"type": "vulnerability", "value": "cve-2024-21412", "to_ids": False}]}],
    "Galaxy": [
        {"type": "mitre-attack-pattern", "GalaxyCluster": [{"value": "LSASS Memory - T1003.001"}]},
        {"type": "threat-actor", "GalaxyCluster": [{"value": "Grey Heron"}]},
    ],
    "Tag": [{"name": 'misp-galaxy:mitre-attack-pattern="PowerShell - T1086"'}, {"name": "tlp:clear"}],
}


def test_an_event_of_misp_tells_its_attributes_and_galaxies(intake: Intake) -> None:
    (signal,) = take(intake, {"Event": EVENT})
    assert (signal.source, signal.observed) == ("misp", datetime(2026, 10, 2, tzinfo=UTC))
    assert [t.id for t in signal.techniques] == ["T1003.001", "T1059.001"]
    assert [i.value for i in signal.indicators] == ["93.184.216.34", "a.exe", "ab" * 32, "CVE-2024-21412"]
    assert signal.actors == ("Grey Heron",)
    assert set(signal.remarks) == {
        "attribute 3: `not a domain` is no domain",
        "attributes that are not for detection (`to_ids`) were passed over",
        "attributes of the type `ja3-fingerprint-md5` are not supported",
    }


def test_places_of_several_texts_are_those_of_the_whole(intake: Intake) -> None:
    said = "A long enough comment on what they did: tasks were planned (T1053.005), and evil-harbour[.]top was called."
    texts = [{"type": "comment", "value": "A first remark that says nothing."}, {"type": "comment", "value": said}]
    (signal,) = take(intake, {"Event": EVENT | {"Attribute": texts, "Galaxy": [], "Tag": []}})
    quotes = [q for t in signal.techniques for q in t.quotes] + [i.quote for i in signal.indicators]
    placed = [q for q in quotes if q.start is not None]
    assert len(placed) >= 2
    assert [signal.text[q.start : q.end] for q in placed] == [q.text for q in placed]


def test_an_event_that_was_changed_is_another_signal_and_the_same_one_is_known(intake: Intake) -> None:
    assert len(take(intake, {"Event": EVENT})) == 1
    assert take(intake, {"Event": EVENT}) == []
    assert len(take(intake, {"Event": EVENT | {"timestamp": "1760000001"}})) == 1


def test_a_manifest_is_read_in_the_order_of_its_changes_and_no_name_leads_elsewhere() -> None:
    listed = manifest(orjson.dumps({f"{GUID}2": {"timestamp": "9"}, f"{GUID}1": {"timestamp": 3}}))
    assert [(one.uuid[-1], one.changed) for one in listed.listed] == [("1", 3), ("2", 9)]
    wrongs: list[Any] = [{"../../etc/passwd": {}}, {f"{GUID}1": {"timestamp": "x"}}, [1]]
    for wrong in wrongs:
        with pytest.raises(Invalid):
            manifest(orjson.dumps(wrong))


CATALOGUE: dict[str, Any] = {
    "catalogVersion": "1",
    "vulnerabilities": [
        {"cveID": "CVE-2024-0001", "vendorProject": "Acme", "product": "Reverse Proxy", "dateAdded": "2026-11-01",
         "vulnerabilityName": "Acme overflow", "shortDescription": "x", "knownRansomwareCampaignUse": "Known"}
    ],
}  # fmt: skip
RECORD = {
    "dataType": "CVE_RECORD",
    "cveMetadata": {"cveId": "CVE-2024-0001", "datePublished": "2026-10-01T00:00:00"},
    "containers": {
        "cna": {
            "descriptions": [{"lang": "en", "value": "An overflow in the proxy lets anybody in."}],
            "affected": [
                {"vendor": "acme", "product": "reverse_proxy", "defaultStatus": "unaffected",
                 "versions": [{"version": "2.0", "lessThan": "2.4.1", "status": "affected"}]}
            ],
            "metrics": [{"cvssV3_1": {"baseScore": 9.8, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U"}}],
        }
    },
}  # fmt: skip
NVD = {
    "vulnerabilities": [
        {"cve": {
            "id": "CVE-2024-0002",
            "published": "2026-10-01T00:00:00.000",
            "descriptions": [{"lang": "es", "value": "no"}, {"lang": "en", "value": "Local"}],
            "metrics": {"cvssMetricV31": [{"cvssData": {"baseScore": 7.8, "vectorString": "CVSS:3.1/AV:L/UI:N"}}]},
            "configurations": [{"nodes": [{"cpeMatch": [
                {"vulnerable": True, "criteria": "cpe:2.3:a:acme:agent:*:*:*:*:*:*:*:*", "versionEndIncluding": "3.2"},
                {"vulnerable": False, "criteria": "cpe:2.3:o:acme:os:-:*:*:*:*:*:*:*"},
                {"vulnerable": True, "criteria": "cpe:2.3:a:acme:agent:4.0:*:*:*:*:*:*:*"},
            ]}]}],
        }}
    ]
}  # fmt: skip


def test_three_forms_of_vulnerabilities_are_read() -> None:
    (listed,), (record,), (nvd,) = (vulnerabilities_of(orjson.dumps(one)).found for one in (CATALOGUE, RECORD, NVD))
    assert (listed.exploited, listed.ransomware, listed.products[0].product) == (True, True, "Reverse Proxy")
    assert record.products == (AffectedProduct("acme", "reverse_proxy", (VersionRange("2.0", "2.4.1"),)),)
    assert (nvd.text, nvd.score) == ("Local", 7.8)
    assert nvd.products == (
        AffectedProduct("acme", "agent", (VersionRange("", "3.2", True), VersionRange("4.0", "4.0", True))),
    )
    both = merged(listed, record)
    assert (both.exploited, both.score, both.products) == (True, 9.8, record.products)


def test_the_older_feeds_of_nvd_are_refused_by_name() -> None:
    with pytest.raises(Invalid, match="not supported"):
        vulnerabilities_of(b'{"CVE_Items": []}')


@pytest.mark.parametrize(
    ("version", "held"),
    [
        ("2.0", True),
        ("2.4.0", True),
        ("2.4.1", False),
        ("2.4.1.0", False),
        ("1.9", False),
        ("2.10", False),
        ("2.x", None),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, held: bool | None) -> None:
    assert VersionRange("2.0", "2.4.1").holds(version) is held


def test_only_what_is_installed_matches_and_what_cannot_be_compared_is_said() -> None:
    inventory = [
        Installed("web-1", "Acme Corp", "Reverse-Proxy", "2.4.0", "DeviceTvmSoftwareInventory"),
        Installed("web-2", "acme", "reverse proxy", "2.4.1", "DeviceTvmSoftwareInventory"),
        Installed("web-3", "other", "reverse proxy", "2.4.0", "DeviceTvmSoftwareInventory"),
        Installed("web-4", "acme", "reverse proxy", "nightly", "DeviceTvmSoftwareInventory"),
    ]
    places = {plain("reverse proxy"): range(4)}
    (record,) = vulnerabilities_of(orjson.dumps(RECORD)).found
    found = matches(record, inventory, places)
    assert [(m.installed.device, m.sure) for m in found] == [("web-1", True), ("web-4", False)]
    signal = signal_of_vulnerability(record, found, received=NOW, trust=0.8, query="")
    assert [t.id for t in signal.techniques] == ["T1190"]
    assert [e.value for e in signal.entities] == ["web-1", "web-4"]
    assert "can't be compared" in signal.text
    assert matches(Vulnerability("CVE-2024-0009", "", ""), inventory, places) == []


def test_tickets_are_changes_by_a_mapping_or_by_usual_names(intake: Intake) -> None:
    rows = b"number,short_description,opened_at,cmdb_ci,opened_by\nCHG1,Open port 443,2026-11-01T10:00:00,web-1,ada\n"
    (signal,) = take(intake, rows, Taken.TICKETS, "tickets.csv")
    assert (signal.kind, signal.title) == (SignalKind.CHANGE, "CHG1: Open port 443")
    assert {(e.type, e.value) for e in signal.entities} == {("Account", "ada"), ("Host", "web-1")}
    nested = [{"key": "OPS-1", "fields": {"headline": "New VPN", "when": "2026-11-02"}, "technique": "t1133"}]
    mapping = TicketMapping.of({"title": "fields.headline", "time": "fields.when"})
    (signal,) = take(intake, nested, Taken.TICKETS, mapping=mapping, brought=Brought(trust=0.9))
    assert (signal.title, signal.trust, signal.techniques[0].id) == ("OPS-1: New VPN", 0.9, "T1133")


def test_a_ticket_that_says_too_little_is_refused_alone_and_named(intake: Intake) -> None:
    good = {"id": "1", "title": "x", "time": "2026-11-01", "technique": "T1"}
    bad = [{"id": "2"}, 7, {"id": "3", "title": "y", "time": "yesterday"}]
    added = intake.typed(WORKSPACE, orjson.dumps([*bad, good]), "a.json", Taken.TICKETS)
    assert added.refused == (
        ("ticket 2", "it is not a mapping"),
        ("ticket 1", "it has no title: say which field it is"),
        ("ticket 3", "its time is none in ISO 8601: `yesterday`"),
    )
    assert [(one.title, one.remarks) for one in added.new] == [("1: x", ("`T1` is no technique of ATT&CK",))]
    with pytest.raises(Invalid, match=r"none of 3 tickets can be used; of ticket 2, it is not a mapping"):
        take(intake, bad, Taken.TICKETS)
    with pytest.raises(Invalid, match="not supported"):
        TicketMapping.of({"colour": "x"})


def test_a_broken_row_of_csv_loses_no_other_and_shifts_no_field(intake: Intake) -> None:
    rows = (
        b"id,title,time,target\n"
        b"1,first,2026-11-01,a\n"
        b"2,open ports 80, 443,2026-11-01,b\n"
        b"3,\xfcber,2026-11-01,c\n"
        b'4,"quoted" badly,2026-11-01,d\n'
        b'5,"over\ntwo lines",2026-11-01,e\n'
        b'6,"never closed,2026-11-01,f\n'
        b"7,swallowed,2026-11-01,g\n"
    )
    added = intake.typed(WORKSPACE, rows, "t.csv", Taken.TICKETS)
    assert [one.title for one in added.new] == ["1: first", "5: over\ntwo lines"]
    assert [place for place, _ in added.refused] == ["line 3", "line 4", "line 5", "lines 8 to 9"]
    assert added.refused[0][1] == "it has 5 fields, and 4 are named: is a comma not in quotes?"


def test_a_broken_line_of_json_loses_no_other(intake: Intake) -> None:
    ticket = b'{"id": "%d", "title": "x", "time": "2026-11-01"}'
    added = intake.typed(WORKSPACE, b"\n".join([ticket % 1, b'{"id": "2', b"", ticket % 3]), "t.json", Taken.TICKETS)
    assert [(one.title, added.refused[0][0]) for one in added.new] == [("1: x", "ticket 2"), ("3: x", "ticket 2")]
    lines = b"\n".join([b'{"type": "rep', orjson.dumps(REPORT), orjson.dumps(INDICATOR)])
    added = intake.typed(WORKSPACE, lines, "a.json", kind_of(lines, "a.json"))
    assert ([name for name, _ in added.refused], len(added.new)) == (["object 1"], 1)


def test_a_broken_entry_of_a_catalogue_of_vulnerabilities_loses_no_other(intake: Intake) -> None:
    good = CATALOGUE["vulnerabilities"][0]
    bad = [
        7,
        good | {"cveID": "CVE-1"},
        good | {"dateAdded": "soon"},
        {"cveID": "CVE-2024-0003"},
        RECORD | {"containers": 3},
        {"cve": {"id": "CVE-2024-0004", "configurations": ["x"]}},
    ]
    body = orjson.dumps({"vulnerabilities": [*bad, good]})
    added = intake.typed(WORKSPACE, body, "kev.json", Taken.VULNERABILITIES)
    assert [place for place, _ in added.refused] == [f"vulnerability {n}" for n in range(1, 7)]
    assert [reason for _, reason in added.refused][:4] == [
        "it is not a mapping",
        "`CVE-1` is no id of CVE",
        "`soon` is not a time",
        "it has no `product`",
    ]
    assert [d.name for d in intake.vulnerabilities.records.list((WORKSPACE.name,))] == ["CVE-2024-0001"]
    with pytest.raises(Invalid, match="none of 6 vulnerabilities can be read; of vulnerability 1, it is not a mapping"):
        intake.typed(WORKSPACE, orjson.dumps(bad), "kev.json", Taken.VULNERABILITIES)


def test_a_broken_event_of_misp_loses_no_other_and_a_broken_attribute_is_remarked(intake: Intake) -> None:
    odd = EVENT | {"Attribute": [7, *EVENT["Attribute"]], "Object": {"Attribute": []}}
    events = [{"Event": {"uuid": 3}}, {"Event": odd}, {"Event": EVENT | {"uuid": f"{GUID}2", "timestamp": "soon"}}]
    for body in (events, {"response": events}):
        data = orjson.dumps(body)
        added = intake.typed(WORKSPACE, data, "a.json", kind_of(data, "a.json"))
        assert added.refused == (
            ("event 1", "an event of MISP has a `uuid`, and there is none"),
            ("event 3", "its `timestamp` is no number of seconds"),
        )
    (kept,) = intake.signals.list((WORKSPACE.name,))
    assert {"attribute 1 is not a mapping", "`Object` is not a list"} <= {*kept.value.remarks}
    assert "attribute 4: `not a domain` is no domain" in kept.value.remarks


def test_a_broken_entry_of_a_manifest_keeps_no_event_out() -> None:
    found = manifest(orjson.dumps({"../x": {}, f"{GUID}1": {"timestamp": "soon"}, f"{GUID}2": {"timestamp": 3}}))
    assert [one.uuid[-1] for one in found.listed] == ["2"]
    assert found.refused == (
        ("`../x` in the manifest", "it is no event's UUID"),
        (f"`{GUID}1` in the manifest", "its `timestamp` is no number of seconds"),
    )


def test_ids_and_types_that_are_no_texts_stop_no_bundle(intake: Intake) -> None:
    odd = [{"type": ["report"], "id": "x"}, {"type": "report", "id": {}}, {"id": []}, REPORT | {"object_refs": [3]}]
    added = intake.typed(WORKSPACE, orjson.dumps([*odd, INDICATOR]), "a.json", Taken.STIX)
    assert [name for name, _ in added.refused][:3] == ["object 1", "object 2", "object 3"]
    assert added.new


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (EVENT | {"date": "", "timestamp": "9" * 12}, Taken.MISP),
        ([{"number": "C1", "title": "t", "opened_at": "0001-01-01T00:00:00+14:00"}], Taken.TICKETS),
        (
            {**CATALOGUE, "vulnerabilities": [{**CATALOGUE["vulnerabilities"][0], "dateAdded": "0001-01-01T00+14"}]},
            None,
        ),
    ],
)
def test_a_time_that_no_calendar_has_is_refused_and_stops_nothing_else(
    intake: Intake, body: Any, kind: Taken | None
) -> None:
    with pytest.raises(Invalid):
        take(intake, body, kind)


def test_a_time_that_no_calendar_has_is_one_refused_object_of_stix() -> None:
    with pytest.raises(Invalid, match="is not a time"):
        moment("0001-01-01T00:00:00+14:00", "modified")
