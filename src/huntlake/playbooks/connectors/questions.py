"""Questions that playbooks ask people, by a mail with options or a card with buttons: here a person answers them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from huntlake.core.errors import Invalid
from huntlake.playbooks.connectors.connector import Asked, Operation


class Shape(StrEnum):
    """In whose manner the run is answered."""

    MAIL = "mail"
    """As Outlook tells of an option that was chosen."""
    CARD = "card"
    """As Teams tells of a card that was submitted."""


@dataclass(frozen=True, slots=True)
class Option:
    """Something that can be chosen: what the run is told, and how it reads where that differs."""

    name: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """Something that can be entered beside a choice; `choices` are all that it can be, where there are any."""

    name: str
    title: str = ""
    choices: tuple[Option, ...] = ()
    several: bool = False
    required: bool = False
    default: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What a playbook asks a person."""

    title: str
    text: str
    shape: Shape
    callback: str
    """The URL at which the run waits for the answer."""
    options: tuple[Option, ...]
    fields: tuple[Field, ...] = ()
    recipients: str = ""


class Ask(Protocol):
    """Puts questions to people."""

    def __call__(self, asked: Asked, operation: Operation, question: Question) -> str:
        """The name of the question; the answer is sent to its callback. `Invalid` for one that asks nothing."""


Withdraw = Callable[[Asked, str], None]
"""Takes a question of that name back, which the same run has asked; nothing happens where it is answered already."""


def of_mail(body: Any) -> Question:
    """The question of a mail with options, as `/approvalmail/$subscriptions` gets it; `Invalid` where it is none."""
    message = _at(body, "Message")
    offered = str(_at(message, "Options") or "Approve, Reject")
    options = tuple(Option(o.strip()) for o in offered.split(",") if o.strip())
    return Question(
        str(_at(message, "Subject") or "Approval request"),
        str(_at(message, "Body") or _at(message, "SelectionText") or ""),
        Shape.MAIL,
        str(_at(body, "NotificationUrl") or ""),
        options,
        recipients=str(_at(message, "To") or ""),
    )


def of_card(body: Any) -> Question:
    """The question of an adaptive card that Teams would show; `Invalid` where the card can't be read."""
    inner = _at(body, "body")
    card = _at(inner, "messageBody")
    if isinstance(card, str):
        try:
            card = json.loads(card)
        except (ValueError, RecursionError) as error:
            raise Invalid(f"the card can't be read as JSON: {error}") from None
    if not isinstance(card, Mapping):
        raise Invalid("the message holds no adaptive card")
    recipient = _at(inner, "recipient")
    to = [str(v) for v in recipient.values() if v] if isinstance(recipient, Mapping) else [str(recipient or "")]
    texts, fields, options = [], [], []
    for part in _parts(card):
        match str(part.get("type", "")).lower():
            case "textblock" if part.get("text"):
                texts.append(str(part["text"]))
            case "factset":
                texts.extend(f"{f.get('title', '')} {f.get('value', '')}" for f in _objects(part.get("facts")))
            case kind if kind.startswith("input.") and part.get("id"):
                fields.append(_field(part))
            case "action.submit" | "action.execute":
                options.append(_option(part))
    return Question(
        texts[0][:200] if texts else "A card to answer",
        "\n".join(texts),
        Shape.CARD,
        str(_at(body, "notificationUrl") or ""),
        tuple(dict.fromkeys(options)),
        tuple(fields),
        ", ".join(to),
    )


def _option(part: Mapping[str, Any]) -> Option:
    title, id = str(part.get("title") or ""), str(part.get("id") or "")
    # Whoever pressed it is told by the button's title; its id counts where it has none.
    return Option(title or id or "Submit")


def _field(part: Mapping[str, Any]) -> Field:
    choices = tuple(Option(str(c.get("value", "")), str(c.get("title", ""))) for c in _objects(part.get("choices")))
    if str(part["type"]).lower() == "input.toggle":
        on, off = str(part.get("valueOn", "true")), str(part.get("valueOff", "false"))
        choices = (Option(on, "yes"), Option(off, "no"))
    return Field(
        str(part["id"]),
        str(part.get("label") or part.get("placeholder") or part.get("title") or ""),
        choices,
        _is_true(part.get("isMultiSelect")),
        _is_true(part.get("isRequired")),
        str(part.get("value") or ""),
    )


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _parts(card: Any) -> Iterator[Mapping[str, Any]]:
    """Every part of a card that has a type, in the order in which it is shown."""
    waiting = [card]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            if "type" in one:
                yield one
            waiting.extend(reversed([v for k, v in one.items() if k not in ("choices", "facts", "data")]))
        elif isinstance(one, list):
            waiting.extend(reversed(one))


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (v for v in value if isinstance(v, Mapping))


def _at(value: Any, name: str) -> Any:
    """What an object has under a name in any case."""
    if not isinstance(value, Mapping):
        return None
    return next((v for k, v in value.items() if str(k).lower() == name.lower()), None)
