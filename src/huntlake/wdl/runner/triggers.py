"""Whether what a trigger gave sets off a run, or several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huntlake.wdl.definition.workflow import Trigger, TriggerType
from huntlake.wdl.dotnet import timestamps
from huntlake.wdl.expressions.evaluator import Evaluator
from huntlake.wdl.expressions.symbols import Scope
from huntlake.wdl.expressions.values import Fault, kind
from huntlake.wdl.functions import FUNCTIONS

_SCHEDULED = (TriggerType.RECURRENCE, TriggerType.SLIDING_WINDOW)


@dataclass(frozen=True)
class Fired:
    """What a trigger gave: its outputs, and when and under which id."""

    outputs: Any
    at: datetime
    tracking_id: str
    inputs: Any = None

    def record(self, trigger: Trigger) -> dict[str, Any]:
        """The trigger's record, as `trigger()` gives it."""
        shown = timestamps.written(timestamps.of(self.at))
        made = {
            "name": trigger.name,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "startTime": shown,
            "endTime": shown,
            "status": "Succeeded",
            "code": "OK",
            "trackingId": self.tracking_id,
            "clientTrackingId": self.tracking_id,
            "originHistoryName": self.tracking_id,
            "scheduledTime": shown if trigger.type in _SCHEDULED else None,
        }
        return {k: v for k, v in made.items() if v is not None}


def meets(trigger: Trigger, scope: Scope) -> bool:
    """Whether all conditions are true. `scope` knows the trigger's record. Raises `SourceError` or `Fault`."""
    evaluator = Evaluator(FUNCTIONS, scope)
    for condition in trigger.conditions:
        truth = evaluator.value(condition)
        if not isinstance(truth, bool):
            raise Fault(f"a trigger's condition must be a boolean, not {kind(truth)}")
        if not truth:
            return False
    return True


def split(trigger: Trigger, outputs: Mapping[str, Any], scope: Scope) -> list[dict[str, Any]]:
    """The outputs of each run that `splitOn` makes of one answer: its item is the body, and what was around it is gone.

    Raises `SourceError` or `Fault`.
    """
    if trigger.split_on is None:
        return [dict(outputs)]
    items = Evaluator(FUNCTIONS, scope).value(trigger.split_on)
    if not isinstance(items, list):
        raise Fault(f"`splitOn` must be an array, not {kind(items)}")
    return [{**outputs, "body": item} for item in items]
