"""How a value lies in a file, and how text becomes one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

TIME = "TimeGenerated"
"""The column that orders a table; tables that have it are partitioned by its day."""

DAY = "_Day"
"""The partition column: a date, in no schema that a person sees."""


class Form(Enum):
    """The physical form of a column; its value is the name kept in the table's metadata."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    BIGINT = "bigint"
    DOUBLE = "double"
    DECIMAL = "decimal"
    TEXT = "text"
    """Text that is never null: nothing is the empty text."""
    INSTANT = "instant"
    """Microseconds, UTC. In a file it is Delta's plain `timestamp`, in a query a TIMESTAMP without zone."""
    TICKS = "ticks"
    """A span of time, as a 64-bit count of 100 ns."""
    UUID = "uuid"
    """Lower-case text with hyphens, or null."""
    JSON = "json"
    """JSON text, or null; the JSON null is SQL's."""

    @property
    def sql(self) -> str:
        """The SQL type that a query sees."""
        return _SQL.get(self, "VARCHAR")

    @property
    def staged(self) -> str:
        """The SQL type in which rows wait to be written."""
        return "TIMESTAMPTZ" if self is Form.INSTANT else self.sql

    @property
    def delta(self) -> str:
        """The Delta primitive type."""
        return _DELTA.get(self, "string")

    @property
    def missing(self) -> str:
        """SQL for the value where a file lacks the column, as `staged`."""
        return "''" if self is Form.TEXT else f"null::{self.staged}"


_SQL = {
    Form.BOOLEAN: "BOOLEAN",
    Form.INTEGER: "INTEGER",
    Form.BIGINT: "BIGINT",
    Form.DOUBLE: "DOUBLE",
    Form.DECIMAL: "DECIMAL(38,18)",
    Form.INSTANT: "TIMESTAMP",
    Form.TICKS: "BIGINT",
}
_DELTA = {
    Form.BOOLEAN: "boolean",
    Form.INTEGER: "integer",
    Form.BIGINT: "long",
    Form.DOUBLE: "double",
    Form.DECIMAL: "decimal(38,18)",
    Form.INSTANT: "timestamp",
    Form.TICKS: "long",
}


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column of a table in the lake. Names that differ in case alone are one column."""

    name: str
    form: Form


def identifier(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def from_text(form: Form, text: str) -> str:
    """SQL that turns `text` (SQL of a VARCHAR, null where absent) into `form`; null where it doesn't fit."""
    match form:
        case Form.TEXT:
            return f"coalesce({text}, '')"
        case Form.JSON:
            # Text that isn't JSON is a JSON string.
            return (
                f"case when {text} = '' then null when json_valid({text}) then nullif(json({text})::VARCHAR, 'null') "
                f"else to_json({text})::VARCHAR end"
            )
        case Form.BOOLEAN:
            return f"try_cast({text} as BOOLEAN)"
        case Form.INTEGER | Form.BIGINT:
            # A cast rounds 42.5 and reads 1_000; neither is an integer. 42.0 is.
            cast = f"try_cast({text} as {form.sql})"
            careful = "regexp_full_match(t, '[+-]?[0-9]+([.]0*)?|0[xX][0-9a-fA-F]+')"
            other = _seldom(text, f"case when {careful} then try_cast(t as {form.sql}) end")
            return f"case when {cast}::VARCHAR = {text} then {cast} else {other} end"
        case Form.DOUBLE | Form.DECIMAL:
            return f"try_cast({text} as {form.sql})"
        case Form.UUID:
            return f"try_cast(trim({text}) as UUID)::VARCHAR"
        case Form.TICKS:
            return _ticks(f"trim({text})")
        case Form.INSTANT:
            return _instant(text)


def from_plain(form: Form, text: str) -> str:
    """SQL that turns `text` into `form` where it is spelled as most are, and is null for some other spellings."""
    match form:
        case Form.INTEGER | Form.BIGINT:
            cast = f"try_cast({text} as {form.sql})"
            return f"case when {cast}::VARCHAR = {text} then {cast} end"
        case Form.INSTANT:
            return f"case when {_usual(text)} then try_cast({text} as TIMESTAMPTZ) end"
        case _:
            return from_text(form, text)


def from_json(json: str) -> str:
    """SQL that turns `json` (SQL of JSON text, null where absent) into the form `JSON`.

    A string that holds an object or an array in JSON is read as what it holds: exports write bags in that way.
    """
    inner = "json_extract_string(t, '$')"
    held = f"left(ltrim({inner}), 1) in ('{{', '[') and json_valid({inner})"
    string = f"case when t = '\"\"' then null when {held} then json({inner})::VARCHAR else t end"
    return f"case when starts_with({json}, '\"') then {_seldom(json, string)} else nullif({json}, 'null') end"


def misfit(form: Form, text: str, converted: str) -> str | None:
    """SQL that is true where `text` says something and `converted` is null; None where any text fits."""
    if form in (Form.TEXT, Form.JSON):
        return None
    # A CASE looks at the text of those rows only whose value is null; an AND would look at every one.
    return f"case when {converted} is null then trim({text}) <> '' else false end"


def _instant(text: str) -> str:
    # Seconds, milliseconds, microseconds and nanoseconds of the years 2001 to 2286 have 10, 13, 16 and 19 digits;
    # 18 digits are ticks since 1601 or since 1: nobody can know which.
    digits = "regexp_full_match(t, '[0-9]{10}([.][0-9]+)?|[0-9]{13}([.][0-9]+)?|[0-9]{16}|[0-9]{19}')"
    number = "try_cast(t as DECIMAL(38,9))"
    micros = (
        f"case length(split_part(t, '.', 1)) when 10 then {number} * 1000000 when 13 then {number} * 1000 "
        f"when 16 then {number} else {number} / 1000 end"
    )
    # Only the twelve-hour form tells that the month comes first.
    american = ", ".join(f"'%m/%d/%Y{comma} %I:%M{rest} %p'" for comma in (",", "") for rest in (":%S.%g", ":%S", ""))
    other = (
        f"case when {_iso('t')} then {_told('try_cast(t as TIMESTAMPTZ)')} "
        f"when {digits} then make_timestamptz(floor({micros})::BIGINT) "
        f"when right(t, 1) = 'M' then {_told(f'make_timestamptz(epoch_us(try_strptime(t, [{american}])))')} end"
    )
    return f"case when {_usual(text)} then try_cast({text} as TIMESTAMPTZ) else {_seldom(text, other)} end"


def _usual(text: str) -> str:
    # In the other years a zone may lead out of the calendar: to compare texts is quicker than to compare times.
    return f"{text} >= '0002' and {text} < '9999' and {_iso(text)}"


def _told(moment: str) -> str:
    """SQL for `moment`; null outside of the years 1 to 9999: no day of the calendar is there to keep such a row in."""
    least, greatest = "'0001-01-01 00:00:00+00'::TIMESTAMPTZ", "'9999-12-31 23:59:59.999999+00'::TIMESTAMPTZ"
    return f"case when {moment} between {least} and {greatest} then {moment} end"


def _iso(text: str) -> str:
    # `infinity`, `epoch` and years before Christ are times to a cast, and to nobody else.
    return f"{text} like '____-%' and not contains({text}, '(')"


def _seldom(text: str, value: str) -> str:
    """SQL for `value`, which calls the trimmed `text` t.

    The engine takes what stands twice in an expression out of its CASE and computes it for every row; not so a lambda.
    """
    return f"list_transform([trim({text})], lambda t: {value})[1]"


def _ticks(text: str) -> str:
    pattern = r"(-?)(?:([0-9]{1,8})[.])?([0-9]{1,2}):([0-5]?[0-9])(?::([0-5]?[0-9])(?:[.]([0-9]{1,7}))?)?"
    parts = f"regexp_extract({text}, '^{pattern}$', ['s', 'd', 'h', 'm', 'sec', 'f'])"

    def number(part: str) -> str:
        return f"coalesce(try_cast({parts}.{part} as BIGINT), 0)"

    seconds = f"((({number('d')} * 24 + {number('h')}) * 60 + {number('m')}) * 60 + {number('sec')})"
    return (
        f"case when regexp_full_match({text}, '{pattern}') then "
        f"({seconds} * 10000000 + coalesce(try_cast(rpad({parts}.f, 7, '0') as BIGINT), 0)) "
        f"* case when {parts}.s = '-' then -1 else 1 end end"
    )
