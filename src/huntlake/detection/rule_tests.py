"""The tests of rules that a workspace keeps, and what came of each when it was last run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from huntlake.core.clock import Clock
from huntlake.detection.rules import AnalyticRule
from huntlake.state.documents import Shelf, Write
from huntlake.state.records import Change, Owner, Records

MOST_TESTS = 100
"""Tests that one rule may have."""


@dataclass(frozen=True, slots=True)
class RuleTest:
    """A test of a rule: its text in the form of files of tests, and the name that it says."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class ToldDifference:
    """One thing that wasn't as expected, and the line of the test that expects it."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class ToldAlert:
    """An alert that a test has raised, in a few words."""

    title: str
    severity: str
    entities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TestRun:
    """What came of a test. What it expected and what there was is kept where it failed.

    `rule` is the digest of the rule that was run.
    """

    __test__ = False  # pytest takes it for a test of its own otherwise

    at: datetime
    seconds: float
    rule: str
    differences: tuple[ToldDifference, ...] = ()
    error: str = ""
    expected: str = ""
    alerts: tuple[ToldAlert, ...] = ()
    alert_count: int = 0
    rows: tuple[str, ...] = ()
    row_count: int = 0
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.differences and not self.error


@dataclass(frozen=True, slots=True)
class TestStanding:
    """How a test stands: what it shows, and its last runs; None where it, as it is now, hasn't been run.

    `tried` is that with a rule which wasn't stored then: it counts once the rule is stored like that.
    """

    __test__ = False

    title: str
    ran: TestRun | None = None
    tried: TestRun | None = None

    def last(self, rule: str) -> TestRun | None:
        """Its last run, where the rule of that digest is stored."""
        if self.tried is None or self.tried.rule != rule:
            return self.ran
        return self.ran if self.ran is not None and self.ran.rule == rule else self.tried


def digest(rule: AnalyticRule) -> str:
    """What is the same as long as a rule means the same: whether it is enabled is no part of that."""
    same = replace(rule, enabled=False, last_modified=None)
    return hashlib.sha256(orjson.dumps(same, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()


def standings(shelf: Shelf, clock: Clock) -> Records[TestStanding]:
    """How the tests of each workspace stand, each by `standing_name`: all of them are listed at once."""
    return Records(shelf, clock, "alert rule test standings", TestStanding)


def standing_name(rule: str, test: str) -> str:
    """By what the standing of a test is kept: names of resources hold no slash."""
    return f"{rule}/{test}"


def rule_tests(shelf: Shelf, clock: Clock, kept: Records[TestStanding]) -> Records[RuleTest]:
    """The tests of each rule. Their standings come and go with them."""

    def with_standing(change: Change[RuleTest]) -> Sequence[Write]:
        workspace, rule = change.owner
        owner: Owner = (workspace,)
        name = standing_name(rule, change.name)
        before = kept.find(owner, name)
        if change.after is None:
            return [kept.removal(owner, before)] if before else []
        is_same = change.before is not None and change.before.text == change.after.text
        value = TestStanding(change.after.title)
        if before and is_same:
            value = replace(before.value, title=change.after.title)
        return kept.prepared(owner, before.name if before else name, value, change.by, before)[1]

    return Records(shelf, clock, "alert rule tests", RuleTest, also=with_standing)
