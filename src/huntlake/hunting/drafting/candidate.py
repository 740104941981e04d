"""What a query may be drafted from, and what goes into it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from huntlake.hunting.drafting.draft import DraftSource
from huntlake.hunting.drafting.quoting import as_list
from huntlake.hunting.retrieval import HuntCandidate
from huntlake.kql.types import ScalarType

MOST_VALUES = 1_000
"""So many indicators or entities go into one query at most."""


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A parameter of a query: what it means, and what it is filled with.

    `default` is a literal of KQL; without one there must be a value. `indicators` are kinds of `IndicatorKind`,
    `entities` types of Sentinel's, whose values make the list that it is then; what the regular expression `without`
    finds in each is cut away.
    """

    name: str
    type: ScalarType
    about: str
    default: str = ""
    indicators: frozenset[str] = frozenset()
    entities: frozenset[str] = frozenset()
    without: str = ""

    @property
    def declared(self) -> str:
        """The parameter as a query declares it."""
        return f"{self.name}:{self.type}" + (f" = {self.default}" if self.default else "")


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a query may be drafted from: a rule of Sigma, a query, a template.

    `hunt` is it as ranking knows it; its `id` is `template/…`, `rule/…`, `query/…` or `sigma/…`, its `tables` are those
    of which the query needs one. `anomalies` are the kinds of anomaly it explains. `period` is the time that the query
    looks over. `has_rows` says whether one of its tables has rows here.
    """

    hunt: HuntCandidate
    source: DraftSource
    version: str
    parameters: tuple[QueryParameter, ...] = ()
    anomalies: frozenset[str] = frozenset()
    period: timedelta = timedelta(days=1)
    has_rows: bool = True

    @property
    def id(self) -> str:
        """By what it is asked for."""
        return self.hunt.id

    @property
    def is_sweep(self) -> bool:
        """Whether it looks for given values, and says nothing without them."""
        return any(not p.default for p in self.parameters)

    def filled(
        self, indicators: Iterable[tuple[str, str]] = (), entities: Iterable[tuple[str, str]] = ()
    ) -> Mapping[str, str] | None:
        """The parameters made of a signal's indicators (kind and value) and entities (type and value).

        Nothing for what has defaults alone; None where a parameter would have no value.
        """
        known, seen = list(indicators), list(entities)
        found: dict[str, str] = {}
        for parameter in self.parameters:
            values = [v for kind, v in known if kind in parameter.indicators]
            values += [v for type, v in seen if type in parameter.entities]
            if parameter.without:
                values = [cut for v in values if (cut := re.sub(parameter.without, "", v))]
            if values:
                found[parameter.name] = as_list([*dict.fromkeys(values)][:MOST_VALUES])
            elif not parameter.default:
                return None
        return found
