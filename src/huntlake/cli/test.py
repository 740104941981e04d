"""`huntlake test`: the tests beside rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.outcomes import Format, tell, write
from huntlake.cli.place import Home, opened, workspace_of
from huntlake.cli.screen import note
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from huntlake.detection.testing.elsewhere import Ask
    from huntlake.detection.testing.proving import Outcome, Prover

_LOOK_EVERY = 0.5
"""Seconds between two looks at the files that are watched."""


def prove(
    paths: Annotated[list[Path], typer.Argument(help="Files of tests, or folders with rules and tests.", exists=True)],
    format: Annotated[Format, typer.Option("--format", "-f", help="The form of what is printed.")] = Format.TEXT,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write that to a file instead.")] = None,
    named: Annotated[str, typer.Option("--filter", "-k", help="Only tests whose name holds this.")] = "",
    min_coverage: Annotated[
        float | None,
        typer.Option(min=0, max=100, metavar="PERCENT", help="Fail where fewer rules are proved to fire."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name the tests that pass, too.")] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Run them again whenever a file changes.")] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="WORKSPACE", help="A remote workspace that must answer each query as it is answered here."
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Run the tests beside rules: events in, expected alerts, entities and incidents out.

    Nothing of a lake is read or kept; with `--against` the lake knows how to reach the workspace. The exit code is 1
    where a test fails or can't be run, where there is none, and where too few rules have a test in which they fire.
    """
    from huntlake.assembly.analytics import PLACES
    from huntlake.detection.testing.proving import Prover
    from huntlake.engines.duckdb.database import Bounds, Database
    from huntlake.engines.geography import NetworkTable

    engine = Database((), Bounds(threads=1), NetworkTable(PLACES))
    asked = _Asked(tuple(paths), format, output, named, min_coverage, verbose)
    try:
        with _asking(against, home) as ask:
            good = _once(Prover(engine, against=ask), asked)
            if watch:
                for _ in _changes(asked.paths):
                    good = _once(Prover(engine, against=ask), asked)
    finally:
        engine.close()
    if not good:
        raise typer.Exit(1)


@contextmanager
def _asking(against: str | None, home: Path | None) -> Iterator[Ask | None]:
    """What asks the remote workspace of that name, within the block; None where there is no name."""
    if against is None:
        yield None
        return
    from huntlake.workspace.query import Answer, QueryOptions

    with opened(home) as lake:
        place = workspace_of(lake, against)
        if not place.remote:
            raise Invalid(f"{place.name} is no remote workspace; `huntlake workspace add NAME --remote URL` makes one")

        def ask(text: str, now: datetime) -> Answer:
            return lake.analytics.queries.run(place, text, QueryOptions(max_bytes=None, now=now))

        yield ask


@dataclass(frozen=True)
class _Asked:
    paths: tuple[Path, ...]
    format: Format
    output: Path | None
    named: str
    min_coverage: float | None
    verbose: bool


def _once(prover: Prover, asked: _Asked) -> bool:
    """Run all tests, say what came of them, and whether that is good."""
    outcomes = []
    for file in _tests(asked.paths):
        for outcome in prover.outcomes(file, asked.named):
            outcomes.append(outcome)
            if asked.format is Format.TEXT and asked.output is None:
                tell(outcome, asked.verbose)
    if asked.format is not Format.TEXT or asked.output is not None:
        write(outcomes, asked.format, asked.output)
    failed = sum(not o.passed for o in outcomes)
    seconds = sum(o.seconds for o in outcomes)
    note(f"{len(outcomes)} tests: {len(outcomes) - failed} passed, {failed} failed, in {seconds:.1f} s")
    return _is_covered(asked, outcomes) and bool(outcomes) and not failed


def _is_covered(asked: _Asked, outcomes: Sequence[Outcome]) -> bool:
    from huntlake.detection.content import Content, ContentKind, contents
    from huntlake.detection.testing.proving import uncovered

    found = (c for path in asked.paths if path.is_dir() for c in contents(path))
    rules = [c.path for c in found if isinstance(c, Content) and c.kind is ContentKind.ANALYTIC_RULE]
    if not rules:
        return True
    without = uncovered(rules, outcomes)
    share = 100 * (1 - len(without) / len(rules))
    note(f"{len(rules) - len(without)} of {len(rules)} rules ({share:.0f} %) have a test in which they fire")
    if asked.min_coverage is None or share >= asked.min_coverage:
        return True
    for path in without:
        note(f"  without: {path}")
    return False


def _tests(paths: Sequence[Path]) -> Iterator[Path]:
    """Each file of tests once, in the order of the names; a file that is named is one, whatever its name."""
    from huntlake.detection.testing.reading import is_tests

    seen = set()
    for path in paths:
        for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if is_tests(p)):
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def _changes(paths: Sequence[Path]) -> Iterator[None]:
    """Something whenever a file below the paths has changed; Ctrl+C ends it."""
    import time

    note("watching; Ctrl+C ends it")
    before = _stamps(paths)
    while True:
        time.sleep(_LOOK_EVERY)
        now = _stamps(paths)
        if now != before:
            before = now
            yield


def _stamps(paths: Sequence[Path]) -> dict[Path, int]:
    stamps = {}
    for path in paths:
        for file in [path, *path.parent.glob("*")] if path.is_file() else path.rglob("*"):
            try:
                if file.is_file():
                    stamps[file] = file.stat().st_mtime_ns
            except OSError:
                continue  # it went between two looks
    return stamps
