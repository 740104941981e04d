from __future__ import annotations

from typing import Any

import pyarrow.compute as pc


def _column(rows: Any, name: str) -> list[Any]:
    values: list[Any] = rows[name].to_pylist()
    return values


def test_a_parent_is_a_process_of_the_same_machine_that_began_before(tables: dict[str, Any]) -> None:
    rows = tables["DeviceProcessEvents"]
    names = ("DeviceId", "ProcessId", "ProcessCreationTime", "SHA256", "AccountSid")
    own = {row[:3]: row[3:] for row in zip(*(_column(rows, n) for n in names), strict=True)}
    device, pid, begun, sha256, sid = (
        _column(rows, n)
        for n in (
            "DeviceId",
            "InitiatingProcessId",
            "InitiatingProcessCreationTime",
            "InitiatingProcessSHA256",
            "InitiatingProcessAccountSid",
        )
    )
    found = 0
    for at, *key, parent in zip(
        _column(rows, "TimeGenerated"), device, pid, begun, zip(sha256, sid, strict=True), strict=True
    ):
        assert key[2] <= at
        known = own.get(tuple(key))
        if known is not None:
            found += 1
            assert known == parent
    # What began before the fortnight, and each session's first process, has no row.
    assert found > 0.9 * rows.num_rows


def test_what_a_process_does_it_does_while_it_runs(tables: dict[str, Any]) -> None:
    processes = tables["DeviceProcessEvents"]
    keys = ("DeviceId", "ProcessId", "ProcessCreationTime", "FileName")
    known = {row[:3]: row[3].lower() for row in zip(*(_column(processes, k) for k in keys), strict=True)}
    for name in ("DeviceNetworkEvents", "DeviceFileEvents", "DeviceRegistryEvents", "DeviceEvents"):
        rows = tables[name]
        assert pc.all(pc.less_equal(rows["InitiatingProcessCreationTime"], rows["TimeGenerated"])).as_py(), name
        fields = ("DeviceId", "InitiatingProcessId", "InitiatingProcessCreationTime", "InitiatingProcessFileName")
        same = [
            known.get(r[:3]) == r[3] for r in zip(*(_column(rows, f) for f in fields), strict=True) if r[:3] in known
        ]
        assert all(same), name
        assert len(same) > 0.5 * rows.num_rows, name


def test_a_program_has_one_hash(tables: dict[str, Any]) -> None:
    rows = (
        tables["DeviceProcessEvents"].select(["FolderPath", "SHA256"]).group_by(["FolderPath", "SHA256"]).aggregate([])
    )
    assert pc.count_distinct(rows["FolderPath"]).as_py() == rows.num_rows


def test_the_security_log_saw_the_same_processes_on_servers(tables: dict[str, Any]) -> None:
    events, processes = tables["SecurityEvent"], tables["DeviceProcessEvents"]
    started = events.filter(pc.equal(events["EventID"], 4688))
    agent = {
        (n, f"{p:#x}", t)
        for n, p, t in zip(
            _column(processes, "DeviceName"),
            _column(processes, "ProcessId"),
            _column(processes, "TimeGenerated"),
            strict=True,
        )
    }
    log = set(
        zip(
            _column(started, "Computer"),
            _column(started, "NewProcessId"),
            _column(started, "TimeGenerated"),
            strict=True,
        )
    )
    assert log
    assert log <= agent


def test_only_the_system_runs_with_the_system_s_integrity(tables: dict[str, Any]) -> None:
    rows = tables["DeviceProcessEvents"].select(["AccountDomain", "ProcessIntegrityLevel"])
    levels = rows.group_by(["AccountDomain", "ProcessIntegrityLevel"]).aggregate([]).to_pylist()
    found = {(x["AccountDomain"], x["ProcessIntegrityLevel"]) for x in levels}
    assert ("korenwolf", "System") not in found
    assert {("nt authority", "System"), ("korenwolf", "Medium"), ("korenwolf", "High")} <= found


def test_a_morning_s_logon_is_that_of_the_programs_of_the_day(tables: dict[str, Any]) -> None:
    logons, processes = tables["DeviceLogonEvents"], tables["DeviceProcessEvents"]
    mornings = logons.filter(
        pc.and_(pc.equal(logons["LogonType"], "Interactive"), pc.equal(logons["ActionType"], "LogonSuccess"))
    )
    shells = processes.filter(pc.equal(processes["FileName"], "explorer.exe"))
    keys = ("DeviceId", "LogonId", "AccountSid")
    known = set(zip(*(_column(mornings, k) for k in keys), strict=True))
    assert shells.num_rows > 500
    missing = [k for k in zip(*(_column(shells, k) for k in keys), strict=True) if k not in known]
    # Where the fortnight begins in the middle of a session, its logon isn't in it.
    assert len(missing) <= 3


def test_an_id_of_a_process_tells_it_from_all_others(tables: dict[str, Any]) -> None:
    rows = tables["DeviceProcessEvents"].select(["DeviceId", "ProcessUniqueId"])
    assert rows.group_by(["DeviceId", "ProcessUniqueId"]).aggregate([]).num_rows == rows.num_rows
