"""2,000 scheduled rules each five minutes: `python -m bench scheduled_rules`.

Distinct rules of ../shared/rules over the demo's lake, run by the scheduler itself with all that belongs to it: the
ledger, the health of each run, alerts and incidents. Three rounds, five minutes apart; the last two count.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time

from bench import figures
from bench.hunting import END
from bench.rules import RULES, Runnable, published, translated
from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.core.settings import load
from huntlake.demo.install import install
from huntlake.detection.content import Content, contents
from huntlake.detection.rules import AnalyticRule, RuleKind
from huntlake.detection.scheduling.planning import Planner
from huntlake.detection.scheduling.windows import Task
from huntlake.workspace.workspaces import Workspace

WANTED, CORES = 2_000, 2
EVERY, LONGEST = timedelta(minutes=5), timedelta(days=1)


def main() -> None:
    if not RULES.is_dir():
        print("no rule files are in ../shared/rules")
        return
    wanted = int(os.environ.get("HUNTLAKE_BENCH_RULES", WANTED))
    with tempfile.TemporaryDirectory() as scratch:
        clock = FixedClock(END)
        app = App.open(Path(scratch), load(Path(scratch), threads=CORES, rules_at_once=CORES), clock)
        workspace = app.workspaces.create("demo")
        install(app.ingestion, workspace, END)
        for one in chosen(app, workspace, wanted):
            app.detection.rules.put((workspace.name,), one.name, one.rule)
        planner = Planner(app.scheduler.ledger)
        rules = {d.name: d.value for d in app.detection.rules.list((workspace.name,))}
        planner.sync(workspace.name, rules, clock.at, {})
        rounds = []
        for _ in range(3):
            rounds.append(swept(app, planner))
            clock.at += EVERY
        ledger = app.scheduler.ledger.all(workspace.name).values()
        failed = sum(bool(c.recent[0].failure) for c in ledger if c.recent)
        alerts = len(app.detection.alerts.list((workspace.name,)))
        app.close()
    windows = min(done for done, _, _ in rounds[1:])
    wall = sum(w for _, w, _ in rounds[1:]) / 2
    cpu = sum(c for _, _, c in rounds[1:]) / 2
    print(f"{windows} windows in {wall:.1f} s, {cpu:.1f} s of processors; {failed} failed, {alerts} alerts in all")
    seconds = cpu / CORES if "HUNTLAKE_BENCH_CPU" in os.environ else wall
    met = seconds <= EVERY.total_seconds() and windows >= WANTED
    unit = f"s for a round of {windows} rules that are due each 300 s, on two cores; {failed} of them failed"
    if wanted >= WANTED:
        figures.write("detection.5b", seconds, unit, "<= 300", met, by="python -m bench scheduled_rules")


def chosen(app: App, workspace: Workspace, wanted: int) -> list[Runnable]:
    """So many rules that the workspace understands, each five minutes: of each text one, and then all once more."""
    found = [x for x in contents(RULES) if isinstance(x, Content) and "sigma" not in x.path.relative_to(RULES).parts]
    seen: set[str] = set()
    kept: list[Runnable] = []
    for one in (*published(found), *translated()):
        if len(kept) == wanted:
            break
        if one.rule.query in seen:
            continue
        seen.add(one.rule.query)
        try:
            app.queries.check(workspace, one.rule.query)
        except (SourceError, DomainError):
            continue
        kept.append(Runnable(f"rule-{len(kept)}", quick(one.rule)))
    print(f"{len(kept)} rules have a text of their own")
    return [Runnable(f"rule-{i}", kept[i % len(kept)].rule) for i in range(wanted)]


def quick(rule: AnalyticRule) -> AnalyticRule:
    """A rule that runs each five minutes; Sentinel lets no such rule look back for days."""
    period = max(min(rule.query_period or LONGEST, LONGEST), EVERY)
    scheduled = {"kind": RuleKind.SCHEDULED, "query_frequency": EVERY, "query_period": period}
    return replace(rule, enabled=True, start_time_utc=None, suppression_enabled=False, **scheduled)  # type: ignore[arg-type]


def swept(app: App, planner: Planner) -> tuple[int, float, float]:
    """Look at all that is due by now: how many windows, and how long it took on the clock and on processors."""

    def look(task: Task) -> Task:
        app.scheduler.windows.look_at(task)
        return task

    done, wall, cpu = 0, perf_counter(), process_time()
    with ThreadPoolExecutor(CORES) as pool:
        while tasks := planner.take(app.clock.now(), 64):
            for task in pool.map(look, tasks):
                planner.back(task)
                done += 1
    return done, perf_counter() - wall, process_time() - cpu


if __name__ == "__main__":
    main()
