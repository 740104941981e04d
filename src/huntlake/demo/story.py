"""The attack, as `content/demo/attack.yaml` tells it: processes, rows and alerts, and the truth about them."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from huntlake.core.errors import Invalid
from huntlake.demo.alerts import Alert, moment
from huntlake.demo.columns import table as arrow_table
from huntlake.demo.company import Company, Settings, settings, stable_guid
from huntlake.demo.dice import Dice
from huntlake.demo.directory import initiated_by_user
from huntlake.demo.origins import event_columns, initiating_columns, without_integrity
from huntlake.demo.processes import Start
from huntlake.demo.rhythm import HOUR, MINUTE, SECOND, Calendar
from huntlake.demo.signins import location_details
from huntlake.demo.truth import Step, TruthRow
from huntlake.demo.world import World, report_ids

# What tells one row of a table from all others.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "SigninLogs": ("Id",),
    "AADNonInteractiveUserSignInLogs": ("Id",),
    "AuditLogs": ("Id",),
    "OfficeActivity": ("OfficeId",),
    "EmailEvents": ("NetworkMessageId",),
    "EmailUrlInfo": ("NetworkMessageId",),
    "EmailAttachmentInfo": ("NetworkMessageId",),
    "UrlClickEvents": ("ReportId",),
    "AzureActivity": ("EventDataId",),
    "SecurityEvent": ("EventOriginId",),
    "DnsEvents": ("TimeGenerated", "ClientIP", "Name"),
    "CommonSecurityLog": ("TimeGenerated", "SourceIP", "DestinationIP"),
}
_ENDPOINT_KEYS = ("DeviceId", "ReportId", "TimeGenerated")

# Columns with an id of the row's own, which no two rows share.
_FRESH: Mapping[str, tuple[str, ...]] = {
    "SigninLogs": ("Id", "CorrelationId", "OriginalRequestId", "UniqueTokenIdentifier"),
    "AADNonInteractiveUserSignInLogs": ("Id", "CorrelationId", "OriginalRequestId", "UniqueTokenIdentifier"),
    "AuditLogs": ("Id", "CorrelationId"),
    "OfficeActivity": ("OfficeId",),
    "EmailEvents": ("ReportId",),
    "EmailUrlInfo": ("ReportId",),
    "EmailAttachmentInfo": ("ReportId",),
    "UrlClickEvents": ("ReportId",),
    "AzureActivity": ("EventDataId", "CorrelationId", "OperationId"),
    "SecurityEvent": ("EventOriginId",),
}


@dataclass(frozen=True)
class Event:
    """One thing that happens, once or repeatedly: what attack.yaml says, and when."""

    step: int
    number: int
    times: tuple[int, ...]
    what: Settings


@dataclass
class Story:
    """The attack with its times. `rows` and `alerts` write it; `steps` is the truth once they have."""

    company: Company
    facts: Settings
    events: Sequence[Event]
    dice: Dice
    found: dict[int, list[TruthRow]] = field(default_factory=dict)
    moments: dict[int, list[int]] = field(default_factory=dict)

    @cached_property
    def starts(self) -> list[Start]:
        """The processes that the attack starts, in the order of the file."""
        return [self._start(e) for e in self.events if "process" in e.what]

    def _start(self, e: Event) -> Start:
        what, company = e.what, self.company
        program = company.program_index[what["program"]]
        command = self._text(what["command"].replace("{path}", company.programs[program].path))
        return Start(
            what["process"],
            company.machine_index[what["machine"].lower()],
            company.account_index[what["account"].lower()],
            program,
            command,
            what.get("integrity", "Medium"),
            e.times[0],
            what["parent"],
        )

    def note_processes(self, world: World) -> None:
        """Put the rows that the started processes have into the truth."""
        for e in self.events:
            if "process" not in e.what:
                continue
            q = world.ledger.by_story[e.what["process"]]
            machine, at = int(world.ledger.machine[q]), int(world.ledger.at[q])
            place = self.company.machines[machine]
            number = int(report_ids(np.array([machine]), np.array([at]))[0])
            key = {"DeviceId": place.device_id, "ReportId": number, "TimeGenerated": moment(at)}
            self._note(e.step, at, "DeviceProcessEvents", key)
            if place.person < 0:
                pid = hex(int(world.ledger.pid[q]))
                key = {"Computer": place.fqdn, "EventID": 4688, "NewProcessId": pid, "TimeGenerated": moment(at)}
                self._note(e.step, at, "SecurityEvent", key)

    def rows(self, world: World, table: str, parts: Sequence[Any]) -> Iterator[Any]:
        """The attack's rows of one table, given the rows of ordinary business."""
        schema = pa.unify_schemas([p.schema for p in parts], promote_options="default")
        for e in self.events:
            if e.what.get("table") != table:
                continue
            base = None if "by" in e.what else _like(parts, self._value(e.what["like"]), e)
            rows = []
            for nth, at in enumerate(e.times, start=1):
                own = self._endpoint_row(world, e, at) if base is None else dict(base)
                row = self._row(e, table, nth, at, own)
                rows.append(row)
                keys = _KEYS.get(table, _ENDPOINT_KEYS)
                self._note(e.step, at, table, {k: row[k] for k in keys})
            yield _typed(rows, schema)

    def alerts(self) -> list[Alert]:
        """What the products noticed of it; enough to be warned, not enough to be told."""
        alerts = []
        for e in self.events:
            if "alert" not in e.what:
                continue
            a = self._value(e.what["alert"])
            id = stable_guid("alert", self.facts["steps"][e.step]["id"])
            alerts.append(
                Alert(
                    e.times[0], id, a["title"], a["severity"], a["category"], a["techniques"], a["service"],
                    a["detection"], f"attack-{a['incident']}", a["evidence"], closed=False,
                )
            )  # fmt: skip
            self._note(e.step, e.times[0], "AlertInfo", {"AlertId": id})
            self._note(e.step, e.times[0], "AlertEvidence", {"AlertId": id})
        return alerts

    def steps(self) -> tuple[Step, ...]:
        """The truth: each step with its times and the keys of its rows."""
        return tuple(
            Step(
                id=s["id"],
                title=s["title"],
                tactic=s["tactic"],
                technique=s["technique"],
                begin=moment(min(self.moments[i])),
                end=moment(max(self.moments[i])),
                rows=tuple(self.found[i]),
            )
            for i, s in enumerate(self.facts["steps"])
        )

    def _note(self, step: int, at: int, table: str, key: Mapping[str, Any]) -> None:
        self.found.setdefault(step, []).append(TruthRow(table, dict(key)))
        self.moments.setdefault(step, []).append(at)

    def _row(self, e: Event, table: str, nth: int, at: int, base: dict[str, Any]) -> dict[str, Any]:
        then = base["TimeGenerated"]
        now = moment(at)
        for name, value in base.items():
            # Initiating processes keep the times they have; all else happens now.
            if isinstance(value, datetime) and not name.startswith("InitiatingProcess"):
                base[name] = now + (value - then)
        for name in _FRESH.get(table, ()):
            base[name] = stable_guid("row", str(self.dice.named(e.step, e.number, nth, name).bits(1)[0]))
        for name, value in e.what["set"].items():
            filled = self._value(value)
            if isinstance(filled, str):
                filled = filled.replace("{nth}", str(nth))
            base[name] = json.dumps(filled, separators=(",", ":")) if isinstance(filled, dict | list) else filled
        return base

    def _endpoint_row(self, world: World, e: Event, at: int) -> dict[str, Any]:
        process = np.array([_process(world, str(e.what["by"]), at)])
        machine = world.ledger.machine[process]
        when = np.array([at])
        columns = {**event_columns(world, machine, when), **initiating_columns(world, process)}
        if e.what["table"] == "DeviceEvents":
            columns = without_integrity(columns)
        row: dict[str, Any] = arrow_table(columns, 1).to_pylist()[0]
        return row

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {k: self._value(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self._value(v) for v in value]
        return value

    def _text(self, text: str) -> str:
        return _PLACEHOLDER.sub(lambda m: _FILLERS[m[1]](self.company, m[2]), text)


def load_story(company: Company, calendar: Calendar, dice: Dice) -> Story:
    """The attack, laid on the last working days that are over, its last night included."""
    facts = settings("demo/attack.yaml")
    zone = facts["zone"]
    # The night after the last day ends at half past three; six in the evening counts as a day's end.
    days = calendar.working_days(zone, calendar.end - 9 * HOUR - 30 * MINUTE)[: facts["days"]][::-1]
    if len(days) < facts["days"] or calendar.local(zone, days[0], 0) < calendar.start:
        raise Invalid(f"the story takes {facts['days']} working days: give it at least 8 days")
    events = []
    for i, step in enumerate(facts["steps"]):
        for j, what in enumerate(step["events"]):
            day, _, clock = what["at"].partition(" ")
            first = calendar.local(zone, days[int(day) - 1], _clock(clock))
            events.append(Event(i, j, _times(first, what.get("repeat"), dice.named("times", i, j)), what))
    return Story(company, facts, events, dice.named("rows"))


def _clock(text: str) -> int:
    hours, minutes, seconds = map(int, text.split(":"))
    return hours * HOUR + minutes * MINUTE + seconds * SECOND


def _times(first: int, repeat: Settings | None, dice: Dice) -> tuple[int, ...]:
    if repeat is None:
        return (first + int(dice.below(1, SECOND)[0]),)
    every, jitter = _clock(repeat["every"]), int(repeat.get("jitter", 8)) * SECOND
    late = np.sort(dice.below(repeat["count"], jitter)) if not every else dice.below(repeat["count"], jitter)
    return tuple(first + i * every + int(x) for i, x in enumerate(late))


def _like(parts: Sequence[Any], wanted: Mapping[str, Any], e: Event) -> dict[str, Any]:
    """The first row of ordinary business that has the wanted values."""
    for part in parts:
        if not set(wanted) <= set(part.column_names):
            continue
        keep = None
        for name, value in wanted.items():
            same = pc.equal(part[name], pa.scalar(value, part.schema.field(name).type))
            keep = same if keep is None else pc.and_(keep, same)
        at = pc.index(keep, True).as_py()
        if at >= 0:
            row: dict[str, Any] = part.slice(at, 1).to_pylist()[0]
            return row
    raise LookupError(f"no row of {e.what['table']} is like {wanted}")


def _typed(rows: Sequence[Mapping[str, Any]], schema: Any) -> Any:
    columns = {}
    for name in dict.fromkeys(n for r in rows for n in r):
        at = schema.get_field_index(name)
        columns[name] = pa.array([r[name] for r in rows], schema.field(at).type if at >= 0 else None)
    return pa.table(columns)


def _process(world: World, by: str, at: int) -> int:
    """A process of the story by its name, or `entry@machine`: the latest of an entry of processes.yaml."""
    if by in world.ledger.by_story:
        return world.ledger.by_story[by]
    entry, _, machine = by.partition("@")
    ids = [t.id for t in world.templates]
    ledger, index = world.ledger, world.company.machine_index[machine.lower()]
    there = np.flatnonzero((ledger.template == ids.index(entry)) & (ledger.machine == index) & (ledger.at < at))
    if not len(there):
        raise LookupError(f"no process `{by}` runs when the story needs it")
    return int(there[np.argmax(ledger.at[there])])


def _initiated(company: Company, text: str) -> str:
    upn, address = text.split()
    return initiated_by_user(upn, stable_guid(upn), address)


_PLACEHOLDER = re.compile(r"\{(\w+) ([^{}]+)\}")
_FILLERS: Mapping[str, Callable[[Company, str], str]] = {
    "oid": lambda company, upn: stable_guid(upn),
    "guid": lambda company, name: stable_guid("attack", name),
    "sid": lambda company, sam: company.accounts[company.account_index[sam]].sid,
    "place": lambda company, address: location_details(company.place(address)),
    "fqdn": lambda company, name: company.machines[company.machine_index[name.lower()]].fqdn,
    "device": lambda company, name: company.machines[company.machine_index[name.lower()]].device_id,
    "deviceid36": lambda company, name: company.machines[company.machine_index[name.lower()]].device_id[:36],
    "sha256": lambda company, id: company.programs[company.program_index[id]].sha256,
    "sha1": lambda company, id: company.programs[company.program_index[id]].sha1,
    "md5": lambda company, id: company.programs[company.program_index[id]].md5,
    "digest": lambda company, name: sha256(name.encode()).hexdigest(),
    "encoded": lambda company, script: b64encode(script.encode("utf-16-le")).decode(),
    "initiated": _initiated,
}
