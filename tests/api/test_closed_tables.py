"""The journal of sign-ins as a table: for those alone who may audit every workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from huntlake.core.errors import Refused
from huntlake.identity.audiences import LAKE
from huntlake.identity.rights import Role

from .faces import Face, at, served

QUERY = "HuntlakeSignIns | sort by Sequence asc | project Action, ObjectId, Source = tostring(Details.source)"
CLOSED = "`HuntlakeSignIns` is closed to those who can't audit the lake"


def logs(face: Face, text: str) -> Any:
    return face.http.post(f"/v1/workspaces/{face.workspace.id}/query", json={"query": text})


def kusto(face: Face, text: str) -> Any:
    return face.http.post("/lake/kql/v1/rest/query", json={"db": f"soc-{face.workspace.id}", "csl": text})


def sign_in(face: Face) -> None:
    journal = face.app.sign_in.journal
    journal.refused("ann", "password", "the password is wrong", source="192.0.2.7", application="pages")


def test_sign_ins_are_read_by_who_may_audit_every_workspace(tmp_path: Path) -> None:
    with served(tmp_path, "https://api.loganalytics.io") as face:
        sign_in(face)
        for role in (Role.READER, Role.SENTINEL_CONTRIBUTOR, Role.SENIOR_HUNTER):
            face.act_as(role)
            told = logs(face, QUERY)
            assert told.status_code == 403, told.text
            assert CLOSED in told.text
        face.act_as(Role.CONTRIBUTOR)
        assert logs(face, QUERY).json()["tables"][0]["rows"] == [["user/signInRefused", "ann", "192.0.2.7"]]
        # The rows are of the whole lake: one who has no say in a part of it isn't told.
        face.app.workspaces.create("other")
        assert CLOSED in logs(face, QUERY).text


def test_what_asks_everything_and_what_runs_by_itself_leaves_sign_ins_out(tmp_path: Path) -> None:
    with served(tmp_path, LAKE) as face:
        sign_in(face)
        face.act_as(Role.CONTRIBUTOR)
        assert "192.0.2.7" in kusto(face, QUERY).text
        for text in (QUERY, "let f = () { HuntlakeSignIns }; f() | count", "union isfuzzy=true HuntlakeSignIns, Usage"):
            with pytest.raises(Refused, match="what runs by itself"):
                face.app.queries.run(face.workspace, text)
        face.act_as(Role.READER)
        assert CLOSED in kusto(face, QUERY).text
        everything = "search 'signInRefused' | count"
        assert "is closed" not in kusto(face, everything).text
        face.load("Usage", {"DataType": ["signInRefused"], "TimeGenerated": [at(9)]})
        assert kusto(face, everything).json()["Tables"][0]["Rows"] == [[1]]
