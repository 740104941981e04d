"""Relations to SQL: a `with` step for each, so that the SQL reads as the query did.

A step that two others read is written once. Filters, projections, orders and limits that follow one
another share a step where SQL says them in the same order as KQL does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from huntlake.core.diagnostics import NOWHERE, Diagnostic, Source, SourceError
from huntlake.kql import forms, plan
from huntlake.kql.plan.graph import inputs_of, uses, windowed
from huntlake.kql.plan.nodes import JoinKind
from huntlake.kql.sql import tables
from huntlake.kql.sql.reading import Reading
from huntlake.kql.sql.scalars import Expressions, identifiers_of
from huntlake.kql.types import Column, ScalarType

_MARKED = re.compile("\x01(t[0-9]+)\x01")
"""The name of a scan in a step; a character that no text of a query can bring in marks it."""
_BRANCHES = 40
MOST_COLUMNS = 20_000
"""Columns of an answer: an engine needs long for more, and nobody reads them."""
_CELLS = 400_000
"""Branches times columns: a wider union would be more SQL than an engine can read in good time."""


@dataclass(frozen=True)
class Written:
    """A query as SQL: the steps before the last, the last, and the scans that the steps read by name."""

    steps: tuple[tuple[str, str], ...]
    """Each step's name, and what stands behind it up to the SQL's end."""
    last: str
    scans: tuple[tuple[str, plan.Scan], ...]

    def text(self, sources: Mapping[str, str]) -> str:
        """The whole statement, given the SQL of each scan."""
        text = ",\n".join(f"{n} {s}" for n, s in self.steps)
        text = f"with {text}\n{self.last}" if text else self.last
        reads = Counter(_MARKED.findall(text))
        # A scan that one step reads stands there itself: engines nest `with` steps, and bound how deep.
        shared = [s for s, _ in self.scans if reads[s] > 1]
        text = _MARKED.sub(lambda m: m[1] if reads[m[1]] > 1 else f"({sources[m[1]]})", text)
        if not shared:
            return text
        scans = ",\n".join(f"{s} as ({sources[s]})" for s in shared)
        return f"with {scans},\n{text[5:]}" if self.steps else f"with {scans}\n{text}"


def write(relation: plan.Relation, source: Source, engine: str = "duckdb") -> Written:
    """The SQL of a plan; its result has the plan's columns, in order, each of its physical type."""
    if len(relation.columns) > MOST_COLUMNS:
        message = f"an answer of {len(relation.columns):,} columns is not supported"
        raise SourceError(source, Diagnostic("HL002", message, NOWHERE, help="project the columns that you need"))
    writer = _Writer(source, engine)
    writer.count(relation)
    step = writer.step(relation)
    identifiers = writer.identifiers(relation)
    columns = ", ".join(identifiers.values())
    last = f"select {columns} from {step}" if columns else f"select 1 from {step} where false"
    return Written(tuple(writer.steps), last, tuple(writer.scans))


_PLACE = '"~place"'
"""The place of an element among those that a row expands to."""


class _Writer:
    def __init__(self, source: Source, engine: str, prefix: str = "") -> None:
        self.source = source
        self.engine = engine
        self._prefix = prefix
        self.steps: list[tuple[str, str]] = []
        self.scans: list[tuple[str, plan.Scan]] = []
        self._named: dict[int, str] = {}
        self._uses: Counter[int] = Counter()
        self._identifiers: dict[int, dict[str, str]] = {}
        self._hoists = 0
        self._placed: set[int] = set()
        """The relations with a column `_PLACE`. What a row of an outer query expands to has no order by itself."""
        self._outer: dict[int, str] = {}

    def count(self, relation: plan.Relation) -> None:
        """How often each relation is read, subqueries included."""
        self._uses = uses(relation)

    def identifiers(self, relation: plan.Relation) -> dict[str, str]:
        """The SQL identifier of each of the relation's columns."""
        while isinstance(relation, plan.PASSING):
            relation = relation.input
        kept = self._identifiers.get(id(relation))
        if kept is None:
            kept = self._identifiers[id(relation)] = identifiers_of(relation.columns)
        return kept

    def step(self, relation: plan.Relation) -> str:
        """The name under which the relation can be read."""
        if id(relation) not in self._named:
            if isinstance(relation, plan.Scan):
                scan = f"t{len(self.scans)}"
                self.scans.append((scan, relation))
                step = f"\x01{scan}\x01"
            elif isinstance(relation, plan.OuterRow):
                columns = zip(self._outer_columns(relation).values(), self.identifiers(relation).values(), strict=True)
                step = f"(select {', '.join(f'{outer} as {own}' for outer, own in columns)})"
            else:
                sql = self.select(relation)
                step = self._next_step()
                kept = " materialized" if isinstance(relation, plan.Materialize) else ""
                self.steps.append((step, f"as{kept} ({sql})"))
            self._named[id(relation)] = step
        return self._named[id(relation)]

    # -- relations ----------------------------------------------------------------

    def select(self, relation: plan.Relation) -> str:
        """The SQL of one relation over the steps before it."""
        match relation:
            case plan.Values(columns, rows):
                return self._values(columns, rows)
            case plan.Filter() | plan.Sort() | plan.Limit() | plan.Materialize():
                return self._rows(relation)
            case plan.Project():
                return self._project(relation)
            case plan.Summarize():
                return self._summarize(relation)
            case plan.Join():
                return self._join(relation)
            case plan.Union():
                return self._union(relation)
            case plan.FirstOf():
                return self._first_of(relation)
            case plan.Unnest():
                return self._unnest(relation)
            case plan.Apply():
                return self._apply(relation)
            case plan.TableFunction(function, tables_in, arguments, columns):
                return self._table_function(relation, function, tables_in, arguments, columns)
            case plan.OuterRow():
                raise AssertionError("an outer row is read only inside its apply")
            case plan.Scan():
                raise AssertionError("a scan is no step")
        assert_never(relation)

    def _union(self, union: plan.Union) -> str:
        names = self.identifiers(union)
        if len(union.columns) * len(union.inputs) > _CELLS:
            message = f"a union of {len(union.inputs)} tables with {len(union.columns)} columns is not supported"
            diagnostic = Diagnostic(
                "HL002", message, NOWHERE, help="name the tables, or project the columns that you need"
            )
            raise SourceError(self.source, diagnostic)
        labels = union.labels or ("",) * len(union.inputs)
        places = {c.name: place for place, c in enumerate(union.columns)}
        absent = [f"{forms.literal(None, c.type)!s} as {names[c.name]}" for c in union.columns]
        branches = []
        for branch, label in zip(union.inputs, labels, strict=True):
            identifiers = self.identifiers(branch)
            columns = list(absent)
            for column in branch.columns:
                place = places.get(union.name_of(column))
                if place is not None and union.columns[place].type is column.type:
                    own, name = identifiers[column.name], names[union.columns[place].name]
                    columns[place] = own if own == name else f"{own} as {name}"
            if union.source in places:
                columns[places[union.source]] = f"{forms.literal(label, ScalarType.STRING)!s} as {names[union.source]}"
            branches.append(f"select {', '.join(columns) or '1'} from {self._inline(branch)}")
        while len(branches) > _BRANCHES:
            # Engines nest one branch in the other, and bound how deep that goes.
            groups = [branches[i : i + _BRANCHES] for i in range(0, len(branches), _BRANCHES)]
            branches = [f"select * from {self._step_of(' union all '.join(g))}" for g in groups]
        return " union all ".join(branches)

    def _inline(self, relation: plan.Relation) -> str:
        """The relation where it is read: as a step, or right here where nothing else reads it."""
        if (
            self._uses[id(relation)] > 1
            or isinstance(relation, plan.Scan | plan.Materialize)
            or id(relation) in self._named
        ):
            return self.step(relation)
        return f"({self.select(relation)}) b"

    def _all(self, relation: plan.Relation) -> str:
        return ", ".join(self.identifiers(relation).values())

    def _values(self, columns: tuple[Column, ...], rows: tuple[tuple[plan.Scalar, ...], ...]) -> str:
        if not columns:
            return 'select 1 as "~one"'
        identifiers = identifiers_of(columns)
        if not rows:
            nulls = ", ".join(f"{forms.literal(None, c.type)} as {identifiers[c.name]}" for c in columns)
            return f"select {nulls} where false"
        typed = ", ".join(f"{identifiers[c.name]}::{forms.SQL_TYPES[c.type]} as {identifiers[c.name]}" for c in columns)
        names = ", ".join(identifiers.values())
        expressions = self._expressions({})
        expressions.may_hoist = False
        # Text in the rows is cast once, by column: a cast in each cell would double the SQL.
        lines = ", ".join("(" + ", ".join(str(expressions.sql(v)) for v in row) + ")" for row in rows)
        return f"select {typed} from (values {lines}) t({names})"

    def _expressions(self, columns: Mapping[str, str]) -> Expressions:
        self._hoists += 1
        return Expressions(self.engine, self.source, columns, self.step, prefix=f"{self._hoists}_")

    def _source(self, relation: plan.Relation) -> tuple[str, list[str], Expressions]:
        """The step to read, and the conditions of the filters directly above it, where nobody else reads them."""
        filters: list[plan.Scalar] = []
        while isinstance(relation, plan.Filter) and self._uses[id(relation)] == 1 and not windowed(relation.predicate):
            filters.append(relation.predicate)
            relation = relation.input
        expressions = self._over(relation)
        return self.step(relation), [f"{expressions.sql(p, in_filter=True)}" for p in reversed(filters)], expressions

    def _over(self, relation: plan.Relation) -> Expressions:
        """A writer of expressions over the columns of a relation."""
        self.step(relation)
        expressions = self._expressions(self.identifiers(relation))
        expressions.place = _PLACE if id(relation) in self._placed else ""
        return expressions

    def _prepared(self, source: str, wheres: list[str], expressions: Expressions) -> tuple[str, str]:
        """The source with the columns that the step's expressions want computed before, and the conditions left."""
        if wheres and expressions.windows:
            # A window sees the rows that the filters leave.
            source, wheres = self._step_of(f"select * from {source}{_where(wheres)}"), []
        return self._hoisted(source, expressions), _where(wheres)

    def _hoisted(self, source: str, expressions: Expressions) -> str:
        level: list[tuple[str, str]] = []
        for identifier, sql in expressions.hoisted:
            # One that uses another of its level waits for the next.
            if any(known in sql for known, _ in level):
                source, level = self._with_columns(source, level), []
            level.append((identifier, sql))
        return self._with_columns(source, level) if level else source

    def _with_columns(self, source: str, columns: list[tuple[str, str]]) -> str:
        added = ", ".join(f"{sql} as {identifier}" for identifier, sql in columns)
        return self._step_of(f"select *, {added} from {source}")

    def _step_of(self, sql: str) -> str:
        step = self._next_step()
        self.steps.append((step, f"as ({sql})"))
        return step

    def _next_step(self) -> str:
        return f"{self._prefix}_{len(self.steps)}"

    def _rows(self, relation: plan.Filter | plan.Sort | plan.Limit | plan.Materialize) -> str:
        """Filters, an order and a limit over one step: the rows as they are, fewer or in another order."""
        limit, predicates = "", list[plan.Scalar]()
        keys: tuple[plan.SortKey, ...] = ()
        wheres: list[str] = []
        current: plan.Relation = relation
        match relation:
            case plan.Materialize(input):
                return f"select * from {self.step(input)}"
            case plan.Limit(plan.Sort(input, keys) as sort, count) if self._uses[id(sort)] == 1:
                limit, current = f" limit {count}", input
            case plan.Limit(input, count):
                limit, current = f" limit {count}", input
            case plan.Sort(input, keys):
                current = input
            case plan.Filter(input, predicate):
                predicates, current = [predicate], input
        if predicates and windowed(predicates[0]):
            # A window looks at the rows as they are before this filter, and after those below it.
            source, expressions = self.step(current), self._over(current)
            qualify = " qualify " + str(expressions.sql(predicates[0]))
        else:
            source, wheres, expressions = self._source(current)
            wheres, qualify = wheres + [f"{expressions.sql(p, in_filter=True)}" for p in predicates], ""
        order = " order by " + ", ".join(_order(expressions, k) for k in keys) if keys else ""
        columns = self._all(relation) if expressions.hoisted else "*"
        if expressions.place or (order and self._prefix):
            self._placed.add(id(relation))
            # An order is the rows' new place.
            ties = f", {_PLACE}" if expressions.place else ""
            place = f"row_number() over ({order[1:]}{ties}) as {_PLACE}" if order else _PLACE
            columns = f"{self._all(relation)}, {place}"
            order = order or (f" order by {_PLACE}" if limit else "")
        source, where = self._prepared(source, wheres, expressions)
        return f"select {columns} from {source}{where}{qualify}{order}{limit}"

    def _project(self, relation: plan.Project) -> str:
        source, wheres, expressions = self._source(relation.input)
        names = self.identifiers(relation)
        outputs = [self._output(o, names[o.name], expressions) for o in relation.outputs]
        if expressions.place:
            self._placed.add(id(relation))
            outputs.append(_PLACE)
        columns = ", ".join(outputs) or '1 as "~one"'
        source, where = self._prepared(source, wheres, expressions)
        return f"select {columns} from {source}{where}"

    def _output(self, output: plan.Output, identifier: str, expressions: Expressions) -> str:
        if isinstance(output.value, plan.ColumnRef):
            column = expressions.columns[output.value.name]
            return identifier if column == identifier else f"{column} as {identifier}"
        sql = expressions.sql(output.value)
        if output.value.type in (ScalarType.LONG, ScalarType.INT, ScalarType.TIMESPAN):
            return f"{sql}::{forms.SQL_TYPES[output.value.type]} as {identifier}"
        return f"{str.__str__(sql)} as {identifier}"

    def _summarize(self, relation: plan.Summarize) -> str:
        source, wheres, expressions = self._source(relation.input)
        expressions.order = expressions.place or _order_of(relation.input, expressions)
        names = self.identifiers(relation)
        keys = [self._output(k, names[k.name], expressions) for k in relation.keys]
        measures = [self._output(m, names[m.name], expressions) for m in relation.measures]
        source, where = self._prepared(source, wheres, expressions)
        if not measures:
            return f"select distinct {', '.join(keys)} from {source}{where}"
        groups = " group by " + ", ".join(str(i + 1) for i in range(len(keys))) if keys else ""
        return f"select {', '.join(keys + measures)} from {source}{where}{groups}"

    def _first_of(self, relation: plan.FirstOf) -> str:
        source, wheres, expressions = self._source(relation.input)
        by = ", ".join(str(expressions.sql(k)) for k in relation.keys)
        columns = self._all(relation) if expressions.hoisted else "*"
        source, where = self._prepared(source, wheres, expressions)
        return f"select distinct on ({by}) {columns} from {source}{where}"

    def _join(self, join: plan.Join) -> str:
        left, right = self.step(join.left), self.step(join.right)
        sides = [
            self._expressions({c: f"{side}.{i}" for c, i in self.identifiers(r).items()})
            for side, r in (("l", join.left), ("r", join.right))
        ]
        for side in sides:
            side.may_hoist = False
        on = " and ".join(f"{sides[0].sql(a)} = {sides[1].sql(b)}" for a, b in join.keys) or "true"
        names = self.identifiers(join)
        if join.kind in (JoinKind.LEFT_SEMI, JoinKind.LEFT_ANTI):
            word = "semi" if join.kind is JoinKind.LEFT_SEMI else "anti"
            return f"select l.* from {left} l {word} join {right} r on {on}"
        columns = [
            _filled(f"l.{i}", c, join.kind in (JoinKind.RIGHT_OUTER, JoinKind.FULL_OUTER), names[c.name])
            for c, i in zip(join.left.columns, self.identifiers(join.left).values(), strict=True)
        ]
        columns += [
            _filled(f"r.{i}", c, join.kind in (JoinKind.LEFT_OUTER, JoinKind.FULL_OUTER), names[n])
            for n, c, i in zip(join.right_names, join.right.columns, self.identifiers(join.right).values(), strict=True)
        ]
        if join.kind is JoinKind.CROSS:
            return f"select {', '.join(columns)} from {left} l cross join {right} r"
        return f"select {', '.join(columns)} from {left} l {join.kind.value} join {right} r on {on}"

    def _unnest(self, unnest: plan.Unnest) -> str:
        if isinstance(unnest.input, plan.OuterRow):
            source, expressions = "", self._expressions(self._outer_columns(unnest.input))
        else:
            source = f" from {self.step(unnest.input)}"
            expressions = self._expressions(self.identifiers(unnest.input))
        expressions.may_hoist = False
        names = self.identifiers(unnest)
        numbered = list(enumerate(unnest.items))
        length = f"greatest({', '.join(f'coalesce(len({_element(n)}), 0)' for n, _ in numbered)})"
        # A row with nothing to expand stays once, with a null, unless it is asked not to.
        count = f"greatest({length}, 1)" if unnest.outer else length
        if unnest.limit is not None:
            count = f"least({count}, {unnest.limit})"
        new = {i.column.name: _element(n) for n, i in numbered}
        kept = [c for c in unnest.input.columns if c.name not in new]
        inner = [f"{expressions.columns[c.name]} as {names[c.name]}" for c in kept]
        placed = id(unnest.input) in self._placed
        if placed:
            inner.append(f'{_PLACE} as "~p"')
        # One select after the other: the value, its elements, a row for each; each is written, and computed, once.
        inner += [f"{expressions.sql(i.value)} as {_value(n)}" for n, i in numbered]
        elements = ", ".join(f"{tables.elements(_value(n), i.bag_as_array)} as {_element(n)}" for n, i in numbered)
        step = f"(select *, {elements} from (select {', '.join(inner)}{source}))"
        step = f"(select *, unnest(range({count})) as {_PLACE} from {step})"
        columns = []
        for column in unnest.columns:
            identifier = names[column.name]
            if column.name in new:
                columns.append(f"nullif({new[column.name]}[{_PLACE} + 1], 'null') as {identifier}")
            elif column.name == unnest.index:
                columns.append(f"{_PLACE} as {identifier}")
            else:
                columns.append(identifier)
        if placed:
            self._placed.add(id(unnest))
            columns.append(f'row_number() over (order by "~p", {_PLACE}) as {_PLACE}')
        elif self._prefix:
            self._placed.add(id(unnest))
            columns.append(_PLACE)
        return f"select {', '.join(columns)} from {step}"

    def _outer_columns(self, row: plan.OuterRow) -> dict[str, str]:
        alias = self._outer[id(row)]
        return {c: f"{alias}.{i}" for c, i in identifiers_of(row.columns).items()}

    def _apply(self, apply: plan.Apply) -> str:
        outer = self.step(apply.input)
        inner = _Writer(self.source, self.engine, f"{self._prefix}a{len(self.steps)}")
        # What the inner steps read of the outer query is already a step there.
        inner._named, inner.scans = dict(self._named), self.scans
        inner._hoists = self._hoists + 1000
        alias = f"o{len(self._outer)}"
        inner._outer = self._outer | {id(apply.row): alias}
        inner.count(apply.inner)
        depends = _Dependents()
        for shared in depends.free_inputs(apply.inner):
            inner._named[id(shared)] = self.step(shared)
        inner_step = inner.step(apply.inner)
        text = f"select {inner._all(apply.inner)} from {inner_step}"
        if inner.steps:
            text = "with " + ", ".join(f"{n} {s}" for n, s in inner.steps) + " " + text
        names = self.identifiers(apply)
        columns = [f"{alias}.{i} as {names[c]}" for c, i in self.identifiers(apply.input).items()]
        columns += [f"i.{i} as {names[c]}" for c, i in inner.identifiers(apply.inner).items()]
        if id(apply.input) in self._placed:
            self._placed.add(id(apply))
            columns.append(f"{alias}.{_PLACE}")
        return f"select {', '.join(columns)} from {outer} {alias}, lateral ({text}) i"

    def _table_function(
        self,
        relation: plan.Relation,
        function: str,
        inputs_: tuple[plan.Relation, ...],
        arguments: tuple[plan.Scalar, ...],
        columns: tuple[Column, ...],
    ) -> str:
        steps = [self.step(i) for i in inputs_]
        identifiers = [self.identifiers(i) for i in inputs_]
        expressions = [self._expressions(i) for i in identifiers] or [self._expressions({})]
        for e in expressions:
            e.may_hoist = False
        place = _PLACE if self._prefix and function in tables.ORDERED else ""
        if place:
            self._placed.add(id(relation))
        reading = Reading(steps, identifiers, [i.columns for i in inputs_], expressions, arguments, place)
        return tables.TABLE_FUNCTIONS[function](reading, self.identifiers(relation))


class _Dependents:
    """Which relations inside an `Apply` depend on a row of it; the others are steps of the outer query."""

    def __init__(self) -> None:
        self._known: dict[int, bool] = {}

    def depends(self, relation: plan.Relation) -> bool:
        if isinstance(relation, plan.OuterRow):
            return True
        if id(relation) not in self._known:
            self._known[id(relation)] = any(self.depends(i) for i in inputs_of(relation))
        return self._known[id(relation)]

    def free_inputs(self, relation: plan.Relation) -> list[plan.Relation]:
        found: list[plan.Relation] = []
        for i in inputs_of(relation):
            if isinstance(i, plan.OuterRow):
                continue
            found += self.free_inputs(i) if self.depends(i) else [i]
        return found


def _value(number: int) -> str:
    """The name of an item that is unnested, before it is taken apart."""
    return f'"~v{number}"'


def _element(number: int) -> str:
    """The name of the list of its elements."""
    return f'"~e{number}"'


def _where(conditions: list[str]) -> str:
    return " where " + " and ".join(f"({c})" if len(conditions) > 1 else c for c in conditions) if conditions else ""


def _order_of(relation: plan.Relation, expressions: Expressions) -> str | None:
    """The order in which a summary meets its rows: as SQL, empty for that in which they come, None for none."""
    while isinstance(relation, plan.Filter):
        relation = relation.input
    if isinstance(relation, plan.Sort):
        return ", ".join(_order(expressions, k) for k in relation.keys)
    while isinstance(relation, plan.Filter | plan.Project | plan.Limit | plan.Materialize):
        relation = relation.input
    if isinstance(relation, plan.TableFunction):
        return "" if relation.name in tables.ORDERED else None
    # The elements of an array follow one another as they stand there.
    return "" if isinstance(relation, plan.Sort | plan.Unnest) else None


def _order(expressions: Expressions, key: plan.SortKey) -> str:
    sql = expressions.sql(key.value)
    direction = "asc" if key.ascending else "desc"
    return f"{sql} {direction} nulls {'first' if key.nulls_first else 'last'}"


def _filled(sql: str, column: Column, optional: bool, identifier: str) -> str:
    # A row without a partner has no text, and text is never null.
    if optional and column.type is ScalarType.STRING:
        return f"coalesce({sql}, '') as {identifier}"
    return f"{sql} as {identifier}"
