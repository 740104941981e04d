"""The snippets that `huntlake clients` prints."""

from __future__ import annotations

import ast
import json
import re

import pytest

from huntlake.cli.clients import names

from .conftest import Run

PYTHON = (
    "python",
    "azure-kusto-data",
    "azure-monitor-query",
    "azure-mgmt-logic",
    "azure-mgmt-securityinsight",
    "msticpy",
)


@pytest.fixture
def asked(run: Run) -> Run:
    run("workspace", "create", "soc")
    run("principal", "create", "hunter")
    return run


def test_all_clients_have_their_snippet(asked: Run) -> None:
    printed = asked("clients", "--url", "https://lake.example:1234").out
    assert re.findall(r"^---- (\S+) -", printed, re.MULTILINE) == names()
    assert "https://lake.example:1234/lake/kql" in printed
    assert "$url" not in printed


@pytest.mark.parametrize("name", PYTHON)
def test_snippets_in_python_are_python(asked: Run, name: str) -> None:
    ast.parse(asked("clients", name).out)


def test_snippets_for_ai_clients_are_json(asked: Run) -> None:
    for line in asked("clients", "mcp").out.splitlines():
        if line and not line.startswith("//"):
            assert json.loads(line)["mcpServers"]


def test_no_secret_is_printed(asked: Run) -> None:
    assert "HUNTLAKE_SECRET" in asked("clients", "curl").out


def test_an_unknown_client_is_told_which_there_are(asked: Run) -> None:
    assert "kqlmagic" in asked("clients", "excel").err
