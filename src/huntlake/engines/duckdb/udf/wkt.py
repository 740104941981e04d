"""Well-known text, turned into GeoJSON."""

from __future__ import annotations

import re
from collections.abc import Callable

from huntlake.engines.duckdb.udf.bags import written
from huntlake.engines.duckdb.udf.function import udf

_TOKEN = re.compile(r"\s*([A-Za-z]+|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[(),])")
_NAMES = {
    name.upper(): (name, depth)
    for name, depth in (
        ("Point", 0),
        ("LineString", 1),
        ("MultiPoint", 1),
        ("Polygon", 2),
        ("MultiLineString", 2),
        ("MultiPolygon", 3),
    )
}
"""The kinds of shape, and how deep their places are nested."""
_DEEPEST = 64
"""Collections within collections."""


@udf("hl_geo_from_wkt", "VARCHAR", returns="VARCHAR")
def geo_from_wkt(text: str | None) -> str | None:
    """A shape as GeoJSON; null where the text holds none."""
    try:
        reader = _Reader(text or "")
        shape = reader.shape(0)
    except ValueError:
        return None
    return written(shape) if reader.at_end else None


class _Reader:
    """Reads tokens from left to right; raises ValueError where one is not what it must be."""

    def __init__(self, text: str) -> None:
        self._text = text.rstrip()
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._text)

    def shape(self, depth: int) -> dict[str, object]:
        name = self._next().upper()
        if name == "GEOMETRYCOLLECTION" and depth < _DEEPEST:
            return {"type": "GeometryCollection", "geometries": self._list(lambda: self.shape(depth + 1))}
        if name not in _NAMES:
            raise ValueError(name)
        kind, nested = _NAMES[name]
        if kind == "Point":
            return {"type": kind, "coordinates": self._in_brackets()}
        if kind == "MultiPoint":
            return {"type": kind, "coordinates": self._list(self._maybe_in_brackets)}
        return {"type": kind, "coordinates": self._nested(nested)}

    def _nested(self, depth: int) -> object:
        return self._place() if depth == 0 else self._list(lambda: self._nested(depth - 1))

    def _place(self) -> list[float]:
        longitude, latitude = float(self._next()), float(self._next())
        return [int(n) if n.is_integer() else n for n in (longitude, latitude)]

    def _in_brackets(self) -> list[float]:
        self._expect("(")
        place = self._place()
        self._expect(")")
        return place

    def _maybe_in_brackets(self) -> list[float]:
        return self._in_brackets() if self._peek() == "(" else self._place()

    def _list(self, item: Callable[[], object]) -> list[object]:
        self._expect("(")
        items = [item()]
        while self._peek() == ",":
            self._next()
            items.append(item())
        self._expect(")")
        return items

    def _peek(self) -> str:
        found = _TOKEN.match(self._text, self._at)
        return found.group(1) if found else ""

    def _next(self) -> str:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise ValueError(self._text[self._at :])
        self._at = found.end()
        return found.group(1)

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise ValueError(token)
