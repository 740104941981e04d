"""What an action that touches nothing but the run is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from huntlake.wdl.definition.workflow import Action
from huntlake.wdl.expressions.evaluator import Evaluator


class ActionFailed(Exception):
    """An action that ends as Failed: with the code that the history shows, and with what it gave nevertheless.

    `tells` says of which of `inputs` and `outputs` the message may tell; None: of anything that the run knows.
    """

    def __init__(
        self, code: str, message: str, inputs: Any = None, outputs: Any = None, tells: frozenset[str] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.inputs = inputs
        self.outputs = outputs
        self.tells = tells


@dataclass
class Variable:
    """A variable of a run: its type in lower case, and what it holds."""

    name: str
    type: str
    value: Any


@dataclass
class Variables:
    """The variables of a run; their names are found in any case."""

    held: dict[str, Variable] = field(default_factory=dict)

    def get(self, name: str) -> Variable:
        """Raises `ActionFailed` where no such variable was initialised."""
        variable = self.held.get(name.lower())
        if variable is None:
            raise ActionFailed("InvalidTemplate", f"the variable `{name}` is not initialized")
        return variable


@dataclass(frozen=True)
class Given:
    """The evaluated inputs of an action, and its outputs."""

    inputs: Any
    outputs: Any


@dataclass(frozen=True)
class Means:
    """What such an action works with."""

    evaluator: Evaluator
    """Over the run where the action stands."""
    over: Callable[[Any], Evaluator]
    """The same with an item, as `item()` gives it."""
    variables: Variables


Local = Callable[[Action, Means], Given]
"""What an action does."""
