"""What Windows' event logs tell: those that have a table of their own, Sysmon's, and every other channel."""

from __future__ import annotations

from huntlake.detection.sigma.sources.defender import DEFENDER
from huntlake.detection.sigma.sources.log_source import Elements, Known, LogSource, named

_XML = """extract(@'<Data Name="{0}">([^<]*)</Data>', 1, EventData)"""
_EVENT_FIELDS = named(
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
    named(Provider_Name="EventSourceName", ComputerName="Computer"),
    by_name=True,
    others=_XML,
    keywords=("EventData", "Activity", "CommandLine"),
    entities=(("Host", {"FullName": "Computer"}), ("Account", {"FullName": "Account"})),
    shown=("Computer", "EventID", "Activity", "Account", "EventData"),
)


def of_channel(service: str) -> tuple[LogSource, ...]:
    """Where the events of an event log are, by the name that Sigma has for it; none of one that has no such name."""
    channels = _CHANNELS.get(service)
    return (_channel(*channels, is_spaced=service == "windefend"),) if channels else ()


KNOWN: Known = {
    **{("windows", c, ""): (*((DEFENDER[c],) if c in DEFENDER else ()), _SYSMON[c]) for c in _SYSMON},
    ("windows", "file_rename", ""): (DEFENDER["file_rename"],),
    ("windows", "ps_script", ""): (_channel(*_POWERSHELL, where="EventID == 4104"),),
    ("windows", "ps_module", ""): (_channel(*_POWERSHELL, where="EventID == 4103"),),
    ("windows", "ps_classic_start", ""): (_channel("Windows PowerShell", where="EventID == 400"),),
    ("windows", "ps_classic_provider_start", ""): (_channel("Windows PowerShell", where="EventID == 600"),),
    ("windows", "ps_classic_script", ""): (_channel("Windows PowerShell", where="EventID == 800"),),
    ("windows", "", "security"): (_SECURITY,),
    ("windows", "", ""): (_channel(),),
}
