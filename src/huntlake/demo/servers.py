"""What the servers say themselves: the Linux machines' log, and the pulse of every server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from huntlake.demo.columns import distinct, ints, pick, table, times
from huntlake.demo.company import stable_guid
from huntlake.demo.network import STRANGERS
from huntlake.demo.rhythm import MINUTE, SECOND
from huntlake.demo.world import World


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
            stranger, guess = STRANGERS[n % 8], ("admin", "oracle", "test", "ubuntu", "git")[n % 5]
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
    (
        "CRON",
        "cron",
        "info",
        40.0,
        (
            "(root) CMD (   cd / && run-parts --report /etc/cron.hourly)",
            "(www-data) CMD (/usr/local/bin/rotate-waybills)",
            "pam_unix(cron:session): session opened for user root(uid=0) by root(uid=0)",
        ),
    ),
    (
        "systemd",
        "daemon",
        "info",
        22.0,
        (
            "Started Session {n} of User {user}.",
            "apt-daily.service: Deactivated successfully.",
            "Starting Daily apt download activities...",
        ),
    ),
    (
        "sshd",
        "auth",
        "info",
        5.0,
        (
            "Accepted publickey for {user} from 10.20.5.41 port {port} ssh2: ED25519 SHA256:k{n}q7Zr8",
            "Connection closed by 10.20.5.41 port {port}",
        ),
    ),
    (
        "sshd",
        "authpriv",
        "notice",
        16.0,
        (
            "Failed password for invalid user {guess} from {stranger} port {port} ssh2",
            "Invalid user {guess} from {stranger} port {port}",
            "Connection closed by authenticating user root {stranger} port {port} [preauth]",
        ),
    ),
    (
        "sudo",
        "authpriv",
        "notice",
        3.0,
        (
            "{user} : TTY=pts/0 ; PWD=/home/{user} ; USER=root ; COMMAND=/usr/bin/systemctl restart waybill",
            "{user} : TTY=pts/1 ; PWD=/home/{user} ; USER=root ; COMMAND=/usr/bin/apt-get upgrade",
        ),
    ),
    (
        "kernel",
        "kern",
        "warning",
        4.0,
        ("[UFW BLOCK] IN=ens192 OUT= SRC={stranger} DST=10.20.5.11 LEN=40 PROTO=TCP SPT={port} DPT=23",),
    ),
    (
        "postgres",
        "local0",
        "info",
        8.0,
        (
            "checkpoint complete: wrote {n} buffers (2.1%)",
            'automatic vacuum of table "waybill.public.legs": index scans: 1',
        ),
    ),
    (
        "nginx",
        "local7",
        "info",
        14.0,
        (
            '10.20.1.40 - - "GET /api/v2/waybills/{n} HTTP/1.1" 200 1843',
            '198.51.100.4 - - "POST /api/v2/positions HTTP/1.1" 201 0',
        ),
    ),
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
    versions = {
        "WindowsServer2022": ("10", "0", "Windows Server 2022 Standard"),
        "WindowsServer2019": ("10", "0", "Windows Server 2019 Standard"),
    }
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
