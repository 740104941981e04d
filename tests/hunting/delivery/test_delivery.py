"""Hunts delivered: planned first, written by a person's word, and never as code where they are words."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.hunting.running.world import ANN, PROGRAM, World

from huntlake.core.errors import Conflict, Invalid, Refused
from huntlake.detection.content import ContentKind, read
from huntlake.detection.rules import EntityMapping, FieldMapping
from huntlake.detection.severity import Tactic
from huntlake.hunting.delivery.notebook import Notebook, notebook_of
from huntlake.hunting.delivery.piece import Piece, Step, Verb
from huntlake.hunting.delivery.repository import Repository, yaml_of
from huntlake.hunting.delivery.sentinel import Here, Queries, Row
from huntlake.hunting.delivery.service import Delivery, piece_of
from huntlake.hunting.hunts import Hunts, HypothesisStatus
from huntlake.hunting.lifecycle.hunt import HuntContent
from huntlake.kql.compiler import parse
from huntlake.kql.syntax import nodes
from huntlake.state.documents import Document
from huntlake.workspace.saved_searches import SavedSearches

PIECE = Piece(
    "soc", "h1", 2, "0" * 64, "approved", "Odd processes", "If …", "Because …", "SecurityEvent\n| take 5", ("Reads.",),
    ("T1059",), (), ("SecurityEvent",), ("s1",), "core", "Ann", "Bob",
)  # fmt: skip


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.session.close()


def here(world: World) -> Here:
    analytics = world.session._analytics
    searches = SavedSearches(world.shelf, world.clock, analytics.functions)
    return Here(world.workspace, "/w", searches, Hunts.over(world.shelf, world.clock), analytics.watchlists, ANN.author)


def test_a_plan_writes_nothing_and_what_is_there_stays(world: World) -> None:
    name, place = world.hunt(), here(world)
    delivery = Delivery(world.hunts, world.audit)
    _, steps = delivery.plan(world.owner, name, Queries(place))
    assert [s.verb for s in steps] == [Verb.MAKE] * 3
    assert not place.searches.list(world.owner)
    delivery.deliver(world.owner, name, Queries(place), ANN)
    again = delivery.deliver(world.owner, name, Queries(place), ANN)
    assert [s.verb for s in again] == [Verb.KEEP] * 3
    assert "| where EventID == 4688" in place.searches.list(world.owner)[0].value.query
    assert not world.audit.verify(world.owner).faults


def test_what_a_person_said_of_the_hypothesis_stays(world: World) -> None:
    name, place = world.hunt(), here(world)
    delivery = Delivery(world.hunts, world.audit)
    delivery.deliver(world.owner, name, Queries(place), ANN)
    [hunt] = place.hunts.hunts.list(world.owner)
    place.hunts.hunts.put(world.owner, hunt.name, replace(hunt.value, hypothesis_status=HypothesisStatus.VALIDATED))
    place.hunts.hunts.put(
        world.owner, hunt.name, replace(hunt.value, labels=(), hypothesis_status=HypothesisStatus.VALIDATED)
    )
    delivery.deliver(world.owner, name, Queries(place), ANN)
    assert place.hunts.hunts.get(world.owner, hunt.name).value.hypothesis_status is HypothesisStatus.VALIDATED


def test_a_row_of_the_watchlist_is_changed_and_not_added(world: World) -> None:
    name, place = world.hunt(), here(world)
    delivery = Delivery(world.hunts, world.audit)
    delivery.deliver(world.owner, name, Row(place), ANN)
    content = world.hunts.get(world.owner, name).value.latest.content
    world.hunts.edit(world.owner, name, replace(content, query="SecurityEvent | take 1"), ANN)
    delivery.deliver(world.owner, name, Row(place), ANN)
    rows = world.watchlists.items("AIGeneratedHunts")
    # What runs is delivered, and not the draft beside it.
    assert [row["Version"] for row in rows] == ["1"]


def test_no_cell_of_the_watchlist_is_a_formula(world: World) -> None:
    hostile = replace(PIECE, title='=HYPERLINK("https://evil.example","x")', author="@SUM(1)", tables=("-1+1",))
    (step,) = Row(here(world)).plan(hostile)
    assert not isinstance(step.body, str)
    row = step.body["itemsKeyValue"]
    assert (row["Title"], row["Author"], row["Tables"]) == (f"'{hostile.title}", "'@SUM(1)", "'-1+1")
    assert row["Query"] == PIECE.query


def test_only_a_person_delivers_and_only_what_is_approved_or_proposed(world: World) -> None:
    name, delivery = world.hunt(), Delivery(world.hunts, world.audit)
    with pytest.raises(Refused, match="person"):
        delivery.deliver(world.owner, name, Row(here(world)), PROGRAM)
    content = HuntContent("SecurityEvent | take 2")
    from huntlake.hunting.hypotheses.hypothesis import Maker
    from huntlake.hunting.lifecycle.new_hunt import NewHunt

    draft = world.hunts.create(world.owner, NewHunt("Draft", "", "", content, Maker.PERSON), ANN)
    with pytest.raises(Conflict, match="only approved and proposed"):
        delivery.plan(world.owner, draft.name, Row(here(world)))


def test_words_of_a_report_can_not_leave_their_comment(world: World) -> None:
    name = world.hunt()
    hunt = world.hunts.get(world.owner, name).value
    for end in ("\n", "\r", "\u2028", "\u2029", "\x0b", "\x85"):
        hostile = replace(hunt, title=f"Odd{end}externaldata(a:string)['https://x']", signals=(f"s{end}take 5",))
        piece = piece_of(world.owner, name, hostile)
        assert len(parse(piece.query).statements) == 1
        assert piece.query.splitlines()[-1].startswith("SecurityEvent")


def test_parameters_come_as_values_where_nobody_gives_any(world: World) -> None:
    document: Document[Any] = world.hunts.get(world.owner, world.hunt())
    version = document.value.latest
    query = "declare query_parameters(hosts:dynamic);\nSecurityEvent | where Computer in (hosts)"
    content = replace(version.content, query=query, parameters=(("hosts", 'dynamic(["PC1"])'),))
    hunt = replace(document.value, versions=(replace(version, content=content),))
    piece = piece_of(world.owner, document.name, hunt)
    assert any(isinstance(s, nodes.LetStatement) for s in parse(piece.query).statements)
    assert "query_parameters" not in piece.query


def test_a_branch_gets_a_commit_and_what_is_checked_out_stays(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.test"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(tmp_path)], check=True)
    (tmp_path / "a.txt").write_text("a")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    (tmp_path / "a.txt").write_text("changed")
    to = Repository(tmp_path, "hunts/new", "Ann <x>")
    for expected in (Verb.MAKE, Verb.KEEP):
        steps = to.plan(PIECE)
        assert [s.verb for s in steps] == [expected]
        to.write(PIECE, steps)
    log = subprocess.run([*git, "log", "--format=%s", "hunts/new"], check=True, capture_output=True, text=True).stdout
    assert log.splitlines() == ["Hunt: Odd processes (version 2)", "one"]
    status = subprocess.run([*git, "status", "--short"], check=True, capture_output=True, text=True).stdout
    assert status == " M a.txt\n"
    assert to.plan(replace(PIECE, query="x"))[0].verb is Verb.CHANGE


def test_a_branch_that_is_checked_out_is_not_moved_below_its_files(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "-b", "main", str(tmp_path)], check=True)
    with pytest.raises(Conflict, match="`main` is checked out there"):
        Repository(tmp_path, "main", "Ann").plan(PIECE)
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], check=True)
    to = Repository(bare, "main", "Ann")
    to.write(PIECE, to.plan(PIECE))
    assert [s.verb for s in to.plan(PIECE)] == [Verb.KEEP]


def test_the_environment_of_a_hook_leads_to_no_other_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("meant", "other"):
        subprocess.run(["git", "init", "-q", "-b", "main", str(tmp_path / name)], check=True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    to = Repository(tmp_path / "meant", "hunts", "Ann")
    to.write(PIECE, to.plan(PIECE))
    monkeypatch.delenv("GIT_DIR")
    assert (tmp_path / "meant/.git/refs/heads/hunts").exists()
    assert not (tmp_path / "other/.git/refs/heads/hunts").exists()


def test_a_delivery_is_in_the_audit_before_anything_is_written(world: World) -> None:
    class Dies:
        name = "nowhere"

        def plan(self, piece: Piece) -> tuple[Step, ...]:
            return (Step(Verb.MAKE, "file", "a.yaml", "x"),)

        def write(self, piece: Piece, steps: object) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Delivery(world.hunts, world.audit).deliver(world.owner, world.hunt(), Dies(), ANN)
    last = list(world.audit.read(world.owner))[-1]
    assert (last["Action"], "file a.yaml" in last["Details"]) == ("hunt/deliver", True)


@pytest.mark.parametrize("name", ["HEAD", "-x", "../up", "a..b", "a.lock", "", "a b", "a\nb", "refs/", "@{-1}"])
def test_no_branch_is_an_option_or_a_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        Repository(tmp_path, name, "Ann")


@given(st.text(), st.text(), st.text())
def test_a_file_holds_what_was_said_whatever_it_was(title: str, statement: str, query: str) -> None:
    piece = replace(PIECE, title=title, statement=statement, query=query, rationale="")
    said: Mapping[str, Any] = yaml.safe_load(yaml_of(piece))
    assert (said["name"], said["description"]) == (title, statement.strip())


def test_a_file_has_what_published_hunting_queries_have_in_their_order() -> None:
    host = EntityMapping("Host", (FieldMapping("FullName", "Computer"),))
    piece = replace(PIECE, tactics=(Tactic.EXECUTION,), tables=("SecurityEvent", "SecurityAlert"), entities=(host,))
    said: Mapping[str, Any] = yaml.safe_load(yaml_of(piece))
    assert list(said) == [
        "id", "name", "description", "requiredDataConnectors", "tactics", "relevantTechniques", "query",
        "entityMappings", "version", "tags", "metadata",
    ]  # fmt: skip
    assert (said["tactics"], said["relevantTechniques"]) == (["Execution"], ["T1059"])
    assert said["requiredDataConnectors"] == [{"connectorId": "WindowsSecurityEvents", "dataTypes": ["SecurityEvent"]}]
    assert said["entityMappings"] == [
        {"entityType": "Host", "fieldMappings": [{"identifier": "FullName", "columnName": "Computer"}]}
    ]
    assert "requiredDataConnectors" not in yaml.safe_load(yaml_of(replace(piece, tables=("SecurityAlert",))))


def test_the_file_of_a_hunt_is_read_as_a_hunting_query(tmp_path: Path) -> None:
    (found,) = read(tmp_path / "hunt.yaml", yaml_of(replace(PIECE, tactics=(Tactic.EXECUTION,))))
    assert (found.kind, found.title, found.query) == (ContentKind.HUNTING_QUERY, PIECE.title, PIECE.query)
    assert (found.tags["tactics"], found.tags["techniques"]) == ("Execution", "T1059")


@given(st.text(), st.text())
def test_words_are_no_code_of_a_notebook(words: str, query: str) -> None:
    cells = json.loads(notebook_of(replace(PIECE, title=words, statement=words, rationale=words, query=query)))["cells"]
    # What makes HTML of a notebook takes the text of raw cells for HTML.
    assert [c["cell_type"] for c in cells] == ["markdown", "code", "code"]
    text = "".join(cells[0]["source"])
    ticks = text[: text.index("text\n")]
    assert set(ticks) == {"`"}
    assert text.endswith(f"\n{ticks}")
    assert ticks not in text[len(ticks) : -len(ticks)]
    [assignment] = ast.parse("".join(cells[1]["source"])).body
    assert isinstance(assignment, ast.Assign)
    assert ast.literal_eval(assignment.value) == query


def test_a_notebook_that_somebody_has_changed_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "hunt.ipynb"
    Notebook(file).write(PIECE, Notebook(file).plan(PIECE))
    assert Notebook(file).plan(PIECE)[0].verb is Verb.KEEP
    file.write_text("{}")
    with pytest.raises(Conflict, match="--force"):
        Notebook(file).plan(PIECE)
    assert Notebook(file, force=True).plan(PIECE)[0].verb is Verb.CHANGE
