"""Machines, out of the lake's own tables, and what is done to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from huntlake.api.arm.wire import Part
from huntlake.api.odata.tables import Property
from huntlake.kql.types import ScalarType
from huntlake.playbooks.machine_actions import ActionType, MachineAction

FILTERS: Mapping[str, Property] = {
    name: Property(name)
    for name in (
        "id computerDnsName osPlatform osVersion osProcessor osArchitecture version lastIpAddress "
        "lastExternalIpAddress agentVersion healthStatus onboardingStatus rbacGroupName exposureLevel deviceValue "
        "aadDeviceId"
    ).split()
} | {
    "firstSeen": Property("firstSeen", ScalarType.DATETIME),
    "lastSeen": Property("lastSeen", ScalarType.DATETIME),
    "osBuild": Property("osBuild", ScalarType.LONG),
    "isAadJoined": Property("isAadJoined", ScalarType.BOOL),
}


class Why(Part):
    """Why something is asked for."""

    comment: str = Field(min_length=1, max_length=4000)
    external_id: str | None = Field(None, max_length=200, alias="externalID")


class Isolation(Why):
    """How a machine is parted from the network."""

    isolation_type: str = Field("Full", pattern="^(Full|Selective|UnManagedDevice)$")


class Scan(Why):
    """How a machine is scanned."""

    scan_type: str = Field(pattern="^(Quick|Full)$")


class Quarantine(Why):
    """Which file is stopped and put away."""

    sha1: str = Field(pattern="^[0-9a-fA-F]{40}$")


@dataclass(frozen=True)
class Kind:
    """An action: its type, and what a body says about it."""

    action: ActionType
    body: type[Why] = Why


KINDS: Mapping[str, Kind] = {
    "isolate": Kind(ActionType.ISOLATE, Isolation),
    "unisolate": Kind(ActionType.UNISOLATE),
    "runAntiVirusScan": Kind(ActionType.SCAN, Scan),
    "collectInvestigationPackage": Kind(ActionType.COLLECT),
    "restrictCodeExecution": Kind(ActionType.RESTRICT),
    "unrestrictCodeExecution": Kind(ActionType.UNRESTRICT),
    "StopAndQuarantineFile": Kind(ActionType.QUARANTINE, Quarantine),
    "offboard": Kind(ActionType.OFFBOARD),
}
"""What can be asked for, by the last part of the path."""


def asked_for(kind: Kind, machine: Mapping[str, Any], why: Why, requestor: str) -> MachineAction:
    """The action that a body asks for."""
    scope = why.isolation_type if isinstance(why, Isolation) else why.scan_type if isinstance(why, Scan) else ""
    return MachineAction(
        type=kind.action,
        machine_id=machine["id"],
        computer_dns_name=machine["computerDnsName"],
        requestor=requestor,
        comment=why.comment,
        scope=scope,
        external_id=why.external_id or "",
        sha1=why.sha1 if isinstance(why, Quarantine) else "",
    )
