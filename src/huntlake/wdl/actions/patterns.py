"""Patterns of JSON schemas, which are .NET's regexes, told in time that grows with the text alone.

They are translated for RE2. What it has no word for, and what it would understand otherwise, is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

MOST_STEPS = 2_000_000_000
"""How many steps one pattern may take over all texts: those of the pattern, times the characters."""

_WORD = r"\p{L}\p{Mn}\p{Nd}\p{Pc}"
_SPACE = r"\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_NO_SPACE = (
    r"\x00-\x08\x0e-\x1f!-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}"
    r"\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff}"
)
_CLASSES = {"d": r"\p{Nd}", "D": r"\P{Nd}", "w": _WORD, "s": _SPACE, "S": _NO_SPACE}
_PLAIN = frozenset("tnrfva")
_WEIGHT = 300
"""About how many steps a class of Unicode's letters takes."""
_GROUP = re.compile(r"\(\?(?:[is]*(?:-[is]+)?(?P<end>[:)])|<(?P<name>\w+)>|'(?P<quoted>\w+)')")
_REPEATED = re.compile(r"\{(\d{1,4})(?:(,)(\d{0,4}))?\}\??|[*+?]\??")
_LOOKING = {
    "(?=": "looking ahead",
    "(?!": "looking ahead",
    "(?<=": "looking behind",
    "(?<!": "looking behind",
    "(?>": "a group that never goes back",
    "(?(": "a condition",
    "(?#": "a remark",
}


class Unmatched(Exception):
    """A pattern that can't be told here; the message says why."""


def matching(pattern: str, texts: Collection[str]) -> frozenset[str]:
    """The texts in which a pattern is found. Raises `Unmatched`."""
    form, steps, ascii = _translated(pattern)
    if steps * (sum(map(len, texts)) + len(texts)) > MOST_STEPS:
        raise Unmatched("it would take too long over so much text")
    if ascii and (other := next((t for t in texts if not t.isascii()), None)) is not None:
        raise Unmatched(f"`{ascii}` beside letters beyond ASCII, as in {other[:40]!r}, is not supported")
    listed = list(texts)
    try:
        found = pc.match_substring_regex(pa.array(listed, pa.large_string()), pattern=form)
    except UnicodeEncodeError:
        raise Unmatched("half a character is in the text") from None
    except pa.ArrowInvalid as error:
        said = str(error).partition(": ")[2] or str(error)
        raise Unmatched(f"{said}: not supported") from None
    return frozenset(t for t, fits in zip(listed, found.to_pylist(), strict=True) if fits)


@lru_cache(maxsize=1024)
def _translated(pattern: str) -> tuple[str, int, str]:
    """The pattern for RE2, how many steps it takes for a character, and what in it knows ASCII only."""
    reader = _Reader(pattern)
    return "".join(reader.parts()), reader.steps, reader.ascii


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0
        self.ascii = ""
        self._open: list[int] = [0]
        self._last = 0

    @property
    def steps(self) -> int:
        """How many steps the whole takes."""
        return sum(self._open) + 1

    def parts(self) -> list[str]:
        """The pattern for RE2, piece by piece."""
        made = []
        while self.at < len(self.pattern):
            made.append(self._part())
        return made

    def _part(self) -> str:
        sign = self.pattern[self.at]
        if repeated := _REPEATED.match(self.pattern, self.at):
            return self._repeated(repeated)
        if sign == "(":
            return self._opened()
        self.at += 1
        if sign == ")":
            self._last = self._open.pop() if len(self._open) > 1 else 0
            self._open[-1] += self._last
            return sign
        if sign == "[":
            return self._atom(*self._class())
        if sign == "\\":
            return self._atom(*self._escaped())
        if sign == "$":
            # In .NET this is also before the line's end that ends the text.
            return self._atom(r"(?:\n?\z)", 2)
        return self._atom("\\" + sign if sign in "{}]" else sign, 1)

    def _atom(self, part: str, steps: int) -> str:
        self._last = steps
        self._open[-1] += steps
        return part

    def _repeated(self, found: re.Match[str]) -> str:
        self.at = found.end()
        if found[1] is not None:
            most = int(found[3] or found[1])
            self._open[-1] += self._last * max(0, most - 1)
        return found[0]

    def _opened(self) -> str:
        self._open.append(0)
        if not self.pattern.startswith("(?", self.at):
            self.at += 1
            return "("
        for said, why in _LOOKING.items():
            if self.pattern.startswith(said, self.at):
                raise Unmatched(f"{why}, `{said}`, is not supported")
        found = _GROUP.match(self.pattern, self.at)
        if found is None:
            raise Unmatched(f"`{self.pattern[self.at : self.at + 4]}` is not supported")
        self.at = found.end()
        if found["end"] is None:
            return "("
        if found["end"] == ")":
            self._open.pop()
        return found[0]

    def _escaped(self) -> tuple[str, int]:
        sign = self._next()
        match sign:
            case "d" | "w" | "s":
                return f"[{_CLASSES[sign]}]", _WEIGHT
            case "D" | "W" | "S":
                return f"[^{_CLASSES[sign.lower()]}]", _WEIGHT
            case "b" | "B":
                self.ascii = "\\" + sign
                return self.ascii, 1
            case "A" | "z":
                return "\\" + sign, 1
            case "Z":
                return r"(?:\n?\z)", 2
        return self._sign(sign)

    def _class(self) -> tuple[str, int]:
        made, steps, first = ["["], 1, True
        if self.pattern.startswith("^", self.at):
            made.append(self._next())
        while True:
            sign = self._next()
            if sign == "]" and not first:
                return "".join(made) + "]", steps
            if sign == "-" and self.pattern.startswith("[", self.at):
                raise Unmatched("taking a class away from another, `-[`, is not supported")
            first = False
            if sign != "\\":
                made.append("\\" + sign if sign in "[]" else sign)
                continue
            sign = self._next()
            if sign in _CLASSES:
                made.append(_CLASSES[sign])
                steps += _WEIGHT
            elif sign == "W":
                self.ascii = r"[\W]"
                made.append(r"\W")
            elif sign == "b":
                made.append(r"\x08")
            else:
                part, more = self._sign(sign)
                made.append(part)
                steps += more

    def _sign(self, sign: str) -> tuple[str, int]:
        """What an escape means within a class and outside of one."""
        if sign in "pP" and (found := re.compile(r"\{[A-Za-z]+\}").match(self.pattern, self.at)):
            self.at = found.end()
            return f"\\{sign}{found[0]}", _WEIGHT
        if sign in "xu" and (
            found := re.compile(f"[0-9a-fA-F]{{{2 if sign == 'x' else 4}}}").match(self.pattern, self.at)
        ):
            self.at = found.end()
            if 0xD800 <= int(found[0], 16) < 0xE000:
                raise Unmatched(f"half a character, `\\u{found[0]}`, is not supported")
            return f"\\x{{{found[0]}}}", 1
        if sign == "e":
            return r"\x1b", 1
        if sign.isdigit() or sign == "k":
            raise Unmatched(f"a reference to a group, `\\{sign}`, is not supported")
        if sign not in _PLAIN and (sign.isalnum() or sign == "_"):
            raise Unmatched(f"`\\{sign}` is not supported")
        return (f"\\{sign}" if sign.isascii() else sign), 1

    def _next(self) -> str:
        if self.at >= len(self.pattern):
            raise Unmatched("it ends in the middle")
        self.at += 1
        return self.pattern[self.at - 1]
