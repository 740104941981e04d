"""From one type to another. A value that the other type can't hold becomes null, never an error."""

from __future__ import annotations

from collections.abc import Sequence

from huntlake.kql.forms import converted
from huntlake.kql.symbols import (
    Bool,
    Datetime,
    Decimal,
    Dynamic,
    Guid,
    Int,
    Long,
    Naming,
    Real,
    Scalar,
    Sql,
    String,
    Timespan,
    scalar,
)
from huntlake.kql.syntax import literals
from huntlake.kql.types import ScalarType


def _to(value: str, wanted: ScalarType) -> str:
    assert isinstance(value, Sql)
    return str.__str__(converted(value, wanted))


@scalar("tostring", named=Naming.FIRST_ARGUMENT)
def tostring(value: Scalar) -> String:
    """`value` as text; null as the empty string.

    >>> tostring(123)
    "123"
    >>> tostring(time(1.02:03:04))
    "1.02:03:04"
    >>> tostring(long(null))
    ""
    """
    return _to(value, ScalarType.STRING)


@scalar("toint", named=Naming.FIRST_ARGUMENT)
def toint(value: Scalar) -> Int:
    """`value` as an `int`, 32 bits wide.

    >>> toint("123")
    int(123)
    >>> isnull(toint("a"))
    true
    """
    return _to(value, ScalarType.INT)


@scalar("tolong", named=Naming.FIRST_ARGUMENT)
def tolong(value: Scalar) -> Long:
    """`value` as a `long`.

    >>> tolong("123")
    123
    """
    return _to(value, ScalarType.LONG)


@scalar("toreal", "todouble", named=Naming.FIRST_ARGUMENT)
def toreal(value: Scalar) -> Real:
    """`value` as a `real`.

    >>> toreal("123.4")
    123.4
    """
    return _to(value, ScalarType.REAL)


@scalar("todecimal", named=Naming.FIRST_ARGUMENT)
def todecimal(value: Scalar) -> Decimal:
    """`value` as a `decimal`.

    >>> todecimal("123.45")
    decimal(123.45)
    """
    return _to(value, ScalarType.DECIMAL)


@scalar("tobool", "toboolean", named=Naming.FIRST_ARGUMENT)
def tobool(value: Scalar) -> Bool:
    """`value` as a `bool`.

    >>> tobool("true")
    true
    >>> tobool(0)
    false
    """
    return _to(value, ScalarType.BOOL)


@scalar("todatetime", named=Naming.FIRST_ARGUMENT)
def todatetime(value: Scalar) -> Datetime:
    """`value` as a `datetime`.

    >>> todatetime("2015-12-24")
    datetime(2015-12-24)
    """
    return _to(value, ScalarType.DATETIME)


@scalar("totimespan", "totime", named=Naming.FIRST_ARGUMENT)
def totimespan(value: Scalar) -> Timespan:
    """`value` as a `timespan`.

    >>> totimespan("0.00:01:00")
    1m
    """
    return _to(value, ScalarType.TIMESPAN)


@scalar("toguid", named=Naming.FIRST_ARGUMENT)
def toguid(value: Scalar) -> Guid:
    """`value` as a `guid`."""
    return _to(value, ScalarType.GUID)


@scalar("todynamic", "parse_json", "parsejson", "toobject", named=Naming.FIRST_ARGUMENT)
def parse_json(value: Dynamic) -> Dynamic:
    """The value that a JSON text holds; text that is no JSON is itself the value.

    >>> parse_json('{"a":1}')
    dynamic({"a":1})
    >>> tostring(parse_json("abc"))
    "abc"
    """
    return str.__str__(value) if isinstance(value, Sql) else value


@parse_json.overload
def _(value: String) -> Dynamic:
    text = f"to_json({value})::VARCHAR"
    # The engine's own trimming is slow, and seldom needed.
    trimmed = f"case when starts_with({value}, ' ') or ends_with({value}, ' ') then trim({value}) else {value} end"
    found = f"nullif({trimmed}, 'null')"
    suspect, loose = _unreadable(value)
    return (
        f"case when not json_valid({value}) then case when {value} = '' then null else {text} end "
        f"when {suspect} then case when {loose} then {text} else {found} end "
        f"else {found} end"
    )


@parse_json.inside(1)
def _(value: String) -> Dynamic:
    suspect, loose = _unreadable(value)
    # What is no JSON is a text, and has nothing within.
    return (
        f"case when not json_valid({value}) then null "
        f"when {suspect} then case when not {loose} then {value} end else {value} end"
    )


def _unreadable(value: str) -> tuple[str, str]:
    """Whether a text that the engine takes for JSON may be none, and whether it is: no client could read it."""
    # The engine also takes `NaN` and a comma before a bracket. Few texts are suspect; only in these the strings are
    # cut out, for there such words mean nothing.
    bare = f"regexp_replace({value}, '{_QUOTED}', '', 'g')"
    # Three patterns: each begins with few letters, which are looked for quickly. One of all three is read in full.
    suspect = " or ".join(f"regexp_matches({value}, '{p}')" for p in ("[nN][aA][nN]", "[iI][nN][fF]", r",\s*[\]}]"))
    return suspect, f"regexp_matches({bare}, '{_LOOSE}')"


_QUOTED = r'"(?:[^"\\]|\\.)*"'
_LOOSE = r"(?i)nan|inf|,\s*[\]}]"


@parse_json.overload
def _(value: Scalar) -> Dynamic:
    return _to(value, ScalarType.DYNAMIC)


@tostring.folds
def _(value: object, *, types: Sequence[ScalarType]) -> object:
    # The engine's time has a digit less.
    return literals.datetime_text(value) if types == [ScalarType.DATETIME] and type(value) is int else NotImplemented


@todatetime.folds
def _(value: object, *, types: Sequence[ScalarType]) -> object:
    return literals.datetime_ticks(value) if isinstance(value, str) else NotImplemented


@totimespan.folds
def _(value: object, *, types: Sequence[ScalarType]) -> object:
    return literals.timespan(value) if isinstance(value, str) else NotImplemented
