from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from huntlake.core.errors import LimitExceeded
from huntlake.hunting.extraction import indicators as module
from huntlake.hunting.extraction.indicators import IndicatorKind, hunted, indicators

pytest.importorskip("publicsuffixlist")

LINES = [
    json.loads(line)
    for name in ("defanged", "hard_negatives")
    for line in Path(__file__).with_name(f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
]
KNOWN_WRONG = {"Python 3.11.7.1 and Firefox/115.0.2.1"}
"""A program's name alone doesn't tell that numbers are its version."""


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["text"][:60])
def test_a_line_says_what_the_rules_say_it_does(line: dict[str, object]) -> None:
    if line["text"] in KNOWN_WRONG:
        pytest.xfail("numbers behind the name of a program")
    found = hunted(indicators(str(line["text"])))
    assert sorted([one.kind.value, one.value] for one in found) == sorted(line["says"])  # type: ignore[call-overload]


def test_the_place_is_that_of_the_text_as_it_was_written() -> None:
    text = "It asks hxxps[:]//gate[.]example/in, then 192[.]0[.]2[.]7."
    for one in indicators(text):
        assert text[one.span.start : one.span.end] == one.raw
    assert [one.raw for one in indicators(text)] == ["hxxps[:]//gate[.]example/in", "gate[.]example", "192[.]0[.]2[.]7"]


def test_what_is_known_as_good_is_told_and_not_hunted() -> None:
    found = indicators("see https://attack.mitre.org/x and 10.1.2.3 and 8.8.8.8 and microsoft.com")
    assert found
    assert all(one.known_good for one in found)
    assert hunted(found) == []


def test_a_page_on_a_host_that_everybody_uses_is_hunted_though_the_host_is_not() -> None:
    found = hunted(indicators("https://raw.githubusercontent.com/a/b/run.ps1"))
    assert [one.kind for one in found] == [IndicatorKind.URL]


def test_the_same_value_is_hunted_once_at_its_first_place() -> None:
    found = hunted(indicators("gate[.]example, then gate[.]example again"))
    assert [(one.value, one.span.start) for one in found] == [("gate.example", 0)]


def test_a_path_with_spaces_ends_with_its_quotes() -> None:
    found = indicators(r'runs "C:\Users\Public\my tool.exe" and C:\Windows\Temp\a.exe now')
    assert [one.value for one in found] == [r"C:\Users\Public\my tool.exe", r"C:\Windows\Temp\a.exe"]


def test_a_dot_behind_a_backslash_of_a_path_is_no_fang() -> None:
    assert [one.value for one in indicators(r"C:\Users\x\.ssh\config")] == [r"C:\Users\x\.ssh\config"]


@pytest.mark.parametrize(
    "text",
    [
        "a.",
        "a@",
        "[.]",
        "http://",
        "C:\\a b c d ",
        "/etc/",
        "1.2.3.4, ",
        "HKLM\\a ",
        "\\.a",
        "<",
        "ab",
        "1.",
        "a-",
        "a:",
    ],
)
def test_no_text_makes_it_slow(text: str) -> None:
    began = time.process_time()
    indicators(text * (60_000 // len(text)))
    indicators("http://a.com/" + text * (60_000 // len(text)))
    assert time.process_time() - began < 5


def test_a_text_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 10)
    with pytest.raises(LimitExceeded, match="longer"):
        indicators("a" * 11)
