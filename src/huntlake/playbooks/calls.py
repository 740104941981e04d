"""What stands between a run and whatever it calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from huntlake.playbooks.connectors.connector import RunContext
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
