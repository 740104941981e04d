"""Where the events of Sigma's log sources are: tables, and columns for Sigma's fields."""

from __future__ import annotations

from huntlake.detection.sigma.sources import applications, cloud, defender, network, unix, windows
from huntlake.detection.sigma.sources.log_source import Known, LogSource

_KNOWN: Known = {
    **windows.KNOWN,
    **defender.KNOWN,
    **unix.KNOWN,
    **network.KNOWN,
    **cloud.KNOWN,
    **applications.KNOWN,
}


def sources(product: str | None, category: str | None, service: str | None) -> tuple[LogSource, ...]:
    """The places where events of a log source may be, the best first; none where nobody knows any."""
    product, category, service = (x.lower() if x else "" for x in (product, category, service))
    keys = [(product, category, service)]
    if category:
        keys += [(product, category, ""), ("", category, "")]
    elif service:
        keys.append(("", "", service))
    for key in keys:
        if found := _KNOWN.get(key):
            return found
    if product == "windows" and not category:
        return windows.of_channel(service)
    return ()
