"""What a run remembers of its actions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from huntlake.wdl.definition.workflow import Action, Status
from huntlake.wdl.dotnet import timestamps

HIDDEN = {"hidden": True}
"""What the history shows in place of a secret."""
HIDDEN_MESSAGE = "hidden: it may hold what is secure"
"""What it shows in place of a message that may hold one."""


@dataclass(frozen=True)
class Repetition:
    """The round of a loop."""

    loop: str
    index: int


@dataclass
class Record:
    """What became of an action in one place of a run."""

    action: Action
    place: tuple[Repetition, ...]
    tracking_id: str
    started: datetime
    status: Status = Status.RUNNING
    code: str = ""
    message: str = ""
    tells: frozenset[str] | None = None
    """Of which of `inputs` and `outputs` the message may tell; None: of anything that the run knows."""
    inputs: Any = None
    outputs: Any = None
    ended: datetime | None = None
    attempts: int = 0
    tracked: dict[str, Any] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    """Of `inputs`, `outputs` and `trackedProperties`, what the history must not show."""

    @property
    def key(self) -> str:
        """Names this place of this run."""
        return "/".join([*(f"{r.loop}[{r.index}]" for r in self.place), self.action.name])

    def value(self) -> dict[str, Any]:
        """The record as `actions()` gives it."""
        made: dict[str, Any] = {"name": self.action.name}
        if self.inputs is not None:
            made["inputs"] = self.inputs
        if self.outputs is not None:
            made["outputs"] = self.outputs
        made["startTime"] = timestamps.written(timestamps.of(self.started))
        if self.ended is not None:
            made["endTime"] = timestamps.written(timestamps.of(self.ended))
        made |= {"trackingId": self.tracking_id, "clientTrackingId": self.tracking_id, "status": self.status.value}
        if self.code:
            made["code"] = self.code
        if self.message:
            made["error"] = {"code": self.code, "message": self.message}
        if self.tracked:
            made["trackedProperties"] = self.tracked
        return made

    def shown(self) -> dict[str, Any]:
        """The record for the history: without what is secret."""
        made = self.value() | {"error": self.shown_error} if self.message else self.value()
        return made | {name: HIDDEN for name in self.hidden if name in made}

    @property
    def shown_error(self) -> dict[str, str]:
        """The error, whose message is hidden where it may tell of anything that is."""
        secret = self.message and (self.hidden if self.tells is None else self.hidden & self.tells)
        return {"code": self.code, "message": HIDDEN_MESSAGE if secret else self.message}
