"""How running a query can fail, beside the limits of time and size."""

from __future__ import annotations

from huntlake.core.errors import DomainError, Invalid


class QueryFailed(Invalid):
    """The query was understood, and then met data that it can't be computed on."""


class EngineDefect(DomainError):
    """The engine refused SQL that huntlake itself wrote: a mistake of huntlake's, not of the query's author."""
