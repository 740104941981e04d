"""What would mend a query that doesn't bind: small edits, by rule, each tried against the same checks.

It only proposes. An edit is kept where what is wrong becomes less by it, and nothing that no query may do comes in;
what is left is told by the proof of the mended text. Each edit is a finding: its rule, its place in the text as it was
given, and what was there. A near name may be another one than was meant: who reads the proposal decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from huntlake.core.diagnostics import Span
from huntlake.hunting.proof import rules
from huntlake.hunting.proof.finding import Level, Proof, ProofFinding
from huntlake.hunting.proof.rules import ProofRule

MOST_REPAIRS = 12
_MOST_TRIES = 80
_FUNCTIONS_NEAR = 0.75


@dataclass(frozen=True, slots=True)
class Repaired:
    """A query that is proposed in place of another, the edits that led to it, and what the checks say of it.

    `repairs` have their places in the text as it was given, and stand in the order of those.
    """

    query: str
    repairs: tuple[ProofFinding, ...]
    proof: Proof

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong with it any more."""
        return self.proof.is_valid


@dataclass(frozen=True, slots=True)
class _Edit:
    """Replace a piece of the text."""

    rule: ProofRule
    start: int
    end: int
    new: str

    def of(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]


_Mend = Callable[[str, ProofFinding, Span], Iterator[_Edit]]


def repaired(text: str, before: Proof, prove: Callable[[str], Proof]) -> Repaired | None:
    """What is proposed in place of a text whose proof isn't valid; None where no edit makes it better."""
    first, proof, made, tries = text, before, list[_Edit](), 0
    while (not proof.is_valid or next(_equals(text), -1) >= 0) and len(made) < MOST_REPAIRS:
        for edit in _edits(text, proof):
            tries += 1
            after = prove(edit.of(text))
            if _rank(edit.of(text), after) < _rank(text, proof) and not _forbidden(after) - _forbidden(proof):
                text, proof = edit.of(text), after
                made.append(edit)
                break
            if tries >= _MOST_TRIES:
                break
        else:
            break
        if tries >= _MOST_TRIES:
            break
    if not made:
        return None
    told = (_told(first, made, place) for place in range(len(made)))
    return Repaired(text, tuple(sorted(told, key=lambda found: found.span.start if found.span else 0)), proof)


def _rank(text: str, proof: Proof) -> tuple[int, int, int, int]:
    """How far from valid. What can't be read is worst: its first fault hides those behind it, so it is better where
    that comes later. `=` hides what it should compare, unknown functions hide unknown tables, and those columns.
    """
    faults = [(_hides(f), f) for f in proof.findings if f.level is Level.ERROR]
    most = max((hides for hides, _ in faults), default=0)
    there = [f for hides, f in faults if hides == most]
    if most == _UNREADABLE:
        return 1, -min((f.span.start for f in there if f.span), default=0), 0, 0
    return 0, len(list(_equals(text))), most, len(there)


def _equals(text: str) -> Iterator[int]:
    """Where `=` stands in filters: it names there, and what is meant is a comparison."""
    blind = _LITERAL.sub(lambda found: " " * len(found[0]), text)
    for filtered in _FILTER.finditer(blind):
        yield from (found.start() for found in _EQUALS.finditer(blind, filtered.start(), filtered.end()))


_UNREADABLE = 4


def _hides(fault: ProofFinding) -> int:
    if fault.code == rules.SYNTAX.code:
        return _UNREADABLE
    if fault.code == rules.FUNCTION.code:
        return 3
    return 2 if fault.reason.startswith("no table is named") else 1


def _forbidden(proof: Proof) -> set[str]:
    return {f.code for f in proof.findings if f.code.startswith("HP1") and f.level is Level.ERROR} - {
        rules.FUNCTION.code
    }


def _edits(text: str, proof: Proof) -> Iterator[_Edit]:
    """What may be tried, for each fault in the order of their places."""
    if (fence := _FENCE.fullmatch(text)) is not None:
        yield _Edit(rules.MENDED_FRAME, 0, len(text), fence["query"].strip())
    if proof.is_valid or not any(f.code == rules.SYNTAX.code for f in proof.findings):
        yield from (_Edit(rules.MENDED_EQUALS, at, at + 1, "==") for at in _equals(text))
    faults = [f for f in proof.findings if f.level is Level.ERROR and f.span is not None]
    for fault in sorted(faults, key=lambda f: f.span.start if f.span else 0):
        assert fault.span is not None
        for mend in _MENDS:
            yield from mend(text, fault, fault.span)


def _told(first: str, made: list[_Edit], place: int) -> ProofFinding:
    """An edit as a finding, with its place in the text as it was given."""
    edit = made[place]
    start, end = edit.start, edit.end
    text = first
    for one in made[:place]:
        text = one.of(text)
    was = text[start:end]
    for one in reversed(made[:place]):
        start, end = (_before(one, at) for at in (start, end))
    said = f"`{was}` → `{edit.new}`" if was and edit.new else f"without `{was}`" if was else f"with `{edit.new}`"
    return edit.rule.found(said, Span(start, max(start, end)))


def _before(edit: _Edit, at: int) -> int:
    """Where a place of the text after an edit was before it."""
    if at >= edit.start + len(edit.new):
        return at - len(edit.new) + edit.end - edit.start
    return min(at, edit.end) if at > edit.start else at


# -- what may mend a fault ---------------------------------------------------------------------------

_FENCE = re.compile(r"\s*```[ \t]*(?:kql|kusto|KQL|Kusto)?\s(?P<query>.*?)\s*```\s*", re.DOTALL)
_MEANT = re.compile(r"did you mean `([^`]+)`\?")
_NAME = re.compile(r"[A-Za-z_]\w*")
_COMPARED = re.compile(
    r"(?:[=!]=|[=!]~|<>|\b!?(?:has|hasprefix|hassuffix|contains|startswith|endswith)(?:_cs)?|\bmatches\s+regex|[(,])\s*$"
)
_FILTER, _LITERAL = re.compile(r"\bwhere\b[^|;]*"), re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
_EQUALS = re.compile(r"(?<![=!<>:])=(?![=~])")
_LIKE = re.compile(
    r"[^|;\n]*?\b(?P<like>like\s+(?P<quote>['\"])(?P<first>%?)(?P<text>[^%'\"\\]*)(?P<last>%?)(?P=quote))",
    re.IGNORECASE,
)
_WORDS = frozenset(
    "and or not in has contains startswith endswith between where project extend summarize by asc desc sort order top "
    "take limit distinct join on kind inner leftouter leftanti union let count mv-expand parse with has_any has_all "
    "matches regex hasprefix hassuffix".split()
)
_NO_TEXT = frozenset(("null", "none", "nil", "true", "false"))
"""What nobody means as a text."""
_OTHERS = {"&&": "and", "||": "or"}
_OPERATORS = frozenset(
    "where project extend summarize sort order top take limit distinct join union count mv-expand".split()
)
_QUOTES = {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'"}


def _typographic(text: str, fault: ProofFinding, at: Span) -> Iterator[_Edit]:
    """“text” in quotes of books."""
    if text[at.start : at.start + 1] in _QUOTES:
        closed = next((i for i in range(at.start + 1, len(text)) if text[i] in _QUOTES), None)
        if closed is not None:
            quote = _QUOTES[text[at.start]]
            inner = text[at.start + 1 : closed]
            if quote not in inner and "\\" not in inner and "\n" not in inner:
                yield _Edit(rules.MENDED_QUOTES, at.start, closed + 1, f"{quote}{inner}{quote}")


def _of_case(text: str, fault: ProofFinding, at: Span) -> Iterator[_Edit]:
    """A word or a name in another case."""
    word = _word(text, at)
    if word and word.lower() in _WORDS and word != word.lower():
        yield _Edit(rules.MENDED_CASE, at.start, at.start + len(word), word.lower())
    meant = _MEANT.search(fault.help)
    if meant and "case-sensitive" in fault.help:
        yield from _renamed(rules.MENDED_CASE, text, at, meant[1])


def _of_others(text: str, fault: ProofFinding, at: Span) -> Iterator[_Edit]:
    """Operators and forms of other languages."""
    for theirs, ours in _OTHERS.items():
        if text.startswith(theirs, at.start):
            yield _Edit(rules.MENDED_FORM, at.start, at.start + 2, ours)
    if (like := _LIKE.match(text, at.start)) is not None:
        how = {(True, True): "contains", (False, True): "startswith", (True, False): "endswith"}
        operator = how.get((bool(like["first"]), bool(like["last"])), "=~")
        literal = f"{like['quote']}{like['text']}{like['quote']}"
        yield _Edit(rules.MENDED_FORM, like.start("like"), like.end(), f"{operator} {literal}")
    if text.startswith("*", at.start) and text[: at.start].endswith("count("):
        yield _Edit(rules.MENDED_FORM, at.start, at.start + 1, "")
    if (bare := re.compile(r"count\b(?!\s*\()").match(text, at.start)) is not None:
        yield _Edit(rules.MENDED_FORM, at.start, bare.end(), "count()")
    named = re.compile(r"as\s+([A-Za-z_]\w*)").match(text, at.start)
    what = re.search(r"([A-Za-z_]\w*)\s+$", text[: at.start])
    if named is not None and what is not None:
        yield _Edit(rules.MENDED_FORM, what.start(), named.end(), f"{named[1]} = {what[1]}")
    if (negated := re.search(r"\bnot\s+$", text[: at.start], re.IGNORECASE)) is not None:
        end = re.compile(r"\s*(?=$|\||;|\)|\b(?:and|or)\b)", re.IGNORECASE).search(text, at.start)
        if end is not None:
            yield _Edit(rules.MENDED_FORM, negated.start(), end.start(), f"not({text[at.start : end.start()]})")
    if text.startswith("[", at.start) and re.search(r"\bin~?\s*$", text[: at.start]) is not None:
        closed = text.find("]", at.start)
        if closed > 0:
            yield _Edit(rules.MENDED_FORM, at.start, closed + 1, f"({text[at.start + 1 : closed]})")


def _missing(text: str, fault: ProofFinding, at: Span) -> Iterator[_Edit]:
    """What the text leaves out: `by`, a pipe, a bracket, the end of a text."""
    if "`by` is missing" in fault.reason:
        yield _Edit(rules.MENDED_GAP, at.start, at.start, "by ")
    word = _word(text, at)
    if "`|` is missing" in fault.reason and word.lower() in _OPERATORS:
        yield _Edit(rules.MENDED_GAP, at.start, at.start + len(word), f"| {word.lower()}")
    if "`)` is missing" in fault.reason:
        for end in _ends(text, at.start):
            yield _Edit(rules.MENDED_GAP, end, end, ")")
    if "string is not closed" in fault.reason:
        quote = text[at.start]
        for end in _ends(text, at.start):
            yield _Edit(rules.MENDED_QUOTES, end, end, quote)


def _unquoted(text: str, fault: ProofFinding, at: Span) -> Iterator[_Edit]:
    """A text without quotes, right of a comparison; and a length of time with them."""
    word = text[at.start : at.end]
    is_name = fault.reason.startswith("no column is named") and _NAME.fullmatch(word) and word.lower() not in _NO_TEXT
    if is_name and _COMPARED.search(text[: at.start]):
        yield _Edit(rules.MENDED_QUOTES, at.start, at.end, f'"{word}"')
    if "`timespan` is expected" in fault.reason and re.fullmatch(r"(['\"])\d+[dhms]\1", word):
        yield _Edit(rules.MENDED_QUOTES, at.start, at.end, word[1:-1])


def _near(text: str, fault: ProofFinding, at: Span) -> Iterator[_Edit]:
    """A name that is like one that is there."""
    meant = _MEANT.search(fault.help)
    if meant:
        yield from _renamed(rules.MENDED_NAME, text, at, meant[1])
    called = re.match(r"no function is named `([^`]+)`", fault.reason)
    if called and text.startswith(called[1], at.start):
        from huntlake.kql.compiler import LANGUAGE

        known = {name.lower(): name for name in LANGUAGE.named}
        end = at.start + len(called[1])
        if (same := known.get(called[1].lower())) is not None:
            yield _Edit(rules.MENDED_CASE, at.start, end, same)
        for name in get_close_matches(called[1].lower(), known, n=1, cutoff=_FUNCTIONS_NEAR):
            yield _Edit(rules.MENDED_NAME, at.start, end, known[name])


_MENDS: tuple[_Mend, ...] = (_typographic, _of_case, _of_others, _missing, _unquoted, _near)
"""What is tried, the surest first."""


def _renamed(rule: ProofRule, text: str, at: Span, name: str) -> Iterator[_Edit]:
    """The name at a place in place of another: also of `$left.Name`, and of a call."""
    if not re.fullmatch(r"\w+|[a-z]+(-[a-z]+)+", name):
        return
    found = re.compile(r"(?:\$(?:left|right)\.)?([A-Za-z_][\w-]*)").match(text, at.start)
    if found is not None and found.end() <= at.end:
        yield _Edit(rule, found.start(1), found.end(1), name)


def _word(text: str, at: Span) -> str:
    found = _NAME.match(text, at.start)
    return found[0] if found else ""


def _ends(text: str, start: int) -> Iterator[int]:
    """Where what begins there may end: before the next pipe or operator, at the end of its line, of the text."""
    seen = set[int]()
    for end in (r"\s*(?:\||\b(?:and|or)\b|;|\))", r"[ \t]*(?:\n|$)", r"\s*$"):
        found = re.compile(end).search(text, start + 1)
        if found is not None and found.start() not in seen:
            seen.add(found.start())
            yield found.start()
