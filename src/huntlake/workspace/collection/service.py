"""Records of clients, through their rule, into tables."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import SourceError, did_you_mean
from huntlake.core.errors import DomainError, Invalid, LimitExceeded, NotFound, Unavailable
from huntlake.lake.forms import TIME
from huntlake.lake.sources import Reject, shown
from huntlake.state.documents import Document
from huntlake.workspace.collection.counts import Counts, Ledger
from huntlake.workspace.collection.definition import table_of
from huntlake.workspace.collection.flows import CompiledFlow
from huntlake.workspace.collection.records import Records, records_of, records_of_array
from huntlake.workspace.collection.rules import Rule, Rules
from huntlake.workspace.collection.transforming import Transformer, Typed, dumped
from huntlake.workspace.ingestion import Ingestion
from huntlake.workspace.ingestion.mapping import Mapping as TableMapping
from huntlake.workspace.ingestion.streaming import Batch, Streams
from huntlake.workspace.workspaces import Workspace

_LOG = logging.getLogger("huntlake.collection")
_SHOWN = 64 * 1024
_MOST_RULES = 1000


class UnknownStream(Invalid):
    """The rule takes no stream of that name."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What became of records that were sent: all that is stored, or rejected, lies on the disk."""

    rule: str
    stream: str
    tables: tuple[str, ...]
    counts: Counts


@dataclass(frozen=True, slots=True)
class _Made:
    """What one flow has for one table."""

    batch: Batch
    dropped: int
    unknown: Counter[str]


class Collection:
    """Takes records by rules.

    The transformation runs before the records are acknowledged, and the log of streams keeps what it made: whoever
    takes over the log of a dead process needs no rule, and `now()` says the same however often the log is read.
    """

    def __init__(
        self,
        rules: Rules,
        ingestion: Ingestion,
        streams: Streams,
        transformer: Transformer,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self.rules = rules
        self._ingestion = ingestion
        self._streams = streams
        self._transformer = transformer
        self._ledger = ledger
        self._clock = clock
        self._compiled: dict[str, tuple[str, tuple[CompiledFlow, ...] | DomainError]] = {}
        """By immutable id, the version of a rule that was compiled last, and what came of it."""

    def take(
        self, rule: Document[Rule], stream: str, records: Records | bytes | Iterable[Mapping[str, Any]]
    ) -> Collected:
        """Take in records; when this returns, the disk has what the rule made of them, and queries see it.

        `records` are a JSON array in bytes, or objects. What doesn't fit, or a rule that has come not to work, sends
        records to the dead letters.

        :raises UnknownStream: the rule has no such stream
        :raises NotFound: its workspace is gone
        :raises Invalid: the bytes are no JSON array
        :raises Busy: too much waits already
        :raises Unavailable: the disk is full, or fails; nothing was taken in
        """
        if isinstance(records, bytes):
            records = records_of_array(records)
        elif not isinstance(records, Records):
            records = records_of(records)
        value = rule.value
        flows = [f for f in value.definition.flows if stream in f.streams]
        if not flows:
            known = sorted({s for f in value.definition.flows for s in f.streams})
            hint = did_you_mean(stream, known) or f"the rule has {', '.join(known)}"
            raise UnknownStream(f"the rule `{value.name}` has no stream `{stream[:200]}`: {hint}")
        now = self._clock.now()
        made = self._made(rule, stream, records, now)
        receipts = self._streams.append_all([m.batch for m in made])
        counts = Counts(
            records.received,
            sum(r.rows for r in receipts),
            sum(m.dropped for m in made),
            sum(len(r.rejects) for r in receipts),
            # A field that two tables leave out is one field.
            dict(reduce(or_, (m.unknown for m in made), Counter())),
        )
        self._ledger.add(value.immutable_id, counts)
        return Collected(value.name, stream, tuple(dict.fromkeys(m.batch.table for m in made)), counts)

    def counts(self, rule: Rule) -> Counts:
        """What became of the records of a rule, all in all."""
        return self._ledger.of(rule.immutable_id)

    def delete(self, name: str, *, if_match: str | None = None) -> bool:
        """Forget a rule and what was counted of it; its tables stay. False where there was none."""
        try:
            id = self.rules.get(name).value.immutable_id
        except NotFound:
            return False
        done = self.rules.delete(name, if_match=if_match)
        self._ledger.forget(id)
        return done

    def close(self) -> None:
        """Write down what was counted, and give the engine back."""
        self._ledger.write()
        self._transformer.close()

    # -- flows ----------------------------------------------------------------------------

    def _made(self, rule: Document[Rule], stream: str, records: Records, now: datetime) -> list[_Made]:
        source = f"{rule.value.name}/{stream}"
        found = self._flows(rule)
        if isinstance(found, DomainError):
            return [
                self._failed(destination.workspace, table, source, records, found)
                for table, destination in _targets(rule.value, stream)
            ]
        made = []
        typed: Typed | None = None
        for flow in found:
            if flow.stream != stream:
                continue
            if flow.transform and typed is None:
                typed = self._transformer.typed(flow.columns, records, now)
            made += self._through(flow, source, records, typed, now)
        return made

    def _flows(self, rule: Document[Rule]) -> tuple[CompiledFlow, ...] | DomainError:
        """The flows of a rule, ready for use; or why they can't be used any more."""
        id = rule.value.immutable_id
        version, found = self._compiled.get(id, ("", ()))
        if version == rule.etag:
            return found
        try:
            flows = self.rules.compiled(rule.value)
            self.rules.prepare(flows)
        except (LimitExceeded, Unavailable):
            raise
        except (DomainError, SourceError) as error:
            # The rule was good when it was kept: a table has changed since. It may do so again.
            _LOG.warning("the data collection rule %s doesn't work: %s", rule.value.name, error)
            return Invalid(str(error)) if isinstance(error, SourceError) else error
        if len(self._compiled) >= _MOST_RULES:
            self._compiled.clear()
        self._compiled[id] = rule.etag, flows
        return flows

    def _through(
        self, flow: CompiledFlow, source: str, records: Records, typed: Typed | None, now: datetime
    ) -> list[_Made]:
        rows: list[tuple[int, dict[str, Any]]] | None = None
        rejects: Sequence[Reject] = records.rejects
        if flow.transform:
            assert typed is not None
            try:
                rows = self._transformer.rows(flow.statement(now), typed)
            except LimitExceeded:
                raise
            except (DomainError, SourceError) as error:
                return [self._failed(d.workspace, flow.table, source, records, error) for d in flow.destinations]
            rejects = [*records.rejects, *typed.rejects]
        made = []
        for destination in flow.destinations:
            workspace = self.rules.workspace(destination.workspace)
            if not self._ingestion.tables.exists_on_disk(workspace.name, flow.table):
                # Dropped meanwhile, it would come back with columns of any types.
                self.rules.prepare((flow,))
            mapping = self._ingestion.mapping(workspace, flow.table, now)
            sieve = _Sieve(flow, mapping, now)
            if rows is None:
                lines, places = sieve.passed(records), list(records.places)
            else:
                lines = [sieve.row(records.objects[key], row) for key, row in rows]
                places = [records.places[key] for key, _ in rows]
            lost = records.received - len(rejects) - len(lines)
            batch = Batch(workspace, flow.table, source, lines, places, tuple(rejects))
            made.append(_Made(batch, lost, sieve.unknown))
        return made

    def _failed(self, workspace: str, table: str, source: str, records: Records, error: Exception) -> _Made:
        reason = f"the rule fails: {str(error).splitlines()[0]}"
        rejects = [
            *records.rejects,
            *(Reject(p, reason, shown(line[:_SHOWN])) for p, line in zip(records.places, records.lines, strict=True)),
        ]
        place: Workspace = self.rules.workspace(workspace)
        return _Made(Batch(place, table, source, (), (), tuple(rejects)), 0, Counter())


class _Sieve:
    """Which fields of records go into a table, and how often others were left out."""

    def __init__(self, flow: CompiledFlow, mapping: TableMapping, now: datetime) -> None:
        # Left to the table, another column that looks like a time would give the row its own.
        self._now = now.astimezone(UTC).isoformat()
        self.unknown: Counter[str] = Counter()
        self._declared = frozenset(c.name for c in flow.columns)
        self._columns = mapping.columns.keys()
        # A field that no stream declares doesn't fill a column: where the table keeps such fields, they go beside.
        self._keeps = mapping.extensible or mapping.keeps_unknown
        self._whole = all(self._known(c.name) for c in flow.outputs)

    def passed(self, records: Records) -> list[bytes]:
        """Records that pass as they are, without the fields that have no place."""
        found = []
        for line, one in zip(records.lines, records.objects, strict=True):
            gone: list[str] = []
            if not (self._whole and one.keys() <= self._declared):
                gone = [f for f in one if not (self._known(f) if f in self._declared else self._kept_beside(f))]
                self.unknown.update(gone)
            if gone or one.get(TIME) in (None, ""):
                left = {f: v for f, v in one.items() if f not in gone}
                left[TIME] = left.get(TIME) or self._now
                # Not by orjson: it would cut long numbers short.
                line = json.dumps(left, ensure_ascii=False, separators=(",", ":")).encode()
            found.append(line)
        return found

    def row(self, record: Mapping[str, Any], row: dict[str, Any]) -> bytes:
        """A row that was made of a record, with the record's own fields that are kept beside it."""
        if not self._whole:
            gone = [name for name in row if not self._known(name)]
            self.unknown.update(gone)
            row = {name: value for name, value in row.items() if name not in gone}
        if not record.keys() <= self._declared:
            for name in record.keys() - self._declared:
                if self._kept_beside(name) and name not in row:
                    row[name] = record[name]
                else:
                    self.unknown[name] += 1
        return dumped({**row, TIME: row.get(TIME) or self._now})

    def _known(self, name: str) -> bool:
        return self._keeps or name.lower() in self._columns

    def _kept_beside(self, name: str) -> bool:
        return self._keeps and name.lower() not in self._columns


def _targets(rule: Rule, stream: str) -> Iterable[tuple[str, Any]]:
    """The tables and the destinations of a stream, of a rule that can't be compiled any more."""
    for flow in rule.definition.flows:
        if stream in flow.streams:
            for destination in rule.definition.destinations:
                if destination.name in flow.destinations:
                    yield table_of(flow.output or stream), destination
