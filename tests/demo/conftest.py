"""One demo for all tests of it: it is made once, in about two seconds, and never changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from huntlake.demo.generator import Demo
from huntlake.demo.truth import GroundTruth

END = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def demo() -> tuple[dict[str, Any], GroundTruth]:
    """Every table by name, and the truth about the attack."""
    made = Demo(END)
    tables = {t.name: t.rows for t in made.tables()}
    return tables, made.truth()


@pytest.fixture(scope="session")
def tables(demo: tuple[dict[str, Any], GroundTruth]) -> dict[str, Any]:
    return demo[0]


@pytest.fixture(scope="session")
def truth(demo: tuple[dict[str, Any], GroundTruth]) -> GroundTruth:
    return demo[1]
