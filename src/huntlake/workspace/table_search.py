"""Which tables answer a question: a ranking of the catalogue, and of what similar questions asked."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

_WEIGHTS = {"name": 3.0, "description": 2.0, "columns": 0.35}
"""What a word counts for, by where of a table it stands."""

_FREE_LENGTH, _SATURATION = 0.6, 1.4
"""BM25's `b` and `k1`."""

_NAMED = 25.0
"""What a table gains that the question names outright."""

_FILLED, _DESCRIBED = 1.5, 1.25
"""By what the score of a table grows that has rows, or that somebody thought worth a description."""

_VOTERS = 5
"""How many known questions, the most similar ones, have a vote."""

_SHARE = 0.75
"""What the votes count for where the most similar question says the very same."""

_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_WORDS = re.compile(r"[A-Za-z][A-Za-z0-9]*|\d+[A-Za-z]+")

_ALIKE = (
    "login logon signin logging authentication authenticate logged log-in",
    "aad entra azuread",
    "device machine computer host endpoint workstation laptop",
    "vm virtualmachine",
    "email mail message phishing phish",
    "process processes executable program command commandline cmdline",
    "ioc indicator threatintel",
    "cve vulnerability",
    "url link",
    "aws amazon",
    "gcp google",
    "dll image module",
    "user account identity",
    "ueba behaviour behavior",
    "k8s kubernetes",
    "o365 office365 office",
    "uncommon unusual rare abnormal",
)
"""Words that people use for the same thing; the first of a line stands for all."""

_EMPTY = frozenset(
    (
        "a about all an and any are as at be been between by can count day days did display each find first "
        "for from get give had has have help hour hours how i in into is it its last latest list make many me "
        "minutes month months more most my new no not number of on or order over past per please recent "
        "record records result results return row rows sample select show some sort table tables than that "
        "the their them then there these they this those time times to top total type up use using want was "
        "week weeks were what when where which while who whose with within without would year years you name "
        "id tell example after before during every contain containing include "
    ).split()
)
"""Words that say nothing of where an answer lies."""


@dataclass(frozen=True, slots=True)
class Described:
    """A table that may be found: its name, what a row of it is, and the names of its columns."""

    name: str
    description: str
    columns: tuple[str, ...]
    filled: bool = False
    """Whether it is known to have rows."""


@dataclass(frozen=True, slots=True)
class KnownQuestion:
    """A question that somebody asked, and the tables that answered it."""

    question: str
    tables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    """A table that may answer, its score (higher is likelier), and those of its columns that the question speaks of."""

    table: Described
    score: float
    columns: tuple[str, ...]


@dataclass(frozen=True)
class TableSearch:
    """Ranks tables for a question: BM25 over their fields, joined with the votes of known questions."""

    tables: Sequence[Described]
    known: Sequence[KnownQuestion] = ()
    _fields: tuple[str, ...] = field(default=tuple(_WEIGHTS), init=False, repr=False)

    def find(self, question: str, most: int = 10) -> list[Found]:
        """The likeliest tables for `question`, the likeliest first; none that nothing speaks for."""
        words = Counter(words_of(question))
        scores = self._scores(question, words)
        best = max(scores.values(), default=0.0) or 1.0
        ranked = {name: score / best for name, score in scores.items()}
        for name, vote in self._votes(words).items():
            ranked[name] = ranked.get(name, 0.0) + vote
        order = sorted(ranked.items(), key=lambda one: (-one[1], one[0]))[:most]
        return [
            Found(table, score, tuple(c for c in table.columns if words.keys() & set(words_of(c))))
            for name, score in order
            if score > 0 and (table := self._by_name.get(name))
        ]

    def _scores(self, question: str, words: Mapping[str, int]) -> dict[str, float]:
        scores: dict[str, float] = {}
        for word in words:
            holders = self._postings.get(word, {})
            rarity = math.log(1 + (len(self.tables) - len(holders) + 0.5) / (len(holders) + 0.5))
            for name, weight in holders.items():
                scores[name] = scores.get(name, 0.0) + rarity * weight * (_SATURATION + 1) / (weight + _SATURATION)
        for table in self.tables:
            if is_named(table.name, question):
                scores[table.name] = scores.get(table.name, 0.0) + _NAMED
        for name in scores:
            table = self._by_name[name]
            scores[name] *= (_FILLED if table.filled else 1.0) * (_DESCRIBED if table.description else 1.0)
        return scores

    def _votes(self, words: Mapping[str, int]) -> dict[str, float]:
        """What known questions say, by table: the share of the similarity of those that are most similar."""
        if not words or not self.known:
            return {}
        asked = {w: self._rarity(w) for w in words}
        norm = math.sqrt(sum(v * v for v in asked.values()))
        similar = []
        for known, vector, length in self._vectors:
            product = sum(weight * asked[w] for w, weight in vector.items() if w in asked)
            if product and norm and length:
                similar.append((product / (norm * length), known))
        similar.sort(key=lambda one: -one[0])
        nearest = similar[:_VOTERS]
        total = sum(s * s for s, _ in nearest)
        votes: dict[str, float] = {}
        for similarity, known in nearest:
            for table in known.tables:
                votes[table] = votes.get(table, 0.0) + similarity * similarity / total
        return {table: vote * _SHARE * nearest[0][0] for table, vote in votes.items()}

    @cached_property
    def _by_name(self) -> dict[str, Described]:
        return {t.name: t for t in self.tables}

    @cached_property
    def _postings(self) -> dict[str, dict[str, float]]:
        """For each word the tables that have it, and how much it counts for in each."""
        counted = {t.name: {f: Counter(_words_in(t, f)) for f in self._fields} for t in self.tables}
        lengths = {
            f: sum(sum(fields[f].values()) for fields in counted.values()) / max(len(counted), 1) or 1.0
            for f in self._fields
        }
        postings: dict[str, dict[str, float]] = {}
        for name, fields in counted.items():
            for place, found in fields.items():
                norm = 1 - _FREE_LENGTH + _FREE_LENGTH * sum(found.values()) / lengths[place]
                for word, count in found.items():
                    # A word in twenty columns of a table says hardly more than in one.
                    weight = _WEIGHTS[place] * (1 + math.log(count)) / norm
                    holders = postings.setdefault(word, {})
                    holders[name] = holders.get(name, 0.0) + weight
        return postings

    @cached_property
    def _vectors(self) -> list[tuple[KnownQuestion, dict[str, float], float]]:
        vectors = []
        for known in self.known:
            vector = {w: self._rarity(w) for w in words_of(known.question)}
            vectors.append((known, vector, math.sqrt(sum(v * v for v in vector.values()))))
        return vectors

    @cached_property
    def _asked_with(self) -> Counter[str]:
        return Counter(w for k in self.known for w in set(words_of(k.question)))

    def _rarity(self, word: str) -> float:
        return math.log(1 + (len(self.known) + 1) / (self._asked_with[word] + 0.5))


def is_named(table: str, question: str) -> bool:
    """Whether a question names a table outright.

    A name that is one plain word, `Event`, must stand as it is written inside of a sentence, or before `table`.
    """
    if len(_PARTS.findall(table)) > 1:
        return table.lower() in question.lower()
    return bool(re.search(rf"(?<=[a-z,] ){re.escape(table)}\b|(?i:\b{re.escape(table)} table\b)", question))


def _words_in(table: Described, place: str) -> Iterable[str]:
    match place:
        case "name":
            return words_of(table.name)
        case "description":
            return words_of(table.description)
        case _:
            return [w for c in table.columns for w in set(words_of(c))]


@lru_cache(maxsize=65_536)
def words_of(text: str) -> tuple[str, ...]:
    """The words that count of a text or a name, each in the form that all its spellings share.

    >>> words_of("Show failed sign-ins of users on DeviceLogonEvents")
    ('failed', 'login', 'user', 'device', 'login', 'event')
    """
    text = text.replace("sign-in", "signin").replace("Sign-in", "signin").replace("sign in", "signin")
    text = text.replace("signed in", "signin").replace("log in", "login").replace("logged in", "login")
    found = []
    for word in _WORDS.findall(text):
        parts = _PARTS.findall(word) if not word.islower() else [word]
        # `SignIn`, `OAuth` and their like are one word.
        spoken = [word.lower()] if len(parts) == 1 else _joined([p.lower() for p in parts])
        found += [_SAME.get(stem, stem) for w in spoken if (stem := _stem(w)) and w not in _EMPTY and len(w) > 1]
    return tuple(found)


def _joined(parts: Sequence[str]) -> list[str]:
    joined: list[str] = []
    for part in parts:
        if joined and (joined[-1], part) in {("sign", "in"), ("sign", "ins"), ("log", "on"), ("o", "auth")}:
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def _stem(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


_SAME = {_stem(word): _stem(line.split()[0]) for line in _ALIKE for word in line.split()}
