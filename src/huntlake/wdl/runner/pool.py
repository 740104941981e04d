"""Steps that go on side by side, each until it needs an answer."""

from __future__ import annotations

from collections.abc import Generator

from huntlake.wdl.runner.effects import Answer, Pending

Pendings = tuple[Pending, ...]
Step = Generator[Pendings, tuple[Pending, Answer | None], None]
"""Gives what it can't go on without, and is sent the one that is over, with its answer; None for a time that came."""


class Pool:
    """Several steps; they are started and go on in the order in which they were added."""

    def __init__(self) -> None:
        self._live: list[tuple[Step, Pendings]] = []

    def __len__(self) -> int:
        return len(self._live)

    @property
    def pending(self) -> Pendings:
        """All that the steps can't go on without, in the order in which they were started."""
        return tuple(p for _, pending in self._live for p in pending)

    def start(self, step: Step) -> None:
        """Runs a step until it needs an answer, or to its end."""
        try:
            pending = next(step)
        except StopIteration:
            return
        self._live.append((step, pending))

    def over(self, one: Pending, answer: Answer | None) -> None:
        """Lets the step go on that needed this."""
        for index, (step, pending) in enumerate(self._live):
            if not any(p is one for p in pending):
                continue
            del self._live[index]
            try:
                following = step.send((one, answer))
            except StopIteration:
                return
            self._live.insert(index, (step, following))
            return
