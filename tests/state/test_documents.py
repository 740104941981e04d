from __future__ import annotations

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from huntlake.core.errors import Conflict, Invalid, NotFound, PreconditionFailed
from huntlake.state.database import Database
from huntlake.state.documents import Documents, Json


def numbers(database: Database, collection: str = "numbers") -> Documents[int]:
    return Documents(database, collection, lambda n: {"n": n}, lambda j: cast("int", cast("dict[str, Json]", j)["n"]))


@pytest.fixture
def documents(tmp_path: Path) -> Documents[int]:
    return numbers(Database.open(tmp_path / "state.db"))


def test_what_was_put_is_there_after_a_restart(tmp_path: Path) -> None:
    first = Database.open(tmp_path / "state.db")
    put = numbers(first).put("one", 1)
    first.close()
    assert numbers(Database.open(tmp_path / "state.db")).get("one") == put


def test_a_missing_document_is_not_found(documents: Documents[int]) -> None:
    with pytest.raises(NotFound, match="`one`"):
        documents.get("one")
    assert documents.find("one") is None


def test_documents_are_listed_by_name_and_apart_from_other_collections(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "state.db")
    for name in ("b", "a"):
        numbers(database).put(name, 1)
    numbers(database, "others").put("c", 1)
    assert [d.name for d in numbers(database).list()] == ["a", "b"]


def test_each_write_has_an_etag_of_its_own(documents: Documents[int]) -> None:
    assert len({documents.put("one", 1).etag for _ in range(3)}) == 3


def test_create_only_leaves_what_is_there(documents: Documents[int]) -> None:
    documents.put("one", 1, create_only=True)
    with pytest.raises(Conflict):
        documents.put("one", 2, create_only=True)
    assert documents.get("one").value == 1


def test_a_stale_etag_neither_writes_nor_deletes(documents: Documents[int]) -> None:
    stale = documents.put("one", 1)
    current = documents.put("one", 2, if_match=stale.etag)
    with pytest.raises(PreconditionFailed):
        documents.put("one", 3, if_match=stale.etag)
    with pytest.raises(PreconditionFailed):
        documents.delete("one", if_match=stale.etag)
    assert documents.get("one") == current


def test_a_star_matches_what_is_there_but_not_nothing(documents: Documents[int]) -> None:
    with pytest.raises(PreconditionFailed):
        documents.put("one", 1, if_match="*")
    documents.put("one", 1)
    assert documents.put("one", 2, if_match="*").value == 2


def test_deleting_twice_says_so(documents: Documents[int]) -> None:
    documents.put("one", 1)
    assert documents.delete("one") is True
    assert documents.delete("one") is False


def test_changes_of_many_threads_are_all_kept(documents: Documents[int]) -> None:
    documents.put("sum", 0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: documents.change("sum", lambda n: n + 1), range(80)))
    assert documents.get("sum").value == 80


_ADD_TWENTY = """
import sys
from huntlake.state.database import Database
from huntlake.state.documents import Documents
documents = Documents(Database.open(sys.argv[1]), "numbers", lambda n: {"n": n}, lambda j: j["n"])
for _ in range(20):
    documents.change("sum", lambda n: n + 1)
"""


def test_changes_of_several_processes_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    numbers(Database.open(path)).put("sum", 0)
    processes = [subprocess.Popen([sys.executable, "-c", _ADD_TWENTY, str(path)]) for _ in range(3)]
    assert [p.wait() for p in processes] == [0, 0, 0]
    assert numbers(Database.open(path)).get("sum").value == 60


def test_threads_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        databases = list(pool.map(lambda _: Database.open(tmp_path / "state.db"), range(8)))
    numbers(databases[0]).put("one", 1)
    assert all(numbers(d).get("one").value == 1 for d in databases)


def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    numbers(Database.open(path)).put("one", 1)
    files = list(tmp_path.iterdir())
    assert path in files
    assert all(stat.S_IMODE(f.stat().st_mode) == 0o600 for f in files)


def test_a_database_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="mysql is not supported"):
        Database.open("mysql://localhost/state")


def test_an_empty_etag_deletes_nothing(documents: Documents[int]) -> None:
    documents.put("one", 1)
    with pytest.raises(PreconditionFailed):
        documents.delete("one", if_match="")
    assert documents.get("one").value == 1


def test_a_change_that_is_refused_is_tried_once(documents: Documents[int]) -> None:
    documents.put("one", 1)
    tried: list[int] = []

    def refused(value: int) -> int:
        assert not tried
        tried.append(value)
        raise PreconditionFailed("not as it was")

    with pytest.raises(PreconditionFailed, match="not as it was"):
        documents.change("one", refused)
