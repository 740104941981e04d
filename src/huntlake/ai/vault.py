"""Puts tokens in place of what is a place's own before anything leaves, and puts it back in what comes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from huntlake.ai.own import TOKEN, Kind, Own, folded
from huntlake.state.sealing import Seal

_CHUNK = re.compile(r"[^\s<>\"]+")
_OUTWARD = re.compile(
    r"//|^\W*\\\\|[\w-]+\.[a-z]{2,}[/?#:@]|@[\w-]|hlt_[a-z]+_[0-9]+[\w.-]*\.[a-z]{2,}|%[0-9a-f]{2}", re.I
)
"""What could lead out of the house with a name in it: a URL, a share, a mail address, a host's name."""
_EDGES = "()[]{},;:.!?'`*=|"


class TokenVault:
    """The tokens of one call. Each spelling has its own; one thing has one number: `HLT_USER_1`, `HLT_USER_1B`.

    The numbers are in the order in which things come up, so that the same texts have the same tokens.
    """

    def __init__(self, own: Own) -> None:
        self._own = own
        self._numbers: dict[tuple[Kind, str], int] = {}
        self._spellings: dict[tuple[Kind, str], list[str]] = {}
        self._tokens: dict[str, str] = {}
        self._counts: dict[Kind, int] = {}
        self._said: set[str] = set()

    @property
    def tokens(self) -> Mapping[str, str]:
        """What each token stands for: as secret as that."""
        return dict(self._tokens)

    def hide(self, text: str) -> str:
        """The text with tokens."""
        pieces, at = [], 0
        for spot in self._own.spots(text):
            pieces += [text[at : spot.start], self._token(spot.kind, spot.key, text[spot.start : spot.end])]
            at = spot.end
        hidden = "".join([*pieces, text[at:]])
        said = [m[0] for m in _CHUNK.finditer(hidden) if TOKEN.search(m[0])]
        self._said.update(said, (one.strip(_EDGES) for one in said))
        return hidden

    def left(self, text: str) -> list[str]:
        """The kinds of what is own and still stands in a text; none: it may leave."""
        return self._own.left(text)

    def show(self, text: str) -> str:
        """The text with what its tokens stand for.

        A token that nobody gave out stays what it is. So does one within what could lead out of the house, a URL or a
        host's name, unless it was sent in just that: a link that a model makes up must not carry a name away.
        """
        return _CHUNK.sub(self._shown, text)

    def hide_all(self, value: Any) -> Any:
        """A JSON value with tokens in its texts and the names of its fields: rows that are shown as a sample."""
        match value:
            case str():
                return self.hide(value)
            case list() | tuple():
                return [self.hide_all(one) for one in value]
            case Mapping():
                return {self.hide(str(key)): self.hide_all(one) for key, one in value.items()}
        return value

    def sealed(self, seal: Seal, purpose: str) -> str:
        """What may be kept of the tokens."""
        return seal.seal(orjson.dumps(self._tokens).decode(), purpose)

    def _token(self, kind: Kind, key: str, spelling: str) -> str:
        thing = (kind, folded(key))
        if thing not in self._numbers:
            self._counts[kind] = self._numbers[thing] = self._counts.get(kind, 0) + 1
        spellings = self._spellings.setdefault(thing, [])
        if spelling not in spellings:
            spellings.append(spelling)
        token = f"HLT_{kind.value}_{self._numbers[thing]}{_letters(spellings.index(spelling))}"
        self._tokens[token] = spelling
        return token

    def _shown(self, chunk: re.Match[str]) -> str:
        text = chunk[0]
        if not TOKEN.search(text) or (_OUTWARD.search(text) and not self._was_said(text)):
            return text
        return TOKEN.sub(lambda m: self._tokens.get(m[0].upper(), m[0]), text)

    def _was_said(self, text: str) -> bool:
        # The end of a sentence or a bracket isn't part of what was said.
        bare = text.strip(_EDGES)
        return text in self._said or bare in self._said or bool(TOKEN.fullmatch(bare))


def _letters(number: int) -> str:
    """Nothing, B, C … Z, BA …: the spelling after the first."""
    if not number:
        return ""
    letters = ""
    while number:
        number, rest = divmod(number, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
