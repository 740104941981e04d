"""Days that are too old, taken away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from huntlake.lake.maintenance.lock import alone
from huntlake.lake.snapshot import DataFile, whole_day
from huntlake.lake.table import LakeTable


@dataclass(frozen=True, slots=True)
class Expired:
    """What was taken away."""

    files: int = 0
    rows: int = 0
    bytes: int = 0


def expired(table: LakeTable, before: datetime) -> tuple[DataFile, ...]:
    """The files whose whole day lies before that time (UTC without zone). Rows without a time don't grow old."""
    return tuple(f for f in table.snapshot().files if f.day is not None and whole_day(f.day)[1] < before)


def expire(table: LakeTable, before: datetime) -> Expired:
    """Take away the days that lie before that time, in one commit; `vacuum` deletes their files later."""
    if not table.exists:
        return Expired()
    with alone(table.folder):
        old = expired(table, before)
        # One of them may have been taken away meanwhile: the others go all the same.
        while old and not table.exchange(old, (), same_rows=False):
            old = expired(table, before)
    return Expired(len(old), sum(f.rows for f in old), sum(f.bytes for f in old))
