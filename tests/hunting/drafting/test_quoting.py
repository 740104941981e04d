"""Values from outside in queries: whatever they are, each stays one value."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huntlake.core.diagnostics import Source
from huntlake.core.errors import Invalid
from huntlake.hunting.drafting import quoting
from huntlake.kql.binding.schema import NoTables
from huntlake.kql.compiler import compile_kql, parse
from huntlake.kql.operators.sources import PrintOperator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.literals import whole
from huntlake.kql.types import ScalarType

NASTY = st.text(st.characters()) | st.text(st.sampled_from(list("\"'\\\n\r`~;|()[]{}@hH/* \u2028\x00\ud83d\ude00")))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | NASTY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NASTY, inner, max_size=4),
    max_leaves=8,
)


def only_value(text: str) -> nodes.Literal:
    """The literal that is all there is of the tree of `print …`."""
    (statement,) = parse(f"print {text}").statements
    assert isinstance(statement, nodes.ExpressionStatement)
    assert isinstance(statement.expression, nodes.PipeExpression)
    assert not statement.expression.operators
    assert isinstance(statement.expression.head, PrintOperator)
    (column,) = statement.expression.head.columns
    assert isinstance(column.expression, nodes.Literal)
    return column.expression


@given(NASTY)
@settings(max_examples=400, deadline=None)
def test_any_text_stays_one_literal_of_the_tree(text: str) -> None:
    made = quoting.text_literal(text)
    assert only_value(made).value == whole(text)
    assert len(tokenize(Source(made))) == 2
    assert quoting.given([("A", made)]) == {"A": whole(text)}


@given(st.lists(NASTY, max_size=5))
@settings(max_examples=200, deadline=None)
def test_any_texts_stay_one_list(texts: list[str]) -> None:
    found = only_value(quoting.list_literal(texts))
    assert found.type is ScalarType.DYNAMIC
    assert found.value == [whole(t) for t in texts]
    assert quoting.list_literal(texts) == quoting.literal(quoting.as_list(texts), ScalarType.DYNAMIC)


@given(JSON)
@settings(max_examples=200, deadline=None)
def test_any_json_stays_one_value(value: object) -> None:
    made = quoting.literal(json.dumps(value), ScalarType.DYNAMIC)
    assert len(parse(f"print {made}").statements) == 1
    only_value(made)


@given(NASTY, st.sampled_from([t for t in ScalarType if t not in (ScalarType.STRING, ScalarType.DYNAMIC)]))
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_value_of_its_type_or_refused(text: str, type: ScalarType) -> None:
    try:
        made = quoting.literal(text, type)
    except Invalid:
        return
    assert only_value(made).type is type


@given(NASTY)
@settings(max_examples=200, deadline=None)
def test_any_text_is_one_name(text: str) -> None:
    if text:
        (statement,) = parse(f"T | project {quoting.column(text)}").statements
        assert isinstance(statement, nodes.ExpressionStatement)
        assert isinstance(statement.expression, nodes.PipeExpression)
        assert len(statement.expression.operators) == 1


@pytest.mark.parametrize(
    ("text", "type", "made"),
    [
        ("12", ScalarType.LONG, "long(12)"),
        ("-3", ScalarType.INT, "int(-3)"),
        ("1.5", ScalarType.REAL, "real(1.5)"),
        ("2h", ScalarType.TIMESPAN, "timespan(2h)"),
        ("2026-11-01T10:00:00Z", ScalarType.DATETIME, "datetime(2026-11-01T10:00:00Z)"),
        ("true", ScalarType.BOOL, "bool(true)"),
    ],
)
def test_values_of_types_are_written_so(text: str, type: ScalarType, made: str) -> None:
    assert quoting.literal(text, type) == made


@pytest.mark.parametrize("text", ["", "1; drop", "1) | take 1 //", "one", "(1)", '"1"'])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        quoting.literal(text, ScalarType.LONG)


def test_parameters_become_lets_where_a_place_gives_none() -> None:
    query = "declare query_parameters(A:dynamic, Least:long = 5);\nprint x = A, y = Least"
    made = quoting.inlined(query, [("A", quoting.list_literal(['"; evil']))])
    assert made == 'let A = dynamic(["\\"; evil"]);\nlet Least = 5;\nprint x = A, y = Least'
    compile_kql(made, NoTables())


@pytest.mark.parametrize("value", ["1; print 2", "dynamic([1]) | take 1", "now()", "a"])
def test_only_literals_become_lets(value: str) -> None:
    with pytest.raises(Invalid, match="literal"):
        quoting.inlined("declare query_parameters(A:long);\nprint A", [("A", value)])


def test_a_parameter_without_a_value_is_told() -> None:
    with pytest.raises(Invalid, match="no value"):
        quoting.inlined("declare query_parameters(A:long);\nprint A", [])
    with pytest.raises(Invalid, match="no parameter"):
        quoting.inlined("print 1", [("A", "1")])
