"""Sign-ins and directory audits, out of the lake's own tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from huntlake.api.odata.tables import Property
from huntlake.kql.types import ScalarType


@dataclass(frozen=True)
class LogEntity:
    """Entities that are rows of a table: what Graph calls them, and the KQL that computes their properties.

    `time` is the property by which they are sorted; those in `shown` make up the entity, in that order.
    """

    name: str
    type: str
    table: str
    time: str
    shown: Sequence[tuple[str, str]]
    filters: Mapping[str, Property]


def _text(kql: str) -> Property:
    return Property(kql)


# The catalogue has some of these columns as text, though they hold JSON; reading JSON twice changes nothing.
SIGN_INS = LogEntity(
    name="signIns",
    type="microsoft.graph.signIn",
    table="SigninLogs",
    time="createdDateTime",
    shown=(
        ("id", "Id"),
        ("createdDateTime", "TimeGenerated"),
        ("userDisplayName", "UserDisplayName"),
        ("userPrincipalName", "UserPrincipalName"),
        ("userId", "UserId"),
        ("appId", "AppId"),
        ("appDisplayName", "AppDisplayName"),
        ("ipAddress", "IPAddress"),
        ("clientAppUsed", "ClientAppUsed"),
        ("correlationId", "CorrelationId"),
        ("conditionalAccessStatus", "ConditionalAccessStatus"),
        ("isInteractive", "IsInteractive"),
        ("riskDetail", "RiskDetail"),
        ("riskLevelAggregated", "RiskLevelAggregated"),
        ("riskLevelDuringSignIn", "RiskLevelDuringSignIn"),
        ("riskState", "RiskState"),
        ("riskEventTypes_v2", "parse_json(RiskEventTypes_V2)"),
        ("resourceDisplayName", "ResourceDisplayName"),
        ("resourceTenantId", "ResourceTenantId"),
        ("homeTenantId", "HomeTenantId"),
        ("servicePrincipalId", "ServicePrincipalId"),
        ("servicePrincipalName", "ServicePrincipalName"),
        ("userAgent", "UserAgent"),
        (
            "status",
            'bag_pack("errorCode", toint(ResultType), "failureReason", ResultDescription, '
            '"additionalDetails", tostring(Status.additionalDetails))',
        ),
        (
            "deviceDetail",
            'bag_pack("deviceId", tostring(DeviceDetail.deviceId), "displayName", tostring(DeviceDetail.displayName), '
            '"operatingSystem", tostring(DeviceDetail.operatingSystem), "browser", tostring(DeviceDetail.browser), '
            '"isCompliant", tobool(DeviceDetail.isCompliant), "isManaged", tobool(DeviceDetail.isManaged), '
            '"trustType", tostring(DeviceDetail.trustType))',
        ),
        (
            "location",
            'bag_pack("city", tostring(LocationDetails.city), "state", tostring(LocationDetails.state), '
            '"countryOrRegion", iff(isempty(LocationDetails.countryOrRegion), Location, '
            'tostring(LocationDetails.countryOrRegion)), "geoCoordinates", LocationDetails.geoCoordinates)',
        ),
        ("appliedConditionalAccessPolicies", "ConditionalAccessPolicies"),
    ),
    filters={
        "id": _text("Id"),
        "createdDateTime": Property("TimeGenerated", ScalarType.DATETIME),
        "userDisplayName": _text("UserDisplayName"),
        "userPrincipalName": _text("UserPrincipalName"),
        "userId": _text("UserId"),
        "appId": _text("AppId"),
        "appDisplayName": _text("AppDisplayName"),
        "ipAddress": _text("IPAddress"),
        "clientAppUsed": _text("ClientAppUsed"),
        "correlationId": _text("CorrelationId"),
        "conditionalAccessStatus": _text("ConditionalAccessStatus"),
        "isInteractive": Property("IsInteractive", ScalarType.BOOL),
        "riskDetail": _text("RiskDetail"),
        "riskLevelAggregated": _text("RiskLevelAggregated"),
        "riskLevelDuringSignIn": _text("RiskLevelDuringSignIn"),
        "riskState": _text("RiskState"),
        "resourceDisplayName": _text("ResourceDisplayName"),
        "servicePrincipalId": _text("ServicePrincipalId"),
        "servicePrincipalName": _text("ServicePrincipalName"),
        "userAgent": _text("UserAgent"),
        "status/errorCode": Property("toint(ResultType)", ScalarType.INT),
        "status/failureReason": _text("ResultDescription"),
        "deviceDetail/deviceId": _text("tostring(DeviceDetail.deviceId)"),
        "deviceDetail/browser": _text("tostring(DeviceDetail.browser)"),
        "deviceDetail/operatingSystem": _text("tostring(DeviceDetail.operatingSystem)"),
        "location/city": _text("tostring(LocationDetails.city)"),
        "location/state": _text("tostring(LocationDetails.state)"),
        "location/countryOrRegion": _text(
            "iff(isempty(LocationDetails.countryOrRegion), Location, tostring(LocationDetails.countryOrRegion))"
        ),
    },
)

DIRECTORY_AUDITS = LogEntity(
    name="directoryAudits",
    type="microsoft.graph.directoryAudit",
    table="AuditLogs",
    time="activityDateTime",
    shown=(
        ("id", "Id"),
        ("activityDateTime", "coalesce(ActivityDateTime, TimeGenerated)"),
        ("activityDisplayName", "iff(isempty(ActivityDisplayName), OperationName, ActivityDisplayName)"),
        ("category", "Category"),
        ("correlationId", "CorrelationId"),
        ("loggedByService", "LoggedByService"),
        ("operationType", "AADOperationType"),
        ("result", "Result"),
        ("resultReason", "ResultReason"),
        ("initiatedBy", "InitiatedBy"),
        ("targetResources", "TargetResources"),
        ("additionalDetails", "AdditionalDetails"),
    ),
    filters={
        "id": _text("Id"),
        "activityDateTime": Property("coalesce(ActivityDateTime, TimeGenerated)", ScalarType.DATETIME),
        "activityDisplayName": _text("iff(isempty(ActivityDisplayName), OperationName, ActivityDisplayName)"),
        "category": _text("Category"),
        "correlationId": _text("CorrelationId"),
        "loggedByService": _text("LoggedByService"),
        "operationType": _text("AADOperationType"),
        "result": _text("Result"),
        "initiatedBy/user/id": _text("tostring(InitiatedBy.user.id)"),
        "initiatedBy/user/userPrincipalName": _text("tostring(InitiatedBy.user.userPrincipalName)"),
        "initiatedBy/user/displayName": _text("tostring(InitiatedBy.user.displayName)"),
        "initiatedBy/app/appId": _text("tostring(InitiatedBy.app.appId)"),
        "initiatedBy/app/displayName": _text("tostring(InitiatedBy.app.displayName)"),
    },
)
