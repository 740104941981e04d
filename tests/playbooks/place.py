"""A place where runs of workflows are executed for real, and where what they call is a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from huntlake.core.clock import SystemClock
from huntlake.detection.service import Detection
from huntlake.playbooks.calls import Held
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.runs.records import PlaybookRun
from huntlake.playbooks.runs.starting import Start
from huntlake.playbooks.service import Playbooks, RunPlace
from huntlake.playbooks.triggers.payloads import Ground
from huntlake.playbooks.workflows import Workflow
from huntlake.state.database import Database
from huntlake.state.documents import Document
from huntlake.state.records import Author
from huntlake.state.sealing import Seal
from huntlake.wdl.runner.effects import Answer, Call
from huntlake.workspace.watchlists import Watchlists

ME = Author(name="Ada")


@dataclass
class Service:
    """What runs call: keeps what it was asked, and does what was asked under one key once."""

    answers: Callable[[Call], Answer | Held] = field(default=lambda call: Answer(body=call.inputs))
    asked: list[Call] = field(default_factory=list)
    contexts: list[RunContext] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def call(self, context: RunContext, call: Call, connections: Any) -> Answer | Held:
        """Answers a call."""
        with self.lock:
            self.asked.append(call)
            self.contexts.append(context)
        return self.answers(call)


@dataclass
class Place:
    """A home folder with workflows and their runs."""

    playbooks: Playbooks
    service: Service
    state: Database
    detection: Detection

    def put(self, name: str, actions: Mapping[str, Any], trigger: Any = None, **parts: Any) -> Document[Workflow]:
        """A workflow of the workspace `soc`."""
        definition = {"triggers": {"manual": trigger or {"type": "Request"}}, "actions": actions, **parts}
        return self.playbooks.workflows.put(name, Workflow(definition, "soc"))[0]

    def fire(self, name: str, body: Any = None, **given: Any) -> list[Document[PlaybookRun]]:
        """Lets a workflow's trigger fire."""
        start = Start({"body": body}, ME, **given)
        return list(self.playbooks.runs.fire(self.playbooks.workflows.get(name), start))

    def run(self, name: str, body: Any = None, seconds: float = 30, **given: Any) -> Document[PlaybookRun]:
        """A run, when it has ended."""
        (started,) = self.fire(name, body, **given)
        return self.playbooks.runs.wait(name, started.name, seconds)

    def statuses(self, run: Document[PlaybookRun]) -> dict[str, str]:
        """By the keys of its actions, what became of them."""
        return {e.key: e.status for _, e in self.playbooks.runs.actions(run.name)}


def place_at(home: Path, service: Service | None = None, database: str = "") -> Place:
    """A place in a folder; nothing is executed yet."""
    state = Database.open(database or home / "huntlake.db")
    seal, clock, caller = Seal(home / "secrets.key"), SystemClock(), service or Service()
    where = RunPlace(
        home,
        database,
        lambda: "https://here.example",
        lambda name: f"/here/workflows/{name}",
        lambda workspace: Ground(workspace, "w-1", "s-1", "g-1"),
    )
    principals: Any = None
    detection, watchlists = Detection.over(state, clock), Watchlists(state, clock)
    playbooks = Playbooks.over(state, clock, seal, principals, detection, watchlists, where, caller)
    return Place(playbooks, caller, state, detection)


@contextmanager
def executing(home: Path, service: Service | None = None, database: str = "") -> Iterator[Place]:
    """A place whose runs are executed as long as the block lasts."""
    place = place_at(home, service, database)
    try:
        with place.playbooks.worker.executing() as here:
            assert here
            yield place
    finally:
        place.state.close()


def http(after: str = "", **parts: Any) -> dict[str, Any]:
    """An action that calls something, after another one."""
    made: dict[str, Any] = {"type": "Http", "inputs": {"method": "POST", "uri": "https://there.example", **parts}}
    return made | ({"runAfter": {after: ["Succeeded"]}} if after else {})
