"""How much of a model a workspace may use in a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from huntlake.core.clock import Clock
from huntlake.state.documents import Shelf
from huntlake.state.records import Owner, Records

_KEPT = timedelta(days=40)


@dataclass(frozen=True, slots=True)
class Budget:
    """Calls, tokens and money a day, of each workspace; 0 is no limit. Days are UTC's."""

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Prices:
    """Money for a million tokens, in whatever currency the bill has."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """What so many tokens cost."""
        return (self.tokens_in * tokens_in + self.tokens_out * tokens_out) / 1e6


@dataclass(frozen=True, slots=True)
class Spent:
    """What a day has used."""

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0


class Spending:
    """What each workspace has used, by day."""

    def __init__(self, shelf: Shelf, clock: Clock, budget: Budget) -> None:
        self._clock, self.budget = clock, budget
        self._days = Records(shelf, clock, "model spending", Spent)

    def today(self, owner: Owner) -> Spent:
        """What this day has used."""
        found = self._days.find((owner[0],), self._day())
        return found.value if found else Spent()

    def reserve(self, owner: Owner, tokens: int, cost: float) -> str:
        """Take a call of at most so many tokens off the budget; the reason where it is used up, and nothing is taken.

        What is asked at the same time counts before it is answered: else many calls would each find room.
        """
        over = ""

        def more(spent: Spent) -> Spent:
            nonlocal over
            after = Spent(spent.calls + 1, spent.tokens + tokens, spent.cost + cost)
            over = self._over(after)
            return spent if over else after

        self._change(owner, more)
        return over

    def settle(self, owner: Owner, tokens: int, cost: float) -> None:
        """Correct what was reserved by the difference to what it really was."""
        self._change(owner, lambda s: Spent(s.calls, max(0, s.tokens + tokens), max(0.0, s.cost + cost)))

    def expire(self, workspace: str) -> None:
        """Forget days long past."""
        oldest = (self._clock.now() - _KEPT).date().isoformat()
        for name in self._days.names((workspace,)):
            if name < oldest:
                self._days.delete((workspace,), name)

    def _over(self, spent: Spent) -> str:
        limit = self.budget
        for what, used, most in (
            ("calls", spent.calls, limit.calls),
            ("tokens", spent.tokens, limit.tokens),
            ("cost", spent.cost, limit.cost),
        ):
            if most and used > most:
                return f"the model's budget of this day is used up: {what} at most {most:,}"
        return ""

    def _change(self, owner: Owner, how) -> None:  # type: ignore[no-untyped-def]
        from huntlake.core.errors import Conflict, NotFound
        from huntlake.state.records import Author, Only

        name = self._day()
        while True:
            try:
                self._days.change((owner[0],), name, how)
            except NotFound:
                try:
                    self._days.put((owner[0],), name, Spent(), Author(), Only(create=True))
                except Conflict:
                    continue
            else:
                return

    def _day(self) -> str:
        return self._clock.now().date().isoformat()
