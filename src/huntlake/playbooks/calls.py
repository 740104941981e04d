"""What stands between a run and whatever it calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from huntlake.playbooks.connectors.connector import Asked, Operation, RunContext
from huntlake.wdl.runner.effects import Answer, Call


@dataclass(frozen=True)
class Held:
    """A call that a person must approve first. The run waits for the decision, and then makes the call again.

    `approval` names what was asked: the same for the same call of the same run.
    """

    approval: str
    until: datetime
    """When nobody has decided by then, it counts as refused."""


class Caller(Protocol):
    """Makes the calls of runs: finds the connection, its mode, its connector and operation, and asks the policy."""

    def call(self, context: RunContext, call: Call, connections: Any) -> Answer | Held:
        """Makes a call, or says who must be waited for; `connections` is the run's `$connections` parameter.

        Never raises for what the other side does: what nobody knows is an answer that is `refused`, by name.
        """


class Policy(Protocol):
    """Says which effects a person must approve first."""

    def wants(self, asked: Asked, operation: Operation) -> Held | Answer | None:
        """None where the call may be made now; else whom to wait for, or the answer of a call that may not be made.

        Asked again for the same call, with the same `Asked.key`, once it was decided.
        """


class Tape(Protocol):
    """Recorded calls of one connection."""

    def answer(self, asked: Asked, operation: Operation | None) -> Answer | None:
        """What was recorded for such a call; None where nothing was. An unknown connector has no operation."""

    def keep(self, asked: Asked, answer: Answer) -> None:
        """Keep what a real call gave."""


class Tapes(Protocol):
    """Where recorded calls are kept, by the names of cassettes."""

    def tape(self, name: str, connector: str, custom: bool = False) -> Tape:
        """The cassette as a connection to that connector uses it, which a customer may have described."""
