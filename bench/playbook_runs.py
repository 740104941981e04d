"""Runs of playbooks: that a crash loses nothing and does nothing twice, and what a run costs.

`python -m bench.playbook_runs faults [RUNS [KILLS]]` and `… overhead`; all in short as `python -m bench playbook_runs`.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import figures
from bench.playbook_world import lived, scripts
from huntlake.playbooks.runs.service import Wanted
from huntlake.wdl.runner.effects import Answer

FAULTS, OVERHEAD = "python -m bench.playbook_runs faults", "python -m bench.playbook_runs overhead"
BOUND = 40.0
"""Milliseconds that a run may cost beside its calls and six times what it takes to bring something onto the disk."""
SYNCS = 6
AT_ONCE = 50


def main() -> int:
    """Everything, in short."""
    faults(1000, 5)
    overhead()
    return 0


# -- crashes and faults --------------------------------------------------------------------


def faults(runs: int = 10_000, kills: int = 100) -> None:
    """A crash at every point of every sample, so many runs with faults and crashes, and so many real kills."""
    bad, count = 0, 0
    for script in scripts():
        known = lived(script)
        for point in range(1, known.points + 1):
            count += 1
            one = lived(script, deaths=frozenset({point}))
            bad += one.said != known.said or one.lost > 0 or one.doubled > 0 or one.status is None
    print(f"{count:,} crashes, one after each step of {len(scripts())} scripts of the sample playbooks: {bad} wrong")
    dice = random.Random(20261122)
    for seed in range(runs):
        script = scripts()[seed % len(scripts())]
        known = lived(script, seed, faults=True)
        deaths = frozenset(dice.randint(1, max(1, 2 * known.points)) for _ in range(dice.randint(1, 4)))
        one = lived(script, seed, faults=True, deaths=deaths)
        bad += one.said != known.said or one.lost > 0 or one.doubled > 0 or one.status is None
    figures.write(
        "playbooks.3",
        bad,
        f"of {count + runs:,} simulated runs lost something, did something twice or had no end",
        "0",
        bad == 0,
        by=FAULTS,
    )
    wrong = killed(kills)
    figures.write(
        "playbooks.3b", wrong, f"of {kills} times that ten playbooks were killed with -9", "0", wrong == 0, by=FAULTS
    )


def killed(kills: int) -> int:
    """How often ten playbooks that were killed at some point did something else than those that weren't."""
    with tempfile.TemporaryDirectory() as home:
        known = _worker(Path(home), 0)
        assert known is not None
        effects = _effects(Path(home))
    wrong = 0
    for number in range(kills):
        # Over all points of the process, also those at which it has only begun, or nearly ended.
        point = 1 + number * known["points"] // kills
        with tempfile.TemporaryDirectory() as home:
            died = _worker(Path(home), point) is None
            # Again in the middle of what is taken up.
            died = _worker(Path(home), 1 + point // 2) is None or died
            after = _worker(Path(home), 0)
            same = after is not None and after["runs"] == known["runs"]
            once = _effects(Path(home)) == effects
            wrong += not (died and same and once)
            if not (died and same and once):
                print(f"point {point}: died {died}, same {same}, once {once}")
    return wrong


def _worker(home: Path, point: int) -> dict[str, Any] | None:
    """What a process says that runs all to the end; None for one that was killed."""
    command = [sys.executable, "-m", "bench.playbook_worker", str(home), str(point)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == -9:
        return None
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def _effects(home: Path) -> list[str]:
    lines = (home / "effects.log").read_text(encoding="utf-8").splitlines()
    return sorted(json.loads(line)["key"] for line in lines)


# -- what it costs -------------------------------------------------------------------------


def median_playbook() -> dict[str, Any]:
    """Eleven actions, two of them external: what is in the middle of those that are published."""

    def after(name: str, **said: Any) -> dict[str, Any]:
        return {**said, "runAfter": {name: ["Succeeded"]}}

    ask = {"type": "Http", "inputs": {"method": "POST", "uri": "https://there.example", "body": "@triggerBody()"}}
    number = {"name": "Count", "type": "integer", "value": 0}
    test = {"greater": ["@length(triggerBody()?['entities'])", 0]}
    inner = {
        "Name": {"type": "Compose", "inputs": "@items('Each')?['name']"},
        "Collect": after("Name", type="AppendToStringVariable", inputs={"name": "Text", "value": "@outputs('Name')"}),
    }
    schema = {"type": "object", "properties": {"entities": {"type": "array"}}}
    return {
        "triggers": {"manual": {"type": "Request"}},
        "actions": {
            "Text": {"type": "InitializeVariable", "inputs": {"variables": [{"name": "Text", "type": "string"}]}},
            "Count": after("Text", type="InitializeVariable", inputs={"variables": [number]}),
            "Read": after("Count", type="ParseJson", inputs={"content": "@triggerBody()", "schema": schema}),
            "Ask": after("Read", **ask),
            "If": after("Ask", type="If", expression=test, actions={"Said": {"type": "Compose", "inputs": "yes"}}),
            "Each": after("If", type="Foreach", foreach="@body('Read')?['entities']", actions=inner),
            "Table": after("Each", type="Table", inputs={"from": "@body('Read')?['entities']", "format": "HTML"}),
            "Tell": after("Table", **ask),
        },
    }


def overhead() -> None:
    """What a run costs beside its calls, and how fifty at once do."""
    from bench.playbook_worker import over
    from huntlake.playbooks.runs.starting import Start
    from huntlake.playbooks.workflows import Workflow
    from huntlake.state.records import Author

    class Service:
        def call(self, context: Any, call: Any, connections: Any) -> Answer:
            return Answer(body={"ok": True})

    body = {"entities": [{"name": "a"}, {"name": "b"}]}
    with tempfile.TemporaryDirectory(dir=os.environ.get("HUNTLAKE_BENCH_DIR")) as folder:
        home = Path(folder)
        playbooks = over(home, Service())
        workflow, _ = playbooks.workflows.put("median", Workflow(median_playbook(), "soc"))
        runs = playbooks.runs
        with playbooks.worker.executing(), (home / "probe").open("wb") as probe:

            def run() -> float:
                began = time.perf_counter()
                (made,) = runs.fire(workflow, Start({"body": body}, Author(name="bench")))
                runs.wait("median", made.name, 60)
                return (time.perf_counter() - began) * 1000

            for _ in range(10):
                run()
            took, synced, used = [], [], time.process_time()
            for _ in range(100):
                took.append(run())
                synced.append(_synced(probe))
            used = (time.process_time() - used) * 10
            sync = statistics.median(synced)
            beside = statistics.median(took) - SYNCS * sync
            print(
                f"a run takes {statistics.median(took):.1f} ms, {used:.1f} ms of processor time; a sync {sync:.2f} ms"
            )
            figures.write(
                "playbooks.6",
                beside,
                "ms that a median playbook costs beside its calls and six syncs",
                f"at most {BOUND:g}",
                beside <= BOUND,
                by=OVERHEAD,
            )
            began = time.perf_counter()
            started = [runs.fire(workflow, Start({"body": body}, Author(name="bench")))[0] for _ in range(AT_ONCE)]
            ended = [runs.wait("median", s.name, 120).value for s in started]
            print(f"{AT_ONCE} at once took {(time.perf_counter() - began) * 1000:.0f} ms")
            ends = [e.ended.timestamp() for e in ended if e.ended]
            order = sorted(range(AT_ONCE), key=lambda n: ends[n])
            # How many places a run ended behind the one at which it was started.
            behind = max(order.index(n) - n for n in range(AT_ONCE))
            assert len(runs.list(Wanted("median"), most=1000).runs) == 110 + AT_ONCE
            figures.write(
                "playbooks.6b",
                behind,
                f"places at most that one of {AT_ONCE} runs at once ended behind its start",
                f"below {AT_ONCE // 2}, and all ended",
                behind < AT_ONCE // 2 and len(ends) == AT_ONCE,
                by=OVERHEAD,
            )


def _synced(probe: Any) -> float:
    probe.write(bytes(4096))
    probe.flush()
    began = time.perf_counter()
    os.fdatasync(probe.fileno())
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["faults", *given]:
            faults(*map(int, given))
        case ["overhead"]:
            overhead()
        case _:
            sys.exit(main())
