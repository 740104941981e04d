"""What a browser says of itself, read by the rules of the package `ua-parser`."""

from __future__ import annotations

from typing import Any

from huntlake.engines.duckdb.udf.bags import written
from huntlake.engines.duckdb.udf.function import udf

_OTHER = "Other"


@udf("hl_parse_user_agent", "VARCHAR", "BOOLEAN", "BOOLEAN", "BOOLEAN", returns="VARCHAR")
def parse_user_agent(text: str | None, browser: bool | None, os: bool | None, device: bool | None) -> str:
    """The browser, the operating system and the device that a user agent names, each where it is asked for."""
    agent = text or ""
    found: dict[str, dict[str, str]] = {}
    if browser:
        found["Browser"] = _of(_rules().parse_user_agent(agent) if agent else None, _VERSION)
    if os:
        found["OperatingSystem"] = _of(_rules().parse_os(agent) if agent else None, _VERSION + _LAST)
    if device:
        found["Device"] = _of(_rules().parse_device(agent) if agent else None, _MAKE)
    return written(found)


_VERSION = (("MajorVersion", "major"), ("MinorVersion", "minor"), ("Patch", "patch"))
_LAST = (("PatchMinor", "patch_minor"),)
_MAKE = (("Brand", "brand"), ("Model", "model"))


def _of(found: object | None, parts: tuple[tuple[str, str], ...]) -> dict[str, str]:
    # What the rules don't know has the family `Other`, and nothing else.
    named = {name: getattr(found, attribute, None) or "" for name, attribute in parts}
    return {"Family": getattr(found, "family", None) or _OTHER, **named}


def _rules() -> Any:
    try:
        import ua_parser
    except ImportError:
        raise ValueError(
            "a user agent is not supported without the package `ua-parser`: install `huntlake[useragent]`"
        ) from None
    return ua_parser
