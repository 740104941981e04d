"""Signing in at an outside provider: who is vouched for gets in, and nobody else, whatever is sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.testclient import TestClient
from tests.provider import SECRET, FakeProvider, public_jwk, public_pem, serving

from huntlake.core.clock import SystemClock
from huntlake.core.errors import Conflict
from huntlake.identity.certificates import server_certificate
from huntlake.identity.keys import SigningKeys
from huntlake.identity.oidc.asking import MOST_READ
from huntlake.identity.rights import Role
from huntlake.identity.throttle import Throttled, network_of
from huntlake.identity.users import WrongPassword
from huntlake.web.answers import SECURE_COOKIE
from huntlake.web.face import PROOF

from .conftest import BASE, PASSWORD, WORKSPACE_ID, Server

ANNA = "anna@contoso.example"


@pytest.fixture(scope="module")
def served() -> Iterator[FakeProvider]:
    with serving() as provider:
        provider.first = provider.keys["first"]
        yield provider


@pytest.fixture
def provider(served: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
    """A provider that makes no mistake yet."""
    monkeypatch.setenv("KIT_SECRET", SECRET)
    fresh = FakeProvider(served.url, {"first": served.first})
    fresh.first = served.first
    for name, value in vars(fresh).items():
        setattr(served, name, value)
    return served


class Browser:
    """A person's browser before a server that knows the provider."""

    def __init__(self, home: Path, keys: SigningKeys, provider: FakeProvider, **oidc: Any) -> None:
        more = {"other": oidc.pop("other")} if "other" in oidc else {}
        settings = {k: oidc.pop(k) for k in ("password_users",) if k in oidc}
        given: Any = {"contoso": {**provider.settings, **oidc}, **more}
        self.server = Server.open(home, keys, oidc=given, **settings)
        provider.now = lambda: self.server.clock.now().timestamp()
        self.provider = provider
        self.client = self.another()

    def another(self) -> TestClient:
        client = self.server.client()
        client.follow_redirects = False
        return client

    def begin(self, name: str = "contoso") -> str:
        answer = self.client.post(f"/app/session/oidc/{name}")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["location"])

    def come_back(self, url: str) -> str:
        """Where it goes on to: the beginning of the pages, and the trouble that is told there."""
        answer = self.client.get(url)
        assert answer.status_code == 303, answer.text
        path, _, told = answer.headers["location"].partition("?trouble=")
        assert path == "/app/"
        return told

    def sign_in(self, **answer: str) -> str:
        return self.come_back(self.provider.answer(self.begin(), **answer))

    def who(self) -> Any:
        return self.client.get("/app/session").json()

    def journal(self) -> list[tuple[str, str, str]]:
        return [(str(e["Action"]), str(e["ObjectId"]), str(e["Reason"])) for e in self.server.sign_in.journal.read()]

    def refused(self, trouble: str, reason: str, told: str) -> None:
        """Nobody was signed in, the person was told why, and the audit says what it was."""
        assert told == trouble, self.journal()
        assert self.who() == {"signedIn": False}
        action, _, why = self.journal()[-1]
        assert action == "user/signInRefused"
        assert reason in why


@pytest.fixture
def browser(tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider) -> Browser:
    return Browser(tmp_path, signing_keys, provider, make_users=True)


def linked(tmp_path: Path, keys: SigningKeys, provider: FakeProvider, **oidc: Any) -> Browser:
    made = Browser(tmp_path, keys, provider, **oidc)
    made.server.sign_in.outside.link(ANNA, provider.url, "person-1")
    return made


def test_whom_the_provider_vouches_for_is_signed_in_with_their_rights(
    tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider
) -> None:
    browser = linked(tmp_path, signing_keys, provider)
    assert browser.sign_in() == ""
    who = browser.who()
    assert (who["name"], [w["role"] for w in who["workspaces"]]) == (ANNA, ["Log Analytics Reader"])
    asked = {"db": f"contoso-soc-{WORKSPACE_ID}", "csl": "count 3"}
    answer = browser.client.post("/app/api/v2/rest/query", json=asked, headers={PROOF: who["proof"]})
    assert answer.status_code == 200
    assert browser.journal() == [("user/signIn", ANNA, "")]


def test_the_session_is_as_safe_as_any_and_nothing_of_the_provider_is_kept(browser: Browser) -> None:
    url = browser.provider.answer(browser.begin())
    answer = browser.client.get(url)
    session = next(c for c in answer.headers.get_list("set-cookie") if c.startswith(SECURE_COOKIE)).lower()
    for part in ("httponly", "secure", "samesite=strict", "path=/"):
        assert part in session
    assert answer.headers["location"] == "/app/"
    assert answer.headers["cache-control"] == "no-store"
    assert not [c for c in browser.client.cookies if "provider" in c]
    kept = (browser.server.home / "huntlake.db").read_bytes() + b"".join(
        f.read_bytes() for f in browser.server.home.glob("huntlake.db-*")
    )
    code = parse_qs(urlsplit(url).query)["code"][0]
    for secret in (b"kit-access", code.encode(), SECRET.encode()):
        assert secret not in kept


def test_the_cookie_of_the_way_there_comes_back_from_another_site(browser: Browser) -> None:
    cookie = browser.client.post("/app/session/oidc/contoso").headers["set-cookie"].lower()
    for part in ("__host-", "httponly", "secure", "samesite=lax", "path=/", "max-age=600"):
        assert part in cookie


def test_somebody_new_gets_an_account_without_any_role(browser: Browser) -> None:
    assert browser.sign_in() == ""
    assert (browser.who()["name"], browser.who()["workspaces"]) == ("eve", [])


def test_somebody_new_gets_none_where_the_settings_do_not_say_so(
    tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider
) -> None:
    browser = Browser(tmp_path, signing_keys, provider)
    browser.refused("no-account", "'person-1'", browser.sign_in())


def test_a_name_that_is_taken_is_not_given_to_whoever_calls_themselves_so(browser: Browser) -> None:
    browser.provider.person = {"sub": "person-2", "preferred_username": ANNA}
    assert browser.sign_in() == ""
    assert browser.who()["name"].startswith("contoso-")
    assert browser.who()["workspaces"] == []


def test_a_name_that_looks_like_anothers_address_is_not_given_either(
    tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider
) -> None:
    browser = Browser(tmp_path, signing_keys, provider, make_users=True, link_domains=["contoso.example"])
    provider.person = {"sub": "person-2", "preferred_username": "boss@contoso.example"}
    assert browser.sign_in() == ""
    assert browser.who()["name"].startswith("contoso-")


@pytest.mark.parametrize(("verified", "name"), [(True, ANNA), ("true", ANNA), (False, ""), (None, "")])
def test_a_verified_address_of_a_listed_domain_is_the_user_of_that_name(
    tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider, verified: Any, name: str
) -> None:
    browser = Browser(tmp_path, signing_keys, provider, link_domains=["contoso.example"])
    provider.person = {"sub": "person-1", "email": ANNA.upper(), "email_verified": verified}
    browser.sign_in()
    assert browser.who().get("name", "") == name


def test_an_address_names_only_who_signs_in_nowhere_else(
    tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider
) -> None:
    browser = linked(tmp_path, signing_keys, provider, link_domains=["contoso.example"])
    provider.person = {"sub": "person-2", "email": ANNA, "email_verified": True}
    browser.refused("no-account", "'person-2'", browser.sign_in())


def test_one_person_of_a_provider_is_one_user_here(browser: Browser) -> None:
    browser.sign_in()
    with pytest.raises(Conflict, match="eve"):
        browser.server.sign_in.outside.link(ANNA, browser.provider.url, "person-1")


# -- roles


def roles(*given: tuple[str, str, str]) -> list[dict[str, str]]:
    return [{"group": g, "role": r, "workspace": w} for g, r, w in given]


def test_groups_give_roles_and_take_them_at_the_next_sign_in(
    tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider
) -> None:
    mapped = roles(("leads", "sentinel-contributor", "contoso-soc"), ("staff", "reader", "*"))
    browser = Browser(tmp_path, signing_keys, provider, make_users=True, roles=mapped)

    def roles_with(*groups: str) -> list[str]:
        provider.claims = {"groups": list(groups)}
        assert browser.sign_in() == ""
        return [w["role"] for w in browser.who()["workspaces"]]

    assert roles_with("staff", "leads") == ["Microsoft Sentinel Contributor"]
    assert roles_with("staff") == ["Log Analytics Reader"]
    assert roles_with("strangers") == []


def test_roles_that_the_settings_give_no_more_are_gone_at_the_next_sign_in(
    tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider
) -> None:
    browser = Browser(tmp_path, signing_keys, provider, make_users=True, roles=roles(("staff", "contributor", "*")))
    provider.claims = {"groups": ["staff"]}
    browser.sign_in()
    assert browser.who()["workspaces"]
    known = browser.server.sign_in.providers._all
    contoso, asking, published = known["contoso"]
    known["contoso"] = replace(contoso, roles=()), asking, published
    browser.sign_in()
    assert browser.who()["workspaces"] == []


def test_what_a_person_granted_stays_whatever_the_groups(
    tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider
) -> None:
    mapped = roles(("staff", "contributor", "*"))
    browser = linked(tmp_path, signing_keys, provider, roles=mapped)
    provider.claims = {"groups": ["staff"]}
    browser.sign_in()
    (kept,) = browser.server.sign_in.users.get(ANNA).grants
    assert (kept.role, kept.by) == (Role.READER, "")


@pytest.mark.parametrize(
    ("claims", "claim"),
    [
        ({"realm": {"roles": ["staff"]}}, "realm.roles"),
        ({"https://x.example/groups": "staff"}, "https://x.example/groups"),
    ],
)
def test_groups_are_found_where_the_settings_say(
    tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider, claims: dict[str, Any], claim: str
) -> None:
    mapped = roles(("staff", "reader", "*"))
    browser = Browser(tmp_path, signing_keys, provider, make_users=True, groups_claim=claim, roles=mapped)
    provider.claims = claims
    assert browser.sign_in() == ""
    assert browser.who()["workspaces"]


def test_groups_that_are_told_elsewhere_are_not_taken_for_none(
    tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider
) -> None:
    browser = linked(tmp_path, signing_keys, provider, roles=roles(("staff", "reader", "*")))
    provider.claims = {"_claim_names": {"groups": "src1"}}
    browser.refused("provider", "not supported", browser.sign_in())


def test_what_the_token_does_not_tell_the_user_info_does(
    tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider
) -> None:
    browser = Browser(tmp_path, signing_keys, provider, make_users=True, roles=roles(("staff", "reader", "*")))
    provider.user_info = {
        "sub": "person-1",
        "groups": ["staff"],
        "name": "Eve Example",
        "preferred_username": "mallory",
    }
    assert browser.sign_in() == ""
    assert (browser.who()["name"], browser.who()["displayName"]) == ("eve", "Eve Example")
    assert browser.who()["workspaces"]


def test_the_user_info_of_another_person_counts_for_nothing(browser: Browser) -> None:
    browser.provider.user_info = {"sub": "person-9", "name": "Somebody else"}
    browser.refused("provider", "another person", browser.sign_in())


@pytest.mark.parametrize(
    ("setting", "person", "let_in"),
    [
        ({"groups": ["soc"]}, {"groups": ["soc"]}, True),
        ({"groups": ["soc"]}, {"groups": ["sales"]}, False),
        ({"groups": ["soc"]}, {}, False),
        ({"domains": ["Contoso.example"]}, {"email": "eve@contoso.example", "email_verified": True}, True),
        ({"domains": ["contoso.example"]}, {"email": "eve@contoso.example"}, False),
        ({"domains": ["contoso.example"]}, {"email": "eve@evil.example", "email_verified": True}, False),
        ({"domains": ["contoso.example"]}, {"email": "eve@evil.example@x", "email_verified": True}, False),
    ],
)
def test_only_whom_the_settings_let_in_gets_in(
    tmp_path: Path,
    signing_keys: SigningKeys,
    provider: FakeProvider,
    setting: dict[str, Any],
    person: dict[str, Any],
    let_in: bool,
) -> None:
    browser = Browser(tmp_path, signing_keys, provider, make_users=True, **setting)
    provider.person |= person
    told = browser.sign_in()
    if let_in:
        assert told == ""
    else:
        browser.refused("not-allowed", "allowed", told)
        assert browser.server.sign_in.users.find("eve") is None


# -- accounts that are closed


def test_who_is_disabled_is_out_at_once_and_stays_out(browser: Browser) -> None:
    browser.sign_in()
    users = browser.server.sign_in.users
    users.disable("eve")
    assert browser.who() == {"signedIn": False}
    browser.refused("closed", "disabled", browser.sign_in())
    users.enable("eve")
    browser.server.clock.at += timedelta(seconds=5)
    assert browser.sign_in() == ""


def test_who_was_removed_is_not_made_again(browser: Browser) -> None:
    browser.sign_in()
    browser.server.sign_in.users.remove("eve")
    browser.refused("closed", "removed", browser.sign_in())
    # Nor by another person of the same name.
    browser.server.sign_in.users.create("eve", PASSWORD)
    browser.refused("closed", "removed", browser.sign_in())


def test_who_is_unlinked_is_unknown(tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider) -> None:
    browser = linked(tmp_path, signing_keys, provider)
    assert browser.server.sign_in.outside.unlink(ANNA, provider.url) == 1
    browser.refused("no-account", "no account", browser.sign_in())


def test_a_session_ends_when_the_settings_say_and_with_its_provider(browser: Browser) -> None:
    browser.sign_in()
    for _ in range(3):
        browser.server.clock.at += timedelta(hours=3, minutes=59)
        assert browser.who()["signedIn"]
    browser.server.clock.at += timedelta(minutes=5)
    assert browser.who() == {"signedIn": False}


def test_whom_a_provider_let_in_that_the_settings_have_no_more_is_out(
    browser: Browser, tmp_path: Path, signing_keys: SigningKeys
) -> None:
    browser.sign_in()
    text = browser.client.cookies[SECURE_COOKIE]
    found = browser.server.sign_in.sessions.find(text)
    assert found is not None
    del browser.server.sign_in.providers._all["contoso"]
    assert browser.who() == {"signedIn": False}


def test_signing_out_tells_where_the_person_still_is_signed_in(browser: Browser) -> None:
    browser.sign_in()
    told = browser.client.delete("/app/session", headers={PROOF: browser.who()["proof"]}).json()
    place = urlsplit(told["provider"]["signOut"])
    assert (told["provider"]["title"], place.path) == ("Contoso", "/logout")
    asked = parse_qs(place.query)
    assert asked == {"client_id": ["huntlake-kit"], "post_logout_redirect_uri": [f"{BASE}/app/"]}
    assert browser.who() == {"signedIn": False}
    assert browser.journal()[-1] == ("user/signOut", "eve", "")


# -- answers that nobody, or somebody else, has given


def test_an_answer_counts_only_in_the_browser_that_asked(browser: Browser) -> None:
    url = browser.provider.answer(browser.begin())
    browser.client = browser.another()
    browser.refused("again", "no sign-in that this browser", browser.come_back(url))
    # Nor in one that has begun a sign-in of its own.
    browser.begin()
    browser.refused("again", "no sign-in that this browser", browser.come_back(url))
    assert "/token" not in browser.provider.asked


def test_an_answer_counts_once_even_where_the_provider_takes_codes_twice(browser: Browser) -> None:
    browser.provider.takes_codes_twice = True
    begun = browser.begin()
    cookies = dict(browser.client.cookies)
    url = browser.provider.answer(begun)
    assert browser.come_back(url) == ""
    browser.client = browser.another()
    browser.client.cookies.update(cookies)
    browser.refused("again", "already", browser.come_back(url))


def test_a_code_that_was_used_is_not_taken(browser: Browser) -> None:
    begun = browser.begin()
    cookies = dict(browser.client.cookies)
    url = browser.provider.answer(begun)
    assert browser.come_back(url) == ""
    browser.client = browser.another()
    browser.client.cookies.update(cookies)
    browser.refused("again", "doesn't take the code", browser.come_back(url))


def test_a_code_of_another_persons_sign_in_is_worth_nothing_here(browser: Browser) -> None:
    """An attacker puts their own code into the victim's sign-in, or the victim's into their own."""
    theirs = browser.provider.answer(browser.begin())
    browser.client = browser.another()
    mine = browser.provider.answer(browser.begin())
    code = parse_qs(urlsplit(theirs).query)["code"][0]
    state = parse_qs(urlsplit(mine).query)["state"][0]
    told = browser.come_back(f"/app/session/oidc/contoso/callback?code={code}&state={state}")
    browser.refused("again", "doesn't take the code", told)


@pytest.mark.parametrize("state", ["", "x", "1.aaaaaaaaaaaaaaaaaaaa." + "a" * 43, "é", "1.b.c", "%00"])
def test_a_state_that_was_made_up_is_nothing(browser: Browser, state: str) -> None:
    browser.begin()
    browser.refused(
        "again", "no sign-in", browser.come_back(f"/app/session/oidc/contoso/callback?code=c&state={state}")
    )


def test_without_a_cookie_a_state_of_nobodys_is_nothing(browser: Browser) -> None:
    begun = f"{int(browser.server.clock.now().timestamp())}.aaaaaaaaaaaaaaaaaaaa"
    said = f"state contoso {browser.provider.url} {BASE}/app/session/oidc/contoso/callback {begun}"
    made = base64.urlsafe_b64encode(hmac.digest(b"", said.encode(), "sha256")).rstrip(b"=").decode()
    told = browser.come_back(f"/app/session/oidc/contoso/callback?code=c&state={begun}.{made}")
    browser.refused("again", "no sign-in", told)


def test_a_state_of_a_time_that_no_calendar_has_is_nothing(browser: Browser) -> None:
    browser.begin()
    # Whoever has a browser's cookie can make a state for it: their own.
    (cookie,) = (c.value or "" for c in browser.client.cookies.jar if c.name.endswith("huntlake-provider"))
    begun = f"{'9' * 12}.{'a' * 20}"
    said = f"state contoso {browser.provider.url} {BASE}/app/session/oidc/contoso/callback {begun}"
    made = base64.urlsafe_b64encode(hmac.digest(cookie.encode(), said.encode(), "sha256")).rstrip(b"=").decode()
    told = browser.come_back(f"/app/session/oidc/contoso/callback?code=c&state={begun}.{made}")
    browser.refused("again", "no sign-in", told)


def test_an_answer_that_comes_late_is_nothing(browser: Browser) -> None:
    url = browser.provider.answer(browser.begin())
    browser.server.clock.at += timedelta(minutes=11)
    browser.refused("again", "too long ago", browser.come_back(url))


def test_an_answer_that_says_something_twice_is_nothing(browser: Browser) -> None:
    url = browser.provider.answer(browser.begin())
    browser.refused("again", "twice", browser.come_back(f"{url}&code=other"))


def test_another_providers_answer_is_not_taken_for_this_ones(
    tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider
) -> None:
    with serving() as other:
        browser = Browser(tmp_path, signing_keys, provider, make_users=True, other=other.settings)
        url = other.answer(browser.begin("other"))
        told = browser.come_back(url.replace("/oidc/other/", "/oidc/contoso/"))
        browser.refused("again", "no sign-in", told)
    told = browser.sign_in(iss=other.url)
    browser.refused("provider", "another provider", told)
    assert browser.sign_in(iss=provider.url) == ""


def test_a_provider_that_names_itself_in_answers_must(browser: Browser) -> None:
    browser.provider.metadata = {"authorization_response_iss_parameter_supported": True}
    browser.refused("provider", "another provider", browser.sign_in())


def test_who_says_no_at_the_provider_is_told_so(browser: Browser) -> None:
    state = parse_qs(urlsplit(browser.begin()).query)["state"][0]
    url = f"/app/session/oidc/contoso/callback?error=access_denied&error_description=%3Cb%3Eno&state={state}"
    browser.refused("cancelled", "access_denied", browser.come_back(url))


def test_an_answer_by_form_is_refused(browser: Browser) -> None:
    url = browser.provider.answer(browser.begin())
    answer = browser.client.post(url.partition("?")[0], content=url.partition("?")[2])
    assert answer.status_code == 405


def test_whoever_keeps_making_answers_up_is_slowed_down(browser: Browser) -> None:
    for _ in range(30):
        assert browser.come_back("/app/session/oidc/contoso/callback?code=c&state=s") == "again"
    written = len(browser.journal())
    assert browser.come_back("/app/session/oidc/contoso/callback?code=c&state=s") == "throttled"
    assert len(browser.journal()) == written
    browser.server.clock.at += timedelta(minutes=2)
    assert browser.sign_in() == ""


def test_another_sites_page_cannot_send_a_person_there(browser: Browser) -> None:
    answer = browser.client.post("/app/session/oidc/contoso", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_provider_that_is_not_there_is_not_found(browser: Browser) -> None:
    assert browser.client.post("/app/session/oidc/none").status_code == 404
    assert browser.come_back("/app/session/oidc/none/callback?code=c&state=s") == "provider"


def test_no_answer_leads_to_another_site(browser: Browser) -> None:
    url = browser.provider.answer(browser.begin())
    assert browser.come_back(f"{url}&return=https%3A%2F%2Fevil.example&redirect_uri=//evil.example") == ""


# -- tokens that are not to be believed


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://evil.example"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"aud": "another"}, "another program"),
        ({"aud": ["another", "and-another"]}, "another program"),
        ({"aud": None}, "another program"),
        ({"aud": ["huntlake-kit", "another"]}, "issued to another"),
        ({"aud": ["huntlake-kit", "another"], "azp": "another"}, "issued to another"),
        ({"azp": "another"}, "issued to another"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "`exp`"),
        ({"exp": True}, "`exp`"),
        ({"exp": "soon"}, "`exp`"),
        ({"exp": 1e300}, "`exp`"),
        ({"iat": None}, "`iat`"),
        ({"iat": 1_000_000_000}, "too long ago"),
        ({"iat": 4_000_000_000}, "clocks"),
        ({"nbf": 4_000_000_000}, "clocks"),
        ({"nonce": None}, "another sign-in"),
        ({"nonce": "guessed"}, "another sign-in"),
        ({"nonce": ["x"]}, "another sign-in"),
        ({"sub": None}, "nobody"),
        ({"sub": ""}, "nobody"),
        ({"sub": 5}, "nobody"),
        ({"sub": "x" * 256}, "nobody"),
    ],
)
def test_a_token_that_says_something_else_is_refused(browser: Browser, claims: dict[str, Any], reason: str) -> None:
    browser.provider.claims = claims
    browser.refused("provider", reason, browser.sign_in())
    assert browser.server.sign_in.users.find("eve") is None


@pytest.mark.parametrize("claims", [{"aud": ["huntlake-kit"]}, {"aud": ["huntlake-kit", "b"], "azp": "huntlake-kit"}])
def test_a_token_may_be_meant_for_several(browser: Browser, claims: dict[str, Any]) -> None:
    browser.provider.claims = claims
    assert browser.sign_in() == ""


@pytest.mark.parametrize(("seconds", "told"), [(-45, ""), (45, ""), (-120, "provider"), (900, "provider")])
def test_clocks_may_differ_a_little(browser: Browser, seconds: int, told: str) -> None:
    clock = browser.server.clock
    browser.provider.now = lambda: clock.now().timestamp() - seconds
    assert browser.sign_in() == told


def unsigned(claims: dict[str, Any], header: dict[str, Any]) -> str:
    return jwt.encode(claims, "", "none", header)


def by_the_public_key(claims: dict[str, Any], header: dict[str, Any], key: bytes) -> str:
    """PyJWT itself makes none with such a secret."""
    parts = [json.dumps({"alg": "HS256", "typ": "JWT", **header}).encode(), json.dumps(claims).encode()]
    said = b".".join(base64.urlsafe_b64encode(p).rstrip(b"=") for p in parts)
    made = base64.urlsafe_b64encode(hmac.digest(key, said, hashlib.sha256)).rstrip(b"=")
    return f"{said.decode()}.{made.decode()}"


def test_a_token_without_a_signature_is_refused(browser: Browser) -> None:
    browser.provider.signed = unsigned
    browser.refused("provider", "'none'", browser.sign_in())


def test_a_public_key_is_not_taken_for_a_secret(browser: Browser) -> None:
    key = public_pem(browser.provider.keys["first"])
    browser.provider.signed = lambda claims, header: by_the_public_key(claims, header, key)
    browser.refused("provider", "'HS256'", browser.sign_in())


def test_a_token_by_another_key_of_the_same_name_is_refused(browser: Browser) -> None:
    forger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    browser.provider.signed = lambda claims, header: jwt.encode(claims, forger, "RS256", header)
    browser.refused("provider", "none of the provider's keys", browser.sign_in())


def test_a_key_that_a_token_brings_along_counts_for_nothing(browser: Browser) -> None:
    forger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    brought = {"jwk": public_jwk(forger), "jku": "https://evil.example/keys", "kid": "mine"}
    browser.provider.signed = lambda claims, header: jwt.encode(claims, forger, "RS256", header | brought)
    browser.refused("provider", "none of the provider's keys", browser.sign_in())


def test_a_token_that_must_be_understood_otherwise_is_refused(browser: Browser) -> None:
    browser.provider.header = {"crit": ["exp"], "exp": 1}
    browser.refused("provider", "isn't believed", browser.sign_in())


def test_an_algorithm_that_the_provider_does_not_name_is_refused(browser: Browser) -> None:
    browser.provider.metadata = {"id_token_signing_alg_values_supported": ["ES256"]}
    browser.refused("provider", "'RS256'", browser.sign_in())


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_other_good_algorithms_will_do(browser: Browser, algorithm: str) -> None:
    provider = browser.provider
    provider.algorithm = algorithm
    if algorithm.startswith("ES"):
        provider.keys = {"first": ec.generate_private_key(ec.SECP256R1())}
    assert browser.sign_in() == ""


def test_a_key_that_is_too_small_counts_for_nothing(browser: Browser) -> None:
    browser.provider.keys = {"first": rsa.generate_private_key(public_exponent=65537, key_size=1024)}
    browser.refused("provider", "none of the provider's keys", browser.sign_in())


def test_a_token_that_names_no_key_is_of_the_only_one(browser: Browser) -> None:
    browser.provider.header = {"kid": None}
    assert browser.sign_in() == ""
    browser.provider.add_key("second")
    browser.server.clock.at += timedelta(hours=2)
    assert browser.sign_in() == "provider"


# -- providers in trouble


def test_new_keys_are_looked_for_when_they_are_met_and_not_again_and_again(browser: Browser) -> None:
    assert browser.sign_in() == ""
    browser.provider.keys = {}
    browser.provider.add_key("second")
    browser.server.clock.at += timedelta(seconds=20)
    assert browser.sign_in() == ""
    assert browser.provider.asked.count("/keys") == 2
    browser.provider.header = {"kid": "third"}
    browser.sign_in()
    browser.sign_in()
    assert browser.provider.asked.count("/keys") == 2
    # What the first key signed is worth nothing once it is gone.
    assert browser.provider.asked.count("/.well-known/openid-configuration") == 1


def test_a_provider_that_is_down_is_told_of_and_not_asked_all_the_time(browser: Browser) -> None:
    browser.provider.status = {"/.well-known/openid-configuration": 503}
    for _ in range(3):
        assert browser.client.post("/app/session/oidc/contoso").json() == {"trouble": "provider"}
    assert len(browser.provider.asked) == 1
    assert "503" in browser.journal()[-1][2]
    assert browser.client.post("/app/session", json={"name": ANNA, "password": PASSWORD}).status_code == 200
    browser.provider.status = {}
    browser.server.clock.at += timedelta(seconds=11)
    assert browser.sign_in() == ""


def test_what_was_published_lasts_through_an_outage_of_a_day(browser: Browser) -> None:
    assert browser.sign_in() == ""
    browser.provider.status = {"/.well-known/openid-configuration": 503, "/keys": 503}
    browser.server.clock.at += timedelta(hours=23)
    assert browser.sign_in() == ""
    browser.server.clock.at += timedelta(hours=2)
    assert browser.client.post("/app/session/oidc/contoso").json() == {"trouble": "provider"}


def test_a_provider_that_is_slow_is_not_waited_for(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    url = browser.provider.answer(browser.begin())
    _, asking, _ = browser.server.sign_in.providers._all["contoso"]
    monkeypatch.setattr(asking, "_seconds", 0.2)
    browser.provider.delay = 1
    browser.refused("provider", "too long", browser.come_back(url))


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/token", 302, "elsewhere"),
        ("/token", 500, "status 500"),
        ("/token", 401, "status 401"),
        ("/keys", 302, "elsewhere"),
        ("/keys", 500, "status 500"),
    ],
)
def test_a_provider_that_answers_otherwise_is_not_believed(
    browser: Browser, path: str, status: int, reason: str
) -> None:
    browser.provider.status = {path: status}
    browser.refused("provider", reason, browser.sign_in())


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"end_session_endpoint": "javascript:alert(1)"},
        {"code_challenge_methods_supported": ["plain"]},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
        {"padding": "x" * MOST_READ},
    ],
)
def test_what_a_provider_publishes_is_checked(browser: Browser, metadata: dict[str, Any]) -> None:
    browser.provider.metadata = metadata
    assert browser.client.post("/app/session/oidc/contoso").json() == {"trouble": "provider"}


def test_a_secret_that_is_not_there_is_told_to_whoever_reads_the_audit(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = browser.provider.answer(browser.begin())
    monkeypatch.delenv("KIT_SECRET")
    browser.refused("provider", "env:KIT_SECRET", browser.come_back(url))


def test_over_tls_a_provider_must_be_who_it_says(
    tmp_path: Path, signing_keys: SigningKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_SECRET", SECRET)
    tls = server_certificate(tmp_path / "tls", ["127.0.0.1"], SystemClock())
    with serving((tls.chain, tls.key)) as provider:
        for folder, authorities in (("stranger", None), ("known", tls.authority)):
            (tmp_path / folder).mkdir()
            browser = Browser(tmp_path / folder, signing_keys, provider, make_users=True, authorities=authorities)
            told = browser.client.post("/app/session/oidc/contoso").json()
            assert (told == {"trouble": "provider"}) == (authorities is None)
        assert browser.sign_in() == ""


# -- passwords beside


def test_the_sign_in_page_is_told_the_ways(browser: Browser) -> None:
    told = browser.client.get("/app/session/ways").json()
    assert told == {"providers": [{"name": "contoso", "title": "Contoso"}], "password": True}


def test_passwords_can_be_for_emergencies_alone(
    tmp_path: Path, signing_keys: SigningKeys, provider: FakeProvider
) -> None:
    browser = Browser(tmp_path, signing_keys, provider, password_users=["Admin"])
    browser.server.sign_in.users.create("admin", PASSWORD)
    assert browser.client.get("/app/session/ways").json()["password"] is False
    answer = browser.client.post("/app/session", json={"name": ANNA, "password": PASSWORD})
    assert answer.status_code == 401
    assert browser.client.post("/app/session", json={"name": "admin", "password": PASSWORD}).status_code == 200


def test_who_has_no_password_cannot_guess_one(browser: Browser) -> None:
    browser.sign_in()
    for password in ("", "x" * 20):
        assert browser.client.post("/app/session", json={"name": "eve", "password": password}).status_code == 401


def test_sign_ins_by_password_are_in_the_same_journal(browser: Browser) -> None:
    for name, password in ((ANNA, PASSWORD), (ANNA, "wrong horse battery"), ("my secret typed here", "x")):
        browser.client.post("/app/session", json={"name": name, "password": password})
    assert browser.journal() == [
        ("user/signIn", ANNA, ""),
        ("user/signInRefused", ANNA, "wrong password"),
        # What may be a password, typed into the wrong field, is in no journal.
        ("user/signInRefused", "", "no user has that name"),
    ]
    assert not browser.server.sign_in.journal.verify().faults


# -- what settings and addresses may be


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_one_machine_is_one_source_whatever_address_it_takes(address: str, network: str) -> None:
    assert network_of(address) == network


def test_who_has_many_addresses_guesses_no_faster_and_locks_nobody_else_out(server: Server) -> None:
    def guess(source: str, password: str = "wrong horse battery") -> None:
        server.sign_in.users.authenticate(ANNA, password, source=source)

    for number in range(10):
        with pytest.raises(WrongPassword):
            guess(f"2001:db8:1:2::{number:x}")
    with pytest.raises(Throttled):
        guess("2001:db8:1:2:ffff::1", PASSWORD)
    guess("2001:db8:9::1", PASSWORD)
    server.clock.at += timedelta(minutes=1)
    guess("2001:db8:1:2:ffff::1", PASSWORD)


def test_refusals_that_are_too_many_are_counted_and_not_written(server: Server) -> None:
    journal = server.sign_in.journal
    for number in range(200):
        journal.refused("", "contoso", f"no {number}", source="192.0.2.7", application="pages")
    assert len(list(journal.read())) == 120
    server.clock.at += timedelta(minutes=1)
    journal.refused("", "contoso", "again", source="192.0.2.7", application="pages")
    *_, last = journal.read()
    assert json.loads(str(last["Details"]))["leftOutBefore"] == 80


def test_a_session_of_before_lasts_as_long_as_it_did(server: Server) -> None:
    """What an earlier version kept names no end."""
    users, sessions = server.sign_in.users, server.sign_in.sessions
    text, session = sessions.begin(users.get(ANNA))
    kept = sessions._kept.documents
    (name,) = kept.names()
    value = {k: v for k, v in kept._encode(session).items() if k not in ("ends", "provider")}  # type: ignore[union-attr]
    kept._shelf.upsert(kept.collection, name, value, "etag")
    found = sessions.find(text)
    assert found is not None
    assert found[0].ends - found[0].signed_in == timedelta(days=7)
