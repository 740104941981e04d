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
