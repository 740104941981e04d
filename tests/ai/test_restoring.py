"""Names put back into queries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from huntlake.ai.own import Own, OwnThings
from huntlake.ai.restoring import restored, restored_query
from huntlake.ai.vault import TokenVault
from huntlake.core.diagnostics import Source
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.tokens import TokenKind

NAMES = st.text(min_size=1, max_size=20).filter(lambda name: name.strip() and "HLT" not in name.upper())


@given(NAMES)
def test_a_name_with_anything_in_it_stays_one_literal(name: str) -> None:
    query = "T | where A == \"HLT_USER_1\" and B has 'x HLT_USER_1 y' // HLT_USER_1"
    after = restored_query(query, lambda text: text.replace("HLT_USER_1", name))
    before = [(t.kind, t.text) for t in tokenize(Source(query)) if t.kind is not TokenKind.STRING]
    tokens = tokenize(Source(after))
    assert [(t.kind, t.text) for t in tokens if t.kind is not TokenKind.STRING] == before
    values = [t.value for t in tokens if t.kind is TokenKind.STRING]
    whole = name.encode("utf-8", "replace").decode() if any(0xD800 <= ord(c) < 0xE000 for c in name) else name
    if whole == name:
        assert values == [name, f"x {name} y"]


def test_a_name_that_stands_for_a_column_is_quoted() -> None:
    query = "T | where HLT_WORD_1 == 1"
    assert restored_query(query, lambda text: text.replace("HLT_WORD_1", "a b")) == 'T | where ["a b"] == 1'


def test_a_hostile_name_of_this_place_changes_no_query() -> None:
    hostile = 'x" or true //'
    vault = TokenVault(Own(OwnThings(people=((hostile,),))))
    assert vault.hide(f"user {hostile} did it") == "user HLT_USER_1 did it"
    schema = {"type": "object", "properties": {"query": {"type": "string", "format": "kql"}, "say": {"type": "string"}}}
    value = {"query": 'T | where Account == "HLT_USER_1"', "say": "HLT_USER_1"}
    assert restored(value, schema, vault.show) == {
        "query": 'T | where Account == "x\\" or true //"',
        "say": hostile,
    }


def test_what_can_not_be_read_stays_as_it_is() -> None:
    assert restored_query("T | where A == 'HLT_USER_1", lambda text: "x") == "T | where A == 'HLT_USER_1"
