"""Saved searches: queries that people keep, some of which are functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid
from huntlake.state.documents import Document, Shelf, Write
from huntlake.state.records import ALWAYS, Author, Only, Owner, Records
from huntlake.workspace.functions import SavedFunction, SavedFunctions
from huntlake.workspace.workspaces import Workspace


@dataclass(frozen=True, slots=True)
class Tag:
    """A name and a value; hunting queries carry `description`, `tactics` and `techniques`."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A query that is kept. With a `function_alias` it is a function of that name."""

    category: str
    display_name: str
    query: str
    function_alias: str = ""
    function_parameters: str = ""
    version: int = 2
    tags: tuple[Tag, ...] = ()


class SavedSearches:
    """The saved searches of every workspace. One with an alias is kept among the functions, too."""

    def __init__(self, shelf: Shelf, clock: Clock, functions: SavedFunctions) -> None:
        self._searches = Records(shelf, clock, "saved searches", SavedSearch)
        self.functions = functions

    def list(self, owner: Owner) -> Sequence[Document[SavedSearch]]:
        """Every saved search of a workspace, by name."""
        return self._searches.list(owner)

    def get(self, owner: Owner, name: str) -> Document[SavedSearch]:
        """The search of that name; `NotFound` where there is none."""
        return self._searches.get(owner, name)

    def find(self, owner: Owner, name: str) -> Document[SavedSearch] | None:
        """The search of that name, or None."""
        return self._searches.find(owner, name)

    def prepared(
        self, owner: Owner, name: str, value: SavedSearch, before: Document[SavedSearch] | None
    ) -> Sequence[Write]:
        """The writes that keep a search in place of `before`; of neither there may be a function."""
        assert not value.function_alias
        assert before is None or not before.value.function_alias
        return self._searches.prepared(owner, name, value, Author(), before)[1]

    def put(
        self, owner: Owner, name: str, value: SavedSearch, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[SavedSearch], bool]:
        """Keep a search, and its function.

        `SourceError` for a function that can't be understood, `Conflict` where its name is another's.
        """
        if value.function_parameters and not value.function_alias:
            raise Invalid("only a search with a `functionAlias` has `functionParameters`")
        before = self._searches.find(owner, name)
        alias = value.function_alias
        old = before.value.function_alias if before else ""
        if alias:
            workspace = _named(owner)
            if alias != old and self.functions.text(workspace.name, alias) is not None:
                raise Conflict(f"a function is saved as `{alias}` already")
        document, new = self._searches.put(owner, name, value, by, only)
        if alias:
            function = SavedFunction(
                alias, value.query, value.function_parameters, value.category, display_name=value.display_name
            )
            try:
                # Tables and functions that it names may come later, as they may in Azure.
                self.functions.put(_named(owner), function, skip_validation=True)
            except Exception:
                self._restore(owner, name, before)
                raise
        if old and old != alias:
            self.functions.delete(_named(owner), old)
        return document, new

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Forget a search, and its function; False where there was none."""
        before = self._searches.find(owner, name)
        gone = self._searches.delete(owner, name, only)
        if gone and before is not None and before.value.function_alias:
            self.functions.delete(_named(owner), before.value.function_alias)
        return gone

    def _restore(self, owner: Owner, name: str, before: Document[SavedSearch] | None) -> None:
        if before is None:
            self._searches.delete(owner, name)
        else:
            self._searches.put(owner, name, before.value)


def _named(owner: Owner) -> Workspace:
    # Functions are kept by the workspace's name alone.
    return Workspace(owner[0], "")
