"""What a query sets by `set name = value;`, and what of that changes what it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from huntlake.core.diagnostics import Span
from huntlake.kql import plan
from huntlake.kql.binding.conversions import parameter_value
from huntlake.kql.binding.language import Surroundings
from huntlake.kql.syntax import nodes
from huntlake.kql.types import ScalarType

T = TypeVar("T")

_REFUSED = frozenset(
    {
        "query_cursor_after_default",
        "query_cursor_before_or_at_default",
        "query_cursor_current",
        "query_cursor_scoped_tables",
        "query_force_row_level_security",
        "query_results_apply_getschema",
        "validate_permissions",
        "validatepermissions",
    }
)
"""Options that would change the answer, and that we don't have. Others say how to compute it, and are passed over."""

RECEIVED = "_TimeReceived"
"""The column that says when a row came."""


@dataclass(frozen=True, slots=True)
class Period:
    """The rows to read of every table that has the datetime `column`: `since <= column <= until`, in ticks.

    With `late`, of a table that says when rows came, those that came then, whatever `column` says: only not more than
    so many ticks before `since`.
    """

    column: str = ""
    since: int | None = None
    until: int | None = None
    late: int | None = None


class Settings:
    """What one query sets, and the moment and the period of which it asks."""

    def __init__(self, b: Surroundings, now: int, period: Period) -> None:
        self._b = b
        self.now = now
        self.period = period
        self.said: dict[str, object] = {}
        self._literals: dict[str, nodes.Expression | None] = {}

    def take(self, statement: nodes.SetStatement) -> None:
        """Keep an option, and obey one that changes the answer."""
        name, span = statement.name, statement.span
        self.said[name] = statement.value
        self._literals[name] = statement.literal
        if name in _REFUSED:
            self._b.refuse(f"the option `{name}`", span)
        if name == "query_now":
            self.now = self._value(name, ScalarType.DATETIME, span, int)
        elif name == "query_datetimescope_column":
            self.period = replace(self.period, column=self._value(name, ScalarType.STRING, span, str))
        elif name == "query_datetimescope_from":
            self.period = replace(self.period, since=self._value(name, ScalarType.DATETIME, span, int))
        elif name == "query_datetimescope_to":
            self.period = replace(self.period, until=self._value(name, ScalarType.DATETIME, span, int))

    def option(self, name: str) -> plan.Literal | None:
        """The value of `set name = …`; None where the query sets none."""
        literal = self._literals.get(name)
        return None if literal is None else self._b.constant(literal)

    def _value(self, name: str, type_: ScalarType, span: Span, kind: type[T]) -> T:
        value = self.option(name)
        if value is not None and value.type is ScalarType.STRING is not type_:
            value = parameter_value(value.value, type_)
        if value is None or value.type is not type_ or not isinstance(value.value, kind):
            self._b.fail("SEM0024", f"the option `{name}` is a `{type_}`", span)
        return value.value
