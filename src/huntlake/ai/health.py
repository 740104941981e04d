"""Whether a model is worth asking: a breaker that opens where it isn't, and tries again after a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, NotFound
from huntlake.state.documents import Shelf
from huntlake.state.records import Author, Only, Owner, Records


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """When it opens: by the share of the last answers that were of no use, or by how long the slowest took."""

    window: int = 50
    least: int = 10
    useless: float = 0.2
    seconds: float = 45.0
    pause: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Health:
    """How the last calls went, the oldest first: whether each was of use, and its seconds.

    `opened` is since when nothing is asked, and `reason` why; `probing` is when one call was let through to see.
    """

    useful: tuple[bool, ...] = ()
    seconds: tuple[float, ...] = ()
    opened: datetime | None = None
    reason: str = ""
    probing: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing is asked."""
        return self.opened is not None


class Breaker:
    """The health of the model, for each workspace."""

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        limits: HealthLimits = HealthLimits(),
        told: Callable[[Owner, Health], None] | None = None,
    ) -> None:
        self._clock, self.limits, self._told = clock, limits, told
        self._records = Records(shelf, clock, "model health", Health)

    def of(self, owner: Owner, model: str) -> Health:
        """How it is."""
        found = self._records.find((owner[0],), model)
        return found.value if found else Health()

    def closed(self, owner: Owner, model: str) -> str:
        """Nothing where the model may be asked, else why not. After the pause one call is let through, to see."""
        if not self.of(owner, model).is_open:
            return ""
        said = ""
        now = self._clock.now()

        def probed(health: Health) -> Health:
            nonlocal said
            said = ""
            if health.opened is None:
                return health
            since = health.probing or health.opened
            if now - since < self.limits.pause:
                said = f"the model is not asked before {since + self.limits.pause:%H:%M} UTC: {health.reason}"
                return health
            return replace(health, probing=now)

        self._change(owner, model, probed)
        return said

    def went(self, owner: Owner, model: str, *, useful: bool, seconds: float) -> None:
        """Note how a call went; it opens, or closes after a probe that went well."""

        def noted(health: Health) -> Health:
            if health.is_open:
                # What was on its way when it opened says nothing new.
                if health.probing is None:
                    return health
                return Health() if useful else replace(health, opened=self._clock.now(), probing=None)
            most = self.limits.window
            after = Health((*health.useful, useful)[-most:], (*health.seconds, seconds)[-most:])
            reason = self._reason(after)
            return replace(after, opened=self._clock.now(), reason=reason) if reason else after

        self._noted(owner, model, noted)

    def open(self, owner: Owner, model: str, reason: str) -> None:
        """Ask nothing more for a while."""
        self._noted(owner, model, lambda h: replace(h, opened=self._clock.now(), reason=reason, probing=None))

    def reset(self, owner: Owner, model: str) -> None:
        """Ask again, by a person's word."""
        self._noted(owner, model, lambda h: Health())

    def _reason(self, health: Health) -> str:
        count = len(health.useful)
        if count < self.limits.least:
            return ""
        useless = health.useful.count(False)
        if useless > self.limits.useless * count:
            return f"{useless} of its last {count} answers were of no use"
        slow = sorted(health.seconds)[int(0.95 * (count - 1))]
        if slow > self.limits.seconds:
            return f"one of twenty of its last {count} answers took longer than {self.limits.seconds:g} s"
        return ""

    def _noted(self, owner: Owner, model: str, how: Callable[[Health], Health]) -> None:
        before = self.of(owner, model)
        after = self._change(owner, model, how)
        if self._told and before.is_open != after.is_open:
            self._told(owner, after)

    def _change(self, owner: Owner, model: str, how: Callable[[Health], Health]) -> Health:
        while True:
            try:
                return self._records.change((owner[0],), model, how).value
            except NotFound:
                try:
                    self._records.put((owner[0],), model, Health(), Author(), Only(create=True))
                except Conflict:
                    continue
