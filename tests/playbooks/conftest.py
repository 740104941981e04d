"""What tests of playbooks share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.playbooks.desk import Desk, desk_at
from tests.state.conftest import postgres

__all__ = ["desk", "postgres"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A house of its own, with an incident in it, and a live connection to Sentinel."""
    with desk_at(tmp_path / "home") as made:
        made.connect("azuresentinel")
        yield made
