"""Texts of keys and values that are not what they should be."""

import json

from huntlake.engines.duckdb.udf.key_values import parse_kv


def _parsed(text: str, *keys: str, **given: object) -> dict[str, str]:
    rules = {"keys": keys, "pair": " ", "between": "=", "quotes": [], "escapes": [], "greedy": False} | given
    found = parse_kv.of(text, json.dumps(rules))
    assert isinstance(found, str)
    return dict(json.loads(found))


def test_a_quote_that_is_never_closed_is_text() -> None:
    assert _parsed('a="x y b=2', "a", "b", quotes=['"']) == {"a": '"x', "b": "2"}


def test_an_escaped_quote_at_the_end_closes_nothing() -> None:
    assert _parsed('a="x\\" b=2', "a", "b", quotes=['"'], escapes=["\\"]) == {"a": '"x\\"', "b": "2"}


def test_a_value_may_hold_the_delimiter_of_keys() -> None:
    assert _parsed("a=b=c d=e", "a", "d") == {"a": "b=c", "d": "e"}


def test_a_greedy_value_ends_where_any_key_begins() -> None:
    assert _parsed("a=1 2 x=3 b=4", "a", "b", greedy=True) == {"a": "1 2", "b": "4"}


def test_a_key_is_a_whole_word() -> None:
    assert _parsed("myid=1, id=2", "id", pair=None, between=None) == {"id": "2"}


def test_a_text_of_nothing_has_no_keys() -> None:
    assert _parsed("", "a") == {}
    assert _parsed("=", "a") == {}
    assert _parsed("", "a", pair=None, between=None) == {}


def test_long_texts_without_keys_are_read_once() -> None:
    for text in ("a " * 50_000, "( " * 50_000, "a=1 " + "b " * 50_000):
        _parsed(text, "x", quotes=["()"], greedy=True)
        _parsed(text, "x", quotes=["()"], pair=None, between=None)
