"""What is delivered: one version of a hunt, in the words of those who read it elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID, uuid5

from huntlake.detection.rules import EntityMapping
from huntlake.detection.severity import Tactic

_PIECES = UUID("5f0a2f5e-0b4a-4a57-9d5c-3a6c0b6f6f11")


@dataclass(frozen=True, slots=True)
class Piece:
    """A version of a hunt. `query` needs no parameters; its comments say which hunt, techniques and signals it is of.

    `status` is `approved` or `proposed`; `lines` tell of it in plain words.
    """

    workspace: str
    hunt: str
    version: int
    content_hash: str
    status: str
    title: str
    statement: str
    rationale: str
    query: str
    explanation: tuple[str, ...]
    techniques: tuple[str, ...]
    tactics: tuple[Tactic, ...]
    tables: tuple[str, ...]
    signals: tuple[str, ...]
    maker: str
    author: str
    approver: str
    model: str = ""
    notice: str = ""
    entities: tuple[EntityMapping, ...] = ()

    @property
    def id(self) -> str:
        """A GUID: the same for the same hunt, so that what is delivered again takes the place of what was."""
        return str(uuid5(_PIECES, f"{self.workspace}\n{self.hunt}"))


class Verb(StrEnum):
    """What becomes of a thing at its destination."""

    MAKE = "make"
    CHANGE = "change"
    KEEP = "keep"
    """It is there already, the same."""


@dataclass(frozen=True, slots=True)
class Step:
    """A thing that is written at a destination: what it is, its name, and all of it."""

    verb: Verb
    kind: str
    name: str
    body: Mapping[str, Any] | str


class Destination(Protocol):
    """Somewhere that hunts are delivered to."""

    @property
    def name(self) -> str:
        """What it is and where, for the audit: `git /srv/content main`."""
        ...

    def plan(self, piece: Piece) -> Sequence[Step]:
        """What would be written; nothing is."""
        ...

    def write(self, piece: Piece, steps: Sequence[Step]) -> None:
        """Write what was planned. It may be done again."""
        ...
