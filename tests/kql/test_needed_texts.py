"""Texts that every match of a pattern holds."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huntlake.kql.functions.needed_texts import needed_texts
from huntlake.session import Session


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        (r"(?i)(cscript|mshta|wmic)\.exe\W.*[/-]\w+st\b", ("cscript.exe", "mshta.exe", "wmic.exe")),
        (r"abc", ("abc",)),
        (r"^abc$", ("abc",)),
        (r"ab.cde", ("cde",)),
        (r"(?:foo)+bar", ("foo",)),
        (r"(foobar){2,3}x", ("foobar",)),
        (r"(?P<name>password)=\S+", ("password=",)),
        (r"(one|two)(five|nine)", ("onefive", "onenine", "twofive", "twonine")),
        (r"a?bcd", ("bcd",)),
        (r"abc\d+defg", ("defg",)),
    ],
)
def test_they_are_told(pattern: str, texts: tuple[str, ...]) -> None:
    found = needed_texts(pattern)
    assert found is not None
    assert found.texts == texts


@pytest.mark.parametrize(
    "pattern",
    ["", "ab", "(abc)?", "(abc)*", "abc|d", "abc{0,2}x", "abc|", r"\Qabc\E", r"\x61bcd", r"\p{L}abc", "(?i:abc)def",
     "(?s)abcdef", "(abc", "abc)", "[[:alpha:]]abc", "abc{,3}", "äbcdef", "a(?i)bcd", "*abc", "abc**"],
)  # fmt: skip
def test_of_these_nothing_is_said(pattern: str) -> None:
    assert needed_texts(pattern) is None


def pieces() -> st.SearchStrategy[str]:
    letters = st.sampled_from(["abc", "sk", "xyz", "k", ".", r"\.", "[a-c]", "[^a]", r"\w", r"\b", "^", "$", " "])
    return st.recursive(
        letters,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map("".join),
            st.lists(inner, min_size=1, max_size=3).map(lambda ps: f"({'|'.join(ps)})"),
            inner.map(lambda p: f"(?:{p})?"),
            inner.map(lambda p: f"({p})+"),
            inner.map(lambda p: f"({p}){{1,2}}"),
            inner.map(lambda p: f"({p})*?"),
        ),
        max_leaves=8,
    )


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["", "(?i)"]), pieces(), st.lists(st.text("abcxyzsSkKſK. A-", max_size=12), max_size=12))
def test_what_matches_holds_one_of_them(flag: str, pattern: str, texts: list[str]) -> None:
    needed = needed_texts(flag + pattern)
    if needed is None:
        return
    for text in texts:
        found = duckdb.execute("select regexp_matches(?, ?)", [text, flag + pattern]).fetchall()[0][0]
        if found:
            folded = text if needed.cased else text.replace("ſ", "s").replace("K", "k").lower()
            assert any((t if needed.cased else t.lower()) in folded for t in needed.texts), (flag + pattern, text)


@pytest.mark.parametrize("text", ["ſk-xyz", "SK-XYZ", "sK-xyz"])
def test_letters_beyond_ascii_that_fold_to_ascii_are_found(text: str) -> None:
    session = Session.in_memory()
    session.register("T", {"c": [text, "other"]})
    assert session.query("T | where c matches regex '(?i)sk-xyz' | count").rows == [(1,)]
