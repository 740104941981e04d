"""The physical forms of KQL's types in SQL: how a value is written, and brought from one type to another.

A `dynamic` may come as JSON or as text that holds JSON: whoever puts one into more JSON casts it first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from decimal import Decimal

from huntlake.kql.symbols import Missing, Sql, quoted
from huntlake.kql.syntax.literals import TICKS_PER_DAY, TICKS_PER_SECOND, datetime_of, decimal_text
from huntlake.kql.types import NUMBERS, ScalarType

SQL_TYPES = {
    ScalarType.BOOL: "BOOLEAN",
    ScalarType.INT: "INTEGER",
    ScalarType.LONG: "BIGINT",
    ScalarType.REAL: "DOUBLE",
    ScalarType.DECIMAL: "DECIMAL(38,18)",
    ScalarType.STRING: "VARCHAR",
    ScalarType.DATETIME: "TIMESTAMP",
    ScalarType.TIMESPAN: "BIGINT",
    ScalarType.GUID: "VARCHAR",
    ScalarType.DYNAMIC: "JSON",
}


_DECIMALS, _DIGITS = 18, 38
"""Digits of a decimal behind the point, and those of Kusto's decimals in all."""

ITEM = '"~t"'
"""The name of a lambda's own parameter: a plainer one would hide a column of that name."""


# -- literals --------------------------------------------------------------------


def literal(value: object, type_: ScalarType) -> Sql:
    """The SQL of a constant."""
    return Sql(_literal(value, type_), type_, value, nullable=value is None)


def _literal(value: object, type_: ScalarType) -> str:
    if value is None:
        return "''" if type_ is ScalarType.STRING else f"null::{SQL_TYPES[type_]}"
    if type_ is ScalarType.STRING:
        return quoted(str(value))
    match type_, value:
        case ScalarType.DYNAMIC, _:
            return quoted(json.dumps(value, ensure_ascii=False, separators=(",", ":"))) + "::JSON"
        case ScalarType.BOOL, _:
            return "true" if value else "false"
        case ScalarType.DATETIME, int(ticks):
            return f"TIMESTAMP '{datetime_of(ticks):%Y-%m-%d %H:%M:%S.%f}'".replace(
                "'", "'" + "0" * (4 - len(str(datetime_of(ticks).year))), 1
            )
        case ScalarType.REAL, (int() | float()):
            return _real(float(value))
        case ScalarType.DECIMAL, (Decimal() | int() | float()):
            return _decimal(Decimal(str(value)))
        case (_, int() | float()):
            return str(int(value))
    return quoted(str(value))


def _real(value: float) -> str:
    if math.isnan(value):
        return "'nan'::DOUBLE"
    if math.isinf(value):
        return f"'{'-' if value < 0 else ''}infinity'::DOUBLE"
    # Without an exponent the engine would take it for a decimal, whose arithmetic is another.
    text = repr(value)
    return text if "e" in text else f"{text}e0"


def _decimal(value: Decimal) -> str:
    # Of decimals with other scales the engine takes the one with fewer digits, and rounds the rest away.
    return f"{value:f}::{SQL_TYPES[ScalarType.DECIMAL]}"


def is_finer(value: object, type_: ScalarType) -> bool:
    """Whether a literal has digits for which its physical form has no place."""
    match type_, value:
        case ScalarType.DATETIME, int(ticks):
            return ticks % 10 != 0
        case ScalarType.DECIMAL, Decimal() as number:
            digits = decimal_text(number).lstrip("-0.").replace(".", "")
            return len(decimal_text(number).partition(".")[2]) > _DECIMALS and len(digits) <= _DIGITS
    return False


# -- JSON ------------------------------------------------------------------------


def as_json(sql: str, type_: ScalarType | None = None) -> str:
    """`sql` as a JSON value that can be put into more JSON."""
    match type_ or (sql.type if isinstance(sql, Sql) else ScalarType.DYNAMIC):
        case ScalarType.DYNAMIC:
            return f"{sql}::JSON"
        case ScalarType.DATETIME | ScalarType.TIMESPAN as timed:
            # A null time has empty text, but is null in JSON.
            return f"to_json(nullif({as_text(sql, timed)}, ''))"
        case ScalarType.DECIMAL:
            return f"to_json({sql}::DOUBLE)"
        case ScalarType.REAL:
            # JSON has no number for these: they are texts there.
            return f"case when isfinite({sql}) then to_json({sql}) else to_json(nullif({_real_text(sql)}, '')) end"
    return f"to_json({sql})"


def json_pointer(text: str) -> str:
    """The JSON pointer to the property whose name is `text`, itself SQL; a path can't say every name."""
    return f"'/' || replace(replace({text}, '~', '~0'), '/', '~1')"


NO_PATH = ("", "*")
"""Names of properties that no JSON path can say, but a JSON pointer can."""


def json_path(steps: Iterable[str | int]) -> str:
    """The JSON path of names and indexes, as text; a negative index counts from the end."""
    path = "$"
    for step in steps:
        if isinstance(step, int):
            path += f"[#{step}]" if step < 0 else f"[{step}]"
        else:
            escaped = step.replace("\\", "\\\\").replace('"', '\\"')
            path += f'."{escaped}"'
    return path


def json_array(sql: str) -> str:
    """The elements of a dynamic array as a SQL list of JSON; null where it is no array."""
    return f"try_cast({sql} as JSON[])"


# -- time ------------------------------------------------------------------------


def moment(microseconds: str) -> str:
    """The datetime so many microseconds after 1970; null where that is beyond the years 1 to 9999."""
    within = f"({microseconds}) between -62135596800000000 and 253402300799999999"
    return f"case when {within} then make_timestamp(({microseconds})::BIGINT) end"


# -- text ------------------------------------------------------------------------


def as_text(sql: str, type_: ScalarType | None = None) -> str:
    """`sql` as `tostring()` prints it; the empty string where it is null."""
    kind = type_ or (sql.type if isinstance(sql, Sql) else ScalarType.STRING)
    match kind:
        case ScalarType.STRING:
            return str(sql)
        case ScalarType.DATETIME:
            inner = f"strftime({sql}, '%Y-%m-%dT%H:%M:%S.%f0Z')"
        case ScalarType.TIMESPAN:
            inner = _timespan_text(sql)
        case ScalarType.DYNAMIC:
            inner = dynamic_text(sql)
            if isinstance(inner, Sql) and not inner.nullable:
                return str(inner)
        case ScalarType.REAL:
            inner = _real_text(sql)
        case ScalarType.DECIMAL:
            inner = f"regexp_replace(({sql})::VARCHAR, '(\\.\\d*?)0+$', '\\1')"
            inner = f"rtrim({inner}, '.')"
        case ScalarType.GUID:
            inner = str(sql)
        case _:
            inner = f"({sql})::VARCHAR"
    return f"coalesce({inner}, '')"


def dynamic_text(sql: str) -> str:
    """A dynamic's text, a string without its quotes; null where it is."""
    return (sql.printed if isinstance(sql, Sql) else "") or f"json_extract_string({sql}, '$')"


def _real_text(sql: str) -> str:
    # .NET prints a whole real without a fraction; Infinity and NaN by name.
    return (
        f"case when isfinite({sql}) and abs({sql}) < 1e15 and {sql} = trunc({sql}) then ({sql})::BIGINT::VARCHAR "
        f"when abs({sql}) >= 1e15 and abs({sql}) < 1e16 then {_long_real_text(sql)} "
        f"when isnan({sql}) then 'NaN' when isinf({sql}) then case when {sql} > 0 then 'Infinity' else '-Infinity' end "
        f"else regexp_replace(upper(({sql})::VARCHAR), 'E([0-9])', 'E+\\1') end"
    )


def _long_real_text(sql: str) -> str:
    # The engine goes over to an exponent one digit later than .NET.
    digits = f"rtrim(replace(abs({sql})::VARCHAR, '.', ''), '0')"
    return f"case when {sql} < 0 then '-' else '' end || rtrim({digits}[1] || '.' || {digits}[2:], '.') || 'E+15'"


def _timespan_text(sql: str) -> str:
    t = f"abs({sql})"
    second, day = TICKS_PER_SECOND, TICKS_PER_DAY
    return (
        f"case when {sql} < 0 then '-' else '' end"
        f" || case when {t} >= {day} then ({t} // {day})::VARCHAR || '.' else '' end"
        f" || printf('%02d:%02d:%02d', {t} // {3600 * second} % 24, {t} // {60 * second} % 60, {t} // {second} % 60)"
        f" || case when {t} % {second} <> 0 then printf('.%07d', {t} % {second}) else '' end"
    )


# -- from one type to another ------------------------------------------------------


def converted(sql: Sql, wanted: ScalarType) -> Sql:
    """`sql` brought to another type, as the function `to<type>()` would; null where it has no such value."""
    if sql.type is wanted:
        return sql
    return Sql(_converted(sql, wanted), wanted, Missing.VALUE, nullable=wanted is not ScalarType.STRING)


def _converted(sql: Sql, wanted: ScalarType) -> str:
    given = sql.type
    match wanted:
        case ScalarType.STRING:
            return as_text(sql)
        case ScalarType.DYNAMIC:
            return as_json(sql)
    if given is ScalarType.DYNAMIC:
        if wanted is ScalarType.TIMESPAN:
            return f"hl_totimespan({dynamic_text(sql)})"
        return from_text(dynamic_text(sql), wanted, json=sql)
    if given is ScalarType.STRING:
        return from_text(sql, wanted)
    match wanted:
        case ScalarType.BOOL:
            return f"{sql} <> 0"
        case ScalarType.LONG | ScalarType.REAL if given in NUMBERS and NUMBERS.index(given) < NUMBERS.index(wanted):
            return f"{sql}::{SQL_TYPES[wanted]}"
        case ScalarType.INT | ScalarType.LONG if given in (ScalarType.REAL, ScalarType.DECIMAL):
            return f"try_cast(trunc({sql}) as {SQL_TYPES[wanted]})"
        case ScalarType.DATETIME if given is ScalarType.LONG or given is ScalarType.INT:
            return moment(f"{sql} // 10 - 62135596800000000")
        case ScalarType.LONG if given is ScalarType.DATETIME:
            return f"epoch_us({sql}) * 10 + 621355968000000000"
        case ScalarType.TIMESPAN if given in NUMBERS:
            return f"try_cast({sql} as BIGINT)"
        case ScalarType.LONG if given is ScalarType.TIMESPAN:
            return str(sql)
    return f"try_cast({sql} as {SQL_TYPES[wanted]})"


_PLAIN_TIME = (
    r"(?:000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3})-\d\d-\d\d"
    r"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,7})?)?Z?)?"
)
"""The usual form of a time, in UTC."""
_WHOLE = r"\s*[-+]?(\d+|0[xX][0-9a-fA-F]+)\s*"


def from_text(text: str, wanted: ScalarType, *, json: str = "") -> str:
    """What `to<type>()` reads in a text, or in that of `json`: there 12.7 and true are whole numbers too."""
    boolean = f"when {json}::VARCHAR = 'true' then 1 when {json}::VARCHAR = 'false' then 0 " if json else ""
    match wanted:
        case ScalarType.INT | ScalarType.LONG:
            sql_type = SQL_TYPES[wanted]
            whole = f"case when regexp_full_match({text}, '{_WHOLE}') then try_cast({text} as {sql_type})"
            if json:
                # What is no JSON number isn't one to this cast either.
                return f"{whole} {boolean}else try_cast(trunc(try_cast({json}::VARCHAR as DOUBLE)) as {sql_type}) end"
            return f"{whole} end"
        case ScalarType.BOOL:
            return (
                f"case lower(trim({text})) when 'true' then true when 'false' then false "
                f"else {from_text(text, ScalarType.LONG)} <> 0 end"
            )
        case ScalarType.DATETIME:
            # The engine's own cast is quick, but drops a time zone, and takes `infinity` for a time.
            plain = f"regexp_full_match({text}, '{_PLAIN_TIME}')"
            return f"case when {plain} then try_cast({text} as TIMESTAMP) else hl_todatetime({text}) end"
        case ScalarType.TIMESPAN:
            return f"hl_totimespan({text})"
        case ScalarType.GUID:
            return f"hl_toguid({text})"
    # To the engine `1_000` is a number.
    return f"case {boolean}when not contains({text}, '_') then try_cast({text} as {SQL_TYPES[wanted]}) end"
