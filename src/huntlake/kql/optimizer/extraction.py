"""Paths into dynamic columns, told to the scans: what a table keeps beside need not be looked for in JSON.

Each hot path becomes two columns of its scan, its JSON and its text, which the relations above pass on to where it is
read. Where nothing is hot the plan stays as it is, but for what the scans know of the paths that were asked for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from huntlake.kql import forms, plan
from huntlake.kql.optimizer.pruning import pruned
from huntlake.kql.plan.graph import computed_in, inputs_of, mapped, uses, with_subqueries
from huntlake.kql.types import ScalarType

R = TypeVar("R", bound=plan.Relation)

Place = tuple[str, tuple[str | int, ...]]
"""A column, and the steps into its dynamics; without steps it is the column itself."""


def extracted(root: plan.Relation) -> plan.Relation:
    """The plan whose scans know which paths it asks for, and bring along those that are hot."""
    relations = _below(root)
    if not any(_reads_path(s) for r in relations for s in computed_in(r)):
        return root
    wanted = _Wanted(root).places
    scans = [r for r in relations if isinstance(r, plan.Scan)]
    asked = {id(s): {p: path for p in wanted[id(s)] if (path := _path(s, p)) is not None} for s in scans}
    if not any(asked.values()):
        return root
    rebuilt = _Rebuilt(relations, wanted, asked)
    new = rebuilt.exactly(root)
    # Columns of JSON from which nothing is read any more need not be read.
    return pruned(new) if rebuilt.extracts else new


class _Wanted:
    """For each relation, the places in its columns that are read above it: gathered readers first."""

    def __init__(self, root: plan.Relation) -> None:
        self.places: defaultdict[int, dict[Place, None]] = defaultdict(dict)
        waiting: Counter[int] = uses(root)
        waiting[id(root)] = 0
        ready: list[plan.Relation] = [root]
        while ready:
            relation = ready.pop()
            for input_, places in _asked_of_inputs(relation, self.places[id(relation)]):
                self.places[id(input_)].update(dict.fromkeys(places))
            for input_ in inputs_of(relation):
                waiting[id(input_)] -= 1
                if waiting[id(input_)] == 0:
                    ready.append(input_)


def _asked_of_inputs(
    relation: plan.Relation, places: Iterable[Place]
) -> Iterator[tuple[plan.Relation, Iterable[Place]]]:
    """The places of its inputs that a relation reads itself, and those that it can pass on."""
    match relation:
        case plan.Filter(input) | plan.Sort(input) | plan.FirstOf(input):
            yield input, [*places, *_places_in(computed_in(relation))]
        case plan.Limit(input) | plan.Materialize(input):
            yield input, places
        case plan.Project(input, outputs):
            values = {o.name: o.value for o in outputs}
            yield input, [*_places_in(computed_in(relation)), *filter(None, (_beneath(values, p) for p in places))]
        case plan.Summarize(input):
            yield input, _places_in(computed_in(relation))
        case plan.Unnest(input):
            kept = _kept(relation)
            yield input, [*(p for p in places if p[0] in kept), *_places_in(computed_in(relation))]
        case plan.Join(_, left, right):
            for side, names in _passing(relation):
                yield (left, right)[side], [(names[c], steps) for c, steps in places if c in names]


class _Rebuilt:
    """The plan anew. `offers` are, for each relation of the old plan, the places that the new one has columns for."""

    def __init__(
        self,
        relations: Iterable[plan.Relation],
        wanted: Mapping[int, Iterable[Place]],
        asked: Mapping[int, Mapping[Place, plan.Path]],
    ) -> None:
        self._wanted = wanted
        self._asked = asked
        self._done: dict[int, tuple[plan.Relation, plan.Relation]] = {}
        self._offers: dict[int, dict[Place, plan.Extracted]] = {}
        self.extracts = False
        """Whether a path of any scan is hot."""
        # SQL takes `a` and `A` for one name.
        self._taken = {c.name.lower() for r in relations for c in r.columns}

    def exactly(self, relation: plan.Relation) -> plan.Relation:
        """The relation, with its own columns and no other."""
        new = self.of(relation)
        if len(new.columns) == len(relation.columns):
            return new
        return plan.Project(new, tuple(plan.Output(c.name, plan.ColumnRef(c.name, c.type)) for c in relation.columns))

    def of(self, relation: plan.Relation) -> plan.Relation:
        kept = self._done.get(id(relation))
        if kept is None:
            # The old relation is kept beside, so that its id can't come to mean another.
            kept = relation, self._rebuild(relation)
            self._done[id(relation)] = kept
        return kept[1]

    def _rebuild(self, old: plan.Relation) -> plan.Relation:
        offers = self._offers.setdefault(id(old), {})
        match old:
            case plan.Scan():
                return self._scan(old, offers)
            case plan.Filter(input) | plan.Sort(input) | plan.Limit(input) | plan.FirstOf(input):
                offers.update(self._offered(input))
                return replace(self._reading(old, offers), input=self.of(input))
            case plan.Materialize(input):
                offers.update(self._offered(input))
                return replace(old, input=self.of(input))
            case plan.Project(input, outputs):
                below = self._offered(input)
                new = self._reading(old, below)
                values = {o.name: o.value for o in outputs}
                for place in self._wanted[id(old)]:
                    if (found := below.get(_beneath(values, place) or ("", ()))) is not None:
                        offers[place] = found
                passed = dict.fromkeys(c for found in offers.values() for c in _columns(found))
                more = tuple(plan.Output(c.name, c) for c in passed)
                return replace(new, input=self.of(input), outputs=new.outputs + more)
            case plan.Unnest(input):
                kept = _kept(old)
                below = self._offered(input)
                offers.update({p: e for p, e in below.items() if p[0] in kept})
                return replace(self._reading(old, below), input=self.of(input))
            case plan.Summarize(input):
                return replace(self._reading(old, self._offered(input)), input=self.of(input))
            case plan.Join(_, left, right, _, right_names):
                passing = dict(_passing(old))
                sides = [self.of(s) if i in passing else self.exactly(s) for i, s in enumerate((left, right))]
                for i, names in passing.items():
                    below = self._offered((left, right)[i])
                    places = {p: (names[p[0]], p[1]) for p in self._wanted[id(old)] if p[0] in names}
                    offers.update({above: below[p] for above, p in places.items() if p in below})
                own = dict(zip((c.name for c in right.columns), right_names, strict=True))
                names_of = tuple(own.get(c.name, c.name) for c in sides[1].columns)
                return replace(self._reading(old, {}), left=sides[0], right=sides[1], right_names=names_of)
            case plan.Union(branches) | plan.TableFunction(_, branches):
                return replace(self._reading(old, {}), inputs=tuple(self.exactly(b) for b in branches))
            case plan.Apply(input, _, inner):
                return replace(old, input=self.exactly(input), inner=self.exactly(inner))
            case plan.Values() | plan.OuterRow():
                return self._reading(old, {})

    def _offered(self, input: plan.Relation) -> dict[Place, plan.Extracted]:
        self.of(input)
        return self._offers[id(input)]

    def _scan(self, scan: plan.Scan, offers: dict[Place, plan.Extracted]) -> plan.Scan:
        asked = self._asked[id(scan)]
        made = []
        for place, path in asked.items():
            if plan.Path(path.column.lower(), path.path) in scan.hot:
                name = self._name(f"{path.column}{path.path[1:]}")
                made.append(plan.Extraction(path, name, self._name(f"{name} text")))
                offers[place] = plan.Extracted(made[-1].json, made[-1].text)
        more = tuple(c for found in offers.values() for c in _columns(found))
        columns = (*scan.columns, *more) if more else scan.columns
        self.extracts = self.extracts or bool(made)
        return replace(scan, columns=columns, asked=tuple(dict.fromkeys(asked.values())), extracted=tuple(made))

    def _name(self, wanted: str) -> str:
        name, number = wanted, 1
        while name.lower() in self._taken:
            name, number = f"{wanted} {number}", number + 1
        self._taken.add(name.lower())
        return name

    def _reading(self, relation: R, offers: Mapping[Place, plan.Extracted]) -> R:
        """The relation, its scalars reading what its input offers."""

        def inside(scalar: plan.Scalar) -> plan.Scalar:
            if isinstance(scalar, plan.ColumnRef | plan.Literal):
                return scalar
            return with_subqueries(_rewritten(scalar, offers) if offers else scalar, self.exactly)

        new = mapped(relation, inside) if computed_in(relation) else relation
        assert isinstance(new, type(relation))
        return new


def _rewritten(scalar: plan.Scalar, offers: Mapping[Place, plan.Extracted]) -> plan.Scalar:
    place = _place(scalar)
    if place is not None and place in offers:
        return offers[place]
    match scalar:
        case plan.Call(_, _, arguments):
            return replace(scalar, arguments=tuple(_rewritten(a, offers) for a in arguments))
        case plan.Convert(value, _) | plan.Among(value, _):
            return replace(scalar, value=_rewritten(value, offers))
        case plan.DynamicPath(value, steps):
            new = tuple(s if isinstance(s, str | int) else _rewritten(s, offers) for s in steps)
            return replace(scalar, value=_rewritten(value, offers), steps=new)
    return scalar


def _below(root: plan.Relation) -> list[plan.Relation]:
    """Every relation of a plan, once."""
    found: dict[int, plan.Relation] = {}
    pending = [root]
    while pending:
        relation = pending.pop()
        if id(relation) not in found:
            found[id(relation)] = relation
            pending += inputs_of(relation)
    return list(found.values())


def _reads_path(scalar: plan.Scalar) -> bool:
    match scalar:
        case plan.DynamicPath():
            return True
        case plan.Call(_, _, arguments):
            return any(_reads_path(a) for a in arguments)
        case plan.Convert(value, _) | plan.Among(value, _):
            return _reads_path(value)
    return False


def _places_in(scalars: Iterable[plan.Scalar]) -> Iterator[Place]:
    """The places that scalars read."""
    pending = list(scalars)
    while pending:
        scalar = pending.pop()
        if (place := _place(scalar)) is not None:
            yield place
            continue
        match scalar:
            case plan.Call(_, _, arguments):
                pending += arguments
            case plan.Convert(value, _) | plan.Among(value, _):
                pending.append(value)
            case plan.DynamicPath(value, steps):
                pending.append(value)
                pending += [s for s in steps if not isinstance(s, str | int)]


def _place(scalar: plan.Scalar) -> Place | None:
    """The place in a column that a scalar is; None where it is something else."""
    match scalar:
        case plan.ColumnRef(name, ScalarType.DYNAMIC):
            return name, ()
        case plan.DynamicPath(value, steps):
            constant = tuple(s for s in steps if isinstance(s, str | int) and s not in forms.NO_PATH)
            base = _place(value)
            return (base[0], base[1] + constant) if base and len(constant) == len(steps) else None
        case plan.Call(function, _, (value,)) if function.name == "todynamic":
            # Of a dynamic it is the dynamic itself.
            return _place(value)
    return None


def _path(scan: plan.Scan, place: Place) -> plan.Path | None:
    """The path of a place in a scan; None of a column itself."""
    return plan.Path(place[0], forms.json_path(place[1])) if place[1] else None


def _beneath(values: Mapping[str, plan.Scalar], place: Place) -> Place | None:
    """The place in the input of a projection, whose `values` are by name, that is a place in its output."""
    base = _place(values[place[0]]) if place[0] in values else None
    return (base[0], base[1] + place[1]) if base else None


def _kept(unnest: plan.Unnest) -> set[str]:
    """The columns that come through it as they are."""
    return {c.name for c in unnest.input.columns} - {i.column.name for i in unnest.items} - {unnest.index or ""}


def _passing(join: plan.Join) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The sides, 0 and 1, of which every row of the join has one, and their columns' names by those in the join."""
    kind = join.kind
    if kind not in (plan.JoinKind.RIGHT_OUTER, plan.JoinKind.FULL_OUTER):
        yield 0, {c.name: c.name for c in join.left.columns}
    alone = kind in (plan.JoinKind.LEFT_SEMI, plan.JoinKind.LEFT_ANTI)
    if not alone and kind not in (plan.JoinKind.LEFT_OUTER, plan.JoinKind.FULL_OUTER):
        yield 1, dict(zip(join.right_names, (c.name for c in join.right.columns), strict=True))


def _columns(found: plan.Extracted) -> tuple[plan.ColumnRef, plan.ColumnRef]:
    return plan.ColumnRef(found.json, ScalarType.DYNAMIC), plan.ColumnRef(found.text, ScalarType.STRING)
