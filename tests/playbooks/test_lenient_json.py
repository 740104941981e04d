"""JSON as it lies about in repositories."""

from __future__ import annotations

import codecs

import pytest

from huntlake.core.diagnostics import Source, SourceError
from huntlake.playbooks.lenient_json import DEEPEST, places, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, }', {"a": 1}),
        ("[1, 2, ]", [1, 2]),
        ('// first\n{"a": /* inside */ "//no comment"} // last', {"a": "//no comment"}),
        ('{"a": "one\n\ttwo"}', {"a": "one\n\ttwo"}),
        ('"\\u00e9\\n\\ud83d\\ude00"', "é\n😀"),
        ("[-1, 1.5e2, true, false, null]", [-1, 150.0, True, False, None]),
        ('{"a": 1, "a": 2}', {"a": 2}),
    ],
)
def test_what_templates_hold_is_read(text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + '{"a": "é"}'.encode(),
        codecs.BOM_UTF16_LE + '{"a": "é"}'.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + '{"a": "é"}'.encode("utf-16-be"),
        '{"a": "é"}'.encode(),
    ],
)
def test_a_byte_order_mark_says_the_encoding(content: bytes) -> None:
    assert read(content) == {"a": "é"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{\n  "a": 1\n  "b": 2}', "template.json:3:3"),
        ("{'a': 1}", "a name in double quotes was expected"),
        ('{"a": 1} x', "the value ends before this"),
        ("{,}", "a name in double quotes"),
        ("[1,,2]", "a value was expected"),
        ('"\\x"', "not an escape"),
        ('"\\ud800"', "half a character"),
        ('{"a": "b', "no end"),
        ("/* no end", "this comment has no end"),
        ("01", "a value was expected"),
        ("NaN", "a value was expected"),
        ("1e999", "too large"),
        ("9" * 40, "too many digits"),
        ("[" * (DEEPEST + 1), "nest at most"),
        ("", "the file ends"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(SourceError) as refused:
        read(text, "template.json")
    assert told in str(refused.value)


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(SourceError, match="line 2 of the file"):
        read(b'{\n"a": "\xff"}')


def test_each_value_has_its_place() -> None:
    text = '{ // note\n "A": [1, {"b": "x",}],\n "c": null }'
    found = places(Source(text, "file"))
    assert {k: text[s.start : s.end] for k, s in found.items() if k} == {
        ("a",): '[1, {"b": "x",}]',
        ("a", 0): "1",
        ("a", 1): '{"b": "x",}',
        ("a", 1, "b"): '"x"',
        ("c",): "null",
    }
