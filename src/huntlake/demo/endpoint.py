"""The endpoint tables (`Device*`), as an agent on every machine would send them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from huntlake.demo.columns import Columns, distinct, hexes, ints, longs, pick, table, texts, times
from huntlake.demo.company import Person, records, settings
from huntlake.demo.dice import Dice, Longs
from huntlake.demo.logons import FAILURES, Logons
from huntlake.demo.processes import INTEGRITY, fill
from huntlake.demo.rhythm import DAY, HOUR, MINUTE, SECOND
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
        "InitiatingProcessTokenElevation": pick(_ELEVATION, ledger.integrity[process]),
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
_ELEVATION = ("TokenElevationTypeLimited", "TokenElevationTypeLimited", "TokenElevationTypeFull", "TokenElevationTypeDefault")


def unique_ids(world: World, process: Longs) -> Longs:
    """A number for each process that no other process on its machine ever has."""
    return 0x1000000000000 + (world.ledger.at[process] - world.calendar.start + 30 * DAY) * 8192 + world.ledger.pid[process] // 4


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
        "ProcessTokenElevation": pick(_ELEVATION, ledger.integrity[q]),
        "ProcessUniqueId": texts(unique_ids(world, q)),
        "AccountName": pick([a.sam.lower() for a in accounts], account),
        "AccountDomain": pick([a.domain.lower() for a in accounts], account),
        "AccountSid": pick([a.sid for a in accounts], account),
        "AccountUpn": pick([a.upn for a in accounts], account),
        "AccountObjectId": pick([a.object_id for a in accounts], account),
        "LogonId": longs(np.where(account < 3, 999, ledger.logon[q])),
        "InitiatingProcessLogonId": longs(np.where(ledger.account[parent] < 3, 999, ledger.logon[parent])),
        "InitiatingProcessSignatureStatus": pick(["Valid" if p.company else "Unknown" for p in programs], ledger.program[parent]),
        "InitiatingProcessSignerType": pick(["OsVendor" if "Windows" in p.product else "Unknown" for p in programs], ledger.program[parent]),
        "IsProcessRemoteSession": False,
    }
    # The event reaches the log a moment after the process began.
    yield table({**event_columns(world, ledger.machine[q], ledger.at[q]), **own, **initiating_columns(world, parent)}, len(q))


Effect = Callable[[Any], tuple[tuple[str, ...], float]]


def _effects(world: World, effect: Effect, dice: Dice) -> tuple[Longs, Longs, Longs]:
    """What processes do besides starting others: the process, its template and the time of each act, by time."""
    ledger = world.ledger
    rate = np.array([effect(t)[1] for t in world.templates])
    boot = np.array([t.when == "boot" for t in world.templates])
    q = np.flatnonzero((ledger.template >= 0) & (rate[ledger.template] > 0))
    length = ledger.until[q] - ledger.at[q]
    # A service that runs for two weeks acts every day; a program acts mostly just after it was started.
    always = boot[ledger.template[q]]
    days = np.where(always, np.maximum(1.0, length / DAY), 1.0)
    count = dice.counts(rate[ledger.template[q]] * days)
    which = np.repeat(np.arange(len(q)), count)
    u = dice.random(len(which))
    room = np.where(always[which], length[which], np.minimum(length[which], 2 * HOUR))
    at = ledger.at[q][which] + 40_000 + (np.where(always[which], u, u * u) * room).astype(np.int64)
    keep = (at >= world.calendar.start) & (at < world.calendar.end)
    process, at = q[which][keep], at[keep]
    order = np.argsort(at, kind="stable")
    return process[order], ledger.template[process[order]], at[order]


def _kinds(world: World, effect: Effect, groups: Sequence[str], members: Sequence[Sequence[int]], template: Longs, dice: Dice) -> Longs:
    """For each act, one member of one of the groups that its template names."""
    pools = [np.array([m for g in effect(t)[0] for m in members[groups.index(g)]] or [0]) for t in world.templates]
    sizes = np.array([len(p) for p in pools])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    flat = np.concatenate(pools)
    chosen: Longs = flat[starts[template] + (dice.random(len(template)) * sizes[template]).astype(np.int64)]
    return chosen


def network_events(world: World) -> Iterator[Any]:
    """DeviceNetworkEvents: connections that processes make, and those that servers accept."""
    dice = world.dice.named("DeviceNetworkEvents")
    process, template, at = _effects(world, lambda t: t.network, dice)
    places = records("demo/destinations.csv")
    groups = sorted({p["group"] for p in places})
    members = [[i for i, p in enumerate(places) if p["group"] == g] for g in groups]
    to = _kinds(world, lambda t: t.network, groups, members, template, dice)
    machine = world.ledger.machine[process]
    public = [not p["address"].startswith("10.") for p in places]
    failed = dice.chance(len(to), 0.03)
    looked = dice.chance(len(to), 0.06)
    action = np.where(failed, 1, np.where(looked, 2, 0))
    actions = ("ConnectionSuccess", "ConnectionFailed", "ConnectionAttempted")
    yield table(
        {
            **event_columns(world, machine, at),
            **initiating_columns(world, process),
            "ActionType": pick(actions, action),
            "LocalIP": pick(world.address, machine),
            "LocalIPType": "Private",
            "LocalPort": ints(49152 + dice.below(len(to), 16000)),
            "RemoteIP": pick([p["address"] for p in places], to),
            "RemoteIPType": pick(["Public" if p else "Private" for p in public], to),
            "RemotePort": ints(np.array([int(p["port"]) for p in places])[to]),
            "RemoteUrl": pick([p["host"] for p in places], to),
            "Protocol": pick([p["protocol"] for p in places], to),
        },
        len(to),
    )
    yield _accepted(world, world.dice.named("DeviceNetworkEvents", "accepted"))


def _accepted(world: World, dice: Dice) -> Any:
    """Connections that Windows servers accept from laptops, and those that the scanner tries."""
    ledger, machines = world.ledger, world.company.machines
    wanted = {t.id: i for i, t in enumerate(world.templates)}
    ports = {"dc": [(389, "lsass"), (88, "lsass")], "file": [(445, "system")], "sql": [(1433, "sqlserver")], "app": [(443, "system")]}
    rows: list[tuple[Longs, Longs, Longs, Longs]] = []
    for tag, served in ports.items():
        for i in [i for i, m in enumerate(machines) if m.windows and tag in m.tags]:
            for port, entry in served:
                q = np.flatnonzero((ledger.machine == i) & (ledger.template == wanted[entry]))
                shift, at = world.shifts.moments(dice.named(tag, i, port), 0.35)
                rows.append((np.full(len(at), q[0]), np.full(len(at), port), world.shifts.person[shift], at))
    process, port, source, at = (np.concatenate(c) for c in zip(*rows, strict=True))
    machine = ledger.machine[process]
    return table(
        {
            **event_columns(world, machine, at),
            **initiating_columns(world, process),
            "ActionType": "InboundConnectionAccepted",
            "LocalIP": pick(world.address, machine),
            "LocalIPType": "Private",
            "LocalPort": ints(port),
            "RemoteIP": pick(world.address, source),
            "RemoteIPType": "Private",
            "RemotePort": ints(49152 + dice.below(len(at), 16000)),
            "RemoteUrl": "",
            "Protocol": "Tcp",
        },
        len(at),
    )


def _person_of(world: World, machine: Longs) -> Longs:
    return np.array([m.person for m in world.company.machines])[machine]


def _user(people: Sequence[Person], person: int) -> str:
    return people[person].sam if person >= 0 else "Administrator"


def file_events(world: World) -> Iterator[Any]:
    """DeviceFileEvents: files that processes make, change, rename and delete."""
    dice = world.dice.named("DeviceFileEvents")
    process, template, at = _effects(world, lambda t: t.files, dice)
    kinds = settings("demo/artifacts.yaml")["files"]
    files = [f for k in kinds.values() for f in k]
    members = _members(kinds)
    what = _kinds(world, lambda t: t.files, list(kinds), members, template, dice)
    machine = world.ledger.machine[process]
    person, variant = _person_of(world, machine), dice.below(len(at), 60)
    people = world.company.people

    def name(w: int, v: int, p: int) -> str:
        return fill(files[w][0], _user(people, p), _number(w, v, p))

    def path(w: int, v: int, p: int) -> str:
        user, number = _user(people, p), _number(w, v, p)
        return fill(f"{files[w][1]}\\{files[w][0]}", user, number)

    keys = (what, variant, person)
    origins = settings("demo/company.yaml")["partners"]
    downloaded = np.array([k == "download" for k, fs in kinds.items() for _ in fs])[what]
    origin = np.where(downloaded, 1 + dice.below(len(at), len(origins)), 0)
    size = np.array([f[2] for f in files])[what]
    yield table(
        {
            **event_columns(world, machine, at),
            **initiating_columns(world, process),
            "ActionType": pick([f[3] for f in files], what),
            "FileName": distinct(keys, name),
            "FolderPath": distinct(keys, path),
            "FileSize": longs((size * dice.between(len(at), 0.4, 1.6)).astype(np.int64)),
            "SHA256": hexes(dice, len(at), 64),
            "SHA1": hexes(dice, len(at), 40),
            "MD5": hexes(dice, len(at), 32),
            "FileOriginUrl": pick(["", *(f"https://{o}/documents/" for o in origins)], origin),
            "FileOriginReferrerUrl": pick(["", *(f"https://{o}/" for o in origins)], origin),
            "RequestAccountName": pick([a.sam.lower() for a in world.company.accounts], world.ledger.account[process]),
            "RequestAccountDomain": pick([a.domain.lower() for a in world.company.accounts], world.ledger.account[process]),
            "RequestAccountSid": pick([a.sid for a in world.company.accounts], world.ledger.account[process]),
            "RequestProtocol": "Local",
        },
        len(at),
    )


def registry_events(world: World) -> Iterator[Any]:
    """DeviceRegistryEvents: registry values that processes set."""
    dice = world.dice.named("DeviceRegistryEvents")
    process, template, at = _effects(world, lambda t: t.registry, dice)
    kinds = settings("demo/artifacts.yaml")["registry"]
    values = [v for k in kinds.values() for v in k]
    what = _kinds(world, lambda t: t.registry, list(kinds), _members(kinds), template, dice)
    machine = world.ledger.machine[process]
    person, variant = _person_of(world, machine), dice.below(len(at), 40)
    sids = [a.sid.removeprefix("S-1-5-21-") for a in world.company.accounts]
    mine = world.person_account

    def key(w: int, p: int) -> str:
        return str(values[w][0]).replace("{sid}", sids[mine[p]] if p >= 0 else "500")

    def name(w: int, v: int) -> str:
        return fill(values[w][1], "", _number(w, v, 0))

    def data(w: int, v: int) -> str:
        return fill(values[w][2], "", _number(w, v, 1))

    # A key of the whole machine is the same for every person.
    personal = np.array(["{sid}" in v[0] for v in values])[what]
    yield table(
        {
            **event_columns(world, machine, at),
            **initiating_columns(world, process),
            "ActionType": "RegistryValueSet",
            "RegistryKey": distinct((what, np.where(personal, person, -1)), key),
            "RegistryValueName": distinct((what, variant), name),
            "RegistryValueData": distinct((what, variant), data),
            "RegistryValueType": pick([v[3] for v in values], what),
        },
        len(at),
    )


def _members(kinds: dict[str, list[Any]]) -> list[list[int]]:
    found, at = [], 0
    for entries in kinds.values():
        found.append(list(range(at, at + len(entries))))
        at += len(entries)
    return found


def _number(*keys: int) -> int:
    number = 0x811C9DC5
    for key in keys:
        number = (number ^ (key + 7)) * 0x01000193 % 2**32
    return number * 0x9E3779B1 % 2**32


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


def device_events(world: World) -> Iterator[Any]:
    """DeviceEvents: what fits no other table, such as scans by antivirus and named pipes."""
    dice = world.dice.named("DeviceEvents")
    ledger = world.ledger
    ids = {t.id: i for i, t in enumerate(world.templates)}
    for action, entry, rate, fields in _MISCELLANEOUS:
        own = dice.named(action)
        q = np.flatnonzero(ledger.template == ids[entry])
        days = np.maximum(1.0, (ledger.until[q] - ledger.at[q]) / DAY)
        process = np.repeat(q, own.counts(rate * days))
        at = ledger.at[process] + (own.random(len(process)) * (ledger.until[process] - ledger.at[process])).astype(np.int64)
        yield table(
            {
                **event_columns(world, ledger.machine[process], at),
                **without_integrity(initiating_columns(world, process)),
                "ActionType": action,
                "AdditionalFields": fields,
                "LocalIP": pick(world.address, ledger.machine[process]),
            },
            len(process),
        )


def without_integrity(columns: Columns) -> Columns:
    """`InitiatingProcess*` without the two columns that DeviceEvents alone doesn't have."""
    gone = ("InitiatingProcessIntegrityLevel", "InitiatingProcessTokenElevation")
    return {n: v for n, v in columns.items() if n not in gone}


_MISCELLANEOUS = [
    ("AntivirusScanCompleted", "defender", 1.0, '{"ScanTypeIndex":"Quick","ScanParametersIndex":"Quick scan","User":"NT AUTHORITY\\\\SYSTEM"}'),
    ("AntivirusDefinitionsUpdated", "defender", 0.8, '{"SignatureType":"AntiVirus","UpdateSource":"MicrosoftUpdateServer"}'),
    ("NamedPipeEvent", "lsass", 1.6, '{"FileOperation":"File created","NamedPipeEnd":"Server","PipeName":"\\\\Device\\\\NamedPipe\\\\lsass","RemoteClientsAccess":"AcceptRemote","SessionId":0}'),
    ("GetClipboardData", "explorer", 2.0, "{}"),
    ("ScreenshotTaken", "explorer", 0.3, "{}"),
    ("PowerShellCommand", "admin-shell", 3.0, '{"Command":"Get-ADUser"}'),
    ("PowerShellCommand", "manage-job", 2.0, '{"Command":"Get-ADComputer"}'),
    ("BrowserLaunchedToOpenUrl", "outlook", 0.9, "{}"),
    ("LdapSearch", "manage-job", 2.0, '{"AttributeList":["lastLogonTimestamp"],"ScopeOfSearch":"SubTree","SearchFilter":"(&(objectCategory=computer)(lastLogonTimestamp<=1))","DistinguishedName":"DC=corp,DC=korenwolf,DC=example"}'),
    ("OpenProcessApiCall", "defender", 0.4, '{"DesiredAccess":4096}'),
    ("ScheduledTaskUpdated", "svc-schedule", 0.3, '{"TaskName":"\\\\Microsoft\\\\Windows\\\\UpdateOrchestrator\\\\Schedule Scan"}'),
]


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
    builds = {"Windows11": (22631, "11", "4460"), "WindowsServer2022": (20348, "2022", "2849"), "WindowsServer2019": (17763, "2019", "6532")}
    facts = [builds.get(m.os, (0, "", "")) for m in machines]
    laptop = [m.person >= 0 for m in machines]
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
