"""What a step with a model gives: a value that was checked, or why there is none. And what all words of models meet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from huntlake.ai.chat import Adviser, Context, Data, NoAnswer, Question
from huntlake.ai.own import TOKEN
from huntlake.state.records import Owner

T = TypeVar("T")

LONGEST_TEXT = 12_000
"""Characters of one piece of data."""

_MARKUP = re.compile(r"<[a-z/!?]|\]\(|!\[|\[[^\]]*\]:|&#|javascript:|data:\w+/|```", re.I)
_LINK = re.compile(r"\b(?:[a-z][a-z0-9+.-]*://|www\.)\S+|\b(?:[\w-]+\.)+[a-z]{2,}/\S*", re.I)
_NUMBER = re.compile(r"(?<![\w.:/-])\d+(?:[.,]\d+)*(?![\w/-]|\.\d)")
_BLANK = re.compile(r"\s")
_BARE = ".,;:!?()[]'\"`"


@dataclass(frozen=True, slots=True)
class Advice(Generic[T]):
    """A value that a model proposed and code has checked, or None; `remark` tells people which, and why."""

    value: T | None
    remark: str
    call: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks a model, where, and who answers for it."""

    model: Adviser
    owner: Owner
    responsible: str


def advised(
    asking: Asking,
    question: Question,
    check: Callable[[Any], tuple[T | None, Sequence[str]]],
    without: str,
) -> Advice[T]:
    """Ask, and check: what the check finds goes into the audit. `without` says what is there without the model."""
    answer = asking.model.answer(asking.owner, question, asking.responsible)
    if isinstance(answer, NoAnswer):
        return Advice(None, f"{answer.reason}; {without}", answer.call)
    value, findings = check(answer.value)
    asking.model.checked(asking.owner, answer.call, findings, asking.responsible)
    if value is None:
        return Advice(
            None, f"what the model {answer.model} said was put aside: {'; '.join(findings)}; {without}", answer.call
        )
    refused = f"; put aside: {'; '.join(findings)}" if findings else ""
    return Advice(value, f"by the model {answer.model}, checked{refused}", answer.call)


def question(
    purpose: str,
    template: str,
    instruction: str,
    data: Sequence[Data],
    schema: Mapping[str, Any],
    *,
    version: str = "1",
    max_tokens: int = 1500,
    context: Sequence[Context] = (),
) -> Question:
    """A question whose data are no longer than they may be."""
    short = [Data(one.name, cut(one.text, LONGEST_TEXT)) for one in data]
    return Question(purpose, template, version, instruction, short, schema, max_tokens, context)


def cut(text: str, most: int) -> str:
    """The first characters of a text, up to the end of a word: half a name, or half a secret, isn't known for one."""
    return text if len(text) <= most else text[: _end(text, most)]


def pieces(text: str, size: int, most: int) -> Iterator[tuple[int, str]]:
    """A text in so many pieces at most, each with where it begins; no word is in two."""
    start = 0
    for _ in range(most):
        if start >= len(text):
            return
        end = start + size if start + size >= len(text) else start + _end(text[start:], size)
        yield start, text[start:end]
        start = end


def _end(text: str, most: int) -> int:
    blank = max((m.start() for m in _BLANK.finditer(text, 0, most + 1)), default=0)
    return blank or most  # no word of a language is so long


def words_wrong(text: str, known: Iterable[str] = ()) -> list[str]:
    """What is wrong with a model's prose: it must be plain words, with no links but those in what is `known`."""
    if not text.strip():
        return ["it says nothing"]
    found = []
    if any(not c.isprintable() and c not in "\n\t" for c in text):
        found.append("it has characters that nobody sees")
    if _MARKUP.search(text):
        found.append("it has markup")
    sources = "\n".join(known)
    if any(link.strip(_BARE) not in sources for link in _LINK.findall(text)):
        found.append("it has a link that was in nothing it was told")
    if TOKEN.search(text):
        found.append("it has a name that stands for nobody")
    return found


def numbers_wrong(text: str, known: Iterable[str]) -> list[str]:
    """Numbers in a model's prose that stand nowhere in what is known: it counts badly, and says so surely."""
    told = {_plain(number) for one in known for number in _NUMBER.findall(one)}
    wrong = [number for number in dict.fromkeys(_NUMBER.findall(text)) if _plain(number) not in told]
    return [f"the number {number[:20]} is nowhere in the data" for number in wrong[:3]]


def texts(least: int, most: int, longest: int) -> dict[str, Any]:
    """The schema of a list of short texts."""
    return {"type": "array", "minItems": least, "maxItems": most, "items": {"type": "string", "maxLength": longest}}


def thing(**properties: Any) -> dict[str, Any]:
    """The schema of an object that has just these, all of them."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _plain(number: str) -> str:
    digits = number.replace(",", "")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
