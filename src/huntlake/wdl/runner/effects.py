"""What a run asks of the world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from huntlake.wdl.definition.workflow import Action
from huntlake.wdl.runner.records import Record


@dataclass(frozen=True)
class Call:
    """One call of something outside. `key` is the same whenever the run comes by here again: it makes the call once."""

    key: str
    action: Action
    inputs: Any
    attempt: int = 1
    poll: str = ""
    """The URL to ask for the answer, where an earlier call left it for later."""
    hidden: frozenset[str] = frozenset()
    """Of `inputs` and `outputs`, those that no history may show."""
    unsubscribes: bool = False
    """Whether it takes back what the action has subscribed to: `inputs` are those of that call. It is made although the
    run is to end."""


@dataclass(frozen=True)
class Answer:
    """What came back: like HTTP's, whatever was called. With `lost` no answer came, and that says why."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    lost: str = ""
    refused: str = ""
    """Why nothing was called, and won't be: such an answer is not asked for again."""


@dataclass(frozen=True)
class Wait:
    """A wait: for a time, or, as `callback`, for an answer at the callback URL of that key until then."""

    key: str
    until: datetime | None
    callback: bool = False


Pending = Call | Wait
"""What a run can't go on without."""


class Effects(Protocol):
    """The world of one run: what differs from one time to the next, and isn't answered as `Pending`."""

    def now(self) -> datetime:
        """The time, in UTC."""

    def random(self) -> float:
        """A number from 0 to below 1."""

    def new_id(self) -> str:
        """A new GUID."""

    def setting(self, name: str) -> Any:
        """A setting of the application. Raises `Fault`."""

    def callback_url(self, key: str) -> str:
        """The URL at which the webhook of that key waits for its answer."""

    def respond(self, key: str, answer: Answer) -> bool:
        """Answers whoever started the run; False where nobody waits any more."""

    def ended(self, record: Record) -> None:
        """An action has ended: for the history."""


class World(Effects, Protocol):
    """A world that makes each call as it comes."""

    def call(self, call: Call) -> Answer:
        """Makes a call."""

    def wait(self, waits: Sequence[Wait]) -> tuple[Wait, Answer | None]:
        """The first of the waits to be over, with the answer where one came."""
