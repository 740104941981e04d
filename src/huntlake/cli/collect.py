"""`huntlake collect`: data collection rules, and records through them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, opened
from huntlake.cli.screen import note
from huntlake.core.errors import Invalid, NotFound

app = typer.Typer(
    help="Keep data collection rules: streams of records, a transformation in KQL, the tables that take the rows.",
    no_args_is_help=True,
)

Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the list.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The rule's name.")]
Content = Annotated[Path, typer.Argument(metavar="FILE", help="A file; `-` is stdin.")]


@app.command()
def create(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The rule in JSON, as Azure writes it; `-` is stdin.")],
    name: Annotated[str | None, typer.Option("--name", "-n", help="The rule's name, where the file has none.")] = None,
    home: Home = None,
) -> None:
    """Keep a rule, in place of one of that name; its tables are made, or get the columns that they lack."""
    from huntlake.workspace.collection import definition_of

    resource = _object(file)
    called = name or resource.get("name") or (file.stem if str(file) != "-" else "")
    if not isinstance(called, str) or not called:
        raise Invalid("the rule has no name: say it with `--name`")
    with opened(home) as lake:
        kept = lake.collection.rules.put(called, definition_of(resource)).value
        tables = sorted({flow.table for flow in lake.collection.rules.compiled(kept)})
    note(f"{kept.name} takes records as {kept.immutable_id}, into {', '.join(tables)}")


@app.command("list")
def list_(home: Home = None, output: Output = Listing.TABLE) -> None:
    """List the rules, and what became of the records that were sent to them."""
    with opened(home) as lake:
        rows = []
        for rule in (d.value for d in lake.collection.rules.list()):
            counts = lake.collection.counts(rule)
            streams = sorted({s for f in rule.definition.flows for s in f.streams})
            rows.append(
                (rule.name, rule.immutable_id, streams, counts.received, counts.stored, counts.dropped, counts.rejected)
            )
    numbers = {"received", "stored", "dropped", "rejected"}
    show(
        ["name", "immutable id", "streams", "received", "stored", "dropped", "rejected"], rows, output, numbers=numbers
    )


@app.command("show")
def show_(name: Name, home: Home = None) -> None:
    """Print a rule as Azure writes it, with what became of its records."""
    from huntlake.workspace.collection import resource_of

    with opened(home) as lake:
        rule = lake.collection.rules.get(name).value
        counts = lake.collection.counts(rule)
        told = resource_of(rule.definition)
        told["name"] = rule.name
        told["properties"]["immutableId"] = rule.immutable_id
    print(json.dumps(told, indent=2, ensure_ascii=False))
    note(f"{counts.received:,} records came; {_told(counts.stored, counts.dropped, counts.rejected)}")
    for field, number in counts.unknown.items():
        note(f"the field {field} of {number:,} records was left out: nobody declared it")


@app.command()
def delete(name: Name, home: Home = None) -> None:
    """Forget a rule; its tables and their rows stay."""
    with opened(home) as lake:
        if not lake.collection.delete(name):
            raise NotFound(f"no data collection rule is named `{name}`")
    note(f"{name} is gone")


@app.command()
def send(
    name: Name,
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="The stream, such as `Custom-Events_CL`.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A JSON array, or JSON lines; `-` is stdin.")],
    home: Home = None,
) -> None:
    """Send the records of a file through a rule."""
    from huntlake.workspace.collection.records import records_of_array, records_of_lines

    content = _content(file)
    array = content[:1024].lstrip()[:1] == b"["
    records = records_of_array(content) if array else records_of_lines(content)
    with opened(home) as lake:
        done = lake.collection.take(lake.collection.rules.get(name), stream, records)
    counts = done.counts
    tables = ", ".join(done.tables)
    note(f"{counts.received:,} records; {_told(counts.stored, counts.dropped, counts.rejected)} ({tables})")
    for field, number in counts.unknown.items():
        note(f"the field {field} of {number:,} records was left out: nobody declared it")


def _told(stored: int, dropped: int, rejected: int) -> str:
    told = f"{stored:,} rows stored, {dropped:,} dropped by transformations"
    return told + (f", {rejected:,} in the table HuntlakeDeadLetters" if rejected else "")


def _object(file: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(_content(file))
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{file} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise Invalid(f"{file} is no JSON object")
    return found


def _content(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"no file is at {file}") from None
    except OSError as error:
        raise Invalid(f"{file} can't be read: {error.strerror}") from None
