from __future__ import annotations

from datetime import timedelta

import pytest

from huntlake.core.clock import FixedClock
from huntlake.core.errors import Conflict, Invalid, LimitExceeded, NotFound
from huntlake.identity.principals import MOST_SECRETS, ExpiredSecret, Principals, UnknownClient, WrongSecret
from huntlake.identity.rights import Action, Role
from huntlake.identity.throttle import Throttled
from huntlake.state.database import Database

ID = "bbbbbbbb-0000-0000-0000-000000000001"


def test_a_new_principal_may_do_nothing(principals: Principals) -> None:
    made = principals.create("hunter")
    assert not made.secrets
    assert not any(made.may(action, ID) for action in Action)


def test_who_has_the_secret_is_let_in(principals: Principals) -> None:
    principals.create("hunter", client_id=ID)
    issued = principals.add_secret(ID)
    assert principals.authenticate(ID.upper(), issued.text).display_name == "hunter"


@pytest.mark.parametrize("secret", ["", "wrong", "\x00", "é" * 1000])
def test_a_wrong_secret_is_refused(principals: Principals, secret: str) -> None:
    principals.create("hunter", client_id=ID)
    principals.add_secret(ID)
    with pytest.raises(WrongSecret):
        principals.authenticate(ID, secret)


@pytest.mark.parametrize("client_id", [ID, "", "hunter", "'; drop table documents"])
def test_an_unknown_client_is_told_from_a_wrong_secret(principals: Principals, client_id: str) -> None:
    with pytest.raises(UnknownClient):
        principals.authenticate(client_id, "secret")


def test_a_principal_without_secret_is_not_let_in_by_an_empty_one(principals: Principals) -> None:
    principals.create("hunter", client_id=ID)
    with pytest.raises(WrongSecret):
        principals.authenticate(ID, "")


def test_an_expired_secret_is_refused(principals: Principals, clock: FixedClock) -> None:
    principals.create("hunter", client_id=ID)
    issued = principals.add_secret(ID, lifetime=timedelta(days=1))
    clock.at += timedelta(days=1)
    with pytest.raises(ExpiredSecret):
        principals.authenticate(ID, issued.text)


def test_several_secrets_are_good_at_once(principals: Principals) -> None:
    principals.create("hunter", client_id=ID)
    texts = [principals.add_secret(ID).text for _ in range(MOST_SECRETS)]
    assert all(principals.authenticate(ID, text) for text in texts)
    with pytest.raises(LimitExceeded):
        principals.add_secret(ID)


def test_rotation_ends_the_old_secrets_after_the_overlap(principals: Principals, clock: FixedClock) -> None:
    principals.create("hunter", client_id=ID)
    old = principals.add_secret(ID).text
    new = principals.rotate(ID, overlap=timedelta(hours=1)).text
    assert principals.authenticate(ID, old)
    assert principals.authenticate(ID, new)
    clock.at += timedelta(hours=1)
    assert principals.authenticate(ID, new)
    with pytest.raises(WrongSecret):
        principals.authenticate(ID, old)


def test_rotation_without_overlap_ends_them_now(principals: Principals) -> None:
    principals.create("hunter", client_id=ID)
    old = principals.add_secret(ID).text
    principals.rotate(ID)
    with pytest.raises(WrongSecret):
        principals.authenticate(ID, old)


def test_a_removed_secret_is_refused(principals: Principals) -> None:
    principals.create("hunter", client_id=ID)
    issued = principals.add_secret(ID)
    assert principals.remove_secret(ID, issued.secret.id)
    assert not principals.remove_secret(ID, issued.secret.id)
    with pytest.raises(WrongSecret):
        principals.authenticate(ID, issued.text)


def test_a_role_holds_in_its_workspace_only(principals: Principals) -> None:
    principals.create("hunter", client_id=ID)
    made = principals.grant(ID, "one", Role.READER)
    assert made.may(Action.READ, "one")
    assert not made.may(Action.WRITE, "one")
    assert not made.may(Action.READ, "two")


def test_a_second_role_takes_the_place_of_the_first(principals: Principals) -> None:
    principals.create("hunter", client_id=ID)
    principals.grant(ID, "one", Role.CONTRIBUTOR)
    assert not principals.grant(ID, "one", Role.READER).may(Action.WRITE, "one")
    assert not principals.revoke(ID, "one").grants


def test_what_is_kept_comes_back_whole(principals: Principals, database: Database, clock: FixedClock) -> None:
    principals.create("hünter ✓", client_id=ID)
    principals.add_secret(ID)
    principals.grant(ID, "one", Role.CONTRIBUTOR)
    assert Principals(database, clock).get(ID) == principals.get(ID)


def test_guessing_is_slowed_down_for_the_guesser_only(principals: Principals, clock: FixedClock) -> None:
    principals.create("hunter", client_id=ID)
    good = principals.add_secret(ID).text
    for _ in range(10):
        with pytest.raises(WrongSecret):
            principals.authenticate(ID, "guess", source="192.0.2.1")
    with pytest.raises(Throttled) as refused:
        principals.authenticate(ID, good, source="192.0.2.1")
    assert timedelta(0) < refused.value.retry_after <= timedelta(minutes=1)
    assert principals.authenticate(ID, good, source="192.0.2.2")
    clock.at += timedelta(minutes=1)
    assert principals.authenticate(ID, good, source="192.0.2.1")


def test_no_secret_is_in_what_a_log_might_print(principals: Principals) -> None:
    principals.create("hunter", client_id=ID)
    issued = principals.add_secret(ID)
    printed = f"{issued!r} {principals.get(ID)!r} {issued}"
    assert issued.text not in printed
    assert issued.secret.hash not in printed


def test_a_client_id_is_given_once_and_is_a_guid(principals: Principals) -> None:
    principals.create("hunter", client_id=ID)
    with pytest.raises(Conflict):
        principals.create("other", client_id=ID.upper())
    with pytest.raises(Invalid):
        principals.create("other", client_id="hunter")
    with pytest.raises(Invalid):
        principals.create(" ")


def test_what_is_deleted_is_gone(principals: Principals) -> None:
    principals.create("hunter", client_id=ID)
    assert principals.delete(ID)
    assert not principals.delete(ID)
    with pytest.raises(NotFound):
        principals.get(ID)
    assert principals.list() == []
