"""Indicators in a text: addresses, names, hashes, files and their like, each with its place and as it was written.

Reports defang what they name, so that nobody clicks on it; here it is found in its plain form, and the place is that of
the text as it was. What a plain word could mean as well, such as a version or the name of a file, is taken for a domain
or an address only where it was defanged: who writes `payload[.]sh` means a host.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from huntlake.core.diagnostics import Span
from huntlake.core.errors import LimitExceeded
from huntlake.hunting.extraction.coins import is_bitcoin
from huntlake.hunting.extraction.domains import EXTENSIONS, is_domain, looks_like_code, looks_like_file
from huntlake.hunting.extraction.refanging import Plain, refanged
from huntlake.hunting.extraction.well_known import Standing, standing, why_good_address, why_good_hash

LONGEST = 8 << 20
"""Characters that are looked through; a report has some ten thousand."""


class IndicatorKind(StrEnum):
    """What an indicator is."""

    IPV4 = "IPv4 address"
    IPV6 = "IPv6 address"
    NETWORK = "network"
    DOMAIN = "domain"
    URL = "URL"
    MAIL = "mail address"
    MD5 = "MD5"
    SHA1 = "SHA-1"
    SHA256 = "SHA-256"
    SHA512 = "SHA-512"
    CVE = "CVE"
    FILE = "file name"
    PATH = "file path"
    REGISTRY = "registry key"
    SYSTEM = "autonomous system"
    BITCOIN = "Bitcoin address"


@dataclass(frozen=True, slots=True)
class TextIndicator:
    """An indicator in a text: its plain value, where the text says so, and what it says there.

    `known_good` says why nobody hunts for it; nothing where one would.
    """

    kind: IndicatorKind
    value: str
    span: Span
    raw: str
    known_good: str = ""


def indicators(text: str) -> list[TextIndicator]:
    """Every indicator of a text in the order of their places; an address of a page brings its host with it.

    `LimitExceeded` for a text of more than `LONGEST` characters.
    """
    if len(text) > LONGEST:
        raise LimitExceeded(f"a text of {len(text):,} characters is longer than {LONGEST:,}, and isn't looked through")
    reader = _Reader(refanged(text))
    found = [*reader.read()]
    return sorted(found, key=lambda one: (one.span.start, -one.span.end, one.kind))


def hunted(found: Iterable[TextIndicator]) -> list[TextIndicator]:
    """Of indicators those that one hunts for, each value once, at its first place."""
    kept = {(one.kind, one.value): one for one in reversed([*found]) if not one.known_good}
    return [*reversed(kept.values())]


_FLAGS = re.IGNORECASE | re.VERBOSE
_NAME = r"(?:[\w](?:[\w-]{0,61}[\w])?\.){1,20}[^\W\d_](?:[\w-]{0,61}[\w])?"
_QUAD = r"(?:\d{1,3}\.){3}\d{1,3}"
_URL = re.compile(
    rf"""(?<![a-z0-9])(?P<scheme>https?|s?ftps?|wss?|ldaps?|tcp|udp|smb|rmi|ssh|rdp)://
         (?:[^\s/@<>"']{{1,100}}@)?
         (?P<host>{_NAME}|{_QUAD}|\[[0-9a-f:.]{{2,45}}\]|[0-9]{{8,10}}(?![\w.]))(?P<port>:\d{{1,5}}(?!\d))?
         (?P<rest>[/?\#][^\s<>"'`{{}}|^“”‘’]*)?""",
    _FLAGS,
)
_PAGE = re.compile(
    rf"""(?<![\w@/\\.-])(?P<host>{_NAME}|{_QUAD})(?P<port>:\d{{1,5}})?(?P<rest>/[^\s<>"'`{{}}|^“”‘’]*)""", _FLAGS
)
_MAIL = re.compile(rf"(?<![\w.+-])[\w](?:[\w.+-]{{0,62}}[\w+-])?@(?P<host>{_NAME})(?![\w@-])", _FLAGS)
_DOMAIN = re.compile(rf"(?<![\w@/\\.%$-])(?P<host>{_NAME})\.?(?![\w-]|\.\w)", _FLAGS)
_V4 = re.compile(rf"(?<![\w.])(?P<address>{_QUAD})(?P<bits>/\d{{1,2}}(?![\w./]))?(?!\w|\.\d)")
_V6 = re.compile(
    rf"(?<![\w:.])(?P<address>(?=[0-9a-f]{{0,4}}:)[0-9a-f:]{{2,39}}(?:(?<=:){_QUAD})?)(?:%\w{{1,15}})?(?P<bits>/\d{{1,3}}(?!\w))?(?![\w:])",
    re.IGNORECASE,
)
_HEX = "[0-9a-fA-F]"
_HASH = re.compile(
    rf"(?:(?i:md-?5|sha-?(?:1|256|512))[\s:=#(_\"'-]{{0,4}}(?P<named>{_HEX}{{32,128}})|(?<!{_HEX})(?P<bare>{_HEX}{{32,128}}))"
    rf"(?!{_HEX})"
)
_HASHES = {32: IndicatorKind.MD5, 40: IndicatorKind.SHA1, 64: IndicatorKind.SHA256, 128: IndicatorKind.SHA512}
_OTHER_HASH = re.compile(
    r"(?:ja3s?|jarm|imphash|import hash|telfhash|ssdeep|commit|/blob/|/tree/|thumbprint|fingerprint|serial(?: number)?|"
    r"guid|tenant|0x)[\s:=(\"'/]{0,4}$",
    re.IGNORECASE,
)
_CVE = re.compile(r"(?<![a-z])CVE[-\s_‐-―](?P<year>(?:19|20)\d\d)[-_‐-―](?P<number>\d{4,7})(?!\d)", re.IGNORECASE)
_WORD = r"[\w.$%~(){}@!#&'+,=-]"
_LATER = _WORD.replace("%", "")
_FOLDERS = rf"(?:{_WORD}{{1,80}}(?:\ {_LATER}{{1,80}}){{0,3}}\\)"
_SPACED = (
    r"(?:Program\ Files(?:\ \(x86\))?|Common\ Files|Documents\ and\ Settings|Windows\ NT|Internet\ Explorer"
    r"|Start\ Menu)"
)
_LEAF = rf"(?:{_SPACED}(?![\w\\])|{_WORD}{{1,120}}|\*)"
_REST = re.compile(rf"(?:\ {_WORD}{{1,80}}){{1,6}}(?=[\"'”’`])", re.VERBOSE)
_EXTENSION = "|".join(sorted(EXTENSIONS, key=len, reverse=True))
_PATH = re.compile(
    rf"""(?<![\w\\])(?:
        (?:[a-z]:\\|%[\w()]{{2,30}}%\\|\\\\(?:\?\\|\.\\)?(?:[a-z]:\\)?(?={_WORD})|\\(?=(?:users|windows|programdata|appdata|temp)\\)){_FOLDERS}{{0,20}}{_LEAF}?
      | (?:~|(?<![\w./:-])/(?:bin|boot|dev|etc|home|lib|lib64|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var
           |Applications|Library|System|Users|Volumes|private))/(?:[\w.@+~$%-]{{1,120}}/?){{0,30}}
    )""",
    _FLAGS,
)
_HIVES = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKU": "HKEY_USERS",
    "HKCC": "HKEY_CURRENT_CONFIG",
}
_REGISTRY = re.compile(
    rf"(?<![\w\\])(?P<hive>HK(?:LM|CU|CR|U|CC)|HKEY_(?:LOCAL_MACHINE|CURRENT_USER|CLASSES_ROOT|USERS|CURRENT_CONFIG))"
    rf":?(?P<key>\\{_FOLDERS}{{0,20}}(?:{_WORD}{{1,120}}|\*)?)",
    _FLAGS,
)
_FILE = re.compile(
    rf"(?<![\w\\/.%-])(?P<name>[\w$@~(+-](?:[\w$@~().+-]{{0,120}}[\w)~-])?\.(?:{_EXTENSION}))(?![\w-]|\.\w)",
    re.IGNORECASE,
)
_SYSTEM = re.compile(r"(?<![\w/-])(?:ASN[\s:#-]{0,2}(?:AS)?(?P<named>\d{1,10})|AS(?P<bare>\d{4,10}))(?![\w.-]\d|\w)")
_COIN = re.compile(r"(?<![0-9A-Za-z])(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{11,71})(?![0-9A-Za-z])")
_VERSION = re.compile(
    r"(?:\bv|\bver\.?|\bversions?:?|\brelease[ds]?|\bbuilds?|\bfirmware|\brevision|\bpatch(?:ed)?(?: in)?|\bfixed in|"
    r"\bup(?:date|grade)d? (?:to|from)|\bprior to|\bsection|\bchapter|\bOID:?|\bRFC|[a-z][a-z0-9]*[/_-]v?)"
    r"\s*(?:(?:\d+(?:\.\d+){1,3}[a-z]?(?:,\s*(?:(?:and|or)\s+)?|\s*-\s*|\s+(?:and|or|to|through)\s+)){0,10})$",
    re.IGNORECASE,
)
_LETTER = re.compile("[A-Za-z]")
_NEAR = 120
_ENDS = ".,;:!?'\"…*\\"
_QUOTES = ('"', "'", "“", "‘", "`")


class _Reader:
    """Reads one text, the kinds that hold others first: what is part of an address of a page isn't read again."""

    def __init__(self, plain: Plain) -> None:
        self._plain = plain
        self._text = plain.text
        self._taken = bytearray(len(plain.text))

    def read(self) -> Iterator[TextIndicator]:
        yield from self._urls()
        yield from self._registry_keys()
        yield from self._paths()
        yield from self._mails()
        yield from self._hashes()
        yield from self._simple()
        yield from self._addresses()
        yield from self._files()
        yield from self._pages()
        yield from self._domains()

    def _urls(self) -> Iterator[TextIndicator]:
        for found in _URL.finditer(self._text):
            host = found["host"]
            start, end = (
                found.start(),
                self._end(found.start(), found.end(), found.end("port") if found["port"] else found.end("host")),
            )
            numeric = _address(host.strip("[]"))
            if not numeric and not host.isdigit() and not is_domain(host):
                continue
            scheme, rest = found["scheme"].lower(), self._text[found.end("host") : end]
            value = f"{scheme}://{self._text[found.end('scheme') + 3 : found.start('host')]}{host.lower()}{rest}"
            good = why_good_address(numeric) if numeric else ""
            if not numeric and standing(host) is Standing.REFERENCE:
                good = "a place that reports refer to"
            elif not numeric and standing(host) is Standing.SHARED and not rest.strip("/?#"):
                good = "a name that everybody uses"
            yield self._made(IndicatorKind.URL, value, start, end, good)
            self._take(start, end)
            if numeric:
                yield self._address(numeric, found.start("host"), found.end("host"))
            elif not host.isdigit():
                yield self._domain(host, found.start("host"), found.end("host"))

    def _pages(self) -> Iterator[TextIndicator]:
        """Addresses of pages without a scheme: the host's name must be one that nothing else could be."""
        for found in _PAGE.finditer(self._text):
            start, end = found.start(), self._end(found.start(), found.end(), found.end("host"))
            host, host_end = found["host"], found.end("host")
            if (
                end <= host_end + 1
                or not self._free(start, end)
                or self._text[host_end:end].count("/") == end - host_end
            ):
                continue
            defanged = self._plain.defanged(start, host_end)
            numeric = _address(host)
            if not defanged and (numeric or not host.lower().startswith("www.")):
                continue
            if numeric or is_domain(host):
                good = why_good_address(numeric) if numeric else ""
                if not numeric and standing(host) is Standing.REFERENCE:
                    good = "a place that reports refer to"
                yield self._made(IndicatorKind.URL, host.lower() + self._text[host_end:end], start, end, good)
                self._take(host_end, end)

    def _mails(self) -> Iterator[TextIndicator]:
        for found in _MAIL.finditer(self._text):
            if self._free(found.start(), found.end()) and is_domain(found["host"]) and ".." not in found[0]:
                known = standing(found["host"])
                good = "a place that reports refer to" if known is Standing.REFERENCE else ""
                yield self._made(IndicatorKind.MAIL, found[0].lower(), found.start(), found.end(), good)
                self._take(found.start(), found.end())

    def _hashes(self) -> Iterator[TextIndicator]:
        for found in _HASH.finditer(self._text):
            group = "named" if found["named"] else "bare"
            digest, start, end = found[group].lower(), found.start(group), found.end(group)
            kind = _HASHES.get(len(digest))
            if kind is None or len(set(digest)) < 6 or digest.isdigit():
                continue
            if group == "bare" and _OTHER_HASH.search(self._text, max(0, start - _NEAR), start):
                continue
            yield self._made(kind, digest, start, end, why_good_hash(digest))
            self._take(start, end)

    def _registry_keys(self) -> Iterator[TextIndicator]:
        for found in _REGISTRY.finditer(self._text):
            end = self._end(found.start(), found.end(), found.end("hive"))
            hive = found["hive"].upper()
            key = self._text[found.start("key") : end].rstrip("\\")
            if key and self._free(found.start(), end):
                yield self._made(IndicatorKind.REGISTRY, _HIVES.get(hive, hive) + key, found.start(), end)
                self._take(found.start(), end)

    def _paths(self) -> Iterator[TextIndicator]:
        for found in _PATH.finditer(self._text):
            end = found.end()
            if self._text[max(0, found.start() - 1) : found.start()] in _QUOTES and (
                rest := _REST.match(self._text, end)
            ):
                end = rest.end()
            end = self._end(found.start(), end, found.start())
            value = self._text[found.start() : end]
            parts = [p for p in re.split(r"[\\/]", value) if p]
            if len(parts) < 2 or not self._free(found.start(), end):
                continue
            yield self._made(IndicatorKind.PATH, value, found.start(), end)
            self._take(found.start(), end)

    def _simple(self) -> Iterator[TextIndicator]:
        for found in _CVE.finditer(self._text):
            if self._free(found.start(), found.end()):
                value = f"CVE-{found['year']}-{found['number']}"
                yield self._made(IndicatorKind.CVE, value, found.start(), found.end())
        for found in _SYSTEM.finditer(self._text):
            number = int(found["named"] or found["bare"])
            if 0 < number < 1 << 32 and self._free(found.start(), found.end()):
                yield self._made(IndicatorKind.SYSTEM, f"AS{number}", found.start(), found.end())
        for found in _COIN.finditer(self._text):
            if self._free(found.start(), found.end()) and is_bitcoin(found[0]):
                yield self._made(IndicatorKind.BITCOIN, found[0], found.start(), found.end())
                self._take(found.start(), found.end())

    def _addresses(self) -> Iterator[TextIndicator]:
        for found in _V4.finditer(self._text):
            start, end = found.start("address"), found.end("address")
            address = _address(found["address"])
            if not address or not self._free(start, end):
                continue
            if not self._plain.defanged(start, end) and self._is_version(start):
                continue
            bits = found["bits"]
            yield (
                self._network(address, bits, found)
                if bits and int(bits[1:]) <= 32
                else self._address(address, start, end)
            )
            self._take(start, end)
        for found in _V6.finditer(self._text):
            start, end = found.start("address"), found.end("address")
            address = _address(found["address"])
            groups = found["address"].split(":")
            if not address or not self._free(start, end) or (max(map(len, groups)) < 3 and address != "::1"):
                # Clocks, the scopes of C++ and the fingerprints of keys have groups of one or two.
                continue
            bits = found["bits"]
            yield (
                self._network(address, bits, found)
                if bits and int(bits[1:]) <= 128
                else self._address(address, start, end)
            )
            self._take(start, end)

    def _files(self) -> Iterator[TextIndicator]:
        for found in _FILE.finditer(self._text):
            start, end = found.start("name"), found.end("name")
            name = found["name"]
            if self._plain.defanged(start, end) and is_domain(name):
                continue
            if not self._free(start, end) or name.startswith(("www.", "(", "-", "+")) or standing(name) is not None:
                continue
            if name.count(".") > 1 and is_domain(name) and len(name.rpartition(".")[2]) == 2:
                continue
            if end < len(self._text) and self._text[end] in "(":
                continue
            if not name.rpartition(".")[0].replace(".", "").replace("-", "").isdigit() or len(name) > 12:
                yield self._made(IndicatorKind.FILE, name, start, end)
                self._take(start, end)

    def _domains(self) -> Iterator[TextIndicator]:
        for found in _DOMAIN.finditer(self._text):
            start, end = found.start("host"), found.end("host")
            name = found["host"]
            if not self._free(start, end) or not is_domain(name) or self._text[end : end + 1] in ("(", "@", "\\"):
                continue
            if not self._plain.defanged(start, end):
                file = looks_like_file(name) and not (name.count(".") > 1 and len(name.rpartition(".")[2]) == 2)
                if file or looks_like_code(name) or standing(name) is Standing.PRODUCT:
                    continue
            yield self._domain(name, start, end)

    def _domain(self, name: str, start: int, end: int) -> TextIndicator:
        known = standing(name)
        good = "a name that everybody uses" if known is not None else ""
        return self._made(IndicatorKind.DOMAIN, name.lower(), start, end, good)

    def _address(self, address: str, start: int, end: int) -> TextIndicator:
        kind = IndicatorKind.IPV6 if ":" in address else IndicatorKind.IPV4
        return self._made(kind, address, start, end, why_good_address(address))

    def _network(self, address: str, bits: str, found: re.Match[str]) -> TextIndicator:
        value = str(ipaddress.ip_network(address + bits, strict=False))
        return self._made(IndicatorKind.NETWORK, value, found.start(), found.end(), why_good_address(value))

    def _made(self, kind: IndicatorKind, value: str, start: int, end: int, good: str = "") -> TextIndicator:
        return TextIndicator(kind, value, self._plain.span(start, end), self._plain.raw(start, end), good)

    def _end(self, start: int, end: int, least: int) -> int:
        """Where something that may hold any sign ends: the full stop of its sentence is no part of it."""
        text = self._text
        spare = {c: text.count(c, start, end) - text.count(o, start, end) for o, c in ("()", "[]")}
        while end > least:
            last = text[end - 1]
            if last in spare and spare[last] > 0:
                spare[last] -= 1
            elif last not in _ENDS or (last == "\\" and end - start <= 3):
                break
            end -= 1
        return end

    def _is_version(self, start: int) -> bool:
        """Whether what stands before four numbers says that they are a version."""
        before = self._text[max(0, start - _NEAR) : start]
        return _LETTER.search(before) is not None and _VERSION.search(before) is not None

    def _take(self, start: int, end: int) -> None:
        self._taken[start:end] = b"\x01" * (end - start)

    def _free(self, start: int, end: int) -> bool:
        return not any(self._taken[start:end])


def _address(text: str) -> str:
    """An address in its shortest form; nothing where the text is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _within(bits: str | None, most: int) -> bool:
    return bits is not None and int(bits[1:]) <= most
