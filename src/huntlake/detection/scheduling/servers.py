"""Which of several servers looks at which rules: those over one database share them without talking to one another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import cast
from zlib import crc32

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, NotFound
from huntlake.detection.scheduling.ledger import Key
from huntlake.state.documents import Documents, Json, Shelf

ALIVE = timedelta(seconds=45)
"""A server that wasn't heard of for so long is gone, and others take over its rules."""

Heard = Mapping[str, datetime]


class Servers:
    """The servers that run the scheduler of a kind. Two that both take a rule to be theirs for a while do no harm."""

    def __init__(self, shelf: Shelf, clock: Clock, me: str, kind: str = "rule") -> None:
        name = "scheduler" if kind == "rule" else f"scheduler of {kind}s"
        self._documents: Documents[Heard] = Documents(shelf, name, _encoded, _decoded)
        self._clock, self.me = clock, me
        self._alive: tuple[str, ...] = (me,)

    def beat(self) -> tuple[str, ...]:
        """Say that this server is there, and learn which others are."""
        now = self._clock.now().astimezone(UTC)

        def heard(before: Heard) -> Heard:
            # What lies far ahead was said by a clock that was wrong.
            there = {s: t for s, t in before.items() if abs(now - t) < ALIVE and s != self.me}
            return {**there, self.me: now}

        self._alive = tuple(sorted(self._change(heard)))
        return self._alive

    def leave(self) -> None:
        """Say that this server is there no more."""
        self._change(lambda before: {s: t for s, t in before.items() if s != self.me})

    def mine(self, key: Key) -> bool:
        """Whether this server looks at that rule."""
        if len(self._alive) == 1:
            return True
        return max(self._alive, key=lambda server: crc32(f"{server} {key[0]} {key[1]}".encode())) == self.me

    def _change(self, how: Callable[[Heard], Heard]) -> Heard:
        try:
            return self._documents.change("servers", how).value
        except NotFound:
            with suppress(Conflict):
                self._documents.put("servers", {}, create_only=True)
            return self._documents.change("servers", how).value


def _encoded(heard: Heard) -> Json:
    return {server: at.isoformat() for server, at in heard.items()}


def _decoded(value: Json) -> Heard:
    return {server: datetime.fromisoformat(at) for server, at in cast("dict[str, str]", value).items()}
