"""What looking through the lake finds of the demo's attack day by day, how much of other things, and what a day costs.

A row finds a step where its time is that of one of the step's rows. A signal is of the attack where one of its rows is.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

from bench import figures
from huntlake.app import App
from huntlake.core.settings import load
from huntlake.demo.generator import DAYS
from huntlake.demo.install import install
from huntlake.hunting.signals.anomalies import anomalies_of, signals_of_anomalies
from huntlake.hunting.signals.changes import signals_of_changes
from huntlake.hunting.signals.lake_scans import LakeReader, ScanWindow, declared
from huntlake.hunting.signals.signal import Signal

END = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
BY = "python -m bench hunt_signals"
LEARNT = 7
"""Days of history before the first day that is looked at."""


def main() -> None:
    """Measure all of it on a demo of its own."""
    with tempfile.TemporaryDirectory(prefix="signals-") as folder:
        home = Path(folder)
        app = App.open(home, load(home, memory_limit="2GB"))
        try:
            _measure(app)
        finally:
            app.close()


def _measure(app: App) -> None:
    workspace = app.workspaces.create("demo")
    truth = install(app.analytics.ingestion, workspace, END)
    reader = LakeReader(app.queries)
    times = {
        step.id: {row["TimeGenerated"] for query in step.queries().values() for row in reader.rows(workspace, query)}
        for step in truth.steps
    }
    attack = set().union(*times.values())
    found: set[str] = set()
    of_attack = other = 0
    begin = process_time()
    for day in range(DAYS - LEARNT):
        until = END - timedelta(days=day)
        window = ScanWindow.of(until - timedelta(days=1), until)
        seen: set[datetime] = set()
        signals: list[Signal] = []
        every = []
        for asked in reader.ask(workspace, (*declared("changes"), *declared("anomalies")), window):
            seen |= {row["Time"] for row in asked.rows}
            if asked.scan in declared("changes"):
                signals += signals_of_changes(asked, received=until, trust=1.0)
            else:
                every += anomalies_of(asked)
        signals += signals_of_anomalies(every, received=until, trust=1.0)
        found |= {id for id, at in times.items() if seen & at}
        told = {f"{at:%Y-%m-%d %H:%M}" for at in attack & seen}
        of_attack += sum(any(line[:16] in told for line in one.text.splitlines()) for one in signals)
        other += sum(not any(line[:16] in told for line in one.text.splitlines()) for one in signals)
    days = DAYS - LEARNT
    cpu = (process_time() - begin) / days
    share = len(found) / len(times)
    said = f"of the {len(times)} steps of the demo's attack are among the rows of signals ({of_attack} signals)"
    figures.write("hunting.s1", share, said, by=BY)
    figures.write("hunting.s2", other / days, "signals a day of other things", "≤ 10", other / days <= 10, by=BY)
    figures.write("hunting.s3", cpu, "s of a processor for a day's look, at the demo's size", by=BY)
    missing = sorted(times.keys() - found)
    print("not among them:", ", ".join(missing))


if __name__ == "__main__":
    main()
