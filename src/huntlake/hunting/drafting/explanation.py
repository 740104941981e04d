"""What a query does, in a sentence for each operator, from its syntax tree alone.

Nothing is guessed from names: what has no words of its own is shown as it is written. Values of the query are data, and
whoever shows a sentence escapes it as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from huntlake.hunting.drafting.draft import Step
from huntlake.kql.compiler import parse
from huntlake.kql.operators.distinct import DistinctOperator
from huntlake.kql.operators.evaluate import EvaluateOperator
from huntlake.kql.operators.extend import ExtendOperator
from huntlake.kql.operators.facet import FacetOperator
from huntlake.kql.operators.find import FindOperator
from huntlake.kql.operators.fork import ForkOperator
from huntlake.kql.operators.join import JoinOperator, LookupOperator
from huntlake.kql.operators.macro_expand import MacroExpandOperator
from huntlake.kql.operators.make_series import MakeSeriesOperator
from huntlake.kql.operators.mv_apply import MvApplyOperator
from huntlake.kql.operators.mv_expand import MvExpandOperator
from huntlake.kql.operators.parse import ParseOperator, ParseWhereOperator
from huntlake.kql.operators.parse_kv import ParseKvOperator
from huntlake.kql.operators.partition import PartitionOperator
from huntlake.kql.operators.project import ProjectOperator
from huntlake.kql.operators.project_away import ProjectAwayOperator, ProjectKeepOperator
from huntlake.kql.operators.project_by_names import ProjectByNamesOperator
from huntlake.kql.operators.project_rename import ProjectRenameOperator
from huntlake.kql.operators.project_reorder import ProjectReorderOperator
from huntlake.kql.operators.reduce import ReduceOperator
from huntlake.kql.operators.render import RenderOperator
from huntlake.kql.operators.sample import SampleDistinctOperator, SampleOperator
from huntlake.kql.operators.scan import ScanOperator
from huntlake.kql.operators.search import SearchOperator
from huntlake.kql.operators.small import (
    AsOperator,
    AssertSchemaOperator,
    ConsumeOperator,
    GetSchemaOperator,
    InvokeOperator,
    SerializeOperator,
)
from huntlake.kql.operators.sort import SortOperator
from huntlake.kql.operators.sources import DataTableOperator, ExternalDataOperator, PrintOperator, RangeOperator
from huntlake.kql.operators.summarize import SummarizeOperator
from huntlake.kql.operators.take import CountOperator, TakeOperator
from huntlake.kql.operators.top import TopOperator
from huntlake.kql.operators.top_hitters import TopHittersOperator
from huntlake.kql.operators.top_nested import TopNestedOperator
from huntlake.kql.operators.union import UnionOperator
from huntlake.kql.operators.where import FilterOperator
from huntlake.kql.syntax import nodes

_LONGEST = 240
_NONE = "?"

_JOINS: Mapping[str, str] = {
    "innerunique": "Joins the first row of each key with every row of {table} that agrees on {on}",
    "inner": "Joins each row with every row of {table} that agrees on {on}",
    "leftouter": "Adds to each row those of {table} that agree on {on}; rows without one stay",
    "rightouter": "Joins with {table} where {on} agree; rows of {table} without one stay",
    "fullouter": "Joins with {table} where {on} agree; rows of either without one stay",
    "leftsemi": "Keeps the rows for which {table} has one that agrees on {on}",
    "rightsemi": "Gives the rows of {table} for which there is one that agrees on {on}",
    "leftanti": "Keeps the rows for which {table} has none that agrees on {on}",
    "leftantisemi": "Keeps the rows for which {table} has none that agrees on {on}",
    "anti": "Keeps the rows for which {table} has none that agrees on {on}",
    "rightanti": "Gives the rows of {table} for which there is none that agrees on {on}",
    "rightantisemi": "Gives the rows of {table} for which there is none that agrees on {on}",
}

_TESTS: Mapping[str, str] = {
    "==": "{0} is {1}",
    "!=": "{0} is not {1}",
    "=~": "{0} is {1}, in any case",
    "!~": "{0} is not {1}, in any case",
    ">": "{0} is more than {1}",
    ">=": "{0} is at least {1}",
    "<": "{0} is less than {1}",
    "<=": "{0} is at most {1}",
    "has": "{0} has the word {1}",
    "!has": "{0} has no word {1}",
    "has_cs": "{0} has the word {1}, in this case",
    "!has_cs": "{0} has no word {1}, in this case",
    "contains": "{0} contains {1}",
    "!contains": "{0} doesn't contain {1}",
    "contains_cs": "{0} contains {1}, in this case",
    "!contains_cs": "{0} doesn't contain {1}, in this case",
    "startswith": "{0} starts with {1}",
    "!startswith": "{0} doesn't start with {1}",
    "endswith": "{0} ends with {1}",
    "!endswith": "{0} doesn't end with {1}",
    "hasprefix": "{0} has a word that starts with {1}",
    "hassuffix": "{0} has a word that ends with {1}",
    "matches regex": "{0} matches the regular expression {1}",
    "between": "{0} is from {1} to {2}",
    "!between": "{0} is not from {1} to {2}",
    "isempty": "{0} is empty",
    "isnotempty": "{0} is not empty",
    "isnull": "{0} is null",
    "isnotnull": "{0} is not null",
}
_LISTS: Mapping[str, str] = {
    "in": "{0} is one of {1}",
    "!in": "{0} is none of {1}",
    "in~": "{0} is one of {1}, in any case",
    "!in~": "{0} is none of {1}, in any case",
    "has_any": "{0} has a word of {1}",
    "has_all": "{0} has every word of {1}",
}


def explained(query: str) -> tuple[Step, ...]:
    """A sentence for each statement and operator, in the order in which they work, with its place in the text.

    Raises `SourceError` for a query that can't be read.
    """
    writer = _Writer(query)
    for statement in parse(query).statements:
        writer.statement(statement)
    return tuple(writer.steps)


class _Writer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._within = ""
        self._follows = False
        """Whether the operator has rows before it, and isn't the beginning."""
        self.steps: list[Step] = []

    def statement(self, statement: nodes.Statement) -> None:
        match statement:
            case nodes.LetStatement(name, nodes.FunctionDeclaration() as function):
                given = ", ".join(p.name for p in function.parameters)
                self._say(f"Defines the function {_quoted(name)}" + (f" of {given}." if given else "."), statement)
                self._inside(f"in {name}", lambda: self._body(function.body))
            case nodes.LetStatement(name, value):
                if isinstance(value, nodes.PipeExpression):
                    self._inside(f"for {name}", lambda: self.table(value))
                    self._say(f"Calls this {_quoted(name)}.", statement)
                else:
                    self._say(f"Calls {self._shown(value)} {_quoted(name)}.", statement)
            case nodes.SetStatement(name):
                self._say(f"Sets the option {_quoted(name)}.", statement)
            case nodes.QueryParametersStatement(parameters):
                self._say(f"Takes values for {_listed(_quoted(p.name) for p in parameters)}.", statement)
            case nodes.PatternStatement(name):
                self._say(f"Declares the pattern {_quoted(name)}.", statement)
            case nodes.AliasStatement(name, database):
                self._say(f"Calls the database {self._shown(database)} {_quoted(name)}.", statement)
            case nodes.ExpressionStatement(expression):
                self.table(expression)

    def table(self, node: nodes.Expression | nodes.QueryOperator) -> None:
        """The sentences for what makes a table."""
        if isinstance(node, nodes.PipeExpression):
            self.table(node.head)
            self._all(node.operators)
        elif isinstance(node, nodes.QueryOperator):
            self._follows = False
            self.operator(node)
        else:
            self._say(f"Reads {self._shown(node)}.", node)

    def operator(self, operator: nodes.QueryOperator) -> None:
        say = SENTENCES[type(operator)]
        self._say(say(self, operator) + ".", operator)

    # -- sentences -----------------------------------------------------------

    def where(self, one: FilterOperator) -> str:
        return f"Keeps the rows where {' and '.join(self.test(p.expression) for p in one.predicates)}"

    def join(self, one: JoinOperator | LookupOperator) -> str:
        kind = one.kind or ("leftouter" if isinstance(one, LookupOperator) else "innerunique")
        on = _listed(self._key(key) for key in one.on)
        return _JOINS[kind.lower()].format(table=self._other("for the other side", one.table), on=on)

    def union(self, one: UnionOperator) -> str:
        verb = "Adds" if self._follows else "Puts together"
        others = [self._other("for a part", t) for t in one.tables]
        source = f", and names each row's table {_quoted(one.source)}" if one.source else ""
        columns = ", with the columns that all of them have" if one.inner else ""
        return f"{verb} the rows of {_listed(others)}{columns}{source}"

    def summarize(self, one: SummarizeOperator) -> str:
        what = _listed(self._named(m) for m in one.measures)
        by = _listed(self._named(b) for b in one.by)
        if not one.measures:
            return f"Gives each combination of {by} once"
        return f"Computes {what} for each {by}" if by else f"Computes {what} over all rows"

    def make_series(self, one: MakeSeriesOperator) -> str:
        what = _listed(self._named(i.expression) for i in one.items)
        ends = f" from {self._shown(one.start)} to {self._shown(one.stop)}" if one.start and one.stop else ""
        by = f", for each {_listed(self._named(b) for b in one.by)}" if one.by else ""
        return f"Makes series of {what} over {self._named(one.axis)}{ends} in steps of {self._shown(one.step)}{by}"

    def sort(self, one: SortOperator) -> str:
        return f"Sorts by {self._order(one.keys)}"

    def top(self, one: TopOperator) -> str:
        return f"Keeps the first {self._shown(one.count)} rows by {self._order(one.by)}"

    def top_hitters(self, one: TopHittersOperator) -> str:
        weight = f", each row counted as {self._named(one.weight)}" if one.weight else ""
        return f"Gives the {self._shown(one.count)} values of {self._named(one.value)} that are met most{weight}"

    def top_nested(self, one: TopNestedOperator) -> str:
        levels = [
            f"the {'lowest' if level.ascending else 'highest'} "
            f"{self._shown(level.count) + ' ' if level.count else ''}{self._named(level.key)} by "
            f"{self._named(level.aggregate)}"
            for level in one.levels
        ]
        return f"Keeps {'; below each of them '.join(levels)}"

    def rename(self, one: ProjectRenameOperator) -> str:
        return f"Renames {_listed(f'{self._shown(c.expression)} to {_quoted(c.name or _NONE)}' for c in one.columns)}"

    def reorder(self, one: ProjectReorderOperator) -> str:
        return f"Puts {_listed(self._shown(c) for c, _ in one.columns)} first"

    def mv_expand(self, one: MvExpandOperator) -> str:
        most = f", at most {self._shown(one.limit)} of them" if one.limit else ""
        return f"Makes a row for each element of {_listed(self._named(i.expression) for i in one.items)}{most}"

    def mv_apply(self, one: MvApplyOperator) -> str:
        self._inside("for each row's elements", lambda: self._all(one.on))
        return f"Does this for the elements of {_listed(self._named(i.expression) for i in one.items)} of each row"

    def parse(self, one: ParseOperator) -> str:
        named = _listed(_quoted(p.name) for p in one.pieces if isinstance(p, nodes.ColumnDeclaration))
        kept = ", and keeps the rows that it fits" if isinstance(one, ParseWhereOperator) else ""
        return f"Cuts {named or 'nothing'} out of {self._shown(one.expression)} by a pattern{kept}"

    def parse_kv(self, one: ParseKvOperator) -> str:
        return f"Reads the values of {_listed(_quoted(k.name) for k in one.keys)} out of {self._shown(one.expression)}"

    def partition(self, one: PartitionOperator) -> str:
        def inner() -> None:
            self._all(one.inner)
            if one.table is not None:
                self.table(one.table)

        self._inside("for each part", inner)
        return f"Does this for the rows of each value of {self._shown(one.column)}, and puts the answers together"

    def fork(self, one: ForkOperator) -> str:
        for prong in one.prongs:
            self._inside(
                f"for the answer {prong.name}" if prong.name else "for one answer", self._runs(prong.operators)
            )
        return f"Gives {len(one.prongs)} answers over the same rows"

    def facet(self, one: FacetOperator) -> str:
        self._inside("for the last answer", self._runs(one.inner))
        return f"Gives an answer for each of {_listed(self._shown(c) for c in one.columns)}: its values, and how often"

    def macro_expand(self, one: MacroExpandOperator) -> str:
        self._inside(f"for each {one.name}", lambda: self._body(one.body))
        return f"Does this for each place of {self._shown(one.group)}, and puts the answers together"

    def find(self, one: FindOperator) -> str:
        among = _listed(self._shown(t) for t in one.tables) or "every table"
        return f"Looks in {among} for rows where {self.test(one.predicate)}"

    def search(self, one: SearchOperator) -> str:
        among = f" of {_listed(self._shown(t) for t in one.tables)}" if one.tables else ""
        if not among and not self._follows:
            among = " of every table"
        case = ", in this case" if one.case_sensitive else ""
        return f"Keeps the rows{among} in which {self._shown(one.predicate)} is found{case}"

    def scan(self, one: ScanOperator) -> str:
        steps = "; then ".join(f"{_quoted(s.name)}: {self.test(s.condition)}" for s in one.steps)
        return f"Goes through the rows in their order and gives those that make a sequence of {steps}"

    def evaluate(self, one: EvaluateOperator) -> str:
        rows = " of the rows" if self._follows else ""
        return f"Gives what the plugin {_quoted(one.call.name)} makes{rows}, by {self._shown(one.call)}"

    def reduce(self, one: ReduceOperator) -> str:
        return f"Groups the texts of {self._shown(one.text)} by their shape"

    def names(self, one: ProjectByNamesOperator) -> str:
        return f"Gives the columns that are named by {_listed(self._shown(n) for n in one.names)}"

    def sample(self, one: SampleOperator) -> str:
        return f"Keeps {self._shown(one.count)} rows by chance"

    def sample_distinct(self, one: SampleDistinctOperator) -> str:
        return f"Gives {self._shown(one.count)} different values of {self._named(one.column)}, whichever"

    def take(self, one: TakeOperator) -> str:
        return f"Keeps {self._shown(one.count)} rows, whichever"

    def serialize(self, one: SerializeOperator) -> str:
        added = f", and adds {_listed(self._named(c) for c in one.columns)}" if one.columns else ""
        return f"Keeps the order of the rows{added}"

    def range(self, one: RangeOperator) -> str:
        ends = f"{self._shown(one.start)} to {self._shown(one.stop)}"
        return f"Makes a row for each {_quoted(one.name)} from {ends} in steps of {self._shown(one.step)}"

    def datatable(self, one: DataTableOperator) -> str:
        rows = len(one.values) // max(len(one.columns), 1)
        return f"Takes {rows} rows that the query holds, of {_listed(_quoted(c.name) for c in one.columns)}"

    def external(self, one: ExternalDataOperator) -> str:
        return f"Fetches rows from outside, {_listed(self._shown(u) for u in one.uris)}"

    # -- pieces --------------------------------------------------------------

    def test(self, node: nodes.Expression) -> str:
        """A condition in words."""
        match node:
            case nodes.FunctionCall("and" | "or" as name, _):
                parts = [self._part(p, name) for p in _flat(node, name)]
                return f" {name} ".join(parts)
            case nodes.FunctionCall("not", (inner,)):
                return f"it is not so that {self._part(inner, 'not')}"
            case nodes.FunctionCall(name, arguments) if name in _TESTS and len(arguments) == _TESTS[name].count("{"):
                return _TESTS[name].format(*map(self._shown, arguments))
            case nodes.FunctionCall(name, (first, *rest)) if name in _LISTS and rest:
                return _LISTS[name].format(self._shown(first), _listed((self._shown(r) for r in rest), "or"))
        return f"{self._shown(node)} holds"

    def _part(self, node: nodes.Expression, within: str) -> str:
        is_mixed = isinstance(node, nodes.FunctionCall) and node.name in ("and", "or") and node.name != within
        return f"({self.test(node)})" if is_mixed else self.test(node)

    def _key(self, key: nodes.Expression) -> str:
        match key:
            case nodes.FunctionCall("==", (left, right)):
                return f"{self._shown(left)} and {self._shown(right)}"
        return self._shown(key)

    def _named(self, node: nodes.Expression) -> str:
        """A column that is computed, with the name it gets."""
        if isinstance(node, nodes.NamedExpression):
            if node.name is None:
                return self._shown(node.expression)
            return f"{_quoted(', '.join(node.names))} as {self._shown(node.expression)}"
        return self._shown(node)

    def _order(self, keys: Sequence[nodes.OrderedExpression]) -> str:
        return _listed(f"{self._shown(k.expression)}, the {'lowest' if k.ascending else 'highest'} first" for k in keys)

    def _other(self, within: str, table: nodes.Expression) -> str:
        """Another table by its name, or as what was told before."""
        if isinstance(table, nodes.PipeExpression) and (table.operators or isinstance(table.head, nodes.QueryOperator)):
            self._inside(within, lambda: self.table(table))
            return "that"
        return self._shown(table)

    def _body(self, body: nodes.FunctionBody) -> None:
        for statement in body.statements:
            self.statement(statement)
        if isinstance(body.expression, nodes.PipeExpression):
            self.table(body.expression)
        elif body.expression is not None:
            self._say(f"Gives {self._shown(body.expression)}.", body.expression)

    def _all(self, operators: Iterable[nodes.QueryOperator]) -> None:
        for operator in operators:
            self._follows = True
            self.operator(operator)

    def _runs(self, operators: Iterable[nodes.QueryOperator]) -> Callable[[], None]:
        return lambda: self._all(operators)

    def _inside(self, within: str, tell: Callable[[], None]) -> None:
        before = self._within
        self._within = f"{before}, {within}" if before else within
        tell()
        self._within = before

    def _shown(self, node: nodes.Node) -> str:
        """A piece of the query as it is written, on one line."""
        text = " ".join(self._text[node.span.start : node.span.end].split())
        return _quoted(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")

    def _say(self, sentence: str, node: nodes.Node) -> None:
        if self._within:
            sentence = f"{self._within[0].upper()}{self._within[1:]}: {sentence[0].lower()}{sentence[1:]}"
        self.steps.append(Step(sentence, node.span))


Say = Callable[[_Writer, Any], str]

SENTENCES: Mapping[type[nodes.QueryOperator], Say] = {
    AsOperator: lambda _, one: f"Calls the rows so far {_quoted(one.name)}",
    AssertSchemaOperator: lambda _, one: f"Asks for the columns {_listed(_quoted(c.name) for c in one.columns)}",
    ConsumeOperator: lambda *_: "Reads every row, and gives none",
    CountOperator: lambda *_: "Counts the rows",
    DataTableOperator: _Writer.datatable,
    DistinctOperator: lambda w, one: f"Gives each combination of {_listed(map(w._shown, one.columns))} once",
    EvaluateOperator: _Writer.evaluate,
    ExtendOperator: lambda w, one: f"Adds {_listed(map(w._named, one.columns))}",
    ExternalDataOperator: _Writer.external,
    FacetOperator: _Writer.facet,
    FilterOperator: _Writer.where,
    FindOperator: _Writer.find,
    ForkOperator: _Writer.fork,
    GetSchemaOperator: lambda *_: "Gives the names and types of the columns",
    InvokeOperator: lambda w, one: f"Gives what {w._shown(one.call)} makes of the rows",
    JoinOperator: _Writer.join,
    LookupOperator: _Writer.join,
    MacroExpandOperator: _Writer.macro_expand,
    MakeSeriesOperator: _Writer.make_series,
    MvApplyOperator: _Writer.mv_apply,
    MvExpandOperator: _Writer.mv_expand,
    ParseKvOperator: _Writer.parse_kv,
    ParseOperator: _Writer.parse,
    ParseWhereOperator: _Writer.parse,
    PartitionOperator: _Writer.partition,
    PrintOperator: lambda w, one: f"Makes one row of {_listed(map(w._named, one.columns))}",
    ProjectAwayOperator: lambda w, one: f"Leaves out {_listed(map(w._shown, one.columns))}",
    ProjectByNamesOperator: _Writer.names,
    ProjectKeepOperator: lambda w, one: f"Gives {_listed(map(w._shown, one.columns))}, in the table's order",
    ProjectOperator: lambda w, one: f"Gives {_listed(map(w._named, one.columns))}",
    ProjectRenameOperator: _Writer.rename,
    ProjectReorderOperator: _Writer.reorder,
    RangeOperator: _Writer.range,
    ReduceOperator: _Writer.reduce,
    RenderOperator: lambda _, one: f"Shows the answer as {_quoted(one.kind)}",
    SampleDistinctOperator: _Writer.sample_distinct,
    SampleOperator: _Writer.sample,
    ScanOperator: _Writer.scan,
    SearchOperator: _Writer.search,
    SerializeOperator: _Writer.serialize,
    SortOperator: _Writer.sort,
    SummarizeOperator: _Writer.summarize,
    TakeOperator: _Writer.take,
    TopHittersOperator: _Writer.top_hitters,
    TopNestedOperator: _Writer.top_nested,
    TopOperator: _Writer.top,
    UnionOperator: _Writer.union,
}
"""What is said of each operator, without the full stop."""


def _flat(node: nodes.Expression, name: str) -> list[nodes.Expression]:
    if isinstance(node, nodes.FunctionCall) and node.name == name:
        return [leaf for part in node.arguments for leaf in _flat(part, name)]
    return [node]


def _quoted(text: str) -> str:
    return f"`{text}`"


def _listed(items: Iterable[str], joint: str = "and") -> str:
    found = list(items)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} {joint} {found[-1]}" if found else ""
