"""Why runs of rules fail: what passes by itself is tried again, and what doesn't disables the rule after a while."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError, Invalid, LimitExceeded, NotFound, Refused, TimedOut, Unavailable
from huntlake.detection.rules import AnalyticRule

RETRIES = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 240))
"""How long after each failure that may pass a window is tried again; after the last it is given up."""
MOST_FAILURES = 8
"""So many permanent failures of one kind, one after the other, disable a rule."""
AUTO_DISABLED = "AUTO DISABLED"
_LONGEST = 1000


class Reason(StrEnum):
    """The kinds of failures, in the words of Sentinel's own health table."""

    UNKNOWN_TABLE = "A table referenced in the query was not found."
    UNKNOWN_FUNCTION = "A function called by the query was not found."
    SYNTAX = "A syntax error occurred while running the query."
    SEMANTIC = "A semantic error occurred while running the query."
    NO_WORKSPACE = "The workspace used in the query was not found."
    REFUSED = "You don't have permissions to run this query."
    RESULTS = "Multiple result sets in this query are not allowed."
    TIMED_OUT = "The query execution timed out."
    RESOURCES = "This query was found to use too many system resources and was prevented from running."
    TEMPORARY = "The rule's running was delayed due to temporary issues."
    INTERNAL = "An internal server error occurred while running the query."
    DISABLED = "The analytics rule is disabled and was not executed."
    SKIPPED = "Windows of the rule were not looked at, and are not caught up with."


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed. A `permanent` failure stays until a person changes something."""

    reason: Reason
    permanent: bool
    detail: str


def failure_of(error: Exception) -> Failure:
    """What kind of failure an error is; one that nobody knows may pass."""
    match error:
        case SourceError():
            return Failure(_of_source(error), True, str(error)[:_LONGEST])
        case NotFound():
            return Failure(Reason.NO_WORKSPACE, True, str(error)[:_LONGEST])
        case Refused():
            return Failure(Reason.REFUSED, True, str(error)[:_LONGEST])
        case TimedOut():
            return Failure(Reason.TIMED_OUT, False, str(error)[:_LONGEST])
        case Unavailable():
            return Failure(Reason.TEMPORARY, False, str(error)[:_LONGEST])
        case LimitExceeded():
            return Failure(Reason.RESOURCES, False, str(error)[:_LONGEST])
        case Invalid():
            return Failure(Reason.RESULTS, True, str(error)[:_LONGEST])
        case DomainError():
            return Failure(Reason.TEMPORARY, False, str(error)[:_LONGEST])
        case _:
            # What went wrong inside may name files, or hold data: the server's log has more.
            return Failure(Reason.INTERNAL, False, "an internal error occurred; the server's log has more")


def auto_disabled(rule: AnalyticRule, failure: Failure) -> AnalyticRule:
    """The rule as a person finds it who looks why it doesn't run; the same where it is so already."""
    if not rule.enabled and rule.display_name.startswith(AUTO_DISABLED):
        return rule
    name = rule.display_name if rule.display_name.startswith(AUTO_DISABLED) else f"{AUTO_DISABLED} {rule.display_name}"
    why = f"The rule was disabled after {MOST_FAILURES} failures in a row. {failure.reason} {failure.detail}"
    return replace(rule, enabled=False, display_name=name, description=f"{why}\n\n{rule.description or ''}".strip())


def _of_source(error: SourceError) -> Reason:
    first = error.diagnostics[0]
    if first.code.startswith("SYN"):
        return Reason.SYNTAX
    if first.message.startswith("no table "):
        return Reason.UNKNOWN_TABLE
    return Reason.UNKNOWN_FUNCTION if first.message.startswith("no function ") else Reason.SEMANTIC
