"""The scalar types of KQL, and which of them stand in for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property


class ScalarType(Enum):
    """A scalar data type; its value is the name that Kusto gives it.

    Physical forms, which every engine shares: `timespan` is a 64-bit count of 100 ns ticks,
    `datetime` a timestamp without zone, in UTC, to the microsecond; `dynamic` is JSON text whose
    JSON null is SQL's; `string` is never null; `guid` is lower-case text with hyphens.
    """

    BOOL = "bool"
    INT = "int"
    LONG = "long"
    REAL = "real"
    DECIMAL = "decimal"
    STRING = "string"
    DATETIME = "datetime"
    TIMESPAN = "timespan"
    GUID = "guid"
    DYNAMIC = "dynamic"

    def __str__(self) -> str:
        return self.value

    # Types are keys of many small dictionaries while compiling; an enum's own hash is slow Python.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name, as it is spelled in KQL, and its type."""

    name: str
    type: ScalarType


class Columns(tuple[Column, ...]):
    """The columns of a table, in order, with an index of their names.

    A workspace that hands out the same object for a table each time spares the compiler that work.
    """

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """Each column by its name."""
        return {c.name: c for c in self}


ALIASES = {
    **{t.value: t for t in ScalarType},
    "boolean": ScalarType.BOOL,
    "int32": ScalarType.INT,
    "int64": ScalarType.LONG,
    "double": ScalarType.REAL,
    "float": ScalarType.REAL,
    "date": ScalarType.DATETIME,
    "time": ScalarType.TIMESPAN,
    "uuid": ScalarType.GUID,
    "uniqueid": ScalarType.GUID,
}
"""Every spelling of a type that KQL takes."""

NUMBERS = (ScalarType.INT, ScalarType.LONG, ScalarType.DECIMAL, ScalarType.REAL)
"""The numeric types, narrowest first: each stands in for every one after it."""

ANY = tuple(ScalarType)
SIMPLE = tuple(t for t in ScalarType if t is not ScalarType.DYNAMIC)


def accepts(wanted: ScalarType, given: ScalarType) -> bool:
    """Whether a value of type `given` may stand where `wanted` is asked for."""
    if given is wanted:
        return True
    return wanted in NUMBERS and given in NUMBERS[: NUMBERS.index(wanted)]


def common(types: Sequence[ScalarType]) -> ScalarType | None:
    """The narrowest type that all of `types` can stand in for; None where there is none."""
    return next((t for t in (*types, *NUMBERS) if all(accepts(t, g) for g in types)), None)
