"""Sysmon's events as Defender would have told them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from huntlake.workspace.evidence.records import Context, Row, said, stamp, written

SYSMON = "Microsoft-Windows-Sysmon"

Data = Mapping[str, Any]

MOST_PROCESSES = 200_000
"""Processes of a file that are remembered."""


def in_order(data: Data) -> dict[str, Any]:
    """The values of an event in the order of Sysmon's manifest: parsers in KQL expect them so."""
    return dict(sorted(data.items(), key=lambda item: _ORDER.get(item[0].lower(), len(_ORDER))))


def device_row(id: int, data: Data, computer: str, record: str, time: datetime | None, context: Context) -> Row | None:
    """The event in the table that Defender keeps its like in; None where it has no equal."""
    known = _EVENTS.get(id)
    if known is None:
        return None
    table, read = known
    lower = {name.lower(): value for name, value in data.items()}
    found = read(lower)
    if found is None:
        return None
    begun = context.processes
    if id == 1 and len(begun) < MOST_PROCESSES:
        begun[str(lower.get("processguid")).lower()] = _initiating(found) | {
            "InitiatingProcessParentFileName": found.get("InitiatingProcessFileName"),
            "InitiatingProcessParentId": found.get("InitiatingProcessId"),
        }
    initiator = _initiator(id, lower)
    before = begun.get(str(found.get("InitiatingProcessUniqueId", initiator.get("InitiatingProcessUniqueId"))).lower())
    row = said({**(before or {}), **initiator, **said(found)})
    if more := row.get("AdditionalFields"):
        row["AdditionalFields"] = said(more)
    at = written(time)
    shared = {"TimeGenerated": at, "Timestamp": at, "DeviceName": computer.lower(), "ReportId": _number(record)}
    return Row(table, said({**shared, **row, "SourceSystem": "Sysmon"}))


def _process(data: Data) -> dict[str, Any]:
    path, domain_name = data.get("image"), _account(data.get("user"))
    parent, parent_account = data.get("parentimage"), _account(data.get("parentuser"))
    hashes = _hashes(data.get("hashes"))
    return {
        "ActionType": "ProcessCreated",
        "FileName": _name(path),
        "FolderPath": path,
        "MD5": hashes.get("md5"),
        "SHA1": hashes.get("sha1"),
        "SHA256": hashes.get("sha256"),
        "ProcessId": _number(data.get("processid")),
        "ProcessUniqueId": data.get("processguid"),
        "ProcessCommandLine": data.get("commandline"),
        "ProcessCreationTime": written_utc(data.get("utctime")),
        "ProcessIntegrityLevel": data.get("integritylevel"),
        "ProcessVersionInfoCompanyName": data.get("company"),
        "ProcessVersionInfoProductName": data.get("product"),
        "ProcessVersionInfoProductVersion": data.get("fileversion"),
        "ProcessVersionInfoFileDescription": data.get("description"),
        "ProcessVersionInfoOriginalFileName": data.get("originalfilename"),
        "CreatedProcessSessionId": _number(data.get("terminalsessionid")),
        "AccountDomain": domain_name[0],
        "AccountName": domain_name[1],
        "LogonId": _number(data.get("logonid")),
        "InitiatingProcessId": _number(data.get("parentprocessid")),
        "InitiatingProcessUniqueId": data.get("parentprocessguid"),
        "InitiatingProcessFileName": _name(parent),
        "InitiatingProcessFolderPath": parent,
        "InitiatingProcessCommandLine": data.get("parentcommandline"),
        "InitiatingProcessAccountDomain": parent_account[0],
        "InitiatingProcessAccountName": parent_account[1],
        "AdditionalFields": {
            "CurrentDirectory": data.get("currentdirectory"),
            "IMPHASH": hashes.get("imphash"),
            "LogonGuid": data.get("logonguid"),
            "RuleName": _rule(data),
        },
    }


def _initiating(process: Data) -> dict[str, Any]:
    """What other events of a process say of it, by what was said as it began."""
    names = {
        "InitiatingProcessFileName": "FileName",
        "InitiatingProcessFolderPath": "FolderPath",
        "InitiatingProcessCommandLine": "ProcessCommandLine",
        "InitiatingProcessCreationTime": "ProcessCreationTime",
        "InitiatingProcessMD5": "MD5",
        "InitiatingProcessSHA1": "SHA1",
        "InitiatingProcessSHA256": "SHA256",
        "InitiatingProcessAccountDomain": "AccountDomain",
        "InitiatingProcessAccountName": "AccountName",
        "InitiatingProcessIntegrityLevel": "ProcessIntegrityLevel",
        "InitiatingProcessVersionInfoOriginalFileName": "ProcessVersionInfoOriginalFileName",
    }
    return said({name: process.get(source) for name, source in names.items()})


def _initiator(id: int, data: Data) -> dict[str, Any]:
    """The process that did it, as the event itself says."""
    if id == 1:
        return {}
    before = "source" if id in (8, 10) else ""
    path = data.get(f"{before}image")
    domain, name = _account(data.get(f"{before}user"))
    return said(
        {
            "InitiatingProcessId": _number(data.get(f"{before}processid")),
            "InitiatingProcessUniqueId": data.get(f"{before}processguid"),
            "InitiatingProcessFileName": _name(path),
            "InitiatingProcessFolderPath": path,
            "InitiatingProcessAccountDomain": domain,
            "InitiatingProcessAccountName": name,
        }
    )


def _connection(data: Data) -> dict[str, Any]:
    outward = str(data.get("initiated")).lower() == "true"
    here, there = ("source", "destination") if outward else ("destination", "source")
    local, remote = data.get(f"{here}ip"), data.get(f"{there}ip")
    return {
        "ActionType": "ConnectionSuccess" if outward else "InboundConnectionAccepted",
        "Protocol": str(data.get("protocol") or "").capitalize(),
        "LocalIP": local,
        "LocalPort": _number(data.get(f"{here}port")),
        "LocalIPType": _reach(local),
        "RemoteIP": remote,
        "RemotePort": _number(data.get(f"{there}port")),
        "RemoteIPType": _reach(remote),
        "RemoteUrl": _absent(data.get(f"{there}hostname")),
        "AdditionalFields": {"RuleName": _rule(data)},
    }


def _file(action: str) -> Callable[[Data], dict[str, Any]]:
    def read(data: Data) -> dict[str, Any]:
        path = data.get("targetfilename")
        hashes = _hashes(data.get("hashes") or data.get("hash"))
        return {
            "ActionType": action,
            "FileName": _name(path),
            "FolderPath": path,
            **{name.upper(): hashes.get(name) for name in ("md5", "sha1", "sha256")},
            "AdditionalFields": {
                "CreationUtcTime": data.get("creationutctime"),
                "PreviousCreationUtcTime": data.get("previouscreationutctime"),
                "RuleName": _rule(data),
            },
        }

    return read


def _registry(data: Data) -> dict[str, Any] | None:
    action = _REGISTRY.get(str(data.get("eventtype")))
    if action is None:
        return None
    key, value = _hive(str(data.get("targetobject") or "")), ""
    if action.startswith("RegistryValue"):
        key, _, value = key.rpartition("\\")
    details, kind = data.get("details"), ""
    if details is not None and action == "RegistryValueSet":
        kind = "String"
        if number := re.fullmatch(r"([DQ])WORD \((0x[0-9a-fA-F]+(?:-0x[0-9a-fA-F]+)?)\)", str(details)):
            kind = "Dword" if number[1] == "D" else "Qword"
            # A QWORD is written in two halves.
            high, _, low = number[2].partition("-")
            details = str((int(high, 16) << 32) + int(low, 16) if low else int(high, 16))
        elif details == "Binary Data":
            kind, details = "Binary", ""
    if action == "RegistryKeyRenamed":
        previous, key = key, _hive(str(data.get("newname") or ""))
        return {"ActionType": action, "RegistryKey": key, "PreviousRegistryKey": previous}
    return {
        "ActionType": action,
        "RegistryKey": key,
        "RegistryValueName": value,
        "RegistryValueData": details,
        "RegistryValueType": kind,
    }


def _image(action: str) -> Callable[[Data], dict[str, Any]]:
    def read(data: Data) -> dict[str, Any]:
        path, hashes = data.get("imageloaded"), _hashes(data.get("hashes"))
        digests = {name.upper(): hashes.get(name) for name in ("md5", "sha1", "sha256")}
        return {"ActionType": action, "FileName": _name(path), "FolderPath": path, **digests}

    return read


def _into_process(action: str, *more: str) -> Callable[[Data], dict[str, Any]]:
    def read(data: Data) -> dict[str, Any]:
        path = data.get("targetimage")
        domain, name = _account(data.get("targetuser"))
        extra = {_SHOWN.get(m, m): data.get(m) for m in more}
        if "DesiredAccess" in extra:
            extra["DesiredAccess"] = _number(extra["DesiredAccess"])
        return {
            "ActionType": action,
            "FileName": _name(path),
            "FolderPath": path,
            "ProcessId": _number(data.get("targetprocessid")),
            "AccountDomain": domain,
            "AccountName": name,
            "AdditionalFields": extra | {"RuleName": _rule(data)},
        }

    return read


def _pipe(operation: str) -> Callable[[Data], dict[str, Any]]:
    def read(data: Data) -> dict[str, Any]:
        name = str(data.get("pipename") or "")
        more = {"PipeName": f"\\Device\\NamedPipe{name}", "FileOperation": operation, "RuleName": _rule(data)}
        return {"ActionType": "NamedPipeEvent", "AdditionalFields": more}

    return read


def _dns(data: Data) -> dict[str, Any]:
    more = {
        "DnsQueryString": data.get("queryname"),
        "DnsQueryResult": data.get("queryresults"),
        "DnsQueryStatus": data.get("querystatus"),
        "RuleName": _rule(data),
    }
    return {"ActionType": "DnsQueryResponse", "AdditionalFields": more}


def _wmi_binding(data: Data) -> dict[str, Any]:
    more = {"Consumer": data.get("consumer"), "Filter": data.get("filter"), "Operation": data.get("operation")}
    domain, name = _account(data.get("user"))
    return {
        "ActionType": "WmiBindEventFilterToConsumer",
        "AccountDomain": domain,
        "AccountName": name,
        "AdditionalFields": more,
    }


_EVENTS: dict[int, tuple[str, Callable[[Data], dict[str, Any] | None]]] = {
    1: ("DeviceProcessEvents", _process),
    2: ("DeviceEvents", _file("FileTimestampModificationEvent")),
    3: ("DeviceNetworkEvents", _connection),
    6: ("DeviceEvents", _image("DriverLoad")),
    7: ("DeviceImageLoadEvents", _image("ImageLoaded")),
    8: (
        "DeviceEvents",
        _into_process("CreateRemoteThreadApiCall", "startaddress", "startmodule", "startfunction", "newthreadid"),
    ),
    10: ("DeviceEvents", _into_process("OpenProcessApiCall", "grantedaccess", "calltrace")),
    11: ("DeviceFileEvents", _file("FileCreated")),
    12: ("DeviceRegistryEvents", _registry),
    13: ("DeviceRegistryEvents", _registry),
    14: ("DeviceRegistryEvents", _registry),
    15: ("DeviceFileEvents", _file("FileCreated")),
    17: ("DeviceEvents", _pipe("File created")),
    18: ("DeviceEvents", _pipe("File opened")),
    21: ("DeviceEvents", _wmi_binding),
    22: ("DeviceEvents", _dns),
    23: ("DeviceFileEvents", _file("FileDeleted")),
    26: ("DeviceFileEvents", _file("FileDeleted")),
}
"""Each event that Defender has an equal of: its table, and how its columns are found."""

_REGISTRY = {
    "CreateKey": "RegistryKeyCreated",
    "DeleteKey": "RegistryKeyDeleted",
    "DeleteValue": "RegistryValueDeleted",
    "SetValue": "RegistryValueSet",
    "RenameKey": "RegistryKeyRenamed",
}
_HIVES = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKU": "HKEY_USERS",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCR": "HKEY_CLASSES_ROOT",
}
_SHOWN = {
    "grantedaccess": "DesiredAccess",
    "calltrace": "CallTrace",
    "startaddress": "StartAddress",
    "startmodule": "StartModule",
    "startfunction": "StartFunction",
    "newthreadid": "NewThreadId",
}
_ORDER = {
    name.lower(): i
    for i, name in enumerate(
        "RuleName EventType UtcTime SourceProcessGuid SourceProcessId SourceThreadId SourceImage TargetProcessGuid"
        " TargetProcessId TargetImage NewThreadId StartAddress StartModule StartFunction GrantedAccess CallTrace"
        " SourceUser TargetUser ProcessGuid ProcessId QueryName QueryStatus QueryResults PipeName Image ImageLoaded"
        " TargetFilename CreationUtcTime PreviousCreationUtcTime TargetObject Details NewName FileVersion Description"
        " Product Company OriginalFileName CommandLine CurrentDirectory User LogonGuid LogonId TerminalSessionId"
        " IntegrityLevel Hashes Signed Signature SignatureStatus IsExecutable Archived Protocol Initiated SourceIsIpv6"
        " SourceIp SourceHostname SourcePort SourcePortName DestinationIsIpv6 DestinationIp DestinationHostname"
        " DestinationPort DestinationPortName ParentProcessGuid ParentProcessId ParentImage ParentCommandLine"
        " ParentUser".split()
    )
}


def written_utc(value: Any) -> str | None:
    """One of Sysmon's own times, which are UTC, as a row has it."""
    time = stamp(value)
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}Z" if time and time.year > 999 else None


def _rule(data: Data) -> Any:
    return _absent(data.get("rulename"))


def _absent(value: Any) -> Any:
    return None if value == "-" else value


def _name(path: Any) -> str | None:
    return str(path).rsplit("\\", 1)[-1] if path else None


def _account(user: Any) -> tuple[str, str]:
    domain, _, name = str(user or "").rpartition("\\")
    return ("", "") if name == "-" else (domain.lower(), name.lower())


def _hashes(text: Any) -> dict[str, str]:
    pairs = (part.partition("=") for part in str(text or "").split(","))
    return {name.strip().lower(): value.lower() for name, equals, value in pairs if equals}


def _hive(key: str) -> str:
    short, slash, rest = key.partition("\\")
    return _HIVES.get(short, short) + slash + rest


def _number(value: Any) -> int | None:
    try:
        number = value if isinstance(value, int) else int(str(value), 0)
    except ValueError:
        return None
    return number if -(2**63) <= number < 2**63 else None


def _reach(address: Any) -> str | None:
    try:
        known = ip_address(str(address))
    except ValueError:
        return None
    if known.is_loopback:
        return "Loopback"
    if known.is_multicast:
        return "Multicast"
    if known.is_link_local:
        return "LinkLocal"
    return "Private" if known.is_private else "Public"
