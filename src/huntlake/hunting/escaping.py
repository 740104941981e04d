"""Words of logs and reports within Markdown: as words that nothing renders and nobody can click, or as code."""

from __future__ import annotations

import re

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]<>()#+!|~&"})
_LINK = re.compile(r":(?=//)|(?<=www)\.|(?<=mailto):|(?<=xmpp):|@", re.IGNORECASE)
"""What makes a link of bare words, as GitHub and others show them."""
_BEGIN = re.compile(r"[-=]|\d+(?=[.)](?:\s|$))")
"""What makes a list, a line or a heading at the begin of a line; all else that does is special anywhere."""


def words(value: object) -> str:
    """Words that Markdown and HTML take for words only, in one line."""
    return _begun(_words(" ".join(str(value).split())))


def told(text: str) -> str:
    """Words in which names and literals stand in backquotes: these become code, all else words."""
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0 or not all(part.strip() for part in parts[1::2]):
        return words(text)
    return _begun("".join(code(part) if n % 2 else _words(part) for n, part in enumerate(parts)))


def code(value: object) -> str:
    """A value as code, whatever backquotes it holds."""
    text = " ".join(str(value).split()) or " "
    longest = _longest(text)
    ticks = "`" * (longest + 1)
    return f"{ticks} {text} {ticks}" if longest else f"`{text}`"


def fence(text: str, language: str) -> str:
    """A text of several lines as code, whatever backquotes it holds."""
    ticks = "`" * max(3, _longest(text) + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def _begun(text: str) -> str:
    """Words that begin a line, and nothing else."""
    begin = _BEGIN.match(text)
    if begin is None:
        return text
    return f"\\{text}" if begin[0] in "-=" else f"{begin[0]}\\{text[begin.end() :]}"


def _words(text: str) -> str:
    return _LINK.sub(lambda found: f"\\{found[0]}", text.translate(_SPECIAL))


def _longest(text: str) -> int:
    """How long the longest run of backquotes is."""
    return max(map(len, re.findall("`+", text)), default=0)
