"""How running a query can fail, beside the limits of time and size."""

from __future__ import annotations

from huntlake.core.errors import DomainError, Invalid, LimitExceeded


class QueryFailed(Invalid):
    """The query was understood, and then met data that it can't be computed on."""


class EngineDefect(DomainError):
    """The engine refused SQL that huntlake itself wrote: a mistake of huntlake's, not of the query's author."""


class LowMemory(LimitExceeded):
    """There was not the memory that the query needs, or others had it."""

    def __init__(self) -> None:
        super().__init__(
            "Query execution lacks memory resources to complete (80DA0007): Partial query failure: "
            "Low memory condition (E_LOW_MEMORY_CONDITION)."
        )
