"""Bodies of streaming ingestion as events: JSON lines as they are, anything else by the columns of its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from huntlake.core.errors import Invalid
from huntlake.kql.types import Column, ScalarType
from huntlake.workspace.external_formats import DELIMITERS, LINES, NESTED, WHOLE, Row, records, shape

FORMATS = (*DELIMITERS, LINES, WHOLE, *sorted(NESTED))
"""The formats that are read here, as Kusto names them, in lower case."""

KINDS: Mapping[str, frozenset[str]] = {"csv": frozenset((*DELIMITERS, LINES, WHOLE)), "json": frozenset(NESTED)}
"""Which formats a mapping of each kind is for."""

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def known_format(text: str) -> str:
    """The format that a client means, or `Invalid`."""
    if (format := text.strip().lower()) not in FORMATS:
        raise Invalid(f"the format `{text[:50]}` is not supported by streaming ingestion; use {', '.join(FORMATS)}")
    return format


def kind_of(format: str) -> str:
    """The kind of the mappings that a format takes."""
    return next(kind for kind, formats in KINDS.items() if format in formats)


def events(
    body: bytes, format: str, columns: Sequence[Column], mapping: str | None = None
) -> bytes | list[dict[str, Any]]:
    """The events of a body, as `Streams.append` takes them.

    Without a `mapping`, Kusto's JSON, values of delimited text belong to `columns` by their order, and those of JSON
    by their names. What can't be read at all is `Invalid`; a value that doesn't fit its column is told apart later.
    """
    if format == "json" and mapping is None:
        return body.removeprefix(b"\xef\xbb\xbf")
    told: dict[str, object] = {"format": format} if mapping is None else {"format": format, "ingestionmapping": mapping}
    if mapping is None and format in NESTED:
        # Every field is kept that is there: which of them the table has is for the table to say.
        return [_object(one) for (one,) in records(body, "", shape(_WHOLE_OBJECT, _WHOLE | told), len(body))]
    return [_event(row, columns) for row in records(body, "", shape(columns, told), len(body))]


_WHOLE_OBJECT = (Column("event", ScalarType.DYNAMIC),)
_WHOLE = {"ingestionmapping": '[{"column": "event", "Path": "$"}]'}


def _object(text: str) -> dict[str, Any]:
    value = orjson.loads(text)
    if not isinstance(value, dict):
        raise Invalid(f"a record is no JSON object: {text[:100]}")
    return value


def _event(row: Row, columns: Sequence[Column]) -> dict[str, Any]:
    return {
        c.name: _value(text, c.type)
        for c, text in zip(columns, row, strict=True)
        # An empty text is a text; of any other type it is no value.
        if text or c.type is ScalarType.STRING
    }


def _value(text: str, type: ScalarType) -> object:
    if type is ScalarType.BOOL:
        return _BOOLEANS.get(text.strip().lower(), text)
    if type is ScalarType.DYNAMIC:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return text
