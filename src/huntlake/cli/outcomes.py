"""What came of tests, for people and for build servers: the same for tests of rules and of playbooks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from huntlake.cli.screen import printable

if TYPE_CHECKING:
    from huntlake.detection.testing.reports import Outcome


class Format(StrEnum):
    """In which form the outcome is printed."""

    TEXT = "text"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"


def tell(outcome: Outcome, verbose: bool) -> None:
    """Print what is wrong with a test; with `verbose` its name, too, where nothing is."""
    from huntlake.detection.testing.reports import problems

    if outcome.passed and not verbose:
        return
    print(printable(_line(outcome)))
    for line, text in problems(outcome):
        first, *rest = text.splitlines()
        print(printable(f"  {outcome.path}:{line}: {first}"))
        for more in rest:
            print(printable(f"    {more}"))
    for text in outcome.notes if not outcome.passed else ():
        print(printable(f"  note: {text}"))


def write(outcomes: Sequence[Outcome], format: Format, output: Path | None, name: str = "huntlake test") -> None:
    """Write all outcomes in a form, to a file or to standard output; `name` is what JUnit calls them all."""
    from importlib.metadata import version

    from huntlake.detection.testing import reports

    match format:
        case Format.TEXT:
            text = "".join(f"{_line(o)}\n" for o in outcomes)
        case Format.JUNIT:
            text = reports.junit(outcomes, name)
        case Format.SARIF:
            text = reports.sarif(outcomes, version("huntlake"))
        case Format.GITHUB:
            text = reports.github(outcomes)
    if output is not None:
        output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def _line(outcome: Outcome) -> str:
    return f"{'pass' if outcome.passed else 'FAIL'}  {outcome.path}: {outcome.name}"
