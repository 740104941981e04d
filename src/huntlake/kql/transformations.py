"""The part of KQL that data collection rules may use: what looks at one record at a time.

https://learn.microsoft.com/azure/azure-monitor/data-collection/data-collection-transformations-kql
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import TypeVar

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span
from huntlake.kql.binding import NoTables
from huntlake.kql.compiler import CompiledTable, compile_kql
from huntlake.kql.operators import OPERATORS, SOURCES
from huntlake.kql.operators.extend import ExtendOperator
from huntlake.kql.operators.parse import ParseOperator
from huntlake.kql.operators.project import ProjectOperator
from huntlake.kql.operators.project_away import ProjectAwayOperator
from huntlake.kql.operators.project_rename import ProjectRenameOperator
from huntlake.kql.operators.where import FilterOperator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.mistakes import MOST_TOLD
from huntlake.kql.types import Column, Columns, ScalarType

N = TypeVar("N")

SOURCE = "source"
"""The table of the records that come in."""

KEY = " "
"""The column of the answer that says which record a row was made of: a number that the records have."""

MOST_PARSED = 10
"""Columns of one `parse`; Azure has the same bound."""

OPERATORS_ALLOWED = (
    ExtendOperator,
    FilterOperator,
    ParseOperator,
    ProjectAwayOperator,
    ProjectOperator,
    ProjectRenameOperator,
)

SYMBOLS_ALLOWED = frozenset(
    "and or not + - * / % == != < <= > >= =~ !~ in !in has !has has_cs !has_cs contains !contains contains_cs "
    "!contains_cs startswith !startswith startswith_cs !startswith_cs endswith !endswith endswith_cs "
    "!endswith_cs".split()
) | {"matches regex"}
"""What may stand between or before values."""

FUNCTIONS_ALLOWED = frozenset(
    """
    binary_and binary_or binary_not binary_xor binary_shift_left binary_shift_right
    tobool todatetime todouble toreal toguid toint tolong tostring totimespan
    ago datetime_add datetime_diff datetime_part dayofmonth dayofweek dayofyear endofday endofmonth endofweek endofyear
    getmonth getyear hourofday make_datetime make_timespan monthofyear now startofday startofmonth startofweek
    startofyear weekofyear
    array_concat array_length pack pack_array parse_json parse_xml zip
    abs bin ceiling exp exp10 exp2 floor isfinite isinf isnan log log10 log2 pow round sign
    case iff iif max_of min_of
    base64_decodestring base64_encodestring countof extract extract_all indexof isempty isnotempty replace split strcat
    strcat_delim strlen substring tolower toupper hash_sha256
    columnifexists gettype isnotnull isnull
    """.split()
)

_INSTEAD = {
    "base64_decode_tostring": "base64_decodestring",
    "base64_encode_tostring": "base64_encodestring",
    "bag_pack": "pack",
    "column_ifexists": "columnifexists",
    "replace_string": "replace",
    "todynamic": "parse_json",
}
"""What Azure has under another name."""

_KEYWORDS = {
    operator: keyword for keyword, operator in sorted({**SOURCES, **OPERATORS}.items(), key=lambda one: "-" in one[0])
}
"""Each operator's keyword; of two spellings, the one with a hyphen."""

_WHERE = "in a transformation"


def compile_transformation(text: str, columns: Sequence[Column], now: datetime | None = None) -> CompiledTable:
    """What `text` makes of the table `source`, which has `columns` and `KEY`; so has the answer, with `KEY` among them.

    Raises `SourceError` with a place for every complaint; what Azure doesn't allow is refused by name.
    """
    compiled = compile_kql(text, _Records(columns), now=now, read=_allowed)
    (table,) = compiled.results
    if all(c.name != KEY for c in table.columns):
        whole = Diagnostic("HL001", f"to take away every column is not supported {_WHERE}", Span(0, len(text)))
        raise SourceError(Source(text), whole)
    return table


class _Records(NoTables):
    """A workspace that has the records that come in, and nothing else."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = Columns((Column(KEY, ScalarType.LONG), *columns))

    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        return self._columns if name == SOURCE and workspace is None else None

    def table_names(self, workspace: str | None = None) -> tuple[str, ...]:
        return (SOURCE,)


def _allowed(source: Source, query: nodes.Query) -> nodes.Query:
    """The same query with `KEY` in every `project`; `SourceError` for what a transformation can't hold."""
    reader = _Reader(source.text)
    reader.query(query)
    if reader.wrong:
        raise SourceError(source, *reader.wrong[:MOST_TOLD])
    return _keyed(query)


class _Reader:
    """Goes through a query, and writes down what a transformation can't hold."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.wrong: list[Diagnostic] = []
        self._own: set[str] = set()

    def query(self, query: nodes.Query) -> None:
        tables = [s for s in query.statements if isinstance(s, nodes.ExpressionStatement)]
        for more in tables[1:]:
            self._refuse("a second table", more.span)
        self._node(query.statements)

    def _node(self, node: object) -> None:
        match node:
            case tuple():
                for one in node:
                    self._node(one)
                return
            case (
                nodes.SetStatement()
                | nodes.QueryParametersStatement()
                | nodes.PatternStatement()
                | nodes.AliasStatement()
                | nodes.EntityGroup()
            ):
                self._refuse("this statement", node.span, "`let` and one table are")
                return
            case nodes.LetStatement(name):
                self._own.add(name)
            case nodes.QueryOperator() if type(node) not in OPERATORS_ALLOWED:
                begins = type(node) in SOURCES.values()
                help = f"it begins with `{SOURCE}`" if begins else "it looks at one record at a time"
                self._refuse(f"`{_KEYWORDS.get(type(node), 'this operator')}`", node.span, help)
                return
            case ParseOperator() if (
                len([p for p in node.pieces if isinstance(p, nodes.ColumnDeclaration)]) > MOST_PARSED
            ):
                self._refuse(f"`parse` of more than {MOST_PARSED} columns", node.span, "a second `parse` may follow")
            case nodes.FunctionParameter() if node.tabular:
                self._refuse("a function that takes a table", node.span)
            case nodes.FunctionCall(name) if name not in SYMBOLS_ALLOWED | FUNCTIONS_ALLOWED | self._own:
                called = self._text.startswith(name, node.span.start)
                self._refuse(
                    f"`{name}()`" if called else f"`{name}`",
                    node.span,
                    f"`{_INSTEAD[name]}()` is" if name in _INSTEAD else "",
                )
            case nodes.Literal(value, ScalarType.DYNAMIC) if value is not None:
                self._refuse("a literal of the type `dynamic`", node.span, "`parse_json('…')` is")
            case nodes.Star():
                # It would stand for the key of the record, too.
                self._refuse("`*`", node.span)
            case nodes.NameReference(name) | nodes.ColumnDeclaration(name) if name == KEY:
                self._refuse("a column whose name is a blank", node.span)
            case nodes.NamedExpression(names) if KEY in names:
                self._refuse("a column whose name is a blank", node.span)
        if isinstance(node, nodes.Node):
            for field in fields(node):
                self._node(getattr(node, field.name))

    def _refuse(self, what: str, span: Span, help: str = "") -> None:
        self.wrong.append(Diagnostic("HL001", f"{what} is not supported {_WHERE}", span, help=help))


def _columns_of(parse: ParseOperator) -> int:
    return sum(isinstance(p, nodes.ColumnDeclaration) for p in parse.pieces)


def _keyed(node: N) -> N:
    """The same with `KEY` in every `project`."""
    if isinstance(node, tuple):
        found = tuple(map(_keyed, node))
        return node if all(a is b for a, b in zip(found, node, strict=True)) else found  # type: ignore[return-value]
    if not isinstance(node, nodes.Node):
        return node
    before = {f.name: getattr(node, f.name) for f in fields(node)}
    after = {name: _keyed(value) for name, value in before.items()}
    if isinstance(node, ProjectOperator):
        after["columns"] = (*after["columns"], nodes.NameReference(KEY, span=node.span))
    changed = {name: value for name, value in after.items() if value is not before[name]}
    return replace(node, **changed) if changed else node
