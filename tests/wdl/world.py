"""A world for runs that answers from a list, and whose time goes on only where a run waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from huntlake.wdl.definition.reading import read
from huntlake.wdl.definition.workflow import Status
from huntlake.wdl.expressions.values import Fault
from huntlake.wdl.runner.effects import Answer, Call, Wait
from huntlake.wdl.runner.records import Record
from huntlake.wdl.runner.run import Ended, Run, run_in


class World:
    """Effects without effect: `answers` says what a call gives; webhooks get `callback`."""

    def __init__(self, answers: Callable[[Call], Answer] | None = None, callback: Answer | None = None) -> None:
        self.answers = answers or (lambda call: Answer(body={}))
        self.callback = callback
        self.time = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
        self.ids = 0
        self.calls: list[Call] = []
        self.responses: list[Answer] = []
        self.history: list[Record] = []

    def now(self) -> datetime:
        return self.time

    def random(self) -> float:
        return 0.5

    def new_id(self) -> str:
        self.ids += 1
        return f"00000000-0000-4000-8000-{self.ids:012x}"

    def setting(self, name: str) -> Any:
        raise Fault(f"no setting is named `{name}`")

    def callback_url(self, key: str) -> str:
        return f"https://here.example/{key}"

    def call(self, call: Call) -> Answer:
        self.calls.append(call)
        return self.answers(call)

    def respond(self, key: str, answer: Answer) -> bool:
        self.responses.append(answer)
        return len(self.responses) == 1

    def wait(self, waits: Sequence[Wait]) -> tuple[Wait, Answer | None]:
        for wait in waits:
            if wait.callback and self.callback:
                return wait, self.callback
        timed = [w for w in waits if w.until]
        assert timed, "nobody will ever answer"
        first = min(timed, key=lambda w: w.until or self.time)
        self.time = max(self.time, first.until or self.time) + timedelta(0)
        return first, None

    def ended(self, record: Record) -> None:
        self.history.append(record)


class Ran:
    """A run that has ended."""

    def __init__(self, actions: Any, world: World | None = None, body: Any = None, **parts: Any) -> None:
        self.world = world or World()
        definition = read({"triggers": {"manual": {"type": "Request"}}, "actions": actions, **parts})
        values = {n: p.default for n, p in definition.parameters.items()}
        self.run = Run(definition, {"name": "manual", "outputs": {"body": body}}, self.world, values)
        self.ended: Ended = run_in(self.run, self.world)

    @property
    def statuses(self) -> dict[str, str]:
        """By the key of each record what became of it."""
        return {r.key: r.status.value for r in self.run.records}

    def record(self, key: str) -> Record:
        """The record of that key."""
        return next(r for r in self.run.records if r.key == key)

    @property
    def status(self) -> Status:
        """What became of the run."""
        return self.ended.status
