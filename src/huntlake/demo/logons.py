"""Who logged on to what, and failed to: seen by the endpoint tables and by the Windows security log alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from huntlake.demo.dice import Dice, Longs
from huntlake.demo.processes import logon_ids
from huntlake.demo.rhythm import HOUR, MINUTE, SECOND
from huntlake.demo.world import World

INTERACTIVE, NETWORK, BATCH, SERVICE, UNLOCK, REMOTE = 2, 3, 4, 5, 7, 10
NEGOTIATE, KERBEROS, NTLM = 0, 1, 2


@dataclass(frozen=True)
class Failure:
    """Why a logon failed, as Windows says it."""

    status: str
    sub_status: str
    reason: str
    endpoint: str


FAILURES = (
    Failure("0xc000006d", "0xc000006a", "%%2313", "InvalidUserNameOrPassword"),
    Failure("0xc000006d", "0xc0000064", "%%2313", "UnknownUser"),
    Failure("0xc0000234", "0x0", "%%2307", "AccountLocked"),
)


@dataclass(frozen=True)
class Logons:
    """Arrays of one length, by time. `source` is a machine, -1 for none; `failure` is 0, or 1 + that of a FAILURE."""

    at: Longs
    machine: Longs
    account: Longs
    kind: Longs
    source: Longs
    package: Longs
    failure: Longs
    until: Longs
    logon_id: Longs


def make_logons(world: World) -> Logons:
    """The logons of two weeks of business."""
    dice = world.dice.named("logons")
    company, shifts = world.company, world.shifts
    index = company.machine_index
    mine = world.person_account[shifts.person]
    parts: list[tuple[Longs, Longs, Longs, int, Longs, int, Longs]] = []

    def add(at: Longs, machine: Longs, account: Longs, kind: int, source: Longs, package: int, failure: Longs) -> None:
        parts.append((at, machine, account, kind, source, package, failure))

    def none(at: Longs) -> Longs:
        return np.zeros(len(at), dtype=np.int64)

    # Mornings at the laptop: a wrong password now and then, then the right one; unlocking through the day.
    begin = shifts.begin - 40 * SECOND
    add(begin, shifts.person, mine, INTERACTIVE, shifts.person, NEGOTIATE, none(begin))
    wrong = np.flatnonzero(dice.chance(len(begin), 0.12))
    add(
        begin[wrong] - 9 * SECOND,
        shifts.person[wrong],
        mine[wrong],
        INTERACTIVE,
        shifts.person[wrong],
        NEGOTIATE,
        none(wrong) + 1,
    )
    shift, at = shifts.moments(dice, 1.6)
    add(at, shifts.person[shift], mine[shift], UNLOCK, shifts.person[shift], NEGOTIATE, none(at))

    # Shares, the directory and the planning application, over the network.
    nearest = _nearest(world)
    for tag, rate in (("dc", 4.0), ("file", 3.0), ("app", 1.4), ("print", 0.6)):
        shift, at = shifts.moments(dice.named(tag), rate)
        person = shifts.person[shift]
        add(at, nearest[tag][person], mine[shift], NETWORK, person, KERBEROS, none(at))

    # Machines log on to the directory too, and services to their own machines.
    machines = [i for i, m in enumerate(company.machines) if m.windows and "kiosk" not in m.tags]
    accounts = company.account_index
    for i in machines:
        m = company.machines[i]
        own = dice.named("machine", m.name)
        at = world.calendar.spread(own, 7.0 if m.person < 0 else 1.2, weekend=1.0 if m.person < 0 else 0.1)
        account = np.full(len(at), accounts[f"{m.name.lower()}$"])
        add(
            at,
            np.full(len(at), index[company.office(m.office)["resolver"]]),
            account,
            NETWORK,
            np.full(len(at), i),
            KERBEROS,
            none(at),
        )
        if m.person < 0:
            at = world.calendar.spread(own.named("service"), 24.0)
            add(at, np.full(len(at), i), none(at), SERVICE, none(at) - 1, NEGOTIATE, none(at))
    for s in company.facts["service_accounts"]:
        own, home = dice.named(s["sam"]), index[s["home"]]
        if "kiosk" in company.machines[home].tags:
            continue
        at = world.calendar.spread(own, 40.0)
        target = np.array([index[n] for n in ("rtm-sql01", "rtm-fs01", "rtm-dc01")])[own.below(len(at), 3)]
        account = np.full(len(at), accounts[s["sam"]])
        add(at, target, account, NETWORK, np.full(len(at), home), KERBEROS, none(at))
        if company.machines[home].windows:
            at = world.calendar.spread(own.named("batch"), 6.0)
            add(
                at,
                np.full(len(at), home),
                np.full(len(at), accounts[s["sam"]]),
                BATCH,
                none(at) - 1,
                NEGOTIATE,
                none(at),
            )

    # Administrators on servers, over remote desktop, some of them with a typing mistake.
    servers = np.array([i for i in machines if company.machines[i].person < 0])
    for name, i in accounts.items():
        if company.accounts[i].kind != "admin":
            continue
        own, owner = dice.named("admin", name), company.accounts[i].person
        shift, at = shifts.moments(own, np.where(shifts.person == owner, 3.0, 0.0))
        server = servers[own.below(len(at), len(servers))]
        source, who = np.full(len(at), owner), np.full(len(at), i)
        add(at, server, who, REMOTE, source, NEGOTIATE, none(at))
        slip = np.flatnonzero(own.chance(len(at), 0.2))
        add(at[slip] - 8 * SECOND, server[slip], who[slip], NETWORK, source[slip], NTLM, none(slip) + 1)
    _scans(world, dice.named("scan"), servers, add)
    logons = _collect(parts, dice.named("collect"))
    # The morning's logon is that of the session in which the person's programs run; shifts are the first sessions.
    morning = np.flatnonzero((logons.kind == INTERACTIVE) & (logons.failure == 0))
    shift = np.argsort(begin, kind="stable")
    logons.logon_id[morning] = logon_ids(shift)
    return logons


def _scans(world: World, dice: Dice, servers: Longs, add: Callable[..., None]) -> None:
    """The vulnerability scanner knocks at every server on two nights a week, with passwords it knows to be wrong."""
    index = world.company.machine_index
    account = world.company.account_index["svc-scan"]
    for day, midnight in zip(world.calendar.days, world.calendar.midnights[0], strict=True):
        if day.weekday() not in (1, 5):
            continue
        own = dice.named(day.isoformat())
        server = np.repeat(servers, 9)
        at = int(midnight) + 2 * HOUR + np.sort(own.below(len(server), 50 * MINUTE))
        source = np.full(len(at), index["rtm-scan01"])
        failure = 1 + own.pick(len(at), [3, 5])
        add(at, server, np.full(len(at), account), NETWORK, source, NTLM, failure)


def _nearest(world: World) -> dict[str, Longs]:
    """For each service, the machine that gives it to each person."""
    machines, found = world.company.machines, {}
    for tag in ("dc", "file", "app", "print"):
        here = {m.office: i for i, m in reversed(list(enumerate(machines))) if tag in m.tags and m.windows}
        default = here["rotterdam"]
        found[tag] = np.array([here.get(p.office, default) for p in world.company.people])
    return found


def _collect(parts: Sequence[tuple[Longs, Longs, Longs, int, Longs, int, Longs]], dice: Dice) -> Logons:
    sizes = [len(p[0]) for p in parts]
    at, machine, account, source, failure = (np.concatenate([p[i] for p in parts]) for i in (0, 1, 2, 4, 6))
    kind = np.repeat([p[3] for p in parts], sizes)
    package = np.repeat([p[5] for p in parts], sizes)
    order = np.argsort(at, kind="stable")
    count = len(at)
    length = np.where(kind == NETWORK, dice.below(count, 12 * SECOND), dice.below(count, 3 * HOUR)) + 200_000
    logon_id = 0x1A0000 + np.arange(count) * 173 + dice.below(count, 90)
    at = at[order]
    return Logons(
        at,
        machine[order],
        account[order],
        kind[order],
        source[order],
        package[order],
        failure[order],
        at + length,
        logon_id,
    )
