"""What is different between two versions of a hunt."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from huntlake.detection.rules import EntityMapping
from huntlake.hunting.lifecycle.hunt import HuntContent, HuntVersion


@dataclass(frozen=True, slots=True)
class Changed:
    """Something that isn't the same: what it was and what it is, in words; nothing where it wasn't there."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """All that is different: the query as a unified diff, and what else an approval is for."""

    before: int
    after: int
    query: str
    changed: tuple[Changed, ...]

    @property
    def is_none(self) -> bool:
        """Whether both have the same content."""
        return not self.query and not self.changed


def difference(before: HuntVersion, after: HuntVersion) -> Difference:
    """What is different in the contents of two versions."""
    lines = difflib.unified_diff(
        before.content.query.splitlines(),
        after.content.query.splitlines(),
        f"version {before.number}",
        f"version {after.number}",
        lineterm="",
    )
    # Two queries that differ in blanks at their ends only have no line of difference, and aren't the same.
    told = "\n".join(lines)
    if not told and before.content.query != after.content.query:
        told = f"-{before.content.query!r}\n+{after.content.query!r}"
    had, has = dict(_said(before.content)), dict(_said(after.content))
    changed = (Changed(w, had.get(w, ""), has.get(w, "")) for w in dict.fromkeys((*had, *has)))
    return Difference(before.number, after.number, told, tuple(c for c in changed if c.before != c.after))


def _said(content: HuntContent) -> Iterator[tuple[str, str]]:
    for name, value in content.parameters:
        yield f"parameter {name}", value
    schedule, limits = content.schedule, content.limits
    yield "frequency", "when a person asks" if schedule.frequency is None else str(schedule.frequency)
    yield "period", str(schedule.period)
    yield "rows a day", f"{limits.rows_a_day:,}"
    yield "seconds", f"{limits.seconds:g}"
    yield "bytes read", f"{limits.read_bytes:,}"
    yield "memory, MiB", f"{limits.memory_mib:,}"
    yield "order of parameters", ", ".join(name for name, _ in content.parameters)
    yield "live watchlists", ", ".join(content.live_watchlists)
    for number, mapping in enumerate(content.entities, start=1):
        yield f"entity {number}", _entity(mapping)


def _entity(mapping: EntityMapping) -> str:
    fields = ", ".join(f"{f.identifier} = {f.column_name}" for f in mapping.field_mappings)
    return f"{mapping.entity_type} ({fields})"
