"""Steps that go on side by side, each until it must wait."""

from __future__ import annotations

from collections.abc import Generator

from huntlake.wdl.runner.effects import Answer, Wait

Waits = tuple[Wait, ...]
Step = Generator[Waits, tuple[Wait, Answer | None], None]
"""Gives what it waits for, and is sent the one wait that is over, with its answer."""


class Pool:
    """Several steps; they are started and go on in the order in which they were added."""

    def __init__(self) -> None:
        self._live: list[tuple[Step, Waits]] = []

    def __len__(self) -> int:
        return len(self._live)

    @property
    def waits(self) -> Waits:
        """All that the steps wait for."""
        return tuple(w for _, waits in self._live for w in waits)

    def start(self, step: Step) -> None:
        """Runs a step until it waits, or to its end."""
        try:
            waits = next(step)
        except StopIteration:
            return
        self._live.append((step, waits))

    def over(self, wait: Wait, answer: Answer | None) -> None:
        """Lets the step go on whose wait is over."""
        for index, (step, waits) in enumerate(self._live):
            if wait not in waits:
                continue
            del self._live[index]
            try:
                following = step.send((wait, answer))
            except StopIteration:
                return
            self._live.insert(index, (step, following))
            return
