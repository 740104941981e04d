"""How far each source of signals is trusted, from 0 to 1, unless a person says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from huntlake.core.errors import Invalid

TRUST: Mapping[str, float] = MappingProxyType(
    {
        "report": 0.7,
        "stix": 0.7,
        "taxii": 0.7,
        "misp": 0.6,
        "incident": 1.0,
        "incident trend": 0.7,
        "change": 0.6,
        "vulnerability": 0.8,
        "anomaly": 0.5,
    }
)
"""By the source's name."""


def trust_of(source: str, reference: str, said: Mapping[str, float]) -> float:
    """The trust in a source; `said` are a person's own words on sources (`report`) or on references that begin so
    (`misp:https://intel.example.org/`), of which the longest counts.
    """
    fits = [key for key in said if key == source or f"{source}:{reference}".startswith(key)]
    trust = said[max(fits, key=len)] if fits else TRUST.get(source, 0.5)
    return checked(trust)


def checked_words(said: Mapping[str, float]) -> Mapping[str, float]:
    """A person's words on trust; `Invalid` names a source that there isn't: it would change nothing."""
    for key in said:
        if key.partition(":")[0] not in TRUST:
            raise Invalid(f"`signal_trust`: `{key[:60]}` is no source of signals, which are {', '.join(TRUST)}")
    return said


def checked(trust: float) -> float:
    """`Invalid` unless it lies between 0 and 1."""
    if not 0 <= trust <= 1:
        raise Invalid(f"trust lies between 0 and 1, and {trust} doesn't")
    return float(trust)
