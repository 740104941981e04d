"""`find [withsource=name] [in (T, U*)] [where] predicate [project column, … | project-smart]`"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from huntlake.core.diagnostics import Span
from huntlake.kql import plan
from huntlake.kql.binding import Binder, SourceOperator
from huntlake.kql.binding.conversions import convert
from huntlake.kql.operators.search import POSITIVE, anywhere, filled, names_in
from huntlake.kql.plan.graph import is_empty
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import Column, ScalarType

Named = tuple[str, plan.Relation]


@dataclass(frozen=True)
class Wanted(nodes.Node):
    """A column to be shown, and the type that it is brought to where one is given."""

    name: str
    type: ScalarType | None


@dataclass(frozen=True)
class FindOperator(SourceOperator):
    """The rows of several tables for which a predicate holds, and the name of each row's table.

    Shown are the columns that are asked for; else those that the predicate names, and those that all tables have.
    The others are packed into a bag.
    """

    source: str
    tables: tuple[nodes.Expression, ...]
    predicate: nodes.Expression
    columns: tuple[Wanted, ...] | None
    packed: bool

    @classmethod
    def parse(cls, p: Parser) -> FindOperator:
        start = p.previous
        given = {name: value for name, (value, _) in p.parameters("withsource", "datascope", "with_source").items()}
        source = given.get("withsource", given.get("with_source", "source_"))
        tables: tuple[nodes.Expression, ...] = ()
        if p.at("in") and p.ahead().text == "(":
            p.advance()
            p.advance()
            tables = p.list_of(p.table_reference)
            p.expect(")")
        p.take("where")
        predicate = p.expression()
        columns: list[Wanted] | None = None
        packed = True
        if p.take("project"):
            if p.take("-"):
                if not p.take("smart"):
                    p.refuse("`find … project-away`", p.current.span)
            else:
                columns, packed = [], False
                while True:
                    if p.at("pack", "pack_all") and p.ahead().text == "(":
                        _pack(p)
                        packed = True
                    else:
                        columns.append(_wanted(p))
                    if not p.take(","):
                        break
        wanted = None if columns is None else tuple(columns)
        return cls(str(source), tables, predicate, wanted, packed, span=p.since(start))

    def bind_source(self, b: Binder) -> plan.Relation:
        tables = self._tables(b)
        known = {c.name for _, t in tables for c in t.columns}
        named = list(dict.fromkeys(n.name for n in names_in(self.predicate) if n.name in known))
        if not _has_term(self.predicate):
            tables = [(n, t) for n, t in tables if not {c.name for c in t.columns}.isdisjoint(named)]
        if not tables:
            b.fail("SEM0100", "no table has a column that the predicate names", self.predicate.span)
        found = [(n, t if is_empty(t) else plan.Filter(t, self._condition(self.predicate, n, t, b))) for n, t in tables]
        if self.columns is None:
            return self._shown(found, _smart(tables, named), {}, b)
        return self._shown(found, [self._column(w, tables, b) for w in self.columns], self._types(), b)

    def _tables(self, b: Binder) -> list[Named]:
        found: list[Named] = []
        for index, node in enumerate(self.tables or (nodes.Star(span=self.span),)):
            match node:
                case nodes.Star():
                    found += b.tables_like("*")
                case nodes.WildcardedName(pattern):
                    found += b.tables_like(pattern)
                case nodes.NameReference(name):
                    found.append((name, b.table(node)))
                case _:
                    found.append((f"union_arg{index}", b.table(node)))
        if not found:
            b.fail("SEM0100", "no table's name fits", self.span)
        return found

    def _condition(self, node: nodes.Expression, name: str, table: plan.Relation, b: Binder) -> plan.Scalar:
        """The predicate over one table. A column that it hasn't holds nothing that could be found."""
        match node:
            case nodes.FunctionCall("and" | "or", terms):
                return b.call(node.name, [self._condition(t, name, table, b) for t in terms], node.span)
            case nodes.Literal(str(term), ScalarType.STRING):
                return anywhere(term, node.span, table, b)
        columns = b.columns_of(table)
        missing = [n for n in names_in(node) if n.name not in columns and b.meaning(n.name, n.span) is None]
        if not missing:
            return b.predicate(node, table)
        match node:
            case nodes.FunctionCall(word, (nodes.NameReference(), *others)) if word in POSITIVE and all(
                filled(o, b) for o in others
            ):
                return plan.Literal(False, ScalarType.BOOL)
        b.refuse(
            f"this condition over `{name}`, which has no column `{missing[0].name}`,",
            missing[0].span,
            help="name the tables that have it: `find in (…)`",
        )

    def _types(self) -> dict[str, ScalarType]:
        return {w.name: w.type for w in self.columns or () if w.type is not None}

    def _column(self, wanted: Wanted, tables: list[Named], b: Binder) -> Column:
        types = list(dict.fromkeys(c.type for _, t in tables for c in t.columns if c.name == wanted.name))
        if not types:
            b.fail("KS142", f"no table has a column named `{wanted.name}`", wanted.span)
        if wanted.type is None and len(types) > 1:
            kinds = " and ".join(str(t) for t in types)
            b.fail("SEM0001", f"`{wanted.name}` is {kinds}", wanted.span, help=f"write `{wanted.name}:{types[0]}`")
        return Column(wanted.name, wanted.type or types[0])

    def _shown(self, found: list[Named], shown: list[Column], types: dict[str, ScalarType], b: Binder) -> plan.Relation:
        names = {c.name for c in shown}
        split = frozenset(c.name for c in shown if sum(o.name == c.name for o in shown) > 1)
        branches: list[Named] = []
        some = False
        for label, table in found:
            columns = b.columns_of(table)
            outputs = [
                plan.Output(n, convert(columns[n], types.get(n, columns[n].type)))
                for n in dict.fromkeys(c.name for c in shown)
                if n in columns
            ]
            rest = [c for n, c in columns.items() if n not in names]
            if self.packed:
                some = some or bool(rest)
                outputs.append(plan.Output("pack_", self._bag(rest, b)))
            if not is_empty(table):
                branches.append((label, plan.Project(table, tuple(outputs))))
        united = [Column(f"{c.name}_{c.type}" if c.name in split else c.name, c.type) for c in shown]
        if self.packed and (some or self.columns is not None):
            united.append(Column("pack_", ScalarType.DYNAMIC))
        head = Column(self.source, ScalarType.STRING)
        twice = [n for n, count in Counter(c.name for c in (head, *united)).items() if count > 1]
        if twice:
            b.refuse(f"`find` with two columns `{twice[0]}`", self.span)
        if not branches:
            return plan.Values((head, *united), ())
        labels, inputs = zip(*branches, strict=True)
        return plan.Union(inputs, (head, *united), split, self.source, labels)

    def _bag(self, columns: list[plan.ColumnRef], b: Binder) -> plan.Scalar:
        if not columns:
            return plan.Literal({}, ScalarType.DYNAMIC)
        pairs = [x for c in columns for x in (plan.Literal(c.name, ScalarType.STRING), c)]
        return b.call("bag_pack", pairs, self.span)


def _smart(tables: list[Named], named: list[str]) -> list[Column]:
    """The columns that every table has, in the order of the first, then the others that the predicate names."""
    everywhere = set.intersection(*({(c.name, c.type) for c in t.columns} for _, t in tables))
    shown = [c for c in tables[0][1].columns if (c.name, c.type) in everywhere]
    for name in named:
        for column in dict.fromkeys(c for _, t in tables for c in t.columns if c.name == name):
            if column not in shown:
                shown.append(column)
    return shown


def _has_term(node: nodes.Expression) -> bool:
    """Whether any column may make the predicate hold."""
    match node:
        case nodes.Literal(str(), ScalarType.STRING):
            return True
        case nodes.FunctionCall("and" | "or" | "not", terms):
            return any(_has_term(t) for t in terms)
        case nodes.FunctionCall(_, (nodes.Star(), *_)):
            return True
    return False


def _pack(p: Parser) -> Span:
    start = p.advance()
    p.expect("(")
    p.take("*")
    p.expect(")")
    return p.since(start)


def _wanted(p: Parser) -> Wanted:
    start = p.name()
    type_ = p.type() if p.take(":") else None
    return Wanted(start.text, type_, span=p.since(start))
