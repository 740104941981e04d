"""How long queries take to compile: a few of every kind, and two that try the compiler's depth."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from time import process_time

from bench import figures
from huntlake.core.diagnostics import SourceError
from huntlake.demo.generator import TABLES
from huntlake.kql.compiler import compile_kql
from huntlake.kql.types import Column
from huntlake.workspace.catalogue import Catalogue

COMMUNITY = Path(__file__).resolve().parents[2] / "shared" / "community" / "queries.jsonl"
GOAL_MS = 5


class Schema:
    """The catalogue's tables; those of the demo have rows."""

    def __init__(self) -> None:
        self._catalogue = Catalogue()

    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        found = self._catalogue.table(name)
        return found.columns if found else None

    def table_names(self, workspace: str | None = None) -> Iterable[str]:
        return self._catalogue.names()

    def tables_with_rows(self, workspace: str | None = None) -> Iterable[str]:
        return TABLES

    def function(self, name: str, workspace: str | None = None) -> str | None:
        return None

    def external(self, uris: Sequence[str], columns: Sequence[Column], properties: Mapping[str, object]) -> str | None:
        return None


def milliseconds(text: str, schema: Schema) -> float | None:
    """How much of a processor's time it takes `text` to become SQL; None where it is refused."""
    started = process_time()
    try:
        for table in compile_kql(text, schema).results:
            table.sql({scan.relation: "select 1" for scan in table.scans})
    except SourceError:
        return None
    return (process_time() - started) * 1000


def main() -> None:
    schema = Schema()
    schema.table("SigninLogs")
    ors = "SigninLogs | where " + " or ".join(f'UserPrincipalName == "user{i}"' for i in range(5000))
    deep = "SigninLogs | where " + "(" * 200 + "true" + ")" * 200
    for name, what, text in (("5b", "an `or` of 5,000 terms", ors), ("5c", "200 nested parentheses", deep)):
        took = milliseconds(text, schema)
        if took is None:
            raise SystemExit(f"{what} doesn't compile")
        figures.write(f"main-job.{name}", took, f"ms to compile {what}", "it compiles", True, by="make bench")
    if not COMMUNITY.exists():
        print("the community queries are not here: their mean is not measured")
        return
    texts = [json.loads(line)["query"] for line in COMMUNITY.read_text(encoding="utf-8").splitlines()]
    for text in texts[:50]:  # what is loaded once shouldn't count
        milliseconds(text, schema)
    times = [t for t in (milliseconds(text, schema) for text in texts) if t is not None]
    average = mean(times)
    unit = "ms to compile a community query, on average"
    figures.write("main-job.5", average, unit, f"<= {GOAL_MS}", average <= GOAL_MS, by="make bench")
    figures.write("main-job.5d", max(times), "ms to compile the slowest community query", by="make bench")


if __name__ == "__main__":
    main()
