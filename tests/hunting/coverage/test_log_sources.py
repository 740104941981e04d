"""ATT&CK's log sources, and the tables that hold them."""

from __future__ import annotations

import pytest

from huntlake.core.errors import Invalid
from huntlake.hunting.coverage.log_sources import read, shipped
from huntlake.hunting.extraction.knowledge import AnalyticSource
from huntlake.workspace.catalogue import Catalogue


def test_every_table_of_the_map_is_one_of_the_catalogue() -> None:
    catalogue, sources = Catalogue(), shipped()
    known = [*sources._exact.values(), *(source for _, source in sources._beginnings)]
    tables = {t for s in known for t in (*s.tables, *(t for c in s.channels for t in c.tables))}
    assert [t for t in sorted(tables) if catalogue.table(t) is None] == []
    assert len(sources._exact) > 100


@pytest.mark.parametrize(
    ("name", "channel", "table"),
    [
        ("WinEventLog:Sysmon", "EventCode=1", "DeviceProcessEvents"),
        ("WinEventLog:Sysmon", "EventCode=10", "DeviceEvents"),
        ("wineventlog:sysmon", "EventCode=3, 22", "DnsEvents"),
        ("WinEventLog:Security", "EventCode=4688", "SecurityEvent"),
        ("auditd:SYSCALL", "execve", "DeviceProcessEvents"),
        ("NSM:Flow", "dns.log", "DnsEvents"),
        ("azure:signinlogs", "", "SigninLogs"),
        ("m365:unified", "New-InboxRule", "OfficeActivity"),
        ("AWS:CloudTrail", "RunInstances", "AWSCloudTrail"),
        ("esxi:anything", "", "Syslog"),
    ],
)
def test_a_channel_is_found_in_its_table(name: str, channel: str, table: str) -> None:
    assert table in shipped().tables(AnalyticSource(name, channel))


def test_sysmon_event_1_is_not_taken_for_event_11_or_a_number_within_a_word() -> None:
    of = shipped().tables
    assert of(AnalyticSource("WinEventLog:Sysmon", "EventCode=11")) == ("DeviceFileEvents", "WindowsEvent", "Event")
    assert "DeviceProcessEvents" not in of(AnalyticSource("WinEventLog:Sysmon", "v1.0"))


def test_what_no_log_shows_needs_no_table_and_what_nobody_knows_is_not_taken_for_it() -> None:
    sources = shipped()
    assert sources.is_outside(AnalyticSource("Internet Scan"))
    assert not sources.is_outside(AnalyticSource("nobody:knows"))
    assert sources.tables(AnalyticSource("nobody:knows")) == ()


@pytest.mark.parametrize("text", ["a: b", "- {name: x}", "- {name: x, tables: [T], outside: true}", "- {title: x}"])
def test_a_file_that_says_something_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read(text)
