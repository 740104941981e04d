"""A world for runs that nothing leaves, and whose time goes on only where a run waits.

    world = SimulatedWorld(caller, context, connections)
    played = play(definition, outputs, world, parameters)

The same seed, the same answers and the same script make the same run again, to the last id.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote
from uuid import UUID

from huntlake.playbooks.calls import Caller, Held
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.wdl.definition.workflow import Definition
from huntlake.wdl.expressions.values import Fault
from huntlake.wdl.runner.effects import Answer, Call, Pending, Wait
from huntlake.wdl.runner.records import Record
from huntlake.wdl.runner.run import Ended, Run
from huntlake.wdl.runner.triggers import Fired


class Stuck(Exception):
    """A run that would never end, or not within the bounds; the message says what it waits for."""


@dataclass(frozen=True)
class Bounds:
    """What one run may take before it counts as stuck."""

    calls: int = 10_000
    """How many calls it makes, those that are tried again among them."""
    records: int = 100_000
    """How many actions end, each round of a loop counted."""
    time: timedelta = timedelta(days=90)
    """How much simulated time passes."""


@dataclass(frozen=True)
class Coming:
    """What somebody outside sends, and how long after it was asked for."""

    answer: Answer
    after: timedelta = timedelta()


class Script(Protocol):
    """Whoever answers in their own time."""

    def callback(self, call: Call) -> Coming | None:
        """What comes in at the callback URL that `call` told somebody of; None where nothing ever does."""

    def decided(self, call: Call, held: Held) -> timedelta | None:
        """How long a person takes to decide on a call that is held; None where nobody decides.

        The call is made again then, so whoever answers calls must know the decision.
        """


class Silence:
    """Nobody answers anything."""

    def callback(self, call: Call) -> Coming | None:
        """Nothing comes."""
        return None

    def decided(self, call: Call, held: Held) -> timedelta | None:
        """Nobody decides."""
        return None


_YES = Answer(body={})


@dataclass(frozen=True)
class Prompt:
    """Everybody answers after the same time: with `answer` to a webhook, and with a decision on what is held."""

    answer: Answer = _YES
    after: timedelta = timedelta(minutes=1)

    def callback(self, call: Call) -> Coming | None:
        """The answer."""
        return Coming(self.answer, self.after)

    def decided(self, call: Call, held: Held) -> timedelta | None:
        """The time."""
        return self.after


@dataclass(frozen=True)
class Made:
    """A call that was made, and what came back. Calls that are held aren't made."""

    call: Call
    answer: Answer


class SimulatedWorld:
    """The effects of one run, and all that it waits for.

    `context` says when the run begins; `caller` is asked with the time of each call.
    """

    def __init__(
        self,
        caller: Caller,
        context: RunContext,
        connections: Any = None,
        *,
        script: Script | None = None,
        settings: Mapping[str, Any] | None = None,
        seed: int = 0,
        bounds: Bounds = Bounds(),
        caller_waits: bool = True,
    ) -> None:
        self._caller, self._context, self._connections = caller, context, connections
        self._script = script or Silence()
        self._settings = settings or {}
        self._dice = random.Random(seed)
        self._bounds = bounds
        self._caller_waits = caller_waits
        self._end = context.now + bounds.time
        self.began = self.time = context.now
        self.made: list[Made] = []
        """Every call that was made, in order."""
        self.held: list[tuple[Call, Held]] = []
        """Every call that a person had to decide on, in order."""
        self.responses: list[Answer] = []
        """What whoever started the run was answered: one at most."""
        self.history: list[Record] = []
        """Every record, in the order in which the actions ended."""
        self._asked = 0
        self._subscribed: dict[str, Call] = {}
        self._due: dict[str, tuple[datetime, Answer | None]] = {}

    # -- what a run asks of its world

    def now(self) -> datetime:
        """The simulated time."""
        return self.time

    def random(self) -> float:
        """A number out of the seed."""
        return self._dice.random()

    def new_id(self) -> str:
        """A GUID out of the seed."""
        return str(UUID(int=self._dice.getrandbits(128), version=4))

    def setting(self, name: str) -> Any:
        """One of the settings given."""
        if name not in self._settings:
            raise Fault(f"no setting is named `{name}`")
        return self._settings[name]

    def callback_url(self, key: str) -> str:
        """A URL that nobody can reach."""
        return f"https://callback.invalid/{quote(key, safe='')}"

    def respond(self, key: str, answer: Answer) -> bool:
        """Keeps the first response, where anybody waits for one."""
        if self.responses or not self._caller_waits:
            return False
        self.responses.append(answer)
        return True

    def ended(self, record: Record) -> None:
        """Keeps the record."""
        self.history.append(record)
        if len(self.history) > self._bounds.records:
            raise Stuck(f"more than {self._bounds.records:,} actions ended, the last of them `{record.key}`")

    # -- what a run can't go on without

    def next(self, pending: Sequence[Pending]) -> tuple[Pending, Answer | None]:
        """One of these and its answer: calls come first, then whatever is over soonest. Raises `Stuck`."""
        for one in pending:
            if isinstance(one, Call) and one.key not in self._due and (answer := self._call(one)) is not None:
                return one, answer
        times = {p.key: self._over(p) for p in pending}
        known = {key: over for key, over in times.items() if over is not None}
        if not known:
            raise Stuck(f"nobody will ever answer `{pending[0].key}`")
        first = min((p for p in pending if p.key in known), key=lambda p: known[p.key][0])
        at, answer = known[first.key]
        if at > self._end:
            raise Stuck(f"`{first.key}` goes on after {self._bounds.time.days} days")
        self.time = max(self.time, at)
        self._due.pop(first.key, None)
        if isinstance(first, Wait):
            return first, answer
        answered = self._call(first)
        if answered is None:
            raise Stuck(f"`{first.key}` is held again although it was decided")
        return first, answered

    def _call(self, call: Call) -> Answer | None:
        """What came back; None where the call is held, and then it is known until when."""
        self._asked += 1
        if self._asked > self._bounds.calls:
            raise Stuck(f"more than {self._bounds.calls:,} calls were made, the last of them `{call.key}`")
        answer = self._caller.call(replace(self._context, now=self.time), call, self._connections)
        if isinstance(answer, Held):
            self.held.append((call, answer))
            after = self._script.decided(call, answer)
            self._due[call.key] = (answer.until if after is None else min(self.time + after, answer.until), None)
            return None
        self.made.append(Made(call, answer))
        self._subscribed[call.key.rpartition("#")[0]] = call
        return answer

    def _over(self, one: Pending) -> tuple[datetime, Answer | None] | None:
        """When it is over, and with what; None where it never is."""
        if isinstance(one, Call):
            return self._due[one.key]
        if one.callback and one.key not in self._due:
            coming = self._script.callback(self._subscribed[one.key])
            if coming is not None:
                self._due[one.key] = (self.time + coming.after, coming.answer)
        due = self._due.get(one.key)
        if one.until is not None and (due is None or due[0] > one.until):
            return one.until, None
        return due


@dataclass(frozen=True)
class Played:
    """A run that has ended, or that is stuck."""

    run: Run
    world: SimulatedWorld
    ended: Ended | None
    stuck: str = ""
    """Why the run doesn't end; empty where it did."""

    @property
    def records(self) -> dict[str, Record]:
        """Every record by its key, such as `For_each[0]/Add_comment`."""
        return {r.key: r for r in self.run.records}


def play(
    definition: Definition,
    outputs: Mapping[str, Any],
    world: SimulatedWorld,
    parameters: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Played:
    """Runs a definition to its end, set off by its first trigger with these outputs.

    Parameters that aren't given have their defaults. Raises nothing for what the run itself does.
    """
    values = {n: p.default for n, p in definition.parameters.items() if p.has_default} | dict(parameters or {})
    fired = Fired(outputs, world.now(), world.new_id())
    trigger = fired.record(definition.triggers[0]) if definition.triggers else {}
    run = Run(definition, trigger, world, values, facts or {})
    steps = run.steps()
    try:
        pending = next(steps)
        while True:
            pending = steps.send(world.next(pending))
    except StopIteration as end:
        return Played(run, world, end.value)
    except Stuck as stuck:
        steps.close()
        return Played(run, world, None, str(stuck))
