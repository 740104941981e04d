"""Sentinel's settings: four switches that clients look for. Nothing here acts on them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from huntlake.core.clock import Clock
from huntlake.state.documents import Shelf
from huntlake.state.records import Records


class SettingKind(StrEnum):
    """A switch; its setting has the same name."""

    ANOMALIES = "Anomalies"
    EYES_ON = "EyesOn"
    ENTITY_ANALYTICS = "EntityAnalytics"
    UEBA = "Ueba"


class EntityProvider(StrEnum):
    """Where entities may be looked up."""

    ACTIVE_DIRECTORY = "ActiveDirectory"
    AZURE_ACTIVE_DIRECTORY = "AzureActiveDirectory"


class UebaSource(StrEnum):
    """Tables that behaviour is learned from."""

    AUDIT_LOGS = "AuditLogs"
    AZURE_ACTIVITY = "AzureActivity"
    SECURITY_EVENT = "SecurityEvent"
    SIGNIN_LOGS = "SigninLogs"


@dataclass(frozen=True, slots=True)
class ProductSetting:
    """A switch that is on: a workspace has none that is off."""

    kind: SettingKind
    entity_providers: tuple[EntityProvider, ...] | None = None
    data_sources: tuple[UebaSource, ...] | None = None


def product_settings(shelf: Shelf, clock: Clock) -> Records[ProductSetting]:
    """The settings, by workspace."""
    return Records(shelf, clock, "settings of the product", ProductSetting)
