"""Which of some techniques a report speaks of: a model chooses among candidates, and has to quote the words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from huntlake.ai.chat import Data
from huntlake.hunting.modelled.advice import LONGEST_TEXT, Advice, Asking, advised, cut, question, thing
from huntlake.hunting.signals.signal import Quote, SignalTechnique

MOST = 10
"""Candidates of one question."""
_SHORTEST = 15
_LONGEST = 400
_INSTRUCTION = (
    "The data hold a passage of a threat report, and candidates: techniques of ATT&CK with their names. Choose those "
    "candidates that the passage says were really used, or none. For each give a quote: words of the passage, copied "
    "letter for letter, that describe the behaviour. A technique that is only mentioned, denied or recommended against "
    "doesn't count."
)
WITHOUT = "the techniques are those that were found without it"


def chosen(asking: Asking, text: str, candidates: Mapping[str, str]) -> Advice[tuple[SignalTechnique, ...]]:
    """The techniques that a passage speaks of, out of candidates (id and name), with the quotes of each.

    An id that is no candidate and words that don't occur are put aside.
    """
    passage = cut(text, LONGEST_TEXT)
    known = dict(list(candidates.items())[:MOST])
    if not known or not passage.strip():
        return Advice(None, f"there is nothing to choose from; {WITHOUT}")
    one = thing(
        id={"type": "string", "enum": sorted(known)},
        quote={"type": "string", "maxLength": _LONGEST},
        confidence={"type": "number", "minimum": 0, "maximum": 1},
    )
    listed = "\n".join(f"{id} {name}" for id, name in known.items())
    asked = question(
        "extract",
        "technique-choice",
        _INSTRUCTION,
        [Data("candidates", listed), Data("passage", passage)],
        thing(techniques={"type": "array", "maxItems": MOST, "items": one}),
    )
    return advised(asking, asked, lambda value: _checked(value["techniques"], known, passage), WITHOUT)


def _checked(
    proposed: Sequence[Mapping[str, Any]], known: Mapping[str, str], passage: str
) -> tuple[tuple[SignalTechnique, ...], list[str]]:
    found: dict[str, SignalTechnique] = {}
    wrong = []
    for one in proposed:
        id, quote = one["id"], _place(one["quote"], passage)
        if id not in known:
            wrong.append(f"{id} was no candidate")
        elif quote is None:
            wrong.append(f"the words for {id} are not in the text")
        else:
            before = found.get(id)
            quotes = (*(before.quotes if before else ()), quote)
            sure = max(float(one["confidence"]), before.confidence if before else 0.0)
            found[id] = SignalTechnique(id, sure, "llm", quotes)
    return tuple(found[id] for id in sorted(found)), wrong


def _place(quote: str, passage: str) -> Quote | None:
    """Where the words of a quote stand, whatever the blanks between them; None where they don't."""
    said = quote.split()
    if len(" ".join(said)) < _SHORTEST:
        return None
    match = re.search(r"\s+".join(map(re.escape, said)), passage, re.I)
    return Quote(match[0], "", match.start(), match.end()) if match else None
