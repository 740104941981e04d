"""SecurityEvent: the security log of the company's Windows servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from huntlake.demo.columns import Columns, distinct, guids, ints, pick, table, times
from huntlake.demo.dice import Bools, Longs
from huntlake.demo.logons import FAILURES, NETWORK, Logons
from huntlake.demo.world import World

ACTIVITIES = {
    4624: "4624 - An account was successfully logged on.",
    4625: "4625 - An account failed to log on.",
    4634: "4634 - An account was logged off.",
    4648: "4648 - A logon was attempted using explicit credentials.",
    4672: "4672 - Special privileges assigned to new logon.",
    4688: "4688 - A new process has been created.",
    4720: "4720 - A user account was created.",
    4728: "4728 - A member was added to a security-enabled global group.",
    4738: "4738 - A user account was changed.",
    4740: "4740 - A user account was locked out.",
    4768: "4768 - A Kerberos authentication ticket (TGT) was requested.",
    4769: "4769 - A Kerberos service ticket was requested.",
    4776: "4776 - The domain controller attempted to validate the credentials for an account.",
    5140: "5140 - A network share object was accessed.",
    7045: "7045 - A new service was installed in the system.",
}

_AUDITING = "Microsoft-Windows-Security-Auditing"
_PRIVILEGES = "\r\n\t\t\t".join(
    ["SeSecurityPrivilege", "SeBackupPrivilege", "SeRestorePrivilege", "SeDebugPrivilege", "SeImpersonatePrivilege"]
)
_TASKS = {4624: 12544, 4625: 12544, 4634: 12545, 4648: 12544, 4672: 12548, 4688: 13312, 4720: 13824, 4728: 13826}
_TASKS |= {4738: 13824, 4740: 13824, 4768: 14339, 4769: 14337, 4776: 14336, 5140: 12808, 7045: 0}


def event_columns(world: World, event: int, machine: Longs, at: Longs) -> Columns:
    """What every event of the log says: which, when, where."""
    machines = world.company.machines
    dice = world.dice.named("SecurityEvent", event, "ids")
    system = event == 7045
    return {
        "TimeGenerated": times(at),
        "EventID": pa.repeat(pa.scalar(event, pa.int32()), len(at)),
        "Activity": ACTIVITIES[event],
        "Computer": pick([m.fqdn for m in machines], machine),
        "Channel": "System" if system else "Security",
        "EventSourceName": "Service Control Manager" if system else _AUDITING,
        "EventOriginId": guids(dice, len(at)),
        "Task": pa.repeat(pa.scalar(_TASKS[event], pa.int32()), len(at)),
        "Level": "4" if system else "0",
        "EventLevelName": "Information" if system else "LogAlways",
        "SourceComputerId": pick([m.device_id[:36] for m in machines], machine),
        "ManagementGroupName": "AOI-" + str(world.company.facts["workspace_id"]),
    }


def subject_columns(world: World, account: Longs, logon_id: Any) -> Columns:
    """Whoever did it: `Account` and `Subject*`."""
    accounts = world.company.accounts
    return {
        "Account": pick([f"{a.domain}\\{a.sam}" for a in accounts], account),
        "AccountType": pick([_kind(a.kind) for a in accounts], account),
        "SubjectAccount": pick([f"{a.domain}\\{a.sam}" for a in accounts], account),
        "SubjectUserName": pick([a.sam for a in accounts], account),
        "SubjectDomainName": pick([a.domain for a in accounts], account),
        "SubjectUserSid": pick([a.sid for a in accounts], account),
        "SubjectLogonId": logon_id,
    }


def target_columns(world: World, account: Longs) -> Columns:
    """Whoever it was done to, or logged on: `Account` and `Target*`."""
    accounts = world.company.accounts
    return {
        "Account": pick([f"{a.domain}\\{a.sam}" for a in accounts], account),
        "AccountType": pick([_kind(a.kind) for a in accounts], account),
        "TargetAccount": pick([f"{a.domain}\\{a.sam}" for a in accounts], account),
        "TargetUserName": pick([a.sam for a in accounts], account),
        "TargetDomainName": pick([a.domain for a in accounts], account),
        "TargetUserSid": pick([a.sid for a in accounts], account),
    }


def _kind(kind: str) -> str:
    return "Machine" if kind in ("machine", "system") else "User"


def hexadecimal(numbers: Longs) -> Any:
    """Numbers as `0x1f4`."""
    return pa.array([hex(n) for n in numbers.tolist()])


def security_events(world: World, logons: Logons) -> Iterator[Any]:
    """SecurityEvent: logons, tickets, processes and the management of accounts."""
    yield from _logons(world, logons)
    yield from _tickets(world, logons)
    yield from _processes(world)
    yield from _management(world)


def _logons(world: World, logons: Logons) -> Iterator[Any]:
    machines, accounts = world.company.machines, world.company.accounts
    on_server = np.array([m.windows and m.person < 0 for m in machines])[logons.machine]
    good, bad = on_server & (logons.failure == 0), on_server & (logons.failure > 0)
    yield _logon(world, logons, 4624, good)
    yield _logon(world, logons, 4625, bad)

    keep = good & (logons.kind == NETWORK) & (world.dice.named("SecurityEvent", 4634).random(len(good)) < 0.7)
    machine, at = logons.machine[keep], logons.until[keep]
    columns = {**event_columns(world, 4634, machine, at), **target_columns(world, logons.account[keep])}
    yield table(
        {
            **columns,
            "TargetLogonId": hexadecimal(logons.logon_id[keep]),
            "LogonType": ints(logons.kind[keep]),
            "LogonTypeName": _type_names(logons.kind[keep]),
        },
        len(at),
    )

    strong = np.array([a.kind in ("admin", "service", "system") for a in accounts])[logons.account]
    keep = good & strong
    machine, at = logons.machine[keep], logons.at[keep] + 900
    columns = {
        **event_columns(world, 4672, machine, at),
        **subject_columns(world, logons.account[keep], hexadecimal(logons.logon_id[keep])),
    }
    yield table({**columns, "PrivilegeList": _PRIVILEGES}, len(at))

    share = good & (logons.kind == NETWORK) & np.array(["file" in m.tags for m in machines])[logons.machine]
    machine, at = logons.machine[share], logons.at[share] + 45_000
    shares = ("\\\\*\\planning", "\\\\*\\finance", "\\\\*\\customs", "\\\\*\\IPC$")
    which = world.dice.named("SecurityEvent", 5140).pick(len(at), [5, 2, 3, 4])
    yield table(
        {
            **event_columns(world, 5140, machine, at),
            **subject_columns(world, logons.account[share], hexadecimal(logons.logon_id[share])),
            "IpAddress": _source_address(world, logons.source[share]),
            "IpPort": pa.array(49152 + (at // 1000) % 16000).cast(pa.string()),
            "ShareName": pick(shares, which),
            "ShareLocalPath": pick(["\\??\\D:\\planning", "\\??\\D:\\finance", "\\??\\D:\\customs", ""], which),
            "AccessMask": "0x1",
            "ObjectType": "File",
        },
        len(at),
    )


_TYPES = {2: "Interactive", 3: "Network", 4: "Batch", 5: "Service", 7: "Unlock", 10: "RemoteInteractive"}


def _type_names(kind: Longs) -> Any:
    names = [f"{k} - {_TYPES.get(k, '')}" for k in range(11)]
    return pick(names, kind)


def _source_address(world: World, source: Longs) -> Any:
    return pick(["-", *world.address], source + 1)


def _logon(world: World, logons: Logons, event: int, keep: Bools) -> Any:
    machine, at, account = logons.machine[keep], logons.at[keep], logons.account[keep]
    source, package, failure = logons.source[keep], logons.package[keep], logons.failure[keep]
    names = ["-", *(m.name.upper() for m in world.company.machines)]
    columns = {
        **event_columns(world, event, machine, at),
        **target_columns(world, account),
        "SubjectUserName": "-",
        "SubjectDomainName": "-",
        "SubjectUserSid": "S-1-0-0",
        "SubjectLogonId": "0x0",
        "LogonType": ints(logons.kind[keep]),
        "LogonTypeName": _type_names(logons.kind[keep]),
        "IpAddress": _source_address(world, source),
        "IpPort": pa.array(np.where(source < 0, 0, 49152 + (at // 1000) % 16000)).cast(pa.string()),
        "WorkstationName": pick(names, np.where(package == 1, 0, source + 1)),
        "AuthenticationPackageName": pick(("Negotiate", "Kerberos", "NTLM"), package),
        "LogonProcessName": pick(("User32 ", "Kerberos", "NtLmSsp "), package),
        "LmPackageName": pick(("-", "-", "NTLM V2"), package),
        "KeyLength": ints(np.where(package == 2, 128, 0)),
        "ProcessName": "-",
        "ProcessId": "0x0",
    }
    if event == 4624:
        columns |= {
            "TargetLogonId": hexadecimal(logons.logon_id[keep]),
            "ElevatedToken": "%%1842",
            "VirtualAccount": "%%1843",
            "LogonGuid": guids(world.dice.named("SecurityEvent", "logon guid"), len(at)),
        }
    else:
        columns |= {
            "Status": pick(["", *(f.status for f in FAILURES)], failure),
            "SubStatus": pick(["", *(f.sub_status for f in FAILURES)], failure),
            "FailureReason": pick(["", *(f.reason for f in FAILURES)], failure),
            "TargetUserSid": "S-1-0-0",
        }
    return table(columns, len(at))


def _tickets(world: World, logons: Logons) -> Iterator[Any]:
    """Kerberos at the domain controllers: one ticket to get tickets each morning, then one for each service."""
    machines, accounts = world.company.machines, world.company.accounts
    controllers = {m.office: i for i, m in reversed(list(enumerate(machines))) if "dc" in m.tags}
    nearest = np.array([controllers[m.office] for m in machines])
    domain = str(world.company.facts["ad_domain"]).upper()

    first = np.flatnonzero((logons.kind == 2) & (logons.failure == 0))
    machine, at = nearest[logons.source[first]], logons.at[first] - 40_000
    yield table(
        {
            **event_columns(world, 4768, machine, at),
            **target_columns(world, logons.account[first]),
            "ServiceName": "krbtgt",
            "Status": "0x0",
            "IpAddress": distinct((logons.source[first],), lambda s: f"::ffff:{world.address[s]}"),
            "IpPort": pa.array(49152 + (at // 1000) % 16000).cast(pa.string()),
            "TargetDomainName": domain,
        },
        len(at),
    )
    dice = world.dice.named("SecurityEvent", 4769)
    asked = np.flatnonzero((logons.package == 1) & (logons.failure == 0))
    asked = asked[dice.chance(len(asked), 0.45)]
    machine, at = nearest[logons.source[asked]], logons.at[asked] - 30_000
    services = [f"{m.name.upper()}$" for m in machines]
    yield table(
        {
            **event_columns(world, 4769, machine, at),
            **target_columns(world, logons.account[asked]),
            "TargetUserName": pick([f"{a.sam}@{domain}" for a in accounts], logons.account[asked]),
            "TargetDomainName": domain,
            "ServiceName": pick(services, logons.machine[asked]),
            "Status": "0x0",
            "IpAddress": distinct((logons.source[asked],), lambda s: f"::ffff:{world.address[s]}"),
            "IpPort": pa.array(49152 + (at // 1000) % 16000).cast(pa.string()),
            "LogonGuid": guids(dice, len(at)),
        },
        len(at),
    )
    old = np.flatnonzero(logons.package == 2)
    machine, at = nearest[logons.machine[old]], logons.at[old] - 20_000
    yield table(
        {
            **event_columns(world, 4776, machine, at),
            **target_columns(world, logons.account[old]),
            "PackageName": "MICROSOFT_AUTHENTICATION_PACKAGE_V1_0",
            "Workstation": pick(["", *(m.name.upper() for m in machines)], logons.source[old] + 1),
            "Status": pick(["0x0", *(f.sub_status for f in FAILURES)], logons.failure[old]),
        },
        len(at),
    )


def _processes(world: World) -> Iterator[Any]:
    """The servers' processes, the very ones that the endpoint agent saw."""
    ledger, programs = world.ledger, world.company.programs
    server = np.array([m.person < 0 for m in world.company.machines])[ledger.machine]
    q = np.flatnonzero(server & (ledger.parent >= 0) & (ledger.at >= world.calendar.start))
    parent = ledger.parent[q]
    yield table(
        {
            **event_columns(world, 4688, ledger.machine[q], ledger.at[q]),
            **subject_columns(
                world, ledger.account[q], hexadecimal(np.where(ledger.account[q] < 3, 999, ledger.logon[q]))
            ),
            "NewProcessName": pick([p.path for p in programs], ledger.program[q]),
            "Process": pick([p.file for p in programs], ledger.program[q]),
            "NewProcessId": hexadecimal(ledger.pid[q]),
            "ProcessId": hexadecimal(ledger.pid[parent]),
            "ParentProcessName": pick([p.path for p in programs], ledger.program[parent]),
            "CommandLine": ledger.commands.take(pa.array(ledger.command[q])),
            "TokenElevationType": "%%1936",
            "MandatoryLabel": pick(["S-1-16-4096", "S-1-16-8192", "S-1-16-12288", "S-1-16-16384"], ledger.integrity[q]),
            "TargetUserName": "-",
            "TargetDomainName": "-",
        },
        len(q),
    )


def _management(world: World) -> Iterator[Any]:
    """Joiners, changes and explicit credentials: what the service desk does in a fortnight."""
    company, shifts = world.company, world.shifts
    admin = company.account_index["adm-mvos"]
    owner = company.accounts[admin].person
    controller = company.machine_index["rtm-dc01"]
    busy = np.where(shifts.person == owner, 1.0, 0.0)
    people = world.person_account
    for event, rate in ((4738, 4.0), (4728, 0.6), (4720, 0.25), (4648, 3.0)):
        dice = world.dice.named("SecurityEvent", event)
        _, at = shifts.moments(dice, busy * rate)
        count = len(at)
        machine = np.full(count, controller)
        target = people[dice.below(count, len(people))]
        accounts = company.accounts
        columns: Columns = {
            **event_columns(world, event, machine, at),
            **target_columns(world, target),
            **subject_columns(world, np.full(count, admin), hexadecimal(0x2B0000 + dice.below(count, 4096))),
            "TargetSid": pick([a.sid for a in accounts], target),
        }
        if event == 4728:
            columns |= {
                "TargetUserName": "Waybill Users",
                "TargetAccount": f"{company.facts['netbios']}\\Waybill Users",
                "MemberName": pick(
                    [f"CN={a.display},OU=People,DC=corp,DC=korenwolf,DC=example" for a in accounts], target
                ),
                "MemberSid": pick([a.sid for a in accounts], target),
            }
        if event == 4648:
            columns |= {
                "TargetServerName": "rtm-mgt01",
                "ProcessName": "C:\\Windows\\System32\\mstsc.exe",
                "IpAddress": "-",
            }
        yield table(columns, count)
    # The distribution server puts its agent's service on a server now and then.
    dice = world.dice.named("SecurityEvent", 7045)
    at = world.calendar.spread(dice, 1.2)
    servers = np.array([i for i, m in enumerate(company.machines) if m.windows and m.person < 0])
    yield table(
        {
            **event_columns(world, 7045, servers[dice.below(len(at), len(servers))], at),
            "Account": "NT AUTHORITY\\SYSTEM",
            "AccountType": "Machine",
            "ServiceName": "ccmsetup",
            "ServiceFileName": "C:\\Windows\\ccmsetup\\ccmsetup.exe /runservice",
            "ServiceType": "user mode service",
            "ServiceStartType": ints(np.full(len(at), 2)),
            "ServiceAccount": "LocalSystem",
        },
        len(at),
    )
