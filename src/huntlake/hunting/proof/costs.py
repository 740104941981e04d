"""What makes a query dear, told from its tree: nothing is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from huntlake.detection.query_remarks import remarks
from huntlake.hunting.proof import rules
from huntlake.hunting.proof.finding import ProofFinding
from huntlake.hunting.proof.safety import places_of
from huntlake.kql.operators.distinct import DistinctOperator
from huntlake.kql.operators.find import FindOperator
from huntlake.kql.operators.join import JoinOperator
from huntlake.kql.operators.make_series import MakeSeriesOperator
from huntlake.kql.operators.mv_expand import MvExpandOperator
from huntlake.kql.operators.parse import ParseWhereOperator
from huntlake.kql.operators.sample import SampleDistinctOperator, SampleOperator
from huntlake.kql.operators.search import SearchOperator
from huntlake.kql.operators.small import ConsumeOperator
from huntlake.kql.operators.sort import SortOperator
from huntlake.kql.operators.summarize import SummarizeOperator
from huntlake.kql.operators.take import CountOperator, TakeOperator
from huntlake.kql.operators.top import TopOperator
from huntlake.kql.operators.top_hitters import TopHittersOperator
from huntlake.kql.operators.top_nested import TopNestedOperator
from huntlake.kql.operators.union import UnionOperator
from huntlake.kql.operators.where import FilterOperator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.walking import walked

_REMARKED: Mapping[str, rules.ProofRule] = {
    "LN106": rules.LETTER_STAR,
    "LN107": rules.FIRST_COLUMN,
    "LN108": rules.NO_TIME,
    "LN109": rules.LOOKS_BACK,
    "LN111": rules.TIMELESS_JOIN,
    "LN112": rules.CONTAINS,
    "LN113": rules.NESTED_REPETITION,
}
"""The remarks about any query that are findings about hunts, too."""

_REDUCING = (
    ConsumeOperator,
    CountOperator,
    DistinctOperator,
    FilterOperator,
    FindOperator,
    JoinOperator,
    MakeSeriesOperator,
    ParseWhereOperator,
    SampleDistinctOperator,
    SampleOperator,
    SearchOperator,
    SummarizeOperator,
    TakeOperator,
    TopHittersOperator,
    TopNestedOperator,
    TopOperator,
)
_AGGREGATING = (CountOperator, DistinctOperator, MakeSeriesOperator, SummarizeOperator, TopOperator, TopNestedOperator)
_REGEXES = frozenset({"matches regex", "extract", "extract_all", "replace_regex", "has_any_regex"})
_NARROWING = frozenset(
    """
    == =~ in in~ has has_cs has_any has_all hasprefix hasprefix_cs hassuffix hassuffix_cs startswith startswith_cs
    """.split()
)
_FOLDING = frozenset({"tolower", "toupper"})
_EQUAL = frozenset({"==", "!=", "=~", "!~", "in", "!in"})


def of_query(query: nodes.Query, text: str, period: timedelta | None) -> Iterator[ProofFinding]:
    """What makes a query dear. With a `period` whoever runs it bounds the times of rows by that."""
    for remark in remarks(query, text, period=period, frequency=None, is_bounded=period is not None):
        if (rule := _REMARKED.get(remark.code)) is not None:
            yield rule.found(remark.reason, remark.span, remark.help)
    for span in places_of(query):
        yield rules.CROSS_PLACE.found("rows of another workspace are read", span)
    every = tuple(walked(query))
    for node in every:
        match node:
            case nodes.PipeExpression(head, operators):
                yield from _pipe(head, operators)
            case UnionOperator(tables=tables) | FindOperator(tables=tables) | SearchOperator(tables=tables):
                for table in tables:
                    if isinstance(table, nodes.WildcardedName):
                        reason = f"`{table.pattern[:60]}` reads whatever tables there are of such a name"
                        yield rules.WILDCARD_UNION.found(reason, table.span)
            case nodes.FunctionCall(name, arguments) if name in _EQUAL:
                for argument in arguments[:1]:
                    if isinstance(argument, nodes.FunctionCall) and argument.name in _FOLDING:
                        yield rules.FOLDED_CASE.found(f"`{argument.name}()` is computed for every row", argument.span)
    last = query.statements[-1] if query.statements else None
    if isinstance(last, nodes.ExpressionStatement) and not any(isinstance(n, _REDUCING) for n in every):
        head = last.expression.head if isinstance(last.expression, nodes.PipeExpression) else last.expression
        if isinstance(head, nodes.Expression | UnionOperator):
            yield rules.NO_REDUCTION.found("every row of the time is in the answer", last.span)


def of_text(text: str) -> tuple[ProofFinding, ...]:
    """What makes a query dear that somebody asks once; `SourceError` for a text that can't be understood."""
    from huntlake.kql.compiler import parse

    return tuple(of_query(parse(text), text, None))


def _pipe(
    head: nodes.Expression | nodes.QueryOperator, operators: tuple[nodes.QueryOperator, ...]
) -> Iterator[ProofFinding]:
    for place, operator in enumerate((head, *operators)):
        before, after = operators[: max(place - 1, 0)], operators[place:]
        match operator:
            case SearchOperator():
                yield rules.WIDE_SEARCH.found("every column of every row is looked into", operator.span)
            case MvExpandOperator(limit=None) if not any(isinstance(o, FilterOperator | TopOperator) for o in before):
                reason = "arrays of every row are expanded, however many elements they have"
                yield rules.WIDE_EXPANSION.found(reason, operator.span)
            case SortOperator() if not after or not any(isinstance(o, TakeOperator | TopOperator) for o in after):
                if not any(isinstance(o, _AGGREGATING) for o in before):
                    yield rules.WIDE_SORT.found("every row is sorted, and none is left out", operator.span)
            case TakeOperator() | SampleOperator() if not any(
                isinstance(o, SortOperator | TopOperator) for o in before
            ):
                yield rules.UNSORTED_TAKE.found("another run may take other rows", operator.span)
            case FilterOperator():
                for predicate in operator.predicates:
                    if predicate.names:
                        yield rules.NAMED_FILTER.found(f"`{predicate.name}` is compared with nothing", predicate.span)
                yield from _regexes(operator, before)


def _regexes(operator: FilterOperator, before: tuple[nodes.QueryOperator, ...]) -> Iterator[ProofFinding]:
    calls = [n for n in walked(operator) if isinstance(n, nodes.FunctionCall)]
    regex = next((n for n in calls if n.name in _REGEXES), None)
    if regex is None:
        return
    earlier = (n for o in before if isinstance(o, FilterOperator) for n in walked(o))
    # A column that is compared with a constant leaves few rows, and the engine doesn't care in which order.
    if not any(isinstance(n, nodes.FunctionCall) and n.name in _NARROWING for n in (*earlier, *calls)):
        yield rules.REGEX.found("a regex is tried on every row", regex.span)
