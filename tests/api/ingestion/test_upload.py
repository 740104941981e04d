"""The Logs Ingestion API over a real lake: from a request to the row that a query sees."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from huntlake.api.limits import IngestionLimits
from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Busy, Unavailable
from huntlake.core.settings import load
from huntlake.identity.principals import Principal
from huntlake.identity.rights import Role
from huntlake.identity.throttle import Throttled
from huntlake.server import create_app
from huntlake.workspace.collection import definition_of

from ..conftest import BASE, NOW

STREAM = "Custom-Events_CL"
RULE = {
    "kind": "Direct",
    "properties": {
        "streamDeclarations": {
            STREAM: {
                "columns": [
                    {"name": "TimeGenerated", "type": "datetime"},
                    {"name": "User", "type": "string"},
                    {"name": "Level", "type": "long"},
                ]
            }
        },
        "destinations": {"logAnalytics": [{"workspaceResourceId": "contoso", "name": "here"}]},
        "dataFlows": [
            {"streams": [STREAM], "destinations": ["here"], "transformKql": "source | where Level > 0"},
        ],
    },
}


@dataclass(frozen=True)
class Lake:
    """An open app, and a client that may send through one rule."""

    app: App
    client: TestClient
    rule: str

    def send(self, body: object, *, stream: str = STREAM, rule: str = "", **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(
            f"/dataCollectionRules/{rule or self.rule}/streams/{stream}",
            params={"api-version": "2023-01-01"},
            content=content,
            headers={"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()},
        )

    def users(self) -> list[str]:
        workspace = self.app.workspaces.get("contoso")
        (table,) = self.app.queries.run(workspace, "Events_CL | project User | sort by User asc").tables
        return [user for (user,) in json.loads(b"[" + b",".join(table.json_rows()) + b"]")]

    def token(self, principal: Principal, audience: str = "https://monitor.azure.com") -> str:
        return f"Bearer {self.app.tokens.issue(principal, audience, issuer=BASE).text}"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    app = App.open(tmp_path, load(tmp_path, memory_limit="500MB"), FixedClock(NOW))
    workspace = app.workspaces.create("contoso")
    sender = app.principals.grant(app.principals.create("sender").client_id, workspace.id, Role.PUBLISHER)
    rule = app.collection.rules.put("events", definition_of(RULE)).value.immutable_id
    with TestClient(create_app(app), BASE, raise_server_exceptions=False) as client:
        found = Lake(app, client, rule)
        client.headers["Authorization"] = found.token(sender)
        yield found
    app.close()


def told(answer: Any) -> tuple[int, str]:
    """The status, and the code in the service's envelope."""
    body = answer.json()
    assert list(body) == ["error"]
    assert set(body["error"]) == {"code", "message"}
    return answer.status_code, body["error"]["code"]


def test_records_are_taken_with_an_empty_204_and_seen_at_once(lake: Lake) -> None:
    answer = lake.send([{"User": "ann", "Level": 1}, {"User": "bob", "Level": 0}, {"Level": "high"}, 5])
    assert (answer.status_code, answer.content) == (204, b"")
    counts = {n: answer.headers[f"x-huntlake-{n}"] for n in ("received", "stored", "dropped", "rejected")}
    assert counts == {"received": "4", "stored": "1", "dropped": "1", "rejected": "2"}
    assert lake.users() == ["ann"]


def test_an_empty_array_is_no_fault(lake: Lake) -> None:
    assert lake.send([]).status_code == 204


def test_a_packed_body_is_unpacked(lake: Lake) -> None:
    body = gzip.compress(json.dumps([{"User": "ann", "Level": 1}]).encode())
    assert lake.send(body, Content_Encoding="gzip").status_code == 204
    assert lake.users() == ["ann"]


def test_lines_are_taken_where_the_type_says_so(lake: Lake) -> None:
    body = b'{"User":"ann","Level":1}\n\n{"User":"bob","Level":2}\n'
    assert lake.send(body, Content_Type="application/x-ndjson").status_code == 204
    assert lake.users() == ["ann", "bob"]
    assert told(lake.send(b'{"a":1}\n{', Content_Type="application/x-ndjson")) == (400, "BadRequest")


@pytest.mark.parametrize("path", ["/datacollectionrules/{}/STREAMS/", "/DataCollectionRules/{}/Streams/"])
def test_case_does_not_count_in_the_path(lake: Lake, path: str) -> None:
    where = path.format(lake.rule) + STREAM
    answer = lake.client.post(where, params={"api-version": "2021-11-01-preview"}, json=[])
    assert answer.status_code == 204


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{not json", b'{"an":"object"}', b"5", b'[{"a":1}', b"[" * 10_000, b"\xff"]
)
def test_what_is_no_array_is_a_400(lake: Lake, body: bytes) -> None:
    assert told(lake.send(body)) == (400, "BadRequest")


def test_a_body_that_is_too_large_is_a_413(lake: Lake) -> None:
    large = json.dumps([{"User": "x" * (1 << 20)}]).encode()
    assert told(lake.send(large)) == (413, "ContentLengthLimitExceeded")
    assert told(lake.send(gzip.compress(large * 2), Content_Encoding="gzip")) == (413, "ContentLengthLimitExceeded")


def test_a_bomb_is_never_unpacked_as_a_whole(lake: Lake) -> None:
    bomb = gzip.compress(bytes(1 << 29), 9)
    assert len(bomb) < 1 << 20
    assert told(lake.send(bomb, Content_Encoding="gzip")) == (413, "ContentLengthLimitExceeded")


def test_what_a_client_of_azure_takes_for_one_mebibyte_is_taken(lake: Lake) -> None:
    records = [{"Level": n % 10} for n in range((1 << 20) // 12)]
    body = gzip.compress(json.dumps(records).encode())
    assert lake.send(body, Content_Encoding="gzip").status_code == 204


def test_other_encodings_and_types_are_a_415(lake: Lake) -> None:
    assert told(lake.send([], Content_Encoding="br")) == (415, "UnsupportedContentEncoding")
    assert told(lake.send([], Content_Type="text/csv")) == (415, "UnsupportedContentType")
    assert told(lake.send(b"no gzip", Content_Encoding="gzip")) == (400, "BadRequest")


def test_a_stream_that_the_rule_does_not_have_is_a_400(lake: Lake) -> None:
    assert told(lake.send([], stream="Custom-Other_CL")) == (400, "InvalidStream")


def test_a_rule_that_is_not_there_is_a_404(lake: Lake) -> None:
    assert told(lake.send([], rule="dcr-" + "0" * 32)) == (404, "NotFound")
    assert told(lake.send([], rule="not-a-rule")) == (404, "NotFound")


def test_without_a_token_or_with_one_for_another_api_there_is_a_401(lake: Lake) -> None:
    sender = lake.app.principals.list()[0]
    for token in ("", "Bearer x", lake.token(sender, "https://management.azure.com")):
        answer = lake.send([], Authorization=token)
        assert told(answer) == (401, "Unauthorized")
        assert "Bearer" in answer.headers["www-authenticate"]


@pytest.mark.parametrize(("role", "status"), [(None, 403), (Role.READER, 403), (Role.CONTRIBUTOR, 204)])
def test_only_roles_that_may_publish_may_send(lake: Lake, role: Role | None, status: int) -> None:
    other = lake.app.principals.create("other")
    if role:
        other = lake.app.principals.grant(other.client_id, lake.app.workspaces.get("contoso").id, role)
    answer = lake.send([], Authorization=lake.token(other))
    assert answer.status_code == status
    if status == 403:
        assert told(answer) == (403, "OperationFailed")


def test_a_publisher_can_do_nothing_else(lake: Lake) -> None:
    sender = lake.app.principals.list()[0]
    body = {"csl": "Events_CL", "db": "contoso"}
    token = lake.token(sender, "https://kusto.kusto.windows.net")
    for path in ("/v2/rest/query", "/v1/rest/mgmt"):
        answer = lake.client.post(path, json=body | {"csl": ".show tables"}, headers={"Authorization": token})
        assert answer.status_code == 403


def test_every_workspace_of_a_rule_has_to_let_the_caller_in(lake: Lake) -> None:
    lake.app.workspaces.create("fabrikam")
    workspaces = [{"workspaceResourceId": w, "name": w} for w in ("contoso", "fabrikam")]
    properties = RULE["properties"] | {"destinations": {"logAnalytics": workspaces}}  # type: ignore[operator]
    flows = [{"streams": [STREAM], "destinations": ["contoso", "fabrikam"]}]
    rule = definition_of(RULE | {"properties": properties | {"dataFlows": flows}})
    id = lake.app.collection.rules.put("both", rule).value.immutable_id
    assert told(lake.send([], rule=id)) == (403, "OperationFailed")


@pytest.mark.parametrize("query", [{}, {"api-version": "2020-01-01"}])
def test_the_version_has_to_be_one_that_is_known(lake: Lake, query: dict[str, str]) -> None:
    answer = lake.client.post(f"/dataCollectionRules/{lake.rule}/streams/{STREAM}", params=query, json=[])
    assert told(answer) == (400, "UnsupportedApiVersion")


def test_other_paths_and_methods_are_told_in_the_same_envelope(lake: Lake) -> None:
    assert told(lake.client.get(f"/dataCollectionRules/{lake.rule}/streams/{STREAM}"))[0] == 405
    assert told(lake.client.post(f"/dataCollectionRules/{lake.rule}/other")) == (404, "NotFound")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Busy("too much waits"), 429, "TooManyRequests"),
        (Unavailable("the disk is full"), 503, "ServiceUnavailable"),
        (RuntimeError("boom"), 500, "InternalServiceError"),
    ],
)
def test_what_cannot_be_taken_now_is_told_and_nothing_is_lost(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    def append_all(batches: object) -> object:
        raise error

    monkeypatch.setattr(lake.app.streams, "append_all", append_all)
    answer = lake.send([{"User": "ann", "Level": 1}])
    assert told(answer) == (status, code)
    assert ("retry-after" in answer.headers) is (status != 500)
    assert "boom" not in answer.text
    monkeypatch.undo()
    assert lake.users() == []


def test_a_rule_that_gets_too_much_says_when_to_send_again(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: IngestionLimits, rule: str, size: int) -> None:
        assert (rule, size > 0) == (lake.rule, True)
        raise Throttled("more than 12,000 requests", timedelta(seconds=20))

    monkeypatch.setattr(IngestionLimits, "count", full)
    refused = lake.send([{"User": "ann", "Level": 1}])
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "20")
    assert refused.json()["error"]["code"] == "TooManyRequests"
