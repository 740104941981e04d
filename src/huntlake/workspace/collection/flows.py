"""One flow of a rule: from the columns of a stream to those of a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from huntlake.core.errors import Invalid
from huntlake.kql.types import Column, ScalarType
from huntlake.lake.forms import TIME
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.collection.definition import BUILT_IN, Destination, Flow, RuleDefinition, table_of

if TYPE_CHECKING:
    from huntlake.kql.compiler import CompiledTable

WIDER = {
    ScalarType.INT: {ScalarType.LONG, ScalarType.REAL, ScalarType.DECIMAL},
    ScalarType.LONG: {ScalarType.REAL, ScalarType.DECIMAL},
    ScalarType.REAL: {ScalarType.DECIMAL},
    ScalarType.GUID: {ScalarType.STRING},
}
"""The types of columns that values of another type may go into."""

SYSTEM = frozenset(("tenantid", "type"))
"""Columns, in lower case, that say where a row is: no record says it."""

_MOMENT = re.compile(r"\b(now|ago)\s*\(")


@dataclass(frozen=True)
class CompiledFlow:
    """What one flow makes of one stream."""

    stream: str
    columns: tuple[Column, ...]
    """The stream's."""
    table: str
    destinations: tuple[Destination, ...]
    outputs: tuple[Column, ...]
    transform: str
    """Empty where the records pass as they are."""
    _statement: CompiledTable | None

    def statement(self, now: datetime) -> CompiledTable:
        """The transformation at a moment."""
        from huntlake.kql.transformations import compile_transformation

        assert self._statement is not None
        if not _MOMENT.search(self.transform):
            return self._statement
        return compile_transformation(self.transform, self.columns, now)


def compile_flows(definition: RuleDefinition, catalogue: Catalogue) -> tuple[CompiledFlow, ...]:
    """The flows of a rule, one for each of their streams.

    :raises Invalid: a stream or a table that can't be, or a result that no table can take
    :raises SourceError: a transformation that can't be understood, or isn't allowed
    """
    found = []
    for i, flow in enumerate(definition.flows):
        for stream in flow.streams:
            found.append(_compiled(definition, flow, stream, catalogue, f"properties.dataFlows[{i}]"))
    return tuple(found)


def missing_columns(flow: CompiledFlow, columns: Sequence[Column], *, open: bool, built_in: bool) -> list[Column]:
    """The columns of a flow's rows that a table with `columns` doesn't have yet, and may get.

    Those that it can't get are for the table to keep where it is `open` to them.

    :raises Invalid: a column has another type in the table, or can't be one of its columns
    """
    have = {c.name.lower(): c for c in columns}
    missing, wrong, strange = [], [], []
    for output in flow.outputs:
        old = have.get(output.name.lower())
        if old is None and (not built_in or output.name.endswith("_CF")):
            missing.append(output)
        elif old is None:
            strange.append(output.name)
        elif old.type is not output.type and old.type not in WIDER.get(output.type, ()):
            wrong.append(f"{old.name} [produced: '{output.type}', the table's: '{old.type}']")
    if wrong:
        told = ", ".join(wrong)
        raise Invalid(f"the types of the columns of `{flow.stream}` aren't those of `{flow.table}`: {told}")
    if strange and not open:
        names = ", ".join(f"`{n}`" for n in strange)
        raise Invalid(f"`{flow.table}` has no column {names}: a column of one's own is named `…_CF` there")
    return missing


def _compiled(definition: RuleDefinition, flow: Flow, stream: str, catalogue: Catalogue, at: str) -> CompiledFlow:
    from huntlake.kql.transformations import KEY, SOURCE, compile_transformation

    columns = definition.streams.get(stream) or _columns_of(stream, catalogue, at)
    output = flow.output or stream
    table = table_of(output)
    if output.startswith(BUILT_IN) and table not in catalogue:
        raise Invalid(f"`{at}.outputStream`: no table is named `{table}`")
    if not output.startswith(BUILT_IN) and not table.endswith("_CL"):
        raise Invalid(f"`{at}.outputStream`: the name of a table of one's own ends in `_CL`, and `{table}` doesn't")
    text = "" if flow.transform.strip() in ("", SOURCE) else flow.transform
    statement = compile_transformation(text, columns) if text else None
    outputs = tuple(c for c in statement.columns if c.name != KEY) if statement else columns
    if system := next((c.name for c in outputs if c.name.lower() in SYSTEM), None):
        raise Invalid(f"`{at}`: the column `{system}` of a table is filled by the workspace: `project-away {system}`")
    alike = Counter(c.name.lower() for c in outputs).most_common(1)
    if alike and alike[0][1] > 1:
        raise Invalid(f"`{at}.transformKql`: the result has `{alike[0][0]}` twice: case doesn't tell columns apart")
    time = next((c for c in outputs if c.name == TIME), None)
    if time is not None and time.type is not ScalarType.DATETIME:
        raise Invalid(f"`{at}`: `{TIME}` is a `{time.type}`, and has to be a `datetime`")
    if time is None and statement is not None:
        raise Invalid(f"`{at}.transformKql`: the result has no `{TIME}`; `| extend {TIME} = now()` gives it one")
    destinations = tuple(d for d in definition.destinations if d.name in flow.destinations)
    return CompiledFlow(stream, columns, table, destinations, outputs, text, statement)


def _columns_of(stream: str, catalogue: Catalogue, at: str) -> tuple[Column, ...]:
    if (known := catalogue.table(table_of(stream))) is None:
        raise Invalid(f"`{at}.streams`: no table is named `{table_of(stream)}`")
    return tuple(c for c in known.columns if c.name.lower() not in SYSTEM)
