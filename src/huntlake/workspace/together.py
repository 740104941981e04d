"""Several workspaces asked as one: each table is the rows of all tables of its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from huntlake.core.errors import Invalid
from huntlake.kql.plan import Needle, Path
from huntlake.kql.types import Column
from huntlake.workspace.table_sources import Demand, Look, MemoryTables, Reading, Scan, TableSource


class Apart(TableSource, Protocol):
    """Who alone knows the tables of some workspaces."""

    def knows(self, workspace: str) -> bool: ...


@dataclass(frozen=True)
class Together:
    """The tables that `sources` know, where those of `workspace` hold the rows of the `others` too.

    A table has the columns of all; where one lacks some, its rows have nothing there. Tables of other workspaces that a
    query names by themselves are what they are.
    """

    workspace: str
    others: tuple[str, ...]
    sources: Sequence[TableSource]
    elsewhere: Apart | None = None

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        """The columns; `Invalid` where one of them has two types."""
        found: dict[str, tuple[Column, str]] = {}
        known = False
        for folder, source in self._holders(workspace, name):
            known = True
            for column in source.table(folder, name) or ():
                first, place = found.setdefault(column.name, (column, folder))
                if first.type is not column.type:
                    raise Invalid(
                        f"`{name}` can't be asked in several workspaces at once: `{column.name}` is a {first.type} "
                        f"in {place}, and a {column.type} in {folder}"
                    )
        return tuple(column for column, _ in found.values()) if known else None

    def names(self, workspace: str) -> Iterable[str]:
        return dict.fromkeys(n for f in self._folders(workspace) for s in self._of(f) for n in s.names(f))

    def names_with_rows(self, workspace: str) -> Iterable[str]:
        return dict.fromkeys(n for f in self._folders(workspace) for s in self._of(f) for n in s.names_with_rows(f))

    def known_empty(self, workspace: str, name: str) -> bool:
        return all(source.known_empty(folder, name) for folder, source in self._holders(workspace, name))

    def hot_paths(self, workspace: str, name: str) -> frozenset[Path]:
        holders = [*self._holders(workspace, name)]
        # What is kept apart in one workspace isn't in another.
        return holders[0][1].hot_paths(holders[0][0], name) if len(holders) == 1 else frozenset()

    def look(self, workspace: str, demand: Demand) -> Look | None:
        looks = [source.look(folder, demand) for folder, source in self._holders(workspace, demand.table)]
        known = tuple(look for look in looks if look is not None)
        return Looks(known) if len(known) == len(looks) else None

    def read(self, workspace: str, scan: Scan) -> Reading:
        return _union([source.read(folder, scan) for folder, source in self._holders(workspace, scan.table)])

    def _folders(self, workspace: str) -> tuple[str, ...]:
        return (workspace, *self.others) if workspace == self.workspace else (workspace,)

    def _of(self, folder: str) -> Sequence[TableSource]:
        return (self.elsewhere,) if self.elsewhere and self.elsewhere.knows(folder) else self.sources

    def _holders(self, workspace: str, name: str) -> Iterator[tuple[str, TableSource]]:
        """The workspaces that have the table, and who knows it there."""
        for folder in self._folders(workspace):
            source = next((s for s in self._of(folder) if s.table(folder, name) is not None), None)
            # What is in memory is in no workspace, and would be there as often as there are some.
            if source is not None and (folder == workspace or not isinstance(source, MemoryTables)):
                yield folder, source


@dataclass(frozen=True)
class Looks:
    """The rows that several tables of one name have for a query."""

    looks: tuple[Look, ...]

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(name for look in self.looks for name in look.columns)

    def held(self, needles: Sequence[Needle]) -> frozenset[Needle] | None:
        found = [look.held(needles) for look in self.looks]
        known = [some for some in found if some is not None]
        return frozenset[Needle]().union(*known) if len(known) == len(found) else None

    def read(self, scan: Scan) -> Reading:
        """Rows of all of them."""
        return _union([look.read(scan) for look in self.looks])


def _union(readings: Sequence[Reading]) -> Reading:
    if len(readings) == 1:
        return readings[0]
    return Reading(
        " union all ".join(f"({r.sql})" for r in readings),
        tuple(file for r in readings for file in r.files),
        tuple(r.held for r in readings),
    )
