"""What the tools answer, and what they don't."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from huntlake.app import App
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError, Invalid, NotFound
from huntlake.mcp.reading import Budget, Reader
from huntlake.mcp.services import Caller
from huntlake.mcp.tools import NOTE, Tools
from huntlake.playbooks.runs.records import RunStatus
from huntlake.playbooks.runs.starting import Start
from huntlake.playbooks.workflows import Workflow
from huntlake.state.records import Author

from .conftest import INJECTED, SECRET, WORKSPACE


def test_rows_come_with_the_note_that_they_are_data(tools: Tools) -> None:
    found = tools.query_lake("SigninLogs | take 1 | project UserAgent", WORKSPACE)
    assert (found.rows, found.note, found.truncated) == ([[INJECTED]], NOTE, False)


def test_rows_beyond_the_budget_are_cut_and_said_to_be(tools: Tools) -> None:
    found = tools.query_lake("SigninLogs | project UserPrincipalName", maxRows=10)
    assert (found.row_count, found.truncated) == (10, True)
    assert "10 records" in found.truncated_because
    small = replace(tools, reader=Reader(tools.reader.services, Budget(bytes=500)))
    assert small.query_lake("SigninLogs | project UserAgent").truncated


def test_time_is_bounded(lake: App, tools: Tools) -> None:
    hasty = replace(tools, reader=Reader(lake, Budget(seconds=0.2)))
    with pytest.raises(DomainError):
        hasty.query_lake("range a from 1 to 100000000 step 1 | summarize dcount(hash_sha256(tostring(a)))")


@pytest.mark.parametrize("text", [".drop table SigninLogs", "  .show tables", "\n.clear table SigninLogs data"])
def test_commands_are_refused(tools: Tools, text: str) -> None:
    with pytest.raises(Invalid, match="not supported"):
        tools.query_lake(text)


@pytest.mark.parametrize("named", [SECRET, "other", f"other-{SECRET}"])
def test_a_workspace_that_the_caller_may_not_read_is_not_there(tools: Tools, named: str) -> None:
    for call in (
        lambda: tools.query_lake("SigninLogs", named),
        lambda: tools.search_tables("sign-in", named),
        lambda: tools.draft_query("sign-ins", named),
        lambda: tools.get_table_schema("SigninLogs", named),
        lambda: tools.validate_query("SigninLogs", named),
        lambda: tools.entity_timeline("boss", workspaceId=named),
        lambda: tools.list_incidents(named),
        lambda: tools.list_playbook_runs(named),
        lambda: tools.get_playbook_run("x", named),
    ):
        with pytest.raises(NotFound):
            call()


def test_a_query_is_drafted_and_not_run(tools: Tools) -> None:
    drafted = tools.draft_query("failed sign-ins in the last 2 days")
    assert drafted.query.startswith("SigninLogs\n| where TimeGenerated > ago(2d)")
    assert drafted.explanation[0] == "Reads `SigninLogs`."
    assert drafted.tables[0] == "SigninLogs"


def test_nor_can_a_query_name_it(tools: Tools) -> None:
    for text in ("workspace('other').SigninLogs", f"workspace('{SECRET}').SigninLogs | count"):
        with pytest.raises((SourceError, DomainError)):
            tools.query_lake(text)


def test_who_may_read_several_is_asked_which(lake: App) -> None:
    both = Tools(Reader(lake), Caller("c", lake.workspaces.list))
    with pytest.raises(Invalid, match=r"soc.*other|other.*soc"):
        both.query_lake("SigninLogs")
    assert both.query_lake("SigninLogs | count", "other").rows == [[1]]
    assert len(both.list_sentinel_workspaces().workspaces) == 2


def test_who_may_read_none_is_told_so(lake: App) -> None:
    with pytest.raises(NotFound):
        Tools(Reader(lake), Caller("c", list)).query_lake("print 1")


def test_a_question_finds_the_table_and_says_if_it_has_rows(tools: Tools) -> None:
    found = tools.search_tables("failed sign-ins by address").tables
    assert (found[0].name, found[0].has_rows) == ("SigninLogs", True)
    assert "IPAddress" in found[0].matching_columns


def test_a_schema_has_all_columns_with_types(tools: Tools) -> None:
    found = tools.get_table_schema("SigninLogs")
    assert {"TimeGenerated": "datetime", "UserPrincipalName": "string"}.items() <= {
        c.name: c.type for c in found.columns
    }.items()
    with pytest.raises(NotFound, match="SigninLogs"):
        tools.get_table_schema("SiginLogs")


def test_a_wrong_query_is_answered_with_its_places(tools: Tools) -> None:
    found = tools.validate_query("SigninLogs\n| where UserPrincipalNam == 'x'")
    assert (found.valid, found.problems[0].line, found.problems[0].column) == (False, 2, 9)
    assert "UserPrincipalName" in found.problems[0].help
    good = tools.validate_query("SigninLogs | summarize n = count() by UserPrincipalName")
    assert (good.valid, [c.name for c in good.columns], good.tables) == (
        True,
        ["UserPrincipalName", "n"],
        ["SigninLogs"],
    )


def test_an_explanation_names_what_would_be_read(tools: Tools) -> None:
    found = tools.explain_query("SigninLogs | where TimeGenerated > datetime(2026-11-20) | project IPAddress")
    (scan,) = found.scans
    assert (scan.table, scan.files, scan.since is not None) == ("SigninLogs", 1, True)


def test_incidents_are_shown_as_they_stand_now(tools: Tools) -> None:
    found = tools.list_incidents(days=3650)
    names = [c.name for c in found.columns]
    assert [dict(zip(names, row, strict=True))["Status"] for row in found.rows] == ["Active"]
    assert tools.list_incidents(days=3650, status="new").rows == []
    one = tools.get_incident("7")
    shown = dict(zip([c.name for c in one.columns], one.rows[0], strict=True))
    assert (shown["Title"], shown["AlertName"]) == ("Bad", "Odd")
    with pytest.raises(NotFound):
        tools.get_incident("8")


def test_a_timeline_goes_through_all_tables(tools: Tools) -> None:
    found = tools.entity_timeline("user1@x.example", "2026-11-19", "2026-11-21T00:00:00+00:00", maxRows=3)
    assert [row[1] for row in found.rows] == ["AuditLogs", "SigninLogs", "SigninLogs"]


@pytest.mark.parametrize("entity", ['x" | take 1', "x') or true", "a\nb", "\\", "'\"`"])
def test_an_entity_is_never_a_piece_of_the_query(tools: Tools, entity: str) -> None:
    assert tools.entity_timeline(entity, "2026-11-19", "2026-11-21").rows == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"startTime": "yesterday"},
        {"tables": ["Nowhere"]},
        {"entity": " "},
        {"endTime": "0001-01-01T00:00:00+09:00"},
        {"startTime": "9999-12-31T23:59:59-09:00"},
    ],
)
def test_wrong_arguments_of_a_timeline_are_told(tools: Tools, wrong: dict[str, Any]) -> None:
    with pytest.raises(DomainError):
        tools.entity_timeline(**({"entity": "x"} | wrong))


def test_runs_of_playbooks_are_told_without_what_they_were_given(lake: App, tools: Tools) -> None:
    actions = {"Ask": {"type": "Http", "inputs": {"method": "GET", "uri": "https://x.example"}}}
    definition = {"triggers": {"manual": {"type": "Request"}}, "actions": actions}
    playbooks, ids = lake.playbooks, {}
    for workspace in ("soc", "other"):
        workflow, _ = playbooks.workflows.put(f"enrich-{workspace}", Workflow(definition, workspace))
        (run,) = playbooks.runs.fire(workflow, Start({"body": "s3cret"}, Author(name="Ann"), incident="abc"))
        ids[workspace] = run.name
        failed = "asked https://x.example/?sig=s3cret"
        ended = replace(run.value, status=RunStatus.FAILED, code="BadRequest", error=failed)
        assert playbooks.runs.ended(run, ended)
    found = tools.list_playbook_runs(incident="ABC", status="failed")
    assert [(r.id, r.playbook, r.started_by) for r in found.runs] == [(ids["soc"], "enrich-soc", "Ann")]
    assert tools.list_playbook_runs(status="Succeeded").runs == []
    assert tools.list_playbook_runs(playbook="enrich-other").runs == []
    with pytest.raises(Invalid, match="`Failed`"):
        tools.list_playbook_runs(status="odd")
    one = tools.get_playbook_run(ids["soc"])
    assert one.run.error == "BadRequest: asked https://x.example/?sig=(secret)"
    assert "s3cret" not in one.model_dump_json()
    with pytest.raises(NotFound):
        tools.get_playbook_run(ids["other"])
