"""Workflows keep each version that they ever had."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid
from huntlake.playbooks.workflows import Workflow, Workflows
from huntlake.state.memory import MemoryShelf

ONE = {"triggers": {"manual": {"type": "Request"}}, "actions": {"a": {"type": "Compose", "inputs": 1}}}
TWO = {"triggers": {"manual": {"type": "Request"}}, "actions": {"a": {"type": "Compose", "inputs": 2}}}


@pytest.fixture
def workflows() -> Workflows:
    return Workflows(MemoryShelf(), FixedClock(datetime(2026, 11, 21, 12, tzinfo=UTC)))


def test_a_run_finds_the_version_it_was_started_with(workflows: Workflows) -> None:
    first, new = workflows.put("Enrich", Workflow(ONE, "soc"))
    second, again = workflows.put("enrich", Workflow(TWO, "soc"))
    assert (new, again) == (True, False)
    assert first.value.version != second.value.version
    assert workflows.version("ENRICH", first.value.version).definition == ONE
    assert len(workflows.versions("Enrich")) == 2


def test_what_changes_neither_definition_nor_parameters_is_no_new_version(workflows: Workflows) -> None:
    first, _ = workflows.put("Enrich", Workflow(ONE, "soc"))
    second, _ = workflows.put("Enrich", Workflow(ONE, "soc", tags={"team": "blue"}))
    assert first.value.version == second.value.version


def test_a_definition_that_cannot_be_read_is_not_stored(workflows: Workflows) -> None:
    with pytest.raises(Invalid, match="can't be read"):
        workflows.put("Broken", Workflow({"triggers": {}, "actions": {"a": {"type": "Nothing"}}}, "soc"))
    assert workflows.find("Broken") is None
