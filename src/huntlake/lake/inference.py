"""The forms that fields have which nobody has declared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from huntlake.lake.conversion import Batch, pointer
from huntlake.lake.forms import Form, from_text, identifier, literal

if TYPE_CHECKING:
    import duckdb

_BOOLEAN, _INTEGER, _FRACTION, _STRING, _NESTED = 1, 2, 4, 8, 16
_KIND = (
    f"case json_type({{0}}) when 'NULL' then 0 when 'BOOLEAN' then {_BOOLEAN} when 'BIGINT' then {_INTEGER} "
    f"when 'UBIGINT' then {_INTEGER} when 'DOUBLE' then {_FRACTION} when 'VARCHAR' then {_STRING} "
    f"when 'ARRAY' then {_NESTED} when 'OBJECT' then {_NESTED} end"
)
_FORMS = {
    0: Form.TEXT,
    _BOOLEAN: Form.BOOLEAN,
    _INTEGER: Form.BIGINT,
    _FRACTION: Form.DOUBLE,
    _INTEGER | _FRACTION: Form.DOUBLE,
}
"""By the kinds of JSON that a field holds; any other mixture is JSON."""

_TIME_SHAPE = "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.*"


def infer(connection: duckdb.DuckDBPyConnection, batch: Batch, fields: Sequence[str]) -> dict[str, Form]:
    """The form that each of `fields` has in all rows of `batch`: text where nothing narrower fits."""
    if not fields:
        return {}
    connection.execute(f"create or replace temp table picked as {_picked(batch, fields)}")
    forms: dict[str, Form] = {}
    texts = {f: f"f{i}" for i, f in enumerate(fields)}
    if batch.nested:
        kinds = ", ".join(f"bit_or({_KIND.format(f'f{i}')})" for i in range(len(fields)))
        for name, seen in zip(fields, connection.execute(f"select {kinds} from picked").fetchall()[0], strict=True):
            if seen != _STRING:
                forms[name] = _FORMS.get(seen or 0, Form.JSON)
        texts = {f: f"json_extract_string(f{i}, '$')" for i, f in enumerate(fields) if f not in forms}
    if texts:
        tests = _tests(numbers=not batch.nested)
        found = connection.execute(
            f"select {', '.join(_all(t, v) for v in texts.values() for _, t in tests)} from picked"
        )
        answers = iter(found.fetchall()[0])
        for name in texts:
            fitting = [form for form, _ in tests if next(answers)]
            forms[name] = fitting[0] if fitting else Form.TEXT
    connection.execute("drop table picked")
    return forms


def _picked(batch: Batch, fields: Sequence[str]) -> str:
    """A SELECT of the fields as f0, f1, …: JSON text of each where rows are objects."""
    if not batch.nested:
        return f"select {', '.join(f'{identifier(f)} as f{i}' for i, f in enumerate(fields))} from batch"
    struct: dict[str, str] = {}
    taken: set[str] = set()
    parts = []
    for i, name in enumerate(fields):
        # A struct can't have two fields that differ in case alone.
        if name.lower() in taken:
            parts.append(f"json_extract(_text, {literal(pointer(name))}) as f{i}")
        else:
            struct[name] = "JSON"
            taken.add(name.lower())
            parts.append(f"s.{identifier(name)} as f{i}")
    parsed = f"select _text, from_json(_text, {literal(json.dumps(struct))}) as s from batch"
    return f"select {', '.join(parts)} from ({parsed})"


def _tests(numbers: bool) -> list[tuple[Form, str]]:
    """What is asked of every text `v` that says something, the narrowest form first."""
    tests = [(Form.INSTANT, f"regexp_full_match(v, '{_TIME_SHAPE}') and {from_text(Form.INSTANT, 'v')} is not null")]
    if numbers:
        # Where there is text only, what reads as a number, and as the same text again, is one: 01234 isn't.
        tests += [
            (Form.BIGINT, "try_cast(v as BIGINT)::VARCHAR = v"),
            (Form.DOUBLE, "regexp_full_match(v, '-?[0-9]+[.][0-9]+')"),
            (Form.BOOLEAN, "lower(v) in ('true', 'false')"),
        ]
    return tests


def _all(test: str, value: str) -> str:
    """SQL that is true where all rows that say something pass, and there is such a row."""
    each = (
        f"list_transform([nullif({value}, '')], lambda v: case when v is not null then coalesce({test}, false) end)[1]"
    )
    return f"coalesce(bool_and({each}), false)"
