"""`huntlake collect`."""

import json
from pathlib import Path

from tests.cli.conftest import Run


def rule(workspace: str) -> str:
    return json.dumps(
        {
            "properties": {
                "streamDeclarations": {"Custom-Events_CL": {"columns": [{"name": "User", "type": "string"}]}},
                "destinations": {"logAnalytics": [{"workspaceResourceId": workspace, "name": "here"}]},
                "dataFlows": [{"streams": ["Custom-Events_CL"], "destinations": ["here"]}],
            }
        }
    )


def test_a_rule_is_made_used_listed_shown_and_deleted(run: Run, lake: Path, tmp_path: Path) -> None:
    (workspace,) = json.loads(run("workspace", "list", "-o", "json").out)
    file, rows = tmp_path / "events.json", tmp_path / "rows.jsonl"
    file.write_text(rule(workspace["workspace"]))
    rows.write_text('{"User": "ann"}\n{"User": "bob", "Odd": 1}\n')
    made = run("collect", "create", file)
    assert (made.code, "into Events_CL" in made.err) == (0, True)
    sent = run("collect", "send", "events", "Custom-Events_CL", rows)
    assert (sent.code, "2 records; 2 rows stored" in sent.err) == (0, True)
    assert "the field Odd of 1 records was left out" in sent.err
    (listed,) = json.loads(run("collect", "list", "-o", "json").out)
    assert (listed["name"], listed["received"], listed["stored"]) == ("events", 2, 2)
    shown = json.loads(run("collect", "show", "events").out)
    assert shown["properties"]["immutableId"] == listed["immutable_id"]
    assert json.loads(run("query", "Events_CL | count", "-o", "json").out) == [{"Count": 2}]
    assert run("collect", "create", file, "--name", "again").code == 0
    assert run("collect", "delete", "events").code == 0
    assert run("collect", "delete", "events").code == 1


def test_what_is_wrong_with_a_rule_is_told(run: Run, lake: Path) -> None:
    told = run("collect", "create", "-", "--name", "x1", stdin='{"properties": {"dataFlow": []}}')
    assert (told.code, "did you mean `dataFlows`" in told.err) == (1, True)


def test_a_table_is_defined_changed_shown_and_deleted(run: Run, lake: Path) -> None:
    assert run("table", "define", "Own_CL", "User:string", "--unknown", "keep", "--description", "mine").code == 0
    assert run("table", "define", "Own_CL", "Level:long", "--days", "30").code == 0
    told = run("table", "show", "Own_CL", "-o", "json")
    own = {c["column"]: c["type"] for c in json.loads(told.out) if c["own"]}
    assert own == {"User": "string", "Level": "long", "AdditionalFields": "dynamic"}
    assert "rows are kept 30 days; unknown fields: keep" in told.err
    assert run("table", "define", "Own_CL", "Level:string").code == 1
    assert run("table", "define", "Own_CL", "--unknown", "lose").code == 1
    assert run("table", "delete", "Own_CL").code == 0
    assert run("table", "delete", "Own_CL").code == 1
