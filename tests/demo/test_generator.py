from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from huntlake.core.errors import Invalid
from huntlake.demo.company import load_company
from huntlake.demo.generator import TABLES, Demo, generate
from huntlake.kql.types import ScalarType
from huntlake.workspace.catalogue import Catalogue

from .conftest import END

_PHYSICAL = {
    ScalarType.BOOL: pa.bool_(),
    ScalarType.INT: pa.int32(),
    ScalarType.LONG: pa.int64(),
    ScalarType.REAL: pa.float64(),
    ScalarType.STRING: pa.string(),
    ScalarType.DYNAMIC: pa.string(),
    ScalarType.DATETIME: pa.timestamp("us"),
}

_AT_LEAST = {
    "SigninLogs": 8_000,
    "AADNonInteractiveUserSignInLogs": 20_000,
    "AADServicePrincipalSignInLogs": 5_000,
    "AuditLogs": 1_000,
    "OfficeActivity": 20_000,
    "SecurityEvent": 40_000,
    "DeviceProcessEvents": 40_000,
    "DeviceNetworkEvents": 40_000,
    "DeviceFileEvents": 15_000,
    "DeviceLogonEvents": 15_000,
    "DeviceRegistryEvents": 8_000,
    "DeviceEvents": 5_000,
    "EmailEvents": 8_000,
    "CommonSecurityLog": 15_000,
    "AzureActivity": 400,
    "Syslog": 8_000,
    "AlertInfo": 30,
    "AlertEvidence": 50,
}

_KNOWN = [ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
_INSIDE = [ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")]


def _digest(rows: Any) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return sha256(sink.getvalue()).hexdigest()


def test_the_same_seed_and_end_give_the_same_bytes(tables: dict[str, Any]) -> None:
    # Seconds are cut off, so that a restart within the minute is the same demo.
    again = {t.name: _digest(t.rows) for t in generate(END + timedelta(seconds=31))}
    assert again == {name: _digest(rows) for name, rows in tables.items()}


def test_another_seed_is_another_fortnight(tables: dict[str, Any]) -> None:
    first = next(t for t in generate(END, seed=7) if t.name == "SigninLogs")
    assert _digest(first.rows) != _digest(tables["SigninLogs"])


def test_every_announced_table_is_made_and_is_large_enough(tables: dict[str, Any]) -> None:
    assert tuple(tables) == TABLES
    short = {name: tables[name].num_rows for name, least in _AT_LEAST.items() if tables[name].num_rows < least}
    assert not short
    assert 300_000 <= sum(t.num_rows for t in tables.values()) <= 450_000


def test_columns_are_those_of_the_catalogue(tables: dict[str, Any]) -> None:
    catalogue = Catalogue()
    for name, rows in tables.items():
        schema = catalogue.table(name)
        assert schema is not None, name
        known = {c.name: _PHYSICAL[c.type] for c in schema.columns}
        wrong = {f.name: str(f.type) for f in rows.schema if known.get(f.name) != f.type}
        assert not wrong, name


def test_texts_are_never_null_and_dynamics_are_json(tables: dict[str, Any]) -> None:
    catalogue = Catalogue()
    for name, rows in tables.items():
        schema = catalogue.table(name)
        assert schema is not None
        kinds = {c.name: c.type for c in schema.columns}
        for column in rows.column_names:
            if kinds[column] is ScalarType.STRING:
                assert rows[column].null_count == 0, f"{name}.{column}"
            if kinds[column] is ScalarType.DYNAMIC:
                first = pc.utf8_slice_codeunits(pc.drop_null(pc.unique(rows[column])), 0, 1)
                assert set(first.to_pylist()) <= {"{", "["}, f"{name}.{column}"


def test_rows_are_of_the_fortnight_and_by_time(tables: dict[str, Any]) -> None:
    begin, end = END.replace(tzinfo=None) - timedelta(days=14), END.replace(tzinfo=None)
    for name, rows in tables.items():
        at = rows["TimeGenerated"]
        assert pc.min(at).as_py() >= begin, name
        assert pc.max(at).as_py() < end, name
        assert pc.all(pc.less_equal(at[:-1], at[1:])).as_py() is not False, name
        assert (pc.max(at).as_py() - pc.min(at).as_py()).days >= 5, name


def _addresses(tables: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for rows in tables.values():
        for field in rows.schema:
            if not pa.types.is_string(field.type):
                continue
            for text in pc.unique(rows[field.name]).to_pylist():
                if text and len(text) < 4000:
                    found.update(re.findall(r"(?<![\w.:/-])(?:\d{1,3}\.){3}\d{1,3}(?![\w.-])", text))
    return found


def test_no_address_belongs_to_anyone(tables: dict[str, Any]) -> None:
    columns = ("IPAddress", "RemoteIP", "LocalIP", "SourceIP", "DestinationIP", "ClientIP", "IpAddress", "SenderIPv4")
    few = {n: t.select([c for c in t.column_names if c in columns]) for n, t in tables.items()}
    found = _addresses(few)
    assert len(found) > 100
    foreign = {a for a in found if not any(ip_address(a) in n for n in (*_KNOWN, *_INSIDE))}
    assert not foreign


def test_weekdays_are_busy_and_weekends_are_not(tables: dict[str, Any]) -> None:
    at = tables["SigninLogs"].filter(pc.equal(tables["SigninLogs"]["Location"], "NL"))["TimeGenerated"]
    # ISO: Monday is 1.
    days = pc.day_of_week(at, count_from_zero=False, week_start=1)
    counts = {v["values"]: v["counts"] for v in pc.value_counts(days).to_pylist()}
    weekday = sum(counts.get(d, 0) for d in range(1, 6)) / 10
    weekend = sum(counts.get(d, 0) for d in (6, 7)) / 4
    assert weekday > 6 * weekend


@pytest.mark.parametrize(("country", "midday", "night"), [("NL", 11, 1), ("US", 17, 8), ("SG", 4, 19)])
def test_each_office_works_by_its_own_clock(tables: dict[str, Any], country: str, midday: int, night: int) -> None:
    rows = tables["SigninLogs"].filter(pc.equal(tables["SigninLogs"]["Location"], country))
    hours = {v["values"]: v["counts"] for v in pc.value_counts(pc.hour(rows["TimeGenerated"])).to_pylist()}
    assert hours[midday] > 20 * (hours.get(night, 0) + 1)


def test_servers_never_sleep(tables: dict[str, Any]) -> None:
    hours = pc.value_counts(pc.hour(tables["Syslog"]["TimeGenerated"])).to_pylist()
    assert len(hours) == 24
    assert min(v["counts"] for v in hours) > 200


def test_people_are_in_the_united_states_and_elsewhere(tables: dict[str, Any]) -> None:
    assert {"US", "NL", "SG", "DE", "BR"} <= set(pc.unique(tables["SigninLogs"]["Location"]).to_pylist())


def test_the_machine_whose_name_comes_last_talks_to_the_outside_only(tables: dict[str, Any]) -> None:
    rows = tables["DeviceNetworkEvents"]
    last = rows.filter(pc.equal(rows["DeviceName"], pc.max(rows["DeviceName"])))
    assert last.num_rows > 50
    assert set(pc.unique(last["RemoteIPType"]).to_pylist()) == {"Public"}
    company = load_company()
    countries = [company.place(a).country for a in last["RemoteIP"].to_pylist()]
    assert "" not in countries
    assert sum(c != "United States" for c in countries) > 20


def test_the_published_queries_have_something_to_find(tables: dict[str, Any]) -> None:
    names = pc.utf8_lower(tables["SigninLogs"]["UserDisplayName"])
    assert pc.any(pc.match_substring(names, "admin")).as_py()
    assert pc.sum(pc.equal(tables["SecurityEvent"]["EventID"], 4625)).as_py() > 100
    high = tables["AlertInfo"].filter(pc.equal(tables["AlertInfo"]["Severity"], "High"))
    assert set(high["AlertId"].to_pylist()) <= set(tables["AlertEvidence"]["AlertId"].to_pylist())
    assert high.num_rows >= 5


def test_a_shorter_time_than_the_story_takes_is_refused() -> None:
    with pytest.raises(Invalid, match="at least 8 days"):
        next(generate(END, days=4))


@pytest.mark.parametrize(
    "end",
    [
        datetime(2026, 3, 30, 6, 5, tzinfo=UTC),  # Monday morning, the day after clocks changed in Europe
        datetime(2026, 1, 4, 0, 1, tzinfo=UTC),  # a Sunday
        datetime(2026, 7, 10, 1, 59, tzinfo=UTC),  # a Friday, in the night of the story
    ],
)
def test_the_story_fits_whenever_it_ends(end: datetime) -> None:
    demo = Demo(end)
    for _ in demo.tables():
        pass
    truth = demo.truth()
    assert all(truth.begin < s.begin <= s.end < truth.end for s in truth.steps)
    assert truth.end - truth.steps[-1].end < timedelta(days=4)
