"""The SQL that turns what was read into rows of a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from huntlake.lake.forms import TIME, Form, StoredColumn, from_json, from_plain, from_text, identifier, literal, misfit
from huntlake.lake.sources import Reject


@dataclass(frozen=True, slots=True)
class Target:
    """A column to fill: from the first of `fields` that says something, else with the text `otherwise`."""

    column: StoredColumn
    fields: tuple[str, ...] = ()
    otherwise: str | None = None
    """Spelled as `forms.from_plain` reads it."""
    type: str = ""
    """What people call the column's type, for the reason why a text is none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the fields of a batch become the columns of a table."""

    targets: tuple[Target, ...]
    now: datetime
    """The time of rows that tell none (aware)."""
    time_fields: tuple[str, ...] = ()
    """Fields that tell a row's time where its own `TimeGenerated` is absent: the first that is a time counts."""
    rest: str | None = None
    """The JSON column that takes the fields which no target names."""
    timed: bool = True
    """Whether the table has a `TimeGenerated` to fill."""

    def columns(self) -> list[StoredColumn]:
        """The columns that are filled, the time first."""
        others = [t.column for t in self.targets if t.column.name != TIME]
        return [StoredColumn(TIME, Form.INSTANT), *others] if self.timed else others


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that were read and not yet converted: the relation `batch`, whose `_line` tells rows apart."""

    name: str
    """The source's name, for people."""
    nested: bool
    """Whether rows are JSON objects in the column `_text`, and not columns of text."""
    rows: int
    fields: dict[str, int]
    """Each field that occurs, and in how many rows."""
    types: dict[str, Form] = field(default_factory=dict)
    """The forms of the fields, where the file says them."""
    bytes: int = 0
    rejects: tuple[Reject, ...] = ()


Infer = Callable[[Sequence[str]], dict[str, Form]]
"""Tells the forms that fields have in the rows of a batch."""


class Planner(Protocol):
    """Says which field becomes which column."""

    def plan(self, batch: Batch, infer: Infer) -> Plan:
        """How to convert a batch, which may have fields that need new columns."""
        ...

    def knows(self, fields: Iterable[str]) -> bool:
        """Whether each of the fields has a column: nothing new is learned from a plan for them."""
        ...


LINE, UNDATED, MISFIT = '"line of the batch"', '"no time told"', '"why it does not fit"'
"""What `Conversion.sql` adds to the columns, as SQL: no table's column has a blank in its name."""


class Conversion:
    """One batch under one plan, as SQL.

    A `plain` one is quicker, and calls some rows misfits that fit: their values are spelled as few are.
    """

    def __init__(self, batch: Batch, plan: Plan, *, plain: bool = False) -> None:
        self._batch = batch
        self._plan = plan
        self._plain = plain
        self._from_text = from_plain if plain else from_text
        self._struct: dict[str, str] = {}
        self._taken: set[str] = set()

    def sql(self) -> str:
        """A SELECT of the targets, `LINE`, `UNDATED`, and `MISFIT`: why the row doesn't fit, or null."""
        raw, converted, columns = [], [], []
        # What must not be, and SQL that says so.
        wrong: list[tuple[str, str]] = []
        times: list[str] = []
        for i, target in enumerate(self._plan.targets):
            name, form, told = target.column.name, target.column.form, self._source(target)
            if told is None:
                if name != TIME:
                    columns.append((name, self._constant(target)))
                continue
            raw.append(f"{told} as r{i}")
            if several := self._several(target):
                raw.append(f"{several} as m{i}")
                wrong.append((f"m{i}", literal(f"`{name}` is said twice, and differently")))
            converted.append(f"{self._convert(target, f'r{i}')} as v{i}")
            if test := misfit(form, f"r{i}", f"v{i}"):
                reason = literal(f"`{name}` is no {target.type or form.value}: ")
                wrong.append((test, f"{reason} || left(r{i}, 100)"))
            if name == TIME:
                times.append(f"v{i}")
            elif target.otherwise is not None:
                columns.append((name, f"case when coalesce(r{i}, '') = '' then {self._constant(target)} else v{i} end"))
            else:
                columns.append((name, f"v{i}"))
        for i, name in enumerate(self._plan.time_fields):
            raw.append(f"{self._leaf(name, 'VARCHAR')} as t{i}")
            times.append(self._from_text(Form.INSTANT, f"t{i}"))
        if self._plan.rest:
            raw.append(f"{self._rest()} as _rest")
            wrong.append(("_rest is null", "'a name stands twice in the object'"))
            columns = [(n, _merged(n, v) if n == self._plan.rest else v) for n, v in columns]
        now = f"'{self._plan.now.isoformat(sep=' ')}'::TIMESTAMPTZ"
        told_time = f"coalesce({', '.join(times)})" if times else "null::TIMESTAMPTZ"
        if self._plan.timed:
            columns.append((TIME, f"coalesce({told_time}, {now})"))
        undated = f"{told_time} is null" if self._plan.timed else "false"
        unfit = self._unfit(wrong) if wrong else "null::VARCHAR"
        shown = [f"_line as {LINE}", *(f"{value} as {identifier(name)}" for name, value in columns)]
        # A row is parsed once, its fields are taken, then converted, then judged.
        taken = f"select {_list(['_line', *raw])} from (select {self._parsed()} from batch)"
        values = f"select {_list(['*', *converted])} from ({taken})"
        return f"select {_list(shown)}, {undated} as {UNDATED}, {unfit} as {MISFIT} from ({values})"

    def _unfit(self, wrong: Sequence[tuple[str, str]]) -> str:
        if self._plain:
            return f"case when {' or '.join(test for test, _ in wrong)} then 'it does not fit' end"
        reasons = _list(f"case when {test} then {reason} end" for test, reason in wrong)
        return f"nullif(concat_ws('; ', {reasons}), '')"

    def text(self) -> str:
        """SQL for the text of a row of `batch`."""
        if self._batch.nested:
            return "batch._text"
        fields = _list(f"{identifier(f)} := batch.{identifier(f)}" for f in self._batch.fields)
        return f"to_json(struct_pack({fields}))::VARCHAR"

    def _parsed(self) -> str:
        if not self._batch.nested:
            return "*"
        return f"_line, _text, from_json(_text, {literal(json.dumps(self._struct))}) as s" if self._struct else "*"

    def _source(self, target: Target) -> str | None:
        """SQL for the target's text; None where no field fills it."""
        kind = "JSON" if target.column.form is Form.JSON else "VARCHAR"
        leaves = [self._leaf(f, kind) for f in target.fields if f in self._batch.fields]
        if len(leaves) > 1:
            said = [f"nullif({leaf}, '')" for leaf in leaves]
            return f"coalesce({_list(said)})"
        return leaves[0] if leaves else None

    def _several(self, target: Target) -> str | None:
        """SQL that is true where fields that fill one column contradict one another; None for one field."""
        kind = "JSON" if target.column.form is Form.JSON else "VARCHAR"
        leaves = [self._leaf(f, kind) for f in target.fields if f in self._batch.fields]
        if len(leaves) < 2:
            return None
        return f"len(list_distinct(list_filter([{_list(leaves)}], lambda x: x <> ''))) > 1"

    def _leaf(self, name: str, kind: str) -> str:
        if not self._batch.nested:
            return identifier(name)
        # A struct can't have two fields that differ in case alone, nor one field in two types.
        if self._struct.get(name) == kind or name.lower() not in self._taken:
            self._struct[name] = kind
            self._taken.add(name.lower())
            return f"s.{identifier(name)}" + ("::VARCHAR" if kind == "JSON" else "")
        if kind == "JSON":
            return f"json_extract(_text, {literal(pointer(name))})::VARCHAR"
        return f"json_extract_string(_text, {literal(pointer(name))})"

    def _convert(self, target: Target, text: str) -> str:
        form = target.column.form
        if form is Form.JSON:
            told = {self._batch.types.get(f) for f in target.fields}
            return from_json(text) if self._batch.nested or told == {Form.JSON} else from_text(form, text)
        return self._from_text(form, text)

    def _constant(self, target: Target) -> str:
        """SQL for the value of a column that nothing told."""
        if target.otherwise is None:
            return target.column.form.missing
        return self._from_text(target.column.form, literal(target.otherwise))

    def _rest(self) -> str:
        """SQL for a JSON object of the fields that no target takes; null where a name stands twice."""
        named = {f for t in self._plan.targets for f in t.fields}
        left = [f for f in self._batch.fields if f not in named]
        if not left:
            return "'{}'"
        if not self._batch.nested:
            pairs = [f"{literal(json.dumps(f) + ':')} || to_json(nullif({identifier(f)}, ''))::VARCHAR" for f in left]
            return _object(f"[{_list(pairs)}]")
        known = f"[{_list(map(literal, sorted(named)))}]::VARCHAR[]"
        members = "map_entries(from_json(_text, '\"MAP(VARCHAR,JSON)\"'))"
        others = f"list_filter({members}, lambda e: not list_contains({known}, e.key))"
        pairs_of = f"list_transform({others}, lambda e: to_json(e.key)::VARCHAR || ':' || e.value::VARCHAR)"
        return _object(pairs_of)


def pointer(name: str) -> str:
    """A JSON pointer to a field of any name."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts)


def _object(pairs: str) -> str:
    """SQL for a JSON object of the members `pairs`, those that are null left out; null where `pairs` is null."""
    # The text of a list that holds nothing but nulls is null, too.
    return f"case when ({pairs}) is not null then '{{' || coalesce(array_to_string({pairs}, ','), '') || '}}' end"


def _merged(name: str, bag: str) -> str:
    """SQL that puts the members of the object `_rest` into `bag`; what isn't a bag becomes one, under its own name."""
    inside = f"left({bag}, length({bag}) - 1) || case when {bag} = '{{}}' then '' else ',' end || substr(_rest, 2)"
    around = literal("{" + json.dumps(name) + ":") + f" || {bag} || ',' || substr(_rest, 2)"
    return (
        f"case when _rest = '{{}}' then {bag} when {bag} is null then _rest "
        f"when left({bag}, 1) = '{{' then {inside} else {around} end"
    )
