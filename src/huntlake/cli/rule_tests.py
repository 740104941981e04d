"""`huntlake rule test` and `export`: the tests that a workspace keeps of its rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.outcomes import Format, tell, write
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note
from huntlake.core.errors import Conflict

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.detection.testing.proving import Outcome
    from huntlake.detection.testing.stored import Tested
    from huntlake.workspace.workspaces import Workspace

Rules = Annotated[list[str] | None, typer.Argument(metavar="[RULE]...", help="Their names; all without any.")]


def prove(
    rules: Rules = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="The form of what is printed.")] = Format.TEXT,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write that to a file instead.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name the tests that pass, too.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Run the tests that a workspace keeps of its rules, and keep what came of them.

    No row of the lake is read. The exit code is 1 where a test fails or can't be run, and where there is none.
    """
    outcomes = []
    with opened(home) as lake:
        for outcome in _outcomes(lake, workspace_of(lake, workspace), rules):
            outcomes.append(outcome)
            if format is Format.TEXT and output is None:
                tell(outcome, verbose)
    if format is not Format.TEXT or output is not None:
        write(outcomes, format, output, "huntlake rule test")
    failed = sum(not o.passed for o in outcomes)
    seconds = sum(o.seconds for o in outcomes)
    note(f"{len(outcomes)} tests: {len(outcomes) - failed} passed, {failed} failed, in {seconds:.1f} s")
    if failed or not outcomes:
        raise typer.Exit(1)


def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files are written.", file_okay=False)],
    rules: Rules = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Write rules as YAML in the public form, each with its tests beside it, for `huntlake test` and `content add`."""
    from huntlake.detection.testing.portable import named, together

    files: dict[Path, str] = {}
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        owner = (place.name,)
        kept = lake.detection.rules
        chosen = [kept.get(owner, name) for name in rules] if rules else kept.list(owner)
        for document in chosen:
            stem = named(document.value.display_name, {path.stem for path in files})
            files[folder / f"{stem}.yaml"] = lake.drafts.of(place, document.name).text
            if tests := lake.rule_tests.list(place, document.name):
                files[folder / f"{stem}.test.yaml"] = together(one.value.text for one in tests)
    there = [path for path in files if path.exists()]
    if there and not force:
        raise Conflict(f"{there[0]} is there already; `--force` writes over it")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    beside = sum(path.name.endswith(".test.yaml") for path in files)
    note(f"{len(files) - beside} rules and {beside} files of tests are in {folder}")


def _outcomes(lake: App, place: Workspace, rules: list[str] | None) -> Iterator[Outcome]:
    from huntlake.engines.cancellation import Cancellation

    names = rules if rules else sorted(lake.rule_tests.tallies(place))
    with lake.rule_tests.process() as process:
        for name in names:
            for one in lake.rule_tests.run(place, name, Cancellation(), process=process):
                yield _outcome(name, one)


def _outcome(rule: str, tested: Tested) -> Outcome:
    from huntlake.detection.testing.matching import Difference
    from huntlake.detection.testing.proving import Outcome

    ran = tested.ran
    return Outcome(
        Path(rule) / tested.name,
        Path(rule),
        tested.title,
        1,
        ran.seconds,
        tuple(Difference(d.line, d.text) for d in ran.differences),
        ran.error,
        notes=ran.notes,
    )
