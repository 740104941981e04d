"""Texts of which every match of a regular expression holds at least one.

Looking for a plain text costs a fraction of what a pattern costs, and most rows hold none of them. Only a part of the
syntax is understood; of any other pattern nothing is said, which is always right.
<https://github.com/google/re2/wiki/Syntax>
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_MOST = 4
"""More texts than that cost as much as the pattern itself."""

_SHORTEST = 3
"""Letters and digits that a text must have: shorter ones stand in most rows."""

_TIMES = re.compile(r"\{(\d+)(,\d*)?\}")
_GROUP = re.compile(r"\((?:\?(?::|P?<[A-Za-z_]\w*>))?", re.ASCII)
_CLASS = re.compile(r"\[\^?\]?(?:[^\\\]\[]|\\[^QEpPx0-9])*\]", re.DOTALL)
_OPAQUE = frozenset("dDwWsSbBAntrfva")


@dataclass(frozen=True, slots=True)
class NeededTexts:
    """One of `texts` is in every match; in any case unless `cased`."""

    texts: tuple[str, ...]
    cased: bool


class _NotUnderstood(Exception):
    """The pattern has something of which this module says nothing."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a pattern: `exact` is all that it matches, where that is few texts; `needed` is in each match."""

    exact: tuple[str, ...] | None
    needed: tuple[str, ...] = ()


@lru_cache(maxsize=1024)
def needed_texts(pattern: str) -> NeededTexts | None:
    """Texts that stand in each match of `pattern`, at least one of them; None where that can't be told.

    >>> needed_texts(r"(?i)(mshta|wmic)[.]exe")
    NeededTexts(texts=('mshta', 'wmic'), cased=False)
    >>> needed_texts("abc.*") == NeededTexts(("abc",), True)
    True
    >>> needed_texts("abc|x") is None
    True
    """
    text, cased = (pattern[4:], False) if pattern.startswith("(?i)") else (pattern, True)
    if "[:" in text or not text.isascii():
        return None
    try:
        found, end = _alternatives(text, 0)
    except (_NotUnderstood, RecursionError):
        return None
    return NeededTexts(found.needed, cased) if _length(found.needed) and end == len(text) else None


def _alternatives(text: str, at: int) -> tuple[_Part, int]:
    parts, at = [], at - 1
    while True:
        part, at = _sequence(text, at + 1)
        parts.append(part)
        if at >= len(text) or text[at] != "|":
            break
    if len(parts) == 1:
        return parts[0], at
    exact = [t for p in parts for t in p.exact or ()] if all(p.exact is not None for p in parts) else None
    needed = [t for p in parts for t in p.needed] if all(_length(p.needed) for p in parts) else []
    return _Part(_few(exact), _few(needed) or ()), at


def _sequence(text: str, at: int) -> tuple[_Part, int]:
    run: tuple[str, ...] = ("",)
    best: tuple[str, ...] = ()
    whole = True
    while at < len(text) and text[at] not in "|)":
        part, at = _atom(text, at)
        part, at = _repeated(part, text, at)
        best = _better(best, part.needed)
        joined = None if part.exact is None else _few([before + after for before in run for after in part.exact])
        if joined is None:
            best, run, whole = _better(best, run), part.exact or ("",), False
        else:
            run = joined
    return _Part(run if whole else None, _better(best, run)), at


def _atom(text: str, at: int) -> tuple[_Part, int]:
    match text[at]:
        case "(":
            opened = _GROUP.match(text, at)
            if opened is None or text[opened.end() : opened.end() + 1] == "?":
                raise _NotUnderstood
            part, at = _alternatives(text, opened.end())
            if text[at : at + 1] != ")":
                raise _NotUnderstood
            return part, at + 1
        case "[":
            if (found := _CLASS.match(text, at)) is None:
                raise _NotUnderstood
            return _Part(None), found.end()
        case "\\":
            after = text[at + 1 : at + 2]
            if after in _OPAQUE and after:
                return _Part(None), at + 2
            if not after or after.isalnum():
                raise _NotUnderstood
            return _Part((after,)), at + 2
        case "." | "^" | "$":
            return _Part(None), at + 1
        case "*" | "+" | "?" | "{":
            raise _NotUnderstood
        case letter:
            return _Part((letter,)), at + 1


def _repeated(part: _Part, text: str, at: int) -> tuple[_Part, int]:
    """A piece with what says how often it comes."""
    match text[at : at + 1]:
        case "*" | "?":
            part, at = _Part(None), at + 1
        case "+":
            part, at = _Part(None, _better(part.needed, part.exact or ())), at + 1
        case "{":
            if (times := _TIMES.match(text, at)) is None:
                raise _NotUnderstood
            least = int(times[1])
            part, at = _Part(None, _better(part.needed, part.exact or ()) if least else ()), times.end()
        case _:
            return part, at
    return part, at + (text[at : at + 1] == "?")


def _few(texts: list[str] | None) -> tuple[str, ...] | None:
    kept = tuple(dict.fromkeys(texts)) if texts is not None else None
    return kept if kept is None or len(kept) <= _MOST else None


def _better(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Whichever can be looked for at all, and is rarer: the one whose shortest text is longer."""
    return max((one, other), key=lambda texts: (_length(texts), min(map(len, texts), default=0), -len(texts)))


def _length(texts: tuple[str, ...]) -> int:
    shortest = min((sum(c.isalnum() for c in t) for t in texts), default=0)
    return shortest if shortest >= _SHORTEST else 0
