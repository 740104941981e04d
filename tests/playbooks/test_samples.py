"""The playbooks that come with the house."""

from __future__ import annotations

import json
import re
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from huntlake.cli import app
from huntlake.core.errors import NotFound
from huntlake.playbooks.samples import Sample, sample, samples
from huntlake.wdl.definition.reading import read
from huntlake.wdl.definition.workflow import TriggerType

RUNNER = CliRunner()
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


def test_each_is_deployed_with_connections_that_write_nothing(tmp_path: Path) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert RUNNER.invoke(app, ["workspace", "create", "soc", *home]).exit_code == 0
    done = RUNNER.invoke(app, ["playbook", "samples", "--install", *home])
    assert done.exit_code == 0, done.output
    kept = json.loads(RUNNER.invoke(app, ["playbook", "list", "-o", "json", *home]).stdout)
    assert len(kept) == len(ALL)
    connections = json.loads(RUNNER.invoke(app, ["connection", "list", "-o", "json", *home]).stdout)
    assert {c["mode"] for c in connections} == {"dry-run"}
    linted = RUNNER.invoke(app, ["playbook", "lint", "open-ticket", "--strict", *home])
    assert linted.exit_code == 0, linted.output
