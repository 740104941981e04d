"""Answers in HTTP's form for what happens in this house."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import (
    Busy,
    Cancelled,
    Conflict,
    DomainError,
    Invalid,
    LimitExceeded,
    NotFound,
    PreconditionFailed,
    Refused,
    TimedOut,
    Unavailable,
)
from huntlake.wdl.runner.effects import Answer

JSON = {"Content-Type": "application/json; charset=utf-8"}

_STATUSES: tuple[tuple[type[DomainError], int, str], ...] = (
    (NotFound, 404, "NotFound"),
    (PreconditionFailed, 412, "PreconditionFailed"),
    (Conflict, 409, "Conflict"),
    (Refused, 403, "Forbidden"),
    (Busy, 429, "TooManyRequests"),
    # Asked again at once, the same query takes as long again: 504 is what gateways say, and is tried again later.
    (TimedOut, 504, "GatewayTimeout"),
    (LimitExceeded, 429, "TooManyRequests"),
    (Unavailable, 503, "ServiceUnavailable"),
    (Cancelled, 503, "ServiceUnavailable"),
    (Invalid, 400, "BadRequest"),
)


def failed(error: DomainError | SourceError) -> Answer:
    """What the house's own error is as an answer."""
    status, code = next(((s, c) for kind, s, c in _STATUSES if isinstance(error, kind)), (400, "BadRequest"))
    return Answer(status, JSON, {"error": {"code": code, "message": str(error)}})


def answer(body: Any, status: int = 200) -> Answer:
    """An answer in JSON; times in it become texts."""
    return Answer(status, JSON, plain(body))


def plain(value: Any) -> Any:
    """The same as JSON has it."""
    match value:
        case datetime():
            return moment(value)
        case date():
            return value.isoformat()
        case dict():
            return {k: plain(v) for k, v in value.items()}
        case list() | tuple():
            return [plain(v) for v in value]
        case str():
            return str(value)
    return value


def moment(at: datetime | None) -> str | None:
    """A time as Sentinel writes it."""
    if at is None:
        return None
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
