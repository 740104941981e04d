"""Where the events of Sigma's log sources are: tables, and columns for Sigma's fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True)
class Text:
    """A field whose value any of these holds: columns, or expressions that are strings."""

    expressions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tail:
    r"""A path of which only the last part, the file's name, is known: it can be asked for by `\name` at its end."""

    expression: str


@dataclass(frozen=True, slots=True)
class Hashes:
    """Hashes as Sysmon lists them, `SHA256=…`, which have columns of their own; algorithms in capitals."""

    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Elements:
    """A field that is a list, in a text of XML or JSON: a test is met by any of its members."""

    expression: str
    form: Literal["xml", "json"]


Field = Text | Tail | Hashes | Elements


@dataclass(frozen=True, slots=True)
class LogSource:
    """Rows of a table, and how they are asked for Sigma's fields, whose names here are in small letters.

    `others` is an expression for a field that isn't listed, with `{0}` for its name in a regex; `known`, where there is
    one, are the only names that it may be asked for. `entities` are types with identifiers and columns, and `shown` the
    columns that each result has, of which one may be `Name = expression`.
    """

    table: str
    where: str = ""
    fields: Mapping[str, Field] = field(default_factory=dict)
    by_name: bool = False
    """Whether columns have the names of fields that aren't listed."""
    others: str = ""
    known: frozenset[str] = frozenset()
    is_spaced: bool = False
    """Whether names of others have spaces between their words."""
    keywords: tuple[str, ...] = ()
    entities: tuple[tuple[str, Mapping[str, str]], ...] = ()
    shown: tuple[str, ...] = ()


def sources(product: str | None, category: str | None, service: str | None) -> tuple[LogSource, ...]:
    """The places where events of a log source may be, the best first; none where nobody knows any."""
    product, category, service = (x.lower() if x else "" for x in (product, category, service))
    keys = [(product, category, service)]
    if category:
        keys += [(product, category, ""), ("", category, "")]
    elif service:
        keys.append(("", "", service))
    for key in keys:
        if found := _KNOWN.get(key):
            return found
    if product == "windows" and not category:
        channels = _CHANNELS.get(service)
        return (_channel(*channels, is_spaced=service == "windefend"),) if channels else ()
    return ()


def _fields(**named: str | tuple[str, ...] | Field) -> dict[str, Field]:
    """Fields by name; `__` stands for a dot, and `_` before a name for nothing."""
    found: dict[str, Field] = {}
    for name, value in named.items():
        made = value if isinstance(value, Field) else Text((value,) if isinstance(value, str) else value)
        found[name.strip("_").replace("__", ".").lower()] = made
    return found


def _dashed(fields: Mapping[str, Field]) -> dict[str, Field]:
    return {name.replace("_", "-"): value for name, value in fields.items()}


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
_ACTOR = _fields(
    Image="InitiatingProcessFolderPath",
    CommandLine="InitiatingProcessCommandLine",
    ProcessId="InitiatingProcessId",
    IntegrityLevel="InitiatingProcessIntegrityLevel",
    ParentImage=Tail("InitiatingProcessParentFileName"),
    User=r'strcat(InitiatingProcessAccountDomain, "\\", InitiatingProcessAccountName)',
    Computer="DeviceName",
)
_INTO = _fields(
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
        {**_ACTOR, **_fields(**fields)},
        keywords=("InitiatingProcessCommandLine", *(("FolderPath",) if "FolderPath" in shown else ())),
        entities=(_DEVICE, _ACTS, _ACTOR_PROCESS),
        shown=(*_ACTOR_SHOWN, *shown),
    )


def _into(action: str, **fields: str) -> LogSource:
    """What a process did to another one."""
    return LogSource(
        "DeviceEvents",
        f'ActionType == "{action}"',
        {**_INTO, **_fields(**fields)},
        entities=(_DEVICE, _ACTS, _ACTOR_PROCESS),
        shown=(*_ACTOR_SHOWN, "FolderPath"),
    )


_PROCESS = LogSource(
    "DeviceProcessEvents",
    "",
    _fields(
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

_XML = """extract(@'<Data Name="{0}">([^<]*)</Data>', 1, EventData)"""
_EVENT_FIELDS = _fields(
    EventID="EventID",
    Provider_Name="Source",
    Channel="EventLog",
    Level="EventLevel",
    Computer="Computer",
    ComputerName="Computer",
    Message="RenderedDescription",
    Data=Elements("EventData", "xml"),
)


def _channel(*channels: str, where: str = "", known: str = "", is_spaced: bool = False) -> LogSource:
    """Events of Windows that have no table of their own."""
    listed = ", ".join(f'"{c}"' for c in channels)
    test = f"EventLog =~ {listed}" if len(channels) == 1 else f"EventLog in~ ({listed})"
    tests = [test] * bool(channels) + [where] * bool(where)
    return LogSource(
        "Event",
        " and ".join(tests),
        _EVENT_FIELDS,
        others=_XML,
        known=frozenset(known.lower().split()),
        is_spaced=is_spaced,
        keywords=("EventData", "RenderedDescription"),
        entities=(("Host", {"FullName": "Computer"}), ("Account", {"FullName": "UserName"})),
        shown=("Computer", "EventLog", "Source", "EventID", "UserName", "EventData"),
    )


def _sysmon(known: str, *ids: int) -> LogSource:
    listed = ", ".join(map(str, ids))
    shared = "RuleName UtcTime ProcessGuid ProcessId Image User EventType"
    where = f'Source == "Microsoft-Windows-Sysmon" and EventID in ({listed})'
    return _channel(where=where, known=f"{shared} {known}")


_TWO = (
    "SourceProcessGuid SourceProcessId SourceImage TargetProcessGuid TargetProcessId TargetImage SourceUser TargetUser"
)
_SYSMON = {
    "process_creation": _sysmon(
        "FileVersion Description Product Company OriginalFileName CommandLine CurrentDirectory LogonGuid LogonId "
        "TerminalSessionId IntegrityLevel Hashes ParentProcessGuid ParentProcessId ParentImage ParentCommandLine "
        "ParentUser",
        1,
    ),
    "file_change": _sysmon("TargetFilename CreationUtcTime PreviousCreationUtcTime", 2),
    "network_connection": _sysmon(
        "Protocol Initiated SourceIsIpv6 SourceIp SourceHostname SourcePort SourcePortName DestinationIsIpv6 "
        "DestinationIp DestinationHostname DestinationPort DestinationPortName",
        3,
    ),
    "process_termination": _sysmon("", 5),
    "driver_load": _sysmon("ImageLoaded Hashes Signed Signature SignatureStatus", 6),
    "image_load": _sysmon(
        "ImageLoaded FileVersion Description Product Company OriginalFileName Hashes Signed Signature SignatureStatus",
        7,
    ),
    "create_remote_thread": _sysmon(f"{_TWO} NewThreadId StartAddress StartModule StartFunction", 8),
    "raw_access_thread": _sysmon("Device", 9),
    "process_access": _sysmon(f"{_TWO} GrantedAccess CallTrace", 10),
    "file_event": _sysmon("TargetFilename CreationUtcTime", 11),
    "registry_add": _sysmon("TargetObject", 12),
    "registry_delete": _sysmon("TargetObject", 12),
    "registry_set": _sysmon("TargetObject Details", 13),
    "registry_rename": _sysmon("TargetObject NewName", 14),
    "registry_event": _sysmon("TargetObject Details NewName", 12, 13, 14),
    "create_stream_hash": _sysmon("TargetFilename CreationUtcTime Hash Contents", 15),
    "pipe_created": _sysmon("PipeName", 17, 18),
    "wmi_event": _sysmon("Operation EventNamespace Name Query Type Destination Consumer Filter", 19, 20, 21),
    "dns_query": _sysmon("QueryName QueryStatus QueryResults", 22),
    "file_delete": _sysmon("TargetFilename Hashes IsExecutable Archived", 23, 26),
    "clipboard_capture": _sysmon("Session ClientInfo Hashes Archived", 24),
    "process_tampering": _sysmon("Type", 25),
    "file_block_executable": _sysmon("TargetFilename Hashes", 27),
    "file_block_shredding": _sysmon("TargetFilename Hashes IsExecutable", 28),
    "file_executable_detected": _sysmon("TargetFilename Hashes", 29),
    "sysmon_status": _sysmon("State Version SchemaVersion Configuration ConfigurationFileHash", 4, 16),
    "sysmon_error": _sysmon("ID Description", 255),
}
_DEFENDER = {
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


def _on_unix(source: LogSource) -> LogSource:
    """The source as rules for Linux and macOS ask it: their accounts have no domain, and their sessions are decimal."""
    fields = dict(source.fields)
    account = "AccountName" if source is _PROCESS else "InitiatingProcessAccountName"
    fields["user"] = Text((account,))
    if source is _PROCESS:
        fields["logonid"] = Text(("LogonId",))
    return replace(source, fields=fields)


_POWERSHELL = ("Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational")
_CHANNELS: dict[str, tuple[str, ...]] = {
    "application": ("Application",),
    "applocker": (
        "Microsoft-Windows-AppLocker/EXE and DLL",
        "Microsoft-Windows-AppLocker/MSI and Script",
        "Microsoft-Windows-AppLocker/Packaged app-Deployment",
        "Microsoft-Windows-AppLocker/Packaged app-Execution",
    ),
    "appmodel-runtime": ("Microsoft-Windows-AppModel-Runtime/Admin",),
    "appxdeployment-server": ("Microsoft-Windows-AppXDeploymentServer/Operational",),
    "appxpackaging-om": ("Microsoft-Windows-AppxPackaging/Operational",),
    "bits-client": ("Microsoft-Windows-Bits-Client/Operational",),
    "capi2": ("Microsoft-Windows-CAPI2/Operational",),
    "certificateservicesclient-lifecycle-system": (
        "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational",
    ),
    "codeintegrity-operational": ("Microsoft-Windows-CodeIntegrity/Operational",),
    "dhcp": ("Microsoft-Windows-DHCP-Server/Operational",),
    "diagnosis-scripted": ("Microsoft-Windows-Diagnosis-Scripted/Operational",),
    "dns-client": ("Microsoft-Windows-DNS Client Events/Operational", "Microsoft-Windows-DNS-Client/Operational"),
    "dns-server": ("DNS Server",),
    "dns-server-analytic": ("Microsoft-Windows-DNS-Server/Analytical",),
    "driver-framework": ("Microsoft-Windows-DriverFrameworks-UserMode/Operational",),
    "firewall-as": ("Microsoft-Windows-Windows Firewall With Advanced Security/Firewall",),
    "hyper-v-worker": ("Microsoft-Windows-Hyper-V-Worker-Admin",),
    "iis-configuration": ("Microsoft-IIS-Configuration/Operational",),
    "kernel-event-tracing": ("Microsoft-Windows-Kernel-EventTracing/Admin",),
    "kernel-shimengine": ("Microsoft-Windows-Kernel-ShimEngine/Operational",),
    "ldap": ("Microsoft-Windows-LDAP-Client/Debug",),
    "lsa-server": ("Microsoft-Windows-LSA/Operational",),
    "microsoft-servicebus-client": ("Microsoft-ServiceBus-Client/Operational", "Microsoft-ServiceBus-Client/Admin"),
    "msexchange-management": ("MSExchange Management",),
    "ntfs": ("Microsoft-Windows-Ntfs/Operational",),
    "ntlm": ("Microsoft-Windows-NTLM/Operational",),
    "openssh": ("OpenSSH/Operational",),
    "powershell": _POWERSHELL,
    "powershell-classic": ("Windows PowerShell",),
    "printservice-admin": ("Microsoft-Windows-PrintService/Admin",),
    "printservice-operational": ("Microsoft-Windows-PrintService/Operational",),
    "security-mitigations": (
        "Microsoft-Windows-Security-Mitigations/KernelMode",
        "Microsoft-Windows-Security-Mitigations/UserMode",
        "Microsoft-Windows-Security-Mitigations/Kernel Mode",
        "Microsoft-Windows-Security-Mitigations/User Mode",
    ),
    "sense": ("Microsoft-Windows-SENSE/Operational",),
    "shell-core": ("Microsoft-Windows-Shell-Core/Operational",),
    "smbclient-connectivity": ("Microsoft-Windows-SmbClient/Connectivity",),
    "smbclient-security": ("Microsoft-Windows-SmbClient/Security",),
    "smbserver-connectivity": ("Microsoft-Windows-SMBServer/Connectivity",),
    "sysmon": ("Microsoft-Windows-Sysmon/Operational",),
    "system": ("System",),
    "taskscheduler": ("Microsoft-Windows-TaskScheduler/Operational",),
    "terminalservices-localsessionmanager": ("Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",),
    "vhdmp": ("Microsoft-Windows-VHDMP/Operational",),
    "windefend": ("Microsoft-Windows-Windows Defender/Operational",),
    "wmi": ("Microsoft-Windows-WMI-Activity/Operational",),
}
"""Windows' event logs by the names that Sigma has for them."""

_SECURITY = LogSource(
    "SecurityEvent",
    "",
    _fields(Provider_Name="EventSourceName", ComputerName="Computer"),
    by_name=True,
    others=_XML,
    keywords=("EventData", "Activity", "CommandLine"),
    entities=(("Host", {"FullName": "Computer"}), ("Account", {"FullName": "Account"})),
    shown=("Computer", "EventID", "Activity", "Account", "EventData"),
)


def _syslog(where: str = "", others: str = "") -> LogSource:
    return LogSource(
        "Syslog",
        where,
        _fields(Message="SyslogMessage", ProgramName="ProcessName"),
        by_name=True,
        others=others,
        keywords=("SyslogMessage",),
        entities=(("Host", {"FullName": "Computer"}),),
        shown=("Computer", "Facility", "SeverityLevel", "ProcessName", "SyslogMessage"),
    )


def _cef(vendor: str) -> LogSource:
    extension = 'extract(@"FTNTFGT{}=([^;]*)", 1, AdditionalExtensions)'
    fortinet = _fields(cfgpath=extension.format("cfgpath"), action=("DeviceAction", extension.format("action")))
    return LogSource(
        "CommonSecurityLog",
        f'DeviceVendor =~ "{vendor}"',
        fortinet if vendor == "Fortinet" else {},
        keywords=("Message", "Activity", "AdditionalExtensions"),
        entities=(("IP", {"Address": "SourceIP"}), ("Account", {"FullName": "SourceUserName"})),
        shown=(
            "Computer",
            "DeviceProduct",
            "Activity",
            "Message",
            "SourceIP",
            "SourceUserName",
            "AdditionalExtensions",
        ),
    )


_URI = 'iff(isempty(csUriQuery), csUriStem, strcat(csUriStem, "?", csUriQuery))'
_WEB_SERVER = LogSource(
    "W3CIISLog",
    "",
    _dashed(
        _fields(
            # Rules mean the query, or all that follows the host: what a server logs as one differs.
            cs_uri_query=("csUriQuery", _URI),
            cs_uri=_URI,
            c_uri=_URI,
            cs_uri_stem="csUriStem",
            cs_method="csMethod",
            cs_user_agent="csUserAgent",
            c_useragent="csUserAgent",
            cs_referer="csReferer",
            cs_cookie="csCookie",
            cs_username="csUserName",
            cs_host="csHost",
            sc_status="scStatus",
            c_ip="cIP",
        )
    ),
    keywords=(_URI, "csUserAgent", "csReferer"),
    entities=(("IP", {"Address": "cIP"}), ("Host", {"FullName": "Computer"})),
    shown=("Computer", "cIP", "csMethod", "csUriStem", "csUriQuery", "csUserAgent", "scStatus"),
)
_PROXY = LogSource(
    "_Im_WebSession()",
    "",
    _dashed(
        _fields(
            c_useragent="HttpUserAgent",
            cs_user_agent="HttpUserAgent",
            cs_host=("HttpHost", "tostring(parse_url(Url).Host)", "DstHostname"),
            r_dns=("HttpHost", "tostring(parse_url(Url).Host)", "DstHostname"),
            c_uri="Url",
            cs_uri="Url",
            c_uri_query=("tostring(split(Url, '?', 1)[0])", "Url"),
            cs_uri_query=("tostring(split(Url, '?', 1)[0])", "Url"),
            cs_uri_stem="tostring(parse_url(Url).Path)",
            c_uri_extension=r'extract(@"\.(\w+)$", 1, tostring(parse_url(Url).Path))',
            cs_method="HttpRequestMethod",
            cs_referer="HttpReferrer",
            sc_status="EventResultDetails",
        )
    )
    | _fields(dst_ip="DstIpAddr", src_ip="SrcIpAddr"),
    keywords=("Url", "HttpUserAgent"),
    entities=(("IP", {"Address": "SrcIpAddr"}), ("URL", {"Url": "Url"}), ("Account", {"FullName": "SrcUsername"})),
    shown=("SrcIpAddr", "SrcUsername", "DstIpAddr", "HttpRequestMethod", "Url", "HttpUserAgent", "EventResultDetails"),
)
_DNS = LogSource(
    "_Im_Dns()",
    "",
    _fields(query="DnsQuery", record_type="DnsQueryTypeName", answer="DnsResponseName"),
    keywords=("DnsQuery", "DnsResponseName"),
    entities=(("IP", {"Address": "SrcIpAddr"}), ("DNS", {"DomainName": "DnsQuery"})),
    shown=("SrcIpAddr", "DnsQuery", "DnsQueryTypeName", "DnsResponseName"),
)
_FIREWALL = LogSource(
    "_Im_NetworkSession()",
    "",
    _fields(
        src_ip="SrcIpAddr",
        dst_ip="DstIpAddr",
        src_port="tostring(SrcPortNumber)",
        dst_port="tostring(DstPortNumber)",
        action="DvcAction",
    ),
    entities=(("IP", {"Address": "SrcIpAddr"}),),
    shown=("SrcIpAddr", "DstIpAddr", "DstPortNumber", "DvcAction"),
)
_AUDITD = LogSource(
    "LinuxAuditLog",
    "",
    _fields(
        type="RecordType",
        SYSCALL=("syscall", r'extract(@"SYSCALL=(\w+)", 1, RawRecord)'),
        name=("path", r'extract(@"\bname=""?([^""\s]+)", 1, RawRecord)'),
        nametype=r'extract(@"\bnametype=(\w+)", 1, RawRecord)',
        unit=r'extract(@"\bunit=([^\s]+)", 1, RawRecord)',
        # `uid` and its like are numbers; in a record they may be names, too.
    ),
    by_name=True,
    keywords=("RawRecord",),
    entities=(("Host", {"FullName": "Computer"}), ("Account", {"Name": "acct"})),
    shown=("Computer", "RecordType", "exe", "comm", "acct", "RawRecord"),
)


_CLOUD_TRAIL = LogSource(
    "AWSCloudTrail",
    "",
    _fields(
        userIdentity__type="UserIdentityType",
        userIdentity__arn="UserIdentityArn",
        userIdentity__userName="UserIdentityUserName",
        userIdentity__accountId="UserIdentityAccountId",
        userIdentity__principalId="UserIdentityPrincipalid",
        userIdentity__invokedBy="UserIdentityInvokedBy",
        userIdentity__sessionContext__sessionIssuer__type="SessionIssuerType",
        userIdentity__sessionContext__sessionIssuer__userName="SessionIssuerUserName",
        eventType="EventTypeName",
    ),
    by_name=True,
    keywords=("EventName", "RequestParameters", "ResponseElements"),
    entities=(
        ("Account", {"Name": "UserIdentityUserName", "CloudAppAccountId": "UserIdentityArn"}),
        ("IP", {"Address": "SourceIpAddress"}),
    ),
    shown=(
        "EventName",
        "EventSource",
        "UserIdentityType",
        "UserIdentityArn",
        "UserIdentityUserName",
        "SourceIpAddress",
        "UserAgent",
        "ErrorCode",
        "RequestParameters",
    ),
)
_WHO = 'tostring(coalesce(InitiatedBy.user.userPrincipalName, InitiatedBy.app.displayName, ""))'
_DIRECTORY_AUDIT = LogSource(
    "AuditLogs",
    "",
    _fields(
        properties__message=("OperationName", "ActivityDisplayName", "tostring(TargetResources)"),
        properties__result="Result",
        properties__targetResources="tostring(TargetResources)",
        Status="Result",
        ActivityType="OperationName",
        failure_status_reason="ResultReason",
        additionalDetails__additionalInfo="tostring(AdditionalDetails)",
        ConsentContext__IsAdminConsent=Elements("tostring(TargetResources)", "json"),
        targetResources__type=Elements("tostring(TargetResources)", "json"),
        TargetResources__modifiedProperties="tostring(TargetResources)",
        TargetResources__ModifiedProperties__NewValue=Elements("tostring(TargetResources)", "json"),
        TargetResources__ModifiedProperties__DisplayName=Elements("tostring(TargetResources)", "json"),
    ),
    by_name=True,
    keywords=("OperationName", "tostring(TargetResources)", "tostring(AdditionalDetails)"),
    entities=(("Account", {"FullName": "Initiator"}),),
    shown=(f"Initiator = {_WHO}", "OperationName", "Category", "Result", "LoggedByService", "TargetResources"),
)
_SIGN_INS = LogSource(
    "SigninLogs",
    "",
    _fields(
        Status='iff(ResultType == "0", "Success", "Failure")',
        ClientApp="ClientAppUsed",
        Username="UserPrincipalName",
        DeviceDetail__trusttype="tostring(DeviceDetail.trustType)",
        DeviceDetail__isCompliant="tostring(DeviceDetail.isCompliant)",
        DeviceDetail__deviceId="tostring(DeviceDetail.deviceId)",
        properties__message=("AuthenticationProtocol", "ResultDescription"),
    ),
    by_name=True,
    keywords=("ResultDescription", "AppDisplayName", "UserAgent"),
    entities=(("Account", {"FullName": "UserPrincipalName"}), ("IP", {"Address": "IPAddress"})),
    shown=("UserPrincipalName", "IPAddress", "AppDisplayName", "ResultType", "ResultDescription", "UserAgent"),
)
_RISKS = LogSource(
    "AADUserRiskEvents",
    by_name=True,
    entities=(("Account", {"FullName": "UserPrincipalName"}), ("IP", {"Address": "IpAddress"})),
    shown=("UserPrincipalName", "IpAddress", "RiskEventType", "RiskLevel", "RiskState"),
)
_ACTIVITY = LogSource(
    "AzureActivity",
    "",
    _fields(
        operationName=("OperationNameValue", "OperationName"),
        properties__message=("OperationNameValue", "OperationName", "tostring(Properties_d.message)"),
        status=("ActivityStatusValue", "ActivityStatus"),
    ),
    by_name=True,
    keywords=("OperationNameValue", "OperationName", "Properties"),
    entities=(("Account", {"FullName": "Caller"}), ("IP", {"Address": "CallerIpAddress"})),
    shown=("Caller", "CallerIpAddress", "OperationNameValue", "ActivityStatusValue", "ResourceGroup", "ResourceId"),
)
_OFFICE = LogSource(
    "OfficeActivity",
    "",
    _fields(ObjectId="OfficeObjectId", Workload="OfficeWorkload", RequestType="tostring(ExtraProperties.RequestType)"),
    by_name=True,
    keywords=("Operation", "Parameters", "tostring(ExtraProperties)"),
    entities=(("Account", {"FullName": "UserId"}), ("IP", {"Address": "ClientIP"})),
    shown=("UserId", "ClientIP", "OfficeWorkload", "Operation", "OfficeObjectId", "Parameters", "ResultStatus"),
)
_GCP = LogSource(
    "GCPAuditLogs",
    "",
    _fields(
        gcp__audit__method_name="MethodName",
        data__protoPayload__methodName="MethodName",
        data__protoPayload__serviceName="ServiceName",
        data__protoPayload__logName="LogName",
        data__protoPayload__authorizationInfo__permission=Elements("tostring(AuthorizationInfo)", "json"),
        data__protoPayload__authorizationInfo__granted="tostring(AuthorizationInfo[0].granted)",
        data__protoPayload__resource__type="GCPResourceType",
    ),
    keywords=("MethodName", "GCPResourceName", "tostring(Request)"),
    entities=(("Account", {"FullName": "PrincipalEmail"}),),
    shown=("PrincipalEmail", "MethodName", "ServiceName", "GCPResourceName", "ProjectId"),
)


def _workspace_reports(application: str) -> LogSource:
    return LogSource(
        "GoogleWorkspaceReports",
        f'ApplicationName =~ "{application}"',
        _fields(
            eventName="EventName",
            eventService='strcat(ApplicationName, ".googleapis.com")',
            protoPayload__serviceName='strcat(ApplicationName, ".googleapis.com")',
            protoPayload__metadata__event__eventName="EventName",
            new_value="NewValue",
            setting_name="tostring(EventParameters.SETTING_NAME)",
        ),
        entities=(("Account", {"FullName": "ActorEmail"}), ("IP", {"Address": "SrcIpAddr"})),
        shown=("ActorEmail", "SrcIpAddr", "ApplicationName", "EventName", "EventParameters"),
    )


_OKTA = LogSource(
    "OktaV2_CL",
    "",
    _fields(
        eventType="EventOriginalType",
        displayMessage="EventMessage",
        legacyEventType="LegacyEventType",
        outcome__result="OriginalOutcomeResult",
        outcome__reason="EventOriginalResultDetails",
        actor__alternateId="OriginalActorAlternateId",
        securityContext__isProxy="SecurityContextIsProxy",
        target__displayName=Elements("tostring(OriginalTarget)", "json"),
        target__user__type=Elements("tostring(OriginalTarget)", "json"),
        debugContext__debugData__requestUri="tostring(DebugData.requestUri)",
        debugContext__debugData__behaviors="tostring(DebugData.behaviors)",
        debugContext__debugData__logOnlySecurityData="tostring(DebugData.logOnlySecurityData)",
    ),
    keywords=("EventMessage", "EventOriginalType"),
    entities=(("Account", {"FullName": "ActorUsername"}), ("IP", {"Address": "SrcIpAddr"})),
    shown=("ActorUsername", "SrcIpAddr", "EventOriginalType", "EventMessage", "EventResult", "HttpUserAgent"),
)
_KUBERNETES = LogSource(
    "AKSAudit",
    "",
    _fields(
        objectRef__resource="tostring(ObjectRef.resource)",
        objectRef__subresource="tostring(ObjectRef.subresource)",
        objectRef__namespace="tostring(ObjectRef.namespace)",
        objectRef__apiGroup="tostring(ObjectRef.apiGroup)",
        apiGroup="tostring(ObjectRef.apiGroup)",
        responseStatus__code="tostring(ResponseStatus.code)",
        user__username="tostring(User.username)",
    ),
    by_name=True,
    keywords=("RequestUri", "tostring(RequestObject)"),
    entities=(("Account", {"FullName": "Username"}),),
    shown=("Username = tostring(User.username)", "Verb", "RequestUri", "UserAgent", "ObjectRef", "SourceIps"),
)
_GITHUB = LogSource(
    "GitHubAuditLogsV2_CL",
    by_name=True,
    entities=(("Account", {"Name": "Actor"}),),
    shown=("Actor", "Action", "Org"),
)
_DUO = LogSource(
    "CiscoDuo_CL",
    "",
    _fields(event_type="event_type_s", reason="reason_s"),
    entities=(("IP", {"Address": "access_device_ip_s"}),),
    shown=("event_type_s", "reason_s", "result_s", "access_device_ip_s"),
)
_ONE_LOGIN = LogSource(
    "OneLoginEventsV2_CL",
    "",
    _fields(event_type_id="EventTypeId"),
    entities=(("Account", {"Name": "UserName"}), ("IP", {"Address": "Ipaddr"})),
    shown=("ActorUserName", "UserName", "Ipaddr", "EventTypeId"),
)
_APPLICATION = LogSource("AppTraces", keywords=("Message",), shown=("AppRoleName", "AppRoleInstance", "Message"))
_ANTIVIRUS = LogSource(
    "DeviceEvents",
    'ActionType == "AntivirusDetection"',
    _fields(
        Signature="tostring(parse_json(AdditionalFields).ThreatName)",
        Filename='strcat(FolderPath, iff(FolderPath endswith FileName, "", strcat("\\\\", FileName)))',
    ),
    keywords=("tostring(AdditionalFields)",),
    entities=(_DEVICE, _ACTS),
    shown=(*_ACTOR_SHOWN, "FolderPath", "FileName", "AdditionalFields"),
)


def _zeek(log: str, *, texts: str = "", numbers: str = "", truths: str = "") -> LogSource:
    """A log of Zeek, as Corelight's connector keeps it."""
    fields: dict[str, Field] = {}
    for names, suffix in (
        (f"{texts} id.orig_h id.resp_h", "s"),
        (f"{numbers} id.orig_p id.resp_p", "d"),
        (truths, "b"),
    ):
        for name in names.split():
            fields[name.lower()] = Text((f"{name.replace('.', '_')}_{suffix}",))
    return LogSource(
        f"Corelight_v2_{log}_CL",
        "",
        fields,
        keywords=tuple(f"{n}_s" for n in texts.split()),
        entities=(("IP", {"Address": "id_orig_h_s"}),),
        shown=("id_orig_h_s", "id_resp_h_s"),
    )


_ZEEK = {
    "dce_rpc": _zeek("dce_rpc", texts="operation endpoint named_pipe"),
    "dns": _zeek("dns", texts="query answers qtype_name rcode_name proto", numbers="Z rcode qtype", truths="rejected"),
    "http": _zeek(
        "http",
        texts="uri host method user_agent resp_mime_types referrer post_body",
        numbers="status_code request_body_len response_body_len",
    ),
    "kerberos": _zeek("kerberos", texts="service cipher request_type client error_msg"),
    "rdp": _zeek("rdp", texts="cookie result client_name security_protocol"),
    "smb_files": _zeek("smb_files", texts="name path action"),
    "x509": LogSource(
        "Corelight_v2_x509_CL",
        fields=_fields(certificate__serial="certificate_serial_s", certificate__subject="certificate_subject_s"),
        shown=("certificate_serial_s", "certificate_subject_s", "certificate_issuer_s"),
    ),
}

_Key = tuple[str, str, str]
_KNOWN: dict[_Key, tuple[LogSource, ...]] = {
    **{("windows", c, ""): (*((_DEFENDER[c],) if c in _DEFENDER else ()), _SYSMON[c]) for c in _SYSMON},
    ("windows", "file_rename", ""): (_DEFENDER["file_rename"],),
    ("windows", "ps_script", ""): (_channel(*_POWERSHELL, where="EventID == 4104"),),
    ("windows", "ps_module", ""): (_channel(*_POWERSHELL, where="EventID == 4103"),),
    ("windows", "ps_classic_start", ""): (_channel("Windows PowerShell", where="EventID == 400"),),
    ("windows", "ps_classic_provider_start", ""): (_channel("Windows PowerShell", where="EventID == 600"),),
    ("windows", "ps_classic_script", ""): (_channel("Windows PowerShell", where="EventID == 800"),),
    ("windows", "", "security"): (_SECURITY,),
    ("windows", "", ""): (_channel(),),
    **{
        (product, category, ""): (_on_unix(_DEFENDER[category]),)
        for product in ("linux", "macos")
        for category in ("process_creation", "file_event", "file_delete", "network_connection")
    },
    ("linux", "", "auditd"): (_AUDITD,),
    ("linux", "", ""): (_syslog(),),
    ("linux", "", "syslog"): (_syslog(),),
    ("linux", "", "auth"): (_syslog('Facility in~ ("auth", "authpriv")'),),
    ("linux", "", "sshd"): (_syslog('ProcessName =~ "sshd"'),),
    ("linux", "", "sudo"): (_syslog('ProcessName =~ "sudo"', r"""extract(@"\b{0}=([^\s;]+)", 1, SyslogMessage)"""),),
    ("linux", "", "cron"): (_syslog('ProcessName in~ ("cron", "crond", "anacron")'),),
    ("linux", "", "clamav"): (_syslog('ProcessName in~ ("clamav", "clamd", "clamscan", "freshclam")'),),
    ("linux", "", "vsftpd"): (_syslog('ProcessName =~ "vsftpd"'),),
    ("linux", "", "guacamole"): (_syslog('ProcessName in~ ("guacd", "guacamole")'),),
    **{
        (product, "", service): (_syslog(),)
        for product, services in {
            "cisco": ("aaa", "syslog", "bgp", "ldp"),
            "huawei": ("bgp",),
            "juniper": ("bgp",),
        }.items()
        for service in services
    },
    ("cisco", "", "duo"): (_DUO,),
    ("fortigate", "", "event"): (_cef("Fortinet"),),
    ("fortios", "", "sslvpnd"): (_cef("Fortinet"),),
    ("paloalto", "appliance", "globalprotect"): (_cef("Palo Alto Networks"),),
    ("", "webserver", ""): (_WEB_SERVER,),
    ("", "proxy", ""): (_PROXY,),
    ("", "dns", ""): (_DNS,),
    ("", "firewall", ""): (_FIREWALL,),
    ("", "antivirus", ""): (_ANTIVIRUS,),
    ("", "", "apache"): (LogSource("ApacheHTTPServer_CL", keywords=("RawData",), shown=("Computer", "RawData")),),
    ("", "", "nginx"): (LogSource("NGINX_CL", keywords=("RawData",), shown=("RawData",)),),
    ("aws", "", "cloudtrail"): (_CLOUD_TRAIL,),
    ("azure", "", "auditlogs"): (_DIRECTORY_AUDIT,),
    ("azure", "", "signinlogs"): (_SIGN_INS,),
    ("azure", "", "riskdetection"): (_RISKS,),
    ("azure", "", "activitylogs"): (_ACTIVITY,),
    ("m365", "", "audit"): (_OFFICE,),
    ("gcp", "", "gcp.audit"): (_GCP,),
    ("gcp", "", "google_workspace.admin"): (_workspace_reports("admin"),),
    ("gcp", "", "google_workspace.login"): (_workspace_reports("login"),),
    ("okta", "", "okta"): (_OKTA,),
    ("kubernetes", "", "audit"): (_KUBERNETES,),
    ("kubernetes", "application", "audit"): (_KUBERNETES,),
    ("github", "", "audit"): (_GITHUB,),
    ("onelogin", "", "onelogin.events"): (_ONE_LOGIN,),
    **{("zeek", "", log): (source,) for log, source in _ZEEK.items()},
    **{
        (product, "application", ""): (_APPLICATION,)
        for product in ("jvm", "spring", "django", "python", "ruby_on_rails", "nodejs", "velocity")
    },
}
"""Product, category and service, of which one or two may be empty, and where their events are."""
