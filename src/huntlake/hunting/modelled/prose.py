"""A query's explanation in flowing words: beside the one that follows from its tree, and never in its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from huntlake.ai.chat import Data
from huntlake.hunting.drafting.draft import Step
from huntlake.hunting.modelled.advice import Advice, Asking, advised, numbers_wrong, question, thing, words_wrong

_NAME = re.compile(r"\b[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+\b|\b\w+_\w+\b|`([^`]+)`")
_INSTRUCTION = (
    "The data hold a query of KQL and its steps in sentences that are known to be true. Say in at most six plain "
    "sentences, for somebody who reads no KQL, what the query finds. Say nothing that the steps don't say. No markup, "
    "no links, no judgement of whether it is good."
)
WITHOUT = "the explanation is the one that follows from the query"


def smoothed(asking: Asking, query: str, steps: Sequence[Step]) -> Advice[str]:
    """Prose for a query; names and numbers that are neither in the query nor in its steps are a reason to drop it."""
    told = "\n".join(step.text for step in steps)
    asked = question(
        "explain",
        "query-prose",
        _INSTRUCTION,
        [Data("query", query), Data("steps", told)],
        thing(text={"type": "string", "minLength": 1, "maxLength": 1500}),
        max_tokens=600,
    )
    return advised(asking, asked, lambda value: _checked(value, query, told), WITHOUT)


def _checked(value: Mapping[str, Any], query: str, told: str) -> tuple[str | None, list[str]]:
    text = value["text"].strip()
    known = f"{query}\n{told}"
    wrong = [*words_wrong(text, [known]), *numbers_wrong(text, [known])]
    for match in _NAME.finditer(text):
        name = match[1] or match[0]
        if name.lower() not in known.lower():
            wrong.append(f"`{name[:60]}` is not in the query")
            break
    return (None if wrong else text), wrong
