"""Tests of rules: kept below their rule, run, and how they stand. This contract is ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.hunting_acting import ReadOnly
from huntlake.api.arm.progress import progress_to
from huntlake.api.arm.resource import SENTINEL, WORKSPACE, LongWork, Place, Resource, Tell
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.core.errors import Invalid, NotFound, Refused
from huntlake.detection.marked import LONGEST
from huntlake.detection.rule_tests import MOST_TESTS, RuleTest, TestRun, digest
from huntlake.detection.testing.stored import RuleTests, Tally, Tested
from huntlake.engines.cancellation import Cancellation
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner


class Text(Part):
    """A test as YAML; what it is called is said in it."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"displayName", "lastRun"})
    text: str = Field(min_length=1, max_length=LONGEST)


class Chosen(Part):
    """Which tests are to be run, by their names; all where nothing is said."""

    tests: tuple[str, ...] | None = Field(None, max_length=MOST_TESTS)


class TestForm:
    """A test: its text, and what came of it when it was last run."""

    __test__ = False

    def shown(self, place: Place, document: Document[RuleTest]) -> dict[str, Any]:
        """The test's properties."""
        rule, tests = place.names["rule"], place.services.rule_tests
        standing = tests.standing(place.here, rule, document.name)
        test, shown = document.value, None
        if standing is not None and (standing.ran or standing.tried):
            of_rule = digest(place.services.detection.rules.get((place.here.name,), rule).value)
            if (ran := standing.last(of_rule)) is not None:
                shown = ran_shown(ran) | {"isCurrent": ran.rule == of_rule}
        return {"properties": {"displayName": test.title, "text": test.text, "lastRun": shown}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> RuleTest:
        """The test that a text is."""
        return place.services.rule_tests.meant(place.here, read(Text, properties_of(body)).text)


@dataclass(frozen=True)
class Tests:
    """The tests of the rule that the path names."""

    place: Place

    @property
    def _tests(self) -> RuleTests:
        return self.place.services.rule_tests

    def list(self, owner: Owner) -> Sequence[Document[RuleTest]]:
        """All of them."""
        return self._tests.list(self.place.here, owner[1])

    def get(self, owner: Owner, name: str) -> Document[RuleTest]:
        """One of them."""
        return self._tests.detection.rule_tests.get(owner, name)

    def put(
        self, owner: Owner, name: str, value: RuleTest, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[RuleTest], bool]:
        """Keep one."""
        return self._tests.put(self.place.here, owner[1], name, value, by, only)

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Forget one."""
        return self._tests.detection.rule_tests.delete(owner, name, only, self.place.author)


class Tallies(ReadOnly):
    """How the tests of each rule stand, by the rule."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def list(self, owner: Owner) -> Sequence[Document[Tally]]:
        """Those of all rules that have tests."""
        found = self._place.services.rule_tests.tallies(self._place.here)
        return [Document(rule, found[rule], "") for rule in sorted(found)]

    def get(self, owner: Owner, name: str) -> Document[Tally]:
        """Those of one rule."""
        for document in self.list(owner):
            if document.name.lower() == name.lower():
                return document
        raise NotFound(f"no rule with tests is named `{name[:60]}`")


class TallyForm:
    """How many tests there are, and what came of them."""

    def shown(self, place: Place, document: Document[Tally]) -> dict[str, Any]:
        """The counts."""
        return {"properties": asdict(document.value)}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Tally:
        """Nobody writes them."""
        raise Refused("how tests stand can only be read")


def ran_shown(ran: TestRun) -> dict[str, Any]:
    """What came of a test, as it is told."""
    return {
        "passed": ran.passed,
        "timeUtc": ran.at,
        "seconds": round(ran.seconds, 3),
        "error": ran.error or None,
        "differences": [asdict(d) for d in ran.differences],
        "expected": ran.expected,
        "alerts": [asdict(a) for a in ran.alerts],
        "alertCount": ran.alert_count,
        "rows": list(ran.rows),
        "rowCount": ran.row_count,
        "notes": list(ran.notes),
    }


def tested(found: Sequence[Tested]) -> dict[str, Any]:
    """What came of some tests, as the last line tells it."""
    passed = sum(one.ran.passed for one in found)
    tests = [{"name": one.name or None, "displayName": one.title, **ran_shown(one.ran)} for one in found]
    return {"properties": {"passed": passed, "failed": len(found) - passed, "tests": tests}}


def _work(place: Place, names: Sequence[str] | None, cancellation: Cancellation, tell: Tell) -> object:
    rule = place.names["rule"]
    return tested(place.services.rule_tests.run(place.here, rule, cancellation, progress_to(tell, "tests"), names))


def _run_some(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    asked = read(Chosen, properties_of(body))
    tests = place.services.detection.rule_tests
    for one in asked.tests or ():
        tests.get(place.owner, one)
    return 200, LongWork(partial(_work, place, asked.tests))


def _run_one(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    if properties_of(body):
        raise Invalid("a run of one test takes no `properties`")
    return 200, LongWork(partial(_work, place, (name,)))


TESTS: Resource[RuleTest] = Resource(
    type="huntlake.Detection/tests",
    path=f"{SENTINEL}/alertRules/{{rule}}/providers/huntlake.Detection/tests",
    form=TestForm(),
    store=Tests,
    write=Action.AUTHOR,
    posts={"run": (Action.AUTHOR, _run_one)},
    collection_posts={"": (Action.AUTHOR, _run_some)},
)

TALLIES: Resource[Tally] = Resource(
    type="huntlake.Detection/testedRules",
    path=f"{WORKSPACE}/providers/huntlake.Detection/testedRules",
    form=TallyForm(),
    store=Tallies,
)

RESOURCES = (TESTS, TALLIES)
