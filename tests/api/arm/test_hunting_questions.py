"""Questions in plain words through the management API."""

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
        yield face


def ask(face: Face, **properties: Any) -> Any:
    subscription = face.app.subscription
    path = (
        f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers/"
        "Microsoft.OperationalInsights/workspaces/soc/providers/huntlake.Hunting/questions"
    )
    return face.http.post(path, json={"properties": properties}, params={"api-version": "2025-01-01"})


def test_a_reader_may_ask_and_only_who_hunts_may_have_it_run(face: Face) -> None:
    face.act_as(Role.SENTINEL_READER)
    said = ask(face, question="failed sign-ins in the last 2 days")
    assert said.status_code == 200, said.text
    answer = said.json()["properties"]
    assert answer["query"].startswith("SigninLogs\n| where TimeGenerated > ago(2d)")
    assert answer["maker"] == "core"
    assert answer["proof"]["valid"]
    assert answer["explanation"][0] == {"text": "Reads `SigninLogs`.", "start": 0, "end": 10}
    assert ask(face, question="failed sign-ins", dryRun=True).status_code == 403


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"question": ""}, 400),
        ({"question": "x" * 3000}, 400),
        ({"question": "sign-ins", "history": "P90D"}, 400),
        ({"question": "sign-ins", "table": "Nowhere"}, 404),
        ({"question": "sign-ins", "evil": 1}, 400),
    ],
)
def test_what_makes_no_sense_is_refused(face: Face, wrong: dict[str, Any], status: int) -> None:
    face.act_as(Role.SENTINEL_READER)
    assert ask(face, **wrong).status_code == status
