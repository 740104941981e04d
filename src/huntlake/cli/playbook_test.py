"""`huntlake playbook test`: the tests beside playbooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.outcomes import Format, tell, write
from huntlake.cli.screen import note

if TYPE_CHECKING:
    from huntlake.playbooks.testing.proving import Outcome


def prove(
    paths: Annotated[
        list[Path], typer.Argument(help="Files of tests, or folders with `*.playtest.yaml`.", exists=True)
    ],
    format: Annotated[Format, typer.Option("--format", "-f", help="The form of what is printed.")] = Format.TEXT,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write that to a file instead.")] = None,
    named: Annotated[str, typer.Option("--filter", "-k", help="Only tests whose name holds this.")] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name the tests that pass, too.")] = False,
) -> None:
    """Run the tests beside playbooks: a trigger and mocks in, actions, effects and responses out.

    Nothing leaves this process, no lake is read or kept, and time passes only where a run waits. The exit code is 1
    where a test fails or can't be run, and where there is none.
    """
    from huntlake.playbooks.deployment.sources import playbook_files
    from huntlake.playbooks.testing.proving import outcomes

    found: list[Outcome] = []
    for file in _tests(paths):
        for outcome in outcomes(file, named, playbook_files):
            found.append(outcome)
            if format is Format.TEXT and output is None:
                tell(outcome, verbose)
    if format is not Format.TEXT or output is not None:
        write(found, format, output, "huntlake playbook test")
    failed = sum(not o.passed for o in found)
    seconds = sum(o.seconds for o in found)
    note(f"{len(found)} tests: {len(found) - failed} passed, {failed} failed, in {seconds:.1f} s")
    if failed or not found:
        raise typer.Exit(1)


def _tests(paths: Sequence[Path]) -> Iterator[Path]:
    """Each file of tests once, in the order of the names; a file that is named is one, whatever its name."""
    from huntlake.playbooks.testing.reading import is_tests

    seen = set()
    for path in paths:
        for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if is_tests(p)):
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file
