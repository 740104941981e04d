"""Proofs of queries through the management API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.faces import Face, served

from huntlake.hunting.proof.rules import RULES
from huntlake.identity.rights import Role


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    with served(tmp_path, "https://management.azure.com") as face:
        yield face


def call(face: Face, method: str, rest: str, **properties: Any) -> Any:
    subscription = face.app.subscription
    path = (
        f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers/"
        f"Microsoft.OperationalInsights/workspaces/soc/providers/huntlake.Hunting/{rest}"
    )
    body = {"properties": properties} if properties else None
    return face.http.request(method, path, json=body, params={"api-version": "2025-01-01"})


def test_a_reader_may_ask_what_a_text_says_and_only_who_hunts_may_have_it_run(face: Face) -> None:
    face.act_as(Role.SENTINEL_READER)
    said = call(face, "POST", "proofs", query="SigninLogs | where UserPrincipalNam == 'x'")
    assert said.status_code == 200
    (finding, *_) = said.json()["properties"]["findings"]
    assert (finding["code"], finding["line"], finding["column"]) == ("HP011", 1, 20)
    query = "SigninLogs | where UserPrincipalName == 'x'"
    assert call(face, "POST", "proofs", query=query, dryRun=True).status_code == 403
    face.act_as(Role.SENTINEL_CONTRIBUTOR)
    ran = call(face, "POST", "proofs", query=query, dryRun=True, history="P7D").json()["properties"]
    assert ran["dryRun"]["rows"] == 0
    assert ran["ran"]


@pytest.mark.parametrize(
    "wrong", [{"history": "P1D"}, {"period": "PT1M"}, {"limits": {"seconds": 0}}, {"unknown": 1}, {"query": None}]
)
def test_what_is_out_of_bounds_or_unknown_is_refused(face: Face, wrong: dict[str, Any]) -> None:
    face.act_as(Role.SENTINEL_CONTRIBUTOR)
    assert call(face, "POST", "proofs", **({"query": "SigninLogs"} | wrong)).status_code == 400


def test_the_rules_can_be_read_and_not_written(face: Face) -> None:
    face.act_as(Role.SENTINEL_CONTRIBUTOR)
    listed = call(face, "GET", "proofRules").json()["value"]
    assert {rule["name"] for rule in listed} == set(RULES)
    assert call(face, "GET", "proofRules/HP101").json()["properties"]["level"] == "error"
    assert call(face, "GET", "proofRules/HP999").status_code == 404
    assert call(face, "PUT", "proofRules/HP101", title="x").status_code >= 400
