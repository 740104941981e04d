"""What is kept of each call of a model: what left, what came, and who answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from huntlake.ai.chat import Context
from huntlake.core.clock import Clock
from huntlake.state.documents import Shelf
from huntlake.state.records import Records


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call. What is kept of its words has tokens in place of names, as it was sent and as it came.

    `outcome` is `sent` until something came, then `answered` or a value of `Fault`. `findings` are what the checks
    found wrong with what was proposed, `unknown` the tokens in it that nobody gave out. `cassette_key` is the SHA-256
    of the request. Times are UTC; `cost` is in the currency of the prices.
    """

    at: datetime
    purpose: str
    template: str
    template_version: str
    endpoint: str
    model: str
    params: Mapping[str, float | int | str]
    prompt: tuple[Mapping[str, str], ...]
    responsible: str
    cassette_key: str
    outcome: str = "sent"
    reason: str = ""
    response: str = ""
    model_said: str = ""
    fingerprint: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    tries: int = 0
    cost: float = 0.0
    context: tuple[Context, ...] = ()
    findings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SealedMap:
    """What the tokens of a call stand for, sealed."""

    sealed: str
    tokens: int
    at: datetime


def kept_calls(shelf: Shelf, clock: Clock) -> Records[ModelCall]:
    """The calls of each workspace, whichever model was asked."""
    return Records(shelf, clock, "model calls", ModelCall)
