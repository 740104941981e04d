"""What a hypothesis may be made of: something that a query can be drafted from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Protocol

from huntlake.hunting.retrieval import HuntCandidate


class Huntable(Protocol):
    """A candidate, as `drafting` offers it. Its `hunt` says what it finds, in which tables, and of what techniques."""

    @property
    def id(self) -> str: ...

    @property
    def hunt(self) -> HuntCandidate: ...

    @property
    def anomalies(self) -> frozenset[str]:
        """The kinds of anomaly that it explains."""
        ...

    @property
    def period(self) -> timedelta:
        """The time that its query looks over."""
        ...

    @property
    def is_sweep(self) -> bool:
        """Whether it looks for given values, and says nothing without them."""
        ...

    def filled(
        self, indicators: Iterable[tuple[str, str]] = (), entities: Iterable[tuple[str, str]] = ()
    ) -> Mapping[str, str] | None:
        """Its parameters out of indicators (kind, value) and entities (type, value); None where one stays empty."""
        ...
