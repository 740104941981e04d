"""The playbooks that come with the house."""

from __future__ import annotations

import re

import orjson
import pytest

from huntlake.core.errors import NotFound
from huntlake.playbooks.samples import Sample, sample, samples
from huntlake.wdl.definition.reading import read
from huntlake.wdl.definition.workflow import TriggerType

ALL = samples()


@pytest.mark.parametrize("one", ALL, ids=lambda s: s.name)
def test_each_can_be_read_and_names_only_its_connections(one: Sample) -> None:
    assert read(one.definition).triggers
    text = orjson.dumps(one.definition).decode()
    used = set(re.findall(r"parameters\('\$connections'\)\['([^']+)'\]", text))
    assert used == set(one.connectors)


def test_there_are_enough_for_the_proof_against_crashes() -> None:
    assert len(ALL) >= 10
    triggers = {t.type for s in ALL for t in read(s.definition).triggers}
    assert {TriggerType.RECURRENCE, TriggerType.REQUEST, TriggerType.API_CONNECTION_WEBHOOK} <= triggers


def test_a_name_that_is_nearly_right_is_hinted_at() -> None:
    with pytest.raises(NotFound, match="open-ticket"):
        sample("open-tickets")
    with pytest.raises(NotFound):
        sample("../playbooks/open-ticket")
