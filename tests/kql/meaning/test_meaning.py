"""Expressions made at random mean what the reference says: on columns, on constants and in filters alike."""

from __future__ import annotations

import json
import math
import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests import pages
from tests.kql.meaning.expressions import ROWS, RULES, Expression, Row, expressions, table_of

EXPRESSIONS = int(os.environ.get("HUNTLAKE_EXPRESSIONS", "1200"))
"""How many expressions a run tries; `make meaning` tries many more, and others each time."""

AT_ONCE = 12
CONDITIONS = 3


def physical(value: Any, type_: str) -> Any:
    return value if type_ != "dynamic" or value is None else json.loads(value)


def same(found: Any, wanted: Any) -> bool:
    if isinstance(found, float) and isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=1e-12) or (math.isnan(found) and math.isnan(wanted))
    return type(found) is type(wanted) and bool(found == wanted)


@settings(max_examples=EXPRESSIONS // (AT_ONCE + CONDITIONS), deadline=None)
@given(
    ROWS,
    st.lists(st.sampled_from([*RULES]).flatmap(expressions), min_size=AT_ONCE, max_size=AT_ONCE),
    st.lists(expressions("bool"), min_size=CONDITIONS, max_size=CONDITIONS),
)
def test_expressions_mean_what_the_reference_says(
    rows: list[Row], made: list[Expression], conditions: list[Expression]
) -> None:
    columns = ", ".join(f"c{i} = {e.text}" for i, e in enumerate(made))
    table = f"let T = {table_of(rows)}"
    kept = [f"T | where {c.text} | project id" for c in conditions]
    found, *filtered = pages.rows(";\n".join([table, f"T | project {columns}", *kept]))
    for row, values in zip(rows, found, strict=True):
        for expression, value in zip(made, values, strict=True):
            got, wanted = physical(value, expression.type), expression.of(row)
            assert same(got, wanted), f"{expression.text}\n  of {row}\n  gives {got!r} and not {wanted!r}"
    for condition, ids in zip(conditions, filtered, strict=True):
        wanted = [(i,) for i, row in enumerate(rows) if condition.of(row) is True]
        assert sorted(ids) == wanted, f"where {condition.text}\n  of {rows}"
