"""A query with several mistakes tells all of them, in order, and none that only follows from another."""

from __future__ import annotations

import pytest

from huntlake.core.diagnostics import SourceError
from huntlake.kql.binding import NoTables
from huntlake.kql.compiler import compile_kql

T = "datatable(a:long, s:string)[]"


def mistakes(text: str) -> list[str]:
    """The message of each mistake."""
    with pytest.raises(SourceError) as caught:
        compile_kql(text, NoTables())
    places = [d.span.start for d in caught.value.diagnostics]
    assert places == sorted(places)
    return [d.message for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (f"{T} | where b == 1 and c == 2", ["no column is named `b`", "no column is named `c`"]),
        (f"{T} | where b == 1 | where c == 2", ["no column is named `b`", "no column is named `c`"]),
        (f"{T} | project x = b, y = c, a", ["no column is named `b`", "no column is named `c`"]),
        (f"{T} | extend x = b | where x > 5 | project x, a, d", ["no column is named `b`", "no column is named `d`"]),
        (f"{T} | extend a = nope(a) | where a has 'x'", ["no function is named `nope`"]),
        (f"{T} | summarize n = summ(a), sum(b) by c", ["no function is named `summ`", *["no column is named"] * 2]),
        (f"{T} | sort by b, c | take 5", ["no column is named `b`", "no column is named `c`"]),
        (f"let x = nope(1); {T} | where a == x and b == 1", ["no function is named `nope`", "no column is named `b`"]),
        (
            f"let t = {T} | where b == 1; t | where a == 2 | where c == 1",
            ["no column is named `b`", "no column is named"],
        ),
        (f"print nope(1); {T} | where b == 1; X", ["no function is named `nope`", "no column is named `b`", "no "]),
        (f"{T} | where b == 1 | join kind=inner (X) on a", ["no column is named `b`", "no table is named `X`"]),
        (f"{T} | where strlen(b) == toupper(c)", ["no column is named `b`", "no column is named `c`"]),
        # Behind what nobody knows nothing is judged.
        (f"{T} | mv-expand b | where whatever == 1 | project more", ["no column is named `b`"]),
        ("X | where a == 1 | project b", ["no table is named `X`"]),
        ("let f = (x:long) { nope(x) }; print f(1), f(2)", ["no function is named `nope`"]),
        (f"union isfuzzy=true X, ({T} | where b == 1 and c == 2)", ["no column is named `b`"]),
        ("print a = toscalar(print nope) | extend b = a + 1 | where b > 'x'", ["no column is named `nope`"]),
    ],
)
def test_independent_mistakes_are_told_together(query: str, told: list[str]) -> None:
    found = mistakes(query)
    assert len(found) == len(told), found
    assert all(message.startswith(start) for message, start in zip(found, told, strict=True)), found


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("X | filtr a == 1 | take 5 | summarise count()", ["`filtr`", "`summarise`"]),
        ("X | join (Y | wer x) on z | foo", ["`wer`", "`foo`"]),
        ("print 1 +; X | where | take 5", ["an expression", "an expression"]),
        ("let f = (x:long) { print x | foo }; X | bar", ["`foo`", "`bar`"]),
        ("X | where (a == 1", ["`)` is missing"]),
        ("X | where (a == 1 | take 5 | foo", ["`foo`"]),
        ("X | where a == 1)", ["`;` or `|` is missing"]),
        ("X | mv-apply a on (foo | bar) | baz", ["`foo`", "`bar`", "`baz`"]),
    ],
)
def test_reading_goes_on_behind_what_is_no_kql(query: str, told: list[str]) -> None:
    found = mistakes(query)
    assert len(found) == len(told), found
    assert all(message.startswith(start) for message, start in zip(found, told, strict=True)), found


def test_no_more_than_ten_are_told() -> None:
    assert len(mistakes(f"{T} | project " + ", ".join(f"x{i}" for i in range(5000)))) == 10
    assert len(mistakes("X" + " | foo" * 5000)) == 10
    assert len(mistakes(";".join(["print nope(1)"] * 5000))) == 10
    assert len(mistakes("print " + "nope(" * 150 + "1" + ")" * 150)) == 1
