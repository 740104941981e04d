from __future__ import annotations

from pathlib import Path
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


def test_every_table_is_appended_and_told_of(tmp_path: Path) -> None:
    shelf, told = _Shelf(), list[tuple[str, int, int, int]]()
    truth = install(shelf, "demo", END, lambda *x: told.append(x), truth_file=tmp_path / "truth.json")
    assert set(shelf.rows) == set(TABLES)
    assert {(t[0], t[1]) for t in told} == set(shelf.rows.items())
    assert [t[2] for t in told] == list(range(1, len(TABLES) + 1))
    assert (tmp_path / "truth.json").read_text(encoding="utf-8") == truth.to_json()
