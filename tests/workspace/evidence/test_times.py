"""The times of events whose stamps don't tell their zone, or tell it wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.workspace.evidence.conftest import Bring
from tests.workspace.evidence.test_kinds import SYSMON

Rows = Callable[[str], list[dict[str, Any]]]

SECURITY = {"EventID": 4624, "SourceName": "Microsoft-Windows-Security-Auditing", "Channel": "Security"}
TIMES = "SecurityEvent | order by TimeGenerated asc | project t = format_datetime(TimeGenerated, 'dd HH:mm:ss')"


def at(stamp: str, **more: Any) -> str:
    return json.dumps({**SECURITY, "Hostname": "WS5.corp.local", "TimeCreated": stamp, **more})


def sysmon(stamp: str, utc: str) -> str:
    return json.dumps({**SYSMON, "TimeCreated": stamp, "UtcTime": utc})


def test_sysmon_tells_the_clock_of_the_other_events(bring: Bring, rows: Rows) -> None:
    evidence = bring(
        "e.json",
        "\n".join([at("2020-10-18 10:56:18"), sysmon("2020-10-18 10:56:19", "2020-10-19 02:56:19.1")]),
    )
    assert rows(TIMES) == [{"t": "19 02:56:18"}]
    assert (evidence.corrected, evidence.assumed) == (2, 0)


def test_a_z_that_is_wrong_is_found_out(bring: Bring, rows: Rows) -> None:
    bring(
        "e.json",
        "\n".join([sysmon("2020-10-21T11:28:09.371Z", "2020-10-22 03:28:09.370"), at("2020-10-21T11:28:10Z")]),
    )
    assert rows(TIMES) == [{"t": "22 03:28:10"}]


def test_a_clock_of_twelve_hours_starts_anew_at_noon(bring: Bring, rows: Rows) -> None:
    bring(
        "e.json",
        "\n".join(
            [
                sysmon("2020-10-21 11:59:50", "2020-10-21 15:59:50.0"),
                at("2020-10-21 11:59:51"),
                sysmon("2020-10-21 01:00:10", "2020-10-21 17:00:10.0"),
                at("2020-10-21 01:00:11"),
            ]
        ),
    )
    assert rows(TIMES) == [{"t": "21 15:59:51"}, {"t": "21 17:00:11"}]


def test_without_sysmon_the_collector_tells_its_clock(bring: Bring, rows: Rows) -> None:
    received = {"EventReceivedTime": "2020-08-06 01:20:14", "@timestamp": "2020-08-06T05:20:14.617Z"}
    bring("e.json", at("2020-08-06 01:20:11", **received))
    assert rows(TIMES) == [{"t": "06 05:20:11"}]


def test_without_anything_the_zone_given_counts_and_is_told(bring: Bring, rows: Rows) -> None:
    evidence = bring("e.json", at("2020-08-06 01:20:11"), time_zone="America/New_York")
    assert rows(TIMES) == [{"t": "06 05:20:11"}]
    assert (evidence.corrected, evidence.assumed) == (0, 1)


def test_an_event_that_tells_no_time_is_counted(bring: Bring) -> None:
    assert bring("e.json", at("no time at all")).undated == 1
