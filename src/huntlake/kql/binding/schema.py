"""What the compiler asks about a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from huntlake.kql.plan import Path
from huntlake.kql.types import Column, ScalarType


@dataclass(frozen=True)
class TableCall:
    """A function that gives another table, with other columns, for each of its constant arguments.

    `parameters` are declared as in a text, `(alias:string)`. `table` is called with the values by their names, and
    gives the name of the table; it raises `NotFound` where there is none, `Refused` for what isn't supported.
    """

    parameters: str
    table: Callable[..., str]


class Schema(Protocol):
    """What the compiler asks about a workspace. `workspace` None is the query's own."""

    @property
    def refused(self) -> frozenset[str]:
        """Names of functions that KQL has and the workspace refuses; `functions` are those that it keeps itself."""
        ...

    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        """The columns of a table; None where there is no such table, or the caller may not know of it."""
        ...

    def open_table(self, name: str, workspace: str | None = None) -> Callable[[str], ScalarType | None] | None:
        """Of a table that has columns nobody has listed: their types by their names, None for a name that is none's.

        None for a table that has the columns of `table` and no other.
        """
        ...

    def hot_paths(self, name: str, workspace: str | None = None) -> frozenset[Path]:
        """Of a table the paths into its dynamics, columns in lower case, whose values it keeps beside."""
        ...

    def table_names(self, workspace: str | None = None) -> Iterable[str]:
        """The names of all tables."""
        ...

    def tables_with_rows(self, workspace: str | None = None) -> Iterable[str]:
        """The names of the tables that patterns such as `union *` have to read: the others have no row to add."""
        ...

    def known_empty(self, name: str, workspace: str | None = None) -> bool:
        """Whether a table is known to have no rows at this moment; False where that would have to be looked up."""
        ...

    def function(self, name: str, workspace: str | None = None) -> str | None:
        """The text of a function that the workspace keeps, `(a:long, T:(*)) { … }`; None where there is none."""
        ...

    def table_call(self, name: str, workspace: str | None = None) -> TableCall | None:
        """A function whose table only its arguments tell; None where there is none of that name."""
        ...

    def place(self, kind: str, names: Sequence[str]) -> str | None:
        """The workspace that `workspace("x")`, `cluster("x").database("y")` and their like mean.

        `kind` is `workspace`, `database`, `app`, `resource`, `cluster`, `adx` or `arg`; `names` are the constants in
        the parentheses, for `cluster` and `adx` the database after the cluster, if one is named. None where the
        workspace knows of no such place.
        """
        ...

    def external(self, uris: Sequence[str], columns: Sequence[Column], properties: Mapping[str, object]) -> str | None:
        """The name of the table that stands for external files; None where the workspace doesn't allow them.

        Raises `Refused` for a form or a property that isn't supported, `Invalid` for one that makes no sense.
        """
        ...


class NoTables:
    """A workspace with nothing in it: what a query that brings its own data needs."""

    refused: frozenset[str] = frozenset()

    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        return None

    def open_table(self, name: str, workspace: str | None = None) -> Callable[[str], ScalarType | None] | None:
        return None

    def hot_paths(self, name: str, workspace: str | None = None) -> frozenset[Path]:
        return frozenset()

    def table_names(self, workspace: str | None = None) -> Iterable[str]:
        return ()

    def tables_with_rows(self, workspace: str | None = None) -> Iterable[str]:
        return ()

    def known_empty(self, name: str, workspace: str | None = None) -> bool:
        return False

    def function(self, name: str, workspace: str | None = None) -> str | None:
        return None

    def table_call(self, name: str, workspace: str | None = None) -> TableCall | None:
        return None

    def place(self, kind: str, names: Sequence[str]) -> str | None:
        return None

    def external(self, uris: Sequence[str], columns: Sequence[Column], properties: Mapping[str, object]) -> str | None:
        return None
