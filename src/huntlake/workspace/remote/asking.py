"""What is asked of an endpoint, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from huntlake.core.errors import LimitExceeded
from huntlake.engines.cancellation import Cancellation
from huntlake.kql.types import Column

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Asked:
    """A query, and what else its answer depends on. None and empty: nothing is said of it."""

    text: str
    timeout: timedelta
    max_rows: int | None = None
    max_bytes: int | None = None
    take: int | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    now: datetime | None = None
    time_column: str = ""
    since: datetime | None = None
    until: datetime | None = None
    cancellation: Cancellation | None = None


@dataclass(frozen=True)
class Given:
    """One table of an answer. Its rows stand in the columns `c0`, `c1`, …, in the physical forms of their types."""

    name: str
    columns: tuple[Column, ...]
    rows: pyarrow.Table
    visualization: Mapping[str, object] | None = None
    cut: LimitExceeded | None = None
    """Why rows are missing."""


class Endpoint(Protocol):
    """How one kind of endpoint is spoken to."""

    def ask(self, asked: Asked) -> tuple[Given, ...]:
        """The tables of the answer; what can't be said to this endpoint is refused by name, as `Invalid`."""
        ...

    def tables(self) -> Mapping[str, tuple[Column, ...]] | None:
        """Every table that is there, by name; None where the endpoint lists none."""
        ...
