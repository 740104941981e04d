"""A world in which runs are driven over a journal in memory, whose services fail, and whose process dies."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from huntlake.playbooks.calls import Held
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.runs.driving import Driver, Work, answer_json, effect_key, outcome
from huntlake.playbooks.runs.effects import Journaled, Setting
from huntlake.playbooks.samples import PLAYBOOKS
from huntlake.playbooks.testing import payloads
from huntlake.playbooks.testing.cases import Case
from huntlake.playbooks.testing.mocks import Mocks
from huntlake.playbooks.testing.reading import suite
from huntlake.state.records import Author
from huntlake.wdl.definition.reading import read
from huntlake.wdl.definition.workflow import ActionType, Definition, Status
from huntlake.wdl.runner.effects import Answer, Call
from huntlake.wdl.runner.run import Ended, Run
from huntlake.wdl.runner.triggers import Fired

CALLS = frozenset(
    {
        ActionType.API_CONNECTION,
        ActionType.API_CONNECTION_WEBHOOK,
        ActionType.API_MANAGEMENT,
        ActionType.FUNCTION,
        ActionType.HTTP,
        ActionType.HTTP_WEBHOOK,
    }
)
_MOST_LIVES = 50


class Died(BaseException):
    """The process is gone: nothing that catches errors may notice."""


@dataclass(frozen=True)
class Script:
    """A playbook, what sets it off, and who answers it."""

    name: str
    definition: Definition
    parameters: dict[str, Any]
    case: Case


@cache
def scripts() -> tuple[Script, ...]:
    """Every test of every playbook that comes with the house."""
    found = []
    for path in sorted(PLAYBOOKS.glob("*.playtest.yaml")):
        tests = suite(path)
        body = json.loads(tests.playbook.read_text(encoding="utf-8"))
        definition = read(body["definition"])
        values = {n: p.default for n, p in definition.parameters.items() if p.has_default}
        values |= {n: v["value"] for n, v in body["parameters"].items()}
        for case in tests.cases:
            name = f"{tests.playbook.stem}: {case.name}"
            found.append(Script(name, definition, {**values, **case.parameters}, case))
    return tuple(found)


@dataclass
class Service:
    """What runs call. It does once what comes under one key, as the connectors of the house do."""

    mocks: Mocks
    connections: Any
    faults: random.Random | None = None
    seed: int = 0
    performed: dict[str, int] = field(default_factory=dict)
    """By the place of an action in the run, how often what it asks for was done."""
    _known: dict[str, Answer | Held] = field(default_factory=dict)

    def call(self, call: Call, now: datetime) -> tuple[Answer | Held, timedelta]:
        """An answer, and how long it takes. The same call has the same fault whenever it is made."""
        dice = random.Random(f"{self.seed}/{call.key}") if self.faults else None
        fault = dice.choice(_FAULTS) if dice and dice.random() < 0.3 else ""
        before = {
            "429": Answer(429, {"Retry-After": "3"}),
            "500": Answer(500),
            "timeout": Answer(lost="no answer came within 120 seconds"),
            "reset": Answer(lost="the connection was reset"),
        }
        if fault in before:
            return before[fault], timedelta(seconds=120 if fault == "timeout" else 0)
        key = effect_key(call)
        answer = self._known.get(key)
        if answer is None or isinstance(answer, Held):
            context = RunContext(payloads.WORKSPACE, "w", "r", Author(), now, test=True)
            answer = self.mocks.call(context, replace(call, key=f"{key}#1"), self.connections)
            self._known[key] = answer
            if not isinstance(answer, Held) and not answer.refused:
                place = call.key.rpartition("#")[0] if not call.poll else call.key
                self.performed[place] = self.performed.get(place, 0) + 1
        if isinstance(answer, Held):
            return answer, timedelta()
        after = {
            "500 after it was done": Answer(500),
            "timeout after it was done": Answer(lost="no answer came within 120 seconds"),
            "reset after it was done": Answer(lost="the connection was reset"),
        }
        slow = timedelta(seconds=110 if fault in ("slow", "timeout after it was done") else 0)
        return after.get(fault, answer), slow


_FAULTS = (
    "429",
    "500",
    "500 after it was done",
    "timeout",
    "timeout after it was done",
    "reset",
    "reset after it was done",
    "slow",
)


@dataclass
class World:
    """What outlives a process: the journal, the inbox, the time, the services. It dies at the `deaths`."""

    script: Script
    service: Service
    deaths: frozenset[int] = frozenset()
    """The points of the run, in the order in which they are come to, at which the process dies."""
    points: int = 0
    now: datetime = datetime.min
    responses: list[Answer] = field(default_factory=list)
    _journal: dict[int, tuple[str, str]] = field(default_factory=dict)
    _inbox: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    _told: set[str] = field(default_factory=set)
    _timed: set[str] = field(default_factory=set)

    # -- one life of the process

    def live(self, id: str) -> tuple[Run, Ended]:
        """Goes through the run from its beginning, with what the journal holds. Raises `Died`."""
        script, began = self.script, self.script.case.clock
        self._at = 0
        effects = Journaled(id, began, Setting(True), lambda key: f"https://here.example/{key}")
        fired = Fired(script.case.outputs, began, "tracking").record(script.definition.triggers[0])
        run = Run(script.definition, fired, effects, script.parameters, {"name": "w", "run": {"name": id}})

        async def here(work: Any) -> Any:
            return work()

        driver = Driver(run, effects, self, self, here)
        coroutine = driver.drive()
        try:
            # Nothing here waits for anything: the first step goes through to the end.
            coroutine.send(None)
        except StopIteration as end:
            return run, end.value
        raise AssertionError("the run waits for a loop")

    def _point(self) -> None:
        self.points += 1
        if self.points in self.deaths:
            raise Died

    async def step(self, names: Sequence[str], works: Sequence[Work]) -> list[str]:
        """What the journal holds; what it lacks is done now, in an order that nobody may count on."""
        places = list(range(self._at, self._at + len(names)))
        self._at += len(names)
        order = list(range(len(names)))
        random.Random(f"{self.service.seed}/{places[0]}").shuffle(order)
        for number in order:
            place, name = places[number], names[number]
            if place in self._journal:
                assert self._journal[place][0] == name, f"{name} stands where {self._journal[place][0]} stood"
                continue
            self._point()
            text = await works[number]()
            self._point()
            self._journal[place] = name, text
            self._point()
        return [self._journal[p][1] for p in places]

    # -- what steps do

    async def call(self, call: Call) -> str:
        """Makes a call."""
        answer, took = self.service.call(call, self.now)
        # A call that is made again takes no time again: what a run does may differ by nothing then.
        self.now += timedelta() if call.key in self._timed else took
        self._timed.add(call.key)
        if isinstance(answer, Held):
            after = self.service.mocks.decided(call, answer)
            if after is not None and answer.approval not in self._told:
                self._told.add(answer.approval)
                self._send(after, f"approval/{answer.approval}", None)
            held = {"key": f"approval/{answer.approval}", "until": answer.until.isoformat()}
            return outcome(self.now, held=held)
        place = effect_key(call)
        if call.action.type in _CALLED_BACK and not answer.lost and answer.status < 300 and place not in self._told:
            self._told.add(place)
            coming = self.service.mocks.callback(call)
            if coming is not None:
                self._send(coming.after, place, coming.answer)
        return outcome(self.now, answer=answer_json(answer))

    def _send(self, after: timedelta, key: str, answer: Answer | None) -> None:
        said = {"id": f"m{len(self._inbox)}", "key": key, "answer": None if answer is None else answer_json(answer)}
        self._inbox.append((self.now + after, said))

    def cancel(self, after: timedelta) -> None:
        """Somebody cancels the run then."""
        self._inbox.append((self.now + after, {"id": "cancel", "cancel": True}))

    async def wait(self, until: datetime, seen: frozenset[str]) -> str:
        """Time goes on to the next message, or to the end of the wait."""
        news = [(at, m) for at, m in self._inbox if m["id"] not in seen]
        first = min([at for at, _ in news], default=until)
        self.now = max(self.now, min(first, until))
        return outcome(self.now, messages=[m for at, m in news if at <= self.now])

    async def responded(self, answer: Answer) -> None:
        """Keeps the response."""
        if not self.responses:
            self.responses.append(answer)


_CALLED_BACK = frozenset({ActionType.API_CONNECTION_WEBHOOK, ActionType.HTTP_WEBHOOK})


@dataclass(frozen=True)
class Lived:
    """A run that has ended, after however many lives."""

    said: str
    """Status and history, to be compared."""
    points: int
    lives: int
    lost: int
    doubled: int
    status: Status | None
    """None where it has no end."""


def lived(script: Script, seed: int = 0, faults: bool = False, deaths: frozenset[int] = frozenset()) -> Lived:
    """A run of a script, through all its deaths."""
    case, connections = script.case, script.parameters.get("$connections", {})
    mocks = Mocks(case.mocks, case.approvals, case.replies, connections)
    service = Service(mocks, connections, random.Random(seed) if faults else None, seed)
    world = World(script, service, deaths, now=case.clock)
    for life in range(1, _MOST_LIVES):
        try:
            run, ended = world.live(f"run-{seed}")
        except Died:
            continue
        lost = 0
        for record in run.records:
            asked = record.action.type in CALLS and not record.action.static_result
            done = service.performed.get(record.key, 0)
            if asked and record.status is Status.SUCCEEDED and not done:
                lost += 1
        known = {r.key for r in run.records}
        lost += sum(place.rpartition("#")[0] not in known and place not in known for place in service.performed)
        history = [[r.key, r.status, r.code, r.inputs, r.outputs, r.attempts] for r in run.records]
        said = json.dumps([ended.status, ended.code, history, [answer_json(a) for a in world.responses]], default=str)
        doubled = sum(n - 1 for n in service.performed.values())
        return Lived(said, world.points, life, lost, doubled, ended.status)
    return Lived("", world.points, _MOST_LIVES, 0, 0, None)
