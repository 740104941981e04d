"""The types of entities, and what identifies one of each: Sentinel's names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_START = re.compile(r"[A-Z]+(?=[A-Z][a-z]|[0-9]|$)|[A-Z]")


@dataclass(frozen=True)
class EntityType:
    """A type of entity.

    `kind` is what Azure Resource Manager calls it, `alert_type` what `SecurityAlert.Entities` does. `identifiers` are
    those that a rule maps, with Azure Resource Manager's name of each. Any of the sets in `strong` tells it from all
    others; what has none of them whole is never taken for the same as another.
    """

    name: str
    kind: str
    alert_type: str
    identifiers: Mapping[str, str]
    strong: tuple[frozenset[str], ...]

    def identifier(self, name: str) -> str | None:
        """The identifier of that name, whatever its case; None where there is none."""
        return next((i for i in self.identifiers if i.lower() == name.lower()), None)

    def is_strong(self, given: Iterable[str]) -> bool:
        """Whether these identifiers tell an entity from all others."""
        known = set(given)
        return any(wanted <= known for wanted in self.strong)


def _type(name: str, kind: str, alert_type: str, identifiers: str, strong: str) -> EntityType:
    named = {}
    for word in identifiers.split():
        identifier, _, property = word.partition("=")
        named[identifier] = property or _START.sub(lambda m: m[0].lower(), identifier, count=1)
    return EntityType(name, kind, alert_type, named, tuple(frozenset(s.split("+")) for s in strong.split()))


_TYPES = (
    _type(
        "Account",
        "Account",
        "account",
        "Name=accountName FullName NTDomain DnsDomain UPNSuffix Sid AadTenantId AadUserId PUID IsDomainJoined "
        "DisplayName ObjectGuid CloudAppAccountId IsAnonymized",
        "AadUserId Sid PUID ObjectGuid Name+UPNSuffix Name+NTDomain Name+DnsDomain",
    ),
    _type(
        "Host",
        "Host",
        "host",
        "HostName FullName NTDomain DnsDomain NetBiosName AzureID OMSAgentID OSFamily OSVersion IsDomainJoined",
        "AzureID OMSAgentID HostName+NTDomain HostName+DnsDomain NetBiosName+NTDomain NetBiosName+DnsDomain",
    ),
    _type("IP", "Ip", "ip", "Address AddressScope", "Address"),
    _type("URL", "Url", "url", "Url", "Url"),
    _type("AzureResource", "AzureResource", "azure-resource", "ResourceId", "ResourceId"),
    _type("CloudApplication", "CloudApplication", "cloud-application", "AppId Name=appName InstanceName", "AppId Name"),
    _type("DNS", "DnsResolution", "dns", "DomainName", "DomainName"),
    _type("File", "File", "file", "Directory Name=fileName", "Name+Directory"),
    _type("FileHash", "FileHash", "filehash", "Algorithm Value=hashValue", "Algorithm+Value"),
    _type("Malware", "Malware", "malware", "Name=malwareName Category", "Name+Category"),
    _type(
        "Process",
        "Process",
        "process",
        "ProcessId CommandLine ElevationToken CreationTimeUtc",
        "ProcessId+CommandLine+CreationTimeUtc",
    ),
    _type("RegistryKey", "RegistryKey", "registry-key", "Hive Key", "Hive+Key"),
    _type("RegistryValue", "RegistryValue", "registry-value", "Name=valueName Value=valueData ValueType", "Name+Value"),
    _type(
        "SecurityGroup",
        "SecurityGroup",
        "security-group",
        "DistinguishedName SID=sid ObjectGuid",
        "DistinguishedName SID ObjectGuid",
    ),
    _type(
        "IoTDevice",
        "IoTDevice",
        "iotdevice",
        "IoTHub=iotHub DeviceId DeviceName IoTSecurityAgentId=iotSecurityAgentId DeviceType Source SourceRef "
        "Manufacturer Model OperatingSystem IpAddress MacAddress Protocols SerialNumber",
        "IoTHub+DeviceId",
    ),
    _type(
        "Mailbox",
        "Mailbox",
        "mailbox",
        "MailboxPrimaryAddress DisplayName Upn ExternalDirectoryObjectId RiskLevel",
        "MailboxPrimaryAddress",
    ),
    _type(
        "MailCluster",
        "MailCluster",
        "mail-cluster",
        "NetworkMessageIds CountByDeliveryStatus CountByThreatType CountByProtectionStatus Threats Query QueryTime "
        "MailCount IsVolumeAnomaly Source ClusterSourceIdentifier ClusterSourceType ClusterQueryStartTime "
        "ClusterQueryEndTime ClusterGroup",
        "Query+Source",
    ),
    _type(
        "MailMessage",
        "MailMessage",
        "mail-message",
        "Recipient Urls Threats Sender P1Sender P1SenderDisplayName P1SenderDomain SenderIP P2Sender "
        "P2SenderDisplayName P2SenderDomain ReceivedDate NetworkMessageId InternetMessageId Subject "
        "BodyFingerprintBin1 BodyFingerprintBin2 BodyFingerprintBin3 BodyFingerprintBin4 BodyFingerprintBin5 "
        "AntispamDirection DeliveryAction DeliveryLocation Language ThreatDetectionMethods",
        "NetworkMessageId+Recipient",
    ),
    _type(
        "SubmissionMail",
        "SubmissionMail",
        "SubmissionMail",
        "NetworkMessageId Timestamp Recipient Sender SenderIp Subject ReportType SubmissionId SubmissionDate Submitter",
        "SubmissionId+NetworkMessageId+Recipient+Submitter",
    ),
)

ENTITY_TYPES: Mapping[str, EntityType] = {t.name: t for t in _TYPES}
"""Every type, by the name that rules use."""


def entity_type(name: str) -> EntityType | None:
    """The type of that name, whatever its case; None where there is none."""
    return next((t for t in _TYPES if t.name.lower() == name.lower()), None)
