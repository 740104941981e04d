"""What typed sources say, piece by piece, made one signal: each technique, indicator and name once."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from huntlake.detection.attack import is_technique, successor
from huntlake.detection.intel.patterns import Observable, ObservableKind
from huntlake.hunting.extraction.attack import Attack
from huntlake.hunting.extraction.indicators import IndicatorKind
from huntlake.hunting.extraction.well_known import standing, why_good_address, why_good_hash
from huntlake.hunting.reading.documents import Report, ReportFormat
from huntlake.hunting.signals.reports import extracted
from huntlake.hunting.signals.signal import Quote, SignalIndicator, SignalTechnique

MOST_TEXT = 200_000
"""Characters that one object may say; what is more is left out."""
_LONGEST = 2_000
_LEAST_TEXT = 100
_TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?")
_HEX = re.compile(r"[0-9a-f]+")
_HASHES = {32: IndicatorKind.MD5, 40: IndicatorKind.SHA1, 64: IndicatorKind.SHA256, 128: IndicatorKind.SHA512}
_CVE = re.compile(r"CVE-\d{4}-\d{4,7}")


@dataclass
class Gathering:
    """Pieces of one signal, in the order in which they come."""

    techniques: dict[str, SignalTechnique] = field(default_factory=dict)
    indicators: dict[tuple[str, str], SignalIndicator] = field(default_factory=dict)
    actors: dict[str, None] = field(default_factory=dict)
    software: dict[str, None] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    remarks: dict[str, None] = field(default_factory=dict)

    def technique(self, id: str, said: str, place: str, confidence: float = 1.0, origin: str = "tagged") -> None:
        """A technique that a source names; what is none of ATT&CK's is remarked, what was revoked is followed."""
        given = id.strip().upper()
        now = successor(given) or given
        if not _TECHNIQUE.fullmatch(given) or not is_technique(now):
            self.remarks[f"`{given[:40]}` is no technique of ATT&CK"] = None
            return
        revoked = (given,) if now != given else ()
        quote = Quote(said[:_LONGEST], place)
        self.techniques.setdefault(now, SignalTechnique(now, confidence, origin, (quote,), revoked))

    def indicator(self, kind: IndicatorKind, value: str, said: str, place: str) -> bool:
        """An indicator; False where the value is none of its kind."""
        plain, good = value.strip()[:_LONGEST], ""
        match kind:
            case IndicatorKind.IPV4 | IndicatorKind.IPV6 | IndicatorKind.NETWORK:
                try:
                    network = ipaddress.ip_network(plain, strict=False)
                except ValueError:
                    return False
                single = network.prefixlen == network.max_prefixlen
                plain = str(network.network_address) if single else str(network)
                version = IndicatorKind.IPV4 if network.version == 4 else IndicatorKind.IPV6
                kind, good = version if single else IndicatorKind.NETWORK, why_good_address(plain)
            case IndicatorKind.MD5 | IndicatorKind.SHA1 | IndicatorKind.SHA256 | IndicatorKind.SHA512:
                plain = plain.lower()
                if _HEX.fullmatch(plain) is None or (by_length := _HASHES.get(len(plain))) is None:
                    return False
                kind, good = by_length, why_good_hash(plain)
            case IndicatorKind.DOMAIN:
                plain = plain.lower().rstrip(".")
                if not plain or "." not in plain or re.search(r"[\s/@]", plain):
                    return False
                good = "a name that everybody uses" if standing(plain) is not None else ""
            case IndicatorKind.CVE:
                plain = plain.upper()
                if _CVE.fullmatch(plain) is None:
                    return False
            case _:
                if not plain:
                    return False
        self.indicators.setdefault(
            (kind.value, plain), SignalIndicator(kind.value, plain, Quote(said[:_LONGEST], place), good)
        )
        return True

    def observable(self, one: Observable, place: str) -> bool:
        """An observable of a pattern of STIX; False where huntlake has no such kind."""
        key = one.key.lower()
        if one.is_hash:
            kind = IndicatorKind.MD5
        elif one.kind is not None:
            kind = {
                ObservableKind.ADDRESS: IndicatorKind.IPV4,
                ObservableKind.NETWORK: IndicatorKind.NETWORK,
                ObservableKind.DOMAIN: IndicatorKind.DOMAIN,
                ObservableKind.URL: IndicatorKind.URL,
                ObservableKind.HASH: IndicatorKind.MD5,
                ObservableKind.MAIL: IndicatorKind.MAIL,
            }[one.kind]
        elif key == "file:name":
            kind = IndicatorKind.FILE
        elif key == "windows-registry-key:key":
            kind = IndicatorKind.REGISTRY
        else:
            return False
        return self.indicator(kind, one.value, f"{one.key} = {one.value}", place)

    def text(self, said: str, name: str, attack: Attack) -> None:
        """A text: kept, and read as reports are."""
        said = said.strip()[:MOST_TEXT]
        if not said or said in self.texts:
            return
        # Texts are joined by a line's end: places in this one are counted from its begin.
        begin = sum(len(text) + 1 for text in self.texts)
        self.texts.append(said)
        if len(said) < _LEAST_TEXT:
            return
        found = extracted(Report(name, ReportFormat.TEXT, said), attack)
        for technique in found.techniques:
            quotes = tuple(_later(quote, begin) for quote in technique.quotes)
            self.techniques.setdefault(technique.id, replace(technique, quotes=quotes))
        for indicator in found.indicators:
            moved = replace(indicator, quote=_later(indicator.quote, begin))
            self.indicators.setdefault((indicator.kind, indicator.value), moved)
        self.actors |= dict.fromkeys(found.actors)
        self.software |= dict.fromkeys(found.software)

    @property
    def is_empty(self) -> bool:
        """Whether nothing that could be hunted for was said."""
        return not (self.techniques or self.indicators or self.actors or self.software)


def _later(quote: Quote, by: int) -> Quote:
    start, end = (None if at is None else at + by for at in (quote.start, quote.end))
    return replace(quote, start=start, end=end)


def digest_of(pieces: Iterable[str]) -> str:
    """The SHA-256 of some texts, in their order."""
    return hashlib.sha256("\n".join(pieces).encode()).hexdigest()
