"""String functions."""

from __future__ import annotations

from huntlake.kql.symbols import Long, Naming, Scalar, String, scalar, whole_of
from huntlake.kql.forms import as_text


@scalar("strlen", named=Naming.FUNCTION_AND_ARGUMENT)
def strlen(source: String) -> Long:
    """The number of characters in `source`.

    >>> strlen("hello")
    5
    """
    return f"length({source})"


@scalar("substring")
def substring(source: String, start: Long, length: Long = "2147483647") -> String:
    """The part of `source` from the zero-based `start`, at most `length` characters.

    >>> substring("123456", 1)
    "23456"
    >>> substring("123456", 2, 2)
    "34"
    """
    return f"substring({source}, {start} + 1, {length})"


@scalar("toupper")
def toupper(source: String) -> String:
    """`source` in upper case.

    >>> toupper("hello")
    "HELLO"
    """
    return f"upper({source})"


@scalar("tolower")
def tolower(source: String) -> String:
    """`source` in lower case.

    >>> tolower("Hello")
    "hello"
    """
    return f"lower({source})"


@scalar("strcat")
def strcat(*values: Scalar) -> String:
    """The texts of the values, one behind the other.

    >>> strcat("a", 1, "b")
    "a1b"
    """
    return " || ".join(f"({as_text(v)})" for v in values)


@scalar("extract")
def extract(regex: String, group: Long, source: String) -> String:
    """What the group of a regular expression matches in `source`; empty where it doesn't match.

    >>> extract("x=([0-9.]+)", 1, "hello x=45.6|wo")
    "45.6"
    """
    return f"regexp_extract({source}, {regex}, {whole_of(group, 'a group')})"


