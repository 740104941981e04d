"""Arrays and bags."""

from __future__ import annotations

from huntlake.kql.forms import as_json, as_text
from huntlake.kql.symbols import Dynamic, Long, Scalar, String, scalar


@scalar("array_length")
def array_length(array: Dynamic) -> Long:
    """The number of elements; null where it is no array.

    >>> array_length(dynamic([1, 2, 3]))
    3
    """
    return f"case when json_type({array}) = 'ARRAY' then json_array_length({array})::BIGINT end"


@scalar("bag_pack", "pack", "pack_dictionary")
def bag_pack(*pairs: Scalar) -> Dynamic:
    """A bag of names and values, one after the other.

    >>> bag_pack("a", 1)
    dynamic({"a":1})
    """
    keys, values = pairs[::2], pairs[1::2]
    return "json_object(" + ", ".join(f"{as_text(k)}, {as_json(v)}" for k, v in zip(keys, values, strict=True)) + ")"


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
