"""DeviceProcessEvents, DeviceLogonEvents and DeviceInfo: what ran on a machine, who logged on, what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from huntlake.demo.columns import Columns, ints, longs, pick, table, texts, times
from huntlake.demo.dice import Longs
from huntlake.demo.logons import FAILURES, Logons
from huntlake.demo.origins import ELEVATION, event_columns, initiating_columns, unique_ids
from huntlake.demo.processes import INTEGRITY
from huntlake.demo.rhythm import HOUR, MINUTE, SECOND
from huntlake.demo.world import World


def process_events(world: World) -> Iterator[Any]:
    """DeviceProcessEvents: a row for every process in the ledger, `InitiatingProcess*` being its parent."""
    ledger, programs, accounts = world.ledger, world.company.programs, world.company.accounts
    q = np.flatnonzero((ledger.at >= world.calendar.start) & (ledger.at < world.calendar.end) & (ledger.parent >= 0))
    q = q[np.argsort(ledger.at[q], kind="stable")]
    program, account, parent = ledger.program[q], ledger.account[q], ledger.parent[q]
    own: Columns = {
        "ActionType": "ProcessCreated",
        "FileName": pick([p.file for p in programs], program),
        "FolderPath": pick([p.path for p in programs], program),
        "SHA1": pick([p.sha1 for p in programs], program),
        "SHA256": pick([p.sha256 for p in programs], program),
        "MD5": pick([p.md5 for p in programs], program),
        "FileSize": pick([p.size for p in programs], program, pa.int64()),
        "ProcessVersionInfoCompanyName": pick([p.company for p in programs], program),
        "ProcessVersionInfoProductName": pick([p.product for p in programs], program),
        "ProcessVersionInfoProductVersion": pick([p.version for p in programs], program),
        "ProcessVersionInfoOriginalFileName": pick([p.original for p in programs], program),
        "ProcessVersionInfoInternalFileName": pick([p.original.split(".")[0] for p in programs], program),
        "ProcessVersionInfoFileDescription": pick([p.description for p in programs], program),
        "ProcessCommandLine": ledger.commands.take(pa.array(ledger.command[q])),
        "ProcessId": longs(ledger.pid[q]),
        "ProcessCreationTime": times(ledger.at[q]),
        "ProcessIntegrityLevel": pick(INTEGRITY, ledger.integrity[q]),
        "ProcessTokenElevation": pick(ELEVATION, ledger.integrity[q]),
        "ProcessUniqueId": texts(unique_ids(world, q)),
        "AccountName": pick([a.sam.lower() for a in accounts], account),
        "AccountDomain": pick([a.domain.lower() for a in accounts], account),
        "AccountSid": pick([a.sid for a in accounts], account),
        "AccountUpn": pick([a.upn for a in accounts], account),
        "AccountObjectId": pick([a.object_id for a in accounts], account),
        "LogonId": longs(np.where(account < 3, 999, ledger.logon[q])),
        "InitiatingProcessLogonId": longs(np.where(ledger.account[parent] < 3, 999, ledger.logon[parent])),
        "InitiatingProcessSignatureStatus": pick(
            ["Valid" if p.company else "Unknown" for p in programs], ledger.program[parent]
        ),
        "InitiatingProcessSignerType": pick(
            ["OsVendor" if "Windows" in p.product else "Unknown" for p in programs], ledger.program[parent]
        ),
        "IsProcessRemoteSession": False,
    }
    # The event reaches the log a moment after the process began.
    yield table(
        {**event_columns(world, ledger.machine[q], ledger.at[q]), **own, **initiating_columns(world, parent)}, len(q)
    )


def logon_events(world: World, logons: Logons) -> Iterator[Any]:
    """DeviceLogonEvents: who logged on to which Windows machine."""
    accounts, machines = world.company.accounts, world.company.machines
    keep = np.array([m.windows for m in machines])[logons.machine] & (logons.kind != _UNLOCK_AGAIN)
    machine, at, account = logons.machine[keep], logons.at[keep], logons.account[keep]
    kind, source, failure = logons.kind[keep], logons.source[keep], logons.failure[keep]
    by_machine = _lsass(world)
    process = by_machine[machine]
    local = (source == machine) | (source < 0)
    names = ["", *(m.name for m in machines)]
    yield table(
        {
            **event_columns(world, machine, at),
            **initiating_columns(world, process),
            "ActionType": pick(("LogonSuccess", "LogonFailed"), (failure > 0).astype(np.int64)),
            "LogonType": pick(_LOGON_TYPES, np.searchsorted(_LOGON_NUMBERS, kind)),
            "AccountName": pick([a.sam.lower() for a in accounts], account),
            "AccountDomain": pick([a.domain.lower() for a in accounts], account),
            "AccountSid": pick([a.sid for a in accounts], account),
            "FailureReason": pick(["", *(f.endpoint for f in FAILURES)], failure),
            "IsLocalAdmin": pc.fill_null(pa.array(np.array([a.kind == "admin" for a in accounts])[account]), False),
            "LogonId": longs(logons.logon_id[keep]),
            "Protocol": pick(("Negotiate", "Kerberos", "NTLM"), logons.package[keep]),
            "RemoteDeviceName": pick(names, np.where(local, 0, source + 1)),
            "RemoteIP": pick(["", *world.address], np.where(local, 0, source + 1)),
            "RemoteIPType": pick(("", "Private"), (~local).astype(np.int64)),
            "RemotePort": ints(np.where(local, 0, 49152 + (at // 1000) % 16000)),
            "AdditionalFields": pick(('{"IsLocalLogon":true}', '{"IsLocalLogon":false}'), (~local).astype(np.int64)),
        },
        len(at),
    )


_UNLOCK_AGAIN = 7
_LOGON_NUMBERS = [2, 3, 4, 5, 7, 10]
_LOGON_TYPES = ("Interactive", "Network", "Batch", "Service", "Unlock", "RemoteInteractive")


def _lsass(world: World) -> Longs:
    """The first `lsass` of each machine; 0 where a machine never ran one."""
    ids = {t.id: i for i, t in enumerate(world.templates)}
    q = np.flatnonzero(world.ledger.template == ids["lsass"])[::-1]
    found = np.zeros(len(world.company.machines), dtype=np.int64)
    found[world.ledger.machine[q]] = q
    return found


def device_info(world: World) -> Iterator[Any]:
    """DeviceInfo: what each machine says of itself, a few times a day while it is on."""
    dice = world.dice.named("DeviceInfo")
    sessions, machines = world.sessions, world.company.machines
    length = sessions.end - sessions.begin
    count = np.maximum(1, length // (3 * HOUR))
    which = np.repeat(np.arange(len(count)), count)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    at = sessions.begin[which] + 5 * MINUTE + nth * 3 * HOUR + dice.below(len(which), 40 * SECOND)
    machine, person = sessions.machine[which], sessions.person[which]
    accounts = world.company.accounts
    mine = [accounts[a] for a in world.person_account]
    users = [json.dumps([{"UserName": a.sam, "DomainName": a.domain, "Sid": a.sid}]) for a in mine]
    builds = {
        "Windows11": (22631, "11", "4460"),
        "WindowsServer2022": (20348, "2022", "2849"),
        "WindowsServer2019": (17763, "2019", "6532"),
    }
    facts = [builds.get(m.os, (0, "", "")) for m in machines]
    laptop = [m.os == "Windows11" for m in machines]
    offices = [str(world.company.office(m.office)["egress"]) for m in machines]
    yield table(
        {
            **event_columns(world, machine, at),
            "AadDeviceId": pick([device_guid(m.device_id) for m in machines], machine),
            "AdditionalFields": "{}",
            "ClientVersion": "10.8760.22621.1003",
            "ConnectivityType": "Streamlined",
            "DeviceCategory": "Endpoint",
            "DeviceType": pick(["Workstation" if x else "Server" for x in laptop], machine),
            "DeviceSubtype": pick(["Laptop" if x else "" for x in laptop], machine),
            "AssetValue": pick(["High" if "dc" in m.tags else "Normal" for m in machines], machine),
            "ExposureLevel": pick(["Low", "Medium"], (machine % 5 == 0).astype(np.int64)),
            "IsAzureADJoined": pa.array(np.array(laptop)[machine]),
            "IsInternetFacing": False,
            "JoinType": pick(["Hybrid Azure AD Join" if x else "Domain Join" for x in laptop], machine),
            "LoggedOnUsers": pick(["[]", *users], person + 1),
            "Model": pick(["ThinkPad T14 Gen 4" if x else "Virtual Machine" for x in laptop], machine),
            "Vendor": pick(["LENOVO" if x else "VMware, Inc." for x in laptop], machine),
            "OnboardingStatus": "Onboarded",
            "OSArchitecture": "64-bit",
            "OSBuild": pick([f[0] for f in facts], machine, pa.int64()),
            "OsBuildRevision": pick([f[2] for f in facts], machine),
            "OSDistribution": pick([m.os for m in machines], machine),
            "OSPlatform": pick([m.os for m in machines], machine),
            "OSVersion": "10.0",
            "OSVersionInfo": pick(["23H2" if x else f[1] for x, f in zip(laptop, facts, strict=True)], machine),
            "PublicIP": pick(offices, machine),
            "SensorHealthState": "Active",
        },
        len(at),
    )


def device_guid(device_id: str) -> str:
    """The directory's id for a machine, made from the endpoint agent's."""
    d = device_id
    return f"{d[:8]}-{d[8:12]}-4{d[13:16]}-a{d[17:20]}-{d[20:32]}"
