"""Runs a query over history, changing nothing: in a process of its own, within limits that the kernel keeps, too.

The query is asked of each window that a run would have looked at. What is kept of the rows is their number, by day
and by entity, and a few of them.
"""

from __future__ import annotations

import hashlib
import heapq
import signal
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import orjson

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError, LimitExceeded, TimedOut
from huntlake.detection.rules import EntityMapping
from huntlake.engines.duckdb.database import Confined
from huntlake.engines.errors import LowMemory
from huntlake.hunting.drafting.quoting import given
from huntlake.hunting.proof.columns import time_of
from huntlake.hunting.proof.content import Content, seed
from huntlake.hunting.proof.finding import DryRun, Volume
from huntlake.hunting.proof.redaction import Redactor
from huntlake.hunting.proof.volume import Span, estimated, sampled, windows
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.visible import WorkspaceNamed
from huntlake.workspace.workspaces import Workspace

SAMPLE = 20
"""Rows that are kept to be looked at."""
LEAST_ROWS, MOST_ROWS = 1_000, 100_000
"""So many rows a dry run may give in any case, and in no case more; in between ten times what the hunt may give."""
MOST_BYTES = 64 << 20
"""Bytes of rows, as JSON."""
_ALL_WINDOWS = 5
"""All windows together may take so many times as long as one run may."""
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class DryRunner:
    """Runs queries over history."""

    queries: Queries
    redactor: Redactor
    workspaces: WorkspaceNamed | None = None

    def run(
        self, workspace: Workspace, content: Content, history: timedelta, now: datetime
    ) -> tuple[DryRun, Volume | None]:
        """What the query gives over the history before `now`, and how many rows a day that is by a sample.

        The seconds are those of the slowest window: what one run takes.
        """
        limits = content.limits
        memory, seconds = limits.memory_mib << 20, limits.seconds
        spans = windows(now, history, content.schedule.period)
        gathered = _Gathered(content.entities, seed(content), _most_rows(content, history))
        deadline = monotonic() + seconds * _ALL_WINDOWS
        volume, limited, failure = None, "", ""
        with self.queries.confined(memory, whole_seconds(seconds * _ALL_WINDOWS * 2)) as process:
            first = sampled(len(spans), gathered.seed)
            counts: dict[int, int] = {}
            try:
                # That it begins is no run's time.
                process.stream("select 1").close()
                for place in (*first, *(n for n in range(len(spans)) if n not in first)):
                    if len(counts) == len(first) and volume is None:
                        volume = _volume(spans, first, counts)
                    left = deadline - monotonic()
                    if left <= 0:
                        limited = f"{_ALL_WINDOWS * seconds:g} s, which all windows together may take"
                        break
                    before, begun = gathered.rows, monotonic()
                    self._ask(workspace, content, spans[place], min(left, seconds), gathered, process)
                    gathered.slowest = max(gathered.slowest, monotonic() - begun)
                    counts[place] = gathered.rows - before
                if volume is None and len(counts) >= len(first):
                    volume = _volume(spans, first, counts)
            except (LowMemory, OSError):
                limited, failure = ended(process, limits.memory_mib)
            except TimedOut:
                limited = f"{seconds:g} s, which a run may take"
            except LimitExceeded as error:
                limited = str(error)
            except SourceError as error:
                failure = "; ".join(d.message for d in error.diagnostics)
            except DomainError as error:
                failure = str(error)
        if volume is None and gathered.rows:
            volume = _least_volume(spans, first, counts, gathered.rows)
        ran = DryRun(
            since=spans[-1][0],
            until=now,
            at=now,
            rows=gathered.rows,
            daily=tuple(sorted(gathered.daily.items())),
            entities=tuple(sorted((kind, len(known)) for kind, known in gathered.entities.items())),
            sample=self.redactor.redacted(workspace, gathered.sample()),
            seconds=round(gathered.slowest, 3),
            read_bytes=gathered.read_bytes,
            limited=limited,
            failure=failure,
        )
        return ran, volume

    def _ask(
        self, workspace: Workspace, content: Content, span: Span, seconds: float, into: _Gathered, process: Confined
    ) -> None:
        since, until = span
        options = QueryOptions(
            timeout=timedelta(seconds=seconds),
            max_rows=into.most - into.rows,
            max_bytes=MOST_BYTES - into.size,
            parameters=given(content.parameters),
            now=until,
            time_column="TimeGenerated",
            since=since,
            # Both ends belong to what is read: the next window begins with this one.
            until=until - _MICROSECOND,
        )
        answer = self.queries.run(workspace, content.query, options, workspaces=self.workspaces, within=process)
        table = answer.tables[0]
        into.read_bytes += table.file_bytes
        moment = time_of(table.columns)
        for chunk in table.json_objects():
            into.size += len(chunk)
            for row in orjson.loads(b"[" + chunk + b"]"):
                into.add(row, moment, since)
        if table.truncated_by is not None:
            if into.rows >= into.most:
                raise LimitExceeded(f"{into.most:,} rows, which a dry run may give")
            raise LimitExceeded(f"{MOST_BYTES >> 20} MiB of rows, or what the query itself sets")


@dataclass
class _Gathered:
    """What is known of the rows so far."""

    mappings: tuple[EntityMapping, ...]
    seed: int
    most: int
    rows: int = 0
    size: int = 0
    read_bytes: int = 0
    slowest: float = 0.0
    daily: Counter[str] = field(default_factory=Counter)
    entities: dict[str, set[bytes]] = field(default_factory=dict)
    _kept: list[tuple[int, int, Mapping[str, Any]]] = field(default_factory=list)

    def add(self, row: Mapping[str, Any], moment: str | None, since: datetime) -> None:
        """Count a row."""
        self.rows += 1
        at = row.get(moment) if moment else None
        self.daily[at[:10] if isinstance(at, str) and at else since.astimezone(UTC).date().isoformat()] += 1
        for mapping in self.mappings:
            values = [str(v).strip().lower() for f in mapping.field_mappings if (v := row.get(f.column_name))]
            if values:
                known = self.entities.setdefault(mapping.entity_type, set())
                known.add(hashlib.blake2b(orjson.dumps(values), digest_size=16).digest())
        # Which rows are kept must not hang on the order in which threads give them.
        written = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
        rank = int.from_bytes(hashlib.blake2b(written, digest_size=8, key=self.seed.to_bytes(8, "big")).digest(), "big")
        if len(self._kept) < SAMPLE:
            heapq.heappush(self._kept, (-rank, -self.rows, row))
        elif -rank > self._kept[0][0]:
            heapq.heapreplace(self._kept, (-rank, -self.rows, row))

    def sample(self) -> list[Mapping[str, Any]]:
        """The rows that are kept, in an order that is the same each time."""
        return [row for _, _, row in sorted(self._kept, key=lambda k: (-k[0], orjson.dumps(k[2])))]


def _volume(spans: tuple[Span, ...], first: tuple[int, ...], counts: Mapping[int, int]) -> Volume:
    length = spans[0][1] - spans[0][0]
    said = f"{len(first)} of {len(spans)} windows of {length / timedelta(days=1):g} d: those that end at "
    said += ", ".join(f"{spans[n][1]:%Y-%m-%d %H:%M}" for n in first)
    return estimated([counts[n] for n in first], length, said)


def _least_volume(spans: tuple[Span, ...], first: tuple[int, ...], counts: Mapping[int, int], rows: int) -> Volume:
    """What is known where the sample was cut short: there are at least so many rows."""
    seen = [counts[n] for n in first if n in counts]
    if rows > sum(counts.values()):
        seen.append(rows - sum(counts.values()))
    length = spans[0][1] - spans[0][0]
    said = f"{len(seen)} of {len(spans)} windows of {length / timedelta(days=1):g} d, the last of them cut short"
    return estimated(seen, length, said)


def _most_rows(content: Content, history: timedelta) -> int:
    may = 10 * content.limits.rows_a_day * max(1, round(history / timedelta(days=1)))
    return min(max(may, LEAST_ROWS), MOST_ROWS)


def whole_seconds(seconds: float) -> int:
    """Seconds as the kernel counts those of processors."""
    return max(2, int(seconds) + 1)


def ended(process: Confined, memory_mib: int) -> tuple[str, str]:
    """What ended a run whose process broke off, or had no memory: a limit, or a failure."""
    match process.ended_by:
        case signal.SIGXCPU:
            return "the seconds of processors that a run may take", ""
        case None:
            return f"{memory_mib} MiB of memory, which a run may take", ""
        case number:
            return "", f"the process of the run was ended by {signal.Signals(number).name}"
