"""Batches that no table gets any more, because theirs was dropped after they came.

A table that is cleared says so itself: the commit that takes its rows away says that it holds them. Of a table that is
dropped nothing is left to say it. So a file in the folder of each writer does, `<number>-<key>.gone`, and goes with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from huntlake.lake.log.frames import scan
from huntlake.lake.log.owners import FOLDER, synced, writers
from huntlake.lake.log.reading import segments

_SUFFIX = ".gone"


def last_numbers(root: Path) -> dict[str, int]:
    """By writer, the number of the newest batch in its log, for every one that has some."""
    found = {}
    for folder in writers(root):
        for segment in reversed(segments(folder)):
            try:
                frames = scan(segment.read_bytes()).frames
            except FileNotFoundError:
                continue  # the tables hold all of it
            if frames:
                found[folder.name] = frames[-1].sequence
                break
    return found


def forget(root: Path, workspace: str, table: str) -> None:
    """Let no table of that name get what lies in the logs now. When this returns, the disk has it."""
    key = _key(workspace, table)
    for writer, number in last_numbers(root).items():
        folder = root / FOLDER / writer
        try:
            before = [path for path, found, _ in _graves(folder) if found == key]
            path = folder / f"{number:020d}-{key}{_SUFFIX}"
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            for old in before:
                if old != path:
                    old.unlink(missing_ok=True)
            synced(folder)
        except FileNotFoundError:
            continue  # the writer has ended, and the tables held all of its log


def forgotten(root: Path, workspace: str, table: str, asked: Iterable[str]) -> dict[str, int]:
    """Up to which number of the logs of the writers `asked` a table gets nothing."""
    key = _key(workspace, table)
    found: dict[str, int] = {}
    for writer in asked:
        numbers = [number for _, one, number in _graves(root / FOLDER / writer) if one == key]
        if numbers:
            found[writer] = max(numbers)
    return found


def _graves(folder: Path) -> Iterator[tuple[Path, str, int]]:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        if name.endswith(_SUFFIX):
            number, _, key = name.removesuffix(_SUFFIX).partition("-")
            yield folder / name, key, int(number)


def _key(workspace: str, table: str) -> str:
    # Two names may be longer than a file's name can be.
    return sha256(f"{workspace}/{table}".encode()).hexdigest()[:32]
