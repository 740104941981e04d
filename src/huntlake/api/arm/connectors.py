"""What is the way it is: data connectors, rule templates, onboarding, and the list of operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from huntlake.api.arm.resource import SENTINEL, Place, Resource
from huntlake.api.arm.workspaces import Fixed, Shown

CONNECTORS = {
    "AzureActiveDirectory": ("SigninLogs", "AuditLogs", "AADNonInteractiveUserSignInLogs"),
    "Office365": ("OfficeActivity",),
    "AmazonWebServicesCloudTrail": ("AWSCloudTrail",),
    "MicrosoftThreatProtection": (
        "DeviceEvents",
        "DeviceFileEvents",
        "DeviceInfo",
        "DeviceLogonEvents",
        "DeviceNetworkEvents",
        "DeviceProcessEvents",
        "DeviceRegistryEvents",
        "EmailEvents",
    ),
    "ThreatIntelligence": ("ThreatIntelIndicators",),
}
"""The kinds of connectors that clients know, and the tables that each fills."""


def _connected(place: Place) -> Sequence[tuple[str, Any]]:
    """A connector for each kind whose tables have rows: nothing here says that it is on, and gets nothing."""
    filled = set(place.services.tables.with_data(place.here.name))
    found = []
    for kind, tables in CONNECTORS.items():
        if known := [t for t in tables if t in filled]:
            found.append((kind, (kind, known)))
    return found


def _connector(place: Place, connector: tuple[str, list[str]]) -> dict[str, Any]:
    kind, tables = connector
    return {
        "kind": kind,
        "properties": {
            "tenantId": place.services.tenant.id,
            "dataTypes": {table: {"state": "Enabled"} for table in tables},
        },
    }


def _state(_: Place, __: Any) -> dict[str, Any]:
    return {"properties": {"customerManagedKey": False}}


def _nothing(_: Place, __: Any) -> dict[str, Any]:
    return {"properties": {}}


def _operation(_: Place, name: str) -> dict[str, Any]:
    return {"display": {"provider": "Microsoft Security Insights", "operation": name}, "origin": "user"}


DATA_CONNECTORS: Resource[Any] = Resource(
    type="Microsoft.SecurityInsights/dataConnectors",
    path=f"{SENTINEL}/dataConnectors",
    form=Shown(_connector),
    store=lambda place: Fixed(lambda: _connected(place)),
)

TEMPLATES: Resource[Any] = Resource(
    type="Microsoft.SecurityInsights/alertRuleTemplates",
    path=f"{SENTINEL}/alertRuleTemplates",
    form=Shown(_nothing),
    store=lambda _: Fixed(list),
)

ONBOARDING: Resource[Any] = Resource(
    type="Microsoft.SecurityInsights/onboardingStates",
    path=f"{SENTINEL}/onboardingStates",
    form=Shown(_state),
    store=lambda _: Fixed(lambda: [("default", None)]),
)

OPERATIONS: Resource[Any] = Resource(
    type="Microsoft.SecurityInsights/operations",
    path="/providers/Microsoft.SecurityInsights/operations",
    form=Shown(_operation),
    store=lambda _: Fixed(
        lambda: [
            (name, name)
            for what in ("incidents", "alertRules", "bookmarks", "watchlists", "hunts")
            for name in (f"Microsoft.SecurityInsights/{what}/read", f"Microsoft.SecurityInsights/{what}/write")
        ]
    ),
    in_workspace=False,
)
