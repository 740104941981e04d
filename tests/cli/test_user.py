"""`huntlake user`: people are made, linked, shut out and let in, and what they did can be read."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run

from huntlake.app import App
from huntlake.core.settings import load

PASSWORD = "correct horse battery"
ISSUER = "https://login.contoso.example"


@pytest.fixture
def provider(run: Run, lake: Path) -> None:
    """Settings that name a provider."""
    text = f'[oidc.contoso]\nissuer = "{ISSUER}"\nclient_id = "huntlake"\ntitle = "Contoso"\n'
    (lake / "huntlake.toml").write_text(text)


def listed(run: Run, name: str) -> dict[str, Any]:
    return next(u for u in json.loads(run("user", "list", "-o", "json").out) if u["user"] == name)


def make(run: Run, name: str, *more: str, verb: str = "create") -> str:
    told = run("user", verb, name, "--password-stdin", *more, stdin=f"{PASSWORD}\n")
    assert told.code == 0, told.err
    return told.err


@pytest.mark.parametrize("verb", ["create", "add"])
def test_a_user_is_made_with_a_role(run: Run, lake: Path, verb: str) -> None:
    assert "anna may sign in, and is Log Analytics Reader in default" in make(
        run, "anna", "--role", "reader", verb=verb
    )
    assert listed(run, "anna")["signs_in_by"] == ["password"]


def test_the_first_admin_may_do_everything_everywhere(run: Run, lake: Path) -> None:
    assert run("workspace", "create", "second").code == 0
    assert "is Log Analytics Contributor in default, second" in make(run, "anna", "--admin")
    assert run("user", "create", "bo", "--admin", "--role", "reader").code != 0


def test_the_first_admin_of_an_empty_folder_gets_a_workspace(run: Run) -> None:
    assert "Contributor in default" in make(run, "anna", "--admin")


def test_a_user_of_a_provider_has_no_password(run: Run, lake: Path, provider: None) -> None:
    told = run("user", "create", "anna", "--oidc", "contoso", "--subject", "248289761001", "--role", "reader")
    assert (told.code, "anna may sign in at contoso, and is Log Analytics Reader" in told.err) == (0, True)
    assert listed(run, "anna")["signs_in_by"] == ["contoso as 248289761001"]


@pytest.mark.parametrize("given", [["--oidc", "contoso"], ["--subject", "1"], ["--oidc", "none", "--subject", "1"]])
def test_half_a_link_makes_nobody(run: Run, lake: Path, provider: None, given: list[str]) -> None:
    assert run("user", "create", "anna", *given).code != 0
    assert json.loads(run("user", "list", "-o", "json").out) == []


def test_one_person_of_a_provider_is_no_second_user(run: Run, lake: Path, provider: None) -> None:
    assert run("user", "create", "anna", "--oidc", "contoso", "--subject", "1").code == 0
    told = run("user", "create", "bo", "--oidc", "contoso", "--subject", "1")
    assert (told.code != 0, "anna" in told.err) == (True, True)
    assert [u["user"] for u in json.loads(run("user", "list", "-o", "json").out)] == ["anna"]


def test_a_user_is_linked_and_unlinked(run: Run, lake: Path, provider: None) -> None:
    make(run, "anna")
    assert run("user", "link", "anna", "--oidc", "contoso", "--subject", "1").code == 0
    assert listed(run, "anna")["signs_in_by"] == ["password", "contoso as 1"]
    assert run("user", "unlink", "anna", "--oidc", "contoso").code == 0
    assert run("user", "unlink", "anna", "--oidc", "contoso").code != 0
    assert listed(run, "anna")["signs_in_by"] == ["password"]


def test_a_disabled_user_is_shown_as_such(run: Run, lake: Path) -> None:
    make(run, "anna", "--role", "reader")
    assert run("user", "disable", "anna").code == 0
    assert listed(run, "anna")["signs_in_by"] == ["disabled"]
    assert run("user", "enable", "anna").code == 0
    assert listed(run, "anna")["signs_in_by"] == ["password"]


def test_sign_ins_are_listed_and_verified(run: Run, lake: Path) -> None:
    make(run, "anna")
    app = App.open(lake, load(lake))
    try:
        app.sign_in.by_password("anna", PASSWORD, source="192.0.2.7", application="pages")
        app.sign_in.journal.refused("", "contoso", "[red]no", source="192.0.2.8", application="pages")
    finally:
        app.close()
    entries = json.loads(run("user", "sign-ins", "-o", "json").out)
    assert [(e["action"], e["user"], e["by"], e["from"]) for e in entries] == [
        ("user/signIn", "anna", "password", "192.0.2.7"),
        ("user/signInRefused", "", "contoso", "192.0.2.8"),
    ]
    assert len(json.loads(run("user", "sign-ins", "--refused", "-o", "json").out)) == 1
    assert "2 entries, all as they were written" in run("audit", "verify", "--sign-ins").out
    assert run("audit", "head", "--sign-ins").out.startswith("2 ")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('issuer = "http://login.contoso.example"\nclient_id = "x"', "oidc.contoso.issuer"),
        ('issuer = "https://user:pw@login.contoso.example"\nclient_id = "x"', "oidc.contoso.issuer"),
        ('issuer = "https://login.contoso.example?x"\nclient_id = "x"', "oidc.contoso.issuer"),
        (f'issuer = "{ISSUER}"\nclient_id = ""', "oidc.contoso.client_id"),
        (f'issuer = "{ISSUER}"\nclient_id = "x"\nclient_secret = "hush"', "oidc.contoso.client_secret"),
        (f'issuer = "{ISSUER}"\nclient_id = "x"\nroles = [{{group = "g", role = "king"}}]', "oidc.contoso.roles"),
        (f'issuer = "{ISSUER}"\nclient_id = "x"\ngroup = "y"', "oidc.contoso.group"),
    ],
)
def test_a_wrong_setting_of_a_provider_is_named(run: Run, lake: Path, text: str, named: str) -> None:
    (lake / "huntlake.toml").write_text(f"[oidc.contoso]\n{text}\n")
    told = run("user", "list")
    assert told.code != 0
    assert named in told.err
    assert "hush" not in told.err
