"""No text in a log makes a function fail: it would fail the query with it."""

from __future__ import annotations

import itertools
import re

import pytest

from huntlake.engines.duckdb.udf import functions
from huntlake.engines.duckdb.udf.function import Function
from huntlake.engines.geography import Nowhere

TEXTS = (
    None,
    "",
    "\0",
    "(",
    "%zz%",
    "é\U0001f600" * 50,
    "9" * 6000,
    "1.2.3.4/" + "9" * 6000,
    "::/" + "9" * 6000,
    "1." * 500,
    "http://[::1",
    "http://a:99999999999999/",
    "http://a@b@c:d@e/?=&==&%00",
    "xn--" + "9" * 200,
    "H4sIAAAAAAAA",
    '"' * 101,
    "<a>" * 3000,
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "-99999999999.23:59:59",
)
JSONS = (
    None,
    "1",
    '"a"',
    "[]",
    "{}",
    '["",null,1,{}]',
    '{"a":[{"b":"\\u0000"}]}',
    "[" * 900 + "]" * 900,
    "1e400",
    '[256,-1,1e99,"9999999999"]',
)
NUMBERS = (None, 0, 1, -1, 2**31, -(2**63), 2**63 - 1)
REALS = (None, 0.0, -1.5, 1e308, float("nan"), float("inf"))
VALUES = {
    "BIGINT": NUMBERS,
    "INTEGER": (None, 0, -1, 2**31 - 1),
    "DOUBLE": REALS,
    "BOOLEAN": (None, True, False),
    "TIMESTAMP": (None,),
}
TABLE = functions(Nowhere())
READ_JSON = {
    "hl_base64_encode_fromarray": (0,),
    "hl_canonical_json": (0,),
    "hl_ipv4_in_any": (1,),
    "hl_ipv6_in_any": (1,),
    "hl_replace_strings": (1, 2),
}
"""Which arguments are always JSON that the engine wrote."""
PATTERNS = {"hl_has_term": (1,)}
"""Which arguments are always patterns that the compiler wrote."""
FAMILIES = ("addresses", "conversion", "encoding", "geohash", "strings", "text")


@pytest.mark.parametrize("name", sorted(n for n, f in TABLE.items() if f.of.__module__.rpartition(".")[2] in FAMILIES))
def test_hostile_arguments_give_a_value_of_the_type(name: str) -> None:
    import pyarrow as pa

    function: Function = TABLE[name]
    kinds = [
        JSONS
        if i in READ_JSON.get(name, ())
        else tuple(rf"(?:^|[\W_]){re.escape(t or '')}(?:$|[\W_])" for t in TEXTS)
        if i in PATTERNS.get(name, ())
        else TEXTS
        if t == "VARCHAR"
        else VALUES[t]
        for i, t in enumerate(function.parameters)
    ]
    answers = [function.of(*arguments) for arguments in itertools.islice(itertools.product(*kinds), 6000)]
    wanted = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_()}
    assert pa.array(answers, wanted.get(function.returns)).null_count <= len(answers)
