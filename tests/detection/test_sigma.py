from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import huntlake
from huntlake.core.diagnostics import Source, SourceError
from huntlake.detection.rule_files import Described
from huntlake.detection.rules import RuleKind
from huntlake.detection.severity import Severity, Tactic
from huntlake.detection.sigma.rules import converted
from huntlake.detection.sigma.sources import applications, cloud, defender, network, unix, windows
from huntlake.kql.compiler import parse
from huntlake.session import Session

HEAD = """\
title: An odd tool
id: 6a2b1e4c-0c7c-4a0e-9d59-7a5a2f6f0a11
status: test
description: Somebody runs an odd tool.
references: ['https://example.com/odd']
author: A. Hunter
date: 2026-01-02
level: critical
tags: [attack.initial-access, attack.stealth, attack.t1059.001, attack.t1105, car.2013-05-004]
"""
PROCESSES = "{product: windows, category: process_creation}"
TIME = "2026-11-22T07:00:00Z"


def read(detection: str, logsource: str = PROCESSES, period: timedelta | None = None) -> Described:
    lines = "\n".join(f"  {line}" for line in detection.strip().splitlines())
    text = f"{HEAD}logsource: {logsource}\ndetection:\n{lines}\n"
    return converted(Source(text, "rule.yml"), period=period)


def refused(detection: str, logsource: str = PROCESSES) -> str:
    with pytest.raises(SourceError) as error:
        read(detection, logsource)
    return str(error.value)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with huntlake.open() as made:
        made.append(
            "DeviceProcessEvents",
            [
                _process("one", r"C:\Windows\System32\cmd.exe", r"cmd /c dir C:\*.txt", "explorer.exe"),
                _process("two", r"C:\Tools\odd_tool.exe", r"odd -enc aQBlAHgA", "winword.exe"),
                _process("three", "", "", ""),
            ],
        )
        made.append(
            "Event",
            [
                _event("System", 7045, "ImagePath", "a &amp; b &lt;c&gt;"),
                _event("Windows PowerShell", 400, "Data1", "HostApplication=powershell"),
            ],
        )
        made.append(
            "DeviceRegistryEvents",
            [
                {
                    "TimeGenerated": TIME,
                    "DeviceName": "pc",
                    "ActionType": "RegistryValueSet",
                    "RegistryKey": r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\Odd",
                    "RegistryValueName": "Start",
                    "RegistryValueType": "Dword",
                    "RegistryValueData": "4",
                    "InitiatingProcessParentFileName": "winword.exe",
                }
            ],
        )
        made.append(
            "DeviceNetworkEvents",
            [
                _connection("out", "ConnectionSuccess", "10.0.0.5", "203.0.113.9", 443),
                _connection("in", "InboundConnectionAccepted", "10.0.0.5", "198.51.100.7", 51000),
                _connection("v6", "ConnectionSuccess", "fe80::1", "2001:db8::9", 443),
            ],
        )
        yield made


def _process(device: str, path: str, command: str, parent: str) -> dict[str, Any]:
    return {
        "TimeGenerated": TIME,
        "DeviceName": device,
        "FolderPath": path,
        "ProcessCommandLine": command,
        "InitiatingProcessFolderPath": f"C:\\{parent}" if parent else "",
        "InitiatingProcessParentFileName": parent,
        "LogonId": 999,
        "SHA256": "ab" * 32 if device == "two" else "",
        "AdditionalFields": {"CurrentDirectory": "C:\\"},
    }


def _event(log: str, id: int, name: str, value: str) -> dict[str, Any]:
    data = f'<DataItem><EventData><Data Name="{name}">{value}</Data></EventData></DataItem>'
    return {"TimeGenerated": TIME, "Computer": "pc", "EventLog": log, "EventID": id, "EventData": data}


def _connection(device: str, action: str, local: str, remote: str, port: int) -> dict[str, Any]:
    return {
        "TimeGenerated": TIME,
        "DeviceName": device,
        "ActionType": action,
        "LocalIP": local,
        "LocalPort": 445,
        "RemoteIP": remote,
        "RemotePort": port,
    }


def fires(session: Session, detection: str, logsource: str = PROCESSES) -> set[str]:
    """The devices of the rows that the detection finds."""
    if "condition:" not in detection:
        detection = f"selection:\n  {detection}\ncondition: selection"
    rows = session.query(read(detection, logsource).rule.query).to_dicts()
    return {str(row.get("DeviceName") or row.get("Computer")) for row in rows}


def test_a_rule_is_an_analytic_rule_with_all_that_sigma_says_of_it() -> None:
    described = read("selection:\n  Image: x\ncondition: selection", period=timedelta(hours=1))
    rule = described.rule
    assert (rule.kind, rule.severity, rule.display_name) == (RuleKind.SCHEDULED, Severity.HIGH, "An odd tool")
    assert rule.tactics == (Tactic.INITIAL_ACCESS, Tactic.DEFENSE_EVASION)
    assert (rule.techniques, rule.sub_techniques) == (("T1059", "T1105"), ("T1059.001",))
    assert rule.description is not None
    assert "A. Hunter" in rule.description
    assert "https://example.com/odd" in rule.description
    assert "car.2013-05-004" in described.tags
    assert rule.query.splitlines()[:3] == [
        "DeviceProcessEvents",
        "| where TimeGenerated >= ago(1h)",
        '| where FolderPath =~ "x"',
    ]
    assert {m.entity_type for m in rule.entity_mappings} == {"Host", "Account", "Process"}
    shown = rule.query.rsplit("| project ", 1)[1].split(", ")
    assert {m.column_name for e in rule.entity_mappings for m in e.field_mappings} <= set(shown)


@pytest.mark.parametrize(
    ("test", "found"),
    [
        (r"Image: c:\windows\system32\CMD.exe", {"one"}),
        (r"Image|endswith: \cmd.exe", {"one"}),
        (r"Image|startswith: C:\tools", {"two"}),
        (r"Image: '*\odd_tool.exe'", {"two"}),
        (r"Image: C:\\*\\c?d.exe", {"one"}),
        # An escaped wildcard is the letter itself.
        (r"CommandLine|contains: C:\\\*.txt", {"one"}),
        (r"CommandLine|contains: 'C:\\*.txt'", {"one"}),
        (r"CommandLine|contains|all: [dir, txt]", {"one"}),
        (r"CommandLine|contains|cased: DIR", set()),
        (r"CommandLine|contains|cased: dir", {"one"}),
        (r"CommandLine|re: 'odd -[a-z]{3} '", {"two"}),
        (r"CommandLine|re|i: 'ODD -[a-z]{3} '", {"two"}),
        (r"CommandLine|windash|contains: ' -c '", {"one"}),
        (r"CommandLine|wide|base64offset|contains: iex", {"two"}),
        (r"CommandLine: null", {"three"}),
        (r"CommandLine: ''", {"three"}),
        (r"CommandLine: '*'", {"one", "two"}),
        (r"CommandLine|exists: false", {"three"}),
        (r"LogonId: '0x3e7'", {"one", "two", "three"}),
        (r"ProcessId: 5", set()),
        (r"Hashes|contains: [SHA256=" + "AB" * 32 + "]", {"two"}),
        (r"GrandParentImage|endswith: \winword.exe", {"two"}),
        (r"CurrentDirectory: C:\\", {"one", "two", "three"}),
        (r"Image|fieldref: CommandLine", {"three"}),
    ],
)
def test_what_a_value_means(session: Session, test: str, found: set[str]) -> None:
    assert fires(session, test) == found


def test_not_of_what_is_empty_holds(session: Session) -> None:
    detection = r"""
all:
  LogonId: '0x3e7'
filter_a:
  Image|endswith: \cmd.exe
filter_b:
  CommandLine|re: ^odd
condition: all and not 1 of filter_*
"""
    assert fires(session, detection) == {"three"}


def test_or_in_and_keeps_its_parentheses(session: Session) -> None:
    detection = r"""
a:
  - Image|endswith: \cmd.exe
  - Image|endswith: \odd_tool.exe
b:
  CommandLine|contains: odd and more or less
c:
  CommandLine|contains: odd
condition: a and (b or c)
"""
    assert fires(session, detection) == {"two"}


def test_words_without_a_field_are_looked_for_in_the_text_of_the_row(session: Session) -> None:
    assert fires(session, "words: ['odd -enc', nothing]\ncondition: words") == {"two"}


NETWORK = "{product: windows, category: network_connection}"


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("DestinationIp|cidr: 203.0.113.0/24", {"out"}),
        ("DestinationIp|cidr: 2001:db8::/32", {"v6"}),
        # Of what comes in this host is the destination.
        ("DestinationPort: 445", {"in"}),
        ("SourceIp|cidr: 198.51.100.0/24", {"in"}),
        ("DestinationPort|gte: 443", {"out", "in", "v6"}),
        ("Initiated: 'true'", {"out", "v6"}),
    ],
)
def test_connections(session: Session, test: str, found: set[str]) -> None:
    assert fires(session, test, NETWORK) == found


def test_an_address_that_is_none_is_in_no_network_and_so_outside(session: Session) -> None:
    detection = "a:\n  DestinationPort: [443, 445]\nb:\n  DestinationIp|cidr: [203.0.113.0/24, 10.0.0.0/8]\n"
    assert fires(session, f"{detection}condition: a and not b", NETWORK) == {"v6"}


REGISTRY = "{product: windows, category: registry_set}"


@pytest.mark.parametrize(
    "test",
    [
        r"TargetObject: HKLM\SYSTEM\CurrentControlSet\Services\Odd\Start",
        "Details: DWORD (0x00000004)",
        "EventType: SetValue",
        r"ParentImage|endswith: \winword.exe",
    ],
)
def test_the_registry_is_asked_as_sysmon_tells_of_it(session: Session, test: str) -> None:
    assert fires(session, test, REGISTRY) == {"pc"}


def test_a_key_that_gets_a_new_name_is_asked_for_by_its_old_one() -> None:
    query = read(
        "s:\n  TargetObject|contains: x\ncondition: s", "{product: windows, category: registry_event}"
    ).rule.query
    assert 'iff(ActionType == "RegistryKeyRenamed", PreviousRegistryKey, RegistryKey)' in query


def test_accounts_of_linux_have_no_domain() -> None:
    query = read("s:\n  User: root\ncondition: s", "{product: linux, category: process_creation}").rule.query
    assert '| where AccountName =~ "root"' in query


def test_the_original_name_of_a_library_is_not_that_of_the_process() -> None:
    query = read("s:\n  OriginalFileName: x\ncondition: s", "{product: windows, category: image_load}").rule.query
    assert query.startswith("Event\n")


def test_windows_events_are_read_as_text_and_not_as_markup(session: Session) -> None:
    system = "{product: windows, service: system}"
    assert fires(session, "ImagePath: 'a & b <c>'", system) == {"pc"}
    assert fires(session, "ImagePath|re: '^a & b <c>$'", system) == {"pc"}
    assert fires(session, "EventID: 7045", system) == {"pc"}
    assert fires(session, "EventID: 7036", system) == set()
    assert fires(session, "words: ['b <c>']\ncondition: words", system) == {"pc"}


def test_a_field_whose_name_begins_with_a_digit_is_one() -> None:
    query = read("s:\n  3rdParty: x\ncondition: s", "{product: windows, service: system}").rule.query
    assert '| where _3rdParty =~ "x"' in query
    parse(query)


def test_unnamed_data_of_an_event_is_asked_for_each_by_itself(session: Session) -> None:
    classic = "{product: windows, category: ps_classic_start}"
    assert fires(session, "Data|contains: 'hostapplication='", classic) == {"pc"}
    assert fires(session, "Data: 'HostApplication=powershell'", classic) == {"pc"}
    assert fires(session, "Data: HostApplication", classic) == set()
    assert fires(session, "Data|startswith: HostApplication", classic) == {"pc"}


def test_what_defender_does_not_tell_is_asked_of_sysmon_itself() -> None:
    query = read("s:\n  Signed: 'false'\ncondition: s", "{product: windows, category: image_load}").rule.query
    assert query.startswith('Event\n| where Source == "Microsoft-Windows-Sysmon" and EventID in (7)')


@pytest.mark.parametrize(
    ("detection", "logsource", "reason"),
    [
        ("s:\n  A: b\ncondition: s", "{product: opencanary, category: application}", "log source of product"),
        ("s:\n  A: b\ncondition: s", "{product: windows, category: file_access}", "log source of product"),
        ("s:\n  Signed: b\ncondition: s", PROCESSES, "the field `Signed` of DeviceProcessEvents is not supported"),
        ("s:\n  Image|expand: '%x%'\ncondition: s", PROCESSES, "the placeholder `%x%` is not supported"),
        ("s:\n  Image|re: 'a(?=b)'\ncondition: s", PROCESSES, "in a regex is not supported"),
        ("s:\n  UtcTime|hour: 3\ncondition: s", "{product: windows, category: driver_load}", "not supported"),
        ("s:\n  Image: x\ncondition: s | count() > 3", PROCESSES, "pipe"),
        ("s:\n  Image|nonsense: x\ncondition: s", PROCESSES, "nonsense"),
        ("s:\n  Image: x\ncondition: other", PROCESSES, "other"),
    ],
)
def test_what_can_not_be_said_is_refused(detection: str, logsource: str, reason: str) -> None:
    assert reason in refused(detection, logsource)


def test_a_refusal_stands_at_its_field() -> None:
    assert "--> rule.yml:14:5" in refused("s:\n  Image: x\n  Odd|contains: y\ncondition: s")


def test_texts_of_a_rule_can_not_become_a_query(session: Session) -> None:
    for text in ('x" or true //', "x\\", "'); drop", 'a""b', "new\nline\ttab\u0001"):
        written = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        assert fires(session, f'CommandLine|contains: "{written}"'.replace("\u0001", "\\x01")) == set()
        assert fires(session, f'Image: ["{written}", other]'.replace("\u0001", "\\x01")) == set()


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a rule asks the network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    read("s:\n  Image: x\ncondition: s")


def test_sigma_is_loaded_late() -> None:
    program = "import sys, huntlake, huntlake.detection.content; sys.exit('sigma' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_no_log_source_is_declared_twice() -> None:
    declared = [key for place in (applications, cloud, defender, network, unix, windows) for key in place.KNOWN]
    assert len(declared) == len(set(declared))
