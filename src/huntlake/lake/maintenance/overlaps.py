"""Files of one day that hold the same times: which of them are worth being sorted into one another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from huntlake.lake.snapshot import DataFile


def overlapping(files: Iterable[DataFile], slack: timedelta, least: float = 0.0) -> Iterator[list[DataFile]]:
    """Groups of files that share more than `slack` of time; sorted into one another, none of them does any more.

    Of a group, what lies across the others has to be a share of `least` of the bytes. So a byte is written again only
    when the files in its way have grown by that share: a few times, however often a few rows come for an old day.
    """
    for group in _groups(files, slack):
        apart = {f.path for f in _heaviest(group, slack)}
        across = [f for f in group if f.path not in apart]
        if across and sum(f.bytes for f in across) >= least * sum(f.bytes for f in group):
            yield group
        elif across:
            yield from overlapping(across, slack, least)


def _groups(files: Iterable[DataFile], slack: timedelta) -> Iterator[list[DataFile]]:
    """The files that are bound together, each with one of the others, by sharing more than `slack`."""
    group: list[DataFile] = []
    latest = datetime.min
    for since, until, file in _timed(files):
        # A file that is shorter than that shares it with none.
        if until - since <= slack:
            continue
        if group and latest - since <= slack:
            yield group
            group = []
        latest = max(latest, until) if group else until
        group.append(file)
    if group:
        yield group


def _heaviest(files: Sequence[DataFile], slack: timedelta) -> list[DataFile]:
    """Of files those that don't share more than `slack` with one another, with as many bytes as can be."""
    ordered = sorted(_timed(files), key=lambda t: t[1])
    ends = [until for _, until, _ in ordered]
    # Of the first n files: the most bytes, and the last of the files that make them up, with how many came before.
    best: list[tuple[int, int | None, int]] = [(0, None, 0)]
    for i, (since, _, file) in enumerate(ordered):
        before = min(bisect_right(ends, since + slack), i)
        with_it = best[before][0] + file.bytes
        best.append((with_it, i, before) if with_it > best[i][0] else best[i])
    found: list[DataFile] = []
    _, last, before = best[-1]
    while last is not None:
        found.append(ordered[last][2])
        _, last, before = best[before]
    return found


def _timed(files: Iterable[DataFile]) -> list[tuple[datetime, datetime, DataFile]]:
    known = [(f.since, f.until, f) for f in files if f.since is not None and f.until is not None]
    return sorted(known, key=lambda t: (t[0], t[1], t[2].path.name))
