"""What processes do: DeviceNetworkEvents, DeviceFileEvents, DeviceRegistryEvents and DeviceEvents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from huntlake.demo.columns import distinct, hexes, ints, longs, pick, table
from huntlake.demo.company import Person, records, settings
from huntlake.demo.dice import Dice, Longs
from huntlake.demo.origins import event_columns, initiating_columns, without_integrity
from huntlake.demo.processes import fill
from huntlake.demo.rhythm import DAY, HOUR
from huntlake.demo.world import World

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


def _kinds(
    world: World, effect: Effect, groups: Sequence[str], members: Sequence[Sequence[int]], template: Longs, dice: Dice
) -> Longs:
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
    public = np.array([not p["address"].startswith("10.") for p in places])
    # A machine on a network of its own reaches nothing inside.
    reached = public[to] | ~np.array(["kiosk" in m.tags for m in world.company.machines])[machine]
    process, at, to, machine = process[reached], at[reached], to[reached], machine[reached]
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
    ports = {
        "dc": [(389, "lsass"), (88, "lsass")],
        "file": [(445, "system")],
        "sql": [(1433, "sqlserver")],
        "app": [(443, "system")],
    }
    rows: list[tuple[Longs, Longs, Longs, Longs]] = []
    for tag, served in ports.items():
        for i in [i for i, m in enumerate(machines) if m.windows and tag in m.tags]:
            for number, entry in served:
                q = np.flatnonzero((ledger.machine == i) & (ledger.template == wanted[entry]))
                shift, when = world.shifts.moments(dice.named(tag, i, number), 0.35)
                rows.append((np.full(len(when), q[0]), np.full(len(when), number), world.shifts.person[shift], when))
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
            "RequestAccountDomain": pick(
                [a.domain.lower() for a in world.company.accounts], world.ledger.account[process]
            ),
            "RequestAccountSid": pick([a.sid for a in world.company.accounts], world.ledger.account[process]),
            "RequestProtocol": "Local",
            "RequestSourceIP": "",
            "RequestSourcePort": ints(np.zeros(len(at))),
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
        at = ledger.at[process] + (own.random(len(process)) * (ledger.until[process] - ledger.at[process])).astype(
            np.int64
        )
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


_MISCELLANEOUS = [
    (
        "AntivirusScanCompleted",
        "defender",
        1.0,
        '{"ScanTypeIndex":"Quick","ScanParametersIndex":"Quick scan","User":"NT AUTHORITY\\\\SYSTEM"}',
    ),
    (
        "AntivirusDefinitionsUpdated",
        "defender",
        0.8,
        '{"SignatureType":"AntiVirus","UpdateSource":"MicrosoftUpdateServer"}',
    ),
    (
        "NamedPipeEvent",
        "lsass",
        1.6,
        '{"FileOperation":"File created","NamedPipeEnd":"Server","PipeName":"\\\\Device\\\\NamedPipe\\\\lsass",'
        '"RemoteClientsAccess":"AcceptRemote","SessionId":0}',
    ),
    ("GetClipboardData", "explorer", 2.0, "{}"),
    ("ScreenshotTaken", "explorer", 0.3, "{}"),
    ("PowerShellCommand", "admin-shell", 3.0, '{"Command":"Get-ADUser"}'),
    ("PowerShellCommand", "manage-job", 2.0, '{"Command":"Get-ADComputer"}'),
    ("BrowserLaunchedToOpenUrl", "outlook", 0.9, "{}"),
    (
        "LdapSearch",
        "manage-job",
        2.0,
        '{"AttributeList":["lastLogonTimestamp"],"ScopeOfSearch":"SubTree",'
        '"SearchFilter":"(&(objectCategory=computer)(lastLogonTimestamp<=1))","DistinguishedName":"DC=corp,DC=korenwolf,DC=example"}',
    ),
    ("OpenProcessApiCall", "defender", 0.4, '{"DesiredAccess":4096}'),
    (
        "ScheduledTaskUpdated",
        "svc-schedule",
        0.3,
        '{"TaskName":"\\\\Microsoft\\\\Windows\\\\UpdateOrchestrator\\\\Schedule Scan"}',
    ),
]
