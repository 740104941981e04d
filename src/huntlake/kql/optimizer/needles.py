"""The texts that a condition asks for: without one of them in a row, the row can't be of the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from huntlake.kql import plan
from huntlake.kql.types import ScalarType

MOST = 20_000
"""Needles in one clause: a condition of more is not worth to be asked of an index."""

_EDGES = {
    "has": (True, True),
    "has_cs": (True, True),
    "hasprefix": (True, False),
    "hasprefix_cs": (True, False),
    "hassuffix": (False, True),
    "hassuffix_cs": (False, True),
    "==": (True, True),
    "=~": (True, True),
    "in": (True, True),
    "in~": (True, True),
    "has_any": (True, True),
    "contains": (False, False),
    "contains_cs": (False, False),
    "startswith": (True, False),
    "startswith_cs": (True, False),
    "endswith": (False, True),
    "endswith_cs": (False, True),
}
"""Operators that hold where a text holds one of theirs; whether a term begins and ends where theirs does."""

_ADDRESSES = {"has_ipv4", "has_any_ipv4", "has_ipv4_prefix", "has_any_ipv4_prefix"}
_TEXTS = (ScalarType.STRING, ScalarType.DYNAMIC, ScalarType.GUID)
_READERS = {"tostring", "tolower"}
"""Functions whose text holds no term that their argument's doesn't. `toupper` isn't one: it makes SS of ß."""


def clauses_of(predicate: plan.Scalar) -> Iterator[plan.Clause]:
    """What a condition asks for, each a clause of which a row must hold one needle."""
    if not isinstance(predicate, plan.Call):
        return
    name, arguments = predicate.function.name, predicate.arguments
    if name == "and":
        for term in arguments:
            yield from clauses_of(term)
    elif name == "or":
        yield from _either(arguments)
    elif name == "has_all" and (column := text_column(arguments[0])) is not None:
        for text in _texts(arguments[1:]) or ():
            yield (plan.Needle(column, text, True, True),)
    elif name in _EDGES or name in _ADDRESSES:
        yield from _listed(name, arguments)
    elif name.startswith("* ") and name[2:] in _EDGES and isinstance(arguments[0], plan.Literal):
        # The first is what is looked for, in any of the others.
        columns = [text_column(a) for a in arguments[1:]]
        sought = arguments[0].value
        if isinstance(sought, str) and None not in columns and len(columns) <= MOST:
            begins, ends = _EDGES[name[2:]]
            yield tuple(plan.Needle(c, sought, begins, ends) for c in columns if c is not None)


def through(clauses: Iterable[plan.Clause], column_of: Callable[[str], str | None]) -> tuple[plan.Clause, ...]:
    """The clauses by other names; one of them names a column that has none, and it is left out as a whole."""
    found = []
    for clause in clauses:
        names = {n.column: column_of(n.column) for n in clause}
        if None not in names.values():
            found.append(tuple(plan.Needle(names[n.column] or "", n.text, n.begins, n.ends, n.address) for n in clause))
    return tuple(found)


def text_column(scalar: plan.Scalar) -> str | None:
    """The column whose text holds every term of a value's text; None where there is no such column."""
    match scalar:
        case plan.ColumnRef(name, type_):
            return name if type_ in _TEXTS else None
        case plan.Convert(value, ScalarType.STRING | ScalarType.DYNAMIC):
            # A string that is read as JSON may hold what its own text has only in escapes.
            return text_column(value) if _type_of(value) is not ScalarType.STRING else None
        case plan.DynamicPath(value, _):
            return text_column(value) if _type_of(value) is ScalarType.DYNAMIC else None
        case plan.Call(function, _, (value,)) if function.name in _READERS:
            return text_column(value)
    return None


def _type_of(scalar: plan.Scalar) -> ScalarType:
    return scalar.type


def _either(terms: Sequence[plan.Scalar]) -> Iterator[plan.Clause]:
    """One clause of all branches; none where a branch asks for nothing."""
    found: list[plan.Needle] = []
    for term in terms:
        # Of a branch that asks for several the one with the fewest needles says most.
        clause = min(clauses_of(term), key=len, default=None)
        if clause is None or len(found) + len(clause) > MOST:
            return
        found += clause
    yield tuple(found)


def _listed(name: str, arguments: Sequence[plan.Scalar]) -> Iterator[plan.Clause]:
    given, wanted = arguments[0], arguments[1:]
    if name in ("==", "=~") and isinstance(given, plan.Literal):
        given, wanted = arguments[1], arguments[:1]
    column, texts = text_column(given), _texts(wanted)
    if column is None or not texts or len(texts) > MOST:
        return
    begins, ends = _EDGES.get(name, (True, name in _ADDRESSES and not name.endswith("prefix")))
    yield tuple(plan.Needle(column, text, begins, ends, name in _ADDRESSES) for text in texts)


def _texts(scalars: Sequence[plan.Scalar]) -> list[str] | None:
    """The constant texts that the scalars are; None where one of them is something else."""
    found: list[str] = []
    for scalar in scalars:
        if not isinstance(scalar, plan.Literal):
            return None
        for value in scalar.value if isinstance(scalar.value, list) else [scalar.value]:
            if not isinstance(value, str):
                return None
            found.append(value)
    return found
