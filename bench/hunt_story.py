"""The demo's story: what do the hunts find that one short report leads to, and how quiet are they without the attack?

The report is read, hunts are proposed and proved, a person approves them, and each runs over the fortnight. A hunt
finds a step of the attack if the step's rows put a row into its answer that isn't there without them: rows are compared
by their texts, for a count that rises by one tells nobody anything. Noise is what the same hunts answer where the
attack never happened.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bench import figures
from huntlake.app import App
from huntlake.core.settings import load
from huntlake.demo.company import content as demo_content
from huntlake.demo.generator import DAYS, Demo
from huntlake.demo.truth import GroundTruth, Step
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.hunt import Decision, HuntContent
from huntlake.hunting.lifecycle.states import HuntState
from huntlake.hunting.running.run import HuntRun
from huntlake.kql.types import ScalarType
from huntlake.state.records import Author
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.results import Result
from huntlake.workspace.workspaces import Workspace

BY = "python -m bench hunt_story"
HUNTS, LEAST, MOST_NOISE = 15, 0.8, 50
_ALERTS = frozenset({"AlertInfo", "AlertEvidence", "SecurityAlert", "SecurityIncident"})
"""What products told of the attack."""

HUNTER = Acting.person(Author("00000000-0000-4000-8000-000000000001", "hunter"), hunts=True, approves=False)
REVIEWER = Acting.person(Author("00000000-0000-4000-8000-000000000002", "reviewer"), hunts=True, approves=True)


@dataclass(frozen=True)
class StoryHunt:
    """A hunt of the story: its place in the order of urgency, the run over the fortnight, and what it found."""

    place: int
    title: str
    candidate: str
    content: HuntContent
    tables: tuple[str, ...]
    run: HuntRun
    found: tuple[str, ...] = ()
    noise: int = 0


class Worlds:
    """The demo's tables as workspaces: with none of the attack, and with what some of its steps did.

    What products told of the attack is in none of them: who finds a step there has found what was found already.
    """

    def __init__(self, app: App, tables: Mapping[str, Any], truth: GroundTruth) -> None:
        self._app, self._truth = app, truth
        self._rows: dict[str, dict[str, Any]] = {}
        ordinary = {}
        for name, table in tables.items():
            if name in _ALERTS:
                continue
            masks = {step.id: _mask(name, table, step) for step in truth.steps}
            held = {id: mask for id, mask in masks.items() if mask is not None}
            self._rows[name] = {id: table.filter(mask) for id, mask in held.items()}
            ordinary[name] = _ordinary(table, held.values())
        self._made: dict[frozenset[str], Workspace] = {}
        self._empty = app.workspaces.create("world")
        for name, table in ordinary.items():
            app.ingestion.append_arrow(self._empty, name, table)
        self._made[frozenset()] = self._empty
        self._by_table = {(name, frozenset[str]()): self._empty for name in ordinary}

    def steps_of(self, tables: Iterable[str]) -> list[Step]:
        """The steps that have rows in one of some tables."""
        wanted = {id for t in tables for id in self._rows.get(t, ())}
        return [s for s in self._truth.steps if s.id in wanted]

    def answer(self, content: HuntContent, steps: Iterable[str]) -> list[tuple[str, ...]]:
        """The texts of the rows that a query answers with over the fortnight, where those steps happened."""
        end = self._truth.end.replace(tzinfo=UTC)
        options = QueryOptions(
            timeout=timedelta(minutes=2),
            max_rows=None,
            max_bytes=None,
            parameters=dict(content.parameters),
            now=end,
            time_column="TimeGenerated",
            since=end - timedelta(days=DAYS),
            until=end,
        )
        asked = self._app.queries.run(self._world(frozenset(steps)), content.query, options)
        result = Result.of(asked.tables[0])
        texts = [n for n, c in enumerate(result.schema) if c.type in (ScalarType.STRING, ScalarType.GUID)]
        return [tuple(str(row[n]) for n in texts) for row in result.rows]

    def _world(self, steps: frozenset[str]) -> Workspace:
        """The workspace in which those steps happened: tables that are as in another world are linked, for files of a
        lake never change.
        """
        if steps not in self._made:
            made = self._made[steps] = self._app.workspaces.create(f"world{len(self._made)}")
            for name, by_step in self._rows.items():
                wanted = steps & by_step.keys()
                same = self._by_table.get((name, frozenset(wanted)))
                root = self._app.lake.root
                shutil.copytree(
                    root / (same or self._empty).name / name, root / made.name / name, copy_function=os.link
                )
                if same is None:
                    rows = pa.concat_tables([by_step[id] for id in sorted(wanted)])
                    self._app.ingestion.append_arrow(made, name, rows)
                    self._by_table[name, frozenset(wanted)] = made
        return self._made[steps]


def _mask(name: str, table: Any, step: Step) -> Any:
    """Which rows of a table are a step's; None where none is."""
    keys = [row.key for row in step.rows if row.table == name]
    if not keys:
        return None
    found = None
    for key in keys:
        same = None
        for column, value in key.items():
            one = pc.equal(table[column], pa.scalar(value, table.schema.field(column).type))
            same = one if same is None else pc.and_(same, one)
        found = same if found is None else pc.or_(found, same)
    return pc.fill_null(found, False)


def _ordinary(table: Any, masks: Iterable[Any]) -> Any:
    """The rows that are no step's."""
    keep = pa.array([True] * table.num_rows)
    for mask in masks:
        keep = pc.and_(keep, pc.invert(mask))
    return table.filter(keep)


def judged(worlds: Worlds, hunt: StoryHunt, every: frozenset[str]) -> StoryHunt:
    """A hunt with the steps that it finds, and the rows that it answers with where nothing happened."""
    quiet = worlds.answer(hunt.content, ())
    whole = set(worlds.answer(hunt.content, every))
    found: list[str] = []
    if whole - set(quiet):
        for step in worlds.steps_of(hunt.tables):
            alone = set(worlds.answer(hunt.content, [step.id])) - set(quiet)
            if alone or whole - set(worlds.answer(hunt.content, every - {step.id})):
                found.append(step.id)
    return replace(hunt, found=tuple(found), noise=len(quiet))


def hunts_of(app: App, workspace: Workspace, report: bytes, end: datetime, top: int) -> list[StoryHunt]:
    """The hunts that a report leads to, approved by another person than who asked, and run over the fortnight."""
    hunting, owner = app.hunting, (workspace.name,)
    added = hunting.intake.report(workspace, report, "report.md")
    proposed = hunting.proposer.propose(workspace, HUNTER, [s.id for s in added.new], top)
    for remark in proposed.remarks:
        print(remark)
    print(f"{len(proposed.hunts)} hunts were drafted and proved, of which {top} run")
    found: list[StoryHunt] = []
    for document in proposed.hunts:
        if len(found) == top:
            break
        if document.value.state is not HuntState.DRY_RUN_OK:
            print(f"  {document.value.state}: {document.value.title}: {document.value.reason}")
            continue
        name = document.name
        hunting.hunts.submit(owner, name, HUNTER)
        seen = hunting.hunts.get(owner, name).value.latest.content.hash
        hunting.hunts.review(owner, name, Decision.APPROVED, REVIEWER, "read, and fits the report", seen=seen)
        hunt = hunting.hunts.schedule(owner, name, HUNTER).value
        run = hunting.runs.run(workspace, name, end - timedelta(days=DAYS), end, HUNTER).value
        made = hunting.hypotheses.get(owner, hunt.hypothesis).value
        content = hunt.version(hunt.runnable).content
        found.append(StoryHunt(len(found) + 1, hunt.title, made.candidate, content, hunt.tables, run))
    return found


def main() -> None:
    """Tell the story to an empty lake, and follow the report."""
    home = Path(tempfile.mkdtemp(prefix="story-"))
    began = process_time()
    app = App.open(home, load(home))
    try:
        end = app.clock.now().astimezone(UTC).replace(second=0, microsecond=0)
        demo = Demo(end)
        tables = {t.name: t.rows for t in demo.tables()}
        truth = demo.truth()
        workspace = app.workspaces.create("korenwolf")
        for name, rows in tables.items():
            app.ingestion.append_arrow(workspace, name, rows)
        report = demo_content("demo/report.md").encode()
        hunts = hunts_of(app, workspace, report, end, HUNTS)
        worlds = Worlds(app, tables, truth)
        every = frozenset(s.id for s in truth.steps)
        steps: set[str] = set()
        noise = 0
        for one in (judged(worlds, hunt, every) for hunt in hunts):
            new = [id for id in one.found if id not in steps]
            steps |= {*one.found}
            noise += one.noise
            told = f"{one.run.rows} rows ({one.noise} ordinary), {len(one.found)} steps, new: {', '.join(new) or '-'}"
            print(f"{process_time() - began:.0f} s {one.place}. {one.title} ({one.candidate}): {told}", flush=True)
    finally:
        app.close()
        shutil.rmtree(home, ignore_errors=True)
    print(f"not found: {', '.join(s.id for s in truth.steps if s.id not in steps) or 'none'}")
    print(f"{process_time() - began:.0f} s of a processor")
    share, daily = len(steps) / len(truth.steps), noise / DAYS
    unit = f"of {len(truth.steps)} steps of the demo's attack found by the first {HUNTS} hunts that one report leads to"
    figures.write("hunting.5", share, unit, f"≥ {LEAST}", share >= LEAST, by=BY)
    unit = "rows a day that the same hunts give where the attack didn't happen, together"
    figures.write("hunting.5b", daily, unit, f"≤ {MOST_NOISE}", daily <= MOST_NOISE, by=BY)


if __name__ == "__main__":
    main()
