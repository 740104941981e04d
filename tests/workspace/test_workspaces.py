from __future__ import annotations

from pathlib import Path

import pytest

from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.state.database import Database
from huntlake.workspace.workspaces import Workspaces

ID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def workspaces(tmp_path: Path) -> Workspaces:
    return Workspaces(Database.open(tmp_path / "state.db"))


def test_a_workspace_has_a_guid_and_a_database_name(workspaces: Workspaces) -> None:
    made = workspaces.create("contoso-soc")
    assert len(made.id) == 36
    assert made.database == f"contoso-soc-{made.id}"
    assert workspaces.list() == [made]


@pytest.mark.parametrize(
    "text",
    [
        f"contoso-soc-{ID}",
        f" contoso-soc-{ID} ",
        f"contoso-soc – {ID}",
        f"contoso-soc — {ID}",
        f"contoso-soc - {ID}",
        f"CONTOSO-SOC-{ID.upper()}",
        ID,
        "contoso-soc",
    ],
)
def test_every_way_to_ask_for_a_database_finds_it(workspaces: Workspaces, text: str) -> None:
    made = workspaces.create("contoso-soc", ID)
    assert workspaces.by_database(text) == made


def test_a_name_with_another_workspaces_id_is_not_found(workspaces: Workspaces) -> None:
    workspaces.create("one", ID)
    two = workspaces.create("two")
    for text in (f"one-{two.id}", f"two-{ID}", f"{ID}-one", "", "-", f"-{ID}"):
        with pytest.raises(NotFound):
            workspaces.by_database(text)


def test_names_that_differ_in_case_only_are_one(workspaces: Workspaces) -> None:
    workspaces.create("Contoso")
    with pytest.raises(Conflict):
        workspaces.create("contoso")
    assert workspaces.get("CONTOSO").name == "Contoso"


def test_an_id_is_given_once(workspaces: Workspaces) -> None:
    workspaces.create("one", ID)
    with pytest.raises(Conflict):
        workspaces.create("two", ID.upper())


@pytest.mark.parametrize("name", ["", "-a", "a-", "../a", "a/b", "a b", "ä", "a" * 64, f"a-{ID}", "a\n"])
def test_a_name_that_could_be_a_path_or_an_id_is_refused(workspaces: Workspaces, name: str) -> None:
    with pytest.raises(Invalid):
        workspaces.create(name)


def test_an_id_that_is_no_guid_is_refused(workspaces: Workspaces) -> None:
    with pytest.raises(Invalid, match="no GUID"):
        workspaces.create("one", "12345")
