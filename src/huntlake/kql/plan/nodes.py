"""The plan: a query with every name found and every type known. A closed set of nodes.

A plan is a graph, not a tree: a relation that two others read is one object, and is computed once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from huntlake.core.diagnostics import NOWHERE, Span
from huntlake.kql.symbols import Function, Signature
from huntlake.kql.types import Column, Columns, ScalarType

# -- scalars -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; times in ticks, a dynamic as JSON's Python values, None for null."""

    value: object
    type: ScalarType


ColumnRef = Column
"""A column that is read: its name and its type are all there is to say, and every table has them at hand."""


@dataclass(frozen=True, slots=True)
class Call:
    """A scalar, aggregate or window function and its arguments, each of the type that the signature asks for."""

    function: Function
    signature: Signature
    arguments: tuple[Scalar, ...]
    type: ScalarType
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Convert:
    """A value brought to another type, as `tolong()` and its kin would."""

    value: Scalar
    type: ScalarType


@dataclass(frozen=True, slots=True)
class DynamicPath:
    """`bag.a["b"][0]`; a step that is a Scalar is computed for each row."""

    value: Scalar
    steps: tuple[str | int | Scalar, ...]
    type: ScalarType = ScalarType.DYNAMIC


@dataclass(frozen=True, slots=True)
class First:
    """`toscalar(table)`: the first column of the first row, null where there is none."""

    relation: Relation
    type: ScalarType


@dataclass(frozen=True, slots=True)
class Among:
    """`value in (table)`: whether the table's only column holds the value."""

    value: Scalar
    relation: Relation
    type: ScalarType = ScalarType.BOOL


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a path into a dynamic finds, as two columns say it that the scan brings along: its JSON, and its text.

    The text is that of `tostring()`: whoever reads only that makes no JSON.
    """

    json: str
    text: str
    type: ScalarType = ScalarType.DYNAMIC


Scalar = Literal | ColumnRef | Call | Convert | DynamicPath | Extracted | First | Among


@dataclass(frozen=True, slots=True)
class Output:
    """A column that a relation computes."""

    name: str
    value: Scalar

    @property
    def column(self) -> Column:
        value = self.value
        return value if type(value) is ColumnRef and value.name == self.name else Column(self.name, value.type)


@dataclass(frozen=True, slots=True)
class SortKey:
    value: Scalar
    ascending: bool
    nulls_first: bool


# -- relations ---------------------------------------------------------------


class Needle(NamedTuple):
    """A text that a column of text must hold, in any case, for a row to be of the answer.

    `begins` and `ends` say that no letter or digit stands before it and behind it; `address` that it is an IPv4
    address, or the first numbers of one with the dot behind them.
    """

    column: str
    text: str
    begins: bool
    ends: bool
    address: bool = False


Clause = tuple[Needle, ...]
"""Needles of which a row must hold at least one."""


@dataclass(frozen=True, slots=True)
class Path:
    """A place in the dynamics of a table's column, as a JSON path: `$."a"[0]`."""

    column: str
    path: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """Two columns that a scan gives besides the table's: the JSON that lies at a path, and its text."""

    path: Path
    json: str
    text: str


@dataclass(frozen=True, eq=False)
class Scan:
    """A table of a workspace. The bounds are what the filters above say of TimeGenerated, the clauses what of texts.

    Where `newest`, some rows are enough for those above: any, but the newest best. `hot` are the paths whose values the
    table keeps beside, columns in lower case; `asked` are those that the query asks for, hot or not, and `extracted`
    those that the scan brings along, in columns that are among its own.
    """

    table: str
    columns: tuple[Column, ...]
    workspace: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    clauses: tuple[Clause, ...] = ()
    newest: bool = False
    hot: frozenset[Path] = frozenset()
    asked: tuple[Path, ...] = ()
    extracted: tuple[Extraction, ...] = ()


@dataclass(frozen=True, eq=False)
class Values:
    """Rows that the text itself holds."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Scalar, ...], ...]


@dataclass(frozen=True, eq=False)
class Filter:
    input: Relation
    predicate: Scalar

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.input.columns


@dataclass(frozen=True, eq=False)
class Project:
    input: Relation
    outputs: tuple[Output, ...]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return Columns([o.column for o in self.outputs])


@dataclass(frozen=True, eq=False)
class Summarize:
    """One row for each group of rows that agree on the keys; without keys, one row."""

    input: Relation
    keys: tuple[Output, ...]
    measures: tuple[Output, ...]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return tuple(o.column for o in self.keys + self.measures)


class JoinKind(Enum):
    """The kinds of `join` that an engine must know; every other kind is made of these."""

    INNER = "inner"
    LEFT_OUTER = "left outer"
    RIGHT_OUTER = "right outer"
    FULL_OUTER = "full outer"
    LEFT_SEMI = "left semi"
    LEFT_ANTI = "left anti"
    CROSS = "cross"


@dataclass(frozen=True, eq=False)
class Join:
    """Rows of two tables that agree on the keys. The right's columns go by the names in `right_names`."""

    kind: JoinKind
    left: Relation
    right: Relation
    keys: tuple[tuple[Scalar, Scalar], ...]
    right_names: tuple[str, ...]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        if self.kind in (JoinKind.LEFT_SEMI, JoinKind.LEFT_ANTI):
            return self.left.columns
        named = zip(self.right_names, self.right.columns, strict=True)
        return self.left.columns + tuple(Column(n, c.type) for n, c in named)


@dataclass(frozen=True, eq=False)
class Union:
    """The rows of several tables; a column that a table hasn't is null in its rows.

    A name in `split` stands for columns of several types: each goes by the name and its type, `a_long`.
    `renamed` are the columns whose name was taken: by name and type, what they go by instead.
    `source` is the column that holds each row's label, one for each input.
    """

    inputs: tuple[Relation, ...]
    columns: tuple[Column, ...]
    split: frozenset[str] = frozenset()
    source: str | None = None
    labels: tuple[str, ...] = ()
    renamed: Mapping[tuple[str, ScalarType], str] = field(default_factory=dict)

    def name_of(self, column: Column) -> str:
        """The name that an input's column has in the union."""
        if chosen := self.renamed.get((column.name, column.type)):
            return chosen
        return f"{column.name}_{column.type}" if column.name in self.split else column.name

    def origin(self, column: Column, names: Mapping[str, Column]) -> Column | None:
        """The column of an input, given its columns by name, that becomes a column of the union."""
        # `a_long` may be the `a` of one input.
        stem = column.name.removesuffix(f"_{column.type}")
        origins = [name for (name, _), chosen in self.renamed.items() if chosen == column.name]
        for name in (*origins, column.name, stem):
            found = names.get(name)
            if found is not None and found.type is column.type and self.name_of(found) == column.name:
                return found
        return None


@dataclass(frozen=True, eq=False)
class Sort:
    input: Relation
    keys: tuple[SortKey, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.input.columns


@dataclass(frozen=True, eq=False)
class Limit:
    input: Relation
    count: int

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.input.columns


@dataclass(frozen=True, eq=False)
class FirstOf:
    """One row of each group of rows that agree on the keys."""

    input: Relation
    keys: tuple[Scalar, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.input.columns


@dataclass(frozen=True, slots=True)
class Item:
    """A column of arrays or bags that is unnested: its new column, and the bag's shape."""

    column: Column
    value: Scalar
    bag_as_array: bool = False


@dataclass(frozen=True, eq=False)
class Unnest:
    """A row for each element. Several items go side by side, the shorter filled with nulls.

    The outputs are the input's columns that are kept, then the items, then the index where it is asked for.
    `outer` keeps a row whose arrays are all empty.
    """

    input: Relation
    items: tuple[Item, ...]
    index: str | None = None
    outer: bool = True
    limit: int | None = None

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        new = {i.column.name: i.column for i in self.items}
        kept = tuple(new.pop(c.name, c) for c in self.input.columns)
        index = (Column(self.index, ScalarType.LONG),) if self.index else ()
        return kept + tuple(new.values()) + index


@dataclass(frozen=True, eq=False)
class OuterRow:
    """Inside an `Apply`: the one row of its input."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, eq=False)
class Apply:
    """For each row of the input, the rows of `inner`, which begins with `row`."""

    input: Relation
    row: OuterRow
    inner: Relation

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return self.input.columns + self.inner.columns


@dataclass(frozen=True, eq=False)
class TableFunction:
    """A function that makes a table, such as `range`; declared in `huntlake.kql.plugins`."""

    name: str
    inputs: tuple[Relation, ...]
    arguments: tuple[Scalar, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True, eq=False)
class Materialize:
    """A table that is computed once, however often it is read."""

    input: Relation

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.input.columns


PASSING = (Filter, Sort, Limit, FirstOf, Materialize)
"""Relations that have the columns of their input, all of them and no other."""

Relation = (
    Scan
    | Values
    | Filter
    | Project
    | Summarize
    | Join
    | Union
    | Sort
    | Limit
    | FirstOf
    | Unnest
    | OuterRow
    | Apply
    | TableFunction
    | Materialize
)


def by_name(relation: Relation) -> Mapping[str, Column]:
    """A relation's columns by their names."""
    while isinstance(relation, PASSING):
        relation = relation.input
    columns = relation.columns
    return columns.by_name if isinstance(columns, Columns) else {c.name: c for c in columns}
