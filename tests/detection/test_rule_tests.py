"""Tests of rules that come out of folders, and go into files again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.cli.test_rule import RULE as A_RULE
from tests.state.conftest import postgres

from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid
from huntlake.detection.checkout import listed
from huntlake.detection.library import Fate, Kind, Told
from huntlake.detection.publishing.forms import folder_of
from huntlake.detection.rule_tests import RuleTest, TestRun, TestStanding, ToldDifference, digest, standing_name
from huntlake.detection.service import Detection
from huntlake.detection.testing.portable import apart, rule_of, together
from huntlake.detection.testing.reading import suite
from huntlake.detection.testing.tables import CatalogueTables
from huntlake.engines.cancellation import Cancellation
from huntlake.state.database import Database
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.workspaces import Workspace

from .test_testing import RULE

__all__ = ["postgres"]

ID = "0f9b7a52-3a0c-4a7c-8d0e-5a4a5b1f0001"
TABLES = CatalogueTables(Catalogue())
TESTS = """\
clock: 2026-03-01T12:00:00Z
watchlists:
  vips: {searchKey: name, rows: [{name: ann}]}
tests:
  - name: five
    # all in one minute
    events:
      SigninLogs:
        - repeat: 5
          row:
            UserPrincipalName: ann@corp.example
            IPAddress: 192.0.2.7
            ResultType: 50126
    expect:
      alerts: 1   # and no more

  # the other side
  - name: "four: no attack"
    runs: [2026-03-01T12:00:00Z]
    events: {SigninLogs: [{repeat: 4, row: {UserPrincipalName: ann@corp.example, ResultType: 50126}}]}
    expect: nothing
"""


def placed(folder: Path, tests: str = TESTS, rule: str = RULE) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "failed.yaml").write_text(rule)
    path = folder / "failed.test.yaml"
    path.write_text(tests)
    return path


def test_each_test_of_a_file_stands_alone_with_its_comments(tmp_path: Path) -> None:
    five, four = apart(placed(tmp_path), TABLES, tmp_path)
    assert (five[0], five[1].title) == ("five", "five")
    assert five[1].text.startswith("name: five\nclock: 2026-03-01T12:00:00Z\nwatchlists:\n  vips:")
    assert "# all in one minute\nevents:\n  SigninLogs:\n    - repeat: 5\n" in five[1].text
    assert five[1].text.endswith("  alerts: 1   # and no more\n")
    # A test with windows of its own has no use for the file's clock.
    assert (four[0], "clock" in four[1].text) == ("four-no-attack", False)


def test_tests_become_a_file_again(tmp_path: Path) -> None:
    path = placed(tmp_path)
    texts = [test.text for _, test in apart(path, TABLES, tmp_path)]
    path.write_text(together(texts))
    assert [test.text for _, test in apart(path, TABLES, tmp_path)] == texts
    assert "  - name: five\n    clock:" in path.read_text()
    # What can't be moved line by line is written anew, and says the same.
    odd = ["---\nname: a\nexpect: nothing\n", '{"name": "b", "expect": "nothing"}', "# head\nname: c\nexpect: nothing"]
    path.write_text(together(odd))
    assert [c.name for c in suite(path, TABLES).cases] == ["a", "b", "c"]


def test_rows_in_files_are_written_in(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        '{"UserPrincipalName": "ann@corp.example", "ResultType": "0123", "Status": {"errorCode": 1.5}}\n' * 2
    )
    (tmp_path / "rows.csv").write_text("UserPrincipalName,ResultType\nyes,1e5\n")
    tests = (
        "tests:\n  - name: data\n    events: {SigninLogs: [{ResultType: 1}]}\n"
        "    data: {SigninLogs: rows.jsonl}\n    expect: nothing\n"
        "  - name: csv\n    data: {SigninLogs: rows.csv}\n    expect: nothing\n"
    )
    path = placed(tmp_path, tests)
    (_, data), (_, table) = apart(path, TABLES, tmp_path)
    assert "data:" not in data.text
    assert data.text.count("0123") == 2
    assert "1e5" in table.text
    (tmp_path / "rows.csv").write_text("UserPrincipalName\n" + "ann@corp.example\n" * 20_000)
    with pytest.raises(Invalid, match="longer than 262,144"):
        apart(path, TABLES, tmp_path)


def test_what_aliases_stand_for_is_written_out(tmp_path: Path) -> None:
    tests = "tests:\n  - name: a\n    events:\n      SigninLogs: [&row {ResultType: 1}, *row]\n    expect: nothing\n"
    ((_, test),) = apart(placed(tmp_path, tests), TABLES, tmp_path)
    assert test.text.count("ResultType") == 2


def test_a_test_may_declare_tables_and_watchlists_for_itself(tmp_path: Path) -> None:
    tests = (
        "tables: {Mine_CL: {A: long}}\ntests:\n  - name: a\n    tables: {Other: {B: string}}\n"
        "    watchlists: {w: {searchKey: k, rows: [{k: v}]}}\n"
        "    events: {Mine_CL: [{A: 1}], Other: [{B: x}]}\n    expect: nothing\n"
    )
    path = placed(tmp_path, tests)
    (case,) = suite(path, TABLES).cases
    assert set(case.events) == {"Mine_CL", "Other"}
    assert [w.alias for w in case.watchlists] == ["w"]
    ((_, test),) = apart(path, TABLES, tmp_path)
    assert "Mine_CL" in test.text


def test_names_of_tests_are_told_apart(tmp_path: Path) -> None:
    tests = "tests:\n" + "".join(f"  - {{name: {n}, expect: nothing}}\n" for n in ("Fires!", "fires", "'???'"))
    assert [name for name, _ in apart(placed(tmp_path, tests), TABLES, tmp_path)] == ["fires", "fires-2", "test"]
    assert rule_of(tmp_path / "failed.test.yaml") == tmp_path / "failed.yaml"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    made = App.open(tmp_path / "home", clock=FixedClock(datetime(2026, 3, 1, 12, tzinfo=UTC)))
    yield made
    made.close()


@pytest.fixture
def soc(app: App) -> Workspace:
    return app.workspaces.create("soc")


def added(app: App, soc: Workspace, folder: Path, *, force: bool = False) -> dict[str, Told]:
    found = app.library.add(soc, folder, "ours", force=force)
    return {t.piece.name.rpartition("/")[2]: t for t in found}


def test_tests_come_and_go_with_their_rule(app: App, soc: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    placed(folder)
    told = added(app, soc, folder)
    assert {n: t.fate for n, t in told.items()} == {
        ID: Fate.CREATED,
        "five": Fate.CREATED,
        "four-no-attack": Fate.CREATED,
    }
    assert told["five"].piece.kind == Kind.TEST
    assert all(t.fate is Fate.UNCHANGED for t in added(app, soc, folder).values())
    tested = app.rule_tests.run(soc, ID, Cancellation())
    assert [t.ran.passed for t in tested] == [True, True], [t.ran.error for t in tested]
    # A run is no change of a person's, another text is.
    assert added(app, soc, folder)["five"].fate is Fate.UNCHANGED
    test = app.rule_tests.meant(soc, "name: five\nexpect: nothing\n")
    app.rule_tests.put(soc, ID, "five", test)
    placed(folder, TESTS.replace("four: no", "no"))
    told = added(app, soc, folder)
    assert told["five"].fate is Fate.KEPT
    assert told["four-no-attack"].fate is Fate.GONE
    assert told["no-attack"].fate is Fate.CREATED
    assert added(app, soc, folder, force=True)["five"].fate is Fate.CHANGED
    app.library.remove(soc, "ours")
    assert app.detection.rule_tests.list((soc.name, ID)) == []
    assert app.rule_tests.tallies(soc) == {}


def test_a_rule_that_is_of_another_kind_now_has_its_tests_still(app: App, soc: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    placed(folder)
    added(app, soc, folder)
    lines = [line for line in RULE.splitlines() if not line.startswith(("queryFreq", "queryPer", "trigger"))]
    placed(folder, rule="\n".join(lines).replace("Scheduled", "NRT"))
    assert added(app, soc, folder)[ID].fate is Fate.CHANGED
    assert len(app.rule_tests.list(soc, ID)) == 2


def test_tests_that_cannot_be_kept_are_refused_with_their_reason(app: App, soc: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    placed(folder, TESTS.replace("ResultType", "ResultTyp"))
    (folder / "workflow.test.yaml").write_text("workflow: x.json\ntests: []\n")
    told = added(app, soc, folder)
    assert told["failed.test.yaml"].fate is Fate.REFUSED
    assert "no column `ResultTyp`" in told["failed.test.yaml"].reason
    assert told[ID].fate is Fate.CREATED
    assert "workflow.test.yaml" not in told
    placed(folder, rule=RULE.replace("SigninLogs\n", "NoSuchTable\n"))
    app.library.remove(soc, "ours")
    told = added(app, soc, folder)
    assert told["five"].fate is Fate.REFUSED
    assert "its rule isn't here" in told["five"].reason


@pytest.mark.parametrize("given", ["../secret.json", "{outside}/secret.json", "link.json", "linked/secret.json"])
def test_a_file_of_tests_reads_nothing_outside_of_its_folder(
    app: App, soc: Workspace, tmp_path: Path, given: str
) -> None:
    folder, row = tmp_path / "rules", '{"UserPrincipalName": "hunter2"}'
    outside = tmp_path / "outside"
    for place in (outside, tmp_path):
        place.mkdir(exist_ok=True)
        (place / "secret.json").write_text(row)
    data = f"data: {{SigninLogs: {given.format(outside=outside)}}}"
    placed(folder, f"tests:\n  - name: a\n    {data}\n    expect: nothing\n")
    (folder / "link.json").symlink_to(outside / "secret.json")
    (folder / "linked").symlink_to(outside)
    told = added(app, soc, folder)
    assert (told[ID].fate, told["failed.test.yaml"].fate) == (Fate.CREATED, Fate.REFUSED)
    assert "is not in the folder that is brought in" in told["failed.test.yaml"].reason
    assert app.rule_tests.list(soc, ID) == []
    # Whoever runs their own file reads what they name.
    assert suite(folder / "failed.test.yaml", TABLES).cases[0].events["SigninLogs"].rows


def test_links_that_lead_out_of_a_folder_are_not_followed(app: App, soc: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    placed(folder)
    (tmp_path / "elsewhere.yaml").write_text(RULE)
    (tmp_path / "elsewhere.test.yaml").write_text(f"rule: failed.yaml\n{TESTS}")
    (tmp_path / "secret.csv").write_text("k\nhunter2\n")
    (folder / "rule.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    (folder / "query.kql").symlink_to(tmp_path / "secret.csv")
    (folder / "more.test.yaml").symlink_to(tmp_path / "elsewhere.test.yaml")
    (folder / "list.json").write_text('{"properties": {"watchlistAlias": "w", "itemsSearchKey": "k"}}')
    (folder / "list.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "other.test.yaml").write_text(f"rule: ../elsewhere.yaml\n{TESTS}")
    (folder / "odd.test.yaml").write_text(f'rule: "a\\0b"\n{TESTS}')
    told = added(app, soc, folder)
    refused = {n: t.reason for n, t in told.items() if t.fate is Fate.REFUSED}
    out = "the file is a link that leads out of the folder"
    assert {n: refused.pop(n) for n in ("rule.yaml", "query.kql", "more.test.yaml")} == dict.fromkeys(
        ("rule.yaml", "query.kql", "more.test.yaml"), out
    )
    away = "its rule is not in the folder that is brought in"
    assert refused == {
        "list.json": "list.csv is a link that leads out of its folder",
        "other.test.yaml": away,
        "odd.test.yaml": away,
    }
    assert told["five"].fate is Fate.CREATED
    assert folder_of(folder, listed(folder)).refused[0][0].name == "list.json"
    # A link within the folder is as good as what it leads to, and so is a link to the folder.
    (tmp_path / "to").symlink_to(folder)
    (folder / "more.test.yaml").unlink()
    (folder / "more.test.yaml").symlink_to("failed.test.yaml")
    assert {t.fate for t in added(app, soc, tmp_path / "to").values() if t.piece.kind == Kind.TEST} <= {
        Fate.UNCHANGED,
        Fate.DOUBLE,
    }


@pytest.mark.parametrize(
    ("tests", "told"),
    [
        ("tests:\n  - {name: a, data: {SigninLogs: bad.parquet}, expect: nothing}\n", "bad.parquet: "),
        ("tests:\n  - {name: a, data: {SigninLogs: loop.json}, expect: nothing}\n", "is not in the folder"),
    ],
)
def test_a_file_of_data_that_cannot_be_read_ends_no_more_than_its_file(
    app: App, soc: Workspace, tmp_path: Path, tests: str, told: str
) -> None:
    folder = tmp_path / "rules"
    placed(folder, tests)
    (folder / "bad.parquet").write_bytes(b"PAR1 and no more")
    (folder / "loop.json").symlink_to("loop.json")
    found = added(app, soc, folder)
    assert found["failed.test.yaml"].fate is Fate.REFUSED
    assert told in found["failed.test.yaml"].reason
    assert found[ID].fate is Fate.CREATED


def test_a_null_says_nothing_where_the_file_says_something(tmp_path: Path) -> None:
    tests = (
        "clock: 2026-03-01T12:00:00Z\ntables: {Mine_CL: {A: long}}\nwatchlists: ~\ntests:\n"
        "  - {name: a, clock: ~, tables: ~, data: ~, events: ~, expect: nothing}\n"
        "  - {name: b, watchlists: {w: {searchKey: k, rows: [{k: v}]}}, expect: nothing}\n"
    )
    (_, first), (_, second) = apart(placed(tmp_path, tests), TABLES, tmp_path)
    assert "Mine_CL" in first.text
    assert "2026-03-01" in first.text
    assert "searchKey" in second.text


def test_tests_stand_in_postgres_as_in_sqlite(postgres: str) -> None:
    shelf, clock = Database.open(postgres), FixedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    detection, owner = Detection.over(shelf, clock), ("soc",)
    detection.rules.put(owner, "R1", A_RULE)
    detection.rule_tests.put((*owner, "R1"), "T1", RuleTest("one", "name: one"))
    name = standing_name("r1", "t1")
    ran = TestRun(clock.now(), 0.1, digest(A_RULE), (ToldDifference(1, "odd"),))
    detection.test_standings.change(owner, name, lambda standing: replace(standing, ran=ran))
    kept = detection.test_standings.get(owner, name).value
    assert (kept.title, kept.ran) == ("one", ran)
    detection.rule_tests.put((*owner, "r1"), "t1", RuleTest("two", "name: one"))
    assert detection.test_standings.get(owner, name).value == TestStanding("two", ran)
    detection.rule_tests.put((*owner, "r1"), "t1", RuleTest("two", "name: two"))
    assert detection.test_standings.get(owner, name).value == TestStanding("two")
    detection.rules.delete(owner, "r1")
    assert detection.test_standings.list(owner) == []
    assert detection.rule_tests.list((*owner, "R1")) == []
    shelf.close()
