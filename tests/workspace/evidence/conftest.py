"""A session in memory, a way to bring it a file, and to read what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import huntlake
from huntlake.session import Session
from huntlake.workspace.evidence.custody import Evidence

Bring = Callable[..., Evidence]


@pytest.fixture
def session() -> Iterator[Session]:
    with huntlake.open() as opened:
        yield opened


@pytest.fixture
def bring(session: Session, tmp_path: Path) -> Bring:
    """Import a text, or bytes, as a file of that name; the record of it. Nothing of it may be lost without a word."""

    def bring(name: str, content: str | bytes, **options: Any) -> Evidence:
        folder = tmp_path / f"case-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
        report = session.import_evidence(folder, **options)
        assert all(f.unexplained == 0 for f in report.files)
        return report.files[-1]

    return bring


@pytest.fixture
def rows(session: Session) -> Callable[[str], list[dict[str, Any]]]:
    """The rows that a query answers with, without columns that say nothing."""

    def ask(kql: str) -> list[dict[str, Any]]:
        return [{n: v for n, v in row.items() if v not in (None, "")} for row in session.query(kql).to_dicts()]

    return ask
