"""What a query says and probably doesn't mean, told from its text alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from huntlake.core.diagnostics import Span
from huntlake.kql.operators.distinct import DistinctOperator
from huntlake.kql.operators.extend import ExtendOperator
from huntlake.kql.operators.join import JoinOperator
from huntlake.kql.operators.project import ProjectOperator
from huntlake.kql.operators.sort import SortOperator
from huntlake.kql.operators.summarize import SummarizeOperator
from huntlake.kql.operators.take import TakeOperator
from huntlake.kql.operators.top import TopOperator
from huntlake.kql.operators.where import FilterOperator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.walking import walked
from huntlake.kql.types import ScalarType

_TICKS = 10_000_000
_TIMES = frozenset({"timegenerated", "timestamp", "eventstarttime", "eventendtime", "starttime", "endtime"})
_MOMENTS = frozenset({"ago", "now", "startofday", "startofweek", "startofmonth", "datetime_diff"})
_IN = frozenset({"in", "in~", "!in", "!in~"})
_CONTAINS = {"contains": "has", "contains_cs": "has_cs", "!contains": "!has", "!contains_cs": "!has_cs"}
_WORD = re.compile(r"[A-Za-z0-9]{3,}")
_STARRED = re.compile(r"\*?[^*\s.]{2,}\*?")
_REGEX_AT = {"matches regex": 1, "extract": 0, "extract_all": 0, "replace_regex": 1}
_KEEPING = (FilterOperator, SortOperator, TakeOperator, TopOperator)
"""Operators whose result has the columns of what they are given."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something odd, and its place in the query; `edit` is what the place may be replaced with."""

    code: str
    span: Span
    reason: str
    help: str = ""
    edit: str | None = None


def remarks(
    query: nodes.Query, text: str, *, period: timedelta | None, frequency: timedelta | None, is_bounded: bool
) -> Iterator[Remark]:
    """What is odd about a query; `is_bounded` says that its time is bounded from outside, by `period` if known."""
    named = {s.name: s.value for s in query.statements if isinstance(s, nodes.LetStatement)}
    every = tuple(walked(query))
    yield from _times(every, named, period, frequency)
    if not is_bounded and not any(_is_about_time(n) for n in every):
        last = query.statements[-1] if query.statements else query
        yield Remark(
            "LN108", last.span, "nothing bounds the time of the rows", "begin with `| where TimeGenerated > ago(1d)`"
        )
    for node in every:
        match node:
            case nodes.FunctionCall():
                yield from _call(node, named, text)
            case nodes.PipeExpression():
                yield from _joins(node, named)


def _call(call: nodes.FunctionCall, named: Mapping[str, object], text: str) -> Iterator[Remark]:
    name = call.name.lower()
    if name in _IN and len(call.arguments) == 2:
        yield from _first_column(call.arguments[1], named, text)
    if len(call.arguments) == 2 and (value := _string(call.arguments[1])) is not None:
        left, right = call.arguments
        place = Span(left.span.end, right.span.end)
        if name in _CONTAINS and _WORD.fullmatch(value):
            better = _CONTAINS[name]
            help = f"`{better}` is far cheaper, if whole words are meant"
            yield Remark("LN112", place, f"`{name}` looks into the middle of words for `{value}`", help)
        if unstarred := _unstarred(name, value):
            operator, plain = unstarred
            said = f'{operator} "{plain}"'
            edit = f" {said}" if '"' not in plain and "\\" not in plain else None
            reason = f"`{name}` takes `*` for a letter: `{value}` hardly ever matches"
            yield Remark("LN106", place, reason, f"did you mean `{said}`?", edit)
    at = _REGEX_AT.get(name)
    form = _string(call.arguments[at]) if at is not None and len(call.arguments) > at else None
    if at is not None and form is not None and is_catastrophic(form):
        reason = "a repetition of a repetition: engines that backtrack may never come to an end here"
        yield Remark("LN113", call.arguments[at].span, reason)


def _first_column(argument: nodes.Expression, named: Mapping[str, object], text: str) -> Iterator[Remark]:
    table = named.get(argument.name) if isinstance(argument, nodes.NameReference) else argument
    if not isinstance(table, nodes.PipeExpression):
        return
    columns = _columns(table)
    if columns is None or len(columns) == 1:
        return
    first = columns[0] if columns else ""
    told = f"`{first}`" if first else "whichever that is"
    reason = f"of a table with several columns `in` looks at the first alone, {told}"
    edit = None
    if table is argument and re.fullmatch(r"[A-Za-z_]\w*", first):
        edit = f"{text[table.span.start : table.span.end].rstrip()} | project {first}"
    yield Remark("LN107", argument.span, reason, "end with `| project` of the one that is meant", edit)


def _columns(table: nodes.PipeExpression) -> tuple[str, ...] | None:
    """The names of a pipe's columns, `` where one has none; nothing of them is known: empty; None: perhaps but one."""
    for operator in reversed(table.operators):
        match operator:
            case ProjectOperator(columns=listed) | DistinctOperator(columns=listed):
                return tuple(_name(c) for c in listed)
            case SummarizeOperator(measures=measures, by=by):
                return tuple(_name(c) for c in (*by, *measures))
            case ExtendOperator():
                return ()
            case _ if not isinstance(operator, _KEEPING):
                return None
    return () if isinstance(table.head, nodes.NameReference) and table.operators else None


def _name(column: nodes.Expression) -> str:
    if isinstance(column, nodes.NamedExpression):
        return column.name or _name(column.expression)
    return column.name if isinstance(column, nodes.NameReference) else ""


def _unstarred(operator: str, value: str) -> tuple[str, str] | None:
    """How a text with `*` at an end is asked for; None where it has none, or where the letter may be meant."""
    if not _STARRED.fullmatch(value) or "*" not in value:
        return None
    plain, before, after = value.strip("*"), value.startswith("*"), value.endswith("*")
    place = "contains" if before and after else "endswith" if before else "startswith"
    word = "contains" if before and after else "hassuffix" if before else "hasprefix"
    match operator:
        case "==" | "!=":
            return f"{'!' * (operator == '!=')}{place}_cs", plain
        case "=~" | "!~":
            return f"{'!' * (operator == '!~')}{place}", plain
        case "has" | "!has":
            return f"{'!' * (operator == '!has')}{word}", plain
        case "contains" | "!contains" if before and after:
            return operator, plain
        case "startswith" | "!startswith" if after and not before:
            return operator, plain
        case "endswith" | "!endswith" if before and not after:
            return operator, plain
    return None


def _times(
    every: tuple[nodes.Node, ...],
    named: Mapping[str, object],
    period: timedelta | None,
    frequency: timedelta | None,
) -> Iterator[Remark]:
    looks: list[tuple[nodes.FunctionCall, timedelta | None]] = []
    for node in every:
        if isinstance(node, nodes.FunctionCall) and node.name.lower() == "ago" and len(node.arguments) == 1:
            span = node.arguments[0]
            value = named.get(span.name) if isinstance(span, nodes.NameReference) else span
            if not isinstance(value, nodes.Literal) or value.type is not ScalarType.TIMESPAN:
                looks.append((node, None))
            elif isinstance(value.value, int):
                looks.append((node, timedelta(seconds=value.value / _TICKS)))
    for node, back in looks:
        if back is not None and period is not None and back > period:
            reason = f"the query looks back {_told(back)}, and is shown {_told(period)}: what is older isn't there"
            yield Remark("LN109", node.span, reason, "a longer `queryPeriod`, or a shorter look back")
    known = [back for _, back in looks if back is not None]
    if frequency is not None and known and len(known) == len(looks) and max(known) < frequency:
        node = looks[0][0]
        reason = f"the query looks back {_told(max(known))}, and runs each {_told(frequency)}: rows are never seen"
        yield Remark("LN110", node.span, reason)


def _told(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _joins(pipe: nodes.PipeExpression, named: Mapping[str, object]) -> Iterator[Remark]:
    for number, operator in enumerate(pipe.operators):
        if not isinstance(operator, JoinOperator):
            continue
        right, after = operator.table, pipe.operators[number + 1 :]
        head = right.head if isinstance(right, nodes.PipeExpression) else right
        is_table = isinstance(head, nodes.NameReference) and head.name not in named
        inner = tuple(walked(right))
        is_summed = any(isinstance(n, SummarizeOperator | DistinctOperator) for n in inner)
        about_time = any(_is_about_time(n) or _is_time(n) for n in inner)
        about_time |= any(_is_time(n) for key in operator.on for n in walked(key))
        compared = any(isinstance(n, FilterOperator) and any(_is_time(m) for m in walked(n)) for n in after)
        if is_table and not is_summed and not about_time and not compared:
            span = Span(operator.span.start, operator.table.span.end)
            yield Remark(
                "LN111", span, "rows are joined whenever they happened: nothing compares or bounds their times"
            )


def _is_time(node: nodes.Node) -> bool:
    return isinstance(node, nodes.NameReference) and node.name.lower().rstrip("0123456789") in _TIMES


def _is_about_time(node: nodes.Node) -> bool:
    match node:
        case nodes.FunctionCall(name=name) if name.lower() in _MOMENTS:
            return True
        case FilterOperator():
            return any(_is_time(n) for n in walked(node))
        case nodes.NamedExpression(names=(name,)):
            return name.lower() in _TIMES  # an argument of a function, such as `starttime = …`
    return False


def _string(node: nodes.Expression) -> str | None:
    return node.value if isinstance(node, nodes.Literal) and isinstance(node.value, str) else None


def is_catastrophic(form: str) -> bool:
    """Whether a regex repeats without bound what ends with a repetition without bound, as `(a+)+` does."""
    # For each open group: does it end with something repeated without bound?
    ends = [False]
    at, length = 0, len(form)
    while at < length:
        sign = form[at]
        group_ends = False
        if sign == "(":
            ends.append(False)
            at += 1
            if form.startswith("?", at):
                close = min(
                    (i for i in (form.find(":", at), form.find(")", at), form.find(">", at)) if i > 0), default=at
                )
                at = close + 1 if form[close : close + 1] in (":", ">") else at + 1
            continue
        if sign == "|":
            # What ends one alternative ends the group.
            at += 1
            continue
        if sign == ")" and len(ends) > 1:
            group_ends = ends.pop()
            at += 1
        elif sign == "[":
            at = _after_class(form, at)
        elif sign == "\\":
            at += 2
        else:
            at += 1
        unbounded, optional, at = _quantifier(form, at)
        if unbounded and group_ends:
            return True
        if unbounded or group_ends:
            ends[-1] = True
        elif not optional:
            ends[-1] = False
    return False


def _after_class(form: str, at: int) -> int:
    at += 2 if form.startswith(("[]", "[^"), at) else 1
    while at < len(form) and form[at] != "]":
        at += 2 if form[at] == "\\" else 1
    return at + 1


def _quantifier(form: str, at: int) -> tuple[bool, bool, int]:
    """Whether a repetition without bound stands here, whether what it is about may be missing, and where it ends."""
    if at >= len(form):
        return False, False, at
    if form[at] in "*+?":
        unbounded, optional, end = form[at] != "?", form[at] != "+", at + 1
    elif found := re.compile(r"\{(\d*)(,?)(\d*)\}").match(form, at):
        unbounded, optional, end = bool(found[2]) and not found[3], found[1] in ("", "0"), found.end()
    else:
        return False, False, at
    return unbounded, optional, end + form.startswith(("?", "+"), end)
