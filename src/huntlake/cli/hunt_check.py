"""`huntlake hunt check`: what is known of a query before anybody runs it as a hunt."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note, printable, show_table
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huntlake.detection.rules import EntityMapping
    from huntlake.hunting.proof.finding import Proof

_SHOWN = 5


def check(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A file of KQL or of a hunting query; - reads KQL.")],
    run: Annotated[bool, typer.Option("--run", help="Run it over history too, in a process of its own.")] = False,
    days: Annotated[int, typer.Option("--days", min=7, max=30, help="Days of history that --run looks at.")] = 14,
    period: Annotated[str, typer.Option("--period", help="The time that one run looks at, such as 1d.")] = "1d",
    parameters: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", metavar="NAME=LITERAL", help="A value, as KQL writes it.")
    ] = None,
    entities: Annotated[
        list[str] | None,
        typer.Option("--entity", metavar="TYPE.IDENTIFIER=COLUMN", help="Account.FullName=UserPrincipalName"),
    ] = None,
    rows: Annotated[int, typer.Option("--rows-a-day", min=1, help="More rows a day are an error.")] = 50,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="What one run may take.")] = 60.0,
    memory: Annotated[int, typer.Option("--memory", min=16, help="MiB that a run may take.")] = 1024,
    read: Annotated[int, typer.Option("--read", min=1, help="MiB of files that one run may read.")] = 2048,
    must_hit: Annotated[
        list[Path] | None, typer.Option("--must-hit", exists=True, help="Recorded data that it must find.")
    ] = None,
    must_stay_quiet: Annotated[
        list[Path] | None, typer.Option("--must-stay-quiet", exists=True, help="Recorded data that it must not.")
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Propose what would mend a query that isn't valid.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Annotated[Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")] = (
        Listing.TABLE
    ),
) -> None:
    """Say whether a query may be a hunt: its text, its safety, its cost, its columns; with --run what it finds.

    The exit code is 1 where a finding is an error.
    """
    from datetime import timedelta

    from huntlake.detection.durations import duration
    from huntlake.hunting.proof.content import Caps, Question, Window
    from huntlake.hunting.proof.finding import Expectation
    from huntlake.hunting.proof.recordings import recording
    from huntlake.hunting.proof.showing import lines, proposed, told

    each = duration(period)
    if not each:
        raise Invalid(f"`{period}` is no time such as `1d`")
    caps = Caps(rows, seconds, read << 20, memory)
    recordings = [recording(p, Expectation.MUST_HIT) for p in must_hit or ()]
    recordings += [recording(p, Expectation.MUST_STAY_QUIET) for p in must_stay_quiet or ()]
    given = tuple(_pair(p, "NAME=LITERAL") for p in parameters or ())
    mapped = tuple(_entities(entities or []))
    failed, answers = False, []
    with opened(home) as lake:
        place, now = workspace_of(lake, workspace), lake.clock.now()
        for query, known in _queries(file):
            asked = Question(query, given, Window(each), caps, mapped or known)
            if run or recordings:
                past = timedelta(days=days)
                proof = lake.hunting.prover.prove(place, asked, history=past, now=now, recordings=lambda _: recordings)
            else:
                proof = lake.hunting.prover.validate(place, asked, now)
            failed |= any(f.level == "error" for f in proof.findings)
            mended = lake.hunting.prover.repair(place, asked, proof, now) if repair else None
            if output is Listing.JSON:
                answers.append(told(proof, query) | ({"repair": proposed(mended, query)} if repair else {}))
                continue
            name = "query" if file == "-" else file
            for line in lines(proof.findings, query, name):
                print(printable(line))
            _tell(proof)
            if mended is not None:
                for line in lines(mended.repairs, query, name):
                    print(printable(line))
                print(printable(mended.query, keep="\n"))
                note("proposed; it is valid" if mended.is_whole else "proposed; more is wrong with it")
            elif repair and not proof.is_valid:
                note("no repair is known")
    if output is Listing.JSON:
        print(json.dumps(answers if len(answers) != 1 else answers[0], indent=2, default=str))
    if failed:
        raise typer.Exit(1)


def _queries(file: str) -> Iterator[tuple[str, tuple[EntityMapping, ...]]]:
    from huntlake.detection.content import ContentKind, read

    if file == "-":
        yield sys.stdin.read(), ()
        return
    path = Path(file)
    if not path.is_file():
        raise Invalid(f"no file is at {file}")
    found = [c for c in read(path) if c.kind is not ContentKind.FUNCTION]
    if not found:
        raise Invalid(f"{file} holds no query")
    for content in found:
        yield content.query, content.described.rule.entity_mappings if content.described else ()


def _pair(text: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name.strip() or not equals:
        raise Invalid(f"`{text}` is not of the form {form}")
    return name.strip(), value


def _entities(given: list[str]) -> Iterator[EntityMapping]:
    from huntlake.detection.rules import EntityMapping, FieldMapping

    mapped: dict[str, list[FieldMapping]] = {}
    for text in given:
        named, column = _pair(text, "TYPE.IDENTIFIER=COLUMN")
        type, dot, identifier = named.partition(".")
        if not dot:
            raise Invalid(f"`{text}` is not of the form TYPE.IDENTIFIER=COLUMN")
        mapped.setdefault(type, []).append(FieldMapping(identifier, column.strip()))
    for type, fields in mapped.items():
        yield EntityMapping(type, tuple(fields))


def _tell(proof: Proof) -> None:
    counts = ", ".join(f"{sum(f.level == level for f in proof.findings)} {level}s" for level in ("error", "warning"))
    said = [counts, f"weight {proof.weight}"]
    if proof.cost is not None:
        tables = ", ".join(proof.cost.tables[:_SHOWN]) + ", …" * (len(proof.cost.tables) > _SHOWN)
        said.append(f"one run reads up to {proof.cost.bytes:,} bytes of {tables or 'no table'}")
    print("; ".join(said))
    for check in proof.checks:
        print(
            printable(f"{check.recording}: {check.expectation}: {'yes' if check.passed else 'NO'}, {check.rows} rows")
        )
    run, volume = proof.dry_run, proof.volume
    if run is None:
        return
    if volume is not None:
        print(f"{volume.a_day:.1f} rows a day ({volume.low:.1f} to {volume.high:.1f}), by {volume.sampled}")
    about = ", ".join(f"{count} of the type {kind}" for kind, count in run.entities)
    span = f"{run.since:%Y-%m-%d} to {run.until:%Y-%m-%d}"
    print(f"{run.rows} rows from {span}{f', about {about}' if about else ''}; {run.seconds:.2f} s at most")
    if run.daily:
        print("by day: " + ", ".join(f"{day[5:]} {count}" for day, count in run.daily))
    if run.sample:
        heads = [n for n in run.sample[0] if any(row.get(n) not in (None, "") for row in run.sample)]
        show_table(heads, [[printable(str(row.get(n, ""))) for n in heads] for row in run.sample[:_SHOWN]])
        if len(run.sample) > _SHOWN:
            note(f"{len(run.sample)} rows are kept: --format json shows all")
