"""`union [kind=outer|inner] [withsource=name] [isfuzzy=true] T, U, pattern*`, alone or behind a table"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from huntlake.core.diagnostics import Span
from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator, SourceOperator
from huntlake.kql.binding.naming import Names
from huntlake.kql.plan.graph import is_empty
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import Column, ScalarType

Named = tuple[str, plan.Relation]


@dataclass(frozen=True)
class UnionOperator(Operator, SourceOperator):
    """The rows of several tables. A column that a table hasn't is null in its rows."""

    inner: bool
    source: str | None
    fuzzy: bool
    tables: tuple[nodes.Expression, ...]

    @classmethod
    def parse(cls, p: Parser) -> UnionOperator:
        start = p.previous
        given = {
            name: value for name, (value, _) in p.parameters("kind", "withsource", "isfuzzy", "with_source").items()
        }
        source = given.get("withsource", given.get("with_source"))
        kind = given.get("kind", "outer")
        if kind not in ("inner", "outer"):
            p.fail("SEM0001", f"`{kind}` is no kind of union", p.since(start), help="inner, outer")
        if given.get("isfuzzy", True) not in (True, False, 0, 1):
            p.fail("SEM0001", "`isfuzzy` is true or false", p.since(start))
        tables = p.list_of(p.table_reference)
        inner, fuzzy = kind == "inner", bool(given.get("isfuzzy"))
        return cls(inner, None if source is None else str(source), fuzzy, tables, span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        return self._bind([("union_arg0", input)], b)

    def bind_source(self, b: Binder) -> plan.Relation:
        return self._bind([], b)

    def _bind(self, first: list[Named], b: Binder) -> plan.Relation:
        found = list(first)
        b.all_of(self.tables, lambda node: found.extend(self._tables(node, len(found), b)))
        if not found:
            b.fail("SEM0100", "none of these tables is there", self.span)
        return united(found, inner=self.inner, source=self.source, empty=b.scans.known_empty)

    def _tables(self, node: nodes.Expression, index: int, b: Binder) -> list[Named]:
        match node:
            case nodes.WildcardedName(pattern):
                return self._wildcard(pattern, None, node.span, b)
            case nodes.Star():
                return self._wildcard("*", None, node.span, b)
        name = node.name if isinstance(node, nodes.NameReference) else f"union_arg{index}"
        # A fuzzy union passes over a table that is not there, and over nothing else: no misspelled column.
        table = b.table_if_there(node) if self.fuzzy else b.table(node)
        return [] if table is None else [(name, table)]

    def _wildcard(self, pattern: str, workspace: str | None, span: Span, b: Binder) -> list[Named]:
        found = b.tables_like(pattern, workspace)
        if not found and not self.fuzzy:
            b.fail("SEM0100", f"no table's name fits `{pattern}`", span)
        return found


def united(
    tables: Sequence[Named],
    *,
    inner: bool = False,
    source: str | None = None,
    empty: Callable[[plan.Relation], bool] = is_empty,
) -> plan.Relation:
    """The union of tables: each is projected to the columns that all of them get.

    Those that are `empty` give it their columns, and are not read.
    """
    types: dict[str, tuple[ScalarType, ...]] = {}
    for _, table in tables:
        for column in table.columns:
            known = types.get(column.name)
            if known is None:
                types[column.name] = (column.type,)
            elif column.type not in known:
                types[column.name] = (*known, column.type)
    if inner:
        everywhere = [{(c.name, c.type) for c in t.columns} for _, t in tables]
        common = set.intersection(*everywhere)
        wanted = [(c.name, c) for c in tables[0][1].columns if (c.name, c.type) in common]
    else:
        # One name with two types becomes two columns, each with its type behind the name.
        wanted = [
            (name if len(found) == 1 else f"{name}_{type_}", Column(name, type_))
            for name, found in types.items()
            for type_ in found
        ]
    split = frozenset() if inner else frozenset(name for name, found in types.items() if len(found) > 1)
    head = () if source is None else (Column(source, ScalarType.STRING),)
    names = Names(c.name for c in head)
    columns, renamed = [], {}
    for name, origin in wanted:
        columns.append(Column(names.claim(name), origin.type))
        if columns[-1].name != name:
            renamed[origin.name, origin.type] = columns[-1].name
    read = [(n, t) for n, t in tables if not empty(t)]
    if not read:
        return plan.Values((*head, *columns), ())
    return plan.Union(tuple(t for _, t in read), (*head, *columns), split, source, tuple(n for n, _ in read), renamed)
