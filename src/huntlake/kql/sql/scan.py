"""The SQL of `scan`: a fold over the rows in their order, whose state is a struct for each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from huntlake.kql import plan
from huntlake.kql.forms import SQL_TYPES, literal
from huntlake.kql.plan.graph import columns_in
from huntlake.kql.types import ScalarType

if TYPE_CHECKING:
    from huntlake.kql.sql.reading import Reading

CHUNK = 256
"""Rows that are folded at once: one list of all matches would be copied whole at each row."""

_ROW, _STATE, _BEGUN = '"~r"', '"~a"', '"~s"'
_NUMBER = "\x00number"


@dataclass(frozen=True)
class _Step:
    output: str
    condition: plan.Scalar
    values: tuple[plan.Scalar, ...]
    """Of the columns that steps fill."""


@dataclass(frozen=True)
class _Field:
    """A value of a step's row that the state keeps; `reference` is what expressions call it."""

    name: str
    step: int
    column: str
    type: ScalarType
    reference: str | None = None

    @property
    def nothing(self) -> str:
        return f"{literal(None, self.type)}"


def scan(r: Reading, names: Mapping[str, str]) -> str:
    """A row for each match.

    The arguments are the row's number, whether there is a match id, how many columns steps fill and how many of the
    state are read; of the first the names, and what they are where no step fills them; of the second the step, the
    name and the column; and for each step its output, its condition and the values of the columns that it fills.
    """
    number, with_id, *counts = r.arguments[:4]
    filled, kept = (_long(c) for c in counts)
    rest = r.arguments[4:]
    defaults, rest = rest[: 2 * filled], rest[2 * filled :]
    references, rest = rest[: 3 * kept], rest[3 * kept :]
    width = 2 + filled
    steps = [_Step(_text(rest[i]), rest[i + 1], rest[i + 2 : i + width]) for i in range(0, len(rest), width)]
    own = {_text(n): v for n, v in zip(defaults[::2], defaults[1::2], strict=True)}
    machine = _Machine(r, steps, own, references)

    place = r.sql(number)
    chunks = (
        f'select {place} // {CHUNK} as "~c", list({machine.row(place)} order by {place}) as "~l" '
        f"from {r.steps[0]} group by 1"
    )
    # First the state before each chunk, one after the other; then, side by side, the matches of every chunk.
    begin = f"{{'state': {machine.empty}, 'begun': []::{machine.type}[]}}"
    ahead = f"""{{'state': {machine.after('"~ch"', '"~b".state')}, 'begun': list_append("~b".begun, "~b".state)}}"""
    lists = f'select list("~l" order by "~c") as "~ls" from ({chunks})'
    folded = f'select "~ls", list_reduce("~ls", lambda "~b", "~ch": {ahead}, {begin}) as "~f" from ({lists})'
    # After the last chunk comes one without rows: it brings out what is still held back.
    parts = (
        f'select unnest(list_append("~f".begun, "~f".state)) as "~s", '
        f'unnest(list_append("~ls", []::{machine.row_type}[])) as "~rows" from ({folded})'
    )
    found = f'case when len("~rows") = 0 then {machine.held(_BEGUN)} else {machine.matches(_BEGUN)} end'
    matches = f'select unnest({found}) as "~m" from ({parts})'

    input_columns = r.identifiers[0]
    filling = {n: f'm."~m".d{i}' for i, n in enumerate(own)}
    columns = [
        f"{filling.get(n) or f't.{input_columns[n]}'} as {names[n]}"
        for n in names
        if n in filling or n in input_columns
    ]
    if _value(with_id) is True:
        columns.append(f'm."~m".id as {list(names.values())[-1]}')
    order = 'm."~m".n, m."~m".k desc'
    if r.place:
        columns.append(f"row_number() over (order by {order}) as {r.place}")
    return (
        f'select {", ".join(columns)} from {r.steps[0]} t join ({matches}) m on t.{place} = m."~m".n order by {order}'
    )


class _Machine:
    """The state, and what a row makes of it."""

    def __init__(
        self, r: Reading, steps: list[_Step], defaults: Mapping[str, plan.Scalar], references: Sequence[plan.Scalar]
    ) -> None:
        self._r = r
        self._steps = steps
        self._defaults = defaults
        self._filled = list(defaults)
        fields: list[_Field] = []
        for i in range(0, len(references), 3):
            reference = references[i + 2]
            assert isinstance(reference, plan.ColumnRef)
            owner, column = _long(references[i]), _text(references[i + 1])
            fields.append(_Field(f"f{len(fields)}", owner, column, reference.type, reference.name))
        for k, step in enumerate(steps):
            if step.output == "last":
                wanted = [(n, d.type) for n, d in defaults.items()]
                for column, type_ in (*wanted, (_NUMBER, ScalarType.LONG)):
                    if not any(f.step == k and f.column == column for f in fields):
                        fields.append(_Field(f"f{len(fields)}", k, column, type_))
        self._fields = fields
        # Of a row as much as the steps look at.
        read = {n for s in steps for e in (s.condition, *s.values) for n in columns_in(e)} | {f.column for f in fields}
        self._columns = [n for n in r.identifiers[0] if n in read]
        self._types = {c.name: c.type for c in r.columns[0]}
        self.row_type = self._struct_type(
            [("n", "BIGINT"), *((f"c{i}", SQL_TYPES[self._types[n]]) for i, n in enumerate(self._columns))]
        )
        of_steps = [(f"s{k}", self._step_type(k)) for k in range(len(steps))]
        self.type = self._struct_type([("next", "BIGINT"), *of_steps])
        outputs = [(f"d{i}", SQL_TYPES[d.type]) for i, d in enumerate(defaults.values())]
        self._match_type = self._struct_type([("n", "BIGINT"), ("k", "INTEGER"), ("id", "BIGINT"), *outputs])

    def row(self, number: str) -> str:
        """A row as the fold sees it."""
        own = (f", 'c{i}': {self._r.identifiers[0][n]}" for i, n in enumerate(self._columns))
        return f"{{'n': {number}{''.join(own)}}}::{self.row_type}"

    @property
    def empty(self) -> str:
        """The state before the first row."""
        of_steps = (f", 's{k}': {self._empty(k)}" for k in range(len(self._steps)))
        return f"{{'next': 0{''.join(of_steps)}}}::{self.type}"

    def after(self, rows: str, state: str) -> str:
        """The state after some rows."""
        return f"list_reduce({rows}, lambda {_STATE}, {_ROW}: {{{self._next_state()}}}, {state})"

    def matches(self, state: str) -> str:
        """The matches of the rows of a chunk."""
        found = ", ".join(self._found(k) for k in reversed(range(len(self._steps))) if self._steps[k].output != "none")
        new = f'list_filter([{found}]::{self._match_type}[], lambda "~z": "~z" is not null)'
        of_steps = "".join(f"'s{k}': {state}.s{k}, " for k in range(len(self._steps)))
        begin = f"{{'next': {state}.next, {of_steps}'o': []::{self._match_type}[]}}"
        acc = f"{{{self._next_state()}, 'o': list_concat({_STATE}.o, {new})}}"
        return f'list_reduce("~rows", lambda {_STATE}, {_ROW}: {acc}, {begin}).o'

    def held(self, state: str) -> str:
        """The matches that a state holds back until their series ends."""
        last = [k for k, s in enumerate(self._steps) if s.output == "last"]
        found = ", ".join(f"case when {state}.s{k}.live then {self._held(k, state)} end" for k in last)
        return f'list_filter([{found}]::{self._match_type}[], lambda "~z": "~z" is not null)'

    # -- one row ----------------------------------------------------------------

    def _next_state(self) -> str:
        begins = f"case when {self._first_begins()} then {_STATE}.next + 1 else {_STATE}.next end"
        return f"'next': {begins}" + "".join(f", 's{k}': {self._next(k)}" for k in range(len(self._steps)))

    def _next(self, k: int) -> str:
        """A step's state after the row."""
        own, goes_on = f"{_STATE}.s{k}", self._moved(k, f"s{k}", f"{_STATE}.s{k}.id")
        if k == 0:
            begun = self._moved(0, None, f"{_STATE}.next")
            stays = f"case when {self._holds(0, 's0')} then {goes_on} else {own} end"
            cases = f"when {self._first_lives()} then {stays} when {self._holds(0, None)} then {begun}"
            return f"case {cases} else {self._empty(0)} end"
        cases = f"when {self._promoted(k)} then {self._moved(k, f's{k - 1}', f'{_STATE}.s{k - 1}.id')}"
        if k + 1 < len(self._steps):
            cases += f" when {self._promoted(k + 1)} then {self._empty(k)}"
        return f"case {cases} when {own}.live and {self._holds(k, f's{k}')} then {goes_on} else {own} end"

    def _found(self, k: int) -> str:
        """The match that the row brings out at a step, or null."""
        own = f"{_STATE}.s{k}"
        leaves = self._promoted(k + 1) if k + 1 < len(self._steps) else None
        if self._steps[k].output == "last":
            ends = [c for c in (self._promoted(k) if k else None, leaves) if c]
            return f"case when {own}.live and ({' or '.join(ends) or 'false'}) then {self._held(k, _STATE)} end"
        again = self._match(k, f"s{k}", f"{own}.id")
        if k == 0:
            goes_on = f"case when {self._holds(0, 's0')} then {again} end"
            begun = self._match(0, None, f"{_STATE}.next")
            return f"case when {self._first_lives()} then {goes_on} when {self._holds(0, None)} then {begun} end"
        cases = f"when {self._promoted(k)} then {self._match(k, f's{k - 1}', f'{_STATE}.s{k - 1}.id')}"
        if leaves:
            cases += f" when {leaves} then null"
        return f"case {cases} when {own}.live and {self._holds(k, f's{k}')} then {again} end"

    def _promoted(self, k: int) -> str:
        """Whether the state of the step before moves to this one."""
        return f"({_STATE}.s{k - 1}.live and {self._holds(k, f's{k - 1}')})"

    def _first_lives(self) -> str:
        """Whether the first step has a sequence when the row comes to it, after all the others."""
        return f"{_STATE}.s0.live" + (f" and not {self._promoted(1)}" if len(self._steps) > 1 else "")

    def _first_begins(self) -> str:
        return f"not ({self._first_lives()}) and {self._holds(0, None)}"

    def _holds(self, k: int, view: str | None) -> str:
        return f"coalesce({self._sql(self._steps[k].condition, view)}, false)"

    def _moved(self, k: int, view: str | None, id_: str) -> str:
        """The state of a step that the row matches, over the state at which it looked."""
        fields = []
        for field in self._of(k):
            if field.step < k:
                value = f"{_STATE}.{view}.{field.name}"
            elif field.column == _NUMBER:
                value = f"{_ROW}.n"
            elif field.column in self._defaults:
                value = self._sql(self._steps[k].values[self._filled.index(field.column)], view)
            else:
                value = f"{_ROW}.c{self._columns.index(field.column)}"
            fields.append(f", '{field.name}': {value}")
        return f"{{'live': true, 'id': {id_}{''.join(fields)}}}"

    def _match(self, k: int, view: str | None, id_: str) -> str:
        values = (f", 'd{i}': {self._sql(v, view)}" for i, v in enumerate(self._steps[k].values))
        return f"{{'n': {_ROW}.n, 'k': {k}, 'id': {id_}{''.join(values)}}}::{self._match_type}"

    def _held(self, k: int, state: str) -> str:
        names = {f.column: f.name for f in self._fields if f.step == k}
        values = (f", 'd{i}': {state}.s{k}.{names[n]}" for i, n in enumerate(self._filled))
        own = f"{state}.s{k}"
        return f"{{'n': {own}.{names[_NUMBER]}, 'k': {k}, 'id': {own}.id{''.join(values)}}}::{self._match_type}"

    # -- expressions --------------------------------------------------------------

    def _sql(self, scalar: plan.Scalar, view: str | None) -> str:
        """A scalar over the row and the state of a step; without one, nothing has matched yet."""
        columns = {n: f"{_ROW}.c{i}" for i, n in enumerate(self._columns)}
        seen = -1 if view is None else int(view[1:])
        for field in self._fields:
            if field.reference is not None:
                default = self._defaults.get(field.column)
                nothing = self._r.sql(default) if isinstance(default, plan.Literal) else field.nothing
                columns[field.reference] = f"{_STATE}.{view}.{field.name}" if field.step <= seen else f"({nothing})"
        writer = replace(self._r.expressions[0], columns=columns, may_hoist=False, hoisted=[])
        text = f"{writer.sql(scalar)}"
        if "(select " in text:
            # No engine lets a subquery stand inside a fold.
            self._r.refuse("`scan` with such a function of a step's state")
        return text

    # -- types ----------------------------------------------------------------------

    def _of(self, k: int) -> list[_Field]:
        return [f for f in self._fields if f.step <= k]

    def _empty(self, k: int) -> str:
        fields = "".join(f", '{f.name}': null" for f in self._of(k))
        return f"{{'live': false, 'id': 0{fields}}}::{self._step_type(k)}"

    def _step_type(self, k: int) -> str:
        return self._struct_type(
            [("live", "BOOLEAN"), ("id", "BIGINT"), *((f.name, SQL_TYPES[f.type]) for f in self._of(k))]
        )

    @staticmethod
    def _struct_type(members: Sequence[tuple[str, str]]) -> str:
        named = ", ".join(f'"{name}" {type_}' for name, type_ in members)
        return f"STRUCT({named})"


def _value(scalar: plan.Scalar) -> object:
    assert isinstance(scalar, plan.Literal)
    return scalar.value


def _long(scalar: plan.Scalar) -> int:
    value = _value(scalar)
    assert isinstance(value, int)
    return value


def _text(scalar: plan.Scalar) -> str:
    return str(_value(scalar))
