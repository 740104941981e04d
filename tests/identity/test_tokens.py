from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import jwt
import orjson
import pytest

from huntlake.core.clock import FixedClock
from huntlake.identity.audiences import GRAPH, KUSTO, LAKE, Audiences, is_known
from huntlake.identity.keys import SigningKeys
from huntlake.identity.principals import Principal
from huntlake.identity.tenant import Tenant, tenant_of
from huntlake.identity.tokens import InvalidToken, Tokens
from huntlake.state.database import Database

from .conftest import TENANT

HUNTER = Principal("bbbbbbbb-0000-0000-0000-000000000001", "cccccccc-0000-0000-0000-000000000001", "hunter")
HERE = Audiences(KUSTO, frozenset({"lake.example"}))
ISSUER = "https://lake.example/adfs/T/v2.0"


@pytest.fixture
def tokens(keys: SigningKeys, clock: FixedClock) -> Tokens:
    return Tokens(keys, TENANT, clock)


def test_a_token_says_who_asks(tokens: Tokens) -> None:
    caller = tokens.verify(tokens.issue(HUNTER, LAKE, issuer=ISSUER).text, HERE)
    assert (caller.client_id, caller.object_id, caller.audience) == (HUNTER.client_id, HUNTER.object_id, LAKE)


@pytest.mark.parametrize(("version", "claim"), [("1.0", "appid"), ("2.0", "azp")])
def test_a_token_has_the_claims_of_its_version(tokens: Tokens, keys: SigningKeys, version: str, claim: str) -> None:
    text = tokens.issue(HUNTER, LAKE, issuer=ISSUER, version=version).text
    (key,) = keys.jwks()["keys"]
    assert "d" not in key
    assert jwt.get_unverified_header(text)["kid"] == key["kid"]
    claims = jwt.decode(text, jwt.PyJWK(key).key, ["RS256"], {"verify_exp": False, "verify_nbf": False}, audience=LAKE)
    assert claims["iss"] == ISSUER
    assert claims["tid"] == TENANT.id
    assert claims["sub"] == claims["oid"] == HUNTER.object_id
    assert claims[claim] == HUNTER.client_id
    assert claims["exp"] - claims["iat"] == 3599


def test_an_expired_token_is_refused(tokens: Tokens, clock: FixedClock) -> None:
    text = tokens.issue(HUNTER, LAKE, issuer=ISSUER).text
    clock.at += timedelta(seconds=3598)
    tokens.verify(text, HERE)
    clock.at += timedelta(seconds=1)
    with pytest.raises(InvalidToken, match="expired"):
        tokens.verify(text, HERE)


def test_a_token_from_the_future_is_refused(tokens: Tokens, clock: FixedClock) -> None:
    text = tokens.issue(HUNTER, LAKE, issuer=ISSUER).text
    clock.at -= timedelta(hours=1)
    with pytest.raises(InvalidToken, match="yet"):
        tokens.verify(text, HERE)


def test_a_token_of_another_server_is_refused(tokens: Tokens, tmp_path: Path, clock: FixedClock) -> None:
    foreign = Tokens(SigningKeys(tmp_path / "foreign", clock), TENANT, clock)
    with pytest.raises(InvalidToken, match="isn't this server's"):
        tokens.verify(foreign.issue(HUNTER, LAKE, issuer=ISSUER).text, HERE)


def test_a_token_of_another_tenant_is_refused(tokens: Tokens, keys: SigningKeys, clock: FixedClock) -> None:
    other = Tokens(keys, Tenant("aaaaaaaa-0000-0000-0000-000000000002", "other.example"), clock)
    with pytest.raises(InvalidToken, match="another tenant"):
        tokens.verify(other.issue(HUNTER, LAKE, issuer=ISSUER).text, HERE)


def _swap(text: str, *, header: dict[str, object] | None = None, claims: dict[str, object] | None = None) -> str:
    parts = text.split(".")
    for i, change in enumerate((header, claims)):
        was = orjson.loads(base64.urlsafe_b64decode(parts[i] + "==="))
        parts[i] = base64.urlsafe_b64encode(orjson.dumps({**was, **(change or {})})).rstrip(b"=").decode()
    return ".".join(parts)


def test_a_token_that_was_tampered_with_is_refused(tokens: Tokens, keys: SigningKeys) -> None:
    good = tokens.issue(HUNTER, LAKE, issuer=ISSUER).text
    unsigned = _swap(good, header={"alg": "none"}).rsplit(".", 1)[0] + "."
    n = keys.jwks()["keys"][0]["n"].encode()
    kid = {"kid": keys.current().kid}
    confused = jwt.encode({"aud": LAKE, "exp": 9e9}, n, "HS256", kid)
    for bad in (
        _swap(good, claims={"oid": "someone else"}),
        _swap(good, header={"kid": 1}),
        _swap(good, header={"kid": "../../etc/passwd"}),
        unsigned,
        confused,
        good[:-6],
        "",
        "a.b.c",
        "ü",
        "." * 10_000,
    ):
        with pytest.raises(InvalidToken):
            tokens.verify(bad, HERE)


def test_tokens_outlive_a_rotation_but_not_one_that_drops_the_old_keys(tokens: Tokens, keys: SigningKeys) -> None:
    first = tokens.issue(HUNTER, LAKE, issuer=ISSUER).text
    keys.rotate()
    second = tokens.issue(HUNTER, LAKE, issuer=ISSUER).text
    assert jwt.get_unverified_header(first)["kid"] != jwt.get_unverified_header(second)["kid"]
    assert tokens.verify(first, HERE) == tokens.verify(second, HERE)
    keys.rotate(keep_old=False)
    for old in (first, second):
        with pytest.raises(InvalidToken):
            tokens.verify(old, HERE)


@pytest.mark.parametrize(
    "audience",
    [
        LAKE,
        LAKE.upper(),
        "https://kusto.kusto.windows.net",
        "https://help.kusto.windows.net/",
        "https://lake.example",
        "https://LAKE.example:8443",
        "https://lake.example:8443//",
        "https://lake.example:8443/lake/kql",
    ],
)
def test_every_audience_that_clients_of_the_lake_ask_for_is_taken(audience: str) -> None:
    assert HERE.accept(audience)
    assert is_known(audience, HERE.hosts)


@pytest.mark.parametrize(
    "audience",
    [
        "https://management.azure.com",
        "https://graph.microsoft.com",
        "https://api.loganalytics.io",
        "https://evil.example",
        "https://lake.example.evil.example",
        "https://kusto.windows.net.evil.example",
        "http://lake.example",
        "lake.example",
        "",
        "https://[",
        f"https://{LAKE}",
    ],
)
def test_other_audiences_are_refused(audience: str) -> None:
    assert not HERE.accept(audience)


def test_a_token_for_one_api_opens_no_other_even_under_its_host_name() -> None:
    kusto = Audiences(KUSTO, frozenset({"graph.microsoft.com"}))
    assert not kusto.accept("https://graph.microsoft.com/v1.0")
    assert Audiences(GRAPH, frozenset()).accept("https://graph.microsoft.com/")


def test_a_token_for_a_cluster_opens_no_other_api_under_that_clusters_name() -> None:
    named = frozenset({"soc.kusto.windows.net"})
    assert Audiences(KUSTO, named).accept("https://soc.kusto.windows.net")
    assert not Audiences(GRAPH, named).accept("https://soc.kusto.windows.net")


def test_a_tenant_is_made_up_once(database: Database) -> None:
    assert tenant_of(database) == tenant_of(database)
    assert tenant_of(database, id=TENANT.id.upper()).id == TENANT.id


@pytest.mark.parametrize("text", [TENANT.id, TENANT.id.upper(), "Contoso.Example", "organizations", "common"])
def test_a_tenant_answers_to_all_its_names(text: str) -> None:
    assert TENANT.is_called(text)
    assert not TENANT.is_called("consumers")


def test_a_token_that_was_good_before_is_looked_at_again(tokens: Tokens, keys: SigningKeys, clock: FixedClock) -> None:
    text = tokens.issue(HUNTER, LAKE, issuer=ISSUER).text
    tokens.verify(text, HERE)
    with pytest.raises(InvalidToken, match="another audience"):
        tokens.verify(text, Audiences(GRAPH, frozenset({"lake.example"})))
    head, body, signature = text.split(".")
    with pytest.raises(InvalidToken, match="malformed"):
        tokens.verify(f"{head}.{body[:-2]}.{signature}", HERE)
    clock.at += timedelta(hours=1)
    with pytest.raises(InvalidToken, match="expired"):
        tokens.verify(text, HERE)
    clock.at -= timedelta(hours=1)
    tokens.verify(text, HERE)
    keys.rotate(keep_old=False)
    with pytest.raises(InvalidToken, match="isn't this server's"):
        tokens.verify(text, HERE)


def test_tokens_that_were_good_do_not_pile_up(
    tokens: Tokens, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huntlake.identity.tokens._MOST_VERIFIED", 2)
    for _ in range(4):
        tokens.verify(tokens.issue(HUNTER, LAKE, issuer=ISSUER).text, HERE)
    assert len(tokens._verified) == 2
