"""The rows of an answer, as a table, JSON, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from huntlake.cli.screen import console, is_terminal, note, printable, show_table
from huntlake.core.errors import Invalid
from huntlake.kql.types import NUMBERS

if TYPE_CHECKING:
    from huntlake.workspace.commands import CommandTable
    from huntlake.workspace.query import ResultTable

    Table = ResultTable | CommandTable


class Output(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


def check(output: Output, to: Path | None) -> None:
    """Refuse what can't be written there, before any query runs."""
    if output is Output.TABLE and to is not None:
        raise typer.BadParameter("a table is for reading: with `--to`, `--output` is json, jsonl, csv or parquet")
    if output is Output.PARQUET and to is None and is_terminal():
        raise typer.BadParameter("Parquet is not for a terminal: name a file with `--to`, or pipe it")


def write(tables: Sequence[Table], output: Output, to: Path | None) -> None:
    """Write the rows of each table, to the file `to` or to standard output.

    Values have the forms of Kusto's JSON answers: times in ISO 8601, timespans `d.hh:mm:ss`, decimals as text.
    In Parquet they have types: timespans are whole numbers of 100 ns there, `dynamic` is JSON text.
    """
    if output is Output.PARQUET:
        _write_parquet(tables, to)
        return
    if to is None:
        for nth, table in enumerate(tables):
            if nth and output in (Output.TABLE, Output.CSV):
                print()
            if output is Output.TABLE:
                _print_table(table)
            else:
                _write_text(table, output, sys.stdout.buffer, escape=is_terminal())
        sys.stdout.flush()
        return
    with _opened(to) as file:
        for table in tables:
            _write_text(table, output, file, escape=False)
    note(f"{sum(t.row_count for t in tables):,} rows in {to}")


def rows_of(table: Table) -> Iterator[list[Any]]:
    """The rows, as values of Kusto's JSON answers."""
    # The library in C would turn numbers of more than 64 bits, which a `dynamic` may hold, into floating point.
    for chunk in table.json_rows():
        yield from json.loads(b"[" + chunk + b"]")


def _print_table(table: Table) -> None:
    rows = [[_shown(v) for v in row] for row in rows_of(table)]
    show_table([c.name for c in table.columns], rows, [c.type in NUMBERS for c in table.columns])
    if is_terminal():
        console(stderr=True).print(f"{len(rows):,} row{'' if len(rows) == 1 else 's'}", style="dim")


def _write_text(table: Table, output: Output, file: Any, *, escape: bool) -> None:
    """Write JSON, JSON lines or CSV as UTF-8. To a terminal, characters that it would obey are escaped."""

    def put(text: str) -> None:
        if escape:
            text = printable(text, keep="\n") if output is Output.CSV else _json_printable(text)
        # A `dynamic` may hold half of a surrogate pair, which UTF-8 can't write and JSON's own escape can.
        file.write(text.encode("utf-8", "backslashreplace"))

    names = [c.name for c in table.columns]
    match output:
        case Output.CSV:
            put(_csv_line(names))
            for row in rows_of(table):
                put(_csv_line([_shown(v) for v in row]))
        case Output.JSONL:
            for row in rows_of(table):
                put(_json(dict(zip(names, row, strict=True))) + "\n")
        case _:
            opening = "["
            for row in rows_of(table):
                put(f"{opening}\n{_json(dict(zip(names, row, strict=True)))}")
                opening = ","
            put("[]\n" if opening == "[" else "\n]\n")


def _write_parquet(tables: Sequence[Table], to: Path | None) -> None:
    from huntlake.workspace import parquet
    from huntlake.workspace.commands import CommandTable

    if len(tables) != 1:
        raise Invalid(f"a Parquet file holds one table, and the query has {len(tables)} results")
    table = tables[0]
    if isinstance(table, CommandTable):
        raise Invalid("the answer of a command can't be written as Parquet; take json, jsonl or csv")
    with _opened(to) as file:
        parquet.write(table, file)
    if to is not None:
        note(f"{table.row_count:,} rows in {to}")


def _opened(to: Path | None) -> Any:
    if to is None:
        return io.FileIO(sys.stdout.fileno(), "wb", closefd=False)
    try:
        return to.open("wb")
    except OSError as error:
        raise Invalid(f"{to} can't be written: {error.strerror}") from error


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case _:
            return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _json_printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else "".join(f"\\u{u:04x}" for u in _units(c)) for c in text)


def _units(character: str) -> list[int]:
    data = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(data[i : i + 2]) for i in range(0, len(data), 2)]


def _csv_line(values: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
