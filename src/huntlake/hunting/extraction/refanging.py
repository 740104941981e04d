"""Defanged text made plain: `hxxps[:]//bad[.]example` says `https://bad.example`, and where each character stood."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from huntlake.core.diagnostics import Span

_OPEN, _CLOSE = r"[\[({<]", r"[\])}>]"
_FANG = re.compile(
    rf"""
      (?P<scheme>(?<![a-z])(?:h(?:xx|tx|xt|\*\*|__|\[tt\]|t\[t\]|x{{3}})p|meow)(?=s?\s?(?:\[s\])?{_OPEN}?[:/]))
    | (?P<secure>(?<=p)\[s\](?={_OPEN}?:))
    | (?P<slashes>(?<=[ps\]]){_OPEN}:/{{1,2}}{_CLOSE}/{{0,2}} | (?<=[ps\]]):?{_OPEN}//{_CLOSE} | (?<=[ps\]]):\\\\)
    | (?P<colons>\[::\](?=[0-9a-f\[])|(?<=[0-9a-f])\[::\])
    | (?P<colon>{_OPEN}:{_CLOSE})
    | (?P<slash>\[/\])
    | (?P<dot>\ ?[\[({{<]\ ?(?:dot|punkt|punto|point)\ ?[\])}}>]\ ?
        | (?<=\w)\ \[\.\]\ (?=\w)
        | {_OPEN}\.{_CLOSE}|\[\ \.\ \]
        | (?<=\w)\[\.(?=\w)|(?<=\w)\.\](?=\w)
        | (?<=[a-z0-9])[\u3002\uff0e\uff61](?=[a-z0-9]))
    | (?P<escaped>(?<=[\w-])\\\.(?=\w))
    | (?P<at>\ ?[\[({{<]\ ?(?:@|at)\ ?[\])}}>]\ ?)
    | (?P<nothing>(?<=\S)[\u200b\u200c\u200d\u2060\ufeff\u00ad](?=\S))
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PLAIN = {
    "secure": "s",
    "slashes": "://",
    "colons": "::",
    "colon": ":",
    "slash": "/",
    "dot": ".",
    "escaped": ".",
    "at": "@",
    "nothing": "",
}
_BLANK = re.compile(r"\s")
_NEAR = 200


@dataclass(frozen=True)
class Plain:
    """A text without its fangs, and the places of its characters in the source."""

    text: str
    source: str
    _starts: tuple[int, ...]
    _shifts: tuple[tuple[int, int], ...]
    """For each piece of `_starts`: where in the source it begins, and how long it is there if it was replaced."""

    def span(self, start: int, end: int) -> Span:
        """Where in the source the characters from `start` to `end` of the plain text stand."""
        return Span(self._at(start)[0], self._at(end - 1)[1])

    def raw(self, start: int, end: int) -> str:
        """What the source says there."""
        span = self.span(start, end)
        return self.source[span.start : span.end]

    def defanged(self, start: int, end: int) -> bool:
        """Whether a dot, a scheme or a sign of it was defanged there."""
        return self.raw(start, end) != self.text[start:end]

    def _at(self, place: int) -> tuple[int, int]:
        piece = bisect_right(self._starts, place) - 1
        begin, replaced = self._shifts[piece]
        if replaced:
            return begin, begin + replaced
        found = begin + place - self._starts[piece]
        return found, found + 1


def refanged(source: str) -> Plain:
    """The text in its plain form; what isn't defanged stays as it is."""
    parts: list[str] = []
    starts: list[int] = []
    shifts: list[tuple[int, int]] = []
    length = done = 0

    def keep(text: str, begin: int, replaced: int) -> None:
        nonlocal length
        if text:
            parts.append(text)
            starts.append(length)
            shifts.append((begin, replaced))
            length += len(text)

    for found in _FANG.finditer(source):
        kind = found.lastgroup or ""
        if kind == "escaped" and _in_path(source, found.start()):
            continue
        plain = _scheme(found[0]) if kind == "scheme" else _PLAIN[kind]
        keep(source[done : found.start()], done, 0)
        keep(plain, found.start(), found.end() - found.start())
        done = found.end()
    keep(source[done:], done, 0)
    return Plain("".join(parts), source, tuple(starts), tuple(shifts))


def _scheme(found: str) -> str:
    return "http" if found[0] in "hH" or found.lower() == "meow" else found


def _in_path(source: str, at: int) -> bool:
    """Whether the word around a `\\.` has another backslash before it, as paths have: there it hides no dot."""
    before = source[max(0, at - _NEAR) : at]
    word = _BLANK.split(before)[-1]
    return "\\" in word.replace("\\.", "") or word.startswith(("%", "~", "/"))
