"""The workspaces that a text names: by `workspace("x")` and its like, by aliases, and by names of entities."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from huntlake.core.diagnostics import Span
from huntlake.kql import plan
from huntlake.kql.binding.language import Surroundings
from huntlake.kql.binding.schema import Schema
from huntlake.kql.syntax import nodes
from huntlake.kql.types import ScalarType

PLACES = {"workspace", "database", "cluster", "app", "resource", "adx", "arg"}


class Places:
    """The places that one query can speak of. Each text knows the names that it declares, and no other's."""

    def __init__(self, b: Surroundings, schema: Schema) -> None:
        self._b = b
        self._schema = schema
        self._aliases: dict[tuple[int, str], str] = {}
        self._groups: dict[tuple[int, str], nodes.EntityGroup] = {}
        self._entities: dict[tuple[int, str], str] = {}

    def declare_alias(self, name: str, database: nodes.Expression) -> None:
        """Let `database("name")` mean another place."""
        place = self.workspace(database)
        if place is None:
            self._b.fail("SYN0002", '`cluster("…").database("…")` is expected here', database.span)
        self._aliases[self._key(name)] = place

    def declare_group(self, name: str, group: nodes.EntityGroup) -> None:
        """Give an entity group a name."""
        self._groups[self._key(name)] = group

    def is_entity(self, name: str) -> bool:
        """Whether a name stands for a workspace."""
        return self._key(name) in self._entities

    @contextmanager
    def entity(self, name: str, workspace: str, span: Span) -> Iterator[None]:
        """Let a name stand for a workspace meanwhile."""
        key = self._key(name)
        if key in self._entities:
            self._b.fail("SEM0001", f"`{name}` stands for an entity already", span)
        self._entities[key] = workspace
        try:
            yield
        finally:
            del self._entities[key]

    def entities(self, node: nodes.Expression) -> list[str]:
        """The workspaces of an entity group, or of the name of one."""
        group = self._groups.get(self._key(node.name)) if isinstance(node, nodes.NameReference) else node
        if not isinstance(group, nodes.EntityGroup):
            self._b.refuse("an entity group that the query doesn't declare", node.span)
        found = []
        for place in group.places:
            workspace = self.workspace(place)
            if workspace is None:
                self._b.refuse("an entity that is no database", place.span, help='`database("…")`')
            found.append(workspace)
        return found

    def current_database(self, node: nodes.PathExpression) -> plan.Literal | None:
        """What `X.$current_database` says where `X` stands for a workspace; None where it doesn't."""
        match node:
            case nodes.PathExpression(nodes.NameReference(name), nodes.NameReference("$current_database")):
                workspace = self._entities.get(self._key(name))
                return None if workspace is None else plan.Literal(workspace, ScalarType.STRING)
        return None

    def workspace(self, node: nodes.Expression) -> str | None:
        """The workspace that `workspace("x")`, `cluster("x").database("y")` and their like mean; None of all else."""
        match node:
            case nodes.NameReference(entity) if self.is_entity(entity):
                return self._entities[self._key(entity)]
            case nodes.FunctionCall("database", (name,)) if (alias := self._alias(name)) is not None:
                return alias
            case nodes.FunctionCall(kind, arguments) if kind in PLACES:
                names = arguments
            case nodes.PathExpression(
                nodes.FunctionCall(("cluster" | "adx") as kind, arguments), nodes.FunctionCall("database", more)
            ):
                names = (*arguments, *more)
            case _:
                return None
        if kind in self._b.refused:
            self._b.refuse(f"`{kind}()` in this workspace", node.span)
        found = self._schema.place(kind, [self._b.constant_text(n) for n in names])
        if found is None:
            self._b.refuse(f"`{kind}()` of a place that stands for no workspace here", node.span)
        return found

    def _alias(self, name: nodes.Expression) -> str | None:
        return self._aliases.get(self._key(self._b.constant_text(name)))

    def _key(self, name: str) -> tuple[int, str]:
        return id(self._b.source), name
