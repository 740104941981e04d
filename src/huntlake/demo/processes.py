"""Every process that ran on the company's Windows machines, with its true parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from huntlake.demo.columns import distinct
from huntlake.demo.company import Company, settings
from huntlake.demo.dice import Dice, Longs
from huntlake.demo.rhythm import DAY, HOUR, MINUTE, SECOND, Calendar, Shifts

_ACCOUNTS = {"system": 0, "local": 1, "network": 2}
_DIGITS = 0x9E3779B1


@dataclass(frozen=True)
class Sessions:
    """Machines that are on: a laptop for a working day, a server all the time. Arrays of one length."""

    machine: Longs
    person: Longs
    begin: Longs
    end: Longs


@dataclass(frozen=True)
class Start:
    """A process that the story starts. `parent` is another start's id, or an entry of processes.yaml."""

    id: str
    machine: int
    account: int
    program: int
    command: str
    integrity: str
    at: int
    parent: str


@dataclass
class Ledger:
    """The processes, as arrays of one length; `parent` is an index into them, -1 for the first."""

    machine: Longs
    program: Longs
    account: Longs
    template: Longs
    """The entry of processes.yaml, -1 for a process of the story."""
    command: Longs
    """An index into `commands`."""
    integrity: Longs
    """An index into `INTEGRITY`."""
    at: Longs
    until: Longs
    pid: Longs
    parent: Longs
    logon: Longs
    commands: Any
    by_story: dict[str, int] = field(default_factory=dict)


INTEGRITY = ("Low", "Medium", "High", "System")


@dataclass(frozen=True)
class Template:
    """One entry of processes.yaml."""

    id: str
    program: int
    parent: str
    account: str
    machines: frozenset[str]
    when: str
    rate: float
    each_parent: bool
    integrity: int
    commands: tuple[str, ...]
    network: tuple[tuple[str, ...], float]
    files: tuple[tuple[str, ...], float]
    registry: tuple[tuple[str, ...], float]


def load_templates(company: Company) -> list[Template]:
    """The entries of processes.yaml, in their order: parents come first."""

    def effect(entry: dict[str, Any] | None) -> tuple[tuple[str, ...], float]:
        return (tuple(entry.get("to") or entry["kinds"]), float(entry["rate"])) if entry else ((), 0.0)

    return [
        Template(
            id=e["id"],
            program=company.program_index[e["program"]],
            parent=e.get("parent", ""),
            account=e["account"],
            machines=frozenset(e["machines"]),
            when=e.get("when", "work"),
            rate=float(e.get("rate", 1)),
            each_parent=e.get("each") == "parent",
            integrity=INTEGRITY.index(e.get("integrity", _usual_integrity(e["account"]))),
            commands=tuple(c.replace("{{", "{").replace("}}", "}") for c in e["commands"]),
            network=effect(e.get("network")),
            files=effect(e.get("files")),
            registry=effect(e.get("registry")),
        )
        for e in settings("demo/processes.yaml")
    ]


def _usual_integrity(account: str) -> str:
    return "Medium" if account == "user" else "System" if account in _ACCOUNTS else "High"


def make_sessions(company: Company, calendar: Calendar, shifts: Shifts, dice: Dice) -> Sessions:
    """When each Windows machine is on."""
    servers = [i for i, m in enumerate(company.machines) if m.windows and m.person < 0]
    # Laptops come first in the list of machines, in the order of their people.
    boot = shifts.begin - (dice.between(len(shifts.begin), 2, 9) * MINUTE).astype(np.int64)
    booted = calendar.start - 3 * DAY + (dice.random(len(servers)) * HOUR).astype(np.int64)
    return Sessions(
        np.concatenate([shifts.person, servers]),
        np.concatenate([shifts.person, np.full(len(servers), -1)]),
        np.concatenate([boot, booted]),
        np.concatenate([shifts.end, np.full(len(servers), calendar.end + DAY)]),
    )


def make_ledger(
    company: Company,
    calendar: Calendar,
    sessions: Sessions,
    templates: Sequence[Template],
    story: Sequence[Start],
    dice: Dice,
) -> Ledger:
    """Start everything that processes.yaml describes in every session, and then what the story starts."""
    made: dict[str, _Made] = {}
    total = 0
    for t in templates:
        made[t.id] = _start(t, total, company, calendar, sessions, made, dice.named("process", t.id))
        total += len(made[t.id].at)
    parts = list(made.values())

    def all_of(name: str) -> Longs:
        return np.concatenate([getattr(p, name) for p in parts])

    session = all_of("session")
    template = np.repeat(np.arange(len(templates)), [len(p.at) for p in parts])
    machine, person, at = sessions.machine[session], sessions.person[session], all_of("at")
    own = dice.named("ledger")
    pid = 4 * (230 + own.below(total, 5800))
    pid[template == 0] = 4
    choice, variant = all_of("choice"), all_of("variant")
    ledger = Ledger(
        machine=machine,
        program=np.array([t.program for t in templates])[template],
        account=_accounts(templates, template, person, company),
        template=template,
        command=np.arange(total),
        integrity=np.array([t.integrity for t in templates])[template],
        at=at,
        until=np.maximum(at + SECOND, sessions.end[session]),
        pid=pid,
        parent=all_of("parent"),
        logon=logon_ids(session),
        commands=_commands(company, templates, template, choice, variant, person),
    )
    return _with_story(ledger, company, templates, story, dice.named("story"))


@dataclass(frozen=True)
class _Made:
    first: int
    session: Longs
    at: Longs
    parent: Longs
    choice: Longs
    variant: Longs
    of_session: dict[int, int]


def _start(
    t: Template,
    first: int,
    company: Company,
    calendar: Calendar,
    sessions: Sessions,
    made: dict[str, _Made],
    dice: Dice,
) -> _Made:
    fits = np.array([m.windows and bool(t.machines & m.tags) for m in company.machines])
    here = np.flatnonzero(fits[sessions.machine])
    if t.when == "boot" and not t.each_parent:
        session = here
        # Services come up in seconds; a person logs on a minute or two later.
        late = 70.0 if t.account == "user" else 0.0
        steps = len(made) * 0.9 + late + dice.random(len(here)) * 0.8
        at = sessions.begin[here] + (steps * SECOND).astype(np.int64)
    elif t.each_parent:
        above = made[t.parent]
        count = dice.counts(np.full(len(above.at), t.rate))
        which = np.repeat(np.arange(len(above.at)), count)
        session = above.session[which]
        room = np.minimum(sessions.end[session] - above.at[which], 3 * HOUR)
        u = dice.random(len(which))
        at = above.at[which] + 80_000 + (u * u * u * room).astype(np.int64)
        return _Made(first, session, at, above.first + which, *_choices(t, len(at), dice), {})
    else:
        days = np.where(sessions.person[here] < 0, len(calendar.days), 1)
        count = dice.counts(t.rate * days)
        session = np.repeat(here, count)
        at = _when(t, session, company, calendar, sessions, dice)
        # What starts with the desktop has its first start a few minutes after the person's logon.
        if t.when == "work" and t.rate >= 1:
            firsts = np.unique(session, return_index=True)[1]
            at[firsts] = sessions.begin[session[firsts]] + 3 * MINUTE + dice.below(len(firsts), 3 * MINUTE)
    parent = _parents(made[t.parent], session) if t.parent else np.full(len(at), -1)
    # Where a service isn't there, neither is what it would start.
    keep = (parent >= 0) | (t.parent == "")
    session, at, parent = session[keep], at[keep], parent[keep]
    own = {int(s): first + i for i, s in enumerate(session)} if t.when == "boot" else {}
    return _Made(first, session, at, parent, *_choices(t, len(at), dice), own)


def _parents(above: _Made, session: Longs) -> Longs:
    """For each start, the process of its parent's entry that came up when the session began."""
    of = np.full(int(max(session.max(initial=0), max(above.of_session))) + 1, -1)
    of[list(above.of_session)] = list(above.of_session.values())
    found: Longs = of[session]
    return found


def _when(t: Template, session: Longs, company: Company, calendar: Calendar, sessions: Sessions, dice: Dice) -> Longs:
    begin, end = sessions.begin[session], sessions.end[session]
    if t.when == "night":
        offices = list(company.facts["offices"])
        office = np.array([offices.index(m.office) for m in company.machines])[sessions.machine[session]]
        midnight: Longs = calendar.midnights[office, dice.below(len(session), len(calendar.days))]
        return midnight + (dice.between(len(session), 1.0, 4.5) * HOUR).astype(np.int64)
    if t.when == "work":
        place = np.interp(dice.random(len(session)), [0, 0.24, 0.47, 0.54, 0.97, 1], [0, 0.2, 0.42, 0.54, 0.95, 1])
        return begin + 8 * MINUTE + (place * (end - begin - 9 * MINUTE)).astype(np.int64)
    return begin + 4 * MINUTE + (dice.random(len(session)) * (end - begin - 5 * MINUTE)).astype(np.int64)


def _choices(t: Template, count: int, dice: Dice) -> tuple[Longs, Longs]:
    varies = any("{n}" in c or "{hex}" in c for c in t.commands)
    return dice.below(count, len(t.commands)), dice.below(count, 24) if varies else np.zeros(count, dtype=np.int64)


def _accounts(templates: Sequence[Template], template: Longs, person: Longs, company: Company) -> Longs:
    first_person = 3
    fixed = [
        -1 if t.account == "user" else _ACCOUNTS.get(t.account, company.account_index.get(t.account, 0))
        for t in templates
    ]
    account = np.array(fixed)[template]
    return np.where(account < 0, first_person + person, account)


def logon_ids(session: Longs) -> Longs:
    """The id of the logon session of whoever works in a session of a machine."""
    return 0x40000 + ((session + 1) * 7919 * 64) % 0x2000000


def _commands(
    company: Company, templates: Sequence[Template], template: Longs, choice: Longs, variant: Longs, person: Longs
) -> Any:
    def render(t: int, c: int, v: int, p: int) -> str:
        entry = templates[t]
        path = company.programs[entry.program].path
        user = company.people[p].sam if p >= 0 else "Administrator"
        number = (t * 7919 + c * 104729 + v * 15485863 + p * 32452843 + 1) * _DIGITS % 2**32
        return fill(entry.commands[c], user, number).replace("{path}", path)

    # Only a command that names the person differs from person to person.
    personal = np.array([any("{user}" in c for c in t.commands) for t in templates])
    return distinct((template, choice, variant, np.where(personal[template], person, -1)), render)


def fill(text: str, user: str, number: int) -> str:
    """Put a name, and digits made of a 32-bit `number`, into the braces of a text."""
    if "{" not in text:
        return text
    digits = str(1000 + number % 8999)
    return text.replace("{user}", user).replace("{n}", digits).replace("{hex}", f"{number:08X}")


def _with_story(
    ledger: Ledger, company: Company, templates: Sequence[Template], story: Sequence[Start], dice: Dice
) -> Ledger:
    ids = {t.id: i for i, t in enumerate(templates)}
    count = len(ledger.at)
    pids = 4 * (1200 + dice.below(len(story), 4300))
    by_story: dict[str, int] = {}
    parents, logons = [], []
    for i, s in enumerate(story):
        parent = by_story[s.parent] if s.parent in by_story else _latest(ledger, ids[s.parent], s)
        by_story[s.id] = count + i
        parents.append(parent)
        same = parent < count and ledger.account[parent] == s.account
        inherited = ledger.logon[parent] if same else 0x900000 + 4096 * (s.account + 3)
        logons.append(int(inherited))

    def longer(values: Longs, more: Sequence[int] | Longs) -> Longs:
        return np.concatenate([values, np.asarray(more, dtype=np.int64)])

    return Ledger(
        machine=longer(ledger.machine, [s.machine for s in story]),
        program=longer(ledger.program, [s.program for s in story]),
        account=longer(ledger.account, [s.account for s in story]),
        template=longer(ledger.template, [-1] * len(story)),
        command=np.arange(count + len(story)),
        integrity=longer(ledger.integrity, [INTEGRITY.index(s.integrity) for s in story]),
        at=longer(ledger.at, [s.at for s in story]),
        until=longer(ledger.until, [s.at + HOUR for s in story]),
        pid=longer(ledger.pid, pids),
        parent=longer(ledger.parent, parents),
        logon=longer(ledger.logon, logons),
        commands=pa.concat_arrays([ledger.commands, pa.array([s.command for s in story], pa.string())]),
        by_story=by_story,
    )


def _latest(ledger: Ledger, template: int, s: Start) -> int:
    """The latest process of that entry on the machine before the story's start."""
    there = np.flatnonzero((ledger.template == template) & (ledger.machine == s.machine) & (ledger.at < s.at))
    if not len(there):
        raise LookupError(f"the story's process `{s.id}` finds no parent `{s.parent}` on its machine")
    return int(there[np.argmax(ledger.at[there])])
