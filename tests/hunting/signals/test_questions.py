"""What each question to the lake finds in rows that have it, and that it keeps quiet about what is usual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.settings import load
from huntlake.hunting.signals.lake_scans import LakeReader, LakeScan, ScanWindow, declared

from .conftest import NOW

WINDOW = ScanWindow.of(NOW - timedelta(days=2), NOW)
SCANS = {scan.id: scan for scan in (*declared("changes"), *declared("anomalies"))}
Rows = Sequence[dict[str, Any]]


def ago(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat()


def row(days: float, **cells: Any) -> dict[str, Any]:
    return {"TimeGenerated": ago(days), **cells}


def audit(days: float, operation: str, target: str, result: str = "success") -> dict[str, Any]:
    who = {"user": {"userPrincipalName": "adm@example.org", "ipAddress": "203.0.113.9"}}
    what = [{"displayName": target, "userPrincipalName": target if "@" in target else None}]
    return row(days, OperationName=operation, Result=result, InitiatedBy=who, TargetResources=what)


def azure(
    days: float, operation: str, caller: str, group: str, status: str = "Success", resource: str = ""
) -> dict[str, Any]:
    said = {"OperationNameValue": operation, "Caller": caller, "ResourceGroup": group, "_ResourceId": resource}
    return row(days, ActivityStatusValue=status, **said)


def every_day(make: Any, first: int = 3, last: int = 20) -> Rows:
    return [make(days) for days in range(first, last)]


def process(days: float, device: str, parent: str, child: str) -> dict[str, Any]:
    return row(days, DeviceName=device, InitiatingProcessFileName=parent, FileName=child, AccountName="eve")


def logon(days: float, device: str, account: str = "eve") -> dict[str, Any]:
    return row(days, ActionType="LogonSuccess", LogonType="RemoteInteractive", AccountName=account, DeviceName=device)


def sign_in(days: float, user: str, app: str, result: str = "0") -> dict[str, Any]:
    return row(
        days, UserPrincipalName=user, ResultType=result, AppDisplayName=app, Location="NL", IPAddress="192.0.2.9"
    )


def mail(days: float, user: str, operation: str, ip: str = "192.0.2.5", **more: Any) -> dict[str, Any]:
    return row(days, UserId=user, Operation=operation, ClientIP=ip, **more)


RUN = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Run"


def run_key(days: float, device: str, name: str, key: str = RUN) -> dict[str, Any]:
    said = {"RegistryKey": key, "RegistryValueName": name, "RegistryValueData": f"{name}.exe"}
    return row(days, DeviceName=device, ActionType="RegistryValueSet", **said)


def task(days: float, device: str, name: str) -> dict[str, Any]:
    return row(days, DeviceName=device, ActionType="ScheduledTaskCreated", AdditionalFields={"TaskName": name})


WRITE = "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/SECURITYRULES/WRITE"
ROLE = "MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE"
SUBSCRIPTION = "/subscriptions/0"
CASES: list[tuple[str, dict[str, Rows], list[str]]] = [
    (
        "new-server",
        {
            "DeviceInfo": [
                *every_day(lambda d: row(d, DeviceName="old", DeviceType="Server", OSPlatform="Linux"), 0),
                row(1, DeviceName="new", DeviceType="Server", OSPlatform="WindowsServer2022"),
                row(1, DeviceName="laptop", DeviceType="Workstation", OSPlatform="Windows11"),
            ]
        },
        ["new"],
    ),
    # Where the table itself is new, nothing in it is.
    ("new-server", {"DeviceInfo": [row(1, DeviceName="new", DeviceType="Server", OSPlatform="Linux")]}, []),
    (
        "new-account",
        {
            "AuditLogs": [
                audit(1, "Add user", "new@example.org"),
                audit(1, "Add user", "failed@example.org", result="failure"),
                audit(9, "Add user", "old@example.org"),
            ]
        },
        ["new@example.org"],
    ),
    (
        "application-changed",
        {
            "AuditLogs": [
                audit(1, "Consent to application", "Sync"),
                audit(1, "Add service principal credentials", "Backup"),
                audit(1, "Update application", "Other"),
            ]
        },
        ["Backup", "Sync"],
    ),
    (
        "sign-in-policy",
        {"AuditLogs": [audit(1, "Update conditional access policy", "All users"), audit(1, "Update user", "x")]},
        ["All users"],
    ),
    (
        "second-factor-added",
        {
            "AuditLogs": [
                audit(1, "User registered security info", "eve@example.org"),
                audit(1, "User registered security info", "bob@example.org"),
                audit(9, "User registered security info", "bob@example.org"),
            ]
        },
        ["eve@example.org"],
    ),
    (
        "azure-role",
        {
            "AzureActivity": [
                azure(1, ROLE, "usual", "rg", resource="/subscriptions/0/resourceGroups/rg/providers/x"),
                azure(9, ROLE, "usual", "rg", resource="/subscriptions/0/resourceGroups/rg/providers/x"),
                azure(1, ROLE, "usual", "all", resource=SUBSCRIPTION),
                azure(1, ROLE, "first", "rg", resource="/subscriptions/0/resourceGroups/rg/providers/y"),
                azure(1, ROLE, "refused", "rg", "Failure", "/subscriptions/0"),
            ]
        },
        [SUBSCRIPTION, "/subscriptions/0/resourceGroups/rg/providers/y"],
    ),
    (
        "azure-firewall",
        {"AzureActivity": [azure(1, WRITE, "ada", "web"), azure(1, WRITE, "ada", "db"), azure(9, WRITE, "ada", "db")]},
        ["web"],
    ),
    (
        "azure-logging",
        {
            "AzureActivity": [
                azure(1, "MICROSOFT.INSIGHTS/DIAGNOSTICSETTINGS/DELETE", "ada", "web"),
                azure(1, "MICROSOFT.INSIGHTS/DIAGNOSTICSETTINGS/WRITE", "ada", "db"),
                azure(1, "MICROSOFT.COMPUTE/VIRTUALMACHINES/DELETE", "ada", "vm"),
            ]
        },
        ["web"],
    ),
    (
        "mailbox-rule",
        {
            "OfficeActivity": [
                mail(1, "eve@x", "New-InboxRule", Parameters='[{"Name":"ForwardTo","Value":"out@y"}]'),
                mail(1, "bob@x", "New-InboxRule", Parameters='[{"Name":"MoveToFolder","Value":"News"}]'),
            ]
        },
        ["eve@x"],
    ),
    (
        "mailbox-network",
        {
            "OfficeActivity": [
                *every_day(lambda d: mail(d, "eve@x", "Send")),
                mail(1, "eve@x", "MailItemsAccessed", "203.0.113.9:41022"),
                mail(1, "eve@x", "MailItemsAccessed", "192.0.2.77"),
                mail(1, "new@x", "MailItemsAccessed", "198.51.100.1"),
            ]
        },
        ["203.0.113.0/24"],
    ),
    (
        "autostart",
        {
            "DeviceRegistryEvents": [
                *every_day(lambda d: run_key(d, "web", "Tray")),
                run_key(1, "new laptop", "Tray"),
                run_key(1, "fs", "Updater"),
                run_key(1, "db", "Other", r"HKEY_LOCAL_MACHINE\SOFTWARE\Other"),
            ]
        },
        ["fs"],
    ),
    ("autostart", {"DeviceRegistryEvents": [run_key(1, "fs", "Updater")]}, []),
    (
        "scheduled-task",
        {
            "DeviceEvents": [
                *every_day(lambda d: task(d, "web", "Backup")),
                task(1, "db", "Backup"),
                task(1, "fs", "Sync"),
            ]
        },
        ["fs"],
    ),
    (
        "windows-log-cleared",
        {"SecurityEvent": [row(1, EventID=1102, Computer="dc"), row(1, EventID=4624, Computer="web")]},
        ["dc"],
    ),
    (
        "windows-service",
        {
            "SecurityEvent": [
                row(1, EventID=7045, Computer="fs", EventData='<Data Name="ServiceName">evil</Data>'),
                row(1, EventID=7045, Computer="db", EventData='<Data Name="ServiceName">usual</Data>'),
                row(9, EventID=7045, Computer="web", EventData='<Data Name="ServiceName">usual</Data>'),
            ]
        },
        ["fs"],
    ),
    (
        "silent-machine",
        {
            "Heartbeat": [
                *(row(hours / 24, Computer="well") for hours in range(24 * 5)),
                *(row(hours / 24, Computer="silent") for hours in range(12, 24 * 5)),
                row(1, Computer="once"),
            ]
        },
        ["silent"],
    ),
    (
        "rare-parent",
        {
            "DeviceProcessEvents": [
                *(process(3 + n / 10, "web", "winword.exe", "splwow64.exe") for n in range(30)),
                process(1, "web", "WINWORD.EXE", "powershell.exe"),
                process(1, "web", "winword.exe", "splwow64.exe"),
                process(1, "web", "new.exe", "cmd.exe"),
            ]
        },
        ["winword.exe > powershell.exe"],
    ),
    (
        "first-logon-host",
        {
            "DeviceLogonEvents": [
                *every_day(lambda d: logon(d, "own")),
                logon(1, "own"),
                logon(1, "vault"),
                logon(1, "vault", "new"),
            ]
        },
        ["vault"],
    ),
    (
        "peer-application",
        {
            "IdentityInfo": [row(5, AccountUPN=f"u{n}@example.org", Department="Ledger") for n in range(6)],
            "SigninLogs": [
                sign_in(9, "u1@example.org", "Mail"),
                sign_in(1, "U2@example.org", "Mail"),
                sign_in(1, "u3@example.org", "Key vault"),
                sign_in(1, "stranger@example.org", "Key vault"),
            ],
        },
        ["Key vault"],
    ),
    (
        "failed-logon-volume",
        {
            "SigninLogs": [
                *(sign_in(d + 0.3, "eve@example.org", "Mail", "50126") for d in range(20)),
                *(sign_in(1 + n / 1000, "eve@example.org", "Mail", "50126") for n in range(60)),
            ]
        },
        ["failed sign-ins"],
    ),
    (
        "outbound-volume",
        {
            "CommonSecurityLog": [
                *(row(n / 4, SourceIP="10.0.0.1", SentBytes=40_000_000 + 1_000_000 * (n % 3)) for n in range(60)),
                row(1, SourceIP="10.0.0.1", SentBytes=4_000_000_000),
            ]
        },
        ["bytes sent"],
    ),
    (
        "file-volume",
        {"OfficeActivity": [row(n / 40, UserId="eve@example.org", Operation="FileAccessed") for n in range(400)]},
        [],
    ),
]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    home = tmp_path_factory.mktemp("lake")
    opened = App.open(home, load(home, memory_limit="512MB", threads=1), FixedClock(NOW))
    yield opened
    opened.close()


@pytest.mark.parametrize(("id", "tables", "wanted"), CASES)
def test_a_question_finds_what_is_new_or_unusual_and_nothing_else(
    app: App, id: str, tables: dict[str, Rows], wanted: list[str]
) -> None:
    workspace, scan = app.workspaces.create(f"soc-{len(app.workspaces.list())}"), SCANS[id]
    for table, rows in tables.items():
        app.streams.append(workspace, table, rows)
    (asked,) = LakeReader(app.queries).ask(workspace, [scan], WINDOW)
    assert asked.skipped == ""
    assert sorted(set(_what(scan, asked.rows))) == sorted(wanted)


def _what(scan: LakeScan, rows: Any) -> Iterator[str]:
    for found in rows:
        yield str(found["Target" if scan in declared("changes") else "Value"])
