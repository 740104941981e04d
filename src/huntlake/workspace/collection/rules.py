"""The data collection rules of this lake."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Conflict, NotFound, PreconditionFailed
from huntlake.kql.types import Column
from huntlake.state.documents import ANY_ETAG, Document, Documents, Json, Shelf
from huntlake.workspace.collection.definition import RuleDefinition, check_name, definition_of, resource_of
from huntlake.workspace.collection.flows import CompiledFlow, compile_flows, missing_columns
from huntlake.workspace.ingestion.mapping import Unknown
from huntlake.workspace.table_definitions import TableColumn, TableDefinitions, check_column
from huntlake.workspace.workspaces import Workspace


@dataclass(frozen=True)
class Rule:
    """A rule as it is kept. Its name is unique whatever its case."""

    name: str
    immutable_id: str
    """`dcr-` and 32 hexadecimal digits: what clients send to."""
    definition: RuleDefinition
    created: datetime
    modified: datetime


class Rules:
    """The rules. `workspaces` finds the workspace of a name, or None."""

    def __init__(
        self,
        database: Shelf,
        clock: Clock,
        tables: TableDefinitions,
        workspaces: Callable[[str], Workspace | None],
    ) -> None:
        self._documents = Documents(database, "collection rules", _encode, _decode)
        self._clock = clock
        self._tables = tables
        self._workspaces = workspaces
        self._names: dict[str, str] = {}
        """By immutable id, the key of each rule that was ever seen."""

    def list(self) -> list[Document[Rule]]:
        """Every rule, by name."""
        return self._documents.list()

    def get(self, name: str) -> Document[Rule]:
        """The rule of that name, in any case; `NotFound` where there is none."""
        if (found := self._documents.find(name.lower())) is None:
            hint = did_you_mean(name, [d.value.name for d in self.list()])
            raise NotFound(f"no data collection rule is named `{name}`" + (f": {hint}" if hint else ""))
        return found

    def by_id(self, immutable_id: str) -> Document[Rule]:
        """The rule that clients send to under that id; `NotFound` where there is none."""
        if immutable_id not in self._names:
            self._names = {d.value.immutable_id: d.name for d in self._documents.list()}
        key = self._names.get(immutable_id)
        found = self._documents.find(key) if key is not None else None
        if found is None or found.value.immutable_id != immutable_id:
            raise NotFound(f"no data collection rule has the immutable id `{immutable_id[:100]}`")
        return found

    def put(
        self, name: str, definition: RuleDefinition, *, if_match: str | None = None, create_only: bool = False
    ) -> Document[Rule]:
        """Keep a rule, in place of one of that name, which keeps its id.

        The tables that it fills are made, or get the columns that they lack. Nothing is done if something is wrong.

        :raises Invalid: the rule can't work as it stands
        :raises SourceError: a transformation can't be understood, or isn't allowed
        :raises NotFound: there is no such workspace
        """
        key = check_name(name).lower()
        before = self._documents.find(key)
        if create_only and before is not None:
            raise Conflict(f"a data collection rule is named `{before.value.name}` already")
        if if_match is not None and (before is None or if_match not in (before.etag, ANY_ETAG)):
            raise PreconditionFailed(f"the data collection rule `{name}` has changed since it was read, or isn't there")
        self.prepare(compile_flows(definition, self._tables.catalogue))
        now = self._clock.now()
        rule = Rule(
            before.value.name if before else name,
            before.value.immutable_id if before else f"dcr-{uuid.uuid4().hex}",
            definition,
            before.value.created if before else now,
            now,
        )
        return self._documents.put(key, rule, if_match=if_match, create_only=create_only)

    def delete(self, name: str, *, if_match: str | None = None) -> bool:
        """Forget a rule; its tables stay. False where there was none."""
        return self._documents.delete(name.lower(), if_match=if_match)

    def compiled(self, rule: Rule) -> tuple[CompiledFlow, ...]:
        """The flows of a rule."""
        return compile_flows(rule.definition, self._tables.catalogue)

    def prepare(self, flows: tuple[CompiledFlow, ...]) -> None:
        """Let the tables of some flows be there, with the columns that these fill."""
        tables = self._tables
        planned: dict[tuple[Workspace, str], list[Column]] = {}
        for flow in flows:
            built_in = flow.table in tables.catalogue
            for destination in flow.destinations:
                workspace = self.workspace(destination.workspace)
                columns = tables.tables.table(workspace.name, flow.table)
                if columns is None:
                    tables.check_new(workspace, flow.table)
                more = planned.setdefault((workspace, flow.table), [])
                open = tables.unknown(workspace, flow.table) is not Unknown.DROP
                missing = missing_columns(flow, (*(columns or ()), *more), open=open, built_in=built_in)
                for column in missing:
                    check_column(flow.table, TableColumn(column.name, column.type), built_in=built_in)
                more += missing
        for (workspace, table), more in planned.items():
            tables.have(workspace, table, more)

    def workspace(self, name: str) -> Workspace:
        """The workspace that a destination names; `NotFound` where there is none."""
        if (found := self._workspaces(name)) is None:
            raise NotFound(f"no workspace is named `{name}`, which the rule's destination names")
        found.here("collecting logs")
        return found


def _encode(rule: Rule) -> Json:
    return cast(
        "Json",
        {
            "name": rule.name,
            "immutableId": rule.immutable_id,
            "resource": resource_of(rule.definition),
            "created": rule.created.isoformat(),
            "modified": rule.modified.isoformat(),
        },
    )


def _decode(stored: Json) -> Rule:
    document = cast("dict[str, Any]", stored)
    return Rule(
        document["name"],
        document["immutableId"],
        definition_of(document["resource"]),
        datetime.fromisoformat(document["created"]),
        datetime.fromisoformat(document["modified"]),
    )
