"""How long it takes to bring the rule files of ../shared/rules in, and again; and to know and find many indicators."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

from bench import figures
from bench.rules import RULES
from huntlake.app import App
from huntlake.detection.intel.stix import gathered
from huntlake.detection.running import Window
from huntlake.workspace.workspaces import Workspace

INDICATORS, ROWS = 20_000, 200_000
_BY = "python -m bench content"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        app = App.open(Path(folder) / "lake")
        try:
            place = app.workspaces.create("soc")
            if RULES.is_dir():
                files(app, place)
            indicators(app, place, Path(folder) / "rows.jsonl")
        finally:
            app.close()


def files(app: App, place: Workspace) -> None:
    """Bring all files in, and again."""

    def add() -> int:
        return len(app.library.add(place, RULES, "rules"))

    for name in ("first", "again"):
        seconds, pieces = _timed(add)
        figures.write(f"content.{name}_seconds", seconds, f"s of CPU for {pieces:,} pieces", by=_BY)


def indicators(app: App, place: Workspace, file: Path) -> None:
    """Take indicators in, show them to a query, and look for them in as many rows."""
    dice = Random(7)
    listed = [
        {
            "type": "indicator",
            "id": f"indicator--00000000-0000-4000-8000-{n:012d}",
            "pattern": f"[ipv4-addr:value = '{_address(dice)}']" if n % 2 else f"[domain-name:value = 'd{n}.example']",
            "pattern_type": "stix",
            "modified": "2026-01-01T00:00:00Z",
        }
        for n in range(INDICATORS)
    ]
    seconds, _ = _timed(lambda: app.intel.take(place, gathered(listed, "bench")))
    figures.write("intel.take_seconds", seconds, f"s of CPU for {INDICATORS:,}", by=_BY)
    query = "ThreatIntelIndicators | where IsActive | count"
    seconds, _ = _timed(lambda: list(app.queries.run(place, query).tables[0].json_rows()))
    figures.write("intel.table_seconds", seconds, f"s of CPU for {INDICATORS:,}, the first time", by=_BY)
    end = datetime(2026, 2, 1, tzinfo=UTC)
    with file.open("w") as out:
        for n in range(ROWS):
            at = end - timedelta(seconds=1 + n % 600_000)
            row: dict[str, Any] = {"TimeGenerated": at.isoformat(), "RemoteIP": _address(dice)}
            out.write(json.dumps({**row, "RemoteUrl": f"www.x{n % 5000}.example"}) + "\n")
    app.ingestion.ingest(place, "DeviceNetworkEvents", [file])
    seconds, _ = _timed(lambda: app.intel.match(place, Window(end - timedelta(days=8), end)))
    figures.write("intel.match_seconds", seconds, f"s of CPU for {INDICATORS:,} in {ROWS:,} rows", by=_BY)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    before = process_time()
    answer = work()
    return process_time() - before, answer


def _address(dice: Random) -> str:
    return f"{dice.randrange(1, 223)}.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(256)}"


if __name__ == "__main__":
    main()
