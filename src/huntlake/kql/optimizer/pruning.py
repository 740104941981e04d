"""Columns that nobody reads are left out, down to the scans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from huntlake.kql import plan
from huntlake.kql.plan.graph import columns_in, nested_in, scalars_of, tables_of, uses, with_scalars


def pruned(root: plan.Relation) -> plan.Relation:
    """The plan with only the columns that it needs; its own columns all stay."""
    needed = _Needed(root)
    return _Rebuilt(needed.columns).of(root)


class _Needed:
    """For each relation, the columns that those above it read: gathered readers first."""

    def __init__(self, root: plan.Relation) -> None:
        self.columns: dict[int, set[str]] = {id(root): {c.name for c in root.columns}}
        waiting: Counter[int] = uses(root)
        waiting[id(root)] = 0
        ready: list[plan.Relation] = [root]
        while ready:
            relation = ready.pop()
            nested = nested_in(relation)
            for inner in nested:
                self._need(inner, [inner.columns[0].name])
            self._tell_inputs(relation)
            for input_ in (*tables_of(relation), *nested):
                waiting[id(input_)] -= 1
                if waiting[id(input_)] == 0:
                    ready.append(input_)

    def _need(self, relation: plan.Relation, names: Iterable[str]) -> None:
        self.columns.setdefault(id(relation), set()).update(names)

    def _tell_inputs(self, relation: plan.Relation) -> None:
        mine = self.columns.setdefault(id(relation), set())
        own = columns_in(*_kept_scalars(relation, mine))
        match relation:
            case plan.Scan() | plan.Values() | plan.OuterRow():
                pass
            case plan.Filter(input, _) | plan.Sort(input, _) | plan.FirstOf(input, _):
                self._need(input, mine | own)
            case plan.Limit(input, _) | plan.Materialize(input):
                self._need(input, mine)
            case plan.Project(input, _) | plan.Summarize(input, _, _):
                self._need(input, own)
            case plan.Join(_, left, right, keys, right_names):
                left_names = {c.name for c in left.columns}
                self._need(left, (mine & left_names) | columns_in(*(a for a, _ in keys)))
                pairs = zip(right_names, right.columns, strict=True)
                self._need(right, {c.name for n, c in pairs if n in mine} | columns_in(*(b for _, b in keys)))
            case plan.Union(branches):
                wanted = [c for c in relation.columns if c.name in mine]
                for branch in branches:
                    names = plan.by_name(branch)
                    if len(wanted) < len(names):
                        self._need(branch, [o.name for c in wanted if (o := relation.origin(c, names)) is not None])
                    else:
                        self._need(branch, [c.name for c in names.values() if relation.name_of(c) in mine])
            case plan.Unnest(input, items, _, _, _):
                have = {c.name for c in input.columns}
                self._need(input, ((mine & have) - {i.column.name for i in items}) | own)
            case plan.Apply(input, row, inner):
                have = {c.name for c in input.columns}
                inner_names = {c.name for c in inner.columns}
                self._need(inner, mine & inner_names)
                # What the inner query reads of the row isn't known yet: it keeps every column it names.
                self._need(input, (mine & have) | _read_of_row(inner, row))
            case plan.TableFunction(_, branches, _, _):
                for branch in branches:
                    self._need(branch, [c.name for c in branch.columns])
            case _:
                assert_never(relation)


def _kept_scalars(relation: plan.Relation, needed: set[str]) -> list[plan.Scalar]:
    """The scalars that are still computed when only the needed columns are."""
    match relation:
        case plan.Project(_, outputs):
            return [o.value for o in _kept(outputs, needed)]
        case plan.Summarize(_, (), measures):
            return [m.value for m in _kept(measures, needed)]
        case plan.Summarize(_, keys, measures):
            return [k.value for k in keys] + [m.value for m in measures if m.name in needed]
    return scalars_of(relation)


def _kept(outputs: tuple[plan.Output, ...], needed: set[str]) -> tuple[plan.Output, ...]:
    # One stays even where none is read: rows must be counted somehow.
    return tuple([o for o in outputs if o.name in needed]) or outputs[:1]


def _read_of_row(inner: plan.Relation, row: plan.OuterRow) -> set[str]:
    names = {c.name for c in row.columns}
    found: set[str] = set()
    pending, seen = [inner], set[int]()
    while pending:
        relation = pending.pop()
        if id(relation) in seen:
            continue
        seen.add(id(relation))
        found |= columns_in(*scalars_of(relation)) & names
        pending += tables_of(relation)
    return found


class _Rebuilt:
    def __init__(self, needed: dict[int, set[str]]) -> None:
        self._needed = needed
        self._done: dict[int, tuple[plan.Relation, plan.Relation]] = {}

    def of(self, relation: plan.Relation) -> plan.Relation:
        kept = self._done.get(id(relation))
        if kept is None:
            # The old relation is kept beside, so that its id can't come to mean another.
            kept = relation, self._rebuild(relation, self._needed[id(relation)])
            self._done[id(relation)] = kept
        return kept[1]

    def _rebuild(self, old: plan.Relation, needed: set[str]) -> plan.Relation:
        relation = with_scalars(old, self.of)
        match relation:
            case plan.Scan(_, columns):
                # One column stays even where none is read: rows must be counted somehow.
                wanted = tuple([c for c in columns if c.name in needed]) or tuple(columns[:1])
                return relation if len(wanted) == len(columns) else replace(relation, columns=wanted)
            case plan.Values(columns, rows):
                places = [i for i, c in enumerate(columns) if c.name in needed] or list(range(len(columns[:1])))
                kept_rows = tuple(tuple(row[i] for i in places) for row in rows)
                return plan.Values(tuple(columns[i] for i in places), kept_rows)
            case plan.OuterRow():
                return relation
            case (
                plan.Filter(input, _)
                | plan.Sort(input, _)
                | plan.FirstOf(input, _)
                | plan.Limit(input, _)
                | plan.Materialize(input)
            ):
                return replace(relation, input=self.of(input))
            case plan.Project(input, outputs):
                return replace(relation, input=self.of(input), outputs=_kept(outputs, needed))
            case plan.Summarize(input, keys, measures):
                kept = tuple(m for m in measures if m.name in needed) if keys else _kept(measures, needed)
                return replace(relation, input=self.of(input), measures=kept)
            case plan.Join(_, left, right, _, right_names):
                new_left, new_right = self.of(left), self.of(right)
                names = dict(zip((c.name for c in right.columns), right_names, strict=True))
                return replace(
                    relation,
                    left=new_left,
                    right=new_right,
                    right_names=tuple(names[c.name] for c in new_right.columns),
                )
            case plan.Union(branches, columns):
                return replace(
                    relation,
                    inputs=tuple(self.of(b) for b in branches),
                    columns=tuple(c for c in columns if c.name in needed) or columns[:1],
                )
            case plan.Unnest(input, _, _, _, _):
                unnested = replace(relation, input=self.of(input))
                # An item stands in the place of the input's column of its name, which nobody may have to read.
                order = {c.name: i for i, c in enumerate(relation.columns)}
                ordered = sorted(unnested.columns, key=lambda c: order[c.name])
                if ordered == list(unnested.columns):
                    return unnested
                return plan.Project(
                    unnested, tuple(plan.Output(c.name, plan.ColumnRef(c.name, c.type)) for c in ordered)
                )
            case plan.Apply(input, row, inner):
                new_input = self.of(input)
                new_row = plan.OuterRow(new_input.columns)
                self._done[id(row)] = row, new_row
                return replace(relation, input=new_input, inner=self.of(inner), row=new_row)
            case plan.TableFunction(_, branches, _, _):
                return replace(relation, inputs=tuple(self.of(b) for b in branches))
        assert_never(relation)
