"""The names of Kusto's types on the wire."""

from __future__ import annotations

from huntlake.kql.types import ScalarType

DATA_TYPES = {
    ScalarType.BOOL: "SByte",
    ScalarType.INT: "Int32",
    ScalarType.LONG: "Int64",
    ScalarType.REAL: "Double",
    ScalarType.DECIMAL: "SqlDecimal",
    ScalarType.STRING: "String",
    ScalarType.DATETIME: "DateTime",
    ScalarType.TIMESPAN: "TimeSpan",
    ScalarType.GUID: "Guid",
    ScalarType.DYNAMIC: "Object",
}
"""The .NET type, without `System.`, that v1 answers name beside Kusto's own."""


def clr_type(type: ScalarType) -> str:
    """The full .NET type, as schemas name it."""
    return "System.Data.SqlTypes.SqlDecimal" if type is ScalarType.DECIMAL else f"System.{DATA_TYPES[type]}"
