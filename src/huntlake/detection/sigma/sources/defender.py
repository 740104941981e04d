"""What Defender for Endpoint's tables tell of processes, files, registry, network and threats."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from huntlake.detection.sigma.sources.log_source import Field, Hashes, Known, LogSource, Tail, Text, named

_DEVICE = ("Host", {"FullName": "DeviceName"})
_ACTS = ("Account", {"Name": "InitiatingProcessAccountName", "NTDomain": "InitiatingProcessAccountDomain"})
_ACTOR_PROCESS = ("Process", {"CommandLine": "InitiatingProcessCommandLine", "ProcessId": "InitiatingProcessId"})
_ACTOR_SHOWN = (
    "DeviceName",
    "ActionType",
    "InitiatingProcessAccountDomain",
    "InitiatingProcessAccountName",
    "InitiatingProcessId",
    "InitiatingProcessFolderPath",
    "InitiatingProcessCommandLine",
)
_ACTOR = named(
    Image="InitiatingProcessFolderPath",
    CommandLine="InitiatingProcessCommandLine",
    ProcessId="InitiatingProcessId",
    IntegrityLevel="InitiatingProcessIntegrityLevel",
    ParentImage=Tail("InitiatingProcessParentFileName"),
    User=r'strcat(InitiatingProcessAccountDomain, "\\", InitiatingProcessAccountName)',
    Computer="DeviceName",
)
_INTO = named(
    SourceImage="InitiatingProcessFolderPath",
    SourceCommandLine="InitiatingProcessCommandLine",
    SourceParentImage=Tail("InitiatingProcessParentFileName"),
    SourceUser=r'strcat(InitiatingProcessAccountDomain, "\\", InitiatingProcessAccountName)',
    TargetImage="FolderPath",
    Computer="DeviceName",
)
_PLAIN_HASHES = MappingProxyType({"MD5": "MD5", "SHA1": "SHA1", "SHA256": "SHA256"})


def _device(table: str, action: str = "", *, shown: tuple[str, ...] = (), **fields: str | Field) -> LogSource:
    """A table of Defender about what a process did."""
    return LogSource(
        table,
        f'ActionType == "{action}"' if action else "",
        {**_ACTOR, **named(**fields)},
        keywords=("InitiatingProcessCommandLine", *(("FolderPath",) if "FolderPath" in shown else ())),
        entities=(_DEVICE, _ACTS, _ACTOR_PROCESS),
        shown=(*_ACTOR_SHOWN, *shown),
    )


def _into(action: str, **fields: str) -> LogSource:
    """What a process did to another one."""
    return LogSource(
        "DeviceEvents",
        f'ActionType == "{action}"',
        {**_INTO, **named(**fields)},
        entities=(_DEVICE, _ACTS, _ACTOR_PROCESS),
        shown=(*_ACTOR_SHOWN, "FolderPath"),
    )


_PROCESS = LogSource(
    "DeviceProcessEvents",
    "",
    named(
        Image="FolderPath",
        CommandLine="ProcessCommandLine",
        ProcessId="ProcessId",
        OriginalFileName="ProcessVersionInfoOriginalFileName",
        Description="ProcessVersionInfoFileDescription",
        Product="ProcessVersionInfoProductName",
        Company="ProcessVersionInfoCompanyName",
        FileVersion="ProcessVersionInfoProductVersion",
        ParentImage="InitiatingProcessFolderPath",
        ParentCommandLine="InitiatingProcessCommandLine",
        ParentProcessId="InitiatingProcessId",
        GrandParentImage=Tail("InitiatingProcessParentFileName"),
        IntegrityLevel="ProcessIntegrityLevel",
        CurrentDirectory="tostring(AdditionalFields.CurrentDirectory)",
        LogonId='strcat("0x", tohex(LogonId))',
        User=r'strcat(AccountDomain, "\\", AccountName)',
        ParentUser=r'strcat(InitiatingProcessAccountDomain, "\\", InitiatingProcessAccountName)',
        Hashes=Hashes({**_PLAIN_HASHES, "IMPHASH": "tostring(AdditionalFields.IMPHASH)"}),
        Computer="DeviceName",
    ),
    keywords=("ProcessCommandLine", "FolderPath", "InitiatingProcessCommandLine", "InitiatingProcessFolderPath"),
    entities=(
        _DEVICE,
        ("Account", {"Name": "AccountName", "NTDomain": "AccountDomain"}),
        ("Process", {"CommandLine": "ProcessCommandLine", "ProcessId": "ProcessId"}),
    ),
    shown=(
        "DeviceName",
        "AccountDomain",
        "AccountName",
        "ProcessId",
        "FolderPath",
        "ProcessCommandLine",
        "InitiatingProcessFolderPath",
        "InitiatingProcessCommandLine",
    ),
)


def _file(action: str, **more: str | Field) -> LogSource:
    return _device(
        "DeviceFileEvents",
        action,
        shown=("FolderPath", "SHA256"),
        TargetFilename="FolderPath",
        Hashes=Hashes(_PLAIN_HASHES),
        **more,
    )


def _registry(*actions: str) -> LogSource:
    listed = ", ".join(f'"{a}"' for a in actions)
    # Sysmon shortens the hives, and tells the current control set; Defender tells the hive's whole name and the set.
    key = (
        r'replace_regex(replace_string(replace_string(replace_string(strcat({}, "\\", RegistryValueName), '
        r'"HKEY_LOCAL_MACHINE", "HKLM"), "HKEY_USERS", "HKU"), "HKEY_CURRENT_USER\\S-1-", "HKU\\S-1-"), '
        r'@"(?i)\\ControlSet00\d\\", @"\\CurrentControlSet\\")'
    )
    # Sysmon tells of a key that gets a new name under the old one.
    old = key.format('iff(ActionType == "RegistryKeyRenamed", PreviousRegistryKey, RegistryKey)')
    key = key.format("RegistryKey")
    number = "tohex(tolong(RegistryValueData), {})"
    high, low = (f"substring({number.format(16)}, {at}, 8)" for at in (0, 8))
    source = _device(
        "DeviceRegistryEvents",
        shown=("RegistryKey", "RegistryValueName", "RegistryValueData"),
        TargetObject=rf'trim_end(@"\\", {old})',
        NewName=rf'trim_end(@"\\", {key})',
        Details=(
            f'case(RegistryValueType =~ "Dword", strcat("DWORD (0x", {number.format(8)}, ")"), '
            f'RegistryValueType =~ "Qword", strcat("QWORD (0x", {high}, "-0x", {low}, ")"), '
            'RegistryValueType =~ "Binary", "Binary Data", '
            'ActionType == "RegistryValueSet" and isempty(RegistryValueData), "(Empty)", RegistryValueData)'
        ),
        EventType=(
            'case(ActionType == "RegistryValueSet", "SetValue", ActionType == "RegistryValueDeleted", "DeleteValue", '
            'ActionType == "RegistryKeyDeleted", "DeleteKey", ActionType == "RegistryKeyRenamed", "RenameKey", '
            '"CreateKey")'
        ),
    )
    return LogSource(
        source.table, f"ActionType in ({listed})", source.fields, entities=source.entities, shown=source.shown
    )


def _either(inward: str, outward: str) -> str:
    return f'iff(ActionType startswith "Inbound", {inward}, {outward})'


_CONNECTION = _device(
    "DeviceNetworkEvents",
    shown=("LocalIP", "LocalPort", "RemoteIP", "RemotePort", "RemoteUrl", "Protocol"),
    DestinationIp=_either("LocalIP", "RemoteIP"),
    DestinationPort=_either("tostring(LocalPort)", "tostring(RemotePort)"),
    DestinationHostname=_either('""', "RemoteUrl"),
    SourceIp=_either("RemoteIP", "LocalIP"),
    SourcePort=_either("tostring(RemotePort)", "tostring(LocalPort)"),
    Protocol="Protocol",
    Initiated=_either('"false"', '"true"'),
)
_CONNECTION = LogSource(
    _CONNECTION.table,
    fields=_CONNECTION.fields,
    entities=(*_CONNECTION.entities, ("IP", {"Address": "RemoteIP"})),
    shown=_CONNECTION.shown,
)

DEFENDER = {
    "process_creation": _PROCESS,
    "image_load": _device(
        "DeviceImageLoadEvents",
        shown=("FolderPath", "SHA256"),
        ImageLoaded="FolderPath",
        Hashes=Hashes(_PLAIN_HASHES),
    ),
    "driver_load": _device(
        "DeviceEvents",
        "DriverLoad",
        shown=("FolderPath", "SHA256"),
        ImageLoaded="FolderPath",
        Hashes=Hashes(_PLAIN_HASHES),
    ),
    "file_event": _file("FileCreated"),
    "file_delete": _file("FileDeleted"),
    "file_rename": _file(
        "FileRenamed",
        SourceFilename=r'strcat(PreviousFolderPath, iff(PreviousFolderPath endswith "\\", "", "\\"), PreviousFileName)',
    ),
    "registry_set": _registry("RegistryValueSet"),
    "registry_add": _registry("RegistryKeyCreated"),
    "registry_delete": _registry("RegistryKeyDeleted", "RegistryValueDeleted"),
    "registry_rename": _registry("RegistryKeyRenamed"),
    "registry_event": _registry(
        "RegistryValueSet", "RegistryKeyCreated", "RegistryKeyDeleted", "RegistryValueDeleted", "RegistryKeyRenamed"
    ),
    "network_connection": _CONNECTION,
    "create_remote_thread": _into(
        "CreateRemoteThreadApiCall",
        StartFunction="tostring(AdditionalFields.StartFunction)",
        StartModule="tostring(AdditionalFields.StartModule)",
        StartAddress="tostring(AdditionalFields.StartAddress)",
    ),
    "process_access": _into(
        "OpenProcessApiCall",
        CallTrace="tostring(AdditionalFields.CallTrace)",
        GrantedAccess='strcat("0x", tohex(tolong(AdditionalFields.DesiredAccess)))',
    ),
    "pipe_created": _device(
        "DeviceEvents",
        "NamedPipeEvent",
        shown=("AdditionalFields",),
        PipeName=r'replace_string(tostring(AdditionalFields.PipeName), @"\Device\NamedPipe", "")',
    ),
    "dns_query": _device(
        "DeviceEvents",
        "DnsQueryResponse",
        shown=("AdditionalFields",),
        QueryName="tostring(AdditionalFields.DnsQueryString)",
        QueryResults="tostring(AdditionalFields.DnsQueryResult)",
    ),
}
"""By the category of Sigma, where Windows' events are."""


def _on_unix(source: LogSource) -> LogSource:
    """The source as rules for Linux and macOS ask it: their accounts have no domain, and their sessions are decimal."""
    fields = dict(source.fields)
    account = "AccountName" if source is _PROCESS else "InitiatingProcessAccountName"
    fields["user"] = Text((account,))
    if source is _PROCESS:
        fields["logonid"] = Text(("LogonId",))
    return replace(source, fields=fields)


_ANTIVIRUS = LogSource(
    "DeviceEvents",
    'ActionType == "AntivirusDetection"',
    named(
        Signature="tostring(parse_json(AdditionalFields).ThreatName)",
        Filename='strcat(FolderPath, iff(FolderPath endswith FileName, "", strcat("\\\\", FileName)))',
    ),
    keywords=("tostring(AdditionalFields)",),
    entities=(_DEVICE, _ACTS),
    shown=(*_ACTOR_SHOWN, "FolderPath", "FileName", "AdditionalFields"),
)

KNOWN: Known = {
    **{
        (product, category, ""): (_on_unix(DEFENDER[category]),)
        for product in ("linux", "macos")
        for category in ("process_creation", "file_event", "file_delete", "network_connection")
    },
    ("", "antivirus", ""): (_ANTIVIRUS,),
}
