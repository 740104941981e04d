"""Texts of keys and values, `src=10.0.0.1 user="ada l"`, taken apart for `parse-kv`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache

import orjson

from huntlake.engines.duckdb.udf.function import udf


@dataclass(frozen=True)
class Rules:
    """How keys and values are told apart. Without delimiters, whatever is no letter and no digit is one."""

    keys: tuple[str, ...]
    pair: str | None
    between: str | None
    quotes: tuple[tuple[str, str], ...]
    escapes: str
    greedy: bool


@lru_cache(maxsize=64)
def _rules(text: str) -> Rules:
    given = json.loads(text)
    quotes = tuple((q[0], q[-1]) for q in given["quotes"])
    return Rules(
        tuple(given["keys"]), given["pair"], given["between"], quotes, "".join(given["escapes"]), given["greedy"]
    )


@udf("hl_parse_kv", "VARCHAR", "VARCHAR", returns="VARCHAR")
def parse_kv(text: str | None, rules: str | None) -> str | None:
    """The values of the wanted keys, as a bag of texts; the first of each. Null without rules."""
    if rules is None:
        return None
    given = _rules(rules)
    reader = _Reader(text or "", given)
    found = reader.pairs() if given.pair and given.between else reader.words()
    return orjson.dumps(found).decode()


class _Reader:
    def __init__(self, text: str, rules: Rules) -> None:
        self._text = text
        self._rules = rules
        self._wanted = set(rules.keys)
        self._unclosed: set[str] = set()

    def pairs(self) -> dict[str, str]:
        """What stands between the delimiters."""
        found: dict[str, str] = {}
        pair = self._rules.pair or ""
        at = 0
        while at < len(self._text) and len(found) < len(self._wanted):
            key = self._key(at)
            if key is None:
                after = self._text.find(pair, at)
                at = len(self._text) if after < 0 else after + len(pair)
                continue
            name, start = key
            value, at = self._value(start)
            if name in self._wanted and name not in found:
                found[name] = value
        return found

    def _key(self, at: int) -> tuple[str, int] | None:
        """The key that stands here, and where its value begins."""
        text, pair, between = self._text, self._rules.pair or "", self._rules.between or ""
        start = self._past_blanks(at)
        quoted = self._quoted(start)
        if quoted is not None:
            name, end = quoted
            end = self._past_blanks(end)
            return (name, end + len(between)) if text.startswith(between, end) else None
        end = text.find(between, start)
        if end < 0 or text.find(pair, start, end) >= 0:
            return None
        return text[start:end].strip(), end + len(between)

    def _value(self, start: int) -> tuple[str, int]:
        """The value that stands here, and where the next pair begins."""
        text, pair = self._text, self._rules.pair or ""
        quoted = self._quoted(self._past_blanks(start))
        at = start if quoted is None else quoted[1]
        end = text.find(pair, at)
        if quoted is None and self._rules.greedy:
            while end >= 0 and self._key(end + len(pair)) is None:
                end = text.find(pair, end + len(pair))
        following = len(text) if end < 0 else end + len(pair)
        if quoted is not None:
            return quoted[0].strip(), following
        return text[start : len(text) if end < 0 else end].strip(), following

    def _past_blanks(self, at: int) -> int:
        # A blank that is a delimiter ends what it follows.
        pair = self._rules.pair or ""
        while at < len(self._text) and self._text[at].isspace() and not (pair and self._text.startswith(pair, at)):
            at += 1
        return at

    def _quoted(self, at: int) -> tuple[str, int] | None:
        """The inside of the quotes that open here, and where they are closed."""
        for opening, closing in self._rules.quotes:
            if opening in self._unclosed or not self._text.startswith(opening, at):
                continue
            inside: list[str] = []
            place = at + 1
            while place < len(self._text):
                character = self._text[place]
                if character in self._rules.escapes and place + 1 < len(self._text):
                    inside.append(self._text[place + 1])
                    place += 2
                elif character == closing:
                    return "".join(inside), place + 1
                else:
                    inside.append(character)
                    place += 1
            self._unclosed.add(opening)
        return None

    def words(self) -> dict[str, str]:
        """The word, or the quoted text, behind each key."""
        found = {}
        for key in self._rules.keys:
            match = re.search(rf"(?<![^\W_]){re.escape(key)}(?![^\W_])", self._text)
            if match is None:
                continue
            at = match.end()
            # A quote that closes around the key is a delimiter like any other.
            if any(self._text.startswith(closing, at) for _, closing in self._rules.quotes) and match.start() > 0:
                at += 1
            found[key] = self._word(at)
        return found

    def _word(self, at: int) -> str:
        while at < len(self._text) and not self._text[at].isalnum():
            quoted = self._quoted(at)
            if quoted is not None:
                return quoted[0].strip()
            at += 1
        end = at
        while end < len(self._text) and self._text[end].isalnum():
            end += 1
        return self._text[at:end]
