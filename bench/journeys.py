"""What people do with the pages, counted: the tests of the browser are run, and what came of them is written down.

Journeys are tests marked `journey`, by what a person does from beginning to end.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from bench import figures

TESTS = Path(__file__).resolve().parents[1] / "tests" / "browser"
PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pages"
JOURNEYS = 10
BY = "make journeys"


class Told:
    """Hears from pytest what became of each test."""

    def __init__(self) -> None:
        self.journeys: dict[str, list[bool]] = defaultdict(list)
        self.axe: list[bool] = []
        self.markup: list[bool] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        """Note a test that has passed or failed; one that was skipped is neither."""
        report = yield
        if report.failed or (report.when == "call" and report.passed):
            for mark in item.iter_markers("journey"):
                self.journeys[mark.args[0]].append(report.passed)
            if "test_axe_" in item.name:
                self.axe.append(report.passed)
            if "test_markup" in item.path.name and "markup" in item.name:
                self.markup.append(report.passed)
        return report


def main() -> int:
    """Runs the tests of the browser and writes the figures; what pytest's exit code is."""
    os.environ["HUNTLAKE_JOURNEYS"] = "1"
    told = Told()
    code = pytest.main([str(TESTS), "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[told])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not told.axe:
        print("the tests of the browser did not run: nothing is written down")
        return int(code) or 1
    ended = sum(all(passed) for passed in told.journeys.values())
    unit = f"of {len(told.journeys)} journeys end to end in a browser before a server of the demo"
    figures.write("pages.1", ended, unit, goal="10", met=ended == len(told.journeys) >= JOURNEYS, by=BY)
    wrong = told.axe.count(False)
    figures.write(
        "pages.3", wrong, f"of {len(told.axe)} pages (light and dark) with a serious violation", "0", not wrong, by=BY
    )
    ran = told.markup.count(False)
    unit = f"of {len(told.markup)} walks in which one of over 100 texts of markup was more than text"
    figures.write("pages.4", ran, unit, goal="0", met=not ran, by=BY)
    pictures = len(list(PICTURES.glob("*.png")))
    figures.write("pages.5", pictures, "pictures of pages, light and dark, in docs/pages", by="make pictures")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
