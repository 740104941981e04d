"""Microsoft Defender ATP: machines, what is asked for on them, alerts, and hunting, over the tables of this house.

Nothing here touches a machine: an action goes into the ledger of actions, and a person, or an executor that a person
has configured, takes it from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from huntlake.core.errors import Invalid, NotFound
from huntlake.detection.alerts import Alert, AlertComment, AlertStatus
from huntlake.detection.defender_alerts import alert_shown
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors.asking import Period, rows
from huntlake.playbooks.connectors.connector import Asked, Connector, Effect, Operation
from huntlake.playbooks.connectors.house import House, fields, name_for, wanted
from huntlake.playbooks.machine_actions import ActionType, MachineAction
from huntlake.playbooks.machines import MACHINES, action_shown
from huntlake.state.documents import Document
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer
from huntlake.workspace.workspaces import Workspace

MOST_ROWS = 10_000
LONGEST_COMMENT = 4000


@dataclass(frozen=True)
class _Kind:
    """An action on a machine: what a body says beside the comment, and with which values."""

    id: str
    path: str
    type: ActionType
    effect: Effect
    summary: str
    field: str = ""
    values: tuple[str, ...] = ()


_KINDS = (
    _Kind(
        "IsolateMachine",
        "isolate",
        ActionType.ISOLATE,
        Effect.CONTAIN,
        "Part a machine from the network.",
        "IsolationType",
        ("Full", "Selective"),
    ),
    _Kind("UnisolateMachine", "unisolate", ActionType.UNISOLATE, Effect.WRITE, "Let a machine back into the network."),
    _Kind(
        "RunAntivirusScan",
        "runAntiVirusScan",
        ActionType.SCAN,
        Effect.WRITE,
        "Scan a machine.",
        "ScanType",
        ("Quick", "Full"),
    ),
    _Kind(
        "CollectInvestigationPackage",
        "collectInvestigationPackage",
        ActionType.COLLECT,
        Effect.WRITE,
        "Collect what an investigation needs from a machine.",
    ),
    _Kind(
        "RestrictAppExecution",
        "restrictCodeExecution",
        ActionType.RESTRICT,
        Effect.CONTAIN,
        "Let a machine run only what Microsoft has signed.",
    ),
    _Kind(
        "UnrestrictAppExecution",
        "unrestrictCodeExecution",
        ActionType.UNRESTRICT,
        Effect.WRITE,
        "Let a machine run everything again.",
    ),
    _Kind(
        "StopAndQuarantineFile",
        "StopAndQuarantineFile",
        ActionType.QUARANTINE,
        Effect.CONTAIN,
        "Stop a file on a machine, and put it away.",
        "Sha1",
    ),
)

_SHA1 = re.compile(r"[0-9a-fA-F]{40}")
_PART = re.compile(r"\s*(\w+)\s+(eq|ne)\s+('(?:[^']|'')*'|\w+)\s*(?:\band\b|$)", re.IGNORECASE)
_STATS = {
    "file": (
        "union DeviceFileEvents, DeviceProcessEvents, DeviceImageLoadEvents, DeviceEvents\n"
        "| where SHA1 =~ wanted or SHA256 =~ wanted or MD5 =~ wanted",
        "sha1 = take_any(SHA1), topFileNames = make_set(FileName, 10), ",
    ),
    "ip": ("union DeviceNetworkEvents, DeviceEvents\n| where RemoteIP == wanted or LocalIP == wanted", ""),
    "domain": (
        "union DeviceNetworkEvents, DeviceEvents\n"
        "| extend url = iff(RemoteUrl contains '://', RemoteUrl, strcat('http://', RemoteUrl))\n"
        "| extend host = tostring(parse_url(url).Host)\n"
        "| where host =~ wanted or host endswith strcat('.', wanted)",
        "",
    ),
}


def wdatp(house: House) -> Connector:
    """The connector over the devices of this house."""
    defender, read, write = _Defender(house), Effect.READ, Effect.WRITE
    machine, action = "/api/machines/{machine}", "/api/machineactions/{action}"
    return Connector(
        "wdatp",
        "Microsoft Defender ATP",
        (
            Operation(
                "AdvancedHunting", "POST", "/api/advancedqueries/run", "The rows of a query.", read, defender.hunt
            ),
            Operation("GetMachines", "GET", "/api/machines", "The machines.", read, defender.machines),
            Operation("GetSingleMachine", "GET", machine, "A machine, by its id or its name.", read, defender.machine),
            *(
                Operation(
                    kind.id,
                    "POST",
                    f"{machine}/{kind.path}",
                    kind.summary,
                    kind.effect,
                    defender.acting(kind),
                    defender.would_act(kind),
                )
                for kind in _KINDS
            ),
            Operation("GetMachineActions", "GET", "/api/machineactions", "What was asked for.", read, defender.actions),
            Operation("GetSingleMachineAction", "GET", action, "How far an action is.", read, defender.action),
            Operation(
                "CancelSingleMachineAction",
                "POST",
                f"{action}/cancel",
                "Call an action off.",
                write,
                defender.cancel,
                defender.would_cancel,
            ),
            Operation("GetAlerts", "GET", "/api/alerts", "The alerts.", read, defender.alerts),
            Operation("GetSingleAlert", "GET", "/api/alerts/{alert}", "An alert.", read, defender.alert),
            Operation(
                "PatchAlert",
                "PATCH",
                "/api/alerts/{alert}",
                "Change an alert.",
                write,
                defender.patch,
                defender.would_patch,
                atomic=True,
                known=defender.alert,
            ),
            *(
                Operation(
                    f"Get{name}Stats",
                    "GET",
                    f"/api/{path}/{{wanted}}/stats",
                    f"On how many machines {what} was seen.",
                    read,
                    defender.stats(kind, id),
                )
                for name, path, kind, what, id in (
                    ("File", "files", "file", "a file", "sha1"),
                    ("Ip", "ips", "ip", "an address", "ipAddress"),
                    ("Domain", "domains", "domain", "a domain", "host"),
                )
            ),
        ),
        inside=True,
    )


def microsoftdefenderadvancedhunting(house: House) -> Connector:
    """Defender XDR's advanced hunting over the tables of this house."""
    hunt = _Defender(house).hunt
    return Connector(
        "microsoftdefenderadvancedhunting",
        "Microsoft Defender XDR advanced hunting",
        tuple(
            Operation(id, "POST", path, "The rows of a query.", Effect.READ, hunt)
            for id, path in (
                ("AdvancedHunting", "/api/advancedhunting/run"),
                ("AdvancedQueries", "/api/advancedqueries/run"),
            )
        ),
        inside=True,
    )


@dataclass(frozen=True)
class _Defender:
    house: House

    def hunt(self, asked: Asked) -> Answer:
        given = fields(asked, "Query", "parameters")
        workspace = self.house.workspace(asked, Action.READ)
        found = rows(self.house, asked, workspace, given.get("Query"), parameters=given.get("parameters"), objects=True)
        schema = [{"Name": c.name, "Type": c.type.value} for c in found.columns]
        stats = {"dataset_statistics": [{"table_row_count": len(found.rows)}]}
        return answer({"Stats": stats, "Schema": schema, "Results": found.rows})

    # -- machines --------------------------------------------------------------------

    def machines(self, asked: Asked) -> Answer:
        workspace = self.house.workspace(asked, Action.READ)
        options = _options(asked, "$filter", "$top", "$skip")
        where, parameters = "", {}
        for number, (name, is_equal, value) in enumerate(_filter(options.get("$filter", ""))):
            if name not in _FILTERED:
                raise Invalid(f"a filter by `{name}` is not supported; there are {', '.join(_FILTERED)}")
            parameters[f"p{number}"] = value
            where += f"| where {name} {'=~' if is_equal else '!~'} p{number}\n"
        declared = ", ".join(f"{p}:string" for p in parameters)
        head = f"declare query_parameters({declared});\n" if parameters else ""
        top, skip = _window(options)
        query = f"{head}{MACHINES}{where}| sort by id asc | take {top + skip}"
        found = rows(self.house, asked, workspace, query, parameters=parameters, objects=True)
        return answer({"value": found.rows[skip:]})

    def machine(self, asked: Asked) -> Answer:
        return answer(self._machine(asked, self.house.workspace(asked, Action.READ)))

    def _machine(self, asked: Asked, workspace: Workspace) -> dict[str, Any]:
        id = asked.arguments["machine"]
        query = (
            f"declare query_parameters(wanted:string);\n{MACHINES}"
            "| where id == wanted or computerDnsName =~ wanted\n| take 2"
        )
        found = rows(self.house, asked, workspace, query, parameters={"wanted": id}, objects=True).rows
        if not found:
            raise NotFound(f"there is no machine `{id[:100]}`")
        if len(found) > 1:
            raise Invalid(f"several machines are called `{id[:100]}`: use the id")
        return found[0]

    def acting(self, kind: _Kind) -> Callable[[Asked], Answer]:
        """What asks for such an action."""

        def act(asked: Asked) -> Answer:
            workspace, action = self._asked_for(asked, kind)
            return answer(action_shown(self.house.machine_actions.ask((workspace.name,), action)), 201)

        return act

    def would_act(self, kind: _Kind) -> Callable[[Asked], Answer]:
        """What such an action would be answered."""

        def would(asked: Asked) -> Answer:
            _, action = self._asked_for(asked, kind)
            made = replace(action, created=asked.context.now, updated=asked.context.now)
            return answer(action_shown(Document(name_for(asked), made, "")), 201)

        return would

    def _asked_for(self, asked: Asked, kind: _Kind) -> tuple[Workspace, MachineAction]:
        given = fields(asked, "Comment", "ExternalID", *filter(None, [kind.field]))
        workspace = self.house.workspace(asked, Action.RESPOND)
        comment = text(wanted(given, "Comment")).strip()
        if not comment or len(comment) > LONGEST_COMMENT:
            raise Invalid(f"a `Comment` has 1 to {LONGEST_COMMENT:,} letters")
        said = text(given.get(kind.field)) if kind.field else ""
        if kind.values:
            said = said or ("Full" if kind.field == "IsolationType" else "")
            if said not in kind.values:
                raise Invalid(f"the `{kind.field}` `{said[:40]}` is not supported; there are {', '.join(kind.values)}")
        elif kind.field and not _SHA1.fullmatch(said):
            raise Invalid("`Sha1` is not the hash of a file")
        machine = self._machine(asked, workspace)
        return workspace, MachineAction(
            type=kind.type,
            machine_id=machine["id"],
            computer_dns_name=machine["computerDnsName"],
            requestor=self.house.author(asked).name,
            comment=comment,
            scope=said if kind.values else "",
            # Asked again under the same id, it is the same action.
            external_id=text(given.get("ExternalID")) or name_for(asked),
            source="Playbook",
            sha1=said if kind.field == "Sha1" else "",
        )

    # -- actions ---------------------------------------------------------------------

    def actions(self, asked: Asked) -> Answer:
        workspace = self.house.workspace(asked, Action.READ)
        options = _options(asked, "$filter", "$top", "$skip")
        shown = [action_shown(d) for d in self.house.machine_actions.list((workspace.name,))]
        shown.sort(key=lambda a: a["creationDateTimeUtc"], reverse=True)
        return _listed(shown, options, ("id", "type", "status", "machineId", "computerDnsName", "requestor"))

    def action(self, asked: Asked) -> Answer:
        workspace = self.house.workspace(asked, Action.READ)
        return answer(action_shown(self.house.machine_actions.get((workspace.name,), asked.arguments["action"])))

    def cancel(self, asked: Asked) -> Answer:
        workspace, comment = self._cancelled(asked)
        by, id = self.house.author(asked).name, asked.arguments["action"]
        return answer(action_shown(self.house.machine_actions.cancel((workspace.name,), id, by, comment)))

    def would_cancel(self, asked: Asked) -> Answer:
        workspace, _ = self._cancelled(asked)
        return answer(action_shown(self.house.machine_actions.get((workspace.name,), asked.arguments["action"])))

    def _cancelled(self, asked: Asked) -> tuple[Workspace, str]:
        given = fields(asked, "Comment")
        return self.house.workspace(asked, Action.RESPOND), text(wanted(given, "Comment"))

    # -- alerts ----------------------------------------------------------------------

    def alerts(self, asked: Asked) -> Answer:
        owner = (self.house.workspace(asked, Action.READ).name,)
        options = _options(asked, "$filter", "$top", "$skip", "$expand")
        numbers = {d.name.lower(): d.value.number for d in self.house.detection.incidents.list(owner)}
        found = self.house.detection.alerts.list(owner)
        shown = [alert_shown(d, numbers.get(d.value.incident.lower())) for d in found]
        return _listed(shown, options, ("id", "status", "severity", "title", "category", "assignedTo", "incidentId"))

    def alert(self, asked: Asked) -> Answer:
        workspace = self.house.workspace(asked, Action.READ)
        return self._shown(workspace, self.house.detection.alerts.get((workspace.name,), asked.arguments["alert"]))

    def patch(self, asked: Asked) -> Answer:
        workspace, change = self._patch(asked)
        by, id = self.house.author(asked), asked.arguments["alert"]
        document = self.house.detection.alerts.change((workspace.name,), id, change, by, asked.done)
        return self._shown(workspace, document)

    def would_patch(self, asked: Asked) -> Answer:
        workspace, change = self._patch(asked)
        document = self.house.detection.alerts.get((workspace.name,), asked.arguments["alert"])
        return self._shown(workspace, replace(document, value=change(document.value)))

    def _patch(self, asked: Asked) -> tuple[Workspace, Callable[[Alert], Alert]]:
        given = fields(asked, "status", "assignedTo", "classification", "determination", "comment")
        workspace = self.house.workspace(asked, Action.RESPOND)
        status = text(given.get("status")).strip()
        kind = text(given.get("classification")).strip()
        if status and status not in _STATUSES:
            raise Invalid(f"the status `{status[:60]}` is not supported; there are {', '.join(_STATUSES)}")
        if kind and kind not in _CLASSIFICATIONS:
            told = ", ".join(_CLASSIFICATIONS)
            raise Invalid(f"the classification `{kind[:60]}` is not supported; there are {told}")
        comment = None
        if said := text(given.get("comment")):
            comment = AlertComment(said[:30_000], self.house.author(asked), asked.context.now)

        def changed(alert: Alert) -> Alert:
            made = replace(alert, status=_STATUSES[status]) if status else alert
            if "assignedTo" in given:
                made = replace(made, assigned_to=text(given["assignedTo"]))
            if kind:
                made = replace(made, classification=_lower(_CLASSIFICATIONS[kind]))
            if "determination" in given:
                made = replace(made, determination=_lower(text(given["determination"])))
            return replace(made, comments=(*made.comments, comment)) if comment else made

        return workspace, changed

    def _shown(self, workspace: Workspace, document: Document[Alert]) -> Answer:
        owner, name = (workspace.name,), document.value.incident
        incident = self.house.detection.incidents.find(owner, name) if name else None
        return answer(alert_shown(document, incident.value.number if incident else None))

    # -- statistics ------------------------------------------------------------------

    def stats(self, kind: str, id: str) -> Callable[[Asked], Answer]:
        """What says how often something was seen."""
        tables, more = _STATS[kind]

        def seen(asked: Asked) -> Answer:
            workspace, wanted = self.house.workspace(asked, Action.READ), asked.arguments["wanted"]
            hours = text(_options(asked, "lookBackHours").get("lookBackHours")) or "24"
            if not hours.isdecimal() or not 1 <= int(hours[:6]) <= 720:
                raise Invalid("`lookBackHours` lies between 1 and 720")
            now = asked.context.now
            query = (
                f"declare query_parameters(wanted:string);\n{tables}\n| summarize {more}devices = dcount(DeviceId), "
                "first = min(TimeGenerated), last = max(TimeGenerated)"
            )
            period = Period(now - timedelta(hours=int(hours)), now)
            parameters = {"wanted": wanted}
            (row,) = rows(self.house, asked, workspace, query, period, parameters=parameters, objects=True).rows
            told = {
                id: row.get("sha1") or wanted if kind == "file" else wanted,
                "orgPrevalence": str(row["devices"]),
                "orgFirstSeen": row["first"],
                "orgLastSeen": row["last"],
            }
            if kind == "file":
                # What the rest of the world has seen nobody here knows.
                told |= {"globalPrevalence": None, "globalFirstObserved": None, "globalLastObserved": None}
                told["topFileNames"] = row["topFileNames"]
            return answer(told)

        return seen


_FILTERED = ("id", "computerDnsName", "osPlatform", "healthStatus", "lastIpAddress", "aadDeviceId", "rbacGroupName")
_STATUSES = {"New": AlertStatus.NEW, "InProgress": AlertStatus.IN_PROGRESS, "Resolved": AlertStatus.RESOLVED}
_CLASSIFICATIONS = {
    "TruePositive": "TruePositive",
    "FalsePositive": "FalsePositive",
    "InformationalExpectedActivity": "InformationalExpectedActivity",
    "Informational, expected activity": "InformationalExpectedActivity",
}


def _options(asked: Asked, *known: str) -> dict[str, str]:
    """The parameters of the URL; `Invalid` for one that isn't known."""
    names = {name.lower(): name for name in known}
    found = {}
    for name, value in asked.queries.items():
        if name.lower() not in names:
            raise Invalid(f"`{name[:60]}` is not supported in the URL")
        found[names[name.lower()]] = text(value)
    return found


def _filter(said: str) -> list[tuple[str, bool, str]]:
    """`computerDnsName eq 'pc1' and …` as names, whether they must be equal, and values."""
    found, at = [], 0
    while at < len(said.rstrip()):
        part = _PART.match(said, at)
        if part is None:
            raise Invalid(f"the filter `{said[:200]}` is not supported: there are `eq` and `ne`, joined by `and`")
        value = part[3]
        found.append((part[1], part[2].lower() == "eq", value[1:-1].replace("''", "'") if value[0] == "'" else value))
        at = part.end()
    return found


def _window(options: Mapping[str, str]) -> tuple[int, int]:
    made = []
    for name, default in (("$top", str(MOST_ROWS)), ("$skip", "0")):
        said = options.get(name, default)
        if not said.isdecimal() or len(said) > 9:
            raise Invalid(f"`{name}` is not a number of rows")
        made.append(int(said))
    return min(made[0], MOST_ROWS), made[1]


def _listed(shown: list[dict[str, Any]], options: Mapping[str, str], filtered: tuple[str, ...]) -> Answer:
    for name, is_equal, value in _filter(options.get("$filter", "")):
        if name not in filtered:
            raise Invalid(f"a filter by `{name}` is not supported; there are {', '.join(filtered)}")
        shown = [one for one in shown if (text(one[name]).lower() == value.lower()) == is_equal]
    top, skip = _window(options)
    return answer({"value": shown[skip : skip + top]})


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
