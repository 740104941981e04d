"""What a language model may be asked: a question with data, answered by a typed value that code then checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from huntlake.state.records import Owner


@dataclass(frozen=True, slots=True)
class Data:
    """Words from outside: a report, log values, a past hunt. They are delimited, and never an instruction."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Context:
    """A piece that was looked up for a question: where from, which one, which version, and how well it fitted."""

    source: str
    id: str
    version: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked: a template of ours with its version, data from outside, and the JSON schema of the answer.

    `purpose` is the step of the pipeline (`hypothesise`, `draft`, `repair`, `triage`, `ask`). `context` says which of
    the data were looked up.
    """

    purpose: str
    template: str
    version: str
    instruction: str
    data: Sequence[Data]
    schema: Mapping[str, Any]
    max_tokens: int = 1500
    context: Sequence[Context] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a model proposes: a value that meets the schema, and the call's id in the audit."""

    value: Any
    call: str
    model: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is nothing to go by, in words for people; `call` is the call's id, where one was made."""

    reason: str
    call: str = ""


class Model(Protocol):
    """A model that may be asked, for one workspace. It has no tools, and no rights."""

    @property
    def name(self) -> str: ...

    def ask(self, owner: Owner, question: Question, responsible: str) -> Proposal | None:
        """What it proposes; None where it has nothing that can be used (down, over its budget, invalid, cut off): the
        pipeline goes on without it, and says so. `responsible` is the person who answers for the call.
        """
        ...


class Adviser(Model, Protocol):
    """A model that also says why it has nothing to say, and hears what code found in what it proposed."""

    def answer(self, owner: Owner, question: Question, responsible: str) -> Proposal | NoAnswer:
        """What it proposes, or why there is nothing."""
        ...

    def checked(self, owner: Owner, call: str, findings: Sequence[str], responsible: str) -> None:
        """Keep what the checks found wrong with a proposal; none: it was taken."""
        ...


class NoModel:
    """No model is configured."""

    name = ""

    def ask(self, owner: Owner, question: Question, responsible: str) -> Proposal | None:
        return None

    def answer(self, owner: Owner, question: Question, responsible: str) -> Proposal | NoAnswer:
        return NoAnswer("no model is configured")

    def checked(self, owner: Owner, call: str, findings: Sequence[str], responsible: str) -> None:
        return None
