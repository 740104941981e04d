"""What the network saw: the firewalls, and the name servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from huntlake.demo.columns import Columns, ints, longs, pick, table, times
from huntlake.demo.company import records, stable_guid
from huntlake.demo.dice import Dice, Longs
from huntlake.demo.rhythm import HOUR, SECOND
from huntlake.demo.world import World

STRANGERS = (
    "203.0.113.5",
    "203.0.113.9",
    "203.0.113.14",
    "203.0.113.21",
    "203.0.113.40",
    "203.0.113.44",
    "203.0.113.57",
    "203.0.113.130",
)
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
            "SourceTranslatedAddress": pick(
                [str(company.office(m.office)["egress"]) for m in company.machines], machine
            ),
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
            "SourceIP": pick(STRANGERS, dice.below(count, len(STRANGERS))),
            "SourcePort": ints(30000 + dice.below(count, 30000)),
            "DestinationIP": pick([str(o["egress"]) for o in offices], office),
            "DestinationPort": ints(port),
            "Protocol": "tcp",
            "ApplicationProtocol": "not-applicable",
            "DeviceInboundInterface": "ethernet1/1",
            "DeviceCustomString1": "interzone-default",
            "DeviceCustomString1Label": "Rule",
            "DeviceCustomString2": pick(
                ("", "ZGrab Application Layer Scanner Detection(57955)"), threat.astype(np.int64)
            ),
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
