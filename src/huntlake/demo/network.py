"""What the network saw: the firewall, the name servers, the Linux machines, and the pulse of every server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from huntlake.demo.columns import Columns, distinct, guids, ints, longs, pick, table, times
from huntlake.demo.company import records, stable_guid
from huntlake.demo.dice import Dice, Longs
from huntlake.demo.rhythm import HOUR, MINUTE, SECOND
from huntlake.demo.world import World

_STRANGERS = ("203.0.113.5", "203.0.113.9", "203.0.113.14", "203.0.113.21", "203.0.113.40", "203.0.113.44", "203.0.113.57", "203.0.113.130")
_APPLICATIONS = {443: "ssl", 80: "web-browsing", 53: "dns", 3481: "ms-teams", 22: "ssh"}


def firewall(world: World) -> Iterator[Any]:
    """CommonSecurityLog: the traffic and threat logs of three firewalls, in the common event format."""
    dice = world.dice.named("CommonSecurityLog")
    company, shifts = world.company, world.shifts
    outside = [d for d in records("demo/destinations.csv") if not d["address"].startswith("10.")]
    weights = [{"office": 5.0, "web": 3.0, "saas": 2.0}.get(d["group"], 0.6) for d in outside]
    shift, at = shifts.moments(dice, np.where(shifts.remote, 0.0, 17.0))
    count, person = len(at), shifts.person[shift]
    to = dice.pick(count, weights)
    office = [company.office(p.office) for p in company.people]
    sent = 400 + dice.below(count, 9000)
    yield table(
        {
            **_event(world, dice.named("out"), at, [o["firewall"] for o in office], person, "TRAFFIC", "end"),
            "DeviceAction": "allow",
            "SimplifiedDeviceAction": "allow",
            "SourceIP": pick(world.address, person),
            "SourcePort": ints(49152 + dice.below(count, 16000)),
            "SourceUserName": pick([f"korenwolf\\{p.sam}" for p in company.people], person),
            "SourceTranslatedAddress": pick([str(o["egress"]) for o in office], person),
            "DestinationIP": pick([d["address"] for d in outside], to),
            "DestinationPort": ints(np.array([int(d["port"]) for d in outside])[to]),
            "DestinationHostName": pick([d["host"] for d in outside], to),
            "Protocol": pick([d["protocol"].lower() for d in outside], to),
            "ApplicationProtocol": pick([_APPLICATIONS[int(d["port"])] for d in outside], to),
            "DeviceInboundInterface": "ethernet1/2",
            "DeviceOutboundInterface": "ethernet1/1",
            "DeviceCustomString1": "allow-outbound-web",
            "DeviceCustomString1Label": "Rule",
            "CommunicationDirection": "Outbound",
            "SentBytes": longs(sent),
            "ReceivedBytes": longs(sent * (1 + dice.below(count, 24))),
            "Reason": pick(("tcp-fin", "aged-out", "tcp-rst-from-client"), dice.pick(count, [7, 2, 1])),
        },
        count,
    )
    yield _servers(world, dice.named("servers"))
    yield _knocking(world, dice.named("knocking"))


def _event(world: World, dice: Dice, at: Longs, names: list[str], device: Longs, kind: str, activity: str) -> Columns:
    return {
        "TimeGenerated": times(at),
        "StartTime": times(at - 2 * SECOND),
        "EndTime": times(at),
        "DeviceVendor": "Palo Alto Networks",
        "DeviceProduct": "PAN-OS",
        "DeviceVersion": "11.1.4",
        "DeviceEventClassID": activity,
        "Activity": kind,
        "DeviceEventCategory": kind.lower(),
        "DeviceName": pick(names, device),
        "Computer": pick(names, device),
        "DeviceExternalID": pick([stable_guid("firewall", n)[:12].replace("-", "") for n in names], device),
        # A sequence number per log, as the firewall counts: this one counts milliseconds.
        "ExternalID": ints((at // 1000 - world.calendar.start // 1000 + dice.below(len(at), 997)) % 2_000_000_000),
        "LogSeverity": "1",
        "EventCount": ints(np.ones(len(at))),
        "CollectorHostName": "rtm-lnx-log01",
    }


def _servers(world: World, dice: Dice) -> Any:
    """Servers that talk to the cloud by night and by day."""
    company = world.company
    sources = [i for i, m in enumerate(company.machines) if m.person < 0]
    parts = [world.calendar.spread(dice.named(company.machines[i].name), 18.0) for i in sources]
    # The nightly copy to the cloud: large, regular, and to one place.
    backup = company.machine_index["rtm-bkp01"]
    nightly = []
    for day, midnight in enumerate(world.calendar.midnights[0]):
        nightly.append(int(midnight) + 2 * HOUR + np.sort(dice.named("night", day).below(14, 3 * HOUR)))
    copied = np.concatenate(nightly)
    at = np.concatenate([*parts, copied])
    machine = np.concatenate([np.repeat(sources, [len(p) for p in parts]), np.full(len(copied), backup)])
    large = np.arange(len(at)) >= len(at) - len(copied)
    count = len(at)
    hosts = ("fe3.delivery.mp.microsoft.com", "graph.microsoft.com", "korenwolfbackup.blob.storage.example")
    to = np.where(large, 2, dice.below(count, 2))
    sent = np.where(large, 900_000_000 + dice.below(count, 600_000_000), 2000 + dice.below(count, 40_000))
    names = [company.office(m.office)["firewall"] for m in company.machines]
    return table(
        {
            **_event(world, dice, at, names, machine, "TRAFFIC", "end"),
            "DeviceAction": "allow",
            "SimplifiedDeviceAction": "allow",
            "SourceIP": pick(world.address, machine),
            "SourcePort": ints(49152 + dice.below(count, 16000)),
            "SourceTranslatedAddress": pick([str(company.office(m.office)["egress"]) for m in company.machines], machine),
            "DestinationIP": pick(("192.0.2.24", "192.0.2.16", "192.0.2.172"), to),
            "DestinationPort": ints(np.full(count, 443)),
            "DestinationHostName": pick(hosts, to),
            "Protocol": "tcp",
            "ApplicationProtocol": "ssl",
            "DeviceInboundInterface": "ethernet1/3",
            "DeviceOutboundInterface": "ethernet1/1",
            "DeviceCustomString1": "allow-servers-out",
            "DeviceCustomString1Label": "Rule",
            "CommunicationDirection": "Outbound",
            "SentBytes": longs(sent),
            "ReceivedBytes": longs(3000 + dice.below(count, 90_000)),
            "Reason": "tcp-fin",
        },
        count,
    )


def _knocking(world: World, dice: Dice) -> Any:
    """The noise of the internet: probes from outside, all of them dropped, some of them named as a threat."""
    at = world.calendar.spread(dice, 420.0)
    count = len(at)
    offices = list(world.company.facts["offices"].values())
    office = dice.pick(count, [5, 3, 2])
    port = np.array([22, 23, 80, 443, 445, 1433, 3389, 5060, 8080])[dice.below(count, 9)]
    threat = dice.chance(count, 0.08)
    return table(
        {
            **_event(world, dice, at, [o["firewall"] for o in offices], office, "TRAFFIC", "drop"),
            "Activity": pick(("TRAFFIC", "THREAT"), threat.astype(np.int64)),
            "DeviceEventClassID": pick(("drop", "vulnerability"), threat.astype(np.int64)),
            "LogSeverity": pick(("1", "4"), threat.astype(np.int64)),
            "DeviceAction": pick(("drop", "reset-both"), threat.astype(np.int64)),
            "SimplifiedDeviceAction": "deny",
            "SourceIP": pick(_STRANGERS, dice.below(count, len(_STRANGERS))),
            "SourcePort": ints(30000 + dice.below(count, 30000)),
            "DestinationIP": pick([str(o["egress"]) for o in offices], office),
            "DestinationPort": ints(port),
            "Protocol": "tcp",
            "ApplicationProtocol": "not-applicable",
            "DeviceInboundInterface": "ethernet1/1",
            "DeviceCustomString1": "interzone-default",
            "DeviceCustomString1Label": "Rule",
            "DeviceCustomString2": pick(("", "ZGrab Application Layer Scanner Detection(57955)"), threat.astype(np.int64)),
            "CommunicationDirection": "Inbound",
            "SentBytes": longs(np.full(count, 60)),
            "ReceivedBytes": longs(np.zeros(count)),
            "Reason": "policy-deny",
        },
        count,
    )


def dns(world: World) -> Iterator[Any]:
    """DnsEvents: questions that machines ask the domain controllers."""
    dice = world.dice.named("DnsEvents")
    company, shifts = world.company, world.shifts
    shift, at = shifts.moments(dice, np.where(shifts.remote, 3.0, 13.0))
    count, person = len(at), shifts.person[shift]
    asked = [d for d in records("demo/destinations.csv") if d["host"]]
    which = dice.below(count, len(asked))
    resolvers = [f"{company.office(p.office)['resolver']}.{company.facts['ad_domain']}" for p in company.people]
    missing = dice.chance(count, 0.03)
    stray = [f"{n}.{company.facts['ad_domain']}" for n in ("wpad", "isatap", "old-print01")]
    yield table(
        {
            "TimeGenerated": times(at),
            "Computer": pick(resolvers, person),
            "ClientIP": pick(world.address, person),
            "Name": pick([*(d["host"] for d in asked), *stray], np.where(missing, len(asked) + which % 3, which)),
            "IPAddresses": pick([*(d["address"] for d in asked), ""], np.where(missing, len(asked), which)),
            "QueryType": pick(("A", "AAAA", "HTTPS"), dice.pick(count, [8, 2, 1])),
            "EventId": ints(np.full(count, 256)),
            "SubType": "LookupQuery",
            "TaskCategory": "LOOK_UP",
            "Result": pick(("Success", "NXDOMAIN"), missing.astype(np.int64)),
            "ResultCode": ints(np.where(missing, 3, 0)),
            "Severity": ints(np.zeros(count)),
        },
        count,
    )


def syslog(world: World) -> Iterator[Any]:
    """Syslog: what the Linux servers say: cron, sshd, sudo, and strangers at the door."""
    company = world.company
    hosts = [i for i, m in enumerate(company.machines) if not m.windows]
    for process, facility, severity, rate, messages in _LINES:
        dice = world.dice.named("Syslog", process, messages[0])
        parts = [world.calendar.spread(dice.named(h), rate) for h in hosts]
        at = np.concatenate(parts)
        machine = np.repeat(hosts, [len(p) for p in parts])
        count = len(at)
        which, number = dice.below(count, len(messages)), dice.below(count, 5000)
        technicians = [p.sam for p in company.people if p.department == "IT"]

        def message(w: int, n: int, messages: tuple[str, ...] = messages, users: list[str] = technicians) -> str:
            user, port = users[n % len(users)], 32768 + n * 5
            stranger, guess = _STRANGERS[n % 8], ("admin", "oracle", "test", "ubuntu", "git")[n % 5]
            values = {"user": user, "port": port, "n": n, "stranger": stranger, "guess": guess, "uid": 1000 + n % 9}
            return messages[w].format(**values)

        yield table(
            {
                "TimeGenerated": times(at),
                "EventTime": times(at - at % SECOND),
                "Computer": pick([m.name for m in company.machines], machine),
                "HostName": pick([m.name for m in company.machines], machine),
                "HostIP": pick(world.address, machine),
                "Facility": facility,
                "SeverityLevel": severity,
                "ProcessName": process,
                "ProcessID": ints(800 + dice.below(count, 60_000)),
                "SyslogMessage": distinct((which, number), message),
                "CollectorHostName": "rtm-lnx-log01",
            },
            count,
        )


_LINES: list[tuple[str, str, str, float, tuple[str, ...]]] = [
    ("CRON", "cron", "info", 40.0, ("(root) CMD (   cd / && run-parts --report /etc/cron.hourly)", "(www-data) CMD (/usr/local/bin/rotate-waybills)", "pam_unix(cron:session): session opened for user root(uid=0) by root(uid=0)")),
    ("systemd", "daemon", "info", 22.0, ("Started Session {n} of User {user}.", "apt-daily.service: Deactivated successfully.", "Starting Daily apt download activities...")),
    ("sshd", "auth", "info", 5.0, ("Accepted publickey for {user} from 10.20.5.41 port {port} ssh2: ED25519 SHA256:k{n}q7Zr8", "Connection closed by 10.20.5.41 port {port}")),
    ("sshd", "authpriv", "notice", 16.0, ("Failed password for invalid user {guess} from {stranger} port {port} ssh2", "Invalid user {guess} from {stranger} port {port}", "Connection closed by authenticating user root {stranger} port {port} [preauth]")),
    ("sudo", "authpriv", "notice", 3.0, ("{user} : TTY=pts/0 ; PWD=/home/{user} ; USER=root ; COMMAND=/usr/bin/systemctl restart waybill", "{user} : TTY=pts/1 ; PWD=/home/{user} ; USER=root ; COMMAND=/usr/bin/apt-get upgrade")),
    ("kernel", "kern", "warning", 4.0, ("[UFW BLOCK] IN=ens192 OUT= SRC={stranger} DST=10.20.5.11 LEN=40 PROTO=TCP SPT={port} DPT=23",)),
    ("postgres", "local0", "info", 8.0, ("checkpoint complete: wrote {n} buffers (2.1%)", "automatic vacuum of table \"waybill.public.legs\": index scans: 1")),
    ("nginx", "local7", "info", 14.0, ("10.20.1.40 - - \"GET /api/v2/waybills/{n} HTTP/1.1\" 200 1843", "198.51.100.4 - - \"POST /api/v2/positions HTTP/1.1\" 201 0")),
]


def heartbeat(world: World) -> Iterator[Any]:
    """Heartbeat: every server's agent, every half hour."""
    company = world.company
    servers = [i for i, m in enumerate(company.machines) if m.person < 0]
    beats = np.arange(world.calendar.start, world.calendar.end, 30 * MINUTE, dtype=np.int64)
    machine = np.repeat(servers, len(beats))
    at = np.tile(beats, len(servers)) + machine * 7 * SECOND + 1_000_003 * (machine % 13)
    machines = company.machines
    places = [company.office(m.office) for m in machines]
    versions = {"WindowsServer2022": ("10", "0", "Windows Server 2022 Standard"), "WindowsServer2019": ("10", "0", "Windows Server 2019 Standard")}
    systems = [versions.get(m.os, ("22", "04", "Ubuntu")) for m in machines]
    count = len(at)
    yield table(
        {
            "TimeGenerated": times(at),
            "Computer": pick([m.fqdn if m.windows else m.name for m in machines], machine),
            "Category": pick(["Azure Monitor Agent"], np.zeros(count, dtype=np.int64)),
            "ComputerEnvironment": "Non-Azure",
            "ComputerIP": pick([str(p["egress"]) for p in places], machine),
            "ComputerPrivateIPs": pick([f'["{m.address}"]' for m in machines], machine),
            "OSType": pick(["Windows" if m.windows else "Linux" for m in machines], machine),
            "OSName": pick([s[2] for s in systems], machine),
            "OSMajorVersion": pick([s[0] for s in systems], machine),
            "OSMinorVersion": pick([s[1] for s in systems], machine),
            "RemoteIPCountry": pick([str(p["country"]) for p in places], machine),
            "RemoteIPLatitude": pa.array(np.array([float(p["latitude"]) for p in places])[machine]),
            "RemoteIPLongitude": pa.array(np.array([float(p["longitude"]) for p in places])[machine]),
            "IsGatewayInstalled": False,
            "SCAgentChannel": "Direct",
            "Solutions": "security",
            "Version": "1.30.3.0",
            "VMUUID": pick([stable_guid("vm", m.fqdn) for m in machines], machine),
        },
        count,
    )


def cloud(world: World) -> Iterator[Any]:
    """AzureActivity: what people and pipelines do to the company's subscription."""
    dice = world.dice.named("AzureActivity")
    company, shifts = world.company, world.shifts
    subscription = str(company.facts["subscription_id"])
    groups = company.facts["subscriptions_resource_groups"]
    engineer = company.accounts[company.account_index["adm-lbrouwer"]]
    pipeline = company.facts["service_principals"][3]
    _, by_day = shifts.moments(dice, np.where(shifts.person == engineer.person, 22.0, 0.0))
    by_pipeline = world.calendar.spread(dice.named("pipeline"), 60.0, weekend=0.15)
    at = np.concatenate([by_day, by_pipeline])
    person = np.arange(len(at)) < len(by_day)
    count = len(at)
    operation = dice.pick(count, [o[1] for o in _CLOUD])
    group = dice.below(count, len(groups))
    outcome = dice.pick(count, [90, 4, 6])
    addresses = (str(company.office("rotterdam")["egress"]), str(pipeline["address"]))

    def resource(o: int, g: int) -> str:
        provider, kind = _CLOUD[o][0].split("/")[:2]
        name = f"kw{kind[:6].lower()}{g}"
        return f"/subscriptions/{subscription}/resourceGroups/{groups[g]}/providers/{provider}/{kind}/{name}"

    claims = [
        f'{{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn":"{engineer.upn}","ipaddr":"{addresses[0]}"}}',
        f'{{"appid":"{pipeline["id"]}","idtyp":"app"}}',
    ]
    who = (~person).astype(np.int64)
    levels = ("Informational", "Informational", "Error")
    yield table(
        {
            "TimeGenerated": times(at),
            "EventSubmissionTimestamp": times(at + 40 * SECOND),
            "OperationNameValue": pick([o[0].upper() for o in _CLOUD], operation),
            "OperationName": pick([o[2] for o in _CLOUD], operation),
            "ActivityStatusValue": pick(("Success", "Start", "Failure"), outcome),
            "ActivityStatus": pick(("Succeeded", "Started", "Failed"), outcome),
            "ActivitySubstatusValue": pick(("OK", "", "Forbidden"), outcome),
            "Level": pick(levels, outcome),
            "Category": "Administrative",
            "CategoryValue": "Administrative",
            "Caller": pick((engineer.upn, str(pipeline["object"])), who),
            "CallerIpAddress": pick(addresses, who),
            "Claims": pick(claims, who),
            "Claims_d": pick(claims, who),
            "Authorization": distinct((operation, group), lambda o, g: f'{{"action":"{_CLOUD[o][0]}","scope":"{resource(o, g)}"}}'),
            "CorrelationId": guids(dice.named("correlation"), count),
            "OperationId": guids(dice.named("operation"), count),
            "EventDataId": guids(dice.named("event"), count),
            "ResourceGroup": pick([g.upper() for g in groups], group),
            "ResourceProviderValue": pick([o[0].split("/")[0].upper() for o in _CLOUD], operation),
            "ResourceId": distinct((operation, group), resource),
            "_ResourceId": distinct((operation, group), lambda o, g: resource(o, g).lower()),
            "SubscriptionId": subscription,
            "Hierarchy": f"{company.tenant}/{subscription}",
        },
        count,
    )


_CLOUD = [
    ("Microsoft.Resources/deployments/write", 8.0, "Create Deployment"),
    ("Microsoft.Compute/virtualMachines/start/action", 2.0, "Start Virtual Machine"),
    ("Microsoft.Compute/virtualMachines/deallocate/action", 2.0, "Deallocate Virtual Machine"),
    ("Microsoft.Storage/storageAccounts/listKeys/action", 4.0, "List Storage Account Keys"),
    ("Microsoft.Storage/storageAccounts/write", 2.0, "Create/Update Storage Account"),
    ("Microsoft.Network/networkSecurityGroups/securityRules/write", 1.0, "Create or Update Security Rule"),
    ("Microsoft.KeyVault/vaults/write", 0.6, "Update Key Vault"),
    ("Microsoft.Web/sites/write", 3.0, "Update website"),
    ("Microsoft.Insights/diagnosticSettings/write", 1.0, "Create or update resource diagnostic setting"),
    ("Microsoft.Authorization/roleAssignments/write", 0.15, "Create role assignment"),
]
