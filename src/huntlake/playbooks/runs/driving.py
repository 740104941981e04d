"""Drives a run from its trigger to its end: what it asks for is done once, written down, and answered from there.

Whatever ends the process, the run is gone through again from its beginning with what was written down, and goes on
where nothing is. A step that was done and not yet written down is done again, under the same key.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from huntlake.playbooks.runs.effects import Journaled
from huntlake.wdl.definition.workflow import Status
from huntlake.wdl.runner.effects import Answer, Call, Pending, Wait
from huntlake.wdl.runner.run import Ended, Run

LONGEST = timedelta(days=90)
"""How long a run may take."""
SIDE_BY_SIDE = 20
"""How many calls of one run are made at the same time."""

Work = Callable[[], Coroutine[Any, Any, str]]
Elsewhere = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Does something that takes a while where it holds up nobody."""


class Journal(Protocol):
    """Where it is written down what came of the steps of a run."""

    async def step(self, names: Sequence[str], works: Sequence[Work]) -> list[str]:
        """What came of the steps of these names; those of which nothing is written down are done now, side by side."""
        ...


class Outside(Protocol):
    """What steps do, and who hears of the run. Whatever is told may be told again."""

    async def call(self, call: Call) -> str:
        """Makes a call: the JSON text of an `outcome`."""
        ...

    async def wait(self, until: datetime, seen: frozenset[str]) -> str:
        """Waits until then, or until there are messages that aren't `seen`: the JSON text of an `outcome`."""
        ...

    async def responded(self, answer: Answer) -> None:
        """The run has given its response."""
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """What an action gave in the run that this one repeats; it isn't asked again."""

    answer: Answer
    callback: bool = False
    """Whether it came to the action's callback URL."""
    late: bool = False
    """Whether nothing came there in time."""


@dataclass
class Driver:
    """Drives one run."""

    run: Run
    effects: Journaled
    journal: Journal
    outside: Outside
    elsewhere: Elsewhere
    taken: Mapping[str, Taken] = field(default_factory=dict)
    """By the keys of actions, in lower case."""

    def __post_init__(self) -> None:
        self._deadline = self.effects.now() + LONGEST
        self._steps = self.run.steps()
        self._pending: tuple[Pending, ...] = ()
        self._ended: Ended | None = None
        self._held: dict[str, tuple[str, datetime | None]] = {}
        self._mail: dict[str, Answer | None] = {}
        self._seen: set[str] = set()
        self._told = False

    async def drive(self) -> Ended:
        """Runs to the end, and says what became of the run."""
        await self._advance(None)
        while self._ended is None:
            if self.effects.now() >= self._deadline and not self.run.breaking:
                await self._break_off(Ended(Status.TIMED_OUT, "WorkflowRunTimedOut", f"it took {LONGEST.days} days"))
            elif known := self._known():
                await self._advance(known)
            elif calls := [p for p in self._pending if isinstance(p, Call) and p.key not in self._held]:
                await self._make(calls)
            else:
                await self._wait()
        return self._ended

    # -- what is there already

    def _known(self) -> list[tuple[Pending, Answer | None]]:
        """What can be answered without asking anybody."""
        known: list[tuple[Pending, Answer | None]] = []
        for one in self._pending:
            taken = self.taken.get(one.key.lower()) or self.taken.get(_place(one).lower())
            if isinstance(one, Call):
                if taken is not None:
                    known.append((one, Answer() if taken.callback else taken.answer))
                elif (held := self._held.get(one.key)) is not None and held[0] in self._mail:
                    answer = self._mail.pop(held[0])
                    del self._held[one.key]
                    if answer is not None:
                        known.append((one, answer))
            elif taken is not None:
                known.append((one, taken.answer if one.callback and not taken.late else None))
            elif one.callback and self._mail.get(one.key) is not None:
                known.append((one, self._mail[one.key]))
        return known

    # -- calls

    async def _make(self, calls: list[Call]) -> None:
        calls = calls[:SIDE_BY_SIDE]
        texts = await self.journal.step([c.key for c in calls], [self._work(c) for c in calls])
        fed = list[tuple[Pending, Answer | None, datetime]]()
        cancelled = False
        for call, text in zip(calls, texts, strict=True):
            said = json.loads(text)
            at = datetime.fromisoformat(said["at"])
            if "held" in said and self.run.breaking:
                fed.append((call, Answer(refused="a person would have to approve it"), at))
            elif "held" in said:
                until = said["held"]["until"]
                self._held[call.key] = said["held"]["key"], datetime.fromisoformat(until) if until else None
                self.effects.goes_on(at)
            elif "answer" in said:
                fed.append((call, answer_of(said["answer"]), at))
            else:
                cancelled = True
        await self._advance([(c, a) for c, a, _ in fed], [at for *_, at in fed])
        if cancelled and self._ended is None:
            await self._cancel()

    def _work(self, call: Call) -> Work:
        async def work() -> str:
            return await self.outside.call(call)

        return work

    # -- waits

    async def _wait(self) -> None:
        waits = [p for p in self._pending if isinstance(p, Wait)]
        times = [t for t in (*(w.until for w in waits), *(u for _, u in self._held.values())) if t is not None]
        # A run that is being broken off waits for nothing but its next try.
        until, seen = min(times if self.run.breaking else [*times, self._deadline]), frozenset(self._seen)

        async def work() -> str:
            return await self.outside.wait(until, seen)

        (text,) = await self.journal.step(["wait"], [work])
        said = json.loads(text)
        self.effects.goes_on(datetime.fromisoformat(said["at"]))
        now, cancelled = self.effects.now(), False
        for message in said["messages"]:
            self._seen.add(message["id"])
            if message.get("cancel"):
                cancelled = True
            else:
                # Of two answers the first counts.
                self._mail.setdefault(message["key"], answer_of(message["answer"]) if message["answer"] else None)
        if cancelled:
            await self._cancel()
            return
        for key, (_, end) in list(self._held.items()):
            if end is not None and end <= now:
                del self._held[key]
        if known := self._known():
            await self._advance(known)
            return
        due = [w for w in waits if w.until is not None and w.until <= now]
        await self._advance([(w, None) for w in sorted(due, key=lambda w: w.until or now)])

    # -- the run itself

    async def _advance(
        self, known: Sequence[tuple[Pending, Answer | None]] | None, times: Sequence[datetime] = ()
    ) -> None:
        """Lets the run go on with what is known of what it asked for; None begins it."""
        await self.elsewhere(lambda: self._go(known, times))
        if self.effects.response is not None and not self._told:
            self._told = True
            await self.outside.responded(self.effects.response)

    def _go(self, known: Sequence[tuple[Pending, Answer | None]] | None, times: Sequence[datetime]) -> None:
        try:
            if known is None:
                self._pending = next(self._steps)
                return
            for number, (one, answer) in enumerate(known):
                if number < len(times):
                    self.effects.goes_on(times[number])
                if any(p is one for p in self._pending):
                    self._pending = self._steps.send((one, answer))
        except StopIteration as end:
            self._ended = end.value

    async def _cancel(self) -> None:
        await self._break_off(Ended(Status.CANCELLED, "Cancelled", "the run was cancelled"))

    async def _break_off(self, ended: Ended) -> None:
        if self.run.breaking:
            return
        await self.elsewhere(self._steps.close)
        self._steps = self.run.breaking_off(ended)
        self._pending, self._held = (), {}
        await self._advance(None)


def _place(one: Pending) -> str:
    """The action's key, without its try."""
    place = one.key.rpartition("#")[0]
    return place.removesuffix("/unsubscribe") if isinstance(one, Call) and one.unsubscribes else place


def effect_key(call: Call) -> str:
    """Under which key whoever is called does once what is asked.

    Whoever lost the answer to a try must know the next one for the same, or it is done twice. What asks for an answer
    that was left for later, or for the next page, is another call each time.
    """
    return call.key if call.poll else call.key.rpartition("#")[0]


# -- what stands in a journal


def outcome(at: datetime, **said: Any) -> str:
    """What came of a step, as JSON text: `answer`, `held`, `cancelled` or `messages`, and when."""
    # Decimals are the only values of the language that JSON doesn't know.
    return json.dumps({"at": at.isoformat(), **said}, separators=(",", ":"), default=float)


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer as JSON."""
    made: dict[str, Any] = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
    return (
        made | ({"lost": answer.lost} if answer.lost else {}) | ({"refused": answer.refused} if answer.refused else {})
    )


def answer_of(said: Mapping[str, Any]) -> Answer:
    """The answer that JSON says."""
    return Answer(said["status"], said["headers"], said["body"], said.get("lost", ""), said.get("refused", ""))


__all__ = ["Driver", "Journal", "Outside", "Taken", "answer_json", "answer_of", "effect_key", "outcome"]
