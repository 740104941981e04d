"""What clouds and their directories tell: AWS, Azure, Entra, Microsoft 365, Google."""

from __future__ import annotations

from huntlake.detection.sigma.sources.log_source import Elements, Known, LogSource, named

_CLOUD_TRAIL = LogSource(
    "AWSCloudTrail",
    "",
    named(
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
    named(
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
    named(
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
    named(
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
    named(ObjectId="OfficeObjectId", Workload="OfficeWorkload", RequestType="tostring(ExtraProperties.RequestType)"),
    by_name=True,
    keywords=("Operation", "Parameters", "tostring(ExtraProperties)"),
    entities=(("Account", {"FullName": "UserId"}), ("IP", {"Address": "ClientIP"})),
    shown=("UserId", "ClientIP", "OfficeWorkload", "Operation", "OfficeObjectId", "Parameters", "ResultStatus"),
)
_GCP = LogSource(
    "GCPAuditLogs",
    "",
    named(
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
        named(
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


KNOWN: Known = {
    ("aws", "", "cloudtrail"): (_CLOUD_TRAIL,),
    ("azure", "", "auditlogs"): (_DIRECTORY_AUDIT,),
    ("azure", "", "signinlogs"): (_SIGN_INS,),
    ("azure", "", "riskdetection"): (_RISKS,),
    ("azure", "", "activitylogs"): (_ACTIVITY,),
    ("m365", "", "audit"): (_OFFICE,),
    ("gcp", "", "gcp.audit"): (_GCP,),
    ("gcp", "", "google_workspace.admin"): (_workspace_reports("admin"),),
    ("gcp", "", "google_workspace.login"): (_workspace_reports("login"),),
}
