"""A run that stands still: what expressions may ask for in tests and measurements."""

from __future__ import annotations

from datetime import UTC, datetime

from huntlake.wdl.expressions.evaluator import Evaluator
from huntlake.wdl.expressions.values import Fault, Value, found
from huntlake.wdl.functions import FUNCTIONS


class Still:
    """A scope of fixed values."""

    def __init__(self, **known: Value) -> None:
        self.known = known

    def now(self) -> datetime:
        return datetime(2026, 3, 4, 5, 6, 7, 891_234, UTC)

    def random(self) -> float:
        return 0.5

    def new_id(self) -> str:
        return "01234567-89ab-4def-8123-456789abcdef"

    def trigger(self) -> Value:
        return self.known.get("trigger")

    def action(self, name: str | None) -> Value:
        return self._named("actions", name or "")

    def item(self, loop: str | None) -> Value:
        return self._named("items", loop or "")

    def iteration(self, loop: str) -> int:
        raise Fault(f"no Until is named `{loop}`")

    def variable(self, name: str) -> Value:
        return self._named("variables", name)

    def parameter(self, name: str) -> Value:
        return self._named("parameters", name)

    def result(self, scope: str) -> Value:
        raise Fault(f"no scope is named `{scope}`")

    def workflow(self) -> Value:
        return {"run": {"name": "08585"}}

    def callback(self) -> str:
        raise Fault("only a webhook has a callback URL")

    def setting(self, name: str) -> Value:
        raise Fault(f"no setting is named `{name}`")

    def _named(self, kind: str, name: str) -> Value:
        values = self.known.get(kind) or {}
        key = found(values, name)
        if key is None:
            raise Fault(f"the {kind} have none named `{name}`")
        return values[key]


def evaluator(**known: Value) -> Evaluator:
    """An evaluator over fixed values."""
    return Evaluator(FUNCTIONS, Still(**known))
