"""Durations as rules write them: ISO 8601, such as `PT5M`, and Kusto's, such as `5m`."""

from __future__ import annotations

import re
from datetime import timedelta

_ISO = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.IGNORECASE,
)
_SHORT = re.compile(r"(?P<number>\d{1,6})(?P<unit>[dhms])", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(?P<days>\d{1,4})\.)?(?P<hours>\d{1,2}):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d)")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_MOST_DIGITS = 6


def duration(text: str) -> timedelta | None:
    """The length of `P1DT2H`, `1d`, `1H` or `1.02:00:00`; None for anything else."""
    text = text.strip()
    if short := _SHORT.fullmatch(text):
        return timedelta(**{_UNITS[short["unit"].lower()]: int(short["number"])})
    found = _ISO.fullmatch(text) or _CLOCK.fullmatch(text)
    parts = {k: v for k, v in found.groupdict().items() if v is not None} if found else {}
    if not parts or text[-1] in "Tt" or any(len(v) > _MOST_DIGITS for v in parts.values()):
        return None
    return timedelta(**{name: int(digits) for name, digits in parts.items()})


def iso(span: timedelta) -> str:
    """The duration in ISO 8601."""
    seconds = int(span.total_seconds())
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
    if not days and not clock:
        return "PT0S"
    return f"P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"


def short(span: timedelta) -> str:
    """The duration as a query writes it, such as `90m`."""
    seconds = int(span.total_seconds())
    unit, length = next(((u, n) for u, n in (("d", 86_400), ("h", 3_600), ("m", 60)) if not seconds % n), ("s", 1))
    return f"{seconds // length}{unit}"
