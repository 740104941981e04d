"""Computed columns, each with the name that the text gives it or the one that Kusto implies."""

from __future__ import annotations

from collections.abc import Callable

from huntlake.core.diagnostics import SourceError, Span
from huntlake.kql import plan
from huntlake.kql.binding.binder import Binder
from huntlake.kql.binding.naming import Names
from huntlake.kql.binding.scalars import Tuple
from huntlake.kql.syntax import nodes
from huntlake.kql.types import ScalarType


def outputs_of(
    item: nodes.Expression, row: plan.Relation, names: Names, b: Binder, *, aggregating: bool = False
) -> list[plan.Output]:
    """The columns of one item of a list: one, or as many as a function gives."""
    named, inner = (item.names, item.expression) if isinstance(item, nodes.NamedExpression) else ((), item)
    # Of two aggregates of one name the second is given another.
    given = [names.claim(n) if aggregating else explicit(n, item.span, names, b) for n in named]
    if (several := b.scalars.several(inner, row, aggregating)) is not None:
        return _of_several(given, several, item.span, names, b)
    value = b.scalars.bind(inner, row, aggregating)
    if len(given) > 1:
        b.fail("SEM0001", "this gives a single value, which can't have several names", item.span)
    if given:
        return [plan.Output(given[0], value)]
    implied = b.implied_name(inner)
    return [plan.Output(names.claim(implied) if implied else names.unnamed(), value)]


def _of_several(given: list[str], several: Tuple, span: Span, names: Names, b: Binder) -> list[plan.Output]:
    if len(given) > len(several.columns):
        b.fail("SEM0001", f"there are {len(given)} names for {len(several.columns)} columns", span)
    # A column that is given no name keeps its own.
    implied = [names.fresh(c.name) for c in several.columns[len(given) :]]
    return [plan.Output(n, v) for n, v in zip(given + implied, several.values, strict=True)]


def sound_outputs(
    item: nodes.NamedExpression | nodes.Expression, bind: Callable[[], list[plan.Output]], b: Binder
) -> list[plan.Output]:
    """What `bind` makes of one item of several. One that is wrong is told with the rest, its columns are null."""
    try:
        return bind()
    except SourceError as error:
        given, inner = (item.names, item.expression) if isinstance(item, nodes.NamedExpression) else ((), item)
        more = b.scalars.names_of_several(inner)[len(given) :]
        named = (*given, *more) or (b.implied_name(item) or "_",)
        b.go_on(error, *named)
        return [plan.Output(name, plan.Literal(None, ScalarType.DYNAMIC)) for name in named]


def explicit(name: str, span: Span, names: Names, b: Binder) -> str:
    """A name that the text gives; it may stand only once."""
    if name in names:
        b.fail("SEM0001", f"two columns are named `{name}`", span)
    return names.claim(name)
