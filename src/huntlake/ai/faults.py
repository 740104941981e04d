"""In which ways a call of a model fails."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """What was wrong with a call."""

    UNREACHABLE = "unreachable"
    SLOW = "slow"
    THROTTLED = "throttled"
    REFUSED = "refused"
    """The server said no: the key, the model's name, the form of the request."""
    MOVED = "moved"
    """It leads elsewhere; nobody follows."""
    TOO_LARGE = "too large"
    BROKEN = "broken"
    """The answer isn't what the protocol says: no JSON, no choice, another type."""
    CUT_OFF = "cut off"
    INVALID = "invalid"
    """The model's words don't meet the schema."""
    LEAK = "leak"
    """Something of this place's own was still in what would have been sent: nothing was."""
    BUDGET = "budget"
    BREAKER = "breaker"

    @property
    def is_models(self) -> bool:
        """Whether it is the model's words that are of no use, rather than the way to it."""
        return self in (Fault.CUT_OFF, Fault.INVALID, Fault.BROKEN, Fault.TOO_LARGE)


class CallFailed(Exception):
    """A call that brought nothing that can be used; `raw` is what came, as far as it did."""

    def __init__(self, fault: Fault, reason: str, raw: str = "", status: int = 0) -> None:
        super().__init__(reason)
        self.fault, self.reason, self.raw, self.status = fault, reason, raw, status
