"""Packages of hunts: all of it, whole, and words that nothing renders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.hunting.running.world import ANN, DAY, NOW, World

from huntlake.hunting.escaping import code, told, words
from huntlake.hunting.packages import markdown, package_hash
from huntlake.hunting.packaging import Packaging
from huntlake.hunting.running.run import Verdict
from huntlake.hunting.signals.store import Signals


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.session.close()


def packaging(world: World) -> Packaging:
    signals = Signals(world.shelf, world.clock, world.audit)
    return Packaging(world.shelf, world.clock, world.audit, world.hunts, world.runs, signals)


def test_a_package_tells_what_was_found_and_any_change_is_seen(world: World) -> None:
    world.processes("whoami")
    name = world.hunt()
    run = world.runs.run(world.workspace, name, NOW - DAY, NOW)
    said = packaging(world).make(world.owner, name, ANN)
    assert said["runs"][0]["clusters"][0]["title"].endswith("whoami")
    assert said["nextSteps"][0] == "Say what 1 cluster turned out to be."
    assert said["hash"] == package_hash(said)
    assert package_hash({**said, "title": "another"}) != said["hash"]
    signature = run.value.clusters[0].signature
    world.runs.judge(world.owner, name, run.name, signature, Verdict.TRUE_POSITIVE, "seen", ANN)
    assert "true positive" in markdown(packaging(world).make(world.owner, name, ANN))


def test_what_a_log_says_is_no_markup(world: World) -> None:
    hostile = "<img src=x onerror=alert(1)> [a](javascript:x) ```\n# head"
    world.processes(hostile, account="CORP\\<script>alert(1)</script>")
    name = world.hunt()
    world.runs.run(world.workspace, name, NOW - DAY, NOW)
    text = markdown(packaging(world).make(world.owner, name, ANN))
    outside = [line for line in text.splitlines() if "onerror" in line]
    assert outside
    for line in outside:
        # In code, between more backquotes than it holds itself.
        assert line.index("````") < line.index("onerror") < line.rindex("````")
    assert "\n# head" not in text


def test_figures_count_the_same_thing_found_twice_once(world: World) -> None:
    name = world.hunt()
    for day in range(2):
        world.processes("whoami", at=NOW + day * DAY)
        world.clock.at = NOW + day * DAY
        run = world.runs.run(world.workspace, name, NOW + (day - 1) * DAY, NOW + day * DAY)
        signature = run.value.clusters[0].signature
        world.runs.judge(world.owner, name, run.name, signature, Verdict.TRUE_POSITIVE, "seen", ANN)
    figures = packaging(world).figures(world.owner)
    assert figures["all"].true_positives == 1
    assert figures["all"].runs == 2
    assert figures["person"].approval_rate == 1.0
    assert figures["all"].false_positive_rate == 0.0


def test_names_and_literals_of_an_explanation_are_code_and_all_else_is_words() -> None:
    assert told('Keeps rows where `File*` is `"a_b.exe"` [so].') == 'Keeps rows where `File*` is `"a_b.exe"` \\[so\\].'
    # What isn't in pairs is no code.
    assert told("Keeps `a <b>") == "Keeps \\`a \\<b\\>"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("see https://evil.example/login", r"see https\://evil.example/login"),
        ("www.evil.example", r"www\.evil.example"),
        ("mailto:a@evil.example", r"mailto\:a\@evil.example"),
        ("[Sign in](https://evil.example)", r"\[Sign in\]\(https\://evil.example\)"),
        ("- a list\n- of two", r"\- a list - of two"),
        ("1. first", r"1\. first"),
        ("=====", r"\====="),
        ("10.0.0.1 was seen", "10.0.0.1 was seen"),
    ],
)
def test_words_are_no_link_no_list_and_no_heading(said: str, shown: str) -> None:
    assert words(said) == shown
    assert told(said) == shown


def test_no_name_of_a_technique_or_a_table_is_markup(world: World) -> None:
    name = world.hunt()
    hostile = ["[x](javascript:alert(1))", "<b>https://evil.example"]
    world.hunts.describe(world.owner, name, ANN, techniques=hostile, tables=hostile)
    text = markdown(packaging(world).make(world.owner, name, ANN))
    assert "[x]" not in text
    assert "<b>" not in text
    assert "https://" not in text


def test_code_holds_its_own_backquotes() -> None:
    assert (code("a``b"), code("x")) == ("``` a``b ```", "`x`")
