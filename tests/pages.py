"""Pages of conformance: a heading names a behaviour, a fence asks, a typed table or a caret picture answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from huntlake.core.clock import FixedClock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.engines.duckdb.database import Bounds, Database
from huntlake.engines.duckdb.sources import memory_sql
from huntlake.engines.geography import NetworkTable
from huntlake.kql import plan
from huntlake.kql.syntax.literals import timespan
from huntlake.kql.types import Column, ScalarType
from huntlake.workspace.query import Queries, QueryOptions, ResultTable, physical_type
from huntlake.workspace.table_sources import Demand, Reading, Scan
from huntlake.workspace.workspaces import Workspace

FOLDER = Path(__file__).parent / "conformance"
TABLES = FOLDER / "README.md"
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
PLACE = Workspace("pages", "00000000-0000-0000-0000-000000000001")

_CASE = re.compile(r"^## (?P<title>[^\n]+)\n(?P<body>.*?^```kql\n.*?^```$)(?P<answer>.*?)(?=^## |\Z)", re.S | re.M)
_FENCE = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)\n?```$", re.S | re.M)
_TABLE = re.compile(r"(?:^\|.*\n?)+", re.M)


@dataclass(frozen=True)
class Case:
    """One behaviour: what is asked, with which parameters, and what the page says the answer is."""

    page: Path
    title: str
    kql: str
    parameters: dict[str, Any]
    answer: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(FOLDER).with_suffix('')}: {self.title}"

    def accept(self, answer: str) -> None:
        """Write `answer` into the page."""
        text = self.page.read_text(encoding="utf-8")
        found = next(m for m in _CASE.finditer(text) if m["title"] == self.title)
        head = text[: found.start()] + f"## {self.title}\n{found['body']}\n\n{answer}\n"
        rest = text[found.end() :].lstrip("\n")
        self.page.write_text(head + (f"\n{rest}" if rest else ""), encoding="utf-8")


def cases() -> list[Case]:
    """Every case of every page."""
    found = []
    for page in sorted(FOLDER.glob("*/**/*.md")):
        text = page.read_text(encoding="utf-8")
        for match in _CASE.finditer(text):
            fences = {m["kind"]: m["text"] for m in _FENCE.finditer(match["body"])}
            parameters = json.loads(fences.get("parameters", "{}"))
            found.append(Case(page, match["title"], fences["kql"], parameters, match["answer"].strip()))
    return found


def answer(kql: str, parameters: dict[str, Any]) -> str:
    """The answer of huntlake, written as a page writes it."""
    try:
        results = _queries().run(PLACE, kql, QueryOptions(parameters=parameters)).tables
        return "\n\n".join(map(_written, results))
    except (SourceError, DomainError) as error:
        return f"```error\n{error}\n```"


def values(kql: str) -> list[list[Any]]:
    """The values of the first row of each table that `kql` gives."""
    results = _queries().run(PLACE, kql).tables
    return [json.loads(b"[" + b",".join(table.json_rows()) + b"]")[0] for table in results]


def rows(kql: str) -> list[list[tuple[Any, ...]]]:
    """The rows of each table that `kql` gives, their values in the physical forms of their types."""
    results = _queries().run(PLACE, kql).tables
    tables = (result.arrow().read_all() for result in results)
    return [list(zip(*(c.to_pylist() for c in table.columns), strict=True)) for table in tables]


# -- tables ---------------------------------------------------------------------


def _written(table: ResultTable) -> str:
    head = [f"{c.name}:{c.type}" for c in table.columns]
    rows = [row for chunk in table.json_rows() for row in json.loads(b"[" + chunk + b"]")]
    cells = [[_cell(v, c.type) for v, c in zip(row, table.columns, strict=True)] for row in rows]
    return "\n".join([_line(head), "|" + "---|" * len(head), *map(_line, cells)])


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(value: Any, type: ScalarType) -> str:
    """A null is an empty cell, and so is the empty string, for a string is never null."""
    if value is None:
        return ""
    if type is ScalarType.DYNAMIC:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("|", "\\u007c")
    if not isinstance(value, str):
        return json.dumps(value)
    plain = value == value.strip() and value.isprintable() and not re.search(r'[|"]', value)
    return value if plain else json.dumps(value, ensure_ascii=False).replace("|", "\\u007c")


def _read(text: str, type: ScalarType) -> Any:
    """The physical value of a cell."""
    if type is ScalarType.STRING:
        return json.loads(text) if text.startswith('"') else text
    if text == "":
        return None
    match type:
        case ScalarType.BOOL:
            return {"true": True, "false": False}[text]
        case ScalarType.INT | ScalarType.LONG:
            return int(text)
        case ScalarType.REAL:
            return float(text)
        case ScalarType.DECIMAL:
            return Decimal(text)
        case ScalarType.DATETIME:
            return datetime.fromisoformat(text).replace(tzinfo=None)
        case ScalarType.TIMESPAN:
            return timespan(text)
        case ScalarType.DYNAMIC:
            return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
        case _:
            return text


def _tables() -> Iterator[tuple[str, tuple[Column, ...], pa.Table]]:
    """The tables that the pages ask: those of README.md."""
    text = TABLES.read_text(encoding="utf-8")
    for section in re.finditer(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.S | re.M):
        table = _TABLE.search(section[2])
        if table is None:
            continue
        head, _, *rows = ([c.strip() for c in line.strip().strip("|").split("|")] for line in table[0].splitlines())
        columns = tuple(Column(n, ScalarType(t)) for n, t in (h.split(":") for h in head))
        values = [[_read(cell, c.type) for cell, c in zip(row, columns, strict=True)] for row in rows]
        arrays = [pa.array([row[i] for row in values], physical_type(c.type)) for i, c in enumerate(columns)]
        yield section[1], columns, pa.table(arrays, names=[c.name for c in columns])


class _Source:
    """The tables of the pages, in memory."""

    def __init__(self, database: Database) -> None:
        self._columns: dict[str, tuple[Column, ...]] = {}
        self._filled: list[str] = []
        for name, columns, table in _tables():
            database.keep(name, table)
            self._columns[name] = columns
            if table.num_rows:
                self._filled.append(name)

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        return self._columns.get(name)

    def names(self, workspace: str) -> Sequence[str]:
        return tuple(self._columns)

    def names_with_rows(self, workspace: str) -> Sequence[str]:
        return tuple(self._filled)

    def known_empty(self, workspace: str, name: str) -> bool:
        return False

    def look(self, workspace: str, demand: Demand) -> None:
        return None

    def hot_paths(self, workspace: str, name: str) -> frozenset[plan.Path]:
        return frozenset()

    def read(self, workspace: str, scan: Scan) -> Reading:
        return Reading(memory_sql(scan.table, scan.columns, scan.sql_names))


@cache
def _queries() -> Queries:
    from huntlake.assembly.analytics import PLACES

    database = Database(bounds=Bounds(threads=2), geography=NetworkTable(PLACES))
    return Queries(database, [_Source(database)], FixedClock(NOW))


CASES = cases()
