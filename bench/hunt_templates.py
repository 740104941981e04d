"""What the templates that need no values find of the demo's attack, and how many rows of other things with it.

A row finds a step where its time, or the first time it tells, is that of one of the step's rows.
"""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench import figures
from huntlake.app import App
from huntlake.core.settings import load
from huntlake.demo.generator import DAYS
from huntlake.demo.install import install
from huntlake.hunting.drafting.quoting import given
from huntlake.workspace.query import QueryOptions

END = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
BY = "python -m bench hunt_templates"


def main() -> None:
    """Measure both on a demo of its own."""
    with tempfile.TemporaryDirectory(prefix="templates-") as folder:
        home = Path(folder)
        app = App.open(home, load(home, memory_limit="2GB"))
        try:
            _measure(app)
        finally:
            app.close()


def _measure(app: App) -> None:
    workspace = app.workspaces.create("demo")
    truth = install(app.analytics.ingestion, workspace, END)
    since = END - timedelta(days=DAYS)

    def rows(query: str, parameters: dict[str, object]) -> list[dict[str, Any]]:
        options = QueryOptions(now=END, since=since, until=END, time_column="TimeGenerated", parameters=parameters)
        (table,) = app.analytics.queries.run(workspace, query, options).tables
        return list(json.loads(b"[" + b",".join(table.json_objects()) + b"]"))

    times = {
        step.id: {row["TimeGenerated"] for q in step.queries().values() for row in rows(q, {})} for step in truth.steps
    }
    attack = set().union(*times.values())
    found: set[str] = set()
    noise = 0
    for one in app.hunting.drafter.candidates(workspace):
        if not one.id.startswith("template/") or one.is_sweep:
            continue
        draft = app.hunting.drafter.draft(workspace, one.id)
        answer = [{row["TimeGenerated"], row.get("First")} for row in rows(draft.query, given(draft.parameters))]
        found |= {id for id, at in times.items() if any(seen & at for seen in answer)}
        noise += sum(1 for seen in answer if not seen & attack)
    share = len(found) / len(times)
    told = f"of the {len(times)} steps of the demo's attack are found by templates that need no values"
    figures.write("hunting.5c", share, told, "≥ 0.80", share >= 0.80, by=BY)
    daily = noise / DAYS
    figures.write("hunting.5d", daily, "rows a day of other things, all of them together", "≤ 50", daily <= 50, by=BY)


if __name__ == "__main__":
    main()
