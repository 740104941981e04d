from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from huntlake.demo.truth import GroundTruth


def _matching(rows: Any, key: dict[str, Any]) -> Any:
    keep = None
    for name, value in key.items():
        same = pc.equal(rows[name], pa.scalar(value, rows.schema.field(name).type))
        keep = same if keep is None else pc.and_(keep, same)
    return rows.filter(keep)


def test_every_row_of_the_truth_is_there_once(tables: dict[str, Any], truth: GroundTruth) -> None:
    for step in truth.steps:
        for row in step.rows:
            found = _matching(tables[row.table], dict(row.key)).num_rows
            # An alert has several pieces of evidence.
            assert found >= 1 if row.table == "AlertEvidence" else found == 1, (step.id, row)


def test_the_attack_goes_from_the_mail_to_the_store_abroad(truth: GroundTruth) -> None:
    tactics = [s.tactic for s in truth.steps]
    assert tactics[0] == "InitialAccess"
    assert "Exfiltration" in tactics
    assert {"CredentialAccess", "LateralMovement", "Persistence", "Discovery", "CommandAndControl"} <= set(tactics)
    assert truth.steps[0].begin == min(s.begin for s in truth.steps)
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", s.technique) for s in truth.steps)
    assert len({r.table for s in truth.steps for r in s.rows}) >= 15


def test_the_attack_is_a_small_part_of_the_logs(tables: dict[str, Any], truth: GroundTruth) -> None:
    rows = sum(len(s.rows) for s in truth.steps)
    assert 100 < rows < 500
    assert rows < 0.002 * sum(t.num_rows for t in tables.values())


def test_a_row_of_the_attack_has_every_column_that_other_rows_have(tables: dict[str, Any], truth: GroundTruth) -> None:
    for step in truth.steps:
        for row in step.rows:
            if row.table in ("SigninLogs", "EmailEvents", "DeviceNetworkEvents", "CommonSecurityLog"):
                found = _matching(tables[row.table], dict(row.key)).to_pylist()[0]
                assert not [n for n, v in found.items() if v is None], (step.id, row.table)


def test_the_stolen_session_shows_in_both_sign_in_tables(tables: dict[str, Any], truth: GroundTruth) -> None:
    stolen = {s.id: s for s in truth.steps}["session-stolen"]
    row = _matching(tables["SigninLogs"], dict(stolen.rows[0].key))
    session = row["SessionId"][0].as_py()
    assert row["Location"][0].as_py() == "BG"
    assert json.loads(row["LocationDetails"][0].as_py())["countryOrRegion"] == "BG"
    replayed = _matching(tables["AADNonInteractiveUserSignInLogs"], {"SessionId": session})
    assert set(replayed["IPAddress"].to_pylist()) == {"203.0.113.84"}


def test_the_encoded_command_can_be_read(tables: dict[str, Any], truth: GroundTruth) -> None:
    from base64 import b64decode

    rows = tables["DeviceProcessEvents"]
    commands = rows.filter(pc.match_substring(rows["ProcessCommandLine"], "-NonI -W Hidden"))["ProcessCommandLine"]
    assert len(commands) == 1
    script = b64decode(commands[0].as_py().rsplit(" ", 1)[1]).decode("utf-16-le")
    assert "DownloadFile" in script


def test_the_chain_of_processes_leads_back_to_the_mail_program(tables: dict[str, Any]) -> None:
    rows = tables["DeviceProcessEvents"]
    fields = ("DeviceId", "ProcessId", "ProcessCreationTime")
    above = ("DeviceId", "InitiatingProcessId", "InitiatingProcessCreationTime", "FileName")
    parents = {
        row[:3]: row[3:]
        for row in zip(*(rows[f].to_pylist() for f in fields), *(rows[f].to_pylist() for f in above), strict=True)
    }
    dump = rows.filter(pc.match_substring(rows["ProcessCommandLine"], "comsvcs.dll"))
    at: Any = tuple(dump[f][0].as_py() for f in fields)
    chain = []
    while at in parents:
        *up, name = parents[at]
        chain.append(name.lower())
        at = tuple(up)
    assert chain[:8] == [
        "rundll32.exe",
        "waybillupdatesvc.exe",
        "fodhelper.exe",
        "cmd.exe",
        "waybillupdatesvc.exe",
        "powershell.exe",
        "winword.exe",
        "outlook.exe",
    ]


def test_everything_in_braces_was_filled_in(tables: dict[str, Any]) -> None:
    for name, rows in tables.items():
        for field in rows.schema:
            if pa.types.is_string(field.type):
                distinct = pc.unique(rows[field.name])
                left = pc.match_substring_regex(distinct, r"\{(n|nth|hex|user|sid|path|oid [^}]+|guid [^}]+)\}")
                assert not pc.any(left).as_py(), f"{name}.{field.name}"


def test_the_truth_is_written_as_json(truth: GroundTruth) -> None:
    document = json.loads(truth.to_json())
    assert document["title"] == "The overdue invoice"
    step = document["steps"][0]
    assert step["technique"] == "T1566.002"
    assert step["queries"]["EmailEvents"].startswith("EmailEvents | where NetworkMessageId in (")
    assert step["tables"] == ["EmailEvents", "EmailUrlInfo"]
    assert len(document["lookalikes"]) >= 5


@pytest.mark.parametrize(
    ("table", "column", "text"),
    [
        ("SigninLogs", "ClientAppUsed", "IMAP4"),
        ("DeviceProcessEvents", "ProcessCommandLine", "EncodedCommand"),
        ("SecurityEvent", "IpAddress", "10.20.1.80"),
        ("OfficeActivity", "Operation", "New-InboxRule"),
    ],
)
def test_ordinary_business_looks_like_an_attack_too(tables: dict[str, Any], table: str, column: str, text: str) -> None:
    assert pc.sum(pc.match_substring(tables[table][column], text)).as_py() >= 5
