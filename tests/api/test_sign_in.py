from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from starlette.testclient import TestClient

from huntlake.api.scopes import audience_of
from huntlake.identity.audiences import LAKE
from huntlake.identity.rights import Role

from .conftest import BASE, DB, PASSWORD, TENANT, WORKSPACE_ID, Server

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
ROOT = f"/adfs/{TENANT.id}"
REDIRECT = "http://localhost:5000"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
SCOPE = f"{LAKE}/.default offline_access openid profile"
ANNA = "anna@contoso.example"


@pytest.fixture
def browser(server: Server) -> Iterator[TestClient]:
    with server.client() as client:
        client.follow_redirects = False
        yield client


def asked(**more: str | None) -> dict[str, str]:
    given: dict[str, str | None] = {
        "client_id": AZURE_CLI,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": SCOPE,
        "state": "st/&<a>",
        "nonce": "n1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **more,
    }
    return {k: v for k, v in given.items() if v is not None}


def authorize(browser: TestClient, **more: str | None) -> Any:
    return browser.get(f"{ROOT}/oauth2/v2.0/authorize", params=asked(**more))


def fields(page: Any) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
    return {html.unescape(k): html.unescape(v) for k, v in found}


def action(page: Any) -> str:
    found = re.search(r'<form method="post" action="([^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found[1]).removeprefix(BASE)


def submit(browser: TestClient, page: Any, **more: str) -> Any:
    given = {"username": ANNA, "password": PASSWORD, **more}
    return browser.post(action(page), data={**fields(page), **given})


def sent_back(answer: Any) -> dict[str, str]:
    assert answer.status_code == 302, answer.text
    location = urlsplit(answer.headers["location"])
    assert f"{location.scheme}://{location.netloc}" == REDIRECT
    return {k: v[0] for k, v in parse_qs(location.query).items()}


def token(browser: TestClient, **form: str) -> Any:
    return browser.post(f"{ROOT}/oauth2/v2.0/token", data={"client_id": AZURE_CLI, "client_info": "1", **form})


def redeem(browser: TestClient, code: str, **more: str) -> Any:
    given = {"code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER, "scope": SCOPE, **more}
    return token(browser, grant_type="authorization_code", **given)


def signed_in(browser: TestClient) -> dict[str, Any]:
    code = sent_back(submit(browser, authorize(browser)))["code"]
    answer = redeem(browser, code)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def query(browser: TestClient, access_token: str, text: str = "count 1") -> int:
    answer = browser.post(
        "/v2/rest/query", json={"csl": text, "db": DB}, headers={"Authorization": f"Bearer {access_token}"}
    )
    return int(answer.status_code)


def claims(text: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(text, options={"verify_signature": False})
    return found


def no(answer: Any, error: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text


def test_a_person_signs_in_and_their_roles_decide(server: Server, browser: TestClient) -> None:
    page = authorize(browser)
    assert page.status_code == 200
    assert "Azure CLI" in page.text
    back = sent_back(submit(browser, page))
    assert back["state"] == "st/&<a>"
    assert back["iss"] == f"{BASE}{ROOT}/v2.0"
    answer = redeem(browser, back["code"]).json()
    assert answer["token_type"] == "Bearer"
    told = claims(answer["access_token"])
    assert (told["aud"], told["azp"], told["idtyp"]) == (LAKE, AZURE_CLI, "user")
    who = claims(answer["id_token"])
    assert (who["aud"], who["nonce"], who["preferred_username"]) == (AZURE_CLI, "n1", ANNA)
    assert query(browser, answer["access_token"]) == 200
    assert query(browser, answer["access_token"], ".create table T (a:long)") == 403
    server.sign_in.users.revoke(ANNA, WORKSPACE_ID)
    assert query(browser, answer["access_token"]) == 403


def test_a_page_is_no_place_for_markup_or_for_another_site(browser: TestClient) -> None:
    page = authorize(browser, login_hint='"><script>alert(1)</script>')
    assert "<script" not in page.text
    policy = page.headers["content-security-policy"]
    for directive in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert directive in policy
    assert f"form-action 'self' {REDIRECT}" in policy
    assert "script-src" not in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    cookie = page.headers["set-cookie"].lower()
    for attribute in ("httponly", "secure", "samesite=lax"):
        assert attribute in cookie
    wrong = submit(browser, page, username="<b>x</b>", password="nope")
    assert "<b>" not in wrong.text


def test_a_form_that_another_site_sends_signs_nobody_in(server: Server, browser: TestClient) -> None:
    page = authorize(browser)
    forged = {**fields(page), "username": ANNA, "password": PASSWORD}
    with server.client() as other:
        assert other.post(action(page), data=forged).status_code == 400
    assert browser.post(action(page), data=forged, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser.post(action(page), data={**forged, "ticket": forged["ticket"][:-2]}).status_code == 400
    assert submit(browser, page).status_code == 302


def test_a_ticket_of_one_page_is_none_for_another_and_grows_old(server: Server, browser: TestClient) -> None:
    page = authorize(browser)
    assert submit(browser, page, decision="approve").status_code == 302
    page = authorize(browser)
    forged = {**fields(page), "username": ANNA, "password": PASSWORD, "decision": "approve"}
    assert browser.post("/device/decision", data=forged).status_code == 400
    server.clock.at += timedelta(minutes=16)
    assert submit(browser, page).status_code == 400


def test_a_wrong_password_is_told_on_the_page_and_guessing_is_slowed_down(browser: TestClient) -> None:
    page = authorize(browser)
    for _ in range(10):
        answer = submit(browser, page, password="wrong")
        assert answer.status_code == 403
        assert "wrong" in answer.text
    assert submit(browser, page).status_code == 429


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "00000000-0000-0000-0000-000000000001"},
        {"client_id": None},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": None},
        {"redirect_uri": "http://[::1].evil.example/"},
        {"redirect_uri": "http://evil.example[::1]/"},
        {"redirect_uri": "http://localhost@evil.example/"},
        {"redirect_uri": "http://localhost:80@evil.example/"},
        {"redirect_uri": "http://localhost.evil.example/"},
        {"redirect_uri": "http://localhost\\@evil.example/"},
        {"redirect_uri": "//localhost/"},
        {"redirect_uri": "javascript://localhost/%0aalert(1)"},
    ],
)
def test_nobody_is_sent_to_a_stranger(browser: TestClient, wrong: dict[str, str | None]) -> None:
    answer = authorize(browser, **wrong)
    assert answer.status_code in (400, 403)
    assert "location" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": "token"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"claims": "{}"}, "invalid_request"),
        ({"scope": "https://evil.example/.default"}, "invalid_scope"),
        ({"scope": f"{LAKE}/.default https://graph.microsoft.com/.default"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_program_hears_of_its_own_mistakes(browser: TestClient, wrong: dict[str, str | None], error: str) -> None:
    back = sent_back(authorize(browser, **wrong))
    assert (back["error"], back["state"]) == (error, "st/&<a>")


def test_an_answer_may_be_posted(browser: TestClient) -> None:
    page = submit(browser, authorize(browser, response_mode="form_post"))
    assert page.status_code == 200
    assert action(page) == REDIRECT
    posted = fields(page)
    assert posted["state"] == "st/&<a>"
    policy = page.headers["content-security-policy"]
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce
    assert f'<script nonce="{nonce[1]}">document.forms[0].submit()</script>' in page.text
    assert redeem(browser, posted["code"]).status_code == 200


def test_a_code_is_redeemed_once_and_a_second_time_ends_everything(browser: TestClient) -> None:
    code = sent_back(submit(browser, authorize(browser)))["code"]
    for wrong in ({"code_verifier": "w" * 50}, {"redirect_uri": "http://localhost:5001"}, {"code": "x"}):
        no(redeem(browser, **{"code": code, **wrong}), "invalid_grant")
    first = redeem(browser, code).json()
    no(redeem(browser, code), "invalid_grant")
    no(token(browser, grant_type="refresh_token", refresh_token=first["refresh_token"]), "invalid_grant")


def test_a_refresh_token_brings_tokens_for_other_resources_once(server: Server, browser: TestClient) -> None:
    first = signed_in(browser)
    server.clock.at += timedelta(hours=2)
    assert query(browser, first["access_token"]) == 401
    second = token(
        browser,
        grant_type="refresh_token",
        refresh_token=first["refresh_token"],
        scope="https://management.azure.com/.default openid offline_access",
    ).json()
    assert claims(second["access_token"])["aud"] == "https://management.azure.com"
    third = token(browser, grant_type="refresh_token", refresh_token=second["refresh_token"]).json()
    assert query(browser, third["access_token"]) == 200
    no(token(browser, grant_type="refresh_token", refresh_token=first["refresh_token"]), "invalid_grant")
    no(token(browser, grant_type="refresh_token", refresh_token=third["refresh_token"]), "invalid_grant")


def test_a_request_that_cant_be_answered_uses_no_refresh_token_up(browser: TestClient) -> None:
    first = signed_in(browser)
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    no(token(browser, **refresh, scope="https://evil.example/.default"), "invalid_scope")
    assert token(browser, **refresh).status_code == 200


def test_another_password_signs_out_everywhere(server: Server, browser: TestClient) -> None:
    first = signed_in(browser)
    server.sign_in.users.set_password(ANNA, "another long password")
    assert query(browser, first["access_token"]) == 401
    no(token(browser, grant_type="refresh_token", refresh_token=first["refresh_token"]), "invalid_grant")
    page = authorize(browser)
    assert submit(browser, page).status_code == 403
    code = sent_back(submit(browser, page, password="another long password"))["code"]
    assert query(browser, redeem(browser, code).json()["access_token"]) == 200


def test_a_user_of_the_same_name_isnt_the_one_before(server: Server, browser: TestClient) -> None:
    first = signed_in(browser)
    server.sign_in.users.remove(ANNA)
    assert query(browser, first["access_token"]) == 401
    server.sign_in.users.create(ANNA, PASSWORD)
    server.sign_in.users.grant(ANNA, WORKSPACE_ID, Role.CONTRIBUTOR)
    assert query(browser, first["access_token"]) == 401
    no(token(browser, grant_type="refresh_token", refresh_token=first["refresh_token"]), "invalid_grant")


def test_what_says_who_signed_in_opens_nothing(browser: TestClient) -> None:
    first = signed_in(browser)
    assert query(browser, first["id_token"]) == 401
    assert query(browser, first["refresh_token"]) == 401
    assert query(browser, fields(authorize(browser))["ticket"]) == 401


def test_an_older_client_asks_for_a_resource(browser: TestClient) -> None:
    page = browser.get(f"{ROOT}/oauth2/authorize", params=asked(scope=None, resource=LAKE))
    code = sent_back(submit(browser, page))["code"]
    answer = browser.post(
        f"{ROOT}/oauth2/token",
        data={
            "grant_type": "authorization_code",
            "client_id": AZURE_CLI,
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            "resource": LAKE,
        },
    ).json()
    assert answer["expires_in"] == "3599"
    assert query(browser, answer["access_token"]) == 200


def begin(browser: TestClient) -> dict[str, Any]:
    answer = browser.post(f"{ROOT}/oauth2/v2.0/devicecode", data={"client_id": AZURE_CLI, "scope": SCOPE})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def poll(browser: TestClient, device_code: str) -> Any:
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    return token(browser, grant_type=grant, device_code=device_code)


def test_a_person_types_the_code_of_a_device_and_lets_it(server: Server, browser: TestClient) -> None:
    device = begin(browser)
    assert device["verification_uri"] == f"{BASE}/device"
    assert device["user_code"] in device["message"]
    no(poll(browser, device["device_code"]), "authorization_pending")
    no(poll(browser, device["device_code"]), "slow_down")
    assert browser.get("/device").status_code == 200
    page = browser.post("/device", data={"user_code": device["user_code"].lower()})
    for fact in ("Azure CLI", "testclient", LAKE, "Go on only if you have started it yourself"):
        assert fact in page.text
    assert submit(browser, page, password="wrong", decision="approve").status_code == 403
    no(poll(browser, device["device_code"]), "slow_down")
    assert submit(browser, page, decision="approve").status_code == 200
    answer = poll(browser, device["device_code"]).json()
    assert query(browser, answer["access_token"]) == 200
    assert claims(answer["id_token"])["preferred_username"] == ANNA
    no(poll(browser, device["device_code"]), "expired_token")
    assert submit(browser, page, decision="approve").status_code == 400


def test_a_person_may_say_no_to_a_device(browser: TestClient) -> None:
    device = begin(browser)
    page = browser.post("/device", data={"user_code": device["user_code"]})
    assert submit(browser, page, decision="decline").status_code == 200
    no(poll(browser, device["device_code"]), "authorization_declined")


def test_guessing_codes_is_slowed_down(browser: TestClient) -> None:
    statuses = [browser.post("/device", data={"user_code": f"BCD{n}"}).status_code for n in range(12)]
    assert statuses == [400] * 10 + [429] * 2
    begun = [browser.post(f"{ROOT}/oauth2/v2.0/devicecode", data={"client_id": AZURE_CLI, "scope": SCOPE})]
    begun += [browser.post(f"{ROOT}/oauth2/v2.0/devicecode", data={"client_id": AZURE_CLI}) for _ in range(20)]
    assert begun[0].status_code == 200
    assert begun[-1].status_code == 429


def test_logging_out_says_that_there_is_no_session(browser: TestClient) -> None:
    answer = browser.get(f"{ROOT}/oauth2/v2.0/logout", params={"post_logout_redirect_uri": "https://evil.example/"})
    assert answer.status_code == 200
    assert "evil" not in answer.text


def test_unknown_grants_and_clients_are_refused_by_name(browser: TestClient) -> None:
    no(token(browser, grant_type="password", username=ANNA, password=PASSWORD), "unsupported_grant_type")
    no(token(browser, grant_type="authorization_code", client_id="x", code="y"), "unauthorized_client")
    no(token(browser, grant_type="refresh_token", refresh_token="nonsense"), "invalid_grant")
    no(token(browser, grant_type="refresh_token"), "invalid_request")


def test_people_are_listed_as_people(server: Server, browser: TestClient) -> None:
    access = signed_in(browser)["access_token"]
    answer = browser.post(
        "/v1/rest/mgmt",
        json={"csl": ".show database principals", "db": DB},
        headers={"Authorization": f"Bearer {access}"},
    )
    rows = answer.json()["Tables"][0]["Rows"]
    assert ["AAD User", "Anna"] in [r[1:3] for r in rows]
    assert f"aaduser={ANNA}" in str(rows)


def test_scopes_name_one_resource() -> None:
    assert audience_of(f"{LAKE}/.default openid") == LAKE
    assert audience_of("https://host:8443//.default") == "https://host:8443/"
    assert audience_of("https://api.loganalytics.io/Data.Read") == "https://api.loganalytics.io"
    assert audience_of("openid profile User.Read") == "https://graph.microsoft.com"
    assert audience_of("openid", "https://management.azure.com/") == "https://management.azure.com/"
