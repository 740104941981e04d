"""Queries drafted from templates, rules, kept queries and rules of Sigma."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from huntlake.app import App
from huntlake.core.diagnostics import Source, SourceError
from huntlake.core.errors import Invalid, NotFound
from huntlake.core.settings import load
from huntlake.hunting.drafting import quoting
from huntlake.hunting.drafting.draft import DraftSource
from huntlake.hunting.drafting.drafter import Drafter, columns_of
from huntlake.hunting.drafting.templates import template
from huntlake.workspace.saved_searches import SavedSearch, Tag
from huntlake.workspace.workspaces import Workspace

SIGMA = """
title: Certutil fetches a file
id: 11111111-2222-3333-4444-555555555555
description: The tool for certificates downloads.
author: A. Writer
logsource: {category: process_creation, product: windows}
detection:
  selection: {Image|endswith: '\\certutil.exe', CommandLine|contains: urlcache}
  condition: selection
level: medium
tags: [attack.t1105]
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    home = tmp_path_factory.mktemp("home")
    app = App.open(home, load(home, memory_limit="500MB", threads=1))
    app.workspaces.create("w")
    yield app
    app.close()


@pytest.fixture
def workspace(app: App) -> Workspace:
    (found,) = app.workspaces.list()
    return found


@pytest.fixture
def drafter(app: App) -> Drafter:
    return replace(app.hunting.drafter, sigma=lambda workspace: [("certutil.yml", SIGMA), ("none.yml", "a: b")])


def test_candidates_are_of_every_source_and_in_one_order(app: App, drafter: Drafter, workspace: Workspace) -> None:
    tags = (Tag("description", "Who signs in from afar"), Tag("techniques", "T1078,T1078.004"))
    app.saved_searches.put(("w",), "afar", SavedSearch("Hunting Queries", "Afar", "SigninLogs | take 5", tags=tags))
    found = drafter.candidates(workspace)
    assert found == drafter.candidates(workspace)
    assert [one.id for one in found] == sorted(one.id for one in found)
    by_id = {one.id: one for one in found}
    assert by_id["query/afar"].hunt.techniques == {"T1078", "T1078.004"}
    assert by_id["query/afar"].hunt.tables == ("SigninLogs",)
    assert not by_id["query/afar"].has_rows
    assert by_id["sigma/11111111-2222-3333-4444-555555555555"].source is DraftSource.SIGMA
    (shadow,) = (one for one in found if one.id.startswith("rule/") and "hadow copies" in one.hunt.title)
    assert "DeviceProcessEvents" in shadow.hunt.tables
    assert by_id["template/addresses-anywhere"].is_sweep


def test_a_sweep_holds_what_a_signal_says_as_values_only(drafter: Drafter, workspace: Workspace) -> None:
    one = next(c for c in drafter.candidates(workspace) if c.id == "template/addresses-anywhere")
    assert one.filled() is None
    hostile = '203.0.113.7"]) | union *; //'
    filled = one.filled([("IPv4 address", hostile), ("domain", "x.example")], [("IP", "198.51.100.2")])
    assert filled == {"Addresses": quoting.as_list([hostile, "198.51.100.2"])}
    draft = drafter.draft(workspace, one.id, filled)
    assert hostile not in draft.query
    assert draft.parameters == (("Addresses", quoting.list_literal([hostile, "198.51.100.2"])),)
    for mapping in draft.entities:
        columns = columns_of(drafter.queries, workspace, draft.query, draft.parameters)
        assert all(f.column_name in columns for f in mapping.field_mappings)


def test_a_sweep_without_values_and_with_unknown_ones_is_refused(drafter: Drafter, workspace: Workspace) -> None:
    with pytest.raises(Invalid, match="needs a value for `Addresses`"):
        drafter.draft(workspace, "template/addresses-anywhere")
    with pytest.raises(Invalid, match="no parameter `Evil`"):
        drafter.draft(workspace, "template/addresses-anywhere", {"Addresses": "[]", "Evil": "1"})
    with pytest.raises(Invalid, match="not JSON"):
        drafter.draft(workspace, "template/addresses-anywhere", {"Addresses": "1.2.3.4"})
    with pytest.raises(NotFound):
        drafter.draft(workspace, "template/none")
    with pytest.raises(NotFound):
        drafter.draft(workspace, "nothing")


def test_a_rule_of_sigma_keeps_its_author_and_licence_and_leaves_the_time_open(
    drafter: Drafter, workspace: Workspace
) -> None:
    draft = drafter.draft(workspace, "sigma/11111111-2222-3333-4444-555555555555")
    assert "A. Writer" in draft.notice
    assert "Detection Rule License" in draft.notice
    assert "ago(" not in draft.query
    assert draft.techniques == ("T1105",)
    assert draft.entities
    with pytest.raises(NotFound, match="brought in"):
        drafter.draft(workspace, "sigma/none")


def test_a_rule_becomes_a_hunt_over_all_of_its_window(drafter: Drafter, workspace: Workspace) -> None:
    draft = drafter.draft(workspace, "rule/2aa2f212-6b48-556c-8893-45d06841bd70")
    assert "ago(" not in draft.query
    assert "bound of time was taken away" in draft.description
    assert draft.entities
    assert "T1071.001" in draft.techniques


def test_a_query_that_sets_a_day_against_others_keeps_its_bounds(
    app: App, drafter: Drafter, workspace: Workspace
) -> None:
    text = (
        "SigninLogs | where TimeGenerated > ago(1d) "
        "| join kind=leftanti (SigninLogs | where TimeGenerated < ago(1d)) on UserPrincipalName"
    )
    app.saved_searches.put(("w",), "new", SavedSearch("Hunting Queries", "New", text))
    assert drafter.draft(workspace, "query/new").query == text


def test_every_rule_that_comes_along_can_be_drafted(drafter: Drafter, workspace: Workspace) -> None:
    found = [c for c in drafter.candidates(workspace) if c.id.startswith("rule/")]
    assert len(found) >= 40
    for one in found:
        draft = drafter.draft(workspace, one.id)
        columns = columns_of(drafter.queries, workspace, draft.query)
        assert all(f.column_name in columns for m in draft.entities for f in m.field_mappings), one.id


def test_templates_complain_at_their_lines() -> None:
    text = """title: T
description: D
version: 1.0.0
techniques: [T9]
parameters:
  A: {type: string, about: a}
parts:
  - tables: [T]
    query: T | where (
"""
    with pytest.raises(SourceError) as refused:
        template(Source(text, "t.yaml"))
    shown = str(refused.value)
    assert "t.yaml:4" in shown
    assert "t.yaml:6" in shown
    with pytest.raises(SourceError, match="HT002"):
        template(Source(text.replace("T9", "T1078").replace("string", "dynamic"), "t.yaml"))
