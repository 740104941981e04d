"""The words of a text by which techniques are told apart: small letters, no endings, and what they are made of."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

_WORD = re.compile(r"[a-z0-9_$]+(?:[.\-/:\\][a-z0-9_$]+)*", re.IGNORECASE)
_DIGEST = re.compile(r"[0-9a-f]{16,}")
_NUMBER = re.compile(r"[\d.:\-/]+")
_JOINTS = re.compile(r"[.\-/:\\_]")
_LONGEST_COMPOUND = 40
_ENDINGS = tuple("ization isation ations ation ings ing edly ied ies ed es ly s".split())
_LEAST_STEM = 4
_EMPTY = frozenset(
    (
        "a about after all also an and any are as at be been before being between both by can could did do does during "
        "each for from had has have he her his how i in include including into is it its may might more most no not "
        "of on one or other our out over s she should so some such than that the their them then there these they this "
        "those through to under up use used uses using was we were what when where which while who whose will with "
        "would you your"
    ).split()
)


def words(text: str) -> list[str]:
    """The words that count, in their order.

    >>> words("The implant dumps LSASS memory with comsvcs.dll")
    ['implant', 'dump', 'lsas', 'memory', 'comsvcs.dll', 'comsvc', 'dll']
    """
    found: list[str] = []
    for one in _WORD.findall(text):
        word = one.lower()
        if _DIGEST.fullmatch(word):
            found.append("<digest>")
        elif _NUMBER.fullmatch(word):
            found.append("<number>")
        else:
            parts = _JOINTS.split(word)
            if len(parts) > 1 and len(word) < _LONGEST_COMPOUND:
                found.append(word)
            found += [_stem(part) for part in parts if len(part) > 1 and part not in _EMPTY]
    return found


def features(text: str) -> Counter[str]:
    """How often a text has each word, and each pair of words that follow each other."""
    found = words(text)
    return Counter(found) + Counter(f"{one} {next}" for one, next in pairwise(found))


def _stem(word: str) -> str:
    if len(word) <= _LEAST_STEM:
        return word[:-1] if len(word) == _LEAST_STEM and word[-1] == "s" and word[-2] != "s" else word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            word = word[: -len(ending)]
            break
    if len(word) > _LEAST_STEM and word[-1] == "e":
        word = word[:-1]
    if len(word) > _LEAST_STEM and word[-1] == word[-2] and word[-1] not in "aeiousl":
        word = word[:-1]
    return word
