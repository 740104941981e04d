"""The formats of JSON schemas that are checked; texts of any other format are taken as they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from ipaddress import IPv6Address

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,7})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)?", re.ASCII)
_TIME = re.compile(r"(\d\d:\d\d:\d\d)(?:\.\d{1,7})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MAIL = re.compile(r"[^\s@\"(),:;<>\[\\\]]{1,64}@[^\s@\"(),:;<>\[\\\].]+(?:\.[^\s@\"(),:;<>\[\\\].]+)*")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[!#$&-;=?@-Z\[\]_a-z~]|%[0-9A-Fa-f]{2})+")
_LABEL = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?")


def _moment(text: str) -> bool:
    found = _MOMENT.fullmatch(text)
    return found is not None and _readable(found[1], datetime.fromisoformat)


def _time(text: str) -> bool:
    found = _TIME.fullmatch(text)
    return found is not None and _readable(found[1], time.fromisoformat)


def _day(text: str) -> bool:
    return _DAY.fullmatch(text) is not None and _readable(text, date.fromisoformat)


def _readable(text: str, read: Callable[[str], object]) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _ipv4(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(re.fullmatch("[0-9]{1,3}", p) and int(p) < 256 for p in parts)


def _ipv6(text: str) -> bool:
    return _readable(text, IPv6Address)


def _host(text: str) -> bool:
    return 0 < len(text) < 256 and all(_LABEL.fullmatch(p) for p in text.removesuffix(".").split("."))


FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date-time": _moment,
    "date": _day,
    "email": lambda text: _MAIL.fullmatch(text) is not None,
    "hostname": _host,
    "host-name": _host,
    "ipv4": _ipv4,
    "ip-address": _ipv4,
    "ipv6": _ipv6,
    "time": _time,
    "uri": lambda text: _ADDRESS.fullmatch(text) is not None,
}
"""By the name of a format, whether a text has it."""
