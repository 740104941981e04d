"""Exports of Microsoft's portals and interfaces, and AWS CloudTrail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from huntlake.workspace.evidence.records import (
    Context,
    Fields,
    Record,
    Row,
    first,
    moment,
    said,
    stamp,
    within,
    written,
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_DEVICE = (
    "DeviceProcessEvents",
    "DeviceNetworkEvents",
    "DeviceFileEvents",
    "DeviceRegistryEvents",
    "DeviceLogonEvents",
    "DeviceImageLoadEvents",
    "DeviceEvents",
    "DeviceFileCertificateInfo",
    "DeviceInfo",
    "DeviceNetworkInfo",
)
_DEFENDER = (
    *_DEVICE,
    "AlertInfo",
    "AlertEvidence",
    "CloudAppEvents",
    "EmailEvents",
    "EmailAttachmentInfo",
    "EmailUrlInfo",
    "EmailPostDeliveryEvents",
    "IdentityLogonEvents",
    "IdentityQueryEvents",
    "IdentityDirectoryEvents",
    "UrlClickEvents",
)


def is_workspace_export(fields: Fields, file: str) -> bool:
    """Rows as a workspace exports them say their own table."""
    table = fields.get("Type")
    told = any(n in fields for n in ("TimeGenerated", "TimeGenerated [UTC]"))
    return told and isinstance(table, str) and bool(_NAME.fullmatch(table))


def workspace_export(record: Record, context: Context) -> Iterator[Row]:
    table = str(record.fields["Type"])
    if context.columns(table) is None and not table.endswith("_CL"):
        raise ValueError(f"no table is named `{table}`")
    yield Row(table, said(record.fields))


def is_hunting_export(fields: Fields, file: str) -> bool:
    """Results of Defender's advanced hunting have a `Timestamp`, and the columns of one of its tables."""
    return "Timestamp" in fields and any(
        n in fields for n in ("DeviceId", "AccountObjectId", "NetworkMessageId", "AlertId", "ReportId")
    )


def hunting_export(record: Record, context: Context) -> Iterator[Row]:
    """The table is the one that has most of the columns, and the fewest besides; an action may decide between two."""
    # The result of a union has every column of its parts: those that say something count.
    names = {n.removesuffix(" [UTC]") for n in said(record.fields)}
    known = {table: context.columns(table) or {} for table in _DEFENDER}
    strange = {table: len(names - columns.keys()) for table, columns in known.items()}
    action = str(record.fields.get("ActionType") or "")
    meant = next((t for pattern, t in _ACTIONS if re.match(pattern, action)), "")
    table = min(_DEFENDER, key=lambda t: (strange[t], t != meant, len(known[t])))
    if strange[table] * 3 > len(names):
        raise ValueError("no table of Defender has these columns")
    yield _timed(Row(table, said(record.fields)), first(record.fields, "Timestamp", "Timestamp [UTC]"), context)


def is_device_timeline(fields: Fields, file: str) -> bool:
    return all(n in fields for n in ("Event Time", "Action Type", "Computer Name"))


def device_timeline(record: Record, context: Context) -> Iterator[Row]:
    """A device's timeline as the portal exports it: names of columns with spaces between their words."""
    fields = record.fields
    action = str(first(fields, "Action Type") or "")
    table = next((t for pattern, t in _ACTIONS if re.match(pattern, action)), "DeviceEvents")
    types = context.columns(table) or {}
    row: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in said(fields).items():
        column = _TIMELINE.get(name, name.replace(" ", ""))
        kind = types.get(column)
        if column in ("EventTime", "Timestamp"):
            continue
        if kind == "datetime":
            value = written(moment(value, context))
        elif kind in ("int", "long"):
            value = _whole(value)
        if kind is None or value is None:
            rest[name] = fields[name]
        else:
            row[column] = value
    if rest and "AdditionalFields" in types:
        row["AdditionalFields"] = rest | _bag(row.get("AdditionalFields"))
    yield _timed(Row(table, row), fields["Event Time"], context, stamped="Timestamp")


def is_sign_in(fields: Fields, file: str) -> bool:
    if "createdDateTime" in fields:
        return "userPrincipalName" in fields or "servicePrincipalName" in fields
    if "properties" in fields and str(fields.get("category", "")).endswith("SignInLogs"):
        return True
    return _portal_date(fields) is not None and "Request ID" in fields and "Status" in fields


def sign_in(record: Record, context: Context) -> Iterator[Row]:
    """Sign-ins: Microsoft Graph's objects, diagnostic settings' envelopes, or the rows of the portal's CSV."""
    fields = record.fields
    if "createdDateTime" in fields:
        kinds = fields.get("signInEventTypes")
        user = not isinstance(kinds, list) or "nonInteractiveUser" not in kinds
        table = "SigninLogs" if user else "AADNonInteractiveUserSignInLogs"
        yield _sign_in(fields, table, fields["createdDateTime"], context)
    elif "properties" in fields:
        properties = fields["properties"]
        inner = dict(properties) if isinstance(properties, Mapping) else {}
        tables = {"NonInteractiveUserSignInLogs": "AADNonInteractiveUserSignInLogs", "SignInLogs": "SigninLogs"}
        category = str(fields["category"])
        table = tables.get(category, f"AAD{category}")
        outer = {n: v for n, v in fields.items() if n not in ("properties", "time") and n not in inner}
        yield _sign_in(outer | inner, table, first(fields, "time") or inner.get("createdDateTime"), context)
    else:
        yield _portal_sign_in(fields, context)


def _sign_in(fields: Fields, table: str, when: Any, context: Context) -> Row:
    types = context.columns(table)
    if types is None:
        raise ValueError(f"no table is named `{table}`")
    row = _columns(fields, types)
    status = fields.get("status")
    if isinstance(status, Mapping):
        code = status.get("errorCode")
        row.setdefault("ResultType", None if code is None else str(code))
        row.setdefault("ResultDescription", status.get("failureReason"))
    country = within(fields, "location", "countryOrRegion")
    if isinstance(fields.get("location"), Mapping):
        row["LocationDetails"] = _typed(fields["location"], types["LocationDetails"])
        row["Location"] = country
    for column, names in (
        ("ConditionalAccessPolicies", ("appliedConditionalAccessPolicies",)),
        ("AppDisplayName", ("appDisplayName",)),
        ("Identity", ("userDisplayName", "servicePrincipalName")),
        ("IPAddress", ("ipAddress", "callerIpAddress")),
        ("RiskEventTypes_V2", ("riskEventTypes_v2",)),
    ):
        value = first(fields, *names)
        if column in types and row.get(column) in (None, "") and value is not None:
            row[column] = _typed(value, types[column])
    row.setdefault("OperationName", "Sign-in activity")
    row.setdefault("Category", "SignInLogs" if table == "SigninLogs" else table.removeprefix("AAD"))
    row.pop("AppliedConditionalAccessPolicies", None) if table == "SigninLogs" else None
    return _timed(Row(table, row), when, context)


def _portal_sign_in(fields: Fields, context: Context) -> Row:
    names = {
        "Id": ("Request ID",),
        "CorrelationId": ("Correlation ID",),
        "UserAgent": ("User agent",),
        "UserDisplayName": ("User",),
        "Identity": ("User",),
        "UserPrincipalName": ("Username",),
        "UserId": ("User ID",),
        "AppDisplayName": ("Application",),
        "AppId": ("Application ID",),
        "ResourceDisplayName": ("Resource",),
        "ResourceIdentity": ("Resource ID",),
        "IPAddress": ("IP address",),
        "ClientAppUsed": ("Client app",),
        "ConditionalAccessStatus": ("Conditional Access",),
        "AuthenticationRequirement": ("Authentication requirement",),
        "ResultDescription": ("Failure reason",),
        "TokenIssuerType": ("Token issuer type",),
        "UserType": ("User type",),
        "CrossTenantAccessType": ("Cross tenant access type",),
    }
    row = {column: first(fields, *told) for column, told in names.items()}
    code = first(fields, "Sign-in error code")
    ok = str(fields.get("Status")).lower() == "success"
    row["ResultType"] = str(code) if code not in (None, "None") else ("0" if ok else None)
    row["Status"] = said({"errorCode": _whole(row["ResultType"]), "failureReason": row["ResultDescription"]})
    row["Location"] = str(fields.get("Location") or "").rpartition(",")[2].strip()
    row["LocationDetails"] = said({"city": str(fields.get("Location") or "").partition(",")[0]})
    row["DeviceDetail"] = said(
        {
            "browser": first(fields, "Browser"),
            "operatingSystem": first(fields, "Operating System"),
            "deviceId": first(fields, "Device ID"),
        }
    )
    row["Category"], row["OperationName"] = "SignInLogs", "Sign-in activity"
    return _timed(Row("SigninLogs", said(row)), _portal_date(fields), context)


def is_directory_audit(fields: Fields, file: str) -> bool:
    if "activityDateTime" in fields and "activityDisplayName" in fields:
        return True
    if "LoggedByService" in fields and "ActivityDisplayName" in fields:
        return True
    if "properties" in fields and fields.get("category") == "AuditLogs":
        return True
    return _portal_date(fields) is not None and "Activity" in fields and "Service" in fields


def directory_audit(record: Record, context: Context) -> Iterator[Row]:
    """Changes in Entra ID: Microsoft Graph's objects, diagnostic settings' envelopes, or rows of the portal's CSV."""
    fields = record.fields
    types = context.columns("AuditLogs") or {}
    if any(n in fields for n in ("activityDateTime", "properties", "LoggedByService")):
        inner = fields.get("properties")
        merged = {**fields, **inner} if isinstance(inner, Mapping) else dict(fields)
        merged.pop("properties", None)
        # In results of queries it may be the type of what was changed.
        merged.pop("Type", None)
        row = _columns(merged, types)
        row.setdefault("OperationName", first(merged, "activityDisplayName"))
        row.setdefault("AADOperationType", first(merged, "operationType"))
        row["Category"] = first(inner if isinstance(inner, Mapping) else fields, "category", "Category")
        yield _timed(Row("AuditLogs", said(row)), first(merged, "activityDateTime", "time", "TimeGenerated"), context)
        return
    actor = said(
        {
            "id": first(fields, "ActorObjectId"),
            "userPrincipalName": first(fields, "ActorUserPrincipalName"),
            "displayName": first(fields, "ActorDisplayName"),
            "ipAddress": first(fields, "IPAddress"),
        }
    )
    kind = "app" if str(fields.get("ActorType")).lower() in ("application", "serviceprincipal") else "user"
    targets = [
        target
        for i in range(1, 4)
        if (
            target := said(
                {
                    "id": first(fields, f"Target{i}ObjectId"),
                    "displayName": first(fields, f"Target{i}DisplayName"),
                    "type": first(fields, f"Target{i}Type"),
                    "userPrincipalName": first(fields, f"Target{i}UserPrincipalName"),
                }
            )
        )
    ]
    row = {
        "CorrelationId": first(fields, "CorrelationId", "Correlation ID"),
        "LoggedByService": first(fields, "Service"),
        "Category": first(fields, "Category"),
        "OperationName": first(fields, "Activity"),
        "ActivityDisplayName": first(fields, "Activity"),
        "Result": first(fields, "Result"),
        "ResultReason": first(fields, "ResultReason", "Status reason"),
        "InitiatedBy": {kind: actor} if actor else None,
        "TargetResources": targets or None,
        "ActivityDateTime": written(moment(_portal_date(fields), context)),
    }
    yield _timed(Row("AuditLogs", said(row)), _portal_date(fields), context)


def is_unified_audit(fields: Fields, file: str) -> bool:
    whole = "Workload" in fields and "Operation" in fields and "CreationTime" in fields
    return whole or ("AuditData" in fields and any(n in fields for n in ("Operations", "Operation", "RecordType")))


def unified_audit(record: Record, context: Context) -> Iterator[Row]:
    """The Unified Audit Log: objects, or rows whose `AuditData` is such an object."""
    fields: Fields = record.fields
    if "AuditData" in fields:
        data = fields["AuditData"]
        try:
            fields = data if isinstance(data, Mapping) else orjson.loads(str(data))
        except ValueError as error:
            raise ValueError(f"AuditData is no JSON: {error}") from None
        if not isinstance(fields, Mapping):
            raise ValueError("AuditData is no object")
    types = context.columns("OfficeActivity") or {}
    spelled = {**{n.lower(): n for n in types}, **_OFFICE}
    row: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in said(fields).items():
        column = spelled.get(name.lower())
        if column is None or column in row or (types[column] in ("int", "long") and _whole(value) is None):
            rest[name] = value
        else:
            row[column] = _typed(value, types[column])
    if rest:
        row["ExtraProperties"] = rest
    # The log's own times are UTC, and written without a zone.
    when = stamp(fields.get("CreationTime"))
    utc = when.replace(tzinfo=UTC) if when and when.tzinfo is None else when
    if utc is None:
        context.notes.undated += 1
    yield Row("OfficeActivity", said({"TimeGenerated": written(utc), **row, "SourceSystem": "OfficeActivityManager"}))


def is_cloud_trail(fields: Fields, file: str) -> bool:
    return "eventSource" in fields and "eventName" in fields and ("awsRegion" in fields or "userIdentity" in fields)


def cloud_trail(record: Record, context: Context) -> Iterator[Row]:
    fields = record.fields
    who = fields.get("userIdentity") if isinstance(fields.get("userIdentity"), Mapping) else {}
    issuer = within(who, "sessionContext", "sessionIssuer") if isinstance(who, Mapping) else None
    session = within(who, "sessionContext", "attributes") if isinstance(who, Mapping) else None
    who = who if isinstance(who, Mapping) else {}
    issuer = issuer if isinstance(issuer, Mapping) else {}
    session = session if isinstance(session, Mapping) else {}
    mfa = session.get("mfaAuthenticated")
    tls = fields.get("tlsDetails") if isinstance(fields.get("tlsDetails"), Mapping) else {}
    row = {
        "AwsEventId": fields.get("eventID"),
        "AWSRegion": fields.get("awsRegion"),
        "AwsRequestId_": first(fields, "requestID", "requestId"),
        "AdditionalEventData": _json(fields.get("additionalEventData")),
        "APIVersion": fields.get("apiVersion"),
        "Category": fields.get("eventCategory"),
        "ErrorCode": fields.get("errorCode"),
        "ErrorMessage": fields.get("errorMessage"),
        "EventName": fields.get("eventName"),
        "EventSource": fields.get("eventSource"),
        "EventTypeName": fields.get("eventType"),
        "EventVersion": fields.get("eventVersion"),
        "ManagementEvent": _truth(fields.get("managementEvent")),
        "ReadOnly": _truth(fields.get("readOnly")),
        "RecipientAccountId": fields.get("recipientAccountId"),
        "RequestParameters": _json(fields.get("requestParameters")),
        "Resources": _json(fields.get("resources")),
        "ResponseElements": _json(fields.get("responseElements")),
        "ServiceEventDetails": _json(fields.get("serviceEventDetails")),
        "SharedEventId": fields.get("sharedEventID"),
        "SourceIpAddress": fields.get("sourceIPAddress"),
        "UserAgent": fields.get("userAgent"),
        "VpcEndpointId": fields.get("vpcEndpointId"),
        "UserIdentityAccessKeyId": who.get("accessKeyId"),
        "UserIdentityAccountId": who.get("accountId"),
        "UserIdentityArn": who.get("arn"),
        "UserIdentityInvokedBy": who.get("invokedBy"),
        "UserIdentityPrincipalid": who.get("principalId"),
        "UserIdentityType": who.get("type"),
        "UserIdentityUserName": who.get("userName"),
        "SessionCreationDate": written(moment(session.get("creationDate"), context)),
        "SessionMfaAuthenticated": _truth(mfa),
        "SessionIssuerAccountId": issuer.get("accountId"),
        "SessionIssuerArn": issuer.get("arn"),
        "SessionIssuerPrincipalId": issuer.get("principalId"),
        "SessionIssuerType": issuer.get("type"),
        "SessionIssuerUserName": issuer.get("userName"),
        "TlsVersion": within(tls or {}, "tlsVersion"),
        "CipherSuite": within(tls or {}, "cipherSuite"),
        "ClientProvidedHostHeader": within(tls or {}, "clientProvidedHostHeader"),
        "SourceSystem": "Evidence",
    }
    yield _timed(Row("AWSCloudTrail", said(row)), first(fields, "eventTime", "@timestamp"), context)


def _columns(fields: Fields, types: Mapping[str, str]) -> dict[str, Any]:
    """The fields that are columns but for their case, in the columns' types."""
    spelled = {n.lower(): n for n in types}
    return {
        column: _typed(value, types[column])
        for name, value in said(fields).items()
        if (column := spelled.get(name.lower())) and (types[column] not in ("int", "long") or _whole(value) is not None)
    }


def _typed(value: Any, type: str) -> Any:
    if type in ("int", "long"):
        return _whole(value)
    if type == "string" and isinstance(value, Mapping | list):
        return _json(value)
    if type == "datetime":
        time = stamp(value)
        return written(time.replace(tzinfo=time.tzinfo or UTC)) if time else None
    return value


def _timed(row: Row, when: Any, context: Context, *, stamped: str = "") -> Row:
    time: datetime | None = moment(when, context)
    if time is None:
        context.notes.undated += 1
    at = written(time)
    if row.table in _DEFENDER:
        stamped = "Timestamp"
    fields = {n: v for n, v in row.fields.items() if not n.startswith(("TimeGenerated", "Timestamp"))}
    return Row(row.table, said({"TimeGenerated": at, **({stamped: at} if stamped else {}), **fields}))


def _portal_date(fields: Fields) -> Any:
    """The portal says in the name of its column that its times are UTC."""
    value = first(fields, "Date (UTC)", "Creation time (UTC)")
    time = stamp(value)
    return None if time is None else time.replace(tzinfo=time.tzinfo or UTC).isoformat()


def _json(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())


def _whole(value: Any) -> int | None:
    try:
        number = int(value) if isinstance(value, int) else int(str(value), 0)
    except ValueError:
        return None
    return number if -(2**63) <= number < 2**63 else None


def _bag(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except ValueError:
            return {"AdditionalFields": value}
    return dict(value) if isinstance(value, Mapping) else {}


_ACTIONS = (
    (r"ProcessCreated|OpenProcess$", "DeviceProcessEvents"),
    (
        r"Connection|InboundConnection|ListeningConnection|NetworkSignature|SslConnection|HttpConnection",
        "DeviceNetworkEvents",
    ),
    (r"FileCreated|FileModified|FileRenamed|FileDeleted", "DeviceFileEvents"),
    (r"Registry(Key|Value)", "DeviceRegistryEvents"),
    (r"Logon(Success|Failed|Attempted)|LogonSuccess", "DeviceLogonEvents"),
    (r"ImageLoaded", "DeviceImageLoadEvents"),
)
"""The table that keeps an action; what is not here is in `DeviceEvents`."""

_TIMELINE = {
    "Machine Id": "DeviceId",
    "Computer Name": "DeviceName",
    "Sha1": "SHA1",
    "Sha256": "SHA256",
    "Process Command line": "ProcessCommandLine",
    "Account Sid": "AccountSid",
    "Remote IP": "RemoteIP",
    "Remote Computer Name": "RemoteDeviceName",
    "Remote Url": "RemoteUrl",
    "Remote Port": "RemotePort",
    "Local IP": "LocalIP",
    "Local Port": "LocalPort",
    "Initiating Process SHA1": "InitiatingProcessSHA1",
    "Initiating Process SHA256": "InitiatingProcessSHA256",
    "Initiating Process MD5": "InitiatingProcessMD5",
    "Initiating Process Image File Path": "InitiatingProcessFolderPath",
    "Initiating Process Command Line": "InitiatingProcessCommandLine",
    "Initiating Process Parent Name": "InitiatingProcessParentFileName",
    "Initiating Process Account Domain": "InitiatingProcessAccountDomain",
    "Initiating Process Account Name": "InitiatingProcessAccountName",
    "Additional Fields": "AdditionalFields",
    "Report Id": "ReportId",
}
_OFFICE = {
    "workload": "OfficeWorkload",
    "objectid": "OfficeObjectId",
    "id": "OfficeId",
    "organizationid": "OrganizationId",
    "clientipaddress": "Client_IPAddress",
    "siteurl": "Site_Url",
    "site": "Site_",
    "logontype": "Logon_Type",
    "creationtime": "Start_Time",
    "eventdata": "Event_Data",
}
