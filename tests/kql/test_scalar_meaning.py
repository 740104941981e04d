"""Expressions made at random mean what the reference says, on columns, on constants and in filters alike.

The rules stand here once more, in Python, told by the reference and not by the compiler:
<https://learn.microsoft.com/kusto/query/scalar-data-types/null-values>,
<https://learn.microsoft.com/kusto/query/datatypes-string-operators>.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from operator import add, ge, gt, le, lt, mul, sub
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests import pages

Row = dict[str, Any]
Rule = Callable[[Row], Any]

COLUMNS = {"a": "long", "b": "long", "x": "real", "s": "string", "t": "string", "p": "bool"}
LETTERS = "aAbéÉ0 _.-%*'\"\\(ж"


@dataclass(frozen=True)
class Expression:
    """The text of an expression, and what it gives for a row; None is null."""

    text: str
    rule: Rule

    def __repr__(self) -> str:
        return self.text


# -- what the reference says ---------------------------------------------------------


def unless_null(operation: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: None if None in values else operation(*values)


def equal(left: Any, right: Any) -> bool | None:
    return None if left is None and right is None else left == right


def different(left: Any, right: Any) -> bool | None:
    return None if left is None and right is None else left != right


def both(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if None in (left, right) else True


def either(left: bool | None, right: bool | None) -> bool | None:
    if left is True or right is True:
        return True
    return None if None in (left, right) else False


def quotient(left: int, right: int) -> int | None:
    return None if right == 0 else abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)


def remainder(left: int, right: int) -> int | None:
    return None if right == 0 else left % abs(right)


def has(text: str, term: str) -> bool:
    text, term = text.lower(), term.lower()
    ends = [(i, i + len(term)) for i in range(len(text)) if text.startswith(term, i)]
    return any((i == 0 or not wordy(text[i - 1])) and (j == len(text) or not wordy(text[j])) for i, j in ends)


def wordy(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LN"


COMPARISONS = {
    "==": equal,
    "!=": different,
    "<": unless_null(lt),
    "<=": unless_null(le),
    ">": unless_null(gt),
    ">=": unless_null(ge),
}
TEXTS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda s, t: t.lower() in s.lower(),
    "contains_cs": lambda s, t: t in s,
    "startswith": lambda s, t: s.lower().startswith(t.lower()),
    "startswith_cs": lambda s, t: s.startswith(t),
    "endswith": lambda s, t: s.lower().endswith(t.lower()),
    "endswith_cs": lambda s, t: s.endswith(t),
}
WORDS = st.text("aAbéж0", min_size=1, max_size=2)


# -- expressions -----------------------------------------------------------------------


def constant(value: Any, type_: str) -> Expression:
    if value is None:
        text = f"{type_}(null)"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = f"({value})" if value < 0 else str(value)
    return Expression(text, lambda row: value)


def column(name: str) -> Expression:
    return Expression(name, lambda row: row[name])


def call(form: str, operation: Callable[..., Any], *parts: Expression) -> Expression:
    return Expression(form.format(*parts), lambda row: operation(*(p.rule(row) for p in parts)))


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "long": st.none() | st.integers(-9, 9),
    "real": st.none() | st.integers(-20, 20).map(lambda n: n / 4),
    "string": st.text(LETTERS, max_size=4),
    "bool": st.none() | st.booleans(),
}


def atoms(type_: str) -> st.SearchStrategy[Expression]:
    columns = st.sampled_from([n for n, t in COLUMNS.items() if t == type_]).map(column)
    return columns | VALUES[type_].map(lambda v: constant(v, type_))


def arithmetic(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    operations = {
        "+": unless_null(add),
        "-": unless_null(sub),
        "*": unless_null(mul),
        "/": unless_null(quotient),
        "%": unless_null(remainder),
    }
    sizes = st.integers(1, 5)
    return st.one_of(
        st.builds(
            lambda o, l, r: call(f"({{0}} {o[0]} {{1}})", o[1], l, r),
            st.sampled_from([*operations.items()]),
            inner,
            inner,
        ),
        st.builds(lambda v, n: call(f"bin({{0}}, {n})", unless_null(lambda x: x // n * n), v), inner, sizes),
        st.builds(lambda v, w: call("coalesce({0}, {1})", lambda x, y: y if x is None else x, v, w), inner, inner),
    )


longs = st.recursive(atoms("long"), arithmetic, max_leaves=4)
reals = st.builds(
    lambda o, l, r: call(f"({{0}} {o[0]} {{1}})", unless_null(o[1]), l, r),
    st.sampled_from([("+", add), ("-", sub), ("*", mul)]),
    atoms("real"),
    atoms("real") | atoms("long"),
)
strings = st.one_of(
    atoms("string"),
    st.builds(lambda s, t: call("strcat({0}, {1})", add, s, t), atoms("string"), atoms("string")),
    st.builds(lambda n: call("tostring({0})", lambda x: "" if x is None else str(x), n), longs),
    st.builds(
        lambda s, n: call(f"substring({{0}}, {n}, 2)", lambda x: x[n : n + 2], s), atoms("string"), st.integers(0, 4)
    ),
)


def checks_of(values: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.builds(
            lambda o, l, r: call(f"({{0}} {o[0]} {{1}})", o[1], l, r),
            st.sampled_from([*COMPARISONS.items()]),
            values,
            values,
        ),
        st.builds(lambda v: call("isnull({0})", lambda x: x is None, v), values),
        st.builds(lambda v: call("isempty({0})", lambda x: x is None or x == "", v), values),
    )


def ranges(values: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    at_least, at_most = unless_null(ge), unless_null(le)
    below, above = unless_null(lt), unless_null(gt)
    inside = lambda x, low, high: both(at_least(x, low), at_most(x, high))  # noqa: E731
    outside = lambda x, low, high: either(below(x, low), above(x, high))  # noqa: E731
    return st.one_of(
        st.builds(lambda *v: call("({0} between ({1} .. {2}))", inside, *v), values, values, values),
        st.builds(lambda *v: call("({0} !between ({1} .. {2}))", outside, *v), values, values, values),
    )


def memberships(type_: str, values: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    items = st.lists(VALUES[type_].filter(lambda v: v is not None), min_size=1, max_size=3)

    def made(value: Expression, chosen: list[Any], negated: bool) -> Expression:
        listed = ", ".join(constant(v, type_).text for v in chosen)
        word = "!in" if negated else "in"
        return call(f"({{0}} {word} ({listed.replace('{', '{{')}))", lambda x: (x in chosen) is not negated, value)

    return st.builds(made, values, items, st.booleans())


def searches() -> st.SearchStrategy[Expression]:
    def made(operator: str, negated: bool, text: Expression, needle: Expression) -> Expression:
        word = f"!{operator}" if negated else operator
        return call(f"({{0}} {word} {{1}})", lambda s, t: TEXTS[operator](s, t) is not negated, text, needle)

    def word(negated: bool, text: Expression, term: str) -> Expression:
        needle = constant(term, "string")
        return call(
            f"({{0}} {'!has' if negated else 'has'} {{1}})", lambda s, t: has(s, t) is not negated, text, needle
        )

    same: dict[str, Callable[[str, str], bool]] = {
        "=~": lambda s, t: s.lower() == t.lower(),
        "!~": lambda s, t: s.lower() != t.lower(),
    }
    return st.one_of(
        st.builds(made, st.sampled_from([*TEXTS]), st.booleans(), strings, atoms("string")),
        st.builds(word, st.booleans(), strings, WORDS),
        st.builds(
            lambda o, s, t: call(f"({{0}} {o[0]} {{1}})", o[1], s, t),
            st.sampled_from([*same.items()]),
            strings,
            strings,
        ),
    )


def logic(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.builds(lambda l, r: call("({0} and {1})", both, l, r), inner, inner),
        st.builds(lambda l, r: call("({0} or {1})", either, l, r), inner, inner),
        st.builds(lambda v: call("not({0})", unless_null(lambda x: not x), v), inner),
        st.builds(lambda *v: call("iff({0}, {1}, {2})", lambda p, x, y: x if p else y, *v), inner, inner, inner),
    )


conditions = st.recursive(
    st.one_of(
        atoms("bool"),
        checks_of(longs),
        checks_of(reals),
        checks_of(strings),
        ranges(longs),
        ranges(reals),
        memberships("long", longs),
        memberships("string", strings),
        searches(),
    ),
    logic,
    max_leaves=4,
)
rows = st.lists(st.fixed_dictionaries({n: VALUES[t] for n, t in COLUMNS.items()}), min_size=3, max_size=3)


def table_of(values: list[Row]) -> str:
    # In a `datatable` stand literals: a negative number goes without parentheses.
    cells = [
        constant(row[n], t).text.removeprefix("(").removesuffix(")")
        if isinstance(row[n], float | int)
        else constant(row[n], t).text
        for row in values
        for n, t in COLUMNS.items()
    ]
    return f"datatable({', '.join(f'{n}: {t}' for n, t in COLUMNS.items())}) [{', '.join(cells)}]"


@settings(max_examples=120, deadline=None, derandomize=True)
@given(rows, longs, reals, strings, conditions)
def test_expressions_mean_what_the_reference_says(
    values: list[Row], whole: Expression, real: Expression, text: Expression, condition: Expression
) -> None:
    expressions = (whole, real, text, condition)
    named = ", ".join(f"c{i} = {e.text}" for i, e in enumerate(expressions))
    packed = "pack_array(c0, c1, c2, c3)"
    table = table_of(values)
    query = f"{table} | extend {named} | summarize make_list({packed})"
    kept = f"{table} | where {condition.text} | summarize count()"
    (found,), (count,) = pages.values(f"{query};\n{kept}")
    assert found == [[e.rule(row) for e in expressions] for row in values], query
    assert count == sum(condition.rule(row) is True for row in values), kept
