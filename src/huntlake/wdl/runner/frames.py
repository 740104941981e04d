"""Where in a run an expression stands: in which rounds of which loops, and what has ended there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from huntlake.wdl.actions.local import ActionFailed, Variables
from huntlake.wdl.definition.workflow import ActionType
from huntlake.wdl.expressions.values import Fault, found
from huntlake.wdl.runner.effects import Effects
from huntlake.wdl.runner.records import Record, Repetition


@dataclass(eq=False)
class Frame:
    """The whole of a run, or one round of a loop in it."""

    outer: Frame | None = None
    loop: str = ""
    index: int = 0
    item: Any = None
    foreach: bool = False
    records: dict[str, Record | list[Record]] = field(default_factory=dict)
    """By the action's name in lower case; several where a Foreach beneath has ended."""

    @property
    def place(self) -> tuple[Repetition, ...]:
        """The rounds of the loops around, the outermost first."""
        return (*self.outer.place, Repetition(self.loop, self.index)) if self.outer else ()

    def chain(self) -> Iterator[Frame]:
        """This frame and those around it, the innermost first."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.outer


_NOTHING = object()
_WEBHOOKS = (ActionType.API_CONNECTION_WEBHOOK, ActionType.HTTP_WEBHOOK)


@dataclass
class RunScope:
    """What expressions may ask for, at one place of a run."""

    effects: Effects
    frame: Frame
    triggered: Mapping[str, Any]
    facts: Mapping[str, Any]
    parameters: Mapping[str, Any]
    variables: Variables
    scopes: Mapping[str, tuple[str, ...]]
    """By the name of each action that holds others, in lower case, the names directly within."""
    known: Mapping[str, str]
    """The name of every action, by itself in lower case."""
    own: Record | None = None
    each: Any = _NOTHING
    of_trigger: bool = False
    """Whether it is a trigger that asks: it has a callback URL without being in a run."""

    def now(self) -> datetime:
        return self.effects.now()

    def random(self) -> float:
        return self.effects.random()

    def new_id(self) -> str:
        return self.effects.new_id()

    def trigger(self) -> Any:
        return dict(self.triggered)

    def action(self, name: str | None) -> Any:
        if name is None:
            if self.own is None:
                raise Fault("`action()` stands outside of an action")
            return self.own.value()
        record = self._record(name)
        return [r.value() for r in record] if isinstance(record, list) else record.value()

    def _record(self, name: str) -> Record | list[Record]:
        folded = name.lower()
        for frame in self.frame.chain():
            if folded in frame.records:
                return frame.records[folded]
        if folded in self.known:
            raise Fault(f"the action `{name}` has not ended before this one")
        raise Fault(f"no action is named `{name}`")

    def item(self, loop: str | None) -> Any:
        if loop is None and self.each is not _NOTHING:
            return self.each
        for frame in self.frame.chain():
            if frame.foreach and (loop is None or frame.loop.lower() == loop.lower()):
                return frame.item
        raise Fault(f"this is not within a Foreach named `{loop}`" if loop else "this is not within a loop over items")

    def iteration(self, loop: str) -> int:
        for frame in self.frame.chain():
            if frame.outer and frame.loop.lower() == loop.lower():
                return frame.index
        raise Fault(f"this is not within an Until named `{loop}`")

    def variable(self, name: str) -> Any:
        try:
            return self.variables.get(name).value
        except ActionFailed as failed:
            raise Fault(failed.message) from None

    def parameter(self, name: str) -> Any:
        key = found(dict(self.parameters), name)
        if key is None:
            raise Fault(f"the workflow has no parameter `{name}`, or it has no value")
        return self.parameters[key]

    def result(self, scope: str) -> Any:
        names = self.scopes.get(scope.lower())
        if names is None:
            raise Fault(f"no scope is named `{scope}`")
        self._record(scope)
        made = []
        for name in names:
            record = self._record(name)
            if isinstance(record, list):
                # Of a Foreach there is one record for each action, whose outputs are those of all rounds.
                made.append({"name": name, "outputs": [r.value() for r in record]})
            else:
                made.append(record.value())
        return made

    def workflow(self) -> Any:
        return dict(self.facts)

    def callback(self) -> str:
        webhook = self.own is not None and self.own.action.type in _WEBHOOKS
        if not webhook and not self.of_trigger:
            raise Fault("only a webhook has a callback URL")
        return self.effects.callback_url(self.own.key if self.own else "")

    def setting(self, name: str) -> Any:
        return self.effects.setting(name)
