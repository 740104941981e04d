"""Where an endpoint event was, and which process did it: columns that the `Device*` tables share."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from huntlake.demo.columns import Columns, longs, pick, texts, times
from huntlake.demo.dice import Longs
from huntlake.demo.processes import INTEGRITY
from huntlake.demo.rhythm import DAY
from huntlake.demo.world import World, report_ids


def event_columns(world: World, machine: Longs, at: Longs) -> Columns:
    """When and where an event was: the columns that every endpoint table has."""
    machines = world.company.machines
    return {
        "TimeGenerated": times(at),
        "Timestamp": times(at),
        "DeviceId": pick([m.device_id for m in machines], machine),
        "DeviceName": pick([m.fqdn for m in machines], machine),
        "MachineGroup": pick(["Laptops" if m.person >= 0 else "Servers" for m in machines], machine),
        "ReportId": longs(report_ids(machine, at)),
    }


def initiating_columns(world: World, process: Longs) -> Columns:
    """The process that did it: `InitiatingProcess*`. `process` indexes the ledger."""
    ledger, programs, accounts = world.ledger, world.company.programs, world.company.accounts
    program, account = ledger.program[process], ledger.account[process]
    parent = ledger.parent[process]
    # The first process of all has no parent; it stands for its own.
    above = np.where(parent < 0, process, parent)
    return {
        "InitiatingProcessFileName": pick([p.file.lower() for p in programs], program),
        "InitiatingProcessFolderPath": pick([p.path.lower() for p in programs], program),
        "InitiatingProcessSHA1": pick([p.sha1 for p in programs], program),
        "InitiatingProcessSHA256": pick([p.sha256 for p in programs], program),
        "InitiatingProcessMD5": pick([p.md5 for p in programs], program),
        "InitiatingProcessFileSize": pick([p.size for p in programs], program, pa.int64()),
        "InitiatingProcessVersionInfoCompanyName": pick([p.company for p in programs], program),
        "InitiatingProcessVersionInfoProductName": pick([p.product for p in programs], program),
        "InitiatingProcessVersionInfoProductVersion": pick([p.version for p in programs], program),
        "InitiatingProcessVersionInfoOriginalFileName": pick([p.original for p in programs], program),
        "InitiatingProcessVersionInfoInternalFileName": pick([p.original.split(".")[0] for p in programs], program),
        "InitiatingProcessVersionInfoFileDescription": pick([p.description for p in programs], program),
        "InitiatingProcessCommandLine": ledger.commands.take(pa.array(ledger.command[process])),
        "InitiatingProcessId": longs(ledger.pid[process]),
        "InitiatingProcessCreationTime": times(ledger.at[process]),
        "InitiatingProcessIntegrityLevel": pick(INTEGRITY, ledger.integrity[process]),
        "InitiatingProcessTokenElevation": pick(ELEVATION, ledger.integrity[process]),
        "InitiatingProcessParentFileName": pick([p.file for p in programs], ledger.program[above]),
        "InitiatingProcessParentId": longs(ledger.pid[above]),
        "InitiatingProcessParentCreationTime": times(ledger.at[above]),
        "InitiatingProcessAccountName": pick([a.sam.lower() for a in accounts], account),
        "InitiatingProcessAccountDomain": pick([a.domain.lower() for a in accounts], account),
        "InitiatingProcessAccountSid": pick([a.sid for a in accounts], account),
        "InitiatingProcessAccountUpn": pick([a.upn for a in accounts], account),
        "InitiatingProcessAccountObjectId": pick([a.object_id for a in accounts], account),
        "InitiatingProcessUniqueId": texts(unique_ids(world, process)),
        "InitiatingProcessSessionId": longs(np.where(account < 3, 0, 1)),
        "IsInitiatingProcessRemoteSession": False,
    }


# By integrity level: only a High one was raised through User Account Control.
ELEVATION = (
    "TokenElevationTypeLimited",
    "TokenElevationTypeLimited",
    "TokenElevationTypeFull",
    "TokenElevationTypeDefault",
)


def unique_ids(world: World, process: Longs) -> Longs:
    """A number for each process that no other process on its machine ever has."""
    return (
        0x1000000000000
        + (world.ledger.at[process] - world.calendar.start + 30 * DAY) * 8192
        + world.ledger.pid[process] // 4
    )


def without_integrity(columns: Columns) -> Columns:
    """`InitiatingProcess*` without the two columns that DeviceEvents alone doesn't have."""
    gone = ("InitiatingProcessIntegrityLevel", "InitiatingProcessTokenElevation")
    return {n: v for n, v in columns.items() if n not in gone}
