"""What a query may set by `set name = value;` that changes what it answers."""

from __future__ import annotations

from dataclasses import dataclass

REFUSED_OPTIONS = frozenset(
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
