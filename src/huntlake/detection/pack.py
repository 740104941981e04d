"""The rules that huntlake brings along, each with its tests beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from huntlake.core.errors import Invalid
from huntlake.detection.content import Content, ContentKind, Refused, contents
from huntlake.detection.rule_tests import RuleTest
from huntlake.detection.rules import AnalyticRule
from huntlake.detection.testing.portable import apart
from huntlake.detection.testing.tables import CatalogueTables
from huntlake.workspace.catalogue import Catalogue

PACK = Path(__file__).parent.parent / "content" / "rules"
"""Where the rules and their tests are."""


def pack(folder: Path = PACK) -> tuple[Content, ...]:
    """Every rule of the pack, in the order of the files' names; `Invalid` where one can't be read."""
    return tuple(_rules(folder))


def named_rules(folder: Path = PACK) -> tuple[tuple[str, AnalyticRule], ...]:
    """The rules by the names that they are kept under."""
    return tuple((c.name, c.described.rule) for c in pack(folder) if c.described is not None)


def pack_tests(folder: Path = PACK) -> Mapping[str, Sequence[tuple[str, RuleTest]]]:
    """The tests of each rule, by the rule's name, each under its own."""
    tables = CatalogueTables(Catalogue())
    return {c.name: apart(c.path.with_suffix(".test.yaml"), tables, folder) for c in pack(folder)}


def _rules(folder: Path) -> Iterator[Content]:
    for one in contents(folder):
        if isinstance(one, Refused):
            raise Invalid(one.reason)
        if one.kind is ContentKind.ANALYTIC_RULE:
            yield one
