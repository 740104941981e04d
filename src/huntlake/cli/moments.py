"""Times as a person types them."""

from __future__ import annotations

from datetime import UTC, datetime

from huntlake.core.errors import Invalid


def moment(text: str, now: datetime) -> datetime:
    """A time, or how long before now one was; one without a zone is UTC. `Invalid` for anything else."""
    from huntlake.detection.durations import duration

    if (back := duration(text)) is not None:
        return now - back
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"`{text[:40]}` is no time such as `2026-11-01T12:00` or `7d`") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
