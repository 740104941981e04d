"""JSON text that every reader takes."""

from __future__ import annotations

import json
import math

from huntlake.engines.duckdb.udf.function import udf


@udf("hl_strict_json", "VARCHAR", returns="VARCHAR")
def strict_json(text: str | None) -> str | None:
    """`text` with each bare `NaN`, `Infinity` and `-Infinity` as a string, as Kusto writes them."""
    if text is None:
        return None
    try:
        return json.dumps(_strict(json.loads(text)), allow_nan=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return json.dumps(text)


@udf("hl_canonical_json", "VARCHAR", returns="VARCHAR")
def canonical_json(text: str | None) -> str:
    """JSON without spaces, the names of each bag in order, so that equal values have one text; empty where null."""
    if text is None:
        return ""
    try:
        value = json.loads(text)
        return "" if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return json.dumps(text, ensure_ascii=False)


def _strict(value: object) -> object:
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case dict():
            return {name: _strict(inner) for name, inner in value.items()}
        case list():
            return [_strict(inner) for inner in value]
        case _:
            return value
