"""Searching and replacing that SQL has no words for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from huntlake.engines.duckdb.udf.function import udf


@udf("hl_has_term", "VARCHAR", "VARCHAR", returns="BOOLEAN")
def has_term(source: str | None, pattern: str | None) -> bool:
    """Whether a term is found in a text by a pattern in which `[\\W_]` parts terms: all but letters and digits."""
    return re.search(pattern or "", source or "") is not None


@udf("hl_indexof", "VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "BIGINT", returns="BIGINT")
def indexof(
    source: str | None, match: str | None, start: int | None, length: int | None, occurrence: int | None
) -> int | None:
    """The zero-based place of an occurrence of `match`, -1 where it isn't there; null where that makes no sense."""
    if source is None or match is None or start is None or length is None or occurrence is None:
        return None
    if length < -1 or occurrence < 1:
        return None
    at = max(start + len(source), 0) if start < 0 else start
    while True:
        # The length counts anew from each place where the search goes on, as the reference's examples show.
        end = len(source) if length < 0 else at + length
        found = source.find(match, at, end)
        if found < 0 or occurrence == 1:
            return found
        at, occurrence = found + max(len(match), 1), occurrence - 1


@udf("hl_replace_strings", "VARCHAR", "VARCHAR", "VARCHAR", returns="VARCHAR")
def replace_strings(text: str | None, lookups: str | None, rewrites: str | None) -> str:
    """`text` with the lookups of a JSON array replaced by those of another; the earlier lookup goes first."""
    pieces = [(text or "", False)]
    for sought, written in zip(_array(lookups), _array(rewrites), strict=False):
        if isinstance(sought, str) and sought:
            # What is no text replaces nothing, but still takes the place from the lookups after it.
            to = written if isinstance(written, str) else sought
            pieces = [part for piece in pieces for part in ([piece] if piece[1] else _parted(piece[0], sought, to))]
    return "".join(piece for piece, _ in pieces)


def _parted(text: str, sought: str, to: str) -> Iterator[tuple[str, bool]]:
    """The parts of a text around what is sought, each with whether it is replaced already."""
    for i, part in enumerate(text.split(sought)):
        if i:
            yield to, True
        yield part, False


def _array(text: str | None) -> list[object]:
    value = json.loads(text) if text else None
    return value if isinstance(value, list) else []
