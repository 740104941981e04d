"""What hunting tells whoever listens, playbooks among them: at least once, in order."""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.state.records import Author


@dataclass(frozen=True, slots=True)
class HuntAwaitingReview:
    """A version of a hunt waits for a person's decision. `content_hash` is what is decided on."""

    hunt: str
    title: str
    version: int
    content_hash: str
    maker: str
    senior: bool
    """Whether only a senior hunter may approve it."""
    responsible: str
    submitted_by: Author


@dataclass(frozen=True, slots=True)
class HuntApproved:
    """A version was approved: by a person, or, where `automatic` says so, by a rule of this house, in that phase."""

    hunt: str
    version: int
    phase: int
    automatic: str
    by: Author


@dataclass(frozen=True, slots=True)
class HuntFindings:
    """A run has found something: how much, and how it is known by those that look after it."""

    hunt: str
    title: str
    version: int
    run: str
    rows: int
    clusters: int
    score: float
    """The best cluster's, from 0 to 1."""
