from __future__ import annotations

from typing import Any

from huntlake.demo.generator import TABLES
from huntlake.demo.install import install

from .conftest import END


class _Shelf:
    """Keeps how many rows each table was given."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}

    def append_arrow(self, workspace: str, table: str, rows: Any) -> int:
        assert workspace == "demo"
        self.rows[table] = self.rows.get(table, 0) + rows.num_rows
        return int(rows.num_rows)


def test_every_table_is_appended_and_told_of() -> None:
    shelf, told = _Shelf(), list[tuple[str, int, int, int]]()
    truth = install(shelf, "demo", END, lambda *x: told.append(x))
    assert tuple(shelf.rows) == TABLES
    assert [(t[0], t[1]) for t in told] == list(shelf.rows.items())
    assert told[-1][2] == told[-1][3] == len(TABLES)
    assert truth.steps
