"""The functions that a workspace has saved."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, cast

from huntlake.core.clock import Clock, SystemClock
from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.state.documents import Document, Documents, Json, Shelf
from huntlake.workspace.table_sources import TableSource
from huntlake.workspace.visible import CallSource, FunctionSource, Visible
from huntlake.workspace.workspaces import Workspace

_NAME = re.compile(r"[^\W\d]\w{0,1023}")
_LONGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class SavedFunction:
    """A function: `parameters` as `a:long = 5, T:(*)`, without the parentheses, and the text of its body."""

    name: str
    body: str
    parameters: str = ""
    category: str = ""
    description: str = ""
    display_name: str = ""
    created: datetime | None = None
    modified: datetime | None = None

    @property
    def text(self) -> str:
        """The whole function, as the compiler takes it."""
        # The brace stands on a line of its own, for the body may end with a comment.
        return f"({self.parameters}) {{{self.body}\n}}"


class SavedFunctions:
    """The functions of every workspace, by its name and theirs.

    `tables`, `others` and `calls` are what a function may use besides the functions saved here.
    """

    def __init__(
        self,
        database: Shelf,
        tables: Sequence[TableSource] = (),
        others: Sequence[FunctionSource] = (),
        calls: Sequence[CallSource] = (),
        clock: Clock | None = None,
        is_open: Callable[[str], bool] | None = None,
    ) -> None:
        self._database = database
        self._is_open = is_open
        self._tables = tuple(tables)
        self._others = tuple(others)
        self._calls = tuple(calls)
        self._clock = clock or SystemClock()

    def list(self, workspace: Workspace) -> list[Document[SavedFunction]]:
        """Every function of a workspace, by name."""
        return self._documents(workspace.name).list()

    def get(self, workspace: Workspace, name: str) -> Document[SavedFunction]:
        """The function of exactly that name; `NotFound` where there is none."""
        if (found := self._documents(workspace.name).find(name)) is None:
            raise NotFound(f"no function is saved as `{name}`")
        return found

    def known(self, workspace: str) -> Container[str]:
        """The names of a workspace's functions."""
        return self._documents(workspace).names()

    def mark(self, workspace: str, name: str) -> str:
        """A text that is another after each write of a function; `` where there is none."""
        found = self._documents(workspace).find(name)
        return found.etag if found else ""

    def text(self, workspace: str, name: str) -> str | None:
        """What the compiler reads of a function; None where there is none."""
        found = self._documents(workspace).find(name)
        return found.value.text if found else None

    def put(
        self,
        workspace: Workspace,
        function: SavedFunction,
        *,
        skip_validation: bool = False,
        if_match: str | None = None,
        create_only: bool = False,
    ) -> Document[SavedFunction]:
        """Save a function, in place of one of the same name.

        `SourceError` where its text can't be understood, or names what isn't there; `skip_validation` lets the names
        come later, and a query that calls the function before says what is missing. `Invalid` for a name that no call
        could mean, `Conflict` for that of a table.
        """
        from huntlake.kql.compiler import check_function

        workspace.here("saving a function")
        self._check_name(workspace, function.name)
        if len(function.text) > _LONGEST:
            raise Invalid(f"the function `{function.name}` is longer than {_LONGEST} characters")
        schema = Visible(workspace, None, self._tables, (self, *self._others), self._calls, is_open=self._is_open)
        check_function(function.name, function.text, schema, names=not skip_validation)
        documents, now = self._documents(workspace.name), self._clock.now()
        before = documents.find(function.name)
        stamped = replace(function, created=before.value.created if before else now, modified=now)
        return documents.put(function.name, stamped, if_match=if_match, create_only=create_only)

    def delete(self, workspace: Workspace, name: str, *, if_match: str | None = None) -> bool:
        """Forget a function; False where there was none. A stale `if_match` is `PreconditionFailed`."""
        return self._documents(workspace.name).delete(name, if_match=if_match)

    def _check_name(self, workspace: Workspace, name: str) -> None:
        from huntlake.kql.binding.binder import TABULAR_CALLS
        from huntlake.kql.compiler import LANGUAGE

        if not _NAME.fullmatch(name):
            raise Invalid(f"`{name}` can't name a function: use letters, digits and underscores")
        if name in LANGUAGE.named or name in LANGUAGE.refused_functions or name in TABULAR_CALLS:
            raise Invalid(f"`{name}` can't name a function: KQL has one of that name")
        if any(source.table(workspace.name, name) is not None for source in self._tables):
            raise Conflict(f"a table is named `{name}`: it would hide a function of that name")

    def _documents(self, workspace: str) -> Documents[SavedFunction]:
        return Documents(self._database, f"functions of {workspace}", _encode, _decode)


@dataclass(frozen=True)
class WorkspaceFunctions:
    """The saved functions of one workspace."""

    saved: SavedFunctions
    workspace: Workspace

    def list(self) -> list[SavedFunction]:
        """Every function, by name."""
        return [d.value for d in self.saved.list(self.workspace)]

    def get(self, name: str) -> SavedFunction:
        """The function of exactly that name; `NotFound` where there is none."""
        return self.saved.get(self.workspace, name).value

    def save(
        self,
        name: str,
        body: str,
        parameters: str = "",
        *,
        category: str = "",
        description: str = "",
        skip_validation: bool = False,
    ) -> SavedFunction:
        """Save a function, in place of one of the same name; `parameters` as in `a:long = 5, T:(*)`."""
        function = SavedFunction(name, body, parameters, category, description)
        return self.saved.put(self.workspace, function, skip_validation=skip_validation).value

    def delete(self, name: str) -> bool:
        """Forget a function; False where there was none."""
        return self.saved.delete(self.workspace, name)


def _encode(function: SavedFunction) -> Json:
    times = {"created": _written(function.created), "modified": _written(function.modified)}
    return {**asdict(function), **times}


def _decode(stored: Json) -> SavedFunction:
    fields = cast("dict[str, Any]", stored)
    times = {name: _read(fields[name]) for name in ("created", "modified")}
    return SavedFunction(**{**fields, **times})


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _read(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
