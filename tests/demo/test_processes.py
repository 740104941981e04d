from __future__ import annotations

from typing import Any

import pyarrow as pa
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
    rows = tables["DeviceProcessEvents"]
    people = rows.filter(pc.match_substring(rows["AccountUpn"], "."))
    levels = pc.unique(people["ProcessIntegrityLevel"])
    assert isinstance(levels, pa.Array | pa.ChunkedArray)
    assert "Medium" in levels.to_pylist()
