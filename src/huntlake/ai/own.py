"""What is a place's own, and what its names look like where nobody has listed them."""

from __future__ import annotations

import base64
import binascii
import html
import ipaddress
import quopri
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Protocol
from urllib.parse import unquote

from huntlake.state.records import Owner


class Kind(StrEnum):
    """What a token stands for."""

    USER = "USER"
    HOST = "HOST"
    DOMAIN = "DOMAIN"
    ADDRESS = "IP"
    NETWORK = "NET"
    SID = "SID"
    ID = "ID"
    SECRET = "SECRET"
    CODED = "CODED"
    """A piece that holds one of the others in another coding."""
    WORD = "WORD"
    """A word that only looks like a token."""


@dataclass(frozen=True)
class OwnThings:
    """What must not leave: people and machines, each with all names, and the rest by itself.

    `networks` are those beside the private ones, which are always own. `names` are of the organisation, such as a
    NetBIOS domain. A generic name (`administrator`, `localhost`) says nothing of a place, and is never hidden.
    """

    people: Sequence[Sequence[str]] = ()
    machines: Sequence[Sequence[str]] = ()
    domains: Sequence[str] = ()
    networks: Sequence[str] = ()
    ids: Sequence[str] = ()
    names: Sequence[str] = ()
    secrets: Sequence[str] = field(default=(), repr=False)


class Identities(Protocol):
    """Knows what is a workspace's own."""

    def of(self, owner: Owner) -> OwnThings:
        """All of it; an error where it can't be told, and then nothing is sent."""
        ...


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a text that says something of its own; `key` is the same for every spelling of one thing."""

    start: int
    end: int
    kind: Kind
    key: str


GENERIC = frozenset(
    "admin administrator administrators anonymous builtin computer daemon default defaultaccount domain everyone guest "
    "host krbtgt local localhost localsystem network nobody none null owner postgres public root server service system "
    "test unknown user users wdagutilityaccount workgroup workstation www-data nt true false string".split()
) | {"local service", "network service", "nt authority", "anonymous logon", "all users", "default user", "font driver"}
_TYPES = frozenset("string long int real double datetime dynamic bool guid timespan decimal".split())
"""Types of columns stand where a value would in a list of columns."""

_BEGIN = 4
_LEAST, _INSIDE = 2, 5
"""Letters of a name that is looked for as a word, and of one that is found within words as well."""

TOKEN = re.compile(r"hlt_[a-z]+_[0-9]+[a-z]*", re.I)
"""How tokens look. Letters and digits never touch one."""

# A dot and a number may follow: tcpdump writes ports so.
_V4 = re.compile(r"(?<![\d.])(\d{1,3})(\[?\.\]?|\(\.\)|-)(\d{1,3})\2(\d{1,3})\2(\d{1,3})(/\d{1,2})?(?!\d)")
_V4_IN_NAME = re.compile(r"(?<!\d)(\d{1,3})([-_])(\d{1,3})\2(\d{1,3})\2(\d{1,3})(?!\d)")
_V6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?:/\d{1,3})?(?![\w:])")
_SID = re.compile(r"\bS-1-(?:5-21|12-1)(?:-\d+){3,15}", re.I)
_GUID = re.compile(r"(?<![0-9A-Fa-f-])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f-])")
_OF_TENANT = re.compile(
    r"(?:subscriptions|tenants|users|groups|devices|workspaces)[/\\]+$"
    r"|(?:tenant|object|user|account|subscription|workspace|device|principal|directory|oid|tid|home)"
    r"[\w-]{0,12}[\"']?\s*[=:]+\s*[\"']?\{?$",
    re.I,
)
_NAME_AND_DOMAIN = re.compile(r"[\w.%+'#-]+@((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,})")
_HOST_NAME = re.compile(r"(?:[\w-]+(?:\[\.\]|\.))+[A-Za-z0-9-]+")
_PROFILE = re.compile(
    r"(?:[a-z]:[\\/]+(?:users|documents and settings)[\\/]+|(?<![\w.])/+(?:home|users)/+)"
    r"([^\\/\"'<>|:*?\n]{1,64}(?=[\\/])|[^\\/\"'<>|:*?\s;,)]{1,64})",
    re.I,
)
_OF_DOMAIN = re.compile(r"(?<![\w\\])([\w.-]{1,64})\\+([^\s\\/\"'<>|:;,@)\]]{1,64})")
_SHARE = re.compile(r"(?<![\w:\\])\\{2,4}([A-Za-z0-9][\w-]*)\\")
_NAMED = re.compile(
    r"\b[a-z_]*?(?P<what>user|account|login|upn|mailbox|sender|recipient|host|computer|device|machine|workstation|server)"
    r"(?:[ _]?principal)?(?:[ _]?name)?[\"']?\s*(?:=(?![=~])|:|>)\s*[\"']?(?P<name>[\w.$@#-]{2,64})",
    re.I,
)
_MACHINES = frozenset("host computer device machine workstation server".split())
_SSH = re.compile(
    r"\b(?:for|user) (?:invalid user )?([\w.-]{2,32})(?= (?:from|by)\b)|\bsession opened for user ([\w.-]+)"
)

_QUOTED = r"[\"']?"
_SECRETS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"\b[\w-]*(?:password|passwd|passphrase|pwd|secret|api[_-]?key|access[_-]?key|account[_-]?key|shared[_-]?key|"
        r"private[_-]?key|subscription-key|credentials?|(?:access|refresh|id|auth|session|bearer|sas)?[_-]?token)"
        rf"(?:value)?{_QUOTED}\s*(?:=(?![=~])|:)\s*{_QUOTED}(?![=~])([^\s\"'&;,]{{3,}})",
        r"\b(?:bearer|basic|negotiate)\s+(?=\S*[\d=])([\w.~+/=-]{8,})",
        r"\b(eyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?)",
        r"\b((?:AKIA|ASIA)[A-Z0-9]{16})\b",
        r"\b((?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|sk-|sk_live_|AIza|npm_)[\w-]{16,})",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----([\s\S]*?)(?:-----END|\Z)",
        r"://[^/\s:@]+:([^@\s/]+)@",
        r"[?&](?:sig|signature|code|key|token|access_token|api_key|apikey|password)=([^&\s\"'<>]{3,})",
        r"(?<![\w-])[-/]pass(?:word)?[:=\s]\s*[\"']?([^\s\"']{3,})",
        r"\b(?:sshpass|psexec|plink|schtasks|wmic|xfreerdp|rdesktop|smbclient|crackmapexec|evil-winrm)\S*\b.*?\s"
        r"[-/]r?p(?:[:=\s]\s*)?[\"']?([^\s\"']{3,})",
        r"(?<![\w-])-u\s+[^\s:/]+:(\S+)",
        r"\bmysql\S*\s.*?-p([^\s-]\S+)",
        r"\bnet1?(?:\.exe)?[\"']?\s+user\s+\S+\s+([^\s/]\S*)",
        r"\bnet1?(?:\.exe)?[\"']?\s+use\s+(?:\S+\s+)?\\\\\S+\s+([^\s/]\S*)\s+/u",
        r"\bconvertto-securestring\s+(?:-string\s+)?[\"']?([^\s\"']+)",
        r"\b([0-9a-f]{32}:[0-9a-f]{32})\b",
    )
)
_NO_SECRET = re.compile(r"(?i)^(?:\*+|<.*>|\$.*|%.*%|null|none|true|false|hlt_.*)$")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){5,}(?![0-9A-Fa-f])")
# What follows four digits without braces may be more digits, which are letters: `\u0069da`.
_ESCAPED = re.compile(r"\\u\{([0-9a-fA-F]{2,6})\}|\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
_PRINTABLE = re.compile(r"=[0-9A-F]{2}")
_SHAPELESS = re.compile(r"\\u\{[0-9a-f]+\}")
"""How `prompting.plain` writes what nobody sees."""
_BETWEEN = re.compile(r"[\s._+,-]+")
"""What stands between the words of a name, one way or another: `Ida Canary`, `ida_canary`, `Ida+Canary`."""
_LEAST_JOINED = 8
"""Letters of a name whose words are written as one; fewer are too often a word of their own."""
_LOCAL = [ipaddress.ip_network(n) for n in ("127.0.0.0/8", "169.254.169.254/32", "0.0.0.0/32", "::1/128", "::/128")]
_PRIVATE = [
    ipaddress.ip_network(n)
    for n in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
]


class Own:
    """What is a place's own, ready to be looked for in texts."""

    def __init__(self, things: OwnThings) -> None:
        self._names: dict[str, tuple[Kind, str]] = {}
        for kind, groups in ((Kind.USER, things.people), (Kind.HOST, things.machines)):
            for group in groups:
                said = [name.strip() for name in group if name and name.strip()]
                for name in said:
                    self._add(name, kind, said[0].lower())
                    if kind is Kind.USER:
                        for other in _other_ways(name):
                            self._add(other, kind, said[0].lower())
        for kind, names in (
            (Kind.DOMAIN, things.domains),
            (Kind.DOMAIN, things.names),
            (Kind.ID, things.ids),
        ):
            for name in names:
                self._add(name.strip().lstrip("@."), kind, name.strip().lower())
        self._domains = tuple(d for d in {d.strip().lstrip("@.").lower() for d in things.domains} if "." in d)
        self._networks = [*_PRIVATE, *_networks(things.networks)]
        self._secrets = tuple(sorted({s for s in things.secrets if len(s) >= 3}, key=len, reverse=True))
        for secret in self._secrets:
            self._names.setdefault(folded(secret), (Kind.SECRET, secret))
        self._begins: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for place, name in enumerate(self._names):
            self._begins[name[:_BEGIN]].append((place, name))

    def spots(self, text: str) -> list[Spot]:
        """Every place that says something of its own: apart from each other, in order, letters and digits never cut."""
        found = [*self._plain(text), *self._coded(text)]
        seen, places = _as_seen(text)
        if seen != text:
            for spot in self._plain(seen):
                found.append(Spot(places[spot.start][0], places[spot.end - 1][1], spot.kind, spot.key))
        return _apart(text, [*found, *self._broken(text)])

    def left(self, text: str) -> list[str]:
        """What of its own a text still says, tokens apart: the kinds of it, for people. A second look, and another."""
        bare = TOKEN.sub(" ", text)
        versions = dict.fromkeys((bare, unicodedata.normalize("NFKC", bare), _SHAPELESS.sub("", bare)))
        versions[_BETWEEN.sub(" ", bare)] = None
        versions |= dict.fromkeys(decoded for chunk in bare.split() for decoded in decodings(chunk))
        said = folded("\n".join(versions))
        found = {
            self._names[name][0].value
            for name in self._possible(said)
            if name in said and (len(name) >= _INSIDE or _is_word(said, name))
        }
        found |= {spot.kind.value for spot in self._addresses(said)}
        if _SID.search(said):
            found.add(Kind.SID.value)
        return sorted(found)

    def _add(self, name: str, kind: Kind, key: str) -> None:
        name = folded(name)
        if len(name) >= _LEAST and name not in GENERIC and not name.isdigit():
            self._names.setdefault(name, (kind, key))

    def _plain(self, text: str) -> Iterator[Spot]:
        yield from (Spot(m.start(), m.end(), Kind.WORD, m[0]) for m in TOKEN.finditer(text))
        yield from self._listed(text)
        yield from self._addresses(text)
        yield from _secrets(text)
        yield from (Spot(m.start(), m.end(), Kind.SID, m[0].lower()) for m in _SID.finditer(text))
        for m in _GUID.finditer(text):
            if _OF_TENANT.search(text[max(0, m.start() - 40) : m.start()]):
                yield Spot(m.start(), m.end(), Kind.ID, m[0].lower())
        for m in _NAME_AND_DOMAIN.finditer(text):
            if self._is_own_domain(m[1]):
                yield Spot(m.start(), m.end(), Kind.USER, m[0].lower())
        for m in _HOST_NAME.finditer(text):
            if self._is_own_domain(m[0].replace("[.]", ".")):
                yield Spot(m.start(), m.end(), Kind.HOST, m[0].lower())
        yield from self._told_by_place(text)

    def _listed(self, text: str) -> Iterator[Spot]:
        """The names that are listed: long ones within words as well, so that nothing is overlooked."""
        low = folded(text)
        for name in self._possible(low):
            kind, key = self._names[name]
            start = low.find(name)
            while start >= 0:
                end = start + len(name)
                if len(name) >= _INSIDE or _is_word_at(low, start, end):
                    yield Spot(start, end, kind, key)
                start = low.find(name, start + 1)

    def _broken(self, text: str) -> Iterator[Spot]:
        """Names of several words, whatever stands between these: a line's end, more blanks than one, `_`, `+`."""
        between = [m.span() for m in _BETWEEN.finditer(text)]
        if all(text[start:end] == " " for start, end in between):
            return
        seen, places, at = [], [], 0
        for start, end in between:
            seen += [text[at:start], " "]
            places += [*range(at, start), start]
            at = end
        seen.append(text[at:])
        places += range(at, len(text))
        for spot in self._listed("".join(seen)):
            yield Spot(places[spot.start], places[spot.end - 1] + 1, spot.kind, spot.key)

    def _possible(self, low: str) -> list[str]:
        """The names whose beginning stands in a text: of a hundred thousand a few."""
        begins = {low[at : at + size] for size in range(1, _BEGIN + 1) for at in range(len(low) - size + 1)}
        return [
            name for _, name in sorted(one for begin in begins & self._begins.keys() for one in self._begins[begin])
        ]

    def _told_by_place(self, text: str) -> Iterator[Spot]:
        """Names that nobody has listed, and that stand where a name of a person or a machine does."""
        for m in _PROFILE.finditer(text):
            yield from self._named(m, 1, Kind.USER)
        for m in _OF_DOMAIN.finditer(text):
            known = self._names.get(folded(m[1]))
            if known and known[0] in (Kind.DOMAIN, Kind.HOST):
                yield from self._named(m, 2, Kind.USER)
        for m in _SHARE.finditer(text):
            yield from self._named(m, 1, Kind.HOST)
        for m in _NAMED.finditer(text):
            value = m["name"]
            kind = Kind.HOST if m["what"].lower() in _MACHINES else Kind.USER
            outside = "@" in value and not self._is_own_domain(value.rpartition("@")[2])
            if value.lower() not in _TYPES and not outside and not _looks_outside(value, kind):
                yield from self._named(m, "name", kind)
        for m in _SSH.finditer(text):
            yield from self._named(m, 1 if m[1] else 2, Kind.USER)

    def _named(self, match: re.Match[str], group: int | str, kind: Kind) -> Iterator[Spot]:
        name = folded(match[group]).rstrip(".")
        if name in GENERIC or name.isdigit():
            return
        known = self._names.get(name) or self._names.get(name.rstrip("$"))
        yield Spot(match.start(group), match.start(group) + len(name), *(known or (kind, name)))

    def _addresses(self, text: str) -> Iterator[Spot]:
        for pattern in (_V4, _V4_IN_NAME):
            for m in pattern.finditer(text):
                parts = [int(m[group]) for group in (1, 3, 4, 5)]
                if max(parts) < 256 and self._is_own_address(".".join(map(str, parts))):
                    # A network of this size or that is one thing; so is an address.
                    network = pattern is _V4 and m[6]
                    yield Spot(m.start(), m.end(), Kind.NETWORK if network else Kind.ADDRESS, m[0])
        for m in _V6.finditer(text):
            address, _, prefix = m[0].partition("/")
            if self._is_own_address(address.rstrip(".:") if not address.endswith("::") else address):
                yield Spot(m.start(), m.end(), Kind.NETWORK if prefix else Kind.ADDRESS, m[0].lower())

    def _is_own_address(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if any(address.version == n.version and address in n for n in _LOCAL):
            return False
        return any(address.version == n.version and address in n for n in self._networks)

    def _is_own_domain(self, name: str) -> bool:
        low = name.lower()
        return any(low == domain or low.endswith(f".{domain}") for domain in self._domains)

    def _coded(self, text: str) -> Iterator[Spot]:
        """Chunks that say something of its own only once they are decoded: hidden whole."""
        for m in re.finditer(r"\S+", text):
            chunk = m[0]
            known: set[str] | None = None
            for decoded in decodings(chunk):
                says = self._things(decoded)
                if says and known is None:
                    known = self._things(chunk)
                    known |= {folded(again) for thing in known for again in decodings(thing)}
                if says - (known or set()):
                    yield Spot(m.start(), m.end(), Kind.CODED, chunk)
                    break

    def _things(self, text: str) -> set[str]:
        """What of its own a text says, as it is written there."""
        spots = chain(self._plain(text), self._broken(text))
        return {folded(text[spot.start : spot.end]) for spot in spots if spot.kind is not Kind.WORD}


def folded(text: str) -> str:
    """In small letters, and as long as it was."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _as_seen(text: str) -> tuple[str, list[tuple[int, int]]]:
    """A text as who reads it sees it, and where each of its characters stands in the text.

    Characters without shape part a name for a program, and wide ones are others to it; people and models read them.
    """
    if text.isascii() and "\\u{" not in text:
        return text, []
    seen, places, at = [], [], 0
    while at < len(text):
        if text[at] == "\\" and (gone := _SHAPELESS.match(text, at)):
            at = gone.end()
            continue
        for character in unicodedata.normalize("NFKC", text[at]):
            seen.append(character)
            places.append((at, at + 1))
        at += 1
    return "".join(seen), places


def decodings(chunk: str) -> Iterator[str]:
    """What a piece without blanks says in the codings that logs and mails use, where that is another text."""
    if "%" in chunk and (decoded := unquote(chunk, errors="replace")) != chunk:
        yield decoded
        if "%" in decoded:
            yield unquote(decoded, errors="replace")
    if "&" in chunk and (decoded := html.unescape(chunk)) != chunk:
        yield decoded
    if "\\" in chunk and _ESCAPED.search(chunk):
        yield _ESCAPED.sub(_unescaped, chunk)
    if "=" in chunk and _PRINTABLE.search(chunk):
        yield quopri.decodestring(chunk.encode("utf-8", "replace")).decode("utf-8", "replace")
    for m in _BASE64.finditer(chunk):
        plain = m[0].rstrip("=").replace("-", "+").replace("_", "/")
        for cut in range(len(plain) % 4 == 1, 2):
            try:
                raw = base64.b64decode(plain[cut:] + "=" * (-len(plain[cut:]) % 4))
            except (binascii.Error, ValueError):
                continue
            yield from _texts(raw)
    for m in _HEX.finditer(chunk):
        yield from _texts(bytes.fromhex(m[0]))


def _other_ways(name: str) -> Iterator[str]:
    """How else a person of two names is written; blanks stand for all that `_broken` takes for one."""
    words = [word for word in _BETWEEN.split(name.partition("@")[0]) if word]
    if len(words) > 1 and "@" not in name:
        yield " ".join(words)
    if len(words) == 2 and all(word.isalpha() for word in words):
        one, other = words
        yield from (f"{one} {other}", f"{other} {one}")
        if len(one) + len(other) >= _LEAST_JOINED:
            yield one + other


def _texts(raw: bytes) -> Iterator[str]:
    for coding in ("utf-8", "utf-16-le"):
        try:
            text = raw.decode(coding)
        except UnicodeDecodeError:
            continue
        # Anything decodes as something: names are written in letters of their language, not in those of all.
        if text and sum((c.isprintable() and c.isascii()) or c in "\r\n\t" for c in text) > 0.7 * len(text):
            yield text


def _unescaped(match: re.Match[str]) -> str:
    number = int(match[1] or match[2] or match[3], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else ""


def _secrets(text: str) -> Iterator[Spot]:
    for pattern in _SECRETS:
        for m in pattern.finditer(text):
            if m[1] and not _NO_SECRET.match(m[1]) and m[1].lower() not in _TYPES:
                yield Spot(m.start(1), m.end(1), Kind.SECRET, m[1])


def _looks_outside(value: str, kind: Kind) -> bool:
    """Whether a value is rather an address or, for a machine, a domain of anybody than a name of somebody here."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return kind is Kind.HOST and re.fullmatch(r"(?:[\w-]+\.)+[a-z]{2,}", value, re.I) is not None
    return True


def _networks(given: Sequence[str]) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for text in given:
        try:
            yield ipaddress.ip_network(text.strip(), strict=False)
        except ValueError:
            continue


def _is_word(text: str, name: str) -> bool:
    start = text.find(name)
    while start >= 0:
        if _is_word_at(text, start, start + len(name)):
            return True
        start = text.find(name, start + 1)
    return False


def _is_word_at(text: str, start: int, end: int) -> bool:
    return not (start and text[start - 1].isalnum()) and not (end < len(text) and text[end].isalnum())


def _apart(text: str, spots: list[Spot]) -> list[Spot]:
    """Spots that don't touch: those that overlap become one, of the longest's kind."""
    grown = []
    for spot in spots:
        start, end = spot.start, spot.end
        # A token ends where letters do: it must not touch any, whatever stood there.
        while start and text[start - 1].isalnum():
            start -= 1
        while end < len(text) and text[end].isalnum():
            end += 1
        if start < end:
            grown.append((start, end, spot))
    # What is listed was found first, and stays first among equals: it knows whose name it is.
    grown.sort(key=lambda one: (one[0], -one[1]))
    made: list[tuple[int, int, Spot]] = []
    for start, end, spot in grown:
        if made and start < made[-1][1]:
            before, until, kept = made[-1]
            longer = spot if end - start > until - before else kept
            made[-1] = (before, max(until, end), longer)
        else:
            made.append((start, end, spot))
    return [Spot(start, end, spot.kind, spot.key) for start, end, spot in made]
