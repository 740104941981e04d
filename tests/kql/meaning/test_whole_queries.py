"""What must hold of whole queries whatever they hold: two ways to ask for the same rows give the same rows."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import pages
from tests.kql.meaning.expressions import COLUMNS, VALUES, Expression, Row, expressions, table_of

TRIES = int(os.environ.get("HUNTLAKE_EXPRESSIONS", "1200")) // 240

ROWS = st.lists(st.fixed_dictionaries({n: VALUES[t] for n, t in COLUMNS.items()}), max_size=6)
KEYS = st.sampled_from(["a", "s", "p", "u", "w"])
EVERY = ", ".join(COLUMNS)

SAME_ROWS = {
    "a filter before a projection, and after": (
        "T | where {p} | project id, {columns}, e = {e}",
        "T | extend e = {e} | where {p} | project id, {columns}, e",
    ),
    "a filter on a computed column": (
        "T | extend c = {p} | where c | project-away c",
        "T | where {p}",
    ),
    "two filters, and one of both": ("T | where {p} | where {q}", "T | where ({p}) and ({q})"),
    "two filters in either order": ("T | where {p} | where {q}", "T | where {q} | where {p}"),
    "the parts of a split table": (
        "union (T | where {p}), (T | where not({p})), (T | where isnull({p}))",
        "T",
    ),
    "an `or`, and the two": (
        "T | where ({p}) or ({q})",
        "union (T | where {p}), (T | where {q}) | summarize take_any({columns}) by id | project id, {columns}",
    ),
    "a filter after a sort": ("T | sort by id asc | where {p}", "T | where {p}"),
    "top, and sort with take": ("T | where {p} | top 2 by id desc", "T | where {p} | sort by id desc | take 2"),
    "a filter through a join with itself": (
        "T | where {p} | join kind=inner (T | project id) on id | project-away id1",
        "T | where {p}",
    ),
    "a semi and an anti join": (
        "let K = T | where {p} | project id; union (T | join kind=leftsemi K on id), (T | join kind=leftanti K on id)",
        "T",
    ),
    "a membership, and a semi join": (
        "let K = T | where {p} | project id; T | where id in (K)",
        "T | where {p}",
    ),
    "distinct, and summarize without an aggregate": ("T | distinct {k}", "T | summarize by {k}"),
    "a count, and the rows counted": (
        "T | where {p} | summarize n = count()",
        "T | summarize n = countif({p})",
    ),
    "groups, and the rows that have their key": (
        "T | summarize n = count() by {k} | summarize n = sum(n)",
        "T | summarize n = count()",
    ),
    "a list, and its items": (
        "T | where {p} | summarize l = make_list(id) | mv-expand l to typeof(long) | where isnotnull(l) | project l",
        "T | where {p} | project l = id",
    ),
    "a function, and its body": (
        "let f = (X: (*), n: long) {{ X | where {p} | where id < n }}; f(T, 4)",
        "T | where id < 4 | where {p}",
    ),
    "what is materialized, and what isn't": (
        "let M = materialize(T | where {p}); union M, M | summarize n = count() by id",
        "T | where {p} | project id, n = 2",
    ),
    "a computed column that is taken away": ("T | extend e = {e} | project-away e", "T"),
    "columns renamed and back": ("T | project-rename z = a | project-rename a = z", "T"),
    "numbered rows": (
        "T | sort by id asc | extend n = row_number() | where {p} | project id, n = tolong(n)",
        "T | where {p} | project id, n = id + 1",
    ),
    "a bag, and its columns": (
        "T | project id, b = bag_pack('n', id) | evaluate bag_unpack(b) : (id: long, n: long)",
        "T | project id, n = id",
    ),
    "a join on the other side": (
        "T | where {p} | join kind=rightouter (T | project id) on id | project id = id1",
        "T | project id",
    ),
    "a partition, and its parts": (
        "T | partition hint.strategy=native by id (where {p})",
        "T | where {p}",
    ),
}


def rows_of(table: list[tuple[Any, ...]]) -> Counter[str]:
    return Counter(json.dumps(row, default=str) for row in table)


@pytest.mark.parametrize("pair", SAME_ROWS.values(), ids=SAME_ROWS)
@settings(max_examples=TRIES, deadline=None)
@given(ROWS, expressions("bool"), expressions("bool"), expressions("string"), KEYS)
def test_two_ways_give_the_same_rows(
    pair: tuple[str, str], rows: list[Row], p: Expression, q: Expression, e: Expression, k: str
) -> None:
    texts = [form.format(p=p, q=q, e=e, k=k, columns=EVERY) for form in pair]
    one, other = (pages.rows(f"let T = {table_of(rows)}; {text}")[-1] for text in texts)
    assert rows_of(one) == rows_of(other), "\n".join(texts)
