"""Which field of a source becomes which column of a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Invalid
from huntlake.kql.types import Column
from huntlake.lake.conversion import Batch, Infer, Plan, Target
from huntlake.lake.forms import DAY, TIME, Form, StoredColumn
from huntlake.workspace.tables import FORMS, TYPES

REST = "AdditionalFields"
"""The bag that takes what a table has no column for, where the table has it."""

UNKNOWN = "unknown"
"""The note of a table that says what becomes of fields it has no column for."""


class Unknown(Enum):
    """What becomes of a field that a table has no column for."""

    EXTEND = "extend"
    """The table gets the column."""
    KEEP = "keep"
    """It is kept in the bag `AdditionalFields`."""
    DROP = "drop"
    """It is left out, and counted."""


MOST_COLUMNS = 500
"""Columns of a custom table; Log Analytics has the same bound."""

_TIMES = (
    "timestamp",
    "@timestamp",
    "timecreated",
    "eventtime",
    "event_time",
    "time",
    "utctime",
    "createddatetime",
    "activitydatetime",
    "creationtime",
    "starttime",
)
"""Fields that tell when an event was, the best first."""

_STAMPED = "_TimeReceived"


@dataclass
class Mapping:
    """The columns of one table, as they are filled batch by batch. An extensible table gets columns for new fields."""

    columns: dict[str, StoredColumn]
    """By lower-case name: two names that differ in case are one column."""
    constants: dict[str, str]
    """What a column says where a row doesn't, by lower-case name."""
    extensible: bool
    timed: bool = True
    """Whether the table has a `TimeGenerated`, as every one has that nobody declared without it."""
    unknown: Counter[str] = field(default_factory=Counter)
    added: list[Column] = field(default_factory=list)
    drops: bool = False
    """Whether unknown fields are left out although the table has a bag for them."""

    @classmethod
    def of(
        cls, columns: Sequence[StoredColumn], table: str, workspace_id: str, now: datetime, extensible: bool
    ) -> Mapping:
        """The mapping onto a table that has `columns`."""
        constants = {"type": table, "tenantid": workspace_id, _STAMPED.lower(): now.isoformat()}
        known: dict[str, StoredColumn] = {}
        for column in columns:
            known.setdefault(column.name.lower(), column)
        known.setdefault(TIME.lower(), StoredColumn(TIME, Form.INSTANT))
        return cls(known, {n: c for n, c in constants.items() if n in known}, extensible)

    @classmethod
    def declared(cls, columns: Sequence[StoredColumn]) -> Mapping:
        """The mapping onto a table that has the columns someone listed, and fills none by itself but the time."""
        return cls({c.name.lower(): c for c in columns}, {}, False, any(c.name == TIME for c in columns))

    def plan(self, batch: Batch, now: datetime, infer: Infer) -> Plan:
        """How to convert `batch`. `infer` tells the forms that fields have in its rows."""
        fields: dict[str, list[str]] = {}
        strange = []
        for name in batch.fields:
            key = self._column(name)
            if key is None:
                strange.append(name)
            else:
                fields.setdefault(key, []).append(name)
        if strange and self.extensible:
            strange = self._extend(strange, fields, batch, infer)
        rest = self.columns[REST.lower()] if strange and self.keeps_unknown else None
        self.unknown.update({name: batch.fields[name] for name in strange})
        wanted = fields.keys() | self.constants.keys() | {TIME.lower()} | ({REST.lower()} if rest else set())
        if not wanted & self.columns.keys():
            # A row of which nothing is known is a row all the same.
            wanted |= {next(iter(self.columns))}
        targets = tuple(
            # The spelling that the table has comes before others.
            Target(
                c,
                tuple(sorted(fields.get(key, ()), key=lambda f, c=c: f != c.name)),
                self.constants.get(key),
                str(TYPES[c.form]),
            )
            for key, c in self.columns.items()
            if key in wanted
        )
        spelled = {_told(f).lower(): f for f in reversed(list(batch.fields))}
        told = tuple(spelled[t] for t in _TIMES if t in spelled)
        return Plan(targets, now, told, rest.name if rest else None, self.timed)

    def knows(self, fields: Iterable[str]) -> bool:
        """Whether each of the fields has a column."""
        return all(self._column(f) is not None for f in fields)

    def exactly(self, forms: dict[str, Form]) -> list[Target]:
        """The targets of fields that are columns of the table already, or become some; no other may be among them.

        :raises Invalid: a field has no column
        """
        for name, form in forms.items():
            if name.lower() not in self.columns:
                if not self.extensible:
                    hint = did_you_mean(name, [c.name for c in self.columns.values()])
                    raise Invalid(f"the table has no column `{name}`" + (f": {hint}" if hint else ""))
                self.columns[name.lower()] = StoredColumn(name, form)
        fields = {name.lower(): name for name in forms}
        return [
            Target(self.columns[key], (fields[key],) if key in fields else (), self.constants.get(key))
            for key in {**fields, **self.constants}
        ]

    @property
    def keeps_unknown(self) -> bool:
        """Whether the table has a bag for fields without a column."""
        rest = self.columns.get(REST.lower())
        return rest is not None and rest.form is Form.JSON and not self.drops

    def _column(self, field: str) -> str | None:
        """The key of the column that a field fills."""
        name = _told(field)
        for candidate in (name, identifier_of(name)) if self.extensible else (name,):
            if candidate.lower() in self.columns:
                return candidate.lower()
        return None

    def _extend(
        self,
        names: list[str],
        fields: dict[str, list[str]],
        batch: Batch,
        infer: Infer,
    ) -> list[str]:
        """Give the fields `names` columns; those that got none are returned."""
        room = max(0, MOST_COLUMNS - len(self.columns))
        taken, left = [], []
        keys: set[str] = set()
        for name in names:
            key = identifier_of(_told(name)).lower()
            if key in keys or len(keys) < room:
                keys.add(key)
                taken.append(name)
            else:
                left.append(name)
        forms = {n: batch.types[n] for n in taken if batch.types.get(n, Form.TEXT) is not Form.TEXT}
        forms |= infer([n for n in taken if n not in forms])
        for name in taken:
            column = StoredColumn(identifier_of(_told(name)), forms[name])
            if column.name.lower() not in self.columns:
                self.columns[column.name.lower()] = column
                self.added.append(Column(column.name, TYPES[column.form]))
            fields.setdefault(column.name.lower(), []).append(name)
        return left


@dataclass(frozen=True, slots=True)
class Arrival:
    """Rows that arrive at one time, onto one table."""

    mapping: Mapping
    now: datetime

    def plan(self, batch: Batch, infer: Infer) -> Plan:
        """How to convert a batch."""
        return self.mapping.plan(batch, self.now, infer)

    def knows(self, fields: Iterable[str]) -> bool:
        """Whether each of the fields has a column."""
        return self.mapping.knows(fields)


def custom_columns() -> tuple[StoredColumn, ...]:
    """The columns that a custom table has before any row says more."""
    return (
        StoredColumn(TIME, Form.INSTANT),
        StoredColumn("TenantId", Form.TEXT),
        StoredColumn("Type", Form.TEXT),
        StoredColumn(_STAMPED, Form.INSTANT),
    )


def stored(columns: Sequence[Column]) -> list[StoredColumn]:
    """How the lake keeps columns of KQL."""
    return [StoredColumn(c.name, FORMS[c.type]) for c in columns]


def identifier_of(name: str) -> str:
    """A column's name made of a field's: what isn't a letter, a digit or `_` becomes `_`."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)[:128]
    if not plain or plain[0].isdigit():
        plain = f"_{plain}"
    return f"{plain}_" if plain.lower() == DAY.lower() else plain


def _told(field: str) -> str:
    """A field's name without the zone that portals write behind it when they export CSV."""
    return field.removesuffix(" [UTC]")
