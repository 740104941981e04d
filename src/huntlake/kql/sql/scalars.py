"""Scalars to SQL expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from huntlake.core.diagnostics import Diagnostic, Source, SourceError
from huntlake.kql import forms, plan
from huntlake.kql.plan.graph import windowed
from huntlake.kql.symbols import IN_ORDER, Kind, Missing, Sql, Unsupported, quoted
from huntlake.kql.types import Column, ScalarType

HOIST_FROM = 160
"""An argument longer than this, written more than once, is computed in a step before."""

_TEXTUAL = (ScalarType.STRING,)

_BEFORE = re.compile(r"\0\(([^\0]*)\0\)")


_OWN = re.compile(r"^~|[\x00\x01]", re.MULTILINE)
"""What is special in a name: the beginning of the compiler's own, and the marks of places in the SQL."""


def name(identifier: str) -> str:
    """A quoted identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def identifiers_of(columns: Iterable[Column]) -> dict[str, str]:
    """A SQL identifier for each column. SQL takes `a` and `A` for one name; KQL does not.

    What begins with one `~` is a name of the compiler's own, which no column of a query can have.
    """
    columns = tuple(columns)
    names = [c.name for c in columns]
    # One search for all of a wide table: a line break inside a name at worst costs the longer way.
    if all(names) and not _OWN.search("\n".join(names)) and len(set(map(str.lower, names))) == len(names):
        return {n: name(n) for n in names}
    taken: set[str] = set()
    found = {}
    for column in columns:
        stem = f"~{column.name}" if column.name.startswith("~") else column.name or "~~"
        stem = stem.replace("\x00", "~0").replace("\x01", "~1")
        chosen, number = stem, 0
        while chosen.lower() in taken:
            number += 1
            chosen = f"{stem}~{number}"
        taken.add(chosen.lower())
        found[column.name] = name(chosen)
    return found


@dataclass
class Expressions:
    """Writes the scalars of one step. `columns` gives the SQL of each column of the step's input."""

    engine: str
    source: Source
    columns: Mapping[str, str]
    subquery: Callable[[plan.Relation], str]
    """Writes a relation as a step, and gives its name."""
    hoisted: list[tuple[str, str]] = field(default_factory=list)
    """Expressions that a step before this one computes: a name and its SQL, each may use those before it."""
    may_hoist: bool = True
    prefix: str = "h"
    order: str | None = None
    """The order of the rows as SQL, for aggregates that keep it; empty where it is that in which they come."""
    place: str = ""
    """The column that tells the order of the rows, where they are not sure to come in it."""
    windows: bool = False
    """Whether a step before this one computes a window."""

    def sql(self, scalar: plan.Scalar, *, in_filter: bool = False) -> Sql:
        """The SQL of a scalar."""
        match scalar:
            case plan.Literal(value, type_):
                return forms.literal(value, type_)
            case plan.ColumnRef(column, type_):
                return Sql(self.columns[column], type_, nullable=type_ not in _TEXTUAL)
            case plan.Convert(value, type_):
                return forms.converted(self._once(value, forms.converted, type_), type_)
            case plan.DynamicPath(value, steps):
                path = self._path(value, steps)
                printed = f"json_extract_string({path})"
                return Sql(f"nullif(json_extract({path}), 'null')", ScalarType.DYNAMIC, printed=printed)
            case plan.Extracted(json, text):
                printed = Sql(self.columns[text], ScalarType.STRING, nullable=False)
                return Sql(self.columns[json], ScalarType.DYNAMIC, printed=printed)
            case plan.Call():
                return self._call(scalar, in_filter)
            case plan.First(relation, type_):
                return self._first(relation, type_)
            case plan.Among(value, relation):
                return self._among(value, relation)
        assert_never(scalar)

    # -- calls ------------------------------------------------------------------

    def _call(self, call: plan.Call, in_filter: bool, inside: bool = False) -> Sql:
        function = call.function
        through = in_filter and function.name in ("and", "or")
        outer_may_hoist = self.may_hoist
        if function.kind is not Kind.SCALAR:
            self.may_hoist = False
        arguments = [self.sql(a, in_filter=through) for a in call.arguments]
        self.may_hoist = outer_may_hoist
        if function.kind is Kind.WINDOW:
            nested = [windowed(a) for a in call.arguments]
            arguments = [self._window_before(a) if n else a for a, n in zip(arguments, nested, strict=True)]
        try:
            text = function.sql(call.signature, self.engine, arguments, in_filter=in_filter, inside=inside)
            if self.may_hoist and any(map(_worth_hoisting, arguments)) and not _aggregates(call):
                kept = self._hoist_repeated(arguments, text)
                if kept is not None:
                    text = function.sql(call.signature, self.engine, kept, in_filter=in_filter, inside=inside)
        except Unsupported as refusal:
            # Nobody writes the star with which the compiler tells its own functions from those of KQL.
            name = function.name.removeprefix("* ")
            diagnostic = Diagnostic("HL001", f"`{name}` with {refusal} is not supported", call.span)
            raise SourceError(self.source, diagnostic) from None
        if function.kind is not Kind.SCALAR:
            text = self._placed(text, function.kind)
        nullable = call.type not in _TEXTUAL and not (function.total and not any(a.nullable for a in arguments))
        if call.type in _TEXTUAL and function.kind is not Kind.SCALAR:
            text = f"coalesce({text}, '')"
        return Sql(text, call.type, Missing.VALUE, nullable)

    def _hoist_repeated(self, arguments: list[Sql], text: str) -> list[Sql] | None:
        kept = [self._shared(a, text) for a in arguments]
        return kept if any(a is not b for a, b in zip(arguments, kept, strict=True)) else None

    def _shared(self, argument: Sql, text: str) -> Sql:
        """The argument, as a column of a step before where `text` repeats it, or may not hold it."""
        own, printed = str.__str__(argument), argument.printed
        # No engine lets a subquery stand inside a lambda, nor inside what it only tries.
        barred = " lambda " in text or "try(" in text
        if (len(own) > HOIST_FROM and text.count(own) > 1) or ("(select " in own and barred):
            return self._hoist(argument)
        if len(printed) > HOIST_FROM and text.count(printed) > 1:
            column = str.__str__(self._hoist(Sql(printed, ScalarType.STRING)))
            return Sql(own, argument.type, argument.value, argument.nullable, column)
        return argument

    def _hoist(self, sql: Sql) -> Sql:
        for known, text in self.hoisted:
            if text == str.__str__(sql):
                return Sql(known, sql.type, nullable=sql.nullable)
        identifier = name(f"~{self.prefix}{len(self.hoisted)}")
        self.hoisted.append((identifier, str.__str__(sql)))
        return Sql(identifier, sql.type, nullable=sql.nullable)

    # -- windows and orders ---------------------------------------------------------

    def _window_before(self, sql: Sql) -> Sql:
        self.windows = True
        return self._hoist(sql)

    def _placed(self, text: str, kind: Kind) -> str:
        """The SQL of an aggregate or window with its order in place, and each window inside it computed before."""
        if IN_ORDER in text:
            order = self.place if kind is Kind.WINDOW else self.order
            if order == "" and kind is Kind.AGGREGATE:
                order = str(self._window_before(Sql("row_number() over ()", ScalarType.LONG)))
            text = text.replace(IN_ORDER, f" order by {order}" if order else "")
        while (inner := _BEFORE.search(text)) is not None:
            column = self._window_before(Sql(inner.group(1), ScalarType.LONG))
            text = f"{text[: inner.start()]}{column}{text[inner.end() :]}"
        return text

    def _once(self, value: plan.Scalar, write: Callable[[Sql, ScalarType], Sql], type_: ScalarType) -> Sql:
        # A conversion that writes its argument several times takes a column instead: not of an aggregate, which
        # the step before knows nothing of.
        sql = self.sql(value)
        if not self.may_hoist or max(len(sql), len(sql.printed)) <= HOIST_FROM or _aggregates(value):
            return sql
        return self._shared(sql, write(sql, type_))

    # -- dynamics -----------------------------------------------------------------

    def _path(self, value: plan.Scalar, steps: tuple[str | int | plan.Scalar, ...]) -> str:
        if isinstance(value, plan.Call):
            base = self._call(value, in_filter=False, inside=bool(steps))
            # A tuple is read by each of its columns, a JSON text often by several paths: it is computed once, before.
            shared = value.function.columns or (value.function.inner_bodies and len(base) > HOIST_FROM)
            if shared and self.may_hoist and not _aggregates(value):
                base = self._hoist(base)
        else:
            base = self.sql(value)
        constant: list[str | int] = []
        text = str.__str__(base)
        for step in steps:
            if isinstance(step, int) or (isinstance(step, str) and step not in forms.NO_PATH):
                constant.append(step)
                continue
            if constant:
                text, constant = f"json_extract({text}, {quoted(forms.json_path(constant))})", []
            pointer = f"'/{step}'" if isinstance(step, str) else self._computed_step(step)
            text = f"json_extract({text}, {pointer})"
        if not constant:
            return f"{text}, '$'"
        return f"{text}, {quoted(forms.json_path(constant))}"

    def _computed_step(self, step: plan.Scalar) -> str:
        sql = self.sql(step)
        if step.type in (ScalarType.INT, ScalarType.LONG, ScalarType.REAL):
            return f"'$[' || case when {sql} < 0 then '#' else '' end || ({sql})::BIGINT || ']'"
        text = forms.as_text(sql)
        # An index in digits would be read as one of an array, where Kusto finds no property.
        return f"case when {text} similar to '[0-9]+' then '$.\"' || {text} || '\"' else {forms.json_pointer(text)} end"

    # -- subqueries ---------------------------------------------------------------

    def _first(self, relation: plan.Relation, type_: ScalarType) -> Sql:
        step = self.subquery(relation)
        column = next(iter(identifiers_of(relation.columns).values()))
        text = f"(select {column} from {step} limit 1)"
        if type_ in _TEXTUAL:
            return Sql(f"coalesce({text}, '')", type_, nullable=False)
        return Sql(text, type_)

    def _among(self, value: plan.Scalar, relation: plan.Relation) -> Sql:
        step = self.subquery(relation)
        column = next(iter(identifiers_of(relation.columns).values()))
        # A null among the items would make every miss null.
        text = f"{self.sql(value)} in (select {column} from {step} where {column} is not null)"
        return Sql(f"coalesce({text}, false)", ScalarType.BOOL, nullable=False)


def _worth_hoisting(sql: Sql) -> bool:
    """Whether it is long enough, or may stand in too few places, to become a column of a step before."""
    return len(sql) > HOIST_FROM or len(sql.printed) > HOIST_FROM or "(select " in sql


def _aggregates(scalar: plan.Scalar) -> bool:
    """Whether an aggregate or a window stands anywhere inside."""
    match scalar:
        case plan.Call(function, _, arguments):
            return function.kind is not Kind.SCALAR or any(_aggregates(a) for a in arguments)
        case plan.Convert(value, _) | plan.DynamicPath(value, _):
            return _aggregates(value)
    return False
