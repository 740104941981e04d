"""Looking for indicators in the tables of the lake: many values in one query of each table, found by the term index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import orjson

from huntlake.detection.indicators import Indicator
from huntlake.detection.intel.patterns import Observable, ObservableKind, network_of, pattern_of
from huntlake.detection.running import Window
from huntlake.kql.syntax.commands import quoted_name, quoted_text
from huntlake.kql.types import ScalarType
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.table_sources import TableSource
from huntlake.workspace.workspaces import Workspace

AT_ONCE = 1000
"""Values in one query."""

_NARROW = 20
"""Bits from which on a network is looked for by the beginnings of three octets."""
_MICROSECOND = timedelta(microseconds=1)
_TIME = "TimeGenerated"
PLACES: Mapping[ObservableKind, Mapping[str, str]] = {
    ObservableKind.ADDRESS: {
        "AADNonInteractiveUserSignInLogs": "IPAddress",
        "AADServicePrincipalSignInLogs": "IPAddress",
        "AWSCloudTrail": "SourceIpAddress",
        "AZFWNetworkRule": "SourceIp DestinationIp",
        "AppServiceHTTPLogs": "CIp",
        "AzureActivity": "CallerIpAddress",
        "CloudAppEvents": "IPAddress",
        "CommonSecurityLog": "SourceIP DestinationIP",
        "DeviceEvents": "RemoteIP",
        "DeviceLogonEvents": "RemoteIP",
        "DeviceNetworkEvents": "RemoteIP",
        "DnsEvents": "IPAddresses*",
        "EmailEvents": "SenderIPv4 SenderIPv6",
        "IdentityLogonEvents": "IPAddress",
        "OfficeActivity": "ClientIP*",
        "SecurityEvent": "IpAddress",
        "SigninLogs": "IPAddress",
        "Syslog": "SyslogMessage*",
        "VMConnection": "RemoteIp",
        "W3CIISLog": "cIP",
    },
    ObservableKind.DOMAIN: {
        "AZFWApplicationRule": "Fqdn*",
        "AZFWDnsQuery": "QueryName*",
        "CommonSecurityLog": "RequestURL* DestinationHostName*",
        "DeviceNetworkEvents": "RemoteUrl*",
        "DnsEvents": "Name*",
        "EmailEvents": "SenderFromDomain*",
        "EmailUrlInfo": "UrlDomain*",
        "Syslog": "SyslogMessage*",
        "UrlClickEvents": "Url*",
    },
    ObservableKind.URL: {
        "CommonSecurityLog": "RequestURL",
        "DeviceNetworkEvents": "RemoteUrl",
        "EmailUrlInfo": "Url",
        "UrlClickEvents": "Url",
    },
    ObservableKind.HASH: {
        "CommonSecurityLog": "FileHash",
        "DeviceEvents": "MD5 SHA1 SHA256",
        "DeviceFileEvents": "MD5 SHA1 SHA256",
        "DeviceImageLoadEvents": "MD5 SHA1 SHA256",
        "DeviceProcessEvents": "MD5 SHA1 SHA256",
        "EmailAttachmentInfo": "SHA256",
        "SecurityEvent": "FileHash*",
    },
    ObservableKind.MAIL: {
        "EmailEvents": "SenderFromAddress SenderMailFromAddress",
        "EmailAttachmentInfo": "SenderFromAddress",
    },
}
"""Where what is looked for may stand: tables and columns. A star says that the column holds more than the value."""

_PLACES_OF = {
    kind: PLACES[ObservableKind.ADDRESS if kind is ObservableKind.NETWORK else kind] for kind in ObservableKind
}
_HOSTS = ("DeviceName", "Computer")
_ACCOUNTS = ("UserPrincipalName", "AccountUpn", "RecipientEmailAddress", "InitiatingProcessAccountUpn", "UserId")


@dataclass(frozen=True, slots=True)
class Sighting:
    """An observable that was seen: in a row of that table, by that column; `names` are of the indicators."""

    kind: ObservableKind
    value: str
    names: tuple[str, ...]
    table: str
    column: str
    at: datetime
    host: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for: by kind the indicators of each value in lower case, and those that can't be looked for."""

    values: Mapping[ObservableKind, Mapping[str, tuple[str, ...]]]
    left_out: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Matched:
    """What was seen, how many values were looked for in which tables, and which indicators weren't."""

    window: Window
    sightings: tuple[Sighting, ...]
    values: int
    tables: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)


def sought(indicators: Iterable[tuple[str, Indicator]], at: datetime, least: int = 0) -> Sought:
    """What the indicators that are valid at that time look for; those of a confidence below `least` are passed over."""
    values: dict[ObservableKind, dict[str, list[str]]] = {k: {} for k in ObservableKind}
    left_out: dict[str, str] = {}
    for name, one in indicators:
        since, until = one.valid_from, one.valid_until
        if one.revoked or (since and since > at) or (until and until <= at) or (one.confidence or 100) < least:
            continue
        pattern = pattern_of(one.pattern, one.pattern_type)
        for observable in pattern.enough:
            assert observable.kind is not None
            values[observable.kind].setdefault(_key(observable), []).append(name)
        if pattern.left_out:
            left_out[name] = pattern.left_out
    return Sought({k: {v: tuple(n) for v, n in found.items()} for k, found in values.items()}, left_out)


def match(
    queries: Queries,
    lake: TableSource,
    workspace: Workspace,
    wanted: Sought,
    window: Window,
    progress: Callable[[str], None] = lambda table: None,
) -> Matched:
    """Where the rows of a window hold what is looked for; half open, as a rule's window is.

    All rows are looked at or `LimitExceeded` is raised.
    """
    found: list[Sighting] = []
    looked: dict[str, None] = {}
    there = set(lake.names_with_rows(workspace.name))
    for kind, values in wanted.values.items():
        for table, columns in _PLACES_OF[kind].items() if values else ():
            if table not in there:
                continue
            known = {c.name: c.type for c in lake.table(workspace.name, table) or ()}
            if known.get(_TIME) is not ScalarType.DATETIME:
                continue
            named = [c for c in columns.split() if c.rstrip("*") in known]
            progress(table)
            looked[table] = None
            listed = list(values)
            for start in range(0, len(listed), AT_ONCE):
                part = listed[start : start + AT_ONCE]
                found += _seen(queries, workspace, kind, table, named, known, part, values, window)
    found.sort(key=lambda s: (s.kind, s.value, s.at, s.table, s.column, s.host, s.account))
    return Matched(window, tuple(found), sum(map(len, wanted.values.values())), tuple(looked), wanted.left_out)


def _seen(
    queries: Queries,
    workspace: Workspace,
    kind: ObservableKind,
    table: str,
    columns: Sequence[str],
    known: Mapping[str, ScalarType],
    part: Sequence[str],
    values: Mapping[str, tuple[str, ...]],
    window: Window,
) -> Iterator[Sighting]:
    tests = []
    for column in columns:
        name = quoted_name(column.rstrip("*"))
        if kind is ObservableKind.NETWORK:
            tests.append(f"has_any_ipv4_prefix(tostring({name}), dynamic({orjson.dumps(_prefixes(part)).decode()}))")
        elif column.endswith("*"):
            tests.append(f"tostring({name}) has_any ({_texts(part)})")
        else:
            tests.append(f"{name} in~ ({_texts(_spellings(kind, part))})")
    host = next((c for c in _HOSTS if c in known), None)
    account = next((c for c in _ACCOUNTS if c in known), None)
    shown = dict.fromkeys([_TIME, *(c.rstrip("*") for c in columns), *(c for c in (host, account) if c)])
    text = f"{quoted_name(table)} | where {' or '.join(tests)} | project {', '.join(map(quoted_name, shown))}"
    options = QueryOptions(
        max_bytes=None, time_column=_TIME, since=window.since, until=window.until - _MICROSECOND, now=window.until
    )
    [answer] = queries.run(workspace, text, options).tables
    rows = orjson.loads(b"[" + b",".join(answer.json_objects()) + b"]")
    if answer.truncated_by is not None:
        raise answer.truncated_by
    held = _networks(part) if kind is ObservableKind.NETWORK else _words(kind, set(part))
    # What is seen of a network is an address.
    seen_as = ObservableKind.ADDRESS if kind is ObservableKind.NETWORK else kind
    for row in rows:
        for column in columns:
            cell = row.get(column.rstrip("*"))
            said = cell if isinstance(cell, str) else orjson.dumps(cell).decode() if cell else ""
            for value, of in held(said, not column.endswith("*")):
                yield Sighting(
                    seen_as,
                    value,
                    values[of],
                    table,
                    column.rstrip("*"),
                    _moment(row[_TIME]),
                    _word(row, host),
                    _word(row, account),
                )


_Held = Callable[[str, bool], Iterable[tuple[str, str]]]
"""What of a cell is looked for, and the values for which it is; whether a cell is to be the value as a whole."""


def _words(kind: ObservableKind, wanted: set[str]) -> _Held:
    def held(text: str, whole: bool) -> Iterable[tuple[str, str]]:
        return ((value, value) for value in _held(kind, text, wanted, whole=whole))

    return held


def _networks(values: Iterable[str]) -> _Held:
    """The addresses of a cell that lie in one of the networks."""
    known: dict[int, dict[int, str]] = {}
    for value in values:
        network = _network(value)
        known.setdefault(network.prefixlen, {})[int(network.network_address)] = value

    def held(text: str, whole: bool) -> Iterable[tuple[str, str]]:
        for word in dict.fromkeys(_WORDS[ObservableKind.ADDRESS].findall(text)):
            try:
                address = int(IPv4Address(word))
            except ValueError:
                continue
            for length, networks in known.items():
                free = 32 - length
                if (value := networks.get(address >> free << free)) is not None:
                    yield word, value

    return held


def _prefixes(values: Iterable[str]) -> list[str]:
    """Beginnings of addresses, of which all those in the networks have one, and seldom others."""
    found: dict[str, None] = {}
    for value in values:
        network = _network(value)
        if network.prefixlen < _NARROW:
            parts = [network.supernet(new_prefix=16)]
        elif network.prefixlen < 24:
            parts = [*network.subnets(new_prefix=24)]
        else:
            parts = [network.supernet(new_prefix=24)]
        for part in parts:
            octets = str(part.network_address).split(".")[: part.prefixlen // 8]
            found[".".join(octets) + "."] = None
    return list(found)


def _network(value: str) -> IPv4Network:
    network = network_of(value)
    assert network is not None
    return network


def _held(kind: ObservableKind, text: str, wanted: set[str], *, whole: bool) -> Iterator[str]:
    """Which values a cell holds: exactly, not only as words that stand in it."""
    said = text.strip().lower()
    if whole:
        said = said.rstrip("/") if kind is ObservableKind.URL else said
        if said in wanted:
            yield said
        return
    seen: set[str] = set()
    for word in _WORDS[kind].findall(said):
        parts = [word]
        if kind is ObservableKind.DOMAIN:
            # Whoever asks for a host below a domain has asked for the domain.
            labels = word.strip(".").split(".")
            parts = [".".join(labels[i:]) for i in range(len(labels) - 1)]
        for part in parts:
            if part in wanted and part not in seen:
                seen.add(part)
                yield part


_WORDS = {
    ObservableKind.ADDRESS: re.compile(
        r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d]|\.\d)|(?<![\w:.])[0-9a-f]*:[0-9a-f:]*:[0-9a-f.:]*[0-9a-f](?![\w:])"
    ),
    ObservableKind.DOMAIN: re.compile(r"[\w-]+(?:\.[\w-]+)+"),
    ObservableKind.HASH: re.compile(r"(?<![0-9a-f])[0-9a-f]{32,64}(?![0-9a-f])"),
}


def _key(observable: Observable) -> str:
    value = observable.value.strip().lower()
    if observable.kind is ObservableKind.NETWORK:
        return str(network_of(value))
    if observable.kind is ObservableKind.URL:
        return value.rstrip("/")
    return value.strip(".") if observable.kind is ObservableKind.DOMAIN else value


def _spellings(kind: ObservableKind, values: Sequence[str]) -> Sequence[str]:
    return [s for v in values for s in (v, f"{v}/")] if kind is ObservableKind.URL else values


def _texts(values: Iterable[str]) -> str:
    return ", ".join(map(quoted_text, values))


def _word(row: Mapping[str, Any], column: str | None) -> str:
    value = row.get(column) if column else None
    return value if isinstance(value, str) else ""


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
