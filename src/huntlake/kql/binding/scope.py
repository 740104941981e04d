"""What a name means at a place of the text: the `let`s before it, and a function's parameters."""

from __future__ import annotations

from dataclasses import dataclass, field

from huntlake.core.diagnostics import Source
from huntlake.kql import plan
from huntlake.kql.syntax import nodes


@dataclass(frozen=True)
class UserFunction:
    """A function that a text declares: the names that it sees, and that text."""

    name: str
    declaration: nodes.FunctionDeclaration
    scope: Scope
    source: Source
    workspace: str | None = None
    """The workspace whose tables and functions its text means; None is the query's own."""
    kept: bool = False
    """Whether a workspace keeps it, rather than the query declaring it."""


Meaning = plan.Relation | plan.Scalar | UserFunction


@dataclass(frozen=True)
class Scope:
    """Names with their meanings, over the names of the text around."""

    outer: Scope | None = None
    names: dict[str, Meaning] = field(default_factory=dict)
    depth: int = 0
    """Inside how many tables it was made: the columns that its scalars read are those of the row there."""

    def home(self, name: str) -> Scope | None:
        """The innermost scope that declares `name`."""
        scope: Scope | None = self
        while scope is not None and name not in scope.names:
            scope = scope.outer
        return scope

    def find(self, name: str) -> Meaning | None:
        """What `name` means here; None where nothing declares it."""
        home = self.home(name)
        return None if home is None else home.names[name]

    def all_names(self) -> list[str]:
        """Every name that can be seen from here."""
        return list(self.names) + (self.outer.all_names() if self.outer else [])
