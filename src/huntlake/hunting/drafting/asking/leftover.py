"""The words of a question that its query says nothing of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from huntlake.hunting.drafting.asking.filters import Test
from huntlake.hunting.drafting.asking.knowledge import knowledge
from huntlake.hunting.drafting.asking.spoken import DENIED, Spoken
from huntlake.hunting.drafting.asking.tables import AskTable, name_words, said

_WORD = re.compile(r"[A-Za-z][\w'-]*")
_GLUE = frozenset(
    """
    a about across after afterwards all also am among an and any anything are as asc ascending associated at
    available be because been before being between both but by can check column columns could data database day
    days desc descending detail details detect did different display distinct do does done each either entries
    entry environment event events every everything example examples fetch field fields find finding first
    followed following for found from full gave generated get getting give given gives group grouped had happen
    happened happening happens has have having hour hours how i identify if in including info information
    instance instances into investigate involve involved involving is issued it item items its join joined
    joining keep kept kind kinds know known kql last later latest let limit limited linked list listed lists
    locate located log logged logs look looking made make match matched matches matching may me minute minutes
    month months most my name names need new newest observed occur occurred occurrence occurrences of old oldest
    on one ones only onto or order ordered other our out over past per perform performed performing please
    possible present previous provide provided query recent recently record recorded records relate related
    relating reported result results retrieve return row rows same sample samples saw search see seen select set
    several should show showing shown some something sort sorted specific starting subsequently such summarize
    table tables tell than that the their them then there these they thing things this those through time times
    to today took top triggered type types under unique until up us use used using utc value values via want was
    we week weeks were what when where whether which who whom whose will with within would year years yesterday
    you
    """.split()
)
"""Words that are no part of what is asked for, or are read as its shape."""
_COUNTING = frozenset(("count", "counts", "many", "number", "total", "totals"))
_ACTS = re.compile(r"(?:sign|logg|click|connect|visit|launch|start|spawn|load|authenticat|install)ed", re.I)
"""What was done to all that the rows of a table are about."""
_ENDING = re.compile(r"(?:ed|ing|ly)$")


def left_over(
    asked: Spoken, tests: Sequence[Test], tables: Sequence[AskTable], groups: Iterable[str], *, counts: bool
) -> tuple[str, ...]:
    """Runs of words that neither the tests, nor the shape of the answer, nor the tables stand for.

    `groups` are the columns that the answer is grouped by, `counts` is whether it counts. Values aren't among them.
    """
    text = asked.text
    places = [*asked.read, *((v.start, v.end) for v in asked.values), *_cues(text, tables)]
    known = _words_of(tests, tables, groups) | (_COUNTING if counts else frozenset())
    found: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        if _is_glue(match[0]):
            continue
        if any(a < end and start < b for a, b in places) or not known.isdisjoint(_forms(match[0])):
            continue
        between = text[found[-1][1] : start] if found else ""
        # What stands together is told together.
        if found and re.fullmatch(r"[ -]", between):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(dict.fromkeys(text[a:b] for a, b in found))


def _is_glue(word: str) -> bool:
    return all(part in _GLUE or len(part) < 2 for part in re.split(r"['-]", word.lower()))


def _words_of(tests: Sequence[Test], tables: Sequence[AskTable], groups: Iterable[str]) -> frozenset[str]:
    """The words that the query stands for, in their forms."""
    texts = [word for test in tests for word in (test.why, *map(str, test.values))]
    if any(test.denied or test.operator == "!=" for test in tests):
        texts += DENIED
    texts += [word for name in groups for word in (name, *name_words(name))]
    texts += [word for test in tests for word in name_words(test.column)]
    for table in tables:
        texts += [table.name, *name_words(table.name)]
        # That a column is there is no ground to say that one asks for what was `deleted`.
        nouns = [*table.columns, *re.findall(r"[A-Za-z]+", table.description)]
        texts += [
            part for name in nouns for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name) if not _ENDING.search(part)
        ]
    return frozenset(form for text in texts for word in _pieces(text) for form in _forms(word))


def _pieces(text: str) -> Iterator[str]:
    yield text
    for word in re.findall(r"[A-Za-z][\w'-]*", text):
        yield word
        yield from re.findall(r"[A-Z]?[a-z]+|[A-Z]+", word)


def _forms(word: str) -> frozenset[str]:
    """The forms by which a word is the same as others."""
    plain = re.sub(r"[^a-z0-9]", "", word.lower().removesuffix("'s"))
    return frozenset((plain, said(plain), _stem(plain)))


def _stem(word: str) -> str:
    for end in ("ions", "ion", "ies", "es", "s", "y", "e"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            return word[: -len(end)]
    return word


def _cues(text: str, tables: Sequence[AskTable]) -> Iterator[tuple[int, int]]:
    """The places of words that speak for the tables, but for what was done: that may be what is asked for."""
    names = {table.name for table in tables}
    for cue in knowledge().cues:
        if names.isdisjoint(cue.tables):
            continue
        for found in cue.said.finditer(text):
            for word in _WORD.finditer(found[0]):
                if not word[0].lower().endswith("ed") or _ACTS.fullmatch(word[0]):
                    yield found.start() + word.start(), found.start() + word.end()
