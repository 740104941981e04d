"""A process that runs playbooks for real, and kills itself at a point that it is told: `playbook_worker HOME POINT`."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from bench.playbook_world import Script, scripts
from huntlake.core.clock import SystemClock
from huntlake.detection.service import Detection
from huntlake.playbooks.calls import Held
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.runs.records import PlaybookRun
from huntlake.playbooks.runs.starting import Start
from huntlake.playbooks.runs.working import Worker
from huntlake.playbooks.service import Playbooks, RunPlace
from huntlake.playbooks.testing.mocks import Mocks
from huntlake.playbooks.triggers.payloads import Ground
from huntlake.playbooks.workflows import Workflow
from huntlake.state.database import Database
from huntlake.state.documents import Document
from huntlake.state.records import Author
from huntlake.state.sealing import Seal
from huntlake.wdl.definition.workflow import ActionType
from huntlake.wdl.runner.effects import Answer, Call
from huntlake.workspace.watchlists import Watchlists

_OWN = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?|sig=[\w-]+")
"""What differs from home to home: times, and signatures."""

AT = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLES = (
    "answer-for-an-address",
    "close-scans-of-known-scanners",
    "disable-account-after-approval",
    "isolate-after-connections-abroad",
    "isolate-devices-of-severe-alerts",
    "look-up-hashes",
    "open-ticket",
    "show-sign-ins-of-account",
    "tag-incidents-of-important-people",
    "tell-of-failed-logons",
)
"""Ten playbooks whose first test waits for nobody but people, who answer at once here."""


def chosen() -> dict[str, Script]:
    """By its name, the first test of each."""
    found: dict[str, Script] = {}
    for script in scripts():
        found.setdefault(script.name.partition(":")[0], script)
    return {name: found[name] for name in SAMPLES}


class Service:
    """What the runs call: what it has done is in a file, and it does once what comes under one key."""

    def __init__(self, home: Path) -> None:
        self._file = home / "effects.log"
        self._done = {}
        if self._file.exists():
            for line in self._file.read_text(encoding="utf-8").splitlines():
                said = json.loads(line)
                self._done[said["key"]] = said["answer"]
        self._mocks = {
            n: Mocks(s.case.mocks, s.case.approvals, s.case.replies, s.parameters.get("$connections"))
            for n, s in chosen().items()
        }
        self._lock = Lock()
        self.points = Points()
        self.playbooks: Playbooks | None = None

    def call(self, context: RunContext, call: Call, connections: Any) -> Answer | Held:
        """Does what is asked, and says what came of it."""
        self.points.come()
        key, mocks = f"{context.run}/{call.key}", self._mocks[context.workflow]
        with self._lock:
            if key not in self._done:
                answer = mocks.call(context, call, connections)
                assert isinstance(answer, Answer)
                said = [answer.status, dict(answer.headers), answer.body, answer.lost, answer.refused]
                with self._file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"key": key, "answer": said}) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                self._done[key] = said
            made = self._done[key]
        self.points.come()
        if call.action.type in (ActionType.API_CONNECTION_WEBHOOK, ActionType.HTTP_WEBHOOK) and self.playbooks:
            coming = mocks.callback(call)
            if coming is not None:
                self.playbooks.runs.answer(context.workflow, context.run, call.key, coming.answer, f"to {call.key}")
        return Answer(made[0], made[1], made[2], made[3], made[4])


class Points:
    """The points of a process at which it may die."""

    def __init__(self) -> None:
        self.count, self.last, self._lock = 0, 0, Lock()

    def come(self) -> None:
        """Comes to a point."""
        with self._lock:
            self.count += 1
            if self.count == self.last:
                os.kill(os.getpid(), signal.SIGKILL)


def over(home: Path, caller: Any, database: str = "") -> Playbooks:
    """The playbooks of a home."""
    state, clock = Database.open(database or home / "huntlake.db"), SystemClock()
    ground = Ground("soc", "w-1", "s-1", "g-1")
    place = RunPlace(home, database, lambda: "https://here.example", lambda name: f"/w/{name}", lambda _: ground)
    principals: Any = None
    detection, watchlists = Detection.over(state, clock), Watchlists(state, clock)
    return Playbooks.over(state, clock, Seal(home / "k"), principals, detection, watchlists, place, caller)


def said(playbooks: Playbooks, run: Document[PlaybookRun]) -> list[Any]:
    """What a run did, without its times."""
    entries = [playbooks.runs.history.whole(run.name, n, e) for n, e in playbooks.runs.history.entries(run.name)]
    history = [[e.key, e.status, e.code, e.error, e.inputs, e.outputs, e.tracking_id] for e in entries]
    return [run.name, run.value.status, run.value.code, _OWN.sub("", json.dumps(history, default=str))]


def main() -> int:
    """Run all of them to their ends, and print what they did."""
    home, point = Path(sys.argv[1]), int(sys.argv[2])
    service = Service(home)
    playbooks = service.playbooks = over(home, service)
    service.points.last = point
    # One of them recurs: what the clock sets off differs from time to time.
    playbooks.worker.chores = ()
    elsewhere = Worker._elsewhere

    async def counted(self: Worker, work: Any) -> Any:
        # Before and behind each step of a run, its journal and its history.
        service.points.come()
        made = await elsewhere(self, work)
        service.points.come()
        return made

    Worker._elsewhere = counted  # type: ignore[method-assign]
    with playbooks.worker.executing():
        runs = []
        for name, script in chosen().items():
            body = json.loads((Path(script_file(name))).read_text(encoding="utf-8"))
            if (workflow := playbooks.workflows.find(name)) is None:
                workflow, _ = playbooks.workflows.put(name, Workflow(body["definition"], "soc", script.parameters))
            start = Start(script.case.outputs, Author(name="bench"), "", "bench", AT, awaited=True)
            runs.append(playbooks.runs.start(workflow, start))
        ended = [playbooks.runs.wait(r.value.workflow, r.name, 120) for r in runs]
        print(json.dumps({"points": service.points.count, "runs": [said(playbooks, r) for r in ended]}, default=str))
    return 0


def script_file(name: str) -> str:
    """Where a playbook of the house stands."""
    from huntlake.playbooks.samples import sample

    return str(sample(name).path)


if __name__ == "__main__":
    sys.exit(main())
