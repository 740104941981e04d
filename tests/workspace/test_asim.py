"""ASIM: every source in the columns of its schema, whatever is asked of it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from tools import asim

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.diagnostics import SourceError
from huntlake.demo.generator import Demo
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

SHARED = Path(os.environ.get("HUNTLAKE_SHARED", Path(__file__).parents[3] / "shared"))
END = datetime(2026, 11, 21, 22, tzinfo=UTC)
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
EMPTY = Workspace("empty", "22222222-2222-3333-4444-555555555555")
SCHEMAS = {schema.name: schema for schema in asim.SCHEMAS}
SOURCES = [(schema.name, source) for schema in asim.SCHEMAS for source in schema.sources()]

MANDATORY = {
    "TimeGenerated": "datetime",
    "Type": "string",
    "EventCount": "int",
    "EventStartTime": "datetime",
    "EventEndTime": "datetime",
    "EventType": "string",
    "EventResult": "string",
    "EventProduct": "string",
    "EventVendor": "string",
    "EventSchema": "string",
    "EventSchemaVersion": "string",
    "EventSeverity": "string",
    "Dvc": "string",
}
"""What every source has to give, in every schema."""

FIELDS = {
    "Authentication": "TargetUsername TargetUsernameType ActorUsername SrcIpAddr TargetAppName EventResultDetails "
    "User Src Dst IpAddr LogonTarget Application SrcPortNumber:int SrcGeoLatitude:real "
    "AdditionalFields:dynamic",
    "ProcessEvent": "ActorUsername TargetUsername ActingProcessName TargetProcessName TargetProcessCommandLine "
    "CommandLine Process User Hash HashType TargetProcessId TargetProcessCreationTime:datetime "
    "TargetProcessFileSize:long",
    "NetworkSession": "SrcIpAddr DstIpAddr SrcPortNumber:int DstPortNumber:int DvcAction NetworkDirection "
    "NetworkProtocol SrcBytes:long DstBytes:long NetworkBytes:long NetworkDuration:int Src Dst "
    "IpAddr Hostname User Rule ASimMatchingIpAddr",
    "Dns": "DnsQuery DnsQueryTypeName DnsResponseName DnsResponseCode:int DnsResponseCodeName SrcIpAddr "
    "Domain Src IpAddr DnsFlagsTruncated:bool DnsNetworkDuration:int EventSubType "
    "EventResultDetails",
    "FileEvent": "ActorUsername TargetFilePath TargetFileName TargetFilePathType SrcFilePath ActingProcessName "
    "Hash HashType FileName FilePath User Url Process TargetFileSize:long "
    "TargetFileCreationTime:datetime SrcPortNumber:int",
    "RegistryEvent": "ActorUsername RegistryKey RegistryValue RegistryValueData RegistryValueType "
    "RegistryPreviousKey ActingProcessName User Process",
    "WebSession": "Url HttpRequestMethod HttpUserAgent HttpStatusCode UserAgent SrcIpAddr DstIpAddr DstHostname "
    "Hostname User SrcBytes:long HttpIsProxied:bool FileSize:long DstPortNumber:int "
    "EventResultDetails UrlCategory",
    "AuditEvent": "Operation Object ObjectType NewValue OldValue Value ActorUsername ActorUserType SrcIpAddr "
    "TargetAppName Application User Src Dst SrcGeoLatitude:real",
}
"""Some of each schema's own columns; a string has no type here."""

Table = dict[str, str]


@pytest.fixture(scope="module")
def analytics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analytics]:
    made = Analytics.over(tmp_path_factory.mktemp("asim"), Bounds(threads=2), Nowhere(), FixedClock(END))
    wanted = "SigninLogs SecurityEvent DeviceLogonEvents DeviceProcessEvents DeviceNetworkEvents CommonSecurityLog"
    for table in Demo(END).tables():
        if table.name in wanted.split():
            recent = pc.greater_equal(table.rows["TimeGenerated"], (END - timedelta(days=4)).replace(tzinfo=None))
            made.ingestion.append_arrow(SOC, table.name, table.rows.filter(recent))
    yield made
    made.engine.close()


def columns(analytics: Analytics, text: str) -> Table:
    (table,) = analytics.queries.explain(EMPTY, text)
    return {c.name: str(c.type) for c in table.columns}


def rows(analytics: Analytics, text: str, workspace: Workspace = SOC) -> list[dict[str, Any]]:
    (table,) = analytics.queries.run(workspace, text, QueryOptions()).tables
    names = [c.name for c in table.columns]
    return [dict(zip(names, r, strict=True)) for r in json.loads(b"[" + b",".join(table.json_rows()) + b"]")]


# -- columns ------------------------------------------------------------------------


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_union_of_the_sources_has_the_columns_of_the_schema(analytics: Analytics, schema: str) -> None:
    found = columns(analytics, f"_Im_{schema}")
    assert list(found) == list(columns(analytics, f"_Im_{schema}_Empty()"))
    own = {name: kind or "string" for name, _, kind in (f.partition(":") for f in FIELDS[schema].split())}
    assert MANDATORY | own == {name: found.get(name) for name in MANDATORY | own}
    assert found == columns(analytics, f"_ASim_{schema}()")


@pytest.mark.parametrize(("schema", "source"), SOURCES)
def test_a_source_gives_columns_of_the_schema_and_the_mandatory_ones(
    analytics: Analytics, schema: str, source: str
) -> None:
    known = columns(analytics, f"_Im_{schema}_Empty()")
    for packed in ("false", "true"):
        found = columns(analytics, f"_ASim_{schema}_{source}(pack={packed})")
        assert found.items() <= known.items()
        assert MANDATORY.items() <= found.items()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_name_of_a_parser_is_bound(analytics: Analytics, schema: str) -> None:
    whole = columns(analytics, f"_Im_{schema}_Empty()")
    for function in asim.made(SCHEMAS[schema]):
        found = columns(analytics, f"{function.name}()")
        assert found.items() <= whole.items(), function.name


def test_nothing_is_left_of_functions_that_no_longer_follow() -> None:
    kept = {asim.ASIM / "made" / s.folder / f"_Im_{s.name}_Empty.kql" for s in asim.SCHEMAS}
    assert set(asim.ASIM.glob("made/**/*.kql")) == kept | set(asim.files()) - {asim.PAGE}


@pytest.mark.skipif(not (SHARED / "community").is_dir(), reason="the facts are not here")
@pytest.mark.parametrize("schema", SCHEMAS)
def test_columns_and_parameters_are_those_of_the_facts(analytics: Analytics, schema: str) -> None:
    facts = json.loads((SHARED / "community" / "schemas.json").read_text(encoding="utf-8"))["functions"]
    (fact,) = [f for f in facts if f["name"] == f"_Im_{schema}"]
    listed = dict(c.split(":") for c in fact["returns"].strip("()").split(","))
    found = columns(analytics, f"_Im_{schema}")
    assert listed.items() <= found.items()
    names = [re.split(":", p)[0] for p in SCHEMAS[schema].parameters()]
    assert [re.split(":", p)[0].strip("( ") for p in fact["params"].split(",")] == [*names, "pack", "disabled"]


# -- what is read -------------------------------------------------------------------


@pytest.mark.parametrize("schema", SCHEMAS)
def test_times_bound_what_is_read(analytics: Analytics, schema: str) -> None:
    text = f"_Im_{schema}(starttime=ago(1d), endtime=now()) | summarize count() by EventType, Dvc"
    (explained,) = analytics.queries.explain(SOC, text)
    bounds = {(s.since, s.until) for s in explained.scans}
    # Where no row can fit, nothing is read at all.
    assert bounds == {(END - timedelta(days=1), END)} or (not bounds and not rows(analytics, text))


def test_tables_without_rows_are_not_read(analytics: Analytics) -> None:
    (explained,) = analytics.queries.explain(SOC, "_Im_Authentication")
    assert {s.table for s in explained.scans} == {"SigninLogs", "SecurityEvent", "DeviceLogonEvents"}
    assert rows(analytics, "_Im_Authentication | count", EMPTY) == [{"Count": 0}]


def test_a_disabled_parser_gives_nothing(analytics: Analytics) -> None:
    assert rows(analytics, "_Im_Authentication(disabled=true) | count") == [{"Count": 0}]


# -- filters ------------------------------------------------------------------------

FILTERS = [
    ("Authentication", 'eventresult="Failure"', 'EventResult == "Failure"'),
    ("Authentication", 'eventtype_in=dynamic(["logoff"])', 'EventType == "Logoff"'),
    ("Authentication", 'username_has_any=dynamic(["svc-scan", "haddad"])', 'User has_any ("svc-scan", "haddad")'),
    ("Authentication", 'targetusername_has="svc-scan"', 'TargetUsername has "svc-scan"'),
    ("Authentication", 'targetappname_has_any=dynamic(["Exchange"])', 'TargetAppName has "Exchange"'),
    ("Authentication", 'srchostname_has_any=dynamic(["rtm-scan01"])', 'SrcHostname has "rtm-scan01"'),
    (
        "Authentication",
        'srcipaddr_has_any_prefix=dynamic(["10.20.", "203.0.113."])',
        'SrcIpAddr startswith "10.20." or SrcIpAddr startswith "203.0.113."',
    ),
    (
        "Authentication",
        'eventresultdetails_in=dynamic(["Incorrect password", "No such user"])',
        'EventResultDetails in ("Incorrect password", "No such user")',
    ),
    ("Authentication", "starttime=ago(1d), endtime=ago(12h)", "TimeGenerated between (ago(1d) .. ago(12h))"),
    ("ProcessEvent", 'commandline_has_any=dynamic(["EncodedCommand"])', 'CommandLine has "EncodedCommand"'),
    (
        "ProcessEvent",
        'commandline_has_all=dynamic(["NoProfile", "Bypass"])',
        'CommandLine has "NoProfile" and CommandLine has "Bypass"',
    ),
    ("ProcessEvent", 'targetprocess_has_any=dynamic(["cmd.exe"])', 'Process has "cmd.exe"'),
    ("ProcessEvent", 'actingprocess_has_any=dynamic(["explorer.exe"])', 'ActingProcessName has "explorer.exe"'),
    ("ProcessEvent", 'parentprocess_has_any=dynamic(["services.exe"])', 'ParentProcessName has "services.exe"'),
    ("ProcessEvent", 'actorusername_has="system"', 'ActorUsername has "system"'),
    ("ProcessEvent", 'dvchostname_has_any=dynamic(["rtm-fs01"])', 'Dvc has "rtm-fs01"'),
    ("NetworkSession", "dstportnumber=443", "DstPortNumber == 443"),
    ("NetworkSession", 'dvcaction=dynamic(["Allow"])', 'DvcAction == "Allow"'),
    ("NetworkSession", 'dstipaddr_has_any_prefix=dynamic(["192.0.2."])', 'DstIpAddr startswith "192.0.2."'),
    (
        "NetworkSession",
        'ipaddr_has_any_prefix=dynamic(["10.30."])',
        'SrcIpAddr startswith "10.30." or DstIpAddr startswith "10.30."',
    ),
]


@pytest.mark.parametrize(("schema", "arguments", "condition"), FILTERS, ids=[f"{s}-{a}" for s, a, _ in FILTERS])
def test_a_parameter_keeps_what_the_same_condition_keeps(
    analytics: Analytics, schema: str, arguments: str, condition: str
) -> None:
    shown = "summarize n = count(), first = min(TimeGenerated), last = max(TimeGenerated) by Type, EventType"
    kept = rows(analytics, f"_Im_{schema}({arguments}) | {shown} | sort by Type asc, EventType asc")
    assert kept
    assert kept == rows(analytics, f"_Im_{schema} | where {condition} | {shown} | sort by Type asc, EventType asc")


def test_the_side_that_an_address_or_a_name_matched_is_told(analytics: Analytics) -> None:
    found = rows(
        analytics,
        '_Im_NetworkSession(ipaddr_has_any_prefix=dynamic(["10.20."])) | summarize by ASimMatchingIpAddr,'
        ' FromThere = SrcIpAddr startswith "10.20.", ToThere = DstIpAddr startswith "10.20."',
    )
    told = {(r["FromThere"], r["ToThere"]): r["ASimMatchingIpAddr"] for r in found}
    assert told == {(True, False): "SrcIpAddr", (False, True): "DstIpAddr", (True, True): "Both"}


# -- the demo -----------------------------------------------------------------------


def test_the_demos_logons_are_seen_by_three_products(analytics: Analytics) -> None:
    found = rows(analytics, "_Im_Authentication | summarize n = count() by EventProduct, EventResult")
    seen = {(r["EventProduct"], r["EventResult"]): r["n"] for r in found}
    raw = {
        ("Entra ID", "Success"): 'SigninLogs | where ResultType == "0" | count',
        ("Entra ID", "Failure"): 'SigninLogs | where ResultType != "0" | count',
        ("Security Events", "Success"): "SecurityEvent | where EventID in (4624, 4634, 4647) | count",
        ("Security Events", "Failure"): "SecurityEvent | where EventID == 4625 | count",
        ("M365 Defender for Endpoint", "Success"): 'DeviceLogonEvents | where ActionType == "LogonSuccess" | count',
        ("M365 Defender for Endpoint", "Failure"): 'DeviceLogonEvents | where ActionType == "LogonFailed" | count',
    }
    assert seen == {key: rows(analytics, text)[0]["Count"] for key, text in raw.items()}


def test_the_attacks_commands_are_seen_by_whoever_watches_the_device(analytics: Analytics) -> None:
    shown = "| distinct Type, DvcHostname, ActingProcessFilename"
    laptop = rows(analytics, f'imProcessCreate(commandline_has_all=dynamic(["NoP", "Enc"])) {shown}')
    assert [(r["Type"], r["DvcHostname"]) for r in laptop] == [("DeviceProcessEvents", "rtm-lt-007")]
    server = rows(analytics, f'imProcessCreate(commandline_has_any=dynamic(["rclone.exe copy"])) {shown}')
    assert {(r["Type"], r["DvcHostname"]) for r in server} == {
        ("DeviceProcessEvents", "rtm-fs01"),
        ("SecurityEvent", "rtm-fs01"),
    }


# -- sources that the demo hasn't ----------------------------------------------------

AT = "2026-11-21T12:00:00Z"


def sysmon(event: int, **data: str) -> tuple[str, dict[str, Any]]:
    """A row of the table Event, as the agent writes Sysmon's."""
    values = "".join(f'<Data Name="{n}">{v}</Data>' for n, v in data.items())
    xml = f'<DataItem type="System.XmlData" time="{AT}"><EventData>{values}</EventData></DataItem>'
    row = {"Source": "Microsoft-Windows-Sysmon", "EventID": event, "Computer": "ws1.corp.example", "EventData": xml}
    return "Event", row


def windows(provider: str, event: int, **data: str) -> tuple[str, dict[str, Any]]:
    """A row of the table WindowsEvent."""
    return "WindowsEvent", {"Provider": provider, "EventID": event, "Computer": "ws1.corp.example", "EventData": data}


def syslog(process: str, message: str) -> tuple[str, dict[str, Any]]:
    return "Syslog", {"ProcessName": process, "SyslogMessage": message, "Computer": "lnx1", "HostIP": "10.0.0.9"}


def cef(vendor: str, product: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return "CommonSecurityLog", {"DeviceVendor": vendor, "DeviceProduct": product, "DeviceName": "fw1", **fields}


AUDITING = "Microsoft-Windows-Security-Auditing"

EVENTS: list[tuple[str, tuple[str, dict[str, Any]], dict[str, Any]]] = [
    (
        "Authentication_Sshd",
        syslog("sshd", "Failed password for invalid user oracle from 203.0.113.9 port 40022 ssh2"),
        {
            "EventType": "Logon",
            "EventResult": "Failure",
            "EventResultDetails": "No such user",
            "TargetUsername": "oracle",
            "SrcIpAddr": "203.0.113.9",
            "SrcPortNumber": 40022,
            "Dst": "10.0.0.9",
        },
    ),
    (
        "Authentication_Sshd",
        syslog("sshd", "Accepted publickey for ann from 10.0.0.5 port 51000 ssh2: ED25519 SHA256:abc"),
        {"EventResult": "Success", "LogonMethod": "PKI", "TargetUsername": "ann", "EventResultDetails": ""},
    ),
    (
        "Authentication_Sshd",
        syslog("sshd", "pam_unix(sshd:session): session closed for user ann"),
        {"EventType": "Logoff", "TargetUsername": "ann", "SrcPortNumber": None},
    ),
    (
        "Authentication_Sshd",
        syslog("sshd", "message repeated 4 times: [ Failed password for root from 203.0.113.9 port 40022 ssh2]"),
        {
            "EventCount": 4,
            "EventResult": "Failure",
            "EventResultDetails": "Incorrect password",
            "TargetUsername": "root",
        },
    ),
    (
        "Authentication_Su",
        syslog("su", "pam_unix(su:session): session opened for user root(uid=0) by ann(uid=1000)"),
        {"EventType": "Elevate", "TargetUsername": "root", "ActorUsername": "ann", "EventResult": "Success"},
    ),
    (
        "Authentication_Sudo",
        syslog("sudo", "ann : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh"),
        {"EventResult": "Failure", "EventResultDetails": "Incorrect password", "ActorUsername": "ann"},
    ),
    (
        "Authentication_AWSCloudTrail",
        (
            "AWSCloudTrail",
            {
                "EventName": "ConsoleLogin",
                "UserIdentityType": "IAMUser",
                "UserIdentityUserName": "ann",
                "SourceIpAddress": "203.0.113.9",
                "ResponseElements": '{"ConsoleLogin":"Failure"}',
                "ErrorMessage": "Failed authentication",
                "AdditionalEventData": '{"MFAUsed":"No","LoginTo":"https://console.example/"}',
            },
        ),
        {
            "EventResult": "Failure",
            "EventResultDetails": "No such user or password",
            "TargetUsername": "ann",
            "TargetUrl": "https://console.example/",
        },
    ),
    (
        "ProcessEvent_CreateMicrosoftSysmon",
        sysmon(
            1,
            Image="C:\\Windows\\cmd.exe",
            CommandLine="cmd /c &quot;echo a &amp;&amp; echo b &gt; c&quot;",
            User="CORP\\ann",
            ProcessId="4242",
            Hashes="MD5=AA11,SHA256=BB22,IMPHASH=CC33",
            ParentImage="C:\\Windows\\explorer.exe",
            RuleName="-",
        ),
        {
            "EventType": "ProcessCreated",
            "CommandLine": 'cmd /c "echo a && echo b > c"',
            "TargetProcessFilename": "cmd.exe",
            "ActingProcessFilename": "explorer.exe",
            "User": "CORP\\ann",
            "Hash": "BB22",
            "HashType": "SHA256",
            "TargetProcessIMPHASH": "CC33",
            "RuleName": "",
            "Dvc": "ws1.corp.example",
        },
    ),
    (
        "ProcessEvent_TerminateMicrosoftWindowsEvents",
        windows(
            AUDITING, 4689, ProcessName="C:\\a.exe", ProcessId="0x1a4", SubjectUserName="ann", SubjectDomainName="CORP"
        ),
        {"EventType": "ProcessTerminated", "TargetProcessId": "420", "ActorUsername": "CORP\\ann"},
    ),
    (
        "NetworkSession_MicrosoftSysmon",
        sysmon(
            3,
            Initiated="false",
            Protocol="tcp",
            SourceIp="10.0.0.5",
            SourcePort="50001",
            DestinationIp="10.0.0.6",
            DestinationPort="445",
            Image="System",
            User="NT AUTHORITY\\SYSTEM",
        ),
        {
            "NetworkDirection": "Inbound",
            "NetworkProtocol": "TCP",
            "DstPortNumber": 445,
            "DstProcessName": "System",
            "SrcProcessName": "",
            "SrcIpAddr": "10.0.0.5",
        },
    ),
    (
        "NetworkSession_MicrosoftWindowsEventFirewall",
        windows(
            AUDITING,
            5157,
            Direction="%%14593",
            Protocol="17",
            SourceAddress="10.0.0.5",
            DestAddress="8.8.8.8",
            DestPort="53",
        ),
        {"DvcAction": "Deny", "EventResult": "Failure", "NetworkProtocol": "UDP", "NetworkDirection": "Outbound"},
    ),
    (
        "NetworkSession_FortinetFortiGate",
        cef(
            "Fortinet",
            "Fortigate",
            Activity="traffic:forward close",
            DeviceAction="close",
            SourceIP="10.0.0.5",
            DestinationIP="192.0.2.7",
            DestinationPort=443,
            Protocol="6",
            SentBytes=100,
            ReceivedBytes=900,
            AdditionalExtensions="FTNTFGTpolicyname=out;FTNTFGTx=1",
        ),
        {"DvcAction": "Allow", "EventSubType": "End", "NetworkBytes": 1000, "NetworkProtocol": "TCP", "Rule": "out"},
    ),
    (
        "NetworkSession_AWSVPC",
        (
            "AWSVPCFlow",
            {"LogStatus": "OK", "Action": "REJECT", "Protocol": 6, "SrcAddr": "10.1.1.1", "DstPort": 22, "Bytes": 60},
        ),
        {
            "EventResult": "Failure",
            "DvcAction": "Deny",
            "NetworkProtocol": "TCP",
            "DstPortNumber": 22,
            "NetworkBytes": 60,
        },
    ),
    (
        "Dns_MicrosoftSysmon",
        sysmon(
            22, QueryName="nowhere.example", QueryStatus="9003", QueryResults="-", Image="C:\\a.exe", User="CORP\\ann"
        ),
        {
            "DnsQuery": "nowhere.example",
            "DnsResponseCodeName": "NXDOMAIN",
            "EventResult": "Failure",
            "DnsResponseCode": 3,
        },
    ),
    (
        "Dns_Microsoft365D",
        (
            "DeviceNetworkEvents",
            {
                "ActionType": "DnsConnectionInspected",
                "DeviceName": "ws1.corp.example",
                "LocalIP": "10.0.0.5",
                "AdditionalFields": {
                    "query": "a.example",
                    "qtype_name": "A",
                    "rcode_name": "NOERROR",
                    "answers": ["192.0.2.1"],
                },
            },
        ),
        {
            "DnsQuery": "a.example",
            "Domain": "a.example",
            "EventResult": "Success",
            "SrcHostname": "ws1",
            "SrcIpAddr": "10.0.0.5",
        },
    ),
    (
        "FileEvent_MicrosoftSysmon",
        sysmon(11, TargetFilename="C:\\Temp\\a.b.ps1", CreationUtcTime="2026-11-21 11:59:59.123", Image="C:\\x.exe"),
        {
            "EventType": "FileCreated",
            "TargetFileName": "a.b.ps1",
            "TargetFileExtension": "ps1",
            "TargetFileDirectory": "C:\\Temp",
            "TargetFilePathType": "Windows Local",
            "TargetFileCreationTime": "2026-11-21T11:59:59.123Z",
        },
    ),
    (
        "FileEvent_MicrosoftWindowsEvents",
        windows(AUDITING, 4663, ObjectType="File", ObjectName="D:\\a.txt", AccessMask="0x10000", SubjectUserName="ann"),
        {"EventType": "FileDeleted", "FilePath": "D:\\a.txt", "ActorUsername": "ann"},
    ),
    (
        "FileEvent_AzureBlobStorage",
        (
            "StorageBlobLogs",
            {
                "OperationName": "GetBlob",
                "StatusCode": "404",
                "StatusText": "BlobNotFound",
                "CallerIpAddress": "203.0.113.9:50100",
                "Uri": "https://a.blob.example/c/x.csv?sig=s",
            },
        ),
        {
            "EventType": "FileAccessed",
            "EventResult": "Failure",
            "SrcIpAddr": "203.0.113.9",
            "SrcPortNumber": 50100,
            "TargetFileName": "x.csv",
            "TargetFilePathType": "URL",
        },
    ),
    (
        "RegistryEvent_MicrosoftSysmonWindowsEvent",
        windows(
            "Microsoft-Windows-Sysmon",
            13,
            EventType="SetValue",
            TargetObject="HKLM\\SOFTWARE\\Run\\evil",
            Details="DWORD (0x00000001)",
            Image="C:\\x.exe",
        ),
        {
            "EventType": "RegistryValueSet",
            "RegistryKey": "HKEY_LOCAL_MACHINE\\SOFTWARE\\Run",
            "RegistryValue": "evil",
            "RegistryValueData": "0x00000001",
            "RegistryValueType": "Reg_DWord",
        },
    ),
    (
        "RegistryEvent_MicrosoftSecurityEvent",
        (
            "SecurityEvent",
            {
                "EventID": 4657,
                "Computer": "ws1",
                "ObjectName": "\\REGISTRY\\USER\\S-1-5-21-1\\Software",
                "ObjectValueName": "x",
                "OperationType": "%%1906",
                "OldValue": "1",
                "OldValueType": "%%1873",
                "NewValue": "-",
                "NewValueType": "-",
            },
        ),
        {
            "EventType": "RegistryValueDeleted",
            "RegistryKey": "HKEY_USERS\\S-1-5-21-1\\Software",
            "RegistryPreviousValueType": "Reg_Sz",
            "RegistryPreviousValueData": "1",
            "RegistryValueData": "",
        },
    ),
    (
        "WebSession_ZscalerZIA",
        cef(
            "Zscaler",
            "NSSWeblog",
            DeviceAction="Blocked",
            EventOutcome="403",
            RequestURL="bad.example/x?y=1",
            RequestMethod="GET",
            SourceIP="10.0.0.5",
            DestinationPort=443,
            SourceUserName="ann@corp.example",
        ),
        {
            "Url": "https://bad.example/x?y=1",
            "EventResult": "Failure",
            "HttpStatusCode": "403",
            "DvcAction": "Deny",
            "Hostname": "bad.example",
            "User": "ann@corp.example",
        },
    ),
    (
        "WebSession_IIS",
        (
            "W3CIISLog",
            {
                "scStatus": "500",
                "csMethod": "POST",
                "csHost": "app.example",
                "csUriStem": "/login",
                "csUriQuery": "-",
                "sPort": 443,
                "cIP": "10.0.0.5",
                "csUserAgent": "Mozilla/5.0+(X11)",
                "csUserName": "-",
            },
        ),
        {
            "Url": "https://app.example/login",
            "EventResult": "Failure",
            "EventType": "WebServerSession",
            "UserAgent": "Mozilla/5.0 (X11)",
            "User": "",
            "DstPortNumber": 443,
        },
    ),
    (
        "WebSession_ApacheHTTPServer",
        (
            "ApacheHTTPServer_CL",
            {
                "Computer": "web1",
                "RawData": '10.0.0.5 - ann [21/Nov/2026:12:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 512 "-" "curl/8.5.0"',
            },
        ),
        {
            "Url": "/a?b=c",
            "SrcUsername": "ann",
            "HttpStatusCode": "200",
            "DstBytes": 512,
            "HttpUserAgent": "curl/8.5.0",
            "EventResult": "Success",
        },
    ),
    (
        "AuditEvent_MicrosoftWindowsEvents",
        windows(
            AUDITING, 4698, TaskName="\\Updater", TaskContent="<Task/>", SubjectUserName="ann", SubjectDomainName="CORP"
        ),
        {"EventType": "Create", "Object": "\\Updater", "ObjectType": "Scheduled Task", "ActorUsername": "CORP\\ann"},
    ),
    (
        "AuditEvent_AWSCloudTrail",
        (
            "AWSCloudTrail",
            {
                "EventName": "DeleteTrail",
                "ReadOnly": False,
                "ErrorCode": "AccessDenied",
                "UserIdentityType": "Root",
                "EventSource": "cloudtrail.amazonaws.com",
                "SourceIpAddress": "config.amazonaws.com",
            },
        ),
        {
            "EventType": "Delete",
            "EventResult": "Failure",
            "User": "root",
            "SrcIpAddr": "",
            "Application": "cloudtrail.amazonaws.com",
        },
    ),
]


@pytest.mark.parametrize(("source", "given", "wanted"), EVENTS, ids=[f"{i}-{e[0]}" for i, e in enumerate(EVENTS)])
def test_a_row_of_a_source_becomes_this_event(
    small: Callable[..., dict[str, Any]], source: str, given: tuple[str, dict[str, Any]], wanted: Mapping[str, Any]
) -> None:
    table, row = given
    found = small(table, row, f"_Im_{source}()")
    assert {name: found[name] for name in wanted} == wanted


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """The one event that a query makes of one row of a table."""
    made = Analytics.over(tmp_path / "home", Bounds(threads=1), Nowhere(), FixedClock(END))

    def event(table: str, row: dict[str, Any], text: str) -> dict[str, Any]:
        file = tmp_path / "row.jsonl"
        file.write_text(json.dumps({"TimeGenerated": AT, **row}))
        made.ingestion.ingest(SOC, table, file)
        (found,) = rows(made, text)
        return found

    yield event
    made.engine.close()


# -- published rules ----------------------------------------------------------------

CALLED = re.compile(r"\b(_Im_|_ASim_|im(?=[A-Z])|vim(?=[A-Z])|ASim(?=[A-Z]))\w+")


MISSPELLED = {"ASimProcess - imProcess_PowerCatDownload.yaml"}
"""Rules that name columns which no schema has: `TargetProcessFileName`, `DvcHostName`."""


@pytest.mark.skipif(not (SHARED / "rules").is_dir(), reason="the rules are not here")
def test_published_rules_over_the_parsers_compile(analytics: Analytics) -> None:
    yaml = pytest.importorskip("yaml")
    names = {f.name for s in asim.SCHEMAS for f in asim.made(s)} | {f"_ASim_{s}_{o}" for s, o in SOURCES}
    compiled, failed = [], {}
    for file in sorted((SHARED / "rules").rglob("*.yaml")):
        rule = yaml.safe_load(file.read_text(encoding="utf-8", errors="replace"))
        query = rule.get("query") if isinstance(rule, dict) else None
        if not query or names.isdisjoint(m[0] for m in CALLED.finditer(query)):
            continue
        try:
            analytics.queries.explain(EMPTY, query)
            compiled.append(file.name)
        except SourceError as error:
            failed[file.name] = str(error)
    assert failed.keys() <= MISSPELLED, failed
    assert compiled
