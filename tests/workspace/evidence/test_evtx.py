"""Windows' own event logs. The one that is read here is written here, byte for byte."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.workspace.evidence.conftest import Bring

pytest.importorskip("evtx")

Rows = Callable[[str], list[dict[str, Any]]]
Element = tuple[str, dict[str, str], "str | Sequence[Element]"]

_RECORDS = 512
"""Where the records of a chunk begin."""


def test_an_event_log_is_read(bring: Bring, rows: Rows) -> None:
    evidence = bring("Security.evtx", log([logon("ann"), logon("bob")]))
    assert (evidence.format, evidence.tables, evidence.dead) == ("evtx", {"SecurityEvent": 2}, 0)
    found = rows("SecurityEvent | order by TargetUserName asc | project Account, EventID, LogonType, TimeGenerated")
    assert [f["Account"] for f in found] == [r"CORP\ann", r"CORP\bob"]
    assert {(f["EventID"], f["LogonType"]) for f in found} == {(4624, 3)}
    assert found[0]["TimeGenerated"].isoformat().startswith("2026-01-02T03:04:05.006")


@pytest.mark.parametrize("cut", [5000, 4096 + 300, 4096 + 600, 200])
def test_an_event_log_that_breaks_off_is_reported(bring: Bring, cut: int) -> None:
    evidence = bring("Security.evtx", log([logon("ann"), logon("bob")])[:cut])
    assert evidence.status == "failed" or evidence.dead or not evidence.read


def test_a_damaged_record_is_a_dead_letter_or_refused(bring: Bring) -> None:
    whole = bytearray(log([logon("ann"), logon("bob")]))
    for place in range(4096 + _RECORDS + 40, 4096 + _RECORDS + 200, 7):
        whole[place] ^= 0xFF
    evidence = bring("Security.evtx", bytes(whole))
    assert evidence.unexplained == 0
    assert evidence.status in ("failed", "imported")


def logon(user: str) -> Element:
    data = {"TargetUserName": user, "TargetDomainName": "CORP", "LogonType": "3"}
    return (
        "Event",
        {},
        [
            (
                "System",
                {},
                [
                    ("Provider", {"Name": "Microsoft-Windows-Security-Auditing"}, ""),
                    ("EventID", {}, "4624"),
                    ("TimeCreated", {"SystemTime": "2026-01-02T03:04:05.006000Z"}, ""),
                    ("Channel", {}, "Security"),
                    ("Computer", {}, "dc1"),
                ],
            ),
            ("EventData", {}, [("Data", {"Name": n}, v) for n, v in data.items()]),
        ],
    )


def log(events: Sequence[Element]) -> bytes:
    """An event log of one chunk."""
    records = b""
    for number, event in enumerate(events, 1):
        start = _RECORDS + len(records)
        xml = b"\x0f\x01\x01\x00" + _element(event, start + 24 + 4) + b"\x00"
        size = 24 + len(xml) + 4
        head = b"\x2a\x2a\0\0" + struct.pack("<IQQ", size, number, 133_800_000_000_000_000)
        records += head + xml + struct.pack("<I", size)
    count, last = len(events), _RECORDS + len(records)
    chunk = b"ElfChnk\0" + struct.pack("<QQQQIII", 1, count, 1, count, 128, last, last)
    chunk += struct.pack("<I", zlib.crc32(records)) + bytes(64) + struct.pack("<I", 0)
    tables = bytes(_RECORDS - 128)
    chunk += struct.pack("<I", zlib.crc32(chunk[:120] + tables)) + tables + records
    head = b"ElfFile\0" + struct.pack("<QQQIHHHH", 0, 0, count + 1, 128, 1, 3, 4096, 1) + bytes(76)
    head += struct.pack("<II", 0, zlib.crc32(head[:120]))
    return head.ljust(4096, b"\0") + chunk.ljust(65536, b"\0")


def _element(element: Element, at: int) -> bytes:
    """Binary XML of an element that lies at that place of its chunk: names are kept where they are first used."""
    name, attributes, content = element
    named = at + 1 + 4 + 4
    inner = _name(name, named)
    if attributes:
        listed = b""
        base = named + len(inner) + 4
        for i, (key, value) in enumerate(attributes.items(), 1):
            token = b"\x46" if i < len(attributes) else b"\x06"
            place = base + len(listed) + 5
            listed += token + struct.pack("<I", place) + _name(key, place) + _text(value)
        inner += struct.pack("<I", len(listed)) + listed
    if content == "":
        inner += b"\x03"
    else:
        inner += b"\x02"
        if isinstance(content, str):
            inner += _text(content)
        else:
            for child in content:
                inner += _element(child, named + len(inner))
        inner += b"\x04"
    # Outside of templates an element has no dependency identifier between its token and its size.
    token = b"\x41" if attributes else b"\x01"
    return token + struct.pack("<II", 4 + len(inner), named) + inner


def _name(name: str, at: int) -> bytes:
    return struct.pack("<IHH", 0, 0, len(name)) + name.encode("utf-16-le") + b"\0\0"


def _text(text: str) -> bytes:
    return b"\x05\x01" + struct.pack("<H", len(text)) + text.encode("utf-16-le")
