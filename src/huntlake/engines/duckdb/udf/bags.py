"""Bags made of bags."""

from __future__ import annotations

import json

from huntlake.engines.duckdb.udf.function import udf


@udf("hl_merge_bags", "VARCHAR", "BIGINT", returns="VARCHAR")
def merge_bags(bags: str | None, most: int | None) -> str | None:
    """One object of the properties, at most `most`, of an array's objects; of those with one name, the first."""
    if bags is None:
        return None
    merged: dict[str, object] = {}
    for bag in json.loads(bags):
        if not isinstance(bag, dict):
            continue
        for name, value in bag.items():
            if name not in merged and (most is None or len(merged) < most):
                merged[name] = value
    return json.dumps(merged, ensure_ascii=False, separators=(",", ":"))
