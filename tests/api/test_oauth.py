from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import jwt
import pytest
from starlette.testclient import TestClient

from huntlake.identity.audiences import LAKE

from .conftest import BASE, CLIENT, SECRET, TENANT, Server

ROOTS = (f"/{TENANT.id}", f"/adfs/{TENANT.id}", "/adfs", "/organizations", "/adfs/common", "/Contoso.Example")


@pytest.fixture
def anonymous(server: Server) -> TestClient:
    return server.client()


def sign_in(client: TestClient, root: str = "/adfs/common", *, v1: bool = False, **fields: Any) -> Any:
    form: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "client_info": "1",
        "scope": f"{LAKE}/.default",
        **fields,
    }
    path = f"{root}/oauth2/{'' if v1 else 'v2.0/'}token"
    return client.post(path, data={k: v for k, v in form.items() if v is not None})


def claims(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    return found


@pytest.mark.parametrize("root", ROOTS)
def test_every_root_serves_the_whole_of_it(anonymous: TestClient, root: str) -> None:
    for path in ("/v2.0/.well-known/openid-configuration", "/.well-known/openid-configuration"):
        document = anonymous.get(root + path).json()
        assert document["issuer"] == f"{BASE}{root}/v2.0"
        for name in ("token_endpoint", "authorization_endpoint", "jwks_uri"):
            assert document[name].startswith(f"{BASE}{root}/")
    kid = jwt.get_unverified_header(sign_in(anonymous, root).json()["access_token"])["kid"]
    keys = anonymous.get(document["jwks_uri"].removeprefix(BASE)).json()["keys"]
    assert [k["kid"] for k in keys] == [kid]
    assert claims(sign_in(anonymous, root))["iss"] == document["issuer"]


def test_a_host_says_which_authority_it_is(anonymous: TestClient) -> None:
    document = anonymous.get("/common/discovery/instance", params={"api-version": "1.1"}).json()
    assert document["tenant_discovery_endpoint"].startswith(f"{BASE}/{TENANT.id}/")
    assert document["metadata"][0]["aliases"] == ["lake.example:8443"]


@pytest.mark.parametrize("path", ["/v2.0/.well-known/openid-configuration", "/discovery/v2.0/keys"])
def test_an_unknown_tenant_is_an_oauth_error(anonymous: TestClient, path: str) -> None:
    for root in ("/adfs/00000000-0000-0000-0000-0000000000ff", "/nobody"):
        answer = anonymous.get(root + path)
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_tenant"
        assert sign_in(anonymous, root).json()["error_codes"] == [90002]


def test_a_v2_answer_has_numbers_and_a_v1_answer_text(anonymous: TestClient) -> None:
    new = sign_in(anonymous).json()
    assert (new["token_type"], new["expires_in"], new["ext_expires_in"]) == ("Bearer", 3599, 3599)
    old = sign_in(anonymous, v1=True, scope=None, resource="https://api.loganalytics.io").json()
    assert (old["expires_in"], old["resource"]) == ("3599", "https://api.loganalytics.io")
    assert int(old["expires_on"]) - int(old["not_before"]) == 3599


@pytest.mark.parametrize(
    ("scope", "audience"),
    [
        (f"{LAKE}/.default", LAKE),
        ("https://management.core.windows.net//.default", "https://management.core.windows.net/"),
        ("https://graph.microsoft.com/.default openid profile", "https://graph.microsoft.com"),
        (f"{BASE}/.default", BASE),
        (f"{BASE}//.default", f"{BASE}/"),
        (f"{BASE}/lake/kql/.default", f"{BASE}/lake/kql"),
        ("https://localhost/.default", "https://localhost"),
    ],
)
def test_a_token_is_for_the_resource_that_was_asked(anonymous: TestClient, scope: str, audience: str) -> None:
    assert claims(sign_in(anonymous, scope=scope))["aud"] == audience


@pytest.mark.parametrize(
    "scope",
    ["", "openid", LAKE, "https://evil.example/.default", f"{LAKE}/.default https://graph.microsoft.com/.default"],
)
def test_a_scope_that_names_no_resource_of_ours_is_refused(anonymous: TestClient, scope: str) -> None:
    answer = sign_in(anonymous, scope=scope)
    assert answer.status_code == 400
    assert (answer.json()["error"], answer.json()["error_codes"]) == ("invalid_scope", [70011])


@pytest.mark.parametrize("encoded", [f"{CLIENT}:{SECRET}", f"{CLIENT}:kit%2Dsecret"])
def test_a_client_may_show_its_secret_in_the_header(anonymous: TestClient, encoded: str) -> None:
    header = {"Authorization": "Basic " + base64.b64encode(encoded.encode()).decode()}
    form = {"grant_type": "client_credentials", "scope": f"{LAKE}/.default", "resource": "https://x.example/mcp"}
    assert claims(anonymous.post("/adfs/oauth2/v2.0/token", data=form, headers=header))["aud"] == LAKE


@pytest.mark.parametrize(
    ("fields", "status", "code", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_id": "99999999-9999-9999-9999-999999999999"}, 400, "unauthorized_client", 700016),
        ({"client_id": "nobody"}, 400, "unauthorized_client", 700016),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": None}, 400, "unsupported_grant_type", 70003),
        ({"client_id": None}, 400, "invalid_request", 90014),
        ({"client_secret": None}, 400, "invalid_request", 90014),
        ({"client_secret": None, "client_assertion": "e30.e30.x"}, 401, "invalid_client", 700027),
    ],
)
def test_a_sign_in_that_fails_says_why(
    anonymous: TestClient, fields: dict[str, Any], status: int, code: str, number: int
) -> None:
    answer = sign_in(anonymous, **fields)
    body = answer.json()
    assert answer.status_code == status
    assert (body["error"], body["error_codes"]) == (code, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert body["trace_id"]
    assert body["correlation_id"]


def test_an_expired_secret_is_told_from_a_wrong_one(anonymous: TestClient, server: Server) -> None:
    server.clock.at += timedelta(days=366)
    assert sign_in(anonymous).json()["error_codes"] == [7000222]


def test_guessing_is_throttled(anonymous: TestClient) -> None:
    for _ in range(10):
        sign_in(anonymous, client_secret="guess")
    answer = sign_in(anonymous)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60


@pytest.mark.parametrize("body", [b"", b"\xff\xfe=%zz", b"&" * 1000, b"a=1&" * 500, b"x" * 100_000])
def test_a_form_that_is_none_is_no_internal_error(anonymous: TestClient, body: bytes) -> None:
    answer = anonymous.post("/adfs/oauth2/v2.0/token", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_token_is_never_kept(anonymous: TestClient) -> None:
    assert sign_in(anonymous).headers["cache-control"] == "no-store"
