"""Patterns of STIX: which observables they name, and which of those alone tell that the pattern is met."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

LONGEST = 1 << 16
WIDEST = 16
"""Bits of the widest network that is looked for: one that holds half of the world's addresses is seen in each row."""
_SINGLE = 32
_DEEPEST = 50
_TOKEN = re.compile(
    r"""\s+|(?P<text>'(?:[^'\\]|\\.)*')|(?P<literal>[thb]'[^']*')"""
    r"""|(?P<path>[A-Za-z][A-Za-z0-9-]*:[A-Za-z_'](?:[\w.-]|\[(?:\d+|\*)\]|'(?:[^'\\]|\\.)*')*)"""
    r"""|(?P<word>[A-Za-z_]+)|(?P<number>[-+]?\d+(?:\.\d+)?)|(?P<sign>!=|<=|>=|[=<>\[\](),])"""
)


class Unreadable(Exception):
    """A pattern that isn't one."""


class ObservableKind(StrEnum):
    """What can be looked for in the tables of the lake."""

    ADDRESS = "IP address"
    NETWORK = "IP network"
    DOMAIN = "domain"
    URL = "URL"
    HASH = "file hash"
    MAIL = "mail address"


@dataclass(frozen=True, slots=True)
class Observable:
    """A property of an object, such as `ipv4-addr:value`, and what it is compared with."""

    key: str
    value: str

    @property
    def kind(self) -> ObservableKind | None:
        """What it is looked for as; None where nothing looks for it."""
        key = self.key.lower()
        if key in ("ipv4-addr:value", "ipv6-addr:value") or re.fullmatch(r"network-traffic:(src|dst)_ref\.value", key):
            if _is_address(self.value):
                return ObservableKind.ADDRESS
            return ObservableKind.NETWORK if network_of(self.value) is not None else None
        if key == "domain-name:value":
            return ObservableKind.DOMAIN
        if key == "url:value":
            return ObservableKind.URL
        if self.is_hash:
            return (
                ObservableKind.HASH
                if re.fullmatch(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}", self.value)
                else None
            )
        if key in ("email-addr:value", "email-message:from_ref.value", "email-message:sender_ref.value"):
            return ObservableKind.MAIL
        return None

    @property
    def is_hash(self) -> bool:
        """Whether it is the hash of a file."""
        return self.key.lower().startswith(("file:hashes.", "artifact:hashes."))


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a pattern names, and which of those each are enough for it to be met.

    `left_out` says what of it isn't looked for; nothing where all of it is.
    """

    observables: tuple[Observable, ...] = ()
    enough: tuple[Observable, ...] = ()
    left_out: str = ""


@lru_cache(maxsize=100_000)
def pattern_of(text: str, type: str = "stix") -> Pattern:
    """What a pattern looks for. One that can't be read has no observables, and says so."""
    if type.lower() not in ("stix", "ipv4-addr", "ipv6-addr", "domain-name", "url", "file", "email-addr"):
        return Pattern(left_out=f"patterns of the type `{type[:40]}` are not supported")
    try:
        reader = _Reader(text)
        found = reader.pattern(0)
        reader.end()
    except Unreadable as error:
        return Pattern(left_out=f"the pattern can't be read: {error}")
    enough = tuple(dict.fromkeys(o for o in found.enough if o.kind is not None))
    left_out = found.left_out
    if not left_out and (unknown := next((o for o in found.enough if o.kind is None), None)):
        left_out = f"looking for `{unknown.key[:60]}` of `{unknown.value[:60]}` is not supported"
    return Pattern(tuple(dict.fromkeys(found.observables)), enough, left_out)


def quoted(value: str) -> str:
    """A text as a pattern holds it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


class _Reader:
    """Reads one pattern."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise Unreadable(f"it is longer than {LONGEST} characters")
        self._tokens: list[_Token] = []
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise Unreadable(f"`{text[at : at + 20]}` is not expected")
            if found.lastgroup:
                self._tokens.append(_Token(found.lastgroup, found[0]))
            at = found.end()
        self._at = 0

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise Unreadable(f"`{self._tokens[self._at].text[:20]}` is not expected")

    def pattern(self, depth: int) -> Pattern:
        """Observations that are joined."""
        found = self._observation(depth)
        while word := self._taken("AND", "OR", "FOLLOWEDBY"):
            other = self._observation(depth)
            both = (*found.observables, *other.observables)
            if word == "OR":
                found = Pattern(both, (*found.enough, *other.enough), found.left_out or other.left_out)
            else:
                found = Pattern(both, (), f"observations joined by `{word}` are not supported")
        return found

    def _observation(self, depth: int) -> Pattern:
        if depth > _DEEPEST:
            raise Unreadable("it is nested too deeply")
        if self._sign("("):
            found = self.pattern(depth + 1)
            self._expect(")")
        else:
            self._expect("[")
            found = self._either(depth + 1)
            self._expect("]")
        while word := self._taken("WITHIN", "REPEATS", "START"):
            while self._is("word") or self._is("number") or self._is("literal") or self._is("text"):
                if self._peek() in ("AND", "OR", "FOLLOWEDBY", "WITHIN", "REPEATS", "START"):
                    break
                self._at += 1
            found = Pattern(found.observables, (), f"`{word}` is not supported")
        return found

    def _either(self, depth: int) -> Pattern:
        found = self._both(depth)
        while self._taken("OR"):
            other = self._both(depth)
            found = Pattern(
                (*found.observables, *other.observables),
                (*found.enough, *other.enough),
                found.left_out or other.left_out,
            )
        return found

    def _both(self, depth: int) -> Pattern:
        found = self._test(depth)
        parts = [found]
        while self._taken("AND"):
            parts.append(self._test(depth))
        if len(parts) == 1:
            return found
        observables = tuple(o for p in parts for o in p.observables)
        # The hash of a file tells the file; a name and a size together may be anyone's.
        hashes = tuple(o for p in parts for o in p.enough if o.is_hash)
        return Pattern(observables, hashes, "" if hashes else "comparisons joined by `AND` are not supported")

    def _test(self, depth: int) -> Pattern:
        if depth > _DEEPEST:
            raise Unreadable("it is nested too deeply")
        if self._sign("("):
            found = self._either(depth + 1)
            self._expect(")")
            return found
        if self._taken("EXISTS"):
            self._next("path")
            return Pattern(left_out="`EXISTS` is not supported")
        key = self._next("path")
        negated = bool(self._taken("NOT"))
        if self._sign("="):
            values: tuple[str, ...] = (self._value(),)
            is_equal = True
        elif self._taken("IN"):
            self._expect("(")
            listed = [self._value()]
            while self._sign(","):
                listed.append(self._value())
            self._expect(")")
            values, is_equal = tuple(listed), True
        else:
            operator = self._tokens[self._at].text if self._at < len(self._tokens) else ""
            known = operator in ("!=", "<", ">", "<=", ">=", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET")
            if not known:
                raise Unreadable(f"`{operator[:20]}` is no comparison")
            self._at += 1
            values, is_equal = (self._value(),), False
            of = Observable(key, values[0])
            is_address = of.kind in (ObservableKind.ADDRESS, ObservableKind.NETWORK)
            if operator == "ISSUBSET" and not negated and is_address:
                return Pattern((of,), (of,))
            if not negated:
                return Pattern(left_out=f"comparisons by `{operator}` are not supported")
        if negated or not is_equal:
            return Pattern(left_out="comparisons by `NOT` are not supported")
        found_all = tuple(Observable(key, v) for v in values)
        return Pattern(found_all, found_all)

    def _value(self) -> str:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.kind == "text":
                return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.S)
            if token.kind in ("number", "literal"):
                return token.text
            if token.kind == "word" and token.text.lower() in ("true", "false"):
                return token.text.lower()
        raise Unreadable("a value is missing")

    def _next(self, kind: str) -> str:
        if not self._is(kind):
            raise Unreadable(f"`{self._peek()[:20]}` is not expected" if self._peek() else "it ends too early")
        self._at += 1
        return self._tokens[self._at - 1].text

    def _is(self, kind: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].kind == kind

    def _peek(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _taken(self, *words: str) -> str:
        if self._is("word") and self._peek() in words:
            self._at += 1
            return self._tokens[self._at - 1].text
        return ""

    def _sign(self, sign: str) -> bool:
        if self._is("sign") and self._peek() == sign:
            self._at += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._sign(sign):
            raise Unreadable(f"`{sign}` is missing")


def network_of(text: str) -> ipaddress.IPv4Network | None:
    """The network that a text such as `192.0.2.0/24` names; None where it names none that is looked for."""
    address, slash, length = text.strip().partition("/")
    if not slash or not length.isdecimal() or not WIDEST <= int(length) <= _SINGLE:
        return None
    try:
        return ipaddress.IPv4Network(f"{address}/{length}", strict=False)
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
