"""Machines, as the lake's own tables of devices tell of them, and how actions on them are shown."""

from __future__ import annotations

from typing import Any

from huntlake.playbooks.machine_actions import MachineAction
from huntlake.state.documents import Document

EVENT_TABLES = (
    "DeviceEvents",
    "DeviceFileEvents",
    "DeviceImageLoadEvents",
    "DeviceLogonEvents",
    "DeviceNetworkEvents",
    "DeviceProcessEvents",
    "DeviceRegistryEvents",
)
"""A machine that no inventory names is known by its events."""

# `DeviceInfo` tells what a machine is; when it was seen, every table of devices does.
MACHINES = f"""
let seen = union DeviceInfo, {", ".join(EVENT_TABLES)}
    | where isnotempty(DeviceId)
    | summarize firstSeen = min(TimeGenerated), lastSeen = max(TimeGenerated), name = take_any(DeviceName) by DeviceId;
let known = DeviceInfo | where isnotempty(DeviceId) | summarize arg_max(TimeGenerated, *) by DeviceId;
let networks = DeviceNetworkInfo
    | where isnotempty(DeviceId)
    | summarize arg_max(TimeGenerated, IPAddresses, MacAddress, NetworkAdapterStatus) by DeviceId;
seen
| join kind=leftouter known on DeviceId
| join kind=leftouter networks on DeviceId
| project id = DeviceId,
    computerDnsName = iff(isempty(DeviceName), name, DeviceName),
    firstSeen, lastSeen,
    osPlatform = OSPlatform,
    osVersion = OSVersion,
    osProcessor = OSArchitecture,
    osArchitecture = OSArchitecture,
    version = OSVersionInfo,
    osBuild = OSBuild,
    lastIpAddress = tostring(IPAddresses[0].IPAddress),
    lastExternalIpAddress = PublicIP,
    agentVersion = ClientVersion,
    healthStatus = case(isempty(SensorHealthState), "Unknown", SensorHealthState),
    onboardingStatus = OnboardingStatus,
    rbacGroupName = MachineGroup,
    exposureLevel = iff(isempty(ExposureLevel), "None", ExposureLevel),
    deviceValue = iff(isempty(AssetValue), "Normal", AssetValue),
    aadDeviceId = AadDeviceId,
    isAadJoined = IsAzureADJoined,
    machineTags = coalesce(parse_json(DeviceManualTags), dynamic([])),
    ipAddresses = coalesce(IPAddresses, dynamic([]))
"""


def action_shown(document: Document[MachineAction]) -> dict[str, Any]:
    """An action."""
    action = document.value
    file = {"fileIdentifier": action.sha1, "fileIdentifierType": "Sha1"} if action.sha1 else None
    return {
        "id": document.name,
        "type": action.type,
        "title": None,
        "scope": action.scope or None,
        "requestor": action.requestor,
        "requestorComment": action.comment,
        "requestSource": action.source,
        "externalId": action.external_id or None,
        "status": action.status,
        "machineId": action.machine_id,
        "computerDnsName": action.computer_dns_name,
        "creationDateTimeUtc": action.created,
        "lastUpdateDateTimeUtc": action.updated,
        "cancellationRequestor": action.cancellation_requestor or None,
        "cancellationComment": action.cancellation_comment or None,
        "cancellationDateTimeUtc": action.cancelled,
        "errorHResult": action.error_code,
        "troubleshootInfo": action.decision_comment or None,
        "relatedFileInfo": file,
        "commands": [],
    }
