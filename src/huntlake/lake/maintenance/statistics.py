"""What there is of a table, from its log and its folder; no row is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from huntlake.lake.index.sidecar import path_of
from huntlake.lake.maintenance.compaction import AIM, lacks, planned
from huntlake.lake.maintenance.vacuum import deletable
from huntlake.lake.paths import HotPath
from huntlake.lake.table import LakeTable


@dataclass(frozen=True, slots=True)
class Statistics:
    """A table at its newest version."""

    version: int
    rows: int
    files: int
    days: int
    bytes: int
    index_bytes: int
    indexed: int
    """Files that have a sidecar."""
    keeps_index: bool
    """Whether all of them shall have one, or none."""
    to_compact: int
    """Files that `compact` would write anew."""
    hot: tuple[HotPath, ...]
    """The paths into columns of JSON whose values are kept beside."""
    with_hot: int
    """Files that have all of them."""
    unreferenced: int
    """Bytes of files that the table has no more, or never had."""
    since: datetime | None
    until: datetime | None


def statistics(table: LakeTable, now: datetime) -> Statistics:
    """What there is at the time `now` (UTC without zone)."""
    snapshot, paths = table.snapshot(), table.hot_paths()
    files = snapshot.files
    sidecars = [p.stat().st_size for p in (path_of(f.path) for f in files) if p.exists()]
    gone = (p.stat().st_size for p in deletable(table, timedelta(days=-1)) if p.exists()) if files else ()
    return Statistics(
        snapshot.version,
        snapshot.rows,
        len(files),
        len({f.day for f in files}),
        snapshot.bytes,
        sum(sidecars),
        len(sidecars),
        table.indexed,
        sum(len(r.files) for r in planned(files, now, AIM, paths=paths)),
        paths,
        sum(not lacks(f, paths) for f in files) if paths else 0,
        sum(gone),
        min((f.since for f in files if f.since), default=None),
        max((f.until for f in files if f.until), default=None),
    )
