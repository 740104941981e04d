"""Each kind of evidence, known by what is in it, in the table that hunts ask."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.workspace.evidence.conftest import Bring

from huntlake.core.errors import Invalid
from huntlake.workspace.evidence import formats

Rows = Callable[[str], list[dict[str, Any]]]

SYSMON: dict[str, Any] = {
    "EventID": 1,
    "SourceName": "Microsoft-Windows-Sysmon",
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "Hostname": "WS5.corp.local",
    "TimeCreated": "2020-10-18 10:56:18.799",
    "UtcTime": "2020-10-19 02:56:18.790",
    "ProcessGuid": "{A}",
    "ProcessId": "4242",
    "Image": r"C:\Windows\System32\cmd.exe",
    "CommandLine": "cmd.exe /c whoami",
    "User": r"CORP\Ann",
    "LogonId": "0x3e7",
    "Hashes": "SHA1=AA,MD5=BB,SHA256=CC,IMPHASH=DD",
    "ParentProcessGuid": "{P}",
    "ParentProcessId": "77",
    "ParentImage": r"C:\Windows\explorer.exe",
    "ParentCommandLine": "explorer.exe",
}


def event(id: int, **data: Any) -> dict[str, Any]:
    about = ("SourceName", "Channel", "Hostname", "TimeCreated", "UtcTime", "ProcessGuid", "ProcessId", "Image")
    return {**{n: SYSMON[n] for n in about}, "EventID": id, **data}


def lines(*records: Any) -> str:
    return "\n".join(json.dumps(r) for r in records)


def test_a_process_of_sysmon_is_in_event_and_in_defenders_table(bring: Bring, rows: Rows) -> None:
    evidence = bring("sysmon.json", lines(SYSMON))
    assert evidence.tables == {"Event": 1, "DeviceProcessEvents": 1}
    (row,) = rows("DeviceProcessEvents")
    assert row["FileName"] == "cmd.exe"
    assert row["FolderPath"] == r"C:\Windows\System32\cmd.exe"
    assert (row["SHA256"], row["MD5"], row["ProcessId"], row["LogonId"]) == ("cc", "bb", 4242, 999)
    assert (row["AccountDomain"], row["AccountName"]) == ("corp", "ann")
    assert (row["InitiatingProcessFileName"], row["InitiatingProcessId"]) == ("explorer.exe", 77)
    (said,) = rows('Event | project Source, EventID, Computer, c = extract(@"CommandLine"">([^<]*)<", 1, EventData)')
    assert said == {
        "Source": "Microsoft-Windows-Sysmon",
        "EventID": 1,
        "Computer": "WS5.corp.local",
        "c": "cmd.exe /c whoami",
    }


def test_a_channel_of_a_part_of_the_system_is_in_event_and_as_a_bag_in_windows_event(bring: Bring, rows: Rows) -> None:
    script = {
        "EventID": 4104,
        "SourceName": "Microsoft-Windows-PowerShell",
        "Channel": "Microsoft-Windows-PowerShell/Operational",
        "Hostname": "WS5",
        "@timestamp": "2026-01-02T03:04:05.006Z",
        "Level": "5",
        "UserID": "S-1-5-18",
        "ActivityID": "{C1}",
        "ScriptBlockText": "iex $x",
        "MessageNumber": 1,
    }
    service = {"EventID": 7045, "SourceName": "Service Control Manager", "Channel": "System", "Hostname": "WS5"}
    evidence = bring("events.json", lines(script, service, {**script, "Channel": "Windows PowerShell", "EventID": 400}))
    assert evidence.tables == {"Event": 3, "WindowsEvent": 2}
    (row,) = rows(
        "WindowsEvent | where EventID == 4104"
        " | extend Text = tostring(EventData.ScriptBlockText), n = gettype(EventData.MessageNumber)"
    )
    assert (row["Provider"], row["Channel"], row["Computer"]) == (script["SourceName"], script["Channel"], "WS5")
    assert (row["EventLevel"], row["EventLevelName"], row["Text"], row["n"]) == (5, "Verbose", "iex $x", "string")
    assert (row["SystemUserId"], row["Correlation"]) == ("S-1-5-18", "{C1}")
    assert row["TimeGenerated"].isoformat().startswith("2026-01-02T03:04:05.006")


def test_later_events_of_a_process_know_its_command_line(bring: Bring, rows: Rows) -> None:
    bring("sysmon.json", lines(SYSMON, event(11, TargetFilename=r"C:\Temp\out.dmp")))
    (row,) = rows("DeviceFileEvents")
    assert (row["ActionType"], row["FileName"]) == ("FileCreated", "out.dmp")
    assert row["InitiatingProcessCommandLine"] == "cmd.exe /c whoami"
    assert row["InitiatingProcessParentFileName"] == "explorer.exe"


@pytest.mark.parametrize(
    ("details", "kind", "value"),
    [
        ("DWORD (0x00000010)", "Dword", "16"),
        ("QWORD (0x00000001-0x00000002)", "Qword", str((1 << 32) + 2)),
        ("Binary Data", "Binary", None),
        (r"C:\evil.exe", "String", r"C:\evil.exe"),
    ],
)
def test_a_value_in_the_registry_is_written_as_defender_does(
    bring: Bring, rows: Rows, details: str, kind: str, value: str | None
) -> None:
    bring("r.json", lines(event(13, EventType="SetValue", TargetObject=r"HKLM\Software\Run\x", Details=details)))
    (row,) = rows("DeviceRegistryEvents")
    assert (row["ActionType"], row["RegistryKey"]) == ("RegistryValueSet", r"HKEY_LOCAL_MACHINE\Software\Run")
    assert (row["RegistryValueName"], row["RegistryValueType"]) == ("x", kind)
    assert row.get("RegistryValueData") == value


def test_a_connection_inward_has_its_own_address_as_the_local_one(bring: Bring, rows: Rows) -> None:
    ends = {"SourceIp": "203.0.113.9", "SourcePort": "5000", "DestinationIp": "10.0.0.1", "DestinationPort": "445"}
    bring("n.json", lines(event(3, Initiated="false", Protocol="tcp", **ends), event(3, Initiated="true", **ends)))
    inward, outward = rows("DeviceNetworkEvents | order by ActionType desc")
    assert (inward["ActionType"], inward["LocalPort"], inward["RemoteIP"]) == (
        "InboundConnectionAccepted",
        445,
        "203.0.113.9",
    )
    assert (outward["RemoteIP"], outward["RemotePort"], outward["RemoteIPType"]) == ("10.0.0.1", 445, "Private")


def test_access_and_threads_in_other_processes_are_device_events(bring: Bring, rows: Rows) -> None:
    evidence = bring(
        "x.json",
        lines(
            event(10, SourceImage=r"C:\a\x.exe", TargetImage=r"C:\Windows\System32\lsass.exe", GrantedAccess="0x1010"),
            event(8, SourceImage=r"C:\a\x.exe", TargetImage=r"C:\Windows\System32\notepad.exe"),
            event(22, QueryName="evil.example", QueryResults="::ffff:203.0.113.7;"),
            event(17, PipeName=r"\msagent_1"),
            event(7, ImageLoaded=r"C:\a\x.dll", Hashes="SHA1=AB"),
            event(5),
        ),
    )
    assert evidence.tables == {"Event": 6, "DeviceEvents": 4, "DeviceImageLoadEvents": 1}
    found = rows("DeviceEvents | project ActionType, FileName, q = tostring(AdditionalFields.DnsQueryString)")
    assert {"ActionType": "OpenProcessApiCall", "FileName": "lsass.exe"} in found
    assert {"ActionType": "CreateRemoteThreadApiCall", "FileName": "notepad.exe"} in found
    assert {"ActionType": "DnsQueryResponse", "q": "evil.example"} in found
    assert rows("DeviceEvents | where AdditionalFields.DesiredAccess == 0x1010 | count") == [{"Count": 1}]


LOGON = {"TargetUserName": "ann", "TargetDomainName": "CORP", "LogonType": "3", "IpAddress": "203.0.113.5"}


@pytest.mark.parametrize(
    "record",
    [
        {
            "winlog": {
                "channel": "Security",
                "provider_name": "Microsoft-Windows-Security-Auditing",
                "event_id": "4624",
                "computer_name": "dc1",
                "event_data": LOGON,
            },
            "@timestamp": "2026-01-02T03:04:05.006Z",
            "message": "An account was successfully logged on.\n\nSubject:",
        },
        {
            "Event": {
                "System": {
                    "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}},
                    "EventID": {"#attributes": {"Qualifiers": ""}, "#text": 4624},
                    "Channel": "Security",
                    "Computer": "dc1",
                    "TimeCreated": {"#attributes": {"SystemTime": "2026-01-02T03:04:05.006000Z"}},
                },
                "EventData": LOGON,
            }
        },
        {
            "System": {
                "Provider": {"Name": "Microsoft-Windows-Security-Auditing"},
                "EventID": {"Value": 4624},
                "Channel": "Security",
                "Computer": "dc1",
                "TimeCreated": {"SystemTime": 1767323045.006},
            },
            "EventData": LOGON,
        },
        {
            "EventId": 4624,
            "Provider": "Microsoft-Windows-Security-Auditing",
            "Channel": "Security",
            "Computer": "dc1",
            "TimeCreated": "2026-01-02 03:04:05.0060000",
            "Payload": json.dumps({"EventData": {"Data": [{"@Name": n, "#text": v} for n, v in LOGON.items()]}}),
        },
        {
            "EventID": 4624,
            "SourceName": "Microsoft-Windows-Security-Auditing",
            "Channel": "Security",
            "Hostname": "dc1",
            "EventTime": "2026-01-02T03:04:05.006Z",
            "SourceModuleType": "im_msvistalog",
            **LOGON,
        },
    ],
    ids=["winlogbeat", "evtx", "velociraptor", "evtxecmd", "nxlog"],
)
def test_a_logon_is_the_same_whoever_collected_it(bring: Bring, rows: Rows, record: Any) -> None:
    assert bring("events.json", lines(record)).kinds == {"windows-event": 1}
    (row,) = rows("SecurityEvent | extend t = format_datetime(TimeGenerated, 'yyyy-MM-dd HH:mm:ss.fff')")
    assert row["t"] == "2026-01-02 03:04:05.006"
    assert (row["EventID"], row["Account"], row["LogonType"]) == (4624, r"CORP\ann", 3)
    assert (row["LogonTypeName"], row["IpAddress"], row["Computer"]) == ("3 - Network", "203.0.113.5", "dc1")


def test_a_value_that_would_break_xml_does_not(bring: Bring, rows: Rows) -> None:
    bring("e.json", lines(event(11, TargetFilename="a<b>&\"'\x00\x1b")))
    (row,) = rows("Event | extend x = parse_xml(EventData) | project n = array_length(x.DataItem.EventData.Data)")
    assert row["n"] > 3


@pytest.mark.parametrize(
    ("name", "content", "table", "where"),
    [
        (
            "signins.json",
            lines(
                {
                    "id": "1",
                    "createdDateTime": "2026-01-02T03:04:05Z",
                    "userPrincipalName": "ann@corp.example",
                    "appDisplayName": "Portal",
                    "ipAddress": "203.0.113.5",
                    "status": {"errorCode": 50126, "failureReason": "wrong"},
                    "location": {"city": "Bonn", "countryOrRegion": "DE"},
                }
            ),
            "SigninLogs",
            'ResultType == "50126" and Location == "DE" and tostring(LocationDetails.city) == "Bonn"'
            ' and IPAddress == "203.0.113.5" and TimeGenerated == datetime(2026-01-02T03:04:05Z)',
        ),
        (
            "diagnostics.json",
            lines(
                {
                    "time": "2026-01-02T03:04:05Z",
                    "category": "NonInteractiveUserSignInLogs",
                    "properties": {"userPrincipalName": "ann@corp.example", "createdDateTime": "2026-01-02T03:04:05Z"},
                }
            ),
            "AADNonInteractiveUserSignInLogs",
            'UserPrincipalName startswith "ann"',
        ),
        (
            "InteractiveSignIns.csv",
            "Date (UTC),Request ID,Username,Application,IP address,Location,Status,Sign-in error code\n"
            '2026-01-02T03:04:05Z,r1,ann@corp.example,Portal,203.0.113.5,"Bonn, DE",Failure,50126\n',
            "SigninLogs",
            'ResultType == "50126" and Location == "DE" and UserPrincipalName startswith "ann"',
        ),
        (
            "audit.json",
            json.dumps(
                {
                    "value": [
                        {
                            "activityDateTime": "2026-01-02T03:04:05Z",
                            "activityDisplayName": "Add user",
                            "category": "UserManagement",
                            "result": "success",
                            "initiatedBy": {"user": {"userPrincipalName": "adm@corp.example"}},
                            "targetResources": [{"displayName": "eve"}],
                        }
                    ]
                },
                indent=2,
            ),
            "AuditLogs",
            'OperationName == "Add user" and tostring(InitiatedBy.user.userPrincipalName) startswith "adm"'
            ' and tostring(TargetResources[0].displayName) == "eve" and Category == "UserManagement"',
        ),
        (
            "ual.csv",
            "RecordId,CreationDate,RecordType,Operation,UserId,AuditData\n"
            '1,2026-01-02T03:04:05Z,50,MailItemsAccessed,ann,"{""CreationTime"":""2026-01-02T03:04:05"",'
            '""Workload"":""Exchange"",""Operation"":""MailItemsAccessed"",""UserId"":""ann"",""RecordType"":50,'
            '""ClientIPAddress"":""203.0.113.5"",""Odd"":{""a"":1}}"\n',
            "OfficeActivity",
            'OfficeWorkload == "Exchange" and Client_IPAddress == "203.0.113.5" and toint(ExtraProperties.Odd.a) == 1'
            " and TimeGenerated == datetime(2026-01-02T03:04:05Z)",
        ),
        (
            "trail.json",
            json.dumps(
                {
                    "Records": [
                        {
                            "eventTime": "2026-01-02T03:04:05Z",
                            "eventSource": "s3.amazonaws.com",
                            "eventName": "GetObject",
                            "awsRegion": "eu-west-1",
                            "userIdentity": {"type": "IAMUser", "arn": "arn:x"},
                            "readOnly": True,
                            "requestParameters": {"bucketName": "b"},
                        }
                    ]
                }
            ),
            "AWSCloudTrail",
            'EventName == "GetObject" and ReadOnly and UserIdentityArn == "arn:x"'
            ' and tostring(parse_json(RequestParameters).bucketName) == "b"',
        ),
        (
            "timeline.csv",
            "Event Time,Machine Id,Computer Name,Action Type,File Name,Process Id,Additional Fields,Odd\n"
            '2026-01-02T03:04:05.1234567Z,m1,ws5,ProcessCreated,cmd.exe,42,"{""a"":1}",x\n',
            "DeviceProcessEvents",
            'DeviceName == "ws5" and ProcessId == 42 and toint(AdditionalFields.a) == 1'
            ' and tostring(AdditionalFields.Odd) == "x" and Timestamp == TimeGenerated',
        ),
        (
            "hunt.csv",
            "Timestamp,DeviceId,DeviceName,ActionType,RemoteIP,RemotePort,LocalIP,RemoteUrl,ReportId\n"
            '"Jan 2, 2026",x,y,ConnectionSuccess,203.0.113.5,443,10.0.0.1,u,5\n',
            "DeviceNetworkEvents",
            'RemotePort == 443 and ActionType == "ConnectionSuccess"',
        ),
        (
            "conn.log",
            "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
            "#fields\tts\tuid\tid.orig_h\tid.orig_p\tservice\n#types\ttime\tstring\taddr\tport\tstring\n"
            "1767323045.006000\tC1\t203.0.113.5\t5000\t-\n#close\t2026\n",
            "Zeek_conn_CL",
            'id_orig_h == "203.0.113.5" and id_orig_p == 5000 and TimeGenerated == datetime(2026-01-02T03:04:05.006Z)',
        ),
        (
            "dns.log",
            lines({"ts": 1767323045.006, "uid": "C1", "id.orig_h": "203.0.113.5", "query": "evil.example"}),
            "Zeek_dns_CL",
            'query == "evil.example"',
        ),
        (
            "eve.json",
            lines(
                {
                    "timestamp": "2026-01-02T03:04:05.006000+0100",
                    "event_type": "alert",
                    "flow_id": 1,
                    "src_ip": "203.0.113.5",
                    "alert": {"signature": "ET X"},
                }
            ),
            "Suricata_CL",
            'tostring(alert.signature) == "ET X" and TimeGenerated == datetime(2026-01-02T02:04:05.006Z)',
        ),
        (
            "messages",
            "<86>1 2026-01-02T03:04:05Z web1 sshd 77 - - Failed password for root\n",
            "Syslog",
            'Facility == "authpriv" and SeverityLevel == "info" and ProcessName == "sshd" and ProcessID == 77'
            ' and SyslogMessage == "Failed password for root"',
        ),
        (
            "auth.log",
            "Jan  2 03:04:05 web1 sshd[77]: Failed password for root\n",
            "Syslog",
            'Computer == "web1" and ProcessName == "sshd" and SyslogMessage startswith "Failed"'
            " and format_datetime(TimeGenerated, 'MM-dd HH') == '01-02 03'",
        ),
        (
            "fw.log",
            "<134>Jan 2 2026 03:04:05 fw1 CEF:0|Palo|PAN|1|threat\\|x|deny a|5|src=203.0.113.5 spt=5000 "
            "msg=a b\\=c cs1=v1 cs1Label=L odd=1\n",
            "CommonSecurityLog",
            'DeviceVendor == "Palo" and SourceIP == "203.0.113.5" and SourcePort == 5000 and Message == "a b=c"'
            ' and DeviceEventClassID == "threat|x" and DeviceCustomString1 == "v1" and AdditionalExtensions == "odd=1"',
        ),
        (
            "audit.log",
            "type=SYSCALL msg=audit(1767323045.006:7): arch=c000003e syscall=59 success=yes pid=42 "
            'comm="sh" exe="/bin/sh" key=(null)\n',
            "LinuxAuditLog",
            'RecordType == "SYSCALL" and exe == "/bin/sh" and pid == 42 and SerialNumber == "7"',
        ),
        (
            "Windows.System.Pslist.json",
            lines({"Pid": 42, "Name": "cmd.exe"}),
            "Velociraptor_Windows_System_Pslist_CL",
            'Pid == 42 and Name == "cmd.exe"',
        ),
        (
            "20260102030405_MFTECmd_$MFT_Output.csv",
            "EntryNumber,FileName,Created0x10\n5,x.exe,2026-01-02 03:04:05.0060000\n",
            "KAPE_MFTECmd_CL",
            'FileName == "x.exe" and TimeGenerated == datetime(2026-01-02T03:04:05.006Z)',
        ),
        ("things.csv", "a;b\n1;x\n", "things_CL", 'a == 1 and b == "x"'),
        (
            "SigninLogs.csv",
            "TimeGenerated [UTC],Type,UserPrincipalName\n2026-01-02T03:04:05Z,SigninLogs,ann\n",
            "SigninLogs",
            'UserPrincipalName == "ann"',
        ),
    ],
)
def test_a_file_is_known_by_what_is_in_it(
    bring: Bring, rows: Rows, name: str, content: str, table: str, where: str
) -> None:
    evidence = bring(name, content)
    assert (evidence.tables, evidence.dead) == ({table: 1}, 0)
    assert rows(f"{table} | where {where} | count") == [{"Count": 1}], rows(table)


def test_an_event_log_without_its_package_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evtx", None)
    (tmp_path / "Security.evtx").write_bytes(b"ElfFile\0" + bytes(5000))
    with pytest.raises(Invalid, match="evtx"):
        list(formats.read_evtx(tmp_path / "Security.evtx"))


def test_text_in_utf_16_is_read(bring: Bring, rows: Rows) -> None:
    bring("things.csv", "a,b\r\n1,ä\r\n".encode("utf-16"))
    assert rows("things_CL | project b") == [{"b": "ä"}]


def test_what_nobody_knows_is_reported_and_nothing_else(bring: Bring) -> None:
    evidence = bring("picture.bin", b"\x89PNG\0\0\0\0" * 10)
    assert (evidence.status, evidence.tables) == ("unknown", {})
