"""The schema of many dynamics: what types their properties have."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from huntlake.engines.duckdb.udf.bags import written
from huntlake.engines.duckdb.udf.function import udf

_INDEXER = "`indexer`"
"""The name that stands for the elements of an array."""


@dataclass
class Schema:
    """The types met at one place: plain ones by their names, and one container of all bags and arrays."""

    types: list[object] = field(default_factory=list)
    properties: dict[str, Schema] | None = None

    def add(self, value: object) -> None:
        """Let `value` in."""
        match value:
            case None:
                return
            case dict():
                for name, inner in value.items():
                    self._container().setdefault(name, Schema()).add(inner)
                self._container()
            case list():
                elements = self._container().setdefault(_INDEXER, Schema())
                for inner in value:
                    elements.add(inner)
            case _:
                name = _name_of(value)
                if name not in self.types:
                    self.types.append(name)

    def _container(self) -> dict[str, Schema]:
        if self.properties is None:
            self.properties = {}
            self.types.append(self.properties)
        return self.properties

    def shown(self) -> object:
        """A type by its name, a container as an object, several types as an array of them; None for none."""
        all_of = [
            t if isinstance(t, str) else {n: s.shown() for n, s in (self.properties or {}).items()} for t in self.types
        ]
        return all_of[0] if len(all_of) == 1 else all_of or None


@udf("hl_schema", "VARCHAR", returns="VARCHAR")
def schema(values: str | None) -> str | None:
    """The schema of the elements of a JSON array; null where there are none."""
    found = Schema()
    for value in json.loads(values) if values else []:
        found.add(value)
    shown = found.shown()
    return None if shown is None else written(shown)


def _name_of(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "long"
        case float():
            return "double"
        case _:
            return "string"
