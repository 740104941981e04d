"""Which of Sentinel's data connectors bring a table: `content/hunting/data_connectors.yaml`, read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).parents[2] / "content" / "hunting" / "data_connectors.yaml"


def connectors_of(tables: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """The connectors of some tables, each with those that it brings; a table that several may bring has none."""
    found: dict[str, list[str]] = defaultdict(list)
    for table in tables:
        if (connector := _known().get(table)) is not None:
            found[connector].append(table)
    return found


@cache
def _known() -> Mapping[str, str]:
    said: Mapping[str, Sequence[str]] = yaml.safe_load(FILE.read_bytes())
    return {table: connector for connector, tables in said.items() for table in tables}
