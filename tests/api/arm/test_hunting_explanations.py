"""Explanations of queries through the management API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.faces import Face, served

from huntlake.identity.rights import Role


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    with served(tmp_path, "https://management.azure.com") as face:
        face.act_as(Role.SENTINEL_READER)
        yield face


def explain(face: Face, **properties: Any) -> Any:
    subscription = face.app.subscription
    path = (
        f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers/"
        "Microsoft.OperationalInsights/workspaces/soc/providers/huntlake.Hunting/explanations"
    )
    return face.http.post(path, json={"properties": properties}, params={"api-version": "2026-01-01"})


def test_a_query_is_told_in_words_each_with_its_place(face: Face) -> None:
    query = "SigninLogs\n| where ResultType == '0'\n| sort by TimeGenerated"
    answer = explain(face, query=query)
    assert answer.status_code == 200, answer.text
    said = answer.json()["properties"]
    assert said["explanation"][0] == {"text": "Reads `SigninLogs`.", "start": 0, "end": 10}
    assert len(said["explanation"]) == 3
    assert "every row is sorted" in " ".join(f["reason"] for f in said["findings"])
    assert all(f["line"] and f["title"] for f in said["findings"])


def test_a_query_that_cant_be_understood_is_refused_at_its_place(face: Face) -> None:
    answer = explain(face, query="SigninLogs | were x == 1")
    assert answer.status_code == 400
    assert "[line 1, column 14]" in answer.json()["error"]["message"]


@pytest.mark.parametrize("wrong", [{}, {"query": "x" * 300_000}, {"query": "T", "evil": 1}])
def test_what_makes_no_sense_is_refused(face: Face, wrong: dict[str, Any]) -> None:
    assert explain(face, **wrong).status_code == 400
