from __future__ import annotations

from datetime import timedelta

import pytest

from huntlake.core.clock import FixedClock
from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.identity.applications import Applications, WrongRedirect
from huntlake.identity.authorization_codes import (
    AuthorizationCodes,
    AuthorizationRequest,
    BadGrant,
    UsedTwice,
    checked_challenge,
)
from huntlake.identity.device_codes import (
    INTERVAL,
    Declined,
    DeviceCodes,
    ExpiredCode,
    Pending,
    TooSoon,
)
from huntlake.identity.principals import UnknownClient
from huntlake.identity.refresh_tokens import RefreshTokens
from huntlake.identity.rights import Action, Role
from huntlake.identity.secrets import Hasher
from huntlake.identity.throttle import FailureThrottle, Throttled
from huntlake.identity.users import User, Users, WrongPassword
from huntlake.state.database import Database

PASSWORD = "correct horse battery"
KUSTO = "db662dc1-0cfe-4e1c-a843-19a68e65be58"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
REDIRECT = "http://localhost:5000/"


@pytest.fixture
def users(database: Database, clock: FixedClock) -> Users:
    made = Users(
        database,
        clock,
        hasher=Hasher(memory=64 << 10, rounds=1),
        throttle=FailureThrottle(clock, allowed=3),
        by_source=FailureThrottle(clock, allowed=5),
    )
    made.create("Anna@Contoso.example", PASSWORD, "Anna")
    return made


@pytest.fixture
def anna(users: Users) -> User:
    return users.get("anna@contoso.example")


def request(**more: str) -> AuthorizationRequest:
    return AuthorizationRequest(KUSTO, REDIRECT, "s/.default", "s", CHALLENGE, **more)


def test_who_has_the_password_is_let_in_whatever_the_case_of_the_name(users: Users, anna: User) -> None:
    assert users.authenticate(" ANNA@contoso.example ", PASSWORD) == anna


@pytest.mark.parametrize(
    ("name", "password"), [("anna@contoso.example", "wrong"), ("nobody", PASSWORD), ("", ""), ("a\0b", PASSWORD)]
)
def test_a_wrong_name_cant_be_told_from_a_wrong_password(users: Users, name: str, password: str) -> None:
    with pytest.raises(WrongPassword, match="the user name or the password is wrong"):
        users.authenticate(name, password)


def test_guessing_one_password_is_slowed_down_for_the_guesser_only(users: Users, clock: FixedClock) -> None:
    for _ in range(3):
        with pytest.raises(WrongPassword):
            users.authenticate("anna@contoso.example", "x", source="10.0.0.9")
    with pytest.raises(Throttled):
        users.authenticate("Anna@contoso.example", PASSWORD, source="10.0.0.9")
    assert users.authenticate("anna@contoso.example", PASSWORD, source="10.0.0.1")
    clock.at += timedelta(minutes=2)
    assert users.authenticate("anna@contoso.example", PASSWORD, source="10.0.0.9")


def test_trying_one_password_with_many_names_is_slowed_down_too(users: Users) -> None:
    for number in range(5):
        with pytest.raises(WrongPassword):
            users.authenticate(f"user{number}", "x", source="10.0.0.9")
    with pytest.raises(Throttled):
        users.authenticate("anna@contoso.example", PASSWORD, source="10.0.0.9")


@pytest.mark.parametrize("name", ["", "a b", "anna@", "<b>", "-a", "a" * 400, "ann\u0430"])
def test_a_name_that_could_be_mistaken_is_refused(users: Users, name: str) -> None:
    with pytest.raises(Invalid):
        users.create(name, PASSWORD)


def test_names_are_given_once_and_short_passwords_never(users: Users) -> None:
    with pytest.raises(Conflict):
        users.create("ANNA@contoso.example", PASSWORD)
    for password in ("", "short", "x" * 257):
        with pytest.raises(Invalid):
            users.create("bob", password)
    with pytest.raises(NotFound):
        users.get("bob")


def test_roles_hold_as_those_of_applications_do(users: Users) -> None:
    assert not users.get("anna@contoso.example").principal.may(Action.READ, "w")
    users.grant("anna@contoso.example", "w", Role.READER)
    principal = users.get("anna@contoso.example").principal
    assert principal.may(Action.READ, "w")
    assert not principal.may(Action.WRITE, "w")
    assert not users.revoke("anna@contoso.example", "w").principal.may(Action.READ, "w")


def test_no_password_is_in_what_a_log_might_print(anna: User) -> None:
    assert anna.hash.startswith("$argon2id$")
    assert "argon2" not in repr(anna)


# -- applications -----------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost",
        "http://localhost:53682/",
        "http://127.0.0.1:8400/callback",
        "http://[::1]:1/x?y=z",
        "https://tool.example/back",
    ],
)
def test_a_person_is_sent_back_to_their_machine_or_to_where_it_is_registered(uri: str) -> None:
    applications = Applications({KUSTO.upper(): ("https://tool.example/back",)})
    assert applications.get(KUSTO).redirect(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://localhost/",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "http://evil.example#@localhost/",
        "http://evil.example\\@localhost/",
        "http://localhost:80:80/",
        "http://localhost:0/",
        "http://localhost:99999/",
        "http://127.0.0.2/",
        "http://loc\u0430lhost/",
        "http://localhost/\r\nX: y",
        'http://localhost/"><script>',
        "javascript:alert(1)//http://localhost",
        "urn:ietf:wg:oauth:2.0:oob",
        "https://tool.example/back/",
        "https://tool.example/back?x=1",
        "https://TOOL.example/back",
    ],
)
def test_nobody_is_sent_anywhere_else(uri: str) -> None:
    with pytest.raises(WrongRedirect):
        Applications({KUSTO: ("https://tool.example/back",)}).get(KUSTO).redirect(uri)


def test_a_client_that_nobody_knows_is_refused() -> None:
    for client_id in ("", "x", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(UnknownClient):
            Applications({}).get(client_id)


# -- codes --------------------------------------------------------------------------


def redeem(codes: AuthorizationCodes, code: str, **more: str) -> str:
    given = {"client_id": KUSTO, "redirect_uri": REDIRECT, "verifier": VERIFIER, **more}
    return codes.redeem(code, **given).user


def test_a_code_is_good_once_and_says_what_to_revoke_the_second_time(
    database: Database, clock: FixedClock, anna: User
) -> None:
    codes = AuthorizationCodes(database, clock)
    code = codes.issue(request(), anna)
    assert redeem(codes, code) == anna.name
    with pytest.raises(UsedTwice) as caught:
        redeem(codes, code)
    assert caught.value.family


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "04b07795-8ddb-461a-bbee-02f9e1bf7b46"},
        {"redirect_uri": "http://localhost:5001/"},
        {"verifier": VERIFIER[:-1] + "x"},
        {"verifier": ""},
        {"verifier": CHALLENGE},
    ],
)
def test_a_code_is_only_good_for_who_asked_for_it(
    database: Database, clock: FixedClock, anna: User, wrong: dict[str, str]
) -> None:
    codes = AuthorizationCodes(database, clock)
    code = codes.issue(request(), anna)
    with pytest.raises(BadGrant):
        redeem(codes, code, **wrong)
    assert redeem(codes, code) == anna.name


def test_a_code_is_good_for_two_minutes(database: Database, clock: FixedClock, anna: User) -> None:
    codes = AuthorizationCodes(database, clock)
    code = codes.issue(request(), anna)
    clock.at += timedelta(minutes=2)
    with pytest.raises(BadGrant):
        redeem(codes, code)


def test_a_challenge_is_of_the_method_s256() -> None:
    assert checked_challenge(CHALLENGE, "S256") == CHALLENGE
    for challenge, method in (("", "S256"), (CHALLENGE, "plain"), (CHALLENGE, ""), (CHALLENGE + "x", "S256")):
        with pytest.raises(Invalid):
            checked_challenge(challenge, method)


def test_no_code_or_token_can_be_read_out_of_the_database(database: Database, clock: FixedClock, anna: User) -> None:
    code = AuthorizationCodes(database, clock).issue(request(), anna)
    token = RefreshTokens(database, clock).begin("family", KUSTO, anna, "s", "a", clock.now())
    device, _ = DeviceCodes(database, clock).begin(KUSTO, "s", "a", "")
    assert token
    kept = str([[*database.read_all(c)] for c in ("authorization codes", "refresh tokens", "device codes")])
    for text in (code, token, token.partition(".")[2], device):
        assert text not in kept


# -- refresh tokens -------------------------------------------------------------------


def test_a_refresh_token_is_good_once_and_brings_the_next(database: Database, clock: FixedClock, anna: User) -> None:
    tokens = RefreshTokens(database, clock)
    first = tokens.begin("f", KUSTO, anna, "s", "a", clock.now())
    assert first
    family, second = tokens.rotate(first, KUSTO)
    assert family.user == anna.name
    assert tokens.rotate(second, KUSTO)[1] not in (first, second)


def test_a_stolen_refresh_token_ends_its_family(database: Database, clock: FixedClock, anna: User) -> None:
    tokens = RefreshTokens(database, clock)
    first = tokens.begin("f", KUSTO, anna, "s", "a", clock.now())
    other = tokens.begin("g", KUSTO, anna, "s", "a", clock.now())
    assert first
    assert other
    _, second = tokens.rotate(first, KUSTO)
    with pytest.raises(UsedTwice):
        tokens.rotate(first, KUSTO)
    with pytest.raises(BadGrant):
        tokens.rotate(second, KUSTO)
    assert tokens.rotate(other, KUSTO)


def test_a_refresh_token_of_another_application_or_family_ends_nothing(
    database: Database, clock: FixedClock, anna: User
) -> None:
    tokens = RefreshTokens(database, clock)
    first = tokens.begin("f", KUSTO, anna, "s", "a", clock.now())
    assert first
    for text, client_id in ((first, "other"), ("", KUSTO), ("g.x", KUSTO)):
        with pytest.raises(BadGrant):
            tokens.rotate(text, client_id)
    assert tokens.rotate(first, KUSTO)


def test_a_person_gives_the_password_again_after_some_days(database: Database, clock: FixedClock, anna: User) -> None:
    tokens = RefreshTokens(database, clock, lifetime=timedelta(days=2))
    text = tokens.begin("f", KUSTO, anna, "s", "a", clock.now())
    assert text
    clock.at += timedelta(days=1)
    _, text = tokens.rotate(text, KUSTO)
    clock.at += timedelta(days=1)
    with pytest.raises(BadGrant):
        tokens.rotate(text, KUSTO)
    none = RefreshTokens(database, clock, lifetime=timedelta(0))
    assert none.begin("g", KUSTO, anna, "s", "a", clock.now()) is None


# -- device codes ---------------------------------------------------------------------


def test_a_device_waits_until_a_person_lets_it_once(database: Database, clock: FixedClock, anna: User) -> None:
    codes = DeviceCodes(database, clock)
    text, asked = codes.begin(KUSTO, "s", "a", "10.0.0.1")
    with pytest.raises(Pending):
        codes.poll(text, KUSTO)
    with pytest.raises(TooSoon):
        codes.poll(text, KUSTO)
    clock.at += INTERVAL
    with pytest.raises(Pending):
        codes.poll(text, KUSTO)
    typed = f" {asked.user_code[:3].lower()}-{asked.user_code[3:]} "
    assert codes.typed(typed) == asked
    assert codes.decide(typed, anna, approved=True)
    assert codes.typed(typed) is None
    assert codes.decide(typed, anna, approved=False) is None
    assert codes.poll(text, KUSTO)[0].user == anna.name
    with pytest.raises(ExpiredCode):
        codes.poll(text, KUSTO)


def test_a_device_hears_of_a_no_and_of_too_late(database: Database, clock: FixedClock, anna: User) -> None:
    codes = DeviceCodes(database, clock)
    text, asked = codes.begin(KUSTO, "s", "a", "")
    late, unseen = codes.begin(KUSTO, "s", "a", "")
    codes.decide(asked.user_code, anna, approved=False)
    with pytest.raises(Declined):
        codes.poll(text, KUSTO)
    with pytest.raises(ExpiredCode):
        codes.poll(late, "another application")
    clock.at += timedelta(minutes=15)
    assert codes.typed(unseen.user_code) is None
    with pytest.raises(ExpiredCode):
        codes.poll(late, KUSTO)
