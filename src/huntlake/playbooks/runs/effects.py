"""The world of one run as it must be the same when the run is gone through again: time, dice, ids, and its response."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from huntlake.wdl.expressions.values import Fault
from huntlake.wdl.runner.effects import Answer
from huntlake.wdl.runner.records import Record

CALLER_WAITS = timedelta(seconds=120)
"""How long the connection of whoever called a workflow waits for its Response."""

CallbackUrl = Callable[[str], str]
"""The URL at which the webhook of that key of the run is answered."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Who waits for a run's Response: nobody, a connection for a while, or another run however long."""

    awaited: bool = False
    patient: bool = False


class Journaled:
    """What a run sees of the world. Its time stands still but where an answer brings another one."""

    def __init__(self, run: str, at: datetime, setting: Setting, callback_url: CallbackUrl) -> None:
        self._started, self._at = at, at
        self._dice = random.Random(run)
        self._setting, self._callback_url = setting, callback_url
        self.response: Answer | None = None
        self.finished: list[Record] = []
        """The actions that have ended since somebody last took them from here."""

    def goes_on(self, at: datetime) -> None:
        """Time goes on to then; never back."""
        self._at = max(self._at, at)

    def now(self) -> datetime:
        """When the answer came that the run goes on with."""
        return self._at

    def random(self) -> float:
        """A number from 0 to below 1."""
        return self._dice.random()

    def new_id(self) -> str:
        """A GUID."""
        return str(UUID(int=self._dice.getrandbits(128), version=4))

    def setting(self, name: str) -> Any:
        """A setting of the application: there are none here."""
        raise Fault(f"no setting is named `{name}`")

    def callback_url(self, key: str) -> str:
        """The URL at which the webhook of that key is answered."""
        return self._callback_url(key)

    def respond(self, key: str, answer: Answer) -> bool:
        """Takes the first response, unless whoever waited for one has gone.

        Where nobody ever waited, as for a run that a person started, the response is kept to be looked at.
        """
        waited = self._setting.awaited and not self._setting.patient
        if self.response is not None or (waited and self._at - self._started > CALLER_WAITS):
            return False
        self.response = answer
        return True

    def ended(self, record: Record) -> None:
        """An action has ended."""
        self.finished.append(record)
