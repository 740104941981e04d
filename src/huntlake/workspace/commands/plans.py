"""The command that tells how a query would be answered, without running it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any

import orjson

from huntlake.kql.syntax.commands import Tail
from huntlake.kql.syntax.literals import timespan_text
from huntlake.workspace.commands.context import Context
from huntlake.workspace.commands.declaration import Need, Rows, command
from huntlake.workspace.query import Explanation, ScanExplanation


@command(".show queryplan <query>", Need.READ, "ResultType:string, Format:string, Content:string")
def show_queryplan(c: Context, query: Tail) -> Rows:
    """How a query would be answered, which isn't run: what it would read of the files, its SQL, the engine's plan."""
    workspace = c.workspace()
    began = monotonic()
    with c.behind(query) as text:
        explained = c.queries.explain(workspace, text, c.options, c.cancellation, workspaces=c.readable)
    # Where on the disk the lake lies is nobody's business who may only read it.
    root = f"{c.lake.root}/"
    results = [_result(one, root) for one in explained]
    took = timespan_text(round((monotonic() - began) * 10_000_000))
    scans = [scan for one in explained for scan in one.scans]
    sizes = {"PlanSize": sum(len(r["Plan"]) for r in results), "RelopSize": sum(len(r["Sql"]) for r in results)}
    plan = {"TotalRowCount": sum(s.read.rows for s in scans), "RootOperator": {"Results": results}}
    yield ["QueryText", "text", query.text.strip()]
    yield ["QueryPlan", "json", orjson.dumps(plan, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z).decode()]
    yield ["Stats", "json", orjson.dumps({"Duration": took, **sizes}).decode()]


def _result(one: Explanation, root: str) -> dict[str, Any]:
    return {
        "Name": one.name,
        "Columns": [{"ColumnName": c.name, "ColumnType": c.type.value} for c in one.columns],
        "Sql": one.sql.replace(root, ""),
        "Plan": one.plan.replace(root, ""),
        "Scans": list(_scans(one.scans)),
    }


def _scans(scans: Sequence[ScanExplanation]) -> Iterator[dict[str, Any]]:
    for scan in scans:
        read, whole = scan.read, scan.whole
        yield {
            "Database": scan.workspace,
            "Table": scan.table,
            "Columns": list(scan.columns),
            "Since": scan.since,
            "Until": scan.until,
            "TotalRowCount": read.rows,
            "HasSelection": read.rows < whole.rows,
            "Extents": {"total": whole.files, "scanned": read.files},
            "Rows": {"total": whole.rows, "scanned": read.rows},
            "Bytes": {"total": whole.bytes, "scanned": read.bytes},
        }
