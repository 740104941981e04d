"""The files of tests that lie in a folder beside the rules they are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError, Invalid
from huntlake.core.paths import is_below
from huntlake.detection.content import Content, ContentKind
from huntlake.detection.rule_tests import RuleTest
from huntlake.detection.testing.portable import apart, rule_of
from huntlake.detection.testing.reading import sibling
from huntlake.detection.testing.tables import KnownTables


@dataclass(frozen=True, slots=True)
class Beside:
    """A file of tests, the name of its rule, and each test under a name; `wrong` says why it can't be read."""

    path: Path
    rule: str = ""
    tests: tuple[tuple[str, RuleTest], ...] = ()
    wrong: str = ""


def beside(found: Iterable[object], files: Sequence[Path], folder: Path, tables: KnownTables) -> Iterator[Beside]:
    """The tests of the rules that were found; files of tests of something else are passed over."""
    rules: dict[Path, list[Content]] = {}
    for one in found:
        if isinstance(one, Content) and one.kind is ContentKind.ANALYTIC_RULE:
            rules.setdefault(one.path.resolve(), []).append(one)
    for path in files:
        of: Sequence[Content] = ()
        is_inside = is_below(path, folder)
        try:
            if not is_inside:
                raise Invalid("the file is a link that leads out of the folder")
            named = rule_of(path)
            if not (is_inside := is_below(named, folder)):
                raise Invalid("its rule is not in the folder that is brought in")
            of = rules.get(named.resolve(), [])
            if len(of) > 1:
                raise Invalid(f"{named.name} holds {len(of)} rules, and a file of tests is about one")
            if of:
                yield Beside(path, of[0].name, apart(path, tables, folder))
        except (SourceError, DomainError, OSError, UnicodeDecodeError) as error:
            near = sibling(path)
            if of or not is_inside or (is_below(near, folder) and near.resolve() in rules):
                head = str(error).splitlines()[0] if str(error) else type(error).__name__
                yield Beside(path, wrong=head)
