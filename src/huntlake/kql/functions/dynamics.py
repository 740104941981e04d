"""Arrays and bags."""

from __future__ import annotations

from collections.abc import Sequence

from huntlake.kql.forms import as_json, as_text
from huntlake.kql.symbols import Dynamic, Long, Scalar, Sql, String, Unsupported, scalar
from huntlake.kql.types import ScalarType


@scalar("array_length", "arraylength")
def array_length(array: Dynamic) -> Long:
    """The number of elements; null where it is no array.

    >>> array_length(dynamic([1, 2, 3]))
    3
    """
    return f"case when json_type({array}) = 'ARRAY' then json_array_length({array})::BIGINT end"


@array_length.folds
def _(array: object, types: Sequence[ScalarType]) -> object:
    return len(array) if isinstance(array, list) else None


@scalar("bag_pack", "pack", "pack_dictionary")
def bag_pack(*pairs: Scalar) -> Dynamic:
    """A bag of names and values, one after the other.

    >>> bag_pack("a", 1)
    dynamic({"a":1})
    """
    if len(pairs) % 2:
        raise Unsupported("a name that has no value behind it")
    keys, values = pairs[::2], pairs[1::2]
    return "json_object(" + ", ".join(f"{as_text(k)}, {as_json(v)}" for k, v in zip(keys, values, strict=True)) + ")"


@scalar("pack_all")
def pack_all(*pairs: Scalar) -> Dynamic:
    """A bag of all columns of the row; `pack_all(true)` leaves out those that are null or empty.

    >>> pack_all()
    dynamic({})
    """
    members = []
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        textual = isinstance(value, Sql) and value.type in (ScalarType.STRING, ScalarType.DYNAMIC)
        filled = f"({value})::VARCHAR not in ('', '\"\"', 'null')" if textual else f"{value} is not null"
        members.append(f"case when {filled} then to_json({key})::VARCHAR || ':' || ({as_json(value)})::VARCHAR end")
    return f"('{{' || concat_ws(',', {', '.join(members)}) || '}}')::JSON" if members else "'{}'::JSON"


@scalar("estimate_data_size")
def estimate_data_size(*columns: Scalar) -> Long:
    """The bytes that the columns' values take: those of a text in UTF-8, and as many as the type has for another.

    `*` names all columns.

    >>> estimate_data_size()
    0
    """
    sizes = []
    for column in columns:
        assert isinstance(column, Sql)
        if column.type is ScalarType.STRING:
            sizes.append(f"strlen({column})")
        elif column.type in _BYTES:
            sizes.append(str(_BYTES[column.type]))
        else:
            raise Unsupported(f"a `{column.type}`")
    return f"({' + '.join(sizes) or '0'})::BIGINT"


_BYTES = {
    ScalarType.BOOL: 1,
    ScalarType.INT: 4,
    ScalarType.LONG: 8,
    ScalarType.REAL: 8,
    ScalarType.DATETIME: 8,
    ScalarType.TIMESPAN: 8,
    ScalarType.GUID: 16,
}


@scalar("pack_array")
def pack_array(*values: Scalar) -> Dynamic:
    """An array of the values.

    >>> pack_array(1, "a")
    dynamic([1,"a"])
    """
    return f"json_array({', '.join(as_json(v) for v in values)})"


@scalar("gettype")
def gettype(value: Dynamic) -> String:
    """The name of the type of what a dynamic holds; of any other value, that of its own.

    >>> gettype(dynamic({"a": 1}))
    "dictionary"
    >>> gettype(dynamic([1, 2.5])[1])
    "double"
    >>> gettype(1h)
    "timespan"
    """
    names = {
        "OBJECT": "dictionary",
        "ARRAY": "array",
        "VARCHAR": "string",
        "BOOLEAN": "bool",
        "DOUBLE": "double",
        "BIGINT": "long",
        "UBIGINT": "long",
        "HUGEINT": "long",
    }
    cases = " ".join(f"when '{json}' then '{kind}'" for json, kind in names.items())
    return f"case json_type({value}) {cases} else 'null' end"
