"""What a language model was asked, through the management API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.faces import Face, served

from huntlake.ai.chat import Data, Proposal, Question
from huntlake.ai.endpoint import Place
from huntlake.ai.gateway import Gateway
from huntlake.ai.own import OwnThings
from huntlake.ai.scripted import Says, ScriptedServer
from huntlake.identity.rights import Role
from huntlake.state.audit import AuditTrail
from huntlake.state.records import Owner
from huntlake.state.sealing import Seal

BASE = "https://lake.example:8443"
CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
SCHEMA = {"type": "object", "properties": {"said": {"type": "string"}}, "required": ["said"]}


class Known:
    def of(self, owner: Owner) -> OwnThings:
        return OwnThings(people=(("jdoe",),))


@pytest.fixture
def face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Face]:
    with (
        ScriptedServer(lambda heard: Says('{"said": "HLT_USER_1"}')) as server,
        served(tmp_path, "https://management.azure.com") as face,
    ):
        state, clock = face.app.state, face.app.clock
        seal, audit, place = Seal(tmp_path / "k"), AuditTrail(state, clock), Place(server.url, "m")
        model = Gateway(state, clock, seal, audit, Known(), lambda workspace: place, "m")
        object.__setattr__(face.app.hunting, "model", model)
        yield face


def asked(face: Face) -> str:
    question = Question("ask", "t", "1", "?", [Data("log", "jdoe")], SCHEMA)
    answer = face.app.hunting.model.answer(("soc",), question, "ann")
    assert isinstance(answer, Proposal)
    return answer.call


def call(face: Face, role: Role, method: str, rest: str, properties: Any = None) -> Any:
    app, name = face.app, f"{role.name.lower()}@contoso.example"
    if app.sign_in.users.find(name) is None:
        app.sign_in.users.create(name, "correct horse battery", role.name)
        app.sign_in.users.grant(name, face.workspace.id, role)
    user = app.sign_in.users.find(name)
    assert user is not None
    token = app.tokens.issue_for(user, CLIENT, "https://management.azure.com", issuer=BASE).text
    path = (
        f"/subscriptions/{app.subscription.id}/resourceGroups/{app.subscription.group}/providers/"
        f"Microsoft.OperationalInsights/workspaces/soc/providers/huntlake.Hunting/{rest}"
    )
    body = None if properties is None else {"properties": properties}
    headers = {"Authorization": f"Bearer {token}"}
    return face.http.request(method, path, json=body, params={"api-version": "2025-01-01"}, headers=headers)


def test_calls_are_shown_with_tokens_to_those_who_hunt(face: Face) -> None:
    id = asked(face)
    listed = call(face, Role.SENTINEL_CONTRIBUTOR, "GET", "modelCalls")
    assert listed.status_code == 200, listed.text
    (one,) = listed.json()["value"]
    assert one["name"] == id
    assert (one["properties"]["outcome"], one["properties"]["responsible"]) == ("answered", "ann")
    assert "jdoe" not in listed.text
    assert call(face, Role.SENTINEL_READER, "GET", "modelCalls").status_code == 403
    assert call(face, Role.SENTINEL_CONTRIBUTOR, "PUT", f"modelCalls/{id}", {}).status_code in (403, 405)


def test_names_are_revealed_with_a_right_of_its_own_and_a_reason_that_is_kept(face: Face) -> None:
    id = asked(face)
    reveal = f"modelCalls/{id}/tokens"
    assert call(face, Role.SENTINEL_CONTRIBUTOR, "POST", reveal, {"reason": "to see"}).status_code == 403
    assert call(face, Role.SENIOR_HUNTER, "POST", reveal, {"reason": " "}).status_code == 400
    shown = call(face, Role.SENIOR_HUNTER, "POST", reveal, {"reason": "to see"})
    assert shown.json() == {"tokens": {"HLT_USER_1": "jdoe"}}
    rows: list[Any] = [row for _, row in face.app.state.read_after("rows of soc/HuntlakeAudit", "")]
    assert (rows[-1]["Action"], rows[-1]["Reason"], rows[-1]["ActorName"]) == (
        "model.tokensShown", "to see", "SENIOR_HUNTER",
    )  # fmt: skip


def test_how_the_model_is_can_be_read(face: Face) -> None:
    asked(face)
    told = call(face, Role.SENTINEL_READER, "GET", "models/default").json()["properties"]
    assert (told["model"], told["isAsked"], told["today"]["calls"], told["dialect"]) == ("m", True, 1, "json_schema")


def test_without_a_model_there_is_nothing_to_read(tmp_path: Path) -> None:
    with served(tmp_path, "https://management.azure.com") as face:
        assert call(face, Role.CONTRIBUTOR, "GET", "modelCalls").json()["value"] == []
        assert call(face, Role.CONTRIBUTOR, "GET", "models/default").status_code == 404
